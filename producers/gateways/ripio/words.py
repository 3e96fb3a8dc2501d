"""Ripio's words beside ours, both ways. Pure.

Source: Ripio Trade API v4, Orders. `waiting` and `pending_creation` are of older documents and still to be met;
no other word can be asked for than the four of `status`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from dropcopy.errors import UsageError
from schemas.fix import LastLiquidityInd, OrdStatus, OrdType, Side

__all__ = ["LIQUIDITIES", "ORDER_TYPES", "ORD_STATUSES", "ORD_TYPES", "SIDES", "STATUSES", "TO_SIDES", "venue_word"]

Word = TypeVar("Word", bound=StrEnum)

SIDES = {Side.BUY: "buy", Side.SELL: "sell"}
ORDER_TYPES = {
    OrdType.LIMIT: "limit",
    OrdType.MARKET: "market",
    OrdType.STOP_LIMIT: "stop_limit",
    OrdType.TRAILING_STOP: "trailing",
    OrdType.CEILING: "ceiling",
    OrdType.ICEBERG: "iceberg",
}
STATUSES = {
    OrdStatus.NEW: "open",
    OrdStatus.PARTIALLY_FILLED: "executed_partially",
    OrdStatus.FILLED: "executed_completely",
    OrdStatus.CANCELED: "canceled",
}

TO_SIDES = {word: side for side, word in SIDES.items()}
ORD_TYPES = {word: ord_type for ord_type, word in ORDER_TYPES.items()}
ORD_STATUSES = {word: ord_status for ord_status, word in STATUSES.items()} | {
    "waiting": OrdStatus.NEW,
    "pending_creation": OrdStatus.PENDING_NEW,
}
LIQUIDITIES = {"maker": LastLiquidityInd.ADDED_LIQUIDITY, "taker": LastLiquidityInd.REMOVED_LIQUIDITY}


def venue_word(field: str, words: Mapping[Word, str], word: Word) -> str:
    """Return the venue's word for ours.

    Raises:
        UsageError: there is none.
    """
    if word not in words:
        raise UsageError(f"{field}={word}: Ripio knows {', '.join(words)}", hint="Nothing was sent.")
    return words[word]
