"""The REST calls that T-Invest's orders are read by, and what is read of their answers.

Sources: orders.proto and stoporders.proto, 1.49, and the OpenAPI description.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from producers.feeds.venue import OrderSeen, Reads, SnapshotCall

__all__ = [
    "CALLS",
    "CONTRACT",
    "GET_ORDER_STATE",
    "READERS",
    "READS_PER_MINUTE",
    "OfAccount",
    "OrderState",
    "StopOrder",
    "order_call",
    "seen",
    "seen_in_stream",
    "stop_seen",
]

CONTRACT = "tinkoff.public.invest.api.contract.v1"

# orders.proto, OrderExecutionReportStatus. The stream never says CANCELLED of an order that was partly
# filled: it stays PARTIALLYFILL, and the lots tell ("Order state stream", statuses).
_ENDED = {f"EXECUTION_REPORT_STATUS_{word}": False for word in ("FILL", "REJECTED", "CANCELLED")}
_OPEN = {f"EXECUTION_REPORT_STATUS_{word}": True for word in ("NEW", "PARTIALLYFILL")}
_IS_OPEN = _ENDED | _OPEN
_INT64_DIGITS = 19
_PARTIAL = "EXECUTION_REPORT_STATUS_PARTIALLYFILL"

# stoporders.proto, StopOrderStatusOption.
_IS_STOP_OPEN = {
    f"STOP_ORDER_STATUS_{word}": word == "ACTIVE" for word in ("ACTIVE", "EXECUTED", "CANCELED", "EXPIRED")
}

_GET_ORDERS, GET_ORDER_STATE, _GET_STOP_ORDERS = "rest:GetOrders", "rest:GetOrderState", "rest:GetStopOrders"
# "Limits", requests a minute: GetOrders 200, other methods for orders 100, GetStopOrders 60. Half of each.
READS_PER_MINUTE = {_GET_ORDERS: 100, GET_ORDER_STATE: 50, _GET_STOP_ORDERS: 30}


class OfAccount(msgspec.Struct, rename="camel"):
    """What is told of something that belongs to an account."""

    account_id: str = ""


class OrderState(OfAccount):
    """`OrderState`, of the stream and of the unary calls alike: the words by which an order is open or not.

    They are of any type, for what can't be told by them still belongs to its account.
    """

    execution_report_status: Any = None
    order_request_id: Any = None
    order_id: Any = None
    lots_left: Any = None
    lots_cancelled: Any = None


class StopOrder(OfAccount):
    """`StopOrderState` of the stream and `StopOrder` of the unary call, likewise."""

    stop_order_id: Any = None
    status: Any = None


class _Orders(msgspec.Struct):
    orders: list[OrderState] = msgspec.field(default_factory=list)


class _StopOrders(msgspec.Struct, rename="camel"):
    stop_orders: list[StopOrder] = msgspec.field(default_factory=list)


_read_orders = msgspec.json.Decoder(_Orders).decode
_read_order = msgspec.json.Decoder(OrderState).decode
_read_stop_orders = msgspec.json.Decoder(_StopOrders).decode


def seen(state: OrderState) -> OrderSeen:
    """Return what is told of an order."""
    request_id, order_id = (name if isinstance(name, str) else "" for name in (state.order_request_id, state.order_id))
    status = state.execution_report_status
    is_open = _IS_OPEN.get(status) if isinstance(status, str) else None
    return OrderSeen(request_id, order_id, is_open)


def seen_in_stream(state: OrderState) -> OrderSeen:
    """Return what the stream tells of an order, which has ended as well when its rest is canceled."""
    order = seen(state)
    if state.execution_report_status != _PARTIAL:
        return order
    return order._replace(is_open=_lots(state.lots_left) > 0 and not _lots(state.lots_cancelled))


def _lots(value: Any) -> int:
    """Read an int64, which comes as text ("WebSocket")."""
    is_number = isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) <= _INT64_DIGITS)
    return int(value) if is_number else 0


def stop_seen(state: StopOrder) -> OrderSeen:
    """Return what is told of a stop order."""
    name = state.stop_order_id if isinstance(state.stop_order_id, str) else ""
    is_open = _IS_STOP_OPEN.get(state.status) if isinstance(state.status, str) else None
    return OrderSeen("", name, is_open, is_stop=True)


# What is read of each call's answer.
READERS: dict[str, Callable[[bytes], Sequence[OrderSeen]]] = {
    _GET_ORDERS: lambda body: [seen(order) for order in _read_orders(body).orders],
    GET_ORDER_STATE: lambda body: [seen(_read_order(body))],
    _GET_STOP_ORDERS: lambda body: [stop_seen(order) for order in _read_stop_orders(body).stop_orders],
}


def order_call(account: str, order: OrderSeen) -> SnapshotCall:
    """Return GetOrderState: by the exchange's number if it is known, else by the request id.

    The id of an order's first message is the broker's own, shaped as a UUID ("Order state stream").
    """
    named = {"orderId": order.venue_order_id, "orderIdType": "ORDER_ID_TYPE_EXCHANGE"}
    if order.request_id and ("-" in order.venue_order_id or order.venue_order_id in ("", order.request_id)):
        named = {"orderId": order.request_id, "orderIdType": "ORDER_ID_TYPE_REQUEST"}
    return _call("OrdersService", GET_ORDER_STATE, {"accountId": account, **named})


def _orders_of_day(account: str, now_ns: int, days: int) -> SnapshotCall:
    # The filters are of orders made today only.
    filters = {**_since(now_ns, 0), "executionStatus": list(_IS_OPEN)}
    return _call("OrdersService", _GET_ORDERS, {"accountId": account, "advancedFilters": filters})


def _open_orders(account: str, now_ns: int, days: int) -> SnapshotCall:
    # Without filters, those that are active, of whatever day.
    return _call("OrdersService", _GET_ORDERS, {"accountId": account})


def _stop_orders(account: str, now_ns: int, days: int) -> SnapshotCall:
    # The contract does not say what the borders in time are of; they are taken for the creation's.
    body = {"accountId": account, "status": "STOP_ORDER_STATUS_ALL", **_since(now_ns, days)}
    return _call("StopOrdersService", _GET_STOP_ORDERS, body)


def _open_stop_orders(account: str, now_ns: int, days: int) -> SnapshotCall:
    body = {"accountId": account, "status": "STOP_ORDER_STATUS_ACTIVE"}
    return _call("StopOrdersService", _GET_STOP_ORDERS, body)


# By what is read: the call for an account at a time, with how many days back a longer time goes.
CALLS: dict[Reads, Callable[[str, int, int], SnapshotCall]] = {
    Reads.ORDERS_OF_DAY: _orders_of_day,
    Reads.OPEN_ORDERS: _open_orders,
    Reads.STOP_ORDERS_OF_DAY: lambda account, now_ns, days: _stop_orders(account, now_ns, 0),
    Reads.OPEN_STOP_ORDERS: _open_stop_orders,
    Reads.STOP_ORDERS: _stop_orders,
}


def _since(now_ns: int, days: int) -> dict[str, str]:
    """Return the borders of a time that ends now and began so many days before today."""
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return {
        "from": f"{now - timedelta(days=days):%Y-%m-%d}T00:00:00Z",
        "to": f"{now:%Y-%m-%dT%H:%M:%S}.{now_ns % 1_000_000_000:09d}Z",
    }


def _call(service: str, source: str, body: dict[str, Any]) -> SnapshotCall:
    method = source.removeprefix("rest:")
    return SnapshotCall(f"{CONTRACT}.{service}/{method}", msgspec.json.encode(body), source)
