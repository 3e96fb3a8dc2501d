"""What `dropcopy order …` does."""

import asyncio
import json
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

import typer

from dropcopy.errors import UsageError
from dropcopy.logs import configure_logs
from dropcopy.settings import Settings
from producers.gateways.orders import NewOrder, Outcome, Rejected, new_id
from schemas.fix import OrdType, Phase, Side, TimeInForce

__all__ = ["new_order", "send_new"]

EXIT_STATUS = {Phase.ACCEPTED: 0, Phase.REJECTED: 4, Phase.UNKNOWN: 1}


class _Gateway(Protocol):
    async def __aenter__(self) -> "_Gateway": ...
    async def __aexit__(self, *_: object) -> None: ...
    async def post_order(self, order: NewOrder) -> Outcome: ...
    async def post_order_async(self, order: NewOrder) -> Outcome: ...


def new_order(
    *,
    account: str,
    instrument: str,
    side: str,
    quantity: str,
    ord_type: str,
    price: str | None,
    time_in_force: str | None,
    request_id: str | None,
) -> NewOrder:
    """Return the order that the options describe, words as FIX has them.

    Raises:
        UsageError: one of them can't be right.
    """
    return NewOrder(
        account=account,
        instrument=instrument,
        side=Side[side],
        ord_type=OrdType[ord_type],
        quantity=_decimal("--quantity", quantity),
        price=None if price is None else _decimal("--price", price),
        time_in_force=None if time_in_force is None else TimeInForce[time_in_force],
        order_request_id=new_id() if request_id is None else request_id,
    )


def _decimal(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{option} {text!r} is no number", hint="Nothing was sent.") from None


def _gateway(venue: str) -> _Gateway:
    module = f"producers.gateways.{venue}"
    known = venue.isidentifier() and find_spec(f"producers.venues.{venue}") and find_spec(module)
    if not known:
        raise UsageError(f"there is no order entry for the venue {venue!r}", hint="There is one for: tinvest.")
    return cast("_Gateway", import_module(module).Gateway())


def send_new(venue: str, order: NewOrder, *, is_async: bool, as_json: bool) -> int:
    """Send the order, print what came of it, and return the exit status that says so.

    Raises:
        DropcopyError: nothing was sent.
    """
    configure_logs(Settings.load())
    outcome = asyncio.run(_send(_gateway(venue), order, is_async=is_async))
    facts = _facts(venue, order, outcome)
    typer.echo(json.dumps(facts) if as_json else " ".join(f"{name}={value}" for name, value in facts.items() if value))
    typer.echo(_sentence(venue, outcome), err=True)
    return EXIT_STATUS[outcome.phase]


async def _send(gateway: _Gateway, order: NewOrder, *, is_async: bool) -> Outcome:
    async with gateway:
        return await (gateway.post_order_async(order) if is_async else gateway.post_order(order))


def _facts(venue: str, order: NewOrder, outcome: Outcome) -> dict[str, Any]:
    names = ("venue_order_id", "trade_intent_id", "venue_status", "code", "text", "tracking_id")
    told = asdict(outcome)
    return {
        "phase": outcome.phase.value,
        "order_request_id": order.order_request_id,
        "venue": venue,
        "account": order.account,
    } | {name: told.get(name) for name in names}


def _sentence(venue: str, outcome: Outcome) -> str:
    match outcome.phase:
        case Phase.ACCEPTED:
            return f"{venue} accepted the order."
        case Phase.REJECTED if isinstance(outcome, Rejected):
            return f"There is no order: {outcome.text} ({outcome.code})."
        case _:
            return (
                f"Nobody knows whether {venue} has the order: {getattr(outcome, 'text', '')}. Do not send it anew; "
                f"see what the venue tells (`dropcopy tail orders.latest`)."
            )
