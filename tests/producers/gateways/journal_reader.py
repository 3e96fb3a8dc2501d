"""Reads the journal as any consumer would."""

import asyncio
import time
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from dropcopy.kafka import client_config
from dropcopy.registry import AvroReader
from dropcopy.settings import Settings
from schemas.topics import SUBMITTED

__all__ = ["Entry", "JournalReader"]


class Entry(NamedTuple):
    key: bytes
    partition: int
    record: dict[str, Any]


class JournalReader:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def entries(self) -> list[Entry]:
        """Return all that is in the journal now, in order within each partition."""
        reader, found = AvroReader(self._settings), []
        config = {"group.id": "journal-reader", "enable.auto.commit": False, "enable.partition.eof": True}
        consumer = Consumer(client_config(self._settings) | config)
        try:
            partitions = list(consumer.list_topics(SUBMITTED.name, timeout=10).topics[SUBMITTED.name].partitions)
            consumer.assign([TopicPartition(SUBMITTED.name, partition, 0) for partition in partitions])
            at_end: set[int] = set()
            while len(at_end) < len(partitions):
                message = consumer.poll(10)
                if message is None:
                    raise TimeoutError("the journal can't be read")
                if message.error():
                    at_end.add(message.partition())
                else:
                    found.append(Entry(message.key(), message.partition(), reader(message.value())))
        finally:
            consumer.close()
        return found

    async def of(self, request_id: str, count: int, timeout_s: float = 20) -> list[Entry]:
        """Return an order's entries once there are `count` of them; fewer when the time runs out."""
        deadline = time.monotonic() + timeout_s
        while True:
            entries = [
                entry
                for entry in await asyncio.to_thread(self.entries)
                if entry.record["order_request_id"] == request_id
            ]
            if len(entries) >= count or time.monotonic() > deadline:
                return entries
