"""The values of a record, written and read one by one, against fastavro, which is the reference."""

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.encoding import avro
from processors.encoding.avro import Reader
from processors.encoding.submissions import read_submitted
from schemas.records import schema

LONGS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [0, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2**27, 2**28, 2**31 - 1, -(2**31), 2**41 - 1, 2**41,
     1_800_000_000_123_456_789, 2**63 - 1, -(2**63)]
)  # fmt: skip
TEXTS = st.text(max_size=30)
# What a reader says of bytes that are no record of its schema.
REFUSALS = (IndexError, ValueError, OverflowError)


def reference(type_: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, type_, value)
    return out.getvalue()


@given(LONGS)
@example(2**63 - 1)
@example(-(2**63))
def test_a_long_is_written_as_the_specification_says(value: int) -> None:
    assert avro.long(value) == reference("long", value)


@given(LONGS)
def test_a_time_is_a_long(value: int) -> None:
    assert avro.time(value) == avro.time(value) == reference("long", value)


@given(st.booleans())
def test_a_boolean_is_written_as_the_specification_says(value: bool) -> None:
    assert avro.boolean(value) == reference("boolean", value)


@pytest.mark.parametrize("write", [avro.text, avro.word])
@given(text=TEXTS)
def test_a_text_is_written_the_same_whether_it_is_remembered_or_not(write: Callable[[str], bytes], text: str) -> None:
    assert write(text) == write(text) == reference("string", text)


@pytest.mark.parametrize("text", ["", "x" * 63, "x" * 64, "x" * 8191, "x" * 8192, "ж" * 8192, "€" * 100_000])
def test_texts_of_any_length_are_written_and_read(text: str) -> None:
    assert avro.text(text) == avro.word(text) == reference("string", text)
    assert Reader(avro.text(text), 0).text() == text


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_a_decimal_is_written_as_plain_text_of_the_same_number(numbers: list[Decimal]) -> None:
    for number in numbers:
        for written in (avro.decimal(number), avro.quotient(number)[1:]):
            text = Reader(written, 0).text()

            assert Decimal(text) == number
            assert "E" not in text.upper()


@pytest.mark.parametrize(
    ("first", "second", "text"), [("86.00", "86", "86"), ("8.70", "8.7", "8.7"), ("9E+2", "900", "900")]
)
def test_equal_numbers_are_one_text_whichever_was_written_before(first: str, second: str, text: str) -> None:
    assert avro.decimal(Decimal(first)) == avro.decimal(Decimal(second)) == avro.text(text)


@pytest.mark.parametrize(
    ("write", "type_", "value"),
    [
        (avro.optional_text, "string", "one"),
        (avro.optional_word, "string", "one"),
        (avro.optional_time, "long", 1_800_000_000_123_456_789),
        (avro.optional_decimal, "string", Decimal("1.5")),
        (avro.quotient, "string", Decimal("1.5")),
    ],
)
def test_what_may_be_null_is_null_or_written_behind_its_branch(
    write: Callable[[Any], bytes], type_: str, value: object
) -> None:
    told = format(value, "f") if isinstance(value, Decimal) else value

    assert write(None) == reference(["null", type_], None)
    assert write(value) == reference(["null", type_], told)


@given(LONGS, TEXTS, st.none() | LONGS, st.none() | TEXTS, st.binary(max_size=8))
def test_what_was_written_is_read_from_where_it_begins(
    number: int, text: str, some: int | None, other: str | None, before: bytes
) -> None:
    written = [reference("long", number), reference("string", text)]
    written += [reference(["null", "long"], some), reference(["null", "string"], other)]
    read = Reader(before + b"".join(written), len(before))

    assert (read.long(), read.text(), read.optional_long(), read.optional_text()) == (number, text, some, other)
    read.end()


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    assert Reader(b"\xff" * 9 + b"\x01", 0).long() == -(2**63)
    with pytest.raises(OverflowError):
        Reader(b"\xff" * 9 + b"\x02", 0).long()


# A whole record that is read: a submission.

SUBMITTED = schema("submitted")
PARSED = fastavro.parse_schema(SUBMITTED)
NAMES = [field["name"] for field in SUBMITTED["fields"]]
OF_KIND: dict[str, st.SearchStrategy[Any]] = {"string": TEXTS, "long": LONGS}
RECORD = st.fixed_dictionaries(
    {
        field["name"]: st.none() | OF_KIND[field["type"][1]]
        if isinstance(field["type"], list)
        else OF_KIND[field["type"]]
        for field in SUBMITTED["fields"]
    }
)


@given(RECORD)
def test_what_fastavro_writes_is_read_field_by_field_in_the_schemas_order(values: dict[str, Any]) -> None:
    assert read_submitted(reference(PARSED, values), 0) == tuple(values[name] for name in NAMES)


@given(RECORD, st.data())
def test_a_record_that_is_cut_short_is_refused(values: dict[str, Any], data: st.DataObject) -> None:
    whole = reference(PARSED, values)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(REFUSALS):
        read_submitted(whole[:cut], 0)


@given(RECORD, st.binary(min_size=1, max_size=20))
def test_bytes_that_are_left_over_are_refused(values: dict[str, Any], more: bytes) -> None:
    with pytest.raises(ValueError, match="left over"):
        read_submitted(reference(PARSED, values) + more, 0)


@given(st.binary(max_size=300))
@example(b"\x80" * 300)
@example(b"\xff" * 300)
@example(b"\x01" * 300)
def test_garbage_is_read_or_refused_and_nothing_else(garbage: bytes) -> None:
    try:
        read = read_submitted(garbage, 0)
    except REFUSALS:
        return
    assert len(read) == len(NAMES)


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
        read_submitted(garbage, 0)
