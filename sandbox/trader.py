"""A demo trader: random orders through the real gateway, at a settable rate, many at once."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import typer

from dropcopy.errors import DropcopyError, UsageError
from dropcopy.logs import configure_logs, get_logger
from dropcopy.settings import Settings
from producers.gateways.orders import NewOrder, Outcome
from producers.gateways.settings import GatewaySettings
from producers.gateways.tinvest import TInvestGateway
from producers.venues.tinvest import VenueSettings
from sandbox.running import stop_event
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from schemas.fix import OrdType, Side, TimeInForce

__all__ = ["Tally", "random_order", "run_trader", "trade"]

_log = get_logger(__name__)

NANO = Decimal(10) ** -9
# How many calls may wait for the venue before the trader pauses: a slow venue slows it down.
MOST_IN_FLIGHT = 500


@dataclass
class Tally:
    """What came of the orders: how many by outcome, and how many failed before they were sent."""

    submitted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    not_journaled: int = 0
    seconds: float = 0

    def count(self, outcome: Outcome) -> None:
        """Add one order's outcome."""
        self.outcomes[outcome.phase.value.lower()] += 1
        if code := getattr(outcome, "code", None):
            self.codes[code] += 1

    def summary(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            "submitted": self.submitted,
            **{phase: self.outcomes[phase] for phase in ("accepted", "rejected", "unknown")},
            "not_journaled": self.not_journaled,
            "codes": dict(self.codes),
            "seconds": round(self.seconds, 3),
            "rate": round(self.submitted / self.seconds, 1) if self.seconds else 0,
        }


def random_order(account: str, random: Random) -> NewOrder:
    """Return an order such as a strategy might send: mostly limit orders near the market."""
    instrument = random.choice(INSTRUMENTS)
    ord_type = random.choices((OrdType.LIMIT, OrdType.MARKET, OrdType.BEST_PRICE), (80, 15, 5))[0]
    price = None
    if ord_type is OrdType.LIMIT:
        price = (instrument.price_nano + random.randint(-50, 50) * instrument.step_nano) * NANO
    times = (None, TimeInForce.DAY, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
    return NewOrder(
        account=account,
        instrument=random.choice((instrument.figi, instrument.uid)),
        side=random.choice((Side.BUY, Side.SELL)),
        ord_type=ord_type,
        quantity=Decimal(random.randint(1, 20)),
        price=price,
        time_in_force=random.choices(times, (60, 25, 10, 5))[0] if ord_type is OrdType.LIMIT else None,
    )


async def trade(
    gateway: TInvestGateway,
    accounts: tuple[str, ...],
    *,
    rate: float,
    tally: Tally,
    stop: asyncio.Event,
    seconds: float | None = None,
    random: Random | None = None,
) -> None:
    """Submit `rate` orders a second over all accounts for `seconds`, or until `stop` is set.

    Returns once every call under way has ended. An order that could not be journaled was not sent; it
    is counted, and the next is tried.
    """
    random = random or Random()  # noqa: S311 -- chooses play orders
    loop = asyncio.get_running_loop()
    begun = loop.time()
    methods: tuple[Callable[..., Any], ...] = (gateway.post_order, gateway.post_order_async)
    under_way: set[asyncio.Task[None]] = set()

    async def submit(order: NewOrder, method: Callable[..., Any]) -> None:
        try:
            tally.count(await method(order))
        except DropcopyError as error:
            tally.not_journaled += 1
            _log.warning("order_not_sent", reason=error.message)

    for n, account in enumerate(itertools.cycle(accounts)):
        due = begun + n / rate
        if seconds is not None and due - begun >= seconds:
            break
        await _sleep(due - loop.time(), stop)
        while len(under_way) >= MOST_IN_FLIGHT:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            break
        task = asyncio.create_task(submit(random_order(account, random), random.choice(methods)))
        tally.submitted += 1
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way)
    tally.seconds = loop.time() - begun


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but no longer than until `stop` is set."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass  # the whole time


async def _run(rate: float, seconds: float | None, seed: int | None) -> Tally:
    stop, tally, venue = stop_event(), Tally(), VenueSettings.load()
    random = Random(seed)  # noqa: S311 -- as above
    # The simulated venue has no limits until it tells some.
    gateway_settings = GatewaySettings.load().model_copy(update={"call_limits": "told", "calls_per_s": 10_000})
    async with TInvestGateway(Settings.load(), venue, gateway_settings) as gateway:
        await trade(gateway, venue.accounts, rate=rate, tally=tally, stop=stop, seconds=seconds, random=random)
    return tally


def run_trader(venue: str, *, rate: float, seconds: float | None, seed: int | None, as_json: bool) -> None:
    """Trade until the time is up, or SIGTERM or SIGINT; then print what came of it, on one line.

    Raises:
        UsageError: there is no trader for the venue.
        DropcopyError: the gateway can't be opened.
    """
    if venue != "tinvest":
        raise UsageError(f"there is no demo trader for {venue!r}", hint="There is one for: tinvest.")
    configure_logs(Settings.load())
    summary = asyncio.run(_run(rate, seconds, seed)).summary()
    typer.echo(json.dumps(summary) if as_json else " ".join(f"{name}={value}" for name, value in summary.items()))
