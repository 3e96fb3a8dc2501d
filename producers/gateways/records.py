"""Requests and their outcomes as records of `orders.submitted`. Pure."""

from decimal import Decimal
from enum import Enum
from typing import Any

from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder, ReplaceOrder
from producers.gateways.outcomes import Outcome
from producers.gateways.stop_orders import NewStopOrder
from schemas.fix import Phase

__all__ = ["OrderRequest", "intent_record", "outcome_record"]

OrderRequest = NewOrder | ReplaceOrder | AmendOrder | CancelOrder | NewStopOrder

# By the names of the schema, which are those of the requests too; null where a request has no such thing.
ASKED = (
    "instrument",
    "side",
    "ord_type",
    "time_in_force",
    "quantity",
    "price",
    "stop_price",
    "expire_ns",
    "orig_order_request_id",
    "orig_venue_order_id",
    "cash_order_qty",
    "take_profit_price",
    "display_qty",
    "peg_offset_value",
)
TOLD = ("venue_order_id", "venue_status", "code", "text", "tracking_id")


def intent_record(venue: str, request: OrderRequest, venue_request: str, now_ns: int) -> dict[str, Any]:
    """Return the record that says that a request is about to be made, by the call `venue_request`."""
    return (
        {
            "order_request_id": request.order_request_id,
            "venue": venue,
            "account": request.account,
            "action": request.action.value,
            "phase": Phase.INTENT.value,
            "submitted_ns": now_ns,
            "phase_ns": now_ns,
        }
        | {name: _plain(getattr(request, name, None)) for name in ASKED}
        | dict.fromkeys(TOLD)
        | {"venue_request": venue_request}
    )


def outcome_record(intent: dict[str, Any], outcome: Outcome, now_ns: int) -> dict[str, Any]:
    """Return the record that says what came of an intent."""
    return (
        intent
        | {"phase": outcome.phase.value, "phase_ns": now_ns, "venue_request": None}
        | {name: _whole_characters(getattr(outcome, name, None)) for name in TOLD}
    )


def _whole_characters(text: str | None) -> str | None:
    # A venue's JSON can name half a character, which is no UTF-8: the outcome is written all the same.
    return None if text is None else text.encode(errors="replace").decode()


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.value if isinstance(value, Enum) else value
