"""`dropcopy order new`: what it prints, and the exit status that says what happened."""

import asyncio
import json
import sys
from typing import Any
from uuid import uuid4

import pytest

from producers.gateways.commands import new_order
from sandbox.ports import free_ports
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack
from schemas.fix import OrdType, Side
from tests.producers.gateways.journal_reader import JournalReader

MARKET_ORDER = {
    "--venue": "tinvest",
    "--account": "2000000001",
    "--instrument": "BBG004730N88",
    "--side": "buy",
    "--quantity": "5",
    "--type": "market",
}


class Result:
    def __init__(self, status: int | None, out: bytes, err: bytes) -> None:
        self.status, self.out, self.err = status, out.decode(), err.decode()


async def order_new(
    stack: Stack,
    simulator: TInvestSimulator,
    *flags: str,
    options: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
) -> Result:
    """Run the command as a process, beside the simulator that runs in this one."""
    named = [part for pair in (MARKET_ORDER | (options or {})).items() for part in pair]
    settings = {
        "DROPCOPY_TINVEST_TOKEN": simulator.token,
        "DROPCOPY_TINVEST_ACCOUNTS": ",".join(simulator.accounts),
        "DROPCOPY_TINVEST_REST_URL": simulator.rest_url,
        "DROPCOPY_JOURNAL_TIMEOUT_S": "2",
        "DROPCOPY_ORDER_TIMEOUT_S": "1",
        "DROPCOPY_ORDER_SETTLE_TIMEOUT_S": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from dropcopy.cli import main; main()", "order", "new", *named, *flags),
        env=stack.environment | settings | (environment or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Result(process.returncode, out, err)


async def test_an_accepted_order_ends_with_0_and_one_json_object(
    stack: Stack, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    request_id = str(uuid4())
    result = await order_new(
        stack, simulator, "--json", options={"--request-id": request_id, "--type": "limit", "--price": "300.50"}
    )
    assert result.status == 0, result.err
    told = json.loads(result.out)
    (placed,) = simulator.orders()
    assert (told["phase"], told["order_request_id"]) == ("ACCEPTED", request_id)
    assert told["venue_order_id"] == placed["order_id"]
    assert "accepted" in result.err
    intent, _ = await journal.of(request_id, 2)
    assert (intent.record["price"], intent.record["quantity"]) == ("300.50", "5")


async def test_without_json_it_prints_one_line_of_facts(stack: Stack, simulator: TInvestSimulator) -> None:
    result = await order_new(stack, simulator, "--async")
    assert result.status == 0, result.err
    assert result.out.startswith("phase=ACCEPTED order_request_id=")
    assert result.out.count("\n") == 1


async def test_a_refused_order_ends_with_4(stack: Stack, simulator: TInvestSimulator) -> None:
    result = await order_new(stack, simulator, "--json", options={"--instrument": "NONE"})
    assert (result.status, json.loads(result.out)["code"]) == (4, "50002")
    assert "There is no order: Instrument not found (50002)." in result.err


async def test_an_unknown_outcome_ends_with_1_and_a_warning(stack: Stack, simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "ignore"})
    simulator.fault({"fault": "drop_reply"})
    result = await order_new(stack, simulator, "--json")
    assert (result.status, json.loads(result.out)["phase"]) == (1, "UNKNOWN")
    assert "Do not send it anew" in result.err
    assert len(simulator.orders()) == 1


async def test_without_kafka_it_ends_with_3_and_sends_nothing(stack: Stack, simulator: TInvestSimulator) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    result = await order_new(stack, simulator, environment={"DROPCOPY_BOOTSTRAP_SERVERS": address})
    assert (result.status, result.out) == (3, "")
    assert address in result.err
    assert simulator.orders() == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"--venue": "nowhere"}, "nowhere"),
        ({"--venue": "commands"}, "commands"),
        ({"--type": "limit"}, "price"),
        ({"--price": "1"}, "price"),
        ({"--quantity": "many"}, "--quantity 'many'"),
        ({"--side": "up"}, "--side"),
        ({"--request-id": "1"}, "order_request_id"),
    ],
)
async def test_a_wrong_call_ends_with_2_and_names_what_is_wrong(
    stack: Stack, simulator: TInvestSimulator, options: dict[str, str], named: str
) -> None:
    result = await order_new(stack, simulator, options=options)
    assert (result.status, result.out) == (2, "")
    assert named in result.err
    assert simulator.orders() == []


def test_options_become_an_order_in_fix_words() -> None:
    options: dict[str, Any] = {
        "account": "A",
        "instrument": "I",
        "side": "SELL",
        "quantity": "1",
        "ord_type": "BEST_PRICE",
        "price": None,
        "time_in_force": None,
        "request_id": None,
    }
    order = new_order(**options)
    assert (order.side, order.ord_type) == (Side.SELL, OrdType.BEST_PRICE)
