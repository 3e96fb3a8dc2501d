"""What Outpoll is asked over REST: method, path and the bytes of the body. Pure.

Sources: Outpoll, Create API Key (Place Limit Order), Place Market Order, Take Profit / Stop Loss, Cancel Order,
Private endpoints. No request has a place for an id of the client's.

Every function raises a UsageError for what the venue can't be told; nothing was sent then.
"""

from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from dropcopy.errors import UsageError
from producers.gateways.checks import refuse, refuse_unused
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder
from producers.gateways.stop_orders import NewStopOrder
from schemas.fix import OrdType, Side

__all__ = ["USDC", "Request", "cancel_order", "cancel_stop_order", "post_order", "post_stop_order"]

# "Quote asset ID. Use `asset_usdc`"; examples of other pages have a UUID there.
USDC: Final = "asset_usdc"
LEAST_PRICE, MOST_PRICE = Decimal("0.01"), Decimal("0.99")
MOST_DIGITS: Final = 18

_IDS = {"event", "outcome", "quote"}
_USED = {OrdType.LIMIT: _IDS | {"quantity", "price"}, OrdType.MARKET: _IDS | {"quantity", "cash_order_qty"}}
_STOP_USED = _IDS | {"stop_price", "take_profit_price"}
# What the prices of each type are on the wire: `t` takes a profit, `l` stops a loss.
_STOP_PRICES = {
    OrdType.STOP: {"l": "stop_price"},
    OrdType.TAKE_PROFIT: {"t": "stop_price"},
    OrdType.TAKE_PROFIT_STOP_LOSS: {"t": "take_profit_price", "l": "stop_price"},
}


class Request(NamedTuple):
    """One call of order entry; `name` is its path without ids."""

    method: str
    path: str
    body: bytes
    name: str


def post_order(order: NewOrder) -> Request:
    """Return the call that places a limit order, or a market order.

    A market order to buy is for an amount of money, one to sell for a quantity.
    """
    if order.ord_type not in _USED:
        raise _refusal(f"ord_type={order.ord_type} must be one of {', '.join(_USED)}")
    refuse_unused("outpoll", order, _USED[order.ord_type])
    refuse(_order_problems(order))
    fields = _ids(order) | {"s": order.side.value}
    if order.ord_type is OrdType.LIMIT:
        fields |= {"p": _number("price", order.price), "q": _number("quantity", order.quantity)}
        return _post("orders/limit", fields)
    if order.cash_order_qty is not None:
        return _post("orders/market", fields | {"am": _number("cash_order_qty", order.cash_order_qty)})
    return _post("orders/market", fields | {"q": _number("quantity", order.quantity)})


def _order_problems(order: NewOrder) -> list[str]:
    if order.ord_type is OrdType.LIMIT:
        return [*_missing_ids(order), *_price_problems("price", order.price)]
    if order.side is Side.BUY and order.cash_order_qty is None:
        problem = f"quantity={order.quantity}: a market order to buy is for an amount of money, cash_order_qty"
        return [*_missing_ids(order), problem]
    if order.side is Side.SELL and order.cash_order_qty is not None:
        problem = f"cash_order_qty={order.cash_order_qty}: a market order to sell is for a quantity"
        return [*_missing_ids(order), problem]
    return _missing_ids(order)


def post_stop_order(order: NewStopOrder) -> Request:
    """Return the call that places a take-profit / stop-loss order, which closes a position: its side is SELL."""
    if order.ord_type not in _STOP_PRICES:
        raise _refusal(f"ord_type={order.ord_type} must be one of {', '.join(_STOP_PRICES)}")
    refuse_unused("outpoll", order, _STOP_USED)
    prices = {name: getattr(order, field) for name, field in _STOP_PRICES[order.ord_type].items()}
    refuse(
        [
            *_missing_ids(order),
            *([] if order.side is Side.SELL else [f"side={order.side}: it closes a position, so it is SELL"]),
            *(
                problem
                for name, field in _STOP_PRICES[order.ord_type].items()
                for problem in _price_problems(field, prices[name])
            ),
        ]
    )
    numbers = {name: _number(_STOP_PRICES[order.ord_type][name], price) for name, price in prices.items()}
    return _post(
        "orders/tpsl", _ids(order) | {"s": Side.SELL.value, "q": _number("quantity", order.quantity)} | numbers
    )


def cancel_order(cancel: CancelOrder) -> Request:
    """Return the call that cancels a limit order."""
    return _delete("orders/limit", cancel)


def cancel_stop_order(cancel: CancelStopOrder) -> Request:
    """Return the call that cancels a take-profit / stop-loss order."""
    return _delete("orders/tpsl", cancel)


def _delete(path: str, cancel: CancelOrder) -> Request:
    if cancel.orig_venue_order_id is None:
        raise _refusal(
            f"orig_order_request_id={cancel.orig_order_request_id}: outpoll knows orders by its own id alone, "
            f"orig_venue_order_id"
        )
    return Request("DELETE", f"{path}/{quote(cancel.orig_venue_order_id, safe='')}", b"", path)


def _post(path: str, fields: dict[str, Any]) -> Request:
    return Request("POST", path, msgspec.json.encode(fields), path)


def _ids(order: NewOrder | NewStopOrder) -> dict[str, Any]:
    return {"e": order.event, "o": order.outcome, "ba": order.instrument, "qa": order.quote or USDC}


def _missing_ids(order: NewOrder | NewStopOrder) -> list[str]:
    return [f"{name} is missing: outpoll needs its id" for name in ("event", "outcome") if not getattr(order, name)]


def _price_problems(name: str, price: Decimal | None) -> list[str]:
    if price is None or LEAST_PRICE <= price <= MOST_PRICE:
        return []
    return [f"{name}={price} must be from {LEAST_PRICE} to {MOST_PRICE}"]


def _number(name: str, value: Decimal | None) -> msgspec.Raw:
    """Return a number with the digits that it has, written plainly."""
    # By its digits first: to write out 1E+999999 would take long.
    if (
        value is None
        or not -MOST_DIGITS <= value.adjusted() <= MOST_DIGITS
        or len(value.as_tuple().digits) > 2 * MOST_DIGITS
    ):
        raise _refusal(f"{name}={value} must be a number of at most {MOST_DIGITS} places")
    return msgspec.Raw(format(value, "f").encode())


def _refusal(problem: str) -> UsageError:
    return UsageError(problem, hint="Nothing was sent.")
