"""Ripio Trade: messages of its private topics and REST answers as reports.

What a record is, by its topic or the call (Ripio Trade API v4, "WebSocket Stream", Orders, User):

| record | becomes |
|---|---|
| `order_status` | one report |
| `user_trades` | one report with one trade, and no status of its own |
| `balance` | nothing: it tells of no order |
| acknowledgements, pongs, errors, welcome messages (`id` -1) that hold no order | nothing: the feed deals with them |
| topics not known yet | nothing |
| answer of GET /orders, /orders/open | one report an order |
| answer of GET /orders/{id}, /orders/by-external-id/{external_id} | one report |
| answer of GET /user/trades, /orders/trades | one report a trade, the oldest first |

Numbers are JSON numbers, read as decimals from their text. Amounts are of the pair's first currency.

When an order was made is not told on: the venue carries our request id, so an order without one is somebody
else's, however equal it is to one whose call got no answer (`Report.created_ns`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import UNREADABLE, QuantityOf
from processors.mappings.ripio.answers import read_order, read_orders, read_trades
from processors.mappings.ripio.stream import read_message

__all__ = ["reports"]

# By the venue's names of the operations.
_ANSWERS: Final[Mapping[str, Callable[[bytes, str], Sequence[Report]]]] = {
    "rest:GetUserOrders": read_orders,
    "rest:GetUserOpenOrders": read_orders,
    "rest:GetOrderById": read_order,
    "rest:GetOrderByExternalId": read_order,
    "rest:GetUserTrades": read_trades,
    "rest:GetTrades": read_trades,
}


def reports(value: bytes, source: str, account: str, order_qty: QuantityOf) -> Sequence[Report]:
    """Read one record of the venue's frames.

    `source` and `account` are the record's headers: the venue names its user only. `order_qty` is not
    needed, for the venue tells amounts in full.

    Raises:
        MappingError: it is no JSON of a known shape, or a status is not known; of an answer with many
            orders or trades, it carries the reports of those that could be read.
    """
    try:
        return _ANSWERS.get(source, read_message)(value, account)
    except UNREADABLE as error:
        raise MappingError("frame", value[:80], str(error)) from None
