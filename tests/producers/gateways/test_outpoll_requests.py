"""What Outpoll is asked over REST, and what its answers mean."""

import json
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import UsageError
from producers.gateways.orders import CancelOrder, CancelStopOrder, NewOrder
from producers.gateways.outcomes import Accepted, Rejected, Unknown
from producers.gateways.outpoll.answers import read_answer, read_cancel_answer
from producers.gateways.outpoll.errors import STATUSES, read_error
from producers.gateways.outpoll.requests import cancel_order, cancel_stop_order, post_order, post_stop_order
from producers.gateways.stop_orders import NewStopOrder
from producers.rest import RestAnswer
from schemas.fix import OrdType, Side, TimeInForce

REQUEST_ID = "0f5f0e8c-6a0b-4d6e-9d2b-2f1a7f1f1f1f"
NOW_NS = 1_712_500_000_000_000_000
IDS = {"event": "evt_btc_100k_2026", "outcome": "mkt_btc_100k_yes_no", "instrument": "asset_btc_100k_yes"}


def order(**changes: Any) -> NewOrder:
    facts: dict[str, Any] = {
        "account": "main",
        "side": Side.BUY,
        "ord_type": OrdType.LIMIT,
        "quantity": Decimal(100),
        "price": Decimal("0.42"),
    }
    return NewOrder(**(facts | IDS | changes))


def market(**changes: Any) -> NewOrder:
    return order(**({"ord_type": OrdType.MARKET, "price": None} | changes))


def stop(**changes: Any) -> NewStopOrder:
    facts: dict[str, Any] = {
        "account": "main",
        "side": Side.SELL,
        "ord_type": OrdType.TAKE_PROFIT_STOP_LOSS,
        "quantity": Decimal(100),
        "stop_price": Decimal("0.10"),
        "take_profit_price": Decimal("0.95"),
    }
    return NewStopOrder(**(facts | IDS | changes))


def test_a_limit_order_is_the_documented_one_to_the_byte():
    assert post_order(order()).body == (
        b'{"e":"evt_btc_100k_2026","o":"mkt_btc_100k_yes_no","ba":"asset_btc_100k_yes","qa":"asset_usdc",'
        b'"s":"BUY","p":0.42,"q":100}'
    )


@pytest.mark.parametrize(
    ("request_", "path", "fields"),
    [
        (post_order(order()), "orders/limit", {"s": "BUY", "p": 0.42, "q": 100}),
        (post_order(order(quote="078dcd98", side=Side.SELL)), "orders/limit", {"qa": "078dcd98", "s": "SELL"}),
        (
            post_order(market(quantity=None, cash_order_qty=Decimal(50))),
            "orders/market",
            {"s": "BUY", "am": 50},
        ),
        (post_order(market(side=Side.SELL)), "orders/market", {"s": "SELL", "q": 100}),
        (post_stop_order(stop()), "orders/tpsl", {"s": "SELL", "q": 100, "t": 0.95, "l": 0.1}),
        (
            post_stop_order(stop(ord_type=OrdType.STOP, take_profit_price=None)),
            "orders/tpsl",
            {"l": 0.1},
        ),
        (
            post_stop_order(stop(ord_type=OrdType.TAKE_PROFIT, stop_price=Decimal("0.9"), take_profit_price=None)),
            "orders/tpsl",
            {"t": 0.9},
        ),
    ],
)
def test_each_kind_of_order_has_its_call_and_its_fields(request_: Any, path: str, fields: dict[str, Any]):
    sent = json.loads(request_.body)
    assert (request_.method, request_.path, request_.name) == ("POST", path, path)
    assert fields.items() <= sent.items()
    assert sent.keys() <= {"e", "o", "ba", "qa", "s"} | fields.keys() | {"p", "q"}


def test_no_request_carries_an_id_of_ours():
    assert REQUEST_ID.encode() not in post_order(order(order_request_id=REQUEST_ID)).body


@given(st.decimals(min_value=Decimal("0.000001"), max_value=10**9, places=6))
def test_a_number_goes_over_the_wire_with_its_own_digits(quantity: Decimal):
    body = post_order(order(quantity=quantity)).body
    text = body.rpartition(b'"q":')[2].rstrip(b"}").decode()
    assert "E" not in text.upper()
    assert Decimal(text) == quantity


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: post_order(order(event=None)), "event"),
        (lambda: post_order(order(outcome=None)), "outcome"),
        (lambda: post_order(order(price=Decimal("0.009"))), "price"),
        (lambda: post_order(order(price=Decimal("1"))), "price"),
        (lambda: post_order(order(quantity=Decimal("1E+999999"))), "quantity"),
        (lambda: post_order(order(ord_type=OrdType.BEST_PRICE, price=None)), "ord_type"),
        (lambda: post_order(order(time_in_force=TimeInForce.DAY)), "time_in_force"),
        (lambda: post_order(order(post_only=True)), "post_only"),
        (lambda: post_order(market()), "cash_order_qty"),
        (lambda: post_order(market(side=Side.SELL, quantity=None, cash_order_qty=Decimal(5))), "cash_order_qty"),
        (lambda: post_stop_order(stop(side=Side.BUY)), "side"),
        (lambda: post_stop_order(stop(stop_price=Decimal(0))), "stop_price"),
        (lambda: post_stop_order(stop(take_profit_price=Decimal("0.999"))), "take_profit_price"),
        (lambda: post_stop_order(stop(event=None)), "event"),
        (lambda: post_stop_order(stop(instant_execution=True)), "instant_execution"),
        (
            lambda: post_stop_order(
                stop(
                    ord_type=OrdType.TAKE_PROFIT,
                    take_profit_price=None,
                    price=Decimal("0.5"),
                    stop_price=Decimal("0.9"),
                )
            ),
            "price",
        ),
        (
            lambda: post_stop_order(stop(ord_type=OrdType.STOP_LIMIT, take_profit_price=None, price=Decimal("0.5"))),
            "ord_type",
        ),
        (lambda: cancel_order(CancelOrder(account="main", orig_order_request_id="x")), "orig_venue_order_id"),
    ],
)
def test_what_the_venue_cannot_be_told_is_refused_by_name(make: Any, named: str):
    with pytest.raises(UsageError, match=named):
        make()


@pytest.mark.parametrize(
    ("order_id", "path"),
    [("ord_7f3a9c2d", "ord_7f3a9c2d"), ("a/../b?c=d é", None), ("a/../b?c#%", "a%2F..%2Fb%3Fc%23%25")],
)
def test_a_cancel_names_its_order_in_the_path_whatever_the_id_holds(order_id: str, path: str | None):
    if path is None:
        with pytest.raises(UsageError):
            CancelOrder(account="main", orig_venue_order_id=order_id)
        return
    request = cancel_order(CancelOrder(account="main", orig_venue_order_id=order_id))
    assert (request.method, request.path, request.body) == ("DELETE", f"orders/limit/{path}", b"")
    of_stop = cancel_stop_order(CancelStopOrder(account="main", orig_venue_order_id=order_id))
    assert of_stop.path == f"orders/tpsl/{path}"
    assert of_stop.name == "orders/tpsl"


# Answers.


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_answer_that_names_the_order_is_an_acceptance(status: int):
    outcome = read_answer(REQUEST_ID, RestAnswer(status, {}, b'{"i":"ord_7f3a9c2d","new":1}'), NOW_NS)
    assert outcome == Accepted(order_request_id=REQUEST_ID, venue_order_id="ord_7f3a9c2d")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"i":""}', b'{"i":7}', b"[]", b"<html>", b'{"i":"\xff"}'])
def test_an_answer_that_names_no_order_leaves_it_unknown(body: bytes):
    outcome = read_answer(REQUEST_ID, RestAnswer(202, {}, body), NOW_NS)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"
    assert not outcome.retry_is_safe


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_cancel_that_is_taken_needs_no_body(status: int):
    assert read_cancel_answer(REQUEST_ID, RestAnswer(status, {}, b""), NOW_NS) == Accepted(order_request_id=REQUEST_ID)


@pytest.mark.parametrize("body", [b" ", b"null", b"{}", b'{"i":"ord_7f3a9c2d"}', b'{"t":"success","d":null}'])
def test_a_cancel_that_is_taken_may_have_a_body(body: bytes):
    assert read_cancel_answer(REQUEST_ID, RestAnswer(200, {}, body), NOW_NS) == Accepted(order_request_id=REQUEST_ID)


@pytest.mark.parametrize(
    "body", [b"<html>Sign in</html>", b'{"error":"why"}', b'{"t":"ERROR","r":"why"}', b'{"error":', b"\xff"]
)
def test_a_good_status_with_an_error_is_no_cancel(body: bytes):
    outcome = read_cancel_answer(REQUEST_ID, RestAnswer(200, {}, body), NOW_NS)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"


@pytest.mark.parametrize("read", [read_answer, read_cancel_answer])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 418, 429, 500, 502, 503, 504, 302])
def test_a_refusal_is_sure_only_where_the_venue_did_nothing(read: Any, status: int):
    outcome = read(REQUEST_ID, RestAnswer(status, {}, b'{"error":"why"}'), NOW_NS)
    assert isinstance(outcome, Rejected if status in STATUSES else Unknown)
    assert (outcome.code, outcome.text) == (f"HTTP_{status}", "why")
    assert outcome.retry_is_safe is (status == 429)
    assert outcome.advice


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":"why"}', "why"),
        (b'{"t":"ERROR","d":null,"r":"why"}', "why"),
        (b'{"message":"why"}', "why"),
        (b'{"error":{"code":1}}', "invalid parameters"),
        (b"<html>", "invalid parameters"),
        (b"", "invalid parameters"),
        (b"\xff", "invalid parameters"),
    ],
)
def test_a_refusals_text_is_the_venues_where_it_has_one(body: bytes, text: str):
    assert read_error(RestAnswer(400, {}, body), NOW_NS).text == text


@pytest.mark.parametrize(("off_s", "named"), [(0, False), (30, False), (45, True), (-45, True)])
def test_a_clock_that_is_off_is_named_in_the_refusal(off_s: int, named: bool):
    headers = {"date": formatdate(NOW_NS // 10**9 - off_s, usegmt=True)}
    outcome = read_answer(REQUEST_ID, RestAnswer(401, headers, b'{"error":"Unauthorized"}'), NOW_NS)
    assert isinstance(outcome, Rejected)
    assert ("clock is 45 s" in outcome.text) is named
    assert ("clock" in (outcome.advice or "")) is named
