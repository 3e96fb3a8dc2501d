"""One partition's records: what can't be read is kept with its reason, and the rest goes on."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from confluent_kafka import KafkaError

from benchmarks.orders import order
from dropcopy.kafka import MAX_RECORD_BYTES, murmur2_partition
from processors.core.lifecycle import cum_qty
from processors.core.state import Grace
from processors.encoding.results import Encoders
from processors.encoding.state import StateError
from processors.encoding.submissions import SubmissionReader
from processors.mappings import tinvest
from processors.shard import Shard
from schemas import topics
from schemas.headers import FrameHeaders, Kind, pack
from schemas.records import schema
from schemas.topics import account_key

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
PARTITIONS = 4
SUBMITTED_ID = 15
NAMES = (topics.EXECUTIONS, topics.LATEST, topics.UNMATCHED, topics.FEEDS_STATUS)
IDS = {topic.name: number for number, topic in enumerate(NAMES, 11)}
FRAMES = "venue.frames.tinvest"
PREFIX = "__connect.errors."
SUBMITTED_SCHEMA = fastavro.parse_schema(schema("submitted"))


@dataclass
class Read:
    """A record as the consumer hands it over."""

    name: str
    value_: bytes | None
    key_: bytes | None = None
    headers_: list[tuple[str, bytes]] | None = None
    offset_: int = 0
    partition_: int = 0

    def topic(self) -> str:
        return self.name

    def partition(self) -> int:
        return self.partition_

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.headers_

    def error(self) -> KafkaError | None:
        return None


def not_known(value: bytes) -> Mapping[str, Any]:
    raise ValueError("schema 99 is not registered")


def shard(number: int, fetch: Any = not_known) -> Shard:
    grace = Grace(10 * SECOND, 10 * SECOND, 15 * SECOND, 3600 * SECOND)
    return Shard(
        number, PARTITIONS, grace, {"tinvest": tinvest.reports}, Encoders(IDS), SubmissionReader(SUBMITTED_ID, fetch)
    )


ORDER = order(1, START)
KEY = account_key("tinvest", ORDER.account).encode()
HOME = murmur2_partition(KEY, PARTITIONS)


def headers(sequence: int = 1, kind: Kind = Kind.FRAME, received_ns: int = START) -> list[tuple[str, bytes]]:
    return pack(FrameHeaders("tinvest", ORDER.account, "order-state-stream", kind, "c1", sequence, received_ns))


def frame(value: bytes, sequence: int = 1, **changes: Any) -> Read:
    fields = {"key_": KEY, "headers_": headers(sequence), "offset_": sequence, "partition_": HOME} | changes
    return Read(FRAMES, value, **fields)


def avro(fields: Mapping[str, object], schema_id: int = SUBMITTED_ID) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SUBMITTED_SCHEMA, dict(fields))
    return b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue()


def submitted(value: bytes | None = None, **changes: Any) -> Read:
    fields = {"key_": KEY, "partition_": HOME, "offset_": 7} | changes
    return Read(topics.SUBMITTED.name, avro(ORDER.submission) if value is None else value, **fields)


def of(records: Sequence[Any], topic: str) -> list[Any]:
    """Return the records to a topic, each as (topic, value, key, partition, headers)."""
    return [record for record in records if record[0] == topic]


def through(running: Shard, *messages: Read) -> list[Any]:
    for message in messages:
        running.take(message.topic(), [message], at_end=True)
    return running.finish()


def reasons(letter: Any) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value.decode() for name, value in letter[4] if name.startswith(PREFIX)}


def test_an_orders_day_comes_out_as_executions_latest_and_state() -> None:
    records = through(shard(HOME), submitted(), *(frame(value, n) for n, value in enumerate(ORDER.frames, 1)))

    assert len(of(records, topics.EXECUTIONS.name)) == 4
    assert {record[2] for record in of(records, topics.EXECUTIONS.name)} == {ORDER.request_id}
    assert [record[2] for record in of(records, topics.LATEST.name)] == [ORDER.request_id]
    assert {record[3] for record in of(records, topics.STATE.name)} == {HOME}
    assert of(records, topics.DEAD_LETTERS.name) == []


@pytest.mark.parametrize(
    "value",
    [b"{not json", b"", b"[" * 100_000, b'{"orderState":7}', ORDER.frames[0].replace(b"STATUS_NEW", b"STATUS_PAUSED")],
)
def test_a_frame_that_can_not_be_read_is_kept_with_all_that_came_with_it(value: bytes) -> None:
    came = [*headers(3), ("traceparent", b"00-ab-cd-01")]
    running = shard(HOME)

    (letter,) = of(through(running, frame(value, 3, headers_=came)), topics.DEAD_LETTERS.name)

    assert (letter[1], letter[2]) == (value, KEY)
    assert letter[4][: len(came)] == came
    told = reasons(letter)
    assert (told["topic"], told["partition"], told["offset"]) == (FRAMES, str(HOME), "3")
    assert told["stage"] == "frame"
    assert told["exception.class.name"] == "MappingError"
    assert told["exception.message"]
    assert running.counts.dead_letters.total() == 1


def size(letter: Any) -> int:
    headers = sum(len(name) + len(value) + 16 for name, value in letter[4])
    return len(letter[1]) + len(letter[2] or b"") + headers


def test_a_dead_letter_of_the_largest_record_is_no_larger_and_says_what_was_cut() -> None:
    value = b"{" * MAX_RECORD_BYTES
    came = [*headers(1), ("other", b"x" * 10_000)]

    (letter,) = of(through(shard(HOME), frame(value, headers_=came)), topics.DEAD_LETTERS.name)

    assert size(letter) < MAX_RECORD_BYTES
    assert dict(letter[4])["dropcopy.cut"] == str(MAX_RECORD_BYTES).encode()
    assert value.startswith(letter[1])


def test_the_reason_of_a_dead_letter_is_short_however_long_what_it_names() -> None:
    value = ORDER.frames[0].replace(b"STATUS_NEW", b"STATUS_" + b"X" * 1_000_000)

    (letter,) = of(through(shard(HOME), frame(value)), topics.DEAD_LETTERS.name)

    assert letter[1] == value
    assert size(letter) < len(value) + 5_000


def test_an_unknown_status_is_named_in_its_dead_letter() -> None:
    value = ORDER.frames[0].replace(b"STATUS_NEW", b"STATUS_PAUSED")

    (letter,) = of(through(shard(HOME), frame(value)), topics.DEAD_LETTERS.name)

    assert "EXECUTION_REPORT_STATUS_PAUSED" in reasons(letter)["exception.message"]


@pytest.mark.parametrize(
    ("came", "named"),
    [
        pytest.param(None, "venue", id="no headers"),
        pytest.param([], "venue", id="none of them"),
        pytest.param([pair for pair in headers() if pair[0] != "account"], "account", id="one is missing"),
        pytest.param([*headers()[:5], ("sequence", b"first"), headers()[6]], "sequence", id="no number"),
        pytest.param([*headers()[:6], ("received_ns", b"now")], "received_ns", id="no time"),
        pytest.param([*headers()[:6], ("received_ns", b"9223372036854775808")], "received_ns", id="beyond 64 bits"),
        pytest.param([*headers()[:5], ("sequence", b"-1"), headers()[6]], "sequence", id="negative"),
        pytest.param([("venue", b"\xff"), *headers()[1:]], "venue", id="no ASCII"),
        pytest.param([headers()[0], ("account", None), *headers()[2:]], "account", id="no value"),
        pytest.param([*headers()[:6], ("received_ns", b"1" + b"0" * 30)], "received_ns", id="no time in 64 bits"),
        pytest.param([*headers()[:5], ("sequence", b"1" + b"0" * 30), headers()[6]], "sequence", id="too large"),
    ],
)
def test_a_frame_with_a_bad_header_is_kept_with_its_reason(came: Any, named: str) -> None:
    running = shard(HOME)

    (letter,) = of(through(running, frame(ORDER.frames[0], headers_=came)), topics.DEAD_LETTERS.name)

    assert reasons(letter)["exception.class.name"] == "HeaderError"
    assert named in reasons(letter)["exception.message"]
    assert letter[1] == ORDER.frames[0]


def test_a_bad_header_of_a_connection_that_is_known_is_refused_too() -> None:
    running = shard(HOME)
    beyond = [*headers(2)[:6], ("received_ns", b"9" * 22)]

    records = through(running, frame(ORDER.frames[0], 1), frame(ORDER.frames[1], 2, headers_=beyond))

    assert len(of(records, topics.DEAD_LETTERS.name)) == 1


def test_headers_in_another_order_among_others_are_read() -> None:
    came = [("traceparent", b"x"), *reversed(headers())]

    records = through(shard(HOME), frame(ORDER.frames[1], headers_=came))

    assert len(of(records, topics.EXECUTIONS.name)) == 1


def test_accounts_and_connections_are_told_apart_however_they_are_named() -> None:
    running = shard(HOME)
    for sequence, (account, connection) in enumerate([("1", "23"), ("12", "3")], 1):
        came = pack(FrameHeaders("tinvest", account, "order-state-stream", Kind.HEARTBEAT, connection, sequence, START))
        through(running, frame(b"{}", sequence, headers_=came))

    assert set(running.state.accounts) == {"tinvest:1", "tinvest:12"}


def test_the_reason_of_a_dead_letter_is_short_however_long_what_it_quotes() -> None:
    value = b'{"orderState":{"accountId":"1","executionReportStatus":"%s"}}' % (b"X" * 4_000_000)

    (letter,) = of(through(shard(HOME), frame(value)), topics.DEAD_LETTERS.name)

    assert letter[1] == value
    assert reasons(letter)["exception.message"].startswith("executionReportStatus='XXX")
    assert sum(len(told) for _, told in letter[4]) < 4096


def test_what_is_around_a_bad_record_goes_on() -> None:
    running = shard(HOME)
    bad = frame(b"{", 2)
    running.take(FRAMES, [frame(ORDER.frames[0], 1), bad, frame(ORDER.frames[1], 3)], at_end=True)

    records = running.finish()

    assert len(of(records, topics.EXECUTIONS.name)) == 2
    assert len(of(records, topics.DEAD_LETTERS.name)) == 1


def test_an_answer_that_names_an_order_by_the_venues_id_alone_is_read_by_what_is_known_of_it() -> None:
    running = shard(HOME)
    told = {"accountId": ORDER.account, "orderId": "7001", "lotSize": 10, "lotsRequested": "2"}
    stream = json.dumps({"orderState": told | {"executionReportStatus": "EXECUTION_REPORT_STATUS_NEW"}})
    listed = {"orderId": "7001", "lotsRequested": "2", "lotsExecuted": "2"}
    answer = json.dumps({"orders": [listed | {"executionReportStatus": "EXECUTION_REPORT_STATUS_FILL"}]})
    rest = pack(FrameHeaders("tinvest", ORDER.account, "rest:GetOrders", Kind.SNAPSHOT, "c1", 2, START))

    through(running, frame(stream.encode(), 1), frame(answer.encode(), 2, headers_=rest))

    assert cum_qty(running.state.orders["tinvest:7001"]) == Decimal(20)


def test_a_frame_that_can_not_be_read_is_not_missing() -> None:
    running = shard(HOME)
    marker = frame(b'{"feed":"main"}', 1, headers_=headers(1, Kind.CONNECTED))

    through(running, marker, frame(b"{", 2), frame(ORDER.frames[0], 3))

    assert running.counts.missing.total() == 0


@pytest.mark.parametrize("value", [b"{", b"[]", b'{"reason":7}', b'{"feed":"\xff"}', b'{"x":' * 100_000])
def test_a_marker_that_can_not_be_read_is_kept_too(value: bytes) -> None:
    marker = frame(value, headers_=headers(1, Kind.DISCONNECTED))

    (letter,) = of(through(shard(HOME), marker), topics.DEAD_LETTERS.name)

    assert letter[1] == value


def test_a_reconciliation_that_can_not_be_read_closes_no_gap() -> None:
    running = shard(HOME)
    through(running, frame(b'{"feed":"main"}', 1, headers_=headers(1, Kind.CONNECTED)))

    through(running, frame(b'{"unread":["stop_orders"]}', 2, headers_=headers(2, Kind.RECONCILED)))

    (account,) = running.state.accounts.values()
    assert (account.covered, account.reconciled_ns) == (False, None)


# Submissions.


@pytest.mark.parametrize("value", [b"", b"{}", b"\x00\x00\x00\x00\x63abc", avro(ORDER.submission)[:-2]])
def test_a_submission_that_can_not_be_read_is_kept(value: bytes) -> None:
    (letter,) = of(through(shard(HOME), submitted(value)), topics.DEAD_LETTERS.name)

    assert (letter[1], letter[2]) == (value, KEY)
    assert reasons(letter)["stage"] == "submission"


def elsewhere() -> int:
    return (HOME + 1) % PARTITIONS


@pytest.mark.parametrize("key", [None, b"wrong", ORDER.request_id.encode()])
def test_a_submission_under_a_wrong_key_is_sent_to_where_it_belongs(key: bytes | None) -> None:
    running = shard(elsewhere())
    came = [("traceparent", b"x")]

    records = through(running, submitted(key_=key, headers_=came, partition_=elsewhere()))

    ((topic, value, new_key, partition, told),) = records
    assert (topic, value, new_key, partition) == (topics.SUBMITTED.name, avro(ORDER.submission), KEY, -1)
    assert told == [*came, ("dropcopy.rekeyed", b"1")]
    assert not running.state.orders
    assert running.counts.rekeyed == 1


def test_a_submission_under_the_right_key_in_another_partition_is_sent_home_too() -> None:
    records = through(shard(elsewhere()), submitted(partition_=elsewhere()))

    assert [(record[0], record[2]) for record in records] == [(topics.SUBMITTED.name, KEY)]


def test_a_submission_under_a_wrong_key_that_lies_at_home_by_chance_is_sent_once_more() -> None:
    records = through(shard(HOME), submitted(key_=b"wrong"))

    assert [(record[0], record[2]) for record in records] == [(topics.SUBMITTED.name, KEY)]


def test_one_that_comes_back_to_the_wrong_place_is_kept_and_not_sent_again() -> None:
    running = shard(elsewhere())

    records = through(running, submitted(headers_=[("dropcopy.rekeyed", b"1")], partition_=elsewhere()))

    assert [record[0] for record in records] == [topics.DEAD_LETTERS.name]
    assert "belongs elsewhere" in reasons(records[0])["exception.message"]


def test_one_that_was_sent_home_is_taken() -> None:
    running = shard(HOME)

    through(running, submitted(headers_=[("dropcopy.rekeyed", b"1")]))

    assert list(running.state.orders) == [ORDER.request_id]


def test_a_submission_of_an_older_schema_is_read_by_the_registrys_reader() -> None:
    asked: list[bytes] = []

    def fetch(value: bytes) -> Mapping[str, Any]:
        asked.append(value)
        return ORDER.submission

    running = shard(HOME, fetch)
    older = avro(ORDER.submission, schema_id=3)
    through(running, submitted(older))

    assert asked == [older]
    assert running.state.orders[ORDER.request_id].terms.submitted_quantity == Decimal(str(ORDER.submission["quantity"]))


# State.


def kept(records: Sequence[Any], known: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """Return what the state topic would hold, compacted."""
    state = dict(known or {})
    for _, value, key, _, _ in of(records, topics.STATE.name):
        name = key.encode() if isinstance(key, str) else key
        if value is None:
            state.pop(name, None)
        else:
            state[name] = value
    return state


@pytest.mark.parametrize("cut", range(6))
def test_a_shard_that_was_restored_goes_on_as_if_it_had_never_stopped(cut: int) -> None:
    day = [submitted(offset_=100), *(frame(value, n) for n, value in enumerate(ORDER.frames, 1))]
    day = [day[1], day[0], *day[2:]]
    straight = shard(HOME)
    whole = [record for message in day for record in through(straight, message)]

    first, second = shard(HOME), shard(HOME)
    before = [record for message in day[:cut] for record in through(first, message)]
    second.restore(kept(before))
    after = [record for message in day[cut:] for record in through(second, message)]

    for topic in (topics.EXECUTIONS.name, topics.LATEST.name, topics.UNMATCHED.name):
        assert of(before, topic) + of(after, topic) == of(whole, topic)
    assert kept(after, kept(before)) == kept(whole)


def test_state_that_can_not_be_read_stops_the_worker() -> None:
    with pytest.raises(StateError):
        shard(HOME).restore({b"o:x": b"\x7f"})


# The clock.


def on_the_clock(running: Shard, now_ns: int) -> list[Any]:
    return running.finish() if running.tick(now_ns) else []


def test_the_clock_says_nothing_before_the_frames_are_read_to_their_end() -> None:
    running = shard(HOME)
    through(running, submitted())

    not_begun = on_the_clock(running, START + 3600 * SECOND)
    running.take(FRAMES, [frame(ORDER.frames[0].replace(ORDER.request_id.encode(), b"another"))], at_end=False)
    backlog = running.finish() + on_the_clock(running, START + 3600 * SECOND)
    running.take(FRAMES, [], at_end=True)
    read_to_the_end = on_the_clock(running, START + 3600 * SECOND)

    assert of([*not_begun, *backlog], topics.UNMATCHED.name) == []
    assert [record[2] for record in of(read_to_the_end, topics.UNMATCHED.name)] == [ORDER.request_id]


def test_the_clock_says_nothing_before_the_submissions_are_read_to_their_end() -> None:
    running = shard(HOME)
    running.take(FRAMES, [], at_end=True)
    running.take(topics.SUBMITTED.name, [submitted()], at_end=False)
    running.finish()

    backlog = on_the_clock(running, START + 3600 * SECOND)
    refused = {**ORDER.submission, "phase": "REJECTED"}
    running.take(topics.SUBMITTED.name, [submitted(avro(refused), offset_=8)], at_end=True)
    read_to_the_end = running.finish() + on_the_clock(running, START + 3600 * SECOND)

    assert not of(backlog + read_to_the_end, topics.UNMATCHED.name)


def test_a_tick_with_nothing_to_say_writes_nothing() -> None:
    running = shard(HOME)
    through(running, submitted(), frame(ORDER.frames[0]))

    assert on_the_clock(running, START + SECOND) == []


def test_an_answer_over_rest_does_not_say_how_far_the_stream_was_heard() -> None:
    running = shard(HOME)
    key = account_key("tinvest", ORDER.account)
    stops = pack(
        FrameHeaders("tinvest", ORDER.account, "rest:GetStopOrders", Kind.SNAPSHOT, "c1", 3, START + 60 * SECOND)
    )

    through(
        running,
        frame(b'{"feed":"main"}', 1, headers_=headers(1, Kind.CONNECTED)),
        frame(b"{}", 2, headers_=headers(2, Kind.HEARTBEAT)),
    )
    before_ns = running.state.accounts[key].watermark_ns
    through(running, frame(b'{"stopOrders":[]}', 3, headers_=stops))

    assert running.state.accounts[key].watermark_ns == before_ns
    assert running.state.accounts[key].connections["c1"].sequence == 3
