"""Ripio end to end: gateway, simulated venue, feed and processor, and what readers see is what the venue holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from dropcopy.errors import DropcopyError
from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.ripio import RipioGateway
from producers.gateways.settings import GatewaySettings
from producers.venues.ripio import VenueSettings
from sandbox.processes import Process
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from tests.integration.days import WAITING, Results, feed_and_worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The venue's words for where an order stands, in FIX's.
STATUSES = {
    "open": "NEW",
    "executed_partially": "PARTIALLY_FILLED",
    "executed_completely": "FILLED",
    "canceled": "CANCELED",
}


class Day(Results):
    """The venue, what goes to it, and all that readers of the results have seen."""

    def __init__(self, stack: Stack, venue: Simulator, gateway: RipioGateway, processes: list[Process]) -> None:
        super().__init__(stack)
        self.venue = venue
        self.gateway = gateway
        self.processes = processes
        self.account = venue.accounts[0]

    def order(self, **changes: Any) -> NewOrder:
        fields: dict[str, Any] = {
            "account": self.account,
            "instrument": "BTC_BRL",
            "side": Side.BUY,
            "ord_type": OrdType.LIMIT,
            "quantity": Decimal("0.01"),
            "price": Decimal(200_000),
        }
        return NewOrder(**(fields | changes))

    async def placed(self, **changes: Any) -> tuple[str, str]:
        """Place an order; return our id and the venue's once it is known to be alive under both."""
        order = self.order(**changes)
        outcome = await self.gateway.post_order(order)
        assert isinstance(outcome, Accepted), outcome
        key, order_id = order.order_request_id, str(outcome.venue_order_id)
        await self.until(
            lambda: (
                self.latest.get(key, {}).get("join_status") == "MATCHED"
                and bool({"NEW", "TRADE"} & set(self.steps(key)))
            ),
            lambda: (key, self.latest.get(key), self.steps(key)),
        )
        assert self.latest[key]["venue_order_id"] == order_id
        return key, order_id

    def happen(self, action: str, order_id: str, **wish: str) -> None:
        self.venue.desk.order({"action": action, "account": self.account, "order_id": order_id} | wish)

    async def until_agreed(self) -> None:
        """Read on until the results are what the venue holds, and nothing that was submitted is left out."""
        await self.until(
            lambda: not self.differences() and not self.unaccounted(),
            lambda: [*self.differences(), *self.unaccounted()],
        )
        assert self.told_twice() == []

    def differences(self) -> list[str]:
        """Say what the results and the venue do not agree on."""
        return [text for order in self.venue.orders() if order["told"] for text in self._of_order(order)]

    def _of_order(self, order: dict[str, Any]) -> list[str]:
        key = order["order_request_id"] or f"ripio:{order['order_id']}"
        known, reason = self.latest.get(key, {}), self.unmatched.get(key, {}).get("reason")
        waits = known.get("ord_status") in WAITING and not order["final"]
        unsure = waits or self._amends_unanswered(order)
        told = {
            "ord_status": STATUSES[order["status"]] if waits else known.get("ord_status"),
            "order_qty": Decimal(known.get("order_qty") or 0),
            "price": None if unsure or order["price"] is None else Decimal(known.get("price") or 0),
            "joined": known.get("join_status") == "MATCHED" or (order["source"] == "SITE" and reason),
            "fills": {
                trade_id: tuple(fill[name] for name in ("commission_currency", "last_liquidity_ind"))
                + tuple(Decimal(fill[name]) for name in ("last_qty", "last_px", "commission"))
                for trade_id, fill in self.fills(key).items()
            },
        }
        held = {
            "ord_status": STATUSES[order["status"]],
            "order_qty": Decimal(order["quantity"]),
            "price": None if unsure or order["price"] is None else Decimal(order["price"]),
            "joined": True if order["source"] == "API" else "NOT_SUBMITTED_HERE",
            "fills": {
                trade["trade_id"]: (
                    trade["fee_currency"],
                    "REMOVED_LIQUIDITY" if trade["is_taker"] else "ADDED_LIQUIDITY",
                    *(Decimal(trade[name]) for name in ("quantity", "price", "fee")),
                )
                for trade in order["trades"]
            },
        }
        return [
            *(f"{key}: {name}={told[name]}, not {held[name]}" for name in held if told[name] != held[name]),
            *self.quantity_problems(key),
        ]

    def _amends_unanswered(self, order: dict[str, Any]) -> bool:
        """Tell whether an amend may have been made or not: of the price the submitted side is believed."""
        ids = {order["order_request_id"], order["order_id"]}
        amends = [each for each in self.submitted if each["action"] == "AMEND"]
        amends = [each for each in amends if ids & {each["orig_order_request_id"], each["orig_venue_order_id"]}]
        phases = {each["order_request_id"]: each["phase"] for each in amends}
        return "UNKNOWN" in phases.values() or "INTENT" in phases.values()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    async with AsyncExitStack() as opened:
        venue = await opened.enter_async_context(Simulator(speed=20, fates={Fate.REST: 1}))
        folder = tmp_path_factory.mktemp("ripio")
        at_work = feed_and_worker(stack, folder, "ripio", venue.environment, lambda: venue.stats()["subscriptions"] > 0)
        processes = await opened.enter_async_context(at_work)
        settings = GatewaySettings(order_timeout_s=1.5, order_settle_timeout_s=1)
        gateway = RipioGateway(stack.settings, VenueSettings.load(venue.environment), settings)
        await opened.enter_async_context(gateway)
        yield opened.enter_context(Day(stack, venue, gateway, processes))


@pytest.fixture
def day(running: Day) -> Iterator[Day]:
    assert not running.venue.stats()["pending_faults"]
    yield running
    for process in running.processes:
        process.check()


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"ord_type": OrdType.ICEBERG, "display_qty": Decimal("0.002")},
        {"ord_type": OrdType.STOP_LIMIT, "price": Decimal(311_000), "stop_price": Decimal(310_000)},
        {"ord_type": OrdType.TRAILING_STOP, "price": None, "side": Side.SELL, "peg_offset_value": Decimal(1_000)},
    ],
    ids=lambda order: str(order.get("ord_type", "LIMIT")),
)
async def test_an_order_is_followed_to_its_last_fill_with_fees_and_no_quantity_counted_twice(
    day: Day, order: dict[str, Any]
) -> None:
    key, order_id = await day.placed(**order)
    if "stop_price" in order or "peg_offset_value" in order:
        day.happen("trigger", order_id)
    day.happen("fill", order_id, quantity="0.004")
    await day.until_latest(key, ord_status="PARTIALLY_FILLED", cum_qty="0.004", leaves_qty="0.006")
    day.happen("fill", order_id)
    last = await day.until_latest(key, ord_status="FILLED", cum_qty="0.01", leaves_qty="0", submitted_quantity="0.01")
    await day.until_agreed()

    assert len(day.fills(key)) == 2
    assert last["ord_type"] == order.get("ord_type", "LIMIT")
    assert last["stop_price"] == ("310000" if "stop_price" in order else None)
    assert key not in day.unmatched


@pytest.mark.parametrize(
    "order",
    [
        {"ord_type": OrdType.MARKET},
        {"ord_type": OrdType.MARKET, "quantity": None, "cash_order_qty": Decimal(3_000)},
        {"ord_type": OrdType.CEILING, "quantity": None, "cash_order_qty": Decimal(3_000)},
    ],
    ids=["quantity", "amount of money", "ceiling"],
)
async def test_an_order_without_a_price_is_filled_for_what_was_asked(day: Day, order: dict[str, Any]) -> None:
    key, _ = await day.placed(**(order | {"price": None}))
    last = await day.until_latest(key, ord_status="FILLED", leaves_qty="0")
    await day.until_agreed()

    spent = sum(Decimal(fill["last_qty"]) * Decimal(fill["last_px"]) for fill in day.fills(key).values())
    assert (last["submitted_quantity"] is None) is ("cash_order_qty" in order)
    assert last["cash_order_qty"] == ("3000" if "cash_order_qty" in order else None)
    assert last["submitted_quantity"] == last["cum_qty"] or Decimal(2_999) < spent <= Decimal(3_000)


@pytest.mark.parametrize("named", ["orig_order_request_id", "orig_venue_order_id"])
async def test_an_amend_changes_the_order_in_place(day: Day, named: str) -> None:
    key, order_id = await day.placed()
    day.happen("fill", order_id, quantity="0.004")
    await day.until_latest(key, cum_qty="0.004")
    name = {"orig_order_request_id": key, "orig_venue_order_id": order_id}[named]
    amend = AmendOrder(account=day.account, price=Decimal(210_000), quantity=Decimal("0.02"), **{named: name})
    assert isinstance(await day.gateway.amend_order(amend), Accepted)
    await day.until_latest(
        key, ord_status="PARTIALLY_FILLED", price="210000", order_qty="0.02", cum_qty="0.004", leaves_qty="0.016"
    )
    await day.until_steps(key, "PENDING_REPLACE", "REPLACED")
    day.happen("fill", order_id)
    await day.until_latest(key, ord_status="FILLED", cum_qty="0.02", venue_order_id=order_id)
    await day.until_agreed()

    replaced = next(event for event in day.of(key) if event["exec_type"] == "REPLACED")
    assert replaced["change_request_id"] == amend.order_request_id


@pytest.mark.parametrize("named", ["orig_order_request_id", "orig_venue_order_id"])
async def test_a_cancel_after_a_fill_ends_the_order_and_a_late_one_is_refused(day: Day, named: str) -> None:
    key, order_id = await day.placed()
    day.happen("fill", order_id, quantity="0.003")
    await day.until_latest(key, cum_qty="0.003")
    name = {"orig_order_request_id": key, "orig_venue_order_id": order_id}[named]
    cancel, late = (CancelOrder(account=day.account, **{named: name}) for _ in range(2))
    assert isinstance(await day.gateway.cancel_order(cancel), Accepted)
    await day.until_latest(key, ord_status="CANCELED", cum_qty="0.003", leaves_qty="0")
    assert isinstance(await day.gateway.cancel_order(late), Rejected)
    await day.until_steps(key, "NEW", "TRADE", "PENDING_CANCEL", "CANCELED", "PENDING_CANCEL", "CANCEL_REJECTED")
    await day.until_agreed()

    refused = next(event for event in day.of(key) if event["exec_type"] == "CANCEL_REJECTED")
    assert (refused["change_request_id"], refused["ord_status"]) == (late.order_request_id, "CANCELED")
    assert refused["text"]


async def test_an_order_that_the_venue_refuses_is_rejected_with_its_reason(day: Day) -> None:
    day.venue.fault({"fault": "reject", "count": 1})
    order = day.order()
    outcome = await day.gateway.post_order(order)
    assert isinstance(outcome, Rejected)
    key = order.order_request_id
    last = await day.until_latest(key, ord_status="REJECTED", join_status="MATCHED", cum_qty="0", leaves_qty="0")

    assert last["text"] == outcome.text
    assert key not in {held["order_request_id"] for held in day.venue.orders()}
    assert key not in day.unmatched


async def test_an_order_without_an_answer_is_one_order_and_matched(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 1})
    key, order_id = await day.placed()
    assert [held["order_id"] for held in day.venue.orders() if held["order_request_id"] == key] == [order_id]
    await day.until_agreed()


async def test_an_order_that_the_venue_took_and_forgot_has_no_reply(day: Day) -> None:
    day.venue.fault({"fault": "ignore", "count": 1})
    order = day.order()
    assert isinstance(await day.gateway.post_order(order), Accepted)
    key = order.order_request_id
    await day.until(lambda: day.unmatched.get(key, {}).get("reason") == "NO_VENUE_REPLY", lambda: day.unmatched)


async def test_an_order_that_never_reached_the_venue_is_not_taken_for_an_equal_one_of_the_web_site(day: Day) -> None:
    day.venue.fault({"fault": "delay", "side": "rest", "seconds": 60, "when": "before", "path": "POST /orders"})
    order = day.order(price=Decimal(190_000))
    wish = {"action": "place", "account": day.account, "pair": "BTC_BRL", "side": "BUY", "quantity": "0.01"}
    other = day.venue.desk.order(wish | {"price": "190000"})
    assert isinstance(await day.gateway.post_order(order), Unknown)

    def reasons() -> list[Any]:
        records = (day.unmatched.get(key, {}) for key in (order.order_request_id, f"ripio:{other['order_id']}"))
        return [(record.get("status"), record.get("reason")) for record in records]

    await day.until(
        lambda: reasons() == [("UNMATCHED", "OUTCOME_UNKNOWN"), ("UNMATCHED", "NOT_SUBMITTED_HERE")], reasons
    )
    await day.until_agreed()
    assert day.latest[order.order_request_id]["venue_order_id"] is None


async def test_a_message_left_out_is_a_gap_that_rest_fills(day: Day) -> None:
    key, order_id = await day.placed()
    before = len(day.feeds)
    day.venue.fault({"fault": "skip_sequence", "count": 2})
    day.happen("fill", order_id)
    await day.placed()

    def closed() -> bool:
        gaps = [feed for feed in day.feeds[before:] if feed["reason"] == "sequence_gap"]
        return bool(gaps) and gaps[-1]["reconciled_ns"] >= gaps[-1]["gap_to_ns"] > gaps[-1]["gap_from_ns"]

    await day.until(closed, lambda: day.feeds[before:])
    await day.until_agreed()
    assert {fill["source"] for fill in day.fills(key).values()} == {"reconciliation"}
    assert {feed["status"] for feed in day.feeds[before:]} == {"UP"}
    assert day.dead == []


FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "cut"},
    {"fault": "lose", "count": 3},
    {"fault": "skip_sequence", "count": 2},
    {"fault": "reset_sequence"},
    {"fault": "duplicate", "count": 3},
    {"fault": "malformed"},
    {"fault": "close", "code": 1001},
    {"fault": "silence", "seconds": 0.5},
    {"fault": "delay", "side": "stream", "seconds": 0.5, "count": 3},
    {"fault": "delay", "side": "rest", "seconds": 0.5, "count": 3},
    {"fault": "drop_reply"},
    {"fault": "cut_reply"},
    {"fault": "drop_reply", "path": "DELETE /orders"},
    {"fault": "cut_reply", "path": "PUT /orders"},
    {"fault": "ignore"},
    {"fault": "refuse_ticket", "count": 1},
    {"fault": "answer", "status": 503, "body": "", "path": "GET "},
    {"fault": "refuse", "code": 50000, "path": "POST /orders"},
    {"fault": "reject", "count": 1},
    {"fault": "fill", "count": 2},
    {"fault": "partial_cancel", "count": 1},
)


@pytest.mark.timeout(170)
async def test_after_any_sequence_of_faults_the_latest_states_are_the_venues_own(day: Day) -> None:
    chance = Random(1)
    done: Counter[str] = Counter()
    async with asyncio.TaskGroup() as deeds:
        for _ in range(100):
            deeds.create_task(_deed(day, chance, done))
            if chance.random() < 0.25:
                day.venue.fault(chance.choice(FAULTS))
            await asyncio.sleep(0.05)

    await day.until_agreed()
    assert min(done[kind] for kind in ("order", "amend", "cancel", "fill")) >= 1, done
    requests = Counter(order["order_request_id"] for order in day.venue.orders() if order["source"] == "API")
    assert set(requests.values()) == {1}
    assert set(requests) <= {each["order_request_id"] for each in day.submitted}
    assert {letter["value"][:4] for letter in day.dead} <= {'{"id'}


async def _deed(day: Day, chance: Random, done: Counter[str]) -> None:
    alive = [order for order in day.venue.orders() if not order["final"] and order["order_type"] == "limit"]
    alive = [order for order in alive if order["told"] and order["source"] == "API"]
    kind = chance.choice(["order", "order", *(["amend", "cancel", "fill"] * bool(alive))])
    order = chance.choice(alive) if alive else {}
    by = chance.choice(
        [
            {"orig_order_request_id": order.get("order_request_id")},
            {"orig_venue_order_id": order.get("order_id")},
        ]
    )
    try:
        if kind == "order":
            await day.gateway.post_order(day.order(quantity=Decimal(chance.randint(1, 9)) / 1000))
        elif kind == "fill":
            day.happen("fill", order["order_id"], quantity="0.0005")
        elif kind == "cancel":
            await day.gateway.cancel_order(CancelOrder(account=day.account, **by))
        else:
            await day.gateway.amend_order(AmendOrder(account=day.account, price=Decimal(210_000), **by))
    except (DropcopyError, ValueError):
        return  # too late for it, or not sent: nothing happened that the venue would know
    done[kind] += 1
