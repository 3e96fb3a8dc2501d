"""A Faust transport on librdkafka that hands on whole batches.

Faust's own driver makes an object and several awaits of every record, and its client can neither take
part in transactions nor ask for stable offsets (docs/decisions/0002-transport.md has what it costs). This
driver keeps Faust's shape, one consumer that feeds the agents' channels, and moves a **turn** at a time:
the value of a Faust message is leave to take what was polled, of all partitions, and what lies behind it.

A thread of its own polls (`poller.py`), and takes what it polled when the agent grants it:

    thread                                    event loop
    poll       ──────────────turn──────────►  getmany ─► conductor ─► agent's channel
    take, poll, take, ...  ◄─────grant──────  the agent, which waits for the end of the turn
    on_assign  ──────────────wait──────────►  Faust's handlers; the app restores state
    on_revoke  ──────────────wait──────────►  Faust's handlers; the app ends what is in flight

The thread waits for its turn and polls nothing meanwhile, so memory is bounded. A turn belongs to the assignment
it was polled under (`generation`), and is dropped when that has changed.

Assignment, in this order: the group's committed offsets are read, *stable*, which waits for any
transaction of a predecessor that still holds offsets; then the app restores its state; then reading
begins at those offsets. So no transaction of a predecessor can slip in between offsets and state.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar, Protocol, cast

import confluent_kafka
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP, ConsumerMessage
from faust.types.transports import ConsumerT, ProducerT

from dropcopy.errors import ClusterError
from processors.poller import Poller, Turn

__all__ = ["Consumer", "Host", "Producer", "Transport"]


class Host(Protocol):
    """What the transport asks of the app."""

    consumer_generation_id: int

    def consumer_config(self) -> dict[str, Any]:
        """Return librdkafka's properties for the group's member."""

    async def finish(self) -> None:
        """Wait until what is in flight is committed."""

    def fail(self, error: BaseException) -> None:
        """End the process: what was not committed is done again by the next one."""


class Consumer(FaustConsumer):
    """The worker's consumer: a member of the group through librdkafka."""

    _poller: Poller

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._host = cast("Host", self.app)
        self._assignment: set[TP] = set()

    async def on_start(self) -> None:
        """Begin to poll."""
        self._poller = Poller(self, asyncio.get_running_loop(), self._host.consumer_config())
        self._poller.start()

    async def on_stop(self) -> None:
        """Leave the group, once what is in flight is committed."""
        await self._host.finish()
        # Told to stop before it began, it has none.
        poller: Poller | None = getattr(self, "_poller", None)
        if poller is not None:
            poller.stopping.set()
            await asyncio.to_thread(poller.join)

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

    def ended(self, error: BaseException) -> None:
        """End the worker, which reads nothing any more."""
        self._host.fail(error)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 -- Faust's signature
        """Yield a message whose value is the next `Turn`."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # mode's annotation; any awaitable event serves
        try:
            turn = await asyncio.wait_for(self._poller.turns.get(), timeout)
        except TimeoutError:
            return
        if turn.generation != self._poller.generation or not self.flow_active:
            turn.drop()
        else:
            yield turn.tp, _message(turn, self._host.consumer_generation_id)

    def assignment(self) -> set[TP]:
        """Return the partitions that are this worker's now."""
        return set(self._assignment)

    def ends(self) -> Mapping[TP, int]:
        """Return where the partitions that are read end, as of a second ago."""
        return self._poller.partition_ends

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


def _message(turn: Turn, generation: int) -> ConsumerMessage:
    tp = turn.tp
    return ConsumerMessage(
        tp.topic, tp.partition, 0, 0.0, 0, [], None, cast("bytes", turn), None, 0, 0, tp, generation_id=generation
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
