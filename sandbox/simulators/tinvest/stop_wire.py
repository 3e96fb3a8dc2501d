"""Stop orders in T-Invest's JSON.

Sources: T-Invest, stoporders.proto (StopOrder), orders.proto 1.49 (OrderStateStreamResponse.StopOrderState).
"""

from typing import Any

from sandbox.simulators.tinvest.orders import Order
from sandbox.simulators.tinvest.stops import StopOrder, StopStatus, Trailing, child_type
from sandbox.simulators.tinvest.values import decimal, money, quotation, timestamp
from sandbox.simulators.tinvest.wire import cancel_requests

__all__ = ["post_stop_answer", "stop_ledger_entry", "stop_order", "stream_stop"]


def post_stop_answer(stop: StopOrder, tracking_id: str, now_ns: int) -> dict[str, Any]:
    """Return PostStopOrder's answer."""
    return {
        "stopOrderId": stop.stop_order_id,
        "orderRequestId": stop.ask.request_id,
        "responseMetadata": {"trackingId": tracking_id, "serverTime": timestamp(now_ns)},
    }


def stream_stop(stop: StopOrder) -> dict[str, Any]:
    """Return the stream's message on a stop order, which names neither its key nor the order it became."""
    ask, instrument = stop.ask, stop.ask.instrument
    currency = instrument.currency.upper()
    return {
        "stopOrderState": {
            "stopOrderId": stop.stop_order_id,
            "accountId": ask.account,
            "createdAt": timestamp(stop.created_ns),
            "direction": f"ORDER_DIRECTION_{ask.direction}",
            "price": money(ask.price_nano or 0, currency),
            "stopPrice": money(ask.stop_price_nano, currency),
            "orderType": f"ORDER_TYPE_{child_type(ask)}",
            "instrumentUid": instrument.uid,
            "ticker": instrument.ticker,
            "classCode": instrument.class_code,
            "status": f"STOP_ORDER_STATUS_{stop.status}",
        }
    }


def stop_order(stop: StopOrder, child: Order | None) -> dict[str, Any]:
    """Return a stop order as GetStopOrders shows it: with the id of the order it became, once it has one."""
    ask, instrument = stop.ask, stop.ask.instrument
    shown: dict[str, Any] = {
        "stopOrderId": stop.stop_order_id,
        "lotsRequested": str(ask.lots),
        "figi": instrument.figi,
        "direction": f"STOP_ORDER_DIRECTION_{ask.direction}",
        "currency": instrument.currency,
        "orderType": f"STOP_ORDER_TYPE_{ask.stop_order_type}",
        "createDate": timestamp(stop.created_ns),
        "price": money(ask.price_nano or 0, instrument.currency),
        "stopPrice": money(ask.stop_price_nano, instrument.currency),
        "instrumentUid": instrument.uid,
        "takeProfitType": f"TAKE_PROFIT_TYPE_{ask.take_profit_type}",
        "status": f"STOP_ORDER_STATUS_{stop.status}",
        "exchangeOrderType": f"EXCHANGE_ORDER_TYPE_{ask.exchange_order_type}",
        "ticker": instrument.ticker,
        "classCode": instrument.class_code,
        "instantExecution": ask.instant,
    }
    if stop.status is StopStatus.EXECUTED:
        shown["activationDateTime"] = timestamp(stop.changed_ns)
    if ask.expire_ns is not None:
        shown["expirationTime"] = timestamp(ask.expire_ns)
    if ask.trailing is not None:
        shown["trailingData"] = _trailing(stop, ask.trailing)
    if child is not None and child.exchange_id is not None:
        shown["exchangeOrderId"] = child.exchange_id
    return shown


def _trailing(stop: StopOrder, trailing: Trailing) -> dict[str, Any]:
    return {
        "indent": quotation(trailing.indent_nano),
        "indentType": f"TRAILING_VALUE_{trailing.indent_type}",
        "spread": quotation(trailing.spread_nano),
        "spreadType": f"TRAILING_VALUE_{trailing.spread_type}",
        "status": f"TRAILING_STOP_{'ACTIVE' if stop.extreme_nano is None else 'ACTIVATED'}",
        "price": quotation(stop.trigger_price_nano or 0),
        "extr": quotation(stop.extreme_nano or 0),
    }


def stop_ledger_entry(stop: StopOrder, child: Order | None) -> dict[str, Any]:
    """Return what the simulator knows of a stop order, for who checks others against it."""
    ask = stop.ask
    return {
        "account": ask.account,
        "order_request_id": ask.request_id,
        "stop_order_id": stop.stop_order_id,
        "instrument": ask.instrument_id,
        "symbol": ask.instrument.ticker,
        "side": ask.direction,
        "lot_size": ask.instrument.lot_size,
        "lots_requested": ask.lots,
        "stop_order_type": ask.stop_order_type,
        "take_profit_type": ask.take_profit_type,
        "exchange_order_type": ask.exchange_order_type,
        "price": None if ask.price_nano is None else decimal(ask.price_nano),
        "stop_price": decimal(ask.stop_price_nano),
        "status": f"STOP_ORDER_STATUS_{stop.status}",
        "final": stop.is_final,
        "told": stop.told,
        "expire_ns": ask.expire_ns,
        "created_ns": stop.created_ns,
        "changed_ns": stop.changed_ns,
        "triggered": stop.status is StopStatus.EXECUTED,
        "child_order_request_id": stop.child_request_id,
        "exchange_order_id": child.exchange_id if child is not None else None,
        "cancel_requests": cancel_requests(stop.cancel_requests),
    }
