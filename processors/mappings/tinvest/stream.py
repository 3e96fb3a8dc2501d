"""Frames of T-Invest's order-state stream as reports.

A stream order stays PARTIALLYFILL when its rest is canceled: `lotsCancelled` tells (T-Invest, Order state
stream, "Statuses"). The first message of an order carries an id that is the broker's own, shaped as a
UUID; the exchange's number comes with the next. Trades count pieces, all else counts lots.
"""

from collections.abc import Sequence
from typing import Final

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.core.reading import again
from processors.core.times import rfc3339_ns
from processors.mappings.tinvest.frames import OrderState, StreamTrade, decode_frame
from processors.mappings.tinvest.stops import stop_state
from processors.mappings.tinvest.words import (
    NAMELESS,
    ORDER_TYPES,
    SIDES,
    STATUSES,
    TIMES_IN_FORCE,
    decimal,
    is_internal,
    money,
)
from schemas.fix import OrdStatus, OrdType

__all__ = ["read_frame"]


_PENDING_NEW: Final = OrdStatus.PENDING_NEW
_NEW: Final = OrdStatus.NEW
_PARTIAL: Final = OrdStatus.PARTIALLY_FILLED
_CANCELED: Final = OrdStatus.CANCELED
_REJECTED: Final = OrdStatus.REJECTED
_LIMIT: Final = OrdType.LIMIT
_CAUSE_NONE: Final = "CAUSE_UNSPECIFIED"
# "Not enough position": the order was never placed (T-Invest, orders.proto, StatusCauseInfo).
_CAUSE_NOT_PLACED: Final = "CAUSE_CANCELLED_NOT_ENOUGH_POSITION"


def read_frame(value: bytes) -> Sequence[Report]:
    """Return the report in a frame, if it tells of an order.

    Raises:
        MappingError: a status is not known, or the order is without an id.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    frame = decode_frame(value)
    if frame.order_state is not None:
        return (_stream(frame.order_state),)
    return () if frame.stop_order_state is None else (stop_state(frame.stop_order_state),)


def _stream(state: OrderState) -> Report:
    status, request_id, order_id = state.execution_report_status, state.order_request_id, state.order_id
    ord_status = STATUSES.get(status)
    if ord_status is None:
        raise MappingError("executionReportStatus", status, "no status that is known")
    if not (order_id or request_id):
        raise MappingError("orderId", order_id, NAMELESS)
    size, requested, executed = state.lot_size, state.lots_requested, state.lots_executed
    if ord_status is _NEW:
        if is_internal(order_id, request_id) or order_id == state.trade_order_id:
            ord_status = _PENDING_NEW
    elif ord_status is _PARTIAL:
        if _rest_canceled(state, requested, executed):
            ord_status = _CANCELED
    elif state.status_info == _CAUSE_NOT_PLACED and not executed:
        ord_status = _REJECTED
    ord_type, price, cause = ORDER_TYPES.get(state.order_type), state.order_price, state.status_info
    return Report(
        state.account_id,
        request_id or None,
        order_id or None,
        ord_status,
        again(status),
        decimal(executed * size),
        decimal(requested * size) if size else None,
        tuple([_trade(trade) for trade in state.trades]) if state.trades else (),
        rfc3339_ns(state.completion_time) or rfc3339_ns(state.created_at),
        cause if cause and cause != _CAUSE_NONE else None,
        again(state.instrument_uid) or None,
        again(state.ticker) or None,
        SIDES.get(state.direction),
        ord_type,
        TIMES_IN_FORCE.get(state.time_in_force),
        money(price.units, price.nano) if price is not None and ord_type is _LIMIT else None,
        again(state.currency.upper()) or None,
        # Its reports are tied by this where the client's id does not: orders of the phone app have none.
        other_id=None if request_id else state.trade_order_id or None,
    )


def _rest_canceled(state: OrderState, requested: int, executed: int) -> bool:
    return state.lots_cancelled > 0 or (executed < requested and not state.lots_left)


def _trade(trade: StreamTrade) -> Trade:
    price = trade.price
    identity = trade.trade_id or f"{trade.date_time}/{price.units}.{price.nano:09d}/{trade.quantity}"
    return Trade(identity, money(price.units, price.nano), decimal(trade.quantity), rfc3339_ns(trade.date_time))
