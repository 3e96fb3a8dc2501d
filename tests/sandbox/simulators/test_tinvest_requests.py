"""Whatever a client sends, the venue takes it or refuses it; it never breaks."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.simulators.tinvest import values
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.orders import Ask
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.requests import (
    chosen_orders,
    read_ask,
    read_order_id,
    read_price_query,
    read_replacement,
)
from sandbox.simulators.tinvest.stop_requests import chosen_stops, read_stop_ask

A_LIMIT_ORDER = Ask(
    account="A",
    request_id="11111111-1111-4111-8111-111111111111",
    instrument=INSTRUMENTS[0],
    instrument_id=INSTRUMENTS[0].figi,
    direction="BUY",
    order_type="LIMIT",
    time_in_force="DAY",
    lots=1,
    price_nano=10**9,
)

# Anything that JSON can hold, and what a client that means well would send.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=5,
)
QUOTATION = st.fixed_dictionaries({"units": ANYTHING | st.just("300"), "nano": ANYTHING | st.just(0)})
# A request in which all is right for every method, and what may stand in the place of its parts.
RIGHT: dict[str, Any] = {
    "accountId": "A",
    "instrumentId": "SBER_TQBR",
    "quantity": "1",
    "price": {"units": "300", "nano": 0},
    "stopPrice": {"units": "300", "nano": 0},
    "direction": 1,
    "orderType": 1,
    "orderId": "11111111-1111-4111-8111-111111111111",
    "idempotencyKey": "11111111-1111-4111-8111-111111111112",
    "stopOrderType": 1,
    "expirationType": 2,
    "expireDate": "9999-12-31T23:59:59.999999999Z",
    "takeProfitType": 2,
    "trailingData": {"indent": {"units": "1", "nano": 0}, "indentType": 1, "spread": {"units": "1"}, "spreadType": 2},
    "advancedFilters": {"executionStatus": [1, "EXECUTION_REPORT_STATUS_NEW"], "from": "2026-01-01T00:00:00Z"},
}
NAMES = [*RIGHT, "orderIdType", "timeInForce", "priceType", "exchangeOrderType", "instantExecution", "status", "from"]
TRAILING = st.fixed_dictionaries({"indentType": st.just(1), "indent": QUOTATION}, optional={"spread": QUOTATION})
FILTERS = st.fixed_dictionaries({}, optional={"executionStatus": ANYTHING, "from": ANYTHING, "to": ANYTHING})
PARTS = ANYTHING | QUOTATION | st.integers(0, 9) | TRAILING | FILTERS | st.just("2026-13-01T00:00:00Z")
CHANGES = st.dictionaries(st.sampled_from(NAMES), PARTS, max_size=3)

READERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "PostOrderAsync": lambda body: read_ask(body, ["A"], lambda: "", is_async=True),
    "PostOrder": lambda body: read_ask(body, ["A"], lambda: "", is_async=False),
    "ReplaceOrder": lambda body: read_replacement(body, A_LIMIT_ORDER, lambda: ""),
    "CancelOrder": read_order_id,
    "GetOrderPrice": lambda body: read_price_query(body, ["A"], of_order=True),
    "GetMaxLots": lambda body: read_price_query(body, ["A"], of_order=False),
    "GetOrders": lambda body: chosen_orders([], body),
    "GetStopOrders": lambda body: chosen_stops([], body),
    "PostStopOrder": lambda body: read_stop_ask(body, ["A"], 0),
}


def refusal_of(read: Callable[[dict[str, Any]], object], body: dict[str, Any]) -> Refusal | None:
    try:
        read(body)
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("method", READERS)
def test_a_request_in_which_all_is_right_is_taken(method: str) -> None:
    assert refusal_of(READERS[method], RIGHT) is None


@pytest.mark.parametrize("method", READERS)
@given(changes=CHANGES)
@example(changes={"price": {"units": float("inf"), "nano": 0}})
@example(changes={"stopPrice": {"units": float("nan")}, "trailingData": {"indent": {"nano": float("inf")}}})
@example(changes={"expireDate": "0000-00-00T00:00:00Z", "from": "2026-02-30T00:00:00Z"})
@example(changes={"quantity": "9" * 5000})
def test_any_other_is_taken_or_refused_in_the_venues_words(method: str, changes: dict[str, Any]) -> None:
    refusal = refusal_of(READERS[method], RIGHT | changes)
    assert refusal is None or (refusal.http_status in (400, 404) and refusal.message)


@given(st.integers(-(10**28), 10**28))
def test_money_is_read_back_exactly_as_text_and_as_a_quotation(nano: int) -> None:
    assert values.nano_of_decimal(values.decimal(nano)) == nano
    quotation = values.quotation(nano)
    if abs(int(quotation["units"])) < 2**63:
        assert values.nano_of(quotation) == nano


@pytest.mark.parametrize("text", ["", "1e-10", "0.0000000001", "NaN", "Infinity", "1,5", "one"])
def test_what_is_no_price_to_nine_decimals_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal"):
        values.nano_of_decimal(text)
