"""Outpoll end to end: gateway, simulated venue, both feeds, processor; what readers see is what the venue holds."""

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
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder
from producers.gateways.outcomes import Accepted, Unknown
from producers.gateways.outpoll import OutpollGateway
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.venues.outpoll import VenueSettings
from sandbox.processes import Process
from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from tests.integration.days import Results, feed_and_worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASSET = "asset_btc_100k_yes"
IDS: dict[str, Any] = {"instrument": ASSET, "event": "evt_btc_100k_2026", "outcome": "mkt_btc_100k_yes_no"}
# The venue's words for where an order stands, in FIX's; one that is active and partly filled is so in FIX alone.
STATUSES = {
    "ACTIVE": "NEW",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "TRIGGERED": "TRIGGERED",
}
STOPS: dict[OrdType, dict[str, Any]] = {
    OrdType.TAKE_PROFIT_STOP_LOSS: {"stop_price": Decimal("0.05"), "take_profit_price": Decimal("0.95")},
    OrdType.TAKE_PROFIT: {"stop_price": Decimal("0.96")},
    OrdType.STOP: {"stop_price": Decimal("0.04")},
}


class Day(Results):
    """The venue, what goes to it, and all that readers of the results have seen."""

    def __init__(self, stack: Stack, venue: Simulator, gateway: OutpollGateway, processes: list[Process]) -> None:
        super().__init__(stack)
        self.venue = venue
        self.gateway = gateway
        self.processes = processes
        self.account = venue.accounts[0]

    def order(self, **changes: Any) -> NewOrder:
        facts: dict[str, Any] = {
            "account": self.account,
            "side": Side.BUY,
            "ord_type": OrdType.LIMIT,
            "quantity": Decimal(10),
            "price": Decimal("0.41"),
        }
        return NewOrder(**(facts | IDS | changes))

    def stop(self, ord_type: OrdType = OrdType.TAKE_PROFIT_STOP_LOSS, quantity: int = 5) -> NewStopOrder:
        facts = {"account": self.account, "side": Side.SELL, "ord_type": ord_type, "quantity": Decimal(quantity)}
        return NewStopOrder(**(facts | STOPS[ord_type] | IDS))

    async def placed(self, **changes: Any) -> tuple[str, str]:
        """Send an order; return our id and the venue's once it is alive in the results."""
        order = self.order(**changes)
        outcome = await self.gateway.post_order(order)
        assert isinstance(outcome, Accepted), outcome
        assert outcome.venue_order_id
        key = order.order_request_id
        await self.until_latest(key, ord_status="NEW", join_status="MATCHED", venue_order_id=outcome.venue_order_id)
        return key, outcome.venue_order_id

    def move(self, action: str, order_id: str, **changes: Any) -> None:
        self.venue.desk.order({"action": action, "account": self.account, "order_id": order_id} | changes)

    def move_stop(self, action: str, order_id: str | None) -> None:
        self.venue.desk.tpsl({"action": action, "account": self.account, "stop_order_id": order_id})

    async def until_agreed(self) -> None:
        """Read on until the results are what the venue holds, and nothing that was submitted is left out."""
        await self.until(
            lambda: not self.differences() and not self.unaccounted(),
            lambda: [*self.differences(), *self.unaccounted()],
        )
        assert self.told_twice() == []

    def differences(self) -> list[str]:
        """Say what the results and the venue do not agree on."""
        orders = [order for order in self.venue.orders() if order["told"]]
        stops = [stop for stop in self.venue.stop_orders() if stop["told"]]
        known = {fields["venue_order_id"]: fields for fields in self.latest.values()}
        return [
            *(text for order in orders for text in self._of_order(order, known.get(order["order_id"], {}))),
            *(text for stop in stops for text in self._of_stop(stop, known.get(stop["stop_order_id"], {}))),
            *self._unexplained(orders, stops, known),
        ]

    def _of_order(self, order: dict[str, Any], known: dict[str, Any]) -> list[str]:
        key = known.get("order_request_id", "")
        status = STATUSES[order["status"]]
        if status == "NEW" and order["trades"]:
            status = "PARTIALLY_FILLED"
        held = {
            "ord_status": self._waits(known, order) or status,
            "fills": {
                trade["trade_id"]: (Decimal(trade["quantity"]), Decimal(trade["price"])) for trade in order["trades"]
            },
            # Of an order that was tied, no other than this was asked for.
            "submitted": order["cash_quantity"] or order["quantity"],
        }
        told = {
            "ord_status": known.get("ord_status"),
            "fills": {
                name: (Decimal(fill["last_qty"]), Decimal(fill["last_px"])) for name, fill in self.fills(key).items()
            },
            "submitted": known.get("cash_order_qty") or known.get("submitted_quantity") or held["submitted"],
        }
        return [
            *(
                f"{order['order_id']}: {name}={told[name]}, not {held[name]}"
                for name in held
                if told[name] != held[name]
            ),
            *self.quantity_problems(key),
        ]

    def _of_stop(self, stop: dict[str, Any], known: dict[str, Any]) -> list[str]:
        status, wanted = known.get("ord_status"), self._waits(known, stop) or STATUSES[stop["status"]]
        return [] if status == wanted else [f"{stop['stop_order_id']}: {status}, not {wanted}"]

    def _waits(self, known: dict[str, Any], held: dict[str, Any]) -> str | None:
        """Return that an order waits for a cancel whose outcome nobody knows, where it does and may."""
        return "PENDING_CANCEL" if known.get("ord_status") == "PENDING_CANCEL" and not held["final"] else None

    def _unexplained(
        self, orders: list[dict[str, Any]], stops: list[dict[str, Any]], known: dict[str, Any]
    ) -> list[str]:
        """Say which orders stand alone without a call of equal terms that stands alone too."""
        apart = {
            order_id: (held.get("price"), None if cash else held["quantity"], cash)
            for held in [*orders, *stops]
            for order_id, cash in [(held.get("order_id") or held["stop_order_id"], held.get("cash_quantity"))]
            if held.get("source", "API") == "API" and known.get(order_id, {}).get("join_status") != "MATCHED"
        }
        calls = Counter(
            (call["price"], call["quantity"], call["cash_order_qty"])
            for call in self.submitted
            if call["phase"] == "INTENT" and self.reason(call["order_request_id"]) == "OUTCOME_UNKNOWN"
        )
        others = [
            order["order_id"]
            for order in orders
            if order["source"] != "API" and self.reason(f"outpoll:{order['order_id']}") != "NOT_SUBMITTED_HERE"
        ]
        return [*map(str, (Counter(apart.values()) - calls).elements()), *others]

    def reason(self, key: str) -> str | None:
        """Return why an order stands alone; None if it does not."""
        record = self.unmatched.get(key, {})
        return record["reason"] if record.get("status") == "UNMATCHED" else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    async with AsyncExitStack() as opened:
        venue = await opened.enter_async_context(Simulator(speed=20, fates={Fate.REST: 1}, ping_s=0.5))
        folder = tmp_path_factory.mktemp("outpoll")
        addresses = venue.environment | {"DROPCOPY_OUTPOLL_CALLS_PER_S": "1000"}
        # Two connections: the order updates, and the history's own feed.
        at_work = feed_and_worker(stack, folder, "outpoll", addresses, lambda: venue.stats()["connections"] > 1)
        processes = await opened.enter_async_context(at_work)
        settings = GatewaySettings(order_timeout_s=1.5, order_settle_timeout_s=1)
        gateway = OutpollGateway(stack.settings, VenueSettings.load(addresses), settings)
        await opened.enter_async_context(gateway)
        yield opened.enter_context(Day(stack, venue, gateway, processes))


@pytest.fixture
def day(running: Day) -> Iterator[Day]:
    assert not running.venue.stats()["pending_faults"]
    yield running
    for process in running.processes:
        process.check()


async def test_what_frames_only_call_success_is_told_whole_from_rest(day: Day) -> None:
    key, order_id = await day.placed()
    day.move("fill", order_id, quantity="4")
    await day.until_latest(key, ord_status="PARTIALLY_FILLED", cum_qty="4", leaves_qty="6", avg_px="0.41")
    cancel = CancelOrder(account=day.account, orig_venue_order_id=order_id)
    assert isinstance(await day.gateway.cancel_order(cancel), Accepted)
    last = await day.until_latest(key, ord_status="CANCELED", cum_qty="4", leaves_qty="0")
    await day.until_steps(key, "NEW", "TRADE", "PENDING_CANCEL", "CANCELED")
    await day.until_agreed()

    assert (last["price"], last["submitted_quantity"], last["order_qty"]) == ("0.41", "10", "10")
    told_by = {event["exec_type"]: event["source"] for event in day.of(key)}
    assert (told_by["TRADE"], told_by["CANCELED"]) == ("reconciliation", "reconciliation")
    assert day.steps(key).count("TRADE") == 1
    assert day.dead == []


async def test_a_market_order_for_an_amount_of_money_is_filled(day: Day) -> None:
    order = day.order(ord_type=OrdType.MARKET, price=None, quantity=None, cash_order_qty=Decimal(42))
    await day.gateway.post_order(order)
    last = await day.until_latest(order.order_request_id, ord_status="FILLED", join_status="MATCHED", leaves_qty="0")
    assert (last["cash_order_qty"], last["submitted_quantity"]) == ("42", None)
    await day.until_agreed()


async def test_an_order_that_the_venue_fails_is_rejected(day: Day) -> None:
    day.venue.fault({"fault": "reject", "count": 1})
    order = day.order()
    assert isinstance(await day.gateway.post_order(order), Accepted)
    await day.until_latest(order.order_request_id, ord_status="REJECTED", join_status="MATCHED", cum_qty="0")
    await day.until_agreed()


async def test_a_cancel_that_was_accepted_and_failed_leaves_the_order_alive(day: Day) -> None:
    key, order_id = await day.placed()
    day.venue.fault({"fault": "fail", "count": 1})
    failing, second = (CancelOrder(account=day.account, orig_venue_order_id=order_id) for _ in range(2))
    assert isinstance(await day.gateway.cancel_order(failing), Accepted)
    await day.until_steps(key, "PENDING_CANCEL", "CANCEL_REJECTED")
    await day.until_latest(key, ord_status="NEW")
    day.move("fill", order_id, quantity="1")
    await day.until_latest(key, ord_status="PARTIALLY_FILLED", cum_qty="1")
    assert isinstance(await day.gateway.cancel_order(second), Accepted)
    await day.until_latest(key, ord_status="CANCELED", cum_qty="1")
    await day.until_agreed()

    refused = next(event for event in day.of(key) if event["exec_type"] == "CANCEL_REJECTED")
    assert refused["change_request_id"] == failing.order_request_id


async def test_an_order_whose_frames_come_before_its_outcome_ends_under_its_request(day: Day) -> None:
    day.venue.fault({"fault": "delay", "side": "rest", "seconds": 3, "path": "/orders/limit"})
    settings = VenueSettings.load(day.venue.environment)
    before = {held["order_id"] for held in day.venue.orders()}
    order = day.order(price=Decimal("0.32"))
    async with OutpollGateway(day.stack.settings, settings, GatewaySettings(order_timeout_s=20)) as patient:
        call = asyncio.create_task(patient.post_order(order))
        await day.until(lambda: len(day.venue.orders()) > len(before), lambda: before)
        (order_id,) = {held["order_id"] for held in day.venue.orders()} - before
        alone = f"outpoll:{order_id}"
        await day.until_latest(alone, ord_status="NEW", venue_order_id=order_id)
        assert not call.done()
        assert isinstance(await call, Accepted)
    key = order.order_request_id
    await day.until_latest(key, ord_status="NEW", join_status="MATCHED", venue_order_id=order_id)
    await day.until(lambda: alone not in day.latest, lambda: day.latest[alone])
    await day.until_agreed()

    first = {event["exec_id"] for event in day.executions if event["order_request_id"] == alone}
    assert first <= {event["exec_id"] for event in day.of(key) if event["join_status"] == "MATCHED"}
    assert day.reason(alone) is None


async def test_the_order_of_a_call_without_an_answer_is_found_where_only_one_fits(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 2})
    order, stop = day.order(price=Decimal("0.33")), day.stop(quantity=7)
    outcomes = await asyncio.gather(day.gateway.post_order(order), day.gateway.post_stop_order(stop))
    assert {type(outcome) for outcome in outcomes} == {Unknown}
    (held,) = (held for held in day.venue.orders() if held["price"] == "0.33")
    (held_stop,) = (held for held in day.venue.stop_orders() if held["quantity"] == "7")
    for request, order_id in ((order, held["order_id"]), (stop, held_stop["stop_order_id"])):
        await day.until_latest(
            request.order_request_id, ord_status="NEW", join_status="MATCHED", venue_order_id=order_id
        )
    await day.until_agreed()


async def test_two_equal_orders_are_not_told_apart_and_both_are_named(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 2})
    orders = [day.order(price=Decimal("0.34")) for _ in range(2)]
    outcomes = await asyncio.gather(*(day.gateway.post_order(order) for order in orders))
    assert {type(outcome) for outcome in outcomes} == {Unknown}
    calls = [order.order_request_id for order in orders]
    alone = [f"outpoll:{held['order_id']}" for held in day.venue.orders() if held["price"] == "0.34"]
    await day.until(
        lambda: (
            {*map(day.reason, calls)} == {"OUTCOME_UNKNOWN"} and {*map(day.reason, alone)} == {"NOT_SUBMITTED_HERE"}
        ),
        lambda: day.unmatched,
    )
    await day.until_agreed()

    assert len(alone) == 2
    assert all(name in day.unmatched[call]["detail"] for name in alone for call in calls)
    assert {day.latest[key]["ord_status"] for key in alone} == {"NEW"}


@pytest.mark.parametrize("ord_type", STOPS)
async def test_a_take_profit_stop_loss_order_has_a_life_of_its_own(day: Day, ord_type: OrdType) -> None:
    stops = [day.stop(ord_type) for _ in range(2)]
    kept, ended = [await day.gateway.post_stop_order(stop) for stop in stops]
    assert isinstance(kept, Accepted)
    assert isinstance(ended, Accepted)
    prices = {name: str(price) for name, price in STOPS[ord_type].items()}
    first, second = (stop.order_request_id for stop in stops)
    await day.until_latest(
        first, ord_status="NEW", join_status="MATCHED", ord_type=ord_type, side="SELL", order_qty="5", **prices
    )
    cancel = CancelStopOrder(account=day.account, orig_venue_order_id=ended.venue_order_id)
    assert isinstance(await day.gateway.cancel_stop_order(cancel), Accepted)
    await day.until_latest(second, ord_status="CANCELED", join_status="MATCHED")
    day.move_stop("trigger", kept.venue_order_id)
    await day.until_latest(first, ord_status="TRIGGERED", join_status="MATCHED", cum_qty="0", leaves_qty="0")

    # Which order it became is told nowhere: that has a life of its own, as one that nobody submitted.
    (child,) = (held for held in day.venue.orders() if held["stop_order_id"] == kept.venue_order_id)
    await day.until_latest(f"outpoll:{child['order_id']}", ord_status="FILLED", cum_qty="5", triggered_by=None)


async def test_an_order_of_the_app_is_not_submitted_here(day: Day) -> None:
    wish = {"action": "place", "account": day.account, "instrument": ASSET, "side": "BUY", "quantity": "3"}
    day.venue.desk.order(wish | {"price": "0.2"})
    await day.until_agreed()

    others = [held for held in day.venue.orders() if held["source"] != "API"]
    assert {day.reason(f"outpoll:{held['order_id']}") for held in others} == {"NOT_SUBMITTED_HERE"}


FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "cut"},
    {"fault": "lose", "count": 3},
    {"fault": "duplicate", "count": 3},
    {"fault": "malformed"},
    {"fault": "close", "code": 1001},
    {"fault": "silence", "seconds": 0.5},
    {"fault": "delay", "side": "stream", "seconds": 0.5, "count": 3},
    {"fault": "delay", "side": "rest", "seconds": 0.5, "count": 3},
    {"fault": "drop_reply", "count": 1},
    {"fault": "cut_reply", "count": 1},
    {"fault": "drop_reply", "path": "/orders/limit/"},
    {"fault": "ignore", "count": 1},
    {"fault": "answer", "status": 503, "body": "", "count": 1},
    {"fault": "lag", "seconds": 0.3},
    {"fault": "lag", "seconds": 0},
    {"fault": "reject", "count": 1},
    {"fault": "fail", "count": 1},
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
    assert min(done[kind] for kind in ("order", "market", "cancel", "fill", "stop", "trigger")) >= 1, done
    assert {letter["value"][:4] for letter in day.dead} <= {'{"t"'}


async def _deed(day: Day, chance: Random, done: Counter[str]) -> None:
    alive = [order for order in day.venue.orders() if not order["final"] and order["told"]]
    stops = [stop for stop in day.venue.stop_orders() if not stop["final"] and stop["told"]]
    kinds = ["order", "order", "market", "stop", *(["cancel", "fill"] * bool(alive))]
    kind = chance.choice([*kinds, *(["trigger", "cancel-stop"] * bool(stops))])
    # Some are equal, most are not.
    size = chance.randint(1, 30)
    try:
        match kind:
            case "order":
                await day.gateway.post_order(day.order(quantity=Decimal(size)))
            case "market":
                facts = {"ord_type": OrdType.MARKET, "price": None, "quantity": None, "cash_order_qty": Decimal(size)}
                await day.gateway.post_order(day.order(**facts))
            case "stop":
                await day.gateway.post_stop_order(day.stop(quantity=size))
            case "cancel":
                name = chance.choice(alive)["order_id"]
                await day.gateway.cancel_order(CancelOrder(account=day.account, orig_venue_order_id=name))
            case "fill":
                day.move("fill", chance.choice(alive)["order_id"], quantity="1")
            case "trigger":
                day.move_stop("trigger", chance.choice(stops)["stop_order_id"])
            case _:
                name = chance.choice(stops)["stop_order_id"]
                await day.gateway.cancel_stop_order(CancelStopOrder(account=day.account, orig_venue_order_id=name))
    except (DropcopyError, ValueError):
        return  # too late for it, or not sent: nothing happened that the venue would know
    done[kind] += 1
