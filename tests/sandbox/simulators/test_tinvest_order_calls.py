"""Replace, cancel, repeat and ask: the unary calls on orders beyond placing one."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from producers.rest import RestAnswer
from sandbox.simulators.tinvest import TInvestSimulator
from tests.sandbox.simulators.tinvest_client import (
    call,
    code_of,
    is_final,
    place,
    post,
    read_until,
    stream,
    subscribed,
    until,
)


async def replace(simulator: TInvestSimulator, order_id: str, **changes: Any) -> RestAnswer:
    body = {
        "accountId": simulator.accounts[0],
        "orderId": order_id,
        "idempotencyKey": str(uuid4()),
        "quantity": "3",
        "price": {"units": "299", "nano": 0},
    }
    return await call(simulator, "OrdersService/ReplaceOrder", body | changes)


async def cancel(simulator: TInvestSimulator, order_id: str, **changes: Any) -> RestAnswer:
    body = {"accountId": simulator.accounts[0], "orderId": order_id}
    return await call(simulator, "OrdersService/CancelOrder", body | changes)


def entry_of(simulator: TInvestSimulator, request_id: str) -> dict[str, Any]:
    (entry,) = [entry for entry in simulator.orders() if entry["order_request_id"] == request_id]
    return entry


def part_fill(simulator: TInvestSimulator, request_id: str, lots: int = 2) -> None:
    wish = {"action": "fill", "account": simulator.accounts[0], "order_request_id": request_id, "lots": lots}
    simulator.desk.order(wish)


@pytest.mark.parametrize(("name", "id_type"), [("orderId", 1), ("orderRequestId", "ORDER_ID_TYPE_REQUEST")])
async def test_a_replace_ends_one_order_and_begins_another_under_the_new_key(
    resting: TInvestSimulator, name: str, id_type: object
) -> None:
    old = await place(resting)
    key = str(uuid4())
    answer = await replace(resting, old[name], orderIdType=id_type, idempotencyKey=key)
    new = json.loads(answer.body)
    assert (answer.status, new["orderRequestId"], new["lotsRequested"]) == (200, key, "3")
    assert new["orderId"] not in (old["orderId"], key)
    before, after = entry_of(resting, old["orderRequestId"]), entry_of(resting, key)
    assert (before["status"], before["replaced_by"]) == ("EXECUTION_REPORT_STATUS_CANCELLED", key)
    assert (after["status"], after["replaces"]) == ("EXECUTION_REPORT_STATUS_NEW", old["orderRequestId"])
    assert (after["side"], after["price"], before["price"]) == (before["side"], "299", "300.5")
    assert [(one["kind"], one["code"], one["done"]) for one in before["cancel_requests"]] == [("REPLACE", None, True)]


async def test_the_stream_tells_both_lives_of_a_replace_and_no_link(resting: TInvestSimulator) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        old = await place(resting)
        key = str(uuid4())
        await replace(resting, old["orderId"], idempotencyKey=key)
        messages = await read_until(
            connection,
            lambda message: (state := message.get("orderState", {})).get("orderRequestId") == key != state["orderId"],
        )
    states = [message["orderState"] for message in messages if "orderState" in message]
    old_states = [state for state in states if state["orderRequestId"] == old["orderRequestId"]]
    assert old_states[-1]["executionReportStatus"] == "EXECUTION_REPORT_STATUS_CANCELLED"
    assert all(key not in json.dumps(state) for state in old_states)
    assert all(old["orderId"] not in json.dumps(state) for state in states if state not in old_states)


async def test_a_replace_of_a_part_filled_order_is_hidden_on_the_stream(resting: TInvestSimulator) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        old = await place(resting)
        part_fill(resting, old["orderRequestId"])
        await replace(resting, old["orderId"])
        last = (await read_until(connection, is_final))[-1]["orderState"]
    assert last["orderRequestId"] == old["orderRequestId"]
    assert last["executionReportStatus"] == "EXECUTION_REPORT_STATUS_PARTIALLYFILL"
    assert (last["lotsExecuted"], last["lotsCancelled"]) == ("2", "3")


async def test_a_repeated_replace_answers_with_its_first_order(resting: TInvestSimulator) -> None:
    old = await place(resting)
    key = str(uuid4())
    first, second = [await replace(resting, old["orderId"], idempotencyKey=key) for _ in range(2)]
    assert json.loads(first.body)["orderId"] == json.loads(second.body)["orderId"]
    assert len(resting.orders()) == 2


async def test_replaces_make_a_chain(resting: TInvestSimulator) -> None:
    order = await place(resting)
    keys = [order["orderRequestId"]]
    for lots in ("1", "2"):
        order = json.loads((await replace(resting, order["orderId"], quantity=lots)).body)
        keys.append(order["orderRequestId"])
    links = [(entry["replaces"], entry["replaced_by"]) for entry in (entry_of(resting, key) for key in keys)]
    assert links == [(None, keys[1]), (keys[0], keys[2]), (keys[1], None)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"orderId": "1"}, "50005"),
        ({"orderId": ""}, "30027"),
        ({"accountId": "nobody"}, "50004"),
        ({"idempotencyKey": ""}, "30029"),
        ({"idempotencyKey": "x" * 37}, "30030"),
        ({"quantity": "0"}, "30015"),
        ({"quantity": "-1"}, "30080"),
        ({"price": None}, "30017"),
        ({"price": {"units": "300", "nano": 1}}, "30078"),
        ({"priceType": "PRICE_TYPE_POINT"}, "30085"),
        ({"priceType": "PRICE_TYPE_WISH"}, "30104"),
        ({"quantity": "100000"}, "90003"),
    ],
)
async def test_a_replace_that_is_refused_leaves_the_order_alone(
    resting: TInvestSimulator, changes: dict[str, Any], code: str
) -> None:
    order = await place(resting)
    assert code_of(await replace(resting, order["orderId"], **changes)) == code
    (entry,) = resting.orders()
    assert (entry["final"], entry["replaced_by"], entry["cancel_requests"]) == (False, None, [])


async def test_a_cancel_and_a_replace_of_what_is_over_are_too_late(simulator: TInvestSimulator) -> None:
    order = await place(simulator, orderType="ORDER_TYPE_MARKET", price=None)
    for answer in (await cancel(simulator, order["orderId"]), await replace(simulator, order["orderId"])):
        assert (answer.status, code_of(answer)) == (400, "30059")
    (entry,) = simulator.orders()
    assert [(one["kind"], one["code"]) for one in entry["cancel_requests"]] == [
        ("CANCEL", "30059"),
        ("REPLACE", "30059"),
    ]


async def test_a_fill_may_come_before_a_cancel_that_is_on_its_way(resting: TInvestSimulator) -> None:
    order = await place(resting)
    resting.fault({"fault": "delay", "side": "rest", "method": "CancelOrder", "when": "before", "seconds": 0.3})
    cancelling = asyncio.create_task(cancel(resting, order["orderId"]))
    await until(lambda: not resting.stats()["pending_faults"])
    part_fill(resting, order["orderRequestId"], 5)
    assert code_of(await cancelling) == "30059"
    assert entry_of(resting, order["orderRequestId"])["status"] == "EXECUTION_REPORT_STATUS_FILL"


async def test_what_another_account_has_is_not_found(resting: TInvestSimulator) -> None:
    order = await place(resting)
    assert code_of(await cancel(resting, order["orderId"], accountId=resting.accounts[1])) == "50005"


async def test_a_key_is_one_order_for_both_calls_and_each_account_has_its_own(resting: TInvestSimulator) -> None:
    key = str(uuid4())
    first = await place(resting, orderId=key)
    again = json.loads((await post(resting, "PostOrderAsync", orderId=key)).body)
    assert (again["orderRequestId"], len(resting.orders())) == (key, 1)
    other = await place(resting, orderId=key, accountId=resting.accounts[1])
    assert other["orderId"] != first["orderId"]
    assert len(resting.orders()) == 2


async def test_on_request_a_repeated_key_is_a_duplicate_without_a_report(resting: TInvestSimulator) -> None:
    key = str(uuid4())
    resting.fault({"fault": "report_not_found"})
    assert (await post(resting, orderId=key)).status == 200
    assert code_of(await post(resting, orderId=key)) == "30057"
    assert (await post(resting, orderId=key)).status == 200
    assert len(resting.orders()) == 1


async def test_requests_may_use_the_names_of_the_proto_and_the_numbers_of_enums(resting: TInvestSimulator) -> None:
    body = {
        "instrument_id": "SBER_TQBR",
        "quantity": 1,
        "price": {"units": 300},
        "direction": 1,
        "account_id": resting.accounts[0],
        "order_type": 1,
        "order_id": str(uuid4()),
    }
    answer = json.loads((await call(resting, "OrdersService/PostOrder", body)).body)
    assert (answer["direction"], answer["orderType"]) == ("ORDER_DIRECTION_BUY", "ORDER_TYPE_LIMIT")


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"timeInForce": "TIME_IN_FORCE_EVER"}, "30254"), ({"priceType": 1}, "30085"), ({"priceType": 7}, "30104")],
)
async def test_what_was_not_checked_before_is_refused_too(
    resting: TInvestSimulator, changes: dict[str, Any], code: str
) -> None:
    assert code_of(await post(resting, **changes)) == code


async def test_a_period_that_ends_before_it_begins_is_refused(resting: TInvestSimulator) -> None:
    filters = {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    body = {"accountId": resting.accounts[0], "advancedFilters": filters}
    assert code_of(await call(resting, "OrdersService/GetOrders", body)) == "30012"


async def test_get_accounts_shows_those_of_the_status_asked_for(resting: TInvestSimulator) -> None:
    for status, count in (("ACCOUNT_STATUS_OPEN", 3), ("ACCOUNT_STATUS_CLOSED", 0), ("ACCOUNT_STATUS_ALL", 3)):
        answer = await call(resting, "UsersService/GetAccounts", {"status": status})
        assert len(json.loads(answer.body)["accounts"]) == count


async def test_max_lots_follow_from_the_price_and_from_what_the_account_owns(simulator: TInvestSimulator) -> None:
    wish = {"accountId": simulator.accounts[0], "instrumentId": "BBG004730N88", "price": {"units": "100", "nano": 0}}

    async def ask() -> dict[str, Any]:
        return json.loads((await call(simulator, "OrdersService/GetMaxLots", wish)).body)

    before = await ask()
    assert before["currency"] == "rub"
    assert before["buyLimits"]["buyMoneyAmount"] == {"units": "10000000", "nano": 0}
    assert before["buyLimits"]["buyMaxLots"] == "10000"  # a lot is 10 pieces
    assert before["buyMarginLimits"]["buyMaxLots"] == "20000"
    assert before["sellLimits"] == {"sellMaxLots": "0"}
    await place(simulator, orderType="ORDER_TYPE_MARKET", price=None)
    assert (await ask())["sellLimits"] == {"sellMaxLots": "5"}


@pytest.mark.parametrize(("direction", "total"), [("BUY", "15032"), ("SELL", "15017")])
async def test_an_orders_price_is_its_cost_with_the_commission(
    simulator: TInvestSimulator, direction: str, total: str
) -> None:
    body = {
        "accountId": simulator.accounts[0],
        "instrumentId": "BBG004730N88",
        "price": {"units": "300", "nano": 500_000_000},
        "direction": f"ORDER_DIRECTION_{direction}",
        "quantity": "5",
    }
    answer = json.loads((await call(simulator, "OrdersService/GetOrderPrice", body)).body)
    assert answer["initialOrderAmount"] == {"currency": "rub", "units": "15025", "nano": 0}
    assert answer["executedCommission"] == {"currency": "rub", "units": "7", "nano": 512_500_000}
    assert (answer["totalOrderAmount"]["units"], answer["lotsRequested"]) == (total, "5")
    assert code_of(await call(simulator, "OrdersService/GetOrderPrice", body | {"price": None})) == "30017"
