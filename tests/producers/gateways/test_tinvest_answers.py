"""What each answer to a new order means: there is one, there is none, or nobody knows."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateways.outcomes import Accepted, Outcome, Rejected, Unknown
from producers.gateways.tinvest import read_answer
from producers.gateways.tinvest.answers import read_cancel_answer
from producers.rest import RestAnswer
from producers.venues.tinvest.errors import read_error

REQUEST_ID = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"


def read(status: int, body: object, headers: dict[str, str] | None = None) -> Outcome:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(REQUEST_ID, RestAnswer(status, headers or {}, data))


def test_post_orders_answer_brings_the_exchanges_id() -> None:
    body = {"orderId": "12345678", "executionReportStatus": "EXECUTION_REPORT_STATUS_FILL", "lotsRequested": "1"}
    assert read(200, body, {"x-tracking-id": "abc"}) == Accepted(
        order_request_id=REQUEST_ID,
        venue_order_id="12345678",
        venue_status="EXECUTION_REPORT_STATUS_FILL",
        tracking_id="abc",
    )


def test_post_order_asyncs_answer_brings_the_brokers_number_only() -> None:
    body = {
        "orderRequestId": REQUEST_ID,
        "executionReportStatus": "EXECUTION_REPORT_STATUS_NEW",
        "tradeIntentId": "intent",
    }
    outcome = read(200, body)
    assert isinstance(outcome, Accepted)
    assert (outcome.venue_order_id, outcome.trade_intent_id) == (None, "intent")


def test_an_answer_of_200_can_be_a_rejection() -> None:
    body = {"orderId": "1", "executionReportStatus": "EXECUTION_REPORT_STATUS_REJECTED", "message": "no funds"}
    outcome = read(200, body)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.text) == ("EXECUTION_REPORT_STATUS_REJECTED", "no funds")
    assert outcome.venue_status == "EXECUTION_REPORT_STATUS_REJECTED"


# A word that a later contract may have: whether it is an end is not known, so the order is asked for.
NEW_WORD = {"orderId": "1", "executionReportStatus": "EXECUTION_REPORT_STATUS_EXPIRED"}
HALF_A_CHARACTER = {"orderId": "\ud83d", "executionReportStatus": "EXECUTION_REPORT_STATUS_NEW"}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", [], "text", None, {}, {"orderId": "1"}, NEW_WORD, HALF_A_CHARACTER]
)
def test_an_answer_of_200_that_is_no_order_leaves_it_in_doubt(body: object) -> None:
    outcome = read(200, body)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"


def test_a_cancels_answer_is_its_time() -> None:
    outcome = read_cancel_answer(REQUEST_ID, RestAnswer(200, {}, b'{"time":"2030-01-31T18:00:00Z"}'))
    assert outcome == Accepted(order_request_id=REQUEST_ID, transact_ns=1_896_112_800_000_000_000)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"time":""}', b'{"code":13,"message":"m","description":"70001"}']
)
def test_an_answer_of_200_without_its_time_is_no_cancel(body: bytes) -> None:
    outcome = read_cancel_answer(REQUEST_ID, RestAnswer(200, {}, body))
    assert isinstance(outcome, Unknown)
    assert outcome.code == "UNREADABLE_ANSWER"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        # T-Invest, openapi.yaml, ErrorResponse: `description` as number, and as text as seen on the wire.
        (400, {"code": 3, "message": "m", "description": 30078}, Rejected, "30078"),
        (400, {"code": 3, "message": "m", "description": "30078"}, Rejected, "30078"),
        (401, {"code": 16, "message": "m", "description": "40003"}, Rejected, "40003"),
        (403, {"code": 7, "message": "m", "description": "40002"}, Rejected, "40002"),
        (404, {"code": 5, "message": "m", "description": "50004"}, Rejected, "50004"),
        (429, {"code": 8, "message": "m", "description": "80002"}, Rejected, "80002"),
        (400, {"code": 9, "message": "m", "description": "90003"}, Rejected, "90003"),
        (501, {"code": 12, "message": "m", "description": "12001"}, Rejected, "12001"),
        # The five digits as `code`, and no more.
        (401, {"code": "40003", "message": "m"}, Rejected, "40003"),
        # A gRPC number with no code of the venue's.
        (400, {"code": 3, "message": "m", "details": []}, Rejected, "HTTP_400"),
        # The key was used before: there is an order under it.
        (400, {"code": 3, "message": "m", "description": "30057"}, Unknown, "30057"),
        # Said by a venue that may have passed the order on.
        (500, {"code": 13, "message": "m", "description": "70001"}, Unknown, "70001"),
        (503, {"code": 14, "message": "m", "description": ""}, Unknown, "HTTP_503"),
        (504, {"code": 4, "message": "m"}, Unknown, "HTTP_504"),
        (409, {"code": 10, "message": "m"}, Unknown, "HTTP_409"),
        # Nothing that can be read: the status alone.
        (400, b"", Rejected, "HTTP_400"),
        (404, b"<html>", Rejected, "HTTP_404"),
        (429, b"", Rejected, "HTTP_429"),
        (501, b"", Rejected, "HTTP_501"),
        (408, b"", Unknown, "HTTP_408"),
        (500, b"", Unknown, "HTTP_500"),
        (502, b"<html>", Unknown, "HTTP_502"),
        (503, b"", Unknown, "HTTP_503"),
        (504, b"", Unknown, "HTTP_504"),
        (302, b"", Unknown, "HTTP_302"),
        (299, b"", Unknown, "HTTP_299"),
        (418, b"", Unknown, "HTTP_418"),
        (400, [1], Rejected, "HTTP_400"),
    ],
)
def test_a_refusal_is_sure_only_where_no_order_can_have_been_passed_on(
    status: int, body: object, kind: type[Outcome], code: str
) -> None:
    outcome = read(status, body, {"x-tracking-id": "abc"})
    assert type(outcome) is kind
    assert not isinstance(outcome, Accepted)
    assert (outcome.code, outcome.tracking_id) == (code, "abc")
    assert outcome.text


def test_the_message_is_the_bodys_or_the_headers_or_the_status_and_has_an_end() -> None:
    assert read_error(RestAnswer(400, {"message": "header"}, b'{"message":"body"}')).text == "body"
    assert read_error(RestAnswer(400, {"message": "header"}, b"")).text == "header"
    assert read_error(RestAnswer(400, {}, b"")).text == "HTTP status 400"
    assert len(read_error(RestAnswer(400, {"message": "x" * 10_000}, b"")).text) == 1000


def test_an_error_carries_its_facts() -> None:
    body = b'{"code":3,"message":"bad step","description":"30078"}'
    error = read_error(RestAnswer(400, {"x-tracking-id": "abc"}, body))
    assert (error.code, error.grpc_status, error.http_status, error.tracking_id) == ("30078", 3, 400, "abc")
    assert error.message == "T-Invest refused with 30078: bad step"


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["code", "message", "description", "executionReportStatus"]), json_values)
    | json_values,
)
def test_no_answer_at_all_can_break_the_reading(status: int, body: object) -> None:
    outcome = read(status, body)
    assert outcome.order_request_id == REQUEST_ID
    if status != 200:
        assert not isinstance(outcome, Accepted)
