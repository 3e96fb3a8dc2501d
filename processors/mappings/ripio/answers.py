"""Answers of Ripio's REST calls as reports: lists of orders, one order, lists of trades.

The names differ from the stream's: `requested_amount` is its `amount`, `create_date` its `created_at`. The
transactions of one order have no ids, so they are not read as trades: how much was filled is told beside
them, and the trades themselves by GET /user/trades (Ripio Trade API v4, Orders).
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import read_each
from processors.mappings.ripio.trades import UserTrade, trade_report
from processors.mappings.ripio.words import (
    ORDER_TYPES,
    SIDES,
    UNPRICED,
    number,
    or_none,
    quote_currency,
    request_id,
    status,
    time_ns,
)

__all__ = ["read_order", "read_orders", "read_trades"]


class Order(Struct, gc=False):
    """`UserPreparedOrder` and `UserPreparedOrderWithExecutions`, as far as they are used."""

    id: str
    status: str
    type: str = ""
    side: str = ""
    pair: str | None = None
    price: Decimal | None = None
    requested_amount: Decimal | None = None
    requested_value: Decimal | None = None
    executed_amount: Decimal | None = None
    external_id: str | None = None
    stop_price: Decimal | None = None
    create_date: str | None = None
    update_date: str | None = None


class Orders(Struct, gc=False):
    """`UserOrdersDataV4` and `UserOpenOrdersDataV4`."""

    orders: list[msgspec.Raw]


class Trades(Struct, gc=False):
    """`UserTradesDataV4`."""

    trades: list[msgspec.Raw]


class OrdersAnswer(Struct, gc=False):
    """`UserOrdersResponseV4` and `UserOpenOrdersResponseV4`."""

    data: Orders


class OrderAnswer(Struct, gc=False):
    """`UserOrderResponse`."""

    data: Order


class TradesAnswer(Struct, gc=False):
    """`UserTradesResponseV4`."""

    data: Trades


_ORDERS = msgspec.json.Decoder(OrdersAnswer)
_ONE = msgspec.json.Decoder(OrderAnswer)
_TRADES = msgspec.json.Decoder(TradesAnswer)
_ORDER = msgspec.json.Decoder(Order)
_TRADE = msgspec.json.Decoder(UserTrade)


def read_orders(value: bytes, account: str) -> list[Report]:
    """Return the reports in a list of orders, one an order.

    Raises:
        MappingError: some can't be read; it carries the reports of those that could be.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    return read_each(_ORDERS.decode(value).data.orders, lambda raw: _report(_ORDER.decode(raw), account))


def read_order(value: bytes, account: str) -> list[Report]:
    """Return the report in the answer of one order; raises as `read_orders`."""
    return [_report(_ONE.decode(value).data, account)]


def read_trades(value: bytes, account: str) -> list[Report]:
    """Return the reports in a list of trades, one a trade, the oldest first; raises as `read_orders`."""
    trades = _TRADES.decode(value).data.trades
    try:
        return sorted(read_each(trades, lambda raw: trade_report(_TRADE.decode(raw), account)), key=_transacted_ns)
    except MappingError as error:
        told = sorted(error.reports, key=_transacted_ns)
        raise MappingError(error.field, error.value, error.reason, told) from None


def _transacted_ns(report: Report) -> int:
    return report.transact_ns or 0


def _report(order: Order, account: str) -> Report:
    if not order.id:
        raise MappingError("id", order.id, "an order without an id")
    executed, ord_type = number("executed_amount", order.executed_amount), ORDER_TYPES.get(order.type)
    order_qty = or_none("requested_amount", order.requested_amount)
    # Of an order for an amount of money; of any other it is what the amount would cost.
    of_money = ord_type in UNPRICED and order_qty is None
    return Report(
        account,
        request_id(order.external_id),
        order.id,
        status(order.status, executed),
        order.status,
        executed,
        order_qty,
        transact_ns=time_ns(order.update_date or order.create_date),
        instrument=order.pair or None,
        symbol=order.pair or None,
        side=SIDES.get(order.side),
        ord_type=ord_type,
        price=None if ord_type in UNPRICED else or_none("price", order.price),
        currency=quote_currency(order.pair),
        stop_price=or_none("stop_price", order.stop_price),
        cash_order_qty=or_none("requested_value", order.requested_value) if of_money else None,
    )
