"""How late a result is, at a steady rate."""

import threading
import time
from collections.abc import Iterator

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.fill import frame_headers
from benchmarks.measure import cpu_s, percentile
from benchmarks.orders import order
from benchmarks.worker import ready_worker
from dropcopy.kafka import client_config, producer_config
from dropcopy.registry import AvroReader, AvroWriter, schema_ids
from dropcopy.settings import Settings
from sandbox.stack import Stack
from schemas.topics import EXECUTIONS, SUBMITTED, account_key, frames_topic

__all__ = ["latency"]

_WARM_UP_S = 40.0
_WAVE = 100


def latency(rate: int, seconds: float, guarantee: str) -> dict[str, float | str]:
    """Send frames at `rate` for `seconds` and return the percentiles of their results' lateness.

    It runs from just before a frame is produced to its result being read by a read_committed
    consumer, after a warm-up that is not counted.
    """
    with Stack() as stack, ready_worker(stack, guarantee) as worker:
        reader = _Reader(stack.settings)
        reader.start()
        before_s = cpu_s(worker.pid)
        sent_s = _send(stack.settings, rate, seconds + _WARM_UP_S)
        used_s = cpu_s(worker.pid) - before_s
        reader.finish(set(sent_s), limit_s=30)
    start_s = min(sent_s.values())
    late = [
        (reader.seen_s[key] - at_s) * 1000
        for key, at_s in sent_s.items()
        if key in reader.seen_s and at_s - start_s > _WARM_UP_S
    ]
    late.sort()
    return {
        "rate_frames_per_s": rate,
        "results": len(late),
        "missing": len(set(sent_s) - set(reader.seen_s)),
        "latency_ms_p50": round(percentile(late, 0.5), 1),
        "latency_ms_p90": round(percentile(late, 0.9), 1),
        "latency_ms_p99": round(percentile(late, 0.99), 1),
        "latency_ms_max": round(late[-1], 1),
        "worker_cpu_percent": round(100 * used_s / (seconds + _WARM_UP_S), 1),
    }


def _steps(rate: int, seconds: float) -> Iterator[tuple[int, int, float]]:
    """Yield (order, step, when) such that the steps of a wave of orders follow each other."""
    count, number = 0, 10_000_000
    while count < rate * seconds:
        for step in range(4):
            for at in range(_WAVE):
                yield number + at, step, count / rate
                count += 1
        number += _WAVE


def _send(settings: Settings, rate: int, seconds: float) -> dict[tuple[str, int], float]:
    producer = Producer(producer_config(settings, linger_ms=0))
    write = AvroWriter("submitted", schema_ids(settings, [SUBMITTED])[SUBMITTED.name])
    sent_s: dict[tuple[str, int], float] = {}
    start_s = time.perf_counter()
    for sequence, (number, step, at_s) in enumerate(_steps(rate, seconds), 1):
        while (wait_s := start_s + at_s - time.perf_counter()) > 0:
            time.sleep(wait_s)
        made = order(number, 1_800_000_000_000_000_000 + number)
        key = account_key("tinvest", made.account)
        if step == 0:
            producer.produce(SUBMITTED.name, write(made.submission), key)
        sent_s[made.request_id, step] = time.perf_counter()
        headers = frame_headers(made.account, sequence, time.time_ns())
        producer.produce(frames_topic("tinvest").name, made.frames[step], key, headers=headers)
        producer.poll(0)
    producer.flush()
    return sent_s


class _Reader(threading.Thread):
    """Notes when each order's executions are read, in their order."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="reader", daemon=True)
        self.seen_s: dict[tuple[str, int], float] = {}
        self._steps: dict[str, int] = {}
        self._read = AvroReader(settings)
        self._done = threading.Event()
        own = {"group.id": "latency", "isolation.level": "read_committed", "enable.auto.commit": False}
        self._consumer = Consumer(client_config(settings) | own)
        self._consumer.assign([TopicPartition(EXECUTIONS.name, n, 0) for n in range(settings.partitions)])

    def run(self) -> None:
        while not self._done.is_set():
            message = self._consumer.poll(0.2)
            if message is None or message.error() is not None:
                continue
            now_s = time.perf_counter()
            record = self._read(message.value() or b"")
            if record["revision"] == 1:
                key = record["order_request_id"]
                step = self._steps[key] = self._steps.get(key, -1) + 1
                self.seen_s[key, step] = now_s
        self._consumer.close()

    def finish(self, wanted: set[tuple[str, int]], limit_s: float) -> None:
        end_s = time.perf_counter() + limit_s
        while wanted - set(self.seen_s) and time.perf_counter() < end_s:
            time.sleep(0.1)
        self._done.set()
        self.join()
