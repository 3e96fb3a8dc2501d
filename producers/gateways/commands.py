"""What the commands of order entry do with their options: make requests of them, send these, print what came of it."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature
from typing import Any

import typer

from dropcopy.errors import UsageError
from dropcopy.logs import configure_logs
from dropcopy.settings import Settings
from dropcopy.text import give_up_output, printable
from producers.gateways.checks import refuse
from producers.gateways.outcomes import Outcome, Rejected
from producers.gateways.printing import Facts, facts_of, print_facts, print_list
from producers.gateways.records import OrderRequest
from producers.gateways.stop_orders import Trailing, TrailingUnit
from producers.gateways.times import to_ns
from producers.settings import venue_names
from schemas.fix import Action, Phase

__all__ = ["ask", "ask_list", "number", "number_or_none", "send", "time_ns", "trailing"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
INTERRUPTED = 130
EXIT_STATUS = {Phase.ACCEPTED: 0, Phase.REJECTED: 4, Phase.UNKNOWN: 1}

DONE = {
    Action.NEW: "accepted the order",
    Action.REPLACE: "accepted the new order in place of the old one",
    Action.AMEND: "took the change of the order",
    Action.CANCEL: "took the cancel",
    Action.NEW_STOP: "accepted the stop order",
    Action.CANCEL_STOP: "took the cancel of the stop order",
}
NOT_DONE = {
    Action.NEW: "There is no order",
    Action.REPLACE: "There is no new order, and the old one may be gone or not (`dropcopy order get`)",
    Action.AMEND: "The order is as it was",
    Action.CANCEL: "Nothing was canceled",
    Action.NEW_STOP: "There is no stop order",
    Action.CANCEL_STOP: "Nothing was canceled",
}


# What a venue may lack, in a person's words, by the method that it then has not.
_LACKED = {
    "post_order_async": "orders that don't wait for the exchange",
    "replace_order": "replacing of orders",
    "amend_order": "changing of orders in place",
    "post_stop_order": "stop orders beside its orders",
    "cancel_stop_order": "stop orders beside its orders",
    "get_accounts": "list of accounts",
    "get_stop_orders": "stop orders beside its orders",
    "get_trades": "list of trades",
    "get_max_lots": "answer to how much can be traded",
    "get_order_price": "answer to what an order would cost",
}
# What a query is asked with, by the options of the commands.
_OPTIONS = {
    "statuses": "--status",
    "status": "--status",
    "from_ns": "--from",
    "to_ns": "--to",
    "instrument": "--instrument",
    "venue_order_id": "--order-id",
    "order_request_id": "--request-id",
    "price": "--price",
}


def number(option: str, text: str) -> Decimal:
    """Return an option's number, exactly.

    Raises:
        UsageError: it is none.
    """
    # Decimal takes more, such as 1_0 for 10, which is a slip of the hand here.
    if _NUMBER.fullmatch(text) is None:
        raise UsageError(f"{option} {text!r} is no number such as 271.5", hint="Nothing was sent.")
    return Decimal(text)


def number_or_none(option: str, text: str | None) -> Decimal | None:
    """Return an option's number as `number` does, or None where it was not given."""
    return None if text is None else number(option, text)


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
    traders = [known for known in venue_names() if find_spec(f"producers.gateways.{known}")]
    if venue not in traders:
        hint = f"There is one for: {', '.join(traders)}."
        raise UsageError(f"there is no order entry for the venue {venue!r}", hint=hint)
    return getattr(import_module(f"producers.gateways.{venue}"), name)


def _method(venue: str, offered: Any, name: str) -> Callable[..., Awaitable[Any]]:
    method: Callable[..., Awaitable[Any]] | None = getattr(offered, name, None)
    if method is None:
        raise UsageError(f"{venue} has no {_LACKED.get(name, name)}", hint="Nothing was sent.")
    return method


def send(venue: str, request: OrderRequest, method: str, *, as_json: bool) -> int:
    """Send a request by this method of the venue's gateway, print what came of it, and return the exit status.

    Raises:
        UsageError: the venue has no such method.
        DropcopyError: nothing was sent.
    """
    made = _offered(venue, "Gateway")
    by = _method(venue, made, method)

    async def sending() -> Outcome:
        # As Ctrl-C does, so that the journal is told of a call that is given up.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel(asyncio.current_task()))
        async with made() as gateway:
            outcome: Outcome = await by(gateway, request)
            return outcome

    configure_logs(Settings.load())
    try:
        outcome = asyncio.run(sending())
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo(_interrupted(venue, request), err=True)
        return INTERRUPTED
    facts = _outcome_facts(venue, request, outcome)
    try:
        print_facts(facts, as_json=as_json)
    except OSError as error:
        # What came of the request is told all the same, and so is its exit status.
        give_up_output()
        typer.echo(f"standard output can't be written: {error.strerror}", err=True)
        print_facts(facts, as_json=as_json, err=True)
    typer.echo(printable(_sentence(venue, request.action, outcome)), err=True)
    return EXIT_STATUS[outcome.phase]


def _cancel(task: "asyncio.Task[Any] | None") -> Callable[[], object]:
    return (lambda: None) if task is None else task.cancel


def _interrupted(venue: str, request: OrderRequest) -> str:
    found = f"--since 5m --until-end --where order_request_id={request.order_request_id}"
    return (
        f"Interrupted: it is not known here whether {venue} {DONE[request.action]}. "
        f"The journal says how far it went: `dropcopy tail orders.submitted {found}`."
    )


def ask(venue: str, method: str, *about: Any, as_json: bool, **asked: Any) -> None:
    """Ask a venue for one thing by this method of its queries, and print it.

    `about` and what is not None of `asked` are the method's arguments.

    Raises:
        UsageError: the venue has no such query, or none with these options.
        DropcopyError: there is no answer.
    """
    print_facts(facts_of(_asked(venue, method, about, asked)), as_json=as_json)


def ask_list(venue: str, method: str, *about: Any, kind: str, as_json: bool, **asked: Any) -> None:
    """Ask a venue for several things of a `kind` that its queries have `columns` for, and print them.

    All else is as of `ask`.
    """
    records = [facts_of(record) for record in _asked(venue, method, about, asked)]
    print_list(records, _offered(venue, "Queries").columns[kind], as_json=as_json)
    if not records:
        typer.echo("none", err=True)


def _asked(venue: str, method: str, about: Sequence[Any], asked: Mapping[str, Any]) -> Any:
    made = _offered(venue, "Queries")
    by = _method(venue, made, method)
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    _check_options(venue, by, given)

    async def asking() -> Any:
        async with made.of_token() as queries:
            return await by(queries, *about, **given)

    configure_logs(Settings.load())
    return asyncio.run(asking())


def _check_options(venue: str, by: Callable[..., Any], given: Mapping[str, Any]) -> None:
    known = signature(by).parameters
    problems = [f"{venue} has no {_OPTIONS.get(name, name)} here" for name in given if name not in known]
    problems += [
        f"{_OPTIONS.get(name, name)} is missing: {venue} needs it"
        for name, parameter in known.items()
        if parameter.kind is Parameter.KEYWORD_ONLY and parameter.default is Parameter.empty and name not in given
    ]
    refuse(problems)


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
