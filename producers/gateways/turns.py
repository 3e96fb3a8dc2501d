"""A call that changes something, made in its turn within the venue's limits."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

from producers.gateways.limits import TOO_MANY_REQUESTS, LimitError, Limits
from producers.gateways.outcomes import Outcome
from producers.rest import RestAnswer

__all__ = ["InTurn", "is_too_many"]

# How often a call that the venue would not count in is made again.
AGAIN_MOST = 3


def is_too_many(answer: RestAnswer) -> bool:
    """Tell whether a venue refused a call for its rate: by HTTP's own status."""
    return answer.status == TOO_MANY_REQUESTS


class InTurn:
    """Waits for a call's turn on entering; an async context manager.

    All turns of the call together are waited for at most `timeout_s`. `passes` tells whether an answer
    refuses the call for its rate alone, so that it may be made again in a later turn.

    Raises on entering:
        LimitError: the turn would come, or came, too late. Nothing was sent.
    """

    def __init__(
        self,
        limits: Limits,
        method: str,
        *,
        urgent: bool,
        timeout_s: float,
        passes: Callable[[RestAnswer], bool] = is_too_many,
    ) -> None:
        self._limits = limits
        self._method = method
        self._urgent = urgent
        self._timeout_s = timeout_s
        self._passes = passes
        self._deadline = 0.0
        self._first = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._deadline = asyncio.get_running_loop().time() + self._timeout_s
        await self._first.enter_async_context(self._turn())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._first.aclose()

    def _turn(self) -> AbstractAsyncContextManager[float]:
        left_s = max(0, self._deadline - asyncio.get_running_loop().time())
        return self._limits.turn(self._method, urgent=self._urgent, timeout_s=left_s)

    async def call(self, make: Callable[[], Awaitable[RestAnswer | Outcome]]) -> RestAnswer | Outcome:
        """Make the call, and again in a new turn if the venue refused it for its limits: so it did nothing.

        A turn ends with its call, whatever is asked about it after.
        """
        async with self._first.pop_all():
            answer = await self._learned(make)
        for _ in range(AGAIN_MOST):
            if not isinstance(answer, RestAnswer) or not self._passes(answer):
                break
            try:
                async with self._turn():
                    answer = await self._learned(make)
            except LimitError:
                break
        return answer

    async def _learned(self, make: Callable[[], Awaitable[RestAnswer | Outcome]]) -> RestAnswer | Outcome:
        answer = await make()
        if isinstance(answer, RestAnswer):
            self._limits.learn(self._method, answer.headers, answer.status)
        return answer
