"""Times come through to the nanosecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateways.times import to_ns, to_timestamp

# Years 1 to 9999.
TIMES_NS = st.integers(-62_135_596_800 * 10**9, 253_402_300_799 * 10**9)


@given(TIMES_NS)
def test_a_time_comes_back_as_it_was(time_ns: int) -> None:
    assert to_ns(to_timestamp(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-02-16T10:30:00.123456Z", 1_739_701_800_123_456_000),
        ("2025-02-16T10:30:00.123456789Z", 1_739_701_800_123_456_789),
        ("2025-02-16T13:30:00.1+03:00", 1_739_701_800_100_000_000),
        ("2025-02-16t10:30:00z", 1_739_701_800_000_000_000),
        ("2025-02-16 10:30:00Z", 1_739_701_800_000_000_000),
        ("2025-02-16T10:30:00.1234567891Z", 1_739_701_800_123_456_789),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_times_are_read_with_any_fraction_and_offset(text: str, time_ns: int) -> None:
    assert to_ns(text) == time_ns


@pytest.mark.parametrize(
    "text", ["", "today", "2025-02-16", "2025-02-16T10:30:00", "2025-02-30T10:30:00Z", "2025-02-16T25:00:00Z", "1"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the table says what is wrong
        to_ns(text)
