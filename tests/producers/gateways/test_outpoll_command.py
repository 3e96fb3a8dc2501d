"""`dropcopy order …` and `dropcopy stop-order …` at Outpoll: what they take, print and refuse."""

from collections.abc import AsyncIterator

import pytest

from sandbox.simulators.outpoll import Simulator
from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.tinvest import TInvestSimulator
from sandbox.stack import Stack
from tests.producers.gateways.command_line import CommandLine

VENUE = {"--venue": "outpoll", "--account": "main"}
ASSET = {"--instrument": "asset_btc_100k_yes"}
IDS = ASSET | {"--event": "evt_btc_100k_2026", "--outcome": "mkt_btc_100k_yes_no"}
LIMIT = VENUE | IDS | {"--side": "buy", "--quantity": "10", "--type": "limit", "--price": "0.42"}
STOP = VENUE | IDS | {"--side": "sell", "--quantity": "5"}


@pytest.fixture
async def venue() -> AsyncIterator[Simulator]:
    async with Simulator(speed=50, seed=1, accounts=["main"], fates={Fate.REST: 1}) as running:
        yield running


@pytest.fixture
def run(stack: Stack, simulator: TInvestSimulator, venue: Simulator) -> CommandLine:
    line = CommandLine(stack, simulator)
    line.environment |= venue.environment
    return line


async def test_an_order_is_placed_shown_listed_and_cancelled_by_the_venues_id(run: CommandLine, venue: Simulator):
    placed = await run("order", "new", "--json", options=LIMIT)
    assert placed.status == 0, placed.err
    named = VENUE | {"--order-id": placed.json()["venue_order_id"]}
    venue.desk.order({"action": "fill", "account": "main", "order_id": named["--order-id"], "quantity": "4"})
    shown = await run("order", "get", "--json", options=named)
    assert (shown.json()["quantity"], shown.json()["told_quantity"], shown.json()["price"]) == ("10", "4", "0.42")
    listed = await run("order", "list", options=VENUE)
    assert named["--order-id"] in listed.out
    (trade,) = (await run("order", "trades", "--json", options=named)).lines()
    assert (trade["quantity"], trade["price"]) == ("4", "0.42")
    cancelled = await run("order", "cancel", options=named)
    assert cancelled.status == 0, cancelled.err
    assert [order["status"] for order in venue.orders()] == ["CANCELED"]


async def test_a_market_order_is_bought_for_an_amount(run: CommandLine, venue: Simulator):
    options = VENUE | IDS | {"--side": "buy", "--type": "market", "--cash-quantity": "42"}
    result = await run("order", "new", options=options)
    assert result.status == 0, result.err
    assert [order["cash_quantity"] for order in venue.orders()] == ["42"]


@pytest.mark.parametrize(
    ("options", "prices"),
    [
        (
            {"--type": "take-profit-stop-loss", "--take-profit-price": "0.95", "--stop-price": "0.1"},
            ("0.95", "0.1"),
        ),
        ({"--type": "take-profit", "--stop-price": "0.95"}, ("0.95", None)),
        ({"--type": "stop", "--stop-price": "0.1"}, (None, "0.1")),
    ],
)
async def test_a_stop_order_is_placed_listed_by_its_asset_and_cancelled(
    run: CommandLine, venue: Simulator, options: dict[str, str], prices: tuple[str | None, str | None]
):
    placed = await run("stop-order", "new", "--json", options=STOP | options)
    assert placed.status == 0, placed.err
    (held,) = venue.stop_orders()
    assert (held["take_profit_price"], held["stop_price"]) == prices
    (listed,) = (await run("stop-order", "list", "--json", options=VENUE | ASSET)).lines()
    assert listed["venue_order_id"] == placed.json()["venue_order_id"]
    cancelled = await run("stop-order", "cancel", options=VENUE | {"--order-id": listed["venue_order_id"]})
    assert cancelled.status == 0, cancelled.err
    assert [stop["status"] for stop in venue.stop_orders()] == ["CANCELED"]


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("order", "new"), LIMIT | {"--price": "1.5"}, "price"),
        (("order", "new"), {name: LIMIT[name] for name in LIMIT if name != "--event"}, "event"),
        (("order", "cancel"), VENUE | {"--request-id": "0f5f0e8c-6a0b-4d6e-9d2b-2f1a7f1f1f1f"}, "its own id"),
        (("order", "amend"), VENUE | {"--order-id": "1", "--price": "0.5"}, "outpoll has no"),
        (("order", "replace"), VENUE | {"--order-id": "1", "--quantity": "1", "--price": "0.5"}, "outpoll has no"),
        (("stop-order", "list"), VENUE, "instrument"),
    ],
)
async def test_what_the_venue_has_not_is_refused_before_anything_is_sent(
    run: CommandLine, venue: Simulator, words: tuple[str, ...], options: dict[str, str], said: str
):
    result = await run(*words, options=options)
    assert result.status == 2, result.err
    assert said in result.err
    assert venue.calls() == []
    assert venue.environment["DROPCOPY_OUTPOLL_API_SECRET"] not in result.err


async def test_a_clock_that_is_off_is_said_on_the_command_line(run: CommandLine, venue: Simulator):
    venue.fault({"fault": "clock", "offset_s": 90})
    result = await run("order", "new", options=LIMIT)
    assert result.status == 4
    assert "behind the venue's, which allows 30 s" in " ".join(result.err.split())
