"""What can go wrong at the simulated Outpoll, on request; and its controls over HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.outpoll.faults import FaultError, read_fault
from tests.sandbox.simulators.outpoll_client import (
    FEED,
    LIMIT,
    UPDATES,
    YES,
    call,
    entry,
    hear,
    hear_all,
    history,
    place,
    stream,
    until,
)


@pytest.fixture
async def venue() -> AsyncIterator[Simulator]:
    """A limit order lies in the book until somebody does something about it."""
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


@pytest.fixture
async def control(venue: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=venue.control_url, trust_env=False) as client:
        yield client


async def make(control: httpx.AsyncClient, path: str, **wish: Any) -> Any:
    answer = await control.post(path, json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def told(venue: Simulator, order_id: str) -> dict[str, Any]:
    await until(lambda: entry(venue, order_id)["told"])
    return entry(venue, order_id)


@pytest.mark.parametrize("setting", [UPDATES, FEED])
@pytest.mark.parametrize(
    ("fault", "code"), [({"fault": "cut"}, None), ({"fault": "close", "code": 1012, "reason": "restart"}, 1012)]
)
async def test_a_connection_breaks_or_is_closed(
    venue: Simulator, setting: str, fault: dict[str, Any], code: int | None
) -> None:
    async with stream(venue, setting) as connection:
        await hear(connection)
        assert venue.fault(fault) == {"connections": 1}
        with pytest.raises(ConnectionClosed) as closed:
            await hear(connection)
        assert (closed.value.rcvd and closed.value.rcvd.code) == code
        await until(lambda: venue.stats()["connections"] == 0)


async def test_silence_holds_everything_back_and_then_tells_it(venue: Simulator) -> None:
    async with stream(venue) as connection:
        await hear(connection)
        began_s = time.monotonic()
        venue.fault({"fault": "silence", "seconds": 0.3, "new": True})
        order_id = await place(venue)
        async with stream(venue) as another:
            assert (await hear(another))["t"] == "success"
        assert (await hear(connection))["d"]["i"] == order_id
        assert time.monotonic() - began_s >= 0.3


async def test_a_malformed_frame_comes_between_good_ones(venue: Simulator) -> None:
    async with stream(venue) as connection:
        await hear(connection)
        venue.fault({"fault": "malformed"})
        with pytest.raises(json.JSONDecodeError):
            json.loads(await connection.recv())
        await place(venue)
        assert (await hear(connection))["t"] == "ORDER_UPDATE"


async def test_a_frame_comes_twice_or_not_at_all(venue: Simulator) -> None:
    venue.fault({"fault": "lose"})
    lost = await place(venue)
    await told(venue, lost)
    venue.fault({"fault": "duplicate"})
    async with stream(venue) as connection:
        await hear(connection)
        twice = await place(venue)
        first, second = await hear_all(connection, 2)
    assert first == second
    assert first["d"]["i"] == twice
    assert {item["i"] for item in await history(venue)} == {lost, twice}


async def test_a_frame_is_held_back_with_those_after_it(venue: Simulator) -> None:
    venue.fault({"fault": "delay", "side": "stream", "seconds": 0.3})
    async with stream(venue) as connection:
        await hear(connection)
        began_s = time.monotonic()
        order_id = await place(venue)
        assert (await hear(connection))["d"]["i"] == order_id
        assert time.monotonic() - began_s >= 0.3


@pytest.mark.parametrize(("fault", "outcome"), [("drop_reply", "dropped"), ("cut_reply", "cut")])
async def test_an_order_may_be_taken_and_its_call_never_answered(venue: Simulator, fault: str, outcome: str) -> None:
    venue.fault({"fault": fault})
    with pytest.raises(httpx.TransportError):
        await call(venue, "POST", "/orders/limit", LIMIT, timeout_s=2)
    (order,) = venue.orders()
    await told(venue, order["order_id"])
    assert [item["i"] for item in await history(venue)] == [order["order_id"]]
    await until(lambda: venue.calls()[0]["outcome"])
    assert (venue.calls()[0]["id"], venue.calls()[0]["outcome"]) == (order["order_id"], outcome)


async def test_a_cancel_may_be_done_and_never_answered(venue: Simulator) -> None:
    order_id = await place(venue)
    venue.fault({"fault": "drop_reply", "path": "/orders/limit/"})
    await place(venue)  # the fault waits for a call of its path
    with pytest.raises(httpx.TransportError):
        await call(venue, "DELETE", f"/orders/limit/{order_id}", timeout_s=2)
    assert entry(venue, order_id)["status"] == "CANCELED"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_answer_is_held_back_before_or_after_the_order_is_taken(venue: Simulator, when: str) -> None:
    venue.fault({"fault": "delay", "side": "rest", "seconds": 0.3, "when": when, "path": "/orders/limit"})
    placing = asyncio.create_task(place(venue))
    await until(venue.calls)
    if when == "after":
        await until(venue.orders)
        assert not placing.done()
    else:
        assert venue.orders() == []
    assert entry(venue, await placing)


async def test_an_ignored_order_is_answered_and_never_heard_of(venue: Simulator) -> None:
    venue.fault({"fault": "ignore"})
    async with stream(venue) as connection:
        await hear(connection)
        ignored = await place(venue)
        after = await place(venue)
        assert (await hear(connection))["d"]["i"] == after
    assert [item["i"] for item in await history(venue)] == [after]
    assert (await call(venue, "DELETE", f"/orders/limit/{ignored}")).status_code == 404
    assert not entry(venue, ignored)["told"]


async def test_an_ignored_cancel_cancels_nothing(venue: Simulator) -> None:
    order_id = await place(venue)
    venue.fault({"fault": "ignore", "path": "/orders/limit/"})
    assert (await call(venue, "DELETE", f"/orders/limit/{order_id}")).status_code in (200, 204)
    assert not entry(venue, order_id)["final"]


async def test_a_cancel_that_was_taken_fails_and_the_order_lives_on(venue: Simulator) -> None:
    async with stream(venue) as connection:
        await hear(connection)
        order_id = await place(venue)
        assert (await hear(connection))["d"]["s"] == "SUCCESS"
        venue.fault({"fault": "fail"})
        assert (await call(venue, "DELETE", f"/orders/limit/{order_id}")).status_code in (200, 204)
        message = await hear(connection)
        assert (message["d"]["i"], message["d"]["s"]) == (order_id, "FAILED")
    assert [item["st"] for item in await history(venue)] == ["ACTIVE"]
    await call(venue, "DELETE", f"/orders/limit/{order_id}")
    assert [item["st"] for item in await history(venue)] == ["CANCELED"]


@pytest.mark.parametrize(
    ("fault", "status", "executed"),
    [
        ("reject", "REJECTED", False),
        ("cancel", "CANCELED", False),
        ("partial_cancel", "CANCELED", True),
        ("fill", "FILLED", True),
    ],
)
async def test_the_next_orders_end_as_is_asked_for(venue: Simulator, fault: str, status: str, executed: bool) -> None:
    venue.fault({"fault": fault})
    order_id = await place(venue)
    await until(lambda: entry(venue, order_id)["final"])
    after = await told(venue, await place(venue))
    assert (entry(venue, order_id)["status"], entry(venue, order_id)["executed"] != "0") == (status, executed)
    assert after["status"] == "ACTIVE"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_any_answer_may_stand_for_the_venues(venue: Simulator, status: int) -> None:
    venue.fault({"fault": "answer", "status": status, "body": "<html>", "headers": {"Retry-After": "7"}})
    answer = await call(venue, "POST", "/orders/limit", LIMIT)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (status, "<html>", "7")
    assert venue.orders() == []
    assert (await call(venue, "POST", "/orders/limit", LIMIT)).status_code in (200, 202)


async def test_the_venues_clock_runs_ahead_refuses_and_shows_its_time(venue: Simulator) -> None:
    venue.fault({"fault": "clock", "offset_s": 300})
    answer = await call(venue, "GET", "/api/history/orders")
    assert answer.status_code == 401
    ahead_s = parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    assert ahead_s == pytest.approx(300, abs=5)
    async with stream(venue) as connection:
        assert connection.response is not None
        shown = parsedate_to_datetime(connection.response.headers["Date"]).timestamp()
        assert shown - time.time() == pytest.approx(300, abs=5)
        assert (await hear(connection))["t"] == "error"
    assert (await call(venue, "GET", "/api/history/orders", offset_s=300)).status_code == 200


async def test_a_blocked_key_is_forbidden_and_its_streams_are_closed(venue: Simulator) -> None:
    async with stream(venue) as connection:
        await hear(connection)
        venue.fault({"fault": "block"})
        with pytest.raises(ConnectionClosed):
            await hear(connection)
    answer = await call(venue, "POST", "/orders/limit", LIMIT)
    assert (answer.status_code, answer.json()) == (403, {"error": "API key permanently blocked"})
    async with stream(venue) as connection:
        assert (await hear(connection))["d"] == {"error": "Invalid or missing credentials"}


async def test_the_history_lags_behind_the_order_updates(venue: Simulator) -> None:
    venue.fault({"fault": "lag", "seconds": 0.3})
    async with stream(venue) as updates, stream(venue, FEED) as feed:
        await hear(updates)
        await hear(feed)
        order_id = await place(venue)
        assert (await hear(updates))["d"]["i"] == order_id
        assert await history(venue) == []
        assert (await hear(feed))["d"]["i"] == order_id
    assert [item["i"] for item in await history(venue)] == [order_id]


async def test_too_many_calls_are_refused_and_do_nothing(venue: Simulator, control: httpx.AsyncClient) -> None:
    assert await make(control, "/limits", calls=1, seconds=3600) == {"calls": 1, "seconds": 3600.0}
    assert (await call(venue, "POST", "/orders/limit", LIMIT)).status_code in (200, 202)
    answer = await call(venue, "POST", "/orders/limit", LIMIT)
    assert (answer.status_code, answer.json()) == (429, {"error": "Rate limit exceeded"})
    assert len(venue.orders()) == 1
    assert (await control.post("/limits", json="none")).json() is None
    assert (await call(venue, "GET", "/api/history/orders")).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        "cut",
        {},
        {"fault": "dance"},
        {"fault": "cut", "seconds": 1},
        {"fault": "silence"},
        {"fault": "silence", "seconds": 0},
        {"fault": "close", "code": 1006},
        {"fault": "ignore", "count": 0},
        {"fault": "answer", "status": 99},
        {"fault": "delay", "side": "stream", "seconds": 1, "path": "/orders/limit"},
        {"fault": "lose", "path": "/orders/limit"},
        {"fault": "clock", "offset_s": "much"},
    ],
)
def test_a_fault_that_there_is_none_of_says_where_it_is_wrong(wish: Any) -> None:
    with pytest.raises(FaultError, match=r"\w"):
        read_fault(wish)


async def test_an_order_is_placed_filled_in_parts_and_ended_by_hand(
    venue: Simulator, control: httpx.AsyncClient
) -> None:
    about: dict[str, Any] = {"account": venue.accounts[0]}
    placed = await make(
        control, "/orders", action="place", instrument=YES["ba"], side="SELL", quantity="10", price="0.5", **about
    )
    about["order_id"] = placed["order_id"]
    assert (placed["source"], placed["order_request_id"]) == ("APP", None)
    await told(venue, placed["order_id"])
    filled = await make(control, "/orders", action="fill", quantity="2.5", price="0.55", **about)
    assert (filled["executed"], filled["status"], filled["trades"][0]["price"]) == ("2.5", "ACTIVE", "0.55")
    too_much = await control.post("/orders", json={"action": "fill", "quantity": "8", **about})
    assert too_much.json() == {"error": "the order has 7.5 shares left, not 8"}
    ended = await make(control, "/orders", action="cancel", **about)
    assert (ended["cancelled"], ended["status"], ended["final"]) == ("7.5", "CANCELED", True)
    again = await control.post("/orders", json={"action": "cancel", **about})
    assert (again.status_code, "already" in again.json()["error"]) == (400, True)
    assert (await control.get("/orders")).json() == [ended]


@pytest.mark.parametrize(("action", "status"), [("trigger", "TRIGGERED"), ("cancel", "CANCELED")])
async def test_a_tpsl_order_is_moved_by_hand(
    venue: Simulator, control: httpx.AsyncClient, action: str, status: str
) -> None:
    about = {"account": venue.accounts[0], "stop_order_id": await place(venue, "tpsl", t=0.95)}
    moved = await make(control, "/stop-orders", action=action, **about)
    assert (moved["status"], moved["child_order_id"] is not None) == (status, action == "trigger")
    assert (await control.post("/stop-orders", json={"action": action, **about})).status_code == 400
    assert (await control.get("/stop-orders")).json() == [moved]


async def test_a_price_is_moved_and_says_what_it_triggered(venue: Simulator, control: httpx.AsyncClient) -> None:
    tpsl_id = await place(venue, "tpsl", l=0.3)
    assert await make(control, "/prices", instrument=YES["ba"], price="0.31") == {"triggered": []}
    assert await make(control, "/prices", instrument=YES["ba"], price="0.3") == {"triggered": [tpsl_id]}
    assert (await control.get("/prices")).json()[YES["ba"]] == "0.3"


async def test_every_call_is_remembered_with_its_end(venue: Simulator, control: httpx.AsyncClient) -> None:
    order_id = await place(venue)
    await call(venue, "DELETE", "/orders/limit/none")
    placed, refused = (await control.get("/calls")).json()
    assert (placed["method"], placed["path"], placed["id"]) == ("POST", "/orders/limit", order_id)
    assert (refused["method"], refused["id"], refused["status"], refused["outcome"]) == (
        "DELETE",
        "none",
        404,
        "answered",
    )
    stats = (await control.get("/stats")).json()
    assert (stats["orders"], stats["POST /orders/limit"]) == (1, 1)


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/faults", {"fault": "dance"}),
        ("/faults", {"fault": "block", "account": "nobody"}),
        ("/orders", {"action": "dance"}),
        ("/orders", {"action": "fill", "account": "outpoll-1", "order_id": "none"}),
        ("/orders", {"action": "place", "account": "nobody", "instrument": "x", "side": "BUY", "quantity": "1"}),
        ("/orders", {"action": "place", "account": "outpoll-1", "instrument": "x", "side": "BUY", "quantity": "1"}),
        ("/stop-orders", {"action": "trigger", "account": "outpoll-1", "stop_order_id": "none"}),
        ("/prices", {"instrument": "none", "price": "0.5"}),
        ("/prices", {"instrument": YES["ba"], "price": "1"}),
        ("/prices", {"instrument": YES["ba"], "price": "NaN"}),
        ("/prices", {"instrument": YES["ba"], "price": "much"}),
        ("/prices", []),
        ("/limits", {"calls": -1}),
    ],
)
async def test_what_can_not_be_made_to_happen_says_why(control: httpx.AsyncClient, path: str, wish: Any) -> None:
    answer = await control.post(path, json=wish)
    assert answer.status_code == 400
    assert answer.json()["error"]
