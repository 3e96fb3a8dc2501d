"""What is measured of a running worker, from outside it."""

import os
import re
import time
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from dropcopy.kafka import client_config
from dropcopy.settings import Settings
from schemas.topics import SUBMITTED, frames_topic

__all__ = ["INPUTS", "Progress", "children_of", "cpu_s", "peak_mb", "percentile"]

INPUTS = (SUBMITTED.name, frames_topic("tinvest").name)
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    """Return the process ids of those that a process's first thread started and that it has not waited for."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _family(pid: int) -> list[Path]:
    return [Path(f"/proc/{one}") for one in (pid, *children_of(pid))]


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process and its children have used, all their threads together."""
    fields = [(one / "stat").read_text().rsplit(")", 1)[1].split() for one in _family(pid)]
    return sum(int(field[11]) + int(field[12]) for field in fields) / _TICKS_A_SECOND


def peak_mb(pid: int) -> float:
    """Return the most memory that a process and its children have had resident, in MB."""
    found = [re.search(r"VmHWM:\s+(\d+) kB", (one / "status").read_text()) for one in _family(pid)]
    return sum(int(most[1]) for most in found if most) / 1024


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the sorted `values` lie."""
    return values[min(int(share * len(values)), len(values) - 1)]


class Progress:
    """How far the group has committed its inputs, and how far they reach."""

    def __init__(self, settings: Settings) -> None:
        self._group = settings.group_id
        self._partitions = [TopicPartition(topic, n) for topic in INPUTS for n in range(settings.partitions)]
        self._config = client_config(settings)
        self._admin = AdminClient(self._config)

    def ends(self) -> int:
        """Return the sum of the inputs' end offsets."""
        consumer = Consumer(self._config | {"group.id": "ends"})
        try:
            return sum(consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in self._partitions)
        finally:
            consumer.close()

    def committed(self) -> int:
        """Return the sum of the group's committed offsets."""
        asked = [ConsumerGroupTopicPartitions(self._group, self._partitions)]
        (found,) = self._admin.list_consumer_group_offsets(asked).values()
        return sum(max(partition.offset, 0) for partition in found.result().topic_partitions)

    def wait_until_committed(self, end: int, limit_s: float, pid: int) -> list[tuple[float, int, float]]:
        """Wait until all is committed; return samples of (seconds, offsets, the process's CPU seconds).

        Raises:
            TimeoutError: it took longer than `limit_s`.
        """
        start_s = time.perf_counter()
        samples: list[tuple[float, int, float]] = []
        while not samples or samples[-1][1] < end:
            now_s = time.perf_counter()
            if now_s - start_s > limit_s:
                raise TimeoutError(f"{samples[-1][1] if samples else 0} of {end} after {limit_s} s")
            samples.append((now_s, self.committed(), cpu_s(pid)))
            time.sleep(0.1)
        return samples
