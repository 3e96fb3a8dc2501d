"""T-Invest: order-state frames and REST answers as reports.

What a frame is, by message of the contract (`OrderStateStreamResponse`, orders.proto 1.49; JSON
names and shapes: T-Invest, WebSocket protocol):

| message | becomes |
|---|---|
| `orderState`, `stopOrderState` | one report |
| `ping`, `subscription` | nothing: they speak of the connection |
| `{"code", "message"}`, `{"error": ...}` | nothing: the feed deals with refusals |
| variants not known yet | nothing |
| GetOrders' and GetStopOrders' answer | one report an order |
| GetOrderState's answer | one report |

Lots become pieces by the lot size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.core.reading import UNREADABLE, QuantityOf
from processors.mappings.tinvest.stops import read_stop_orders
from processors.mappings.tinvest.stream import read_frame
from processors.mappings.tinvest.unary import read_order, read_orders

__all__ = ["reports"]

_ANSWERS: Final[Mapping[str, Callable[[bytes, str, QuantityOf], Sequence[Report]]]] = {
    "rest:GetOrders": read_orders,
    "rest:GetOrderState": read_order,
    "rest:GetStopOrders": read_stop_orders,
}


def reports(value: bytes, source: str, account: str, order_qty: QuantityOf) -> Sequence[Report]:
    """Read one record of the venue's frames.

    `source` and `account` are the record's headers. `order_qty` gives the OrderQty, in pieces, that
    is known of an order by its request id or the venue's id: it tells the lot size, which the unary
    calls leave out.

    Raises:
        MappingError: it is no JSON of a known shape, or a status is not known; of an answer with many
            orders, it carries the reports of those that could be read.
    """
    try:
        read = _ANSWERS.get(source)
        return read_frame(value) if read is None else read(value, account, order_qty)
    except UNREADABLE as error:
        raise MappingError("frame", value[:80], str(error)) from None
