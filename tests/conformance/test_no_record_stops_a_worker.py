"""Whatever stands in a venue's frame: it is read or a dead letter, and what comes of it can be written and read."""

import io
import json
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.encoding.results import Encoders
from processors.encoding.state import decode_state
from processors.encoding.submissions import SubmissionReader
from processors.shard import Shard
from schemas import topics
from schemas.headers import FrameHeaders, Kind, pack
from schemas.records import schema
from schemas.topics import account_key, frames_topic
from tests.conformance.found import VENUES, Kept, kept, part
from tests.processors.core.stories import GRACE, START
from tests.processors.test_shard import IDS, SUBMITTED_ID, Read, not_known, of

RECORDS = {venue: list(kept(venue)) for venue in VENUES}
AVRO = {
    topic.name: fastavro.parse_schema(schema(name))
    for topic, name in (
        (topics.EXECUTIONS, "execution"),
        (topics.LATEST, "execution"),
        (topics.UNMATCHED, "unmatched"),
        (topics.FEEDS_STATUS, "feed_status"),
    )
}
# What may stand in the place of any value, as JSON on the wire.
STRANGE = (
    *(b"null", b"true", b"0", b"-1", b"1.5", b"1e400", b"1e999999999", b"1e-999999999", b"9223372036854775808"),
    *(b"9" * 30, b"9" * 5000, b"-" + b"9" * 30, b"[]", b"{}", b"[null]", b"[" * 3000 + b"]" * 3000),
    *(b'""', b'"x"', b'"-1"', b'"0"', b'"NaN"', b'"1e999999999"', b'"' + b"9" * 30 + b'"', b'"' + b"x" * 20_000 + b'"'),
    *(b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59.999999999Z"', b'"1970-01-01T00:00:00Z"', b'"2026-02-30"'),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"', b"NaN", b"-0.0", b""),
)
_MARK = "the place"


def shard(venue: str) -> Shard:
    reports = part("processors.mappings", venue).reports
    return Shard(0, 1, GRACE, {venue: reports}, Encoders(IDS), SubmissionReader(SUBMITTED_ID, not_known))


def frame(record: Kept, value: bytes, sequence: int) -> Read:
    kind = Kind.SNAPSHOT if record.source.startswith("rest:") else Kind.FRAME
    headers = pack(FrameHeaders(record.venue, record.account, record.source, kind, "c1", sequence, START + sequence))
    key = account_key(record.venue, record.account).encode()
    return Read(frames_topic(record.venue).name, value, key, headers, sequence)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a JSON value, as what holds it and under which key."""
    for key, held in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(held, dict | list):
            yield from places(held)


@st.composite
def strange(draw: st.DrawFn, record: Kept) -> bytes:
    """Draw a kept record with strange values in some of its places."""
    value = json.loads(record.value)
    found = list(places(value)) if isinstance(value, dict | list) else []
    if not found:
        return draw(st.sampled_from(STRANGE))
    holder, key = draw(st.sampled_from(found))
    holder[key] = _MARK
    return json.dumps(value).encode().replace(f'"{_MARK}"'.encode(), draw(st.sampled_from(STRANGE)), 1)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=300)
@given(data=st.data())
def test_a_strange_frame_is_read_or_a_dead_letter_and_all_that_comes_of_it_is_in_its_schema(
    venue: str, data: st.DataObject
) -> None:
    running = shard(venue)
    taken = data.draw(st.lists(st.sampled_from(RECORDS[venue]), min_size=1, max_size=4))

    for number, record in enumerate(taken):
        values = data.draw(strange(record)), record.value
        running.take(
            frames_topic(venue).name,
            [frame(record, value, 2 * number + at) for at, value in enumerate(values, 1)],
            at_end=True,
        )
        for topic, value, *_ in running.finish():
            if topic in AVRO and value is not None:
                fastavro.schemaless_reader(io.BytesIO(value[5:]), AVRO[topic], None)
            elif topic == topics.STATE.name and value is not None:
                decode_state(value)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b'{"a":' * 100_000, id="nested too deep"),
        pytest.param(
            b'{"t":"ORDER_UPDATE","topic":"order_status","body":{"id":"\xff","status":"open"}}\xff', id="no UTF-8"
        ),
    ],
)
@pytest.mark.parametrize("kind", [Kind.FRAME, Kind.HEARTBEAT])
def test_what_can_not_be_taken_apart_is_a_dead_letter_whatever_it_is(venue: str, value: bytes, kind: Kind) -> None:
    source = next(record.source for record in RECORDS[venue] if record.expected and ":" not in record.source)
    headers = pack(FrameHeaders(venue, "1", source, kind, "c1", 1, START))
    running = shard(venue)

    running.take(frames_topic(venue).name, [Read(frames_topic(venue).name, value, b"k", headers)], at_end=True)

    assert len(of(running.finish(), topics.DEAD_LETTERS.name)) == 1
