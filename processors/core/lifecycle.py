"""The life cycle of an order, as a set of facts.

Theory
------
A venue's reports reach us in no order that can be relied on. Two feeds tell the same twice, a
reconnect loses some, a REST answer overtakes the stream or comes after the fill, and a snapshot
tells the end before the stream tells the middle. A state machine that walks from status to status
would have to say what a step out of turn means, for every pair of statuses.

So nothing walks here. What is kept of an order is the **set of facts** that were ever told of it:

* a life-cycle fact is a bit: the venue received it, the exchange took it, it was canceled, ...;
* a trade is a member of a set, by its trade id; quantity and notional are sums over that set;
* a filled quantity that was told without its trades is a number of which the largest holds.

Adding a fact is a set union or a maximum. Both are commutative, associative and idempotent, so the
state is a join-semilattice: any order of arrival, and any repetition, ends in the same state. That
is what the property tests shuffle and double.

**OrdStatus is a function of the facts**, by FIX 4.4's precedence (volume 4, "Order State Changes":
when an order is in several states at once, the highest is reported). The function is the table
`STATUS`, computed once from `PRECEDENCE` below. Its irregular rows:

* FILLED stands above CANCELED: a cancel that came too late changes nothing.
* CANCELED stands above PARTIALLY_FILLED, and a trade after it changes CumQty but not the status
  (FIX appendix D35): late fills are real.
* PARTIALLY_FILLED stands above REJECTED: a rejection of an order that traded is the weaker claim.
* TRIGGERED, which FIX has only as an ExecType, ends a stop order: the order that it became is another.
* What the *gateway* was answered is the weakest: a refusal by REST is believed until the stream
  shows the order alive, for a call can fail after the order was taken. As weak is a stream's word that a
  request failed, where it doesn't say which (Outpoll's FAILED): of an order that lives, it was a later one.
* COMPLETE is no fact that is told: it follows from the quantities, and goes again when the order is made
  larger.

**An execution is the arrival of a fact.** Each trade and each life-cycle fact is told once, when it
is first seen, with the status that holds after it; a report that adds nothing is a duplicate and
makes nothing. A filled quantity that no trade explains yet, or a change of terms alone, is told as
ExecType ORDER_STATUS, which carries no LastQty, so the trades can still follow and no quantity is
counted twice.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from enum import IntFlag
from typing import Final

from processors.core.model import ZERO, Order, Report, Trade
from schemas.fix import ExecType, OrdStatus

__all__ = [
    "FINAL",
    "IS_AMEND",
    "IS_REPLACE",
    "PRECEDENCE",
    "REFUSED",
    "STATUS",
    "TAKEN",
    "Fact",
    "add_trade",
    "answer",
    "avg_px",
    "count",
    "cum_qty",
    "learn",
    "open_changes",
    "quantities",
    "status_of",
]


class Fact(IntFlag):
    """What can be told of an order, one bit each.

    An order keeps them as a plain int, and is asked by `value`: an operation with a Flag makes a Flag,
    which takes longer than all else that happens to a frame.
    """

    UNANSWERED = 1  # the gateway's call ended without an answer
    SENT_OUT = 2  # the gateway's call was answered: taken
    REFUSED = 4  # the gateway's call was answered: refused
    PENDING_NEW = 8
    NEW = 16
    REJECTED = 32
    TRADED = 64
    EXPIRED = 128
    CANCELED = 256
    FILLED = 512
    TRIGGERED = 1024  # of a stop order: it became an order of the exchange, which has a life of its own
    COMPLETE = 2048  # what was filled comes to what was ordered
    FAILED = 4096  # the stream told that a request about the order failed, and not which


# Highest first; FIX 4.4 volume 4, with the facts about requests put last.
PRECEDENCE: Final = (
    (Fact.FILLED | Fact.COMPLETE, OrdStatus.FILLED),
    (Fact.TRIGGERED, OrdStatus.TRIGGERED),
    (Fact.CANCELED, OrdStatus.CANCELED),
    (Fact.EXPIRED, OrdStatus.EXPIRED),
    (Fact.TRADED, OrdStatus.PARTIALLY_FILLED),
    (Fact.REJECTED, OrdStatus.REJECTED),
    (Fact.NEW, OrdStatus.NEW),
    (Fact.REFUSED | Fact.FAILED, OrdStatus.REJECTED),
    (Fact.PENDING_NEW, OrdStatus.PENDING_NEW),
    (Fact.SENT_OUT, OrdStatus.PENDING_NEW),
)

STATUS: Final = tuple(
    next((status for fact, status in PRECEDENCE if facts & fact), OrdStatus.PENDING_NEW) for facts in range(8192)
)

FINAL: Final = frozenset(
    {OrdStatus.FILLED, OrdStatus.TRIGGERED, OrdStatus.CANCELED, OrdStatus.EXPIRED, OrdStatus.REJECTED}
)

_FACT_OF: Final = {
    OrdStatus.PENDING_NEW: int(Fact.PENDING_NEW),
    OrdStatus.NEW: int(Fact.NEW),
    OrdStatus.PARTIALLY_FILLED: int(Fact.TRADED),
    OrdStatus.FILLED: int(Fact.FILLED),
    OrdStatus.TRIGGERED: int(Fact.TRIGGERED),
    OrdStatus.CANCELED: int(Fact.CANCELED),
    OrdStatus.EXPIRED: int(Fact.EXPIRED),
    OrdStatus.REJECTED: int(Fact.REJECTED),
}

# The facts that are an execution of their own; the others show in trades or in ORDER_STATUS.
_STEP_OF: Final = {
    int(Fact.PENDING_NEW): ExecType.PENDING_NEW,
    int(Fact.NEW): ExecType.NEW,
    int(Fact.REJECTED): ExecType.REJECTED,
    int(Fact.EXPIRED): ExecType.EXPIRED,
    int(Fact.CANCELED): ExecType.CANCELED,
    int(Fact.TRIGGERED): ExecType.TRIGGERED,
}
# Bits of a request to change an order (`changes.Change`), as far as they decide where it stands.
TAKEN: Final = 2
REFUSED: Final = 4
IS_REPLACE: Final = 16
IS_AMEND: Final = 32

_TRADED: Final = int(Fact.TRADED)
_COMPLETE: Final = int(Fact.COMPLETE)
_FAILED: Final = int(Fact.FAILED)
_ALIVE: Final = int(Fact.NEW | Fact.TRADED)
_AMENDED: Final = IS_AMEND | TAKEN
# A member of an enum is looked up by name at every use; these are used for every frame.
_TRADE: Final = ExecType.TRADE
_ORDER_STATUS: Final = ExecType.ORDER_STATUS
# Eighteen significant digits are more than any venue's price has; exact quotients stay short.
_DIVISION: Final = Context(prec=18)


def status_of(order: Order) -> OrdStatus:
    """Return where the order stands: what its facts say, or what it waits for while it has not ended."""
    status = STATUS[order.facts]
    if not order.changes or status in FINAL or not (waits := open_changes(order)):
        return status
    only_replaces = all(order.changes[request_id] & (IS_REPLACE | IS_AMEND) for request_id in waits)
    return OrdStatus.PENDING_REPLACE if only_replaces else OrdStatus.PENDING_CANCEL


def open_changes(order: Order) -> list[str]:
    """Return the ids of the requests to change the order that were not refused, nor are done with."""
    if order.facts & _FAILED and order.facts & _ALIVE:
        return []
    return [
        request_id
        for request_id, known in (order.changes or {}).items()
        if not known & REFUSED and known & _AMENDED != _AMENDED
    ]


def cum_qty(order: Order) -> Decimal:
    """Return CumQty: what the trades sum up to, or more if a report told of more."""
    return order.traded_qty if order.traded_qty >= order.told_qty else order.told_qty


def quantities(order: Order) -> tuple[Decimal, Decimal | None]:
    """Return CumQty and LeavesQty.

    LeavesQty is 0 of an ended order, else what is left; None while the quantity isn't known.
    """
    filled = cum_qty(order)
    if STATUS[order.facts] in FINAL:
        return filled, ZERO
    wanted = order.terms.order_qty
    if wanted is None:
        return filled, None
    return filled, wanted - filled if filled < wanted else ZERO


def avg_px(order: Order) -> Decimal | None:
    """Return AvgPx of the trades that are known, or None before the first."""
    return _DIVISION.divide(order.notional, order.traded_qty) if order.traded_qty else None


def learn(order: Order, report: Report, *, changed: bool = False) -> Iterator[tuple[ExecType, Trade | None]]:
    """Add a report's facts to the order, one after the other, and yield each step that this makes.

    The order stands at the step while it is handed out, and moves on with the next. A report that
    adds nothing makes no step, unless the caller says that something else of the order has `changed`.
    """
    facts, cum = order.facts, cum_qty(order)
    told = _FAILED if report.of_request else _FACT_OF[report.ord_status]
    fresh = _fresh_trades(order, report.trades) if report.trades else ()
    if fresh:
        last = fresh[-1]
        for trade in fresh:
            add_trade(order, trade)
            if trade is last:
                _tell(order, told, report.cum_qty)
            yield _TRADE, trade
    else:
        _tell(order, told, report.cum_qty)
    if told in _STEP_OF and not facts & told:
        yield _STEP_OF[told], None
    elif told == _FAILED and not facts & told:
        yield _failed(order), None
    elif not fresh and (changed or order.facts != facts or cum_qty(order) != cum):
        yield _ORDER_STATUS, None


def _failed(order: Order) -> ExecType:
    if STATUS[order.facts] is OrdStatus.REJECTED:
        return ExecType.REJECTED
    return ExecType.CANCEL_REJECTED if order.changes else _ORDER_STATUS


def _fresh_trades(order: Order, trades: tuple[Trade, ...]) -> list[Trade]:
    known = order.trade_ids or ()
    return list({trade.trade_id: trade for trade in trades if trade.trade_id not in known}.values())


def add_trade(order: Order, trade: Trade) -> bool:
    """Add one trade to the order, and tell whether it was new."""
    if order.trade_ids is None:
        order.trade_ids = set()
    elif trade.trade_id in order.trade_ids:
        return False
    order.trade_ids.add(trade.trade_id)
    order.traded_qty += trade.quantity
    order.notional += trade.price * trade.quantity
    order.facts |= _TRADED
    if (wanted := order.terms.order_qty) and order.traded_qty >= wanted:
        order.facts |= _COMPLETE
    return True


def count(order: Order) -> None:
    """Tell anew whether the order is filled by its quantities: to be called when the quantity ordered has changed."""
    wanted = order.terms.order_qty
    if wanted and cum_qty(order) >= wanted:
        order.facts |= _COMPLETE
    else:
        order.facts &= ~_COMPLETE


def _tell(order: Order, fact: int, quantity: Decimal) -> None:
    if quantity:
        if quantity > order.told_qty:
            order.told_qty = quantity
        fact |= _TRADED
        if (wanted := order.terms.order_qty) and cum_qty(order) >= wanted:
            fact |= _COMPLETE
    order.facts |= fact


def answer(order: Order, fact: Fact) -> bool:
    """Add what the gateway was answered, and tell whether that was new."""
    new = not order.facts & fact.value
    order.facts |= fact.value
    return new
