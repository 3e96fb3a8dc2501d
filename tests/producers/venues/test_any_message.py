"""Whatever a venue says, its feed's code takes it for something, and does not raise."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.feeds.venue import Venue, What
from producers.rest import RestAnswer
from producers.venues import outpoll, ripio, tinvest

VENUES: list[Venue] = [
    tinvest.VenueFeed(tinvest.VenueSettings(token="t", accounts=("A1",))),
    ripio.VenueFeed(ripio.VenueSettings(api_token="t", api_secret="s", account="A1", pairs=("BTC_BRL",))),
    outpoll.VenueFeed(outpoll.VenueSettings(api_key="k", api_secret="c2VjcmV0", account="A1")),
]
SOURCES = {"tinvest": "rest:GetOrders", "ripio": "rest:GetUserOrders", "outpoll": "rest:history-orders"}

WORDS = (
    "accounts accountId body code d data error error_code executionReportStatus i id lotsCancelled lotsLeft m message "
    "method orderId orderRequestId orderState orders ping r result s st status stopOrderState subscription t topic tp"
)
# The last stands for a number that no float holds.
TEXTS = (
    "",
    "A1",
    "ERROR",
    "ORDER_UPDATE",
    "PING",
    "TPSL_UPDATE",
    "error",
    "order_status",
    "EXECUTION_REPORT_STATUS_PARTIALLYFILL",
    "40003",
    "9" * 5000,
    "\u0663",
    "1e999",
)
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    st.sampled_from(TEXTS) | st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5)
MESSAGES = (OBJECTS | VALUES).map(
    lambda value: json.dumps(value, ensure_ascii=False).replace('"1e999"', "1e999").encode()
) | st.binary(max_size=20)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@settings(max_examples=500)
@given(data=MESSAGES)
def test_every_message_is_something(venue: Any, data: bytes):
    assert venue.classify(data).what in What
    assert venue.answer(data) is None or isinstance(venue.answer(data), bytes)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@given(data=MESSAGES, status=st.integers(100, 599))
def test_every_refusal_means_something(venue: Any, data: bytes, status: int):
    assert venue.snapshot_meaning(SOURCES[venue.name], RestAnswer(status, {}, data)).reason


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
@given(code=st.integers(0, 5000), reason=st.sampled_from(TEXTS) | st.text(max_size=20))
def test_every_close_means_something(venue: Any, code: int, reason: str):
    assert venue.close_meaning(code, reason).reason
