"""The exchange's state in T-Invest's JSON: int64 as text, enums by full name, times to the nanosecond.

Sources: T-Invest, asyncapi.yaml (OrderStateStream), openapi.yaml (OrdersService), orders.proto.
"""

import json
from typing import Any

from sandbox.simulators.tinvest.orders import CancelRequest, Order, Source
from sandbox.simulators.tinvest.requests import PriceQuery
from sandbox.simulators.tinvest.values import decimal, money, quotation, timestamp

__all__ = [
    "account",
    "async_answer",
    "frame",
    "ledger_entry",
    "order_state",
    "ping",
    "cancel_answer",
    "cancel_requests",
    "max_lots",
    "order_price",
    "post_answer",
    "stream_order",
    "subscription",
]


def frame(payload: dict[str, Any]) -> str:
    """Return one stream message."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def _commission(amount_nano: int) -> int:
    return amount_nano * 5 // 10_000  # 0.05 %


def _average(order: Order) -> int:
    pieces = order.pieces_executed
    return (2 * order.executed_nano + pieces) // (2 * pieces) if pieces else 0


def _price(order: Order) -> int:
    return order.ask.price_nano if order.ask.price_nano is not None else order.ask.instrument.price_nano


def _amount(order: Order) -> int:
    return _price(order) * order.ask.lots * order.ask.instrument.lot_size


def stream_order(order: Order) -> dict[str, Any]:
    """Return the stream's message on an order: with all its trades so far, in pieces."""
    ask, instrument = order.ask, order.ask.instrument
    currency = instrument.currency.upper()  # upper case on the stream, lower case in REST
    state = {
        "orderId": order.order_id,
        # An order of the phone app has no key of a client.
        **({} if ask.source is Source.APP else {"orderRequestId": ask.request_id}),
        "clientCode": f"C{ask.account[-6:]}",
        "createdAt": timestamp(order.created_ns),
        "executionReportStatus": f"EXECUTION_REPORT_STATUS_{order.stream_status}",
        "statusInfo": f"CAUSE_{order.cause}",
        "ticker": instrument.ticker,
        "classCode": instrument.class_code,
        "lotSize": instrument.lot_size,
        "direction": f"ORDER_DIRECTION_{ask.direction}",
        "timeInForce": f"TIME_IN_FORCE_{ask.time_in_force}",
        "orderType": f"ORDER_TYPE_{ask.order_type}",
        "accountId": ask.account,
        "tradeOrderId": order.trade_intent_id,
        "initialOrderPrice": money(_amount(order), currency),
        "orderPrice": money(_price(order), currency),
        "amount": money(_amount(order), currency),
        "executedOrderPrice": money(_average(order), currency),
        "currency": currency,
        "lotsRequested": str(ask.lots),
        "lotsExecuted": str(order.lots_executed),
        "lotsLeft": str(order.lots_left),
        "lotsCancelled": str(order.lots_cancelled),
        "marker": "MARKER_UNKNOWN",
        "trades": [
            {
                "dateTime": timestamp(trade.time_ns),
                "price": quotation(trade.price_nano),
                "quantity": str(trade.pieces),
                "tradeId": trade.trade_id,
            }
            for trade in order.trades
        ],
        "exchange": instrument.exchange,
        "instrumentUid": instrument.uid,
    }
    if order.is_final:
        state["completionTime"] = timestamp(order.changed_ns)
    return {"orderState": state}


def ping(now_ns: int, stream_id: str) -> dict[str, Any]:
    """Return the stream's sign of life."""
    return {"ping": {"time": timestamp(now_ns), "streamId": stream_id}}


def subscription(
    tracking_id: str, stream_id: str, accounts: list[str], error: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Return the answer to the first message of a client; `error` is a code and its message."""
    answer = {
        "trackingId": tracking_id,
        "status": f"RESULT_SUBSCRIPTION_STATUS_{'ERROR' if error else 'OK'}",
        "streamId": stream_id,
        "accounts": accounts,
    }
    return {"subscription": answer | ({"error": {"code": error[0], "message": error[1]}} if error else {})}


def _common(order: Order) -> dict[str, Any]:
    """Return what PostOrder's answer and the unary OrderState share."""
    ask, instrument, executed = order.ask, order.ask.instrument, order.executed_nano
    currency = instrument.currency
    return {
        "orderId": order.order_id,
        "executionReportStatus": f"EXECUTION_REPORT_STATUS_{order.status}",
        "lotsRequested": str(ask.lots),
        "lotsExecuted": str(order.lots_executed),
        "initialOrderPrice": money(_amount(order), currency),
        "totalOrderAmount": money((executed or _amount(order)) + _commission(executed or _amount(order)), currency),
        "initialCommission": money(_commission(_amount(order)), currency),
        "executedCommission": money(_commission(executed), currency),
        "figi": instrument.figi,
        "direction": f"ORDER_DIRECTION_{ask.direction}",
        "initialSecurityPrice": money(_price(order), currency),
        "orderType": f"ORDER_TYPE_{ask.order_type}",
        "instrumentUid": instrument.uid,
        "ticker": instrument.ticker,
        "classCode": instrument.class_code,
        "orderRequestId": "" if ask.source is Source.APP else ask.request_id,
    }


def post_answer(order: Order, tracking_id: str, now_ns: int) -> dict[str, Any]:
    """Return PostOrder's answer; its executed price is the average of one piece."""
    currency = order.ask.instrument.currency
    return _common(order) | {
        "executedOrderPrice": money(_average(order), currency),
        "aciValue": money(0, currency),
        "message": f"CAUSE_{order.cause}" if order.rejected else "",
        "responseMetadata": {"trackingId": tracking_id, "serverTime": timestamp(now_ns)},
    }


def cancel_answer(tracking_id: str, now_ns: int) -> dict[str, Any]:
    """Return CancelOrder's answer: only that the venue took the wish, and when."""
    now = timestamp(now_ns)
    return {"time": now, "responseMetadata": {"trackingId": tracking_id, "serverTime": now}}


def async_answer(order: Order) -> dict[str, Any]:
    """Return PostOrderAsync's answer, which never has an exchange id."""
    return {
        "orderRequestId": order.ask.request_id,
        "executionReportStatus": f"EXECUTION_REPORT_STATUS_{order.status}",
        "tradeIntentId": order.trade_intent_id,
    }


def order_state(order: Order) -> dict[str, Any]:
    """Return the unary OrderState: its stages count lots, its executed price is that of all lots."""
    instrument = order.ask.instrument
    currency = instrument.currency
    return _common(order) | {
        "executedOrderPrice": money(order.executed_nano, currency),
        "averagePositionPrice": money(_average(order), currency),
        "stages": [
            {
                "price": money(trade.price_nano, currency),
                "quantity": str(trade.pieces // instrument.lot_size),
                "tradeId": trade.trade_id,
                "executionTime": timestamp(trade.time_ns),
            }
            for trade in order.trades
        ],
        "serviceCommission": money(0, currency),
        "currency": currency,
        "orderDate": timestamp(order.created_ns),
    }


def max_lots(query: PriceQuery, price_nano: int, cash_nano: int, owned_lots: int) -> dict[str, Any]:
    """Return GetMaxLots' answer: on margin twice the money, and as many lots sold short as it buys."""
    lot_nano = (query.price_nano or price_nano) * query.instrument.lot_size

    def buy(money_nano: int) -> dict[str, Any]:
        return {
            "buyMoneyAmount": quotation(money_nano),
            "buyMaxLots": str(money_nano // lot_nano),
            "buyMaxMarketLots": str(money_nano // (price_nano * query.instrument.lot_size)),
        }

    return {
        "currency": query.instrument.currency,
        "buyLimits": buy(cash_nano),
        "buyMarginLimits": buy(2 * cash_nano),
        "sellLimits": {"sellMaxLots": str(max(0, owned_lots))},
        "sellMarginLimits": {"sellMaxLots": str(max(0, owned_lots) + cash_nano // lot_nano)},
    }


def order_price(query: PriceQuery) -> dict[str, Any]:
    """Return GetOrderPrice's answer; a commission is paid by a buyer, and off a seller's proceeds."""
    currency = query.instrument.currency
    amount_nano = (query.price_nano or 0) * query.lots * query.instrument.lot_size
    commission_nano = _commission(amount_nano)
    total_nano = amount_nano + (commission_nano if query.direction == "BUY" else -commission_nano)
    return {
        "totalOrderAmount": money(total_nano, currency),
        "initialOrderAmount": money(amount_nano, currency),
        "lotsRequested": str(query.lots),
        "executedCommission": money(commission_nano, currency),
        "executedCommissionRub": money(commission_nano, "rub"),
        "serviceCommission": money(0, currency),
        "dealCommission": money(commission_nano, currency),
    }


def account(account_id: str) -> dict[str, Any]:
    """Return one account as GetAccounts shows it."""
    return {
        "id": account_id,
        "type": "ACCOUNT_TYPE_TINKOFF",
        "name": f"Simulated {account_id}",
        "status": "ACCOUNT_STATUS_OPEN",
        "openedDate": "2020-01-15T00:00:00Z",
        "closedDate": None,
        "accessLevel": "ACCOUNT_ACCESS_LEVEL_FULL_ACCESS",
    }


def ledger_entry(order: Order) -> dict[str, Any]:
    """Return what the simulator knows of an order, for who checks others against it."""
    return {
        "account": order.ask.account,
        "order_request_id": order.ask.request_id,
        "order_id": order.exchange_id,
        "instrument": order.ask.instrument_id,
        "symbol": order.ask.instrument.ticker,
        "side": order.ask.direction,
        "lot_size": order.ask.instrument.lot_size,
        "lots_requested": order.ask.lots,
        "lots_executed": order.lots_executed,
        "lots_cancelled": order.lots_cancelled,
        "status": f"EXECUTION_REPORT_STATUS_{order.status}",
        "final": order.is_final,
        "told": order.told,
        "trades": [
            {"trade_id": trade.trade_id, "price": decimal(trade.price_nano), "quantity": str(trade.pieces)}
            for trade in order.trades
        ],
        "created_ns": order.created_ns,
        "changed_ns": order.changed_ns,
        "order_type": order.ask.order_type,
        "time_in_force": order.ask.time_in_force,
        "price": None if order.ask.price_nano is None else decimal(order.ask.price_nano),
        "cause": str(order.cause),
        "source": str(order.ask.source),
        "trade_intent_id": order.trade_intent_id,
        "replaces": order.replaces,
        "replaced_by": order.replaced_by,
        "stop_order_id": order.stop_order_id,
        "cancel_requests": cancel_requests(order.cancel_requests),
    }


def cancel_requests(requests: tuple[CancelRequest, ...]) -> list[dict[str, Any]]:
    """Return the ledger's list of wishes to cancel; `code` null is one that the venue accepted."""
    return [{"kind": one.kind, "asked_ns": one.asked_ns, "code": one.code, "done": one.done} for one in requests]
