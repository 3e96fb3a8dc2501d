"""From the bytes of a venue and what was submitted to joined executions, on a real broker, in real processes."""

import itertools
import json
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.processes import Process
from sandbox.stack import Stack
from schemas.topics import DEAD_LETTERS, EXECUTIONS
from tests.integration.processing import (
    DROPCOPY,
    Following,
    Input,
    check_executions,
    check_latest,
    orders_of_a_day,
    read_all,
    results,
    until,
    wait_for_assignment,
    worker,
    write_day,
)

FIRST = itertools.count(0, 10_000)
LIMIT_S = 90


@pytest.fixture
def input_(stack: Stack) -> Input:
    return Input(stack.settings)


def test_every_order_of_a_day_comes_out_once_and_traceable_to_its_bytes(
    stack: Stack, input_: Input, tmp_path: Path
) -> None:
    orders = orders_of_a_day(next(FIRST), 200)
    with worker(stack, tmp_path, "worker") as process, Following(stack.settings) as following:
        write_day(input_, orders)
        following.until_filled(orders, LIMIT_S, process.check)
        status = process.stop()

    assert status == 0
    executions, latest = results(stack.settings)
    check_executions(executions, orders, input_.frames)
    check_latest(latest, orders)


def test_a_worker_that_is_stopped_and_started_again_in_mid_stream_loses_and_doubles_nothing(
    stack: Stack, input_: Input, tmp_path: Path
) -> None:
    orders = orders_of_a_day(next(FIRST), 300)
    with Following(stack.settings) as following:
        with worker(stack, tmp_path, "before") as process:
            wait_for_assignment(process)
            write_day(input_, orders[:150])
            # In the middle of them, whatever is in flight.
            assert process.stop() == 0
        write_day(input_, orders[150:200])
        with worker(stack, tmp_path, "after") as process:
            write_day(input_, orders[200:])
            following.until_filled(orders, LIMIT_S, process.check)

    executions, latest = results(stack.settings)
    check_executions(executions, orders, input_.frames)
    check_latest(latest, orders)


def test_a_second_worker_takes_its_share_and_takes_over_when_the_first_leaves(
    stack: Stack, input_: Input, tmp_path: Path
) -> None:
    orders = orders_of_a_day(next(FIRST), 450)
    with worker(stack, tmp_path, "first") as first, Following(stack.settings) as following:
        wait_for_assignment(first)
        write_day(input_, orders[:150])
        with worker(stack, tmp_path, "second") as second:
            write_day(input_, orders[150:300])
            wait_for_assignment(second)
            assert first.stop() == 0
            write_day(input_, orders[300:])
            following.until_filled(orders, LIMIT_S, second.check)

    executions, latest = results(stack.settings)
    check_executions(executions, orders, input_.frames)
    check_latest(latest, orders)


def test_at_least_once_loses_nothing_over_a_kill_and_its_repeats_carry_the_same_identity(
    stack: Stack, input_: Input, tmp_path: Path
) -> None:
    orders = orders_of_a_day(next(FIRST), 300)
    with Following(stack.settings) as following:
        with worker(stack, tmp_path, "killed", guarantee="at_least_once") as process:
            wait_for_assignment(process)
            write_day(input_, orders[:150])
            following.look(5)
            process.kill()
        with worker(stack, tmp_path, "next", guarantee="at_least_once") as process:
            write_day(input_, orders[150:])
            following.until_filled(orders, LIMIT_S, process.check)

    executions, latest = results(stack.settings)
    check_latest(latest, orders)
    once = {record.fields["event_id"]: record for record in executions}
    trades = {(f["order_request_id"], f["trade_id"]) for f in (r.fields for r in once.values()) if f["trade_id"]}
    assert {(o.request_id, trade) for o in orders for trade in trades_of(o)} <= trades


def trades_of(order: Any) -> set[str]:
    return {trade["tradeId"] for trade in json.loads(order.frames[-1])["orderState"]["trades"]}


# The simulated venue, its feed, a trader through the gateway, and the processor.


def run(name: str, folder: Path, environment: dict[str, str], *arguments: str) -> Process:
    return Process(name, [*DROPCOPY, *arguments], environment=environment, folder=folder)


def ledger_at(control_url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{control_url}/orders", timeout=10) as answer:
        return json.loads(answer.read())


ENDS = {"FILL": "FILLED", "CANCELLED": "CANCELED", "REJECTED": "REJECTED"}


def agrees(order: dict[str, Any], fields: dict[str, Any] | None) -> bool:
    """Tell whether an order stands in `orders.latest` as it stands in the venue's own books."""
    if fields is None or fields["join_status"] != "MATCHED":
        return False
    end = ENDS.get(order["status"].removeprefix("EXECUTION_REPORT_STATUS_"))
    # Canceled for want of position before it traded: it was never placed.
    status = "REJECTED" if fields["text"] == "CAUSE_CANCELLED_NOT_ENOUGH_POSITION" else end
    executed = order["lots_executed"] * order["lot_size"]
    return (fields["ord_status"], Decimal(fields["cum_qty"]), fields["account"], fields["side"]) == (
        status,
        Decimal(executed),
        order["account"],
        order["side"],
    )


def test_what_the_simulated_venue_has_in_its_books_is_what_the_latest_state_says(stack: Stack, tmp_path: Path) -> None:
    with run("simulator", tmp_path, {}, "sandbox", "simulate", "tinvest", "--speed", "5", "--seed", "4") as simulator:
        control = simulator.wait_for_line("SIMULATOR_CONTROL_URL=").partition("=")[2]
        told = dict(line.split("=", 1) for line in simulator.lines() if line.startswith("DROPCOPY_"))
        venue = stack.environment | told | {"DROPCOPY_LOG_FORMAT": "json"}
        with (
            run("feed", tmp_path, venue, "produce", "tinvest") as feed,
            worker(stack, tmp_path, "worker") as process,
            Following(stack.settings) as following,
        ):
            with run(
                "trader", tmp_path, venue, "sandbox", "trade", "tinvest", "--rate", "20", "--seconds", "8"
            ) as trader:
                assert trader.wait(LIMIT_S) == 0, trader.log_tail()
            until(lambda: all(order["final"] for order in ledger_at(control)), LIMIT_S, "every order has ended")
            ledger = ledger_at(control)

            def all_agree() -> bool:
                feed.check()
                process.check()
                following.look()
                return all(agrees(order, following.latest.get(order["order_request_id"])) for order in ledger)

            until(all_agree, LIMIT_S, "the latest state is the venue's")
            assert (feed.stop(), process.stop()) == (0, 0)

    assert len(ledger) > 100
    found = read_all(stack.settings, EXECUTIONS.name, DEAD_LETTERS.name)
    assert found[DEAD_LETTERS.name] == []
    ours = {order["order_request_id"] for order in ledger}
    trades = [
        (f["order_request_id"], f["trade_id"], f["last_px"], f["last_qty"])
        for f in {r.fields["exec_id"]: r.fields for r in found[EXECUTIONS.name]}.values()
        if f["order_request_id"] in ours and f["trade_id"]
    ]
    assert sorted((key, trade, Decimal(price), Decimal(quantity)) for key, trade, price, quantity in trades) == sorted(
        (order["order_request_id"], trade["trade_id"], Decimal(trade["price"]), Decimal(trade["quantity"]))
        for order in ledger
        for trade in order["trades"]
    )
