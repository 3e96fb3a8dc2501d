"""`dropcopy stop-order …`. Exit status as of `dropcopy order …`."""

from typing import Annotated

import typer

from producers.gateways import options
from producers.gateways.options import (
    Account,
    AsJson,
    ConfirmMargin,
    Event,
    Expires,
    From,
    Instrument,
    InstrumentFilter,
    Outcome,
    Price,
    PriceTypeOption,
    Quantity,
    Quote,
    RequestId,
    To,
    Venue,
)

__all__ = ["app"]

app = typer.Typer(
    name="stop-order",
    help="Place stop orders at a venue, journaled, and ask for them.",
    no_args_is_help=True,
    cls=options.OrderEntry,
)

_DISTANCE = "in units of the price, or in per cent of it (1.5%)."


@app.command("new")
def new(
    venue: Venue,
    account: Account,
    instrument: Instrument,
    side: Annotated[options.SideOption, typer.Option()],
    quantity: Quantity,
    ord_type: Annotated[options.StopTypeOption, typer.Option("--type")],
    stop_price: Annotated[str | None, typer.Option(help="At which it becomes an order.")] = None,
    take_profit_price: Annotated[
        str | None, typer.Option(help="Of take-profit-stop-loss: at which it takes the profit.")
    ] = None,
    price: Price = None,
    trailing_indent: Annotated[str | None, typer.Option(help=f"How far to follow the best price, {_DISTANCE}")] = None,
    trailing_spread: Annotated[str | None, typer.Option(help=f"How much worse the order may be, {_DISTANCE}")] = None,
    time_in_force: Annotated[
        options.StopTimeOption | None, typer.Option(help="By default good-till-date with --expires.")
    ] = None,
    expires: Expires = None,
    event: Event = None,
    outcome: Outcome = None,
    quote: Quote = None,
    price_type: Annotated[PriceTypeOption | None, typer.Option(help="What prices are told in.")] = None,
    confirm_margin_trade: ConfirmMargin = False,
    instant: Annotated[bool, typer.Option("--instant", help="Trigger at once where the price is past it.")] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> None:
    """Place a stop order: its intent goes to Kafka first, what came of it after."""
    from producers.gateways.commands import number, number_or_none, send, time_ns, trailing
    from producers.gateways.orders import PriceType, new_id
    from producers.gateways.stop_orders import NewStopOrder
    from schemas.fix import OrdType, Side, TimeInForce

    default = TimeInForce.GOOD_TILL_CANCEL if expires is None else TimeInForce.GOOD_TILL_DATE
    order = NewStopOrder(
        account=account,
        instrument=instrument,
        side=Side[side.name],
        ord_type=OrdType[ord_type.name],
        quantity=number("--quantity", quantity),
        stop_price=number_or_none("--stop-price", stop_price),
        take_profit_price=number_or_none("--take-profit-price", take_profit_price),
        price=number_or_none("--price", price),
        trailing=trailing(trailing_indent, trailing_spread),
        time_in_force=default if time_in_force is None else TimeInForce[time_in_force.name],
        expire_ns=time_ns("--expires", expires),
        event=event,
        outcome=outcome,
        quote=quote,
        price_type=None if price_type is None else PriceType[price_type.name],
        confirm_margin_trade=confirm_margin_trade,
        instant_execution=instant,
        order_request_id=new_id() if request_id is None else request_id,
    )
    raise typer.Exit(send(venue, order, "post_stop_order", as_json=as_json))


@app.command("list")
def list_stop_orders(
    venue: Venue,
    account: Account,
    status: Annotated[options.StopStatusOption | None, typer.Option(help="By default the active ones.")] = None,
    instrument: InstrumentFilter = None,
    since: From = None,
    until: To = None,
    as_json: AsJson = False,
) -> None:
    """Print an account's stop orders, as the venue has them."""
    from producers.gateways.commands import ask_list, time_ns
    from producers.gateways.stop_orders import StopStatus

    filters = {
        "status": None if status is None else StopStatus[status.name],
        "from_ns": time_ns("--from", since),
        "to_ns": time_ns("--to", until),
        "instrument": instrument,
    }
    ask_list(venue, "get_stop_orders", account, kind="stop_orders", as_json=as_json, **filters)


@app.command("cancel")
def cancel(
    venue: Venue,
    account: Account,
    order_id: Annotated[str, typer.Option(help="The stop order, by the venue's id.")],
    request_id: Annotated[
        str | None, typer.Option(help="The id that it was sent with, for whoever reads the journal.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a stop order that has not triggered."""
    from producers.gateways.commands import send
    from producers.gateways.orders import CancelStopOrder

    request = CancelStopOrder(account=account, orig_venue_order_id=order_id, orig_order_request_id=request_id)
    raise typer.Exit(send(venue, request, "cancel_stop_order", as_json=as_json))
