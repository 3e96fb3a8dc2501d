"""T-Invest: order-state frames and GetOrders answers as reports.

What a frame is, by message of the contract (`OrderStateStreamResponse`, orders.proto 1.49; JSON
names and shapes: T-Invest, WebSocket protocol):

| message | becomes |
|---|---|
| `orderState` | one report |
| `ping`, `subscription` | nothing: they speak of the connection |
| `stopOrderState`, and variants not known yet | nothing |
| `{"code", "message"}`, `{"error": ...}` | nothing: the feed deals with refusals |
| GetOrders' answer (`orders`) | one report an order |

Lots become pieces by `lotSize`; a trade of the stream counts pieces already, a stage of the unary
call counts lots. A stream order stays PARTIALLYFILL when its rest is canceled: `lotsCancelled` tells
(T-Invest, Order state stream, "Statuses"). The first message of an order carries an id that is the
broker's own, shaped as a UUID; the exchange's number comes with the next.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.core.times import rfc3339_ns
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = ["reports"]


class Money(Struct, gc=False):
    """`MoneyValue` and `Quotation` alike: `units`, and `nano` billionths of the same sign."""

    units: int = 0
    nano: int = 0


class StreamTrade(Struct, gc=False, rename="camel"):
    """`OrderTrade` of the stream: price of one piece, quantity in pieces."""

    price: Money
    quantity: int
    trade_id: str = ""
    date_time: str = ""


class OrderState(Struct, gc=False, rename="camel"):
    """`OrderStateStreamResponse.OrderState`, as far as it is used."""

    account_id: str
    execution_report_status: str
    order_id: str = ""
    order_request_id: str = ""
    trade_order_id: str = ""
    status_info: str = ""
    ticker: str = ""
    lot_size: int = 0
    direction: str = ""
    time_in_force: str = ""
    order_type: str = ""
    order_price: Money | None = None
    currency: str = ""
    lots_requested: int = 0
    lots_executed: int = 0
    lots_left: int = 0
    lots_cancelled: int = 0
    trades: list[StreamTrade] = []
    created_at: str = ""
    completion_time: str = ""
    instrument_uid: str = ""


class Stage(Struct, gc=False, rename="camel"):
    """`OrderStage` of the unary call: quantity in lots."""

    price: Money
    quantity: int
    trade_id: str = ""
    execution_time: str = ""


class UnaryOrder(Struct, gc=False, rename="camel"):
    """`OrderState` of GetOrders and GetOrderState, as far as it is used. It names neither account nor lot size."""

    execution_report_status: str
    order_id: str = ""
    order_request_id: str = ""
    lots_requested: int = 0
    lots_executed: int = 0
    direction: str = ""
    order_type: str = ""
    initial_order_price: Money | None = None
    initial_security_price: Money | None = None
    currency: str = ""
    ticker: str = ""
    instrument_uid: str = ""
    order_date: str = ""
    stages: list[Stage] = []


class Frame(Struct, gc=False, rename="camel"):
    """`OrderStateStreamResponse`: at most one of its variants, of which one tells of an order."""

    order_state: OrderState | None = None


class Orders(Struct, gc=False):
    """`GetOrdersResponse`."""

    orders: list[UnaryOrder] = []


# Not strict: the venue writes an int64 as text.
_STREAM = msgspec.json.Decoder(Frame, strict=False)
_ORDERS = msgspec.json.Decoder(Orders, strict=False)

_PENDING_NEW, _NEW, _PARTIAL = OrdStatus.PENDING_NEW, OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED
_LIMIT: Final = OrdType.LIMIT
# T-Invest, orders.proto, OrderExecutionReportStatus. UNSPECIFIED is missing on purpose: it says nothing.
_STATUS: Final = {
    "EXECUTION_REPORT_STATUS_NEW": _NEW,
    "EXECUTION_REPORT_STATUS_PARTIALLYFILL": _PARTIAL,
    "EXECUTION_REPORT_STATUS_FILL": OrdStatus.FILLED,
    "EXECUTION_REPORT_STATUS_CANCELLED": OrdStatus.CANCELED,
    "EXECUTION_REPORT_STATUS_REJECTED": OrdStatus.REJECTED,
}
_SIDE: Final = {"ORDER_DIRECTION_BUY": Side.BUY, "ORDER_DIRECTION_SELL": Side.SELL}
_TYPE: Final = {
    "ORDER_TYPE_LIMIT": OrdType.LIMIT,
    "ORDER_TYPE_MARKET": OrdType.MARKET,
    "ORDER_TYPE_BESTPRICE": OrdType.BEST_PRICE,
}
_TIME_IN_FORCE: Final = {
    "TIME_IN_FORCE_DAY": TimeInForce.DAY,
    "TIME_IN_FORCE_FILL_AND_KILL": TimeInForce.IMMEDIATE_OR_CANCEL,
    "TIME_IN_FORCE_FILL_OR_KILL": TimeInForce.FILL_OR_KILL,
}
_CAUSE_NONE: Final = "CAUSE_UNSPECIFIED"
# "Not enough position": the order was never placed (T-Invest, orders.proto, StatusCauseInfo).
_CAUSE_NOT_PLACED: Final = "CAUSE_CANCELLED_NOT_ENOUGH_POSITION"
_NAMELESS: Final = "an order without an id, and without a request's"

QuantityOf = Callable[[str | None, str | None], Decimal | None]


def reports(value: bytes, source: str, account: str, order_qty: QuantityOf) -> Sequence[Report]:
    """Read one record of the venue's frames.

    `source` and `account` are the record's headers. `order_qty` gives the OrderQty, in pieces, that
    is known of an order by its request id or the venue's id: it tells the lot size, which the unary
    calls leave out.

    Raises:
        MappingError: it is no JSON of a known shape, or a status is not known; of an answer with many
            orders, it carries the reports of those that could be read.
    """
    try:
        if source == "rest:GetOrders":
            return _all(_ORDERS.decode(value).orders, account, order_qty)
        state = _STREAM.decode(value).order_state
        return () if state is None else (_stream(state),)
    except msgspec.DecodeError as error:
        raise MappingError("frame", value[:80], str(error)) from None


def _all(orders: list[UnaryOrder], account: str, order_qty: QuantityOf) -> list[Report]:
    read: list[Report] = []
    unread: MappingError | None = None
    for order in orders:
        try:
            read.append(_unary(order, account, order_qty))
        except MappingError as error:
            unread = unread or error
    if unread is not None:
        raise MappingError(unread.field, unread.value, unread.reason, read)
    return read


def _stream(state: OrderState) -> Report:
    status, request_id, order_id = state.execution_report_status, state.order_request_id, state.order_id
    ord_status = _STATUS.get(status)
    if ord_status is None:
        raise MappingError("executionReportStatus", status, "no status that is known")
    if not (order_id or request_id):
        raise MappingError("orderId", order_id, _NAMELESS)
    size, requested, executed = state.lot_size, state.lots_requested, state.lots_executed
    if ord_status is _NEW:
        if _is_internal(order_id, request_id) or order_id == state.trade_order_id:
            ord_status = _PENDING_NEW
    elif ord_status is _PARTIAL:
        if _rest_canceled(state, requested, executed):
            ord_status = OrdStatus.CANCELED
    elif state.status_info == _CAUSE_NOT_PLACED and not executed:
        ord_status = OrdStatus.REJECTED
    ord_type, price, cause = _TYPE.get(state.order_type), state.order_price, state.status_info
    return Report(
        state.account_id,
        request_id or None,
        order_id or None,
        ord_status,
        status,
        _decimal(executed * size),
        _decimal(requested * size) if size else None,
        tuple([_trade(trade) for trade in state.trades]) if state.trades else (),
        rfc3339_ns(state.completion_time or state.created_at),
        cause if cause and cause != _CAUSE_NONE else None,
        state.instrument_uid or None,
        state.ticker or None,
        _SIDE.get(state.direction),
        ord_type,
        _TIME_IN_FORCE.get(state.time_in_force),
        _money(price.units, price.nano) if price is not None and ord_type is _LIMIT else None,
        state.currency.upper() or None,
    )


def _is_internal(order_id: str, request_id: str) -> bool:
    """Tell whether an order's id is the broker's own, from before the exchange has numbered it."""
    return "-" in order_id or order_id == request_id


def _rest_canceled(state: OrderState, requested: int, executed: int) -> bool:
    return state.lots_cancelled > 0 or (executed < requested and not state.lots_left)


def _trade(trade: StreamTrade) -> Trade:
    price = trade.price
    identity = trade.trade_id or f"{trade.date_time}/{price.units}.{price.nano:09d}/{trade.quantity}"
    return Trade(identity, _money(price.units, price.nano), _decimal(trade.quantity), rfc3339_ns(trade.date_time))


def _unary(order: UnaryOrder, account: str, order_qty: QuantityOf) -> Report:
    request_id, order_id = order.order_request_id or None, order.order_id or None
    requested, executed = order.lots_requested, order.lots_executed
    if request_id is None and order_id is None:
        raise MappingError("orderId", order.order_id, _NAMELESS)
    ord_status = _status(order.execution_report_status)
    if ord_status is _NEW and _is_internal(order.order_id, order.order_request_id):
        ord_status = _PENDING_NEW
    size = _lot_size(order, requested, order_qty(request_id, order_id))
    price = order.initial_security_price
    ord_type = _TYPE.get(order.order_type)
    return Report(
        account,
        request_id,
        order_id,
        ord_status,
        order.execution_report_status,
        executed * size if size is not None else Decimal(0),
        requested * size if size is not None else None,
        tuple([_stage(stage, size) for stage in order.stages]) if size is not None else (),
        rfc3339_ns(order.order_date),
        None,
        order.instrument_uid or None,
        order.ticker or None,
        _SIDE.get(order.direction),
        ord_type,
        None,
        _money(price.units, price.nano) if price is not None and ord_type is _LIMIT else None,
        order.currency.upper() or None,
    )


def _lot_size(order: UnaryOrder, requested: int, known_qty: Decimal | None) -> Decimal | None:
    """Return the pieces of a lot, which the unary calls leave out.

    An order that the stream has told of gives it by its quantity. Of any other it follows from the
    prices: that of the whole order is the price of one piece times lots times lot size
    (T-Invest, orders.proto, `OrderState.initial_order_price`, `.initial_security_price`).
    """
    if not requested:
        return None
    if known_qty is not None:
        return known_qty / requested
    whole, piece = order.initial_order_price, order.initial_security_price
    if whole is None or piece is None or not (lot := _money(piece.units, piece.nano) * requested):
        return None
    size = _money(whole.units, whole.nano) / lot
    return size if size == size.to_integral_value() and size >= 1 else None


def _stage(stage: Stage, lot_size: Decimal) -> Trade:
    price = stage.price
    identity = stage.trade_id or f"{stage.execution_time}/{price.units}.{price.nano:09d}/{stage.quantity}"
    quantity = stage.quantity * lot_size
    return Trade(identity, _money(price.units, price.nano), quantity, rfc3339_ns(stage.execution_time))


def _status(text: str) -> OrdStatus:
    status = _STATUS.get(text)
    if status is None:
        raise MappingError("executionReportStatus", text, "no status that is known")
    return status


# Quantities repeat, and so do prices.
_decimal = lru_cache(maxsize=65536)(Decimal)


@lru_cache(maxsize=65536)
def _money(units: int, nano: int) -> Decimal:
    if not nano:
        return Decimal(units)
    if abs(nano) > 999_999_999 or ((units > 0) == (nano < 0) and units != 0):
        raise MappingError("nano", nano, f"no fraction that goes with {units} units")
    sign = "-" if nano < 0 else ""
    return Decimal(f"{sign}{abs(units)}.{abs(nano):09d}".rstrip("0"))
