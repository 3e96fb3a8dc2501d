"""T-Invest's stop orders as reports: from the stream, and from GetStopOrders' answer."""

import json
from decimal import Decimal
from typing import Any

import pytest

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.mappings.tinvest import reports
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

STOP_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ACCOUNT = "2000000001"


def unknown_qty(request_id: str | None, name: str | None) -> Decimal | None:
    return None


def of_stream(**changes: Any) -> Report:
    state = {
        "stopOrderId": STOP_ID,
        "accountId": ACCOUNT,
        "createdAt": "2026-01-31T09:15:14Z",
        "direction": "ORDER_DIRECTION_SELL",
        "price": {"currency": "rub", "units": "259", "nano": 0},
        "stopPrice": {"currency": "rub", "units": "260", "nano": 500_000_000},
        "orderType": "ORDER_TYPE_LIMIT",
        "instrumentUid": "e6123145-9665-43e0-8413-cd61b8aa9b13",
        "ticker": "SBER",
        "classCode": "TQBR",
        "status": "STOP_ORDER_STATUS_ACTIVE",
    } | changes
    (found,) = reports(json.dumps({"stopOrderState": state}).encode(), "order-state-stream", ACCOUNT, unknown_qty)
    return found


def stop_order(**changes: Any) -> dict[str, Any]:
    return {
        "stopOrderId": STOP_ID,
        "lotsRequested": "2",
        "direction": "STOP_ORDER_DIRECTION_SELL",
        "currency": "rub",
        "orderType": "STOP_ORDER_TYPE_STOP_LIMIT",
        "createDate": "2026-01-31T09:15:14Z",
        "price": {"currency": "rub", "units": "259", "nano": 0},
        "stopPrice": {"currency": "rub", "units": "260", "nano": 500_000_000},
        "instrumentUid": "e6123145-9665-43e0-8413-cd61b8aa9b13",
        "status": "STOP_ORDER_STATUS_ACTIVE",
        "ticker": "SBER",
    } | changes


def of_answer(*orders: dict[str, Any]) -> list[Report]:
    body = json.dumps({"stopOrders": list(orders)}).encode()
    return list(reports(body, "rest:GetStopOrders", ACCOUNT, unknown_qty))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("STOP_ORDER_STATUS_ACTIVE", OrdStatus.NEW),
        ("STOP_ORDER_STATUS_EXECUTED", OrdStatus.TRIGGERED),
        ("STOP_ORDER_STATUS_CANCELED", OrdStatus.CANCELED),
        ("STOP_ORDER_STATUS_EXPIRED", OrdStatus.EXPIRED),
    ],
)
def test_each_status_of_a_stop_order_is_said_the_same_by_both_sides(word: str, status: OrdStatus) -> None:
    (answered,) = of_answer(stop_order(status=word))

    assert of_stream(status=word).ord_status is answered.ord_status is status


@pytest.mark.parametrize("word", ["STOP_ORDER_STATUS_ALL", "STOP_ORDER_STATUS_UNSPECIFIED", "BROKEN", ""])
def test_a_status_that_says_nothing_is_refused_by_name(word: str) -> None:
    with pytest.raises(MappingError, match="status"):
        of_stream(status=word)


def test_a_stop_order_goes_by_the_venues_id_alone() -> None:
    found = of_stream()

    assert (found.order_request_id, found.venue_order_id, found.account) == (None, STOP_ID, ACCOUNT)
    assert (found.side, found.symbol) == (Side.SELL, "SBER")
    assert (found.price, found.stop_price) == (Decimal(259), Decimal("260.5"))
    assert found.ord_type is None, "orderType is of the order that it would become"


def test_without_an_id_it_is_refused() -> None:
    with pytest.raises(MappingError, match="stopOrderId"):
        of_stream(stopOrderId="")


@pytest.mark.parametrize(
    ("changes", "ord_type"),
    [
        ({"orderType": "STOP_ORDER_TYPE_STOP_LOSS"}, OrdType.STOP),
        ({"orderType": "STOP_ORDER_TYPE_STOP_LIMIT"}, OrdType.STOP_LIMIT),
        ({"orderType": "STOP_ORDER_TYPE_TAKE_PROFIT"}, OrdType.TAKE_PROFIT),
        (
            {"orderType": "STOP_ORDER_TYPE_TAKE_PROFIT", "takeProfitType": "TAKE_PROFIT_TYPE_REGULAR"},
            OrdType.TAKE_PROFIT,
        ),
        (
            {"orderType": "STOP_ORDER_TYPE_TAKE_PROFIT", "takeProfitType": "TAKE_PROFIT_TYPE_TRAILING"},
            OrdType.TRAILING_TAKE_PROFIT,
        ),
        ({"orderType": "STOP_ORDER_TYPE_NEWEST"}, None),
    ],
)
def test_the_types_of_stop_orders(changes: dict[str, str], ord_type: OrdType | None) -> None:
    assert of_answer(stop_order(**changes))[0].ord_type is ord_type


def test_which_order_it_became_is_told_by_the_answer() -> None:
    (found,) = of_answer(stop_order(status="STOP_ORDER_STATUS_EXECUTED", exchangeOrderId="7001"))

    assert found.triggers_id == "7001"


@pytest.mark.parametrize(
    ("expiration", "time_in_force", "expire_ns"),
    [
        ("2026-02-28T20:59:59Z", TimeInForce.GOOD_TILL_DATE, 1_772_312_399_000_000_000),
        ("", TimeInForce.GOOD_TILL_CANCEL, None),
        ("1970-01-01T00:00:00Z", TimeInForce.GOOD_TILL_CANCEL, None),
        ("0001-01-01T00:00:00Z", TimeInForce.GOOD_TILL_CANCEL, None),
    ],
)
def test_until_when_it_stands(expiration: str, time_in_force: TimeInForce, expire_ns: int | None) -> None:
    (found,) = of_answer(stop_order(expirationTime=expiration))

    assert (found.time_in_force, found.expire_ns) == (time_in_force, expire_ns)


def test_a_market_stop_has_no_price_whichever_way_the_venue_leaves_it_out() -> None:
    told = [stop_order(price={"currency": "rub", "units": "0", "nano": 0}), stop_order()]
    del told[1]["price"]

    assert [found.price for found in of_answer(*told)] == [None, None]


def test_of_an_answer_with_one_that_cant_be_read_the_others_are_kept() -> None:
    with pytest.raises(MappingError, match="status") as caught:
        of_answer(stop_order(), stop_order(status="NEWEST"), stop_order())

    assert len(caught.value.reports) == 2


def test_the_answer_of_get_order_state_is_one_report() -> None:
    body = json.dumps(
        {
            "orderId": "7001",
            "orderRequestId": "a1b2c3d4-e5f6-4890-abcd-ef1234567890",
            "executionReportStatus": "EXECUTION_REPORT_STATUS_CANCELLED",
            "lotsRequested": "3",
            "lotsExecuted": "1",
            "direction": "ORDER_DIRECTION_BUY",
            "orderType": "ORDER_TYPE_LIMIT",
        }
    ).encode()
    (found,) = reports(body, "rest:GetOrderState", ACCOUNT, lambda request_id, name: Decimal(30))

    assert (found.ord_status, found.cum_qty, found.order_qty) == (OrdStatus.CANCELED, Decimal(10), Decimal(30))
