"""`dropcopy order …` at Ripio: what it takes, prints and refuses."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack
from tests.producers.gateways.command_line import CommandLine

VENUE = {"--venue": "ripio", "--account": "ripio-1"}
ORDER = VENUE | {"--instrument": "BTC_BRL", "--side": "buy"}
LIMIT = ORDER | {"--quantity": "0.01", "--type": "limit", "--price": "200000"}


@pytest.fixture
async def venue() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, fates={Fate.REST: 1}) as running:
        yield running


@pytest.fixture
def run(stack: Stack, simulator: TInvestSimulator, venue: Simulator) -> CommandLine:
    line = CommandLine(stack, simulator)
    line.environment |= venue.environment
    return line


async def test_an_order_is_placed_amended_shown_and_cancelled_by_its_request_id(run: CommandLine, venue: Simulator):
    named = VENUE | {"--request-id": str(uuid4())}
    placed = await run("order", "new", "--json", options=LIMIT | named)
    assert placed.status == 0, placed.err
    amended = await run("order", "amend", options=named | {"--price": "210000"})
    assert amended.status == 0, amended.err
    shown = await run("order", "get", "--json", options=named)
    assert (shown.json()["price"], shown.json()["order_request_id"]) == ("210000", named["--request-id"])
    listed = await run("order", "list", options=VENUE)
    assert placed.json()["venue_order_id"] in listed.out
    cancelled = await run("order", "cancel", options=named)
    assert cancelled.status == 0, cancelled.err
    assert [order["status"] for order in venue.orders()] == ["canceled"]


@pytest.mark.parametrize(
    "options",
    [
        {"--type": "market", "--cash-quantity": "1000"},
        {"--type": "stop-limit", "--quantity": "0.01", "--price": "311000", "--stop-price": "310000"},
        {"--type": "trailing-stop", "--quantity": "0.01", "--distance": "1000"},
        {"--type": "iceberg", "--quantity": "0.01", "--price": "200000", "--display-quantity": "0.002"},
        {"--type": "ceiling", "--cash-quantity": "500"},
    ],
)
async def test_every_type_of_order_has_its_options(run: CommandLine, venue: Simulator, options: dict[str, str]):
    result = await run("order", "new", options=ORDER | options)
    assert result.status == 0, result.err
    assert len(venue.orders()) == 1


async def test_the_trades_of_an_order_are_printed_with_their_fees(run: CommandLine, venue: Simulator):
    placed = (await run("order", "new", "--json", options=LIMIT)).json()
    venue.desk.order({"action": "fill", "account": "ripio-1", "order_id": placed["venue_order_id"]})
    result = await run("order", "trades", "--json", options=VENUE | {"--order-id": placed["venue_order_id"]})
    assert result.status == 0, result.err
    assert {line["trade_id"] for line in result.lines()} == {t["trade_id"] for t in venue.orders()[0]["trades"]}
    assert all(line["fee_currency"] == "BTC" for line in result.lines())


@pytest.mark.parametrize(
    ("words", "options", "named"),
    [
        (("order", "replace"), VENUE | {"--order-id": "1", "--quantity": "1"}, "ripio has no"),
        (("accounts",), {"--venue": "ripio"}, "ripio has no"),
        (("order", "new"), LIMIT | {"--time-in-force": "day"}, "--time-in-force=DAY"),
    ],
)
async def test_what_the_venue_has_not_is_refused_before_anything_is_sent(
    run: CommandLine, venue: Simulator, words: tuple[str, ...], options: dict[str, str], named: str
):
    result = await run(*words, options=options)
    assert result.status == 2, result.err
    assert named in result.err
    assert venue.calls() == []
