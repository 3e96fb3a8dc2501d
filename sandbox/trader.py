"""A demo trader: random orders through the real gateway, at a settable rate, many at once.

Of every twenty requests about one changes an order that was sent before, one cancels one, and one is a stop
order, as far as the venue has that.
"""

import asyncio
import itertools
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from types import ModuleType
from typing import Any

import typer

import sandbox.traders
from dropcopy.errors import DropcopyError, UsageError
from dropcopy.logs import configure_logs, get_logger
from dropcopy.settings import Settings
from dropcopy.text import quoted
from producers.gateways.limits import LimitError
from producers.gateways.orders import AmendOrder, CancelOrder, CancelStopOrder, NewOrder, ReplaceOrder
from producers.gateways.outcomes import Outcome
from producers.gateways.records import OrderRequest
from producers.gateways.settings import GatewaySettings
from producers.gateways.stop_orders import NewStopOrder
from sandbox.running import stop_event
from schemas.fix import Action, OrdType, Phase

__all__ = ["Tally", "Trader", "run_trader", "trade", "trader_names", "venue_part"]

_log = get_logger(__name__)

# How many calls may wait for the venue before the trader pauses: a slow venue slows it down.
MOST_IN_FLIGHT = 500
# Older orders have ended at the simulated venue.
REMEMBERED = 4
WEIGHTS = {
    Action.NEW: 85,
    Action.REPLACE: 5,
    Action.AMEND: 5,
    Action.CANCEL: 5,
    Action.NEW_STOP: 5,
    Action.CANCEL_STOP: 2,
}
METHODS = {
    Action.REPLACE: "replace_order",
    Action.AMEND: "amend_order",
    Action.CANCEL: "cancel_order",
    Action.NEW_STOP: "post_stop_order",
    Action.CANCEL_STOP: "cancel_stop_order",
}


@dataclass
class Tally:
    """What came of the requests: how many by outcome, and how many failed before they were sent.

    `no_turn` are those for which the venue's limits left no turn in time, `not_journaled` those whose intent
    Kafka did not take.
    """

    submitted: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    no_turn: int = 0
    not_journaled: int = 0
    seconds: float = 0

    def count(self, outcome: Outcome) -> None:
        """Add one request's outcome."""
        self.outcomes[outcome.phase.value.lower()] += 1
        if code := getattr(outcome, "code", None):
            self.codes[code] += 1

    def summary(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            "submitted": self.submitted,
            "actions": dict(self.actions),
            **{phase: self.outcomes[phase] for phase in ("accepted", "rejected", "unknown")},
            "no_turn": self.no_turn,
            "not_journaled": self.not_journaled,
            "codes": dict(self.codes),
            "seconds": round(self.seconds, 3),
            "rate": round(self.submitted / self.seconds, 1) if self.seconds else 0,
        }


def trader_names() -> list[str]:
    """Return the venues that there is a demo trader for."""
    return sorted(module.name for module in iter_modules(sandbox.traders.__path__))


def venue_part(venue: str) -> ModuleType:
    """Return what a venue is sent; see `sandbox.traders`.

    Raises:
        UsageError: there is no trader for the venue.
    """
    if venue not in trader_names():
        raise UsageError(
            f"there is no demo trader for {venue!r}", hint=f"There is one for: {', '.join(trader_names())}."
        )
    return import_module(f"sandbox.traders.{venue}")


class Trader:
    """Chooses requests, and sends them through a venue's gateway."""

    def __init__(self, gateway: Any, part: ModuleType, random: Random, tally: Tally) -> None:
        self._gateway = gateway
        self._part = part
        self._random = random
        self._tally = tally
        # What was accepted, under the venue's ids where it told them.
        self._orders: deque[tuple[NewOrder, str | None]] = deque(maxlen=REMEMBERED)
        self._stops: deque[tuple[NewStopOrder, str]] = deque(maxlen=REMEMBERED)
        lacking = {
            Action.REPLACE: not hasattr(part, "random_terms"),
            Action.AMEND: not hasattr(part, "random_terms"),
            Action.NEW_STOP: not hasattr(part, "random_stop_order"),
        }
        self._actions = [
            action
            for action in WEIGHTS
            if not lacking.get(action) and hasattr(gateway, METHODS.get(action, "post_order"))
        ]

    def choose(self, account: str) -> tuple[OrderRequest, Callable[..., Awaitable[Outcome]]]:
        """Return the next request, and the gateway's method for it; a new order where nothing can be changed."""
        action = self._random.choices(self._actions, [WEIGHTS[action] for action in self._actions])[0]
        request = self._request(action, account)
        if request is not None and action is not Action.NEW:
            return request, getattr(self._gateway, METHODS[action])
        methods = [name for name in ("post_order", "post_order_async") if hasattr(self._gateway, name)]
        order: NewOrder = self._part.random_order(account, self._random)
        return order, getattr(self._gateway, self._random.choice(methods))

    async def send(self, request: OrderRequest, method: Callable[..., Awaitable[Outcome]]) -> None:
        """Send a request, and remember what can be changed later; one that can't be sent is counted."""
        try:
            outcome = await method(request)
        except LimitError as error:
            self._tally.no_turn += 1
            _log.warning("order_not_sent", reason=error.message)
        except DropcopyError as error:
            self._tally.not_journaled += 1
            _log.warning("order_not_sent", reason=error.message)
        else:
            self._tally.count(outcome)
            if outcome.phase is Phase.ACCEPTED:
                self._remember(request, getattr(outcome, "venue_order_id", None))

    def _request(self, action: Action, account: str) -> OrderRequest | None:
        if action is Action.NEW_STOP:
            stop: NewStopOrder = self._part.random_stop_order(account, self._random)
            return stop
        if action is Action.CANCEL_STOP:
            return self._cancel_of_stop()
        if action is Action.NEW or not self._orders:
            return None
        at = self._random.randrange(len(self._orders))
        order, venue_order_id = self._orders[at]
        account, request_id = order.account, order.order_request_id
        if action is Action.CANCEL:
            del self._orders[at]
            return CancelOrder(account=account, orig_order_request_id=request_id, orig_venue_order_id=venue_order_id)
        quantity, price = self._part.random_terms(order, self._random)
        if action is Action.AMEND:
            return AmendOrder(
                account=account, price=price, orig_order_request_id=request_id, orig_venue_order_id=venue_order_id
            )
        del self._orders[at]
        return ReplaceOrder(
            account=account,
            quantity=quantity,
            price=price,
            orig_order_request_id=request_id,
            orig_venue_order_id=venue_order_id,
        )

    def _cancel_of_stop(self) -> CancelStopOrder | None:
        if not self._stops:
            return None
        stop, venue_order_id = self._stops.popleft()
        return CancelStopOrder(
            account=stop.account, orig_order_request_id=stop.order_request_id, orig_venue_order_id=venue_order_id
        )

    def _remember(self, request: OrderRequest, venue_order_id: str | None) -> None:
        if isinstance(request, NewOrder) and request.ord_type is OrdType.LIMIT:
            self._orders.append((request, venue_order_id))
        elif isinstance(request, NewStopOrder) and venue_order_id is not None:
            self._stops.append((request, venue_order_id))


async def trade(
    trader: Trader,
    accounts: Sequence[str],
    *,
    rate: float,
    tally: Tally,
    stop: asyncio.Event,
    seconds: float | None = None,
) -> None:
    """Submit `rate` requests a second over all accounts for `seconds`, or until `stop` is set.

    Returns once every call under way has ended. A request that could not be sent is counted, and the next
    is tried.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    under_way: set[asyncio.Task[None]] = set()
    for n, account in enumerate(itertools.cycle(accounts)):
        due = begun + n / rate
        if seconds is not None and due - begun >= seconds:
            break
        await _sleep(due - loop.time(), stop)
        while len(under_way) >= MOST_IN_FLIGHT:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            break
        request, method = trader.choose(account)
        tally.submitted += 1
        tally.actions[request.action.value] += 1
        task = asyncio.create_task(trader.send(request, method))
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


async def _run(venue: str, rate: float, seconds: float | None, seed: int | None) -> Tally:
    stop, tally = stop_event(), Tally()
    random = Random(seed)  # noqa: S311 -- chooses play orders
    module = import_module(f"producers.venues.{venue}")
    settings = module.VenueSettings.load()
    # The simulated venue has no limits until it tells some.
    gateway_settings = GatewaySettings.load().model_copy(update={"call_limits": "told", "calls_per_s": 10_000})
    made = import_module(f"producers.gateways.{venue}").Gateway
    async with made(Settings.load(), settings, gateway_settings) as gateway:
        trader = Trader(gateway, venue_part(venue), random, tally)
        await trade(trader, module.VenueFeed(settings).accounts, rate=rate, tally=tally, stop=stop, seconds=seconds)
    return tally


def run_trader(venue: str, *, rate: float, seconds: float | None, seed: int | None, as_json: bool) -> None:
    """Trade until the time is up, or SIGTERM or SIGINT; then print what came of it, on one line.

    Raises:
        UsageError: there is no trader for the venue.
        DropcopyError: the gateway can't be opened.
    """
    venue_part(venue)
    configure_logs(Settings.load())
    summary = asyncio.run(_run(venue, rate, seconds, seed)).summary()
    typer.echo(
        json.dumps(summary) if as_json else " ".join(f"{name}={quoted(str(value))}" for name, value in summary.items())
    )
