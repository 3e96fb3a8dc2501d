"""Answers of Outpoll's history service as reports: history orders, active orders, trades.

What the documents leave open is read so:

- `q` of an order, which they call its quantity beside `oq`, the original one: what has been filled. Where it
  can't be that, because as much as was ordered is filled of an order that is not FILLED, nothing is.
- An order for an amount of money, which is a market order to buy, has no quantity until it is FILLED.
- A market order's `p` is not used: it has no limit.
- An active order's `quantity` is not used: it may be what was ordered, or what is left of it.
- A trade names its order as `oi`; one that does not is passed over.
- `m` is when an order was made, and when a trade was.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import ZERO, Report, Trade
from processors.core.reading import read_each
from processors.mappings.outpoll.words import NAMELESS, ORDER_TYPES, SIDES, finite, status_of, time_ns
from schemas.fix import OrdStatus, OrdType, Side

__all__ = ["read_orders", "read_trades"]


class Page(Struct, gc=False):
    """One page of a list (Outpoll, History; Get Active Orders)."""

    i: list[msgspec.Raw]


class ListedOrder(Struct, gc=False):
    """An item of the history orders, or of the active orders, whose names are the long ones."""

    i: str = ""
    id: str = ""
    st: str = ""
    status: str = ""
    si: str = ""
    side: str = ""
    p: Decimal | None = None
    price: Decimal | None = None
    t: str = ""
    a: str | None = None
    oq: Decimal | None = None
    q: Decimal | None = None
    m: int | None = None


class ListedTrade(Struct, gc=False):
    """An item of the trades."""

    i: str = ""
    oi: str = ""
    si: str = ""
    a: str | None = None
    p: Decimal | None = None
    q: Decimal | None = None
    m: int | None = None


_PAGE = msgspec.json.Decoder(Page)
_ORDER = msgspec.json.Decoder(ListedOrder)
_TRADE = msgspec.json.Decoder(ListedTrade)

_FILLED: Final = OrdStatus.FILLED


def read_orders(value: bytes, account: str) -> list[Report]:
    """Return the reports in one page of the history orders or of the active orders, one an order.

    Raises:
        MappingError: some can't be read; it carries the reports of those that could be.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    return read_each(_PAGE.decode(value).i, lambda item: _order(_ORDER.decode(item), account))


def read_trades(value: bytes, account: str) -> list[Report]:
    """Return the reports in one page of the trades, one a trade. Raises as `read_orders` does."""
    return read_each(_PAGE.decode(value).i, lambda item: _trade(_TRADE.decode(item), account))


def _order(order: ListedOrder, account: str) -> Report:
    order_id, status = order.i or order.id, order.st or order.status
    if not order_id:
        raise MappingError("i", order_id, NAMELESS)
    ord_status = status_of(status)
    side, ord_type = SIDES.get(order.si or order.side), ORDER_TYPES.get(order.t)
    by_amount = ord_type is OrdType.MARKET and side is Side.BUY
    wanted = None if by_amount and ord_status is not _FILLED else finite("oq", order.oq)
    filled = _filled(finite("q", order.q), wanted, by_amount=by_amount, is_filled=ord_status is _FILLED)
    if ord_status is OrdStatus.NEW and filled:
        ord_status = OrdStatus.PARTIALLY_FILLED
    price = finite("p", order.p if order.p is not None else order.price)
    return Report(
        account,
        None,
        order_id,
        ord_status,
        status,
        filled,
        wanted,
        transact_ns=time_ns(order.m),
        instrument=order.a,
        side=side,
        ord_type=ord_type,
        price=None if ord_type is OrdType.MARKET else price,
        created_ns=time_ns(order.m),
    )


def _filled(told: Decimal | None, wanted: Decimal | None, *, by_amount: bool, is_filled: bool) -> Decimal:
    if is_filled:
        return wanted or told or ZERO
    if told is None or by_amount:
        return told or ZERO
    return told if wanted is not None and told < wanted else ZERO


def _trade(trade: ListedTrade, account: str) -> Report | None:
    price, quantity = finite("p", trade.p), finite("q", trade.q)
    if not trade.oi or price is None or quantity is None:
        return None
    made_ns = time_ns(trade.m)
    return Report(
        account,
        None,
        trade.oi,
        OrdStatus.PARTIALLY_FILLED,
        None,
        trades=(Trade(trade.i or f"{trade.m}/{price}/{quantity}", price, quantity, made_ns),),
        transact_ns=made_ns,
        instrument=trade.a,
        side=SIDES.get(trade.si),
    )
