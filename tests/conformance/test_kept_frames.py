"""Every kept frame of every venue is mapped, or knowingly ignored; one that can't be is a dead letter."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from processors.core.errors import MappingError
from processors.core.lifecycle import PRECEDENCE
from processors.core.model import Report, Trade
from producers.feeds.venue import What
from tests.conformance.found import VENUES, Kept, kept, metadata, part, settings

KEPT = [record for venue in VENUES for record in kept(venue)]
NOT_JSON = (b"", b"not JSON", b'{"half":', b"\xff\xfe")


def plain(value: object) -> object:
    """Return a report as the fixtures have it: decimals as text, what is null, empty or false left out."""
    if isinstance(value, Report | Trade):
        told = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {name: field for name, field in told.items() if field not in (None, [], False)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def unknown_qty(request_id: str | None, venue_order_id: str | None) -> Decimal | None:
    return None


def read(record: Kept, value: bytes | None = None) -> Any:
    reports = part("processors.mappings", record.venue).reports
    return reports(record.value if value is None else value, record.source, record.account, unknown_qty)


@pytest.mark.parametrize("record", KEPT, ids=[record.name for record in KEPT])
def test_a_kept_frame_is_read_as_it_was_understood(record: Kept):
    assert plain(read(record)) == record.expected


@pytest.mark.parametrize("record", KEPT, ids=[record.name for record in KEPT])
def test_a_status_is_one_of_the_life_cycles(record: Kept):
    assert {report.ord_status for report in read(record)} <= {status for _, status in PRECEDENCE}


@pytest.mark.parametrize("venue", VENUES)
def test_each_venue_has_frames_of_an_order_from_its_beginning_to_each_of_its_ends(venue: str):
    told = {report["ord_status"] for record in kept(venue) for report in record.expected}
    # Some venues refuse over REST alone.
    assert {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED"} <= told


@pytest.mark.parametrize("venue", VENUES)
def test_each_venue_has_frames_that_are_knowingly_ignored(venue: str):
    assert any(record.expected == [] for record in kept(venue))


@pytest.mark.parametrize("venue", VENUES)
def test_a_status_that_is_not_known_is_a_dead_letter_and_takes_no_other_order_along(venue: str):
    tried = 0
    for record in kept(venue):
        words = {report["venue_status"] for report in record.expected if "venue_status" in report}
        for word in words:
            value = record.value.replace(f'"{word}"'.encode(), b'"NO_SUCH_STATUS"')
            assert value != record.value
            with pytest.raises(MappingError) as refused:
                read(record, value)
            assert "NO_SUCH_STATUS" in str(refused.value)
            others = [report for report in record.expected if report.get("venue_status") not in (None, word)]
            assert [report for report in plain(refused.value.reports) if report.get("venue_status")] == others
            tried += 1
    assert tried


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("value", NOT_JSON)
def test_what_is_no_json_is_a_dead_letter(venue: str, value: bytes):
    for source in {record.source for record in kept(venue) if any(record.expected)}:
        with pytest.raises(MappingError):
            part("processors.mappings", venue).reports(value, source, "A", unknown_qty)


@pytest.mark.parametrize("venue", VENUES)
def test_a_feed_reads_every_kept_frame_of_a_stream_and_no_other_bytes(venue: str):
    simulator = part("sandbox.simulators", venue).Simulator()
    made = part("producers.venues", venue)
    known = settings(venue, simulator.environment)
    feeds = [made.VenueFeed(known), *(each(known) for each in getattr(made, "AUXILIARY", ()))]
    streams = {name for name, file in metadata(venue)["files"].items() if not file["source"].startswith("rest:")}
    heard = 0
    for record in KEPT:
        if record.venue != venue or record.name.split(":")[1] not in streams:
            continue
        feed = next((each for each in feeds[1:] if each.source == record.source), feeds[0])
        assert feed.classify(record.value).what is not What.UNREADABLE
        heard += 1
    assert heard
    assert {feed.classify(value).what for feed in feeds for value in NOT_JSON} == {What.UNREADABLE}


@pytest.mark.parametrize("venue", VENUES)
def test_a_kept_answer_is_read_by_the_feed_too_which_finds_every_order_in_it(venue: str):
    simulator = part("sandbox.simulators", venue).Simulator()
    feed = part("producers.venues", venue).VenueFeed(settings(venue, simulator.environment))
    for record in KEPT:
        if record.venue != venue or not record.source.startswith("rest:"):
            continue
        seen = feed.snapshot_orders(record.source, record.value)
        ids = {name for order in seen for name in (order.request_id, order.venue_order_id)}
        orders = [report for report in record.expected if "venue_status" in report]
        assert [report for report in orders if report["venue_order_id"] not in ids] == []
        if orders:
            with pytest.raises(ValueError):  # noqa: PT011 -- the protocol's word for it
                feed.snapshot_orders(record.source, b'{"half":')
