"""What a processor counts, for Prometheus: what happens is counted once a round. docs/metrics.md lists all of it."""

import collections
from collections.abc import Iterable

import msgspec
from prometheus_client import Counter, Histogram

from schemas.fix import JoinStatus, UnmatchedReason
from schemas.topics import SUBMITTED, frames_topic

__all__ = [
    "REBALANCES",
    "RESTORED",
    "RESTORE_SECONDS",
    "ROUND_RECORDS",
    "TRANSACTIONS",
    "TRANSACTION_SECONDS",
    "Counts",
    "prepare",
    "tell",
]

TAKEN = Counter("dropcopy_processor_records", "Input records taken, markers included, by their topic.", ["topic"])
EXECUTIONS = Counter("dropcopy_processor_executions", "Executions published.")
UNMATCHED = Counter(
    "dropcopy_processor_unmatched",
    "Orders decided to be without their other side (status UNMATCHED), and those it came for after all (MATCHED).",
    ["venue", "reason", "status"],
)
DEAD_LETTERS = Counter(
    "dropcopy_processor_dead_letters", "Records that could not be read, by the topic they came from.", ["topic"]
)
MISSING = Counter(
    "dropcopy_processor_missing", "Times that a connection's numbering showed records to be missing.", ["venue"]
)
REKEYED = Counter("dropcopy_processor_rekeyed", "Submissions moved to the partition of their account.")
TRANSACTIONS = Counter(
    "dropcopy_processor_transactions",
    "Rounds written, each one transaction. A failed one ends the process, which is up for a moment after it.",
    ["result"],
)
TRANSACTION_SECONDS = Histogram(
    "dropcopy_processor_transaction_seconds",
    "How long it took to write a round and commit it.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
ROUND_RECORDS = Histogram(
    "dropcopy_processor_round_records",
    "How many records a round wrote.",
    buckets=(1, 10, 100, 1_000, 10_000, 100_000),
)
REBALANCES = Counter("dropcopy_processor_rebalances", "Partitions assigned to or revoked from the worker.", ["event"])
RESTORED = Counter("dropcopy_processor_restored_orders", "Orders read back from the state topic.")
RESTORE_SECONDS = Histogram(
    "dropcopy_processor_restore_seconds",
    "How long it took to read back the state of newly assigned partitions.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)


class Counts(msgspec.Struct):
    """What shards have seen since it was last told: see `tell`.

    Records taken and dead letters are by topic, records missing in a connection by venue, decisions of
    the join by venue, reason and status.
    """

    taken: collections.Counter[str] = msgspec.field(default_factory=collections.Counter)
    dead_letters: collections.Counter[str] = msgspec.field(default_factory=collections.Counter)
    missing: collections.Counter[str] = msgspec.field(default_factory=collections.Counter)
    unmatched: collections.Counter[tuple[str, str, str]] = msgspec.field(default_factory=collections.Counter)
    executions: int = 0
    rekeyed: int = 0


def prepare(venues: Iterable[str]) -> None:
    """Begin with 0 what alerts look at: an increase from nothing to the first one is none to Prometheus."""
    DEAD_LETTERS.labels(SUBMITTED.name)
    TRANSACTIONS.labels("committed")
    TRANSACTIONS.labels("failed")
    for venue in venues:
        DEAD_LETTERS.labels(frames_topic(venue).name)
        MISSING.labels(venue)
        for reason in UnmatchedReason:
            for status in (JoinStatus.UNMATCHED, JoinStatus.MATCHED):
                UNMATCHED.labels(venue, reason, status)


def tell(counts: Counts) -> None:
    """Add what was counted to the metrics, and begin anew."""
    for topic, number in counts.taken.items():
        TAKEN.labels(topic).inc(number)
    for topic, number in counts.dead_letters.items():
        DEAD_LETTERS.labels(topic).inc(number)
    for venue, number in counts.missing.items():
        MISSING.labels(venue).inc(number)
    for (venue, reason, status), number in counts.unmatched.items():
        UNMATCHED.labels(venue, reason, status).inc(number)
    EXECUTIONS.inc(counts.executions)
    REKEYED.inc(counts.rekeyed)
    for by in (counts.taken, counts.dead_letters, counts.missing, counts.unmatched):
        by.clear()
    counts.executions = counts.rekeyed = 0
