"""`dropcopy order …`.

Exit status: 0 the venue accepted, 4 it refused, 1 nobody knows, 2 the order or a setting is wrong,
3 Kafka is away (and nothing was sent).
"""

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(name="order", help="Send orders to a venue, journaled.", no_args_is_help=True)


class SideOption(StrEnum):
    """`--side`."""

    BUY = "buy"
    SELL = "sell"


class TypeOption(StrEnum):
    """`--type`."""

    LIMIT = "limit"
    MARKET = "market"
    BEST_PRICE = "best-price"


class TimeInForceOption(StrEnum):
    """`--time-in-force`."""

    DAY = "day"
    IMMEDIATE_OR_CANCEL = "immediate-or-cancel"
    FILL_OR_KILL = "fill-or-kill"


@app.callback()
def _order() -> None:
    """Keep `new` a name of its own: a Typer with one command alone would take its place."""


@app.command("new")
def new(
    venue: Annotated[str, typer.Option(help="The venue, such as tinvest.")],
    account: Annotated[str, typer.Option(help="The account at the venue.")],
    instrument: Annotated[str, typer.Option(help="The instrument as the venue names it (T-Invest: FIGI or uid).")],
    side: Annotated[SideOption, typer.Option()],
    quantity: Annotated[str, typer.Option(help="In the venue's unit of order (T-Invest: lots).")],
    ord_type: Annotated[TypeOption, typer.Option("--type")],
    price: Annotated[str | None, typer.Option(help="The limit, of one unit of the instrument.")] = None,
    time_in_force: Annotated[TimeInForceOption | None, typer.Option(help="By default the venue's own.")] = None,
    request_id: Annotated[
        str | None, typer.Option(help="The order's id, a UUID; give it again to try the same order again.")
    ] = None,
    is_async: Annotated[bool, typer.Option("--async", help="Don't wait for the exchange.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send an order: its intent goes to Kafka first, what came of it after.

    Exit status: 0 accepted, 4 refused, 1 outcome unknown, 2 wrong call or setting, 3 Kafka (nothing was sent).
    """
    from producers.gateways.commands import new_order, send_new

    order = new_order(
        account=account,
        instrument=instrument,
        side=side.name,
        quantity=quantity,
        ord_type=ord_type.name,
        price=price,
        time_in_force=time_in_force and time_in_force.name,
        request_id=request_id,
    )
    raise typer.Exit(send_new(venue, order, is_async=is_async, as_json=as_json))
