"""Order entry at Ripio end to end: a real broker, the simulated venue on a real socket."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from dropcopy.errors import UsageError
from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.ripio import RipioGateway
from producers.gateways.settings import GatewaySettings
from producers.venues.ripio import VenueSettings
from producers.venues.ripio.errors import RipioError
from sandbox.ports import free_ports
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce
from tests.producers.feeds.venue_stream import until
from tests.producers.gateways.journal_reader import JournalReader

ACCOUNT = "ripio-1"
MakeGateway = Callable[..., RipioGateway]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


@pytest.fixture
def gateway_to(stack: Stack, simulator: Simulator) -> MakeGateway:
    """Make a gateway to the simulator; what is named in upper case is of the venue's settings."""

    def make(venue: Simulator = simulator, **options: Any) -> RipioGateway:
        told = {f"DROPCOPY_RIPIO_{name}": str(options.pop(name)) for name in list(options) if name.isupper()}
        settings = VenueSettings.load(venue.environment | told)
        return RipioGateway(stack.settings, settings, GatewaySettings.model_validate(options))

    return make


def an_order(**changes: Any) -> NewOrder:
    facts: dict[str, Any] = {
        "account": ACCOUNT,
        "instrument": "BTC_BRL",
        "side": Side.BUY,
        "ord_type": OrdType.LIMIT,
        "quantity": Decimal("0.01"),
        "price": Decimal(200_000),
    }
    return NewOrder(**(facts | changes))


async def phases(journal: JournalReader, request: Any, count: int = 2) -> list[str]:
    return [entry.record["phase"] for entry in await journal.of(request.order_request_id, count)]


async def placed(gateway: RipioGateway, **changes: Any) -> tuple[NewOrder, str]:
    """Place an order; return it and the venue's id of it."""
    order = an_order(**changes)
    outcome = await gateway.post_order(order)
    assert isinstance(outcome, Accepted), outcome
    assert outcome.venue_order_id is not None
    return order, outcome.venue_order_id


def cancel_of(**orig: str) -> CancelOrder:
    return CancelOrder(account=ACCOUNT, **orig)


async def test_an_accepted_order_is_journaled_before_and_after_and_known_by_its_request_id(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    async with gateway_to() as gateway:
        order, venue_order_id = await placed(gateway)
    (taken,) = simulator.orders()
    assert (taken["order_request_id"], taken["order_id"]) == (order.order_request_id, venue_order_id)
    intent, accepted = await journal.of(order.order_request_id, 2)
    assert (intent.record["phase"], accepted.record["phase"]) == ("INTENT", "ACCEPTED")
    assert (accepted.record["venue_order_id"], accepted.record["venue_status"]) == (venue_order_id, "open")
    assert (intent.record["price"], intent.record["quantity"]) == ("200000", "0.01")
    assert intent.key == accepted.key == b"ripio:ripio-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL},
        {"time_in_force": TimeInForce.FILL_OR_KILL},
        {"post_only": True},
        {"ord_type": OrdType.MARKET, "price": None},
        {"ord_type": OrdType.MARKET, "price": None, "quantity": None, "cash_order_qty": Decimal("1000.50")},
        {"ord_type": OrdType.STOP_LIMIT, "stop_price": Decimal(310_000), "price": Decimal(311_000)},
        {"ord_type": OrdType.TRAILING_STOP, "price": None, "peg_offset_value": Decimal(1000)},
        {"ord_type": OrdType.CEILING, "price": None, "quantity": None, "cash_order_qty": Decimal(500)},
        {"ord_type": OrdType.ICEBERG, "display_qty": Decimal("0.002")},
        {"quantity": Decimal("0.00001001")},
        {"side": Side.SELL, "price": Decimal(400_000)},
    ],
)
async def test_the_venue_takes_every_kind_of_order_with_its_signature(
    gateway_to: MakeGateway, simulator: Simulator, changes: dict[str, Any]
) -> None:
    async with gateway_to() as gateway:
        await placed(gateway, **changes)
    assert len(simulator.orders()) == 1


async def test_an_expiration_is_told(gateway_to: MakeGateway, simulator: Simulator) -> None:
    at_ns = 4_000_000_000 * 1_000_000_000
    async with gateway_to() as gateway:
        await placed(gateway, time_in_force=TimeInForce.GOOD_TILL_DATE, expire_ns=at_ns)
    assert len(simulator.orders()) == 1


async def test_a_refusal_is_journaled_with_its_code_and_what_to_do(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "reject", "count": 1})
    order = an_order()
    async with gateway_to() as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "40011"
    assert outcome.advice
    assert await phases(journal, order) == ["INTENT", "REJECTED"]


async def test_wrong_credentials_are_refused_by_name_and_shown_nowhere(gateway_to: MakeGateway) -> None:
    async with gateway_to(API_SECRET="another-secret") as gateway:
        outcome = await gateway.post_order(an_order())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.retry_is_safe) == ("40100", False)
    assert "DROPCOPY_RIPIO_API_SECRET" in (outcome.advice or "")
    assert "another-secret" not in repr(outcome)


@pytest.mark.parametrize("name", ["orig_venue_order_id", "orig_order_request_id"])
async def test_an_order_is_cancelled_by_either_of_its_ids(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, name: str
) -> None:
    async with gateway_to() as gateway:
        order, venue_order_id = await placed(gateway)
        ids = {"orig_venue_order_id": venue_order_id, "orig_order_request_id": order.order_request_id}
        cancel = cancel_of(**{name: ids[name]})
        outcome = await gateway.cancel_order(cancel)
        again = await gateway.cancel_order(cancel_of(**{name: ids[name]}))
    assert isinstance(outcome, Accepted)
    assert [entry["status"] for entry in simulator.orders()] == ["canceled"]
    intent, _ = await journal.of(cancel.order_request_id, 2)
    assert (intent.record["action"], intent.record[name]) == ("CANCEL", ids[name])
    assert isinstance(again, Rejected)
    assert again.code == "40020"


@pytest.mark.parametrize("name", ["orig_venue_order_id", "orig_order_request_id"])
async def test_an_order_is_amended_in_place_by_either_of_its_ids(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, name: str
) -> None:
    async with gateway_to() as gateway:
        order, venue_order_id = await placed(gateway)
        ids = {"orig_venue_order_id": venue_order_id, "orig_order_request_id": order.order_request_id}
        amend = AmendOrder(account=ACCOUNT, price=Decimal(210_000), quantity=Decimal("0.02"), **{name: ids[name]})
        outcome = await gateway.amend_order(amend)
        state = await gateway.get_order_state(ACCOUNT, venue_order_id=venue_order_id)
    assert isinstance(outcome, Accepted)
    assert (state.price, state.requested_amount, state.order_request_id) == (
        Decimal(210_000),
        Decimal("0.02"),
        order.order_request_id,
    )
    intent, _ = await journal.of(amend.order_request_id, 2)
    assert (intent.record["action"], intent.record["price"]) == ("AMEND", "210000")
    assert len(simulator.orders()) == 1


async def test_an_amend_of_an_order_that_the_venue_does_not_know_journals_nothing(
    gateway_to: MakeGateway, journal: JournalReader
) -> None:
    amend = AmendOrder(account=ACCOUNT, price=Decimal(1), orig_order_request_id=str(uuid4()))
    async with gateway_to() as gateway:
        with pytest.raises(RipioError, match="40400"):
            await gateway.amend_order(amend)
    assert await journal.of(amend.order_request_id, 1, timeout_s=0) == []


@pytest.mark.parametrize("fault", ["drop_reply", "cut_reply"])
async def test_an_order_without_an_answer_is_found_by_its_request_id_and_never_sent_again(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, fault: str
) -> None:
    simulator.fault({"fault": fault, "count": 1})
    order = an_order()
    async with gateway_to(order_timeout_s=2) as gateway:
        outcome = await gateway.post_order(order)
    (taken,) = simulator.orders()
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == taken["order_id"]
    assert await phases(journal, order, 3) == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_an_order_that_the_venue_never_heard_of_stays_unknown(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "answer", "status": 502, "body": "<html>", "count": 1, "path": "POST /orders"})
    order = an_order()
    async with gateway_to(order_settle_timeout_s=0.5) as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "HTTP_502"
    assert await phases(journal, order) == ["INTENT", "UNKNOWN"]


async def test_a_cancel_without_an_answer_is_repeated_and_an_order_already_canceled_is_what_was_wished(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    async with gateway_to(order_timeout_s=2) as gateway:
        _, venue_order_id = await placed(gateway)
        simulator.fault({"fault": "drop_reply", "count": 1, "path": "DELETE /orders"})
        cancel = cancel_of(orig_venue_order_id=venue_order_id)
        outcome = await gateway.cancel_order(cancel)
    assert isinstance(outcome, Accepted)
    assert await phases(journal, cancel, 3) == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_a_call_refused_for_its_rate_waits_for_another_turn(
    gateway_to: MakeGateway, simulator: Simulator
) -> None:
    answer = {"status": 429, "body": '{"message":"Too many requests"}'}
    simulator.fault({"fault": "answer", "count": 1, "path": "POST /orders"} | answer)
    async with gateway_to() as gateway:
        await placed(gateway)
    assert len(simulator.orders()) == 1


async def test_an_order_is_not_sent_again_after_a_429_that_says_that_it_may_have_been_taken(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    answer = {"status": 429, "body": '{"error_code":50002,"message":"External communication error","data":null}'}
    simulator.fault({"fault": "answer", "count": 1, "path": "POST /orders"} | answer)
    order = an_order()
    async with gateway_to(order_settle_timeout_s=0) as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Unknown)
    assert simulator.orders() == []
    assert await phases(journal, order) == ["INTENT", "UNKNOWN"]


async def test_where_nobody_listens_nothing_was_sent(gateway_to: MakeGateway, journal: JournalReader) -> None:
    (port,) = free_ports(1)
    order = an_order()
    async with gateway_to(REST_URL=f"http://127.0.0.1:{port}/v4") as gateway:
        outcome = await gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert await phases(journal, order) == ["INTENT", "REJECTED"]


async def test_what_cannot_be_said_to_the_venue_is_neither_journaled_nor_sent(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader
) -> None:
    order = an_order(time_in_force=TimeInForce.DAY)
    async with gateway_to() as gateway:
        with pytest.raises(UsageError, match="time_in_force=DAY"):
            await gateway.post_order(order)
    assert simulator.calls() == []
    assert await journal.of(order.order_request_id, 1, timeout_s=0) == []


async def test_open_orders_and_those_of_a_status_a_pair_and_a_time_are_listed(
    gateway_to: MakeGateway, simulator: Simulator
) -> None:
    async with gateway_to() as gateway:
        _, first = await placed(gateway)
        _, second = await placed(gateway, instrument="ETH_BRL", price=Decimal(10_000), quantity=Decimal(1))
        await gateway.cancel_order(cancel_of(orig_venue_order_id=second))

        async def listed(**filters: Any) -> set[str]:
            return {order.venue_order_id for order in await gateway.get_orders(ACCOUNT, **filters)}

        assert await listed() == {first}
        assert await listed(instrument="ETH_BRL") == set()
        assert await listed(statuses=[OrdStatus.CANCELED]) == {second}
        assert await listed(statuses=[OrdStatus.NEW, OrdStatus.CANCELED]) == {first, second}
        assert await listed(statuses=[OrdStatus.CANCELED], instrument="BTC_BRL") == set()
        assert await listed(from_ns=4_000_000_000 * 1_000_000_000, instrument="BTC_BRL") == set()
        with pytest.raises(UsageError, match="status=REJECTED"):
            await listed(statuses=[OrdStatus.REJECTED])


async def test_trades_are_listed_by_order_by_request_id_and_by_pair_with_their_fees(
    gateway_to: MakeGateway, simulator: Simulator
) -> None:
    async with gateway_to() as gateway:
        order, venue_order_id = await placed(gateway)
        simulator.desk.order({"action": "fill", "account": ACCOUNT, "order_id": venue_order_id})
        await until(lambda: simulator.orders()[0]["final"])
        by_id = await gateway.get_trades(ACCOUNT, venue_order_id=venue_order_id)
        by_request = await gateway.get_trades(ACCOUNT, order_request_id=order.order_request_id)
        of_account = await gateway.get_trades(ACCOUNT)
        of_another_pair = await gateway.get_trades(ACCOUNT, instrument="ETH_BRL")
    assert by_id == by_request == of_account
    assert of_another_pair == []
    assert {trade.trade_id for trade in by_id} == {trade["trade_id"] for trade in simulator.orders()[0]["trades"]}
    assert sum(trade.quantity for trade in by_id) == order.quantity
    assert {trade.venue_order_id for trade in by_id} == {venue_order_id}
    assert all(trade.fee and trade.fee_currency == "BTC" for trade in by_id)


async def test_all_pages_of_a_list_are_read(
    gateway_to: MakeGateway, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producers.gateways.ripio.requests.PAGE_SIZE", 2)
    async with gateway_to() as gateway:
        ids = {(await placed(gateway))[1] for _ in range(5)}
        assert {order.venue_order_id for order in await gateway.get_orders(ACCOUNT)} == ids
    assert len([call for call in simulator.calls() if "/orders/open" in call["path"]]) == 3


async def test_an_order_that_the_venue_does_not_know_is_said_to_be_so(gateway_to: MakeGateway) -> None:
    async with gateway_to() as gateway:
        with pytest.raises(RipioError, match="40400") as refused:
            await gateway.get_order_state(ACCOUNT, order_request_id=str(uuid4()))
    assert refused.value.hint


@pytest.mark.parametrize("request_", [an_order(account="mine"), CancelOrder(account="mine", orig_venue_order_id="1")])
async def test_a_request_for_another_account_than_the_tokens_is_refused_before_it_is_journaled(
    gateway_to: MakeGateway, simulator: Simulator, journal: JournalReader, request_: NewOrder | CancelOrder
) -> None:
    async with gateway_to() as gateway:
        send = gateway.post_order if isinstance(request_, NewOrder) else gateway.cancel_order
        with pytest.raises(UsageError, match="account=mine: the token is that of ripio-1") as refused:
            await send(request_)  # type: ignore[arg-type]  # each by its own method
    assert "DROPCOPY_RIPIO_ACCOUNT" in refused.value.hint
    assert simulator.orders() == []
    assert not any(entry.key == b"ripio:mine" for entry in journal.entries())
