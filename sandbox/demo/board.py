"""What the live view shows, kept up to date record by record. No clock: time is that of the reading."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from consumers.records import Record
from sandbox.demo.evidence import Fields
from sandbox.demo.incidents import Incident
from sandbox.trader import trader_names
from schemas.fix import ExecType, JoinStatus, Source
from schemas.topics import DEAD_LETTERS, EXECUTIONS, FEEDS_STATUS, LATEST, SUBMITTED, UNMATCHED, frames_topic, venue_of

__all__ = ["WATCHED", "Board", "Latency", "Worker", "percentile"]

WATCHED = (
    *(frames_topic(venue).name for venue in trader_names()),
    SUBMITTED.name,
    EXECUTIONS.name,
    LATEST.name,
    UNMATCHED.name,
    FEEDS_STATUS.name,
    DEAD_LETTERS.name,
)
"""The topics that the board and the incidents are told by."""

ROWS_KEPT = 100
LATENCIES_KEPT = 200_000
RATE_OVER_S = 5


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the reception of a frame to the moment its committed result was read."""

    p50: float | None
    p99: float | None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share of all values does not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else None


@dataclass(frozen=True)
class Worker:
    """A processor worker as the view shows it."""

    name: str
    pid: int
    running: bool


@dataclass
class Board:
    """The state of the view.

    `orders` and `unmatched` hold the newest record of each of the newest keys, `fills` the newest
    trades, `feeds` each account's feed. `frames_at` counts frames by the second they were read in.
    """

    orders: OrderedDict[str, Fields] = field(default_factory=OrderedDict)
    unmatched: OrderedDict[str, Fields] = field(default_factory=OrderedDict)
    fills: deque[Fields] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    feeds: dict[str, Fields] = field(default_factory=dict)
    incidents: deque[Incident] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    workers: list[Worker] = field(default_factory=list)
    frames: int = 0
    executions: int = 0
    dead_letters: int = 0
    seen: set[str] = field(default_factory=set)
    frames_at: dict[int, int] = field(default_factory=dict)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    calm_latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))

    def see(self, record: Record) -> list[Incident]:
        """Take a record into account; return the incidents that came to their end by it."""
        if venue_of(record.topic):
            self._see_frame(record)
        elif record.topic == DEAD_LETTERS.name:
            self.dead_letters += 1
        elif record.error is None and not record.fields.get("tombstone"):
            self._see_result(record)
        return [incident for incident in self.incidents if incident.see(record)]

    def frames_per_s(self, now_s: int) -> float:
        """Return the frames read a second, over the last whole seconds."""
        return sum(self.frames_at.get(now_s - back, 0) for back in range(1, RATE_OVER_S + 1)) / RATE_OVER_S

    def latency(self) -> Latency:
        """Return the latency of all results so far."""
        return Latency(percentile(self.latencies_ms, 0.5), percentile(self.latencies_ms, 0.99))

    def calm_latency(self) -> Latency:
        """Return the latency of those results that came while nothing was being recovered from."""
        return Latency(percentile(self.calm_latencies_ms, 0.5), percentile(self.calm_latencies_ms, 0.99))

    def _see_frame(self, record: Record) -> None:
        self.frames += 1
        second = record.read_ns // 10**9
        self.frames_at[second] = self.frames_at.get(second, 0) + 1
        if len(self.frames_at) > 4 * RATE_OVER_S:
            del self.frames_at[min(self.frames_at)]

    def _see_result(self, record: Record) -> None:
        fields, key = record.fields, record.key or ""
        if record.topic == EXECUTIONS.name:
            self._see_execution(record)
        elif record.topic == LATEST.name:
            self.seen.add(key)
            _keep(self.orders, key, fields)
        elif record.topic == UNMATCHED.name:
            _keep(self.unmatched, key, fields)
            if fields["status"] == JoinStatus.UNMATCHED:
                self.unmatched.move_to_end(key)
        elif record.topic == FEEDS_STATUS.name:
            self.feeds[key] = fields

    def _see_execution(self, record: Record) -> None:
        fields = record.fields
        self.executions += 1
        # A revision tells of another side that came; a snapshot of what may have happened long before.
        if fields["revision"] == 1 and fields["source"] == Source.STREAM:
            latency_ms = (record.read_ns - fields["received_ns"]) / 1e6
            self.latencies_ms.append(latency_ms)
            if not any(incident.delays(fields["received_ns"], record.read_ns) for incident in self.incidents):
                self.calm_latencies_ms.append(latency_ms)
        if fields["exec_type"] == ExecType.TRADE and fields["revision"] == 1:
            self.fills.append(fields)


def _keep(rows: OrderedDict[str, Fields], key: str, fields: Fields) -> None:
    rows[key] = fields
    if len(rows) > ROWS_KEPT:
        rows.popitem(last=False)
