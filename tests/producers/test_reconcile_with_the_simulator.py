"""A feed and its reconciler at the simulated T-Invest: what is missed on the stream, the snapshots tell."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from producers.feeds.feed import Feed
from producers.reconcile import Reconciler
from producers.rest import RestClient
from producers.venues.tinvest import VenueFeed, VenueSettings
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.limits import Budget, Limits
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import Entry, MemoryLog, until

CONTRACT = "tinkoff.public.invest.api.contract.v1"
DAY_NS = 86_400 * 1_000_000_000


@pytest.fixture
async def simulator() -> AsyncIterator[TInvestSimulator]:
    async with TInvestSimulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


async def call(simulator: TInvestSimulator, method: str, body: dict[str, Any]) -> dict[str, Any]:
    async with RestClient(simulator.rest_url, headers={"authorization": f"Bearer {simulator.token}"}) as client:
        answer = await client.post(f"{CONTRACT}.{method}", json.dumps(body).encode())
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def post_order(simulator: TInvestSimulator) -> str:
    order = {
        "instrumentId": "BBG004730N88",
        "quantity": "5",
        "price": {"units": "300", "nano": 500000000},
        "direction": "ORDER_DIRECTION_BUY",
        "accountId": simulator.accounts[0],
        "orderType": "ORDER_TYPE_LIMIT",
        "orderId": str(uuid4()),
    }
    return str((await call(simulator, "OrdersService/PostOrder", order))["orderId"])


async def cancel_order(simulator: TInvestSimulator, order_id: str) -> None:
    await call(simulator, "OrdersService/CancelOrder", {"accountId": simulator.accounts[0], "orderId": order_id})


async def post_stop_order(simulator: TInvestSimulator) -> str:
    order = {
        "instrumentId": "BBG004730N88",
        "quantity": "5",
        "stopPrice": {"units": "290", "nano": 0},
        "direction": "STOP_ORDER_DIRECTION_SELL",
        "accountId": simulator.accounts[0],
        "expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_CANCEL",
        "stopOrderType": "STOP_ORDER_TYPE_STOP_LOSS",
        "exchangeOrderType": "EXCHANGE_ORDER_TYPE_MARKET",
        "orderId": str(uuid4()),
    }
    return str((await call(simulator, "StopOrdersService/PostStopOrder", order))["stopOrderId"])


@asynccontextmanager
async def feeding(
    simulator: TInvestSimulator, log: MemoryLog, clock: Callable[[], int] = time.time_ns, interval_s: float = 0.1
) -> AsyncIterator[Feed]:
    venue = VenueFeed(
        VenueSettings(
            token=simulator.token, accounts=simulator.accounts, rest_url=simulator.rest_url, ws_url=simulator.ws_url
        )
    )
    async with RestClient(venue.rest_url, headers=venue.rest_headers) as client:
        reconciler = Reconciler(venue, client, log, interval_s=interval_s, clock=clock)
        feed = Feed(venue, log, follow_up=reconciler.run, hear=reconciler.hear, chance=lambda: 0.0)
        running = asyncio.create_task(feed.run())
        try:
            yield feed
        finally:
            feed.stop()
            async with asyncio.timeout(10):
                await asyncio.wait({running})
    await running


def from_source(log: MemoryLog, source: str) -> list[Entry]:
    return [entry for entry in log.of(Kind.SNAPSHOT) if entry.source == source]


def tells(entry: Entry, order_id: str, status: str) -> bool:
    answer = json.loads(entry.value)
    return any(
        order["orderId"] == order_id and order["executionReportStatus"] == f"EXECUTION_REPORT_STATUS_{status}"
        for order in answer.get("orders", [answer])
    )


async def test_an_end_that_the_stream_lost_is_told_by_the_orders_of_the_day(simulator: TInvestSimulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.CONNECTED))
        order_id = await post_order(simulator)
        simulator.fault({"fault": "lose", "count": 100})
        await cancel_order(simulator, order_id)
        await until(lambda: any(tells(entry, order_id, "CANCELLED") for entry in from_source(log, "rest:GetOrders")))
    assert from_source(log, "rest:GetOrderState") == []
    assert all("unread" not in body for body in log.bodies(Kind.RECONCILED))


async def test_an_order_of_the_day_before_is_listed_while_it_is_open_and_read_by_its_id_once_it_has_ended(
    simulator: TInvestSimulator,
):
    log = MemoryLog()
    days = 0
    async with feeding(simulator, log, clock=lambda: time.time_ns() + days * DAY_NS):
        await until(lambda: log.of(Kind.CONNECTED))
        order_id = await post_order(simulator)
        await until(lambda: any(tells(entry, order_id, "NEW") for entry in from_source(log, "rest:GetOrders")))
        days = 1
        of_yesterday = len(from_source(log, "rest:GetOrders"))
        # An answer that was asked for before may be among the first.
        await until(
            lambda: (
                [tells(e, order_id, "NEW") for e in from_source(log, "rest:GetOrders")[of_yesterday:]].count(True) > 2
            )
        )
        assert from_source(log, "rest:GetOrderState") == []
        simulator.fault({"fault": "lose", "count": 100})
        await cancel_order(simulator, order_id)
        (state,) = await until(lambda: from_source(log, "rest:GetOrderState"))
        assert tells(state, order_id, "CANCELLED")
        markers = len(log.of(Kind.RECONCILED))
        await until(lambda: len(log.of(Kind.RECONCILED)) >= markers + 2 * len(simulator.accounts))
    assert from_source(log, "rest:GetOrderState") == [state]


async def test_stop_orders_are_told_by_the_stream_and_by_snapshots_under_their_account(simulator: TInvestSimulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.CONNECTED))
        name = (await post_stop_order(simulator)).encode()
        snapshot = await until(
            lambda: next((entry for entry in from_source(log, "rest:GetStopOrders") if name in entry.value), None)
        )
        frame = await until(lambda: next((entry for entry in log.of(Kind.FRAME) if name in entry.value), None))
    assert snapshot.account == frame.account == simulator.accounts[0]
    assert b"stopOrderState" in frame.value


async def test_a_stop_order_of_another_day_whose_end_the_stream_lost_is_found_further_back(simulator: TInvestSimulator):
    log = MemoryLog()
    days = 0
    async with feeding(simulator, log, clock=lambda: time.time_ns() + days * DAY_NS):
        await until(lambda: log.of(Kind.CONNECTED))
        name = await post_stop_order(simulator)
        await until(lambda: any(name.encode() in entry.value for entry in from_source(log, "rest:GetStopOrders")))
        days = 3
        simulator.fault({"fault": "lose", "count": 100})
        body = {"accountId": simulator.accounts[0], "stopOrderId": name}
        await call(simulator, "StopOrdersService/CancelStopOrder", body)
        found = await until(
            lambda: [e for e in from_source(log, "rest:GetStopOrders") if b"STOP_ORDER_STATUS_CANCELED" in e.value]
        )
    assert json.loads(found[0].value)["stopOrders"][0]["stopOrderId"] == name


async def test_after_each_connect_every_account_is_reconciled_anew(simulator: TInvestSimulator):
    log = MemoryLog()
    async with feeding(simulator, log, interval_s=60):
        await until(lambda: len(log.of(Kind.RECONCILED)) == len(simulator.accounts))
        simulator.fault({"fault": "cut"})
        await until(lambda: len(log.of(Kind.RECONCILED)) == 2 * len(simulator.accounts))
    connections = [entry.connection for entry in log.of(Kind.RECONCILED)]
    assert len(set(connections)) == 2


async def test_the_limits_that_the_venue_tells_of_are_kept():
    limits = Limits(methods={"GetOrders": Budget(calls=1, seconds=1)}, header="window")
    async with TInvestSimulator(limits=limits) as simulator:
        log = MemoryLog()
        async with feeding(simulator, log, interval_s=60):
            await until(lambda: len(log.of(Kind.RECONCILED)) == len(simulator.accounts))
        assert "refused_by_limit" not in simulator.stats()
