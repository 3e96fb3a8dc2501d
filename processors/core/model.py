"""The core's nouns: what comes in, what is kept, what goes out.

Quantities are in units of the instrument (pieces), prices of one unit, times nanoseconds of Unix
time. `Terms` and `Event` together are one Execution record: their fields are the schema's, in the
schema's order. Both are frozen, so a result can be encoded after the state has moved on, and the
encoding of `Terms`, which seldom change, is made once and kept with them.
"""

from decimal import Decimal

from msgspec import Struct, field

from schemas.fix import (
    Action,
    ExecType,
    FeedState,
    JoinStatus,
    LastLiquidityInd,
    OrdStatus,
    OrdType,
    Phase,
    Side,
    Source,
    TimeInForce,
    UnmatchedReason,
)

__all__ = [
    "Account",
    "Connection",
    "Due",
    "Event",
    "FeedStatus",
    "Order",
    "Origin",
    "Report",
    "Submission",
    "Terms",
    "Trade",
    "Unmatched",
    "ZERO",
]

ZERO = Decimal(0)


class Origin(Struct, frozen=True, gc=False):
    """The record that something was read from, and when its bytes arrived at the feed or the gateway."""

    topic: str
    partition: int
    offset: int
    received_ns: int
    source: Source

    def event_id(self, index: int) -> str:
        """Return the identity of the result number `index` that this record caused."""
        return f"{self.topic}-{self.partition}-{self.offset}-{index}"

    def again_id(self, event: "Event", index: int) -> str:
        """Return the identity of the result number `index`, which is an execution once more."""
        return self.event_id(index)


class Due(Origin, frozen=True, gc=False):
    """No record, but that an order's time has come; it stands by the record that told of the order last.

    That record can tell of many orders, whose times come one by one, so a result is told apart from the others
    by the execution that it is of and its revision.
    """

    def again_id(self, event: "Event", index: int) -> str:
        """Return the identity of the next revision of an execution."""
        record, _, number = event.exec_id.rpartition("-")
        return f"{record}-{_REVISION * (event.revision + 1) + int(number)}"


# More than the results that one record can have.
_REVISION = 1_000_000


class Trade(Struct, frozen=True, gc=False):
    """One fill as the venue tells it; `trade_id` is its identity within the account."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    transact_ns: int | None = None
    commission: Decimal | None = None
    commission_currency: str | None = None
    liquidity: LastLiquidityInd | None = None


class Report(Struct, frozen=True, gc=False):
    """What a venue says of one order: what a mapping makes of a frame.

    `ord_status` is the venue's status in FIX's words, by the venue's mapping table; `venue_status` is None
    where it follows from something else than a status, such as a trade. `cum_qty` is the
    filled quantity as told, which may run ahead of the `trades` listed here. With `of_request` a REJECTED is
    the venue's word that a request about the order failed, whichever it was. `triggers_id` is the venue's
    id of the order that a stop order became. `other_id` is one more of the venue's ids of the order, which
    ties its reports where its `venue_order_id` changes and no request id does. `created_ns` is when the venue
    took the order; only a mapping whose venue knows no request ids gives it, for there an order whose call
    was not answered is found by what it is (`candidates.py`).
    """

    account: str
    order_request_id: str | None
    venue_order_id: str | None
    ord_status: OrdStatus
    venue_status: str | None
    cum_qty: Decimal = ZERO
    order_qty: Decimal | None = None
    trades: tuple[Trade, ...] = ()
    transact_ns: int | None = None
    text: str | None = None
    instrument: str | None = None
    symbol: str | None = None
    side: Side | None = None
    ord_type: OrdType | None = None
    time_in_force: TimeInForce | None = None
    price: Decimal | None = None
    currency: str | None = None
    stop_price: Decimal | None = None
    expire_ns: int | None = None
    triggers_id: str | None = None
    other_id: str | None = None
    cash_order_qty: Decimal | None = None
    take_profit_price: Decimal | None = None
    created_ns: int | None = None
    of_request: bool = False


class Submission(Struct, frozen=True, gc=False):
    """One record of `orders.submitted`; the fields are the schema's, in its order, but for the call's own text."""

    order_request_id: str
    venue: str
    account: str
    action: Action
    phase: Phase
    instrument: str | None
    side: Side | None
    ord_type: OrdType | None
    time_in_force: TimeInForce | None
    quantity: Decimal | None
    price: Decimal | None
    submitted_ns: int
    phase_ns: int
    venue_order_id: str | None = None
    venue_status: str | None = None
    code: str | None = None
    text: str | None = None
    tracking_id: str | None = None
    stop_price: Decimal | None = None
    expire_ns: int | None = None
    orig_order_request_id: str | None = None
    orig_venue_order_id: str | None = None
    cash_order_qty: Decimal | None = None
    take_profit_price: Decimal | None = None
    display_qty: Decimal | None = None
    peg_offset_value: Decimal | None = None


class Terms(Struct, frozen=True, array_like=True, dict=True):
    """What an order is: the part of an Execution that seldom changes. See execution.avsc for each field."""

    order_request_id: str
    venue: str
    account: str
    instrument: str | None = None
    symbol: str | None = None
    side: Side | None = None
    ord_type: OrdType | None = None
    time_in_force: TimeInForce | None = None
    price: Decimal | None = None
    currency: str | None = None
    submitted_quantity: Decimal | None = None
    submitted_ns: int | None = None
    order_qty: Decimal | None = None
    stop_price: Decimal | None = None
    expire_ns: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    triggers: str | None = None
    triggered_by: str | None = None
    cash_order_qty: Decimal | None = None
    take_profit_price: Decimal | None = None


class Event(Struct, frozen=True, array_like=True, gc=False):
    """One step of an order and where it stands after it. See execution.avsc for each field."""

    venue_order_id: str | None
    ord_status: OrdStatus
    exec_type: ExecType
    cum_qty: Decimal
    leaves_qty: Decimal | None
    avg_px: Decimal | None
    last_qty: Decimal | None
    last_px: Decimal | None
    trade_id: str | None
    text: str | None
    venue_status: str | None
    transact_ns: int | None
    received_ns: int
    join_status: JoinStatus
    unmatched_reason: UnmatchedReason | None
    late: bool
    revision: int
    source: Source
    exec_id: str
    event_id: str
    raw_topic: str
    raw_partition: int
    raw_offset: int
    change_request_id: str | None = None
    commission: Decimal | None = None
    commission_currency: str | None = None
    last_liquidity_ind: LastLiquidityInd | None = None


class Order(Struct, array_like=True, gc=False):
    """All that is kept of one order.

    `facts` is the set of what was ever told of it, as bits of `lifecycle.Fact`. `traded_qty` and
    `notional` are sums over `trade_ids`; `told_qty` is the largest filled quantity that a report
    named. `names` are the venue's ids of it. `last` is its newest step, `unjoined` are the executions
    that were published before the other side came, to be published again with it. At `due_ns` of
    the account's time the other side has had its chance; `reported_ns` is when the venue's side came
    and `ended_ns` when the order ended, 0 before. `unmatched_revision` counts its records in
    `orders.unmatched`. `changes` are the requests to cancel or replace it, as bits of `changes.Change`
    by request id; `triggers_id` is the venue's id of the order that a stop order became. `created_ns` is as in
    a report. `asked` are the price and the quantity that each amend asks for that was not refused, by request id.
    """

    terms: Terms
    facts: int = 0
    traded_qty: Decimal = ZERO
    notional: Decimal = ZERO
    told_qty: Decimal = ZERO
    trade_ids: set[str] | None = None
    names: tuple[str, ...] = ()
    venue_order_id: str | None = None
    venue_status: str | None = None
    text: str | None = None
    last: Event | None = None
    unjoined: tuple[Event, ...] = ()
    due_ns: int = 0
    reported_ns: int = 0
    ended_ns: int = 0
    unmatched_reason: UnmatchedReason | None = None
    unmatched_revision: int = 0
    changes: dict[str, int] | None = None
    triggers_id: str | None = None
    created_ns: int = 0
    asked: dict[str, tuple[Decimal | None, Decimal | None]] | None = None


class Connection(Struct, array_like=True, gc=False):
    """One connection that serves an account: which feed's, how far it was heard, its last sequence number.

    What the venue said from `since_ns` to `heard_ns` is known by it: 0 once it has been read up on.
    """

    feed: str
    heard_ns: int
    sequence: int
    since_ns: int = 0


class Account(Struct, array_like=True, gc=False):
    """What is known of an account's feeds.

    `watermark_ns` is the time up to which at least one feed has delivered all it was told. Unless
    `covered`, the time from `gap_from_ns` to `gap_to_ns` (None while it lasts) was not covered by any
    connection and not yet read up on by reconciliation; before the first connection the gap reaches back
    to 0. `state` is since `since_ns`, `reason` is why the feed was last not there, and the `shown_…` fields
    are the last gap, all as `feeds.status` tells it; `reconciled_ns` is up to when the venue's own state was
    read. `stops_unread` says that the newest reconciliation could not read the stop orders.
    """

    venue: str
    account: str
    watermark_ns: int = 0
    connections: dict[str, Connection] = field(default_factory=dict)
    covered: bool = False
    gap_from_ns: int = 0
    gap_to_ns: int | None = None
    state: FeedState = FeedState.DOWN
    since_ns: int = 0
    reason: str | None = None
    shown_gap_from_ns: int | None = None
    shown_gap_to_ns: int | None = None
    reconciled_ns: int | None = None
    stops_unread: bool = False


class Unmatched(Struct, frozen=True, gc=False):
    """One record of `orders.unmatched`; the fields are the schema's, in its order."""

    order_request_id: str
    venue: str
    account: str
    status: JoinStatus
    reason: UnmatchedReason
    revision: int
    late: bool
    detail: str
    venue_order_id: str | None
    ord_status: OrdStatus | None
    since_ns: int
    decided_ns: int
    submitted_ns: int | None
    event_id: str


class FeedStatus(Struct, frozen=True, gc=False):
    """One record of `feeds.status`; the fields are the schema's, in its order."""

    venue: str
    account: str
    status: FeedState
    since_ns: int
    connections: int
    reason: str | None
    gap_from_ns: int | None
    gap_to_ns: int | None
    reconciled_ns: int | None
    event_id: str
