"""What each call says to T-Invest: our requests as the contract's JSON. Pure.

Source: orders.proto and stoporders.proto (1.49); the REST reference for the JSON. Each function raises a
`UsageError` that names the field where the venue has no form for a value.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dropcopy.errors import UsageError
from producers.gateways.checks import INT64_MOST, refuse_unused
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder, PriceType, ReplaceOrder
from producers.gateways.stop_orders import NewStopOrder, StopStatus, Trailing
from producers.gateways.times import to_timestamp
from producers.gateways.tinvest import words
from producers.gateways.tinvest.quotation import to_quotation
from producers.gateways.tinvest.words import venue_word
from schemas.fix import OrdStatus, OrdType, Side

__all__ = [
    "cancel_order_body",
    "cancel_stop_order_body",
    "max_lots_body",
    "order_price_body",
    "order_state_body",
    "orders_body",
    "post_order_body",
    "post_stop_order_body",
    "replace_order_body",
    "stop_orders_body",
]

Json = dict[str, Any]

# What there is a place for in the contract, beside what every request has.
_USED = {"quantity", "price", "time_in_force", "price_type", "confirm_margin_trade"}
_STOP_USED = _USED | {"stop_price", "trailing", "expire_ns", "instant_execution"}


def post_order_body(order: NewOrder) -> bytes:
    """Return PostOrder's request, which is PostOrderAsync's too."""
    refuse_unused("tinvest", order, _USED)
    return _encode(
        {
            "instrumentId": order.instrument,
            "quantity": _lots(order.quantity),
            "direction": venue_word("side", words.DIRECTIONS, order.side),
            "accountId": order.account,
            "orderType": venue_word("ord_type", words.ORDER_TYPES, order.ord_type),
            "orderId": order.order_request_id,
            "price": _price("price", order.price),
            "timeInForce": order.time_in_force
            and venue_word("time_in_force", words.TIMES_IN_FORCE, order.time_in_force),
            "priceType": _price_type(order.price_type),
            "confirmMarginTrade": order.confirm_margin_trade or None,
        }
    )


def replace_order_body(replace: ReplaceOrder) -> bytes:
    """Return ReplaceOrder's request."""
    return _encode(
        {
            "accountId": replace.account,
            "idempotencyKey": replace.order_request_id,
            "quantity": _lots(replace.quantity),
            "price": _price("price", replace.price),
            "priceType": _price_type(replace.price_type),
            "confirmMarginTrade": replace.confirm_margin_trade or None,
        }
        | _order_id(replace.orig_venue_order_id, replace.orig_order_request_id)
    )


def cancel_order_body(cancel: CancelOrder) -> bytes:
    """Return CancelOrder's request."""
    return _encode({"accountId": cancel.account} | _order_id(cancel.orig_venue_order_id, cancel.orig_order_request_id))


def order_state_body(
    account: str, venue_order_id: str | None, order_request_id: str | None, price_type: PriceType | None
) -> bytes:
    """Return GetOrderState's request."""
    asked = {"accountId": account, "priceType": _price_type(price_type)}
    return _encode(asked | _order_id(venue_order_id, order_request_id))


def orders_body(account: str, statuses: Iterable[OrdStatus], from_ns: int | None, to_ns: int | None) -> bytes:
    """Return GetOrders' request; with no filter at all the venue tells the active orders."""
    filters = {
        "from": _time("from", from_ns),
        "to": _time("to", to_ns),
        "executionStatus": [venue_word("status", words.STATUSES, status) for status in statuses] or None,
    }
    return _encode({"accountId": account, "advancedFilters": _without_none(filters) or None})


def post_stop_order_body(order: NewStopOrder) -> bytes:
    """Return PostStopOrder's request.

    A take-profit says what it becomes; of the other types the venue knows it.
    """
    refuse_unused("tinvest", order, _STOP_USED)
    is_take_profit = order.ord_type in words.TAKE_PROFIT_TYPES
    is_limit = order.price is not None or (order.trailing is not None and order.trailing.spread is not None)
    becomes = OrdType.LIMIT if is_limit else OrdType.MARKET
    return _encode(
        {
            "instrumentId": order.instrument,
            "quantity": _lots(order.quantity),
            "price": _price("price", order.price),
            "stopPrice": _price("stop_price", order.stop_price),
            "direction": venue_word("side", words.STOP_DIRECTIONS, order.side),
            "accountId": order.account,
            "expirationType": venue_word("time_in_force", words.EXPIRATIONS, order.time_in_force),
            "stopOrderType": venue_word("ord_type", words.STOP_TYPES, order.ord_type),
            "expireDate": _time("expire_ns", order.expire_ns),
            "exchangeOrderType": words.EXCHANGE_ORDER_TYPES[becomes] if is_take_profit else None,
            "takeProfitType": words.TAKE_PROFIT_TYPES.get(order.ord_type),
            "trailingData": order.trailing and _trailing(order.trailing),
            "priceType": _price_type(order.price_type),
            "orderId": order.order_request_id,
            "confirmMarginTrade": order.confirm_margin_trade or None,
            "instantExecution": order.instant_execution or None,
        }
    )


def stop_orders_body(account: str, status: StopStatus | None, from_ns: int | None, to_ns: int | None) -> bytes:
    """Return GetStopOrders' request."""
    return _encode(
        {
            "accountId": account,
            "status": status and venue_word("status", words.STOP_STATUSES, status),
            "from": _time("from", from_ns),
            "to": _time("to", to_ns),
        }
    )


def cancel_stop_order_body(cancel: CancelStopOrder) -> bytes:
    """Return CancelStopOrder's request, which knows a stop order by the venue's id alone."""
    if cancel.orig_venue_order_id is None:
        raise UsageError(
            "orig_venue_order_id is missing: T-Invest cancels a stop order by its stop_order_id alone",
            hint="Nothing was sent. `dropcopy stop-order list` tells the ids.",
        )
    return _encode({"accountId": cancel.account, "stopOrderId": cancel.orig_venue_order_id})


def max_lots_body(account: str, instrument: str, price: Decimal | None) -> bytes:
    """Return GetMaxLots' request."""
    return _encode({"accountId": account, "instrumentId": instrument, "price": _price("price", price)})


def order_price_body(account: str, instrument: str, side: Side, quantity: Decimal, price: Decimal) -> bytes:
    """Return GetOrderPrice's request."""
    return _encode(
        {
            "accountId": account,
            "instrumentId": instrument,
            "price": _price("price", price),
            "direction": venue_word("side", words.DIRECTIONS, side),
            "quantity": _lots(quantity),
        }
    )


def _without_none(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}


def _encode(body: Json) -> bytes:
    return json.dumps(_without_none(body), separators=(",", ":")).encode()


def _order_id(venue_id: str | None, request_id: str | None) -> Json:
    # "OrderIdType": an id is the exchange's unless it is said to be the request's.
    if venue_id is not None:
        return {"orderId": venue_id, "orderIdType": words.BY_EXCHANGE_ID}
    return {"orderId": request_id, "orderIdType": words.BY_REQUEST_ID}


def _lots(quantity: Decimal | None) -> str:
    if quantity is None:
        raise UsageError("quantity is missing: tinvest has no orders for an amount of money", hint="Nothing was sent.")
    # By its digits first: to write out 1E+999999 would take long.
    if quantity.adjusted() > 18 or quantity != quantity.to_integral_value() or quantity > INT64_MOST:
        raise UsageError(f"quantity={quantity} must be a whole number of lots, of 64 bits", hint="Nothing was sent.")
    return str(int(quantity))


def _price(field: str, number: Decimal | None) -> dict[str, str | int] | None:
    if number is None:
        return None
    try:
        return to_quotation(number)
    except ValueError as error:
        raise UsageError(f"{field}={number}: {error}", hint="Nothing was sent.") from None


def _price_type(price_type: PriceType | None) -> str | None:
    return None if price_type is None else venue_word("price_type", words.PRICE_TYPES, price_type)


def _time(field: str, time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    try:
        return to_timestamp(time_ns)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{field}={time_ns} is no time of years 1 to 9999", hint="Nothing was sent.") from None


def _trailing(trailing: Trailing) -> Json:
    spread = trailing.spread
    return _without_none(
        {
            "indent": _price("indent", trailing.indent),
            "indentType": venue_word("indent_unit", words.TRAILING_UNITS, trailing.indent_unit),
            "spread": _price("spread", spread),
            "spreadType": None
            if spread is None
            else venue_word("spread_unit", words.TRAILING_UNITS, trailing.spread_unit),
        }
    )
