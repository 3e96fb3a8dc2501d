import pytest

from consumers.records import Record
from consumers.selection import parse_duration_s, parse_where, selection, value_text
from dropcopy.errors import UsageError


def record(key="k", **fields):
    return Record(topic="orders.executions", partition=0, offset=0, key=key, fields=fields)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("0.5s", 0.5)]
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "10x", "1h 30m", "-5s", "5s!"])
def test_what_is_no_duration_is_refused_by_name(text):
    with pytest.raises(UsageError, match="no duration"):
        parse_duration_s(text)


def test_conditions_become_fields_and_their_wanted_text():
    conditions = ["ord_status=FILLED", "text=a=b"]
    assert parse_where("orders.executions", conditions) == {"ord_status": "FILLED", "text": "a=b"}


@pytest.mark.parametrize("condition", ["ord_status", "=FILLED"])
def test_a_condition_without_both_sides_is_refused(condition):
    with pytest.raises(UsageError, match="no condition"):
        parse_where("orders.executions", [condition])


@pytest.mark.parametrize(
    ("topic", "known"), [("orders.executions", "ord_status"), ("venue.frames.tinvest", "received_ns")]
)
def test_a_field_that_the_topic_does_not_have_is_refused_with_those_it_has(topic, known):
    with pytest.raises(UsageError) as refused:
        parse_where(topic, ["statsu=FILLED"])
    assert "'statsu'" in refused.value.message
    assert known in refused.value.hint


def test_a_field_of_a_topic_without_fixed_fields_is_taken_as_it_is():
    assert parse_where("orders.dead-letters", ["__connect.errors.topic=x"]) == {"__connect.errors.topic": "x"}


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (False, "false"), (3, "3"), ("1.50", "1.50")]
)
def test_values_are_compared_by_their_json_like_text(value, text):
    assert value_text(value) == text


def test_a_record_is_wanted_only_if_its_key_and_every_field_agree():
    wanted = selection({"side": "BUY", "late": "false"}, "k")
    assert wanted(record(side="BUY", late=False))
    assert not wanted(record(side="SELL", late=False))
    assert not wanted(record(side="BUY", late=True))
    assert not wanted(record(key="other", side="BUY", late=False))
    assert not wanted(record(side="BUY"))


def test_without_conditions_every_record_is_wanted():
    assert selection({}, None)(record(key=None))
