"""A worker's rounds and rebalances: what comes while partitions are given up neither ends it nor is written late."""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from faust.types import TP

from dropcopy.settings import Settings
from processors.batches import Batch
from processors.mappings import tinvest
from processors.poller import Take, Turn
from processors.sink import Record, Sink
from processors.worker import Worker
from schemas import topics
from tests.processors.test_shard import FRAMES, HOME, IDS, ORDER, SECOND, START, SUBMITTED_ID, frame, shard

TPS = {TP(FRAMES, HOME), TP(topics.SUBMITTED.name, HOME)}


class Slow:
    """A sink whose rounds are committed when it is told so."""

    def __init__(self) -> None:
        self.committed = asyncio.Event()
        self.rounds: list[list[Record]] = []

    async def write(
        self, records: list[Record], offsets: Mapping[TP, int], metadata: object, commit: Callable[..., None]
    ) -> None:
        self.rounds.append(records)

    async def done(self) -> None:
        if self.rounds:
            await self.committed.wait()


def worker(sink: Slow) -> Worker:
    settings = Settings()
    ids = IDS | {topics.SUBMITTED.name: SUBMITTED_ID}
    running = Worker(settings, {"tinvest": tinvest.reports}, ids, cast("Sink", sink), lambda offsets: None)
    running.shards[HOME] = shard(HOME)
    return running


class Granted:
    """A turn that is taken at once."""

    def __init__(self, *messages: object, topic: str = FRAMES) -> None:
        self.batches = {TP(topic, HOME): Batch(list(messages), True, len(messages), None)}  # type: ignore[arg-type]

    async def grant(self, take: Take) -> None:
        take(self.batches)


def turn(*messages: object, topic: str = FRAMES) -> Turn:
    return cast("Turn", Granted(*messages, topic=topic))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_partitions_are_given_up_whole_whatever_waits_for_its_turn() -> None:
    sink = Slow()
    running = worker(sink)
    await running.take(turn(topic=topics.SUBMITTED.name))
    await running.take(turn(frame(ORDER.frames[0])))

    revoked = asyncio.ensure_future(running.revoked(TPS))
    await settle()
    late = [
        asyncio.ensure_future(running.tick(START + 3600 * SECOND)),
        asyncio.ensure_future(running.take(turn(frame(ORDER.frames[1], 2)))),
    ]
    await settle()
    sink.committed.set()
    await asyncio.gather(revoked, *late)
    await running.finish()

    assert not running.shards
    assert len(sink.rounds) == 1
    assert not running.positions()
