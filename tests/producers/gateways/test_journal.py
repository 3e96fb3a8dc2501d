"""The journal of order entry, apart from Kafka."""

import asyncio
from typing import Any

import pytest

from dropcopy.settings import Settings
from producers.gateways.journal import Journal
from producers.gateways.records import intent_record
from producers.gateways.settings import GatewaySettings
from tests.producers.gateways.test_new_orders import an_order


class HeldJournal(Journal):
    """A journal whose records are acknowledged by the test."""

    def _produce(self, record: dict[str, Any]) -> "asyncio.Future[None]":
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return self.acknowledged


async def test_a_cancel_that_comes_with_the_acknowledgement_is_heard_and_the_order_not_sent() -> None:
    journal = HeldJournal(Settings(), GatewaySettings())
    writing = asyncio.create_task(journal.write(intent_record("tinvest", an_order(), "POST orders {}", 7)))
    await asyncio.sleep(0)
    journal.acknowledged.set_result(None)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
