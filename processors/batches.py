"""What was polled, by its partition."""

from typing import Any, NamedTuple, Protocol

from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

__all__ = ["Batch", "Consumed", "batches_of", "is_end"]


class Consumed(Protocol):
    """A record as the consumer hands it over: confluent-kafka's `Message` of a record that was read."""

    def topic(self) -> str:
        """Return its topic."""

    def partition(self) -> int:
        """Return its partition."""

    def offset(self) -> int:
        """Return its offset."""

    def key(self) -> bytes | None:
        """Return its key."""

    def value(self) -> bytes | None:
        """Return its value."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return its headers."""

    def error(self) -> KafkaError | None:
        """Return what it stands for instead of a record."""


class Batch(NamedTuple):
    """Records of one partition in order, whether they reach its end, and the offset of the last.

    `metadata` is what a transaction needs to commit offsets as the member that read them.
    """

    records: list[Consumed]
    at_end: bool
    offset: int
    metadata: Any


def is_end(message: Consumed) -> bool:
    """Tell whether it is no record, but says that its partition was read to the end."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def batches_of(found: list[Consumed], metadata: object) -> dict[TP, Batch]:
    """Return what was polled by its partition.

    Raises:
        KafkaException: there is trouble in it that does not pass by itself.
    """
    records: dict[TP, list[Consumed]] = {}
    ends: dict[TP, int] = {}
    # Those of one partition come one after the other, mostly.
    topic, number, batch = "", -1, list[Consumed]()
    for message in found:
        error = message.error()
        if error is None:
            if message.partition() != number or message.topic() != topic:
                topic, number = message.topic(), message.partition()
                tp = TP(topic, number)
                batch = records.setdefault(tp, [])
                ends.pop(tp, None)
            batch.append(message)
        elif is_end(message):
            tp = TP(message.topic(), message.partition())
            records.setdefault(tp, [])
            ends[tp] = message.offset() - 1
            number = -1
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
    return {
        tp: Batch(batch, tp in ends, batch[-1].offset() if batch else ends[tp], metadata)
        for tp, batch in records.items()
    }
