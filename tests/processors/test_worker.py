"""A worker's rounds and rebalances: when a round is written, and what comes while partitions are given up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import pytest
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
        self.written = asyncio.Event()
        self.committed = asyncio.Event()
        self.rounds: list[list[Record]] = []
        self.offsets: list[Mapping[TP, int]] = []

    async def write(
        self, records: list[Record], offsets: Mapping[TP, int], metadata: object, commit: Callable[..., None]
    ) -> None:
        self.rounds.append(records)
        self.offsets.append(dict(offsets))
        self.written.set()

    async def done(self) -> None:
        if self.rounds:
            await self.committed.wait()


def worker(sink: Slow, ends: Mapping[TP, int] | None = None) -> Worker:
    """Return a worker of one partition; the topics end at `ends`, which the test may change."""
    settings = Settings()
    ids = IDS | {topics.SUBMITTED.name: SUBMITTED_ID}
    known = {} if ends is None else ends
    running = Worker(
        settings, {"tinvest": tinvest.reports}, ids, cast("Sink", sink), lambda: known, lambda offsets: None
    )
    running.shards[HOME] = shard(HOME)
    return running


class Granted:
    """A turn that is taken at once, of records up to `offset`."""

    def __init__(self, *messages: object, topic: str = FRAMES, at_end: bool = True, offset: int = 1) -> None:
        self.batches = {TP(topic, HOME): Batch(list(messages), at_end, offset, None)}  # type: ignore[arg-type]

    async def grant(self, take: Take) -> None:
        take(self.batches)


def turn(*messages: object, topic: str = FRAMES, at_end: bool = True, offset: int = 1) -> Turn:
    return cast("Turn", Granted(*messages, topic=topic, at_end=at_end, offset=offset))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_partitions_are_given_up_whole_whatever_waits_for_its_turn() -> None:
    sink = Slow()
    running = worker(sink, {TP(FRAMES, HOME): 3})
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
    assert not running.lags()


@pytest.fixture
async def flushed() -> AsyncIterator[Callable[[Worker], None]]:
    """What writes a worker's rounds until the test ends."""
    tasks: list[asyncio.Future[None]] = []
    yield lambda running: tasks.append(asyncio.ensure_future(running.flush()))
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])


async def test_a_round_commits_what_it_took_also_in_the_middle_of_a_partition() -> None:
    sink = Slow()
    running = worker(sink, {TP(FRAMES, HOME): 100})

    await running.take(turn(frame(ORDER.frames[0]), at_end=False, offset=40))
    await running.take(turn(frame(ORDER.frames[1], 2), at_end=False, offset=41))
    lag = running.lags()
    sink.committed.set()
    await running.finish()

    assert sink.offsets == [{TP(FRAMES, HOME): 42}]
    assert lag == {TP(FRAMES, HOME): 58}


async def test_a_round_is_written_at_once_while_the_worker_keeps_up(flushed: Callable[[Worker], None]) -> None:
    sink = Slow()
    running = worker(sink, {TP(FRAMES, HOME): 19_999})
    flushed(running)

    await running.take(turn(frame(ORDER.frames[0])))
    await settle()

    assert len(sink.rounds) == 1


async def test_of_a_backlog_a_round_waits_for_more_until_its_end_is_near(flushed: Callable[[Worker], None]) -> None:
    sink = Slow()
    ends = {TP(FRAMES, HOME): 100_000}
    running = worker(sink, ends)
    flushed(running)

    await running.take(turn(frame(ORDER.frames[0])))
    await settle()
    waited = not sink.rounds
    ends[TP(FRAMES, HOME)] = 2
    await running.take(turn(frame(ORDER.frames[1], 2)))
    await settle()

    assert waited
    assert len(sink.rounds) == 1


async def test_of_a_backlog_that_comes_to_nothing_more_a_round_waits_a_moment(
    flushed: Callable[[Worker], None],
) -> None:
    sink = Slow()
    running = worker(sink, {TP(FRAMES, HOME): 100_000})
    flushed(running)

    await running.take(turn(frame(ORDER.frames[0])))

    async with asyncio.timeout(20):
        await sink.written.wait()
