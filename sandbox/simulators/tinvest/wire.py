"""The exchange's state in T-Invest's JSON: int64 as text, enums by full name, times to the nanosecond.

Sources: T-Invest, asyncapi.yaml (OrderStateStream), openapi.yaml (OrdersService), orders.proto.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from sandbox.simulators.tinvest.orders import Order

__all__ = [
    "account",
    "async_answer",
    "frame",
    "ledger_entry",
    "nano_of",
    "order_state",
    "ping",
    "post_answer",
    "read_timestamp",
    "stream_order",
    "subscription",
    "timestamp",
]

GIGA = 1_000_000_000
INT64_MAX = 2**63 - 1
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def frame(payload: dict[str, Any]) -> str:
    """Return one stream message."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def timestamp(ns: int) -> str:
    """Return a time as protobuf's JSON writes it: UTC, with 0, 3, 6 or 9 decimals, as many as it needs."""
    seconds, nano = divmod(ns, GIGA)
    digits = f"{nano:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{digits}Z" if digits else f"{moment}Z"


def read_timestamp(text: str) -> int:
    """Return the nanoseconds of Unix time of an RFC 3339 time in UTC.

    Raises:
        ValueError: the text is none.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time in UTC")
    moment = datetime.fromisoformat(f"{found[1]}+00:00")
    return int(moment.timestamp()) * GIGA + int((found[2] or "").ljust(9, "0"))


def nano_of(quotation: Any) -> int:
    """Return the nano units of a Quotation.

    Raises:
        ValueError: it is none; both parts must be whole numbers of one sign, `nano` below 10**9.
    """
    if not isinstance(quotation, dict):
        raise ValueError(f"{quotation!r} is no Quotation")  # noqa: TRY004 -- one error for all that a client may send
    units, nano = int(quotation.get("units", 0)), int(quotation.get("nano", 0))
    if abs(nano) >= GIGA or abs(units) > INT64_MAX or units * nano < 0:
        raise ValueError(f"units {units} and nano {nano} make no Quotation")
    return units * GIGA + nano


def _quotation(nano: int) -> dict[str, Any]:
    sign = -1 if nano < 0 else 1
    units, rest = divmod(abs(nano), GIGA)
    return {"units": str(sign * units), "nano": sign * rest}


def _money(nano: int, currency: str) -> dict[str, Any]:
    return {"currency": currency, **_quotation(nano)}


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
        "orderRequestId": ask.request_id,
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
        "initialOrderPrice": _money(_amount(order), currency),
        "orderPrice": _money(_price(order), currency),
        "amount": _money(_amount(order), currency),
        "executedOrderPrice": _money(_average(order), currency),
        "currency": currency,
        "lotsRequested": str(ask.lots),
        "lotsExecuted": str(order.lots_executed),
        "lotsLeft": str(order.lots_left),
        "lotsCancelled": str(order.lots_cancelled),
        "marker": "MARKER_UNKNOWN",
        "trades": [
            {
                "dateTime": timestamp(trade.time_ns),
                "price": _quotation(trade.price_nano),
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
        "initialOrderPrice": _money(_amount(order), currency),
        "totalOrderAmount": _money((executed or _amount(order)) + _commission(executed or _amount(order)), currency),
        "initialCommission": _money(_commission(_amount(order)), currency),
        "executedCommission": _money(_commission(executed), currency),
        "figi": instrument.figi,
        "direction": f"ORDER_DIRECTION_{ask.direction}",
        "initialSecurityPrice": _money(_price(order), currency),
        "orderType": f"ORDER_TYPE_{ask.order_type}",
        "instrumentUid": instrument.uid,
        "ticker": instrument.ticker,
        "classCode": instrument.class_code,
        "orderRequestId": ask.request_id,
    }


def post_answer(order: Order, tracking_id: str, now_ns: int) -> dict[str, Any]:
    """Return PostOrder's answer; its executed price is the average of one piece."""
    currency = order.ask.instrument.currency
    return _common(order) | {
        "executedOrderPrice": _money(_average(order), currency),
        "aciValue": _money(0, currency),
        "message": f"CAUSE_{order.cause}" if order.rejected else "",
        "responseMetadata": {"trackingId": tracking_id, "serverTime": timestamp(now_ns)},
    }


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
        "executedOrderPrice": _money(order.executed_nano, currency),
        "averagePositionPrice": _money(_average(order), currency),
        "stages": [
            {
                "price": _money(trade.price_nano, currency),
                "quantity": str(trade.pieces // instrument.lot_size),
                "tradeId": trade.trade_id,
                "executionTime": timestamp(trade.time_ns),
            }
            for trade in order.trades
        ],
        "serviceCommission": _money(0, currency),
        "currency": currency,
        "orderDate": timestamp(order.created_ns),
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
            {"trade_id": trade.trade_id, "price": _decimal(trade.price_nano), "quantity": str(trade.pieces)}
            for trade in order.trades
        ],
        "created_ns": order.created_ns,
    }


def _decimal(nano: int) -> str:
    units, rest = divmod(nano, GIGA)
    return f"{units}.{rest:09}".rstrip("0").rstrip(".")
