"""What a strategy asks of a venue: the same for every venue. Pure.

What can't be right is refused when a request is made, before anything is sent, by a `UsageError` that
names every field that is wrong. In all requests `quantity` is in the venue's own unit of order
(T-Invest: lots), prices are of one unit of the instrument, and `order_request_id` is a UUID, generated
when not given, that identifies the request for ever: whoever makes the same request again must give
the same.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import uuid4

from producers.gateways.checks import (
    expiry_problems,
    flag_problems,
    id_problems,
    number_problems,
    refuse,
    text_problems,
    word_problems,
)
from schemas.fix import Action, OrdType, Side, TimeInForce

__all__ = ["AmendOrder", "CancelOrder", "CancelStopOrder", "NewOrder", "PriceType", "ReplaceOrder", "new_id"]

# What an order that goes to the exchange at once can be; the other types wait at the venue for a stop price.
PLAIN_TYPES = (OrdType.MARKET, OrdType.LIMIT, OrdType.BEST_PRICE)
# Those that some venues take in the same call, and have live as one order throughout.
ORDER_TYPES = (*PLAIN_TYPES, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP, OrdType.ICEBERG, OrdType.CEILING)

# What each type of order has: `price`, `stop_price`, `peg_offset_value` and `display_qty`, needed or not at all.
NEEDS: dict[OrdType, frozenset[str]] = {
    OrdType.MARKET: frozenset(),
    OrdType.LIMIT: frozenset({"price"}),
    OrdType.BEST_PRICE: frozenset(),
    OrdType.STOP_LIMIT: frozenset({"price", "stop_price"}),
    OrdType.TRAILING_STOP: frozenset({"peg_offset_value"}),
    OrdType.ICEBERG: frozenset({"price", "display_qty"}),
    OrdType.CEILING: frozenset(),
}
# The types that may be for an amount of money in place of a quantity.
CASH_TYPES = (OrdType.MARKET, OrdType.CEILING)
# A future's price may be negative.
_POSITIVE = {"price": False, "stop_price": False, "peg_offset_value": True, "display_qty": True}


class PriceType(StrEnum):
    """What a price is told in, where a venue knows more than one: PriceType (423) of FIX, in T-Invest's words."""

    POINT = "POINT"
    CURRENCY = "CURRENCY"


def new_id() -> str:
    """Return an id for a request."""
    return str(uuid4())


@dataclass(frozen=True, kw_only=True)
class NewOrder:
    """An order to be sent to the exchange.

    | `ord_type`                  | needs                                          |
    |-----------------------------|------------------------------------------------|
    | LIMIT                       | `quantity`, `price`                            |
    | MARKET, CEILING             | `quantity`, or the amount `cash_order_qty`     |
    | BEST_PRICE                  | `quantity`                                     |
    | STOP_LIMIT                  | `quantity`, `price`, `stop_price`              |
    | TRAILING_STOP               | `quantity`, `peg_offset_value`: its distance   |
    | ICEBERG                     | `quantity`, `price`, `display_qty`             |

    Which of them a venue takes, and what else it wants, is the venue's: what it has no use for is
    refused before anything is sent. `cash_order_qty` is in the currency that the instrument is priced
    in. `expire_ns`, in nanoseconds of Unix time, goes with GOOD_TILL_DATE. `post_only` asks that the
    order only ever stands in the book. `event`, `outcome` and `quote` are the other ids by which a
    prediction market names what `instrument`, the outcome's asset, is about. `price_type` None leaves
    it to the venue. `confirm_margin_trade` agrees to an order that may lead to a position on credit
    (T-Invest: without it such an order is refused with 30240).

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.NEW

    account: str
    instrument: str
    side: Side
    ord_type: OrdType
    quantity: Decimal | None = None
    cash_order_qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    peg_offset_value: Decimal | None = None
    display_qty: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expire_ns: int | None = None
    post_only: bool = False
    event: str | None = None
    outcome: str | None = None
    quote: str | None = None
    price_type: PriceType | None = None
    confirm_margin_trade: bool = False
    order_request_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        ids = {name: getattr(self, name) for name in ("event", "outcome", "quote")}
        refuse(
            [
                *text_problems("account", self.account),
                *text_problems("instrument", self.instrument),
                *word_problems("side", self.side, Side),
                *word_problems("ord_type", self.ord_type, ORDER_TYPES),
                *(
                    []
                    if self.time_in_force is None
                    else word_problems("time_in_force", self.time_in_force, TimeInForce)
                ),
                *self._quantity_problems(),
                *self._number_problems(),
                *expiry_problems(self.time_in_force, self.expire_ns),
                *flag_problems("post_only", self.post_only),
                *(
                    problem
                    for name, value in ids.items()
                    if value is not None
                    for problem in text_problems(name, value)
                ),
                *([] if self.price_type is None else word_problems("price_type", self.price_type, PriceType)),
                *flag_problems("confirm_margin_trade", self.confirm_margin_trade),
                *id_problems("order_request_id", self.order_request_id),
            ]
        )

    def _quantity_problems(self) -> list[str]:
        if self.cash_order_qty is None:
            return number_problems("quantity", self.quantity)
        if self.quantity is not None:
            return [f"quantity={self.quantity} and cash_order_qty={self.cash_order_qty}: an order is for one of them"]
        if self.ord_type not in CASH_TYPES:
            return [f"cash_order_qty={self.cash_order_qty}: a {self.ord_type} order has a quantity instead"]
        return number_problems("cash_order_qty", self.cash_order_qty)

    def _number_problems(self) -> list[str]:
        needed = NEEDS.get(self.ord_type)
        if needed is None:
            return []
        problems: list[str] = []
        for name, positive in _POSITIVE.items():
            value = getattr(self, name)
            if name in needed:
                missing = f"{name} is missing: a {self.ord_type} order needs one"
                problems += [missing] if value is None else number_problems(name, value, positive=positive)
            elif value is not None:
                problems.append(f"{name}={value}: a {self.ord_type} order has none")
        return problems


def _orig_problems(request_id: str | None, venue_id: str | None) -> list[str]:
    if request_id is None and venue_id is None:
        return ["orig_venue_order_id or orig_order_request_id is missing: one of them has to name the order"]
    return [
        *([] if request_id is None else text_problems("orig_order_request_id", request_id)),
        *([] if venue_id is None else text_problems("orig_venue_order_id", venue_id)),
    ]


@dataclass(frozen=True, kw_only=True)
class ReplaceOrder:
    """A cancel of an order and a new one in its place, in one request.

    `order_request_id` is the new order's; the old one is named by `orig_venue_order_id` or by
    `orig_order_request_id`. With both the venue is told the first, and the journal both. `quantity`
    and `price` are the new order's.

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.REPLACE

    account: str
    quantity: Decimal
    price: Decimal | None = None
    orig_order_request_id: str | None = None
    orig_venue_order_id: str | None = None
    price_type: PriceType | None = None
    confirm_margin_trade: bool = False
    order_request_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        refuse(
            [
                *text_problems("account", self.account),
                *_orig_problems(self.orig_order_request_id, self.orig_venue_order_id),
                *number_problems("quantity", self.quantity),
                *([] if self.price is None else number_problems("price", self.price, positive=False)),
                *([] if self.price_type is None else word_problems("price_type", self.price_type, PriceType)),
                *flag_problems("confirm_margin_trade", self.confirm_margin_trade),
                *id_problems("order_request_id", self.order_request_id),
                *self._same_id_problems(),
            ]
        )

    def _same_id_problems(self) -> list[str]:
        same = self.order_request_id == self.orig_order_request_id
        return [f"order_request_id={self.order_request_id} is the old order's: the new one needs its own"] * same


@dataclass(frozen=True, kw_only=True)
class AmendOrder:
    """A change of an order in place: it keeps its ids, and gets another `quantity`, another `price`, or both.

    The order is named as in `ReplaceOrder`. `quantity` is of the whole order, what is executed included.

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.AMEND

    account: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    orig_order_request_id: str | None = None
    orig_venue_order_id: str | None = None
    order_request_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        nothing = self.quantity is None and self.price is None
        refuse(
            [
                *text_problems("account", self.account),
                *_orig_problems(self.orig_order_request_id, self.orig_venue_order_id),
                *(["quantity or price is missing: there is nothing to change"] if nothing else []),
                *([] if self.quantity is None else number_problems("quantity", self.quantity)),
                *([] if self.price is None else number_problems("price", self.price, positive=False)),
                *id_problems("order_request_id", self.order_request_id),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class CancelOrder:
    """A cancel of an order, which is named as in `ReplaceOrder`.

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.CANCEL

    account: str
    orig_order_request_id: str | None = None
    orig_venue_order_id: str | None = None
    order_request_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        refuse(
            [
                *text_problems("account", self.account),
                *_orig_problems(self.orig_order_request_id, self.orig_venue_order_id),
                *id_problems("order_request_id", self.order_request_id),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class CancelStopOrder(CancelOrder):
    """A cancel of a stop order that waits at the venue.

    Raises:
        UsageError: names every field that is wrong.
    """

    action: ClassVar[Action] = Action.CANCEL_STOP
