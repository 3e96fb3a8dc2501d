"""Outpoll's feeds at the simulated venue, on real sockets: what an update only announces, the lists tell."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dropcopy.errors import VenueError
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.feed import Feed
from producers.reconcile import Reconciler
from producers.rest import RestClient
from producers.venues.outpoll import OrderFeed, VenueFeed, VenueSettings
from producers.venues.outpoll.signing import signed_headers
from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import Entry, MemoryLog, until

ASSET = "asset_btc_100k_yes"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}, ping_s=0.2) as running:
        yield running


def settings(simulator: Simulator, **changes: str) -> VenueSettings:
    names = {f"DROPCOPY_OUTPOLL_{name}": value for name, value in ({"CALLS_PER_S": "1000"} | changes).items()}
    return VenueSettings.load(simulator.environment | names)


@asynccontextmanager
async def feeding(
    simulator: Simulator,
    log: MemoryLog,
    *,
    interval_s: float = 60,
    clock: Callable[[], int] = time.time_ns,
    order_feed: bool = False,
    **changes: str,
) -> AsyncIterator[Feed]:
    known = settings(simulator, **changes)
    venue = VenueFeed(known, clock=clock)
    async with RestClient(venue.rest_url, headers=venue.rest_headers) as client:
        reconciler = Reconciler(venue, client, log, interval_s=interval_s, clock=clock)
        limits = Limits(silence_ns=int(venue.silence_s * SECOND_NS))
        feeds = [
            Feed(venue, log, limits=limits, follow_up=reconciler.run, hear=reconciler.hear, chance=lambda: 0.0),
            *([Feed(OrderFeed(known), log, hear=reconciler.hear, chance=lambda: 0.0)] if order_feed else []),
        ]
        running = [asyncio.create_task(feed.run()) for feed in feeds]
        try:
            yield feeds[0]
        finally:
            for feed in feeds:
                feed.stop()
            async with asyncio.timeout(10):
                await asyncio.gather(*running)


def place(simulator: Simulator, **changes: Any) -> str:
    wish = {"action": "place", "account": simulator.accounts[0], "instrument": ASSET, "side": "BUY"}
    return str(simulator.desk.order(wish | {"quantity": "10", "price": "0.42"} | changes)["order_id"])


def move(simulator: Simulator, action: str, order_id: str, **changes: Any) -> None:
    simulator.desk.order({"action": action, "account": simulator.accounts[0], "order_id": order_id} | changes)


def items(log: MemoryLog, source: str) -> list[dict[str, Any]]:
    found = []
    for entry in log.of(Kind.SNAPSHOT):
        if entry.source == source:
            answer = json.loads(entry.value)
            found += answer if isinstance(answer, list) else answer["i"]
    return found


def updates(log: MemoryLog, order_id: str) -> list[Entry]:
    return [entry for entry in log.of(Kind.FRAME) if order_id.encode() in entry.value]


def statuses(log: MemoryLog, order_id: str) -> list[str]:
    return [item["st"] for item in items(log, "rest:history-orders") if item["i"] == order_id]


async def test_right_after_an_update_the_history_tells_what_it_was_of(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        order_id = place(simulator)
        await until(lambda: "ACTIVE" in statuses(log, order_id))
        move(simulator, "fill", order_id, quantity="4")
        await until(lambda: any(item["oi"] == order_id for item in items(log, "rest:history-trades")))
        move(simulator, "cancel", order_id)
        await until(lambda: "CANCELED" in statuses(log, order_id))
    (last,) = [item for item in items(log, "rest:history-orders") if item["st"] == "CANCELED"]
    assert (last["q"], last["oq"]) == (4, 10)
    assert {entry.source for entry in updates(log, order_id) if entry.kind is Kind.FRAME} == {"order-updates"}
    assert {entry.account for entry in log.entries} == {simulator.accounts[0]}
    assert all("unread" not in body for body in log.bodies(Kind.RECONCILED))


async def test_what_the_history_shows_late_is_read_with_the_next_ping(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        simulator.fault({"fault": "lag", "seconds": 0.1})
        order_id = place(simulator)
        await until(lambda: updates(log, order_id))
        await until(lambda: statuses(log, order_id))


async def test_the_order_feed_says_when_to_read_and_nothing_else(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log, order_feed=True):
        await until(lambda: log.of(Kind.RECONCILED) and simulator.stats()["connections"] == 2)
        simulator.fault({"fault": "lose", "count": 100})
        order_id = place(simulator)
        await until(lambda: statuses(log, order_id))
    assert {entry.source for entry in updates(log, order_id) if entry.kind is Kind.FRAME} == {"order-feed"}
    assert len(log.of(Kind.CONNECTED)) == len(log.of(Kind.DISCONNECTED)) == 1


async def test_what_happened_while_the_connection_was_cut_is_read_after_it(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
        order_id = place(simulator)
        await until(lambda: "ACTIVE" in statuses(log, order_id))
        simulator.fault({"fault": "lose", "count": 100})
        simulator.fault({"fault": "cut"})
        move(simulator, "cancel", order_id)
        await until(lambda: len(log.of(Kind.CONNECTED)) == 2 and "CANCELED" in statuses(log, order_id))
    (reason,) = [body["reason"] for body in log.bodies(Kind.DISCONNECTED)][:1]
    assert reason == "connection_lost"


async def test_a_venue_that_falls_silent_is_left_and_found_again(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log, SILENCE_S="0.5"):
        await until(lambda: log.of(Kind.RECONCILED))
        simulator.fault({"fault": "silence", "seconds": 30})
        await until(lambda: len(log.of(Kind.CONNECTED)) == 2)
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == "silence"


async def test_pings_are_answered_where_the_settings_say_so(simulator: Simulator):
    async with feeding(simulator, MemoryLog(), PONG="true"):
        await until(lambda: simulator.stats().get("pongs"))


async def test_pongs_are_not_sent_unasked(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: len([entry for entry in log.of(Kind.FRAME) if b"PING" in entry.value]) > 2)
    assert "pongs" not in simulator.stats()


# Take-profit / stop-loss orders.


async def post_tpsl(simulator: Simulator, venue: VenueSettings) -> str:
    body = {"e": "evt_btc_100k_2026", "o": "mkt_btc_100k_yes_no", "ba": ASSET, "qa": "asset_usdc", "s": "SELL"}
    value = json.dumps(body | {"q": 5, "t": 0.95, "l": 0.1}).encode()
    headers = signed_headers(venue, "POST", "/orders/tpsl", value, time.time_ns())
    async with RestClient(simulator.url, headers={}) as client:
        answer = await client.request("POST", "/orders/tpsl", value, headers=headers)
    assert answer.status in (200, 202), answer.body
    return str(json.loads(answer.body)["i"])


async def test_the_end_of_a_stop_order_that_the_stream_lost_is_looked_for(simulator: Simulator):
    log = MemoryLog()
    async with feeding(simulator, log, interval_s=0.2):
        await until(lambda: log.of(Kind.RECONCILED))
        name = await post_tpsl(simulator, settings(simulator))
        await until(lambda: any(item["i"] == name for item in items(log, "rest:tpsl-orders")))
        simulator.fault({"fault": "lose", "count": 100})
        simulator.desk.tpsl({"action": "cancel", "account": simulator.accounts[0], "stop_order_id": name})
        await until(lambda: {"i": name, "s": "CANCELED"}.items() <= items(log, "rest:tpsl-orders")[-1].items())
    assert all("unread" not in body for body in log.bodies(Kind.RECONCILED))


# Who is let in.


async def refused(simulator: Simulator, **changes: str) -> str:
    feed = Feed(VenueFeed(settings(simulator, **changes)), MemoryLog(), chance=lambda: 0.0)
    with pytest.raises(VenueError) as caught:
        async with asyncio.timeout(20):
            await feed.run()
    return str(caught.value)


async def test_a_wrong_secret_ends_the_feed_and_says_what_to_check(simulator: Simulator):
    said = await refused(simulator, API_SECRET="d3Jvbmc")
    assert "Invalid or missing credentials" in said
    assert "DROPCOPY_OUTPOLL_API_SECRET" in said
    assert "d3Jvbmc" not in said
    assert "clock" not in said


async def test_a_blocked_key_ends_the_feed(simulator: Simulator):
    simulator.fault({"fault": "block"})
    assert "blocked" in await refused(simulator)


async def test_a_clock_that_is_off_is_named_and_once_it_is_right_the_feed_goes_on(
    simulator: Simulator, capsys: pytest.CaptureFixture[str]
):
    log = MemoryLog()
    simulator.fault({"fault": "clock", "offset_s": 90})
    off_ns = 0
    venue = VenueFeed(settings(simulator), clock=lambda: time.time_ns() + off_ns)
    feed = Feed(venue, log, limits=Limits(backoff_cap_s=0.2), chance=lambda: 0.0)
    running = asyncio.create_task(feed.run())
    try:
        said = ""

        def complained() -> bool:
            nonlocal said
            out = capsys.readouterr()
            said += out.out + out.err
            return "clock is" in said

        await until(complained)
        assert "s behind the venue's, which allows 30 s" in said
        assert not log.of(Kind.CONNECTED)
        off_ns = 90 * SECOND_NS
        await until(lambda: log.of(Kind.CONNECTED))
    finally:
        feed.stop()
        async with asyncio.timeout(10):
            await running


async def test_a_clock_within_the_tolerance_is_let_in(simulator: Simulator):
    simulator.fault({"fault": "clock", "offset_s": 25})
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))


async def test_a_call_that_was_one_too_many_is_made_again_later(simulator: Simulator):
    simulator.fault({"fault": "answer", "status": 429, "body": "", "count": 1, "path": "/api/history/orders"})
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED), timeout_s=30)
    calls = [call["status"] for call in simulator.calls() if call["path"] == "/api/history/orders"]
    assert calls[:2] == [429, 200]


async def test_no_call_carries_a_bearer_token_nor_any_credential_but_its_signature(simulator: Simulator):
    venue = VenueFeed(settings(simulator))
    assert "authorization" not in {name.lower() for name in venue.rest_headers}
    log = MemoryLog()
    async with feeding(simulator, log):
        await until(lambda: log.of(Kind.RECONCILED))
    secret, key = (simulator.environment[f"DROPCOPY_OUTPOLL_API_{name}"].encode() for name in ("SECRET", "KEY"))
    assert not any(secret in entry.value or key in entry.value for entry in log.entries)
