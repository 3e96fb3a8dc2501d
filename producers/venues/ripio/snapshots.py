"""The REST calls that Ripio's orders and trades are read by, and what is read of their answers.

Sources: Ripio Trade API v4, Orders and User; a call's `source` is its operation there. Lists are told in
pages, by a cursor: an answer's `nc` is the next call's `c`. Lists of a day are told by pair, so the pairs
are asked for one after the other.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from producers.feeds.venue import OrderSeen, SnapshotCall

__all__ = [
    "OF_ONE_ORDER",
    "READERS",
    "SOURCES",
    "Order",
    "next_page",
    "open_orders_call",
    "order_call",
    "orders_call",
    "pairs_in",
    "seen",
    "trades_call",
    "trades_of_order_call",
]

ORDERS, OPEN_ORDERS = "rest:GetUserOrders", "rest:GetUserOpenOrders"
ORDER, ORDER_BY_EXTERNAL_ID = "rest:GetOrderById", "rest:GetOrderByExternalId"
USER_TRADES, ORDER_TRADES = "rest:GetUserTrades", "rest:GetTrades"
SOURCES: Final = (ORDERS, OPEN_ORDERS, ORDER, ORDER_BY_EXTERNAL_ID, USER_TRADES, ORDER_TRADES)
# To these, "not found" is said of the order.
OF_ONE_ORDER: Final = frozenset({ORDER, ORDER_BY_EXTERNAL_ID, ORDER_TRADES})

# At most 1000 ("Orders", page_size). Half of that is well within what a record of Kafka may be.
PAGE_SIZE: Final = 500
_STATUSES: Final = "executed_completely,executed_partially,open,canceled"
# The documents do not say in which time zone a day is: the one before is of this day somewhere.
_DAYS_BACK: Final = 1

# "Order status"; `waiting` and `pending_creation` are of older documents and still to be met.
_IS_OPEN: Final[Mapping[str, bool]] = {
    "pending_creation": True,
    "waiting": True,
    "open": True,
    "executed_partially": True,
    "executed_completely": False,
    "canceled": False,
    "cancelled": False,
    "rejected": False,
    "expired": False,
}


class Order(msgspec.Struct):
    """An order of the stream and of all answers, as far as a feed looks into it.

    Its fields are of any type, for an order that can't be told by them is still one.
    """

    id: Any = None
    external_id: Any = None
    status: Any = None
    pair: Any = None


class _List(msgspec.Struct):
    orders: list[Order] | None = None
    trades: list[Any] | None = None
    nc: Any = None


class _ListAnswer(msgspec.Struct):
    data: _List


class _OrderAnswer(msgspec.Struct):
    data: Order


_read_list = msgspec.json.Decoder(_ListAnswer).decode
_read_order = msgspec.json.Decoder(_OrderAnswer).decode


def seen(order: Order) -> OrderSeen:
    """Return what is told of an order."""
    external_id, order_id = (name if isinstance(name, str) else "" for name in (order.external_id, order.id))
    is_open = _IS_OPEN.get(order.status) if isinstance(order.status, str) else None
    return OrderSeen(external_id, order_id, is_open)


def _orders_in(body: bytes) -> list[Order]:
    orders = _read_list(body).data.orders
    if orders is None:
        raise ValueError("data.orders is missing")
    return orders


def _no_orders(body: bytes) -> Sequence[OrderSeen]:
    if _read_list(body).data.trades is None:
        raise ValueError("data.trades is missing")
    return ()


# What is read of each call's answer.
READERS: Final[Mapping[str, Callable[[bytes], Sequence[OrderSeen]]]] = {
    ORDERS: lambda body: [seen(order) for order in _orders_in(body)],
    OPEN_ORDERS: lambda body: [seen(order) for order in _orders_in(body)],
    ORDER: lambda body: [seen(_read_order(body).data)],
    ORDER_BY_EXTERNAL_ID: lambda body: [seen(_read_order(body).data)],
    USER_TRADES: _no_orders,
    ORDER_TRADES: _no_orders,
}


def pairs_in(source: str, body: bytes) -> set[str]:
    """Return the pairs of the orders in an answer; raise ValueError when it can't be read."""
    orders = _orders_in(body) if source in (ORDERS, OPEN_ORDERS) else ()
    return {order.pair for order in orders if isinstance(order.pair, str) and order.pair}


def orders_call(pair: str, now_ns: int) -> SnapshotCall:
    """Return the call for the orders of a pair, of every status, made today."""
    # The venue documents `executed_partially` as the default of `status`, so all are named.
    return _list(ORDERS, "orders", pair=pair, status=_STATUSES, start_date=_start_date(now_ns))


def open_orders_call() -> SnapshotCall:
    """Return the call for the orders that are open, of all pairs."""
    return _list(OPEN_ORDERS, "orders/open")


def order_call(order: OrderSeen) -> SnapshotCall:
    """Return the call for one order: by the venue's id if it is known, else by ours."""
    if order.venue_order_id:
        return SnapshotCall(f"orders/{quote(order.venue_order_id, safe='')}", b"", ORDER, "GET")
    path = f"orders/by-external-id/{quote(order.request_id, safe='')}"
    return SnapshotCall(path, b"", ORDER_BY_EXTERNAL_ID, "GET")


def trades_call(pair: str, now_ns: int) -> SnapshotCall:
    """Return the call for the account's trades of a pair, made today."""
    return _list(USER_TRADES, "user/trades", pair=pair, start_date=_start_date(now_ns))


def trades_of_order_call(order: OrderSeen) -> SnapshotCall | None:
    """Return the call for the trades of one order, which the venue wants its own id for."""
    return _list(ORDER_TRADES, "orders/trades", order_id=order.venue_order_id) if order.venue_order_id else None


def next_page(call: SnapshotCall, body: bytes, pairs: Sequence[str]) -> SnapshotCall | None:
    """Return the call for the page after this answer: of the same pair, or the first of the next of `pairs`.

    Raises:
        ValueError: the answer can't be read.
    """
    path, _, query = call.path.partition("?")
    asked = dict(parse_qsl(query))
    if not asked:
        return None
    cursor = _read_list(body).data.nc
    if isinstance(cursor, str) and cursor and cursor != asked.get("c"):
        return _list(call.source, path, **(asked | {"c": cursor}))
    pair = asked.get("pair")
    later = pairs[pairs.index(pair) + 1 :] if pair in pairs else ()
    if not later:
        return None
    asked.pop("c", None)
    return _list(call.source, path, **(asked | {"pair": later[0]}))


def _list(source: str, path: str, **asked: str) -> SnapshotCall:
    query = urlencode({"page_size": str(PAGE_SIZE)} | asked, safe=",")
    return SnapshotCall(f"{path}?{query}", b"", source, "GET", part=asked.get("pair", ""))


def _start_date(now_ns: int) -> str:
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return f"{now - timedelta(days=_DAYS_BACK):%Y-%m-%d}"
