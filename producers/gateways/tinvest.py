"""Order entry at T-Invest over REST, journaled.

    async with TInvestGateway() as gateway:
        outcome = await gateway.post_order(NewOrder(account=…, instrument=…, …))

PostOrder answers when the exchange has spoken, PostOrderAsync when the broker has checked the order;
what becomes of it then is on the order-state stream (T-Invest, Orders; Asynchronous orders).
"""

import json
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from dropcopy.errors import UsageError
from dropcopy.settings import Settings
from producers.gateways.entry import call_once, enter
from producers.gateways.journal import Journal
from producers.gateways.orders import Accepted, NewOrder, Outcome, Rejected, Unknown
from producers.gateways.quotation import INT64_MOST, to_quotation
from producers.gateways.settings import GatewaySettings
from producers.gateways.tinvest_errors import read_error
from producers.rest import RestAnswer, RestClient
from producers.venues.tinvest import VenueSettings, rest_headers
from schemas.fix import OrdType, Side, TimeInForce

__all__ = ["Gateway", "TInvestGateway", "post_order_body", "read_answer"]

VENUE = "tinvest"
_SERVICE = "tinkoff.public.invest.api.contract.v1.OrdersService"

DIRECTIONS = {Side.BUY: "ORDER_DIRECTION_BUY", Side.SELL: "ORDER_DIRECTION_SELL"}
ORDER_TYPES = {
    OrdType.LIMIT: "ORDER_TYPE_LIMIT",
    OrdType.MARKET: "ORDER_TYPE_MARKET",
    OrdType.BEST_PRICE: "ORDER_TYPE_BESTPRICE",
}
TIMES_IN_FORCE = {
    TimeInForce.DAY: "TIME_IN_FORCE_DAY",
    TimeInForce.IMMEDIATE_OR_CANCEL: "TIME_IN_FORCE_FILL_AND_KILL",
    TimeInForce.FILL_OR_KILL: "TIME_IN_FORCE_FILL_OR_KILL",
}

REJECTED = "EXECUTION_REPORT_STATUS_REJECTED"

# Refusals after which there is surely no order. All others leave it in doubt: INTERNAL or UNAVAILABLE
# can befall the venue after it passed the order on, as a proxy's 502 or 504 can.
#   gRPC: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION,
#   OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED: said before an order is passed on.
SURE_GRPC = {3, 5, 7, 8, 9, 11, 12, 16}
#   HTTP, when no gRPC number came with it: what a server says of a request that it did not carry out.
SURE_HTTP = {400, 401, 403, 404, 405, 406, 411, 413, 414, 415, 422, 426, 429, 501}
#   The key was used before and the report of its order was not found: so there is one.
DOUBTFUL_CODES = {"30057"}


def post_order_body(order: NewOrder) -> bytes:
    """Return PostOrder's request, which is PostOrderAsync's too.

    Raises:
        UsageError: a number can't be said to the venue; names the field.
    """
    lots = order.quantity
    if lots != lots.to_integral_value() or lots > INT64_MOST:
        raise UsageError(f"quantity={lots} must be a whole number of lots, of 64 bits", hint="Nothing was sent.")
    body: dict[str, Any] = {
        "instrumentId": order.instrument,
        "quantity": str(int(lots)),
        "direction": DIRECTIONS[order.side],
        "accountId": order.account,
        "orderType": ORDER_TYPES[order.ord_type],
        "orderId": order.order_request_id,
    }
    if order.price is not None:
        try:
            body["price"] = to_quotation(order.price)
        except ValueError as error:
            raise UsageError(f"price={order.price}: {error}", hint="Nothing was sent.") from None
    if order.time_in_force is not None:
        if order.time_in_force not in TIMES_IN_FORCE:
            known = ", ".join(TIMES_IN_FORCE)
            raise UsageError(f"time_in_force={order.time_in_force} must be one of {known}", hint="Nothing was sent.")
        body["timeInForce"] = TIMES_IN_FORCE[order.time_in_force]
    return json.dumps(body, separators=(",", ":")).encode()


def read_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the venue's answer to a new order means."""
    if answer.status != 200:
        return _refused(request_id, answer)
    tracking_id = answer.headers.get("x-tracking-id")
    try:
        body = json.loads(answer.body)
        status = str(body["executionReportStatus"])
        order_id, intent_id = _text(body, "orderId"), _text(body, "tradeIntentId")
    except (ValueError, TypeError, KeyError, AttributeError):
        text = f"the venue answered 200 with what is no order: {answer.body[:200]!r}"
        return Unknown(order_request_id=request_id, code="UNREADABLE_ANSWER", text=text, tracking_id=tracking_id)
    if status == REJECTED:
        return Rejected(
            order_request_id=request_id,
            code=REJECTED,
            text=str(body.get("message") or "rejected by the exchange or the broker"),
            venue_order_id=order_id,
            venue_status=status,
            tracking_id=tracking_id,
        )
    return Accepted(
        order_request_id=request_id,
        venue_order_id=order_id,
        trade_intent_id=intent_id,
        venue_status=status,
        tracking_id=tracking_id,
    )


def _text(body: dict[str, Any], name: str) -> str | None:
    return str(body[name]) if body.get(name) else None


def _refused(request_id: str, answer: RestAnswer) -> Outcome:
    error = read_error(answer)
    sure = answer.status in SURE_HTTP if error.grpc_status is None else error.grpc_status in SURE_GRPC
    kind = Rejected if sure and error.code not in DOUBTFUL_CODES else Unknown
    return kind(order_request_id=request_id, code=error.code, text=error.text, tracking_id=error.tracking_id or None)


class TInvestGateway:
    """Sends orders to T-Invest and journals them; an async context manager.

    Settings that are not given are read from the environment. Any number of orders can be under way
    at once.

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
        self._settings = settings or Settings.load()
        self._venue = venue or VenueSettings.load()
        self._gateway = gateway or GatewaySettings.load()
        self._journal = Journal(self._settings, self._gateway)
        self._client = RestClient(self._venue.rest_url, headers=rest_headers(self._venue), ca_file=self._venue.ca_file)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._client)
            await opening.enter_async_context(self._journal)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def post_order(self, order: NewOrder) -> Outcome:
        """Send an order, and wait for what the exchange says.

        Raises:
            UsageError: the order can't be said to this venue; nothing was sent.
            ClusterError: its intent could not be journaled; nothing was sent.
        """
        return await self._post(order, "PostOrder")

    async def post_order_async(self, order: NewOrder) -> Outcome:
        """Send an order, and wait only until the broker has checked it. Raises as `post_order` does."""
        return await self._post(order, "PostOrderAsync")

    async def _post(self, order: NewOrder, method: str) -> Outcome:
        body = post_order_body(order)

        async def send() -> Outcome:
            answer = await call_once(self._client, f"{_SERVICE}/{method}", body, order.order_request_id, self._gateway)
            return read_answer(order.order_request_id, answer) if isinstance(answer, RestAnswer) else answer

        return await enter(VENUE, order, self._journal, send)


# By this name a gateway is found in the module of its venue.
Gateway = TInvestGateway
