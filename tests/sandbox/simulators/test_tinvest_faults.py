"""What can go wrong with a call, and in which forms the venue says so."""

import json
from typing import Any

import httpx
import pytest

from producers.rest import OutcomeUnknown
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.faults import FaultError, read_fault
from tests.sandbox.simulators.tinvest_client import (
    call,
    code_of,
    is_final,
    place,
    post,
    post_stop,
    read_until,
    stop_orders,
    stream,
    subscribed,
    until,
)

NOT_FOUND = b'{"code": 5, "message": "Order not found", "description": "50005"}'


async def cancel_nothing(simulator: TInvestSimulator) -> Any:
    return await call(simulator, "OrdersService/CancelOrder", {"accountId": simulator.accounts[0], "orderId": "1"})


@pytest.mark.parametrize(
    ("shape", "body", "content_type"),
    [
        ("text", NOT_FOUND, "application/json"),
        ("number", NOT_FOUND.replace(b'"50005"', b"50005"), "application/json"),
        ("code_only", b'{"code": "50005", "message": "Order not found"}', "application/json"),
        ("status", b'{"code": 5, "message": "Order not found", "details": []}', "application/json"),
        ("broken", NOT_FOUND[: len(NOT_FOUND) // 2], "application/json"),
        ("html", b"<html><body><h1>404</h1></body></html>", "text/html"),
        ("empty", b"", "text/plain"),
    ],
)
async def test_an_errors_body_comes_in_every_form(
    resting: TInvestSimulator, shape: str, body: bytes, content_type: str
) -> None:
    resting.fault({"fault": "error_body", "shape": shape})
    answer = await cancel_nothing(resting)
    assert (answer.status, answer.body) == (404, body)
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.headers["message"] == "Order not found"
    assert answer.headers["x-tracking-id"]
    assert (await cancel_nothing(resting)).body == NOT_FOUND


@pytest.mark.parametrize(
    ("code", "status", "grpc_status"),
    [
        ("12001", 501, 12),
        ("12002", 503, 14),
        ("30042", 400, 3),
        ("40002", 403, 7),
        ("40003", 401, 16),
        ("50005", 404, 5),
        ("70001", 500, 13),
        ("80002", 429, 8),
        ("90003", 400, 9),
    ],
)
async def test_fault_refuse_answers_with_any_of_the_venues_codes_and_does_nothing(
    resting: TInvestSimulator, code: str, status: int, grpc_status: int
) -> None:
    resting.fault({"fault": "refuse", "code": code, "method": "PostOrder", "shape": "number"})
    answer = await post(resting)
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["description"]) == (status, grpc_status, int(code))
    assert body["message"]
    assert resting.orders() == []


async def test_a_fault_of_a_method_waits_for_a_call_of_it(resting: TInvestSimulator) -> None:
    resting.fault({"fault": "refuse", "code": "70001", "method": "CancelOrder", "message": "Out of order"})
    order = await place(resting)
    wish = {"accountId": resting.accounts[0], "orderId": order["orderId"]}
    refused = await call(resting, "OrdersService/CancelOrder", wish)
    assert json.loads(refused.body)["message"] == "Out of order"
    assert (await call(resting, "OrdersService/CancelOrder", wish)).status == 200


async def test_an_answer_may_have_headers(resting: TInvestSimulator) -> None:
    headers = {"x-ratelimit-reset": "7"}
    resting.fault({"fault": "answer", "status": 429, "headers": headers, "method": "GetAccounts"})
    answer = await call(resting, "UsersService/GetAccounts", {})
    assert (answer.status, answer.body, answer.headers["x-ratelimit-reset"]) == (429, b"", "7")


@pytest.mark.parametrize(("fault", "outcome"), [("drop_reply", "dropped"), ("cut_reply", "cut")])
async def test_a_cancel_may_be_done_and_never_answered(resting: TInvestSimulator, fault: str, outcome: str) -> None:
    order = await place(resting)
    resting.fault({"fault": fault, "method": "CancelOrder"})
    wish = {"accountId": resting.accounts[0], "orderId": order["orderId"]}
    with pytest.raises(OutcomeUnknown):
        await call(resting, "OrdersService/CancelOrder", wish, timeout_s=2)
    assert resting.orders()[0]["status"] == "EXECUTION_REPORT_STATUS_CANCELLED"
    await until(lambda: resting.calls()[-1]["outcome"])
    last = resting.calls()[-1]
    assert (last["method"], last["id"], last["outcome"]) == ("CancelOrder", order["orderId"], outcome)


async def test_without_a_method_an_unanswered_call_is_that_of_the_next_new_order(resting: TInvestSimulator) -> None:
    resting.fault({"fault": "drop_reply"})
    assert (await call(resting, "UsersService/GetAccounts", {})).status == 200
    with pytest.raises(OutcomeUnknown):
        await call(
            resting,
            "StopOrdersService/PostStopOrder",
            {
                "instrumentId": "SBER_TQBR",
                "quantity": "1",
                "stopPrice": {"units": "290"},
                "direction": 2,
                "accountId": resting.accounts[0],
                "expirationType": 1,
                "stopOrderType": 2,
                "orderId": "5b2ff9a4-6e5c-4d4e-8a6d-6a36d5a1f001",
            },
            timeout_s=2,
        )
    assert len(await stop_orders(resting)) == 1


async def test_an_ignored_cancel_is_answered_and_nothing_comes_of_it(resting: TInvestSimulator) -> None:
    order = await place(resting)
    resting.fault({"fault": "ignore", "method": "CancelOrder"})
    wish = {"accountId": resting.accounts[0], "orderId": order["orderId"]}
    assert (await call(resting, "OrdersService/CancelOrder", wish)).status == 200
    (entry,) = resting.orders()
    assert not entry["final"]
    assert [(one["kind"], one["code"], one["done"]) for one in entry["cancel_requests"]] == [("CANCEL", None, False)]


async def test_an_ignored_cancel_of_a_stop_order_leaves_it_to_its_price(resting: TInvestSimulator) -> None:
    await post_stop(resting)
    (stop,) = await stop_orders(resting)
    resting.fault({"fault": "ignore", "method": "CancelStopOrder"})
    wish = {"accountId": resting.accounts[0], "stopOrderId": stop["stopOrderId"]}
    assert (await call(resting, "StopOrdersService/CancelStopOrder", wish)).status == 200
    assert [one["done"] for one in resting.stop_orders()[0]["cancel_requests"]] == [False]
    assert resting.desk.set_price({"instrument": "SBER_TQBR", "price": "1"}) == [stop["stopOrderId"]]


async def test_an_ignored_replace_leaves_the_first_order_and_forgets_the_second(resting: TInvestSimulator) -> None:
    order = await place(resting)
    resting.fault({"fault": "ignore", "method": "ReplaceOrder"})
    wish = {
        "accountId": resting.accounts[0],
        "orderId": order["orderId"],
        "idempotencyKey": "5b2ff9a4-6e5c-4d4e-8a6d-6a36d5a1f002",
        "quantity": "1",
        "price": {"units": "300"},
    }
    assert (await call(resting, "OrdersService/ReplaceOrder", wish)).status == 200
    old, new = resting.orders()
    assert (old["final"], new["told"], new["final"]) == (False, False, False)
    assert (old["replaced_by"], new["replaces"]) == (None, old["order_request_id"])
    assert [one["done"] for one in old["cancel_requests"]] == [False]


async def test_a_half_replace_cancels_and_places_nothing(resting: TInvestSimulator) -> None:
    order = await place(resting)
    resting.fault({"fault": "half_replace"})
    wish = {
        "accountId": resting.accounts[0],
        "orderId": order["orderId"],
        "idempotencyKey": "5b2ff9a4-6e5c-4d4e-8a6d-6a36d5a1f003",
        "quantity": "1",
        "price": {"units": "300"},
    }
    assert code_of(await call(resting, "OrdersService/ReplaceOrder", wish)) == "30049"
    (entry,) = resting.orders()
    assert (entry["status"], entry["replaced_by"]) == ("EXECUTION_REPORT_STATUS_CANCELLED", None)


async def test_a_lost_message_never_comes_but_the_ledger_has_it(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "lose"})
        await place(simulator)
        messages = await read_until(connection, is_final)
    states = [message["orderState"] for message in messages if "orderState" in message]
    assert all(state["orderId"] != state["orderRequestId"] for state in states)  # the first was lost
    assert simulator.orders()[0]["told"]


async def test_stop_orders_messages_are_duplicated_and_lost_too(resting: TInvestSimulator) -> None:
    async with stream(resting) as connection:
        await subscribed(connection)
        resting.fault({"fault": "lose"})
        await post_stop(resting)
        resting.fault({"fault": "duplicate"})
        await post_stop(resting)
        first, second = await connection.recv(), await connection.recv()
    assert first == second
    assert json.loads(first)["stopOrderState"]["stopOrderId"] == resting.stop_orders()[1]["stop_order_id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "drop_reply", "method": "PostWish"},
        {"fault": "refuse", "code": "5"},
        {"fault": "error_body", "shape": "round"},
        {"fault": "delay", "side": "stream", "seconds": 1, "method": "PostOrder"},
        {"fault": "delay", "side": "stream", "seconds": 1, "when": "before"},
        {"fault": "lose", "method": "PostOrder"},
        {"fault": "half_replace", "count": 0},
    ],
)
def test_a_fault_with_what_it_does_not_have_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(FaultError):
        read_fault(wrong)


async def test_a_body_that_is_no_object_is_refused_without_a_code(resting: TInvestSimulator) -> None:
    url = f"{resting.rest_url}/tinkoff.public.invest.api.contract.v1.OrdersService/PostOrder"
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {resting.token}"}) as client:
        for body in (b"[]", b"{", b"\xff", b"7"):
            answer = await client.post(url, content=body)
            assert (answer.status_code, answer.json()["code"], answer.json()["description"]) == (400, 3, "")
