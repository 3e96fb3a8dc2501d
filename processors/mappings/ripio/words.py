"""Ripio's words, numbers and times, as FIX's words, Decimals and nanoseconds."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from processors.core.errors import MappingError
from processors.core.model import ZERO
from processors.core.reading import MOST_DIGITS
from processors.core.times import rfc3339_ns
from schemas.fix import LastLiquidityInd, OrdStatus, OrdType, Side

__all__ = [
    "LIQUIDITIES",
    "ORDER_TYPES",
    "SIDES",
    "UNPRICED",
    "number",
    "or_none",
    "quote_currency",
    "request_id",
    "status",
    "time_ns",
]

# Ripio Trade API v4, order_status. `waiting` (in the book) and `pending_creation` (not in it yet) are of
# older documents, and `waiting` was met on v4's stream. The documents name no word for an order that was
# rejected or has expired: those that are FIX's own in plain words are read as such.
_STATUSES: Final = {
    "pending_creation": OrdStatus.PENDING_NEW,
    "open": OrdStatus.NEW,
    "waiting": OrdStatus.NEW,
    "executed_partially": OrdStatus.PARTIALLY_FILLED,
    "executed_completely": OrdStatus.FILLED,
    "canceled": OrdStatus.CANCELED,
    "cancelled": OrdStatus.CANCELED,
    "rejected": OrdStatus.REJECTED,
    "expired": OrdStatus.EXPIRED,
    "partially_filled": OrdStatus.PARTIALLY_FILLED,
    "filled": OrdStatus.FILLED,
}
SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
ORDER_TYPES: Final = {
    "limit": OrdType.LIMIT,
    "market": OrdType.MARKET,
    "stop_limit": OrdType.STOP_LIMIT,
    "trailing": OrdType.TRAILING_STOP,
    "ceiling": OrdType.CEILING,
    "iceberg": OrdType.ICEBERG,
}
# What is told as the price of these is none that was asked for.
UNPRICED: Final = (OrdType.MARKET, OrdType.CEILING)
LIQUIDITIES: Final = {"maker": LastLiquidityInd.ADDED_LIQUIDITY, "taker": LastLiquidityInd.REMOVED_LIQUIDITY}


def status(word: str, executed: Decimal) -> OrdStatus:
    """Return the status that a word says of an order of which so much is executed.

    Raises:
        MappingError: it is not known.
    """
    found = _STATUSES.get(word) or _STATUSES.get(word.lower())
    if found is None:
        raise MappingError("status", word, "no status that is known")
    return OrdStatus.PARTIALLY_FILLED if found is OrdStatus.NEW and executed else found


def number(field: str, value: Decimal | None) -> Decimal:
    """Return a number, 0 where there is none.

    Raises:
        MappingError: it is not finite, or of a size that nothing has.
    """
    if value is None:
        return ZERO
    if not value.is_finite() or (value and abs(value.adjusted()) > MOST_DIGITS):
        raise MappingError(field, str(value), "no number that an amount or a price can be")
    return value or ZERO


def or_none(field: str, value: Decimal | None) -> Decimal | None:
    """Return a number, None where there is none or 0, which the venue writes for what an order has not."""
    return number(field, value) or None


def request_id(external_id: str | None) -> str | None:
    """Return the request id that an order's external id is, None where it has none.

    The venue's examples have the same UUID in upper and in lower case; a request id is in lower case.
    """
    if not external_id:
        return None
    is_uuid = len(external_id) == 36 and external_id.count("-") == 4
    return external_id.lower() if is_uuid else external_id


def quote_currency(pair: str | None) -> str | None:
    """Return the second currency of a pair such as `BTC_BRL`: that of its prices."""
    return (pair or "").partition("_")[2] or None


@lru_cache(maxsize=4096)
def time_ns(text: str | None) -> int | None:
    """Return a time, None where there is none.

    Most are as `2023-01-24T17:28:32.247Z`; some examples have a space and no zone, which is taken for UTC.

    Raises:
        MappingError: it is no time.
    """
    if not text:
        return None
    text = text.replace(" ", "T", 1).removesuffix("Z").removesuffix("+00:00")
    return rfc3339_ns(f"{text}Z")
