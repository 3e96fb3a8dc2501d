"""Order entry at Outpoll end to end: a real broker, a simulated venue on real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from dropcopy.errors import UsageError, VenueError
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.outpoll import OutpollGateway, OutpollQueries
from producers.gateways.outpoll.errors import OutpollError
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import StopStatus
from producers.venues.outpoll import VenueSettings
from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdStatus, Side
from tests.producers.gateways.journal_reader import JournalReader
from tests.producers.gateways.test_outpoll_requests import market, order, stop

MakeGateway = Callable[..., OutpollGateway]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, accounts=["main"], fates={Fate.REST: 1}) as running:
        yield running


def venue_settings(simulator: Simulator, **changes: str) -> VenueSettings:
    names = {f"DROPCOPY_OUTPOLL_{name}": value for name, value in ({"CALLS_PER_S": "1000"} | changes).items()}
    return VenueSettings.load(simulator.environment | names)


@pytest.fixture
def gateway_to(stack: Stack, simulator: Simulator) -> MakeGateway:
    def make(changes: dict[str, str] | None = None, **options: object) -> OutpollGateway:
        gateway = GatewaySettings.model_validate({"order_timeout_s": 2, "order_settle_timeout_s": 1} | options)
        return OutpollGateway(stack.settings, venue_settings(simulator, **(changes or {})), gateway)

    return make


async def records(journal: JournalReader, request: Any, count: int = 2) -> list[dict[str, Any]]:
    return [entry.record for entry in await journal.of(request.order_request_id, count)]


async def standing(simulator: Simulator, order_id: str, status: str) -> dict[str, Any]:
    """Wait until the venue has an order in this status, and return it."""
    async with asyncio.timeout(10):
        while True:
            found = {entry["order_id"]: entry for entry in simulator.orders()}
            if found.get(order_id, {}).get("status") == status:
                return found[order_id]
            await asyncio.sleep(0.01)


async def eventually(ask: Callable[[], Awaitable[list[Any]]], count: int) -> list[Any]:
    """Ask until there is so much of it."""
    async with asyncio.timeout(10):
        while True:
            found = await ask()
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def placed(simulator: Simulator, gateway: OutpollGateway, request: NewOrder | None = None) -> str:
    outcome = await gateway.post_order(request or order())
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id
    await standing(simulator, outcome.venue_order_id, "ACTIVE")
    return outcome.venue_order_id


async def test_an_order_is_journaled_before_and_tied_to_the_venues_id_after(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    request = order()
    async with gateway_to() as gateway:
        order_id = await placed(simulator, gateway, request)
    (entry,) = simulator.orders()
    assert (entry["order_id"], entry["instrument"], entry["price"]) == (order_id, "asset_btc_100k_yes", "0.42")
    intent, accepted = await records(journal, request)
    assert (intent["phase"], intent["venue_order_id"]) == ("INTENT", None)
    assert (accepted["phase"], accepted["venue_order_id"]) == ("ACCEPTED", order_id)
    assert (intent["instrument"], intent["quantity"], intent["price"]) == ("asset_btc_100k_yes", "100", "0.42")


@pytest.mark.parametrize(
    ("request_", "traded"),
    [
        (market(quantity=None, cash_order_qty=Decimal(42)), {"side": "BUY", "cash_quantity": "42"}),
        (market(side=Side.SELL, quantity=Decimal(7)), {"side": "SELL", "quantity": "7"}),
    ],
)
async def test_market_orders_are_for_money_or_for_shares(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, request_: NewOrder, traded: dict[str, str]
):
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(request_)
    assert isinstance(outcome, Accepted)
    entry = await standing(simulator, outcome.venue_order_id or "", "FILLED")
    assert traded.items() <= entry.items()
    (intent, _) = await records(journal, request_)
    assert (intent["quantity"], intent["cash_order_qty"]) == (
        None if request_.quantity is None else "7",
        None if request_.cash_order_qty is None else "42",
    )


async def test_an_order_is_cancelled_by_the_venues_id(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    async with gateway_to() as gateway:
        order_id = await placed(simulator, gateway)
        cancel = CancelOrder(account="main", orig_venue_order_id=order_id)
        assert await gateway.cancel_order(cancel) == Accepted(order_request_id=cancel.order_request_id)
        await standing(simulator, order_id, "CANCELED")
        unknown = await gateway.cancel_order(CancelOrder(account="main", orig_venue_order_id="none"))
    assert isinstance(unknown, Rejected)
    assert unknown.code == "HTTP_404"
    intent, accepted = await records(journal, cancel)
    assert (intent["action"], accepted["phase"]) == ("CANCEL", "ACCEPTED")
    assert intent["orig_venue_order_id"] == order_id


async def test_a_take_profit_stop_loss_order_is_placed_listed_and_cancelled(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    request = stop()
    async with gateway_to() as gateway:
        outcome = await gateway.post_stop_order(request)
        assert isinstance(outcome, Accepted)
        (listed,) = await eventually(lambda: gateway.get_stop_orders("main", instrument="asset_btc_100k_yes"), 1)
        assert listed.venue_order_id == outcome.venue_order_id
        assert (listed.take_profit_price, listed.stop_loss_price) == (Decimal("0.95"), Decimal("0.1"))
        cancel = CancelStopOrder(account="main", orig_venue_order_id=outcome.venue_order_id)
        assert isinstance(await gateway.cancel_stop_order(cancel), Accepted)
        assert await gateway.get_stop_orders("main", instrument="asset_btc_100k_yes") == []
        (ended,) = await gateway.get_stop_orders("main", instrument="asset_btc_100k_yes", status=StopStatus.CANCELED)
    assert ended.venue_order_id == outcome.venue_order_id
    intent, _ = await records(journal, request)
    assert (intent["action"], intent["stop_price"], intent["take_profit_price"]) == ("NEW_STOP", "0.10", "0.95")


# What goes wrong.


async def test_a_refused_order_is_rejected_with_the_venues_text(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    request = order(instrument="asset_of_nothing")
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(request)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "HTTP_400"
    assert "asset" in outcome.text
    assert [record["phase"] for record in await records(journal, request)] == ["INTENT", "REJECTED"]
    assert simulator.orders() == []


async def test_a_blocked_key_is_refused_for_good(gateway_to: MakeGateway, simulator: Simulator):
    simulator.fault({"fault": "block"})
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(order())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retry_is_safe) == ("HTTP_403", False)
    assert "blocked" in outcome.text


@pytest.mark.parametrize("offset_s", [90, -90])
async def test_a_clock_that_is_off_is_named(gateway_to: MakeGateway, simulator: Simulator, offset_s: int):
    simulator.fault({"fault": "clock", "offset_s": offset_s})
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(order())
        with pytest.raises(OutpollError, match="clock"):
            await gateway.get_orders("main")
    assert isinstance(outcome, Rejected)
    assert f"{'behind' if offset_s > 0 else 'ahead of'} the venue's" in outcome.text


@pytest.mark.parametrize("fault", ["drop_reply", "cut_reply"])
@pytest.mark.parametrize("send", ["post_order", "post_stop_order"])
async def test_an_order_without_an_answer_is_unknown_and_never_sent_again(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, fault: str, send: str
):
    request = order() if send == "post_order" else stop()
    simulator.fault({"fault": fault, "count": 1})
    async with gateway_to() as gateway:
        outcome = await getattr(gateway, send)(request)
    assert isinstance(outcome, Unknown)
    assert not outcome.retry_is_safe
    assert [record["phase"] for record in await records(journal, request)] == ["INTENT", "UNKNOWN"]
    assert len([call for call in simulator.calls() if call["method"] == "POST"]) == 1


async def test_a_cancel_without_an_answer_is_made_once_more(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    async with gateway_to() as gateway:
        order_id = await placed(simulator, gateway)
        simulator.fault({"fault": "drop_reply", "count": 1, "path": f"/orders/limit/{order_id}"})
        cancel = CancelOrder(account="main", orig_venue_order_id=order_id)
        outcome = await gateway.cancel_order(cancel)
    assert isinstance(outcome, Accepted)
    assert [record["phase"] for record in await records(journal, cancel, 3)] == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_an_order_that_was_one_too_many_is_sent_again_in_its_time(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    refusal = {"status": 429, "body": "", "headers": {"X-RateLimit-Reset": "1", "X-RateLimit-Remaining": "0"}}
    simulator.fault({"fault": "answer", "count": 1} | refusal)
    request = order()
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(request)
    assert isinstance(outcome, Accepted)
    assert [record["phase"] for record in await records(journal, request)] == ["INTENT", "ACCEPTED"]
    assert len(simulator.orders()) == 1


async def test_where_nobody_listens_nothing_is_sent(gateway_to: MakeGateway, journal: JournalReader):
    request = order()
    async with gateway_to({"REST_URL": "http://127.0.0.1:1"}) as gateway:
        outcome = await gateway.post_order(request)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retry_is_safe) == ("NOT_SENT", True)
    assert [record["phase"] for record in await records(journal, request)] == ["INTENT", "REJECTED"]


async def test_an_order_of_another_account_is_refused_before_anything_is_journaled(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
):
    request = order(account="other")
    async with gateway_to() as gateway:
        with pytest.raises(UsageError, match="main"):
            await gateway.post_order(request)
    assert await asyncio.to_thread(lambda: [e for e in journal.entries() if e.record["account"] == "other"]) == []
    assert simulator.calls() == []


async def test_no_call_carries_a_bearer_token(gateway_to: MakeGateway, simulator: Simulator):
    # The venue answers 400 to one that has both, so every accepted call had none.
    async with gateway_to() as gateway:
        await placed(simulator, gateway)
        await gateway.get_orders("main")
    assert {call["status"] for call in simulator.calls()} <= {200, 202}


# Queries.


async def test_orders_and_trades_are_told_as_the_venue_has_them(gateway_to: MakeGateway, simulator: Simulator):
    before_ns = time.time_ns() - 10**9
    async with gateway_to() as gateway:
        live, gone = await placed(simulator, gateway), await placed(simulator, gateway, order(quantity=Decimal(8)))
        simulator.desk.order({"action": "fill", "account": "main", "order_id": live, "quantity": "30"})
        simulator.desk.order({"action": "cancel", "account": "main", "order_id": gone})
        (active,) = await gateway.get_orders("main")
        assert (active.venue_order_id, active.venue_status, active.side) == (live, "ACTIVE", "BUY")
        (canceled,) = await gateway.get_orders("main", statuses=[OrdStatus.CANCELED])
        assert (canceled.venue_order_id, canceled.quantity) == (gone, Decimal(8))
        both = await gateway.get_orders("main", instrument="asset_btc_100k_yes", from_ns=before_ns)
        assert [each.venue_order_id for each in both] == [gone, live]
        assert await gateway.get_orders("main", instrument="other") == []
        assert await gateway.get_orders("main", to_ns=before_ns) == []
        state = await gateway.get_order_state("main", venue_order_id=live)
        assert (state.told_quantity, state.ord_type, state.price) == (Decimal(30), "LIMIT", Decimal("0.42"))
        (trade,) = await gateway.get_trades("main", venue_order_id=live)
        assert (trade.quantity, trade.price, trade.side) == (Decimal(30), Decimal("0.42"), "BUY")
        assert await gateway.get_trades("main", venue_order_id=gone) == []
        with pytest.raises(VenueError, match="no order"):
            await gateway.get_order_state("main", venue_order_id="none")
        with pytest.raises(UsageError, match="status"):
            await gateway.get_orders("main", statuses=[OrdStatus.EXPIRED])


async def test_more_orders_than_a_page_has_are_read_page_by_page(gateway_to: MakeGateway, simulator: Simulator):
    for _ in range(230):
        wish = {"action": "place", "account": "main", "instrument": "asset_btc_100k_yes", "side": "BUY"}
        simulator.desk.order(wish | {"quantity": "1", "price": "0.10"})
    async with gateway_to() as gateway:
        found = await eventually(lambda: gateway.get_orders("main"), 230)
    assert len({each.venue_order_id for each in found}) == 230


async def test_a_query_that_fails_in_passing_is_made_again(simulator: Simulator):
    simulator.fault({"fault": "answer", "status": 503, "body": "", "count": 2})
    async with OutpollQueries(venue_settings(simulator), GatewaySettings()) as queries:
        assert await queries.get_orders("main") == []


NESTED = '{"x":' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize("body", ["", "7", "<html>", '{"error":"no"}', NESTED], ids=lambda body: body[:8])
async def test_an_answer_that_cannot_be_read_is_named(simulator: Simulator, body: str):
    simulator.fault({"fault": "answer", "status": 200, "body": body, "count": 1})
    async with OutpollQueries(venue_settings(simulator), GatewaySettings()) as queries:
        with pytest.raises(VenueError, match="active-orders"):
            await queries.get_orders("main")


async def test_a_refusal_that_is_nested_without_end_is_one(simulator: Simulator):
    simulator.fault({"fault": "answer", "status": 400, "body": NESTED, "count": 1})
    async with OutpollQueries(venue_settings(simulator), GatewaySettings()) as queries:
        with pytest.raises(VenueError, match="400"):
            await queries.get_orders("main")


async def test_stop_orders_are_asked_for_by_asset_only(simulator: Simulator):
    async with OutpollQueries(venue_settings(simulator), GatewaySettings()) as queries:
        with pytest.raises(UsageError, match="instrument"):
            await queries.get_stop_orders("main")
