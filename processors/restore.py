"""The state of partitions, read back from the state topic.

A commit is done in two steps: the coordinator logs it, and then a marker is written to each partition
that the transaction touched, one by one. So when the group's offsets are stable, the marker of the
state's partition may still be on its way, and a read_committed reader would end just before the last
transaction of the partition's previous owner. Hence the wait: all that lies in the partition when
the restore begins has to be decided, committed or aborted, before it is read.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is, but not re-exported

from dropcopy.trouble import Trouble
from schemas.topics import STATE

__all__ = ["Kept", "restore"]

Kept = dict[int, dict[bytes, bytes]]
# Brokers abort a transaction at `transaction.max.timeout.ms`, 15 minutes by default.
_LONGEST_TRANSACTION_S = 900.0
# How often a restore that takes its time tells how far it is.
_PROGRESS_S = 1.0


def restore(config: dict[str, Any], partitions: Iterable[int], progress: Callable[[int, int], None]) -> Kept:
    """Return the newest committed value of every key, by partition, of the state topic.

    It blocks until the partitions are read to their end. `progress` is told now and then of how many
    records were read, of about how many.

    Raises:
        KafkaException: the topic can't be read.
        TimeoutError: a transaction stayed open for longer than any may.
    """
    kept: Kept = {partition: {} for partition in partitions}
    if not kept:
        return kept
    _wait_until_decided(config, kept)
    own = {
        "group.id": "dropcopy-restore",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "queued.min.messages": 1_000_000,
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 10,
    }
    consumer = Consumer(config | own | Trouble("restore").properties())
    try:
        consumer.assign([TopicPartition(STATE.name, partition, OFFSET_BEGINNING) for partition in kept])
        _read(consumer, kept, progress)
    finally:
        consumer.close()
    return kept


def _wait_until_decided(config: dict[str, Any], partitions: Iterable[int]) -> None:
    admin = AdminClient(config | {"log_level": 0})
    written = _ends(admin, partitions, IsolationLevel.READ_UNCOMMITTED)
    deadline_s = time.monotonic() + _LONGEST_TRANSACTION_S
    while True:
        decided = _ends(admin, partitions, IsolationLevel.READ_COMMITTED)
        waiting = [number for number, end in written.items() if decided[number] < end]
        if not waiting:
            return
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"a transaction in partitions {waiting} of {STATE.name} is still open")
        time.sleep(0.01)


def _ends(admin: AdminClient, partitions: Iterable[int], isolation: IsolationLevel) -> dict[int, int]:
    asked = {TopicPartition(STATE.name, number): OffsetSpec.latest() for number in partitions}  # type: ignore[no-untyped-call]  # confluent-kafka's own
    found = admin.list_offsets(asked, isolation_level=isolation, request_timeout=30)
    return {partition.partition: future.result().offset for partition, future in found.items()}


def _read(consumer: Consumer, kept: Kept, progress: Callable[[int, int], None]) -> None:
    open_partitions = set(kept)
    total = 0
    count = 0
    told_s = time.monotonic()
    while open_partitions:
        for message in consumer.consume(20_000, 0.05):
            error = message.error()
            partition, key, value = message.partition(), message.key(), message.value()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                open_partitions.discard(partition if partition is not None else -1)
            elif partition is not None and key is not None:
                count += 1
                if value is None:
                    kept[partition].pop(key, None)
                else:
                    kept[partition][key] = value
        if time.monotonic() - told_s > _PROGRESS_S:
            told_s = time.monotonic()
            total = total or sum(_span(consumer, partition) for partition in kept)
            progress(count, total)


def _span(consumer: Consumer, partition: int) -> int:
    low, high = consumer.get_watermark_offsets(TopicPartition(STATE.name, partition), timeout=10)
    return int(high - low)
