"""Cancels, replaces and stop orders: what can't be right is refused, and what is journaled says what is asked."""

from decimal import Decimal
from typing import Any

import pytest

from dropcopy.errors import UsageError
from dropcopy.registry import AvroWriter
from producers.gateways.orders import AmendOrder, CancelOrder, CancelStopOrder, PriceType, ReplaceOrder
from producers.gateways.outcomes import Accepted
from producers.gateways.records import OrderRequest, intent_record, outcome_record
from producers.gateways.stop_orders import NewStopOrder, Trailing
from schemas.fix import OrdType, Side, TimeInForce
from tests.producers.gateways.test_new_orders import REQUEST_ID, an_order

OLD_ID = "c3d4e5f6-a7b8-4012-8def-123456789012"
AT_NS = 4_073_565_600_500_000_000


def a_stop(**changes: Any) -> NewStopOrder:
    facts: dict[str, Any] = {
        "account": "2000000001",
        "instrument": "BBG004730N88",
        "side": Side.SELL,
        "ord_type": OrdType.STOP,
        "quantity": Decimal(1),
        "stop_price": Decimal(220),
        "order_request_id": REQUEST_ID,
    }
    return NewStopOrder(**(facts | changes))


def a_replace(**changes: Any) -> ReplaceOrder:
    facts: dict[str, Any] = {
        "account": "2000000001",
        "orig_venue_order_id": "12345678",
        "quantity": Decimal(3),
        "price": Decimal(260),
        "order_request_id": REQUEST_ID,
    }
    return ReplaceOrder(**(facts | changes))


def an_amend(**changes: Any) -> AmendOrder:
    facts: dict[str, Any] = {
        "account": "2000000001",
        "orig_venue_order_id": "12345678",
        "price": Decimal(260),
        "order_request_id": REQUEST_ID,
    }
    return AmendOrder(**(facts | changes))


BOTH = {"ord_type": OrdType.TAKE_PROFIT_STOP_LOSS, "take_profit_price": Decimal(250)}


def a_trailing(**changes: Any) -> Trailing:
    return Trailing(**({"indent": Decimal("1.5")} | changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": ""}, "account"),
        ({"instrument": "a b"}, "instrument"),
        ({"side": "SELL"}, "side"),
        ({"ord_type": OrdType.LIMIT}, "ord_type"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"stop_price": None}, "stop_price is missing"),
        ({"stop_price": Decimal("NaN")}, "stop_price"),
        ({"stop_price": 220}, "stop_price"),
        ({"price": Decimal(1)}, "price=1"),
        ({"ord_type": OrdType.STOP_LIMIT}, "price is missing"),
        ({"ord_type": OrdType.STOP_LIMIT, "price": 1.5}, "price"),
        ({"ord_type": OrdType.TAKE_PROFIT, "price": Decimal("Infinity")}, "price"),
        ({"trailing": a_trailing()}, "trailing="),
        ({"take_profit_price": Decimal(1)}, "take_profit_price=1"),
        ({"ord_type": OrdType.TAKE_PROFIT_STOP_LOSS}, "take_profit_price is missing"),
        ({"ord_type": OrdType.TAKE_PROFIT_STOP_LOSS, "take_profit_price": 1}, "take_profit_price=1 must be"),
        (BOTH | {"stop_price": None}, "stop_price is missing"),
        (BOTH | {"price": Decimal(1)}, "price=1"),
        ({"event": "a b"}, "event"),
        ({"ord_type": OrdType.TAKE_PROFIT, "trailing": a_trailing()}, "trailing="),
        ({"ord_type": OrdType.TRAILING_TAKE_PROFIT}, "trailing is missing"),
        ({"time_in_force": TimeInForce.DAY}, "time_in_force"),
        ({"time_in_force": None}, "time_in_force"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE}, "expire_ns is missing"),
        ({"expire_ns": AT_NS}, "expire_ns="),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 0}, "expire_ns=0"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 1.5}, "expire_ns=1.5"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": True}, "expire_ns=True"),
        ({"price_type": "POINT"}, "price_type"),
        ({"confirm_margin_trade": 1}, "confirm_margin_trade"),
        ({"instant_execution": "no"}, "instant_execution"),
        ({"order_request_id": "mine"}, "order_request_id"),
    ],
)
def test_a_stop_order_that_cannot_be_right_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        a_stop(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ord_type": OrdType.STOP_LIMIT, "price": Decimal(218)},
        {"ord_type": OrdType.TAKE_PROFIT},
        {"ord_type": OrdType.TAKE_PROFIT, "price": Decimal("-1")},
        {"ord_type": OrdType.TRAILING_TAKE_PROFIT, "stop_price": None, "trailing": a_trailing()},
        BOTH | {"event": "e", "outcome": "o", "quote": "q"},
        {"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": AT_NS},
    ],
)
def test_every_kind_of_stop_order_can_be_asked_for(changes: dict[str, Any]) -> None:
    a_stop(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"indent": Decimal(0)}, "indent"),
        ({"indent": 1}, "indent"),
        ({"indent_unit": "%"}, "indent_unit"),
        ({"spread": Decimal(-1)}, "spread=-1"),
        ({"spread": 0.5}, "spread"),
        ({"spread": Decimal("NaN")}, "spread"),
        ({"spread_unit": None}, "spread_unit"),
    ],
)
def test_a_way_to_follow_the_price_that_cannot_be_right_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        a_trailing(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": ""}, "account"),
        ({"orig_venue_order_id": None}, "orig_venue_order_id or orig_order_request_id"),
        ({"orig_venue_order_id": ""}, "orig_venue_order_id"),
        ({"orig_order_request_id": "a b"}, "orig_order_request_id"),
        ({"orig_order_request_id": REQUEST_ID}, "order_request_id=.* is the old order's"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"price": 260}, "price"),
        ({"price_type": 1}, "price_type"),
        ({"confirm_margin_trade": None}, "confirm_margin_trade"),
        ({"order_request_id": "1"}, "order_request_id"),
    ],
)
def test_a_replace_that_cannot_be_right_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        a_replace(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": ""}, "account"),
        ({"orig_venue_order_id": None}, "orig_venue_order_id or orig_order_request_id"),
        ({"price": None}, "quantity or price is missing"),
        ({"price": 260}, "price"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"order_request_id": "1"}, "order_request_id"),
    ],
)
def test_an_amend_that_cannot_be_right_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        an_amend(**changes)


@pytest.mark.parametrize("kind", [CancelOrder, CancelStopOrder])
@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"account": "", "orig_venue_order_id": "1"}, "account"),
        ({"account": "A"}, "orig_venue_order_id or orig_order_request_id"),
        ({"account": "A", "orig_order_request_id": "\n"}, "orig_order_request_id"),
        ({"account": "A", "orig_venue_order_id": "1", "order_request_id": "1"}, "order_request_id"),
    ],
)
def test_a_cancel_that_cannot_be_right_is_refused_by_name(
    kind: type[CancelOrder], facts: dict[str, Any], named: str
) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        kind(**facts)


def test_every_cancel_has_an_id_of_its_own() -> None:
    first, second = (CancelOrder(account="A", orig_order_request_id=OLD_ID) for _ in range(2))
    assert len({first.order_request_id, second.order_request_id, OLD_ID}) == 3


CALL = "POST orders {}"
NOTHING = dict.fromkeys(
    (
        *("instrument", "side", "ord_type", "time_in_force", "quantity", "price", "stop_price", "expire_ns"),
        *("orig_order_request_id", "orig_venue_order_id"),
        *("cash_order_qty", "take_profit_price", "display_qty", "peg_offset_value"),
    )
)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (
            CancelOrder(account="2000000001", orig_order_request_id=OLD_ID, order_request_id=REQUEST_ID),
            {"action": "CANCEL", "orig_order_request_id": OLD_ID},
        ),
        (
            CancelStopOrder(account="2000000001", orig_venue_order_id="s", order_request_id=REQUEST_ID),
            {"action": "CANCEL_STOP", "orig_venue_order_id": "s"},
        ),
        (
            a_replace(orig_order_request_id=OLD_ID, price_type=PriceType.CURRENCY),
            {
                "action": "REPLACE",
                "quantity": "3",
                "price": "260",
                "orig_order_request_id": OLD_ID,
                "orig_venue_order_id": "12345678",
            },
        ),
        (
            a_stop(
                ord_type=OrdType.STOP_LIMIT,
                price=Decimal("2.18E+2"),
                time_in_force=TimeInForce.GOOD_TILL_DATE,
                expire_ns=AT_NS,
            ),
            {
                "action": "NEW_STOP",
                "instrument": "BBG004730N88",
                "side": "SELL",
                "ord_type": "STOP_LIMIT",
                "time_in_force": "GOOD_TILL_DATE",
                "quantity": "1",
                "stop_price": "220",
                "price": "218",
                "expire_ns": AT_NS,
            },
        ),
        (
            an_amend(orig_order_request_id=OLD_ID, quantity=Decimal("1.50")),
            {
                "action": "AMEND",
                "quantity": "1.50",
                "price": "260",
                "orig_order_request_id": OLD_ID,
                "orig_venue_order_id": "12345678",
            },
        ),
        (
            an_order(ord_type=OrdType.CEILING, price=None, quantity=None, cash_order_qty=Decimal("1E+2")),
            {
                "action": "NEW",
                "instrument": "BBG004730N88",
                "side": "BUY",
                "ord_type": "CEILING",
                "cash_order_qty": "100",
            },
        ),
        (
            an_order(confirm_margin_trade=True),
            {
                "action": "NEW",
                "instrument": "BBG004730N88",
                "side": "BUY",
                "ord_type": "LIMIT",
                "quantity": "5",
                "price": "250.50",
            },
        ),
    ],
)
def test_a_record_says_all_that_is_asked_and_nothing_else(request_: OrderRequest, told: dict[str, Any]) -> None:
    intent = intent_record("tinvest", request_, CALL, 7)
    assert intent == NOTHING | told | {
        "order_request_id": REQUEST_ID,
        "venue": "tinvest",
        "account": "2000000001",
        "phase": "INTENT",
        "submitted_ns": 7,
        "phase_ns": 7,
        "venue_request": CALL,
        **dict.fromkeys(("venue_order_id", "venue_status", "code", "text", "tracking_id")),
    }
    taken = Accepted(order_request_id=REQUEST_ID, venue_order_id="9", transact_ns=8)
    outcome = outcome_record(intent, taken, 9)
    assert outcome == intent | {"phase": "ACCEPTED", "phase_ns": 9, "venue_order_id": "9", "venue_request": None}
    assert AvroWriter("submitted", 1)(intent)
    assert AvroWriter("submitted", 1)(outcome)
