"""What the simulated Ripio takes and refuses, by the tables of its documents; its pages and its limits."""

import itertools
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.ripio.limits import Limits, LimitsError, Meter, read_limits
from sandbox.simulators.ripio.paging import Wish, page
from sandbox.simulators.ripio.refusals import DAY_SPENT, SECOND_SPENT, Refusal
from sandbox.simulators.ripio.requests import read_ask, read_wish
from sandbox.simulators.ripio.values import iso, read_moment
from tests.sandbox.simulators.ripio_client import an_order

NOW_NS = 1_700_000_000 * 10**9

STOP = {"type": "stop_limit", "stop_price": 295000}
TRAILING = {"type": "trailing", "distance": 1000, "price": ...}
ICEBERG = {"type": "iceberg", "amount": 10, "step_amount": 1}
MARKET = {"type": "market", "price": ...}

# The examples of the documents, with amounts and prices as numbers or as text.
TAKEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"amount": Decimal("0.5"), "price": Decimal(290_000), "value": None}),
    ({"amount": 0.1, "price": "700000"}, {"amount": Decimal("0.1"), "price": Decimal(700_000)}),
    ({"external_id": "90FcPa1Zm75"}, {"external_id": "90FcPa1Zm75"}),
    ({"external_id": None}, {"external_id": None}),
    ({"post_only": True}, {"post_only": True, "at_once": False}),
    ({"immediate_or_cancel": True}, {"at_once": True}),
    ({"fill_or_kill": True, "post_only": False}, {"fill_or_kill": True, "at_once": True}),
    ({"expiration": 1723073682}, {"expire_ns": 1_723_073_682 * 10**9}),
    (MARKET, {"amount": Decimal("0.5"), "price": None, "at_once": True}),
    (MARKET | {"amount": ..., "value": "100.5"}, {"amount": None, "value": Decimal("100.5")}),
    (MARKET | {"value": 100}, {"amount": Decimal("0.5"), "value": None}),
    (STOP, {"stop_price": Decimal(295_000), "waits": True}),
    (TRAILING, {"distance": Decimal(1_000), "price": None, "waits": True}),
    (TRAILING | {"price": 280000}, {"price": Decimal(280_000)}),
    ({"type": "ceiling", "amount": ..., "price": ..., "value": 50}, {"value": Decimal(50), "at_once": True}),
    ({"type": "ceiling", "price": ...}, {"amount": Decimal("0.5")}),
    (ICEBERG, {"step_amount": Decimal(1), "amount": Decimal(10)}),
]

REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"pair": ...}, 40000),
    ({"pair": "BTC_XXX"}, 40000),
    ({"side": ...}, 40000),
    ({"side": "BUY"}, 40000),
    ({"type": ...}, 40000),
    ({"type": "stop"}, 40000),
    ({"amount": ...}, 40000),
    ({"amount": "much"}, 40000),
    ({"amount": True}, 40000),
    ({"amount": 0}, 40000),
    ({"amount": -1}, 40000),
    ({"amount": "0.000000001"}, 40000),
    ({"amount": "0.00000001"}, 40010),
    ({"amount": "0.00001", "price": 1000}, 40010),
    ({"price": ...}, 40000),
    ({"price": "290000.5"}, 40000),
    ({"value": 100}, 40000),
    ({"stop_price": 100}, 40000),
    ({"external_id": "x" * 37}, 40000),
    ({"external_id": ""}, 40000),
    ({"external_id": 7}, 40000),
    ({"post_only": "yes"}, 40000),
    ({"post_only": True, "fill_or_kill": True}, 40000),
    ({"expiration": 1600000000}, 40000),
    ({"amountt": 1}, 40000),
    (MARKET | {"amount": ...}, 40000),
    (MARKET | {"amount": ..., "value": "0.5"}, 40010),
    (MARKET | {"price": 1}, 40000),
    (STOP | {"stop_price": ...}, 40000),
    (TRAILING | {"distance": ...}, 40000),
    (ICEBERG | {"step_amount": ...}, 40000),
    (ICEBERG | {"step_amount": "0.9"}, 40000),
]


@pytest.mark.parametrize(("changes", "expected"), TAKEN)
def test_what_the_documents_have_is_taken(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    fields = {name: Decimal(str(v)) if isinstance(v, float) else v for name, v in an_order(**changes).items()}
    ask = read_ask(fields, "main", NOW_NS)
    assert {name: getattr(ask, name) for name in expected} == expected


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_what_the_documents_have_not_is_refused(changes: dict[str, Any], code: int) -> None:
    with pytest.raises(Refusal) as refused:
        read_ask(an_order(**changes), "main", NOW_NS)
    assert refused.value.code == code
    assert refused.value.http_status == 400


@pytest.mark.parametrize(
    "query", [{"page_size": "0"}, {"page_size": "1001"}, {"page_size": "x"}, {"current_page": "0"}, {"page_size": "-1"}]
)
def test_a_page_that_there_is_none_of_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        read_wish(query)


@given(st.lists(st.integers(1, 10**6), unique=True, max_size=40), st.integers(1, 9))
def test_cursors_lead_through_all_items_once_and_back_again(keys: list[int], size: int) -> None:
    items = sorted(keys, reverse=True)

    def pages(way: str, cursor: str) -> list[list[int]]:
        found = []
        while cursor is not None:
            one = page(items, int, Wish(size, cursor), "items")
            found.append(one["items"])
            cursor = one[way]
        return found

    there = pages("nc", "")
    assert list(itertools.chain(*there)) == items
    assert all(len(one) == size for one in there[:-1])
    if len(there) > 1:
        last = page(items, int, Wish(size), "items")
        while last["nc"] is not None:
            last = page(items, int, Wish(size, last["nc"]), "items")
        back = pages("pc", last["pc"])
        assert sorted(itertools.chain(*back), reverse=True) == [one for one in items if one not in last["items"]]


def test_a_cursor_stays_where_it_is_when_something_new_comes() -> None:
    first = page([3, 2, 1], int, Wish(1), "items")
    assert page([5, 4, 3, 2, 1], int, Wish(1, first["nc"]), "items")["items"] == [2]


@pytest.mark.parametrize("cursor", ["x", "!!", "YmVmb3JlOng=", "\u00e9"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(Refusal):
        page([1], int, Wish(1, cursor), "items")


@pytest.mark.parametrize(
    ("text", "end_of_day", "expected"),
    [
        ("2023-11-14", False, "2023-11-14T00:00:00.000Z"),
        ("2023-11-14", True, "2023-11-14T23:59:59.999Z"),
        ("2023-11-14T22:13:20.500Z", True, "2023-11-14T22:13:20.500Z"),
        ("2023-11-14T22:13:20+01:00", False, "2023-11-14T21:13:20.000Z"),
        ("2023-11-14T22:13:20", False, "2023-11-14T22:13:20.000Z"),
    ],
)
def test_a_date_is_its_first_or_its_last_moment(text: str, end_of_day: bool, expected: str) -> None:
    assert iso(read_moment(text, end_of_day=end_of_day)) == expected


@pytest.mark.parametrize("rate", [1, 3.5])
def test_evenly_paced_calls_pass_with_the_jitter_of_a_network_and_faster_ones_do_not(rate: float) -> None:
    meter = Meter(Limits(per_second=rate))
    assert [meter.refusal("U", n / rate + 0.04 * (-1) ** n) for n in range(60)] == [""] * 60
    passed = [meter.refusal("V", n / rate / 1.5) for n in range(60)].count("")
    assert passed <= 60 / 1.5 + math.ceil(rate)


@pytest.mark.parametrize(("rate", "at_once"), [(1, 1), (3.5, 4)])
def test_at_once_so_many_calls_pass_as_the_rate_is_rounded_up(rate: float, at_once: int) -> None:
    meter = Meter(Limits(per_second=rate))
    answers = [meter.refusal("U", 100) for _ in range(6)]
    assert answers == [""] * at_once + [SECOND_SPENT] * (6 - at_once)
    assert meter.refusal("another", 100) == ""


def test_a_days_calls_end_and_begin_anew_at_midnight() -> None:
    meter = Meter(Limits(per_day=2))
    assert [meter.refusal("U", now_s) for now_s in (0, 1, 2, 86_399, 86_400)] == ["", "", DAY_SPENT, DAY_SPENT, ""]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("none", Limits()),
        ("1", Limits(per_second=1, per_day=86_400)),
        (3.5, Limits(per_second=3.5, per_day=302_400)),
        ("documented", Limits(per_second=3.5, per_day=302_400)),
        ({"per_second": 10}, Limits(per_second=10)),
    ],
)
def test_limits_have_names_and_numbers(wish: Any, expected: Limits) -> None:
    assert read_limits(wish) == expected


@pytest.mark.parametrize("wish", ["fast", {"per_second": 0}, {"per_minute": 1}, None])
def test_limits_that_there_can_not_be_are_refused(wish: Any) -> None:
    with pytest.raises(LimitsError):
        read_limits(wish)
