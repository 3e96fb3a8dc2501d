"""The thread that polls Kafka, and carries what it finds and its rebalances over to the event loop.

librdkafka's calls block, and its rebalance callbacks run inside them. The consumer belongs to this
thread alone: `consumer_group_metadata()` called from another while one polls can block both.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol, cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from faust.types import TP

from dropcopy.trouble import Trouble

__all__ = ["Batch", "Consumed", "Owner", "Poller", "Round"]

ROUNDS = 2
# Few enough that a poll's records are still in the processor's caches when they are taken.
RECORDS_OF_A_ROUND = 2_000
_EARLIEST = confluent_kafka.OFFSET_BEGINNING
# How often the partitions' ends are noted, for the lag.
_ENDS_S = 1.0


class Consumed(Protocol):
    """A record as the consumer hands it over: confluent-kafka's `Message` of a record that was read."""

    def topic(self) -> str:
        """Return its topic."""

    def partition(self) -> int:
        """Return its partition."""

    def offset(self) -> int:
        """Return its offset."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes]] | None:
        """Return its headers."""

    def error(self) -> KafkaError | None:
        """Return what it stands for instead of a record."""


class Batch(NamedTuple):
    """What one poll found of one partition: its records in order, and whether they reach its end.

    `metadata` is what a transaction needs to commit offsets as the member that read them. Call
    `processed` when the batch is done with: the last one of a poll makes room for another.
    """

    records: list[Consumed]
    at_end: bool
    metadata: object
    processed: Callable[[], None]


class Round(NamedTuple):
    """What one poll found, under which assignment: a batch for each partition, and its last offset."""

    generation: int
    batches: dict[TP, Batch]
    offsets: dict[TP, int]


class Owner(Protocol):
    """Whom a poller tells of rebalances; both calls run in the event loop, and the poller waits for them."""

    def assigned(self, partitions: set[TP], generation: int) -> Coroutine[Any, Any, None]:
        """Take partitions over, before anything is read of them."""

    def on_partitions_revoked(self, revoked: set[TP]) -> Coroutine[Any, Any, None]:
        """Give partitions up."""

    def ended(self, error: BaseException) -> None:
        """Take note that nothing is polled any more; called in the event loop."""


class Poller(threading.Thread):
    """Polls the consumer and carries its rebalances over to the event loop."""

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, config: dict[str, Any]) -> None:
        super().__init__(name="kafka-poller", daemon=True)
        self.owner = owner
        self.loop = loop
        self._trouble = Trouble("consumer")
        self.consumer = confluent_kafka.Consumer(config | self._trouble.properties())
        self.rounds: asyncio.Queue[Round] = asyncio.Queue()
        self.room = threading.Semaphore(ROUNDS)
        self.subscription: list[str] = []
        self.changed = threading.Event()
        self.stopping = threading.Event()
        self.done: deque[Mapping[TP, int]] = deque()
        self.generation = 0
        self.partition_ends: dict[TP, int] = {}
        self._assigned: list[TopicPartition] = []
        self._noted_s = 0.0
        self._ends: list[Consumed] = []

    def run(self) -> None:
        """Poll until told to stop; the owner is told of what ends it otherwise."""
        try:
            while not self.stopping.is_set():
                self._resubscribe()
                self._commit(asynchronous=True)
                self._note_ends()
                room = self.room
                if room.acquire(timeout=0.1):
                    self._poll(room)
        except BaseException as error:  # noqa: BLE001 -- whatever ends the thread ends the worker
            # Not as a round: nobody takes rounds while nothing is assigned.
            self.loop.call_soon_threadsafe(self.owner.ended, error)
        finally:
            self._commit(asynchronous=False)
            self.consumer.close()

    def _resubscribe(self) -> None:
        if self.changed.is_set():
            self.changed.clear()
            self.consumer.subscribe(
                self.subscription, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )

    def _poll(self, room: threading.Semaphore) -> None:
        first = self.consumer.poll(0.1)
        found, self._ends = self._ends, []
        if first is not None:
            if first.error() is None:
                self._trouble.over()
            found += cast("list[Consumed]", [first, *self.consumer.consume(RECORDS_OF_A_ROUND, 0)])
            if all(_is_end(message) for message in found):
                # Each record of a slow stream is followed by its partition's end, which can wait for the next one.
                self._ends = found
        if not found or self._ends:
            room.release()
            return
        metadata = self.consumer.consumer_group_metadata()
        polled = _round(self.generation, metadata, found, room.release)
        if polled.batches:
            self._hand_over(polled)
        else:  # nothing but trouble that passes
            room.release()

    def _note_ends(self) -> None:
        """Note where the partitions end, as the fetches of this client told: nothing is asked of a broker."""
        if time.monotonic() - self._noted_s < _ENDS_S:
            return
        self._noted_s = time.monotonic()
        ends = {
            TP(p.topic, p.partition): self.consumer.get_watermark_offsets(p, cached=True)[1] for p in self._assigned
        }
        self.partition_ends = {tp: end for tp, end in ends.items() if end >= 0}

    def _begin_anew(self) -> None:
        """Begin a new assignment, or the time without one: what was fetched before is dropped.

        Nobody will say of that that it is processed, so there is room anew, which the poll that brings
        the next assignment needs.
        """
        self.generation += 1
        self._ends = []
        self.room = threading.Semaphore(ROUNDS)

    def commit_soon(self, offsets: Mapping[TP, int]) -> None:
        """Have offsets committed by the thread's next turn, or before the partitions are given up."""
        self.done.append(offsets)

    def _commit(self, *, asynchronous: bool) -> None:
        offsets: dict[TP, int] = {}
        while self.done:
            offsets |= self.done.popleft()
        if offsets:
            positions = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in offsets.items()]
            # The client's types tell the two apart by the literal.
            if asynchronous:
                self.consumer.commit(offsets=positions, asynchronous=True)
            else:
                self.consumer.commit(offsets=positions, asynchronous=False)

    def _hand_over(self, item: Round) -> None:
        self.loop.call_soon_threadsafe(self.rounds.put_nowait, item)

    def _on_assign(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._begin_anew()
        committed = consumer.committed(partitions, timeout=60) if partitions else []
        for partition in committed:
            if partition.error is not None:
                raise KafkaException(partition.error)
            if partition.offset < 0:
                partition.offset = _EARLIEST
        self._in_loop(self.owner.assigned({TP(p.topic, p.partition) for p in partitions}, self.generation))
        consumer.assign(committed)
        self._assigned = list(partitions)

    def _on_revoke(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._in_loop(self.owner.on_partitions_revoked({TP(p.topic, p.partition) for p in partitions}))
        self._commit(asynchronous=False)
        self._begin_anew()
        self._assigned, self.partition_ends = [], {}
        consumer.unassign()

    def _in_loop(self, call: Any) -> None:
        if self.stopping.is_set():
            call.close()
            return
        asyncio.run_coroutine_threadsafe(call, self.loop).result()


def _nothing() -> None:
    pass


def _is_end(message: Consumed) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _round(generation: int, metadata: object, found: list[Consumed], release: Callable[[], None]) -> Round:
    records: dict[TP, list[Consumed]] = {}
    ends: set[TP] = set()
    offsets: dict[TP, int] = {}
    for message in found:
        error = message.error()
        tp = TP(message.topic(), message.partition())
        if error is None:
            batch = records.get(tp)
            if batch is None:
                records[tp] = [message]
            else:
                batch.append(message)
            ends.discard(tp)
        elif _is_end(message):
            records.setdefault(tp, [])
            ends.add(tp)
            offsets[tp] = message.offset() - 1
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
    for tp, batch in records.items():
        if batch:
            offsets[tp] = batch[-1].offset()
    last = next(reversed(records), None)
    batches = {
        tp: Batch(batch, tp in ends, metadata, release if tp == last else _nothing) for tp, batch in records.items()
    }
    return Round(generation, batches, offsets)
