"""What goes wrong at the simulated Ripio when it is asked to, and its controls."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from producers.rest import OutcomeUnknown, RestClient
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.faults import FaultError
from tests.sandbox.simulators.ripio_client import (
    an_order,
    bodies,
    call,
    code_of,
    connected,
    data,
    place,
    read,
    read_all,
    say,
    stream,
    ticket,
    until,
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


async def ids(connection: Any) -> list[int]:
    return [message["id"] for message in await read_all(connection)]


async def test_a_cut_ends_the_connection_without_a_close(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        assert simulator.fault({"fault": "cut"}) == {"connections": 1}
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is None


async def test_a_close_has_its_code_and_its_reason(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        simulator.fault({"fault": "close", "code": 1012, "reason": "restart"})
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restart")


async def test_silence_holds_all_back_and_keeps_their_order(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        simulator.fault({"fault": "silence", "seconds": 0.5})
        started = asyncio.get_running_loop().time()
        placed = [(await place(simulator))["id"] for _ in range(2)]
        told = [(await read(connection))["body"]["id"] for _ in range(2)]
        assert told == placed
        assert asyncio.get_running_loop().time() - started > 0.4


async def test_a_new_connection_is_silent_too_where_that_is_asked_for(simulator: Simulator) -> None:
    simulator.fault({"fault": "silence", "seconds": 0.5, "new": True})
    started = asyncio.get_running_loop().time()
    async with stream(simulator):
        assert asyncio.get_running_loop().time() - started > 0.4


async def test_a_malformed_message_is_sent_as_it_is(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        simulator.fault({"fault": "malformed", "text": "{oops"})
        assert await connection.recv() == "{oops"


async def test_a_skipped_number_is_missing_from_its_topic_alone(simulator: Simulator) -> None:
    async with stream(simulator, ["order_status"]) as connection:
        await place(simulator)
        simulator.fault({"fault": "skip_sequence", "topic": "order_status"})
        await place(simulator)
        await place(simulator)
        first, third = await ids(connection)
    assert third == first + 2


async def test_a_lost_message_leaves_no_trace_in_the_sequence(simulator: Simulator) -> None:
    async with stream(simulator, ["order_status"]) as connection:
        await place(simulator)
        simulator.fault({"fault": "lose"})
        lost = await place(simulator)
        await place(simulator)
        messages = await read_all(connection)
    assert messages[1]["id"] == messages[0]["id"] + 1
    assert lost["id"] not in [message["body"]["id"] for message in messages]


async def test_a_duplicate_has_the_same_number_and_the_same_bytes(simulator: Simulator) -> None:
    async with stream(simulator, ["order_status"]) as connection:
        simulator.fault({"fault": "duplicate"})
        await place(simulator)
        first, second = await read_all(connection)
    assert first == second


async def test_sequences_begin_anew_after_a_reset_which_cuts(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        simulator.fault({"fault": "reset_sequence"})
        with pytest.raises(ConnectionClosed):
            await connection.recv()
    async with stream(simulator, ["order_status"]) as connection:
        await place(simulator)
        assert await ids(connection) == [1]


async def test_a_stream_message_may_come_late(simulator: Simulator) -> None:
    async with stream(simulator, ["order_status"]) as connection:
        simulator.fault({"fault": "delay", "side": "stream", "seconds": 0.4})
        started = asyncio.get_running_loop().time()
        await place(simulator)
        await read(connection)
        assert asyncio.get_running_loop().time() - started > 0.3


@pytest.mark.parametrize(("when", "known"), [("before", False), ("after", True)])
async def test_an_answer_may_come_late_before_or_after_the_order_is_taken(
    simulator: Simulator, when: str, known: bool
) -> None:
    simulator.fault({"fault": "delay", "side": "rest", "seconds": 30, "path": "POST /orders", "when": when})
    calling = asyncio.create_task(place(simulator))
    await until(lambda: simulator.calls() and simulator.calls()[0]["key"] is None and simulator.calls()[0]["account"])
    await until(lambda: bool(simulator.orders()) is known)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)


async def test_a_dropped_reply_leaves_an_order_that_the_client_does_not_know_of(simulator: Simulator) -> None:
    simulator.fault({"fault": "drop_reply"})
    with pytest.raises(OutcomeUnknown):
        await call(simulator, "POST", "/orders", an_order(external_id="mine"), timeout_s=2)
    assert (await data(simulator, "GET", "/orders/by-external-id/mine"))["status"] == "open"
    await until(lambda: simulator.calls()[0]["outcome"] == "dropped")


async def test_a_cut_reply_is_a_connection_that_ends(simulator: Simulator) -> None:
    simulator.fault({"fault": "cut_reply"})
    with pytest.raises(OutcomeUnknown):
        await call(simulator, "POST", "/orders", an_order())
    assert len(simulator.orders()) == 1


async def test_an_ignored_order_is_answered_and_never_heard_of(simulator: Simulator) -> None:
    simulator.fault({"fault": "ignore"})
    async with stream(simulator) as connection:
        order = await place(simulator, external_id="mine")
        assert await read_all(connection) == []
    assert code_of(await call(simulator, "GET", f"/orders/{order['id']}")) == (404, 40400)
    assert code_of(await call(simulator, "GET", "/orders/by-external-id/mine")) == (404, 40400)
    (entry,) = simulator.orders()
    assert (entry["told"], entry["final"]) == (False, False)


async def test_an_ignored_cancel_is_answered_and_the_order_lives_on(simulator: Simulator) -> None:
    order = await place(simulator)
    simulator.fault({"fault": "ignore", "path": "DELETE /orders"})
    assert (await data(simulator, "DELETE", "/orders", {"id": order["id"]}))["status"] == "canceled"
    assert (await data(simulator, "GET", f"/orders/{order['id']}"))["status"] == "open"
    assert [request["done"] for request in simulator.orders()[0]["requests"]] == [False]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("fill", "executed_completely"), ("cancel", "canceled"), ("partial_cancel", "canceled"), ("rest", "open")],
)
async def test_the_next_order_ends_as_it_is_asked_to(simulator: Simulator, fault: str, status: str) -> None:
    simulator.fault({"fault": fault})
    await place(simulator)
    await until(lambda: simulator.orders()[0]["status"] == status)
    entry = simulator.orders()[0]
    assert bool(entry["trades"]) is (fault in ("fill", "partial_cancel"))


async def test_a_rejected_order_is_refused_for_lack_of_funds(simulator: Simulator) -> None:
    simulator.fault({"fault": "reject"})
    assert code_of(await call(simulator, "POST", "/orders", an_order())) == (400, 40011)
    assert simulator.orders() == []


async def test_an_answer_may_be_anything_and_a_refusal_any_code(simulator: Simulator) -> None:
    simulator.fault({"fault": "answer", "status": 502, "body": "<html>", "path": "POST /orders"})
    simulator.fault({"fault": "refuse", "code": 503, "path": "POST /orders"})
    answer = await call(simulator, "POST", "/orders", an_order())
    assert (answer.status, answer.body) == (502, b"<html>")
    answer = await call(simulator, "POST", "/orders", an_order())
    assert json.loads(answer.body) == {"error_code": 503, "message": "Maintenance in course", "data": None}
    assert answer.status == 503


async def test_a_ticket_may_be_refused_at_the_stream(simulator: Simulator) -> None:
    simulator.fault({"fault": "refuse_ticket"})
    one = await ticket(simulator)
    async with connected(simulator) as connection:
        await say(connection, "subscribe", ["order_status"], ticket=one)
        assert (await read(connection))["error_code"] == 40100


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"fault": "no such"},
        {"fault": "cut", "count": 2},
        {"fault": "silence"},
        {"fault": "close", "code": 1006},
        {"fault": "delay", "side": "stream", "seconds": 1, "path": "POST /orders"},
        {"fault": "block", "account": "nobody"},
        {"fault": "skip_sequence", "topic": "ticker"},
        {"fault": "ignore", "count": 0},
    ],
)
async def test_a_fault_that_there_is_none_of_is_refused(simulator: Simulator, fault: dict[str, Any]) -> None:
    with pytest.raises(FaultError):
        simulator.fault(fault)


# The controls, over HTTP.


async def control(simulator: Simulator, name: str, wish: Any = None) -> tuple[int, Any]:
    async with RestClient(simulator.control_url, headers={}) as client:
        body = b"" if wish is None else json.dumps(wish).encode()
        answer = await client.request("GET" if wish is None else "POST", name, body)
    return answer.status, json.loads(answer.body)


async def test_an_order_of_the_web_site_has_no_id_of_a_client(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        wish = {"action": "place", "account": "ripio-1", "pair": "BTC_BRL", "side": "BUY", "quantity": "0.5"}
        status, entry = await control(simulator, "orders", wish | {"price": "290000"})
        assert (status, entry["order_request_id"], entry["source"]) == (200, None, "SITE")
        assert (await read(connection))["body"]["external_id"] is None


async def test_an_order_trades_and_ends_on_demand(simulator: Simulator) -> None:
    order = await place(simulator)
    wish = {"account": "ripio-1", "order_id": order["id"]}
    async with stream(simulator) as connection:
        _, entry = await control(simulator, "orders", {"action": "fill", "quantity": "0.2", "price": "289000", **wish})
        assert (entry["executed"], entry["status"]) == ("0.2", "executed_partially")
        _, entry = await control(simulator, "orders", {"action": "cancel", **wish})
        assert (entry["executed"], entry["cancelled"], entry["status"]) == ("0.2", "0.3", "canceled")
        told = bodies(await read_all(connection), "order_status")
    assert [state["status"] for state in told] == ["executed_partially", "canceled"]
    status, answer = await control(simulator, "orders", {"action": "fill", **wish})
    assert (status, answer) == (400, {"error": f"the order {order['id']!r} is canceled already"})


async def test_a_price_that_comes_triggers_who_waits_for_it(simulator: Simulator) -> None:
    order = await place(simulator, type="stop_limit", side="sell", stop_price=280000, price=279000)
    assert await control(simulator, "prices", {"pair": "BTC_BRL", "price": "281000"}) == (200, {"triggered": []})
    _, answer = await control(simulator, "prices", {"pair": "BTC_BRL", "price": "279500"})
    assert answer == {"triggered": [order["id"]]}
    assert (await control(simulator, "prices"))[1]["BTC_BRL"] == "279500"
    assert simulator.orders()[0]["triggered"]


async def test_controls_tell_orders_calls_balances_stats_and_limits(simulator: Simulator) -> None:
    await place(simulator)
    assert (await control(simulator, "orders"))[1] == simulator.orders()
    (entry,) = (await control(simulator, "calls"))[1]
    assert (entry["call"], entry["account"], entry["status"], entry["outcome"]) == (
        "POST /orders",
        "ripio-1",
        200,
        "answered",
    )
    assert (await control(simulator, "balances"))[1]["ripio-1"]["BRL"]["locked"] == "145000.0"
    assert (await control(simulator, "faults", {"fault": "ignore", "count": 3}))[0] == 200
    assert (await control(simulator, "stats"))[1]["pending_faults"] == {"ignore": 3}
    assert (await control(simulator, "limits", "3.5"))[1] == {"per_second": 3.5, "per_day": 302_400}


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("faults", {"fault": "none"}),
        ("faults", []),
        ("orders", {"action": "place"}),
        ("orders", {"action": "cancel", "account": "ripio-1", "order_id": "X"}),
        ("prices", {"pair": "NONE", "price": "1"}),
        ("prices", {"pair": "BTC_BRL", "price": "0"}),
        ("limits", "fast"),
    ],
)
async def test_what_can_not_be_done_is_said(simulator: Simulator, name: str, wish: Any) -> None:
    status, answer = await control(simulator, name, wish)
    assert status == 400
    assert answer["error"]
