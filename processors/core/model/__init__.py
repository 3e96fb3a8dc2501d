"""The core's nouns: what comes in, what is kept, what goes out.

Quantities are in units of the instrument (pieces), prices of one unit, times nanoseconds of Unix
time. `Terms` and `Event` together are one Execution record: their fields are the schema's, in the
schema's order. What comes in and what goes out is never changed once it is made, so a result can be encoded
after the state has moved on; the encoding of `Terms`, which seldom change, is made once and kept with them.

Those that every frame makes have their `__init__` written out: one that is generated at start can't be
compiled (docs/decisions/0010-compiled-core.md). None holds what holds it, so none is looked at by the
garbage collector: `acyclic`.
"""

from processors.core.model.execution import ZERO, Event, Terms
from processors.core.model.incoming import Due, Origin, Report, Submission, Trade
from processors.core.model.kept import Account, Connection, Order
from processors.core.model.told import FeedStatus, Unmatched

__all__ = [
    "ZERO",
    "Account",
    "Connection",
    "Due",
    "Event",
    "FeedStatus",
    "Order",
    "Origin",
    "Report",
    "Submission",
    "Terms",
    "Trade",
    "Unmatched",
]
