"""The simulated venue on real sockets, as a client of the real one would meet it."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme
from websockets.exceptions import ConnectionClosed, InvalidStatus

from producers.rest import OutcomeUnknown, RestClient
from sandbox.simulators.tinvest import TInvestSimulator
from tests.sandbox.simulators.tinvest_client import (
    CONTRACT,
    an_order,
    call,
    is_final,
    post,
    read_until,
    stream,
    subscribed,
)


async def test_a_subscription_is_confirmed_with_its_accounts_and_then_pinged(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        assert connection.subprotocol == "json"
        answer = await subscribed(connection)
        assert answer["status"] == "RESULT_SUBSCRIPTION_STATUS_OK"
        assert answer["accounts"] == simulator.accounts
        ping = json.loads(await connection.recv())["ping"]
        assert ping["streamId"] == answer["streamId"]


async def test_an_orders_life_is_told_with_all_its_trades(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        answer = json.loads((await post(simulator)).body)
        messages = await read_until(connection, is_final)
    states = [message["orderState"] for message in messages if "orderState" in message]
    assert states[0]["orderId"] == states[0]["orderRequestId"] == answer["orderRequestId"]
    assert {state["orderId"] for state in states[1:]} == {answer["orderId"]}
    (entry,) = simulator.orders()
    assert [trade["tradeId"] for trade in states[-1]["trades"]] == [trade["trade_id"] for trade in entry["trades"]]
    assert states[-1]["executionReportStatus"] == "EXECUTION_REPORT_STATUS_FILL" == entry["status"]
    assert sum(int(trade["quantity"]) for trade in states[-1]["trades"]) == 5 * entry["lot_size"]


async def test_a_stream_hears_only_its_own_accounts_and_nothing_of_before(simulator: TInvestSimulator) -> None:
    await post(simulator)
    async with stream(simulator, {"accounts": simulator.accounts[1:2], "pingDelayMillis": 1000}) as connection:
        await subscribed(connection)
        await post(simulator)
        await post(simulator, accountId=simulator.accounts[1])
        messages = await read_until(connection, is_final)
    states = [message["orderState"] for message in messages if "orderState" in message]
    assert {state["accountId"] for state in states} == {simulator.accounts[1]}


async def test_an_unknown_account_is_an_error_of_the_subscription(simulator: TInvestSimulator) -> None:
    async with stream(simulator, {"accounts": ["nobody"]}) as connection:
        answer = await subscribed(connection)
        assert answer["status"] == "RESULT_SUBSCRIPTION_STATUS_ERROR"
        assert answer["error"] == {"code": "50004", "message": "Account not found"}
        with pytest.raises(ConnectionClosed):
            await connection.recv()


@pytest.mark.parametrize("request_text", ["", "[]", "{", '{"pingDelayMillis": 10}', '{"pingDelayMillis": "often"}'])
async def test_a_request_that_is_none_is_closed_with_4003(simulator: TInvestSimulator, request_text: str) -> None:
    async with stream(simulator, request_text) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4003


async def test_a_wrong_token_is_closed_with_4016_and_a_missing_one_refused_at_the_hand_shake(
    simulator: TInvestSimulator,
) -> None:
    async with stream(simulator, additional_headers={"Authorization": "Bearer wrong"}) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4016
    with pytest.raises(InvalidStatus) as refused:
        async with stream(simulator, additional_headers={}):
            pass
    assert refused.value.response.status_code == 401


async def test_a_browser_may_send_the_token_as_a_sub_protocol(simulator: TInvestSimulator) -> None:
    async with stream(simulator, additional_headers={}, subprotocols=["json", simulator.token]) as connection:
        assert (await subscribed(connection))["status"] == "RESULT_SUBSCRIPTION_STATUS_OK"


async def test_rest_refuses_a_wrong_token_as_the_venue_does(simulator: TInvestSimulator) -> None:
    answer = await call(simulator, "UsersService/GetAccounts", {}, token="wrong")
    assert answer.status == 401
    expected = {"code": 16, "message": "authentication token is missing or invalid", "description": "40003"}
    assert json.loads(answer.body) == expected
    assert answer.headers["x-tracking-id"]


async def test_the_accounts_are_those_it_was_started_with() -> None:
    async with TInvestSimulator(accounts=["A", "B"]) as simulator:
        answer = await call(simulator, "UsersService/GetAccounts", {})
    assert [account["id"] for account in json.loads(answer.body)["accounts"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"accountId": ""}, 400, "30021"),
        ({"accountId": "nobody"}, 404, "50004"),
        ({"instrumentId": ""}, 400, "30093"),
        ({"instrumentId": "NONE"}, 404, "50002"),
        ({"quantity": "0"}, 400, "30015"),
        ({"quantity": "five"}, 400, "30016"),
        ({"quantity": "-1"}, 400, "30080"),
        ({"price": None}, 400, "30017"),
        ({"price": {"units": "1", "nano": -1}}, 400, "30018"),
        ({"price": {"units": "0", "nano": 0}}, 400, "30100"),
        ({"price": {"units": "300", "nano": 1}}, 400, "30078"),
        ({"direction": None}, 400, "30019"),
        ({"direction": "UP"}, 400, "30020"),
        ({"orderType": None}, 400, "30025"),
        ({"orderType": "ORDER_TYPE_WISH"}, 400, "30026"),
        ({"orderId": "x" * 37}, 400, "30055"),
        ({"quantity": "100000"}, 400, "90003"),
    ],
)
async def test_what_the_venue_would_refuse_is_refused_and_leaves_no_order(
    simulator: TInvestSimulator, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await post(simulator, **changes)
    assert (answer.status, json.loads(answer.body)["description"]) == (status, code)
    assert simulator.orders() == []


async def test_only_the_asynchronous_call_insists_on_a_uuid(simulator: TInvestSimulator) -> None:
    for key, code in (("", "30027"), ("mine", "30028")):
        assert json.loads((await post(simulator, "PostOrderAsync", orderId=key)).body)["description"] == code
        replaced = json.loads((await post(simulator, orderId=key)).body)["orderRequestId"]
        assert len(replaced) == 36


async def test_the_asynchronous_answer_has_no_exchange_id(simulator: TInvestSimulator) -> None:
    body = json.loads((await post(simulator, "PostOrderAsync")).body)
    assert body.keys() == {"orderRequestId", "executionReportStatus", "tradeIntentId"}
    assert body["executionReportStatus"] == "EXECUTION_REPORT_STATUS_NEW"


async def test_a_market_order_is_answered_filled(simulator: TInvestSimulator) -> None:
    body = json.loads((await post(simulator, orderType="ORDER_TYPE_MARKET", price=None)).body)
    assert body["executionReportStatus"] == "EXECUTION_REPORT_STATUS_FILL"
    assert body["lotsExecuted"] == "5"


async def test_a_repeated_key_answers_with_the_first_order(simulator: TInvestSimulator) -> None:
    key = str(uuid4())
    first = json.loads((await post(simulator, orderId=key)).body)
    second = json.loads((await post(simulator, orderId=key, quantity="9")).body)
    assert (second["orderId"], second["lotsRequested"]) == (first["orderId"], "5")
    assert len(simulator.orders()) == 1


async def test_get_orders_shows_active_orders_and_with_filters_all_of_today(simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "rest"})
    resting = json.loads((await post(simulator)).body)["orderId"]
    filled = json.loads((await post(simulator, orderType="ORDER_TYPE_MARKET", price=None)).body)["orderId"]

    async def shown(filters: dict[str, Any] | None) -> list[str]:
        body = {"accountId": simulator.accounts[0]} | ({} if filters is None else {"advancedFilters": filters})
        answer = await call(simulator, "OrdersService/GetOrders", body)
        return [order["orderId"] for order in json.loads(answer.body)["orders"]]

    assert await shown(None) == [resting]
    assert await shown({}) == [resting, filled]
    assert await shown({"executionStatus": ["EXECUTION_REPORT_STATUS_FILL"]}) == [filled]
    assert await shown({"from": "2100-01-01T00:00:00Z"}) == []
    assert await shown({"to": "2020-01-01T00:00:00Z"}) == []


@pytest.mark.parametrize(
    ("filters", "code"),
    [({"executionStatus": ["DONE"]}, "30245"), ({"from": "today"}, "30009"), ({"to": "today"}, "30010")],
)
async def test_a_filter_that_is_none_is_refused(simulator: TInvestSimulator, filters: Any, code: str) -> None:
    body = {"accountId": simulator.accounts[0], "advancedFilters": filters}
    answer = await call(simulator, "OrdersService/GetOrders", body)
    assert (answer.status, json.loads(answer.body)["description"]) == (400, code)


async def test_an_order_is_found_and_cancelled_by_either_id(simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "rest", "count": 2})
    for id_type, name in (("ORDER_ID_TYPE_EXCHANGE", "orderId"), ("ORDER_ID_TYPE_REQUEST", "orderRequestId")):
        order = json.loads((await post(simulator)).body)
        wish = {"accountId": simulator.accounts[0], "orderId": order[name], "orderIdType": id_type}
        assert (await call(simulator, "OrdersService/CancelOrder", wish)).status == 200
        state = json.loads((await call(simulator, "OrdersService/GetOrderState", wish)).body)
        assert (state["orderId"], state["executionReportStatus"]) == (
            order["orderId"],
            "EXECUTION_REPORT_STATUS_CANCELLED",
        )
        again = await call(simulator, "OrdersService/CancelOrder", wish)
        assert (again.status, json.loads(again.body)["description"]) == (400, "30059")


async def test_an_order_that_is_not_there_is_not_found(simulator: TInvestSimulator) -> None:
    wish = {"accountId": simulator.accounts[0], "orderId": "1"}
    answer = await call(simulator, "OrdersService/GetOrderState", wish)
    assert (answer.status, json.loads(answer.body)["description"]) == (404, "50005")


async def test_fault_cut_drops_the_connection_without_a_close(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "cut"})
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is None


async def test_fault_close_sends_its_code(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "close", "code": 4008, "reason": "limit"})
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4008, "limit")


async def test_fault_silence_holds_everything_back_pings_too(simulator: TInvestSimulator) -> None:
    loop = asyncio.get_running_loop()
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "silence", "seconds": 1.5})
        begun = loop.time()
        await post(simulator)
        await connection.recv()
        assert loop.time() - begun > 1.4


async def test_fault_malformed_sends_what_is_no_json(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "malformed"})
        with pytest.raises(ValueError, match="Expecting"):
            json.loads(await connection.recv())


async def test_fault_duplicate_sends_a_message_twice(simulator: TInvestSimulator) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "duplicate"})
        await post(simulator)
        assert await connection.recv() == await connection.recv() != await connection.recv()


async def test_fault_delay_holds_one_side_back_and_keeps_its_order(simulator: TInvestSimulator) -> None:
    loop = asyncio.get_running_loop()
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": "delay", "side": "stream", "seconds": 0.5})
        begun = loop.time()
        await post(simulator)
        assert loop.time() - begun < 0.4
        first, second = json.loads(await connection.recv()), json.loads(await connection.recv())
        assert loop.time() - begun > 0.4
        assert first["orderState"]["orderId"] == first["orderState"]["orderRequestId"]
        assert second["orderState"]["orderId"] != second["orderState"]["orderRequestId"]
    simulator.fault({"fault": "delay", "side": "rest", "seconds": 0.5})
    begun = loop.time()
    await post(simulator)
    assert loop.time() - begun > 0.4


async def test_fault_drop_reply_takes_the_order_and_never_answers(simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "drop_reply"})
    with pytest.raises(OutcomeUnknown):
        await call(simulator, "OrdersService/PostOrder", an_order(simulator), timeout_s=2)
    (entry,) = simulator.orders()
    assert entry["told"]


async def test_fault_cut_reply_takes_the_order_and_cuts_the_call(simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "cut_reply"})
    with pytest.raises(OutcomeUnknown) as failed:
        await post(simulator)
    assert failed.value.code == "CUT"
    assert len(simulator.orders()) == 1


async def test_fault_ignore_accepts_the_order_and_forgets_it(simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "ignore"})
    answer = await post(simulator)
    assert answer.status == 200
    (entry,) = simulator.orders()
    assert (entry["told"], entry["final"]) == (False, False)
    body = {"accountId": simulator.accounts[0], "advancedFilters": {}}
    assert json.loads((await call(simulator, "OrdersService/GetOrders", body)).body) == {"orders": []}


@pytest.mark.parametrize(
    ("fault", "status"),
    [("hidden_cancel", "CANCELLED"), ("cancel", "CANCELLED"), ("reject", "REJECTED"), ("fill", "FILL")],
)
async def test_faults_can_decide_how_the_next_order_ends(simulator: TInvestSimulator, fault: str, status: str) -> None:
    async with stream(simulator) as connection:
        await subscribed(connection)
        simulator.fault({"fault": fault})
        await post(simulator)
        last = (await read_until(connection, is_final))[-1]["orderState"]
    (entry,) = simulator.orders()
    assert entry["status"] == f"EXECUTION_REPORT_STATUS_{status}"
    assert (int(last["lotsCancelled"]) > 0) == (status == "CANCELLED")
    if fault == "hidden_cancel":
        assert last["executionReportStatus"] == "EXECUTION_REPORT_STATUS_PARTIALLYFILL"


async def test_controls_work_over_http_and_refuse_what_is_no_fault(simulator: TInvestSimulator) -> None:
    async with RestClient(simulator.control_url, headers={}) as client:
        assert (await client.post("faults", b'{"fault":"ignore","count":2}')).status == 200
        for wrong in (b'{"fault":"rain"}', b'{"fault":"cut","count":1}', b"[]", b"{", b'{"fault":"close","code":1006}'):
            answer = await client.post("faults", wrong)
            assert answer.status == 400, wrong
            assert json.loads(answer.body)["error"]
    assert simulator.stats()["pending_faults"] == {"ignore": 2}


async def test_with_a_certificate_it_speaks_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with TInvestSimulator(tls=server) as simulator:
        assert simulator.rest_url.startswith("https://")
        headers = {"authorization": f"Bearer {simulator.token}"}
        async with RestClient(simulator.rest_url, headers=headers, ca_file=ca_file) as client:
            assert (await client.post(f"{CONTRACT}.UsersService/GetAccounts", b"{}")).status == 200
        async with stream(simulator, ssl=ssl.create_default_context(cafile=ca_file)) as connection:
            assert (await subscribed(connection))["accounts"] == simulator.accounts
