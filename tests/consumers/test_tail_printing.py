import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consumers.columns import COLUMNS, STYLES, columns_of, fit, fraction, names_of, time_text
from consumers.printing import note, plain_line, printer, table
from consumers.records import Record
from dropcopy.text import printable
from schemas import fix
from schemas.records import schema
from schemas.topics import topics

RECEIVED_NS = 1_700_000_000_123_456_789

EXECUTION = {
    "order_request_id": "5f4dcc3b-5aa7-4b65-9b1d-0123456789ab",
    "account": "2000000001",
    "symbol": "SBER",
    "side": "BUY",
    "exec_type": "TRADE",
    "ord_status": "PARTIALLY_FILLED",
    "cum_qty": "10",
    "order_qty": "30",
    "last_qty": "10",
    "last_px": "251.3",
    "avg_px": "251.3",
    "join_status": "MATCHED",
    "unmatched_reason": None,
    "revision": 1,
    "text": None,
    "received_ns": RECEIVED_NS,
}


def execution(**fields):
    return Record(
        topic="orders.executions",
        partition=3,
        offset=42,
        timestamp_ms=RECEIVED_NS // 10**6,
        key=EXECUTION["order_request_id"],
        fields=EXECUTION | fields,
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def rendered(records, width=200, *, with_header=True):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table(records, columns_of("orders.executions"), width, with_header=with_header))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("topic", [topic for topic in topics(["tinvest"]) if topic.record])
def test_every_column_of_an_avro_topic_is_made_of_its_fields(topic):
    fields = {field["name"] for field in schema(topic.record)["fields"]}
    assert set(names_of(topic.name)) <= fields


def test_every_topic_of_the_project_has_columns_of_its_own():
    assert {topic.name for topic in topics([])} == set(COLUMNS)


@pytest.mark.parametrize(
    "words", [fix.OrdStatus, fix.JoinStatus, fix.UnmatchedReason, fix.Phase, fix.Side, fix.FeedState]
)
def test_every_word_of_a_status_or_reason_has_a_colour(words):
    assert {word.value for word in words} <= set(STYLES)


def test_a_row_stands_under_its_headers():
    header, row = rendered([execution()])
    at = header.index("status")
    assert row[at:].startswith("PARTIALLY_FILLED")
    assert "22:13:20.123" in row
    assert "10/30" in row
    assert "10 @ 251.3" in row


def test_a_table_printed_later_goes_on_in_the_same_columns():
    first = rendered([execution()])[1]
    second = rendered([execution(cum_qty="30", ord_status="FILLED")], with_header=False)[0]
    assert first.index("MATCHED") == second.index("MATCHED")


@given(st.integers(min_value=1, max_value=400))
def test_the_columns_never_exceed_the_terminal(width):
    for topic in [*COLUMNS, "venue.frames.tinvest", "another"]:
        fitted = fit(columns_of(topic), width)
        assert fitted
        assert sum(its_width + 1 for _, its_width in fitted) <= max(width, fitted[0][1] + 1)


def test_an_undecodable_record_is_shown_with_its_reason_and_place_among_the_others():
    broken = Record(topic="t", partition=1, offset=9, key="k", fields={"value": "\x1b[31mx"}, error="no Avro")
    out = Terminal()
    printer("orders.executions", out, as_json_lines=False)([execution(), broken, execution()])
    _, first, told, second = out.getvalue().splitlines()
    assert "t 1:9 key k undecodable (no Avro): \\x1b[31mx" in told
    assert "22:13:20.123" in first
    assert "22:13:20.123" in second


def test_a_deletion_is_shown_as_one():
    line = note(Record(topic="orders.latest", partition=1, offset=9, key="k", fields={"tombstone": True}))
    assert line.plain == "orders.latest 1:9 key k deleted"


@given(st.text())
def test_printed_text_can_not_steer_a_terminal(text):
    assert printable(text).isprintable()


def test_a_plain_line_gives_every_field_of_the_columns_in_full():
    line = plain_line(execution(text="not enough money"), names_of("orders.executions"))
    assert line.startswith("time=2023-11-14T22:13:20.123Z partition=3 offset=42 key=5f4dcc3b-5aa7-4b65-9b1d-")
    assert " ord_status=PARTIALLY_FILLED " in line
    assert f" received_ns={RECEIVED_NS} " in line
    assert ' text="not enough money"' in line
    assert "unmatched_reason" not in line


@given(st.text(min_size=1))
def test_a_plain_line_is_one_line_whatever_a_value_holds(text):
    assert len(plain_line(execution(text=text), ["text"]).splitlines()) == 1


def test_a_tombstone_says_so_in_a_plain_line():
    record = Record(topic="orders.latest", partition=0, offset=1, key="k", fields={"tombstone": True})
    assert plain_line(record, names_of("orders.latest")).endswith("key=k tombstone=true")


@pytest.mark.parametrize(
    ("out", "as_json_lines", "start"),
    [
        (io.StringIO, False, "time="),
        (io.StringIO, True, "{"),
        (Terminal, True, "{"),
        (Terminal, False, "\x1b[1mreceived"),
    ],
)
def test_the_form_follows_the_place_it_is_written_to(out, as_json_lines, start):
    stream = out()
    printer("orders.executions", stream, as_json_lines=as_json_lines)([execution()])
    assert stream.getvalue().startswith(start)


def test_each_record_is_one_json_line():
    out = io.StringIO()
    printer("orders.executions", out, as_json_lines=True)([execution(), execution()])
    assert [json.loads(line)["offset"] for line in out.getvalue().splitlines()] == [42, 42]


def test_the_header_comes_again_when_a_page_is_full():
    out = Terminal()
    show = printer("orders.executions", out, as_json_lines=False)
    for _ in range(60):
        show([execution()])
    assert 2 <= out.getvalue().count("received") < 20


def test_times_and_fractions_are_short():
    assert time_text(RECEIVED_NS) == "22:13:20.123"
    assert time_text(None) == ""
    assert fraction(None, None) == "0/?"
    assert fraction("10", "30") == "10/30"
