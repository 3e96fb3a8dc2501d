"""The reconciler against a REST server that answers as a test tells it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from producers.feeds.venue import Heard, OrderSeen, What
from producers.reconcile import ORDERS_A_ROUND, Reconciler
from producers.rest import RestClient
from producers.snapshots import wait_s
from producers.venues.tinvest import VenueFeed, VenueSettings
from schemas.headers import Kind
from tests.producers.feeds.venue_stream import MemoryLog, until

ORDERS = b'{ "orders" : [ {"orderId":"1"},\n\t{"orderId":"2"} ] }\n'
NONE_OPEN = b'{"orders":[]}'
STOP_ORDERS = b'{"stopOrders":[{"stopOrderId":"s","status":"STOP_ORDER_STATUS_EXECUTED"}]}'
NO_STOPS_OPEN = b'{"stopOrders":[]}'
REFUSED = b'{"code":16,"message":"no","description":"40003"}'
UNKNOWN_ORDER = b'{"code":5,"message":"Order not found","description":"50005"}'

Answer = tuple[int, dict[str, str], bytes]
STATUS = "EXECUTION_REPORT_STATUS_"


def order_state(name: str, status: str) -> bytes:
    return json.dumps({"orderId": name, "executionReportStatus": f"{STATUS}{status}"}).encode()


class RestVenue:
    """Gives the next of its `answers` to each call of GetOrders with filters, the last one for ever.

    Without filters GetOrders has `listed`. An order has the state that `states` has for its id, or is not
    known. `log` has every call.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, {}, ORDERS)]
        self.listed: Answer = (200, {}, NONE_OPEN)
        self.stop_orders: Answer = (200, {}, STOP_ORDERS)
        self.open_stop_orders: Answer = (200, {}, NO_STOPS_OPEN)
        self.past_stop_orders: Answer = (200, {}, NO_STOPS_OPEN)
        self.states: dict[str, Answer] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[dict[str, Any], int]] = []
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        method, body = request.match_info["method"], json.loads(await request.read())
        self.log.append((method, body))
        status, headers, answer = {
            "GetOrders": self._orders,
            "GetOrderState": self._state,
            "GetStopOrders": self._stop_orders,
        }[method](body)
        self.headers.append(dict(request.headers))
        return web.Response(status=status, headers=headers, body=answer, content_type="application/json")

    def _orders(self, body: dict[str, Any]) -> Answer:
        if "advancedFilters" not in body:
            return self.listed
        self.asked.append((body, time.time_ns()))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def _state(self, body: dict[str, Any]) -> Answer:
        return self.states.get(body["orderId"], (404, {}, UNKNOWN_ORDER))

    def _stop_orders(self, body: dict[str, Any]) -> Answer:
        if body["status"].endswith("ACTIVE"):
            return self.open_stop_orders
        days = datetime.fromisoformat(body["to"][:19]) - datetime.fromisoformat(body["from"][:19])
        return self.stop_orders if days < timedelta(days=1) else self.past_stop_orders

    def asked_for(self) -> list[str]:
        return [body["orderId"] for method, body in self.log if method == "GetOrderState"]


@pytest.fixture
async def rest() -> AsyncIterator[tuple[RestVenue, str]]:
    venue = RestVenue()
    app = web.Application()
    app.add_routes([web.post("/rest/tinkoff.public.invest.api.contract.v1.{service}/{method}", venue.handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield venue, f"http://127.0.0.1:{runner.addresses[0][1]}/rest"
    finally:
        await runner.cleanup()


Reconcile = Callable[..., "asyncio.Task[None]"]
OPEN, ENDED = True, False


def heard(name: str, *, is_open: bool = OPEN, account: str = "A1") -> Heard:
    return Heard(What.DATA, account, order=OrderSeen("", name, is_open))


@pytest.fixture
async def reconcile() -> AsyncIterator[Reconcile]:
    """Start reconcilers that end with the test."""
    async with AsyncExitStack() as stack:

        def start(
            url: str, log: MemoryLog, *accounts: str, interval_s: float = 60, frames: tuple[Heard, ...] = ()
        ) -> asyncio.Task[None]:
            venue = VenueFeed(VenueSettings(token="t.secret", accounts=accounts or ("A1",), rest_url=url))
            client = RestClient(url, headers=venue.rest_headers)
            reconciler = Reconciler(venue, client, log, interval_s=interval_s)
            for frame in frames:
                reconciler.hear(frame)
            running = asyncio.create_task(reconciler.run("connection-1"))

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
    snapshot, listed, stop_orders, listed_stops, marker = log.entries
    assert listed_stops[:5] == ("connection-1", "A1", "rest:GetStopOrders", Kind.SNAPSHOT, NO_STOPS_OPEN)
    assert listed[:5] == ("connection-1", "A1", "rest:GetOrders", Kind.SNAPSHOT, NONE_OPEN)
    assert snapshot[:5] == ("connection-1", "A1", "rest:GetOrders", Kind.SNAPSHOT, ORDERS)
    assert stop_orders[:5] == ("connection-1", "A1", "rest:GetStopOrders", Kind.SNAPSHOT, STOP_ORDERS)
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
    assert [entry.value for entry in log.of(Kind.SNAPSHOT)] == [ORDERS, NONE_OPEN, STOP_ORDERS, NO_STOPS_OPEN]
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


@pytest.mark.parametrize("unreadable", [b'{"orders":', b'{"new":' * 100_000], ids=["cut short", "nested too deeply"])
async def test_an_answer_that_cannot_be_read_is_recorded_without_a_marker(
    rest: tuple[RestVenue, str], reconcile: Reconcile, unreadable: bytes
):
    venue, url = rest
    venue.answers = [(200, {}, unreadable), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await until(lambda: log.of(Kind.RECONCILED))
    assert [entry.value for entry in log.entries[:3]] == [unreadable, ORDERS, NONE_OPEN]


async def test_a_refusal_that_cannot_be_read_does_not_end_the_reconciler(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.answers = [(400, {}, b'{"message":' * 100_000), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await until(lambda: log.of(Kind.RECONCILED))


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


async def told(log: MemoryLog, markers: int = 1) -> list[tuple[str, bytes]]:
    """Wait for so many markers, and return what was recorded, by source."""
    await until(lambda: len(log.of(Kind.RECONCILED)) >= markers)
    return [(entry.source, entry.value) for entry in log.entries]


async def test_an_open_order_that_the_day_leaves_out_is_asked_for_by_its_id(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.states["yesterday"] = (200, {}, order_state("yesterday", "FILL"))
    log = MemoryLog()
    reconcile(url, log, frames=(heard("1"), heard("over"), heard("yesterday"), heard("over", is_open=ENDED)))
    assert await told(log) == [
        ("rest:GetOrders", ORDERS),
        ("rest:GetOrders", NONE_OPEN),
        ("rest:GetOrderState", order_state("yesterday", "FILL")),
        ("rest:GetStopOrders", STOP_ORDERS),
        ("rest:GetStopOrders", NO_STOPS_OPEN),
        ("rest:GetOrders", b'{"orders":2}'),
    ]
    assert venue.asked_for() == ["yesterday"]


async def test_orders_that_are_open_are_read_with_one_call_in_the_first_round_and_while_any_is_of_another_day(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await told(log, markers=3)
    assert [entry.value for entry in log.entries].count(NONE_OPEN) == 1
    venue.listed = (200, {}, b'{"orders":[' + order_state("old", "NEW") + b"]}")
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(heard("old"),))
    await told(log, markers=3)
    assert [entry.value for entry in log.entries].count(venue.listed[2]) == 3
    assert venue.asked_for() == []


async def test_an_order_that_was_open_when_the_process_began_is_asked_for_once_it_is_not(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.listed = (200, {}, b'{"orders":[' + order_state("old", "NEW") + b"]}")
    venue.states["old"] = (200, {}, order_state("old", "FILL"))
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await told(log)
    venue.listed = (200, {}, NONE_OPEN)
    await until(lambda: any(entry.source == "rest:GetOrderState" for entry in log.entries))
    assert venue.asked_for() == ["old"]


async def test_a_list_of_open_orders_that_fails_is_named_by_the_marker_and_asked_for_again(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.listed = (403, {}, b'{"code":7,"message":"no","description":"40002"}')
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await told(log, markers=2)
    assert log.bodies(Kind.RECONCILED)[:2] == [{"orders": 2, "unread": {"open_orders": "forbidden"}}] * 2
    venue.listed = (200, {}, NONE_OPEN)
    await until(lambda: {"orders": 2} in log.bodies(Kind.RECONCILED))


async def test_an_order_is_asked_for_in_every_round_until_it_has_ended(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.states["old"] = (200, {}, order_state("old", "PARTIALLYFILL"))
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(heard("old"),))
    await told(log, markers=2)
    venue.states["old"] = (200, {}, order_state("old", "CANCELLED"))
    await until(lambda: any(b"CANCELLED" in entry.value for entry in log.entries))
    rounds, asked = len(log.of(Kind.RECONCILED)), len(venue.asked_for())
    await told(log, markers=rounds + 2)
    assert len(venue.asked_for()) == asked


async def test_an_order_that_a_snapshot_told_of_as_open_is_asked_for_once_its_day_is_over(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.answers = [(200, {}, b'{"orders":[' + order_state("7", "NEW") + b"]}"), (200, {}, ORDERS)]
    venue.states["7"] = (200, {}, order_state("7", "CANCELLED"))
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    assert ("rest:GetOrderState", order_state("7", "CANCELLED")) in await told(log, markers=2)


async def test_an_order_that_the_venue_does_not_know_is_asked_for_once_and_leaves_the_marker_whole(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(heard("gone"),))
    recorded = await told(log, markers=2)
    assert venue.asked_for() == ["gone"]
    assert "rest:GetOrderState" not in dict(recorded)
    assert log.bodies(Kind.RECONCILED)[:2] == [{"orders": 2}] * 2


async def test_an_order_that_cannot_be_read_holds_up_no_other_of_the_next_round_and_the_marker_says_so(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.states |= {name: (200, {}, order_state(name, "FILL")) for name in ("a", "b")}
    venue.states["bad"] = (400, {}, b'{"code":3,"message":"no","description":"30001"}')
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(heard("a"), heard("bad"), heard("b")))
    await told(log, markers=3)
    assert venue.asked_for()[:4] == ["a", "bad", "b", "bad"]
    assert log.bodies(Kind.RECONCILED)[:2] == [{"orders": 2, "unread": {"open_orders": "invalid_argument"}}] * 2


async def test_a_round_asks_for_so_many_orders_and_the_next_for_the_others(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    names = [f"o{number}" for number in range(ORDERS_A_ROUND + 1)]
    venue.states |= {name: (200, {}, order_state(name, "FILL")) for name in names}
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=tuple(heard(name) for name in names))
    await told(log, markers=2)
    assert venue.asked_for() == names
    assert log.bodies(Kind.RECONCILED)[:2] == [{"orders": 2, "unread": {"open_orders": "postponed"}}, {"orders": 2}]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((403, {}, b'{"code":7,"message":"no","description":"40002"}'), "forbidden"),
        ((501, {}, b'{"code":12,"message":"no","description":"12001"}'), "invalid_argument"),
        ((404, {}, b"<html>"), "not_found"),
        ((200, {}, b'{"stopOrders":1}'), "unreadable"),
    ],
)
async def test_stop_orders_that_cannot_be_read_are_named_by_the_marker_which_comes_all_the_same(
    rest: tuple[RestVenue, str], reconcile: Reconcile, answer: Answer, reason: str
):
    venue, url = rest
    venue.stop_orders = answer
    log = MemoryLog()
    reconcile(url, log)
    await told(log)
    assert log.bodies(Kind.RECONCILED) == [{"orders": 2, "unread": {"stop_orders": reason}}]


def stop_order(name: str, status: str) -> bytes:
    return json.dumps({"stopOrders": [{"stopOrderId": name, "status": f"STOP_ORDER_STATUS_{status}"}]}).encode()


async def test_a_stop_order_of_another_day_is_listed_while_it_is_active_and_looked_for_further_back_once_it_is_not(
    rest: tuple[RestVenue, str], reconcile: Reconcile
):
    venue, url = rest
    venue.open_stop_orders = (200, {}, stop_order("old", "ACTIVE"))
    venue.past_stop_orders = (200, {}, stop_order("old", "EXPIRED"))
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05)
    await told(log, markers=3)
    values = [entry.value for entry in log.entries]
    assert values.count(stop_order("old", "ACTIVE")) >= 3
    assert stop_order("old", "EXPIRED") not in values
    venue.open_stop_orders = (200, {}, NO_STOPS_OPEN)
    await until(lambda: stop_order("old", "EXPIRED") in [entry.value for entry in log.entries])
    await told(log, markers=len(log.of(Kind.RECONCILED)) + 3)
    assert [entry.value for entry in log.entries].count(stop_order("old", "EXPIRED")) == 1


async def test_a_stop_order_that_is_found_nowhere_is_looked_for_once(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    gone = Heard(What.DATA, "A1", order=OrderSeen("", "gone", OPEN, is_stop=True))
    venue.past_stop_orders = (200, {}, stop_order("another", "EXECUTED"))
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(gone,))
    await told(log, markers=3)
    assert [entry.value for entry in log.entries].count(stop_order("another", "EXECUTED")) == 1
    assert log.bodies(Kind.RECONCILED) == [{"orders": 2}] * len(log.of(Kind.RECONCILED))
    assert venue.asked_for() == []


async def test_without_the_orders_of_the_day_nothing_else_is_asked(rest: tuple[RestVenue, str], reconcile: Reconcile):
    venue, url = rest
    venue.answers = [(401, {}, REFUSED), (200, {}, ORDERS)]
    log = MemoryLog()
    reconcile(url, log, interval_s=0.05, frames=(heard("old"),))
    await told(log)
    methods = [method for method, _ in venue.log]
    assert methods[:5] == ["GetOrders", "GetOrders", "GetOrders", "GetOrderState", "GetStopOrders"]
    assert len(venue.asked) >= 2


async def test_an_order_that_the_stream_tells_of_while_the_venue_is_asked_is_no_order_of_another_day(
    rest: tuple[RestVenue, str],
):
    venue, url = rest
    asked, answered = asyncio.Event(), asyncio.Event()
    ours = VenueFeed(VenueSettings(token="t.secret", accounts=("A1",), rest_url=url))
    client, log = RestClient(url, headers=ours.rest_headers), MemoryLog()

    class Held(RestClient):
        async def request(self, method: str, path: str, *told: Any, **options: Any) -> Any:
            if path.endswith("GetOrders"):
                asked.set()
                await answered.wait()
            return await client.request(method, path, *told, **options)

    async with client, Held(url, headers=ours.rest_headers) as held:
        reconciler = Reconciler(ours, held, log, interval_s=60)
        running = asyncio.create_task(reconciler.run("connection-1"))
        try:
            await asked.wait()
            reconciler.hear(heard("just now"))
            answered.set()
            await told(log)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    assert venue.asked_for() == []


@pytest.mark.parametrize(
    ("asked_s", "waits_s"),
    [([], 0), ([100.0], 0), ([50.0, 100.0], 10), ([10.0, 100.0], 0), ([1.0, 2.0, 90.0, 100.0], 50)],
)
def test_a_minute_has_no_more_calls_than_the_share(asked_s: list[float], waits_s: float):
    assert wait_s(asked_s, 2, 100.0) == waits_s
