"""Queries on a real socket: typed, made again where that may help, refused where it can't."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from dropcopy.errors import UsageError, VenueError
from producers.gateways.limits import LimitError
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import StopStatus
from producers.gateways.tinvest import TInvestQueries
from producers.gateways.tinvest.fields import Money
from producers.rest import CallError
from producers.venues.tinvest import VenueSettings
from producers.venues.tinvest.errors import TInvestError
from sandbox.ports import free_ports
from sandbox.simulators.tinvest import TInvestSimulator
from schemas.fix import OrdStatus, Side

ACCOUNT = "2000000001"
SBER = "BBG004730N88"
MakeQueries = Callable[..., TInvestQueries]


@pytest.fixture
def queries_at(simulator: TInvestSimulator) -> MakeQueries:
    """Make queries of the simulator, or with `rest_url` of somewhere else."""

    def make(rest_url: str = "", **options: object) -> TInvestQueries:
        venue = {"token": simulator.token, "accounts": ACCOUNT, "rest_url": rest_url or simulator.rest_url}
        return TInvestQueries(VenueSettings.model_validate(venue), GatewaySettings.model_validate(options))

    return make


@pytest.fixture
async def queries(queries_at: MakeQueries) -> AsyncIterator[TInvestQueries]:
    async with queries_at() as running:
        yield running


async def test_accounts_are_told(queries: TInvestQueries, simulator: TInvestSimulator) -> None:
    accounts = await queries.get_accounts()
    assert [account.account for account in accounts] == simulator.accounts
    assert {account.status for account in accounts} == {"ACCOUNT_STATUS_OPEN"}


async def test_without_orders_every_list_is_empty(queries: TInvestQueries) -> None:
    assert await queries.get_orders(ACCOUNT) == []
    assert await queries.get_orders(ACCOUNT, statuses=[OrdStatus.FILLED], from_ns=0) == []
    assert await queries.get_stop_orders(ACCOUNT, status=StopStatus.ALL, from_ns=0, to_ns=10**18) == []


async def test_lots_and_prices_are_exact(queries: TInvestQueries) -> None:
    lots = await queries.get_max_lots(ACCOUNT, SBER, price=Decimal("301.25"))
    assert lots.buy_lots > 0
    cost = await queries.get_order_price(ACCOUNT, SBER, side=Side.BUY, quantity=Decimal(3), price=Decimal("301.25"))
    # 3 lots of 10 pieces.
    assert cost.initial_order_amount == Money(Decimal("9037.5"), "RUB")
    assert cost.lots_requested == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_query_that_fails_in_passing_is_made_again(
    queries: TInvestQueries, simulator: TInvestSimulator, status: int
) -> None:
    simulator.fault({"fault": "answer", "status": status, "body": "<html>", "count": 2})
    assert len(await queries.get_accounts()) == len(simulator.accounts)
    assert len(simulator.calls()) == 3


@pytest.mark.parametrize("fault", ["drop_reply", "cut_reply"])
async def test_a_query_that_gets_no_answer_is_made_again(
    queries_at: MakeQueries, simulator: TInvestSimulator, fault: str
) -> None:
    simulator.fault({"fault": fault, "method": "GetOrders"})
    async with queries_at(order_timeout_s=2) as queries:
        assert await queries.get_orders(ACCOUNT) == []
    assert simulator.stats()["OrdersService/GetOrders"] == 2


async def test_a_query_refused_for_a_limit_is_made_again_after_its_reset(
    queries: TInvestQueries, simulator: TInvestSimulator
) -> None:
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
    simulator.fault({"fault": "answer", "status": 429, "headers": headers})
    assert await queries.get_orders(ACCOUNT) == []
    first, second = simulator.calls()
    assert second["at_ns"] - first["at_ns"] > 900_000_000


async def test_a_refusal_for_good_is_told_at_once_with_all_its_facts(
    queries: TInvestQueries, simulator: TInvestSimulator
) -> None:
    with pytest.raises(TInvestError) as refused:
        await queries.get_order_state(ACCOUNT, venue_order_id="1")
    error = refused.value
    assert (error.code, error.grpc_status, error.retry_is_safe) == ("50005", 5, False)
    assert error.tracking_id
    assert error.advice
    assert len(simulator.calls()) == 1


async def test_a_venue_that_keeps_failing_is_given_up_in_time(
    queries_at: MakeQueries, simulator: TInvestSimulator
) -> None:
    simulator.fault({"fault": "answer", "status": 503, "body": "", "count": 1000})
    async with queries_at(query_timeout_s=3) as queries:
        with pytest.raises(TInvestError, match="HTTP_503"):
            await queries.get_accounts()
    assert len(simulator.calls()) > 1


async def test_a_venue_that_cannot_be_reached_is_given_up_in_time(queries_at: MakeQueries) -> None:
    away = f"http://127.0.0.1:{free_ports(1)[0]}/rest"
    async with queries_at(away, query_timeout_s=0.5) as queries:
        with pytest.raises(CallError, match="can't be reached"):
            await queries.get_accounts()


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"orders":{}}', '{"orders":[{"lotsRequested":"many"}]}'])
async def test_an_answer_that_cannot_be_read_is_an_error_that_names_the_call(
    queries: TInvestQueries, simulator: TInvestSimulator, body: str
) -> None:
    simulator.fault({"fault": "answer", "status": 200, "body": body})
    with pytest.raises(VenueError, match="GetOrders with what can't be read"):
        await queries.get_orders(ACCOUNT)


async def test_queries_wait_for_their_turn_and_no_longer_than_allowed(
    queries_at: MakeQueries, simulator: TInvestSimulator
) -> None:
    simulator.limit({"methods": {"GetOrders": {"calls": 1, "seconds": 600}}})
    async with queries_at(query_timeout_s=2) as queries:
        await queries.get_orders(ACCOUNT)
        with pytest.raises(LimitError, match="GetOrders"):
            await queries.get_orders(ACCOUNT)
        # Another method has a budget of its own.
        await queries.get_stop_orders(ACCOUNT)


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda queries: queries.get_orders(""), "account"),
        (lambda queries: queries.get_order_state(ACCOUNT), "venue_order_id or order_request_id"),
        (lambda queries: queries.get_order_state(ACCOUNT, venue_order_id="a b"), "venue_order_id"),
        (lambda queries: queries.get_stop_orders("сч"), "account"),
        (lambda queries: queries.get_max_lots(ACCOUNT, "", price=None), "instrument"),
        (lambda queries: queries.get_max_lots(ACCOUNT, SBER, price=1.5), "price"),
        (
            lambda queries: queries.get_order_price(
                ACCOUNT, SBER, side=Side.BUY, quantity=Decimal(0), price=Decimal(1)
            ),
            "quantity",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    queries: TInvestQueries, simulator: TInvestSimulator, ask: Callable[[Any], Awaitable[object]], named: str
) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        await ask(queries)
    assert simulator.calls() == []


async def test_the_token_is_shown_nowhere(
    simulator: TInvestSimulator, queries_at: MakeQueries, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.token = "t.another"
    async with queries_at() as queries:
        simulator.token = "t.real"
        with pytest.raises(TInvestError, match="40003") as refused:
            await queries.get_accounts()
    assert "t.another" not in f"{refused.value}{refused.value.hint}{caplog.text}"
