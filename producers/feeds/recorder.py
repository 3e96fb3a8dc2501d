"""Writes what a feed heard to its venue's frames topic, and gives nothing up.

Records wait in memory until Kafka acknowledged them. What may wait is bounded: once the queue is
full, `room()` keeps the caller from reading on, until half of it has drained. `write()` itself never
waits, so what belongs together is written together; the few markers that a full queue still gets are
what the producer's own, larger bound is for. A record that can't be delivered for good ends the feed.
"""

import asyncio
import threading
from collections import OrderedDict
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # the package has no __all__

from dropcopy.errors import ClusterError, DropcopyError, SettingsError
from dropcopy.kafka import MAX_RECORD_BYTES, producer_config, reach_cluster
from dropcopy.settings import Settings
from dropcopy.trouble import Trouble
from producers.feeds import metrics
from producers.settings import FeedSettings
from schemas.headers import FrameHeaders, Kind, pack
from schemas.topics import account_key, frames_topic

__all__ = ["RecordTooLarge", "Recorder", "Undelivered"]

# What a record is beyond its value: key, headers, and the batch around it.
_OVERHEAD_BYTES = 4096
_BROKER_DEFAULT_BYTES = 1_048_588
_RESERVE_RECORDS = 10_000
# Of how many connections the numbers are known: a venue has a few streams, each with one at a time.
_CONNECTIONS_MOST = 16
REACH_S = 10
_POLL_S = 0.1
_ROOM_POLL_S = 0.02


class RecordTooLarge(ClusterError):  # noqa: N818 -- says what the record is
    """A record is larger than its topic takes."""


class Undelivered(DropcopyError):  # noqa: N818 -- says what became of the records
    """The feed ended with records that Kafka has not acknowledged; `records` says how many."""

    def __init__(self, venue: str, records: int) -> None:
        super().__init__(
            f"{records} records of {venue} could not be delivered before the end",
            hint="Kafka did not take them in time. The reconciler reads the state of their orders at the next start.",
        )
        self.records = records


class Recorder:
    """The way to one venue's frames topic; an async context manager, used from one event loop.

    `limit_bytes` is how large a value may be, by the topic's own `max.message.bytes`.

    Raises:
        ClusterError: Kafka is away, or lacks the topic.
    """

    def __init__(self, settings: Settings, feed: FeedSettings, venue: str) -> None:
        self.venue = venue
        self.topic = frames_topic(venue).name
        record_bytes = min(_topic_limit_bytes(settings, self.topic), MAX_RECORD_BYTES)
        self.limit_bytes = record_bytes - _OVERHEAD_BYTES
        self._max_records = feed.queue_records
        self._max_bytes = feed.queue_bytes
        properties = producer_config(
            settings,
            linger_ms=0.5,
            message_max_bytes=record_bytes,
            reconnect_backoff_max_ms=1000,
            queue_buffering_max_messages=feed.queue_records + _RESERVE_RECORDS,
            queue_buffering_max_kbytes=(feed.queue_bytes + 4 * MAX_RECORD_BYTES) // 1024,
        )
        self._trouble = Trouble(f"feed-{venue}")
        try:
            self._producer = Producer(properties | self._trouble.properties() | {"error_cb": self._on_error})
        except KafkaException as error:
            raise SettingsError(
                f"Kafka's producer refuses its settings: {error.args[0].str()}",
                hint="Correct the DROPCOPY_KAFKA_… names.",
            ) from None
        self._sequences: OrderedDict[str, dict[str, int]] = OrderedDict()
        # The event loop adds to `_queued…`, the thread that serves Kafka's answers to `_settled…`: one writer each.
        self._queued = self._queued_bytes = 0
        self._settled = self._settled_bytes = 0
        self._full = False
        self._failure: ClusterError | None = None
        self._unreachable = False
        self._ending = False
        self._records = {kind: metrics.RECORDS.labels(venue, kind.value) for kind in Kind}
        self._delivered = metrics.DELIVERED.labels(venue)
        # What an alert looks at begins with 0: an increase from nothing to the first one is none to Prometheus.
        metrics.UNREADABLE.labels(venue)
        metrics.QUEUE_RECORDS.labels(venue).set_function(lambda: self.waiting_records)
        metrics.QUEUE_BYTES.labels(venue).set_function(lambda: self.waiting_bytes)
        self._poller = threading.Thread(target=self._poll, name=f"kafka-{venue}", daemon=True)
        self._poller.start()

    @property
    def waiting_records(self) -> int:
        """How many records Kafka has not acknowledged yet."""
        return self._queued - self._settled

    @property
    def waiting_bytes(self) -> int:
        """How many bytes these records have."""
        return self._queued_bytes - self._settled_bytes

    @property
    def full(self) -> bool:
        """Whether whoever reads from the venue has to wait. Ends when half of the queue has drained."""
        share = max(self.waiting_records / self._max_records, self.waiting_bytes / self._max_bytes)
        self._full = share > 0.5 if self._full else share >= 1
        return self._full

    async def room(self) -> None:
        """Wait until the queue has room.

        Raises:
            ClusterError: see `check`.
        """
        self.check()
        while self.full:
            await asyncio.sleep(_ROOM_POLL_S)
            self.check()

    def check(self) -> None:
        """Raise the ClusterError that ended delivery, if one did."""
        if self._failure is not None:
            raise self._failure

    def problem(self) -> str | None:
        """Say why Kafka takes no records now; None while it does."""
        if self._failure is not None:
            return self._failure.message
        return f"no broker is reached, {self.waiting_records} records wait" if self._unreachable else None

    def write(self, connection: str, account: str, source: str, kind: Kind, value: bytes, received_ns: int) -> None:
        """Queue one record, numbered within its connection and account. Wait for `room()` before.

        Raises:
            RecordTooLarge: the topic would not take it.
            ClusterError: delivery has ended, or the queue is over even its reserve.
        """
        self.check()
        if len(value) > self.limit_bytes:
            raise RecordTooLarge(
                f"a {kind} of {self.venue} has {len(value)} bytes, and {self.topic} takes {self.limit_bytes}",
                hint=f"Raise max.message.bytes of the topic (up to {MAX_RECORD_BYTES}) and start again.",
            )
        sequences = self._sequences.setdefault(connection, {})
        self._sequences.move_to_end(connection)
        if len(self._sequences) > _CONNECTIONS_MOST:
            self._sequences.popitem(last=False)
        sequence = sequences.get(account, 0) + 1
        headers = FrameHeaders(self.venue, account, source, kind.value, connection, sequence, received_ns)
        try:
            self._producer.produce(
                self.topic,
                key=account_key(self.venue, account),
                value=value,
                headers=[*pack(headers)],
                on_delivery=self._on_delivery,
            )
        except BufferError:
            raise ClusterError(
                f"the queue for {self.topic} is over its reserve: {self.waiting_records} records wait"
            ) from None
        except KafkaException as error:
            raise _undeliverable(self.topic, error.args[0], len(value)) from None
        sequences[account] = sequence
        self._queued += 1
        self._queued_bytes += len(value) + _RECORD_BYTES
        self._records[kind].inc()
        metrics.WATERMARK.labels(self.venue, account).set(received_ns / 1e9)

    async def close(self, timeout_s: float) -> int:
        """Deliver what waits, for at most `timeout_s`, and return how many records are left."""
        await asyncio.to_thread(self._producer.flush, timeout_s)
        left = self.waiting_records
        self._ending = True
        self._producer.purge()
        await asyncio.to_thread(self._poller.join)
        return left

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._ending:
            await self.close(0)

    def _poll(self) -> None:
        while not self._ending:
            self._producer.poll(_POLL_S)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        self._settled_bytes += len(message) + _RECORD_BYTES
        self._settled += 1
        if error is None:
            self._delivered.inc()
            if self._unreachable:
                self._unreachable = False
                self._trouble.over()
        elif self._failure is None and not self._ending:
            self._failure = _undeliverable(self.topic, error, len(message))

    def _on_error(self, error: KafkaError) -> None:
        self._trouble.take(error)
        self._unreachable = True
        if error.fatal() and self._failure is None:
            self._failure = ClusterError(f"the producer of {self.topic} can't go on: {error.str()}")


# What librdkafka keeps for a record beside its value, roughly: the bound is on memory.
_RECORD_BYTES = 512

_HINTS = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "Run `dropcopy topics create`.",
    KafkaError._UNKNOWN_TOPIC: "Run `dropcopy topics create`.",
    KafkaError._UNKNOWN_PARTITION: "Run `dropcopy topics create`.",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Give the feed's user the right to write to the topic.",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "Give the feed's user the right to write idempotently.",
    KafkaError.MSG_SIZE_TOO_LARGE: "Raise max.message.bytes of the topic.",
}


def _undeliverable(topic: str, error: KafkaError, size_bytes: int) -> ClusterError:
    return ClusterError(
        f"{topic} refuses a record of {size_bytes} bytes: {error.str()}", hint=_HINTS.get(error.code(), "")
    )


def _topic_limit_bytes(settings: Settings, topic: str) -> int:
    admin = reach_cluster(settings, REACH_S)
    # Asked by name, a broker might create it.
    if topic not in admin.list_topics(timeout=10).topics:
        raise ClusterError(
            f"the topic {topic} is missing on {settings.bootstrap_servers}", hint="Run `dropcopy topics create`."
        )
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        config: dict[str, Any] = admin.describe_configs([resource], request_timeout=10)[resource].result()
        return int(config["max.message.bytes"].value)
    except (KafkaException, KeyError):  # a user who may write need not be allowed to read this
        return _BROKER_DEFAULT_BYTES
