"""Cancels, replaces and stop orders end to end: journaled, in their turn, settled where no answer came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from uuid import uuid4

import pytest

from producers.gateways.limits import LimitError
from producers.gateways.orders import CancelOrder, CancelStopOrder, ReplaceOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.tinvest import TInvestGateway
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate
from schemas.fix import OrdType
from tests.producers.gateways.journal_reader import JournalReader
from tests.producers.gateways.test_new_orders import an_order
from tests.producers.gateways.test_other_requests import a_stop

MakeGateway = Callable[..., TInvestGateway]
ACCOUNT = "2000000001"


@pytest.fixture
async def simulator() -> AsyncIterator[TInvestSimulator]:
    """A venue at which every order stands until it is cancelled."""
    async with TInvestSimulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


async def placed(gateway: TInvestGateway, price: str = "300") -> Accepted:
    outcome = await gateway.post_order(an_order(order_request_id=str(uuid4()), price=Decimal(price)))
    assert isinstance(outcome, Accepted)
    return outcome


def a_stop_far_away() -> NewStopOrder:
    return a_stop(order_request_id=str(uuid4()), stop_price=Decimal(1), ord_type=OrdType.STOP)


async def steps(journal: JournalReader, request_id: str, count: int) -> list[tuple[str, str]]:
    return [(entry.record["action"], entry.record["phase"]) for entry in await journal.of(request_id, count)]


@pytest.mark.parametrize("by", ["venue_order_id", "order_request_id"])
async def test_an_order_is_cancelled_by_either_id(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader, by: str
) -> None:
    async with gateway_to() as gateway:
        order = await placed(gateway)
        cancel = CancelOrder(account=ACCOUNT, **{f"orig_{by}": getattr(order, by)})
        outcome = await gateway.cancel_order(cancel)
    assert isinstance(outcome, Accepted)
    assert (outcome.order_request_id, outcome.venue_order_id) == (cancel.order_request_id, None)
    assert outcome.transact_ns
    assert [each["status"] for each in simulator.orders()] == ["EXECUTION_REPORT_STATUS_CANCELLED"]
    assert await steps(journal, cancel.order_request_id, 2) == [("CANCEL", "INTENT"), ("CANCEL", "ACCEPTED")]


async def test_a_cancel_that_comes_too_late_is_rejected_with_its_reason(
    gateway_to: MakeGateway, journal: JournalReader
) -> None:
    async with gateway_to() as gateway:
        order = await placed(gateway)
        first, second = (CancelOrder(account=ACCOUNT, orig_venue_order_id=order.venue_order_id) for _ in range(2))
        await gateway.cancel_order(first)
        outcome = await gateway.cancel_order(second)
        nothing = await gateway.cancel_order(CancelOrder(account=ACCOUNT, orig_venue_order_id="1"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "30059"
    assert isinstance(nothing, Rejected)
    assert nothing.code == "50005"
    _, told = await journal.of(second.order_request_id, 2)
    assert (told.record["phase"], told.record["code"], told.record["text"]) == ("REJECTED", "30059", outcome.text)


async def test_a_replace_is_journaled_under_the_new_orders_id_and_names_the_old(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    async with gateway_to() as gateway:
        order = await placed(gateway)
        replace = ReplaceOrder(
            account=ACCOUNT,
            orig_order_request_id=order.order_request_id,
            quantity=Decimal(2),
            price=Decimal("299.50"),
        )
        outcome = await gateway.replace_order(replace)
    assert isinstance(outcome, Accepted)
    old, new = simulator.orders()
    assert (old["status"], new["order_request_id"]) == ("EXECUTION_REPORT_STATUS_CANCELLED", replace.order_request_id)
    assert new["order_id"] == outcome.venue_order_id
    intent, accepted = await journal.of(replace.order_request_id, 2)
    assert intent.record["orig_order_request_id"] == order.order_request_id
    assert accepted.record["venue_order_id"] == new["order_id"]


async def test_a_replace_of_what_is_gone_is_rejected(gateway_to: MakeGateway, simulator: TInvestSimulator) -> None:
    async with gateway_to() as gateway:
        order = await placed(gateway)
        await gateway.cancel_order(CancelOrder(account=ACCOUNT, orig_venue_order_id=order.venue_order_id))
        outcome = await gateway.replace_order(
            ReplaceOrder(
                account=ACCOUNT, orig_venue_order_id=order.venue_order_id, quantity=Decimal(1), price=Decimal(299)
            )
        )
    assert isinstance(outcome, Rejected)
    assert outcome.code == "30059"
    assert len(simulator.orders()) == 1


async def test_a_replace_without_an_answer_is_settled_by_the_new_orders_id(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    async with gateway_to(order_timeout_s=2) as gateway:
        order = await placed(gateway)
        simulator.fault({"fault": "drop_reply", "method": "ReplaceOrder"})
        replace = ReplaceOrder(
            account=ACCOUNT, orig_venue_order_id=order.venue_order_id, quantity=Decimal(1), price=Decimal(299)
        )
        outcome = await gateway.replace_order(replace)
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == simulator.orders()[1]["order_id"]
    phases = ("INTENT", "UNKNOWN", "ACCEPTED")
    assert await steps(journal, replace.order_request_id, 3) == [("REPLACE", phase) for phase in phases]
    assert simulator.stats()["OrdersService/ReplaceOrder"] == 1


async def test_a_stop_order_is_placed_and_cancelled(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    stop = a_stop_far_away()
    async with gateway_to() as gateway:
        outcome = await gateway.post_stop_order(stop)
        (known,) = simulator.stop_orders()
        assert isinstance(outcome, Accepted)
        assert outcome.venue_order_id == known["stop_order_id"]
        (told,) = await gateway.get_stop_orders(ACCOUNT)
        assert (told.venue_order_id, told.ord_type) == (known["stop_order_id"], OrdType.STOP)
        cancel = CancelStopOrder(account=ACCOUNT, orig_venue_order_id=outcome.venue_order_id)
        assert isinstance(await gateway.cancel_stop_order(cancel), Accepted)
        too_late = await gateway.cancel_stop_order(
            CancelStopOrder(account=ACCOUNT, orig_venue_order_id=outcome.venue_order_id)
        )
        assert isinstance(too_late, Rejected)
        assert await gateway.get_stop_orders(ACCOUNT) == []
    assert await steps(journal, stop.order_request_id, 2) == [("NEW_STOP", "INTENT"), ("NEW_STOP", "ACCEPTED")]
    assert await steps(journal, cancel.order_request_id, 2) == [("CANCEL_STOP", "INTENT"), ("CANCEL_STOP", "ACCEPTED")]


async def test_a_stop_order_without_an_answer_is_sent_again_under_its_key_and_there_is_one(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.fault({"fault": "drop_reply", "method": "PostStopOrder"})
    stop = a_stop_far_away()
    async with gateway_to(order_timeout_s=2) as gateway:
        outcome = await gateway.post_stop_order(stop)
    (known,) = simulator.stop_orders()
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == known["stop_order_id"]
    phases = [phase for _, phase in await steps(journal, stop.order_request_id, 3)]
    assert phases == ["INTENT", "UNKNOWN", "ACCEPTED"]


async def test_a_cancel_that_was_not_carried_out_before_its_answer_got_lost_is_made_again(
    gateway_to: MakeGateway, simulator: TInvestSimulator
) -> None:
    async with gateway_to(order_timeout_s=2) as gateway:
        order = await placed(gateway)
        simulator.fault({"fault": "answer", "status": 503, "method": "CancelOrder"})
        outcome = await gateway.cancel_order(CancelOrder(account=ACCOUNT, orig_venue_order_id=order.venue_order_id))
    assert isinstance(outcome, Accepted)
    assert [each["status"] for each in simulator.orders()] == ["EXECUTION_REPORT_STATUS_CANCELLED"]


async def test_that_a_second_cancel_is_refused_says_nothing_of_the_first(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    async with gateway_to(order_timeout_s=2) as gateway:
        order = await placed(gateway)
        simulator.fault({"fault": "drop_reply", "method": "CancelOrder"})
        cancel = CancelOrder(account=ACCOUNT, orig_venue_order_id=order.venue_order_id)
        outcome = await gateway.cancel_order(cancel)
    assert isinstance(outcome, Unknown)
    assert await steps(journal, cancel.order_request_id, 2) == [("CANCEL", "INTENT"), ("CANCEL", "UNKNOWN")]


async def test_an_order_refused_for_a_limit_is_sent_again_after_its_reset(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.limit({"methods": {"PostOrder": {"calls": 1, "seconds": 1}}})
    orders = [an_order(order_request_id=str(uuid4())) for _ in range(3)]
    async with gateway_to(order_turn_timeout_s=20) as gateway:
        outcomes = await asyncio.gather(*map(gateway.post_order, orders))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert len(simulator.orders()) == 3
    for order in orders:
        phases = [phase for _, phase in await steps(journal, order.order_request_id, 2)]
        assert phases == ["INTENT", "ACCEPTED"]


async def test_without_a_turn_in_time_nothing_is_journaled_or_sent(
    gateway_to: MakeGateway, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    simulator.limit({"methods": {"PostOrder": {"calls": 1, "seconds": 600}}})
    first, second = (an_order(order_request_id=str(uuid4())) for _ in range(2))
    async with gateway_to(order_turn_timeout_s=0.2) as gateway:
        await gateway.post_order(first)
        with pytest.raises(LimitError, match="PostOrder"):
            await gateway.post_order(second)
        # A cancel has a budget of its own.
        cancel = CancelOrder(account=ACCOUNT, orig_order_request_id=first.order_request_id)
        assert isinstance(await gateway.cancel_order(cancel), Accepted)
    assert await journal.of(second.order_request_id, 0) == []
    assert len(simulator.orders()) == 1


async def test_with_told_limits_only_what_the_venue_tells_makes_a_call_wait(
    gateway_to: MakeGateway, simulator: TInvestSimulator
) -> None:
    # More than the venue documents for a second.
    orders = [an_order(order_request_id=str(uuid4())) for _ in range(80)]
    async with gateway_to(call_limits="told", calls_per_s=1000, order_turn_timeout_s=0.5) as gateway:
        outcomes = await asyncio.gather(*map(gateway.post_order, orders))
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        simulator.limit({"methods": {"PostOrder": {"calls": 1, "seconds": 600}}})
        await gateway.post_order(an_order(order_request_id=str(uuid4())))
        with pytest.raises(LimitError, match="PostOrder"):
            await gateway.post_order(an_order(order_request_id=str(uuid4())))
