"""Every venue's feed, gateway and mapping at its simulator, on real sockets: the same promises for all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from dropcopy.errors import VenueError
from processors.core.errors import MappingError
from processors.core.model import Report
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.feed import Feed
from producers.feeds.venue import Venue
from producers.gateways.orders import NewOrder
from producers.gateways.outcomes import Accepted
from producers.gateways.settings import GatewaySettings
from producers.reconcile import Reconciler
from producers.rest import RestClient
from sandbox.stack import Stack
from schemas.fix import OrdType
from schemas.headers import Kind
from tests.conformance.found import VENUES, part, settings
from tests.producers.feeds.venue_stream import Entry, MemoryLog, until

CONNECTIONS = (Kind.CONNECTED, Kind.DISCONNECTED)
# What a venue's words for an order that has ended become.
ENDS = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}


class Place:
    """A simulated venue, and what is run at it. Everything ends with the test."""

    def __init__(self, venue: str, simulator: Any, running: AsyncExitStack) -> None:
        self.venue = venue
        self.simulator = simulator
        self.settings = settings(venue, simulator.environment)
        self._running = running

    @property
    def account(self) -> str:
        return str(self.simulator.accounts[0])

    async def feed(self, log: MemoryLog, *, silence_s: float = 30, known: Any = None) -> tuple[Feed, Any]:
        """Start a feed with its reconciler and its auxiliary streams; return it and its task."""
        made = part("producers.venues", self.venue)
        venue: Venue = made.VenueFeed(known or self.settings)
        client = await self._running.enter_async_context(RestClient(venue.rest_url, headers=venue.rest_headers))
        reconciler = Reconciler(venue, client, log, interval_s=1)
        limits = Limits(silence_ns=int(silence_s * SECOND_NS))
        feed = Feed(venue, log, limits=limits, follow_up=reconciler.run, hear=reconciler.hear, chance=lambda: 0.0)
        beside = [
            Feed(each(self.settings), log, limits=limits, hear=reconciler.hear, chance=lambda: 0.0)
            for each in getattr(made, "AUXILIARY", ())
        ]
        running = [asyncio.create_task(each.run()) for each in (feed, *beside)]

        async def end() -> None:
            for each in (feed, *beside):
                each.stop()
            async with asyncio.timeout(10):
                await asyncio.wait(running)

        self._running.push_async_callback(end)
        return feed, running[0]

    async def gateway(self, stack: Stack) -> Any:
        made = part("producers.gateways", self.venue).Gateway
        gateway_settings = GatewaySettings(call_limits="told", calls_per_s=1000)
        return await self._running.enter_async_context(made(stack.settings, self.settings, gateway_settings))

    def order(self, seed: int) -> NewOrder:
        """Return a limit order such as the demo's trader sends."""
        random, made = Random(seed), part("sandbox.traders", self.venue)
        orders = iter(lambda: made.random_order(self.account, random), None)
        return next(order for order in orders if order.ord_type is OrdType.LIMIT and order.time_in_force is None)

    def ledger(self, venue_order_id: str | None, request_id: str) -> dict[str, Any]:
        """Return an order as the venue has it."""
        return next(
            order
            for order in self.simulator.orders()
            if order["order_id"] == venue_order_id or order["order_request_id"] == request_id
        )

    def reports(self, log: MemoryLog, *kinds: Kind) -> list[tuple[Entry, Report]]:
        """Return what the records are read as; what can't be read is left out."""
        found = []
        for entry in log.of(*(kinds or (Kind.FRAME, Kind.SNAPSHOT))):
            try:
                read = part("processors.mappings", self.venue).reports(
                    entry.value, entry.source, entry.account, lambda request_id, venue_order_id: None
                )
            except MappingError as error:
                read = error.reports
            found += [(entry, report) for report in read]
        return found

    def told(self, log: MemoryLog, order: NewOrder, outcome: Accepted, *kinds: Kind) -> list[Report]:
        """Return what was told of one order, under whichever of its ids."""
        names = {order.order_request_id, outcome.venue_order_id} - {None}
        return [
            report
            for _, report in self.reports(log, *kinds)
            if names & {report.order_request_id, report.venue_order_id}
        ]


@pytest.fixture(params=VENUES)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    simulator = part("sandbox.simulators", request.param).Simulator(seed=1, speed=20)
    async with simulator, AsyncExitStack() as running:
        yield Place(request.param, simulator, running)


def kinds(log: MemoryLog, *wanted: Kind) -> list[Kind]:
    return [entry.kind for entry in log.of(*(wanted or CONNECTIONS))]


def connected(log: MemoryLog, times: int = 1) -> Callable[[], bool]:
    return lambda: len(log.of(Kind.CONNECTED)) >= times


def reconciled(log: MemoryLog) -> Callable[[], bool]:
    """Say whether the newest connection is reconciled."""
    return lambda: (
        bool(log.of(Kind.CONNECTED))
        and log.of(Kind.CONNECTED)[-1].connection in {entry.connection for entry in log.of(Kind.RECONCILED)}
    )


def filled(reports: list[Report]) -> Decimal:
    """Return what was filled by all that was told: the trades by their ids, or more if more was told."""
    trades = {trade.trade_id: trade.quantity for report in reports for trade in report.trades}
    return max([sum(trades.values(), Decimal(0)), *(report.cum_qty for report in reports)], default=Decimal(0))


def of_venue(ledger: dict[str, Any]) -> Decimal:
    if "executed" in ledger:
        return Decimal(ledger["executed"])
    return Decimal(ledger["lots_executed"] * ledger["lot_size"])


async def test_a_feed_connects_and_reconciles_and_says_so_for_every_account(place: Place):
    log = MemoryLog()
    await place.feed(log)
    accounts = set(part("producers.venues", place.venue).VenueFeed(place.settings).accounts)
    await until(lambda: {entry.account for entry in log.of(Kind.RECONCILED)} == accounts)
    assert {entry.account for entry in log.of(Kind.CONNECTED)} == accounts
    assert all(body["feed"] == "main" for body in log.bodies(Kind.CONNECTED))
    assert log.of(Kind.SNAPSHOT)
    assert log.of(Kind.DISCONNECTED) == []


async def test_wrong_credentials_end_the_feed_with_what_to_check_and_are_told_nowhere(place: Place):
    made = part("producers.venues", place.venue).VenueSettings
    secrets = [f"{made.prefix()}{field.upper()}" for field in made.model_fields if made.is_secret(field)]
    wrong = {name: f"{place.simulator.environment[name][:-4]}AAAA" for name in secrets}
    log = MemoryLog()
    _, running = await place.feed(log, known=made.load(place.simulator.environment | wrong))
    with pytest.raises(VenueError) as refused:
        await asyncio.wait_for(running, 20)
    assert refused.value.hint
    assert log.of(Kind.CONNECTED) == []
    said = f"{refused.value.message} {refused.value.hint}".encode() + b"".join(entry.value for entry in log.entries)
    assert [name for name in secrets if wrong[name].encode() in said] == []


async def test_a_venue_that_falls_silent_is_left_for_a_new_connection(place: Place):
    log = MemoryLog()
    await place.feed(log, silence_s=2)
    await until(connected(log))
    place.simulator.fault({"fault": "silence", "seconds": 30})
    await until(lambda: log.of(Kind.DISCONNECTED), 20)
    assert log.bodies(Kind.DISCONNECTED)[0]["reason"] == "silence"
    await until(connected(log, len(log.of(Kind.CONNECTED)) + 1), 20)


async def test_what_happened_while_the_connection_was_cut_is_read_after_it(place: Place, stack: Stack):
    gateway, log = await place.gateway(stack), MemoryLog()
    await place.feed(log)
    await until(reconciled(log))
    first = log.of(Kind.CONNECTED)[0].connection
    order = place.order(3)
    # Whatever the streams tell of it is told to nobody.
    place.simulator.fault({"fault": "cut"})
    outcome = await gateway.post_order(order)
    assert isinstance(outcome, Accepted), outcome
    await until(lambda: log.of(Kind.CONNECTED)[-1].connection != first, 20)
    accounts = len({entry.account for entry in log.of(Kind.CONNECTED)})
    assert kinds(log)[: 3 * accounts] == [
        kind for kind in (Kind.CONNECTED, Kind.DISCONNECTED, Kind.CONNECTED) for _ in range(accounts)
    ]
    await until(lambda: place.told(log, order, outcome, Kind.SNAPSHOT), 20)


async def test_an_order_is_told_from_its_beginning_to_its_end_as_the_venue_has_it(place: Place, stack: Stack):
    gateway, log = await place.gateway(stack), MemoryLog()
    await place.feed(log)
    await until(reconciled(log))
    orders = [place.order(seed) for seed in range(10)]
    outcomes = [await gateway.post_order(order) for order in orders]
    taken = [pair for pair in zip(orders, outcomes, strict=True) if isinstance(pair[1], Accepted)]
    assert len(taken) >= 5
    for order, outcome in taken:

        def known(order: NewOrder = order, outcome: Accepted = outcome) -> bool:
            ledger = place.ledger(outcome.venue_order_id, order.order_request_id)
            told = place.told(log, order, outcome)
            ended = not ledger["final"] or {str(report.ord_status) for report in told} & ENDS
            return bool(told) and bool(ended) and filled(told) == of_venue(ledger)

        await until(lambda known=known: known(), 30)


async def test_two_feeds_at_once_are_told_the_same(place: Place, stack: Stack):
    gateway, logs = await place.gateway(stack), (MemoryLog(), MemoryLog())
    for log in logs:
        await place.feed(log)
    for log in logs:
        await until(reconciled(log))
    order = place.order(5)
    outcome = await gateway.post_order(order)
    assert isinstance(outcome, Accepted), outcome

    def stories() -> list[set[bytes]]:
        return [{msgspec.json.encode(report) for report in place.told(log, order, outcome, Kind.FRAME)} for log in logs]

    await until(lambda: place.ledger(outcome.venue_order_id, order.order_request_id)["final"], 30)
    await until(lambda: stories()[0] and stories()[0] == stories()[1], 20)
    assert all(log.of(Kind.DISCONNECTED) == [] for log in logs)


async def test_what_no_one_can_read_is_recorded_and_harms_nothing(place: Place, stack: Stack):
    gateway, log = await place.gateway(stack), MemoryLog()
    await place.feed(log)
    await until(reconciled(log))
    before = len(log.of(Kind.FRAME))
    place.simulator.fault({"fault": "malformed"})
    await until(lambda: len(log.of(Kind.FRAME)) > before)
    order = place.order(7)
    outcome = await gateway.post_order(order)
    assert isinstance(outcome, Accepted), outcome
    await until(lambda: place.told(log, order, outcome))
    assert log.of(Kind.DISCONNECTED) == []


async def test_a_feed_that_is_stopped_says_goodbye_and_leaves_no_connection(place: Place):
    log = MemoryLog()
    feed, running = await place.feed(log)
    await until(reconciled(log))
    feed.stop()
    await asyncio.wait_for(running, 10)
    assert kinds(log)[-1] is Kind.DISCONNECTED
    assert {body["reason"] for body in log.bodies(Kind.DISCONNECTED)} == {"stopped"}
    assert log.of(*CONNECTIONS)[-1].connection == log.of(Kind.CONNECTED)[0].connection
