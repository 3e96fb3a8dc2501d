"""The demo trader and the simulator as processes: they trade, and end cleanly."""

import json
import signal
import sys
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import ClusterError
from producers.gateways.limits import LimitError
from producers.gateways.orders import CancelStopOrder, NewOrder, ReplaceOrder
from producers.gateways.outcomes import Accepted
from producers.gateways.stop_orders import NewStopOrder
from producers.gateways.tinvest import post_order_body
from sandbox.processes import Process, wait_until
from sandbox.simulators.running import read_accounts
from sandbox.simulators.tinvest.requests import read_ask
from sandbox.stack import Stack
from sandbox.trader import Tally, Trader, trader_names, venue_part
from sandbox.traders.tinvest import random_order
from schemas.fix import Action

DROPCOPY = [sys.executable, "-c", "from dropcopy.cli import main; main()"]


@given(st.integers())
def test_every_random_order_is_one_that_the_venue_takes(seed: int) -> None:
    order = random_order("A", Random(seed))
    ask = read_ask(json.loads(post_order_body(order)), ["A"], lambda: "", is_async=True)
    assert ask.request_id == order.order_request_id
    assert ask.lots == order.quantity


@pytest.mark.parametrize(
    ("venue", "text", "accounts"),
    [
        ("tinvest", "2", ["2000000001", "2000000002"]),
        ("tinvest", "A,B", ["A", "B"]),
        ("tinvest", "2000000009", ["2000000009"]),
        ("ripio", "2", ["ripio-1", "ripio-2"]),
    ],
)
def test_accounts_are_a_number_of_them_or_their_ids(venue: str, text: str, accounts: list[str]) -> None:
    assert read_accounts(text, venue) == accounts


class Venue:
    """Takes every order, and has all or only some of what a venue can have."""

    async def post_order(self, request: Any) -> Accepted:
        return Accepted(order_request_id=request.order_request_id, venue_order_id="7")


class WholeVenue(Venue):
    post_order_async = replace_order = amend_order = cancel_order = Venue.post_order
    post_stop_order = cancel_stop_order = Venue.post_order


@pytest.mark.parametrize("venue", trader_names())
async def test_a_trader_asks_a_venue_for_all_that_it_has(venue: str) -> None:
    tally, part = Tally(), venue_part(venue)
    trader = Trader(WholeVenue(), part, Random(7), tally)
    requests = []
    for _ in range(500):
        request, method = trader.choose("A")
        requests.append(request)
        await trader.send(request, method)
    wanted = {Action.NEW, Action.CANCEL}
    wanted |= {Action.REPLACE, Action.AMEND} if hasattr(part, "random_terms") else set()
    wanted |= {Action.NEW_STOP, Action.CANCEL_STOP} if hasattr(part, "random_stop_order") else set()
    assert {request.action for request in requests} == wanted
    assert tally.outcomes == {"accepted": 500}
    orders = {request.order_request_id for request in requests if isinstance(request, NewOrder | NewStopOrder)}
    changes = [request for request in requests if not isinstance(request, NewOrder | NewStopOrder)]
    assert {request.orig_order_request_id for request in changes} <= orders
    assert all(
        not isinstance(request, ReplaceOrder | CancelStopOrder) or request.orig_venue_order_id for request in changes
    )


async def test_a_trader_asks_a_venue_for_nothing_that_it_has_not() -> None:
    trader = Trader(Venue(), venue_part("tinvest"), Random(7), Tally())
    for _ in range(200):
        request, method = trader.choose("A")
        assert request.action is Action.NEW
        await trader.send(request, method)


async def test_a_request_without_a_turn_is_counted_apart_from_one_without_a_journal() -> None:
    tally = Tally()
    trader = Trader(Venue(), venue_part("tinvest"), Random(7), tally)
    errors = [LimitError("too often"), ClusterError("no Kafka")]

    async def refuse(request: Any) -> Any:
        raise errors.pop(0)

    for _ in range(2):
        await trader.send(trader.choose("A")[0], refuse)
    assert (tally.no_turn, tally.not_journaled, tally.outcomes) == (1, 1, {})


def settings_of(process: Process) -> dict[str, str]:
    process.wait_for_line("SIMULATOR_CONTROL_URL=")
    return dict(line.split("=", 1) for line in process.lines())


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_simulator_tells_where_it_is_and_ends_cleanly(tmp_path: Path, sign: signal.Signals) -> None:
    command = [*DROPCOPY, "sandbox", "simulate", "tinvest", "--accounts", "2"]
    with Process("simulator", command, folder=tmp_path) as simulator:
        settings = settings_of(simulator)
        assert settings["DROPCOPY_TINVEST_ACCOUNTS"] == "2000000001,2000000002"
        assert httpx.get(f"{settings['SIMULATOR_CONTROL_URL']}/orders").json() == []
        simulator.send(sign)
        assert simulator.wait(20) == 0


def test_a_trader_sends_at_its_rate_and_tells_what_came_of_it(stack: Stack, tmp_path: Path) -> None:
    with Process("simulator", [*DROPCOPY, "sandbox", "simulate", "tinvest"], folder=tmp_path) as simulator:
        told = settings_of(simulator)
        settings = stack.environment | {name: told[name] for name in told if name.startswith("DROPCOPY_")}
        command = [*DROPCOPY, "sandbox", "trade", "tinvest", "--rate", "40", "--json"]
        with Process("trader", [*command, "--seconds", "1"], environment=settings, folder=tmp_path) as trader:
            assert trader.wait(60) == 0
            first = json.loads(trader.lines()[-1])
        assert first["submitted"] == 40
        assert first["accepted"] + first["rejected"] == 40
        # Stopped while it trades, it still waits for its calls, and counts every one.
        with Process("trader", command, environment=settings, folder=tmp_path) as trader:
            ledger = f"{told['SIMULATOR_CONTROL_URL']}/orders"
            assert wait_until(lambda: len(httpx.get(ledger).json()) >= 60, 60), trader.log_tail()
            trader.send(signal.SIGTERM)
            assert trader.wait(60) == 0
            second = json.loads(trader.lines()[-1])
        orders = httpx.get(ledger).json()
        assert second["unknown"] == second["not_journaled"] == second["no_turn"] == 0
        placed = [order for order in orders if not order["replaces"] and not order["stop_order_id"]]
        assert len(placed) == first["actions"]["NEW"] + second["actions"]["NEW"]
        assert {order["account"] for order in orders} == set(told["DROPCOPY_TINVEST_ACCOUNTS"].split(","))
