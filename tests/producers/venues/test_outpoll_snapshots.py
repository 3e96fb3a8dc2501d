"""How far Outpoll's lists are read, and what is read of them."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from producers.feeds.venue import OrderSeen, Reads, SnapshotCall
from producers.rest import RestAnswer
from producers.venues.outpoll import VenueFeed
from tests.producers.venues.test_outpoll_signing import settings

NOW_MS = 1_712_500_000_000
NOW_NS = NOW_MS * 1_000_000
DAY_MS = 24 * 60 * 60 * 1000
HISTORY, ACTIVE, TRADES, TPSL = (
    "rest:history-orders",
    "rest:active-orders",
    "rest:history-trades",
    "rest:tpsl-orders",
)


def feed() -> VenueFeed:
    return VenueFeed(settings(), clock=lambda: NOW_NS)


def an_order(number: int, status: str = "FILLED", age_ms: int = 0, **fields: Any) -> dict[str, Any]:
    return {"i": f"o{number}", "a": "asset", "o": "outcome", "st": status, "m": NOW_MS - age_ms} | fields


def page(items: list[Any], number: int = 0, pages: int | None = 3) -> bytes:
    return json.dumps({"i": items, "p": number, "s": 100, **({} if pages is None else {"tp": pages})}).encode()


def first(stream: VenueFeed, reads: Reads, order: OrderSeen | None = None, now_ns: int = NOW_NS) -> SnapshotCall:
    call = stream.snapshot_call(reads, "main", now_ns, order)
    assert call is not None
    return call


def after(stream: VenueFeed, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
    """Return the next call, as the reconciler does it: the orders of a page are read before the next is asked for."""
    stream.snapshot_orders(call.source, body)
    return stream.snapshot_next(call, body)


def query(call: SnapshotCall | None) -> dict[str, str]:
    assert call is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}


@pytest.mark.parametrize(
    ("reads", "source", "address"),
    [
        (Reads.ORDERS_OF_DAY, HISTORY, "https://history-service.outpoll.com/api/history/orders"),
        (Reads.TRADES, TRADES, "https://history-service.outpoll.com/api/history/trades"),
        (Reads.OPEN_ORDERS, ACTIVE, "https://history-service.outpoll.com/api/history/deals/active-orders"),
    ],
)
def test_a_list_begins_with_its_newest_page(reads: Reads, source: str, address: str):
    call = first(feed(), reads)
    assert (call.source, call.path.partition("?")[0]) == (source, address)
    assert query(call)["page"] == "0"
    assert query(call).get("sort", "desc") == "desc"


@pytest.mark.parametrize("reads", [Reads.ORDERS_OF_DAY, Reads.TRADES])
def test_the_first_time_a_list_is_read_until_it_ends(reads: Reads):
    stream = feed()
    call: SnapshotCall | None = first(stream, reads)
    pages = []
    for number in range(3):
        assert call is not None
        pages.append(query(call)["page"])
        call = after(stream, call, page([an_order(number, oi=f"x{number}")], number))
    assert pages == ["0", "1", "2"]
    assert call is None


def read(stream: VenueFeed, reads: Reads, *pages: list[Any]) -> list[str]:
    """Read a list of these pages until it is to be read no further, and return which pages were read."""
    asked: list[str] = []
    call: SnapshotCall | None = first(stream, reads)
    while call is not None:
        asked.append(query(call)["page"])
        number = int(asked[-1])
        call = after(stream, call, page(pages[number], number, len(pages)))
    return asked


def test_what_was_read_before_and_has_ended_is_not_read_again():
    stream = feed()
    pages = [an_order(1), an_order(2, "CANCELED")], [an_order(3)], [an_order(4)]
    assert read(stream, Reads.ORDERS_OF_DAY, *pages) == ["0", "1", "2"]
    assert read(stream, Reads.ORDERS_OF_DAY, *pages) == ["0"]


@pytest.mark.parametrize("reads", [Reads.ORDERS_OF_DAY, Reads.TRADES])
def test_a_reading_that_did_not_come_to_its_end_leaves_nothing_out_of_the_next(reads: Reads):
    stream = feed()
    pages = [an_order(1)], [an_order(2)], [an_order(3)]
    assert after(stream, first(stream, reads), page(pages[0]))  # and the next page is refused, or the connection ends
    assert read(stream, reads, *pages) == ["0", "1", "2"]


def test_a_page_that_new_orders_filled_with_those_of_the_page_before_does_not_end_the_list():
    stream = feed()
    assert read(stream, Reads.ORDERS_OF_DAY, [an_order(1)], [an_order(1)], [an_order(2)]) == ["0", "1", "2"]


@pytest.mark.parametrize("status", ["ACTIVE", "WHAT"])
def test_an_order_that_may_still_change_is_read_again_with_what_comes_after_it(status: str):
    stream = feed()
    for _ in range(2):
        call = first(stream, Reads.ORDERS_OF_DAY)
        following = after(stream, call, page([an_order(1, status)]))
    assert query(following)["page"] == "1"


def test_a_trade_that_was_read_is_not_read_again_and_a_new_one_is():
    stream = feed()
    one, two = {"i": "t1", "oi": "o1", "m": NOW_MS}, {"i": "t2", "oi": "o1", "m": NOW_MS}
    assert read(stream, Reads.TRADES, [one]) == ["0"]
    assert read(stream, Reads.TRADES, [one], []) == ["0"]
    assert read(stream, Reads.TRADES, [two, one], []) == ["0", "1"]


def test_a_list_is_read_no_further_back_than_a_day():
    stream = feed()
    call = first(stream, Reads.ORDERS_OF_DAY)
    assert after(stream, call, page([an_order(1), an_order(2, age_ms=DAY_MS)]))
    assert after(stream, call, page([an_order(3), an_order(4, age_ms=DAY_MS + 1)])) is None


@pytest.mark.parametrize(("items", "goes_on"), [(100, True), (99, False)])
def test_where_the_number_of_pages_is_not_told_a_full_one_is_not_the_last(items: int, goes_on: bool):
    stream = feed()
    orders = [an_order(number, "ACTIVE") for number in range(items)]
    call = first(stream, Reads.OPEN_ORDERS)
    assert (after(stream, call, page(orders, pages=None)) is not None) is goes_on


def test_no_list_is_read_for_ever():
    stream = feed()
    call: SnapshotCall | None = first(stream, Reads.OPEN_ORDERS)
    pages = 0
    while call is not None:
        call = after(stream, call, page([an_order(pages, "ACTIVE")], pages, pages=10**6))
        pages += 1
    assert pages == 50


def test_an_order_that_vanished_is_looked_for_in_its_outcomes_pages_until_it_is_found():
    stream = feed()
    after(stream, first(stream, Reads.ORDERS_OF_DAY), page([an_order(7, "ACTIVE", o="mkt")], pages=1))
    call = first(stream, Reads.ORDER, OrderSeen("", "o7", True))
    assert (call.source, query(call)["eventOutcomeId"]) == (HISTORY, "mkt")
    long_ago = [an_order(1, age_ms=9 * DAY_MS)]
    following = after(stream, call, page(long_ago, 0))
    assert (query(following)["page"], query(following)["eventOutcomeId"]) == ("1", "mkt")
    assert following is not None
    assert after(stream, following, page([an_order(7, age_ms=9 * DAY_MS)], 1)) is None


def test_an_order_whose_outcome_is_not_known_is_looked_for_in_all_pages():
    call = first(feed(), Reads.ORDER, OrderSeen("", "o7", True))
    assert "eventOutcomeId" not in query(call)


# What is read.


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("ACTIVE", True), ("PARTIALLY_FILLED", True), ("WHAT", None), ("", None)]
    + [(word, False) for word in ("FILLED", "CANCELED", "CANCELLED", "REJECTED", "EXPIRED")],
)
def test_an_order_is_open_by_its_status_alone(status: str, is_open: bool | None):
    body = page([an_order(1, status), {"id": "o2", "status": status}, {"i": 7}, None])
    expected = [OrderSeen("", "o1", is_open), OrderSeen("", "o2", is_open)]
    assert list(feed().snapshot_orders(HISTORY, body)) == expected
    assert list(feed().snapshot_orders(ACTIVE, body)) == expected


@pytest.mark.parametrize("source", [HISTORY, ACTIVE, TPSL])
@pytest.mark.parametrize("body", [b"", b"{}", b"7", b'{"i":7}', b"<html>", b'{"i":"\xff"}'])
def test_an_answer_that_is_no_list_is_refused(source: str, body: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 -- whichever: what reads it takes any
        feed().snapshot_orders(source, body)


# Take-profit / stop-loss orders.


def a_tpsl(name: str, status: str = "ACTIVE", asset: str = "asset") -> dict[str, Any]:
    return {"i": name, "a": asset, "q": 1, "tpp": 0.9, "slp": None, "s": status}


def frame(name: str, status: str = "ACTIVE", asset: str = "asset") -> bytes:
    return json.dumps({"t": "TPSL_UPDATE", "d": a_tpsl(name, status, asset)}).encode()


def chain(stream: VenueFeed, reads: Reads, answers: dict[str, list[Any]], now_ns: int = NOW_NS) -> list[dict[str, str]]:
    """Make a row of calls, answer each by its status, and return what was asked."""
    asked = []
    call = stream.snapshot_call(reads, "main", now_ns)
    while call is not None:
        asked.append(query(call))
        call = after(stream, call, json.dumps(answers.get(asked[-1]["status"], [])).encode())
    return asked


STATUSES = {"ACTIVE", "TRIGGERED", "CANCELED"}


def test_at_first_all_assets_that_are_known_are_asked_for_both_sides_and_all_words():
    stream = feed()
    stream.snapshot_orders(HISTORY, page([an_order(1, a="new"), an_order(2, a="old")]))
    asked = chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    assert {(one["assetId"], one["primary"], one["status"]) for one in asked} == {
        (asset, primary, status) for asset in ("old", "new") for primary in ("true", "false") for status in STATUSES
    }


async def test_assets_without_an_active_one_are_asked_for_again_after_a_while_and_after_each_connect():
    stream = feed()
    stream.snapshot_orders(HISTORY, page([an_order(1, a="quiet")]))
    stream.classify(frame("tp", asset="busy"))
    listed = {"ACTIVE": [a_tpsl("tp", asset="busy")]}

    def asked(after_s: int) -> set[tuple[str, str]]:
        calls = chain(stream, Reads.STOP_ORDERS_OF_DAY, listed, NOW_NS + after_s * 10**9)
        return {(one["assetId"], one["status"]) for one in calls}

    everything = {(asset, status) for asset in ("busy", "quiet") for status in STATUSES}
    assert [asked(after_s) for after_s in (0, 29, 30, 31)] == [
        everything,
        {("busy", "ACTIVE")},
        everything,
        {("busy", "ACTIVE")},
    ]
    await stream.greeting()
    assert asked(32) == everything


def test_all_assets_are_asked_for_again_at_once_when_that_did_not_come_to_its_end():
    stream = feed()
    stream.snapshot_orders(HISTORY, page([an_order(1, a="quiet")]))
    assert after(stream, first(stream, Reads.STOP_ORDERS_OF_DAY), b"[]")  # and the next call is refused
    assert {one["status"] for one in chain(stream, Reads.STOP_ORDERS_OF_DAY, {}, NOW_NS + 1)} == STATUSES
    assert chain(stream, Reads.STOP_ORDERS_OF_DAY, {}, NOW_NS + 2) == []


def test_however_many_assets_have_an_active_one_each_of_them_is_asked_for_before_any_end():
    stream = feed()
    assets = {f"a{number}" for number in range(12)}
    for asset in assets:
        stream.classify(frame(f"tp of {asset}", asset=asset))
    asked = chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    assert {one["assetId"] for one in asked if one["status"] == "ACTIVE"} == assets
    assert len(asked) <= 50


def test_of_many_assets_those_of_the_newest_orders_are_asked_for():
    stream = feed()
    stream.snapshot_orders(HISTORY, page([an_order(number, a=f"a{number}") for number in range(50)]))
    asked = chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    assert {one["assetId"] for one in asked} == {f"a{number}" for number in range(8)}
    assert len(asked) <= 50


def vanished() -> VenueFeed:
    """Return a feed that was told of an active one, which the list does not hold any more."""
    stream = feed()
    stream.classify(frame("tp"))
    chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    return stream


def test_one_that_is_not_listed_any_more_is_looked_for_once_under_the_words_of_an_end():
    stream = vanished()
    asked = chain(stream, Reads.STOP_ORDERS, {})
    assert {(one["assetId"], one["status"]) for one in asked} == {("asset", "TRIGGERED"), ("asset", "CANCELED")}
    chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    assert chain(stream, Reads.STOP_ORDERS, {}) == []


def test_one_that_could_not_be_looked_for_to_the_end_is_looked_for_again_a_few_times():
    stream = vanished()
    for _ in range(5):
        assert stream.snapshot_call(Reads.STOP_ORDERS, "main", NOW_NS) is not None
    assert stream.snapshot_call(Reads.STOP_ORDERS, "main", NOW_NS) is None


def test_one_that_is_found_among_the_ended_is_not_looked_for_any_more():
    stream = feed()
    stream.classify(frame("tp"))
    chain(stream, Reads.STOP_ORDERS_OF_DAY, {"CANCELED": [a_tpsl("tp", "CANCELED")]})
    assert chain(stream, Reads.STOP_ORDERS, {}) == []


def test_words_that_the_venue_refuses_are_not_asked_for_again():
    stream = vanished()
    meaning = stream.snapshot_meaning(TPSL, RestAnswer(400, {}, b'{"error":"no such status"}'))
    assert meaning.final
    assert chain(stream, Reads.STOP_ORDERS, {}) == []
    later = chain(stream, Reads.STOP_ORDERS_OF_DAY, {}, NOW_NS + 60 * 10**9)
    assert {one["status"] for one in later} == {"ACTIVE"}


def test_one_that_is_listed_is_looked_for_no_further():
    stream = feed()
    stream.classify(frame("tp"))
    chain(stream, Reads.STOP_ORDERS_OF_DAY, {"ACTIVE": [a_tpsl("tp")]})
    assert chain(stream, Reads.STOP_ORDERS, {}) == []


def test_one_whose_end_the_stream_told_is_asked_for_no_more():
    stream = vanished()
    stream.classify(frame("tp", "TRIGGERED"))
    chain(stream, Reads.STOP_ORDERS_OF_DAY, {})
    assert chain(stream, Reads.STOP_ORDERS, {}) == []


def test_the_list_of_them_is_read_as_stop_orders():
    body = json.dumps([a_tpsl("1"), a_tpsl("2", "CANCELED"), a_tpsl("3", "WHAT")]).encode()
    assert list(feed().snapshot_orders(TPSL, body)) == [
        OrderSeen("", "1", True, is_stop=True),
        OrderSeen("", "2", False, is_stop=True),
        OrderSeen("", "3", None, is_stop=True),
    ]
