"""What a strategy asks for, what came of asking, and how both are journaled: the same for every venue. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from dropcopy.errors import UsageError
from schemas.fix import Action, OrdType, Phase, Side, TimeInForce

__all__ = ["NOT_SENT", "Accepted", "NewOrder", "Outcome", "Rejected", "Unknown", "intent_record", "outcome_record"]

# The code of an order that never left this machine.
NOT_SENT = "NOT_SENT"

# What an order that goes to the exchange at once can be; the other types wait at the venue for a stop price.
PLAIN_TYPES = (OrdType.MARKET, OrdType.LIMIT, OrdType.BEST_PRICE)


def _new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, kw_only=True)
class NewOrder:
    """An order to be sent. What can't be right is refused here, before anything is sent.

    `quantity` is in the venue's own unit of order (T-Invest: lots), `price` is of one unit of the
    instrument. `order_request_id` identifies the order for ever: a UUID, generated when not given;
    whoever tries the same order again must give the same.

    Raises:
        UsageError: names every field that is wrong.
    """

    account: str
    instrument: str
    side: Side
    ord_type: OrdType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    order_request_id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        problems = [
            *_text_problems("account", self.account),
            *_text_problems("instrument", self.instrument),
            *_word_problems("side", self.side, Side),
            *_word_problems("ord_type", self.ord_type, PLAIN_TYPES),
            *([] if self.time_in_force is None else _word_problems("time_in_force", self.time_in_force, TimeInForce)),
            *_number_problems("quantity", self.quantity),
            *self._price_problems(),
            *_id_problems(self.order_request_id),
        ]
        if problems:
            raise UsageError("\n".join(problems), hint="Nothing was sent.")

    def _price_problems(self) -> list[str]:
        if self.ord_type is OrdType.LIMIT:
            return (
                ["price is missing: a LIMIT order needs one"]
                if self.price is None
                else _number_problems("price", self.price, positive=False)
            )
        return [] if self.price is None else [f"price={self.price}: a {self.ord_type} order has none"]


def _text_problems(name: str, value: object) -> list[str]:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        return [f"{name}={value!r} must be ASCII text without spaces"]
    return []


def _word_problems(name: str, value: object, words: Iterable[StrEnum]) -> list[str]:
    known = list(words)
    # By identity: a word is a string too, and equal to one.
    return [] if any(value is word for word in known) else [f"{name}={value!r} must be one of {', '.join(known)}"]


def _number_problems(name: str, value: object, *, positive: bool = True) -> list[str]:
    if not isinstance(value, Decimal):
        return [f"{name}={value!r} must be a Decimal, which is exact"]
    if not value.is_finite():
        return [f"{name}={value} must be a finite number"]
    # A future's price may be negative; a quantity of nothing is no order.
    return [f"{name}={value} must be more than 0"] if positive and value <= 0 else []


def _id_problems(value: object) -> list[str]:
    try:
        if isinstance(value, str) and str(UUID(value)) == value:
            return []
    except ValueError:
        pass
    return [f"order_request_id={value!r} must be a UUID of 36 characters in lower case"]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The venue took the order. An accepted order may still be rejected by the exchange.

    `venue_order_id` is None where the venue answers before there is one (T-Invest's PostOrderAsync,
    whose `trade_intent_id` is the broker's own number).
    """

    phase: ClassVar[Phase] = Phase.ACCEPTED

    order_request_id: str
    venue_order_id: str | None = None
    trade_intent_id: str | None = None
    venue_status: str | None = None
    tracking_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """There is no order: the venue refused it, or (`code` NOT_SENT) it never reached the venue."""

    phase: ClassVar[Phase] = Phase.REJECTED

    order_request_id: str
    code: str
    text: str
    venue_order_id: str | None = None
    venue_status: str | None = None
    tracking_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Nobody here knows whether there is an order. The feed will tell; it must not be sent anew."""

    phase: ClassVar[Phase] = Phase.UNKNOWN

    order_request_id: str
    code: str
    text: str
    tracking_id: str | None = None


Outcome = Accepted | Rejected | Unknown


def intent_record(venue: str, order: NewOrder, now_ns: int) -> dict[str, Any]:
    """Return the record of `orders.submitted` that says that an order is about to be sent."""
    return {
        "order_request_id": order.order_request_id,
        "venue": venue,
        "account": order.account,
        "action": Action.NEW.value,
        "phase": Phase.INTENT.value,
        "instrument": order.instrument,
        "side": order.side.value,
        "ord_type": order.ord_type.value,
        "time_in_force": None if order.time_in_force is None else order.time_in_force.value,
        "quantity": format(order.quantity, "f"),
        "price": None if order.price is None else format(order.price, "f"),
        "submitted_ns": now_ns,
        "phase_ns": now_ns,
        "venue_order_id": None,
        "venue_status": None,
        "code": None,
        "text": None,
        "tracking_id": None,
        "stop_price": None,
        "expire_ns": None,
        "orig_order_request_id": None,
        "orig_venue_order_id": None,
    }


def outcome_record(intent: dict[str, Any], outcome: Outcome, now_ns: int) -> dict[str, Any]:
    """Return the record of `orders.submitted` that says what came of an intent."""
    told = ("venue_order_id", "venue_status", "code", "text", "tracking_id")
    return (
        intent
        | {"phase": outcome.phase.value, "phase_ns": now_ns}
        | {name: getattr(outcome, name, None) for name in told}
    )
