"""The reconciler against a REST server that answers as a test tells it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from aiohttp import web

from producers.reconcile import Reconciler
from producers.rest import RestClient
from producers.venues.tinvest import VenueFeed, VenueSettings
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import MemoryLog, until

ORDERS = b'{ "orders" : [ {"orderId":"1"},\n\t{"orderId":"2"} ] }\n'
REFUSED = b'{"code":16,"message":"no","description":"40003"}'

Answer = tuple[int, dict[str, str], bytes]


class RestVenue:
    """Gives the next of its `answers` to each call, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, {}, ORDERS)]
        self.asked: list[tuple[dict[str, Any], int]] = []
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((json.loads(await request.read()), time.time_ns()))
        self.headers.append(dict(request.headers))
        status, headers, body = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return web.Response(status=status, headers=headers, body=body, content_type="application/json")


@pytest.fixture
async def rest() -> AsyncIterator[tuple[RestVenue, str]]:
    venue = RestVenue()
    app = web.Application()
    app.add_routes([web.post("/rest/tinkoff.public.invest.api.contract.v1.OrdersService/GetOrders", venue.handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield venue, f"http://127.0.0.1:{runner.addresses[0][1]}/rest"
    finally:
        await runner.cleanup()


Reconcile = Callable[..., "asyncio.Task[None]"]


@pytest.fixture
async def reconcile() -> AsyncIterator[Reconcile]:
    """Start reconcilers that end with the test."""
    async with AsyncExitStack() as stack:

        def start(url: str, log: MemoryLog, *accounts: str, interval_s: float = 60) -> asyncio.Task[None]:
            venue = VenueFeed(VenueSettings(token="t.secret", accounts=accounts or ("A1",), rest_url=url))
            client = RestClient(url, headers=venue.rest_headers)
            running = asyncio.create_task(Reconciler(venue, client, log, interval_s=interval_s).run("connection-1"))

            async def end() -> None:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
                await client.close()

            stack.push_async_callback(end)
            return running

        yield start


async def test_the_answer_is_recorded_byte_for_byte_and_then_the_marker(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    log = MemoryLog()
    reconcile(url, log)
    await until(lambda: log.of(Kind.RECONCILED))
    snapshot, marker = log.entries
    assert snapshot[:5] == ("connection-1", "A1", "rest:GetOrders", Kind.SNAPSHOT, ORDERS)
    assert marker[:5] == ("connection-1", "A1", "rest:GetOrders", Kind.RECONCILED, b'{"orders":2}')
    assert marker.received_ns <= venue.asked[0][1] <= snapshot.received_ns


async def test_every_account_is_asked_for_its_own_orders_under_the_token(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    log = MemoryLog()
    reconcile(url, log, "A1", "A2")
    await until(lambda: len(log.of(Kind.RECONCILED)) == 2)
    assert [body["accountId"] for body, _ in venue.asked] == ["A1", "A2"]
    assert [entry.account for entry in log.of(Kind.RECONCILED)] == ["A1", "A2"]
    assert venue.headers[0]["Authorization"] == "Bearer t.secret"


async def test_it_comes_again_at_every_interval(rest: tuple[RestVenue, str], reconcile: Reconcile):
    log = MemoryLog()
    reconcile(rest[1], log, interval_s=0.05)
    await until(lambda: len(log.of(Kind.RECONCILED)) >= 3)


async def test_a_failure_delays_the_marker_and_records_nothing(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    venue.answers = [(500, {}, b""), (503, {}, b"<html>"), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log)
    await until(lambda: log.of(Kind.RECONCILED))
    assert [entry.kind for entry in log.entries] == [Kind.SNAPSHOT, Kind.RECONCILED]
    assert len(venue.asked) == 3


async def test_a_limit_is_waited_out_for_as_long_as_the_venue_says(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    venue.answers = [(429, {"x-ratelimit-reset": "1"}, b""), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log)
    await until(lambda: log.of(Kind.RECONCILED))
    (_, first_ns), (_, second_ns) = venue.asked
    assert second_ns - first_ns >= 1_000_000_000


async def test_a_refusal_is_not_repeated_before_the_next_interval(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    venue.answers = [(401, {}, REFUSED), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log, interval_s=0.5)
    await until(lambda: log.of(Kind.RECONCILED))
    (_, first_ns), (_, second_ns) = venue.asked
    assert second_ns - first_ns >= 500_000_000


async def test_an_answer_that_cannot_be_read_is_recorded_without_a_marker(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.answers = [(200, {}, b'{"orders":'), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await until(lambda: log.of(Kind.RECONCILED))
    assert [entry.kind for entry in log.entries[:3]] == [Kind.SNAPSHOT, Kind.SNAPSHOT, Kind.RECONCILED]
    assert log.entries[0].value == b'{"orders":'


async def test_a_venue_that_cannot_be_reached_does_not_end_the_reconciler(unused_tcp_port: int, reconcile: Reconcile):
    log = MemoryLog()
    running = reconcile(f"http://127.0.0.1:{unused_tcp_port}/rest", log, interval_s=0.05)
    done, _ = await asyncio.wait({running}, timeout=0.5)
    assert not done
    assert log.entries == []


async def test_nothing_is_recorded_while_the_log_is_full(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    log = MemoryLog(full=True)
    reconcile(url, log)
    await until(lambda: log.asked_for_room)
    assert log.entries == []
    assert len(venue.asked) == 1
    log.full = False
    await until(lambda: log.of(Kind.RECONCILED))
