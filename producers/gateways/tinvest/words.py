"""T-Invest's enums beside our words, both ways. Pure.

Source: the contract, orders.proto and stoporders.proto (1.49), common.proto and users.proto. JSON carries an
enum by its name; the numbers, in the order of the contract, are for a venue that sends them instead.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from dropcopy.errors import UsageError
from producers.gateways.orders import PriceType
from producers.gateways.stop_orders import StopStatus, TrailingUnit
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

__all__ = [
    "BY_EXCHANGE_ID",
    "BY_REQUEST_ID",
    "DIRECTIONS",
    "EXCHANGE_ORDER_TYPES",
    "EXPIRATIONS",
    "ORDER_TYPES",
    "PRICE_TYPES",
    "REJECTED",
    "STATUSES",
    "STOP_DIRECTIONS",
    "STOP_STATUSES",
    "STOP_TYPES",
    "TAKE_PROFIT_TYPES",
    "TIMES_IN_FORCE",
    "TRAILING_UNITS",
    "fix_word",
    "name_of",
    "venue_word",
]


Word = TypeVar("Word", bound=StrEnum)

DIRECTIONS = {Side.BUY: "ORDER_DIRECTION_BUY", Side.SELL: "ORDER_DIRECTION_SELL"}
STOP_DIRECTIONS = {Side.BUY: "STOP_ORDER_DIRECTION_BUY", Side.SELL: "STOP_ORDER_DIRECTION_SELL"}
ORDER_TYPES = {
    OrdType.LIMIT: "ORDER_TYPE_LIMIT",
    OrdType.MARKET: "ORDER_TYPE_MARKET",
    OrdType.BEST_PRICE: "ORDER_TYPE_BESTPRICE",
}
STOP_TYPES = {
    OrdType.TAKE_PROFIT: "STOP_ORDER_TYPE_TAKE_PROFIT",
    OrdType.STOP: "STOP_ORDER_TYPE_STOP_LOSS",
    OrdType.STOP_LIMIT: "STOP_ORDER_TYPE_STOP_LIMIT",
    # A take-profit too, told apart by TakeProfitType.
    OrdType.TRAILING_TAKE_PROFIT: "STOP_ORDER_TYPE_TAKE_PROFIT",
}
TAKE_PROFIT_TYPES = {
    OrdType.TAKE_PROFIT: "TAKE_PROFIT_TYPE_REGULAR",
    OrdType.TRAILING_TAKE_PROFIT: "TAKE_PROFIT_TYPE_TRAILING",
}
TIMES_IN_FORCE = {
    TimeInForce.DAY: "TIME_IN_FORCE_DAY",
    TimeInForce.IMMEDIATE_OR_CANCEL: "TIME_IN_FORCE_FILL_AND_KILL",
    TimeInForce.FILL_OR_KILL: "TIME_IN_FORCE_FILL_OR_KILL",
}
EXPIRATIONS = {
    TimeInForce.GOOD_TILL_CANCEL: "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_CANCEL",
    TimeInForce.GOOD_TILL_DATE: "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE",
}
# What a stop order becomes.
EXCHANGE_ORDER_TYPES = {OrdType.MARKET: "EXCHANGE_ORDER_TYPE_MARKET", OrdType.LIMIT: "EXCHANGE_ORDER_TYPE_LIMIT"}
PRICE_TYPES = {PriceType.POINT: "PRICE_TYPE_POINT", PriceType.CURRENCY: "PRICE_TYPE_CURRENCY"}
TRAILING_UNITS = {
    TrailingUnit.ABSOLUTE: "TRAILING_VALUE_ABSOLUTE",
    TrailingUnit.RELATIVE: "TRAILING_VALUE_RELATIVE",
}
STATUSES = {
    OrdStatus.FILLED: "EXECUTION_REPORT_STATUS_FILL",
    OrdStatus.REJECTED: "EXECUTION_REPORT_STATUS_REJECTED",
    OrdStatus.CANCELED: "EXECUTION_REPORT_STATUS_CANCELLED",
    OrdStatus.NEW: "EXECUTION_REPORT_STATUS_NEW",
    OrdStatus.PARTIALLY_FILLED: "EXECUTION_REPORT_STATUS_PARTIALLYFILL",
}
STOP_STATUSES = {
    StopStatus.ALL: "STOP_ORDER_STATUS_ALL",
    StopStatus.ACTIVE: "STOP_ORDER_STATUS_ACTIVE",
    StopStatus.EXECUTED: "STOP_ORDER_STATUS_EXECUTED",
    StopStatus.CANCELED: "STOP_ORDER_STATUS_CANCELED",
    StopStatus.EXPIRED: "STOP_ORDER_STATUS_EXPIRED",
}

REJECTED = STATUSES[OrdStatus.REJECTED]
BY_EXCHANGE_ID = "ORDER_ID_TYPE_EXCHANGE"
BY_REQUEST_ID = "ORDER_ID_TYPE_REQUEST"

# Each enum of the contract that an answer can hold, as its names in the order of their numbers from 0.
ENUMS = {
    "OrderDirection": ("ORDER_DIRECTION_UNSPECIFIED", *DIRECTIONS.values()),
    "OrderType": ("ORDER_TYPE_UNSPECIFIED", *ORDER_TYPES.values()),
    "OrderExecutionReportStatus": ("EXECUTION_REPORT_STATUS_UNSPECIFIED", *STATUSES.values()),
    "StopOrderDirection": ("STOP_ORDER_DIRECTION_UNSPECIFIED", *STOP_DIRECTIONS.values()),
    "StopOrderType": ("STOP_ORDER_TYPE_UNSPECIFIED", *dict.fromkeys(STOP_TYPES.values())),
    "StopOrderStatusOption": ("STOP_ORDER_STATUS_UNSPECIFIED", *STOP_STATUSES.values()),
    "TakeProfitType": ("TAKE_PROFIT_TYPE_UNSPECIFIED", *TAKE_PROFIT_TYPES.values()),
    "ExchangeOrderType": ("EXCHANGE_ORDER_TYPE_UNSPECIFIED", *EXCHANGE_ORDER_TYPES.values()),
    "TrailingValueType": ("TRAILING_VALUE_UNSPECIFIED", *TRAILING_UNITS.values()),
    "TrailingStopStatus": ("TRAILING_STOP_UNSPECIFIED", "TRAILING_STOP_ACTIVE", "TRAILING_STOP_ACTIVATED"),
    "AccountType": (
        "ACCOUNT_TYPE_UNSPECIFIED",
        "ACCOUNT_TYPE_TINKOFF",
        "ACCOUNT_TYPE_TINKOFF_IIS",
        "ACCOUNT_TYPE_INVEST_BOX",
        "ACCOUNT_TYPE_INVEST_FUND",
        "ACCOUNT_TYPE_DEBIT",
        "ACCOUNT_TYPE_SAVING",
    ),
    "AccountStatus": (
        "ACCOUNT_STATUS_UNSPECIFIED",
        "ACCOUNT_STATUS_NEW",
        "ACCOUNT_STATUS_OPEN",
        "ACCOUNT_STATUS_CLOSED",
        "ACCOUNT_STATUS_ALL",
    ),
    "AccessLevel": (
        "ACCOUNT_ACCESS_LEVEL_UNSPECIFIED",
        "ACCOUNT_ACCESS_LEVEL_FULL_ACCESS",
        "ACCOUNT_ACCESS_LEVEL_READ_ONLY",
        "ACCOUNT_ACCESS_LEVEL_NO_ACCESS",
    ),
}


def venue_word(field: str, table: Mapping[Word, str], word: Word) -> str:
    """Return the venue's name for one of our words.

    Raises:
        UsageError: the venue has none; names the field and what it has.
    """
    if word not in table:
        known = ", ".join(table)
        raise UsageError(f"{field}={word} must be one of {known}", hint="Nothing was sent.")
    return table[word]


def fix_word(table: Mapping[Word, str], name: str) -> Word | None:
    """Return our word for the venue's name, the first of several; None for a name that is not known."""
    return next((word for word, known in table.items() if known == name), None)


def name_of(enum: str, value: str) -> str:
    """Return an enum value's name: of a number by the contract, a name as it is, whether known or not."""
    names = ENUMS[enum]
    by_number = value.isascii() and value.isdecimal() and len(value) <= 3 and int(value) < len(names)
    return names[int(value)] if by_number else value
