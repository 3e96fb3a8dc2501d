"""T-Invest's stop orders as reports: frames of the stream, and GetStopOrders' answer.

A stop order has an id of its own, and none of the request's: the answer to PostStopOrder ties the two.
Which order of the exchange it became is in GetStopOrders' answer alone (T-Invest, stoporders.proto,
`StopOrder.exchange_order_id`). Neither names the lot size, so its quantity is what was submitted.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import QuantityOf, read_each
from processors.core.times import rfc3339_ns
from processors.mappings.tinvest.words import SIDES, Money, money
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = ["StopOrderState", "read_stop_orders", "stop_state"]


class StopOrderState(Struct, gc=False, rename="camel"):
    """`OrderStateStreamResponse.StopOrderState`. Its `orderType` is that of the order it would become."""

    account_id: str
    status: str
    stop_order_id: str = ""
    created_at: str = ""
    direction: str = ""
    price: Money | None = None
    stop_price: Money | None = None
    instrument_uid: str = ""
    ticker: str = ""


class StopOrder(Struct, gc=False, rename="camel"):
    """`StopOrder` of GetStopOrders, as far as it is used."""

    status: str
    stop_order_id: str = ""
    direction: str = ""
    order_type: str = ""
    take_profit_type: str = ""
    currency: str = ""
    create_date: str = ""
    activation_date_time: str = ""
    expiration_time: str = ""
    price: Money | None = None
    stop_price: Money | None = None
    instrument_uid: str = ""
    ticker: str = ""
    exchange_order_id: str = ""


class StopOrders(Struct, gc=False, rename="camel"):
    """`GetStopOrdersResponse`."""

    stop_orders: list[StopOrder] = []


_STOP_ORDERS = msgspec.json.Decoder(StopOrders, strict=False)

# T-Invest, stoporders.proto, StopOrderStatusOption. ALL and UNSPECIFIED say nothing of an order.
_STATUSES: Final = {
    "STOP_ORDER_STATUS_ACTIVE": OrdStatus.NEW,
    "STOP_ORDER_STATUS_EXECUTED": OrdStatus.TRIGGERED,
    "STOP_ORDER_STATUS_CANCELED": OrdStatus.CANCELED,
    "STOP_ORDER_STATUS_EXPIRED": OrdStatus.EXPIRED,
}
_ORDER_TYPES: Final = {
    "STOP_ORDER_TYPE_TAKE_PROFIT": OrdType.TAKE_PROFIT,
    "STOP_ORDER_TYPE_STOP_LOSS": OrdType.STOP,
    "STOP_ORDER_TYPE_STOP_LIMIT": OrdType.STOP_LIMIT,
}
_TRAILING: Final = "TAKE_PROFIT_TYPE_TRAILING"
# The stream writes an OrderDirection, GetStopOrders a StopOrderDirection.
_SIDES: Final = SIDES | {"STOP_ORDER_DIRECTION_BUY": Side.BUY, "STOP_ORDER_DIRECTION_SELL": Side.SELL}


def stop_state(state: StopOrderState) -> Report:
    """Return what a frame says of a stop order.

    Raises:
        MappingError: its status is not known, or it is without an id.
    """
    return _report(state, state.account_id, transact=state.created_at)


def read_stop_orders(value: bytes, account: str, order_qty: QuantityOf) -> list[Report]:
    """Return the reports in GetStopOrders' answer, one a stop order.

    Raises:
        MappingError: some can't be read; it carries the reports of those that could be.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    return read_each(_STOP_ORDERS.decode(value).stop_orders, lambda order: _answered(order, account))


def _answered(order: StopOrder, account: str) -> Report:
    ord_type = _ORDER_TYPES.get(order.order_type)
    if ord_type is OrdType.TAKE_PROFIT and order.take_profit_type == _TRAILING:
        ord_type = OrdType.TRAILING_TAKE_PROFIT
    expire_ns = _time_ns(order.expiration_time)
    return replace(
        _report(order, account, transact=order.activation_date_time or order.create_date),
        ord_type=ord_type,
        time_in_force=TimeInForce.GOOD_TILL_DATE if expire_ns else TimeInForce.GOOD_TILL_CANCEL,
        currency=order.currency.upper() or None,
        expire_ns=expire_ns,
        triggers_id=order.exchange_order_id or None,
    )


def _report(told: StopOrderState | StopOrder, account: str, *, transact: str) -> Report:
    ord_status = _STATUSES.get(told.status)
    if ord_status is None:
        raise MappingError("status", told.status, "no status of a stop order that is known")
    if not told.stop_order_id:
        raise MappingError("stopOrderId", told.stop_order_id, "a stop order without an id")
    return Report(
        account,
        None,
        told.stop_order_id,
        ord_status,
        told.status,
        transact_ns=_time_ns(transact),
        instrument=told.instrument_uid or None,
        symbol=told.ticker or None,
        side=_SIDES.get(told.direction),
        price=_price(told.price),
        stop_price=_price(told.stop_price),
    )


def _price(value: Money | None) -> Decimal | None:
    """Return a price, None where there is none: an unset MoneyValue may come as zero."""
    return None if value is None else money(value.units, value.nano) or None


def _time_ns(text: str) -> int | None:
    """Return a time, None where there is none: an unset Timestamp may come as the year 1 or 1970."""
    return None if text.startswith(("0001-", "1970-01-01T00:00:00")) else rfc3339_ns(text)
