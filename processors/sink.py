"""The transactional sink: results, state and offsets of a round become visible together or not at all.

Theory
------
A round of input is read at offsets `from..to`. Processing it gives results, changes of state, and
the offsets `to`, which say that it is done. Exactly once means that these three are one: a reader of
committed records sees the results if and only if the offsets have moved and the state has changed.
Kafka's transactions give that, across partitions and topics, and KIP-447 lets the *group's own
generation* fence a worker that lost its partitions without knowing: the coordinator refuses offsets
of a member that the group no longer has, and the transaction aborts.

    begin ─► produce results, dead letters, state ─► send offsets with the member's generation ─► commit

Every failure in here ends the process. There is nothing to repair in place: what was not committed
is invisible, and a restart (or another worker) continues from the last commit, with the state as it
was then.

**One round is in flight while the next is computed.** A commit waits for the broker several times,
so it runs on a thread, and the event loop reads, joins and encodes meanwhile; what has come of that is
the next round, produced when the commit before it is done. The state in memory is then one round ahead
of what is committed, which is safe because no failure is survived.

**Three producers take turns**, because a commit returns when the coordinator has logged it, while the
next transaction of the same id has to wait until its markers are in every partition. The order of
transactions is kept: one begins when the commit of the one before has returned.

With `at_least_once` there is no transaction: results are flushed, then the state, then the offsets
are committed. A crash in between repeats the round; each result carries the same `event_id` then.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from faust.types import TP

from dropcopy.errors import ClusterError
from dropcopy.kafka import producer_config
from dropcopy.settings import Settings
from processors import metrics
from schemas.topics import STATE

__all__ = ["TUNING", "Headers", "Record", "Sink"]

# librdkafka's queue has to hold a whole round: nothing is sent on the event loop.
_QUEUE_RECORDS = 2_000_000
_QUEUE_KILOBYTES = 1_048_576
# Producers that take turns: see the theory.
_TURNS = 3
# Where a transaction has to wait after all, librdkafka's default of 100 ms would be most of a round's time.
TUNING: Final[Mapping[str, Any]] = {
    "linger_ms": 0,
    "batch_size": 524_288,
    "retry_backoff_ms": 1,
    "retry_backoff_max_ms": 5,
    "delivery_report_only_error": True,
    "queue_buffering_max_messages": _QUEUE_RECORDS,
    "queue_buffering_max_kbytes": _QUEUE_KILOBYTES,
}


Headers = list[tuple[str, str | bytes | None]]


# One record to write: topic, value, key, partition (-1 leaves it to the key), headers.
Record = tuple[str, bytes | None, bytes | str | None, int, Headers | None]


class Sink:
    """Writes rounds, one after the other, each as one transaction with its offsets.

    `crash` is told of the failure of a round; the process has to end then.
    """

    def __init__(self, settings: Settings, transactional_id: str, crash: Callable[[BaseException], None]) -> None:
        self._exactly_once = settings.guarantee == "exactly_once"
        self._timeout_s = settings.transaction_timeout_s
        config = producer_config(settings, **TUNING)
        # Nobody polls while there is nothing to write; the consumer tells of the same brokers.
        config["log_level"] = 0
        if self._exactly_once:
            config |= {
                "transaction.timeout.ms": int(settings.transaction_timeout_s * 1000),
                "message.timeout.ms": int(settings.transaction_timeout_s * 1000),
            }
            names = [f"{transactional_id}-{turn}" for turn in range(_TURNS)]
            self._producers = [Producer(config | {"transactional.id": name}) for name in names]
        else:
            # A transaction tells of what was not delivered by itself. For a report librdkafka asks for the interpreter
            # after each record, and would wait for whoever computes.
            self._producers = [Producer(config | {"on_delivery": self._on_failure})]
        self._producer = self._producers[0]
        self._turns = itertools.cycle(self._producers)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sink")
        self._in_flight: asyncio.Future[None] | None = None
        self._crash = crash
        self._failure: KafkaError | None = None

    async def open(self) -> None:
        """Fence off a predecessor of the same transactional id, and abort what it left open.

        Raises:
            ClusterError: the broker is away or refuses transactions.
        """
        if self._exactly_once:
            try:
                for producer in self._producers:
                    await self._run(producer.init_transactions, 60)
            except KafkaException as error:
                raise ClusterError(
                    f"no transaction could be set up: {error.args[0].str()}",
                    hint="Check that the brokers are there and that this user may use transactional ids.",
                ) from None

    async def write(
        self,
        records: list[Record],
        offsets: Mapping[TP, int],
        group_metadata: object,
        commit: Callable[[Mapping[TP, int]], None],
    ) -> None:
        """Write a round once the one before it is done; return while it is in flight.

        `commit` commits offsets outside a transaction, for at_least_once.

        Raises:
            KafkaException: the round before it failed.
            ClusterError: it took too long.
        """
        await self.done()
        if self._exactly_once:
            work = self._in_time(self._run(self._transaction, records, offsets, group_metadata))
        else:
            work = self._flush_and_commit(records, offsets, commit)
        metrics.ROUND_RECORDS.observe(len(records))
        self._in_flight = asyncio.ensure_future(_timed(work))
        self._in_flight.add_done_callback(self._ended)

    async def done(self) -> None:
        """Wait until nothing is in flight.

        Raises:
            KafkaException: the round in flight failed.
            ClusterError: it took too long.
        """
        if self._in_flight is not None:
            await self._in_flight
            self._in_flight = None

    def _ended(self, work: "asyncio.Future[None]") -> None:
        # Nobody may be waiting: without further input, the failure would stay unseen.
        if not work.cancelled() and (error := work.exception()) is not None:
            metrics.TRANSACTIONS.labels("failed").inc()
            self._crash(error)
        else:
            metrics.TRANSACTIONS.labels("committed").inc()

    async def _in_time(self, work: Awaitable[None]) -> None:
        # The brokers abort a transaction of this age. librdkafka has been seen to wait on in it for ever when its
        # coordinator came back from a crash, whatever time it was given.
        limit_s = self._timeout_s
        try:
            await asyncio.wait_for(work, limit_s)
        except TimeoutError:
            raise ClusterError(
                f"a transaction did not end within {limit_s:g} s; the next worker does its round again"
            ) from None

    async def _run(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _transaction(self, records: list[Record], offsets: Mapping[TP, int], group_metadata: object) -> None:
        producer = self._producer = next(self._turns)
        producer.begin_transaction()
        self._produce(records)
        positions = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in offsets.items()]
        if positions:
            producer.send_offsets_to_transaction(positions, group_metadata, self._timeout_s)
        producer.commit_transaction(self._timeout_s)

    async def _flush_and_commit(
        self, records: list[Record], offsets: Mapping[TP, int], commit: Callable[[Mapping[TP, int]], None]
    ) -> None:
        await self._run(self._produce_and_flush, records)
        if offsets:
            commit(offsets)

    def _produce_and_flush(self, records: list[Record]) -> None:
        # State that is ahead of its results would take them for told after a crash in between.
        for of_state in (False, True):
            self._produce([record for record in records if (record[0] == STATE.name) is of_state])
            self._producer.flush()
            self._raise_failure()

    def _produce(self, records: list[Record]) -> None:
        produce = self._producer.produce
        for topic, value, key, partition, headers in records:
            try:
                if headers is None:
                    produce(topic, value, key, partition)
                else:
                    produce(topic, value, key, partition, headers=headers)
            except BufferError:
                self._make_room()
                produce(topic, value, key, partition, headers=headers)

    def _make_room(self) -> None:
        """Wait until the producer's queue is half empty."""
        while len(self._producer) > _QUEUE_RECORDS // 2:
            self._producer.poll(0.1)
        self._producer.flush(self._timeout_s)

    def _on_failure(self, error: KafkaError | None, _: object) -> None:
        if error is not None:
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)


async def _timed(work: Awaitable[None]) -> None:
    start_s = time.perf_counter()
    await work
    metrics.TRANSACTION_SECONDS.observe(time.perf_counter() - start_s)
