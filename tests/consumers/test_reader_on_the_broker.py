"""Reading and following topics of a real broker, as its users do."""

import json
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from consumers.reader import BEGINNING, END, AtOffset, Newest, Reader, Since
from dropcopy.errors import ClusterError, UsageError
from dropcopy.kafka import admin_client, make_producer, producer_config
from dropcopy.registry import AvroWriter, schema_ids
from dropcopy.settings import Settings
from sandbox.ports import free_ports
from sandbox.processes import Process
from schemas.headers import FrameHeaders, pack
from schemas.records import schema
from schemas.topics import topics

LIMIT_S = 30
DROPCOPY = [sys.executable, "-c", "from dropcopy.cli import main; main()"]
PARTITIONS = 3


@pytest.fixture
def topic(stack):
    """A topic of this test's own, of which the project knows nothing."""
    name = f"test-{uuid4().hex}"
    admin = admin_client(stack.settings)
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(LIMIT_S)
    return name


@pytest.fixture
def produce(stack):
    """Writes values to a topic, and returns when the broker has them."""
    producer = make_producer(stack.settings)

    def write(name, *values, **arguments):
        for value in values:
            producer.produce(name, value, **arguments)
        assert producer.flush(LIMIT_S) == 0

    return write


def until_end(reader):
    """Everything up to the end."""
    records, deadline_s = [], time.monotonic() + LIMIT_S
    while not reader.at_end:
        assert time.monotonic() < deadline_s, "the end was not reached"
        records += reader.poll(0.1)
    return records


def until_count(reader, count):
    records, deadline_s = [], time.monotonic() + LIMIT_S
    while len(records) < count:
        assert time.monotonic() < deadline_s, f"{len(records)} of {count}"
        records += reader.poll(0.1)
    return records


def values(records):
    return [record.fields["value"] for record in records]


def execution(**fields):
    whole = {field["name"]: field.get("default") for field in schema("execution")["fields"]}
    facts = {
        "order_request_id": "o1",
        "venue": "tinvest",
        "account": "2000000001",
        "ord_status": "FILLED",
        "exec_type": "TRADE",
        "cum_qty": "10",
        "received_ns": 1_700_000_000_123_456_789,
        "join_status": "MATCHED",
        "late": False,
        "revision": 1,
        "source": "stream",
        "exec_id": "e1",
        "event_id": "e1",
        "raw_topic": "venue.frames.tinvest",
        "raw_partition": 0,
        "raw_offset": 1,
    }
    return whole | facts | fields


@pytest.fixture
def encode(stack):
    return AvroWriter("execution", schema_ids(stack.settings, topics([]))["orders.executions"])


def test_from_the_beginning_to_the_end_is_everything(stack, topic, produce):
    produce(topic, *(str(n).encode() for n in range(100)))
    with Reader(stack.settings, [topic], BEGINNING) as reader:
        assert sorted(values(until_end(reader)), key=int) == [str(n) for n in range(100)]


def test_an_empty_topic_has_an_end_too(stack, topic):
    with Reader(stack.settings, [topic], BEGINNING) as reader:
        assert until_end(reader) == []


def test_after_the_end_new_records_come_and_the_end_comes_again(stack, topic, produce):
    with Reader(stack.settings, [topic], BEGINNING) as reader:
        until_end(reader)
        produce(topic, b"later")
        assert values(until_count(reader, 1)) == ["later"]
        assert until_end(reader) == []


def test_from_the_end_only_what_is_written_afterwards_comes(stack, topic, produce):
    produce(topic, b"before")
    with Reader(stack.settings, [topic], END) as reader:
        produce(topic, b"after")
        assert values(until_count(reader, 1)) == ["after"]


def test_from_an_offset_of_a_partition(stack, topic, produce):
    produce(topic, *(str(n).encode() for n in range(5)), partition=1)
    produce(topic, b"elsewhere", partition=0)
    with Reader(stack.settings, [topic], AtOffset(3), partition=1) as reader:
        records = until_end(reader)
    assert [(record.partition, record.offset) for record in records] == [(1, 3), (1, 4)]


def test_a_reader_may_begin_at_a_time(stack, topic, produce):
    now_ms = int(time.time() * 1000)
    for partition in range(2):
        for age_s in (30, 20, 10):
            stamp = now_ms - age_s * 1000
            produce(topic, f"{partition} {age_s}".encode(), partition=partition, timestamp=stamp)
    with Reader(stack.settings, [topic], Since(now_ms - 20_000)) as reader:
        assert sorted(values(until_end(reader))) == ["0 10", "0 20", "1 10", "1 20"]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_newest_records_come_in_order_of_time_and_then_what_follows(stack, topic, produce, count):
    now_ms = int(time.time() * 1000)
    for n in range(20):
        produce(topic, str(n).encode(), partition=n % PARTITIONS, timestamp=now_ms - 1000 + n)
    with Reader(stack.settings, [topic], Newest(count)) as reader:
        assert values(until_end(reader)) == [str(n) for n in range(20)][-count:]
        produce(topic, b"later")
        assert values(until_count(reader, 1)) == ["later"]


def test_the_newest_are_found_behind_any_number_of_transaction_markers(stack, topic):
    producer = Producer(producer_config(stack.settings, transactional_id=uuid4().hex))
    producer.init_transactions(LIMIT_S)
    for n in range(60):
        producer.begin_transaction()
        producer.produce(topic, str(n).encode(), partition=0)
        producer.flush(LIMIT_S)  # an abort with nothing sent yet can be refused as INVALID_TXN_STATE
        (producer.commit_transaction if n % 10 == 0 else producer.abort_transaction)(LIMIT_S)
    with Reader(stack.settings, [topic], Newest(4)) as reader:
        assert values(until_end(reader)) == ["20", "30", "40", "50"]


def test_what_is_not_committed_is_not_seen(stack, topic):
    producer = Producer(producer_config(stack.settings, transactional_id=uuid4().hex))
    producer.init_transactions(LIMIT_S)
    for value, end in ((b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(LIMIT_S)
        end(LIMIT_S)
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    producer.flush(LIMIT_S)
    with Reader(stack.settings, [topic], BEGINNING) as reader:
        assert values(until_end(reader)) == ["committed"]
        producer.commit_transaction(LIMIT_S)
        assert values(until_count(reader, 1)) == ["open"]


def test_a_record_knows_when_it_was_read_and_where_it_stands(stack, topic, produce):
    before_ns = time.time_ns()
    produce(topic, b"x", key="k", partition=2)
    with Reader(stack.settings, [topic], BEGINNING) as reader:
        (record,) = until_end(reader)
    assert (record.topic, record.partition, record.offset, record.key) == (topic, 2, 0, "k")
    assert before_ns < record.read_ns <= time.time_ns()
    assert before_ns // 10**6 <= record.timestamp_ms <= time.time_ns() // 10**6


def test_each_kind_of_topic_is_decoded_in_its_way(stack, produce, encode):
    key = uuid4().hex
    headers = FrameHeaders("tinvest", "2", "order-state-stream", "frame", "c", 1, 5)
    produce("orders.executions", encode(execution()), b"garbage", b"\x00\x00\x00\xff\xff1", key=key)
    produce("orders.latest", None, key=key)
    produce("venue.frames.tinvest", b'{"ping":{}}', key=key, headers=pack(headers))
    produce("orders.dead-letters", b"\xff", key=key, headers=[("__connect.errors.topic", b"t")])
    produce("processors.state", b"\x00\x01", key=key)
    found = {}
    names = ["orders.executions", "orders.latest", "venue.frames.tinvest", "orders.dead-letters", "processors.state"]
    with Reader(stack.settings, names, BEGINNING) as reader:
        for record in until_end(reader):
            if record.key == key:
                found.setdefault(record.topic, []).append(record)
    good, garbage, unknown_schema = found["orders.executions"]
    assert good.fields == execution()
    assert "no Avro record" in garbage.error
    assert garbage.fields["value"] == "garbage"
    assert "65535" in unknown_schema.error
    assert found["orders.latest"][0].fields == {"tombstone": True}
    assert found["venue.frames.tinvest"][0].fields == {**headers._asdict(), "value": '{"ping":{}}'}
    assert found["orders.dead-letters"][0].fields["__connect.errors.topic"] == "t"
    assert found["processors.state"][0].fields["size"] == 2


def test_a_topic_that_is_not_there_is_refused_with_those_that_are(stack):
    with pytest.raises(UsageError) as refused:
        Reader(stack.settings, ["orders.executionz"])
    assert "orders.executionz" in refused.value.message
    assert "orders.executions" in refused.value.hint
    assert "__transaction_state" not in refused.value.hint


def test_a_partition_that_is_not_there_is_refused(stack, topic):
    with pytest.raises(UsageError, match="no partition 7"):
        Reader(stack.settings, [topic], partition=7)


def test_no_broker_is_a_clear_error():
    (port,) = free_ports(1)
    with pytest.raises(ClusterError, match=f"127.0.0.1:{port}"):
        Reader(Settings.load({"DROPCOPY_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}), ["orders.executions"])


def run(stack, *arguments, **options):
    return subprocess.run(
        [*DROPCOPY, "tail", *arguments],
        env=os.environ | stack.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        **options,
    )


def test_tail_prints_one_json_object_a_line_with_every_field(stack, produce, encode):
    key = uuid4().hex
    produce("orders.executions", encode(execution(order_request_id=key)), key=key)
    done = run(stack, "orders.executions", "--from-beginning", "--until-end", "--json", "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = map(json.loads, done.stdout.splitlines())
    assert told["topic"] == "orders.executions"
    assert told["key"] == key
    assert {"partition", "offset", "timestamp_ms"} < set(told)
    assert execution(order_request_id=key).items() <= told.items()


def test_tail_selects_by_field_and_stops_after_the_wanted_number(stack, produce, encode):
    account = uuid4().hex
    for status in ("NEW", "FILLED", "FILLED", "CANCELED", "FILLED"):
        produce("orders.executions", encode(execution(account=account, ord_status=status)), key=account)
    wanted = ["--where", f"account={account}", "--where", "ord_status=FILLED"]
    done = run(stack, "orders.executions", "--from-beginning", *wanted, "--max", "2")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(f"account={account}" in line and "ord_status=FILLED" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "there is no topic 'nope'"),
        (["orders.executions", "--where", "nope=1"], "no field 'nope'"),
        (["orders.executions", "--since", "soon"], "'soon' is no duration"),
        (["orders.executions", "--last", "1", "--from-beginning"], "exclude each other"),
    ],
)
def test_tail_refuses_what_it_can_not_do(stack, arguments, said):
    done = run(stack, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_tail_follows_until_it_is_interrupted(stack, topic, produce, tmp_path, sign):
    produce(topic, b"first")
    command = [*DROPCOPY, "tail", topic, "--from-beginning", "--json"]
    with Process("tail", command, environment=stack.environment, folder=tmp_path) as tail:
        tail.wait_for_line('{"topic"', LIMIT_S)
        produce(topic, b"second", partition=0)
        tail.wait_for_line(f'{{"topic": "{topic}", "partition": 0', LIMIT_S)
        tail.send(sign)
        assert tail.wait(LIMIT_S) == 130
    assert tail.log.read_text() == ""


def test_a_reader_that_has_seen_enough_ends_tail_in_silence(stack, topic, produce):
    produce(topic, *(b"x" * 1000 for _ in range(500)))
    command = [*DROPCOPY, "tail", topic, "--from-beginning"]
    with subprocess.Popen(
        command, env=os.environ | stack.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as tail:
        assert tail.stdout.readline()
        tail.stdout.close()
        assert tail.wait(LIMIT_S) == 0
        assert tail.stderr.read() == b""
