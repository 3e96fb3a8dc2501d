"""Outpoll's take-profit / stop-loss orders as reports: frames of the stream, and their list.

One waits at the venue under an id of its own, and sells shares once the price reaches either of its prices
(Outpoll, Take Profit / Stop Loss). Which order it then becomes is told nowhere.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import read_each
from processors.mappings.outpoll.words import NAMELESS, finite, status_of, time_ns
from schemas.fix import OrdType, Side

__all__ = ["TpslOrder", "read_tpsl_orders", "tpsl_report"]


class TpslOrder(Struct, gc=False):
    """The `d` of TPSL_UPDATE (Outpoll, Order Updates), and an item of the list, whose fields the documents do not say.

    The list is taken to have the fields of the frame, and `m`, the time of creation in milliseconds.
    """

    i: str = ""
    a: str | None = None
    q: Decimal | None = None
    tpp: Decimal | None = None
    slp: Decimal | None = None
    s: str = ""
    m: int | None = None


class TpslPage(Struct, gc=False):
    """The list in an envelope, as other lists of the venue have it; it is documented without."""

    i: list[msgspec.Raw]


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_PAGE = msgspec.json.Decoder(TpslPage)
_ORDER = msgspec.json.Decoder(TpslOrder)

# By whether there is a price to take the profit at, and one to stop the loss at.
_ORDER_TYPES: Final = {
    (True, True): OrdType.TAKE_PROFIT_STOP_LOSS,
    (True, False): OrdType.TAKE_PROFIT,
    (False, True): OrdType.STOP,
}


def read_tpsl_orders(value: bytes, account: str) -> list[Report]:
    """Return the reports in the list of take-profit / stop-loss orders (Outpoll, Get TP/SL Orders).

    Raises:
        MappingError: some can't be read; it carries the reports of those that could be.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    items = _PAGE.decode(value).i if value.lstrip().startswith(b"{") else _LIST.decode(value)
    return read_each(items, lambda item: tpsl_report(_ORDER.decode(item), account))


def tpsl_report(order: TpslOrder, account: str) -> Report:
    """Return what is told of a take-profit / stop-loss order.

    Raises:
        MappingError: its status is not known, or it is without an id.
    """
    if not order.i:
        raise MappingError("i", order.i, NAMELESS)
    profit, loss = finite("tpp", order.tpp), finite("slp", order.slp)
    both = profit is not None and loss is not None
    return Report(
        account,
        None,
        order.i,
        status_of(order.s),
        order.s,
        order_qty=finite("q", order.q),
        transact_ns=time_ns(order.m),
        instrument=order.a,
        side=Side.SELL,
        ord_type=_ORDER_TYPES.get((profit is not None, loss is not None)),
        stop_price=loss if loss is not None else profit,
        take_profit_price=profit if both else None,
        created_ns=time_ns(order.m),
    )
