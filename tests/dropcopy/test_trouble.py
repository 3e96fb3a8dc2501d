"""Trouble with Kafka in the log: told when it begins, seldom while it lasts."""

import socket
import time

import pytest
import structlog
from confluent_kafka import Consumer, KafkaError
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.trouble import MOST_KINDS, Line, Trouble, step


def lines_of(times_s):
    state, lines = None, []
    for now_s in times_s:
        state, line = step(state, now_s)
        if line is not None:
            lines.append((now_s, line))
    return lines


def test_the_first_is_told_at_once_and_its_repeats_after_ten_seconds_a_minute_and_every_ten_minutes():
    lines = lines_of(range(1801))

    assert [now_s for now_s, _ in lines] == [0, 10, 60, 600, 1200, 1800]
    assert [line.repeats for _, line in lines] == [0, 10, 50, 540, 600, 600]


def test_after_ten_quiet_minutes_it_begins_anew():
    assert lines_of([0, 1, 602]) == [(0, Line(0, 0.0)), (602, Line(0, 0.0))]


@given(st.lists(st.floats(0, 5, allow_nan=False), max_size=300))
def test_every_repeat_is_counted_once_and_lines_are_few(pauses_s):
    now_s, state, told, waiting = 0.0, None, 0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        state, line = step(state, now_s)
        waiting += 1
        if line is not None:
            told += 1
            assert line.repeats in (waiting, waiting - 1)
            waiting = 0

    assert told <= 3 + now_s / 600


@pytest.fixture
def logged():
    with structlog.testing.capture_logs() as lines:
        yield lines


def error(text):
    return KafkaError(KafkaError._TRANSPORT, text)


def test_each_broker_has_a_line_of_its_own_and_one_tells_that_it_is_over(logged):
    trouble = Trouble("consumer")
    for _ in range(50):
        trouble.take(error("kafka-1:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused"))
        trouble.take(error("kafka-2:9092/2: Connect to ipv4#10.0.0.2:9092 failed: Connection refused"))
    trouble.over()
    trouble.over()

    assert [(line["event"], line.get("broker")) for line in logged] == [
        ("kafka_trouble", "kafka-1:9092/1"),
        ("kafka_trouble", "kafka-2:9092/2"),
        ("kafka_back", None),
    ]
    assert logged[0]["code"] == "_TRANSPORT"
    assert logged[0]["error"] == "Connect to ipv4#10.0.0.1:9092 failed: Connection refused"


def test_what_is_kept_is_bounded(logged):
    trouble = Trouble("consumer")
    for number in range(10 * MOST_KINDS):
        trouble.take(error(f"kafka-{number}:9092/{number}: Connection refused"))

    assert len(trouble._kinds) == MOST_KINDS


def test_a_consumer_without_a_broker_says_so_once(logged, capfd):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    trouble = Trouble("consumer")
    often = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 20}
    consumer = Consumer({"bootstrap.servers": address, "group.id": "test"} | often | trouble.properties())
    consumer.subscribe(["topic"])
    try:
        until_s = time.monotonic() + 2
        while time.monotonic() < until_s:
            consumer.poll(0.1)
    finally:
        consumer.close()

    codes = [line["code"] for line in logged]
    assert "_TRANSPORT" in codes
    assert len(codes) == len(set(codes)) <= 3
    assert capfd.readouterr().err == ""
