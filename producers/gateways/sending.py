"""How a request goes to a venue over REST: in its turn, journaled, once; and how its outcome is found out after."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay, wait_exponential_jitter

from dropcopy.errors import DropcopyError
from dropcopy.logs import get_logger
from producers.gateways.entry import Settle, call_once, enter
from producers.gateways.journal import Journal
from producers.gateways.limits import Limits
from producers.gateways.outcomes import Accepted, Outcome, Rejected, Unknown
from producers.gateways.records import OrderRequest
from producers.gateways.settings import GatewaySettings
from producers.gateways.turns import InTurn, is_too_many
from producers.refusals import RefusalError
from producers.rest import RestAnswer, RestClient

__all__ = ["Call", "Sender", "if_accepted", "refused", "seek"]

_log = get_logger(__name__)

Found = TypeVar("Found")


class Call(NamedTuple):
    """A call that changes something: what is sent, and how its answer is read.

    `name` is that of the call among the venue's limits.
    """

    name: str
    method: str
    path: str
    body: bytes
    read: Callable[[str, RestAnswer], Outcome]
    urgent: bool = False

    def text(self) -> str:
        """Return what is sent as one text, without the headers, which hold what is secret."""
        return f"{self.method} {self.path} {self.body.decode()}".rstrip()

    def outcome(self, request_id: str, answer: RestAnswer) -> Outcome:
        """Return what an answer means; of JSON that is nested deeper than any decoder goes, that nobody knows."""
        try:
            return self.read(request_id, answer)
        except RecursionError:
            text = f"the venue answered {answer.status} with what can't be read: {answer.body[:200]!r}"
            return Unknown(order_request_id=request_id, code="UNREADABLE_ANSWER", text=text)


def no_headers(call: Call) -> Mapping[str, str]:
    """Return the headers of a call that needs none of its own."""
    return {}


def if_accepted(outcome: Outcome) -> Outcome | None:
    """Return the outcome of a repeated call if it says anything: it may be refused for the first having been done."""
    return outcome if isinstance(outcome, Accepted) else None


def refused(request_id: str, refusal: RefusalError, *, tracking_id: str | None = None) -> Outcome:
    """Return what a refusal means: that the request came to nothing, or that nobody knows."""
    kind = Rejected if refusal.sure else Unknown
    return kind(
        order_request_id=request_id,
        code=refusal.code,
        text=refusal.text,
        tracking_id=tracking_id,
        retry_is_safe=refusal.retry_is_safe,
        advice=refusal.advice,
    )


async def seek(
    ask: Callable[[], Awaitable[Found]], is_missing: Callable[[BaseException], bool], limit_s: float
) -> Found:
    """Return what is asked for, asking again while it is missing: it may still be on its way."""
    tries = AsyncRetrying(
        retry=retry_if_exception(is_missing),
        stop=stop_before_delay(limit_s),
        wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.1),
        reraise=True,
    )
    found: Found = await tries(ask)
    return found


class Sender:
    """Sends the requests of one venue and journals them; the journal and the client's connections are its owner's.

    `headers` are asked for at each try of a call, for a signature may hold the time; `passes` tells whether
    an answer refuses a call for its rate alone.
    """

    def __init__(
        self,
        venue: str,
        journal: Journal,
        client: RestClient,
        limits: Limits,
        gateway: GatewaySettings,
        *,
        headers: Callable[[Call], Mapping[str, str]] = no_headers,
        passes: Callable[[RestAnswer], bool] = is_too_many,
    ) -> None:
        self._venue = venue
        self._journal = journal
        self._client = client
        self._limits = limits
        self._gateway = gateway
        self._headers = headers
        self._passes = passes
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def finish(self) -> None:
        """Wait until the outcome of every request that is on its way is journaled; each has its own time-outs."""
        await self._idle.wait()

    async def send(self, request: OrderRequest, call: Call, settle: Settle | None = None) -> Outcome:
        """Send a request, and return what came of it; `settle` finds it out where its call told nothing.

        Raises:
            LimitError: there was no turn in time; nothing was journaled or sent.
            ClusterError: its intent could not be journaled; nothing was sent.
        """
        self._in_flight += 1
        self._idle.clear()
        try:
            return await self._send(request, call, settle)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _send(self, request: OrderRequest, call: Call, settle: Settle | None) -> Outcome:
        request_id = request.order_request_id
        timeout_s = self._gateway.order_turn_timeout_s
        in_turn = InTurn(self._limits, call.name, urgent=call.urgent, timeout_s=timeout_s, passes=self._passes)

        def make() -> Awaitable[RestAnswer | Outcome]:
            return call_once(
                self._client,
                call.path,
                call.body,
                request_id,
                self._gateway,
                method=call.method,
                headers=lambda: self._headers(call),
            )

        async def send() -> Outcome:
            answer = await in_turn.call(make)
            return call.outcome(request_id, answer) if isinstance(answer, RestAnswer) else answer

        # The turn comes first: what waits for one is not yet asked for.
        async with in_turn:
            settling = self._settling(request, settle)
            return await enter(self._venue, request, call.text(), self._journal, send, settling)

    def _settling(self, request: OrderRequest, settle: Settle | None) -> Settle | None:
        if settle is None or not self._gateway.order_settle_timeout_s:
            return None

        async def settling() -> Outcome | None:
            try:
                return await settle()
            except DropcopyError as error:
                _log.warning("outcome_not_settled", order_request_id=request.order_request_id, reason=error.message)
                return None

        return settling

    def repeating(
        self, request: OrderRequest, call: Call, means: Callable[[Outcome], Outcome | None] = if_accepted
    ) -> Settle:
        """Return what makes a call again that does no harm twice; `means` is what its outcome then says."""

        async def repeat() -> Outcome | None:
            timeout_s = self._gateway.order_settle_timeout_s
            async with self._limits.turn(call.name, urgent=call.urgent, timeout_s=timeout_s):
                answer = await self._client.request(
                    call.method, call.path, call.body, headers=self._headers(call), timeout_s=timeout_s
                )
                self._limits.learn(call.name, answer.headers, answer.status)
            return means(call.outcome(request.order_request_id, answer))

        return repeat
