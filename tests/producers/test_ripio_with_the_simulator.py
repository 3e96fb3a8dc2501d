"""A feed and its reconciler at the simulated Ripio: what the stream tells, what it lacks, and what REST adds."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from dropcopy.errors import VenueError
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.feed import Feed
from producers.reconcile import Reconciler
from producers.rest import RestClient
from producers.venues.ripio import VenueFeed, VenueSettings
from producers.venues.ripio.signing import Signer
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import Entry, MemoryLog, until

ACCOUNT = "ripio-1"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


def settings(simulator: Simulator, **changes: Any) -> VenueSettings:
    told = {f"DROPCOPY_RIPIO_{name.upper()}": str(value) for name, value in changes.items()}
    return VenueSettings.load(simulator.environment | told)


@asynccontextmanager
async def feeding(
    simulator: Simulator,
    log: MemoryLog,
    *,
    interval_s: float = 60,
    silence_s: float = 10,
    **changes: Any,
) -> AsyncIterator[Feed]:
    venue = VenueFeed(settings(simulator, **changes))
    limits = Limits(silence_ns=int(silence_s * SECOND_NS))
    async with RestClient(venue.rest_url, headers=venue.rest_headers) as client:
        reconciler = Reconciler(venue, client, log, interval_s=interval_s)
        feed = Feed(venue, log, limits=limits, follow_up=reconciler.run, hear=reconciler.hear, chance=lambda: 0.0)
        running = asyncio.create_task(feed.run())
        try:
            yield feed
        finally:
            feed.stop()
            async with asyncio.timeout(10):
                await asyncio.wait({running})
    await running


async def call(simulator: Simulator, method: str, path: str, body: dict[str, Any]) -> Any:
    """Call the venue as its web site does, with the user's own credentials."""
    data = json.dumps(body).encode()
    async with RestClient(simulator.rest_url, headers={}) as client:
        headers = Signer(settings(simulator)).headers(method, path, data, time.time_ns())
        answer = await client.request(method, path, data, headers=headers)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["data"]


async def place(simulator: Simulator) -> str:
    order = {"pair": "BTC_BRL", "side": "buy", "type": "limit", "amount": 0.01, "price": 200000}
    return str((await call(simulator, "POST", "orders", order | {"external_id": str(uuid4())}))["id"])


def from_source(log: MemoryLog, source: str) -> list[Entry]:
    return [entry for entry in log.entries if entry.source == source and entry.kind in (Kind.FRAME, Kind.SNAPSHOT)]


def tells(log: MemoryLog, source: str, order_id: str, status: str) -> list[Entry]:
    """Return the records of a source that say this of an order."""
    found = []
    for entry in from_source(log, source):
        told = json.loads(entry.value)
        orders = [told.get("body")] if entry.kind is Kind.FRAME else told["data"].get("orders", [told["data"]])
        found += [entry] * any(order and order["id"] == order_id and order["status"] == status for order in orders)
    return found


def fill(simulator: Simulator, order_id: str, quantity: str | None = None) -> None:
    wish = {"action": "fill", "account": ACCOUNT, "order_id": order_id} | ({"quantity": quantity} if quantity else {})
    simulator.desk.order(wish)


def trades_of(log: MemoryLog, order_id: str) -> set[str]:
    """Return the ids of the order's trades that the stream told."""
    trades = [json.loads(entry.value).get("body", {}).get("trade", {}) for entry in from_source(log, "user_trades")]
    return {trade["id"] for trade in trades if order_id in (trade["maker_order_id"], trade["taker_order_id"])}


def traded_in_answers(log: MemoryLog, source: str) -> set[str]:
    return {trade["id"] for entry in from_source(log, source) for trade in json.loads(entry.value)["data"]["trades"]}


def ledger(simulator: Simulator, order_id: str) -> dict[str, Any]:
    return next(order for order in simulator.orders() if order["order_id"] == order_id)


async def test_every_topic_is_recorded_under_its_own_source_and_the_one_account(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        order_id = await place(simulator)
        await until(lambda: tells(log, "order_status", order_id, "open"))
        fill(simulator, order_id, "0.004")
        await until(lambda: tells(log, "order_status", order_id, "executed_partially"))
        fill(simulator, order_id)
        await until(lambda: tells(log, "order_status", order_id, "executed_completely"))
        expected = {trade["trade_id"] for trade in ledger(simulator, order_id)["trades"]}
        await until(lambda: trades_of(log, order_id) == expected)
        await until(lambda: len(from_source(log, "balance")) > 1)
    assert len(expected) >= 2
    assert {entry.account for entry in log.entries} == {ACCOUNT}
    assert log.of(Kind.GAP) == []


@pytest.mark.parametrize("acks", ["frame", "none"])
async def test_a_connection_is_confirmed_whether_a_subscription_is_acknowledged_or_not(acks: Any):
    async with Simulator(seed=1, acks=acks) as simulator:
        log = MemoryLog()
        async with feeding(simulator, log):
            await until(lambda: log.of(Kind.CONNECTED))
    assert simulator.stats()["connections"] == 0


async def test_pings_keep_a_quiet_connection_alive_at_both_ends():
    async with Simulator(seed=1, idle_s=0.6) as simulator:
        log = MemoryLog()
        async with feeding(simulator, log, silence_s=0.6, ping_every_s=0.1):
            await until(lambda: b'"pong"' in b"".join(entry.value for entry in log.of(Kind.FRAME)))
            (connected,) = log.of(Kind.CONNECTED)
            alive_ns = connected.received_ns + 2 * SECOND_NS
            await until(lambda: any(beat.received_ns > alive_ns for beat in log.of(Kind.HEARTBEAT)))
    assert len(log.of(Kind.CONNECTED)) == 1


async def test_each_connection_has_a_ticket_of_its_own_and_is_reconciled_anew(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        simulator.fault({"fault": "cut"})
        await until(lambda: len(log.of(Kind.RECONCILED)) == 2)
    tickets = [call for call in simulator.calls() if call["path"].endswith("/ticket")]
    assert len(tickets) == 2
    assert len({entry.connection for entry in log.of(Kind.RECONCILED)}) == 2


async def test_a_refused_ticket_ends_the_connection_and_not_the_feed(simulator: Simulator):
    log = MemoryLog()
    simulator.fault({"fault": "refuse_ticket", "count": 1})
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.CONNECTED))
    assert len([call for call in simulator.calls() if call["path"].endswith("/ticket")]) == 2


@pytest.mark.parametrize("wrong", [{"api_token": "another"}, {"api_secret": "another"}])
async def test_wrong_credentials_end_the_feed_with_what_to_check(simulator: Simulator, wrong: dict[str, str]):
    feed = Feed(VenueFeed(settings(simulator, **wrong)), MemoryLog())
    with pytest.raises(VenueError, match="40100: Not authorized") as refused:
        async with asyncio.timeout(10):
            await feed.run()
    assert "DROPCOPY_RIPIO_API_TOKEN" in refused.value.hint
    assert "clock" in refused.value.hint
    assert "another" not in str(refused.value)


async def test_a_message_left_out_is_a_gap_that_is_read_up_at_once(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        order_id = await place(simulator)
        await until(lambda: tells(log, "order_status", order_id, "open"))
        simulator.fault({"fault": "skip_sequence", "count": 1, "topic": "order_status"})
        fill(simulator, order_id)
        await until(lambda: ledger(simulator, order_id)["final"])
        other = await place(simulator)
        await until(lambda: tells(log, "order_status", other, "open"))
        (gap,) = await until(lambda: log.of(Kind.GAP))
        await until(lambda: len(log.of(Kind.RECONCILED)) == 2)
    assert json.loads(gap.value)["reason"] == "sequence_gap"
    assert json.loads(gap.value)["detail"].startswith("order_status ")
    assert tells(log, "rest:GetUserOrders", order_id, "executed_completely")


async def test_what_happened_while_nobody_listened_is_read_with_its_trades_and_fees(simulator: Simulator):
    order_id = await place(simulator)
    fill(simulator, order_id)
    await until(lambda: ledger(simulator, order_id)["final"])
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
    assert tells(log, "rest:GetUserOrders", order_id, "executed_completely")
    assert traded_in_answers(log, "rest:GetUserTrades") == {
        trade["trade_id"] for trade in ledger(simulator, order_id)["trades"]
    }


async def test_the_end_of_an_order_that_the_stream_lost_is_found_in_the_next_round(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log, interval_s=0.2):
        await until(lambda: log.of(Kind.CONNECTED))
        order_id = await place(simulator)
        await until(lambda: tells(log, "order_status", order_id, "open"))
        simulator.fault({"fault": "lose", "count": 100})
        await call(simulator, "DELETE", "orders", {"id": order_id})
        await until(lambda: tells(log, "rest:GetUserOrders", order_id, "canceled"))
    assert not tells(log, "order_status", order_id, "canceled")


async def test_a_refused_list_leaves_no_marker_and_the_next_round_makes_up_for_it(simulator: Simulator):
    log = MemoryLog()
    simulator.fault({"fault": "refuse", "code": 40300, "message": "no", "count": 1, "path": "GET /orders"})
    async with feeding(simulator, log, interval_s=0.5):
        await until(lambda: any(call["status"] == 403 for call in simulator.calls()))
        assert log.of(Kind.RECONCILED) == []
        await until(lambda: log.of(Kind.RECONCILED))


async def test_within_the_venues_own_limits_no_call_is_refused():
    async with Simulator(seed=1, limits="3.5") as simulator:
        log = MemoryLog()
        async with feeding(simulator, log):
            await until(lambda: log.of(Kind.RECONCILED), timeout_s=30)
        assert {call["status"] for call in simulator.calls()} == {200}
