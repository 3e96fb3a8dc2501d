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
    From,
    Instrument,
    OrderId,
    OrderRequestId,
    Price,
    PriceTypeOption,
    Quantity,
    RequestId,
    To,
    Venue,
)

__all__ = ["accounts", "app"]

app = typer.Typer(name="order", help="Send orders to a venue, journaled, and ask for them.", no_args_is_help=True)

ACCOUNT_COLUMNS = ("account", "name", "type", "status", "access_level")
ORDER_COLUMNS = (
    "venue_order_id",
    "order_request_id",
    "venue_status",
    "side",
    "ord_type",
    "ticker",
    "lots_requested",
    "lots_executed",
    "initial_security_price",
)


def accounts(venue: Venue = "tinvest", as_json: AsJson = False) -> None:
    """Print the accounts of the token's owner, and what the token may do in each."""
    from producers.gateways.commands import ask_list

    ask_list(venue, lambda queries: queries.get_accounts(), ACCOUNT_COLUMNS, as_json=as_json)


@app.command("new")
def new(
    venue: Venue,
    account: Account,
    instrument: Instrument,
    side: Annotated[options.SideOption, typer.Option()],
    quantity: Quantity,
    ord_type: Annotated[options.TypeOption, typer.Option("--type")],
    price: Price = None,
    time_in_force: Annotated[options.TimeInForceOption | None, typer.Option(help="By default the venue's own.")] = None,
    price_type: Annotated[PriceTypeOption | None, typer.Option(help="What the price is told in.")] = None,
    confirm_margin_trade: ConfirmMargin = False,
    request_id: RequestId = None,
    is_async: Annotated[bool, typer.Option("--async", help="Don't wait for the exchange.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send an order: its intent goes to Kafka first, what came of it after.

    Exit status: 0 accepted, 4 refused, 1 outcome unknown, 2 wrong call or setting, 3 Kafka (nothing was sent).
    """
    from producers.gateways.commands import number, send
    from producers.gateways.orders import NewOrder, PriceType, new_id
    from schemas.fix import OrdType, Side, TimeInForce

    order = NewOrder(
        account=account,
        instrument=instrument,
        side=Side[side.name],
        ord_type=OrdType[ord_type.name],
        quantity=number("--quantity", quantity),
        price=None if price is None else number("--price", price),
        time_in_force=None if time_in_force is None else TimeInForce[time_in_force.name],
        price_type=None if price_type is None else PriceType[price_type.name],
        confirm_margin_trade=confirm_margin_trade,
        order_request_id=new_id() if request_id is None else request_id,
    )
    raise typer.Exit(
        send(
            venue,
            order,
            lambda gateway: gateway.post_order_async(order) if is_async else gateway.post_order(order),
            as_json=as_json,
        )
    )


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
    from producers.gateways.commands import number, send
    from producers.gateways.orders import PriceType, ReplaceOrder, new_id

    request = ReplaceOrder(
        account=account,
        quantity=number("--quantity", quantity),
        price=None if price is None else number("--price", price),
        orig_order_request_id=request_id,
        orig_venue_order_id=order_id,
        price_type=None if price_type is None else PriceType[price_type.name],
        confirm_margin_trade=confirm_margin_trade,
        order_request_id=new_id() if new_request_id is None else new_request_id,
    )
    raise typer.Exit(send(venue, request, lambda gateway: gateway.replace_order(request), as_json=as_json))


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
    raise typer.Exit(send(venue, request, lambda gateway: gateway.cancel_order(request), as_json=as_json))


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

    ask(
        venue,
        lambda queries: queries.get_order_state(account, venue_order_id=order_id, order_request_id=request_id),
        as_json=as_json,
    )


@app.command("list")
def list_orders(
    venue: Venue,
    account: Account,
    status: Annotated[list[options.StatusOption] | None, typer.Option(help="Give it for each status.")] = None,
    since: From = None,
    until: To = None,
    as_json: AsJson = False,
) -> None:
    """Print an account's orders, as the venue has them: the active ones, or today's of a status or a time."""
    from producers.gateways.commands import ask_list, time_ns
    from schemas.fix import OrdStatus

    statuses = [OrdStatus[each.name] for each in status or ()]
    from_ns, to_ns = time_ns("--from", since), time_ns("--to", until)
    ask_list(
        venue,
        lambda queries: queries.get_orders(account, statuses=statuses, from_ns=from_ns, to_ns=to_ns),
        ORDER_COLUMNS,
        as_json=as_json,
    )


@app.command("max-lots")
def max_lots(
    venue: Venue, account: Account, instrument: Instrument, price: Price = None, as_json: AsJson = False
) -> None:
    """Print how much of an instrument the account can buy and sell now."""
    from producers.gateways.commands import ask, number

    at = None if price is None else number("--price", price)
    ask(venue, lambda queries: queries.get_max_lots(account, instrument, price=at), as_json=as_json)


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
    ask(venue, lambda queries: queries.get_order_price(account, instrument, **asked), as_json=as_json)
