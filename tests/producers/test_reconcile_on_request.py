"""Rounds that frames ask for, and answers of several pages, against a REST server that answers as a test tells it."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from aiohttp import web

from producers.feeds.venue import Heard, OrderSeen, Reads, SnapshotCall, What
from producers.reconcile import Reconciler
from producers.rest import RestAnswer, RestClient
from producers.snapshots import PAGES_MOST
from producers.venues.tinvest import VenueFeed, VenueSettings
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import MemoryLog, until

NEWS = Heard(What.DATA, read_up=True)


class Paged(VenueFeed):
    """A venue that lists its orders page for page with GET, signs each call, and tells fills apart."""

    def __init__(self, url: str, *accounts: str) -> None:
        super().__init__(VenueSettings(token="t.secret", accounts=accounts or ("A1",), rest_url=url))
        self.read_up_every_s = 0.3
        self.signed = 0
        self.no_such_call = {Reads.STOP_ORDERS_OF_DAY, Reads.OPEN_STOP_ORDERS, Reads.STOP_ORDERS, Reads.OPEN_ORDERS}

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        if reads in self.no_such_call:
            return None
        about = "" if order is None else f"&order={order.venue_order_id}"
        return SnapshotCall(f"{reads}?account={account}&page=0{about}", b"", f"rest:{reads}", "GET")

    def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        following = json.loads(body).get("next")
        if following is None:
            return None
        head, _, _ = call.path.partition("&page=")
        return call._replace(path=f"{head}&page={following}")

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        return [OrderSeen("", name, is_open=True) for name in json.loads(body).get("orders", ())]

    def call_headers(self, call: SnapshotCall, now_ns: int) -> Mapping[str, str]:
        self.signed += 1
        return {"signature": f"{self.signed} of {call.method} {call.path}"}


class Server:
    """Answers each call with what `pages` has for it, by what is read and the page; keeps the calls."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], dict[str, Any]] = {}
        self.failures = 0
        self.calls: list[tuple[str, float]] = []
        self.signatures: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.calls.append((f"{request.match_info['reads']}?{request.query_string}", time.monotonic()))
        self.signatures.append(request.headers.get("signature", ""))
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        return web.json_response(self.pages.get((request.match_info["reads"], request.query["page"]), {}))

    def read(self, reads: Reads) -> list[float]:
        return [at_s for call, at_s in self.calls if call.startswith(f"{reads}?")]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server()
    app = web.Application()
    app.add_routes([web.get("/rest/{reads}", served.handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/rest"
        yield served
    finally:
        served.gate.set()
        await runner.cleanup()


Begin = Callable[..., Reconciler]


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    """Start reconcilers that end with the test."""
    async with AsyncExitStack() as stack:

        def begin(venue: Paged, log: MemoryLog, interval_s: float = 60) -> Reconciler:
            client = RestClient(venue.rest_url, headers={})
            reconciler = Reconciler(venue, client, log, interval_s=interval_s)
            running = asyncio.create_task(reconciler.run("connection-1"))

            async def end() -> None:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
                await client.close()

            stack.push_async_callback(end)
            return reconciler

        yield begin


def rounds(log: MemoryLog, count: int) -> Callable[[], bool]:
    return lambda: len(log.of(Kind.RECONCILED)) >= count


async def test_every_page_is_recorded_and_the_marker_counts_them_all(server: Server, begin: Begin):
    server.pages = {
        ("orders_of_day", "0"): {"orders": ["1", "2"], "next": "b"},
        ("orders_of_day", "b"): {"orders": ["3"]},
    }
    log = MemoryLog()
    begin(Paged(server.url), log)
    await until(rounds(log, 1))
    snapshots = log.of(Kind.SNAPSHOT)
    assert [json.loads(entry.value).get("orders") for entry in snapshots] == [["1", "2"], ["3"], None]
    assert [entry.source for entry in snapshots] == ["rest:orders_of_day"] * 2 + ["rest:trades"]
    assert log.bodies(Kind.RECONCILED) == [{"orders": 3}]


async def test_pages_without_end_are_given_up_and_nothing_is_said_to_be_reconciled(server: Server, begin: Begin):
    server.pages = {("orders_of_day", page): {"next": "1"} for page in "01"}
    log = MemoryLog()
    begin(Paged(server.url), log, interval_s=0.05)
    await until(lambda: len(server.read(Reads.ORDERS_OF_DAY)) > PAGES_MOST)
    assert log.of(Kind.RECONCILED) == []


async def test_an_answer_of_many_lists_may_have_more_pages_than_one_list(server: Server, begin: Begin):
    class ByList(Paged):
        def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
            following = super().snapshot_next(call, body)
            return following if following is None else following._replace(part=following.path)

    lists = PAGES_MOST + 2
    server.pages = {("orders_of_day", str(at)): {"orders": [str(at)], "next": str(at + 1)} for at in range(lists)}
    server.pages["orders_of_day", str(lists)] = {}
    log = MemoryLog()
    begin(ByList(server.url), log)
    await until(rounds(log, 1))
    assert log.bodies(Kind.RECONCILED) == [{"orders": lists}]


async def test_every_try_of_a_call_is_signed_anew(server: Server, begin: Begin):
    server.failures = 2
    log = MemoryLog()
    begin(Paged(server.url), log)
    await until(rounds(log, 1))
    path = "GET orders_of_day?account=A1&page=0"
    assert server.signatures[:3] == [f"{number} of {path}" for number in (1, 2, 3)]


async def test_fills_that_are_not_told_are_named_in_the_marker(server: Server, begin: Begin):
    class Refusing(Paged):
        def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
            if call.source == "rest:trades":
                raise ValueError("no list")
            return None

    log = MemoryLog()
    begin(Refusing(server.url), log)
    await until(rounds(log, 1))
    assert log.bodies(Kind.RECONCILED) == [{"orders": 0, "unread": {"trades": "unreadable"}}]


async def test_an_order_that_is_read_by_its_id_is_read_with_its_fills(server: Server, begin: Begin):
    venue, log = Paged(server.url), MemoryLog()
    reconciler = begin(venue, log)
    await until(rounds(log, 1))
    reconciler.hear(Heard(What.DATA, "A1", order=OrderSeen("", "of yesterday", is_open=True), read_up=True))
    await until(rounds(log, 2))
    by_id = [call for call, _ in server.calls if "order=" in call]
    assert by_id == [f"{reads}?account=A1&page=0&order=of yesterday" for reads in ("order", "trades")]


async def test_a_frame_that_asks_for_it_is_read_up_on_at_once(server: Server, begin: Begin):
    venue, log = Paged(server.url), MemoryLog()
    venue.read_up_every_s = 0
    reconciler = begin(venue, log)
    await until(rounds(log, 1))
    reconciler.hear(NEWS)
    # Long before the next interval.
    await until(rounds(log, 2))


async def test_a_gap_is_read_up_on_for_every_account(server: Server, begin: Begin):
    log = MemoryLog()
    reconciler = begin(Paged(server.url, "A1", "A2"), log)
    await until(rounds(log, 2))
    reconciler.hear(Heard(What.DATA, "A1", gap="orders 1..2"))
    await until(rounds(log, 4))
    assert [entry.account for entry in log.of(Kind.RECONCILED)] == ["A1", "A2"] * 2


async def test_a_frame_that_names_its_account_asks_for_that_alone(server: Server, begin: Begin):
    log = MemoryLog()
    reconciler = begin(Paged(server.url, "A1", "A2"), log)
    await until(rounds(log, 2))
    reconciler.hear(NEWS._replace(account="A2"))
    await until(rounds(log, 3))
    assert [entry.account for entry in log.of(Kind.RECONCILED)] == ["A1", "A2", "A2"]


async def test_frames_that_come_during_a_round_are_one_round_after_it(server: Server, begin: Begin):
    venue, log = Paged(server.url), MemoryLog()
    reconciler = begin(venue, log)
    await until(rounds(log, 1))
    server.gate.clear()
    reconciler.hear(NEWS)
    await until(lambda: len(server.read(Reads.ORDERS_OF_DAY)) == 2)
    for _ in range(20):
        reconciler.hear(NEWS)
    server.gate.set()
    await until(rounds(log, 3))
    await asyncio.sleep(2 * venue.read_up_every_s)
    assert len(server.read(Reads.ORDERS_OF_DAY)) == 3


async def test_many_frames_are_read_up_on_no_more_often_than_the_venue_wants(server: Server, begin: Begin):
    venue, log = Paged(server.url), MemoryLog()
    reconciler = begin(venue, log)
    await until(rounds(log, 1))
    until_s = time.monotonic() + 1
    while time.monotonic() < until_s:
        reconciler.hear(NEWS)
        await asyncio.sleep(0.01)
    began_s = server.read(Reads.ORDERS_OF_DAY)
    assert len(began_s) >= 3
    # What lies between is the way of a call, not the pause itself.
    assert all(later - earlier > 0.8 * venue.read_up_every_s for earlier, later in itertools.pairwise(began_s))


async def test_what_was_asked_for_before_the_connection_is_part_of_its_first_round(server: Server, begin: Begin):
    venue, log = Paged(server.url), MemoryLog()
    reconciler = begin(venue, log)
    reconciler.hear(NEWS)
    await until(rounds(log, 1))
    await asyncio.sleep(2 * venue.read_up_every_s)
    assert len(server.read(Reads.ORDERS_OF_DAY)) == 1


async def test_a_refused_page_ends_the_round_as_a_refused_call_does(server: Server, begin: Begin):
    class Forbidden(Paged):
        def snapshot_meaning(self, source: str, answer: RestAnswer) -> Any:
            return super().snapshot_meaning(source, answer)._replace(final=True)

    server.failures = 1
    log = MemoryLog()
    begin(Forbidden(server.url), log, interval_s=0.05)
    await until(rounds(log, 1))
    assert len(server.read(Reads.ORDERS_OF_DAY)) == 2
