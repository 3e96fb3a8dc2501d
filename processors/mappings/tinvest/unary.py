"""Answers of T-Invest's unary calls as reports: GetOrders and GetOrderState.

They name neither account nor lot size; a stage counts lots.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.core.reading import QuantityOf, read_each
from processors.core.times import rfc3339_ns
from processors.mappings.tinvest.words import (
    NAMELESS,
    ORDER_TYPES,
    SIDES,
    Money,
    is_internal,
    money,
    status,
)
from schemas.fix import OrdStatus, OrdType

__all__ = ["read_order", "read_orders"]


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


class Orders(Struct, gc=False):
    """`GetOrdersResponse`."""

    orders: list[UnaryOrder] = []


# Not strict: the venue writes an int64 as text.
_ORDERS = msgspec.json.Decoder(Orders, strict=False)
_ORDER = msgspec.json.Decoder(UnaryOrder, strict=False)

_PENDING_NEW, _NEW = OrdStatus.PENDING_NEW, OrdStatus.NEW
_LIMIT: Final = OrdType.LIMIT


def read_orders(value: bytes, account: str, order_qty: QuantityOf) -> list[Report]:
    """Return the reports in GetOrders' answer, one an order.

    Raises:
        MappingError: some can't be read; it carries the reports of those that could be.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    return read_each(_ORDERS.decode(value).orders, lambda order: _unary(order, account, order_qty))


def read_order(value: bytes, account: str, order_qty: QuantityOf) -> list[Report]:
    """Return the report in GetOrderState's answer. Raises as `read_orders` does."""
    return [_unary(_ORDER.decode(value), account, order_qty)]


def _unary(order: UnaryOrder, account: str, order_qty: QuantityOf) -> Report:
    request_id, order_id = order.order_request_id or None, order.order_id or None
    requested, executed = order.lots_requested, order.lots_executed
    if request_id is None and order_id is None:
        raise MappingError("orderId", order.order_id, NAMELESS)
    ord_status = status(order.execution_report_status)
    if ord_status is _NEW and is_internal(order.order_id, order.order_request_id):
        ord_status = _PENDING_NEW
    size = _lot_size(order, requested, order_qty(request_id, order_id))
    price = order.initial_security_price
    ord_type = ORDER_TYPES.get(order.order_type)
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
        SIDES.get(order.direction),
        ord_type,
        None,
        money(price.units, price.nano) if price is not None and ord_type is _LIMIT else None,
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
    if whole is None or piece is None or not (lot := money(piece.units, piece.nano) * requested):
        return None
    size = money(whole.units, whole.nano) / lot
    return size if size == size.to_integral_value() and size >= 1 else None


def _stage(stage: Stage, lot_size: Decimal) -> Trade:
    price = stage.price
    identity = stage.trade_id or f"{stage.execution_time}/{price.units}.{price.nano:09d}/{stage.quantity}"
    quantity = stage.quantity * lot_size
    return Trade(identity, money(price.units, price.nano), quantity, rfc3339_ns(stage.execution_time))
