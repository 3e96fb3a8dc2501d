"""What each of T-Invest's refusals says: what it is, whether it is sure, and what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import VenueError
from producers.rest import RestAnswer
from producers.venues.tinvest.errors import CODES, GRPC, HTTP, TInvestError, read_error

# "Error codes": the first digit tells the kind.
KINDS = {
    "1": {"UNIMPLEMENTED", "UNAVAILABLE"},
    "3": {"INVALID_ARGUMENT"},
    "4": {"PERMISSION_DENIED", "UNAUTHENTICATED"},
    "5": {"NOT_FOUND"},
    "7": {"INTERNAL"},
    "8": {"RESOURCE_EXHAUSTED"},
    "9": {"FAILED_PRECONDITION"},
}
# "HTTP codes": which status each kind comes with.
HTTP_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


def refusal(status: int, body: object = b"", headers: dict[str, str] | None = None) -> TInvestError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_error(RestAnswer(status, headers or {}, data))


def test_the_table_is_whole() -> None:
    assert len(CODES) == 175
    assert {code[0] for code in CODES} == set(KINDS)
    for code, known in CODES.items():
        assert len(code) == 5, code
        assert known.grpc in KINDS[code[0]], code
        assert known.text, code
        assert "%" not in known.text, code
        assert known.advice[0].isupper(), code
        assert known.advice.endswith("."), code


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_read_from_text_and_number_and_either_place(code: str) -> None:
    known = CODES[code]
    status = HTTP_OF[known.grpc]
    full = {"code": known.number, "message": "as it was said", "description": code}
    bodies = [full, full | {"description": int(code)}, {"code": code, "message": "as it was said"}]
    for body in bodies:
        error = refusal(status, body, {"x-tracking-id": "abc"})
        assert isinstance(error, VenueError)
        assert (error.code, error.grpc_status, error.http_status) == (code, known.number, status)
        assert (error.text, error.tracking_id, error.advice) == ("as it was said", "abc", known.advice)
        assert str(error) == f"T-Invest refused with {code}: as it was said\n{known.advice}"
    assert refusal(status, {"description": code}).text == known.text


SURE_AND_SAFE = {
    # Refused for good.
    "30078": (True, False),
    "40003": (True, False),
    "50005": (True, False),
    "30059": (True, False),
    "90003": (True, False),
    "12002": (True, False),
    # Refused for now.
    "80002": (True, True),
    "30096": (True, True),
    # There may be an order: under that key, at the exchange, or at the venue as it failed.
    "30057": (False, False),
    "30095": (False, False),
    "30058": (False, True),
    "70001": (False, True),
}


@pytest.mark.parametrize("code", SURE_AND_SAFE)
def test_a_code_tells_whether_there_is_surely_no_order_and_whether_to_try_again(code: str) -> None:
    error = refusal(HTTP_OF[CODES[code].grpc], {"code": CODES[code].number, "description": code})
    assert (error.sure, error.retry_is_safe) == SURE_AND_SAFE[code]


def test_nothing_but_an_error_of_the_venue_itself_or_of_an_order_in_doubt_is_unsure() -> None:
    unsure = {code for code, known in CODES.items() if not known.status.sure}
    assert unsure == {"30057", "30058", "30095", "70001", "70002", "70003"}


@pytest.mark.parametrize("number", GRPC)
def test_a_code_that_is_not_in_the_table_goes_by_its_grpc_status(number: int) -> None:
    error = refusal(418, {"code": number, "message": "m", "description": "39999"})
    usual = GRPC[number]
    assert (error.code, error.grpc_status) == ("39999", number)
    assert (error.sure, error.retry_is_safe, error.advice) == (usual.sure, usual.retry, usual.advice)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b"[]", b"null", b'{"description":"x"}'])
@pytest.mark.parametrize("status", HTTP)
def test_without_any_code_the_http_status_tells(status: int, body: bytes) -> None:
    error = refusal(status, body, {"message": "from the header"})
    usual = HTTP[status]
    assert (error.code, error.grpc_status, error.text) == (f"HTTP_{status}", None, "from the header")
    assert (error.sure, error.retry_is_safe, error.advice) == (usual.sure, usual.retry, usual.advice)


def test_a_status_that_says_nothing_leaves_it_in_doubt() -> None:
    for error in (refusal(302), refusal(418), refusal(200, {"code": 0})):
        assert (error.sure, error.retry_is_safe) == (False, False)
        assert "GetOrderState" in error.advice


def test_where_the_venue_contradicts_its_table_the_doubt_wins() -> None:
    assert not refusal(400, {"code": 13, "description": "30078"}).sure
    assert refusal(400, {"code": 9, "description": "30078"}).sure
    assert not refusal(400, {"code": 3, "description": "70001"}).sure


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers())


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["code", "message", "description"]), values))
def test_whatever_the_body_holds_an_error_comes_of_it(status: int, body: dict[str, object]) -> None:
    error = refusal(status, body)
    assert error.code
    assert error.text
    assert error.advice
    assert len(error.text) <= 1000
