"""T-Invest's words and numbers, as FIX's words and Decimals."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Struct

from processors.core.errors import MappingError
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = [
    "NAMELESS",
    "ORDER_TYPES",
    "SIDES",
    "STATUSES",
    "TIMES_IN_FORCE",
    "Money",
    "decimal",
    "is_internal",
    "money",
    "status",
]

NAMELESS: Final = "an order without an id, and without a request's"


class Money(Struct, gc=False):
    """`MoneyValue` and `Quotation` alike: `units`, and `nano` billionths of the same sign."""

    units: int = 0
    nano: int = 0


# T-Invest, orders.proto, OrderExecutionReportStatus. UNSPECIFIED is missing on purpose: it says nothing.
STATUSES: Final = {
    "EXECUTION_REPORT_STATUS_NEW": OrdStatus.NEW,
    "EXECUTION_REPORT_STATUS_PARTIALLYFILL": OrdStatus.PARTIALLY_FILLED,
    "EXECUTION_REPORT_STATUS_FILL": OrdStatus.FILLED,
    "EXECUTION_REPORT_STATUS_CANCELLED": OrdStatus.CANCELED,
    "EXECUTION_REPORT_STATUS_REJECTED": OrdStatus.REJECTED,
}
SIDES: Final = {"ORDER_DIRECTION_BUY": Side.BUY, "ORDER_DIRECTION_SELL": Side.SELL}
ORDER_TYPES: Final = {
    "ORDER_TYPE_LIMIT": OrdType.LIMIT,
    "ORDER_TYPE_MARKET": OrdType.MARKET,
    "ORDER_TYPE_BESTPRICE": OrdType.BEST_PRICE,
}
TIMES_IN_FORCE: Final = {
    "TIME_IN_FORCE_DAY": TimeInForce.DAY,
    "TIME_IN_FORCE_FILL_AND_KILL": TimeInForce.IMMEDIATE_OR_CANCEL,
    "TIME_IN_FORCE_FILL_OR_KILL": TimeInForce.FILL_OR_KILL,
}


def is_internal(order_id: str, request_id: str) -> bool:
    """Tell whether an order's id is the broker's own, from before the exchange has numbered it."""
    return "-" in order_id or order_id == request_id


def status(text: str) -> OrdStatus:
    """Return the status that an ExecutionReportStatus says.

    Raises:
        MappingError: it is not known.
    """
    found = STATUSES.get(text)
    if found is None:
        raise MappingError("executionReportStatus", text, "no status that is known")
    return found


# Quantities repeat, and so do prices.
decimal = lru_cache(maxsize=65536)(Decimal)


@lru_cache(maxsize=65536)
def money(units: int, nano: int) -> Decimal:
    """Return the amount that units and billionths say.

    Raises:
        MappingError: their signs differ, or the billionths are more than one.
    """
    if not nano:
        return Decimal(units)
    if abs(nano) > 999_999_999 or ((units > 0) == (nano < 0) and units != 0):
        raise MappingError("nano", nano, f"no fraction that goes with {units} units")
    sign = "-" if nano < 0 else ""
    return Decimal(f"{sign}{abs(units)}.{abs(nano):09d}".rstrip("0"))
