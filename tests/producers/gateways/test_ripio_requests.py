"""What Ripio is told, to the byte, and what its answers and refusals mean."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import UsageError
from producers.gateways.orders import AmendOrder, CancelOrder, NewOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.ripio.answers import read_answer, read_change_answer
from producers.gateways.ripio.requests import amend_order_body, cancel_order_call, new_order_body, order_path, query
from producers.gateways.ripio.states import read_order, read_orders, read_trades
from producers.rest import RestAnswer
from producers.venues.ripio.errors import CODES, read_error
from schemas.fix import LastLiquidityInd, OrdStatus, OrdType, Side, TimeInForce

REQUEST = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"
SECOND_NS = 1_000_000_000


def an_order(**changes: Any) -> NewOrder:
    facts: dict[str, Any] = {
        "account": "main",
        "instrument": "BTC_BRL",
        "side": Side.BUY,
        "ord_type": OrdType.LIMIT,
        "quantity": Decimal("0.1"),
        "price": Decimal(700_000),
        "order_request_id": REQUEST,
    }
    return NewOrder(**(facts | changes))


def said(order: NewOrder) -> dict[str, Any]:
    """Return what the venue is told beside pair, side and id."""
    body = json.loads(new_order_body(order))
    for name, value in {"pair": "BTC_BRL", "side": "buy", "external_id": REQUEST}.items():
        assert body.pop(name) == value
    return dict(body)


STOP_LIMIT = {"ord_type": OrdType.STOP_LIMIT, "stop_price": Decimal(690_000)}
MARKET = {"ord_type": OrdType.MARKET, "price": None}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"type": "limit", "amount": "0.1", "price": "700000"}),
        (MARKET, {"type": "market", "amount": "0.1"}),
        (
            MARKET | {"quantity": None, "cash_order_qty": Decimal("1000.50")},
            {"type": "market", "value": "1000.5"},
        ),
        (STOP_LIMIT, {"type": "stop_limit", "amount": "0.1", "price": "700000", "stop_price": "690000"}),
        (
            {"ord_type": OrdType.TRAILING_STOP, "price": None, "peg_offset_value": Decimal(5)},
            {"type": "trailing", "amount": "0.1", "distance": "5"},
        ),
        (
            {"ord_type": OrdType.CEILING, "price": None, "quantity": None, "cash_order_qty": Decimal(7)},
            {"type": "ceiling", "value": "7"},
        ),
        ({"ord_type": OrdType.CEILING, "price": None}, {"type": "ceiling", "amount": "0.1"}),
        (
            {"ord_type": OrdType.ICEBERG, "quantity": Decimal(10), "display_qty": Decimal(1)},
            {"type": "iceberg", "amount": "10", "price": "700000", "step_amount": "1"},
        ),
    ],
)
def test_each_type_of_order_says_what_it_needs_and_no_more(changes: dict[str, Any], expected: dict[str, Any]):
    assert said(an_order(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"time_in_force": TimeInForce.GOOD_TILL_CANCEL}, {}),
        ({"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}, {"immediate_or_cancel": True}),
        ({"time_in_force": TimeInForce.FILL_OR_KILL}, {"fill_or_kill": True}),
        (
            {"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": 1_723_073_682 * SECOND_NS},
            {"expiration": 1723073682},
        ),
        ({"post_only": True}, {"post_only": True}),
    ],
)
def test_how_long_an_order_stands_is_said_in_the_venues_flags(changes: dict[str, Any], expected: dict[str, Any]):
    assert said(an_order(**changes)) == {"type": "limit", "amount": "0.1", "price": "700000"} | expected


def test_a_sale_is_a_sale():
    assert json.loads(new_order_body(an_order(side=Side.SELL)))["side"] == "sell"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ord_type": OrdType.BEST_PRICE, "price": None}, "ord_type=BEST_PRICE"),
        ({"time_in_force": TimeInForce.DAY}, "time_in_force=DAY"),
        (MARKET | {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}, "time_in_force=IMMEDIATE_OR_CANCEL"),
        (STOP_LIMIT | {"time_in_force": TimeInForce.FILL_OR_KILL}, "time_in_force=FILL_OR_KILL"),
        (MARKET | {"post_only": True}, "post_only=True"),
        ({"time_in_force": TimeInForce.GOOD_TILL_DATE, "expire_ns": SECOND_NS + 1}, "expire_ns=1000000001"),
        ({"ord_type": OrdType.ICEBERG, "quantity": Decimal("10.1"), "display_qty": Decimal(1)}, "display_qty=1"),
        ({"confirm_margin_trade": True}, "confirm_margin_trade=True"),
        ({"event": "e"}, "event=e"),
        ({"quantity": Decimal("1E+999999")}, "quantity="),
        ({"quantity": Decimal("1E-999999")}, "quantity="),
    ],
)
def test_what_the_venue_has_no_form_for_is_refused_by_name(changes: dict[str, Any], named: str):
    with pytest.raises(UsageError, match=f"^{named}".replace("+", r"\+")) as refused:
        new_order_body(an_order(**changes))
    assert refused.value.hint == "Nothing was sent."


@given(st.decimals(min_value="1e-18", max_value="1e18", places=18).filter(bool))
def test_numbers_reach_the_venue_exactly_and_without_needless_decimals(number: Decimal):
    amount = said(an_order(quantity=number))["amount"]
    assert Decimal(amount) == number
    assert "e" not in amount.lower()
    assert not ("." in amount and amount[-1] in ".0")


def test_what_is_signed_has_no_space_in_it():
    assert b" " not in new_order_body(an_order())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": Decimal(10)}, {"unit_price": "10"}),
        ({"quantity": Decimal("100.0")}, {"amount": "100"}),
        ({"price": Decimal(10), "quantity": Decimal(100)}, {"unit_price": "10", "amount": "100"}),
    ],
)
def test_an_amend_names_the_venues_id_and_only_what_changes(changes: dict[str, Any], expected: dict[str, Any]):
    amend = AmendOrder(account="main", orig_venue_order_id="00CE34E9", **changes)
    assert json.loads(amend_order_body(amend, "00CE34E9")) == {"order_id": "00CE34E9"} | expected


def test_a_cancel_is_by_the_venues_id_or_else_by_ours():
    by_venue = CancelOrder(account="main", orig_venue_order_id="7155ED34", orig_order_request_id=REQUEST)
    assert cancel_order_call(by_venue) == ("orders", b'{"id":"7155ED34"}')
    by_request = CancelOrder(account="main", orig_order_request_id=REQUEST)
    assert cancel_order_call(by_request) == ("orders/by-external-id", f'{{"external_id":"{REQUEST}"}}'.encode())


def test_ids_and_questions_are_quoted():
    assert order_path("a/b?", None) == "orders/a%2Fb%3F"
    assert order_path(None, REQUEST) == f"orders/by-external-id/{REQUEST}"
    assert query("orders", pair="A&B", status="open,canceled", c=None) == (
        "orders?page_size=500&pair=A%26B&status=open,canceled"
    )


# Answers.


def answered(status: int, body: Any) -> RestAnswer:
    return RestAnswer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


CREATED = {
    "id": "7155ED34-9EC4-4733-8B32-1E4319CB662F",
    "create_date": "2024-03-27T13:27:19.853Z",
    "executed_amount": 0,
    "external_id": REQUEST,
    "pair": "BTC_BRL",
    "requested_amount": 10,
    "side": "buy",
    "status": "open",
}


@pytest.mark.parametrize("status", [200, 201])
def test_a_new_orders_answer_has_the_venues_id_and_status(status: int):
    outcome = read_answer(REQUEST, answered(status, {"data": CREATED, "error_code": None, "message": None}))
    assert outcome == Accepted(
        order_request_id=REQUEST,
        venue_order_id="7155ED34-9EC4-4733-8B32-1E4319CB662F",
        venue_status="open",
        transact_ns=1_711_546_039_853_000_000,
    )


def test_an_order_that_is_said_to_be_rejected_is_none():
    outcome = read_answer(REQUEST, answered(200, {"data": CREATED | {"status": "rejected"}}))
    assert isinstance(outcome, Rejected)
    assert outcome.venue_order_id == CREATED["id"]


@pytest.mark.parametrize("data", [None, {"status": "canceled", "id": "1"}])
def test_a_changes_answer_says_that_it_was_done(data: Any):
    outcome = read_change_answer(REQUEST, answered(200, {"data": data, "error_code": None}))
    assert outcome == Accepted(order_request_id=REQUEST)


@pytest.mark.parametrize("code", [7, -40011, 4001100, 40011.5, "INSUFFICIENT", {"code": 40011}])
def test_a_change_whose_answer_has_an_error_code_of_no_known_form_was_not_surely_done(code: Any):
    outcome = read_change_answer(REQUEST, answered(200, {"error_code": code, "message": "why", "data": None}))
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", {"data": None}, {"data": {"id": "", "status": "open"}}, {"data": {"id": 5}}]
)
def test_of_an_answer_that_cannot_be_read_nobody_knows_what_came(body: Any):
    outcome = read_answer(REQUEST, answered(200, body))
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "retry"),
    [
        (400, {"error_code": 40011, "message": "Insufficient funds", "data": None}, Rejected, "40011", False),
        (400, {"error_code": "40010", "message": "below minimum"}, Rejected, "40010", False),
        (200, {"error_code": 40011, "message": "Insufficient funds", "data": None}, Rejected, "40011", False),
        (400, {"error_code": 40099, "message": "new"}, Rejected, "40099", False),
        (401, {"error_code": 40100, "message": "Not authorized"}, Rejected, "40100", False),
        (403, {"error_code": 40300, "message": "Forbidden"}, Rejected, "40300", False),
        (404, {"error_code": 40400, "message": "Not found"}, Rejected, "40400", False),
        (429, {"message": "Too many requests"}, Rejected, "HTTP_429", True),
        (429, {"message": "Limit Exceeded"}, Rejected, "HTTP_429", True),
        (429, b"", Rejected, "HTTP_429", True),
        (500, {"error_code": 50000, "message": "oh"}, Unknown, "50000", False),
        (503, {"error_code": 503, "message": "Maintenance"}, Unknown, "503", False),
        (502, b"<html>Bad gateway", Unknown, "HTTP_502", False),
        (302, b"", Unknown, "HTTP_302", False),
    ],
)
def test_a_refusal_is_sure_where_the_venue_cannot_have_passed_the_order_on(
    status: int, body: Any, kind: type, code: str, retry: bool
):
    outcome = read_answer(REQUEST, answered(status, body))
    assert type(outcome) is kind
    assert isinstance(outcome, Rejected | Unknown)
    assert (outcome.code, outcome.retry_is_safe) == (code, retry)
    assert outcome.advice
    assert outcome.text


@pytest.mark.parametrize("code", CODES)
def test_each_documented_code_is_known_with_what_to_do(code: str):
    status = int(code[:3])
    error = read_error(answered(status, {"error_code": int(code), "message": None}))
    assert (error.code, error.http_status, error.hint) == (code, status, CODES[code].advice)
    assert error.text == CODES[code].text


@given(st.binary(), st.integers(100, 599))
def test_whatever_is_answered_is_an_outcome(body: bytes, status: int):
    read_answer(REQUEST, RestAnswer(status, {}, body))


# Queries' answers: the venue's own examples.

EXECUTED = {
    "average_execution_price": 42600,
    "create_date": "2017-12-08T23:42:54.960Z",
    "external_id": "C90796F2-2CC3-4797-9AC3-A16BCC6936F0",
    "executed_amount": 0.02347418,
    "id": "8DE12108-4643-4E9F-8425-0172F1B96876",
    "remaining_amount": 0,
    "requested_amount": 0.02347418,
    "requested_value": 1000,
    "pair": "BTC_BRL",
    "price": 42600,
    "side": "buy",
    "status": "executed_completely",
    "fee": 0.002,
    "total_value": 1000,
    "type": "limit",
    "update_date": "2017-12-13T21:48:48.817Z",
    "transactions": [{"amount": 0.2, "create_date": "2020-02-21 20:24:43.433", "fee": 0.12, "price": 5000}],
}


def test_an_order_is_read_with_exact_numbers():
    state = read_order(json.dumps({"data": EXECUTED}).encode())
    assert state.executed_amount == Decimal("0.02347418")
    assert (state.ord_status, state.ord_type, state.side) == (OrdStatus.FILLED, OrdType.LIMIT, Side.BUY)
    assert (state.created_ns, state.updated_ns) == (1_512_776_574_960_000_000, 1_513_201_728_817_000_000)
    assert (state.fee, state.average_execution_price) == (Decimal("0.002"), Decimal(42600))


def test_a_word_that_is_not_known_is_told_as_it_came():
    state = read_order(json.dumps({"data": {"id": "1", "status": "odd", "type": "x", "create_date": "soon"}}).encode())
    assert (state.venue_status, state.ord_status, state.ord_type, state.created_ns) == ("odd", None, None, None)


def test_a_page_has_its_cursor():
    page = read_orders(json.dumps({"data": {"orders": [EXECUTED], "nc": "n", "pc": None}}).encode())
    assert ([order.venue_order_id for order in page.items], page.cursor) == ([EXECUTED["id"]], "n")


def test_a_trade_is_of_the_order_that_is_the_users():
    trade = {
        "amount": 0.0026938,
        "date": "2019-04-02T11:25:41.512Z",
        "fee": 1.347e-05,
        "fee_currency": "BTC",
        "id": "C79ED37D",
        "maker_order_id": "M",
        "pair_code": "BTC_USDC",
        "taker_or_maker": "taker",
        "price": 18550,
        "taker_order_id": "T",
        "total_value": 49.96,
    }
    (taken, made) = read_trades(
        json.dumps({"data": {"trades": [trade, trade | {"taker_or_maker": "maker"}]}}).encode()
    ).items
    assert (taken.venue_order_id, taken.liquidity) == ("T", LastLiquidityInd.REMOVED_LIQUIDITY)
    assert (made.venue_order_id, made.liquidity) == ("M", LastLiquidityInd.ADDED_LIQUIDITY)
    assert taken.fee == Decimal("0.00001347")
