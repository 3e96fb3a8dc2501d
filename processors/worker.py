"""The worker: shards of the partitions it owns, rounds through them, and the sink.

Rounds, rebalances and ticks take turns under one lock, so a partition is never given up in the
middle of a round, and its last round is committed before another worker may have it.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from faust.types import TP

from dropcopy.errors import ClusterError
from dropcopy.kafka import client_config
from dropcopy.logs import get_logger
from dropcopy.registry import AvroReader
from dropcopy.settings import Settings
from processors.core.state import Grace
from processors.encoding.records import Encoders, SubmissionReader
from processors.restore import Kept, restore
from processors.shard import Reports, Shard
from processors.sink import Record, Sink
from processors.transport import Batch, Consumer
from schemas import topics

__all__ = ["Part", "Worker", "grace_of"]

log = get_logger(__name__)


class Part(NamedTuple):
    """One partition's share of a round: its batch, and the offset of the last record."""

    tp: TP
    batch: Batch
    offset: int


def grace_of(settings: Settings) -> Grace:
    """Return how long things may take, as the core counts it."""
    return Grace(
        reply_ns=int(settings.reply_timeout_s * 1e9),
        submission_ns=int(settings.submission_grace_s * 1e9),
        silence_ns=int(settings.feed_silence_s * 1e9),
        retention_ns=int(settings.order_retention_s * 1e9),
    )


class Worker:
    """What a worker process holds. `inputs` are the topics it reads, `ids` the schema ids by topic."""

    def __init__(
        self,
        settings: Settings,
        mappings: Mapping[str, Reports],
        ids: Mapping[str, int],
        sink: Sink,
    ) -> None:
        self._settings = settings
        self._mappings = mappings
        self._grace = grace_of(settings)
        self._encoders = Encoders(ids)
        self._read_submission = SubmissionReader(ids[topics.SUBMITTED.name], AvroReader(settings))
        self._sink = sink
        self._lock = asyncio.Lock()
        self.shards: dict[int, Shard] = {}
        self.restored_s = 0.0

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
            self.restored_s = time.monotonic() - start
        orders = sum(len(self.shards[number].state.orders) for number in new)
        log.info("partitions_assigned", partitions=sorted(new), orders=orders, restore_s=round(self.restored_s, 2))

    def _shard(self, number: int, kept: Kept) -> Shard:
        shard = Shard(
            number, self._settings.partitions, self._grace, self._mappings, self._encoders, self._read_submission
        )
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
        """Let partitions go once what is in flight is committed."""
        async with self._lock:
            await self._sink.done()
            gone = {tp.partition for tp in partitions}
            for number in gone:
                self.shards.pop(number, None)
        if gone:
            log.info("partitions_revoked", partitions=sorted(gone))

    async def finish(self) -> None:
        """Wait until what is in flight is committed."""
        async with self._lock:
            await self._sink.done()

    async def round(self, parts: list[Part], consumer: Consumer) -> None:
        """Put the batches of a round through the shards, and have it written with its offsets."""
        async with self._lock:
            owned = consumer.assignment()
            # Submissions first: what comes with them is matched at once, instead of twice.
            parts = sorted((part for part in parts if part.tp in owned), key=_submissions_first)
            if not parts:
                return
            metadata = parts[0].batch.metadata
            offsets: dict[TP, int] = {}
            for tp, batch, offset in parts:
                self.shards[tp.partition].take(tp.topic, batch.records, at_end=batch.at_end)
                if batch.records:
                    offsets[tp] = offset + 1
            records: list[Record] = []
            for number in dict.fromkeys(part.tp.partition for part in parts):
                records += self.shards[number].finish()
            if records or offsets:
                await self._sink.write(records, offsets, metadata, consumer.commit_soon)

    async def tick(self, now_ns: int, consumer: Consumer) -> None:
        """Do what only the clock can tell: orders whose feeds are all silent."""
        async with self._lock:
            records = [record for shard in self.shards.values() for record in shard.tick(now_ns)]
            if records:
                await self._sink.write(records, {}, None, consumer.commit_soon)


def _submissions_first(part: Part) -> bool:
    return part.tp.topic != topics.SUBMITTED.name


def _tell_progress(count: int, total: int) -> None:
    log.info("restoring", records=count, of_about=total)
