"""What each call says to Ripio: our requests as its JSON, to the byte that is signed. Pure.

Source: Ripio Trade API v4, Orders. Numbers go as text, which the documents allow: of a number that the venue
writes differently when it checks the signature, such as 0.00000001 as 1e-8, the signature would be wrong
("Generating Signature"). Each function raises a `UsageError` that names the field where the venue has no form
for a value.
"""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from dropcopy.errors import UsageError
from producers.gateways.checks import refuse, refuse_unused
from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder
from producers.gateways.ripio import words
from producers.gateways.ripio.words import venue_word
from schemas.fix import OrdType, TimeInForce

__all__ = [
    "PAGE_SIZE",
    "amend_order_body",
    "cancel_order_call",
    "new_order_body",
    "order_path",
    "query",
]

# At most 1000 ("Orders", page_size).
PAGE_SIZE: Final = 500
SECOND_NS: Final = 1_000_000_000
# "step_amount": the ratio of amount to it must be at most 10.
_STEPS_MOST: Final = 10
# More digits than any currency has; the venue's numbers are floats.
_DIGITS_MOST: Final = 40

_TIMES: Final = {TimeInForce.IMMEDIATE_OR_CANCEL: "immediate_or_cancel", TimeInForce.FILL_OR_KILL: "fill_or_kill"}
# A type's own times in force; of all others an order stands until it is canceled, and says nothing about it.
_TIMES_OF_TYPE: Final = {
    OrdType.LIMIT: (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL, TimeInForce.GOOD_TILL_DATE),
    OrdType.MARKET: (TimeInForce.FILL_OR_KILL,),
    OrdType.CEILING: (TimeInForce.FILL_OR_KILL,),
}
_USED: Final = frozenset(
    {
        "quantity",
        "cash_order_qty",
        "price",
        "stop_price",
        "peg_offset_value",
        "display_qty",
        "time_in_force",
        "expire_ns",
        "post_only",
    }
)
_ORIG: Final = frozenset({"orig_order_request_id", "orig_venue_order_id"})


def new_order_body(order: NewOrder) -> bytes:
    """Return the body of POST /orders; our request id goes as `external_id`.

    A ceiling order is for an amount of money by its schema and for one of the currency by the examples, so
    either is taken.
    """
    refuse_unused("ripio", order, _USED)
    refuse([*_time_problems(order), *_step_problems(order)])
    time_in_force = order.time_in_force
    flag = _TIMES.get(time_in_force) if time_in_force is not None else None
    return _encode(
        {
            "pair": order.instrument,
            "side": venue_word("side", words.SIDES, order.side),
            "type": venue_word("ord_type", words.ORDER_TYPES, order.ord_type),
            "external_id": order.order_request_id,
            "amount": _plain("quantity", order.quantity),
            "value": _plain("cash_order_qty", order.cash_order_qty),
            "price": _plain("price", order.price),
            "stop_price": _plain("stop_price", order.stop_price),
            "distance": _plain("peg_offset_value", order.peg_offset_value),
            "step_amount": _plain("display_qty", order.display_qty),
            "post_only": order.post_only or None,
            "expiration": None if order.expire_ns is None else order.expire_ns // SECOND_NS,
        }
        | ({flag: True} if flag else {})
    )


def _time_problems(order: NewOrder) -> list[str]:
    known = (TimeInForce.GOOD_TILL_CANCEL, *_TIMES_OF_TYPE.get(order.ord_type, ()))
    problems: list[str] = []
    if order.time_in_force is not None and order.time_in_force not in known:
        problems.append(f"time_in_force={order.time_in_force}: Ripio knows {', '.join(known)} of a {order.ord_type}")
    if order.post_only and order.ord_type is not OrdType.LIMIT:
        problems.append("post_only=True: Ripio knows it of a LIMIT order")
    if order.expire_ns is not None and order.expire_ns % SECOND_NS:
        problems.append(f"expire_ns={order.expire_ns} must be whole seconds: Ripio knows no other times")
    return problems


def _step_problems(order: NewOrder) -> list[str]:
    if order.display_qty is None or order.quantity is None or order.quantity <= order.display_qty * _STEPS_MOST:
        return []
    return [f"display_qty={order.display_qty}: Ripio shows an ICEBERG in at most {_STEPS_MOST} steps"]


def amend_order_body(amend: AmendOrder, venue_order_id: str) -> bytes:
    """Return the body of PUT /orders, which knows an order by the venue's id alone."""
    refuse_unused("ripio", amend, _ORIG | {"quantity", "price"})
    return _encode(
        {
            "order_id": venue_order_id,
            "unit_price": _plain("price", amend.price),
            "amount": _plain("quantity", amend.quantity),
        }
    )


def cancel_order_call(cancel: CancelOrder) -> tuple[str, bytes]:
    """Return the path and body of the DELETE that cancels an order: by the venue's id, else by ours."""
    refuse_unused("ripio", cancel, _ORIG)
    if cancel.orig_venue_order_id is not None:
        return "orders", _encode({"id": cancel.orig_venue_order_id})
    return "orders/by-external-id", _encode({"external_id": cancel.orig_order_request_id})


def order_path(venue_order_id: str | None, order_request_id: str | None) -> str:
    """Return the path of one order: by the venue's id, else by ours."""
    if venue_order_id is not None:
        return f"orders/{quote(venue_order_id, safe='')}"
    return f"orders/by-external-id/{quote(order_request_id or '', safe='')}"


def query(path: str, **asked: str | None) -> str:
    """Return the path of a list with what is asked of it."""
    said = {"page_size": str(PAGE_SIZE)} | {name: value for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(said, safe=',')}"


def _encode(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


def _plain(field: str, number: Decimal | None) -> str | None:
    """Return a number as the venue wants it, without needless decimals."""
    if number is None:
        return None
    # By its digits first: to write out 1E+999999 would take long.
    if len(number.as_tuple().digits) > _DIGITS_MOST or abs(number.adjusted()) > _DIGITS_MOST:
        raise UsageError(f"{field}={number} has too many digits for Ripio", hint="Nothing was sent.")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
