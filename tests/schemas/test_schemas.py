"""The records' schemas: every version readable by every other, and nothing in them that a reader gets wrong."""

import io
import re

import fastavro
import pytest

from schemas import fix
from schemas.records import RECORDS, schema, versions
from schemas.topics import topics

# What Flink SQL, Arrow, DuckDB, Polars and fastavro all read right: no logical types, no enums, no wider unions.
PLAIN = {"boolean", "int", "long", "string"}

# The field's doc lists the words of the set; a field whose words are a part of it is given with that part.
WORDS = {
    ("submitted", "action"): set(fix.Action),
    ("submitted", "phase"): set(fix.Phase),
    ("submitted", "side"): set(fix.Side),
    ("submitted", "ord_type"): set(fix.OrdType),
    ("submitted", "time_in_force"): set(fix.TimeInForce),
    ("execution", "side"): set(fix.Side),
    ("execution", "ord_type"): set(fix.OrdType),
    ("execution", "time_in_force"): set(fix.TimeInForce),
    ("execution", "ord_status"): set(fix.OrdStatus),
    ("execution", "exec_type"): set(fix.ExecType),
    ("execution", "last_liquidity_ind"): set(fix.LastLiquidityInd),
    ("execution", "join_status"): set(fix.JoinStatus),
    ("execution", "unmatched_reason"): set(fix.UnmatchedReason),
    ("execution", "source"): set(fix.Source),
    ("unmatched", "status"): {fix.JoinStatus.UNMATCHED, fix.JoinStatus.MATCHED},
    ("unmatched", "reason"): set(fix.UnmatchedReason),
    ("unmatched", "ord_status"): set(fix.OrdStatus),
    ("feed_status", "status"): set(fix.FeedState),
}
EVERY_WORD = {str(word) for name in fix.__all__ for word in getattr(fix, name)}

FIELDS = [(record, field) for record in RECORDS for field in schema(record)["fields"]]
PAIRS = [
    (record, number, old, schema(record)) for record in RECORDS for number, old in enumerate(versions(record), start=1)
]

by_field = pytest.mark.parametrize(("record", "field"), FIELDS, ids=[f"{r}.{f['name']}" for r, f in FIELDS])
by_version = pytest.mark.parametrize(("record", "number", "old", "new"), PAIRS, ids=[f"{p[0]}.{p[1]}" for p in PAIRS])


def value_of(kind, *, filled):
    if isinstance(kind, list):
        return value_of(kind[1], filled=True) if filled else None
    return {"boolean": True, "int": 7, "long": 1 << 60, "string": "text"}[kind]


def record_of(avro, *, filled):
    return {field["name"]: value_of(field["type"], filled=filled) for field in avro["fields"]}


def read_by(writer, reader, record):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(writer), record, strict=True)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, fastavro.parse_schema(writer), fastavro.parse_schema(reader))


@pytest.mark.parametrize("record", RECORDS)
def test_the_newest_version_is_kept_as_published(record):
    assert versions(record)[-1] == schema(record)


@pytest.mark.parametrize("filled", [True, False])
@by_version
def test_every_version_and_the_newest_read_each_other(record, number, old, new, filled):
    for writer, reader in ((old, new), (new, old)):
        written = record_of(writer, filled=filled)
        defaults = {field["name"]: field["default"] for field in reader["fields"] if "default" in field}
        expected = {
            field["name"]: written.get(field["name"], defaults.get(field["name"])) for field in reader["fields"]
        }

        assert read_by(writer, reader, written) == expected


@by_version
def test_no_field_ever_changes_its_type_or_loses_its_name(record, number, old, new):
    types = {field["name"]: field["type"] for field in new["fields"]}

    assert {field["name"]: types.get(field["name"]) for field in old["fields"]} == {
        field["name"]: field["type"] for field in old["fields"]
    }
    assert (old["namespace"], old["name"]) == (new["namespace"], new["name"])


@by_version
def test_a_field_that_came_later_may_be_absent(record, number, old, new):
    before = {field["name"] for field in old["fields"]}

    assert [field["name"] for field in new["fields"] if field["name"] not in before and "default" not in field] == []


@by_field
def test_a_field_says_what_it_is(record, field):
    assert re.fullmatch(r".{8,}[.'\"]", field["doc"], re.DOTALL)


@by_field
def test_a_field_is_of_a_type_that_every_reader_reads_right(record, field):
    kind = field["type"]
    if isinstance(kind, list):
        assert kind[0] == "null"
        assert len(kind) == 2
        assert field["default"] is None
        kind = kind[1]

    assert isinstance(kind, str), "a type with attributes is a logical type, an enum or a nested one"
    assert kind in PLAIN
    assert set(field) <= {"name", "type", "default", "doc"}


@by_field
def test_a_time_is_nanoseconds_and_says_so_in_its_name(record, field):
    is_long = "long" in field["type"]

    assert is_long == (field["name"].endswith("_ns") or field["name"] == "raw_offset")


@by_field
def test_the_words_in_a_fields_doc_are_those_that_are_written(record, field):
    said = set(re.findall(r"\b[A-Z][A-Z_]+\b", field["doc"])) & EVERY_WORD
    lowercase = set(re.findall(r"\b[a-z]+\b", field["doc"])) & set(fix.Source)
    is_closed_set = (record, field["name"]) in WORDS

    if field["name"] == "source":
        assert lowercase == WORDS[record, "source"]
    elif is_closed_set:
        # The words of others may be mentioned beside, as in 'why, of an UNMATCHED'.
        assert WORDS[record, field["name"]] <= said
        assert said - WORDS[record, field["name"]] <= set(fix.JoinStatus)


def test_every_closed_set_that_is_checked_is_a_field():
    assert set(WORDS) <= {(record, field["name"]) for record, field in FIELDS}


def test_every_topic_of_avro_has_its_schema():
    assert {topic.record for topic in topics(["tinvest"]) if topic.record} == set(RECORDS)
