"""`dropcopy stop-order …`."""

from uuid import uuid4

import pytest

from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack
from tests.producers.gateways.command_line import CommandLine
from tests.producers.gateways.journal_reader import JournalReader

ACCOUNT = {"--venue": "tinvest", "--account": "2000000001"}
STOP = ACCOUNT | {
    "--instrument": "BBG004730N88",
    "--side": "sell",
    "--quantity": "1",
    "--type": "stop",
    "--stop-price": "1",
}


@pytest.fixture
def run(stack: Stack, simulator: TInvestSimulator) -> CommandLine:
    return CommandLine(stack, simulator)


async def test_a_stop_order_is_placed_listed_and_cancelled(
    run: CommandLine, simulator: TInvestSimulator, journal: JournalReader
) -> None:
    request_id = str(uuid4())
    result = await run(
        "stop-order",
        "new",
        "--json",
        options=STOP | {"--request-id": request_id, "--expires": "2099-01-31T18:00:00.5Z"},
    )
    assert result.status == 0, result.err
    placed = result.json()
    assert (placed["action"], placed["order_request_id"]) == ("NEW_STOP", request_id)
    (known,) = simulator.stop_orders()
    assert known["stop_order_id"] == placed["venue_order_id"]
    intent, accepted = await journal.of(request_id, 2)
    asked = ("action", "ord_type", "stop_price", "time_in_force", "expire_ns")
    assert [intent.record[name] for name in asked] == [
        "NEW_STOP",
        "STOP",
        "1",
        "GOOD_TILL_DATE",
        4_073_565_600_500_000_000,
    ]
    assert accepted.record["venue_order_id"] == placed["venue_order_id"]

    (listed,) = (await run("stop-order", "list", "--json", options=ACCOUNT)).lines()
    assert (listed["venue_order_id"], listed["status"]) == (placed["venue_order_id"], "ACTIVE")
    assert listed["ord_type"] == "STOP"

    by_id = ACCOUNT | {"--order-id": placed["venue_order_id"], "--request-id": request_id}
    result = await run("stop-order", "cancel", "--json", options=by_id)
    assert result.status == 0, result.err
    cancel = (await journal.of(result.json()["order_request_id"], 2))[1].record
    assert (cancel["action"], cancel["phase"]) == ("CANCEL_STOP", "ACCEPTED")
    assert (cancel["orig_order_request_id"], cancel["orig_venue_order_id"]) == (request_id, placed["venue_order_id"])
    assert (await run("stop-order", "list", options=ACCOUNT)).out == ""
    (ended,) = (await run("stop-order", "list", "--json", options=ACCOUNT | {"--status": "canceled"})).lines()
    assert ended["venue_order_id"] == placed["venue_order_id"]

    again = await run("stop-order", "cancel", "--json", options=by_id)
    assert again.status == 4
    assert again.json()["phase"] == "REJECTED"


async def test_a_trailing_stop_order_follows_in_units_or_per_cent(
    run: CommandLine, simulator: TInvestSimulator
) -> None:
    trailing = {"--type": "trailing-take-profit", "--trailing-indent": "1.5%", "--trailing-spread": "0.25"}
    result = await run("stop-order", "new", "--json", options=STOP | {"--stop-price": "9000"} | trailing)
    assert result.status == 0, result.err
    (listed,) = (await run("stop-order", "list", "--json", options=ACCOUNT)).lines()
    assert listed["ord_type"] == "TRAILING_TAKE_PROFIT"
    told = listed["trailing"]
    assert (told["indent"], told["indent_type"]) == ("1.500000000", "TRAILING_VALUE_RELATIVE")
    assert (told["spread"], told["spread_type"]) == ("0.250000000", "TRAILING_VALUE_ABSOLUTE")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"--type": "limit"}, "--type"),
        ({"--type": "stop-limit"}, "--price is missing"),
        ({"--price": "1"}, "--price=1"),
        ({"--time-in-force": "good-till-date"}, "--expires is missing"),
        ({"--time-in-force": "good-till-cancel", "--expires": "2099-01-31T18:00:00Z"}, "--expires="),
        ({"--expires": "tomorrow"}, "--expires 'tomorrow'"),
        ({"--trailing-indent": "1"}, "--trailing-indent="),
        ({"--trailing-spread": "1"}, "--trailing-spread needs"),
        ({"--type": "trailing-take-profit"}, "--trailing-indent is missing"),
        ({"--type": "trailing-take-profit", "--trailing-indent": "%"}, "--trailing-indent ''"),
        ({"--stop-price": "NaN"}, "--stop-price 'NaN' is no number"),
    ],
)
async def test_a_wrong_call_ends_with_2_and_names_what_is_wrong(
    run: CommandLine, simulator: TInvestSimulator, changes: dict[str, str], named: str
) -> None:
    result = await run("stop-order", "new", options=STOP | changes)
    assert (result.status, result.out) == (2, "")
    assert named in result.err
    assert simulator.calls() == []
