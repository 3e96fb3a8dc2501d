"""How a venue is asked over REST: within its limits, again where a try failed in passing, until the time runs out."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay, wait_exponential_jitter

from dropcopy.errors import VenueError
from producers.gateways.limits import LimitError, Limits
from producers.gateways.settings import GatewaySettings
from producers.refusals import RefusalError
from producers.rest import CallError, RestAnswer, RestClient

__all__ = ["RestQueries"]

# What a query may yet do with the time that it has left.
LEAST_S = 0.05


class RestQueries(ABC):
    """Asks one venue; an async context manager, which opens and closes the connections of `client`.

    No query changes anything, so one that fails in passing may be made again.
    """

    def __init__(self, client: RestClient, limits: Limits, gateway: GatewaySettings) -> None:
        self._client = client
        self._limits = limits
        self._gateway = gateway
        self._open = AsyncExitStack()

    @abstractmethod
    def _refusal(self, answer: RestAnswer) -> RefusalError:
        """Return what an answer says that is not 200."""

    def _passes(self, refusal: RefusalError) -> bool:
        """Tell whether a query that was refused so may be made again: it is safe to repeat where an order is not."""
        return refusal.retry_is_safe or not refusal.sure

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await self._enter(opening)
            self._open = opening.pop_all()
        return self

    async def _enter(self, opening: AsyncExitStack) -> None:
        await opening.enter_async_context(self._client)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def _answer(
        self, name: str, call: Callable[[float], Awaitable[RestAnswer]], timeout_s: float | None = None
    ) -> RestAnswer:
        """Return the answer to a query. `call` makes it once, within the seconds that it is given.

        `name` is that of the call among the venue's limits; `timeout_s` is by default the settings'.

        Raises:
            LimitError: there is no turn within the limits in time.
            RefusalError: the venue refused.
            CallError: no answer came in time.
        """
        limit_s = self._gateway.query_timeout_s if timeout_s is None else timeout_s
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        tries = AsyncRetrying(
            retry=retry_if_exception(self._may_pass),
            stop=stop_before_delay(limit_s),
            wait=wait_exponential_jitter(multiplier=0.1, max=2, jitter=0.1),
            reraise=True,
        )

        async def ask() -> RestAnswer:
            async with self._limits.turn(name, timeout_s=max(0, deadline - loop.time())):
                answer = await call(min(self._gateway.order_timeout_s, max(LEAST_S, deadline - loop.time())))
                self._limits.learn(name, answer.headers, answer.status)
            if answer.status != 200:
                raise self._refused(answer)
            return answer

        answer: RestAnswer = await tries(ask)
        return answer

    def _refused(self, answer: RestAnswer) -> VenueError:
        try:
            return self._refusal(answer)
        except RecursionError:
            return VenueError(f"the venue answered {answer.status} with JSON that is nested without end")

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, LimitError):
            return False
        return isinstance(error, CallError) or (isinstance(error, RefusalError) and self._passes(error))
