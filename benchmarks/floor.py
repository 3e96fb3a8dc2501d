"""How fast a loop is that reads what a worker reads and writes as much as it wrote, and joins nothing.

One thread takes every record, its headers and its fields, and for it produces records that the worker wrote
before, as many for each as it did, in transactions. No state, no join, no encoding, no group: what a
worker takes beyond this is what those cost it.
"""

import itertools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.measure import INPUTS
from dropcopy.kafka import client_config, producer_config
from dropcopy.settings import Settings
from processors.encoding.submissions import read_submitted
from processors.mappings import tinvest
from processors.poller import RECORDS_AT_ONCE
from processors.sink import TUNING
from schemas import topics

__all__ = ["floor"]

_OUTPUTS = (topics.EXECUTIONS.name, topics.LATEST.name, topics.STATE.name)
_SAMPLE = 1_000
_FRAMES_OF_A_TRANSACTION = 20_000
_SUBMITTED, _FRAMES = INPUTS


class _Written(NamedTuple):
    """What the worker wrote to one topic: how much for each frame, and some of it over and over."""

    topic: str
    each: float
    again: Iterator[tuple[bytes | None, bytes | None]]


def floor(settings: Settings, frames: int) -> dict[str, float]:
    """Read the inputs once more as one loop, after a worker has processed them all, and return what that took."""
    consumer = Consumer(client_config(settings) | _CONSUMER)
    try:
        written = [_written(consumer, settings, topic, frames) for topic in _OUTPUTS]
        consumer.assign([TopicPartition(topic, n, 0) for topic in INPUTS for n in range(settings.partitions)])
        producer = Producer(producer_config(settings, **TUNING) | {"transactional.id": "floor"})
        producer.init_transactions(60)
        start_s, cpu_s = time.perf_counter(), time.process_time()
        _loop(consumer, producer, written, frames)
        wall_s, used_s = time.perf_counter() - start_s, time.process_time() - cpu_s
    finally:
        consumer.close()
    return {
        "floor_frames_per_s": round(frames / wall_s),
        "floor_cpu_s_per_million_frames": round(used_s / frames * 1e6, 1),
    }


_CONSUMER: dict[str, Any] = {
    "group.id": "floor",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "fetch.queue.backoff.ms": 5,
}


def _written(consumer: Consumer, settings: Settings, topic: str, frames: int) -> _Written:
    partitions = [TopicPartition(topic, n, 0) for n in range(settings.partitions)]
    count = sum(consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)
    consumer.assign(partitions)
    found: list[tuple[bytes | None, bytes | None]] = []
    while len(found) < min(_SAMPLE, count // 2):
        found += [(record.value(), record.key()) for record in consumer.consume(_SAMPLE, 1) if record.error() is None]
    return _Written(topic, count / frames, itertools.cycle(found))


def _loop(consumer: Consumer, producer: Producer, written: list[_Written], frames: int) -> None:
    owed = dict.fromkeys(_OUTPUTS, 0.0)
    taken = 0
    producer.begin_transaction()
    while taken < frames:
        for message in consumer.consume(RECORDS_AT_ONCE, 1):
            value = message.value() or b""
            if message.topic() == _SUBMITTED:
                read_submitted(value, 5)
                continue
            _, (_, account), (_, source), _, _, (_, sequence), (_, received_ns) = message.headers() or ()
            if int(sequence) and int(received_ns):
                tinvest.reports(value, source.decode(), account.decode(), _nothing)
            taken += 1
            for topic, each, again in written:
                owed[topic] += each
                while owed[topic] >= 1:
                    owed[topic] -= 1
                    producer.produce(topic, *next(again))
            if taken % _FRAMES_OF_A_TRANSACTION == 0:
                producer.commit_transaction(60)
                producer.begin_transaction()
    producer.commit_transaction(60)


def _nothing(request_id: str | None, name: str | None) -> None:
    """Give no quantity: the frames of a day tell theirs."""
