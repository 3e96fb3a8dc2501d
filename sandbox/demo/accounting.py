"""Holds what the venues know against what a reader of the results sees, order by order.

The venues' side is their simulators' ledgers, the other what a read_committed reader finds from the
beginning of each topic. Every rule is a function that yields a finding for each thing it objects to;
no finding means that every order is accounted for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from sandbox.demo.evidence import Evidence, Fields, VenueOrder
from sandbox.trader import venue_part
from schemas.fix import ExecType, JoinStatus, OrdStatus, Phase, UnmatchedReason
from schemas.topics import EXECUTIONS, LATEST, UNMATCHED

__all__ = ["Finding", "Kind", "Summary", "account_for"]


class Kind(StrEnum):
    """What a finding says: something is missing, is there twice, or is not as it should be."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing of one order that the two sides don't agree on."""

    kind: Kind
    order_request_id: str
    why: str


@dataclass(frozen=True)
class Summary:
    """The account: how many of what there was, and everything that does not agree.

    `venues` are how many orders each venue knows, stop orders included.
    """

    orders: int
    venues: dict[str, int]
    executions: int
    matched: int
    unmatched: dict[str, int]
    dead_letters: int
    frames: int
    findings: tuple[Finding, ...]

    def count(self, kind: Kind) -> int:
        """Return how many findings are of a kind."""
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether every order is accounted for."""
        return not self.findings


@dataclass(frozen=True)
class Books:
    """Both sides, with the indexes that the rules look things up in."""

    orders: Sequence[VenueOrder]
    evidence: Evidence

    @cached_property
    def trades(self) -> dict[tuple[str, str], list[Fields]]:
        """(account, trade id) -> every result of a trade of that name."""
        found: dict[tuple[str, str], list[Fields]] = defaultdict(list)
        for execution in self.evidence.executions:
            if execution["exec_type"] == ExecType.TRADE:
                found[execution["account"], execution["trade_id"]].append(execution)
        return found

    @cached_property
    def states(self) -> dict[str, set[str]]:
        """Order -> every OrdStatus that its executions went through."""
        found: dict[str, set[str]] = defaultdict(set)
        for execution in self.evidence.executions:
            found[execution["order_request_id"]].add(execution["ord_status"])
        return found


# What has to be said of an order of which the venue told nothing, by how its request ended.
REASONS = {
    Phase.INTENT: UnmatchedReason.NO_VENUE_REPLY,
    Phase.ACCEPTED: UnmatchedReason.NO_VENUE_REPLY,
    Phase.UNKNOWN: UnmatchedReason.OUTCOME_UNKNOWN,
}


def _expected_states(order: VenueOrder) -> frozenset[OrdStatus]:
    # T-Invest's stream calls an order that is cancelled after a part fill PARTIALLYFILL still; the lots tell.
    if order.is_cut_short and order.filled:
        return frozenset({OrdStatus.CANCELED})
    states: Mapping[str, frozenset[OrdStatus]] = venue_part(order.venue).STATES
    return states[order.status]


def _trades_are_there(books: Books) -> Iterator[Finding]:
    for order in books.orders:
        for trade in order.trades:
            found = books.trades.get((order.account, trade.trade_id))
            if not found:
                yield Finding(Kind.LOST, order.key, f"trade {trade.trade_id} is not in {EXECUTIONS.name}")
                continue
            told = (Decimal(found[0]["last_qty"]), Decimal(found[0]["last_px"]))
            if told != (Decimal(trade.quantity), Decimal(trade.price)):
                wanted = f"{trade.quantity} @ {trade.price}"
                yield Finding(
                    Kind.WRONG, order.key, f"trade {trade.trade_id} is {told[0]} @ {told[1]}, the venue's {wanted}"
                )


def _trades_are_the_venues(books: Books) -> Iterator[Finding]:
    known = {(order.account, trade.trade_id) for order in books.orders for trade in order.trades}
    for (account, trade_id), found in books.trades.items():
        if (account, trade_id) not in known:
            yield Finding(Kind.WRONG, found[0]["order_request_id"], f"trade {trade_id} is none of the venue's")


def _states_agree(books: Books) -> Iterator[Finding]:
    for order in books.orders:
        if not order.told:
            continue
        expected = _expected_states(order)
        kind = Kind.LOST if order.final else Kind.WRONG
        latest = books.evidence.latest.get(order.key)
        told = latest["ord_status"] if latest else "nothing"
        if told not in expected:
            yield Finding(kind, order.key, f"{LATEST.name} says {told}, the venue {order.status}")
        elif not books.states.get(order.key, set()) & expected:
            yield Finding(kind, order.key, f"{told} is not in {EXECUTIONS.name}")
        elif latest and Decimal(latest["cum_qty"]) != order.filled:
            yield Finding(kind, order.key, f"{LATEST.name} says {latest['cum_qty']} filled, the venue {order.filled}")


def _told_orders_are_joined(books: Books) -> Iterator[Finding]:
    for order in books.orders:
        # Whether an order that came of a stop order counts as submitted here depends on what the venue tells.
        if not order.told or order.stop_order_id:
            continue
        ours = order.key in books.evidence.submitted
        expected = (JoinStatus.MATCHED, None) if ours else (JoinStatus.UNMATCHED, UnmatchedReason.NOT_SUBMITTED_HERE)
        latest = books.evidence.latest.get(order.key)
        told = (latest["join_status"], latest["unmatched_reason"]) if latest else None
        if told is not None and told != expected:
            yield Finding(Kind.WRONG, order.key, f"{LATEST.name} says {_words(told)}, not {_words(expected)}")
        open_case = books.evidence.unmatched.get(order.key)
        if ours and open_case and open_case["status"] != JoinStatus.MATCHED:
            yield Finding(Kind.WRONG, order.key, f"{UNMATCHED.name} still says {open_case['reason']}")
        if not ours and not open_case:
            yield Finding(Kind.WRONG, order.key, f"not submitted here, and not in {UNMATCHED.name}")


def _untold_orders_are_unmatched(books: Books) -> Iterator[Finding]:
    for order in books.orders:
        if order.told or order.stop_order_id:
            continue
        phase = books.evidence.submitted.get(order.key)
        if phase is None:
            yield Finding(Kind.WRONG, order.key, "the venue told nothing of it, and it was not submitted here")
        elif phase == Phase.REJECTED:
            yield from _rejected(books, order.key)
        else:
            yield from _unmatched(books, order.key, REASONS[Phase(phase)])


def _submissions_end(books: Books) -> Iterator[Finding]:
    known = {order.key for order in books.orders}
    for request_id, phase in books.evidence.submitted.items():
        if request_id in known:
            continue
        if phase == Phase.REJECTED:
            yield from _rejected(books, request_id)
        elif phase == Phase.ACCEPTED:
            yield Finding(Kind.WRONG, request_id, "accepted, but the venue does not know it")
        else:
            yield from _unmatched(books, request_id, REASONS[Phase(phase)])


def _rejected(books: Books, key: str) -> Iterator[Finding]:
    latest = books.evidence.latest.get(key)
    told = latest["ord_status"] if latest else "nothing"
    if told != OrdStatus.REJECTED:
        yield Finding(Kind.LOST, key, f"the call was refused, {LATEST.name} says {told}")


def _unmatched(books: Books, key: str, reason: UnmatchedReason) -> Iterator[Finding]:
    case = books.evidence.unmatched.get(key)
    told = (case["status"], case["reason"]) if case else None
    if told != (JoinStatus.UNMATCHED, reason):
        yield Finding(Kind.WRONG, key, f"{UNMATCHED.name} says {_words(told)}, not {reason}")


def _words(told: Iterable[object] | None) -> str:
    return " ".join(str(word) for word in told or () if word is not None) or "nothing"


def _revisions_are_whole(books: Books) -> Iterator[Finding]:
    keys: dict[str, str] = {}
    published: dict[str, Counter[int]] = defaultdict(Counter)
    for execution in books.evidence.executions:
        # The key can change from one revision to the next, when two orders turn out to be one.
        keys[execution["exec_id"]] = execution["order_request_id"]
        published[execution["exec_id"]][execution["revision"]] += 1
    for exec_id, revisions in published.items():
        for revision in range(1, max(revisions) + 1):
            times = revisions[revision]
            if times > 1:
                yield Finding(
                    Kind.DUPLICATED, keys[exec_id], f"revision {revision} of {exec_id} is there {times} times"
                )
            if times == 0:
                yield Finding(Kind.LOST, keys[exec_id], f"revision {revision} of {exec_id} is missing")


def _trades_are_single(books: Books) -> Iterator[Finding]:
    for (_, trade_id), found in books.trades.items():
        exec_ids = sorted({execution["exec_id"] for execution in found})
        if len(exec_ids) > 1:
            yield Finding(
                Kind.DUPLICATED, found[0]["order_request_id"], f"trade {trade_id} is {' and '.join(exec_ids)}"
            )


def _results_are_readable(books: Books) -> Iterator[Finding]:
    for why in books.evidence.undecodable:
        yield Finding(Kind.WRONG, "", why)


RULES = (
    _trades_are_there,
    _trades_are_the_venues,
    _trades_are_single,
    _states_agree,
    _revisions_are_whole,
    _told_orders_are_joined,
    _untold_orders_are_unmatched,
    _submissions_end,
    _results_are_readable,
)


def account_for(orders: Sequence[VenueOrder], evidence: Evidence) -> Summary:
    """Return the account of all orders that the venues know or that were submitted."""
    books = Books(evidence.named(orders), evidence)
    missing = [case["reason"] for case in evidence.unmatched.values() if case["status"] == JoinStatus.UNMATCHED]
    return Summary(
        orders=len({order.key for order in books.orders} | evidence.submitted.keys()),
        venues=dict(sorted(Counter(order.venue for order in books.orders).items())),
        executions=len(evidence.executions),
        matched=sum(state["join_status"] == JoinStatus.MATCHED for state in evidence.latest.values()),
        unmatched=dict(sorted(Counter(missing).items())),
        dead_letters=evidence.dead_letters,
        frames=evidence.frames,
        findings=tuple(finding for rule in RULES for finding in rule(books)),
    )
