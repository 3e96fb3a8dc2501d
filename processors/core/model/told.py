"""What else is told: unmatched orders, and how the feeds are."""

from dataclasses import dataclass

from mypy_extensions import mypyc_attr

from schemas.fix import FeedState, JoinStatus, OrdStatus, UnmatchedReason

__all__ = ["Unmatched", "FeedStatus"]


@mypyc_attr(acyclic=True)
@dataclass
class Unmatched:
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


@mypyc_attr(acyclic=True)
@dataclass
class FeedStatus:
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
