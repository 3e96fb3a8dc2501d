"""An order at the simulated venue, and the steps that move it: pure, and exact in decimals.

At any time, executed + cancelled + left = quantity, and the trades' quantities add up to what is executed.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from sandbox.simulators.outpoll.instruments import Instrument

__all__ = [
    "NOTHING",
    "Accept",
    "Ask",
    "Cancel",
    "FailCancel",
    "Fill",
    "Order",
    "Reject",
    "Result",
    "Source",
    "Status",
    "Step",
    "Trade",
    "result_of",
    "take",
]

NOTHING = Decimal(0)


class Status(StrEnum):
    """What the history says of an order. The documents show ACTIVE and FILLED only; the others are chosen."""

    ACTIVE = "ACTIVE"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


class Result(StrEnum):
    """What an ORDER_UPDATE says (Outpoll, Order Updates)."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class Source(StrEnum):
    """Where an order comes from: the API, the venue's app, or a take-profit / stop-loss order."""

    API = "API"
    APP = "APP"
    TPSL = "TPSL"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a client asked for.

    `side` is BUY or SELL, `order_type` LIMIT or MARKET. `quantity` is in shares; a market order to buy
    has `amount` instead, in the quote asset (Outpoll, Place Market Order).
    """

    account: str
    instrument: Instrument
    side: str
    order_type: str
    price: Decimal | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    source: Source = Source.API


@dataclass(frozen=True)
class Trade:
    """One trade of so many shares."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    time_ns: int


@dataclass(frozen=True, kw_only=True)
class Order:
    """The state of one order.

    `quantity` is in shares, also where money was asked for. `told` is whether the venue has told anyone
    of it, `ignored` that it never will. `revision` counts its steps; `tpsl_id` is the order that became it.
    """

    ask: Ask
    order_id: str
    quantity: Decimal
    created_ns: int
    changed_ns: int
    told: bool = False
    ignored: bool = False
    rejected: bool = False
    cancelled: Decimal = NOTHING
    trades: tuple[Trade, ...] = ()
    revision: int = 0
    tpsl_id: str | None = None

    @property
    def executed(self) -> Decimal:
        """How many shares have traded."""
        return sum((trade.quantity for trade in self.trades), NOTHING)

    @property
    def left(self) -> Decimal:
        """How many shares are neither traded nor cancelled."""
        return self.quantity - self.executed - self.cancelled

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can become of it."""
        return self.rejected or not self.left

    @property
    def status(self) -> Status:
        """What the history says of it."""
        if self.rejected:
            return Status.REJECTED
        if self.cancelled:
            return Status.CANCELED
        return Status.ACTIVE if self.left else Status.FILLED


@dataclass(frozen=True)
class Accept:
    """The venue has it."""


@dataclass(frozen=True)
class Fill:
    """One or more trades at once, as (trade id, quantity, price)."""

    trades: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True)
class Cancel:
    """What is left of it is cancelled."""


@dataclass(frozen=True)
class FailCancel:
    """A wish to cancel it, which the venue had taken, comes to nothing."""


@dataclass(frozen=True)
class Reject:
    """It is refused after it was taken."""


Step = Accept | Fill | Cancel | FailCancel | Reject


def result_of(step: Step) -> Result:
    """Return what the stream says of a step: whether what was asked for came about."""
    return Result.FAILED if isinstance(step, Reject | FailCancel) else Result.SUCCESS


def take(order: Order, step: Step, now_ns: int) -> Order | None:
    """Return the order after `step`, or None when the step comes too late for it, or too early."""
    if order.is_final:
        return None
    after = replace(order, told=True, changed_ns=now_ns, revision=order.revision + 1)
    match step:
        case Accept():
            return after
        case FailCancel():
            return after if order.told else None
        case Fill(trades):
            return replace(after, trades=order.trades + _made(order.left, trades, now_ns))
        case Cancel():
            return replace(after, cancelled=order.left)
        case Reject():
            return replace(after, rejected=True)


def _made(left: Decimal, trades: tuple[tuple[str, Decimal, Decimal], ...], now_ns: int) -> tuple[Trade, ...]:
    # What was planned of an order may have been overtaken by another fill of it: never more than is left.
    made = list[Trade]()
    for trade_id, quantity, price in trades:
        made += [Trade(trade_id, price, min(quantity, left), now_ns)] if left else []
        left -= min(quantity, left)
    return tuple(made)
