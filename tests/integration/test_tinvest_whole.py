"""T-Invest end to end: gateway, simulated venue, feed and processor, and what readers see is what the venue holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dropcopy.errors import DropcopyError
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder, ReplaceOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.tinvest import TInvestGateway
from producers.venues.tinvest import VenueSettings
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from tests.integration.days import WAITING, Results, feed_and_worker

SBER = "BBG004730N88"
# The venue's words for where an order stands, in FIX's.
STATUSES = {
    "EXECUTION_REPORT_STATUS_NEW": "NEW",
    "EXECUTION_REPORT_STATUS_PARTIALLYFILL": "PARTIALLY_FILLED",
    "EXECUTION_REPORT_STATUS_FILL": "FILLED",
    "EXECUTION_REPORT_STATUS_CANCELLED": "CANCELED",
    "EXECUTION_REPORT_STATUS_REJECTED": "REJECTED",
    "STOP_ORDER_STATUS_ACTIVE": "NEW",
    "STOP_ORDER_STATUS_EXECUTED": "TRIGGERED",
    "STOP_ORDER_STATUS_CANCELED": "CANCELED",
    "STOP_ORDER_STATUS_EXPIRED": "EXPIRED",
}


class Day(Results):
    """The venue, what goes to it, and all that readers of the results have seen."""

    def __init__(self, stack: Stack, venue: TInvestSimulator, gateway: TInvestGateway) -> None:
        super().__init__(stack)
        self.venue = venue
        self.gateway = gateway
        self.account = venue.accounts[0]
        # Stop orders whose call nobody knows the end of: the venue names no request of a stop order.
        self.unsettled: set[str] = set()

    def new_order(self, **changes: Any) -> NewOrder:
        fields: dict[str, Any] = {
            "account": self.account,
            "instrument": SBER,
            "side": Side.BUY,
            "ord_type": OrdType.LIMIT,
            "quantity": Decimal(5),
            "price": Decimal("300.5"),
        }
        return NewOrder(**(fields | changes))

    def new_stop(self) -> NewStopOrder:
        return NewStopOrder(
            account=self.account,
            instrument=SBER,
            side=Side.SELL,
            ord_type=OrdType.STOP,
            quantity=Decimal(2),
            stop_price=Decimal(200),
        )

    def differences(self) -> list[str]:
        """Say what `orders.latest` and the venue do not agree on."""
        orders, stops = self.venue.orders(), self.venue.stop_orders()
        return [
            *(difference for order in orders if order["told"] for difference in self._of_order(order)),
            *(difference for stop in stops if stop["told"] for difference in self._of_stop(stop)),
        ]

    def _of_order(self, order: dict[str, Any]) -> list[str]:
        key = order["order_request_id"]
        known = self.latest.get(key, {})
        status = known.get("ord_status")
        wanted = {
            "cum_qty": str(order["lots_executed"] * order["lot_size"]),
            "replaces": order["replaces"],
            "replaced_by": order["replaced_by"],
        }
        told = {event["trade_id"] for event in self.executions if event["order_request_id"] == key} - {None}
        return [
            *(
                f"{key}: {name}={known.get(name)}, not {value}"
                for name, value in wanted.items()
                if known.get(name) != value
            ),
            *(
                []
                if self._agrees(status, order["status"], final=order["final"])
                else [f"{key}: {status}, not {order['status']}"]
            ),
            *([] if told == {trade["trade_id"] for trade in order["trades"]} else [f"{key}: trades {told}"]),
        ]

    def _of_stop(self, stop: dict[str, Any]) -> list[str]:
        key, child = stop["order_request_id"], stop["child_order_request_id"]
        known = self.latest.get(key, {})
        if key in self.unsettled and known.get("ord_status") == "PENDING_NEW":
            return []
        triggered_by = self.latest.get(child or "", {}).get("triggered_by")
        return [
            *(
                []
                if self._agrees(known.get("ord_status"), stop["status"], final=stop["final"])
                else [f"{key}: {known.get('ord_status')}, not {stop['status']}"]
            ),
            *([] if known.get("triggers") == child else [f"{key}: triggers {known.get('triggers')}, not {child}"]),
            *([] if child is None or triggered_by == key else [f"{child}: triggered by {triggered_by}, not {key}"]),
        ]

    @staticmethod
    def _agrees(status: str | None, venues: str, *, final: bool) -> bool:
        return status == STATUSES[venues] or (status in WAITING and not final)


@pytest.fixture
async def day(stack: Stack, tmp_path: Path) -> AsyncIterator[Day]:
    async with AsyncExitStack() as running:
        venue = await running.enter_async_context(
            TInvestSimulator(accounts=["2000000001"], speed=20, fates={Fate.REST: 1})
        )
        settings = VenueSettings(
            token=venue.token, accounts=venue.accounts, rest_url=venue.rest_url, ws_url=venue.ws_url
        )
        addresses = {
            "DROPCOPY_TINVEST_TOKEN": venue.token,
            "DROPCOPY_TINVEST_ACCOUNTS": ",".join(venue.accounts),
            "DROPCOPY_TINVEST_REST_URL": venue.rest_url,
            "DROPCOPY_TINVEST_WS_URL": venue.ws_url,
        }
        at_work = feed_and_worker(stack, tmp_path, "tinvest", addresses, lambda: venue.stats()["connections"] > 0)
        await running.enter_async_context(at_work)
        gateway = TInvestGateway(stack.settings, settings, GatewaySettings(order_timeout_s=1.5))
        await running.enter_async_context(gateway)
        yield running.enter_context(Day(stack, venue, gateway))


async def test_an_order_is_replaced_and_its_successor_canceled_by_the_venues_id(day: Day) -> None:
    first = day.new_order()
    await day.gateway.post_order(first)
    await day.until_steps(first.order_request_id, "NEW")
    replace = ReplaceOrder(
        account=day.account,
        orig_order_request_id=first.order_request_id,
        quantity=Decimal(3),
        price=Decimal("300.4"),
    )
    replaced = await day.gateway.replace_order(replace)
    assert isinstance(replaced, Accepted)
    await day.until_steps(first.order_request_id, "PENDING_REPLACE", "REPLACED")
    await day.until_steps(first.order_request_id, "CANCELED")
    await day.until_steps(replace.order_request_id, "NEW")
    cancel = CancelOrder(account=day.account, orig_venue_order_id=replaced.venue_order_id)
    assert isinstance(await day.gateway.cancel_order(cancel), Accepted)
    await day.until_steps(replace.order_request_id, "PENDING_CANCEL", "CANCELED")

    await day.until(lambda: not day.differences(), day.differences)
    old, new = day.latest[first.order_request_id], day.latest[replace.order_request_id]
    assert (old["replaced_by"], new["replaces"]) == (replace.order_request_id, first.order_request_id)
    assert (new["price"], new["submitted_quantity"], new["join_status"]) == ("300.4", "3", "MATCHED")


async def test_a_cancel_that_comes_too_late_is_refused_with_the_venues_reason(day: Day) -> None:
    order = day.new_order()
    await day.gateway.post_order(order)
    await day.until_steps(order.order_request_id, "NEW")
    day.venue.desk.order({"action": "fill", "account": day.account, "order_request_id": order.order_request_id})
    cancel = CancelOrder(account=day.account, orig_order_request_id=order.order_request_id)
    refused = await day.gateway.cancel_order(cancel)

    assert isinstance(refused, Rejected)
    await day.until_steps(order.order_request_id, "CANCEL_REJECTED", "TRADE")
    await day.until(lambda: not day.differences(), day.differences)
    rejected = next(event for event in day.executions if event["exec_type"] == "CANCEL_REJECTED")
    assert rejected["change_request_id"] == cancel.order_request_id
    assert rejected["text"]
    assert day.latest[order.order_request_id]["ord_status"] == "FILLED"


async def test_a_cancel_without_an_answer_is_settled_by_the_stream(day: Day) -> None:
    order = day.new_order()
    await day.gateway.post_order(order)
    await day.until_steps(order.order_request_id, "NEW")
    day.venue.fault({"fault": "drop_reply", "method": "CancelOrder", "count": 5})
    outcome = await day.gateway.cancel_order(
        CancelOrder(account=day.account, orig_order_request_id=order.order_request_id)
    )

    assert isinstance(outcome, Unknown | Accepted)
    await day.until_steps(order.order_request_id, "PENDING_CANCEL")
    await day.until(lambda: day.latest[order.order_request_id]["ord_status"] == "CANCELED", lambda: day.latest)


async def test_a_stop_order_becomes_an_order_and_both_lives_are_told_and_tied(day: Day) -> None:
    stop = day.new_stop()
    outcome = await day.gateway.post_stop_order(stop)
    assert isinstance(outcome, Accepted)
    await day.until_steps(stop.order_request_id, "NEW")
    day.venue.desk.stop_order({"action": "trigger", "account": day.account, "stop_order_id": outcome.venue_order_id})

    await day.until_steps(stop.order_request_id, "TRIGGERED")
    await day.until(lambda: not day.differences(), day.differences)
    child = day.latest[day.latest[stop.order_request_id]["triggers"]]
    assert (child["triggered_by"], child["join_status"]) == (stop.order_request_id, "MATCHED")
    assert child["order_request_id"] != stop.order_request_id


async def test_a_stop_order_is_canceled(day: Day) -> None:
    stop = day.new_stop()
    outcome = await day.gateway.post_stop_order(stop)
    assert isinstance(outcome, Accepted)
    cancel = CancelStopOrder(account=day.account, orig_venue_order_id=outcome.venue_order_id)
    assert isinstance(await day.gateway.cancel_stop_order(cancel), Accepted)

    await day.until_steps(stop.order_request_id, "PENDING_CANCEL", "CANCELED")


async def test_an_order_of_the_phone_app_is_one_order_under_all_its_ids_and_not_submitted_here(day: Day) -> None:
    day.venue.desk.order(
        {"action": "place", "account": day.account, "instrument": SBER, "side": "BUY", "lots": 1, "price": "300"}
    )

    def told() -> list[tuple[str, str]]:
        numbers = [order["order_id"] for order in day.venue.orders() if order["source"] == "APP"]
        known = [(key, fields) for key, fields in day.latest.items() if fields["venue_order_id"] in numbers]
        return [(fields["ord_status"], day.unmatched.get(key, {}).get("reason", "")) for key, fields in known]

    await day.until(lambda: told() == [("NEW", "NOT_SUBMITTED_HERE")], told)
    assert not [fields for fields in day.latest.values() if fields["ord_status"] == "PENDING_NEW"]


FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "cut"},
    {"fault": "lose", "count": 3},
    {"fault": "duplicate", "count": 3},
    {"fault": "malformed"},
    {"fault": "close", "code": 1001},
    {"fault": "delay", "side": "stream", "seconds": 0.5, "count": 3},
    {"fault": "drop_reply"},
    {"fault": "cut_reply"},
    {"fault": "drop_reply", "method": "CancelOrder"},
    {"fault": "half_replace"},
    {"fault": "hidden_cancel"},
    {"fault": "refuse", "code": "70001"},
    {"fault": "fill", "count": 2},
)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("seed", [1, 2])
async def test_after_any_sequence_of_faults_the_latest_states_are_the_venues_own(day: Day, seed: int) -> None:
    chance = Random(seed)
    done: Counter[str] = Counter()
    async with asyncio.TaskGroup() as deeds:
        for _ in range(100):
            deeds.create_task(_deed(day, chance, done))
            if chance.random() < 0.25:
                day.venue.fault(chance.choice(FAULTS))
            await asyncio.sleep(0.05)

    await day.until(lambda: not day.differences(), day.differences)
    assert min(done[kind] for kind in ("order", "replace", "cancel", "stop", "trigger")) >= 1, done
    assert day.told_twice() == []


async def _deed(day: Day, chance: Random, done: Counter[str]) -> None:
    alive = [order for order in day.venue.orders() if order["order_id"] and not order["final"] and order["told"]]
    stops = [stop for stop in day.venue.stop_orders() if not stop["final"] and stop["told"]]
    kind = chance.choice(
        [
            "order",
            "order",
            "stop",
            *(["replace", "cancel", "fill"] * bool(alive)),
            *(["trigger", "cancel-stop"] * bool(stops)),
        ]
    )
    try:
        if kind == "order":
            await day.gateway.post_order(day.new_order(quantity=Decimal(chance.randint(1, 9))))
        elif kind == "stop":
            stop = day.new_stop()
            if isinstance(await day.gateway.post_stop_order(stop), Unknown):
                day.unsettled.add(stop.order_request_id)
        elif kind in ("trigger", "cancel-stop"):
            await _move_stop(day, kind, chance.choice(stops))
        else:
            await _change(day, kind, chance.choice(alive), chance)
    except (DropcopyError, ValueError):
        return  # too late for it, or not sent: nothing happened that the venue would know
    done[kind] += 1


async def _move_stop(day: Day, kind: str, stop: dict[str, Any]) -> None:
    name = stop["stop_order_id"]
    if kind == "trigger":
        day.venue.desk.stop_order({"action": "trigger", "account": day.account, "stop_order_id": name})
    else:
        await day.gateway.cancel_stop_order(CancelStopOrder(account=day.account, orig_venue_order_id=name))


async def _change(day: Day, kind: str, order: dict[str, Any], chance: Random) -> None:
    by = chance.choice(
        [{"orig_order_request_id": order["order_request_id"]}, {"orig_venue_order_id": order["order_id"]}]
    )
    if kind == "fill":
        wish = {"action": "fill", "account": day.account, "order_request_id": order["order_request_id"], "lots": 1}
        day.venue.desk.order(wish)
    elif kind == "cancel":
        await day.gateway.cancel_order(CancelOrder(account=day.account, **by))
    else:
        replace = ReplaceOrder(account=day.account, quantity=Decimal(2), price=Decimal("300.1"), **by)
        await day.gateway.replace_order(replace)
