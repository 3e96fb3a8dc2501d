"""Order entry at T-Invest over REST, journaled.

    async with TInvestGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument=…, …))

PostOrder answers when the exchange has spoken, PostOrderAsync when the broker has checked the order;
what becomes of it then is on the order-state stream (T-Invest, Orders; Asynchronous orders).
"""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from dropcopy.settings import Settings
from producers.gateways.entry import Settle
from producers.gateways.journal import Journal
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder, ReplaceOrder
from producers.gateways.outcomes import Outcome
from producers.gateways.sending import Call, Sender, seek
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.tinvest import requests
from producers.gateways.tinvest.answers import read_answer, read_cancel_answer, read_state, read_stop_answer
from producers.gateways.tinvest.queries import TInvestQueries
from producers.gateways.tinvest.states import OrderState
from producers.rest import RestAnswer
from producers.venues.tinvest import VenueSettings
from producers.venues.tinvest.errors import TInvestError, is_rate_limited
from producers.venues.tinvest.snapshots import CONTRACT

__all__ = ["TInvestGateway"]

VENUE = "tinvest"
ORDER_NOT_FOUND = "50005"


def _call(method: str, body: bytes, read: Callable[[str, RestAnswer], Outcome], *, urgent: bool = False) -> Call:
    return Call(method, "POST", f"{CONTRACT}.{method}", body, read, urgent)


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
        self._sender = Sender(VENUE, self._journal, self._client, self._limits, self._gateway, passes=is_rate_limited)

    async def _enter(self, opening: AsyncExitStack) -> None:
        await super()._enter(opening)
        await opening.enter_async_context(self._journal)
        # Whoever leaves while requests are on their way waits for them, with the journal open.
        opening.push_async_callback(self._sender.finish)

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send an order, and wait for what the exchange says."""
        body = requests.post_order_body(order)
        call = _call("OrdersService/PostOrder", body, read_answer)
        return await self._sender.send(order, call, self._finding(order))

    async def post_order_async(self, order: NewOrder) -> Outcome:
        """Send an order, and wait only until the broker has checked it."""
        body = requests.post_order_body(order)
        call = _call("OrdersService/PostOrderAsync", body, read_answer)
        return await self._sender.send(order, call, self._finding(order))

    async def replace_order(self, replace: ReplaceOrder) -> Outcome:
        """Cancel an order and send another in its place.

        With 30059 the old order could not be canceled and stands; with any other refusal it may be gone, and
        there is no new one (T-Invest, ReplaceOrder).
        """
        body = requests.replace_order_body(replace)
        call = _call("OrdersService/ReplaceOrder", body, read_answer)
        return await self._sender.send(replace, call, self._finding(replace))

    async def cancel_order(self, cancel: CancelOrder) -> Outcome:
        """Cancel what is left of an order. Accepted means that the venue took the cancel."""
        body = requests.cancel_order_body(cancel)
        call = _call("OrdersService/CancelOrder", body, read_cancel_answer, urgent=True)
        return await self._sender.send(cancel, call, self._sender.repeating(cancel, call))

    async def post_stop_order(self, order: NewStopOrder) -> Outcome:
        """Place a stop order; the outcome's `venue_order_id` is its stop_order_id."""
        body = requests.post_stop_order_body(order)
        call = _call("StopOrdersService/PostStopOrder", body, read_stop_answer)
        return await self._sender.send(order, call, self._sender.repeating(order, call))

    async def cancel_stop_order(self, cancel: CancelStopOrder) -> Outcome:
        """Cancel a stop order that has not triggered, by its stop_order_id (`orig_venue_order_id`)."""
        body = requests.cancel_stop_order_body(cancel)
        call = _call("StopOrdersService/CancelStopOrder", body, read_cancel_answer, urgent=True)
        return await self._sender.send(cancel, call, self._sender.repeating(cancel, call))

    def _finding(self, order: NewOrder | ReplaceOrder) -> Settle:
        """Return what finds out whether there is an order under a request's id."""
        return lambda: self._find(order.account, order.order_request_id, self._gateway.order_settle_timeout_s)

    async def _find(self, account: str, request_id: str, timeout_s: float) -> Outcome:
        deadline_s = time.monotonic() + timeout_s
        body = requests.order_state_body(account, None, request_id, None)

        async def find() -> OrderState:
            left_s = deadline_s - time.monotonic()
            return await self._ask("OrdersService/GetOrderState", body, OrderState.read, timeout_s=left_s)

        def is_missing(error: BaseException) -> bool:
            return isinstance(error, TInvestError) and error.code == ORDER_NOT_FOUND

        return read_state(request_id, await seek(find, is_missing, timeout_s))
