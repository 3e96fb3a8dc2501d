"""A Faust transport on librdkafka that hands on whole batches.

Faust's own driver makes an object and several awaits of every record, which ends at some 15,000
records a second, and its client can neither take part in transactions nor ask for stable offsets
(docs/decisions/0002-transport.md has the figures). This driver keeps Faust's shape, one consumer
that feeds the agents' channels, and moves a **batch** at a time: all that one poll found of one
partition is the value of one Faust message.

A thread of its own polls, because librdkafka's calls block and its rebalance callbacks run inside
them:

    thread                                    event loop
    poll, group by partition ──round──────►   getmany ─► conductor ─► agent's channel
    on_assign  ──────────────wait──────────►  Faust's handlers; the app restores state
    on_revoke  ──────────────wait──────────►  Faust's handlers; the app ends what is in flight

The thread is at most `ROUNDS` polls ahead, so memory is bounded. A round belongs to the assignment
it was fetched under (`generation`), and is dropped when that has changed.

Assignment, in this order: the group's committed offsets are read, *stable*, which waits for any
transaction of a predecessor that still holds offsets; then the app restores its state; then reading
begins at those offsets. So no transaction of a predecessor can slip in between offsets and state.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP, ConsumerMessage
from faust.types.transports import ConsumerT, ProducerT

from dropcopy.errors import ClusterError
from dropcopy.logs import get_logger

__all__ = ["Batch", "Consumed", "Consumer", "Host", "Producer", "Transport"]

ROUNDS = 2
# Few enough that a poll's records are still in the processor's caches when they are taken.
RECORDS_OF_A_ROUND = 2_000
_EARLIEST = confluent_kafka.OFFSET_BEGINNING

log = get_logger(__name__)


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


class _Round(NamedTuple):
    generation: int
    batches: dict[TP, Batch]
    offsets: dict[TP, int]


class Host(Protocol):
    """What the transport asks of the app."""

    consumer_generation_id: int

    def consumer_config(self) -> dict[str, Any]:
        """Return librdkafka's properties for the group's member."""

    async def finish(self) -> None:
        """Wait until what is in flight is committed."""


class _Poller(threading.Thread):
    """Polls the consumer and carries its rebalances over to the event loop."""

    def __init__(self, owner: "Consumer", loop: asyncio.AbstractEventLoop, config: dict[str, Any]) -> None:
        super().__init__(name="kafka-poller", daemon=True)
        self.owner = owner
        self.loop = loop
        self.consumer = confluent_kafka.Consumer(config)
        self.rounds: asyncio.Queue[_Round | BaseException] = asyncio.Queue()
        self.room = threading.Semaphore(ROUNDS)
        self.subscription: list[str] = []
        self.changed = threading.Event()
        self.stopping = threading.Event()
        self.done: deque[Mapping[TP, int]] = deque()
        self.generation = 0

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._resubscribe()
                self._commit(asynchronous=True)
                room = self.room
                if room.acquire(timeout=0.1):
                    self._poll(room)
        except BaseException as error:  # noqa: BLE001 -- whatever ends the thread ends the worker: see getmany
            self._hand_over(error)
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
        if first is None:
            room.release()
            return
        found = [first, *self.consumer.consume(RECORDS_OF_A_ROUND, 0)]
        metadata = self.consumer.consumer_group_metadata()
        self._hand_over(_round(self.generation, metadata, cast("list[Consumed]", found), room.release))

    def _begin_anew(self) -> None:
        """Begin a new assignment, or the time without one: what was fetched before is dropped.

        Nobody will say of that that it is processed, so there is room anew, which the poll that brings
        the next assignment needs.
        """
        self.generation += 1
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
            if asynchronous:
                self.consumer.commit(offsets=positions, asynchronous=True)
            else:
                self.consumer.commit(offsets=positions, asynchronous=False)

    def _hand_over(self, item: _Round | BaseException) -> None:
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

    def _on_revoke(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._in_loop(self.owner.on_partitions_revoked({TP(p.topic, p.partition) for p in partitions}))
        self._commit(asynchronous=False)
        self._begin_anew()
        consumer.unassign()

    def _in_loop(self, call: Any) -> None:
        if self.stopping.is_set():
            call.close()
            return
        asyncio.run_coroutine_threadsafe(call, self.loop).result()


def _nothing() -> None:
    pass


def _round(generation: int, metadata: object, found: list[Consumed], release: Callable[[], None]) -> _Round:
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
        elif error.code() == KafkaError._PARTITION_EOF:
            records.setdefault(tp, [])
            ends.add(tp)
            offsets[tp] = message.offset() - 1
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
    for tp, batch in records.items():
        if batch:
            offsets[tp] = batch[-1].offset()
    last = next(reversed(records))
    batches = {
        tp: Batch(batch, tp in ends, metadata, release if tp == last else _nothing) for tp, batch in records.items()
    }
    return _Round(generation, batches, offsets)


class Consumer(FaustConsumer):
    """The worker's consumer: a member of the group through librdkafka."""

    _poller: _Poller

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._host = cast("Host", self.app)
        self._assignment: set[TP] = set()

    async def on_start(self) -> None:
        """Begin to poll."""
        self._poller = _Poller(self, asyncio.get_running_loop(), self._host.consumer_config())
        self._poller.start()

    async def on_stop(self) -> None:
        """Leave the group, once what is in flight is committed."""
        await self._host.finish()
        self._poller.stopping.set()
        await asyncio.to_thread(self._poller.join)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Subscribe to `topics`; the group rebalances."""
        self._poller.subscription = sorted(topics)
        self._poller.changed.set()

    async def assigned(self, partitions: set[TP], generation: int) -> None:
        """Take an assignment over: restores the state, then lets Faust open the flow."""
        self._assignment = partitions
        self._host.consumer_generation_id = generation
        await self.on_partitions_assigned(set(partitions), generation)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give partitions up: ends what is in flight, then drops their state."""
        await super().on_partitions_revoked(revoked)
        self._assignment = self._assignment - revoked
        self._host.consumer_generation_id += 1

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 -- Faust's signature
        """Yield the next round, one message a partition, its value a `Batch`."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # mode's annotation; any awaitable event serves
        try:
            item = await asyncio.wait_for(self._poller.rounds.get(), timeout)
        except TimeoutError:
            return
        if isinstance(item, BaseException):
            await self.crash(item)
            return
        for tp, batch in item.batches.items():
            if item.generation != self._poller.generation or not self.flow_active:
                return
            yield tp, _message(tp, batch, item.offsets[tp], self._host.consumer_generation_id)

    def assignment(self) -> set[TP]:
        """Return the partitions that are this worker's now."""
        return set(self._assignment)

    def commit_soon(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets outside a transaction, soon (at_least_once)."""
        self._poller.commit_soon(offsets)

    # What Faust asks of a consumer and this one has no use for: offsets are committed by the sink,
    # seeking is part of the assignment, and there are no tables.

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Do nothing: reading began at the committed offsets."""
        return {}

    async def _seek(self, partition: TP, offset: int) -> None:
        raise NotImplementedError

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Not used: there are no tables."""
        raise NotImplementedError

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 -- Faust's signature
        raise NotImplementedError

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        raise NotImplementedError

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def position(self, tp: TP) -> int | None:
        """Not used: there are no tables."""
        return None

    def highwater(self, tp: TP) -> int:
        """Not used: the consumer is the poller's thread's alone, as a call from here can block it."""
        return 0

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Not used: there are no tables."""
        return {}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Not used: there are no tables."""
        return {}

    def topic_partitions(self, topic: str) -> int | None:
        """Return the partition count that the topics are checked to have."""
        return int(self.app.conf.topic_partitions)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Not used: nothing is sent through Faust."""
        return partition

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Not used: Faust commits nothing."""

    def verify_recovery_event_path(self, now: float, tp: TP) -> None:
        """Not used: there are no tables."""

    async def create_topic(self, topic: str, partitions: int, replication: int, **kwargs: Any) -> None:
        """Not used: `dropcopy topics create` does it."""

    def close(self) -> None:
        """Not used: the poller closes the consumer when it ends."""


def _message(tp: TP, batch: Batch, offset: int, generation: int) -> ConsumerMessage:
    return ConsumerMessage(
        tp.topic, tp.partition, offset, 0.0, 0, [], None, cast("bytes", batch), None, 0, 0, tp, generation_id=generation
    )


class Producer(FaustProducer):
    """Stands where Faust wants a producer; results go through the sink."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: what Faust sends is outside the transaction."""
        raise ClusterError("results are written by the sink, not through Faust")

    async def flush(self) -> None:
        """Do nothing: nothing is sent here."""


class Transport(base.Transport):
    """The transport that the broker address `batch://host:port` names."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer
    Producer: ClassVar[type[ProducerT]] = Producer

    default_port = 9092
    driver_version = f"confluent-kafka={confluent_kafka.__version__}"
