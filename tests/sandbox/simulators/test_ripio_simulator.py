"""The simulated Ripio on real sockets, as a client of the real one would meet it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme
from websockets.exceptions import ConnectionClosed

from producers.rest import RestClient
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from tests.sandbox.simulators.ripio_client import (
    ALL_STATUSES,
    PRIVATE,
    an_order,
    bodies,
    call,
    code_of,
    connected,
    data,
    fresh_ms,
    is_pong,
    place,
    read,
    read_all,
    read_until,
    say,
    signed,
    stream,
    ticket,
    until,
)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Every order is filled soon."""
    async with Simulator(accounts=["main", "other"], speed=50, seed=1, fates={Fate.FILL: 1}) as running:
        yield running


@pytest.fixture
async def resting() -> AsyncIterator[Simulator]:
    """A limit order lies in the book until somebody does something about it."""
    async with Simulator(accounts=["main", "other"], speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


def is_filled(message: dict[str, Any]) -> bool:
    return message.get("body", {}).get("status") == "executed_completely"


# Calls: who asks, and whether they may.


async def test_a_signed_call_is_answered_in_the_envelope(simulator: Simulator) -> None:
    answer = await call(simulator, "POST", "/ticket")
    assert answer.status == 200
    envelope = json.loads(answer.body)
    assert (envelope["error_code"], envelope["message"]) == (None, None)
    assert list(envelope["data"]) == ["ticket"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "another"},
        {"Signature": "bm9uZQ=="},
        {"Timestamp": "1672856713677"},
        {"Timestamp": ""},
    ],
)
async def test_a_call_that_is_not_signed_rightly_is_not_authorized(
    simulator: Simulator, headers: dict[str, str]
) -> None:
    answer = await call(simulator, "POST", "/orders", an_order(), headers=headers)
    assert answer.status == 401
    assert json.loads(answer.body) == {"error_code": 40100, "message": "Not authorized", "data": None}
    assert simulator.orders() == []


async def test_the_bytes_that_are_sent_are_those_that_must_be_signed(simulator: Simulator) -> None:
    sent = b'{"id": "X"}'
    headers = signed(simulator, "DELETE", "/v4/orders", sent.replace(b" ", b""))
    assert code_of(await call(simulator, "DELETE", "/orders", sent, headers=headers)) == (401, 40100)
    assert code_of(await call(simulator, "DELETE", "/orders", sent)) == (404, 40400)


async def test_the_path_is_signed_without_its_query_and_as_it_was_sent(resting: Simulator) -> None:
    await place(resting, external_id="a b/c")
    (order,) = (await data(resting, "GET", "/orders/open?pair=BTC_BRL&page_size=5"))["orders"]
    assert (await data(resting, "GET", "/orders/by-external-id/a%20b%2Fc"))["id"] == order["id"]


async def test_a_timestamp_is_good_for_one_call_of_its_kind(simulator: Simulator) -> None:
    headers = signed(simulator, "GET", "/v4/pairs")
    assert (await call(simulator, "GET", "/pairs", headers=headers)).status == 200
    assert code_of(await call(simulator, "GET", "/pairs", headers=headers)) == (401, 40100)


async def test_an_old_timestamp_is_good_where_the_client_tolerates_it(simulator: Simulator) -> None:
    old = {**signed(simulator, "GET", "/v4/pairs", at_ms=fresh_ms() - 20_000)}
    assert code_of(await call(simulator, "GET", "/pairs", headers=old)) == (401, 40100)
    assert (await call(simulator, "GET", "/pairs", headers=old | {"Timestamp-tolerance": "30000"})).status == 200
    assert code_of(await call(simulator, "GET", "/pairs", headers={"Timestamp-tolerance": "60001"})) == (400, 40000)


async def test_the_venues_clock_is_told_to_anyone(simulator: Simulator) -> None:
    simulator.fault({"fault": "clock", "offset_s": 3600})
    async with RestClient(simulator.rest_url, headers={}) as client:
        answer = await client.request("GET", "public/server-time")
    told_ms = json.loads(answer.body)["data"]["timestamp"]
    assert 3_590_000 < told_ms - fresh_ms() < 3_610_000
    assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() * 1000 - told_ms) < 10_000
    assert code_of(await call(simulator, "POST", "/ticket")) == (401, 40100)


async def test_a_token_that_may_only_read_places_nothing_and_a_blocked_one_does_not_read(
    simulator: Simulator,
) -> None:
    simulator.fault({"fault": "read_only", "account": "main"})
    assert code_of(await call(simulator, "POST", "/orders", an_order())) == (403, 40300)
    assert (await call(simulator, "POST", "/ticket")).status == 200
    simulator.fault({"fault": "block", "account": "main"})
    answer = await call(simulator, "POST", "/ticket")
    assert json.loads(answer.body) == {"error_code": 40100, "message": "Blocked token", "data": None}
    assert (await call(simulator, "POST", "/ticket", account="other")).status == 200


async def test_calls_too_fast_are_refused_without_the_envelope(simulator: Simulator) -> None:
    simulator.limit("1")
    answers = [await call(simulator, "GET", "/pairs") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].body == b'{"message":"Too many requests"}'
    simulator.limit({"per_day": 0})
    assert (await call(simulator, "GET", "/pairs")).body == b'{"message":"Limit Exceeded"}'


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PATCH", "/orders"), ("GET", "/orders/X")])
async def test_what_there_is_not_is_not_found(simulator: Simulator, method: str, path: str) -> None:
    assert code_of(await call(simulator, method, path)) == (404, 40400)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"amount": NaN}'])
async def test_a_body_that_is_no_object_is_refused(simulator: Simulator, body: bytes) -> None:
    assert code_of(await call(simulator, "POST", "/orders", body)) == (400, 40000)


# Orders.


async def test_a_new_order_is_answered_with_what_was_asked_for(resting: Simulator) -> None:
    external_id = str(uuid4())
    answer = await place(resting, external_id=external_id)
    assert answer.pop("id") == answer_id(resting)
    assert answer.pop("create_date").endswith("Z")
    assert answer == {
        "executed_amount": 0,
        "external_id": external_id,
        "pair": "BTC_BRL",
        "remaining_amount": Decimal("0.5"),
        "remaining_value": 145_000,
        "requested_amount": Decimal("0.5"),
        "requested_value": 145_000,
        "side": "buy",
        "status": "open",
    }


def answer_id(simulator: Simulator) -> str:
    (entry,) = simulator.orders()
    return str(entry["order_id"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 10**7}, 40011),
        ({"side": "sell", "amount": 10_001, "price": 310_000}, 40011),
        ({"post_only": True, "price": 300_000}, 40000),
        ({"post_only": True, "price": 300_000, "side": "sell"}, 40000),
        ({"amount": "0.000001"}, 40010),
    ],
)
async def test_what_the_market_or_the_wallet_does_not_allow_is_refused_and_leaves_no_order(
    resting: Simulator, changes: dict[str, Any], code: int
) -> None:
    assert code_of(await call(resting, "POST", "/orders", an_order(**changes))) == (400, code)
    assert resting.orders() == []


CANCELS = [
    ("DELETE", "/orders", "id"),
    ("POST", "/orders/cancel", "id"),
    ("DELETE", "/orders/by-external-id", "external_id"),
    ("POST", "/orders/cancel-by-external-id", "external_id"),
]


@pytest.mark.parametrize(("method", "path", "key"), CANCELS)
async def test_an_order_is_canceled_in_each_of_the_ways_and_only_once(
    resting: Simulator, method: str, path: str, key: str
) -> None:
    order = await place(resting, external_id="mine")
    canceled = await data(resting, method, path, {key: order[key]})
    assert (canceled["id"], canceled["status"], canceled["remaining_amount"]) == (
        order["id"],
        "canceled",
        Decimal("0.5"),
    )
    assert code_of(await call(resting, method, path, {key: order[key]})) == (400, 40020)
    assert code_of(await call(resting, method, path, {key: "unknown"})) == (404, 40400)
    assert code_of(await call(resting, method, path, {})) == (400, 40000)
    assert code_of(await call(resting, method, path, {key: order[key]}, account="other")) == (404, 40400)
    (entry,) = resting.orders()
    assert [request["code"] for request in entry["requests"]] == [None, 40020]


async def test_an_executed_order_can_be_neither_canceled_nor_changed(simulator: Simulator) -> None:
    order = await place(simulator)
    await until(lambda: simulator.orders()[0]["final"])
    assert code_of(await call(simulator, "DELETE", "/orders", {"id": order["id"]})) == (400, 40021)
    change = {"order_id": order["id"], "amount": "1"}
    assert code_of(await call(simulator, "PUT", "/orders", change)) == (400, 40021)


async def test_all_orders_are_canceled_at_once_or_those_of_a_pair(resting: Simulator) -> None:
    btc, eth = [await place(resting, pair=pair, price=1000) for pair in ("BTC_BRL", "ETH_BRL")]
    assert await data(resting, "DELETE", "/orders/all", {"pair": "BTC_BRL"}) == [
        {"pair_code": "BTC_BRL", "order_id": btc["id"], "success": True}
    ]
    assert [one["order_id"] for one in await data(resting, "DELETE", "/orders/all")] == [eth["id"]]
    answer = await call(resting, "DELETE", "/orders/all", {})
    assert json.loads(answer.body) == {"error_code": 40021, "message": "No orders to cancel.", "data": None}


async def test_an_update_changes_price_and_amount_and_the_stream_does_not_say_so(resting: Simulator) -> None:
    async with stream(resting, [*PRIVATE, "balance"]) as connection:
        order = await place(resting)
        change = {"order_id": order["id"], "unit_price": "280000", "amount": "0.25"}
        assert await data(resting, "PUT", "/orders", change) is None
        messages = await read_all(connection)
        assert len(bodies(messages, "order_status")) == 1
        balance = {one["currency_code"]: one["locked_amount"] for one in bodies(messages, "balance")[-1]["balances"]}
        assert balance == {"BTC": 0, "BRL": 70_000}
        shown = await data(resting, "GET", f"/orders/{order['id']}")
        assert (shown["price"], shown["requested_amount"]) == (280_000, Decimal("0.25"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 40000),
        ({"unit_price": "300000"}, 40000),
        ({"unit_price": "0"}, 40000),
        ({"unit_price": "280000.5"}, 40000),
        ({"amount": "0.000001"}, 40010),
        ({"amount": "lots"}, 40000),
        ({"unit_price": "280000", "price": "280000"}, 40000),
    ],
)
async def test_an_update_that_can_not_be_is_refused(resting: Simulator, change: dict[str, str], code: int) -> None:
    order = await place(resting)
    answer = await call(resting, "PUT", "/orders", {"order_id": order["id"], **change})
    assert code_of(answer) == (400, code)


async def test_an_external_id_may_be_used_twice_unless_the_venue_keeps_it_unique() -> None:
    for unique in (False, True):
        async with Simulator(fates={Fate.REST: 1}, unique_external_ids=unique) as simulator:
            await place(simulator, external_id="mine")
            answer = await call(simulator, "POST", "/orders", an_order(external_id="MINE"))
            assert answer.status == (400 if unique else 200)
            assert len(simulator.orders()) == (1 if unique else 2)


async def test_an_external_id_may_come_back_in_upper_case() -> None:
    async with Simulator(fates={Fate.REST: 1}, upper_external_ids=True) as simulator:
        order = await place(simulator, external_id="0f4a8504-21fb-4be6-9771-25dcf5f68f87")
        assert order["external_id"] == "0F4A8504-21FB-4BE6-9771-25DCF5F68F87"
        found = await data(simulator, "GET", "/orders/by-external-id/0f4a8504-21fb-4be6-9771-25dcf5f68f87")
        assert found["id"] == order["id"]


# Lists.


async def ids(simulator: Simulator, query: str) -> list[str]:
    return [order["id"] for order in (await data(simulator, "GET", f"/orders?{query}"))["orders"]]


async def test_the_list_of_a_pair_needs_all_statuses_named(resting: Simulator) -> None:
    live, ended, other = [await place(resting, pair=pair) for pair in ("BTC_BRL", "BTC_BRL", "BTC_USDC")]
    await data(resting, "DELETE", "/orders", {"id": ended["id"]})
    assert await ids(resting, "pair=BTC_BRL") == []
    assert await ids(resting, f"pair=BTC_BRL&status={ALL_STATUSES}") == [ended["id"], live["id"]]
    assert await ids(resting, "pair=BTC_BRL&status=open&status=canceled") == [ended["id"], live["id"]]
    assert await ids(resting, "pair=BTC_BRL&status=open") == [live["id"]]
    assert await ids(resting, f"pair=BTC_BRL&status=open&ids={other['id']}") == []
    assert await ids(resting, f"pair=BTC_BRL&status={ALL_STATUSES}&side=sell") == []
    assert await ids(resting, f"pair=BTC_BRL&status={ALL_STATUSES}&end_date=2020-01-01") == []
    opened = await data(resting, "GET", "/orders/open")
    assert [order["id"] for order in opened["orders"]] == [other["id"], live["id"]]


@pytest.mark.parametrize("query", ["", "pair=NONE", "pair=BTC_BRL&status=new", "pair=BTC_BRL&start_date=yesterday"])
async def test_a_list_that_can_not_be_is_refused(resting: Simulator, query: str) -> None:
    assert code_of(await call(resting, "GET", f"/orders?{query}")) == (400, 40000)


async def test_cursors_lead_through_a_list_newest_first(resting: Simulator) -> None:
    placed = [(await place(resting))["id"] for _ in range(5)]
    first = await data(resting, "GET", "/orders/open?page_size=2")
    second = await data(resting, "GET", f"/orders/open?page_size=2&c={first['nc']}")
    third = await data(resting, "GET", f"/orders/open?page_size=2&c={second['nc']}")
    shown = [order["id"] for one in (first, second, third) for order in one["orders"]]
    assert shown == placed[::-1]
    assert (first["pc"], third["nc"]) == (None, None)


async def test_trades_are_told_by_order_by_pair_and_in_the_order_itself(simulator: Simulator) -> None:
    order = await place(simulator, external_id="mine")
    await until(lambda: simulator.orders()[0]["final"])
    (entry,) = simulator.orders()
    expected = [trade["trade_id"] for trade in entry["trades"]][::-1]
    for path in (
        f"/orders/trades?order_id={order['id']}",
        "/user/trades?pair=BTC_BRL",
        f"/user/trades?pair=BTC_BRL&order_id={order['id']}",
        "/user/trades?pair=BTC_BRL&external_id=mine",
    ):
        assert [trade["id"] for trade in (await data(simulator, "GET", path))["trades"]] == expected
    assert (await data(simulator, "GET", "/user/trades?pair=ETH_BRL"))["trades"] == []
    whole = await data(simulator, "GET", f"/orders/{order['id']}")
    assert sum(one["amount"] for one in whole["transactions"]) == Decimal("0.5") == whole["executed_amount"]
    assert sum(one["fee"] for one in whole["transactions"]) == whole["fee"]
    assert code_of(await call(simulator, "GET", "/orders/trades?order_id=X")) == (404, 40400)


async def test_balances_fees_and_pairs_are_told(resting: Simulator) -> None:
    await place(resting)
    (brl,) = await data(resting, "GET", "/user/balances?currency_code=BRL")
    assert (brl["locked_amount"], brl["available_amount"]) == (145_000, 10**9 - 145_000)
    assert len(await data(resting, "GET", "/user/balances")) == 4
    assert [fee["taker"] for fee in await data(resting, "GET", "/user/trading-fees?pair=BTC_BRL")] == [
        Decimal("0.3")
    ] * 2
    assert [pair["symbol"] for pair in await data(resting, "GET", "/pairs?pair=BTC_BRL")] == ["BTC_BRL"]


# The stream.


async def test_an_orders_life_is_told_by_two_topics_with_all_its_trades(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        order = await place(simulator, external_id="mine")
        messages = await read_until(connection, is_filled)
        messages += await read_all(connection)
    states, trades = bodies(messages, "order_status"), bodies(messages, "user_trades")
    assert {state["id"] for state in states} == {order["id"]}
    assert states[0]["status"] == "open"
    assert {state["external_id"] for state in states} == {"mine"}
    (entry,) = simulator.orders()
    assert [one["trade"]["id"] for one in trades] == [trade["trade_id"] for trade in entry["trades"]]
    assert sum(one["trade"]["amount"] for one in trades) == states[-1]["executed_amount"] == Decimal("0.5")
    assert all(order["id"] == one["trade"][f"{one['trade']['taker_or_maker']}_order_id"] for one in trades)


async def test_each_topic_has_a_sequence_that_goes_on_from_one_connection_to_the_next(simulator: Simulator) -> None:
    numbers: dict[str, list[int]] = {topic: [] for topic in PRIVATE}
    for _ in range(2):
        async with stream(simulator) as connection:
            await place(simulator)
            for message in [*await read_until(connection, is_filled), *await read_all(connection)]:
                numbers[message["topic"]].append(message["id"])
    for given in numbers.values():
        assert given == list(range(given[0], given[0] + len(given)))


async def test_a_stream_hears_its_own_user_and_its_own_topics_only(simulator: Simulator) -> None:
    async with stream(simulator, ["order_status"], account="other") as connection:
        await place(simulator)
        await place(simulator, account="other")
        messages = await read_until(connection, is_filled)
    assert {message["topic"] for message in messages} == {"order_status"}
    assert {message["body"]["user_id"] for message in messages} == {simulator.account("other").user_id}


async def test_balance_begins_with_a_welcome_that_is_in_no_sequence(resting: Simulator) -> None:
    async with stream(resting, ["balance"]) as connection:
        welcome = await read(connection)
        assert (welcome["topic"], welcome["id"]) == ("balance", -1)
        assert len(welcome["body"]["balances"]) == 4
        await place(resting)
        assert (await read(connection))["id"] > 0


@pytest.mark.parametrize("given", [{}, {"ticket": "97794B95-AFE7-454F-81B0-9109112548C2"}, {"ticket": 7}])
async def test_without_a_ticket_of_ours_a_private_topic_is_refused(simulator: Simulator, given: dict[str, Any]) -> None:
    async with connected(simulator) as connection:
        await say(connection, "subscribe", ["order_status"], **given)
        assert await read(connection) == {"error_code": 40100, "message": "Not authorized", "data": None}
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_a_ticket_belongs_to_the_first_connection_that_uses_it(simulator: Simulator) -> None:
    one = await ticket(simulator)
    async with connected(simulator) as first, connected(simulator) as second:
        for topic in PRIVATE:
            await say(first, "subscribe", [topic], ticket=one)
            assert (await read(first))["topics"] == [topic]
        await say(second, "subscribe", ["order_status"], ticket=one)
        assert (await read(second))["error_code"] == 40100


async def test_a_public_topic_needs_no_ticket_and_a_ping_no_topics(simulator: Simulator) -> None:
    async with connected(simulator) as connection:
        await say(connection, "subscribe", ["ticker@BTC_BRL"])
        assert (await read(connection))["method"] == "subscribe"
        await connection.send('{"method":"ping"}')
        assert is_pong(await read(connection))


async def test_after_unsubscribing_nothing_more_is_told(resting: Simulator) -> None:
    async with stream(resting) as connection:
        await say(connection, "unsubscribe", PRIVATE)
        assert (await read(connection))["method"] == "unsubscribe"
        await place(resting)
        assert await read_all(connection) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"method":"shout"}', '{"method":"subscribe"}', '{"method":"subscribe","topics":["all"]}'],
)
async def test_a_message_that_is_none_is_an_error_and_the_connection_stays(simulator: Simulator, text: str) -> None:
    async with connected(simulator) as connection:
        await connection.send(text)
        assert (await read(connection))["error_code"] == 40000
        assert await read_all(connection) == []


async def test_a_venue_without_acknowledgements_answers_a_ping_and_tells_orders() -> None:
    async with (
        Simulator(seed=1, speed=50, fates={Fate.REST: 1}, acks="none") as simulator,
        connected(simulator) as connection,
    ):
        await say(connection, "subscribe", PRIVATE, ticket=await ticket(simulator))
        assert await read_all(connection) == []
        await place(simulator)
        assert (await read(connection))["topic"] == "order_status"


async def test_a_client_that_says_nothing_is_hung_up_on_and_one_that_pings_is_not() -> None:
    async with (
        Simulator(idle_s=1) as simulator,
        connected(simulator, ping_interval=None) as silent,
        connected(simulator, ping_interval=0.1) as alive,
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await silent.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert await read_all(alive) == []


async def test_observed_words_are_told_by_the_stream_and_by_rest() -> None:
    async with Simulator(seed=1, speed=50, fates={Fate.REST: 1}, words="observed") as simulator:
        async with stream(simulator) as connection:
            order = await place(simulator)
            assert order["status"] == "pending_creation"
            told = [(await read(connection))["body"]["status"] for _ in range(2)]
        assert told == ["pending_creation", "waiting"]
        (shown,) = (await data(simulator, "GET", "/orders/open"))["orders"]
        assert shown["status"] == "waiting"


# The simulator itself.


async def test_the_environment_leads_each_account_to_its_own_credentials(simulator: Simulator) -> None:
    assert simulator.environment == simulator.environment_of("main")
    tokens = {simulator.environment_of(name)["DROPCOPY_RIPIO_API_TOKEN"] for name in simulator.accounts}
    assert len(tokens) == 2
    assert simulator.environment["DROPCOPY_RIPIO_REST_URL"] == f"http://127.0.0.1:{simulator.port}/v4"
    assert simulator.environment["DROPCOPY_RIPIO_WS_URL"] == f"ws://127.0.0.1:{simulator.port}"


async def test_with_a_certificate_the_addresses_are_https_and_wss(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    async with Simulator(tls=context) as simulator:
        async with RestClient(simulator.rest_url, headers={}, ca_file=ca_file) as client:
            assert (await client.request("GET", "public/server-time")).status == 200
        trust = ssl.create_default_context(cafile=str(ca_file))
        async with connected(simulator, ssl=trust) as connection:
            assert await read_all(connection) == []


async def test_many_orders_at_once_end_in_the_books_as_in_the_stream(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        await asyncio.gather(*(place(simulator) for _ in range(20)))
        await until(lambda: all(entry["final"] for entry in simulator.orders()))
        messages = await read_all(connection)
    last = {body["id"]: body for body in bodies(messages, "order_status")}
    told = {order_id: str(body["executed_amount"]) for order_id, body in last.items()}
    assert told == {entry["order_id"]: entry["executed"] for entry in simulator.orders()}
    trades = {body["trade"]["id"] for body in bodies(messages, "user_trades")}
    assert trades == {trade["trade_id"] for entry in simulator.orders() for trade in entry["trades"]}
