"""What a frame costs where it is joined: `Shard` alone, in this process, without a broker.

What is timed here, five times over, can be counted too, which on a machine whose speed changes tells more
(decision 0011):

    make compiled
    PYTHONPATH=.compiled:. valgrind --tool=callgrind --cache-sim=yes \\
        --toggle-collect='CPyDef_shard___Shard___take' --toggle-collect='CPyDef_shard___Shard___finish' \\
        .venv/bin/python -P -m benchmarks --only shard --orders 1000
"""

import gc
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.fill import items
from dropcopy.registry import AvroWriter
from processors.app import mapped_venues
from processors.core.state import Grace
from processors.encoding.results import Encoders
from processors.encoding.submissions import SubmissionReader
from processors.shard import Shard
from schemas import topics

__all__ = ["shard"]

_SUBMITTED = topics.SUBMITTED.name
_FRAMES = topics.frames_topic("tinvest").name
_RESULTS = (topics.EXECUTIONS, topics.LATEST, topics.UNMATCHED, topics.FEEDS_STATUS)
_SUBMITTED_ID = 1
_SECOND_NS = 1_000_000_000
# As the poller takes them, and a round of a worker that is busy.
_RECORDS_AT_ONCE = 100
_TURNS_OF_A_ROUND = 200
_TIMES = 5
# What is prepared for it lies in memory.
_MOST_ORDERS = 10_000


class _Record(NamedTuple):
    """A record as the consumer hands it over."""

    topic_: str
    offset_: int
    key_: bytes
    value_: bytes
    headers_: list[tuple[str, bytes | None]] | None

    def topic(self) -> str:
        return self.topic_

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes:
        return self.key_

    def value(self) -> bytes:
        return self.value_

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.headers_

    def error(self) -> None:
        return None


_Turn = tuple[list[_Record], list[_Record]]


def shard(orders: int) -> dict[str, float]:
    """Join the day of `orders` orders, at most 10,000, some times over; return microseconds of CPU a frame."""
    count = min(orders, _MOST_ORDERS)
    turns = list(_turns(count))
    gc.collect()
    gc.freeze()
    found_us = sorted(_cpu_s(turns) / (4 * count) * 1e6 for _ in range(_TIMES))
    return {
        "shard_orders": count,
        "shard_cpu_us_per_frame_least": round(found_us[0], 1),
        "shard_cpu_us_per_frame_median": round(statistics.median(found_us), 1),
    }


def _turns(count: int) -> Iterator[_Turn]:
    write = AvroWriter("submitted", _SUBMITTED_ID)
    turn: _Turn = ([], [])
    offsets = {_SUBMITTED: 0, _FRAMES: 0}
    day = items(time.time_ns() - 3600 * _SECOND_NS, write, range(count), 4)
    for at, (_, _, topic, key, value, headers) in enumerate(day, 1):
        read = [(name, held.encode() if isinstance(held, str) else held) for name, held in headers or ()]
        record = _Record(topic, offsets[topic], key.encode(), value, read or None)
        offsets[topic] += 1
        turn[topic == _FRAMES].append(record)
        if at % _RECORDS_AT_ONCE == 0:
            yield turn
            turn = ([], [])
    yield turn


def _cpu_s(turns: list[_Turn]) -> float:
    grace = Grace(10 * _SECOND_NS, 10 * _SECOND_NS, 10 * _SECOND_NS, 3600 * _SECOND_NS)
    encoders = Encoders({topic.name: number for number, topic in enumerate(_RESULTS, _SUBMITTED_ID + 1)})
    taken = Shard(0, 1, grace, mapped_venues(), encoders, SubmissionReader(_SUBMITTED_ID, lambda _: {}))
    start_s = time.process_time()
    for number, (submissions, frames) in enumerate(turns, 1):
        taken.take(_SUBMITTED, submissions, at_end=False)
        taken.take(_FRAMES, frames, at_end=False)
        if number % _TURNS_OF_A_ROUND == 0:
            taken.finish()
    taken.finish()
    return time.process_time() - start_s
