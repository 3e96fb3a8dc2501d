"""The worker: shards of the partitions it owns, what is taken through them, and rounds for the sink.

Batches are taken on the poller's thread, some records at a time, and all else happens in the event loop.
Rebalances, ticks and rounds take turns there under one lock, so all that was taken of a partition is committed
before another worker may have it; a second one, of threads, keeps them apart from the records that are being taken.
A rebalance is told of by the poller's thread, which waits for it: nothing is taken meanwhile.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from faust.types import TP

from dropcopy.errors import ClusterError
from dropcopy.kafka import client_config
from dropcopy.logs import get_logger
from dropcopy.registry import AvroReader
from dropcopy.settings import Settings
from processors import metrics
from processors.batches import Batch
from processors.core.state import Grace
from processors.encoding.results import Encoders
from processors.encoding.submissions import SubmissionReader
from processors.metrics import Counts
from processors.poller import Turn
from processors.restore import Kept, restore
from processors.shard import Reports, Shard
from processors.sink import Record, Sink
from schemas import topics

__all__ = ["Worker", "grace_of"]

log = get_logger(__name__)

# How many input records one transaction may hold, which bounds the memory that waits for it.
_MOST_OF_A_ROUND = 100_000
# Of a backlog it holds so many, or what comes within so long: to begin and end a transaction in each of its partitions
# takes a broker as long as hundreds of records do.
_LEAST_OF_A_BACKLOG = 20_000
_LONGEST_OF_A_BACKLOG_S = 1.0


def grace_of(settings: Settings) -> Grace:
    """Return how long things may take, as the core counts it."""
    return Grace(
        reply_ns=int(settings.reply_timeout_s * 1e9),
        submission_ns=int(settings.submission_grace_s * 1e9),
        silence_ns=int(settings.feed_silence_s * 1e9),
        retention_ns=int(settings.order_retention_s * 1e9),
    )


class Worker:
    """What a worker process holds.

    `mappings` are the venues' readers, `ids` the schema ids by topic; `ends` gives the end of each partition
    that is read; `commit_soon` commits offsets outside a transaction, for at_least_once.
    """

    def __init__(
        self,
        settings: Settings,
        mappings: Mapping[str, Reports],
        ids: Mapping[str, int],
        sink: Sink,
        ends: Callable[[], Mapping[TP, int]],
        commit_soon: Callable[[Mapping[TP, int]], None],
    ) -> None:
        self._settings = settings
        self._mappings = mappings
        self._grace = grace_of(settings)
        self._encoders = Encoders(ids)
        self._read_submission = SubmissionReader(ids[topics.SUBMITTED.name], AvroReader(settings))
        self._sink = sink
        self._ends = ends
        self._commit_soon = commit_soon
        self._lock = asyncio.Lock()
        self._taking = threading.Lock()
        self._dirty = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._more = asyncio.Event()
        self._offsets: dict[TP, int] = {}
        self._positions: dict[TP, int] = {}
        self._touched: set[int] = set()
        self._taken = 0
        self._metadata: object = None
        self._counts = Counts()
        self.shards: dict[int, Shard] = {}

    def lags(self) -> dict[TP, int]:
        """Return how many records are not taken yet, of each partition of which some were; any thread may ask."""
        positions = self._positions
        return {tp: max(end - positions[tp], 0) for tp, end in self._ends().items() if tp in positions}

    async def assigned(self, partitions: Iterable[TP]) -> None:
        """Restore the state of the partitions that are new here.

        Raises:
            ClusterError: one partition number of the input topics is spread over several workers.
        """
        self._check_together(partitions)
        async with self._lock:
            new = {tp.partition for tp in partitions} - set(self.shards)
            start = time.monotonic()
            kept = await asyncio.to_thread(restore, client_config(self._settings), new, _tell_progress)
            for number in new:
                self.shards[number] = self._shard(number, kept)
            restore_s = round(time.monotonic() - start, 2)
        metrics.REBALANCES.labels("assigned").inc()
        orders = sum(len(self.shards[number].state.orders) for number in new)
        if new:
            metrics.RESTORED.inc(orders)
            metrics.RESTORE_SECONDS.observe(restore_s)
        log.info("partitions_assigned", partitions=sorted(new), orders=orders, restore_s=restore_s)

    def _shard(self, number: int, kept: Kept) -> Shard:
        shard = Shard(
            number, self._settings.partitions, self._grace, self._mappings, self._encoders, self._read_submission
        )
        shard.counts = self._counts
        shard.restore(kept[number])
        return shard

    def _check_together(self, partitions: Iterable[TP]) -> None:
        by_number: dict[int, set[str]] = {}
        for tp in partitions:
            by_number.setdefault(tp.partition, set()).add(tp.topic)
        if len({frozenset(found) for found in by_number.values()}) > 1:
            raise ClusterError(
                f"partitions of the input topics are not assigned together: {by_number}",
                hint="Their partition counts differ: run `dropcopy topics check`.",
            )

    async def revoked(self, partitions: Iterable[TP]) -> None:
        """Let partitions go once all that was taken of them is committed."""
        async with self._lock:
            await self._finish()
            gone = {tp.partition for tp in partitions}
            with self._taking:
                for number in gone:
                    self.shards.pop(number, None)
                # At the worker's end something may still be taken, which nobody commits.
                self._positions = {tp: offset for tp, offset in self._positions.items() if tp.partition not in gone}
                self._offsets = {tp: offset for tp, offset in self._offsets.items() if tp.partition not in gone}
                self._touched -= gone
        metrics.REBALANCES.labels("revoked").inc()
        if gone:
            log.info("partitions_revoked", partitions=sorted(gone))

    async def finish(self) -> None:
        """Wait until all that was taken is committed."""
        async with self._lock:
            await self._finish()

    async def _finish(self) -> None:
        await self._sink.done()
        await self._write_round()
        await self._sink.done()

    async def take(self, turn: Turn) -> None:
        """Put what was polled through the shards; `flush` writes what comes of it."""
        await self._room.wait()
        loop = asyncio.get_running_loop()
        await turn.grant(lambda batches: self._take(batches, loop))
        self._more.set()
        if self._taken >= _MOST_OF_A_ROUND:
            self._room.clear()

    def _take(self, batches: Mapping[TP, Batch], loop: asyncio.AbstractEventLoop) -> None:
        with self._taking:
            if not self._touched:  # the first of a round
                loop.call_soon_threadsafe(self._dirty.set)
            # Submissions first: what comes with them is matched at once, instead of twice.
            for tp, batch in sorted(batches.items(), key=_submissions_first):
                if tp.partition not in self.shards:  # given up meanwhile
                    continue
                self.shards[tp.partition].take(tp.topic, batch.records, at_end=batch.at_end)
                self._touched.add(tp.partition)
                self._metadata = batch.metadata
                self._positions[tp] = batch.offset + 1
                if batch.records:
                    self._offsets[tp] = batch.offset + 1
                    self._taken += len(batch.records)

    async def tick(self, now_ns: int) -> None:
        """Look at what only the clock can tell: orders whose feeds are all silent."""
        async with self._lock:
            with self._taking:
                due = [number for number, shard in self.shards.items() if shard.tick(now_ns)]
                self._touched.update(due)
            if due:
                self._dirty.set()

    async def flush(self) -> None:
        """Write rounds, each as soon as the one before it is committed, for as long as the worker runs.

        A round holds all that was taken meanwhile: little when little comes, so results are early, and
        much under load, so a transaction's cost is shared by many. Where results are late already, they wait
        until there are many.
        """
        while True:
            await self._dirty.wait()
            await self._sink.done()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_OF_A_BACKLOG_S):
                    await self._enough_of_a_backlog()
            async with self._lock:
                await self._write_round()

    async def _enough_of_a_backlog(self) -> None:
        while self._taken < _LEAST_OF_A_BACKLOG <= sum(self.lags().values()):
            self._more.clear()
            await self._more.wait()

    async def _write_round(self) -> None:
        with self._taking:
            records: list[Record] = []
            for number in self._touched:
                records += self.shards[number].finish()
            offsets, self._offsets = self._offsets, {}
            if records:
                # Without offsets of its partition, what the clock told would not be fenced off when it is another's.
                offsets = {tp: offset for tp, offset in self._positions.items() if tp.partition in self._touched}
            metadata = self._metadata
            self._touched.clear()
            self._taken = 0
            metrics.tell(self._counts)
        self._dirty.clear()
        self._room.set()
        if records or offsets:
            await self._sink.write(records, offsets, metadata, self._commit_soon)


def _submissions_first(part: tuple[TP, Batch]) -> bool:
    return part[0].topic != topics.SUBMITTED.name


def _tell_progress(count: int, total: int) -> None:
    log.info("restoring", records=count, of_about=total)
