"""What Outpoll's messages, refusals and times mean to a feed."""

import asyncio
import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.feeds.venue import Heard, OrderSeen, Reads, What
from producers.rest import RestAnswer
from producers.venues.outpoll import AUXILIARY, OrderFeed, VenueFeed, VenueSettings
from producers.venues.outpoll.clock import clock_complaint, off_by_s
from producers.venues.outpoll.signing import auth_message, signature
from tests.producers.venues.test_outpoll_signing import AT_NS, ENVIRONMENT, SECRET, TIMESTAMP, settings

ORDER = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
REFUSAL = b'{"t":"error","d":{"error":"Invalid or missing credentials"}}'
FEED_REFUSAL = b'{"t":"ERROR","d":null,"r":"Invalid or missing credentials"}'
ACKS = [b'{"t":"success","d":"authorized","r":null}', b'{"t":"SUCCESS","d":{"message":"AUTH successful"},"r":null}']
PING = b'{"t":"PING","d":null,"r":null}'


def feed(**names: str) -> VenueFeed:
    return VenueFeed(settings(**names), clock=lambda: AT_NS)


def order_feed() -> OrderFeed:
    return OrderFeed(settings(), clock=lambda: AT_NS)


def update(**fields: Any) -> bytes:
    return json.dumps({"t": "ORDER_UPDATE", "d": {"i": ORDER, "u": "user", "s": "SUCCESS"} | fields}).encode()


def test_the_streams_are_those_of_the_settings():
    assert feed().stream_url == "wss://order-service.outpoll.com/order/ws"
    assert order_feed().stream_url == "wss://history-service.outpoll.com/order/ws"
    assert OrderFeed(VenueSettings.load(ENVIRONMENT | {"DROPCOPY_OUTPOLL_ORDER_FEED_URL": ""})).stream_url == ""
    assert (OrderFeed,) == AUXILIARY
    assert (feed().source, order_feed().source) == ("order-updates", "order-feed")
    assert (feed().marks, order_feed().marks) == (True, False)


@pytest.mark.parametrize("stream", [feed(), order_feed()])
async def test_a_connection_opens_with_the_signed_message(stream: VenueFeed | OrderFeed):
    assert await stream.greeting() == (auth_message(settings(), AT_NS),)


CLASSIFIED: dict[bytes, Heard] = {
    ACKS[0]: Heard(What.CONFIRMED),
    ACKS[1]: Heard(What.CONFIRMED),
    PING: Heard(What.PING, "main"),
    update(): Heard(What.DATA, "main", order=OrderSeen("", ORDER, None), read_up=True),
    update(s="FAILED"): Heard(What.DATA, "main", order=OrderSeen("", ORDER, None), read_up=True),
    b'{"t":"TPSL_UPDATE","d":{"i":"tp","a":"asset","q":100,"tpp":0.95,"slp":0.10,"s":"ACTIVE"}}': Heard(
        What.DATA, "main", order=OrderSeen("", "tp", True, is_stop=True), read_up=True
    ),
    b'{"t":"TPSL_UPDATE","d":{"i":"tp","a":"asset","s":"WHAT"}}': Heard(
        What.DATA, "main", order=OrderSeen("", "tp", None, is_stop=True), read_up=True
    ),
    b'{"t":"SOMETHING_NEW","d":[1]}': Heard(What.DATA),
    b"{}": Heard(What.DATA),
    b'{"t":"ORDER_UPDATE"}': Heard(What.UNREADABLE),
    b'{"t":"ORDER_UPDATE","d":{"i":7}}': Heard(What.UNREADABLE),
    b'{"t":"ORDER_UPDATE","d":{"i":"\xff"}}': Heard(What.UNREADABLE),
    b'{"t":1}': Heard(What.UNREADABLE),
    b"[]": Heard(What.UNREADABLE),
    b"": Heard(What.UNREADABLE),
}


@pytest.mark.parametrize(("data", "heard"), CLASSIFIED.items())
def test_a_message_is_classified_by_its_type(data: bytes, heard: Heard):
    assert feed().classify(data) == heard


@given(st.binary(max_size=80))
def test_no_message_breaks_the_reading(data: bytes):
    assert isinstance(feed().classify(data), Heard)
    assert isinstance(order_feed().classify(data), Heard)


@pytest.mark.parametrize("data", [b'{"t":"ORDER","d":{"i":"1"},"r":null}', b'{"t":"ANYTHING"}', b'{"x":1}'])
def test_whatever_the_order_feed_says_asks_for_the_history(data: bytes):
    assert order_feed().classify(data) == Heard(What.DATA, "main", read_up=True)


@pytest.mark.parametrize("data", [PING, *ACKS])
def test_what_the_order_feed_says_of_the_connection_asks_for_nothing(data: bytes):
    assert not order_feed().classify(data).read_up


def test_after_an_update_the_next_ping_asks_once_more_for_the_history_may_be_behind():
    stream = feed()
    assert not stream.classify(PING).read_up
    stream.classify(update())
    assert [stream.classify(PING).read_up for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(("wanted", "answer"), [("true", b'{"t":"PONG","d":null,"r":null}'), ("false", None)])
def test_a_ping_is_answered_where_the_settings_say_so(wanted: str, answer: bytes | None):
    stream = feed(PONG=wanted)
    assert stream.answer(PING) == answer
    assert stream.answer(b'{"d":null,"t":"PING"}') == answer
    assert stream.answer(update(i='"t":"PING"')) is None


# Refusals.


@pytest.mark.parametrize("data", [REFUSAL, FEED_REFUSAL])
def test_a_refused_key_is_final_only_the_second_time(data: bytes):
    stream = feed()
    first, second = stream.classify(data).meaning, stream.classify(data).meaning
    assert first is not None
    assert second is not None
    assert (first.reason, first.final) == ("unauthorized", False)
    assert (second.reason, second.final) == ("unauthorized", True)
    assert "Invalid or missing credentials" in second.text
    assert "DROPCOPY_OUTPOLL_API_SECRET" in second.hint


def test_a_connection_that_was_confirmed_forgets_the_refusal_before_it():
    stream = feed()
    for data in (REFUSAL, ACKS[0]):
        stream.classify(data)
    heard = stream.classify(REFUSAL)
    assert heard.meaning is not None
    assert not heard.meaning.final


def test_an_error_that_is_not_known_ends_a_connection_only_before_it_is_confirmed():
    stream, error = feed(), b'{"t":"error","d":{"error":"Unknown message type"}}'
    before = stream.classify(error)
    assert before.what is What.REFUSED
    assert before.meaning is not None
    assert (before.meaning.reason, before.meaning.final) == ("venue_error", False)
    stream.classify(ACKS[0])
    assert stream.classify(error) == Heard(What.DATA)


@pytest.mark.parametrize(
    ("code", "reason", "final", "wait_s"),
    [
        (1000, "closed", False, 0),
        (1006, "connection_lost", False, 0),
        (1008, "policy", False, 10),
        (1013, "maintenance", False, 5),
        (4999, "venue_error", False, 0),
    ],
)
def test_a_close_code_means_what_the_registry_says(code: int, reason: str, final: bool, wait_s: float):
    meaning = feed().close_meaning(code, "bye")
    assert (meaning.reason, meaning.final, meaning.wait_s) == (reason, final, wait_s)
    assert str(code) in meaning.text


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [
        (401, "unauthorized", True),
        (403, "forbidden", True),
        (404, "not_found", True),
        (429, "limit", False),
        (503, "venue_error", False),
    ],
)
def test_a_refused_handshake_and_a_refused_call_mean_the_same(status: int, reason: str, final: bool):
    handshake = feed().handshake_meaning(status)
    call = feed().snapshot_meaning("rest:history-orders", RestAnswer(status, {}, b'{"error":"no"}'))
    assert (handshake.reason, handshake.final) == (reason, final)
    assert (call.reason, call.final) == (reason, final)
    assert "(no)" in call.text


def test_a_limit_that_names_its_end_is_waited_for():
    answer = RestAnswer(429, {"retry-after": "7"}, b"")
    assert feed().snapshot_meaning("rest:history-orders", answer).wait_s == 7


# The clock.


def at(off_s: int) -> dict[str, str]:
    """Return the headers of a venue that our clock is so far ahead of."""
    return {"date": formatdate(AT_NS // 10**9 - off_s, usegmt=True)}


@pytest.mark.parametrize("off_s", [-90, -31, -30, 0, 1, 30, 31, 86_400])
def test_how_far_the_clock_is_off_is_told_by_the_date_of_an_answer(off_s: int):
    assert off_by_s(at(off_s), AT_NS) == off_s


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_an_answer_without_a_date_tells_nothing_of_the_clock(date: str):
    assert off_by_s({"date": date}, AT_NS) is None
    assert off_by_s({}, AT_NS) is None
    assert clock_complaint(None) == ""


@pytest.mark.parametrize(
    ("off_s", "complaint"),
    [
        (30, ""),
        (-30, ""),
        (31, "this machine's clock is 31 s ahead of the venue's, which allows 30 s"),
        (-90, "this machine's clock is 90 s behind the venue's, which allows 30 s"),
    ],
)
def test_only_a_clock_beyond_the_tolerance_is_complained_of(off_s: int, complaint: str):
    assert clock_complaint(off_s) == complaint
    meaning = feed().snapshot_meaning("rest:history-orders", RestAnswer(401, at(off_s), b""))
    assert meaning.reason == ("clock" if complaint else "unauthorized")
    assert meaning.final is not bool(complaint)
    assert complaint in meaning.text


def test_a_clock_that_is_off_is_no_reason_for_another_refusal():
    assert feed().snapshot_meaning("rest:history-orders", RestAnswer(403, at(90), b"")).reason == "forbidden"


# Calls.


def test_a_call_is_signed_anew_for_its_own_path():
    stream = feed()
    call = stream.snapshot_call(Reads.ORDERS_OF_DAY, "main", AT_NS)
    assert call is not None
    assert (call.method, call.body) == ("GET", b"")
    headers = stream.call_headers(call, AT_NS)
    assert headers["OUTPOLL-API-SIGNATURE"] == signature(SECRET, TIMESTAMP, "GET", "/api/history/orders")
    assert stream.call_headers(call, AT_NS + 10**9)["OUTPOLL-API-TIMESTAMP"] == str(int(TIMESTAMP) + 1)
    assert not any(name.lower() == "authorization" for name in [*headers, *stream.rest_headers])


def test_what_the_venue_has_no_call_for_is_not_asked():
    stream = feed()
    assert stream.snapshot_call(Reads.OPEN_STOP_ORDERS, "main", AT_NS) is None
    assert stream.snapshot_call(Reads.STOP_ORDERS_OF_DAY, "main", AT_NS) is None
    assert stream.snapshot_call(Reads.TRADES, "main", AT_NS, OrderSeen("", ORDER, True)) is None
    assert all(order_feed().snapshot_call(reads, "main", AT_NS) is None for reads in Reads)


async def test_when_the_venue_cannot_be_asked_for_its_time_the_stream_is_tried_all_the_same():
    stream = feed(REST_URL="http://127.0.0.1:1", HISTORY_URL="http://127.0.0.1:1")
    stream.classify(REFUSAL)
    async with asyncio.timeout(10):
        assert await stream.greeting() == (auth_message(settings(), AT_NS),)
