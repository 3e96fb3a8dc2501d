"""The closed sets of words that results are written in.

Orders speak FIX 4.4 (the tag is named with each set); what FIX has no word for, the join of an order
with its submission and the state of a feed, speaks ours. In Avro each is a plain string, and the
field's doc lists the values; a test holds both lists together.
"""

from enum import StrEnum

__all__ = [
    "Action",
    "ExecType",
    "FeedState",
    "JoinStatus",
    "LastLiquidityInd",
    "OrdStatus",
    "OrdType",
    "Phase",
    "Side",
    "Source",
    "TimeInForce",
    "UnmatchedReason",
]


class _Word(StrEnum):
    """A word of a closed set: a string, and hashed as one, for Enum's own hash is a call in Python."""

    __hash__ = str.__hash__


class OrdStatus(_Word):
    """OrdStatus (39): where an order stands. The names are FIX's own, in upper snake case.

    TRIGGERED, which FIX lacks, ends a stop order: it became an order of the exchange.
    """

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    TRIGGERED = "TRIGGERED"


class ExecType(_Word):
    """ExecType (150): what one execution report tells.

    TRIGGERED is of FIX 5.0. CANCEL_REJECTED stands for OrderCancelReject, a message of its own in FIX, which
    answers a cancel or a replace and leaves the order as it is.
    """

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    REPLACED = "REPLACED"
    CANCEL_REJECTED = "CANCEL_REJECTED"
    TRIGGERED = "TRIGGERED"
    ORDER_STATUS = "ORDER_STATUS"


class Side(_Word):
    """Side (54)."""

    BUY = "BUY"
    SELL = "SELL"


class OrdType(_Word):
    """OrdType (40); BEST_PRICE is T-Invest's limit order at the best price of the book.

    An ICEBERG shows the book a part of itself only; a CEILING is Ripio's order for an amount of money. The
    others are stop orders: they wait at the venue and become an order of the exchange when the price
    reaches the stop price. STOP stops a loss; a take-profit is FIX's Market (or Limit) If Touched;
    TAKE_PROFIT_STOP_LOSS is both in one, of which the first to trigger ends the other.
    """

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    BEST_PRICE = "BEST_PRICE"
    ICEBERG = "ICEBERG"
    CEILING = "CEILING"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_TAKE_PROFIT = "TRAILING_TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"
    TAKE_PROFIT_STOP_LOSS = "TAKE_PROFIT_STOP_LOSS"


class TimeInForce(_Word):
    """TimeInForce (59)."""

    DAY = "DAY"
    IMMEDIATE_OR_CANCEL = "IMMEDIATE_OR_CANCEL"
    FILL_OR_KILL = "FILL_OR_KILL"
    GOOD_TILL_CANCEL = "GOOD_TILL_CANCEL"
    GOOD_TILL_DATE = "GOOD_TILL_DATE"


class Action(_Word):
    """What a submitted record asks the venue to do."""

    NEW = "NEW"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    AMEND = "AMEND"
    NEW_STOP = "NEW_STOP"
    CANCEL_STOP = "CANCEL_STOP"


class Phase(_Word):
    """How far the request itself has come: written before the call, its outcome after it."""

    INTENT = "INTENT"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class LastLiquidityInd(_Word):
    """LastLiquidityInd (851): whether a trade's order stood in the book or came to it."""

    ADDED_LIQUIDITY = "ADDED_LIQUIDITY"
    REMOVED_LIQUIDITY = "REMOVED_LIQUIDITY"


class JoinStatus(_Word):
    """Whether both sides of an order, its submission and the venue's report, are here."""

    MATCHED = "MATCHED"
    PENDING = "PENDING"
    UNMATCHED = "UNMATCHED"


class UnmatchedReason(_Word):
    """Why one side of an order is missing."""

    NO_VENUE_REPLY = "NO_VENUE_REPLY"
    FEED_DOWN = "FEED_DOWN"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    NOT_SUBMITTED_HERE = "NOT_SUBMITTED_HERE"


class Source(_Word):
    """By which way a result came to be known."""

    STREAM = "stream"
    RECONCILIATION = "reconciliation"
    GATEWAY = "gateway"
    WATERMARK = "watermark"


class FeedState(_Word):
    """Whether an account hears its venue."""

    UP = "UP"
    DOWN = "DOWN"
