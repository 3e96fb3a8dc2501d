"""An order at the simulated exchange, and the steps that move it: pure, and exact in Decimal.

Of an order by amount, executed + canceled + left = amount at any time. An order by value (a market or
ceiling order of so much money) has no amount of its own: it ends when its money is spent.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from uuid import UUID, uuid5

from sandbox.simulators.ripio.pairs import Pair

__all__ = [
    "Ask",
    "Cancel",
    "ChangeRequest",
    "Fill",
    "Order",
    "Place",
    "Receive",
    "Source",
    "Status",
    "Step",
    "Trade",
    "Trigger",
    "Update",
    "take",
]

ZERO = Decimal(0)
# What the venue takes of each trade (Ripio, Trading fees, the example: percent).
TAKER_FEE, MAKER_FEE = Decimal("0.003"), Decimal("0.0021")
_FEE_STEP = Decimal("0.00000001")


class Status(StrEnum):
    """The documented states (Ripio, order_status)."""

    OPEN = "open"
    EXECUTED_PARTIALLY = "executed_partially"
    EXECUTED_COMPLETELY = "executed_completely"
    CANCELED = "canceled"


class Source(StrEnum):
    """Where an order comes from: the API, or the web site."""

    API = "API"
    SITE = "SITE"


@dataclass(frozen=True, kw_only=True)
class ChangeRequest:
    """A wish to cancel or to update; `code` is of its refusal, `done` whether anything came of it."""

    kind: str
    asked_ns: int
    code: int | None = None
    done: bool = True


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a client asked for. Words are the venue's (`buy`, `stop_limit`).

    `amount` is in the base currency, `value` in the quote currency; an order has one of them.
    """

    account: str
    external_id: str | None
    pair: Pair
    side: str
    order_type: str
    amount: Decimal | None
    value: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    distance: Decimal | None = None
    step_amount: Decimal | None = None
    expire_ns: int | None = None
    post_only: bool = False
    immediate_or_cancel: bool = False
    fill_or_kill: bool = False
    source: Source = Source.API

    @property
    def waits(self) -> bool:
        """Whether it waits for a price before it can trade."""
        return self.stop_price is not None or self.distance is not None

    @property
    def at_once(self) -> bool:
        """Whether it ends as soon as it can trade, and never rests in the book."""
        return self.price is None or self.immediate_or_cancel or self.fill_or_kill


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One trade: amount in the base currency, price in the quote currency for one of it."""

    trade_id: str
    price: Decimal
    amount: Decimal
    is_taker: bool
    other_order_id: str
    time_ns: int

    @property
    def value(self) -> Decimal:
        """What it cost, in the quote currency."""
        return self.price * self.amount

    def fee(self, side: str) -> Decimal:
        """Return what the venue took: of what a buyer or a seller got, in that currency."""
        got = self.amount if side == "buy" else self.value
        return (got * (TAKER_FEE if self.is_taker else MAKER_FEE)).quantize(_FEE_STEP, ROUND_DOWN)


@dataclass(frozen=True, kw_only=True)
class Order:
    """The state of one order. `number` counts the venue's orders; a later one has a greater number.

    `told` is whether the venue has told anyone of it.
    """

    ask: Ask
    order_id: str
    number: int
    created_ns: int
    changed_ns: int
    amount: Decimal | None
    price: Decimal | None
    told: bool = False
    placed: bool = False
    triggered: bool = False
    canceled: bool = False
    trades: tuple[Trade, ...] = ()
    requests: tuple[ChangeRequest, ...] = ()

    @property
    def executed(self) -> Decimal:
        """How much has traded."""
        return sum((trade.amount for trade in self.trades), ZERO)

    @property
    def executed_value(self) -> Decimal:
        """What all trades cost."""
        return sum((trade.value for trade in self.trades), ZERO)

    @property
    def average_price(self) -> Decimal:
        """The average price of all trades; 0 of none."""
        if not self.trades:
            return ZERO
        return (self.executed_value / self.executed).quantize(_FEE_STEP).normalize()

    @property
    def fees(self) -> Decimal:
        """What the venue took of all trades, in the currency that the order's side gets."""
        return sum((trade.fee(self.ask.side) for trade in self.trades), ZERO)

    @property
    def unfilled(self) -> Decimal:
        """How much has not traded, canceled or not; 0 of an order by value, which asked for no amount."""
        return ZERO if self.amount is None else self.amount - self.executed

    @property
    def left(self) -> Decimal:
        """How much can still trade: 0 once the order has ended, and of an order by value, see `value_left`."""
        return ZERO if self.canceled else self.unfilled

    @property
    def value_left(self) -> Decimal:
        """How much money can still be spent, or be got: of an order by value, else of what is left at its price."""
        if self.ask.amount is None and self.ask.value is not None:
            return ZERO if self.is_final else self.ask.value - self.executed_value
        return self.left * (self.price or ZERO)

    @property
    def is_spent(self) -> bool:
        """Whether it has traded all that it asked for, to the smallest amount that there is."""
        if self.amount is not None:
            return self.executed >= self.amount
        value = self.ask.value or ZERO
        last = self.trades[-1].price if self.trades else self.ask.pair.price
        return bool(self.trades) and value - self.executed_value < last * self.ask.pair.amount_tick

    @property
    def is_final(self) -> bool:
        """Whether nothing more can become of it."""
        return self.canceled or self.is_spent

    @property
    def status(self) -> Status:
        """The venue's word for its state."""
        if self.canceled:
            return Status.CANCELED
        if self.is_spent:
            return Status.EXECUTED_COMPLETELY
        return Status.EXECUTED_PARTIALLY if self.trades else Status.OPEN


@dataclass(frozen=True)
class Receive:
    """The venue has it, and has not created it yet."""


@dataclass(frozen=True)
class Place:
    """It is created."""


@dataclass(frozen=True)
class Trigger:
    """The price that it waited for has come."""


@dataclass(frozen=True)
class Fill:
    """One or more trades at once, as (amount, price); with `all_left` the last takes all that is left."""

    trades: tuple[tuple[Decimal, Decimal], ...]
    is_taker: bool = False
    all_left: bool = False


@dataclass(frozen=True)
class Cancel:
    """What is left of it is canceled."""


@dataclass(frozen=True)
class Update:
    """Its price, or its amount, becomes another."""

    price: Decimal | None = None
    amount: Decimal | None = None


Step = Receive | Place | Trigger | Fill | Cancel | Update


def take(order: Order, step: Step, now_ns: int) -> Order | None:
    """Return the order after `step`, or None when the step comes too late for it, or changes nothing."""
    if order.is_final:
        return None
    after = replace(order, told=True, changed_ns=now_ns)
    match step:
        case Receive():
            return after
        case Place():
            return replace(after, placed=True)
        case Trigger():
            return None if order.triggered else replace(after, triggered=True)
        case Fill():
            made = _trades(order, step, now_ns)
            return replace(after, placed=True, trades=order.trades + made) if made else None
        case Cancel():
            return replace(after, canceled=True)
        case Update(price, amount):
            return replace(
                after,
                price=order.price if price is None else price,
                amount=order.amount if amount is None else amount,
            )


def _trades(order: Order, fill: Fill, now_ns: int) -> tuple[Trade, ...]:
    # What was planned of an order may have been overtaken by an update of it: never more than is left,
    # never at a price worse than its limit.
    left, made = order.left, list[Trade]()
    for place, (wish, price) in enumerate(fill.trades, 1):
        last = fill.all_left and place == len(fill.trades)
        amount = wish if order.amount is None else left if last else min(wish, left)
        left -= amount
        name = f"{len(order.trades) + len(made)}"
        if amount:
            made.append(
                Trade(
                    trade_id=_id(order, f"trade {name}"),
                    price=_within(order, price),
                    amount=amount,
                    is_taker=fill.is_taker,
                    other_order_id=_id(order, f"other {name}"),
                    time_ns=now_ns,
                )
            )
    return tuple(made)


def _within(order: Order, price: Decimal) -> Decimal:
    if order.price is None:
        return price
    return min(price, order.price) if order.ask.side == "buy" else max(price, order.price)


def _id(order: Order, name: str) -> str:
    return str(uuid5(UUID(order.order_id), name)).upper()
