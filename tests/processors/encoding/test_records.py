"""The project's records on the wire, field by field, and the state as it is kept."""

import io
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.errors import MappingError
from processors.core.model import Account, Event, FeedStatus, Order, Submission, Terms, Unmatched
from processors.encoding.results import Encoders
from processors.encoding.state import LAYOUTS, StateError, decode_state, encode_state
from processors.encoding.submissions import SubmissionReader
from schemas import topics
from schemas.fix import (
    Action,
    ExecType,
    FeedState,
    JoinStatus,
    OrdStatus,
    OrdType,
    Phase,
    Side,
    Source,
    TimeInForce,
    UnmatchedReason,
)
from schemas.headers import Kind
from schemas.records import RECORDS, schema
from tests.processors.core.stories import KEY, SECOND, START, Desk, report, stories, submission, trade

IDS = {topics.EXECUTIONS.name: 11, topics.LATEST.name: 12, topics.UNMATCHED.name: 13, topics.FEEDS_STATUS.name: 14}
SUBMITTED_ID = 15
ENCODERS = Encoders(IDS)
PARSED = {name: fastavro.parse_schema(schema(name)) for name in RECORDS}


def read(value: bytes, record: str, schema_id: int) -> dict[str, Any]:
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    body = io.BytesIO(value[5:])
    fields = fastavro.schemaless_reader(body, PARSED[record], None)
    assert not body.read()
    assert isinstance(fields, dict)
    return fields


def said(*nouns: Any) -> dict[str, Any]:
    """Return the fields as a reader has to find them: decimals by their value."""
    return {field.name: getattr(noun, field.name) for noun in nouns for field in fields(noun)}


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return list(found) == list(expected) and all(
        (Decimal(found[name]) if isinstance(value, Decimal) else found[name]) == value
        for name, value in expected.items()
    )


def names(record: str) -> list[str]:
    return [field["name"] for field in schema(record)["fields"]]


@pytest.mark.parametrize(
    ("record", "nouns"),
    [
        ("execution", [Terms, Event]),
        ("unmatched", [Unmatched]),
        ("feed_status", [FeedStatus]),
        ("submitted", [Submission]),
    ],
)
def test_the_cores_nouns_have_the_schemas_fields_in_its_order(record: str, nouns: list[Any]) -> None:
    # The text of a call is for people and audits: nothing is concluded from it.
    told = [name for name in names(record) if name != "venue_request"]
    assert [field.name for noun in nouns for field in fields(noun)] == told


@pytest.mark.parametrize(
    ("record", "field", "words"),
    [
        ("execution", "side", Side),
        ("execution", "ord_type", OrdType),
        ("execution", "time_in_force", TimeInForce),
        ("execution", "ord_status", OrdStatus),
        ("execution", "exec_type", ExecType),
        ("execution", "join_status", JoinStatus),
        ("execution", "unmatched_reason", UnmatchedReason),
        ("execution", "source", Source),
        ("unmatched", "reason", UnmatchedReason),
        ("unmatched", "ord_status", OrdStatus),
        ("feed_status", "status", FeedState),
        ("submitted", "action", Action),
        ("submitted", "phase", Phase),
        ("submitted", "side", Side),
        ("submitted", "ord_type", OrdType),
        ("submitted", "time_in_force", TimeInForce),
    ],
)
def test_the_schema_lists_the_words_that_the_code_knows(record: str, field: str, words: type[StrEnum]) -> None:
    (doc,) = [entry["doc"] for entry in schema(record)["fields"] if entry["name"] == field]

    listed = {word for word in re.findall(r"[A-Za-z_]+", doc) if word in {member.value for member in words}}
    assert listed == {member.value for member in words}


@given(stories(), st.data())
def test_every_execution_of_any_story_is_written_as_it_is(story: Any, data: st.DataObject) -> None:
    desk = Desk()
    for item in data.draw(st.permutations(story.told)):
        desk.tell(item)

    for terms, event in desk.out.executions:
        value = ENCODERS.execution(terms, event)
        assert same(read(value, "execution", 11), said(terms, event))
        assert same(read(ENCODERS.latest(value), "execution", 12), said(terms, event))


def test_terms_that_changed_are_written_anew() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.NEW))
    ((terms, event),) = desk.out.executions
    ENCODERS.execution(terms, event)

    changed = replace(terms, order_qty=Decimal(7), symbol="GAZP")

    assert read(ENCODERS.execution(changed, event), "execution", 11)["symbol"] == "GAZP"
    assert read(ENCODERS.execution(terms, event), "execution", 11)["symbol"] == "SBER"


def missed() -> Desk:
    desk = Desk()
    desk.mark(Kind.CONNECTED, START - 10 * SECOND)
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, START + 11 * SECOND, reason="обрыв")
    return desk


def test_unmatched_records_are_written_as_they_are() -> None:
    (record,) = missed().out.unmatched

    assert same(read(ENCODERS.unmatched(record), "unmatched", 13), said(record))


def test_feed_states_are_written_as_they_are() -> None:
    feeds = missed().out.feeds

    assert len(feeds) == 2
    for record in feeds:
        assert same(read(ENCODERS.feed_status(record), "feed_status", 14), said(record))


# Submissions.


def no_other(value: bytes) -> Mapping[str, Any]:
    raise ValueError("schema id not known")


READ = SubmissionReader(SUBMITTED_ID, no_other)


def written(submitted: Submission, schema_id: int = SUBMITTED_ID, **changes: Any) -> bytes:
    fields = {
        name: format(value, "f") if isinstance(value, Decimal) else value for name, value in said(submitted).items()
    }
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED["submitted"], fields | changes)
    return b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue()


@given(
    st.builds(
        Submission,
        st.text(min_size=1),
        st.just("tinvest"),
        st.text(min_size=1),
        st.sampled_from(Action),
        st.sampled_from(Phase),
        st.none() | st.text(),
        st.none() | st.sampled_from(Side),
        st.none() | st.sampled_from(OrdType),
        st.none() | st.sampled_from(TimeInForce),
        st.none() | st.decimals(-(10**20), 10**20, places=9),
        st.none() | st.decimals(-(10**20), 10**20, places=9),
        st.integers(0, 2**62),
        st.integers(0, 2**62),
        st.none() | st.text(min_size=1),
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.decimals(-(10**20), 10**20, places=9),
        st.none() | st.integers(0, 2**62),
        st.text(min_size=1),
        st.none() | st.text(min_size=1),
    )
)
def test_a_submission_is_read_as_it_was_written(submitted: Submission) -> None:
    found = READ(written(submitted))

    assert found == submitted
    assert isinstance(found.action, Action)
    assert found.side is None or isinstance(found.side, Side)


def test_an_empty_id_is_none() -> None:
    empty = {"venue_order_id": "", "orig_order_request_id": "", "orig_venue_order_id": ""}

    assert READ(written(submission(), **empty)) == submission()


def test_one_of_another_schema_goes_through_the_registrys_reader() -> None:
    asked: list[bytes] = []

    def fetch(value: bytes) -> Mapping[str, Any]:
        asked.append(value)
        known = said(submission()) | {"quantity": "1", "price": "271.5"}
        return {name: value for name, value in known.items() if name not in ("tracking_id", "code")}

    older = written(submission(), schema_id=3)

    assert SubmissionReader(SUBMITTED_ID, fetch)(older) == submission()
    assert asked == [older]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"quantity": 1.5}, "quantity"),
        ({"price": {"units": 1}}, "price"),
        ({"order_request_id": 7}, "order_request_id"),
        ({"submitted_ns": "now"}, "submitted_ns"),
        ({"phase_ns": None}, "phase_ns"),
    ],
)
def test_one_of_a_schema_with_other_types_is_refused_by_name(changes: dict[str, object], named: str) -> None:
    known = said(submission()) | {"quantity": "1", "price": "271.5"} | changes

    with pytest.raises(MappingError) as refusal:
        SubmissionReader(SUBMITTED_ID, lambda _: known)(written(submission(), schema_id=3))

    assert refusal.value.field == named


def test_one_of_a_schema_that_is_no_records_is_refused() -> None:
    with pytest.raises(MappingError):
        SubmissionReader(SUBMITTED_ID, lambda _: "text")(written(submission(), schema_id=3))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"action": "CORRECT"}, "action"),
        ({"phase": "DONE"}, "phase"),
        ({"side": "buy"}, "side"),
        ({"ord_type": "PEGGED"}, "ord_type"),
        ({"time_in_force": "GTC"}, "time_in_force"),
        ({"quantity": "ten"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "Infinity"}, "quantity"),
        ({"quantity": "1" + "0" * 1000}, "quantity"),
        ({"quantity": "1e999999999"}, "quantity"),
        ({"price": "1e-999999999"}, "price"),
        ({"stop_price": "0e999999999"}, "stop_price"),
        ({"quantity": "1E+999999999999999999"}, "quantity"),
        ({"quantity": "1E-999999999"}, "quantity"),
        ({"price": "1,5"}, "price"),
        ({"order_request_id": ""}, "order_request_id"),
        ({"venue": ""}, "venue"),
        ({"account": ""}, "account"),
    ],
)
def test_a_submission_with_a_field_that_can_not_be_used_is_refused_by_name(changes: dict[str, str], named: str) -> None:
    with pytest.raises(MappingError) as refusal:
        READ(written(submission(), **changes))

    assert (refusal.value.field, refusal.value.value) == (named, changes[named])


@pytest.mark.parametrize("value", [None, b"", b"\x00", b"\x00\x00\x00\x00\x0f", b"{}", written(submission())[:-3]])
def test_a_submission_that_is_no_such_record_is_refused(value: bytes | None) -> None:
    with pytest.raises(MappingError):
        READ(value)


@given(st.binary(max_size=60))
def test_garbage_in_place_of_a_submission_is_refused_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(MappingError):
        READ(b"\x00\x00\x00\x00\x0f" + garbage)


# State.


@given(stories(), st.data())
def test_an_order_is_kept_without_loss(story: Any, data: st.DataObject) -> None:
    desk = Desk()
    for item in data.draw(st.permutations(story.told)):
        desk.tell(item)

    kept = decode_state(encode_state(desk.order))

    assert kept == desk.order
    assert isinstance(kept, Order)
    assert type(kept.traded_qty) is Decimal
    assert kept.trade_ids is None or type(kept.trade_ids) is set
    assert kept.last is None or isinstance(kept.last.ord_status, OrdStatus)


def test_an_account_is_kept_without_loss() -> None:
    desk = missed()
    desk.mark(Kind.CONNECTED, START + 12 * SECOND, connection="c2")
    account = desk.state.accounts[KEY]

    kept = decode_state(encode_state(account))

    assert kept == account
    assert isinstance(kept, Account)


@pytest.mark.parametrize("noun", LAYOUTS)
def test_what_is_kept_has_the_fields_of_what_it_is_of_in_its_order(noun: type) -> None:
    assert [field.name for field in fields(noun)] == list(LAYOUTS[noun].__struct_fields__)


def test_what_an_older_version_kept_is_read_with_what_it_did_not_know_as_of_a_new_order() -> None:
    desk = missed()
    order = replace(desk.order, changes={"c1": 1}, asked={"c1": (Decimal(2), None)})
    (*older, _) = msgspec.msgpack.decode(encode_state(order)[1:])

    assert decode_state(b"\x01" + msgspec.msgpack.encode(older)) == replace(order, asked=None)


def test_what_was_encoded_for_an_order_is_no_part_of_its_state() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))
    before = encode_state(desk.order)
    for terms, event in desk.out.executions:
        ENCODERS.execution(terms, event)

    assert encode_state(desk.order) == before


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x09\x80", id="a kind that is not known"),
        pytest.param(b"\x01", id="an order cut off"),
        pytest.param(b"\x01\x93\x01\x02\x03", id="an order of another layout"),
        pytest.param(b"\x02\xc1", id="no MessagePack"),
    ],
)
def test_state_of_a_layout_that_is_not_known_is_refused(value: bytes) -> None:
    with pytest.raises(StateError):
        decode_state(value)
