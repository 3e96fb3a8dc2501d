"""The options that the commands of order entry share, and their words."""

import re
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dropcopy.errors import UsageError

__all__ = [
    "Account",
    "AsJson",
    "ConfirmMargin",
    "Event",
    "Expires",
    "From",
    "Instrument",
    "InstrumentFilter",
    "OrderEntry",
    "OrderId",
    "OrderRequestId",
    "Outcome",
    "Price",
    "PriceTypeOption",
    "Quantity",
    "Quote",
    "RequestId",
    "SideOption",
    "StatusOption",
    "StopStatusOption",
    "StopTimeOption",
    "StopTypeOption",
    "TimeInForceOption",
    "To",
    "TypeOption",
    "Venue",
]


# What a request calls what an option gives, where these differ in more than dashes.
_OPTIONS = {
    "orig_venue_order_id": "--order-id",
    "venue_order_id": "--order-id",
    "orig_order_request_id": "--request-id",
    "order_request_id": "--request-id",
    "cash_order_qty": "--cash-quantity",
    "display_qty": "--display-quantity",
    "peg_offset_value": "--distance",
    "expire_ns": "--expires",
    "ord_type": "--type",
    "trailing": "--trailing-indent",
}
_ALIKE = (
    *("account", "instrument", "side", "quantity", "price", "stop_price", "take_profit_price", "time_in_force"),
    *("post_only", "event", "outcome", "quote", "price_type", "confirm_margin_trade"),
)
_FIELD = re.compile(rf"\b({'|'.join((*_OPTIONS, *_ALIKE))})(?==| is missing| or )")


class OrderEntry(TyperGroup):
    """Commands whose errors name the options, where a request has its fields wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            UsageError: as the command did.
        """
        try:
            return super().invoke(ctx)
        except UsageError as error:
            made_anew = ctx.invoked_subcommand == "replace"

            def option(found: re.Match[str]) -> str:
                if made_anew and found[1] == "order_request_id":
                    return "--new-request-id"
                return _OPTIONS.get(found[1]) or f"--{found[1].replace('_', '-')}"

            raise UsageError(_FIELD.sub(option, error.message), hint=error.hint) from None


class SideOption(StrEnum):
    """`--side`."""

    BUY = "buy"
    SELL = "sell"


class TypeOption(StrEnum):
    """`--type` of an order."""

    LIMIT = "limit"
    MARKET = "market"
    BEST_PRICE = "best-price"
    STOP_LIMIT = "stop-limit"
    TRAILING_STOP = "trailing-stop"
    ICEBERG = "iceberg"
    CEILING = "ceiling"


class StopTypeOption(StrEnum):
    """`--type` of a stop order."""

    STOP = "stop"
    STOP_LIMIT = "stop-limit"
    TAKE_PROFIT = "take-profit"
    TRAILING_TAKE_PROFIT = "trailing-take-profit"
    TAKE_PROFIT_STOP_LOSS = "take-profit-stop-loss"


class TimeInForceOption(StrEnum):
    """`--time-in-force` of an order."""

    DAY = "day"
    IMMEDIATE_OR_CANCEL = "immediate-or-cancel"
    FILL_OR_KILL = "fill-or-kill"
    GOOD_TILL_CANCEL = "good-till-cancel"
    GOOD_TILL_DATE = "good-till-date"


class StopTimeOption(StrEnum):
    """`--time-in-force` of a stop order."""

    GOOD_TILL_CANCEL = "good-till-cancel"
    GOOD_TILL_DATE = "good-till-date"


class PriceTypeOption(StrEnum):
    """`--price-type`."""

    POINT = "point"
    CURRENCY = "currency"


class StatusOption(StrEnum):
    """`--status` of orders."""

    NEW = "new"
    PARTIALLY_FILLED = "partially-filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"


class StopStatusOption(StrEnum):
    """`--status` of stop orders."""

    ALL = "all"
    ACTIVE = "active"
    EXECUTED = "executed"
    CANCELED = "canceled"
    EXPIRED = "expired"


Venue = Annotated[str, typer.Option(help="The venue, such as tinvest.")]
Account = Annotated[str, typer.Option(help="The account at the venue.")]
Instrument = Annotated[
    str, typer.Option(help="The instrument as the venue names it (T-Invest: FIGI, uid, SBER_TQBR; Ripio: BTC_BRL).")
]
InstrumentFilter = Annotated[str | None, typer.Option("--instrument", help="Of this instrument only.")]
# By what else a prediction market names what is traded.
Event = Annotated[str | None, typer.Option(help="The event, where the venue wants its id (Outpoll).")]
Outcome = Annotated[str | None, typer.Option(help="The outcome, where the venue wants its id (Outpoll).")]
Quote = Annotated[str | None, typer.Option(help="The asset to pay in, where the venue wants its id (Outpoll).")]
Quantity = Annotated[str, typer.Option(help="In the venue's unit of order (T-Invest: lots).")]
Price = Annotated[str | None, typer.Option(help="The limit, of one unit of the instrument.")]
RequestId = Annotated[
    str | None, typer.Option(help="The order's id, a UUID; give it again to try the same order again.")
]
# Of an order that is there already.
OrderId = Annotated[str | None, typer.Option(help="The order, by the venue's id.")]
OrderRequestId = Annotated[str | None, typer.Option("--request-id", help="The order, by the id it was sent with.")]
ConfirmMargin = Annotated[
    bool, typer.Option("--confirm-margin-trade", help="Agree to an order that may lead to a position on credit.")
]
Expires = Annotated[str | None, typer.Option(help="Until when it stands, such as 2030-01-31T18:00:00Z.")]
From = Annotated[str | None, typer.Option("--from", help="Since when, such as 2030-01-31T18:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="Until when.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
