"""`dropcopy order …`: what it prints, and the exit status that says what happened."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from sandbox.ports import free_ports
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.simulators.tinvest.fates import Fate
from sandbox.stack import Stack
from tests.producers.gateways.command_line import CommandLine
from tests.producers.gateways.journal_reader import JournalReader

ACCOUNT = {"--venue": "tinvest", "--account": "2000000001"}
MARKET_ORDER = ACCOUNT | {"--instrument": "BBG004730N88", "--side": "buy", "--quantity": "5", "--type": "market"}
LIMIT_ORDER = MARKET_ORDER | {"--type": "limit", "--price": "300.50"}


@pytest.fixture
async def resting(simulator: TInvestSimulator) -> AsyncIterator[TInvestSimulator]:
    """A venue at which an order stands until it is cancelled."""
    async with TInvestSimulator(token=simulator.token, speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


@pytest.fixture
def run(stack: Stack, simulator: TInvestSimulator) -> CommandLine:
    return CommandLine(stack, simulator)


async def test_an_accepted_order_ends_with_0_and_one_json_object(
    run: CommandLine, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    request_id = str(uuid4())
    result = await run("order", "new", "--json", options=LIMIT_ORDER | {"--request-id": request_id})
    assert result.status == 0, result.err
    told = result.json()
    (placed,) = simulator.orders()
    assert (told["phase"], told["action"], told["order_request_id"]) == ("ACCEPTED", "NEW", request_id)
    assert told["venue_order_id"] == placed["order_id"]
    assert "accepted" in result.err
    intent, _ = await journal.of(request_id, 2)
    assert (intent.record["price"], intent.record["quantity"]) == ("300.50", "5")


async def test_without_json_it_prints_one_line_of_facts(run: CommandLine) -> None:
    result = await run("order", "new", "--async", options=MARKET_ORDER)
    assert result.status == 0, result.err
    assert result.out.startswith("phase=ACCEPTED order_request_id=")
    assert result.out.count("\n") == 1


async def test_a_refused_order_ends_with_4(run: CommandLine) -> None:
    result = await run("order", "new", "--json", options=MARKET_ORDER | {"--instrument": "NONE"})
    assert (result.status, result.json()["code"]) == (4, "50002")
    assert "There is no order: Instrument not found (50002)." in result.err


async def test_an_unknown_outcome_ends_with_1_and_a_warning(run: CommandLine, simulator: TInvestSimulator) -> None:
    simulator.fault({"fault": "ignore"})
    simulator.fault({"fault": "drop_reply"})
    result = await run("order", "new", "--json", options=MARKET_ORDER)
    assert (result.status, result.json()["phase"]) == (1, "UNKNOWN")
    assert "Do not send it anew" in result.err
    assert len(simulator.orders()) == 1


async def test_without_kafka_it_ends_with_3_and_sends_nothing(run: CommandLine, simulator: TInvestSimulator) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    result = await run("order", "new", options=MARKET_ORDER, environment={"DROPCOPY_BOOTSTRAP_SERVERS": address})
    assert (result.status, result.out) == (3, "")
    assert address in result.err
    assert simulator.orders() == []


async def test_an_order_is_replaced_and_cancelled_by_either_of_its_ids(
    run: CommandLine, resting: TInvestSimulator, journal: JournalReader
) -> None:
    there = {"DROPCOPY_TINVEST_REST_URL": resting.rest_url}
    placed = (await run("order", "new", "--json", options=LIMIT_ORDER, environment=there)).json()

    new_id = str(uuid4())
    changed = ACCOUNT | {"--request-id": placed["order_request_id"], "--quantity": "3", "--price": "299"}
    result = await run("order", "replace", "--json", options=changed | {"--new-request-id": new_id}, environment=there)
    assert result.status == 0, result.err
    replaced = result.json()
    assert (replaced["action"], replaced["order_request_id"]) == ("REPLACE", new_id)
    assert "in place of the old one" in result.err
    assert [(order["status"], order["lots_requested"]) for order in resting.orders()] == [
        ("EXECUTION_REPORT_STATUS_CANCELLED", 5),
        ("EXECUTION_REPORT_STATUS_NEW", 3),
    ]

    by_venue_id = ACCOUNT | {"--order-id": replaced["venue_order_id"]}
    result = await run("order", "cancel", "--json", options=by_venue_id, environment=there)
    assert result.status == 0, result.err
    cancelled = result.json()
    assert cancelled["orig_venue_order_id"] == replaced["venue_order_id"]
    assert cancelled["transact_ns"] > 0
    assert {order["status"] for order in resting.orders()} == {"EXECUTION_REPORT_STATUS_CANCELLED"}

    entries = await journal.of(cancelled["order_request_id"], 2)
    assert [(entry.record["action"], entry.record["phase"]) for entry in entries] == [
        ("CANCEL", "INTENT"),
        ("CANCEL", "ACCEPTED"),
    ]

    result = await run("order", "cancel", options=by_venue_id, environment=there)
    assert result.status == 4
    assert "Nothing was canceled" in result.err


async def test_an_order_is_shown_and_listed_without_kafka(run: CommandLine, simulator: TInvestSimulator) -> None:
    placed = (await run("order", "new", "--json", options=LIMIT_ORDER)).json()
    no_kafka = {"DROPCOPY_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_ports(1)[0]}"}

    by_request_id = ACCOUNT | {"--request-id": placed["order_request_id"]}
    shown = (await run("order", "get", "--json", options=by_request_id, environment=no_kafka)).json()
    assert (shown["venue_order_id"], shown["side"]) == (placed["venue_order_id"], "BUY")
    assert shown["initial_security_price"]["currency"] == "RUB"

    listed = await run(
        "order",
        "list",
        "--json",
        *("--status", "filled", "--status", "new", "--status", "partially-filled"),
        options=ACCOUNT | {"--from": "2020-01-01T00:00:00+03:00"},
        environment=no_kafka,
    )
    assert [each["venue_order_id"] for each in listed.lines()] == [placed["venue_order_id"]]
    plain = await run("order", "list", "--status", "filled", options=ACCOUNT, environment=no_kafka)
    assert plain.status == 0
    assert [line.split("\t")[0] for line in plain.out.splitlines()] in ([placed["venue_order_id"]], [])
    none = await run("order", "list", "--status", "rejected", options=ACCOUNT, environment=no_kafka)
    assert (none.status, none.out, none.err.strip()) == (0, "", "none")


async def test_an_order_that_is_not_there_ends_with_4(run: CommandLine) -> None:
    result = await run("order", "get", options=ACCOUNT | {"--order-id": "1"})
    assert (result.status, result.out) == (4, "")
    assert "50005" in result.err


async def test_a_venue_that_does_not_answer_a_query_ends_with_1(run: CommandLine) -> None:
    away = {"DROPCOPY_TINVEST_REST_URL": f"http://127.0.0.1:{free_ports(1)[0]}/rest"}
    result = await run("order", "list", options=ACCOUNT, environment=away)
    assert (result.status, result.out) == (1, "")
    assert "can't be reached" in result.err


async def test_what_can_be_bought_and_what_it_costs_is_told_exactly(run: CommandLine) -> None:
    asked = ACCOUNT | {"--instrument": "BBG004730N88"}
    lots = (await run("order", "max-lots", "--json", options=asked)).json()
    assert (lots["currency"], lots["sell_lots"]) == ("RUB", 0)
    assert lots["buy_lots"] > 0
    # Nothing is something to be told.
    assert "sell_lots=0" in (await run("order", "max-lots", options=asked)).out.split()
    cost = (
        await run("order", "price", "--json", options=asked | {"--side": "buy", "--quantity": "2", "--price": "301.25"})
    ).json()
    # 2 lots of 10 pieces.
    assert cost["initial_order_amount"] == {"amount": "6025.000000000", "currency": "RUB"}


async def test_accounts_are_told_before_any_is_set(run: CommandLine, simulator: TInvestSimulator) -> None:
    result = await run("accounts", "--json", environment={"DROPCOPY_TINVEST_ACCOUNTS": None})
    assert result.status == 0, result.err
    assert [account["account"] for account in result.lines()] == simulator.accounts
    assert {account["access_level"] for account in result.lines()} == {"ACCOUNT_ACCESS_LEVEL_FULL_ACCESS"}


@pytest.mark.parametrize(
    ("words", "options", "named"),
    [
        (("order", "new"), MARKET_ORDER | {"--venue": "nowhere"}, "nowhere"),
        (("order", "new"), MARKET_ORDER | {"--venue": "commands"}, "commands"),
        (("order", "list"), ACCOUNT | {"--venue": "nowhere"}, "nowhere"),
        (("order", "new"), MARKET_ORDER | {"--type": "limit"}, "price"),
        (("order", "new"), MARKET_ORDER | {"--price": "1"}, "price"),
        (("order", "new"), MARKET_ORDER | {"--quantity": "many"}, "--quantity 'many'"),
        (("order", "new"), LIMIT_ORDER | {"--price": "1_0"}, "--price '1_0' is no number"),
        (("order", "new"), MARKET_ORDER | {"--side": "up"}, "--side"),
        (("order", "new"), MARKET_ORDER | {"--type": "stop"}, "--type"),
        (("order", "new"), MARKET_ORDER | {"--time-in-force": "good-till-cancel"}, "--time-in-force=GOOD"),
        (("order", "new"), MARKET_ORDER | {"--time-in-force": "for-ever"}, "--time-in-force"),
        (("order", "new", "--post-only"), MARKET_ORDER, "--post-only=True: tinvest has no such thing"),
        (("order", "new"), MARKET_ORDER | {"--expires": "2030-01-31T18:00:00Z"}, "--expires="),
        (("order", "new"), MARKET_ORDER | {"--cash-quantity": "100"}, "--quantity=5 and --cash-quantity=100"),
        (
            ("order", "new"),
            LIMIT_ORDER | {"--type": "iceberg", "--display-quantity": "1"},
            "--display-quantity=1: tinvest",
        ),
        (("order", "new"), LIMIT_ORDER | {"--outcome": "o"}, "--outcome=o: tinvest has no such thing"),
        (
            ("order", "amend"),
            ACCOUNT | {"--order-id": "1", "--price": "2"},
            "tinvest has no changing of orders in place",
        ),
        (
            ("order", "replace"),
            ACCOUNT | {"--quantity": "5", "--order-id": "1", "--new-request-id": "x"},
            "--new-request-id='x' must be a UUID",
        ),
        (("order", "amend"), ACCOUNT | {"--order-id": "1"}, "--quantity or --price is missing"),
        (("order", "trades"), ACCOUNT, "tinvest has no list of trades"),
        (("order", "list"), ACCOUNT | {"--instrument": "BBG004730N88"}, "tinvest has no --instrument here"),
        (("order", "new"), MARKET_ORDER | {"--request-id": "1"}, "--request-id='1' must be"),
        (("order", "replace"), ACCOUNT | {"--quantity": "1"}, "--order-id or --request-id is missing"),
        (("order", "cancel"), ACCOUNT, "--order-id or --request-id is missing"),
        (("order", "get"), ACCOUNT, "--order-id or --request-id is missing"),
        (("order", "list"), ACCOUNT | {"--from": "2030-13-01T00:00:00Z"}, "--from '2030-13-01T00:00:00Z' is no time"),
        (("order", "list"), ACCOUNT | {"--from": "today"}, "--from 'today'"),
        (("order", "list"), ACCOUNT | {"--from": "2020-01-01"}, "--from '2020-01-01'"),
    ],
)
async def test_a_wrong_call_ends_with_2_and_names_what_is_wrong(
    run: CommandLine, simulator: TInvestSimulator, words: tuple[str, ...], options: dict[str, str], named: str
) -> None:
    result = await run(*words, options=options)
    assert (result.status, result.out) == (2, "")
    assert named in result.err
    assert simulator.calls() == []


@pytest.mark.parametrize("where", ["/dev/full", "a closed pipe"])
async def test_what_came_of_an_order_is_told_though_standard_output_can_not_be_written(
    run: CommandLine, where: str
) -> None:
    if where == "/dev/full":
        out = os.open(where, os.O_WRONLY)
    else:
        reader, out = os.pipe()
        os.close(reader)
    try:
        result = await run("order", "new", options=MARKET_ORDER, out=out)
    finally:
        os.close(out)
    assert result.status == 0, result.err
    assert "phase=ACCEPTED order_request_id=" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_order_that_is_interrupted_is_named_and_journaled_as_unknown(
    run: CommandLine, simulator: TInvestSimulator, journal: JournalReader, number: signal.Signals
) -> None:
    simulator.fault({"fault": "drop_reply"})
    request_id = str(uuid4())

    async def interrupt(process: asyncio.subprocess.Process) -> None:
        await journal.of(request_id, 1)
        process.send_signal(number)

    result = await run(
        "order",
        "new",
        options=MARKET_ORDER | {"--request-id": request_id},
        environment={"DROPCOPY_ORDER_TIMEOUT_S": "50"},
        meanwhile=interrupt,
    )

    assert (result.status, result.out) == (130, "")
    assert f"order_request_id={request_id}" in result.err
    assert [entry.record["phase"] for entry in await journal.of(request_id, 2)] == ["INTENT", "UNKNOWN"]
