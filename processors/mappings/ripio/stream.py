"""Messages of Ripio's private topics as reports.

`{"id", "topic", "timestamp", "body"}`; what has no body, or none that tells of an order, is an acknowledgement
or the like, whose shape the documents do not show (Ripio Trade API v4, "WebSocket Stream").
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.mappings.ripio.trades import UserTrade, trade_report
from processors.mappings.ripio.words import (
    ORDER_TYPES,
    SIDES,
    UNPRICED,
    number,
    or_none,
    quote_currency,
    request_id,
    status,
    time_ns,
)

__all__ = ["read_message"]

# "Some topics will send a welcome message, which will have an id value of -1."
_WELCOME: Final = -1


class OrderStatus(Struct, gc=False):
    """`IOrderStatus`, as far as it is used."""

    id: str
    status: str
    type: str = ""
    side: str = ""
    pair: str | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    executed_amount: Decimal | None = None
    external_id: str | None = None
    stop_price: Decimal | None = None
    created_at: str | None = None
    updated_at: str | None = None


class UserTrades(Struct, gc=False):
    """`UserTrades`."""

    trade: UserTrade


class Message(Struct, gc=False):
    """A message of any topic."""

    topic: Any = None
    id: Any = None
    body: msgspec.Raw = msgspec.Raw(b"null")


_MESSAGE = msgspec.json.Decoder(Message)
_ORDER = msgspec.json.Decoder(OrderStatus)
_TRADES = msgspec.json.Decoder(UserTrades)


def read_message(value: bytes, account: str) -> Sequence[Report]:
    """Return the report in a message, if it tells of an order.

    Raises:
        MappingError: a status is not known, or a number or a time is none.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    message = _MESSAGE.decode(value)
    read = _TOPICS.get(message.topic) if isinstance(message.topic, str) else None
    if read is None or bytes(message.body) == b"null":
        return ()
    try:
        return (read(message.body, account),)
    except msgspec.ValidationError:
        if message.id == _WELCOME:
            return ()
        raise


def _order(body: msgspec.Raw, account: str) -> Report:
    order = _ORDER.decode(body)
    if not order.id:
        raise MappingError("id", order.id, "an order without an id")
    executed, ord_type = number("executed_amount", order.executed_amount), ORDER_TYPES.get(order.type)
    return Report(
        account,
        request_id(order.external_id),
        order.id,
        status(order.status, executed),
        order.status,
        executed,
        or_none("amount", order.amount),
        transact_ns=time_ns(order.updated_at or order.created_at),
        instrument=order.pair or None,
        symbol=order.pair or None,
        side=SIDES.get(order.side),
        ord_type=ord_type,
        price=None if ord_type in UNPRICED else or_none("price", order.price),
        currency=quote_currency(order.pair),
        stop_price=or_none("stop_price", order.stop_price),
    )


def _trade(body: msgspec.Raw, account: str) -> Report:
    return trade_report(_TRADES.decode(body).trade, account)


_TOPICS: Final[Mapping[str, Callable[[msgspec.Raw, str], Report]]] = {"order_status": _order, "user_trades": _trade}
