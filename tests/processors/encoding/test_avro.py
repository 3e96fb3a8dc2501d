"""The generated readers and writers against fastavro, which is the reference."""

import io
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.encoding.avro import compile_reader, compile_writer, long_bytes
from schemas.records import RECORDS, schema, versions

LONGS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2**27, 2**28, 2**31 - 1, -(2**31), 2**41 - 1, 2**41,
     1_800_000_000_123_456_789, 2**63 - 1, -(2**63)]
)  # fmt: skip
INTS = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(max_size=30)
OF_KIND: dict[str, st.SearchStrategy[Any]] = {"string": TEXTS, "long": LONGS, "int": INTS, "boolean": st.booleans()}
PARSED = {name: fastavro.parse_schema(schema(name)) for name in RECORDS}
# What a reader says of bytes that are no record of its schema.
REFUSALS = (IndexError, ValueError, OverflowError)


def names_of(record: str) -> list[str]:
    return [field["name"] for field in schema(record)["fields"]]


def values_of(record: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw any record of a schema, with every field null now and then that may be."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in schema(record)["fields"]:
        kind = field["type"]
        fields[field["name"]] = st.none() | OF_KIND[kind[1]] if isinstance(kind, list) else OF_KIND[kind]
    return st.fixed_dictionaries(fields)


ANY = st.sampled_from(RECORDS).flatmap(lambda record: st.tuples(st.just(record), values_of(record)))


def reference(record: str, values: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, PARSED[record], values)
    return out.getvalue()


def writer_of(record: str, **options: Any) -> Callable[[dict[str, Any]], bytes]:
    write = compile_writer(schema(record), names_of(record), **options)
    return lambda values: write(SimpleNamespace(**values))


def as_read(record: str, values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values[name] for name in names_of(record))


WRITERS = {record: writer_of(record) for record in RECORDS}
READERS = {record: compile_reader(schema(record)) for record in RECORDS}


@given(ANY)
def test_what_a_writer_writes_is_what_fastavro_writes(drawn: tuple[str, dict[str, Any]]) -> None:
    record, values = drawn

    assert WRITERS[record](values) == reference(record, values)


@given(ANY)
def test_it_writes_the_same_whether_it_has_seen_a_text_before_or_not(drawn: tuple[str, dict[str, Any]]) -> None:
    record, values = drawn
    remembering_none = writer_of(record, unique=frozenset(names_of(record)))

    assert remembering_none(values) == WRITERS[record](values) == WRITERS[record](values)


@given(ANY)
def test_what_fastavro_writes_is_what_a_reader_reads(drawn: tuple[str, dict[str, Any]]) -> None:
    record, values = drawn

    assert READERS[record](reference(record, values), 0) == as_read(record, values)


@given(ANY, st.binary(max_size=8))
def test_a_reader_begins_where_it_is_told_to(drawn: tuple[str, dict[str, Any]], before: bytes) -> None:
    record, values = drawn

    assert READERS[record](before + reference(record, values), len(before)) == as_read(record, values)


@given(LONGS)
@example(2**63 - 1)
@example(-(2**63))
def test_a_long_is_written_as_the_specification_says(value: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)

    assert long_bytes(value) == out.getvalue()


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_a_decimal_is_written_as_plain_text_of_the_same_number(numbers: list[Decimal]) -> None:
    write = compile_writer(schema("execution"), ["cum_qty"], decimals=frozenset({"cum_qty"}))
    for number in numbers:
        text = fastavro.schemaless_reader(io.BytesIO(write(SimpleNamespace(cum_qty=number))), "string", None)

        assert Decimal(text) == number
        assert "E" not in text.upper()


@pytest.mark.parametrize(
    ("first", "second", "text"), [("86.00", "86", "86"), ("8.70", "8.7", "8.7"), ("9E+2", "900", "900")]
)
def test_equal_numbers_are_one_text_whichever_was_written_before(first: str, second: str, text: str) -> None:
    write = compile_writer(schema("execution"), ["cum_qty"], decimals=frozenset({"cum_qty"}))
    told = [write(SimpleNamespace(cum_qty=Decimal(number))) for number in (first, second)]
    assert told == [long_bytes(len(text)) + text.encode()] * 2


def test_a_decimal_that_is_null_is_null() -> None:
    write = compile_writer(schema("execution"), ["avg_px"], decimals=frozenset({"avg_px"}))

    assert write(SimpleNamespace(avg_px=None)) == b"\x00"


@pytest.mark.parametrize("text", ["", "x" * 63, "x" * 64, "x" * 8191, "x" * 8192, "ж" * 8192, "€" * 100_000])
@pytest.mark.parametrize("unique", [frozenset(), frozenset({"detail"})])
def test_texts_of_any_length_are_written_and_read(text: str, unique: frozenset[str]) -> None:
    detail = {"type": "record", "name": "One", "fields": [{"name": "detail", "type": "string"}]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "string", text)

    assert compile_writer(detail, ["detail"], unique=unique)(SimpleNamespace(detail=text)) == out.getvalue()
    assert compile_reader(detail)(out.getvalue(), 0) == (text,)


@given(values_of("execution"))
def test_two_halves_of_a_record_make_the_whole(values: dict[str, Any]) -> None:
    names = names_of("execution")
    head, tail = (compile_writer(schema("execution"), half) for half in (names[:13], names[13:]))
    record = SimpleNamespace(**values)

    assert head(record) + tail(record) == reference("execution", values)


@given(ANY, st.data())
def test_a_record_that_is_cut_short_is_refused(drawn: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    record, values = drawn
    whole = reference(record, values)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(REFUSALS):
        READERS[record](whole[:cut], 0)


@given(ANY, st.binary(min_size=1, max_size=20))
def test_bytes_that_are_left_over_are_refused(drawn: tuple[str, dict[str, Any]], more: bytes) -> None:
    record, values = drawn

    with pytest.raises(ValueError, match="left over"):
        READERS[record](reference(record, values) + more, 0)


@given(st.sampled_from(RECORDS), st.binary(max_size=300))
@example("submitted", b"\x80" * 300)
@example("submitted", b"\xff" * 300)
@example("submitted", b"\x01" * 300)
def test_garbage_is_read_or_refused_and_nothing_else(record: str, garbage: bytes) -> None:
    try:
        read = READERS[record](garbage, 0)
    except REFUSALS:
        return
    assert len(read) == len(names_of(record))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x01", id="a length below zero"),
        pytest.param(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a length of the largest long"),
        pytest.param(b"\x80" * 11, id="a number without an end"),
        pytest.param(b"\x02\xff", id="no UTF-8"),
    ],
)
def test_bytes_that_claim_too_much_are_refused(garbage: bytes) -> None:
    with pytest.raises(REFUSALS):
        READERS["submitted"](garbage, 0)


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    read = compile_reader({"name": "Number", "fields": [{"name": "n", "type": "long"}]})

    assert read(b"\xff" * 9 + b"\x01", 0) == (-(2**63),)
    with pytest.raises(OverflowError):
        read(b"\xff" * 9 + b"\x02", 0)


@pytest.mark.parametrize(
    "type_", [["string", "null"], ["null", "string", "long"], "double", {"type": "array", "items": "string"}, "bytes"]
)
def test_a_type_that_is_not_flat_is_refused(type_: Any) -> None:
    odd = {"type": "record", "name": "Odd", "fields": [{"name": "field", "type": type_}]}

    with pytest.raises(ValueError, match="flat"):
        compile_reader(odd)
    with pytest.raises(ValueError, match="flat"):
        compile_writer(odd, ["field"])


def test_a_field_that_the_schema_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'colour'"):
        compile_writer(schema("execution"), ["venue", "colour"])


@pytest.mark.parametrize("record", RECORDS)
def test_every_published_version_of_a_schema_can_be_read_and_written(record: str) -> None:
    for version in versions(record):
        compile_reader(version)
        compile_writer(version, [field["name"] for field in version["fields"]])
