"""What the commands of order entry do with their options: make requests of them, send these, print what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

import typer

from dropcopy.errors import UsageError
from dropcopy.logs import configure_logs
from dropcopy.settings import Settings
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder, Outcome, Rejected, ReplaceOrder
from producers.gateways.printing import Facts, facts_of, print_facts, print_list
from producers.gateways.records import OrderRequest
from producers.gateways.stop_orders import NewStopOrder, Trailing, TrailingUnit
from producers.gateways.times import to_ns
from schemas.fix import Action, Phase

__all__ = ["ask", "ask_list", "number", "send", "time_ns", "trailing"]

EXIT_STATUS = {Phase.ACCEPTED: 0, Phase.REJECTED: 4, Phase.UNKNOWN: 1}

DONE = {
    Action.NEW: "accepted the order",
    Action.REPLACE: "accepted the new order in place of the old one",
    Action.CANCEL: "took the cancel",
    Action.NEW_STOP: "accepted the stop order",
    Action.CANCEL_STOP: "took the cancel of the stop order",
}
NOT_DONE = {
    Action.NEW: "There is no order",
    Action.REPLACE: "There is no new order, and the old one may be gone or not (`dropcopy order get`)",
    Action.CANCEL: "Nothing was cancelled",
    Action.NEW_STOP: "There is no stop order",
    Action.CANCEL_STOP: "Nothing was cancelled",
}


class _Gateway(Protocol):
    """What a venue's module offers as `Gateway`: sends requests, journaled. An async context manager."""

    async def __aenter__(self) -> "_Gateway": ...
    async def __aexit__(self, *_: object) -> None: ...
    async def post_order(self, order: NewOrder) -> Outcome: ...
    async def post_order_async(self, order: NewOrder) -> Outcome: ...
    async def replace_order(self, replace: ReplaceOrder) -> Outcome: ...
    async def cancel_order(self, cancel: CancelOrder) -> Outcome: ...
    async def post_stop_order(self, order: NewStopOrder) -> Outcome: ...
    async def cancel_stop_order(self, cancel: CancelStopOrder) -> Outcome: ...


class _Queries(Protocol):
    """What a venue's module offers as `Queries`: answers as dataclasses. An async context manager."""

    async def __aenter__(self) -> "_Queries": ...
    async def __aexit__(self, *_: object) -> None: ...
    async def get_accounts(self) -> Sequence[Any]: ...
    async def get_orders(self, account: str, **filters: Any) -> Sequence[Any]: ...
    async def get_order_state(self, account: str, **named: Any) -> Any: ...
    async def get_stop_orders(self, account: str, **filters: Any) -> Sequence[Any]: ...
    async def get_max_lots(self, account: str, instrument: str, **at: Any) -> Any: ...
    async def get_order_price(self, account: str, instrument: str, **asked: Any) -> Any: ...


def number(option: str, text: str) -> Decimal:
    """Return an option's number, exactly.

    Raises:
        UsageError: it is none.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{option} {text!r} is no number", hint="Nothing was sent.") from None


def time_ns(option: str, text: str | None) -> int | None:
    """Return an option's time in nanoseconds of Unix time.

    Raises:
        UsageError: it is none.
    """
    try:
        return None if text is None else to_ns(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}", hint="Nothing was sent.") from None


def _distance(option: str, text: str) -> tuple[Decimal, TrailingUnit]:
    unit = TrailingUnit.RELATIVE if text.endswith("%") else TrailingUnit.ABSOLUTE
    return number(option, text.removesuffix("%")), unit


def trailing(indent: str | None, spread: str | None) -> Trailing | None:
    """Return how a stop order is to follow the price, by its two distances: `1.5` in units of the price, or `1.5%`.

    Raises:
        UsageError: one is no distance, or there is a spread alone.
    """
    if indent is None:
        if spread is not None:
            raise UsageError("--trailing-spread needs --trailing-indent", hint="Nothing was sent.")
        return None
    indent_by, indent_unit = _distance("--trailing-indent", indent)
    if spread is None:
        return Trailing(indent=indent_by, indent_unit=indent_unit)
    spread_by, spread_unit = _distance("--trailing-spread", spread)
    return Trailing(indent=indent_by, indent_unit=indent_unit, spread=spread_by, spread_unit=spread_unit)


def _offered(venue: str, name: str) -> Any:
    module = f"producers.gateways.{venue}"
    known = venue.isidentifier() and find_spec(f"producers.venues.{venue}") and find_spec(module)
    if not known:
        raise UsageError(f"there is no order entry for the venue {venue!r}", hint="There is one for: tinvest.")
    return getattr(import_module(module), name)


def send(venue: str, request: OrderRequest, by: Callable[[_Gateway], Awaitable[Outcome]], *, as_json: bool) -> int:
    """Send a request `by` the gateway's method for it, print what came of it, and return the exit status.

    Raises:
        DropcopyError: nothing was sent.
    """

    async def sending() -> Outcome:
        async with cast("_Gateway", _offered(venue, "Gateway")()) as gateway:
            return await by(gateway)

    configure_logs(Settings.load())
    outcome = asyncio.run(sending())
    print_facts(_outcome_facts(venue, request, outcome), as_json=as_json)
    typer.echo(_sentence(venue, request.action, outcome), err=True)
    return EXIT_STATUS[outcome.phase]


def ask(venue: str, query: Callable[[_Queries], Awaitable[Any]], *, as_json: bool) -> None:
    """Ask a venue for one thing, and print it.

    Raises:
        DropcopyError: there is no answer.
    """
    print_facts(facts_of(_asked(venue, query)), as_json=as_json)


def ask_list(
    venue: str, query: Callable[[_Queries], Awaitable[Sequence[Any]]], columns: Sequence[str], *, as_json: bool
) -> None:
    """Ask a venue for several things, and print them.

    Raises:
        DropcopyError: there is no answer.
    """
    records = _asked(venue, query)
    print_list([facts_of(record) for record in records], columns, as_json=as_json)
    if not records:
        typer.echo("none", err=True)


def _asked(venue: str, query: Callable[[_Queries], Awaitable[Any]]) -> Any:
    async def asking() -> Any:
        async with cast("_Queries", _offered(venue, "Queries").of_token()) as queries:
            return await query(queries)

    configure_logs(Settings.load())
    return asyncio.run(asking())


def _outcome_facts(venue: str, request: OrderRequest, outcome: Outcome) -> Facts:
    told = asdict(outcome)
    names = (
        "venue_order_id",
        "trade_intent_id",
        "venue_status",
        "transact_ns",
        "code",
        "text",
        "retry_is_safe",
        "advice",
        "tracking_id",
    )
    return {
        "phase": outcome.phase.value,
        "order_request_id": request.order_request_id,
        "action": request.action.value,
        "venue": venue,
        "account": request.account,
        "orig_order_request_id": getattr(request, "orig_order_request_id", None),
        "orig_venue_order_id": getattr(request, "orig_venue_order_id", None),
    } | {name: told.get(name) for name in names}


def _sentence(venue: str, action: Action, outcome: Outcome) -> str:
    match outcome.phase:
        case Phase.ACCEPTED:
            return f"{venue} {DONE[action]}."
        case Phase.REJECTED if isinstance(outcome, Rejected):
            return f"{NOT_DONE[action]}: {outcome.text} ({outcome.code}). {outcome.advice or ''}".rstrip()
        case _:
            return (
                f"Nobody knows whether {venue} {DONE[action]}: {getattr(outcome, 'text', '')}. Do not send it anew; "
                f"see what the venue tells (`dropcopy order get`, `dropcopy tail orders.latest`)."
            )
