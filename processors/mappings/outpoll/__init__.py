"""Outpoll: order updates and REST answers as reports.

What a record is, by its source, and by the `t` of a frame:

| record | becomes |
|---|---|
| `ORDER_UPDATE` | one report: SUCCESS says that the order lives, FAILED that a request about it failed |
| `TPSL_UPDATE` | one report of a take-profit / stop-loss order |
| `PING`, `success`, `error`, and kinds not known yet | nothing: they speak of the connection |
| `order-feed`, whatever it says | nothing: its payload is not documented; the feed reads the history instead |
| `rest:history-orders`, `rest:active-orders` | one report an order |
| `rest:history-trades` | one report a trade |
| `rest:tpsl-orders` | one report a take-profit / stop-loss order |

What SUCCESS is of the documents do not say (Outpoll, Order Updates): an order taken, filled or canceled. So
it is never more than NEW; how much was filled, and how an order ended, is told by REST alone.

No frame and no answer carries an id of the client's: an order goes by the venue's id, which the answer to
order entry ties to the request. Its instrument is the outcome asset, and quantities are in shares.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import UNREADABLE, QuantityOf
from processors.mappings.outpoll.history import read_orders, read_trades
from processors.mappings.outpoll.stream import read_frame
from processors.mappings.outpoll.tpsl import read_tpsl_orders

__all__ = ["reports"]

_READERS: Final[Mapping[str, Callable[[bytes, str], Sequence[Report]]]] = {
    "order-updates": read_frame,
    "order-feed": lambda value, account: (),
    "rest:history-orders": read_orders,
    "rest:active-orders": read_orders,
    "rest:history-trades": read_trades,
    "rest:tpsl-orders": read_tpsl_orders,
}


def reports(value: bytes, source: str, account: str, order_qty: QuantityOf) -> Sequence[Report]:
    """Read one record of the venue's frames.

    `source` and `account` are the record's headers: the venue names the account nowhere. `order_qty` is not
    asked, for the venue tells quantities itself.

    Raises:
        MappingError: it is no JSON of a known shape, its source or a status is not known; of an answer with
            many orders, it carries the reports of those that could be read.
    """
    read = _READERS.get(source)
    if read is None:
        raise MappingError("source", source, "nothing that is known of the venue")
    try:
        return read(value, account)
    except UNREADABLE as error:
        raise MappingError("frame", value[:80], str(error)) from None
