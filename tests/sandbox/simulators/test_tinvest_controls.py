"""The controls over HTTP: ledgers to check others against, and a hand on the market."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.simulators.tinvest import TInvestSimulator
from tests.sandbox.simulators.tinvest_client import (
    call,
    is_final,
    place,
    post_stop,
    read_until,
    stop_orders,
    stream,
    subscribed,
)


@pytest.fixture
async def control(resting: TInvestSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=resting.control_url, trust_env=False) as client:
        yield client


async def make(control: httpx.AsyncClient, path: str, **wish: Any) -> Any:
    answer = await control.post(path, json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_order_is_filled_in_parts_at_any_price_and_then_cancelled_by_the_exchange(
    resting: TInvestSimulator, control: httpx.AsyncClient
) -> None:
    order = await place(resting)
    about = {"account": resting.accounts[0], "order_request_id": order["orderRequestId"]}
    async with stream(resting) as connection:
        await subscribed(connection)
        entry = await make(control, "/orders", action="fill", lots=2, price="299.5", **about)
        assert (entry["lots_executed"], entry["status"]) == (2, "EXECUTION_REPORT_STATUS_PARTIALLYFILL")
        entry = await make(control, "/orders", action="cancel", cause="CANCELLED_BY_BROKER", **about)
        assert (entry["status"], entry["cause"]) == ("EXECUTION_REPORT_STATUS_CANCELLED", "CANCELLED_BY_BROKER")
        last = (await read_until(connection, is_final))[-1]["orderState"]
    assert (last["statusInfo"], last["lotsCancelled"]) == ("CAUSE_CANCELLED_BY_BROKER", "3")
    assert [(trade["price"], trade["quantity"]) for trade in entry["trades"]] == [("299.5", "20")]
    assert (await control.get("/orders")).json() == [entry]


async def test_an_order_is_filled_whole_at_its_own_price(resting: TInvestSimulator, control: httpx.AsyncClient) -> None:
    order = await place(resting)
    about = {"account": resting.accounts[0], "order_request_id": order["orderRequestId"]}
    entry = await make(control, "/orders", action="fill", **about)
    assert (entry["final"], entry["trades"][0]["price"]) == (True, "300.5")


async def test_an_order_of_the_phone_app_has_no_key_of_a_client(
    resting: TInvestSimulator, control: httpx.AsyncClient
) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        wish = {"account": resting.accounts[0], "instrument": "SBER_TQBR", "side": "SELL", "lots": 1}
        entry = await make(control, "/orders", action="place", **wish)
        messages = await read_until(connection, is_final)
    assert entry["source"] == "APP"
    states = [message["orderState"] for message in messages if "orderState" in message]
    assert all("orderRequestId" not in state for state in states)
    assert states[-1]["executionReportStatus"] == "EXECUTION_REPORT_STATUS_FILL"


async def test_a_price_is_moved_and_says_what_it_triggered(
    resting: TInvestSimulator, control: httpx.AsyncClient
) -> None:
    await post_stop(resting)
    (stop,) = await stop_orders(resting)
    assert await make(control, "/prices", instrument="BBG004730N88", price="290.5") == {"triggered": []}
    assert (await control.get("/prices")).json()["BBG004730N88"] == "290.5"
    moved = await make(control, "/prices", instrument="SBER_TQBR", price="289")
    assert moved == {"triggered": [stop["stopOrderId"]]}
    (entry,) = (await control.get("/stop-orders")).json()
    assert (entry["triggered"], entry["stop_order_id"]) == (True, stop["stopOrderId"])


async def test_a_market_order_trades_near_the_price_that_was_set(
    resting: TInvestSimulator, control: httpx.AsyncClient
) -> None:
    await make(control, "/prices", instrument="SBER_TQBR", price="200")
    await place(resting, orderType="ORDER_TYPE_MARKET", price=None)
    prices = [Decimal(trade["price"]) for trade in resting.orders()[0]["trades"]]
    assert prices
    assert all(abs(price - 200) <= Decimal("0.03") for price in prices)


@pytest.mark.parametrize(("action", "status"), [("trigger", "EXECUTED"), ("expire", "EXPIRED")])
async def test_a_stop_order_is_moved_by_hand(
    resting: TInvestSimulator, control: httpx.AsyncClient, action: str, status: str
) -> None:
    await post_stop(resting)
    (stop,) = await stop_orders(resting)
    about = {"account": resting.accounts[0], "stop_order_id": stop["stopOrderId"]}
    entry = await make(control, "/stop-orders", action=action, **about)
    assert entry["status"] == f"STOP_ORDER_STATUS_{status}"
    assert (entry["child_order_request_id"] is not None) == (action == "trigger")
    again = await control.post("/stop-orders", json={"action": action, **about})
    assert (again.status_code, "already" in again.json()["error"]) == (400, True)


async def test_every_call_is_remembered_with_its_end(resting: TInvestSimulator, control: httpx.AsyncClient) -> None:
    order = await place(resting)
    await call(resting, "OrdersService/CancelOrder", {"accountId": resting.accounts[0], "orderId": "1"})
    placed, cancelled = (await control.get("/calls")).json()
    assert (placed["method"], placed["key"], placed["status"]) == ("PostOrder", order["orderRequestId"], 200)
    assert placed["tracking_id"] == order["responseMetadata"]["trackingId"]
    assert (cancelled["id"], cancelled["code"], cancelled["outcome"]) == ("1", "50005", "answered")


async def test_limits_are_set_and_shown(control: httpx.AsyncClient) -> None:
    answer = await control.post("/limits", json={"methods": {"PostOrder": {"calls": 5, "seconds": 1}}})
    assert answer.json() == (await control.get("/limits")).json()
    assert answer.json()["methods"] == {"PostOrder": {"calls": 5, "seconds": 1.0}}
    assert (await control.post("/limits", json="documented")).json()["streams"] == 16
    assert (await control.post("/limits", json={"others": 7})).status_code == 400


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/orders", {"action": "dance"}),
        ("/orders", {"action": "place", "account": "nobody", "instrument": "SBER_TQBR", "side": "BUY", "lots": 1}),
        ("/orders", {"action": "fill", "account": "2000000001", "order_request_id": "none"}),
        ("/stop-orders", {"action": "trigger", "account": "2000000001", "stop_order_id": "none"}),
        ("/prices", {"instrument": "NONE", "price": "1"}),
        ("/prices", {"instrument": "SBER_TQBR", "price": "-1"}),
        ("/prices", {"instrument": "SBER_TQBR", "price": "much"}),
        ("/prices", {"instrument": "SBER_TQBR", "price": "NaN"}),
        ("/prices", []),
    ],
)
async def test_what_can_not_be_made_to_happen_says_why(control: httpx.AsyncClient, path: str, wish: Any) -> None:
    answer = await control.post(path, json=wish)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_an_order_is_not_filled_beyond_what_is_left(
    resting: TInvestSimulator, control: httpx.AsyncClient
) -> None:
    order = await place(resting)
    about = {"account": resting.accounts[0], "order_request_id": order["orderRequestId"]}
    answer = await control.post("/orders", json={"action": "fill", "lots": 6, **about})
    assert answer.json() == {"error": "the order has 5 lots left, not 6"}
