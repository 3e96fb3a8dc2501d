"""`dropcopy order …` and `dropcopy accounts`.

Exit status of what is sent: 0 the venue accepted, 4 it refused, 1 nobody knows, 2 the request or a setting
is wrong, or the venue's limits leave no turn in time, 3 Kafka is away (in both nothing was sent). Of what is
asked: 0 answered, 4 refused, 1 no answer, 2 as above.
"""

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
    OrderId,
    OrderRequestId,
    Outcome,
    Price,
    PriceTypeOption,
    Quantity,
    Quote,
    RequestId,
    To,
    Venue,
)

__all__ = ["accounts", "app"]

app = typer.Typer(
    name="order",
    help="Send orders to a venue, journaled, and ask for them.",
    no_args_is_help=True,
    cls=options.OrderEntry,
)


def accounts(venue: Venue = "tinvest", as_json: AsJson = False) -> None:
    """Print the accounts of the token's owner, and what the token may do in each."""
    from producers.gateways.commands import ask_list

    ask_list(venue, "get_accounts", kind="accounts", as_json=as_json)


@app.command("new")
def new(
    venue: Venue,
    account: Account,
    instrument: Instrument,
    side: Annotated[options.SideOption, typer.Option()],
    ord_type: Annotated[options.TypeOption, typer.Option("--type")],
    quantity: Annotated[str | None, typer.Option(help="In the venue's unit of order (T-Invest: lots).")] = None,
    cash_quantity: Annotated[str | None, typer.Option(help="In its place: the amount of money to trade for.")] = None,
    price: Price = None,
    stop_price: Annotated[str | None, typer.Option(help="Of stop-limit: the price that it waits for.")] = None,
    distance: Annotated[str | None, typer.Option(help="Of trailing-stop: how far it follows the price.")] = None,
    display_quantity: Annotated[str | None, typer.Option(help="Of iceberg: how much of it the book shows.")] = None,
    time_in_force: Annotated[
        options.TimeInForceOption | None,
        typer.Option(help="By default the venue's own, good-till-date with --expires."),
    ] = None,
    expires: Expires = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Only ever stand in the book.")] = False,
    event: Event = None,
    outcome: Outcome = None,
    quote: Quote = None,
    price_type: Annotated[PriceTypeOption | None, typer.Option(help="What the price is told in.")] = None,
    confirm_margin_trade: ConfirmMargin = False,
    request_id: RequestId = None,
    is_async: Annotated[bool, typer.Option("--async", help="Don't wait for the exchange.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send an order: its intent goes to Kafka first, what came of it after.

    What a venue has no use for is refused. Exit status: 0 accepted, 4 refused, 1 outcome unknown, 2 wrong
    call or setting, 3 Kafka (nothing was sent).
    """
    from producers.gateways.commands import number_or_none, send, time_ns
    from producers.gateways.orders import NewOrder, PriceType, new_id
    from schemas.fix import OrdType, Side, TimeInForce

    default = None if expires is None else TimeInForce.GOOD_TILL_DATE
    order = NewOrder(
        account=account,
        instrument=instrument,
        side=Side[side.name],
        ord_type=OrdType[ord_type.name],
        quantity=number_or_none("--quantity", quantity),
        cash_order_qty=number_or_none("--cash-quantity", cash_quantity),
        price=number_or_none("--price", price),
        stop_price=number_or_none("--stop-price", stop_price),
        peg_offset_value=number_or_none("--distance", distance),
        display_qty=number_or_none("--display-quantity", display_quantity),
        time_in_force=default if time_in_force is None else TimeInForce[time_in_force.name],
        expire_ns=time_ns("--expires", expires),
        post_only=post_only,
        event=event,
        outcome=outcome,
        quote=quote,
        price_type=None if price_type is None else PriceType[price_type.name],
        confirm_margin_trade=confirm_margin_trade,
        order_request_id=new_id() if request_id is None else request_id,
    )
    raise typer.Exit(send(venue, order, "post_order_async" if is_async else "post_order", as_json=as_json))


@app.command("replace")
def replace(
    venue: Venue,
    account: Account,
    quantity: Quantity,
    price: Price = None,
    order_id: OrderId = None,
    request_id: OrderRequestId = None,
    price_type: Annotated[PriceTypeOption | None, typer.Option(help="What the price is told in.")] = None,
    confirm_margin_trade: ConfirmMargin = False,
    new_request_id: Annotated[str | None, typer.Option(help="The new order's id, a UUID.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an order and send another in its place, of this quantity and price. Exit status as of `new`."""
    from producers.gateways.commands import number, number_or_none, send
    from producers.gateways.orders import PriceType, ReplaceOrder, new_id

    request = ReplaceOrder(
        account=account,
        quantity=number("--quantity", quantity),
        price=number_or_none("--price", price),
        orig_order_request_id=request_id,
        orig_venue_order_id=order_id,
        price_type=None if price_type is None else PriceType[price_type.name],
        confirm_margin_trade=confirm_margin_trade,
        order_request_id=new_id() if new_request_id is None else new_request_id,
    )
    raise typer.Exit(send(venue, request, "replace_order", as_json=as_json))


@app.command("amend")
def amend(
    venue: Venue,
    account: Account,
    quantity: Annotated[str | None, typer.Option(help="Of the whole order, what is executed included.")] = None,
    price: Price = None,
    order_id: OrderId = None,
    request_id: OrderRequestId = None,
    as_json: AsJson = False,
) -> None:
    """Change the quantity or the price of an order in place; it keeps its ids. Exit status as of `new`."""
    from producers.gateways.commands import number_or_none, send
    from producers.gateways.orders import AmendOrder

    request = AmendOrder(
        account=account,
        quantity=number_or_none("--quantity", quantity),
        price=number_or_none("--price", price),
        orig_order_request_id=request_id,
        orig_venue_order_id=order_id,
    )
    raise typer.Exit(send(venue, request, "amend_order", as_json=as_json))


@app.command("cancel")
def cancel(
    venue: Venue,
    account: Account,
    order_id: OrderId = None,
    request_id: OrderRequestId = None,
    as_json: AsJson = False,
) -> None:
    """Cancel what is left of an order. Exit status as of `new`."""
    from producers.gateways.commands import send
    from producers.gateways.orders import CancelOrder

    request = CancelOrder(account=account, orig_order_request_id=request_id, orig_venue_order_id=order_id)
    raise typer.Exit(send(venue, request, "cancel_order", as_json=as_json))


@app.command("get")
def get(
    venue: Venue,
    account: Account,
    order_id: OrderId = None,
    request_id: OrderRequestId = None,
    as_json: AsJson = False,
) -> None:
    """Print where an order stands, as the venue has it."""
    from producers.gateways.commands import ask

    ids = {"venue_order_id": order_id, "order_request_id": request_id}
    ask(venue, "get_order_state", account, as_json=as_json, **ids)


@app.command("list")
def list_orders(
    venue: Venue,
    account: Account,
    status: Annotated[list[options.StatusOption] | None, typer.Option(help="Give it for each status.")] = None,
    instrument: InstrumentFilter = None,
    since: From = None,
    until: To = None,
    as_json: AsJson = False,
) -> None:
    """Print an account's orders, as the venue has them: the active ones, or with a filter those that pass it."""
    from producers.gateways.commands import ask_list, time_ns
    from schemas.fix import OrdStatus

    filters = {
        "statuses": tuple(OrdStatus[each.name] for each in status or ()),
        "instrument": instrument,
        "from_ns": time_ns("--from", since),
        "to_ns": time_ns("--to", until),
    }
    ask_list(venue, "get_orders", account, kind="orders", as_json=as_json, **filters)


@app.command("trades")
def trades(
    venue: Venue,
    account: Account,
    order_id: OrderId = None,
    request_id: OrderRequestId = None,
    instrument: InstrumentFilter = None,
    since: From = None,
    until: To = None,
    as_json: AsJson = False,
) -> None:
    """Print the fills of an account or of an order, as the venue has them."""
    from producers.gateways.commands import ask_list, time_ns

    filters = {
        "venue_order_id": order_id,
        "order_request_id": request_id,
        "instrument": instrument,
        "from_ns": time_ns("--from", since),
        "to_ns": time_ns("--to", until),
    }
    ask_list(venue, "get_trades", account, kind="trades", as_json=as_json, **filters)


@app.command("max-lots")
def max_lots(
    venue: Venue, account: Account, instrument: Instrument, price: Price = None, as_json: AsJson = False
) -> None:
    """Print how much of an instrument the account can buy and sell now."""
    from producers.gateways.commands import ask, number_or_none

    at = number_or_none("--price", price)
    ask(venue, "get_max_lots", account, instrument, price=at, as_json=as_json)


@app.command("price")
def price(
    venue: Venue,
    account: Account,
    instrument: Instrument,
    side: Annotated[options.SideOption, typer.Option()],
    quantity: Quantity,
    limit: Annotated[str, typer.Option("--price", help="The limit, of one unit of the instrument.")],
    as_json: AsJson = False,
) -> None:
    """Print what a limit order would cost, commissions included."""
    from producers.gateways.commands import ask, number
    from schemas.fix import Side

    asked = {
        "side": Side[side.name],
        "quantity": number("--quantity", quantity),
        "price": number("--price", limit),
    }
    ask(venue, "get_order_price", account, instrument, as_json=as_json, **asked)
