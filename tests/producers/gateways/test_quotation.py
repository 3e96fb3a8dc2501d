"""Quotations are exact both ways."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateways.tinvest.quotation import from_quotation, to_quotation

INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def quotations(draw: st.DrawFn) -> dict[str, Any]:
    units, nano = draw(INT64), draw(st.integers(0, 10**9 - 1))
    sign = -1 if units < 0 or (units == 0 and draw(st.booleans())) else 1
    return {"units": str(units), "nano": sign * nano}


@given(quotations())
def test_a_quotation_comes_back_as_it_was(quotation: dict[str, Any]) -> None:
    assert to_quotation(from_quotation(quotation)) == quotation


@given(st.decimals(min_value=-(2**63), max_value=2**63 - 1, places=9))
def test_a_decimal_comes_back_as_it_was(number: Decimal) -> None:
    assert from_quotation(to_quotation(number)) == number


@given(st.decimals(min_value=-(2**63), max_value=2**63 - 1, places=9))
def test_both_parts_have_the_sign_of_the_number(number: Decimal) -> None:
    parts = to_quotation(number)
    units, nano = int(parts["units"]), int(parts["nano"])
    assert units * nano >= 0
    assert abs(nano) < 10**9
    assert (units < 0 or nano < 0) == (number < 0)


@pytest.mark.parametrize(
    ("text", "units", "nano"),
    [
        ("114.25", "114", 250000000),
        ("-200.20", "-200", -200000000),
        ("-0.01", "0", -10000000),
        ("0", "0", 0),
        ("-0", "0", 0),
        ("1E+2", "100", 0),
        ("0E+999999999", "0", 0),
        ("0.000000001", "0", 1),
        ("1.0000000000000", "1", 0),
        ("9223372036854775807.999999999", "9223372036854775807", 999999999),
        ("-9223372036854775808", "-9223372036854775808", 0),
    ],
)
def test_numbers_in_the_venues_form(text: str, units: str, nano: int) -> None:
    assert to_quotation(Decimal(text)) == {"units": units, "nano": nano}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0.0000000001", "9 decimals"),
        ("1.0000000001", "9 decimals"),
        ("1E-999999999", "9 decimals"),
        ("9223372036854775808", "64 bits"),
        ("-9223372036854775809", "64 bits"),
        ("1E+999999999", "64 bits"),
        ("NaN", "no number"),
        ("sNaN", "no number"),
        ("-Infinity", "no number"),
    ],
)
def test_what_a_quotation_cannot_say_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        to_quotation(Decimal(text))


@pytest.mark.parametrize(
    "value",
    [
        None,
        "1",
        [],
        {"units": "1", "nano": -1},
        {"units": "-1", "nano": 1},
        {"units": "1", "nano": 10**9},
        {"units": str(2**63)},
        {"units": "1.5"},
        {"units": 1.5},
        {"nano": True},
        {"units": None},
    ],
)
def test_what_is_no_quotation_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the table says what is wrong
        from_quotation(value)


def test_parts_that_are_left_out_are_zero() -> None:
    assert from_quotation({}) == 0
    assert from_quotation({"units": "7", "currency": "rub"}) == 7
    assert from_quotation({"nano": 5}) == Decimal("0.000000005")
