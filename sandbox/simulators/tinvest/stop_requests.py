"""What the simulated venue makes of a request's JSON on stop orders.

Sources: T-Invest, stoporders.proto and errors (codes and messages).
"""

from typing import Any

from sandbox.simulators.tinvest.fields import (
    Body,
    EnumField,
    check_price_type,
    is_between,
    optional_price,
    read_account,
    read_instrument,
    read_key,
    read_lots,
    read_period,
    read_price,
)
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.stops import StopAsk, StopOrder, Trailing
from sandbox.simulators.tinvest.values import nano_of, read_timestamp

__all__ = ["chosen_stops", "read_stop_ask"]

DIRECTION = EnumField("direction", "STOP_ORDER_DIRECTION_", ("UNSPECIFIED", "BUY", "SELL"), "30020", "30019")
STOP_ORDER_TYPE = EnumField(
    "stopOrderType",
    "STOP_ORDER_TYPE_",
    ("UNSPECIFIED", "TAKE_PROFIT", "STOP_LOSS", "STOP_LIMIT"),
    "30038",
    "30037",
)
EXPIRATION = EnumField(
    "expirationType",
    "STOP_ORDER_EXPIRATION_TYPE_",
    ("UNSPECIFIED", "GOOD_TILL_CANCEL", "GOOD_TILL_DATE"),
    "30044",
    "30043",
)
EXCHANGE_ORDER_TYPE = EnumField(
    "exchangeOrderType", "EXCHANGE_ORDER_TYPE_", ("UNSPECIFIED", "MARKET", "LIMIT"), "30105"
)
TAKE_PROFIT_TYPE = EnumField("takeProfitType", "TAKE_PROFIT_TYPE_", ("UNSPECIFIED", "REGULAR", "TRAILING"), "30241")
STATUS = EnumField(
    "status",
    "STOP_ORDER_STATUS_",
    ("UNSPECIFIED", "ALL", "ACTIVE", "EXECUTED", "CANCELED", "EXPIRED"),
    "30106",
)
_VALUE_NAMES = ("UNSPECIFIED", "ABSOLUTE", "RELATIVE")
INDENT_TYPE = EnumField("indentType", "TRAILING_VALUE_", _VALUE_NAMES, "30039", "30211")
SPREAD_TYPE = EnumField("spreadType", "TRAILING_VALUE_", _VALUE_NAMES, "30039", "30212")


def read_stop_ask(body: Body, accounts: list[str], now_ns: int) -> StopAsk:
    """Return the stop order that a PostStopOrder asks for.

    Raises:
        Refusal: as the venue would.
    """
    account = read_account(body, accounts)
    instrument, instrument_id = read_instrument(body)
    check_price_type(body)
    kind = STOP_ORDER_TYPE.read(body)
    lots = read_lots(body)
    direction = DIRECTION.read(body)
    take_profit_type = TAKE_PROFIT_TYPE.read(body, "UNSPECIFIED")
    if kind != "TAKE_PROFIT" and take_profit_type != "UNSPECIFIED":
        raise Refusal("30241")
    exchange_order_type = EXCHANGE_ORDER_TYPE.read(body, "UNSPECIFIED")
    needs_price = kind == "STOP_LIMIT" or (kind == "TAKE_PROFIT" and exchange_order_type == "LIMIT")
    trailing = _trailing(body) if take_profit_type == "TRAILING" else None
    price_nano = optional_price(body, instrument)
    if needs_price and trailing is None and price_nano is None:
        raise Refusal("30017")
    return StopAsk(
        account=account,
        request_id=read_key(body, "orderId", None, missing="30027", invalid="30028", too_long="30055"),
        instrument=instrument,
        instrument_id=instrument_id,
        direction=direction,
        stop_order_type=kind,
        lots=lots,
        stop_price_nano=read_price(body, instrument, "stopPrice", "30036"),
        price_nano=price_nano,
        expire_ns=_expire_ns(body, now_ns),
        exchange_order_type=exchange_order_type,
        take_profit_type=take_profit_type,
        trailing=trailing,
        instant=body.get("instantExecution") is True,
    )


def _expire_ns(body: Body, now_ns: int) -> int | None:
    if EXPIRATION.read(body) == "GOOD_TILL_CANCEL":
        return None
    try:
        expire_ns = read_timestamp(body["expireDate"])
    except (KeyError, ValueError, TypeError):
        raise Refusal("30040") from None
    if expire_ns <= now_ns:
        raise Refusal("30063")
    return expire_ns


def _trailing(body: Body) -> Trailing:
    data = body.get("trailingData")
    if not isinstance(data, dict):
        raise Refusal("30210")
    indent_type, spread_nano = INDENT_TYPE.read(data), _distance(data, "spread")
    spread_type = SPREAD_TYPE.read(data) if spread_nano else "ABSOLUTE"
    indent_nano = _distance(data, "indent")
    if indent_nano <= 0:
        raise Refusal("30039")
    return Trailing(indent_nano, indent_type, spread_nano, spread_type)


def _distance(data: dict[str, Any], name: str) -> int:
    try:
        nano = nano_of(data.get(name) or {})
    except (ValueError, TypeError):
        raise Refusal("30039") from None
    if nano < 0:
        raise Refusal("30039")
    return nano


def chosen_stops(stops: list[StopOrder], body: Body) -> list[StopOrder]:
    """Return those of an account's stop orders that GetStopOrders shows: without a status the active ones.

    Raises:
        Refusal: a filter is none.
    """
    status, period = STATUS.read(body, "ACTIVE"), read_period(body)
    return [
        stop for stop in stops if stop.told and status in ("ALL", stop.status) and is_between(stop.created_ns, period)
    ]
