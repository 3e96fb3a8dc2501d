"""Ripio end to end: gateway, simulated venue, feed and processor, and what readers see is what the venue holds."""

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
from producers.gateways.orders import Accepted, AmendOrder, CancelOrder, NewOrder, Rejected
from producers.gateways.ripio import RipioGateway
from producers.gateways.settings import GatewaySettings
from producers.venues.ripio import VenueSettings
from sandbox.processes import Process
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from schemas.topics import EXECUTIONS, FEEDS_STATUS, LATEST, UNMATCHED
from tests.integration.processing import DROPCOPY, start_worker, wait_for_assignment

LIMIT_S = 60
# The venue's words for where an order stands, in FIX's; one that is open and partly filled is so in both.
STATUSES = {
    "open": "NEW",
    "executed_partially": "PARTIALLY_FILLED",
    "executed_completely": "FILLED",
    "canceled": "CANCELED",
}
# An order with a request to change it that nobody knows the outcome of waits for it, whatever it was before.
WAITING = {"PENDING_CANCEL", "PENDING_REPLACE"}


class Day:
    """The venue, what goes to it, and all that readers of the results have seen."""

    def __init__(self, venue: Simulator, gateway: RipioGateway, reader: Reader) -> None:
        self.venue = venue
        self.gateway = gateway
        self.account = venue.accounts[0]
        self._reader = reader
        self.executions: list[dict[str, Any]] = []
        self.latest: dict[str, dict[str, Any]] = {}
        self.unmatched: dict[str, dict[str, Any]] = {}
        self.feeds: list[dict[str, Any]] = []

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
        elif record.topic == FEEDS_STATUS.name:
            self.feeds.append(record.fields)
        elif record.fields.get("tombstone"):
            self.latest.pop(str(record.key), None)
        else:
            (self.latest if record.topic == LATEST.name else self.unmatched)[str(record.key)] = record.fields

    async def until_latest(self, key: str, **wanted: Any) -> None:
        """Read on until an order's newest state has these values."""

        def found() -> dict[str, Any]:
            return {name: self.latest.get(key, {}).get(name) for name in wanted}

        await self.until(lambda: found() == wanted, lambda: (key, wanted, found()))

    def fills(self, key: str) -> dict[str, dict[str, Any]]:
        """Return an order's fills by their ids, in their newest revision."""
        ours = [event for event in self.executions if event["order_request_id"] == key and event["trade_id"]]
        return {event["trade_id"]: event for event in sorted(ours, key=lambda event: event["revision"])}

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

    async def placed(self, **changes: Any) -> tuple[NewOrder, str]:
        """Place an order; return it and the venue's id of it."""
        order = self.order(**changes)
        outcome = await self.gateway.post_order(order)
        assert isinstance(outcome, Accepted), outcome
        return order, str(outcome.venue_order_id)

    def happen(self, action: str, order_id: str, **wish: str) -> None:
        self.venue.desk.order({"action": action, "account": self.account, "order_id": order_id} | wish)

    def differences(self) -> list[str]:
        """Say what the results and the venue do not agree on."""
        return [text for order in self.venue.orders() if order["told"] for text in self._of_order(order)]

    def _of_order(self, order: dict[str, Any]) -> list[str]:
        key = order["order_request_id"]
        known, fills = self.latest.get(key, {}), self.fills(key)
        status, wanted = known.get("ord_status"), STATUSES[order["status"]]
        ids = {trade["trade_id"] for trade in order["trades"]}
        told = {trade_id: (fill["commission"], fill["commission_currency"]) for trade_id, fill in fills.items()}
        charged = {trade["trade_id"]: (trade["fee"], trade["fee_currency"]) for trade in order["trades"]}
        problems = {
            f"{key}: {status}, not {wanted}": status != wanted and (status not in WAITING or order["final"]),
            f"{key}: cum_qty={known.get('cum_qty')}, not {order['executed']}": Decimal(known.get("cum_qty") or "NaN")
            != Decimal(order["executed"]),
            f"{key}: trades {set(fills)}, not {ids}": set(fills) != ids,
            f"{key}: commissions {told}, not {charged}": told != charged,
            f"{key}: {known.get('join_status')}": known.get("join_status") != "MATCHED",
        }
        return [text for text, is_so in problems.items() if is_so]


@pytest.fixture
async def day(stack: Stack, tmp_path: Path) -> AsyncIterator[Day]:
    async with AsyncExitStack() as running:
        venue = await running.enter_async_context(Simulator(speed=20, fates={Fate.REST: 1}))
        environment = stack.environment | venue.environment | {"DROPCOPY_FEED_RECONCILE_INTERVAL_S": "2"}
        processes = running.enter_context(ExitStack())
        feed = Process("feed", [*DROPCOPY, "produce", "ripio"], environment=environment, folder=tmp_path)
        processes.callback(feed.kill)
        worker = start_worker(stack, tmp_path, "worker", submission_grace_s="4", reply_timeout_s="4")
        processes.callback(worker.kill)
        settings = VenueSettings.load(venue.environment)
        gateway = RipioGateway(stack.settings, settings, GatewaySettings(order_timeout_s=1.5))
        await running.enter_async_context(gateway)
        topics = [EXECUTIONS.name, LATEST.name, UNMATCHED.name, FEEDS_STATUS.name]
        reader = running.enter_context(Reader(stack.settings, topics))
        await asyncio.to_thread(wait_for_assignment, worker)
        while venue.stats()["subscriptions"] == 0:
            feed.check()
            await asyncio.sleep(0.05)
        yield Day(venue, gateway, reader)


async def test_an_order_is_followed_from_its_intent_to_its_last_fill_with_fees_and_no_quantity_counted_twice(
    day: Day,
) -> None:
    order, order_id = await day.placed()
    key = order.order_request_id
    await day.until_latest(key, ord_status="NEW", join_status="MATCHED", venue_order_id=order_id)
    day.happen("fill", order_id, quantity="0.004")
    await day.until_latest(key, ord_status="PARTIALLY_FILLED", cum_qty="0.004", leaves_qty="0.006")
    day.happen("fill", order_id)
    await day.until_latest(key, ord_status="FILLED")
    await day.until(lambda: not day.differences(), day.differences)
    fills = day.fills(key).values()
    assert sum(Decimal(fill["last_qty"]) for fill in fills) == Decimal("0.01") == Decimal(day.latest[key]["cum_qty"])
    assert {fill["last_liquidity_ind"] for fill in fills} <= {"ADDED_LIQUIDITY", "REMOVED_LIQUIDITY"}
    assert day.latest[key]["submitted_quantity"] == "0.01"
    assert key not in day.unmatched


async def test_an_amend_is_told_although_the_stream_does_not(day: Day) -> None:
    order, order_id = await day.placed()
    await day.until_latest(order.order_request_id, ord_status="NEW")
    amend = AmendOrder(
        account=day.account, orig_venue_order_id=order_id, price=Decimal(210_000), quantity=Decimal("0.02")
    )
    assert isinstance(await day.gateway.amend_order(amend), Accepted)
    await day.until_latest(order.order_request_id, ord_status="NEW", price="210000", order_qty="0.02")
    assert len(day.venue.orders()) == 1


async def test_a_cancel_after_a_fill_ends_the_order_and_a_late_one_is_refused(day: Day) -> None:
    order, order_id = await day.placed()
    key = order.order_request_id
    day.happen("fill", order_id, quantity="0.003")
    await day.until_latest(key, cum_qty="0.003")
    assert isinstance(
        await day.gateway.cancel_order(CancelOrder(account=day.account, orig_order_request_id=key)), Accepted
    )
    await day.until_latest(key, ord_status="CANCELED", cum_qty="0.003", leaves_qty="0")
    late = await day.gateway.cancel_order(CancelOrder(account=day.account, orig_venue_order_id=order_id))
    assert isinstance(late, Rejected)
    await day.until(
        lambda: any(event["exec_type"] == "CANCEL_REJECTED" for event in day.executions), lambda: day.executions[-3:]
    )
    await day.until(lambda: not day.differences(), day.differences)


async def test_an_order_without_an_answer_is_one_order_and_matched(day: Day) -> None:
    day.venue.fault({"fault": "drop_reply", "count": 1})
    order, _ = await day.placed()
    await day.until_latest(order.order_request_id, ord_status="NEW", join_status="MATCHED")
    assert len(day.venue.orders()) == 1


async def test_an_order_that_the_venue_took_and_forgot_has_no_reply(day: Day) -> None:
    day.venue.fault({"fault": "ignore", "count": 1})
    order = day.order()
    await day.gateway.post_order(order)
    key = order.order_request_id
    await day.until(lambda: day.unmatched.get(key, {}).get("reason") == "NO_VENUE_REPLY", lambda: day.unmatched)


async def test_an_order_of_the_web_site_is_one_order_and_not_submitted_here(day: Day) -> None:
    day.venue.desk.order(
        {
            "action": "place",
            "account": day.account,
            "pair": "ETH_BRL",
            "side": "BUY",
            "quantity": "1",
            "price": "10000",
        }
    )
    (taken,) = day.venue.orders()
    key = f"ripio:{day.account}:{taken['order_id']}"

    def told() -> list[Any]:
        known = [fields for fields in day.latest.values() if fields["venue_order_id"] == taken["order_id"]]
        reasons = [day.unmatched.get(fields["order_request_id"], {}).get("reason") for fields in known]
        return [(fields["ord_status"], reason) for fields, reason in zip(known, reasons, strict=True)]

    await day.until(lambda: told() == [("NEW", "NOT_SUBMITTED_HERE")], lambda: (key, told()))


async def test_a_message_left_out_is_a_gap_that_rest_fills(day: Day) -> None:
    order, order_id = await day.placed()
    await day.until_latest(order.order_request_id, ord_status="NEW")
    day.venue.fault({"fault": "skip_sequence", "count": 2})
    day.happen("fill", order_id)
    other, _ = await day.placed()
    await day.until_latest(other.order_request_id, ord_status="NEW")
    await day.until(lambda: not day.differences(), day.differences)


FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "cut"},
    {"fault": "lose", "count": 3},
    {"fault": "skip_sequence", "count": 2},
    {"fault": "reset_sequence"},
    {"fault": "duplicate", "count": 3},
    {"fault": "malformed"},
    {"fault": "close", "code": 1001},
    {"fault": "delay", "side": "stream", "seconds": 0.5, "count": 3},
    {"fault": "drop_reply"},
    {"fault": "cut_reply"},
    {"fault": "refuse_ticket", "count": 1},
    {"fault": "reject", "count": 1},
)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("seed", [1, 2])
async def test_after_any_sequence_of_faults_the_latest_states_are_the_venues_own(day: Day, seed: int) -> None:
    chance = Random(seed)
    done: Counter[str] = Counter()
    async with asyncio.TaskGroup() as deeds:
        for _ in range(80):
            deeds.create_task(_deed(day, chance, done))
            if chance.random() < 0.25:
                day.venue.fault(chance.choice(FAULTS))
            await asyncio.sleep(0.05)

    await day.until(lambda: not day.differences(), day.differences)
    assert min(done[kind] for kind in ("order", "amend", "cancel", "fill")) >= 1, done
    identities = [(event["exec_id"], event["revision"]) for event in day.executions]
    assert len(identities) == len(set(identities))
    trades = {(event["trade_id"], event["exec_id"]) for event in day.executions if event["trade_id"]}
    assert len(trades) == len({trade_id for trade_id, _ in trades})


async def _deed(day: Day, chance: Random, done: Counter[str]) -> None:
    alive = [order for order in day.venue.orders() if not order["final"] and order["told"]]
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
