"""Outpoll's words and numbers, as FIX's words and Decimals."""

from decimal import Decimal
from typing import Final

from processors.core.errors import MappingError
from processors.core.reading import MOST_DIGITS
from schemas.fix import OrdStatus, OrdType, Side

__all__ = ["NAMELESS", "ORDER_TYPES", "SIDES", "finite", "status_of", "time_ns"]

NAMELESS: Final = "an order without an id"
_NS_PER_MS: Final = 1_000_000
_LATEST_MS: Final = 2**63 // _NS_PER_MS

# Outpoll, History and Get Active Orders show FILLED and ACTIVE, Get TP/SL Orders ACTIVE; of what else there
# is, only words that can mean one thing are read.
_STATUSES: Final = {
    "ACTIVE": OrdStatus.NEW,
    "PARTIALLY_FILLED": OrdStatus.PARTIALLY_FILLED,
    "FILLED": OrdStatus.FILLED,
    "CANCELED": OrdStatus.CANCELED,
    "CANCELLED": OrdStatus.CANCELED,
    "EXPIRED": OrdStatus.EXPIRED,
    "REJECTED": OrdStatus.REJECTED,
    "TRIGGERED": OrdStatus.TRIGGERED,
}
SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
ORDER_TYPES: Final = {"LIMIT": OrdType.LIMIT, "MARKET": OrdType.MARKET}


def status_of(text: str) -> OrdStatus:
    """Return the status that an order's or a take-profit / stop-loss order's word says.

    Raises:
        MappingError: it is not known.
    """
    found = _STATUSES.get(text)
    if found is None:
        raise MappingError("status", text, "no status that is known")
    return found


def finite(field: str, value: Decimal | None) -> Decimal | None:
    """Return a number, or None where there is none or 0, which is no price and no quantity.

    Raises:
        MappingError: it is no number that can be computed with, negative, or of a size that nothing has.
    """
    if value is None:
        return None
    if not value.is_finite() or value < 0 or (value and abs(value.adjusted()) > MOST_DIGITS):
        raise MappingError(field, str(value), "no quantity and no price")
    return value or None


def time_ns(milliseconds: int | None) -> int | None:
    """Return a time, None where there is none.

    Raises:
        MappingError: it is no time that 64 bits of nanoseconds hold.
    """
    if not milliseconds:
        return None
    if not 0 < milliseconds < _LATEST_MS:
        raise MappingError("m", milliseconds, "no time in milliseconds")
    return milliseconds * _NS_PER_MS
