"""Outpoll end to end: gateway, simulated venue, both feeds, processor; what readers see is what the venue holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consumers.reader import Reader
from dropcopy.errors import DropcopyError
from producers.gateways.orders import Accepted, CancelOrder, CancelStopOrder, NewOrder, Unknown
from producers.gateways.outpoll import OutpollGateway
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.venues.outpoll import VenueSettings
from sandbox.processes import Process
from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from schemas.topics import DEAD_LETTERS, EXECUTIONS, LATEST, UNMATCHED
from tests.integration.processing import DROPCOPY, start_worker, wait_for_assignment

LIMIT_S = 60
ASSET = "asset_btc_100k_yes"
IDS: dict[str, Any] = {"instrument": ASSET, "event": "evt_btc_100k_2026", "outcome": "mkt_btc_100k_yes_no"}
# The venue's words for where an order stands, in FIX's.
STATUSES = {
    "ACTIVE": "NEW",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "TRIGGERED": "TRIGGERED",
}


class Day:
    """The venue, what goes to it, and all that readers of the results have seen."""

    def __init__(self, venue: Simulator, gateway: OutpollGateway, reader: Reader) -> None:
        self.venue = venue
        self.gateway = gateway
        self.account = venue.accounts[0]
        self._reader = reader
        self.executions: list[dict[str, Any]] = []
        self.latest: dict[str, dict[str, Any]] = {}
        self.unmatched: dict[str, dict[str, Any]] = {}
        self.dead: list[Any] = []

    async def until(self, condition: Callable[[], Any], what: Callable[[], Any]) -> None:
        """Read on until a condition holds; `what` says what is wrong meanwhile."""
        deadline_s = asyncio.get_running_loop().time() + LIMIT_S
        while not condition():
            assert asyncio.get_running_loop().time() < deadline_s, what()
            for record in await asyncio.to_thread(self._reader.poll, 0.1, 10_000):
                self._take(record)

    def _take(self, record: Any) -> None:
        if record.topic == EXECUTIONS.name:
            self.executions.append(record.fields)
        elif record.topic == DEAD_LETTERS.name:
            self.dead.append(record)
        elif record.fields.get("tombstone"):
            self.latest.pop(str(record.key), None)
        else:
            (self.latest if record.topic == LATEST.name else self.unmatched)[str(record.key)] = record.fields

    async def until_status(self, key: str, status: str, **fields: Any) -> dict[str, Any]:
        """Read on until the newest state of an order is this, and return it."""

        def known() -> dict[str, Any]:
            return self.latest.get(key, {})

        wanted = {"ord_status": status, "join_status": "MATCHED"} | fields
        await self.until(lambda: wanted.items() <= known().items(), lambda: (key, wanted, known()))
        return known()

    def steps(self, key: str) -> list[str]:
        """Return the ExecTypes of an order's executions, each once."""
        newest: dict[str, dict[str, Any]] = {}
        for event in self.executions:
            if event["revision"] > newest.get(event["exec_id"], {"revision": 0})["revision"]:
                newest[event["exec_id"]] = event
        return [event["exec_type"] for event in newest.values() if event["order_request_id"] == key]

    def order(self, **changes: Any) -> NewOrder:
        facts: dict[str, Any] = {
            "account": self.account,
            "side": Side.BUY,
            "ord_type": OrdType.LIMIT,
            "quantity": Decimal(10),
            "price": Decimal("0.41"),
        }
        return NewOrder(**(facts | IDS | changes))

    def stop(self) -> NewStopOrder:
        return NewStopOrder(
            account=self.account,
            side=Side.SELL,
            ord_type=OrdType.TAKE_PROFIT_STOP_LOSS,
            quantity=Decimal(5),
            stop_price=Decimal("0.05"),
            take_profit_price=Decimal("0.95"),
            **IDS,
        )

    async def placed(self, order: NewOrder) -> str:
        """Send an order, and return the venue's id of it once it stands in the results."""
        outcome = await self.gateway.post_order(order)
        assert isinstance(outcome, Accepted)
        assert outcome.venue_order_id
        await self.until_status(order.order_request_id, "NEW")
        return outcome.venue_order_id

    def move(self, action: str, order_id: str, **changes: Any) -> None:
        self.venue.desk.order({"action": action, "account": self.account, "order_id": order_id} | changes)

    def differences(self) -> list[str]:
        """Say what `orders.latest` and the venue do not agree on."""
        known = {fields["venue_order_id"]: fields for fields in self.latest.values()}
        trades: dict[str, set[str]] = {}
        for event in self.executions:
            if event["trade_id"]:
                trades.setdefault(event["venue_order_id"], set()).add(event["trade_id"])
        found = []
        for order in self.venue.orders():
            fields = known.get(order["order_id"], {})
            status = "PARTIALLY_FILLED" if order["status"] == "ACTIVE" and order["trades"] else None
            # A live one with a cancel that nobody knows the outcome of waits for it.
            waits = fields.get("ord_status") == "PENDING_CANCEL" and not order["final"]
            wanted = {
                "ord_status": "PENDING_CANCEL" if waits else status or STATUSES[order["status"]],
                "cum_qty": Decimal(order["executed"]),
                "trades": {trade["trade_id"] for trade in order["trades"]},
            }
            told = {
                "ord_status": fields.get("ord_status"),
                "cum_qty": Decimal(fields.get("cum_qty", "-1")),
                "trades": trades.get(order["order_id"], set()),
            }
            found += [f"{order['order_id']}: {told}, not {wanted}"] if order["told"] and told != wanted else []
        for stop in self.venue.stop_orders():
            status = known.get(stop["stop_order_id"], {}).get("ord_status")
            waits = status == "PENDING_CANCEL" and not stop["final"]
            if stop["told"] and status != STATUSES[stop["status"]] and not waits:
                found.append(f"{stop['stop_order_id']}: {status}, not {stop['status']}")
        return found


@pytest.fixture
async def day(stack: Stack, tmp_path: Path) -> AsyncIterator[Day]:
    async with AsyncExitStack() as running:
        venue = await running.enter_async_context(
            Simulator(speed=20, accounts=["main"], fates={Fate.REST: 1}, ping_s=0.5)
        )
        addresses = venue.environment | {"DROPCOPY_OUTPOLL_CALLS_PER_S": "1000"}
        environment = stack.environment | addresses | {"DROPCOPY_FEED_RECONCILE_INTERVAL_S": "2"}
        processes = running.enter_context(ExitStack())
        feed = Process("feed", [*DROPCOPY, "produce", "outpoll"], environment=environment, folder=tmp_path)
        processes.callback(feed.kill)
        worker = start_worker(stack, tmp_path, "worker", submission_grace_s="4", reply_timeout_s="4")
        processes.callback(worker.kill)
        settings = GatewaySettings(order_timeout_s=1.5, order_settle_timeout_s=1)
        gateway = OutpollGateway(stack.settings, VenueSettings.load(addresses), settings)
        await running.enter_async_context(gateway)
        topics = [EXECUTIONS.name, LATEST.name, UNMATCHED.name, DEAD_LETTERS.name]
        reader = running.enter_context(Reader(stack.settings, topics))
        await asyncio.to_thread(wait_for_assignment, worker)
        async with asyncio.timeout(LIMIT_S):
            while venue.stats()["connections"] < 2:
                feed.check()
                await asyncio.sleep(0.05)
        yield Day(venue, gateway, reader)


async def test_an_order_is_told_whole_from_frames_that_only_say_success(day: Day) -> None:
    order = day.order()
    order_id = await day.placed(order)
    day.move("fill", order_id, quantity="4")
    await day.until_status(order.order_request_id, "PARTIALLY_FILLED", cum_qty="4", leaves_qty="6", avg_px="0.41")
    cancel = CancelOrder(account=day.account, orig_venue_order_id=order_id)
    assert isinstance(await day.gateway.cancel_order(cancel), Accepted)
    last = await day.until_status(order.order_request_id, "CANCELED", cum_qty="4", leaves_qty="0")
    assert (last["price"], last["submitted_quantity"], last["order_qty"]) == ("0.41", "10", "10")
    steps = {"NEW", "TRADE", "PENDING_CANCEL", "CANCELED"}
    await day.until(lambda: steps <= set(day.steps(order.order_request_id)), lambda: day.executions)
    assert day.steps(order.order_request_id).count("TRADE") == 1
    await day.until(lambda: not day.differences(), day.differences)
    assert day.dead == []


async def test_a_market_order_for_an_amount_of_money_is_filled(day: Day) -> None:
    order = day.order(ord_type=OrdType.MARKET, price=None, quantity=None, cash_order_qty=Decimal(42))
    await day.gateway.post_order(order)
    last = await day.until_status(order.order_request_id, "FILLED")
    assert last["cash_order_qty"] == "42"
    await day.until(lambda: not day.differences(), day.differences)


async def test_an_order_that_the_venue_fails_is_rejected(day: Day) -> None:
    day.venue.fault({"fault": "reject", "count": 1})
    order = day.order()
    await day.gateway.post_order(order)
    await day.until_status(order.order_request_id, "REJECTED")


async def test_a_cancel_that_fails_leaves_the_order_alive(day: Day) -> None:
    order = day.order()
    order_id = await day.placed(order)
    day.venue.fault({"fault": "fail", "count": 1})
    assert isinstance(
        await day.gateway.cancel_order(CancelOrder(account=day.account, orig_venue_order_id=order_id)), Accepted
    )
    await day.until(lambda: "CANCEL_REJECTED" in day.steps(order.order_request_id), lambda: day.executions[-3:])
    await day.until_status(order.order_request_id, "NEW")


async def test_the_order_of_a_call_without_an_answer_is_found_where_only_one_fits(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 1})
    order = day.order(price=Decimal("0.33"))
    assert isinstance(await day.gateway.post_order(order), Unknown)
    last = await day.until_status(order.order_request_id, "NEW")
    (held,) = day.venue.orders()
    assert last["venue_order_id"] == held["order_id"]


async def test_two_equal_orders_are_not_told_apart_and_both_are_named(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 2})
    orders = [day.order(price=Decimal("0.34")) for _ in range(2)]
    outcomes = await asyncio.gather(*(day.gateway.post_order(order) for order in orders))
    assert {type(outcome) for outcome in outcomes} == {Unknown}
    for order in orders:
        key = order.order_request_id
        await day.until(lambda key=key: "may be" in day.unmatched.get(key, {}).get("detail", ""), lambda: day.unmatched)
        assert day.unmatched[key]["reason"] == "OUTCOME_UNKNOWN"
        assert all(held["order_id"] in day.unmatched[key]["detail"] for held in day.venue.orders())


async def test_a_take_profit_stop_loss_order_has_a_life_of_its_own(day: Day) -> None:
    first, second = day.stop(), day.stop()
    kept = await day.gateway.post_stop_order(first)
    ended = await day.gateway.post_stop_order(second)
    assert isinstance(kept, Accepted)
    assert isinstance(ended, Accepted)
    waiting = await day.until_status(first.order_request_id, "NEW", stop_price="0.05", take_profit_price="0.95")
    assert (waiting["ord_type"], waiting["side"]) == ("TAKE_PROFIT_STOP_LOSS", "SELL")
    cancel = CancelStopOrder(account=day.account, orig_venue_order_id=ended.venue_order_id)
    assert isinstance(await day.gateway.cancel_stop_order(cancel), Accepted)
    await day.until_status(second.order_request_id, "CANCELED")
    day.venue.desk.tpsl({"action": "trigger", "account": day.account, "stop_order_id": kept.venue_order_id})
    await day.until_status(first.order_request_id, "TRIGGERED")
    await day.until(lambda: not day.differences(), day.differences)


FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "cut"},
    {"fault": "lose", "count": 3},
    {"fault": "duplicate", "count": 3},
    {"fault": "malformed"},
    {"fault": "close", "code": 1001},
    {"fault": "delay", "side": "stream", "seconds": 0.5, "count": 3},
    {"fault": "drop_reply", "count": 1},
    {"fault": "cut_reply", "count": 1},
    {"fault": "answer", "status": 503, "body": "", "count": 1},
    {"fault": "lag", "seconds": 0.3},
    {"fault": "lag", "seconds": 0},
    {"fault": "reject", "count": 1},
    {"fault": "fail", "count": 1},
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

    await day.until(lambda: not day.differences(), day.differences)
    assert min(done[kind] for kind in ("order", "cancel", "fill", "stop", "trigger")) >= 1, done
    identities = [(event["exec_id"], event["revision"]) for event in day.executions]
    assert len(identities) == len(set(identities))
    trades = {(event["trade_id"], event["exec_id"]) for event in day.executions if event["trade_id"]}
    assert len(trades) == len({trade_id for trade_id, _ in trades})


async def _deed(day: Day, chance: Random, done: Counter[str]) -> None:
    alive = [order for order in day.venue.orders() if not order["final"] and order["told"]]
    stops = [stop for stop in day.venue.stop_orders() if not stop["final"] and stop["told"]]
    kind = chance.choice(
        ["order", "order", "stop", *(["cancel", "fill"] * bool(alive)), *(["trigger", "cancel-stop"] * bool(stops))]
    )
    try:
        match kind:
            case "order":
                await day.gateway.post_order(day.order(quantity=Decimal(chance.randint(1, 9))))
            case "stop":
                await day.gateway.post_stop_order(day.stop())
            case "cancel":
                name = chance.choice(alive)["order_id"]
                await day.gateway.cancel_order(CancelOrder(account=day.account, orig_venue_order_id=name))
            case "fill":
                day.move("fill", chance.choice(alive)["order_id"], quantity="1")
            case "trigger":
                name = chance.choice(stops)["stop_order_id"]
                day.venue.desk.tpsl({"action": "trigger", "account": day.account, "stop_order_id": name})
            case _:
                name = chance.choice(stops)["stop_order_id"]
                await day.gateway.cancel_stop_order(CancelStopOrder(account=day.account, orig_venue_order_id=name))
    except (DropcopyError, ValueError):
        return  # too late for it, or not sent: nothing happened that the venue would know
    done[kind] += 1
