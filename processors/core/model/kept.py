"""What is kept: of an order, of an account and of its connections."""

from dataclasses import dataclass, field
from decimal import Decimal

from mypy_extensions import mypyc_attr

from processors.core.model.execution import ZERO, Event, Terms
from schemas.fix import FeedState, UnmatchedReason

__all__ = ["Order", "Connection", "Account"]


@mypyc_attr(acyclic=True)
@dataclass(init=False)
class Order:
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
    facts: int
    traded_qty: Decimal
    notional: Decimal
    told_qty: Decimal
    trade_ids: set[str] | None
    names: tuple[str, ...]
    venue_order_id: str | None
    venue_status: str | None
    text: str | None
    last: Event | None
    unjoined: tuple[Event, ...]
    due_ns: int
    reported_ns: int
    ended_ns: int
    unmatched_reason: UnmatchedReason | None
    unmatched_revision: int
    changes: dict[str, int] | None
    triggers_id: str | None
    created_ns: int
    asked: dict[str, tuple[Decimal | None, Decimal | None]] | None

    def __init__(
        self,
        terms: Terms,
        facts: int = 0,
        traded_qty: Decimal = ZERO,
        notional: Decimal = ZERO,
        told_qty: Decimal = ZERO,
        trade_ids: set[str] | None = None,
        names: tuple[str, ...] = (),
        venue_order_id: str | None = None,
        venue_status: str | None = None,
        text: str | None = None,
        last: Event | None = None,
        unjoined: tuple[Event, ...] = (),
        due_ns: int = 0,
        reported_ns: int = 0,
        ended_ns: int = 0,
        unmatched_reason: UnmatchedReason | None = None,
        unmatched_revision: int = 0,
        changes: dict[str, int] | None = None,
        triggers_id: str | None = None,
        created_ns: int = 0,
        asked: dict[str, tuple[Decimal | None, Decimal | None]] | None = None,
    ) -> None:
        self.terms = terms
        self.facts = facts
        self.traded_qty = traded_qty
        self.notional = notional
        self.told_qty = told_qty
        self.trade_ids = trade_ids
        self.names = names
        self.venue_order_id = venue_order_id
        self.venue_status = venue_status
        self.text = text
        self.last = last
        self.unjoined = unjoined
        self.due_ns = due_ns
        self.reported_ns = reported_ns
        self.ended_ns = ended_ns
        self.unmatched_reason = unmatched_reason
        self.unmatched_revision = unmatched_revision
        self.changes = changes
        self.triggers_id = triggers_id
        self.created_ns = created_ns
        self.asked = asked


@mypyc_attr(acyclic=True)
@dataclass
class Connection:
    """One connection that serves an account: which feed's, how far it was heard, its last sequence number.

    What the venue said from `since_ns` to `heard_ns` is known by it: 0 once it has been read up on.
    """

    feed: str
    heard_ns: int
    sequence: int
    since_ns: int = 0


@mypyc_attr(acyclic=True)
@dataclass
class Account:
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
