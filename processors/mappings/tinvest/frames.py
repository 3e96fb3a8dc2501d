"""T-Invest's order-state stream: its JSON, as far as it is used."""

import msgspec
from msgspec import Struct

from processors.mappings.tinvest.stops import StopOrderState
from processors.mappings.tinvest.words import Money

__all__ = ["Frame", "OrderState", "StreamTrade", "decode_frame"]


class StreamTrade(Struct, gc=False, rename="camel"):
    """`OrderTrade` of the stream: price of one piece, quantity in pieces."""

    price: Money
    quantity: int
    trade_id: str = ""
    date_time: str = ""


class OrderState(Struct, gc=False, rename="camel"):
    """`OrderStateStreamResponse.OrderState`, as far as it is used."""

    account_id: str
    execution_report_status: str
    order_id: str = ""
    order_request_id: str = ""
    trade_order_id: str = ""
    status_info: str = ""
    ticker: str = ""
    lot_size: int = 0
    direction: str = ""
    time_in_force: str = ""
    order_type: str = ""
    order_price: Money | None = None
    currency: str = ""
    lots_requested: int = 0
    lots_executed: int = 0
    lots_left: int = 0
    lots_cancelled: int = 0
    trades: list[StreamTrade] = []
    created_at: str = ""
    completion_time: str = ""
    instrument_uid: str = ""


class Frame(Struct, gc=False, rename="camel"):
    """`OrderStateStreamResponse`: at most one of its variants, of which two tell of an order."""

    order_state: OrderState | None = None
    stop_order_state: StopOrderState | None = None


# Not strict: the venue writes an int64 as text.
decode_frame = msgspec.json.Decoder(Frame, strict=False).decode
