"""Every topic of the project: its name, its key, its value, its partitions and how it is cleaned.

The input topics (`orders.submitted` and all of `venue.frames.*`) are keyed `<venue>:<account>` and
have equal partition counts, so that one account's frames and submissions meet in one partition. The
state changelog has the same count, because a partition's state is written to its own partition.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "CleanUp",
    "DEAD_LETTERS",
    "EXECUTIONS",
    "FEEDS_STATUS",
    "LATEST",
    "STATE",
    "SUBMITTED",
    "Topic",
    "UNMATCHED",
    "account_key",
    "frames_topic",
    "topics",
    "venue_of",
]

DAY_MS = 24 * 60 * 60 * 1000


class CleanUp(StrEnum):
    """Kafka's `cleanup.policy`."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic as it has to be on the cluster.

    `record` names the Avro schema file of the value (`execution` is `execution.avsc`), or is None
    where the value is not Avro. `retention_ms` of -1 keeps for ever.
    """

    name: str
    key: str
    record: str | None
    clean_up: CleanUp
    retention_ms: int
    purpose: str
    min_compaction_lag_ms: int = 0

    @property
    def subject(self) -> str | None:
        """The subject under which the registry knows the value's schema."""
        return f"{self.name}-value" if self.record else None

    def config(self) -> dict[str, str]:
        """Return the topic's own settings, by their Kafka names."""
        config = {"cleanup.policy": self.clean_up.value, "retention.ms": str(self.retention_ms)}
        if self.clean_up is CleanUp.COMPACT:
            config["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        return config


SUBMITTED = Topic(
    name="orders.submitted",
    key="<venue>:<account>",
    record="submitted",
    clean_up=CleanUp.DELETE,
    retention_ms=30 * DAY_MS,
    purpose="every step of every request: the intent before the call, its outcome after it",
)
EXECUTIONS = Topic(
    name="orders.executions",
    key="order_request_id",
    record="execution",
    clean_up=CleanUp.DELETE,
    retention_ms=365 * DAY_MS,
    purpose="every step of every order, joined to its submission",
)
LATEST = Topic(
    name="orders.latest",
    key="order_request_id",
    record="execution",
    clean_up=CleanUp.COMPACT,
    retention_ms=-1,
    purpose="the newest state of each order",
)
UNMATCHED = Topic(
    name="orders.unmatched",
    key="order_request_id",
    record="unmatched",
    clean_up=CleanUp.DELETE,
    retention_ms=365 * DAY_MS,
    purpose="either side without the other, with the reason; revised when it turns up",
)
FEEDS_STATUS = Topic(
    name="feeds.status",
    key="<venue>:<account>",
    record="feed_status",
    clean_up=CleanUp.COMPACT,
    retention_ms=-1,
    purpose="is each account's feed up, since when, after which gap",
)
DEAD_LETTERS = Topic(
    name="orders.dead-letters",
    key="the original key",
    record=None,
    clean_up=CleanUp.DELETE,
    retention_ms=365 * DAY_MS,
    purpose="what could not be read: the original bytes, with the reason in the headers",
)
STATE = Topic(
    name="processors.state",
    key="order or account",
    record=None,
    clean_up=CleanUp.COMPACT,
    retention_ms=-1,
    purpose="internal: the processors' state, restored when a partition moves",
)

_FRAMES = "venue.frames."


def frames_topic(venue: str) -> Topic:
    """Return the topic of a venue's raw frames."""
    return Topic(
        name=f"{_FRAMES}{venue}",
        key="<venue>:<account>",
        record=None,
        clean_up=CleanUp.DELETE,
        retention_ms=30 * DAY_MS,
        purpose=f"every frame of {venue}, byte for byte, and the feed's markers",
    )


def venue_of(topic: str) -> str | None:
    """Return the venue whose frames `topic` carries, or None when it is no frames topic."""
    return topic.removeprefix(_FRAMES) if topic.startswith(_FRAMES) else None


def topics(venues: Iterable[str]) -> list[Topic]:
    """Return every topic that a deployment with these venues needs, inputs first."""
    frames = [frames_topic(venue) for venue in sorted(venues)]
    return [*frames, SUBMITTED, EXECUTIONS, LATEST, UNMATCHED, FEEDS_STATUS, DEAD_LETTERS, STATE]


def account_key(venue: str, account: str) -> str:
    """Return the key under which all that comes in of one account is written."""
    return f"{venue}:{account}"
