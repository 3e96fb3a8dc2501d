"""What came of asking a venue for something: the same for every venue. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from schemas.fix import Phase

__all__ = ["NOT_SENT", "Accepted", "Outcome", "Rejected", "Unknown"]

# The code of a request that never left this machine.
NOT_SENT = "NOT_SENT"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The venue took the request. An accepted order may still be rejected by the exchange.

    `venue_order_id` is of the order that the request makes, and None where it makes none, or where the
    venue answers before there is one (T-Invest's PostOrderAsync, whose `trade_intent_id` is the broker's
    own number). `transact_ns` is the venue's time of it, where it tells one.
    """

    phase: ClassVar[Phase] = Phase.ACCEPTED

    order_request_id: str
    venue_order_id: str | None = None
    trade_intent_id: str | None = None
    venue_status: str | None = None
    transact_ns: int | None = None
    tracking_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """Nothing came of the request: the venue refused it, or (`code` NOT_SENT) it never reached the venue.

    `retry_is_safe` says that the same request, under the same id, may be made again and may then succeed;
    `advice` what to do.
    """

    phase: ClassVar[Phase] = Phase.REJECTED

    order_request_id: str
    code: str
    text: str
    venue_order_id: str | None = None
    venue_status: str | None = None
    tracking_id: str | None = None
    retry_is_safe: bool = False
    advice: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Nobody here knows what came of the request. The feed will tell; it must not be made anew under another id.

    `retry_is_safe` and `advice` are as of `Rejected`.
    """

    phase: ClassVar[Phase] = Phase.UNKNOWN

    order_request_id: str
    code: str
    text: str
    tracking_id: str | None = None
    retry_is_safe: bool = False
    advice: str | None = None


Outcome = Accepted | Rejected | Unknown
