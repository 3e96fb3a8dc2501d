"""Stop orders: placed, triggered by the price, expired, cancelled; and the orders that they become."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from producers.rest import RestAnswer
from sandbox.simulators.tinvest import TInvestSimulator, values
from tests.sandbox.simulators.tinvest_client import (
    a_stop_order,
    call,
    code_of,
    is_final,
    post_stop,
    read_until,
    stop_orders,
    stream,
    subscribed,
    until,
)


async def place_stop(simulator: TInvestSimulator, **changes: Any) -> str:
    answer = await post_stop(simulator, **changes)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["stopOrderId"]


async def cancel_stop(simulator: TInvestSimulator, stop_order_id: str) -> RestAnswer:
    body = {"accountId": simulator.accounts[0], "stopOrderId": stop_order_id}
    return await call(simulator, "StopOrdersService/CancelStopOrder", body)


def move_price(simulator: TInvestSimulator, price: str) -> list[str]:
    return simulator.desk.set_price({"instrument": "SBER_TQBR", "price": price})


async def child_placed(simulator: TInvestSimulator, stop_order_id: str) -> dict[str, Any]:
    """Wait until the order that a stop order became is at the exchange, and return its entry."""

    def child() -> dict[str, Any] | None:
        children = [entry for entry in simulator.orders() if entry["stop_order_id"] == stop_order_id]
        return children[0] if children and children[0]["order_id"] is not None else None

    return await until(child)


async def test_a_stop_order_is_answered_with_its_id_and_shown_as_active(resting: TInvestSimulator) -> None:
    key = str(uuid4())
    answer = json.loads((await post_stop(resting, orderId=key)).body)
    assert answer.keys() == {"stopOrderId", "orderRequestId", "responseMetadata"}
    assert answer["orderRequestId"] == key
    (shown,) = await stop_orders(resting)
    assert shown["stopOrderId"] == answer["stopOrderId"]
    assert shown["status"] == "STOP_ORDER_STATUS_ACTIVE"
    assert shown["orderType"] == "STOP_ORDER_TYPE_STOP_LOSS"
    assert shown["stopPrice"] == {"currency": "rub", "units": "290", "nano": 0}
    assert "exchangeOrderId" not in shown
    assert resting.orders() == []


async def test_a_repeated_key_is_the_same_stop_order(resting: TInvestSimulator) -> None:
    key = str(uuid4())
    first, second = [await place_stop(resting, orderId=key, quantity=lots) for lots in ("2", "9")]
    assert first == second
    assert [entry["lots_requested"] for entry in resting.stop_orders()] == [2]
    resting.fault({"fault": "report_not_found"})
    assert code_of(await post_stop(resting, orderId=key)) == "30057"


async def test_a_price_that_reaches_it_makes_it_an_order_that_lives_on(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        stop_order_id = await place_stop(simulator)
        assert move_price(simulator, "290.01") == []
        assert move_price(simulator, "290") == [stop_order_id]
        messages = await read_until(connection, is_final)
    stops = [message["stopOrderState"] for message in messages if "stopOrderState" in message]
    assert [stop["status"] for stop in stops] == ["STOP_ORDER_STATUS_ACTIVE", "STOP_ORDER_STATUS_EXECUTED"]
    assert {stop["stopOrderId"] for stop in stops} == {stop_order_id}
    assert {(stop["direction"], stop["orderType"]) for stop in stops} == {("ORDER_DIRECTION_SELL", "ORDER_TYPE_MARKET")}
    kinds = [next(iter(message)) for message in messages if "ping" not in message]
    assert kinds.index("orderState") == 2  # the child comes after what it came from
    last = messages[-1]["orderState"]
    assert (last["executionReportStatus"], last["lotsExecuted"]) == ("EXECUTION_REPORT_STATUS_FILL", "2")
    (shown,) = await stop_orders(simulator, status="STOP_ORDER_STATUS_EXECUTED")
    assert shown["exchangeOrderId"] == last["orderId"]
    assert shown["activationDateTime"]
    (entry,), (child,) = simulator.stop_orders(), simulator.orders()
    assert (entry["triggered"], entry["child_order_request_id"]) == (True, child["order_request_id"])
    assert (child["stop_order_id"], child["source"], child["order_id"]) == (stop_order_id, "STOP", last["orderId"])
    assert await stop_orders(simulator) == []


async def test_the_stream_of_a_stop_order_names_neither_its_key_nor_its_child(resting: TInvestSimulator) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        key = str(uuid4())
        stop_order_id = await place_stop(resting, orderId=key)
        move_price(resting, "280")
        messages = await read_until(connection, lambda message: "orderState" in message)
    child = await child_placed(resting, stop_order_id)
    for message in messages:
        if "stopOrderState" in message:
            assert message["stopOrderState"].keys() == {
                *("stopOrderId", "accountId", "createdAt", "direction", "price", "stopPrice", "orderType"),
                *("instrumentUid", "ticker", "classCode", "status"),
            }
            assert not {key, child["order_id"], child["order_request_id"]} & set(map(str, message.values()))


@pytest.mark.parametrize("outcome", ["reject", "fill", "cancel"])
async def test_a_child_ends_in_its_own_way(simulator: TInvestSimulator, outcome: str) -> None:
    changes = {"stopOrderType": "STOP_ORDER_TYPE_STOP_LIMIT", "price": {"units": "289", "nano": 0}}
    async with stream(simulator) as connection:
        await subscribed(connection)
        await place_stop(simulator, **changes)
        simulator.fault({"fault": outcome})
        move_price(simulator, "1")
        await read_until(connection, is_final)
    (stop,), (child,) = simulator.stop_orders(), simulator.orders()
    ends = {"reject": "REJECTED", "fill": "FILL", "cancel": "CANCELLED"}
    assert child["status"] == f"EXECUTION_REPORT_STATUS_{ends[outcome]}"
    assert (child["order_type"], child["price"]) == ("LIMIT", "289")
    assert stop["status"] == "STOP_ORDER_STATUS_EXECUTED"
    assert (stop["exchange_order_id"] is None) == (outcome == "reject")


@pytest.mark.parametrize(
    ("changes", "order_type", "price"),
    [
        ({}, "MARKET", None),
        ({"price": {"units": "0", "nano": 0}}, "MARKET", None),
        ({"price": {"units": "299", "nano": 500_000_000}}, "LIMIT", "299.5"),
        (
            {"price": {"units": "299", "nano": 0}, "exchangeOrderType": "EXCHANGE_ORDER_TYPE_LIMIT"},
            "LIMIT",
            "299",
        ),
        ({"exchangeOrderType": "EXCHANGE_ORDER_TYPE_MARKET"}, "MARKET", None),
    ],
)
async def test_a_take_profit_becomes_what_was_asked_for(
    resting: TInvestSimulator, changes: dict[str, Any], order_type: str, price: str | None
) -> None:
    stop_order_id = await place_stop(
        resting, stopOrderType="STOP_ORDER_TYPE_TAKE_PROFIT", stopPrice={"units": "300", "nano": 0}, **changes
    )
    move_price(resting, "300")
    child = await child_placed(resting, stop_order_id)
    assert (child["order_type"], child["price"], child["lots_requested"]) == (order_type, price, 2)


async def test_a_trailing_take_profit_follows_the_price_and_sells_when_it_comes_back(
    resting: TInvestSimulator,
) -> None:
    trailing = {
        "indent": {"units": "2", "nano": 0},
        "indentType": "TRAILING_VALUE_ABSOLUTE",
        "spread": {"units": "1", "nano": 0},
        "spreadType": "TRAILING_VALUE_RELATIVE",
    }
    stop_order_id = await place_stop(
        resting,
        stopOrderType="STOP_ORDER_TYPE_TAKE_PROFIT",
        takeProfitType="TAKE_PROFIT_TYPE_TRAILING",
        stopPrice={"units": "310", "nano": 0},
        trailingData=trailing,
    )
    assert move_price(resting, "309") == move_price(resting, "306") == []
    (shown,) = await stop_orders(resting)
    assert shown["trailingData"]["status"] == "TRAILING_STOP_ACTIVE"
    for price in ("310", "320", "318.01"):
        assert move_price(resting, price) == []
    (shown,) = await stop_orders(resting)
    assert shown["trailingData"]["status"] == "TRAILING_STOP_ACTIVATED"
    assert shown["trailingData"]["extr"] == {"units": "320", "nano": 0}
    assert move_price(resting, "318") == [stop_order_id]
    child = await child_placed(resting, stop_order_id)
    assert (child["order_type"], child["price"]) == ("LIMIT", "314.82")


async def test_an_instant_stop_order_whose_price_is_reached_goes_at_once(resting: TInvestSimulator) -> None:
    move_price(resting, "280")
    waiting = await place_stop(resting)
    gone = await place_stop(resting, instantExecution=True)
    assert [shown["stopOrderId"] for shown in await stop_orders(resting)] == [waiting]
    assert (await child_placed(resting, gone))["order_type"] == "MARKET"


async def test_a_stop_order_expires_at_its_time(resting: TInvestSimulator) -> None:
    expire = values.timestamp(time.time_ns() + 300_000_000)
    changes = {"expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE", "expireDate": expire}
    async with stream(resting) as connection:
        await subscribed(connection)
        stop_order_id = await place_stop(resting, **changes)
        messages = await read_until(
            connection,
            lambda message: message.get("stopOrderState", {}).get("status") == "STOP_ORDER_STATUS_EXPIRED",
        )
    assert messages[-1]["stopOrderState"]["stopOrderId"] == stop_order_id
    (shown,) = await stop_orders(resting, status="STOP_ORDER_STATUS_EXPIRED")
    assert shown["expirationTime"] == expire
    assert move_price(resting, "1") == []


async def test_a_cancelled_stop_order_never_triggers(resting: TInvestSimulator) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        stop_order_id = await place_stop(resting)
        answer = await cancel_stop(resting, stop_order_id)
        assert (answer.status, list(json.loads(answer.body))) == (200, ["time"])
        messages = await read_until(
            connection,
            lambda message: message.get("stopOrderState", {}).get("status") == "STOP_ORDER_STATUS_CANCELED",
        )
    assert messages[-1]["stopOrderState"]["stopOrderId"] == stop_order_id
    assert move_price(resting, "1") == []
    again = await cancel_stop(resting, stop_order_id)
    assert (again.status, code_of(again)) == (400, "30060")
    (entry,) = resting.stop_orders()
    assert [one["code"] for one in entry["cancel_requests"]] == [None, "30060"]


async def test_a_stop_order_that_is_not_there_is_not_found(resting: TInvestSimulator) -> None:
    answer = await cancel_stop(resting, str(uuid4()))
    assert (answer.status, code_of(answer)) == (404, "50006")


async def test_get_stop_orders_chooses_by_status_and_time(resting: TInvestSimulator) -> None:
    ids = [await place_stop(resting) for _ in range(3)]
    await cancel_stop(resting, ids[0])
    account = resting.accounts[0]
    resting.desk.stop_order({"action": "expire", "account": account, "stop_order_id": ids[1]})

    async def shown(**filters: Any) -> list[str]:
        return [stop["stopOrderId"] for stop in await stop_orders(resting, **filters)]

    assert await shown() == await shown(status="STOP_ORDER_STATUS_ACTIVE") == [ids[2]]
    assert await shown(status="STOP_ORDER_STATUS_CANCELED") == [ids[0]]
    assert await shown(status=5) == [ids[1]]
    assert await shown(status="STOP_ORDER_STATUS_ALL") == ids
    assert await shown(status="STOP_ORDER_STATUS_ALL", **{"from": "2100-01-01T00:00:00Z"}) == []
    assert await shown(status="STOP_ORDER_STATUS_ALL", to="2020-01-01T00:00:00Z") == []
    for filters, code in (({"status": "DONE"}, "30106"), ({"from": "today"}, "30009"), ({"to": "today"}, "30010")):
        answer = await call(resting, "StopOrdersService/GetStopOrders", {"accountId": account} | filters)
        assert code_of(answer) == code


TAKE_PROFIT = {"stopOrderType": "STOP_ORDER_TYPE_TAKE_PROFIT"}
TRAILING = TAKE_PROFIT | {"takeProfitType": "TAKE_PROFIT_TYPE_TRAILING"}
UNTIL = {"expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"accountId": ""}, "30021"),
        ({"accountId": "nobody"}, "50004"),
        ({"instrumentId": ""}, "30093"),
        ({"instrumentId": "NONE"}, "50002"),
        ({"quantity": "0"}, "30015"),
        ({"direction": None}, "30019"),
        ({"direction": "ORDER_DIRECTION_BUY"}, "30020"),
        ({"orderId": ""}, "30027"),
        ({"orderId": "mine"}, "30028"),
        ({"orderId": "x" * 37}, "30055"),
        ({"stopPrice": None}, "30036"),
        ({"stopPrice": {"units": "290", "nano": 1}}, "30078"),
        ({"stopPrice": {"units": "-1", "nano": 0}}, "30100"),
        ({"stopOrderType": None}, "30037"),
        ({"stopOrderType": "STOP_ORDER_TYPE_WISH"}, "30038"),
        ({"expirationType": None}, "30043"),
        ({"expirationType": 9}, "30044"),
        (UNTIL, "30040"),
        (UNTIL | {"expireDate": "soon"}, "30040"),
        (UNTIL | {"expireDate": "2020-01-01T00:00:00Z"}, "30063"),
        ({"stopOrderType": "STOP_ORDER_TYPE_STOP_LIMIT"}, "30017"),
        (TAKE_PROFIT | {"exchangeOrderType": "EXCHANGE_ORDER_TYPE_LIMIT"}, "30017"),
        ({"exchangeOrderType": "EXCHANGE_ORDER_TYPE_WISH"}, "30105"),
        ({"takeProfitType": "TAKE_PROFIT_TYPE_TRAILING"}, "30241"),
        (TRAILING, "30210"),
        (TRAILING | {"trailingData": {"indent": {"units": "1"}}}, "30211"),
        (TRAILING | {"trailingData": {"indentType": 1}}, "30039"),
        (TRAILING | {"trailingData": {"indentType": 1, "indent": {"units": "1"}, "spread": {"nano": 5}}}, "30212"),
        ({"priceType": "PRICE_TYPE_POINT"}, "30085"),
    ],
)
async def test_what_the_venue_would_refuse_is_refused_and_leaves_no_stop_order(
    resting: TInvestSimulator, changes: dict[str, Any], code: str
) -> None:
    assert code_of(await post_stop(resting, **changes)) == code
    assert resting.stop_orders() == []


async def test_an_ignored_stop_order_is_answered_and_never_heard_of_again(resting: TInvestSimulator) -> None:
    resting.fault({"fault": "ignore", "method": "PostStopOrder"})
    stop_order_id = await place_stop(resting)
    assert await stop_orders(resting, status="STOP_ORDER_STATUS_ALL") == []
    assert code_of(await cancel_stop(resting, stop_order_id)) == "50006"
    assert move_price(resting, "1") == []
    (entry,) = resting.stop_orders()
    assert (entry["told"], entry["final"]) == (False, False)


async def test_a_stop_orders_request_is_what_the_simulator_takes(resting: TInvestSimulator) -> None:
    body = a_stop_order(resting, accountId=resting.accounts[2])
    assert (await call(resting, "StopOrdersService/PostStopOrder", body)).status == 200
    assert await stop_orders(resting) == []
    assert [entry["account"] for entry in resting.stop_orders()] == [resting.accounts[2]]
