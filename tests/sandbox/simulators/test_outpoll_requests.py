"""What a body or a query may ask the simulated Outpoll for, and what it may not."""

import json
from decimal import Decimal
from typing import Any

import pytest

from sandbox.simulators.outpoll.limits import Budget, LimitsError, Meter, read_limits
from sandbox.simulators.outpoll.refusals import Refusal
from sandbox.simulators.outpoll.requests import read_ask, read_page, read_tpsl, read_tpsl_query
from tests.sandbox.simulators.outpoll_client import LIMIT, SELL, YES

OTHER_QUOTE = "078dcd98-928d-479f-8110-ff6d27e44de2"


def ask(body: Any, order_type: str = "LIMIT") -> Any:
    return read_ask(body if isinstance(body, bytes) else json.dumps(body).encode(), "mine", order_type)


def test_a_limit_orders_numbers_are_decimals_of_their_text() -> None:
    read = ask(json.dumps(LIMIT | {"q": 0}).replace('"q": 0', '"q": 0.1').encode())
    assert (read.price, read.quantity, read.amount) == (Decimal("0.42"), Decimal("0.1"), None)
    assert (read.side, read.order_type, read.instrument.asset) == ("BUY", "LIMIT", "asset_btc_100k_yes")


@pytest.mark.parametrize(
    ("body", "quantity", "amount"),
    [({**YES, "s": "BUY", "am": 50}, None, Decimal(50)), (SELL, Decimal(10), None)],
)
def test_a_market_order_buys_for_an_amount_and_sells_shares(
    body: dict[str, Any], quantity: Decimal | None, amount: Decimal | None
) -> None:
    read = ask(body, "MARKET")
    assert (read.price, read.quantity, read.amount) == (None, quantity, amount)


@pytest.mark.parametrize("changes", [{"p": 0.01}, {"p": 0.99}, {"qa": OTHER_QUOTE}, {"q": 1e9}, {"s": "SELL"}])
def test_what_the_documents_allow_is_taken(changes: dict[str, Any]) -> None:
    assert ask(LIMIT | changes).order_type == "LIMIT"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({name: None}, name) for name in ("e", "o", "ba", "qa", "s", "p", "q")),
        *(({name: 7}, name) for name in ("e", "o", "ba", "qa", "s")),
        ({"s": "buy"}, "s must be"),
        ({"ba": "asset_none"}, "ba"),
        ({"e": "evt_other"}, "e, o and ba"),
        ({"qa": "asset_eur"}, "qa"),
        ({"p": 0}, "p must be from"),
        ({"p": 1}, "p must be from"),
        ({"p": 0.009}, "p must be from"),
        ({"p": "0.42"}, "p must be a number"),
        ({"p": True}, "p must be a number"),
        ({"q": 0}, "q must be positive"),
        ({"q": -1}, "q must be positive"),
        ({"q": 1e10}, "q must be positive"),
        ({"q": 1e-9}, "q must be positive"),
        ({"q": "100"}, "q must be a number"),
        ({"am": 50}, "am is no field"),
        ({"clientOrderId": "mine"}, "clientOrderId is no field"),
    ],
)
def test_what_a_limit_order_may_not_be_is_a_bad_request_that_names_the_field(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(Refusal, match=named) as refused:
        ask(LIMIT | changes)
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"e"', b"\xff", b'{"q": NaN}'])
def test_a_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(Refusal, match="no JSON object"):
        ask(body)


@pytest.mark.parametrize("body", [{**YES, "s": "BUY", "q": 5}, {**YES, "s": "SELL", "am": 5}])
def test_a_market_order_without_the_size_of_its_side_is_a_bad_request(body: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="must be a number"):
        ask(body, "MARKET")


@pytest.mark.parametrize(
    ("changes", "take_profit", "stop_loss"),
    [({"t": 0.6}, "0.6", None), ({"l": 0.3}, None, "0.3"), ({"t": 0.6, "l": 0.3}, "0.6", "0.3")],
)
def test_a_tpsl_order_has_one_bound_or_both(
    changes: dict[str, Any], take_profit: str | None, stop_loss: str | None
) -> None:
    wish = read_tpsl(json.dumps(SELL | changes).encode())
    bounds = [None if price is None else str(price) for price in (wish.take_profit, wish.stop_loss)]
    assert bounds == [take_profit, stop_loss]
    assert wish.quantity == 10


@pytest.mark.parametrize(
    ("changes", "named"),
    [({}, "at least one"), ({"s": "BUY", "t": 0.6}, "SELL"), ({"t": 1.5}, "t must be"), ({"l": "low"}, "l must be")],
)
def test_a_tpsl_order_that_closes_nothing_is_a_bad_request(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal, match=named):
        read_tpsl(json.dumps(SELL | changes).encode())


def test_a_page_is_the_first_and_newest_where_the_query_does_not_say() -> None:
    page = read_page({}, 20)
    assert (page.page, page.size, page.newest_first, page.outcome) == (0, 20, True, "")
    asked = read_page({"page": "3", "size": "7", "sort": "asc", "eventOutcomeId": "it"}, 20)
    assert (asked.page, asked.size, asked.newest_first, asked.outcome) == (3, 7, False, "it")


@pytest.mark.parametrize(
    "query", [{"page": "-1"}, {"page": "one"}, {"size": "0"}, {"size": "101"}, {"sort": "up"}, {"page": "9" * 20}]
)
def test_a_page_that_there_can_not_be_is_a_bad_request(query: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        read_page(query, 20)
    assert refused.value.status == 400


@pytest.mark.parametrize("query", [{}, {"assetId": "a"}, {"primary": "true"}, {"assetId": "a", "primary": "yes"}])
def test_the_list_of_tpsl_orders_needs_an_asset_and_primary(query: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="required"):
        read_tpsl_query(query)


def test_a_budget_is_each_accounts_own_and_new_in_each_window() -> None:
    meter = Meter(Budget(calls=2, seconds=10))
    assert [meter.allows("mine", 100.0 + n) for n in range(3)] == [True, True, False]
    assert meter.allows("yours", 103.0)
    assert meter.allows("mine", 110.0)


@pytest.mark.parametrize("wish", ["documented", "much", 7, {"calls": -1}, {"calls": 1, "seconds": 0}, {"call": 1}])
def test_limits_that_there_can_not_be_are_refused(wish: Any) -> None:
    with pytest.raises(LimitsError, match=r"\w"):
        read_limits(wish)
