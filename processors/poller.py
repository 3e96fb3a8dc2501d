"""The thread that polls Kafka, takes what it finds on its turn, and carries its rebalances over to the event loop.

librdkafka's calls block, and its rebalance callbacks run inside them. The consumer belongs to this
thread alone: `consumer_group_metadata()` called from another while one polls can block both.

What it polls is taken on this thread too, some records at a time: read, joined and let go one after the
other they stay in the processor's nearest cache, and a frame costs a third less than where one thread polls
and another joins. *Whether* and *what takes them* is the event loop's to say: the thread hands over a `Turn`
and waits for it to be granted.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, cast

import confluent_kafka
from confluent_kafka import KafkaException, TopicPartition
from faust.types import TP

from dropcopy.trouble import Trouble
from processors.batches import Batch, Consumed, batches_of, is_end

__all__ = ["RECORDS_AT_ONCE", "Owner", "Poller", "Take", "Turn"]

# Few enough that what is made of them is still in the processor's nearest cache when it is let go.
RECORDS_AT_ONCE = 100
# How many are taken on one turn: few enough that ends, commits and the room for more are looked at in time, and
# many enough that what two threads have to say to each other between turns costs little.
_RECORDS_OF_A_TURN = 3_000
_EARLIEST = confluent_kafka.OFFSET_BEGINNING
# How often the partitions' ends are noted, for the lag, and whoever waits looks whether to stop.
_ENDS_S = 1.0
_LOOK_S = 0.1


Take = Callable[[Mapping[TP, Batch]], None]


class Turn:
    """What was polled, and what lies behind it, to be taken on the poller's thread once it is granted.

    `tp` is the partition of its first record, `generation` the assignment under which that was read.
    """

    def __init__(self, tp: TP, generation: int) -> None:
        self.tp = tp
        self.generation = generation
        self.granted = threading.Event()
        self._by: tuple[Take, asyncio.Future[None]] | None = None

    async def grant(self, take: Take) -> None:
        """Have it taken by `take`, which the poller's thread calls, and wait for its end.

        There is none if taking fails: that ends the worker.
        """
        ended = asyncio.get_running_loop().create_future()
        self._by = take, ended
        self.granted.set()
        await ended

    def drop(self) -> None:
        """Let it go untaken: its partitions are not this worker's any more."""
        self.granted.set()

    def taken(self, by: Callable[[Take], None]) -> None:
        """Call `by`, on the poller's thread, with what takes it, and say that it has ended."""
        if self._by is not None:
            take, ended = self._by
            by(take)
            ended.get_loop().call_soon_threadsafe(_end, ended)


def _end(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


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
        self.turns: asyncio.Queue[Turn] = asyncio.Queue()
        self.subscription: list[str] = []
        self.changed = threading.Event()
        self.stopping = threading.Event()
        self.done: deque[Mapping[TP, int]] = deque()
        self.generation = 0
        self.partition_ends: dict[TP, int] = {}
        self._assigned: list[TopicPartition] = []
        self._noted_s = 0.0
        self._ends: list[Consumed] = []
        self._member: tuple[int, object] = (-1, None)

    def run(self) -> None:
        """Poll until told to stop; the owner is told of what ends it otherwise."""
        try:
            while not self.stopping.is_set():
                self._resubscribe()
                self._commit(asynchronous=True)
                self._note_ends()
                self._poll()
        except BaseException as error:  # noqa: BLE001 -- whatever ends the thread ends the worker
            # Not as a turn: nobody grants one while nothing is assigned.
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

    def _poll(self) -> None:
        first = self.consumer.poll(_LOOK_S)
        found, self._ends = self._ends, []
        if first is not None:
            if first.error() is None:
                self._trouble.over()
            found += cast("list[Consumed]", [first, *self.consumer.consume(RECORDS_AT_ONCE, 0)])
            if all(is_end(message) for message in found):
                # Each record of a slow stream is followed by its partition's end, which can wait for the next one.
                self._ends = found
        if not found or self._ends:
            return
        batches = self._batches(found)
        if batches:  # else it was nothing but trouble that passes
            turn = Turn(next(iter(batches)), self.generation)
            self.loop.call_soon_threadsafe(self.turns.put_nowait, turn)
            self._wait_for(turn, batches)

    def _wait_for(self, turn: Turn, batches: dict[TP, Batch]) -> None:
        while not turn.granted.wait(_LOOK_S):
            if self.stopping.is_set():
                return
        turn.taken(lambda take: self._take(batches, take))

    def _take(self, batches: dict[TP, Batch], take: Take) -> None:
        """Take what was polled, and then what lies there already, some at a time."""
        taken = 0
        while batches:
            take(batches)
            taken += sum(len(batch.records) for batch in batches.values())
            if taken >= _RECORDS_OF_A_TURN or self.stopping.is_set():
                return
            batches = self._batches(cast("list[Consumed]", self.consumer.consume(RECORDS_AT_ONCE, 0)))

    def _batches(self, found: list[Consumed]) -> dict[TP, Batch]:
        if not found:
            return {}
        generation, metadata = self._member
        if generation != self.generation:
            # It is the same for all of an assignment, and asking for it takes as long as joining some records.
            metadata = self.consumer.consumer_group_metadata()
            self._member = self.generation, metadata
        return batches_of(found, metadata)

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
        """Begin a new assignment, or the time without one: ends that were noted before are of partitions given up."""
        self.generation += 1
        self._ends = []

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
