"""Reads topics as a read_committed consumer does, without joining a group or committing anything.

What it returns is what everyone else sees: records of aborted transactions are left out, and those
of a transaction still open come when it is committed.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from consumers.records import Decoder, Record, decoder_of, text_of
from dropcopy.errors import ClusterError, UsageError
from dropcopy.kafka import client_config, reach_cluster
from dropcopy.registry import AvroReader
from dropcopy.settings import Settings

__all__ = ["BEGINNING", "END", "AtOffset", "Newest", "Reader", "Since", "Start"]

BEGINNING: Final = "beginning"
END: Final = "end"


@dataclass(frozen=True)
class AtOffset:
    """Start at this offset of each partition; one that is gone means the oldest that is there."""

    offset: int


@dataclass(frozen=True)
class Since:
    """Start at the first record of each partition that is not older than this time."""

    timestamp_ms: int


@dataclass(frozen=True)
class Newest:
    """Start with the newest records of all partitions together, in order of their time."""

    count: int


Start = Literal["beginning", "end"] | AtOffset | Since | Newest

Message = Any  # the client types a message's coordinates as optional, which they are before it is sent only

REQUEST_TIMEOUT_S = 10.0
# How long no broker may answer before reading ends with an error; a broker's restart takes less.
PATIENCE_S = 30.0
# What fastavro raises for a body that does not follow its schema.
DECODING_ERRORS = (ValueError, EOFError, LookupError, TypeError, OverflowError, MemoryError)


class Reader:
    """A reader of one or more topics; use it as a context manager, from one thread.

    Raises on construction:
        ClusterError: no broker answers.
        UsageError: a topic or the partition does not exist; it names those that do.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        start: Start = BEGINNING,
        *,
        partition: int | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._clock_ns = clock_ns
        self._patience_s = patience_s
        self._away_since: float | None = None
        self._ended: set[tuple[str, int]] = set()
        self._pending: list[Message] = []
        partitions = _partitions(settings, topics, partition)
        self._assigned = frozenset(partitions)
        avro = AvroReader(settings)
        self._decoders: dict[str, Decoder] = {topic: decoder_of(topic, avro) for topic in topics}
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": "dropcopy-reader",  # demanded by the client; nothing is ever joined or committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "error_cb": self._on_error,
                "log_level": 0,
            }
        )
        try:
            self._begin(start, partitions)
        except KafkaException as error:
            self._consumer.close()
            raise ClusterError(f"reading {', '.join(topics)}: {error.args[0].str()}") from None
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. May be called twice."""
        self._consumer.close()

    @property
    def at_end(self) -> bool:
        """Whether every partition has been read to the end that it had when it was last asked."""
        return not self._pending and self._ended >= self._assigned

    def poll(self, timeout_s: float, max_records: int = 500) -> list[Record]:
        """Return the next records, as soon as there are any; none when none came in time.

        Raises:
            ClusterError: the broker or the registry is away for too long, or refuses.
        """
        messages = self._pending[:max_records] or self._fetch(timeout_s, max_records)
        del self._pending[:max_records]
        read_ns = self._clock_ns()
        return [self._record(message, read_ns) for message in messages]

    def _begin(self, start: Start, partitions: Sequence[tuple[str, int]]) -> None:
        if isinstance(start, Newest):
            self._pending = self._newest(start.count, partitions)
            return
        offset_of: Callable[[str, int], int]
        match start:
            case "beginning":
                offset_of = lambda topic, partition: OFFSET_BEGINNING  # noqa: E731 -- one of a table of four
            case "end":
                # Asked for now: an end that is looked up at the first fetch leaves out what comes before it.
                offset_of = lambda topic, partition: self._bounds(topic, partition)[1]  # noqa: E731 -- as above
            case AtOffset(offset):
                offset_of = lambda topic, partition: offset  # noqa: E731 -- as above
            case Since(timestamp_ms):
                offset_of = partial(self._offset_at, timestamp_ms=timestamp_ms)
        self._consumer.assign([TopicPartition(*place, offset_of(*place)) for place in partitions])

    def _bounds(self, topic: str, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=REQUEST_TIMEOUT_S)
        return low, high

    def _offset_at(self, topic: str, partition: int, timestamp_ms: int) -> int:
        asked = [TopicPartition(topic, partition, timestamp_ms)]
        (found,) = self._consumer.offsets_for_times(asked, timeout=REQUEST_TIMEOUT_S)
        return int(found.offset) if found.offset >= 0 else self._bounds(topic, partition)[1]

    def _newest(self, count: int, partitions: Sequence[tuple[str, int]]) -> list[Message]:
        """Return the newest messages, and stand at the end of every partition.

        Offsets count a transaction's markers and what compaction removed, so the way back to a number
        of records is found by trying: twice the number first, then ever more.
        """
        bounds = {place: self._bounds(*place) for place in partitions}
        back = 2 * count + 10
        while True:
            starts = {place: max(low, high - back) for place, (low, high) in bounds.items()}
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
            self._ended.clear()
            kept: dict[tuple[str, int], deque[Message]] = {place: deque(maxlen=count) for place in partitions}
            while not self._ended >= self._assigned:
                for message in self._fetch(1.0, 10_000):
                    kept[message.topic(), message.partition()].append(message)
            if all(len(kept[place]) == count or starts[place] == bounds[place][0] for place in partitions):
                newest = sorted((message for each in kept.values() for message in each), key=_time_ms)
                return newest[-count:]
            back *= 8

    def _fetch(self, timeout_s: float, max_messages: int) -> list[Message]:
        # `consume` alone waits for a full batch or the whole time; what is there is wanted now.
        first = self._consumer.poll(timeout_s)
        if first is None:
            self._check_broker()
            return []
        rest = self._consumer.consume(max_messages - 1, 0) if max_messages > 1 else []
        return [message for message in (first, *rest) if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        self._away_since = None
        error = message.error()
        place = (message.topic(), message.partition())
        if error is None:
            self._ended.discard(place)
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(place)
            return False
        raise ClusterError(f"reading {place[0]} partition {place[1]}: {error.str()}")

    def _on_error(self, error: KafkaError) -> None:
        # The client goes on trying by itself; when it stays in vain, `_check_broker` ends it.
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._away_since is None:
            self._away_since = time.monotonic()

    def problem(self) -> str | None:
        """Say what is in the way of reading; None while nothing is known to be."""
        return None if self._away_since is None else "no broker answers"

    def _check_broker(self) -> None:
        if self._away_since is None or time.monotonic() - self._away_since < self._patience_s:
            return
        reach_cluster(self._settings, timeout_s=5)
        self._away_since = None  # it is back; an idle topic just has nothing to tell

    def _record(self, message: Message, read_ns: int) -> Record:
        value, headers = message.value(), message.headers() or []
        kind, timestamp_ms = message.timestamp()
        error = None
        fields: dict[str, Any]
        try:
            fields = {"tombstone": True} if value is None else self._decoders[message.topic()](value, headers)
        except DECODING_ERRORS as failure:
            error = str(failure) or type(failure).__name__
            fields = text_of(value)
        key = message.key()
        return Record(
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            key=key if key is None else key.decode("utf-8", "backslashreplace"),
            timestamp_ms=None if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms,
            read_ns=read_ns,
            fields=fields,
            error=error,
        )


def _time_ms(message: Message) -> int:
    return int(message.timestamp()[1])


def _partitions(settings: Settings, topics: Sequence[str], partition: int | None) -> list[tuple[str, int]]:
    admin = reach_cluster(settings, REQUEST_TIMEOUT_S)
    there = admin.list_topics(timeout=REQUEST_TIMEOUT_S).topics
    found: list[tuple[str, int]] = []
    for topic in topics:
        if topic not in there or not there[topic].partitions:
            own = ", ".join(sorted(name for name in there if not name.startswith("_"))) or "none"
            raise UsageError(
                f"there is no topic {topic!r} at {settings.bootstrap_servers}",
                hint=f"There are: {own}." if own != "none" else "There are none yet: run `dropcopy topics create`.",
            )
        numbers = sorted(there[topic].partitions)
        if partition is not None and partition not in numbers:
            raise UsageError(f"{topic} has no partition {partition}", hint=f"It has {numbers[0]} to {numbers[-1]}.")
        found += [(topic, number) for number in numbers if partition in (None, number)]
    return found
