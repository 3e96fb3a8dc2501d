"""The REST calls that T-Invest's orders are read by, and what is read of their answers.

Sources: orders.proto and stoporders.proto, 1.49, and the OpenAPI description.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from producers.feeds.venue import OrderSeen, Reads, SnapshotCall

__all__ = [
    "CONTRACT",
    "GET_ORDER_STATE",
    "READERS",
    "READS_PER_MINUTE",
    "OfAccount",
    "OrderState",
    "open_orders_call",
    "order_call",
    "orders_call",
    "seen",
    "seen_in_stream",
    "stop_orders_call",
]

CONTRACT = "tinkoff.public.invest.api.contract.v1"

# orders.proto, OrderExecutionReportStatus. The stream never says CANCELLED of an order that was partly
# filled: it stays PARTIALLYFILL, and the lots tell ("Order state stream", statuses).
_ENDED = {f"EXECUTION_REPORT_STATUS_{word}": False for word in ("FILL", "REJECTED", "CANCELLED")}
_OPEN = {f"EXECUTION_REPORT_STATUS_{word}": True for word in ("NEW", "PARTIALLYFILL")}
_IS_OPEN = _ENDED | _OPEN
_PARTIAL = "EXECUTION_REPORT_STATUS_PARTIALLYFILL"

# "Limits", requests a minute: GetOrders 200, other methods for orders 100, GetStopOrders 60. Half of each.
READS_PER_MINUTE = {Reads.ORDERS: 100, Reads.OPEN_ORDERS: 50, Reads.STOP_ORDERS: 30}
_GET_ORDERS, GET_ORDER_STATE, _GET_STOP_ORDERS = "rest:GetOrders", "rest:GetOrderState", "rest:GetStopOrders"


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


class _Orders(msgspec.Struct):
    orders: list[OrderState] = msgspec.field(default_factory=list)


class _StopOrders(msgspec.Struct, rename="camel"):
    stop_orders: list[msgspec.Raw] = msgspec.field(default_factory=list)


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
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def _no_orders(body: bytes) -> Sequence[OrderSeen]:
    _read_stop_orders(body)
    return ()


# What is read of each call's answer.
READERS: dict[str, Callable[[bytes], Sequence[OrderSeen]]] = {
    _GET_ORDERS: lambda body: [seen(order) for order in _read_orders(body).orders],
    GET_ORDER_STATE: lambda body: [seen(_read_order(body))],
    _GET_STOP_ORDERS: _no_orders,
}


def orders_call(account: str, now_ns: int) -> SnapshotCall:
    """Return GetOrders for today's orders of all statuses (the filters are of orders made today only)."""
    filters = {
        "from": f"{_moment(now_ns):%Y-%m-%d}T00:00:00Z",
        "to": _timestamp(now_ns),
        "executionStatus": list(_IS_OPEN),
    }
    return _call("OrdersService", _GET_ORDERS, {"accountId": account, "advancedFilters": filters})


def open_orders_call(account: str) -> SnapshotCall:
    """Return GetOrders without filters, which tells of the orders that are active, of whatever day."""
    return _call("OrdersService", _GET_ORDERS, {"accountId": account})


def order_call(account: str, order: OrderSeen) -> SnapshotCall:
    """Return GetOrderState: by the exchange's number if it is known, else by the request id.

    The id of an order's first message is the broker's own, shaped as a UUID ("Order state stream").
    """
    named = {"orderId": order.venue_order_id, "orderIdType": "ORDER_ID_TYPE_EXCHANGE"}
    if order.request_id and ("-" in order.venue_order_id or order.venue_order_id in ("", order.request_id)):
        named = {"orderId": order.request_id, "orderIdType": "ORDER_ID_TYPE_REQUEST"}
    return _call("OrdersService", GET_ORDER_STATE, {"accountId": account, **named})


def stop_orders_call(account: str, now_ns: int, days: int) -> SnapshotCall:
    """Return GetStopOrders for the stop orders of `days` days, of all statuses.

    The contract does not say what its borders in time are of. They are taken for the creation's, so
    they have to reach back to the oldest stop order that may still be active.
    """
    since = _moment(now_ns) - timedelta(days=days)
    body = {
        "accountId": account,
        "status": "STOP_ORDER_STATUS_ALL",
        "from": f"{since:%Y-%m-%d}T00:00:00Z",
        "to": _timestamp(now_ns),
    }
    return _call("StopOrdersService", _GET_STOP_ORDERS, body)


def _call(service: str, source: str, body: dict[str, Any]) -> SnapshotCall:
    method = source.removeprefix("rest:")
    return SnapshotCall(f"{CONTRACT}.{service}/{method}", msgspec.json.encode(body), source)


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)


def _timestamp(time_ns: int) -> str:
    return f"{_moment(time_ns):%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000:09d}Z"
