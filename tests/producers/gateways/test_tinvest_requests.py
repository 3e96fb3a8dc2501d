"""What each call says to T-Invest: the examples of its REST reference, and the contract's other fields."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import UsageError
from producers.gateways.orders import CancelOrder, CancelStopOrder, PriceType
from producers.gateways.stop_orders import StopStatus, TrailingUnit
from producers.gateways.tinvest import requests
from producers.gateways.tinvest.quotation import from_quotation
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce
from tests.producers.gateways.test_new_orders import REQUEST_ID, an_order
from tests.producers.gateways.test_other_requests import AT_NS, OLD_ID, a_replace, a_stop, a_trailing

ACCOUNT = "2000000001"


def test_a_new_order_says_its_price_type_and_its_consent_only_where_it_has_them() -> None:
    body = json.loads(requests.post_order_body(an_order(price_type=PriceType.POINT, confirm_margin_trade=True)))
    assert (body["priceType"], body["confirmMarginTrade"]) == ("PRICE_TYPE_POINT", True)
    assert {"priceType", "confirmMarginTrade"}.isdisjoint(json.loads(requests.post_order_body(an_order())))


def test_a_replace_names_the_old_order_and_brings_the_new_ones_key() -> None:
    assert json.loads(requests.replace_order_body(a_replace(price_type=PriceType.CURRENCY))) == {
        "accountId": ACCOUNT,
        "orderId": "12345678",
        "orderIdType": "ORDER_ID_TYPE_EXCHANGE",
        "idempotencyKey": REQUEST_ID,
        "quantity": "3",
        "price": {"units": "260", "nano": 0},
        "priceType": "PRICE_TYPE_CURRENCY",
    }


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"orig_venue_order_id": "1"}, {"orderId": "1", "orderIdType": "ORDER_ID_TYPE_EXCHANGE"}),
        ({"orig_order_request_id": OLD_ID}, {"orderId": OLD_ID, "orderIdType": "ORDER_ID_TYPE_REQUEST"}),
        # The exchange's own number is the surer name.
        (
            {"orig_venue_order_id": "1", "orig_order_request_id": OLD_ID},
            {"orderId": "1", "orderIdType": "ORDER_ID_TYPE_EXCHANGE"},
        ),
    ],
)
def test_an_order_is_named_by_either_id_and_the_venue_is_told_which(
    named: dict[str, str], told: dict[str, str]
) -> None:
    cancel = CancelOrder(account=ACCOUNT, **named)
    assert json.loads(requests.cancel_order_body(cancel)) == {"accountId": ACCOUNT} | told
    replace = json.loads(requests.replace_order_body(a_replace(**({"orig_venue_order_id": None} | named))))
    assert {name: replace[name] for name in told} == told
    asked = requests.order_state_body(
        ACCOUNT, named.get("orig_venue_order_id"), named.get("orig_order_request_id"), None
    )
    assert json.loads(asked) == {"accountId": ACCOUNT} | told


def test_orders_are_asked_for_without_a_filter_or_with_any() -> None:
    assert json.loads(requests.orders_body(ACCOUNT, (), None, None)) == {"accountId": ACCOUNT}
    filtered = json.loads(requests.orders_body(ACCOUNT, (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED), 0, AT_NS))
    assert filtered["advancedFilters"] == {
        "from": "1970-01-01T00:00:00.000000000Z",
        "to": "2099-01-31T18:00:00.500000000Z",
        "executionStatus": ["EXECUTION_REPORT_STATUS_NEW", "EXECUTION_REPORT_STATUS_PARTIALLYFILL"],
    }


STOP: dict[str, Any] = {
    "instrumentId": "BBG004730N88",
    "quantity": "1",
    "stopPrice": {"units": "220", "nano": 0},
    "direction": "STOP_ORDER_DIRECTION_SELL",
    "accountId": ACCOUNT,
    "expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_CANCEL",
    "stopOrderType": "STOP_ORDER_TYPE_STOP_LOSS",
    "orderId": REQUEST_ID,
}
TAKE_PROFIT = STOP | {"stopOrderType": "STOP_ORDER_TYPE_TAKE_PROFIT"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, STOP),
        ({"side": Side.BUY}, STOP | {"direction": "STOP_ORDER_DIRECTION_BUY"}),
        (
            {
                "ord_type": OrdType.STOP_LIMIT,
                "price": Decimal(218),
                "time_in_force": TimeInForce.GOOD_TILL_DATE,
                "expire_ns": AT_NS,
            },
            STOP
            | {
                "stopOrderType": "STOP_ORDER_TYPE_STOP_LIMIT",
                "price": {"units": "218", "nano": 0},
                "expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE",
                "expireDate": "2099-01-31T18:00:00.500000000Z",
            },
        ),
        (
            {"ord_type": OrdType.TAKE_PROFIT},
            TAKE_PROFIT
            | {"exchangeOrderType": "EXCHANGE_ORDER_TYPE_MARKET", "takeProfitType": "TAKE_PROFIT_TYPE_REGULAR"},
        ),
        (
            {"ord_type": OrdType.TAKE_PROFIT, "price": Decimal("299.5")},
            TAKE_PROFIT
            | {
                "price": {"units": "299", "nano": 500000000},
                "exchangeOrderType": "EXCHANGE_ORDER_TYPE_LIMIT",
                "takeProfitType": "TAKE_PROFIT_TYPE_REGULAR",
            },
        ),
        (
            {"ord_type": OrdType.TRAILING_TAKE_PROFIT, "trailing": a_trailing()},
            TAKE_PROFIT
            | {
                "exchangeOrderType": "EXCHANGE_ORDER_TYPE_MARKET",
                "takeProfitType": "TAKE_PROFIT_TYPE_TRAILING",
                "trailingData": {
                    "indent": {"units": "1", "nano": 500000000},
                    "indentType": "TRAILING_VALUE_ABSOLUTE",
                },
            },
        ),
        (
            {
                "ord_type": OrdType.TRAILING_TAKE_PROFIT,
                "trailing": a_trailing(spread=Decimal(0), spread_unit=TrailingUnit.RELATIVE),
            },
            TAKE_PROFIT
            | {
                "exchangeOrderType": "EXCHANGE_ORDER_TYPE_LIMIT",
                "takeProfitType": "TAKE_PROFIT_TYPE_TRAILING",
                "trailingData": {
                    "indent": {"units": "1", "nano": 500000000},
                    "indentType": "TRAILING_VALUE_ABSOLUTE",
                    "spread": {"units": "0", "nano": 0},
                    "spreadType": "TRAILING_VALUE_RELATIVE",
                },
            },
        ),
        (
            {"price_type": PriceType.POINT, "confirm_margin_trade": True, "instant_execution": True},
            STOP | {"priceType": "PRICE_TYPE_POINT", "confirmMarginTrade": True, "instantExecution": True},
        ),
    ],
)
def test_every_kind_of_stop_order_is_said_in_the_venues_words(changes: dict[str, Any], told: dict[str, Any]) -> None:
    assert json.loads(requests.post_stop_order_body(a_stop(**changes))) == told


def test_stop_orders_are_asked_for_by_status_and_time_and_cancelled_by_the_venues_id() -> None:
    assert json.loads(requests.stop_orders_body(ACCOUNT, None, None, None)) == {"accountId": ACCOUNT}
    assert json.loads(requests.stop_orders_body(ACCOUNT, StopStatus.EXPIRED, 0, None)) == {
        "accountId": ACCOUNT,
        "status": "STOP_ORDER_STATUS_EXPIRED",
        "from": "1970-01-01T00:00:00.000000000Z",
    }
    cancel = CancelStopOrder(account=ACCOUNT, orig_venue_order_id="s", orig_order_request_id=OLD_ID)
    assert json.loads(requests.cancel_stop_order_body(cancel)) == {"accountId": ACCOUNT, "stopOrderId": "s"}
    with pytest.raises(UsageError, match=r"^orig_venue_order_id is missing"):
        requests.cancel_stop_order_body(CancelStopOrder(account=ACCOUNT, orig_order_request_id=OLD_ID))


@given(st.decimals(min_value="-1e12", max_value="1e12", places=9), st.integers(1, 2**63 - 1))
def test_numbers_of_every_request_reach_the_venue_exactly(price: Decimal, lots: int) -> None:
    quantity = Decimal(lots)
    stop = a_stop(ord_type=OrdType.STOP_LIMIT, price=price, stop_price=price, quantity=quantity)
    bodies = [
        json.loads(requests.replace_order_body(a_replace(price=price, quantity=quantity))),
        json.loads(requests.post_stop_order_body(stop)),
        json.loads(requests.order_price_body(ACCOUNT, "I", Side.SELL, quantity, price)),
    ]
    assert {from_quotation(body["price"]) for body in bodies} == {price}
    assert from_quotation(bodies[1]["stopPrice"]) == price
    assert {body["quantity"] for body in bodies} == {str(lots)}
    assert from_quotation(json.loads(requests.max_lots_body(ACCOUNT, "I", price))["price"]) == price


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (lambda: requests.replace_order_body(a_replace(quantity=Decimal("1.5"))), "quantity"),
        (lambda: requests.replace_order_body(a_replace(price=Decimal("1E-10"))), "price"),
        (lambda: requests.post_stop_order_body(a_stop(stop_price=Decimal(2**63))), "stop_price"),
        (lambda: requests.post_stop_order_body(a_stop(quantity=Decimal("1E+999999"))), "quantity"),
        (
            lambda: requests.post_stop_order_body(
                a_stop(ord_type=OrdType.TRAILING_TAKE_PROFIT, trailing=a_trailing(indent=Decimal("1E-10")))
            ),
            "indent",
        ),
        (
            lambda: requests.post_stop_order_body(a_stop(time_in_force=TimeInForce.GOOD_TILL_DATE, expire_ns=10**30)),
            "expire_ns",
        ),
        (lambda: requests.orders_body(ACCOUNT, (OrdStatus.EXPIRED,), None, None), "status"),
        (lambda: requests.orders_body(ACCOUNT, (), -(10**30), None), "from"),
    ],
)
def test_what_the_venue_has_no_form_for_is_refused_by_name(body: Any, named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}="):
        body()
