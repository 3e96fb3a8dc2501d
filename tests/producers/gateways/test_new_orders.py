"""An order that can't be right is refused before anything is sent."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import UsageError
from dropcopy.registry import AvroWriter
from producers.gateways.orders import NewOrder
from producers.gateways.outcomes import Accepted, Outcome, Rejected, Unknown
from producers.gateways.records import intent_record, outcome_record
from producers.gateways.tinvest import post_order_body
from producers.gateways.tinvest.quotation import from_quotation
from producers.gateways.tinvest.words import TIMES_IN_FORCE
from schemas.fix import OrdType, Side, TimeInForce

REQUEST_ID = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"


def an_order(**changes: Any) -> NewOrder:
    facts: dict[str, Any] = {
        "account": "2000000001",
        "instrument": "BBG004730N88",
        "side": Side.BUY,
        "ord_type": OrdType.LIMIT,
        "quantity": Decimal(5),
        "price": Decimal("250.50"),
        "order_request_id": REQUEST_ID,
    }
    return NewOrder(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account": ""}, "account"),
        ({"account": "сч"}, "account"),
        ({"instrument": "SBER TQBR"}, "instrument"),
        ({"instrument": "a\nb"}, "instrument"),
        ({"side": "BUY"}, "side"),
        ({"ord_type": None}, "ord_type"),
        ({"ord_type": OrdType.STOP}, "ord_type"),
        ({"ord_type": OrdType.TRAILING_TAKE_PROFIT, "price": None}, "ord_type"),
        ({"time_in_force": "DAY"}, "time_in_force"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal(-1)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": 5.0}, "quantity"),
        ({"price": None}, "price is missing"),
        ({"price": Decimal("Infinity")}, "price"),
        ({"price": 250.5}, "price"),
        ({"price": Decimal("0E-999999")}, "price"),
        ({"price": Decimal("0E+999999999")}, "price"),
        ({"price": Decimal("1E-101")}, "price"),
        ({"quantity": Decimal("1." + "0" * 100_000)}, "quantity"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 2**63}, "expire_ns"),
        ({"ord_type": OrdType.MARKET}, "price=250.50"),
        ({"ord_type": OrdType.BEST_PRICE}, "price=250.50"),
        ({"order_request_id": ""}, "order_request_id"),
        ({"order_request_id": "mine"}, "order_request_id"),
        ({"order_request_id": REQUEST_ID.upper()}, "order_request_id"),
        ({"order_request_id": REQUEST_ID + "0"}, "order_request_id"),
        ({"order_request_id": REQUEST_ID.replace("-", "")}, "order_request_id"),
        ({"order_request_id": f"{{{REQUEST_ID}}}"}, "order_request_id"),
        ({"order_request_id": None}, "order_request_id"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        an_order(**changes)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        an_order(account="", quantity=Decimal(0), price=None)
    assert [line.split("=")[0].split(" ")[0] for line in refused.value.message.splitlines()] == [
        "account",
        "quantity",
        "price",
    ]


def test_without_an_id_each_order_gets_a_uuid_of_its_own() -> None:
    first, second = (
        NewOrder(account="A", instrument="I", side=Side.SELL, ord_type=OrdType.MARKET, quantity=Decimal(1))
        for _ in range(2)
    )
    assert first.order_request_id != second.order_request_id
    assert str(UUID(first.order_request_id)) == first.order_request_id


def test_the_request_is_as_the_venue_documents_it() -> None:
    # T-Invest, REST reference, PostOrder, limit order.
    assert json.loads(post_order_body(an_order())) == {
        "instrumentId": "BBG004730N88",
        "quantity": "5",
        "price": {"units": "250", "nano": 500000000},
        "direction": "ORDER_DIRECTION_BUY",
        "accountId": "2000000001",
        "orderType": "ORDER_TYPE_LIMIT",
        "orderId": REQUEST_ID,
    }


def test_a_market_order_says_no_price_and_a_time_in_force_is_said_in_the_venues_words() -> None:
    body = json.loads(post_order_body(an_order(ord_type=OrdType.MARKET, price=None, side=Side.SELL)))
    assert "price" not in body
    assert (body["orderType"], body["direction"]) == ("ORDER_TYPE_MARKET", "ORDER_DIRECTION_SELL")
    said = {word: json.loads(post_order_body(an_order(time_in_force=word)))["timeInForce"] for word in TIMES_IN_FORCE}
    assert said == {
        "DAY": "TIME_IN_FORCE_DAY",
        "IMMEDIATE_OR_CANCEL": "TIME_IN_FORCE_FILL_AND_KILL",
        "FILL_OR_KILL": "TIME_IN_FORCE_FILL_OR_KILL",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"ord_type": OrdType.MARKET, "price": None, "quantity": None, "cash_order_qty": Decimal(10)},
        {"ord_type": OrdType.CEILING, "price": None},
        {"ord_type": OrdType.STOP_LIMIT, "stop_price": Decimal(240)},
        {"ord_type": OrdType.TRAILING_STOP, "price": None, "peg_offset_value": Decimal(5)},
        {"ord_type": OrdType.ICEBERG, "display_qty": Decimal(1)},
        {"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 1},
        {"event": "e", "outcome": "o", "quote": "q", "post_only": True},
    ],
)
def test_every_kind_of_order_can_be_asked_for(changes: dict[str, Any]) -> None:
    an_order(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"quantity": None}, "quantity"),
        ({"cash_order_qty": Decimal(1)}, "quantity=5 and cash_order_qty=1"),
        ({"quantity": None, "cash_order_qty": Decimal(1)}, "cash_order_qty=1: a LIMIT order"),
        (
            {"ord_type": OrdType.MARKET, "price": None, "quantity": None, "cash_order_qty": Decimal(0)},
            "cash_order_qty=0",
        ),
        ({"stop_price": Decimal(1)}, "stop_price=1: a LIMIT order has none"),
        ({"ord_type": OrdType.STOP_LIMIT}, "stop_price is missing"),
        ({"ord_type": OrdType.TRAILING_STOP, "price": None}, "peg_offset_value is missing"),
        ({"ord_type": OrdType.ICEBERG, "display_qty": Decimal(0)}, "display_qty=0"),
        ({"expire_ns": 1}, "expire_ns=1"),
        ({"post_only": 1}, "post_only"),
        ({"quote": ""}, "quote"),
    ],
)
def test_what_does_not_go_with_the_kind_of_order_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        an_order(**changes)


@given(st.decimals(min_value="-1e12", max_value="1e12", places=9), st.integers(1, 2**63 - 1))
def test_numbers_reach_the_venue_exactly(price: Decimal, lots: int) -> None:
    body = json.loads(post_order_body(an_order(price=price, quantity=Decimal(lots))))
    assert from_quotation(body["price"]) == price
    assert body["quantity"] == str(lots)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"quantity": Decimal("1.5")}, "quantity"),
        ({"quantity": Decimal(2**63)}, "quantity"),
        ({"quantity": Decimal("1E+999999")}, "quantity"),
        ({"price": Decimal("0.0000000001")}, "price"),
        ({"price": Decimal(2**63)}, "price"),
        ({"time_in_force": TimeInForce.GOOD_TILL_CANCEL}, "time_in_force"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 1}, "expire_ns"),
        ({"quantity": None, "cash_order_qty": Decimal(1), "ord_type": OrdType.MARKET, "price": None}, "cash_order_qty"),
        ({"stop_price": Decimal(1), "ord_type": OrdType.STOP_LIMIT}, "stop_price"),
        ({"display_qty": Decimal(1), "ord_type": OrdType.ICEBERG}, "display_qty"),
        ({"post_only": True}, "post_only"),
        ({"event": "e"}, "event"),
        ({"outcome": "o"}, "outcome"),
        ({"quote": "q"}, "quote"),
    ],
)
def test_what_the_venue_has_no_form_for_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"^{named}"):
        post_order_body(an_order(**changes))


CALL = "POST orders {}"


def test_an_intent_says_what_is_asked_in_plain_decimals() -> None:
    record = intent_record("tinvest", an_order(price=Decimal("1E+2"), time_in_force=TimeInForce.DAY), CALL, 7)
    assert (record["phase"], record["action"], record["submitted_ns"], record["phase_ns"]) == ("INTENT", "NEW", 7, 7)
    assert (record["price"], record["quantity"], record["time_in_force"]) == ("100", "5", "DAY")
    assert AvroWriter("submitted", 1)(record)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (
            Accepted(order_request_id=REQUEST_ID, venue_order_id="1", venue_status="NEW", tracking_id="t"),
            {"phase": "ACCEPTED", "venue_order_id": "1", "venue_status": "NEW", "code": None, "tracking_id": "t"},
        ),
        (
            Rejected(order_request_id=REQUEST_ID, code="30078", text="step"),
            {"phase": "REJECTED", "venue_order_id": None, "code": "30078", "text": "step"},
        ),
        (
            Unknown(order_request_id=REQUEST_ID, code="TIMEOUT", text="none"),
            {"phase": "UNKNOWN", "venue_order_id": None, "venue_status": None, "code": "TIMEOUT", "text": "none"},
        ),
    ],
)
def test_an_outcome_repeats_the_intent_and_says_what_came_of_it(outcome: Outcome, told: dict[str, Any]) -> None:
    intent = intent_record("tinvest", an_order(), CALL, 7)
    record = outcome_record(intent, outcome, 9)
    assert {name: record[name] for name in told} == told
    assert (record["submitted_ns"], record["phase_ns"], record["instrument"]) == (7, 9, "BBG004730N88")
    assert AvroWriter("submitted", 1)(record)


def test_an_outcome_is_written_even_if_the_venues_text_holds_half_a_character() -> None:
    # As JSON's "\ud83d" is read, which no UTF-8 has.
    outcome = Rejected(order_request_id=REQUEST_ID, code="30049", text="no \ud83d funds")
    record = outcome_record(intent_record("tinvest", an_order(), CALL, 7), outcome, 9)
    assert record["text"] == "no ? funds"
    assert AvroWriter("submitted", 1)(record)
