"""An order at the simulated exchange, and the steps that move it: pure, and exact in nano units.

At any time, lots executed + cancelled + left = lots requested, and the trades' pieces add up to the
lots executed times the lot size.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.simulators.tinvest.instruments import Instrument

__all__ = [
    "Ask",
    "Cancel",
    "CancelRequest",
    "Cause",
    "Fill",
    "Order",
    "Place",
    "Receive",
    "Reject",
    "Source",
    "Status",
    "Step",
    "Trade",
    "take",
]


class Status(StrEnum):
    """OrderExecutionReportStatus, without its prefix."""

    NEW = "NEW"
    PARTIALLYFILL = "PARTIALLYFILL"
    FILL = "FILL"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class Cause(StrEnum):
    """StatusCauseInfo, without its prefix."""

    UNSPECIFIED = "UNSPECIFIED"
    CANCELLED_BY_CLIENT = "CANCELLED_BY_CLIENT"
    CANCELLED_BY_EXCHANGE = "CANCELLED_BY_EXCHANGE"
    CANCELLED_NOT_ENOUGH_POSITION = "CANCELLED_NOT_ENOUGH_POSITION"
    CANCELLED_BY_CLIENT_BLOCK = "CANCELLED_BY_CLIENT_BLOCK"
    CANCELLED_BY_BROKER = "CANCELLED_BY_BROKER"
    REJECTED_BY_BROKER = "REJECTED_BY_BROKER"
    REJECTED_BY_EXCHANGE = "REJECTED_BY_EXCHANGE"


class Source(StrEnum):
    """Where an order comes from: the API, the phone app (it has no key of a client), or a stop order."""

    API = "API"
    APP = "APP"
    STOP = "STOP"


@dataclass(frozen=True)
class CancelRequest:
    """A wish to cancel, alone or as the half of a replace (`CANCEL`, `REPLACE`).

    `code` is of its refusal; without one it was accepted, and `done` tells whether anything came of it.
    """

    kind: str
    asked_ns: int
    code: str | None = None
    done: bool = True


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a client asked for. Enums are the venue's names without their prefix (`BUY`, `LIMIT`, `DAY`).

    `instrument_id` is the name that the client used for the instrument.
    """

    account: str
    request_id: str
    instrument: Instrument
    instrument_id: str
    direction: str
    order_type: str
    time_in_force: str
    lots: int
    price_nano: int | None
    source: Source = Source.API


@dataclass(frozen=True)
class Trade:
    """One trade; `pieces` are securities, not lots."""

    trade_id: str
    price_nano: int
    pieces: int
    time_ns: int

    @property
    def amount_nano(self) -> int:
        """What it cost."""
        return self.price_nano * self.pieces


@dataclass(frozen=True, kw_only=True)
class Order:
    """The state of one order.

    `number` is what its exchange id will be; until it is placed, the venue shows the client's key as
    the order's id (T-Invest, Order state stream: the first message carries an internal number).
    `told` is whether the venue has told anyone of it. `replaces` and `replaced_by` are the keys of the
    orders before and after it in a chain of replaces, `stop_order_id` is the stop order that became it:
    links that the stream never tells.
    """

    ask: Ask
    number: int
    trade_intent_id: str
    created_ns: int
    changed_ns: int
    placed: bool = False
    rejected: bool = False
    told: bool = False
    lots_cancelled: int = 0
    cause: Cause = Cause.UNSPECIFIED
    trades: tuple[Trade, ...] = ()
    replaces: str | None = None
    replaced_by: str | None = None
    stop_order_id: str | None = None
    cancel_requests: tuple[CancelRequest, ...] = ()

    @property
    def exchange_id(self) -> str | None:
        """The exchange's id of the order, once there is one."""
        return str(self.number) if self.placed else None

    @property
    def order_id(self) -> str:
        """The id that the stream shows at this moment."""
        return self.exchange_id or self.ask.request_id

    @property
    def pieces_executed(self) -> int:
        """How many securities have traded."""
        return sum(trade.pieces for trade in self.trades)

    @property
    def lots_executed(self) -> int:
        """How many lots have traded."""
        return self.pieces_executed // self.ask.instrument.lot_size

    @property
    def lots_left(self) -> int:
        """How many lots are neither traded nor cancelled."""
        return self.ask.lots - self.lots_executed - self.lots_cancelled

    @property
    def executed_nano(self) -> int:
        """What all trades cost."""
        return sum(trade.amount_nano for trade in self.trades)

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can become of it."""
        return self.rejected or self.lots_left == 0

    @property
    def status(self) -> Status:
        """The status that the unary methods show."""
        if self.rejected:
            return Status.REJECTED
        if self.lots_cancelled:
            return Status.CANCELLED
        if self.lots_left == 0:
            return Status.FILL
        return Status.PARTIALLYFILL if self.trades else Status.NEW

    @property
    def stream_status(self) -> Status:
        """The status that the stream shows, which after a partial fill never says CANCELLED.

        Source: T-Invest, Order state stream, "Statuses".
        """
        return Status.PARTIALLYFILL if self.status is Status.CANCELLED and self.trades else self.status


@dataclass(frozen=True)
class Receive:
    """The broker has it."""


@dataclass(frozen=True)
class Place:
    """The exchange has it, and gave it a number."""


@dataclass(frozen=True)
class Fill:
    """One or more trades at once, as (lots, price of a piece)."""

    trades: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Cancel:
    """What is left of it is cancelled."""

    cause: Cause


@dataclass(frozen=True)
class Reject:
    """It is refused after it was received."""

    cause: Cause


Step = Receive | Place | Fill | Cancel | Reject


def take(order: Order, step: Step, now_ns: int) -> Order | None:
    """Return the order after `step`, or None when the step comes too late for it."""
    if order.is_final:
        return None
    after = replace(order, told=True, changed_ns=now_ns)
    match step:
        case Receive():
            return after
        case Place():
            return replace(after, placed=True)
        case Fill(trades):
            return replace(after, trades=order.trades + _trades(order, trades, now_ns))
        case Cancel(cause):
            return replace(after, lots_cancelled=order.lots_left, cause=cause)
        case Reject(cause):
            return replace(after, rejected=True, cause=cause)


def _trades(order: Order, fills: tuple[tuple[int, int], ...], now_ns: int) -> tuple[Trade, ...]:
    # What was planned of an order may have been overtaken by another fill of it: never more than is left.
    left, trades = order.lots_left, list(order.trades)
    for wish, price_nano in fills:
        lots = min(wish, left)
        left -= lots
        if lots:
            trade_id = f"{order.number}{len(trades) + 1:03}"
            trades.append(Trade(trade_id, price_nano, lots * order.ask.instrument.lot_size, now_ns))
    return tuple(trades[len(order.trades) :])
