"""The simulated Outpoll on real sockets, as a client of the real one would meet it."""

import json
import ssl
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import trustme
from websockets.exceptions import ConnectionClosed

from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from tests.sandbox.simulators.outpoll_client import (
    FEED,
    LIMIT,
    UPDATES,
    YES,
    auth,
    call,
    entry,
    hear,
    hear_all,
    history,
    place,
    stream,
    until,
)

ACKS = {
    UPDATES: {"t": "success", "d": "authorized", "r": None},
    FEED: {"t": "SUCCESS", "d": {"message": "AUTH successful"}, "r": None},
}
REFUSALS = {
    UPDATES: {"t": "error", "d": {"error": "Invalid or missing credentials"}},
    FEED: {"t": "ERROR", "d": None, "r": "Invalid or missing credentials"},
}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Every order is filled soon."""
    async with Simulator(speed=50, seed=1, fates={Fate.FILL: 1}) as running:
        yield running


@pytest.fixture
async def resting() -> AsyncIterator[Simulator]:
    """A limit order lies in the book until somebody does something about it."""
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


async def told(simulator: Simulator, order_id: str) -> dict[str, Any]:
    """Wait until the venue has told of an order."""
    await until(lambda: entry(simulator, order_id)["told"])
    return entry(simulator, order_id)


@pytest.mark.parametrize("setting", [UPDATES, FEED])
async def test_each_stream_says_in_its_own_way_that_it_knows_its_client(simulator: Simulator, setting: str) -> None:
    async with stream(simulator, setting) as connection:
        assert json.loads(await connection.recv()) == ACKS[setting]


@pytest.mark.parametrize("setting", [UPDATES, FEED])
@pytest.mark.parametrize(
    "wrong", [{"apiKey": "op_k_other"}, {"signature": "none"}, {"timestamp": 1712500000}, {"timestamp": None}]
)
async def test_each_stream_refuses_in_its_own_way_and_closes(
    simulator: Simulator, setting: str, wrong: dict[str, Any]
) -> None:
    async with stream(simulator, setting, auth(simulator, **wrong)) as connection:
        assert json.loads(await connection.recv()) == REFUSALS[setting]
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("first", ["", "[]", "{", "null", '{"t":"AUTH"}', '{"t":"AUTH","d":[]}', '{"t":"SUBSCRIBE"}'])
async def test_who_does_not_say_who_he_is_at_once_is_refused(simulator: Simulator, first: str) -> None:
    async with stream(simulator, first=first) as connection:
        assert json.loads(await connection.recv()) == REFUSALS[UPDATES]


@pytest.mark.parametrize(("offset_s", "known"), [(25, True), (-25, True), (40, False), (-40, False)])
async def test_a_stream_takes_a_clock_that_is_off_by_less_than_30_seconds(
    simulator: Simulator, offset_s: float, known: bool
) -> None:
    async with stream(simulator, first=auth(simulator, offset_s=offset_s)) as connection:
        assert json.loads(await connection.recv()) == (ACKS if known else REFUSALS)[UPDATES]


async def test_both_streams_ping_and_need_no_answer() -> None:
    async with Simulator(ping_s=0.02) as simulator:
        for setting in (UPDATES, FEED):
            async with stream(simulator, setting) as connection:
                await connection.recv()
                for _ in range(2):
                    assert json.loads(await connection.recv()) == {"t": "PING", "d": None, "r": None}
                await connection.send('{"t":"PONG","d":null,"r":null}')
        await until(lambda: simulator.stats().get("pongs") == 2)


async def test_a_message_that_there_is_none_of_is_an_error_and_another_auth_is_none(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        await hear(connection)
        await connection.send('{"t":"DANCE"}')
        assert await hear(connection) == {"t": "error", "d": {"error": "Unknown message type"}}
        await connection.send(auth(simulator))
        assert await hear(connection) == ACKS[UPDATES]


async def test_an_orders_life_is_told_as_success_and_nothing_else(simulator: Simulator) -> None:
    async with stream(simulator) as connection:
        await hear(connection)
        order_id = await place(simulator)
        await until(lambda: entry(simulator, order_id)["final"])
        trades = entry(simulator, order_id)["trades"]
        first, second = await hear_all(connection, 2)
    user = simulator.account(simulator.accounts[0]).user_id
    assert first == second == {"t": "ORDER_UPDATE", "d": {"i": order_id, "u": user, "s": "SUCCESS"}}
    assert sum(Decimal(trade["quantity"]) for trade in trades) == 100


async def test_a_rejected_order_is_told_as_failed(simulator: Simulator) -> None:
    simulator.fault({"fault": "reject"})
    async with stream(simulator) as connection:
        await hear(connection)
        order_id = await place(simulator)
        message = await hear(connection)
    assert (message["d"]["i"], message["d"]["s"]) == (order_id, "FAILED")
    (item,) = await history(simulator)
    assert (item["st"], item["q"]) == ("REJECTED", 0)


async def test_the_order_feed_tells_each_step_with_what_the_history_shows(simulator: Simulator) -> None:
    async with stream(simulator, FEED) as connection:
        await hear(connection)
        order_id = await place(simulator)
        message = await hear(connection)
        while message["d"]["st"] != "FILLED":
            message = await hear(connection)
        assert message == {"t": "ORDER", "d": (await history(simulator))[0], "r": None}
        assert message["d"]["i"] == order_id


async def test_a_stream_hears_only_its_own_account_and_nothing_of_before() -> None:
    async with Simulator(accounts=["mine", "yours"], speed=50, fates={Fate.REST: 1}) as simulator:
        await told(simulator, await place(simulator))
        async with stream(simulator) as connection:
            await hear(connection)
            wish = {"account": "yours", "instrument": YES["ba"], "side": "BUY", "quantity": "1", "price": "0.5"}
            other = simulator.desk.order({"action": "place", **wish})
            await told(simulator, other["order_id"])
            order_id = await place(simulator)
            assert (await hear(connection))["d"]["i"] == order_id
        shown = [item["i"] for item in await history(simulator)]
        assert (len(shown), other["order_id"] in shown) == (2, False)


async def test_both_good_statuses_occur(resting: Simulator) -> None:
    placed = [await call(resting, "POST", "/orders/limit", LIMIT) for _ in range(8)]
    assert {answer.status_code for answer in placed} == {200, 202}
    assert all(set(answer.json()) == {"i"} for answer in placed)
    paths = [f"/orders/limit/{answer.json()['i']}" for answer in placed]
    gone = [await call(resting, "DELETE", path) for path in paths]
    assert {answer.status_code for answer in gone} == {200, 204}
    assert {answer.content for answer in gone} == {b""}


async def test_the_signature_is_of_the_bytes_of_the_body_and_the_path_without_its_query(resting: Simulator) -> None:
    spaced = json.dumps(LIMIT, indent=1).encode()
    assert (await call(resting, "POST", "/orders/limit", spaced)).status_code in (200, 202)
    assert (await call(resting, "GET", "/api/history/orders", page=0, size=5)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "offset_s", "status"),
    [
        ({"OUTPOLL-API-KEY": "op_k_other"}, 0, 401),
        ({"OUTPOLL-API-SIGNATURE": "wrong"}, 0, 401),
        ({"OUTPOLL-API-TIMESTAMP": "1712500000"}, 0, 401),
        ({}, 40, 401),
        ({}, -40, 401),
        ({"Authorization": "Bearer token"}, 0, 400),
    ],
)
async def test_a_call_without_good_credentials_does_nothing(
    resting: Simulator, headers: dict[str, str], offset_s: float, status: int
) -> None:
    answer = await call(resting, "POST", "/orders/limit", LIMIT, headers=headers, offset_s=offset_s)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert resting.orders() == []


async def test_a_call_without_credentials_is_unauthorized(resting: Simulator) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{resting.url}/api/history/orders")
    assert answer.status_code == 401


async def test_the_history_shows_an_order_as_documented_with_what_has_traded(resting: Simulator) -> None:
    order_id = await place(resting)
    created_ns = (await told(resting, order_id))["created_ns"]
    resting.desk.order({"action": "fill", "account": resting.accounts[0], "order_id": order_id, "quantity": "30"})
    (item,) = await history(resting)
    assert item == {
        "i": order_id,
        "u": resting.account(resting.accounts[0]).user_id,
        "e": YES["e"],
        "o": YES["o"],
        "a": YES["ba"],
        "oq": 100,
        "si": "BUY",
        "t": "LIMIT",
        "p": 0.42,
        "m": created_ns // 1_000_000,
        "ex": None,
        "st": "ACTIVE",
        "q": 30,
    }
    active = {"id": order_id, "status": "ACTIVE", "side": "BUY", "price": 0.42, "quantity": 100}
    answer = await call(resting, "GET", "/api/history/deals/active-orders")
    assert answer.json() == {"i": [active]}


async def test_a_cancelled_order_keeps_what_it_traded_and_is_active_no_more(resting: Simulator) -> None:
    order_id = await place(resting)
    await told(resting, order_id)
    resting.desk.order({"action": "fill", "account": resting.accounts[0], "order_id": order_id, "quantity": "30"})
    for _ in range(2):  # once more, it is no longer active, and nothing happens
        assert (await call(resting, "DELETE", f"/orders/limit/{order_id}")).status_code in (200, 204)
    (item,) = await history(resting)
    assert (item["st"], item["oq"], item["q"]) == ("CANCELED", 100, 30)
    assert await history(resting, "deals/active-orders") == []
    assert (entry(resting, order_id)["cancelled"], entry(resting, order_id)["final"]) == ("70", True)


@pytest.mark.parametrize("path", ["/orders/limit/none", "/orders/tpsl/none"])
async def test_what_there_is_not_can_not_be_cancelled(resting: Simulator, path: str) -> None:
    assert (await call(resting, "DELETE", path)).status_code == 404


async def test_another_accounts_order_can_not_be_cancelled() -> None:
    async with Simulator(accounts=["mine", "yours"], speed=50, fates={Fate.REST: 1}) as simulator:
        wish = {"account": "yours", "instrument": YES["ba"], "side": "BUY", "quantity": "1", "price": "0.5"}
        other = simulator.desk.order({"action": "place", **wish})
        assert (await call(simulator, "DELETE", f"/orders/limit/{other['order_id']}")).status_code == 404


async def test_pages_of_the_history_add_up_and_come_newest_first(resting: Simulator) -> None:
    placed = [await place(resting, q=n + 1) for n in range(5)]
    await until(lambda: all(one["told"] for one in resting.orders()))
    pages = [(await call(resting, "GET", "/api/history/orders", page=n, size=2)).json() for n in range(4)]
    assert [item["i"] for page in pages for item in page["i"]] == placed[::-1]
    assert [(page["p"], page["s"], page["tp"]) for page in pages] == [(n, 2, 3) for n in range(4)]
    assert [item["i"] for item in await history(resting, sort="asc", size=100)] == placed
    assert [item["id"] for item in await history(resting, "deals/active-orders", page=1, size=3)] == placed[1::-1]


async def test_the_history_is_of_one_outcome_where_that_is_asked_for(resting: Simulator) -> None:
    order_id = await place(resting)
    await told(resting, order_id)
    assert len(await history(resting, eventOutcomeId=YES["o"])) == 1
    assert await history(resting, eventOutcomeId="b21f6fd8-b9d1-4b9f-bb79-ef141e3dcb76") == []


async def test_a_history_of_what_has_ended_leaves_out_what_lives() -> None:
    async with Simulator(speed=50, fates={Fate.REST: 1}, history="ended") as simulator:
        order_id = await place(simulator)
        await told(simulator, order_id)
        assert await history(simulator) == []
        assert len(await history(simulator, "deals/active-orders")) == 1
        await call(simulator, "DELETE", f"/orders/limit/{order_id}")
        assert [item["st"] for item in await history(simulator)] == ["CANCELED"]


async def test_the_trades_are_those_of_the_ledger(simulator: Simulator) -> None:
    order_id = await place(simulator)
    await until(lambda: entry(simulator, order_id)["final"])
    trades = await history(simulator, "trades", sort="asc")
    assert {trade["oi"] for trade in trades} == {order_id}
    shown = [(trade["i"], Decimal(str(trade["p"])), Decimal(str(trade["q"]))) for trade in trades]
    ledger = entry(simulator, order_id)["trades"]
    assert shown == [(one["trade_id"], Decimal(one["price"]), Decimal(one["quantity"])) for one in ledger]


async def test_a_market_order_to_buy_has_no_quantity_until_it_has_traded(simulator: Simulator) -> None:
    simulator.fault({"fault": "reject"})
    refused = await place(simulator, "market", s="BUY", q=None, am=50)
    bought = await place(simulator, "market", s="BUY", q=None, am=50)
    await until(lambda: all(one["final"] for one in simulator.orders()))
    items = {item["i"]: item for item in await history(simulator)}
    assert (items[refused]["oq"], items[refused]["q"]) == (0, 0)
    assert (items[bought]["t"], items[bought]["p"], items[bought]["st"]) == ("MARKET", None, "FILLED")
    assert items[bought]["oq"] == items[bought]["q"] == 119.04
    assert entry(simulator, bought)["cash_quantity"] == "50"


async def test_an_amount_that_buys_nothing_is_a_bad_request(simulator: Simulator) -> None:
    answer = await call(simulator, "POST", "/orders/market", {**YES, "s": "BUY", "am": 0.001})
    assert (answer.status_code, answer.json()) == (400, {"error": "am buys nothing"})


async def test_a_tpsl_order_is_told_listed_triggered_and_becomes_an_order(simulator: Simulator) -> None:
    query = {"assetId": YES["ba"], "primary": "true"}
    async with stream(simulator) as connection:
        await hear(connection)
        tpsl_id = await place(simulator, "tpsl", t=0.95, l=0.1)
        user = simulator.account(simulator.accounts[0]).user_id
        told = {"i": tpsl_id, "u": user, "a": YES["ba"], "q": 10, "tpp": 0.95, "slp": 0.1, "s": "ACTIVE"}
        assert await hear(connection) == {"t": "TPSL_UPDATE", "d": told}
        (item,) = (await call(simulator, "GET", "/orders/tpsl", **query)).json()
        assert {name: item[name] for name in told} == told
        simulator.desk.set_price({"instrument": YES["ba"], "price": "0.96"})
        assert await hear(connection) == {"t": "TPSL_UPDATE", "d": told | {"s": "TRIGGERED"}}
        child = await hear(connection)
    (stop,) = simulator.stop_orders()
    assert (child["t"], child["d"]["i"]) == ("ORDER_UPDATE", stop["child_order_id"])
    assert (await call(simulator, "GET", "/orders/tpsl", **query)).json() == []
    triggered = (await call(simulator, "GET", "/orders/tpsl", **query, status="TRIGGERED")).json()
    assert [one["i"] for one in triggered] == [tpsl_id]


async def test_a_tpsl_order_is_cancelled_and_told_so(resting: Simulator) -> None:
    async with stream(resting) as connection:
        await hear(connection)
        tpsl_id = await place(resting, "tpsl", t=0.95)
        assert (await call(resting, "DELETE", f"/orders/tpsl/{tpsl_id}")).status_code in (200, 204)
        active, canceled = await hear_all(connection, 2)
    assert (active["d"]["s"], canceled["d"]["s"], active["d"]["slp"]) == ("ACTIVE", "CANCELED", None)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"assetId": YES["ba"], "primary": "true"}, 1),
        ({"assetId": YES["o"], "primary": "true"}, 1),
        ({"assetId": YES["ba"], "primary": "false"}, 0),
        ({"assetId": YES["o"], "primary": "false"}, 0),
        ({"assetId": "other", "primary": "true"}, 0),
        ({"assetId": YES["ba"], "primary": "true", "status": "CANCELED"}, 0),
    ],
)
async def test_tpsl_orders_are_listed_by_asset_or_outcome(
    resting: Simulator, query: dict[str, str], count: int
) -> None:
    await place(resting, "tpsl", t=0.95)
    assert len((await call(resting, "GET", "/orders/tpsl", **query)).json()) == count


async def test_a_tpsl_order_without_a_quantity_is_for_the_whole_position(simulator: Simulator) -> None:
    none = await call(simulator, "POST", "/orders/tpsl", {**YES, "s": "SELL", "t": 0.95})
    assert (none.status_code, none.json()) == (400, {"error": "there is no open position"})
    order_id = await place(simulator)
    await until(lambda: entry(simulator, order_id)["final"])
    await place(simulator, "tpsl", t=0.95, q=None)
    assert [stop["quantity"] for stop in simulator.stop_orders()] == ["100"]


async def test_the_environment_leads_to_each_account_and_over_tls_too(tmp_path: Any) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    async with Simulator(accounts=["mine", "yours"], tls=server, credentials=("op_k_mine", "c2VjcmV0")) as venue:
        mine, yours = venue.environment, venue.environment_of("yours")
        assert (mine["DROPCOPY_OUTPOLL_API_KEY"], mine["DROPCOPY_OUTPOLL_API_SECRET"]) == ("op_k_mine", "c2VjcmV0")
        assert mine["DROPCOPY_OUTPOLL_ACCOUNT"] == "mine"
        assert yours["DROPCOPY_OUTPOLL_API_KEY"].startswith("op_k_")
        assert mine["DROPCOPY_OUTPOLL_REST_URL"].startswith("https://127.0.0.1:")
        client = ssl.create_default_context()
        authority.configure_trust(client)
        async with stream(venue, ssl=client) as connection:
            assert await hear(connection) == ACKS[UPDATES]
