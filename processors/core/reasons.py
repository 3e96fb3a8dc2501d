"""Why the other side of an order is missing, when it had its chance."""

from typing import Final

from processors.core import candidates
from processors.core.lifecycle import Fact
from processors.core.model import Account, Order
from processors.core.publishing import decide
from processors.core.state import Outcome, Partition
from schemas.fix import OrdType, UnmatchedReason
from schemas.topics import account_key

__all__ = ["holes", "reconsider", "why_missing"]

# The types of stop orders, which not all need a stop price.
_STOPS: Final = frozenset(
    {
        OrdType.STOP,
        OrdType.STOP_LIMIT,
        OrdType.TAKE_PROFIT,
        OrdType.TRAILING_TAKE_PROFIT,
        OrdType.TRAILING_STOP,
        OrdType.TAKE_PROFIT_STOP_LOSS,
    }
)
_UNANSWERED: Final = Fact.UNANSWERED.value
_ANSWERS: Final = _UNANSWERED | Fact.SENT_OUT.value
_NOT_HERE: Final = "the venue told of it, and nobody submitted it here"
_ONLY_CHANGED: Final = "a cancel or a replace was asked for it, and neither its submission nor its venue told of it"
_NO_ANSWER: Final = "its call ended without an answer, and the feed told nothing of it"
_SILENT: Final = "the feed was up all the while and told nothing of it"
_NO_UUID: Final = "; its request id is no UUID, which the venue may have replaced by one of its own"


def why_missing(state: Partition, account: Account, key: str, order: Order) -> tuple[UnmatchedReason, str]:
    """Say why an order's other side is missing; only a FEED_DOWN, which may be the clock's, is thought over."""
    if order.terms.submitted_ns is None and order.reported_ns:
        return UnmatchedReason.NOT_SUBMITTED_HERE, _NOT_HERE + candidates.renamed(state, order)
    if order.unmatched_reason in (None, UnmatchedReason.FEED_DOWN):
        return _why_silent(state, account, key, order)
    return order.unmatched_reason, ""


def _why_silent(state: Partition, account: Account, key: str, order: Order) -> tuple[UnmatchedReason, str]:
    terms = order.terms
    # Of an order that a cancel alone speaks of, it isn't known since when the venue could have told.
    submitted = terms.submitted_ns or 0
    gaps = holes(account)
    if not account.covered:
        gaps.append((account.gap_from_ns, order.due_ns if account.gap_to_ns is None else account.gap_to_ns))
    in_gap = any(order.due_ns > start_ns and submitted < end_ns for start_ns, end_ns in gaps)
    if account.stops_unread and (terms.stop_price is not None or terms.ord_type in _STOPS or not submitted):
        return UnmatchedReason.FEED_DOWN, "the account's stop orders could not be read"
    if in_gap:
        return UnmatchedReason.FEED_DOWN, f"no feed covered its time ({account.reason or 'not connected yet'})"
    if terms.submitted_ns is None:
        return UnmatchedReason.NO_VENUE_REPLY, _ONLY_CHANGED
    if order.facts & _ANSWERS == _UNANSWERED:
        found = candidates.candidates(state, order)
        return UnmatchedReason.OUTCOME_UNKNOWN, _NO_ANSWER + (f"; it may be {' or '.join(found)}" if found else "")
    return UnmatchedReason.NO_VENUE_REPLY, _SILENT + (_NO_UUID if key in state.no_uuids else "")


def reconsider(state: Partition, key: str, account: Account, out: Outcome) -> None:
    """The venue's own state has been read: say of each FEED_DOWN what the silence means now."""
    for name, order in state.orders.items():
        due = order.unmatched_reason is UnmatchedReason.FEED_DOWN and order.due_ns <= account.watermark_ns
        if due and account_key(order.terms.venue, order.terms.account) == key:
            reason, detail = _why_silent(state, account, name, order)
            if reason is UnmatchedReason.FEED_DOWN:  # still, and told
                continue
            decide(name, order, reason, detail, account.watermark_ns, out)


def holes(account: Account) -> list[tuple[int, int]]:
    """Return the times between connections of which it isn't known that any of them was there.

    A connection that has not been heard for a while may have been killed, or may just have nothing
    to tell; only its next word shows which.
    """
    if len(account.connections) < 2:
        return []
    known = sorted((connection.since_ns, connection.heard_ns) for connection in account.connections.values())
    found = []
    heard_ns = known[0][1]
    for since_ns, until_ns in known:
        if since_ns > heard_ns:
            found.append((heard_ns, since_ns))
        heard_ns = max(heard_ns, until_ns)
    return found
