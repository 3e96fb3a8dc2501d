"""What T-Invest answers to queries, read exactly, whatever is left out or new; and what is no answer is refused."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateways.printing import facts_of
from producers.gateways.stop_orders import StopStatus
from producers.gateways.tinvest import words
from producers.gateways.tinvest.fields import Fields, Money
from producers.gateways.tinvest.states import Account, MaxLots, OrderPrice, OrderState, StopOrder
from schemas.fix import OrdStatus, OrdType, Side

KINDS = (Account, MaxLots, OrderPrice, OrderState, StopOrder)


def rub(units: str, nano: int = 0) -> dict[str, Any]:
    return {"currency": "rub", "units": units, "nano": nano}


def test_an_account_is_told_with_what_the_token_may_do() -> None:
    # T-Invest, REST reference, GetAccounts.
    account = Account.read(
        Fields(
            {
                "id": "2000000001",
                "type": "ACCOUNT_TYPE_TINKOFF",
                "name": "Брокерский счёт",
                "status": "ACCOUNT_STATUS_OPEN",
                "openedDate": "2020-01-15T00:00:00Z",
                "closedDate": None,
                "accessLevel": "ACCOUNT_ACCESS_LEVEL_FULL_ACCESS",
            }
        )
    )
    assert (account.account, account.opened_ns, account.closed_ns) == ("2000000001", 1_579_046_400 * 10**9, None)


def test_an_order_is_told_in_fix_words_with_the_venues_beside() -> None:
    order = OrderState.read(
        Fields(
            {
                "orderId": "12345678",
                "orderRequestId": "c3d4e5f6-a7b8-4012-8def-123456789012",
                "executionReportStatus": "EXECUTION_REPORT_STATUS_PARTIALLYFILL",
                "lotsRequested": "5",
                "lotsExecuted": "2",
                "direction": "ORDER_DIRECTION_SELL",
                "orderType": "ORDER_TYPE_BESTPRICE",
                "currency": "rub",
                "initialSecurityPrice": rub("-250", -500_000_000),
                "totalOrderAmount": rub(str(2**63 - 1), 999_999_999),
                "orderDate": "2025-02-16T10:30:00.123456789Z",
                "stages": [{"tradeId": "T1", "quantity": "2", "price": rub("250"), "executionTime": ""}],
                "aFieldOfTheFuture": {"units": []},
            }
        )
    )
    assert (order.ord_status, order.side, order.ord_type) == (
        OrdStatus.PARTIALLY_FILLED,
        Side.SELL,
        OrdType.BEST_PRICE,
    )
    assert order.initial_security_price == Money(Decimal("-250.5"), "RUB")
    assert order.total_order_amount == Money(Decimal("9223372036854775807.999999999"), "RUB")
    assert (order.lots_requested, order.lots_executed, order.order_ns) == (5, 2, 1_739_701_800_123_456_789)
    (stage,) = order.stages
    assert (stage.trade_id, stage.quantity, stage.execution_ns) == ("T1", 2, None)
    assert order.executed_commission is None


def test_a_word_that_is_not_known_is_kept_and_not_guessed() -> None:
    order = OrderState.read(Fields({"orderId": "1", "executionReportStatus": "EXECUTION_REPORT_STATUS_FROZEN"}))
    assert (order.ord_status, order.venue_status) == (None, "EXECUTION_REPORT_STATUS_FROZEN")
    assert (order.side, order.ord_type) == (None, None)


STOP = {"stopOrderId": "s", "orderType": "STOP_ORDER_TYPE_TAKE_PROFIT", "status": "STOP_ORDER_STATUS_EXECUTED"}


@pytest.mark.parametrize(
    ("changes", "ord_type"),
    [
        ({}, OrdType.TAKE_PROFIT),
        ({"takeProfitType": "TAKE_PROFIT_TYPE_REGULAR"}, OrdType.TAKE_PROFIT),
        ({"takeProfitType": "TAKE_PROFIT_TYPE_TRAILING"}, OrdType.TRAILING_TAKE_PROFIT),
        ({"orderType": "STOP_ORDER_TYPE_STOP_LOSS"}, OrdType.STOP),
        ({"orderType": "STOP_ORDER_TYPE_STOP_LIMIT"}, OrdType.STOP_LIMIT),
        ({"orderType": 2}, OrdType.STOP),
        ({"orderType": "STOP_ORDER_TYPE_OF_THE_FUTURE"}, None),
    ],
)
def test_a_stop_orders_type_is_read_from_both_of_its_types(changes: dict[str, Any], ord_type: OrdType | None) -> None:
    stop = StopOrder.read(Fields(STOP | changes))
    assert (stop.ord_type, stop.status) == (ord_type, StopStatus.EXECUTED)


def test_a_stop_order_names_the_order_that_it_became_and_how_it_followed_the_price() -> None:
    stop = StopOrder.read(
        Fields(
            STOP
            | {
                "takeProfitType": "TAKE_PROFIT_TYPE_TRAILING",
                "exchangeOrderId": "77",
                "stopPrice": rub("300"),
                "expirationTime": "2099-01-31T18:00:00.5Z",
                "trailingData": {
                    "indent": {"units": "1", "nano": 500_000_000},
                    "indentType": "TRAILING_VALUE_RELATIVE",
                    "status": "TRAILING_STOP_ACTIVATED",
                    "extr": {"units": "310"},
                },
            }
        )
    )
    assert (stop.exchange_order_id, stop.expire_ns) == ("77", 4_073_565_600_500_000_000)
    assert stop.trailing is not None
    assert (stop.trailing.indent, stop.trailing.extremum, stop.trailing.spread) == (Decimal("1.5"), Decimal(310), None)


def test_limits_and_prices_are_read_from_their_inner_messages() -> None:
    lots = MaxLots.read(
        Fields(
            {
                "currency": "rub",
                "buyLimits": {"buyMoneyAmount": {"units": "1000", "nano": 10_000_000}, "buyMaxLots": "3"},
                "sellMarginLimits": {"sellMaxLots": "9"},
            }
        )
    )
    assert (lots.buy_money, lots.buy_lots, lots.sell_lots, lots.sell_margin_lots) == (Decimal("1000.01"), 3, 0, 9)
    cost = OrderPrice.read(
        Fields({"lotsRequested": "2", "totalOrderAmount": rub("10"), "extraBond": {"aciValue": rub("0", 70_000_000)}})
    )
    assert (cost.lots_requested, cost.aci_value) == (2, Money(Decimal("0.07"), "RUB"))
    assert cost.initial_margin is None


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({}, "orderId is missing"),
        ({"orderId": ["1"]}, "orderId"),
        ({"orderId": True}, "orderId"),
        ({"orderId": "1", "lotsRequested": "many"}, "lotsRequested"),
        ({"orderId": "1", "lotsRequested": "1.5"}, "lotsRequested"),
        ({"orderId": "1", "lotsRequested": "9" * 5000}, "lotsRequested"),
        ({"orderId": "1", "totalOrderAmount": 5}, "totalOrderAmount"),
        ({"orderId": "1", "totalOrderAmount": {"units": "1", "nano": -1}}, "totalOrderAmount"),
        ({"orderId": "1", "orderDate": "yesterday"}, "orderDate"),
        ({"orderId": "1", "stages": {}}, "stages"),
        ({"orderId": "1", "stages": [1]}, "stages"),
    ],
)
def test_what_is_no_order_is_refused_by_the_fields_name(message: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        OrderState.read(Fields(message))


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"null", b"[]", b"1", b"[" * 100_000])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the table says what is wrong
        Fields.of(body)


NAMES = (
    "id",
    "orderId",
    "stopOrderId",
    "stages",
    "price",
    "trailingData",
    "status",
    "currency",
    "buyLimits",
    "quantity",
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_message_at_all_can_break_the_reading_and_what_is_read_can_be_printed(message: dict[str, Any]) -> None:
    for kind in KINDS:
        try:
            json.dumps(facts_of(kind.read(Fields(message))))  # type: ignore[attr-defined]
        except ValueError:
            continue


# The contract: each enum's values by number.
@pytest.mark.parametrize(
    ("enum", "number", "name"),
    [
        ("OrderDirection", 2, "ORDER_DIRECTION_SELL"),
        ("OrderType", 3, "ORDER_TYPE_BESTPRICE"),
        ("OrderExecutionReportStatus", 1, "EXECUTION_REPORT_STATUS_FILL"),
        ("OrderExecutionReportStatus", 3, "EXECUTION_REPORT_STATUS_CANCELLED"),
        ("OrderExecutionReportStatus", 5, "EXECUTION_REPORT_STATUS_PARTIALLYFILL"),
        ("StopOrderDirection", 1, "STOP_ORDER_DIRECTION_BUY"),
        ("StopOrderType", 1, "STOP_ORDER_TYPE_TAKE_PROFIT"),
        ("StopOrderType", 3, "STOP_ORDER_TYPE_STOP_LIMIT"),
        ("StopOrderStatusOption", 2, "STOP_ORDER_STATUS_ACTIVE"),
        ("StopOrderStatusOption", 5, "STOP_ORDER_STATUS_EXPIRED"),
        ("TakeProfitType", 2, "TAKE_PROFIT_TYPE_TRAILING"),
        ("ExchangeOrderType", 1, "EXCHANGE_ORDER_TYPE_MARKET"),
        ("TrailingValueType", 2, "TRAILING_VALUE_RELATIVE"),
        ("TrailingStopStatus", 2, "TRAILING_STOP_ACTIVATED"),
        ("AccountType", 3, "ACCOUNT_TYPE_INVEST_BOX"),
        ("AccountStatus", 3, "ACCOUNT_STATUS_CLOSED"),
        ("AccessLevel", 2, "ACCOUNT_ACCESS_LEVEL_READ_ONLY"),
    ],
)
def test_an_enum_that_comes_as_a_number_is_read_by_the_contract(enum: str, number: int, name: str) -> None:
    assert words.name_of(enum, str(number)) == words.name_of(enum, name) == name
    assert words.name_of(enum, "99") == "99"
    assert words.name_of(enum, "0").endswith("_UNSPECIFIED")
