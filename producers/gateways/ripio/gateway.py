"""Order entry at Ripio over REST, journaled.

    async with RipioGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument="BTC_BRL", …))

A request's id goes as the order's `external_id`, by which the venue's stream and lists tell it. The documents do
not say that the venue refuses one used before: a call that may have reached it is never made again, but the
order asked for.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay, wait_exponential_jitter

from dropcopy.errors import DropcopyError
from dropcopy.logs import get_logger
from dropcopy.settings import Settings
from producers.gateways.entry import Settle, call_once, enter
from producers.gateways.journal import Journal
from producers.gateways.orders import Accepted, AmendOrder, CancelOrder, NewOrder, Outcome, Rejected
from producers.gateways.records import OrderRequest
from producers.gateways.ripio import requests
from producers.gateways.ripio.answers import ALREADY_CANCELED, read_answer, read_change_answer, read_state
from producers.gateways.ripio.queries import RipioQueries
from producers.gateways.ripio.states import OrderState, read_order
from producers.gateways.settings import GatewaySettings
from producers.gateways.turns import InTurn
from producers.rest import RestAnswer
from producers.venues.ripio import VenueSettings
from producers.venues.ripio.errors import ORDER_NOT_FOUND, RipioError

__all__ = ["RipioGateway"]

_log = get_logger(__name__)

VENUE = "ripio"


class _Call(NamedTuple):
    """A call by its name in the documents, what it is told, and how its answer is read."""

    name: str
    method: str
    path: str
    body: bytes
    read: Callable[[str, RestAnswer], Outcome]
    urgent: bool = False


class RipioGateway(RipioQueries):
    """Sends requests to Ripio and journals them; an async context manager, and all that queries are.

    Settings that are not given are read from the environment. Any number of requests can be under way
    at once. Each method that sends one returns its outcome, a refusal or an unknown one too, and raises:
        UsageError: the request can't be said to this venue, or (a `LimitError`) the venue's limits leave it no
            turn in time; nothing was journaled or sent.
        ClusterError: its intent could not be journaled; nothing was sent.

    Raises on entering:
        SettingsError: a setting is missing or can't be used.
        ClusterError: Kafka or the registry is not there (with `DROPCOPY_JOURNAL=required`).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        venue: VenueSettings | None = None,
        gateway: GatewaySettings | None = None,
    ) -> None:
        super().__init__(venue, gateway)
        self._journal = Journal(settings or Settings.load(), self._gateway)

    async def _enter(self, opening: AsyncExitStack) -> None:
        await super()._enter(opening)
        await opening.enter_async_context(self._journal)

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send an order of any type; stop orders are orders like any other here."""
        call = _Call("CreateOrder", "POST", "orders", requests.new_order_body(order), read_answer)
        return await self._send(order, call, self._finding(order))

    async def amend_order(self, amend: AmendOrder) -> Outcome:
        """Change the price or the amount of an order, which keeps its ids.

        The venue wants its own id: of an order that is named by its request id alone it is asked for before.
        The stream may not tell of the change (Ripio, PUT /orders): the journal and the next reconciliation do.

        Raises:
            VenueError, CallError: the order's id could not be asked for; nothing was journaled or sent.
        """
        venue_order_id = amend.orig_venue_order_id
        if venue_order_id is None:
            named = await self.get_order_state(amend.account, order_request_id=amend.orig_order_request_id)
            venue_order_id = named.venue_order_id
        body = requests.amend_order_body(amend, venue_order_id)
        call = _Call("UpdateOrder", "PUT", "orders", body, read_change_answer)
        return await self._send(amend, call, self._repeating(amend, call))

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of an order. Accepted means that the venue took the cancel."""
        path, body = requests.cancel_order_call(cancel)
        call = _Call("CancelOrder", "DELETE", path, body, read_change_answer, urgent=True)
        return await self._send(cancel, call, self._repeating(cancel, call))

    async def _send(self, request: OrderRequest, call: _Call, settle: Settle) -> Outcome:
        request_id = request.order_request_id
        timeout_s = self._gateway.order_turn_timeout_s
        in_turn = InTurn(self._limits, call.name, urgent=call.urgent, timeout_s=timeout_s)

        def make() -> Awaitable[RestAnswer | Outcome]:
            return call_once(
                self._client,
                call.path,
                call.body,
                request_id,
                self._gateway,
                method=call.method,
                headers=lambda: self._signed(call),
            )

        async def send() -> Outcome:
            answer = await in_turn.call(make)
            return call.read(request_id, answer) if isinstance(answer, RestAnswer) else answer

        # The turn comes first: what waits for one is not yet asked for.
        async with in_turn:
            return await enter(VENUE, request, self._journal, send, self._settling(request, settle))

    def _signed(self, call: _Call) -> dict[str, str]:
        return self._signer.headers(call.method, call.path, call.body, time.time_ns())

    def _settling(self, request: OrderRequest, settle: Settle) -> Settle | None:
        async def settling() -> Outcome | None:
            try:
                return await settle()
            except DropcopyError as error:
                _log.warning("outcome_not_settled", order_request_id=request.order_request_id, reason=error.message)
                return None

        return settling if self._gateway.order_settle_timeout_s else None

    def _repeating(self, request: OrderRequest, call: _Call) -> Settle:
        """Return what makes a call again that does no harm twice: a cancel or an amend.

        Only that the venue takes it then says anything, and of a cancel that the order is canceled.
        """

        async def repeat() -> Outcome | None:
            timeout_s = self._gateway.order_settle_timeout_s
            async with self._limits.turn(call.name, urgent=call.urgent, timeout_s=timeout_s):
                answer = await self._client.request(
                    call.method, call.path, call.body, headers=self._signed(call), timeout_s=timeout_s
                )
                self._limits.learn(call.name, answer.headers, answer.status)
            outcome = call.read(request.order_request_id, answer)
            if isinstance(outcome, Rejected) and outcome.code == ALREADY_CANCELED and isinstance(request, CancelOrder):
                return Accepted(order_request_id=request.order_request_id)
            return outcome if isinstance(outcome, Accepted) else None

        return repeat

    def _finding(self, order: NewOrder) -> Settle:
        """Return what finds out whether there is an order under a request's id."""
        return lambda: self._find(order.order_request_id, self._gateway.order_settle_timeout_s)

    async def _find(self, request_id: str, timeout_s: float) -> Outcome:
        deadline_s = time.monotonic() + timeout_s
        path = requests.order_path(None, request_id)
        # An order that is not found may still be on its way: no proof that there is none.
        tries = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, RipioError) and error.code == ORDER_NOT_FOUND),
            stop=stop_before_delay(timeout_s),
            wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.1),
            reraise=True,
        )

        async def find() -> OrderState:
            left_s = deadline_s - time.monotonic()
            return await self._ask("GetOrderByExternalId", path, read_order, timeout_s=left_s)

        return read_state(request_id, await tries(find))
