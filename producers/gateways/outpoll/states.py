"""What Outpoll answers to queries, typed: numbers exact, ids as text, times in nanoseconds of Unix time. Pure.

`venue_status`, `side` and `ord_type` are the venue's words as they came. Sources: Outpoll, History; Get Active
Orders; Get TP/SL Orders.
"""

from dataclasses import dataclass
from decimal import Decimal

from producers.venues.outpoll.lists import Item

__all__ = ["OrderState", "StopOrder", "Trade"]

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class OrderState:
    """An order of the history. `told_quantity` is the venue's `q`, which is taken for what has been filled."""

    venue_order_id: str
    venue_status: str
    side: str
    ord_type: str
    instrument: str
    event: str
    outcome: str
    price: Decimal | None
    quantity: Decimal | None
    told_quantity: Decimal | None
    created_ns: int | None

    @classmethod
    def read(cls, item: Item) -> "OrderState":
        """Read an item of the history or of the active orders, whose names are the long ones."""
        return cls(
            venue_order_id=item.i or item.id,
            venue_status=item.st or item.status,
            side=item.si or item.side,
            ord_type=item.t,
            instrument=item.a,
            event=item.e,
            outcome=item.o,
            price=item.price if item.p is None else item.p,
            quantity=item.quantity if item.oq is None else item.oq,
            told_quantity=item.q,
            created_ns=_time_ns(item),
        )


@dataclass(frozen=True, kw_only=True)
class StopOrder:
    """A take-profit / stop-loss order."""

    venue_order_id: str
    venue_status: str
    instrument: str
    quantity: Decimal | None
    take_profit_price: Decimal | None
    stop_loss_price: Decimal | None
    created_ns: int | None

    @classmethod
    def read(cls, item: Item) -> "StopOrder":
        """Read an item of their list."""
        return cls(
            venue_order_id=item.i,
            venue_status=item.s,
            instrument=item.a,
            quantity=item.q,
            take_profit_price=item.tpp,
            stop_loss_price=item.slp,
            created_ns=_time_ns(item),
        )


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A fill of an order."""

    trade_id: str
    venue_order_id: str
    side: str
    instrument: str
    price: Decimal | None
    quantity: Decimal | None
    transact_ns: int | None

    @classmethod
    def read(cls, item: Item) -> "Trade":
        """Read an item of the trades."""
        return cls(
            trade_id=item.i,
            venue_order_id=item.oi,
            side=item.si,
            instrument=item.a,
            price=item.p,
            quantity=item.q,
            transact_ns=_time_ns(item),
        )


def _time_ns(item: Item) -> int | None:
    return None if item.m is None else item.m * _NS_PER_MS
