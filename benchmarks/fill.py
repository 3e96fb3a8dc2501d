"""Fills the input topics with a made-up day."""

import heapq
import time
from collections.abc import Iterator

from confluent_kafka import Producer

from benchmarks.orders import day
from dropcopy.kafka import producer_config
from dropcopy.registry import AvroWriter, schema_ids
from dropcopy.settings import Settings
from schemas.headers import FrameHeaders, Kind, pack
from schemas.topics import SUBMITTED, account_key, frames_topic

__all__ = ["fill", "frame_headers", "items"]

Headers = list[tuple[str, str | bytes | None]]
Item = tuple[int, int, str, str, bytes, Headers | None]


def items(start_ns: int, write: AvroWriter, orders: range, frames_each: int) -> Iterator[Item]:
    """Yield every record in the order of its time: (time, number, topic, key, value, headers)."""
    frames = frames_topic("tinvest").name
    sequence: dict[str, int] = {}
    ahead: list[tuple[int, int, str, str, bytes]] = []
    number = 0
    for submitted_ns, order in day(orders, start_ns):
        key = account_key("tinvest", order.account)
        times = [submitted_ns, *(submitted_ns + delay for delay in order.delays_ns[:frames_each])]
        values = [write(order.submission), *order.frames[:frames_each]]
        for at, (time_ns, value) in enumerate(zip(times, values, strict=True)):
            number += 1
            heapq.heappush(ahead, (time_ns, number, frames if at else SUBMITTED.name, key, value))
        while ahead and ahead[0][0] < submitted_ns - 30_000_000:
            yield _with_headers(heapq.heappop(ahead), sequence)
    while ahead:
        yield _with_headers(heapq.heappop(ahead), sequence)


def frame_headers(account: str, sequence: int, received_ns: int) -> Headers:
    """Return the headers of a stream frame, all of one connection."""
    return list(pack(FrameHeaders("tinvest", account, _SOURCE, Kind.FRAME, _CONNECTION, sequence, received_ns)))


_SOURCE = "order-state-stream"
_CONNECTION = "00000000-0000-4000-8000-000000000000"


def _with_headers(item: tuple[int, int, str, str, bytes], sequence: dict[str, int]) -> Item:
    time_ns, number, topic, key, value = item
    if topic == SUBMITTED.name:
        return (*item, None)
    sequence[key] = sequence.get(key, 0) + 1
    account = key.split(":")[1]
    return time_ns, number, topic, key, value, frame_headers(account, sequence[key], time_ns)


def fill(
    settings: Settings, count: int, start_ns: int, *, first: int = 0, frames_each: int = 4
) -> tuple[int, int, float]:
    """Write the submissions and the first frames of `count` orders; return records, bytes and seconds."""
    producer = Producer(
        producer_config(settings, linger_ms=20, batch_size=262_144, queue_buffering_max_messages=500_000)
    )
    write = AvroWriter("submitted", schema_ids(settings, [SUBMITTED])[SUBMITTED.name])
    start_s = time.perf_counter()
    records = size = 0
    for time_ns, _, topic, key, value, headers in items(start_ns, write, range(first, first + count), frames_each):
        records += 1
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, key, timestamp=time_ns // 1_000_000, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return records, size, time.perf_counter() - start_s
