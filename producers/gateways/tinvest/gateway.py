"""Order entry at T-Invest over REST, journaled.

    async with TInvestGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument=…, …))

PostOrder answers when the exchange has spoken, PostOrderAsync when the broker has checked the order;
what becomes of it then is on the order-state stream (T-Invest, Orders; Asynchronous orders).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay, wait_exponential_jitter

from dropcopy.errors import DropcopyError
from dropcopy.logs import get_logger
from dropcopy.settings import Settings
from producers.gateways.entry import Settle, call_once, enter
from producers.gateways.journal import Journal
from producers.gateways.orders import Accepted, CancelOrder, CancelStopOrder, NewOrder, Outcome, ReplaceOrder
from producers.gateways.records import OrderRequest
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.tinvest import requests
from producers.gateways.tinvest.answers import read_answer, read_cancel_answer, read_state, read_stop_answer
from producers.gateways.tinvest.queries import CONTRACT, TInvestQueries
from producers.gateways.tinvest.states import OrderState
from producers.gateways.tinvest_errors import TInvestError, is_rate_limited
from producers.gateways.turns import InTurn
from producers.rest import RestAnswer
from producers.venues.tinvest import VenueSettings

__all__ = ["TInvestGateway"]

_log = get_logger(__name__)

VENUE = "tinvest"
ORDER_NOT_FOUND = "50005"


class _Call(NamedTuple):
    """A method, what it is told, and how its answer is read."""

    method: str
    body: bytes
    read: Callable[[str, RestAnswer], Outcome]
    urgent: bool = False

    @property
    def path(self) -> str:
        return f"{CONTRACT}.{self.method}"


class TInvestGateway(TInvestQueries):
    """Sends requests to T-Invest and journals them; an async context manager, and all that queries are.

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
        """Send an order, and wait for what the exchange says."""
        body = requests.post_order_body(order)
        call = _Call("OrdersService/PostOrder", body, read_answer)
        return await self._send(order, call, self._finding(order))

    async def post_order_async(self, order: NewOrder) -> Outcome:
        """Send an order, and wait only until the broker has checked it."""
        body = requests.post_order_body(order)
        call = _Call("OrdersService/PostOrderAsync", body, read_answer)
        return await self._send(order, call, self._finding(order))

    async def replace_order(self, replace: ReplaceOrder) -> Outcome:
        """Cancel an order and send another in its place.

        With 30059 the old order could not be cancelled and stands; with any other refusal it may be gone, and
        there is no new one (T-Invest, ReplaceOrder).
        """
        body = requests.replace_order_body(replace)
        call = _Call("OrdersService/ReplaceOrder", body, read_answer)
        return await self._send(replace, call, self._finding(replace))

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of an order. Accepted means that the venue took the cancel."""
        body = requests.cancel_order_body(cancel)
        call = _Call("OrdersService/CancelOrder", body, read_cancel_answer, urgent=True)
        return await self._send(cancel, call, self._repeating(cancel, call))

    async def post_stop_order(self, order: NewStopOrder) -> Outcome:
        """Place a stop order; the outcome's `venue_order_id` is its stop_order_id."""
        body = requests.post_stop_order_body(order)
        call = _Call("StopOrdersService/PostStopOrder", body, read_stop_answer)
        return await self._send(order, call, self._repeating(order, call))

    async def cancel_stop_order(self, cancel: CancelStopOrder) -> Outcome:
        """Cancel a stop order that has not triggered, by its stop_order_id (`orig_venue_order_id`)."""
        body = requests.cancel_stop_order_body(cancel)
        call = _Call("StopOrdersService/CancelStopOrder", body, read_cancel_answer, urgent=True)
        return await self._send(cancel, call, self._repeating(cancel, call))

    async def _send(self, request: OrderRequest, call: _Call, settle: Settle) -> Outcome:
        request_id = request.order_request_id
        timeout_s = self._gateway.order_turn_timeout_s
        in_turn = InTurn(self._limits, call.method, urgent=call.urgent, timeout_s=timeout_s, passes=is_rate_limited)

        def make() -> Awaitable[RestAnswer | Outcome]:
            return call_once(self._client, call.path, call.body, request_id, self._gateway)

        async def send() -> Outcome:
            answer = await in_turn.call(make)
            return call.read(request_id, answer) if isinstance(answer, RestAnswer) else answer

        # The turn comes first: what waits for one is not yet asked for.
        async with in_turn:
            return await enter(VENUE, request, self._journal, send, self._settling(request, settle))

    def _settling(self, request: OrderRequest, settle: Settle) -> Settle | None:
        async def settling() -> Outcome | None:
            try:
                return await settle()
            except DropcopyError as error:
                _log.warning("outcome_not_settled", order_request_id=request.order_request_id, reason=error.message)
                return None

        return settling if self._gateway.order_settle_timeout_s else None

    def _repeating(self, request: OrderRequest, call: _Call) -> Settle:
        """Return what makes a call again that does no harm twice: a cancel, or one with its idempotency key.

        Only that the venue takes it then says anything: it may refuse the second for having done the first.
        """

        async def repeat() -> Outcome | None:
            timeout_s = self._gateway.order_settle_timeout_s
            async with self._limits.turn(call.method, urgent=call.urgent, timeout_s=timeout_s):
                answer = await self._client.post(call.path, call.body, timeout_s=timeout_s)
                self._limits.learn(call.method, answer.headers, answer.status)
            outcome = call.read(request.order_request_id, answer)
            return outcome if isinstance(outcome, Accepted) else None

        return repeat

    def _finding(self, order: NewOrder | ReplaceOrder) -> Settle:
        """Return what finds out whether there is an order under a request's id."""
        return lambda: self._find(order.account, order.order_request_id, self._gateway.order_settle_timeout_s)

    async def _find(self, account: str, request_id: str, timeout_s: float) -> Outcome:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        body = requests.order_state_body(account, None, request_id, None)
        # An order that is not found may still be on its way: no proof that there is none.
        tries = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, TInvestError) and error.code == ORDER_NOT_FOUND),
            stop=stop_before_delay(timeout_s),
            wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.1),
            reraise=True,
        )

        async def find() -> OrderState:
            left_s = deadline - loop.time()
            return await self._ask("OrdersService/GetOrderState", body, OrderState.read, timeout_s=left_s)

        return read_state(request_id, await tries(find))
