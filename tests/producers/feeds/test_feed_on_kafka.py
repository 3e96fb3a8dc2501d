"""Feeds that write to a real broker."""

import asyncio
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from dropcopy.errors import ClusterError
from dropcopy.kafka import MAX_RECORD_BYTES, admin_client, murmur2_partition
from dropcopy.settings import Settings
from producers.feeds.connection import SECOND_NS, Limits
from producers.feeds.recorder import Recorder, RecordTooLarge
from producers.settings import FeedSettings
from sandbox.processes import Process
from sandbox.stack import Stack
from schemas.headers import FrameHeaders, Kind, unpack
from tests.producers.feeds.venue_stream import PING, SUBSCRIBED, VenueServer, confirm_and_wait, until, venue

TOPIC = "venue.frames.tinvest"
DROPCOPY = Path(sys.executable).with_name("dropcopy")

Start = Callable[..., tuple[Any, "asyncio.Task[None]"]]
Record = tuple[int, bytes, FrameHeaders, bytes]


class Topic:
    """The frames topic from where it ends when the test begins."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": "test"})
        partitions = self._consumer.list_topics(TOPIC).topics[TOPIC].partitions
        # A broker that the test before has frozen or killed leads its partitions again only after a while.
        led = Retrying(retry=retry_if_exception_type(KafkaException), stop=stop_after_delay(30), wait=wait_fixed(0.1))
        ends = {p: led(self._consumer.get_watermark_offsets, TopicPartition(TOPIC, p))[1] for p in partitions}
        self._consumer.assign([TopicPartition(TOPIC, p, end) for p, end in ends.items()])
        self.partitions = len(ends)
        self.records: list[Record] = []

    def read(self) -> list[Record]:
        """Return all records so far."""
        for message in self._consumer.consume(10_000, timeout=0.2):
            assert message.error() is None
            self.records.append((message.partition(), message.key(), unpack(message.headers()), message.value()))
        return self.records

    async def until(self, condition: Callable[[list[Record]], Any], timeout_s: float = 30) -> Any:
        async with asyncio.timeout(timeout_s):
            while not (found := condition(await asyncio.to_thread(self.read))):
                pass
        return found

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def topic(stack: Stack) -> Iterator[Topic]:
    topic = Topic(stack.settings)
    yield topic
    topic.close()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Let a process stand still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kinds(records: list[Record]) -> list[str]:
    return [headers.kind for _, _, headers, _ in records]


async def test_frames_and_markers_land_byte_for_byte_in_order_with_their_headers(
    stack: Stack, topic: Topic, server: VenueServer, start: Start
):
    frames = [b'{ "orderState" : {"accountId":"A%d", "n":%d} }\r\n' % (1 + n % 2, n) for n in range(100)] + [
        b"\xff\xfe not text",
        b"",
    ]

    async def talk(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        for frame in frames:
            await socket.send(frame)
        await socket.wait_closed()

    server.talks = [talk]
    async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
        feed, running = start(venue(server, "A1", "A2"), recorder, Limits())
        await until(lambda: recorder.waiting_records == 0 and recorder._queued >= len(frames))
        feed.stop()
        await running
        assert await recorder.close(10) == 0
    await topic.until(lambda records: kinds(records).count("disconnected") == 2)

    by_account: dict[str, list[Record]] = defaultdict(list)
    for record in topic.records:
        by_account[record[2].account].append(record)
    assert set(by_account) == {"A1", "A2"}
    for account, records in by_account.items():
        key = f"tinvest:{account}".encode()
        assert {record[1] for record in records} == {key}
        assert {record[0] for record in records} == {murmur2_partition(key, topic.partitions)}
        assert [record[2].sequence for record in records] == list(range(1, len(records) + 1))
        assert {record[2].source for record in records} == {"order-state-stream"}
        times = [record[2].received_ns for record in records]
        assert times == sorted(times)
        assert len({record[2].connection for record in records}) == 1
    first = [record[3] for record in by_account["A1"] if record[2].kind == "frame"]
    second = [record[3] for record in by_account["A2"] if record[2].kind == "frame"]
    assert first == [SUBSCRIBED, *frames[0:100:2], *frames[100:]]
    assert second == frames[1:100:2]


async def test_each_connection_is_numbered_anew(stack: Stack, topic: Topic, server: VenueServer, start: Start):
    async def once(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await socket.close(1012)

    server.talks = [once, confirm_and_wait]
    async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
        start(venue(server), recorder, Limits())
        await topic.until(lambda records: kinds(records).count("connected") == 2)
    connections: dict[str, list[int]] = defaultdict(list)
    for _, _, headers, _ in topic.records:
        connections[headers.connection].append(headers.sequence)
    first, second = connections.values()
    assert first == [1, 2, 3]
    assert second[:2] == [1, 2]


async def test_a_broker_that_stands_still_holds_the_venue_back_and_loses_nothing(
    stack: Stack, topic: Topic, server: VenueServer, start: Start
):
    sent = 0
    cut_off = asyncio.Event()

    async def flood(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.send(SUBSCRIBED, text=True)
        try:
            while True:
                await socket.send(b'{"orderState":{"accountId":"A1","n":%d,"pad":"%s"}}' % (sent, b"x" * 2000))
                sent += 1
        except ConnectionClosed:
            cut_off.set()

    server.talks = [flood, confirm_and_wait]
    bounds = FeedSettings(queue_records=500, queue_bytes=400_000)
    async with Recorder(stack.settings, bounds, "tinvest") as recorder:
        with frozen(stack.broker.process.pid):
            start(venue(server), recorder, Limits(stall_ns=SECOND_NS))
            await asyncio.wait_for(cut_off.wait(), 30)
            assert len(server.requests) == 1
            # The bound, one frame over it, and what a marker needs.
            assert recorder.waiting_bytes <= 400_000 + 4_000
        found = await topic.until(lambda records: kinds(records).count("connected") == 2 and records)
        await until(lambda: recorder.waiting_records == 0)

    first = [record for record in found if record[2].connection == found[0][2].connection]
    assert [record[2].sequence for record in first] == list(range(1, len(first) + 1))
    numbers = [json.loads(record[3])["orderState"]["n"] for record in first if b"orderState" in record[3]]
    assert 0 < len(numbers) <= sent
    assert numbers == list(range(len(numbers)))
    last = first[-1]
    assert last[2].kind == "disconnected"
    told = json.loads(last[3])
    assert told["reason"] == "kafka_unavailable"
    again = next(record for record in found if record[2].connection != last[2].connection)
    assert told["since_ns"] == last[2].received_ns < again[2].received_ns - SECOND_NS
    frame_times = [record[2].received_ns for record in first]
    assert frame_times == sorted(frame_times)


async def test_a_short_standstill_of_the_broker_is_no_gap(
    stack: Stack, topic: Topic, server: VenueServer, start: Start
):
    async def talk(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        while True:
            await socket.send(PING, text=True)
            await asyncio.sleep(0.05)

    server.talks = [talk]
    async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
        with frozen(stack.broker.process.pid):
            start(venue(server), recorder, Limits(stall_ns=SECOND_NS))
            await until(lambda: recorder.waiting_records > 40)
        await until(lambda: recorder.waiting_records <= 2)
        await topic.until(lambda records: len(records) > 40)
    assert kinds(topic.records).count("connected") == 1
    assert [headers.sequence for _, _, headers, _ in topic.records] == list(range(1, len(topic.records) + 1))


async def test_a_broker_that_is_killed_and_started_again_gets_everything_and_the_log_tells_of_both(
    stack: Stack, topic: Topic, server: VenueServer, start: Start
):
    sent = 0
    enough = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.send(SUBSCRIBED, text=True)
        while not enough.is_set():
            await socket.send(b'{"orderState":{"accountId":"A1","n":%d}}' % sent, text=True)
            sent += 1
            await asyncio.sleep(0.002)
        await socket.wait_closed()

    server.talks = [talk]
    with structlog.testing.capture_logs() as logged:
        async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
            start(venue(server), recorder, Limits())
            await topic.until(lambda records: len(records) > 100)
            stack.broker.process.kill()
            await until(lambda: recorder.waiting_records > 100)
            await asyncio.to_thread(stack.broker.start)
            await asyncio.to_thread(stack.broker.wait_until_ready)
            enough.set()
            await until(lambda: recorder.waiting_records == 0, 30)
            found = await topic.until(lambda records: len(records) >= sent and records)
    numbers = [json.loads(value)["orderState"]["n"] for _, _, _, value in found if b"orderState" in value]
    assert numbers == list(range(sent))
    assert [headers.sequence for _, _, headers, _ in found] == list(range(1, len(found) + 1))
    told = [line["event"] for line in logged if line.get("client") == "feed-tinvest"]
    assert told[0] == "kafka_trouble"
    assert told[-1] == "kafka_back"


def test_a_missing_topic_is_told_at_the_start(stack: Stack):
    with pytest.raises(ClusterError, match=r"venue\.frames\.elsewhere is missing") as caught:
        Recorder(stack.settings, FeedSettings(), "elsewhere")
    assert "dropcopy topics create" in caught.value.hint


def test_a_broker_that_is_away_is_told_at_the_start(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("producers.feeds.recorder.REACH_S", 1)
    with pytest.raises(ClusterError, match=f"127.0.0.1:{unused_tcp_port}"):
        Recorder(Settings(bootstrap_servers=f"127.0.0.1:{unused_tcp_port}"), FeedSettings(), "tinvest")


async def test_the_topics_own_limit_bounds_a_record(stack: Stack, topic: Topic):
    limit_of(stack, "100000")
    try:
        async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
            assert 90_000 < recorder.limit_bytes < 100_000
            with pytest.raises(RecordTooLarge, match=r"has 100000 bytes, and .* takes 9\d+"):
                recorder.write("c", "A1", "s", Kind.FRAME, b"x" * 100_000, 1)
            recorder.write("c", "A1", "s", Kind.FRAME, b"x" * recorder.limit_bytes, 1)
            assert await recorder.close(10) == 0
        ((_, _, headers, value),) = await topic.until(lambda records: records)
        assert (headers.sequence, len(value)) == (1, recorder.limit_bytes)
    finally:
        limit_of(stack, str(MAX_RECORD_BYTES))


async def test_a_record_that_the_broker_refuses_for_good_ends_the_recorder(stack: Stack):
    async with Recorder(stack.settings, FeedSettings(), "tinvest") as recorder:
        limit_of(stack, "100000")  # behind the recorder's back
        try:
            recorder.write("c", "A1", "s", Kind.FRAME, os.urandom(200_000), 1)
            with pytest.raises(ClusterError, match="refuses a record of 200000 bytes"):
                await until(recorder.check)
        finally:
            limit_of(stack, str(MAX_RECORD_BYTES))


def limit_of(stack: Stack, size: str) -> None:
    entry = ConfigEntry("max.message.bytes", size, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
    admin = admin_client(stack.settings)
    admin.incremental_alter_configs([resource])[resource].result()


@contextmanager
def produce(stack: Stack, server: VenueServer, folder: Path, **names: str) -> Iterator[Process]:
    """Run `dropcopy produce tinvest` against a test's venue."""
    environment = stack.environment | {
        "DROPCOPY_TINVEST_TOKEN": "t.secret",
        "DROPCOPY_TINVEST_ACCOUNTS": "A1",
        "DROPCOPY_TINVEST_WS_URL": server.url,
        "DROPCOPY_TINVEST_RECONCILE": "false",
        "DROPCOPY_LOG_FORMAT": "json",
    }
    with Process(
        "produce", [DROPCOPY, "produce", "tinvest"], environment=environment | names, folder=folder
    ) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_ends_in_order_on_a_signal(
    stack: Stack, topic: Topic, server: VenueServer, tmp_path: Path, number: signal.Signals
):
    with produce(stack, server, tmp_path) as process:
        await topic.until(lambda records: "connected" in kinds(records))
        process.send(number)
        assert await asyncio.to_thread(process.wait, 20) == 0
    await topic.until(lambda records: "disconnected" in kinds(records))
    assert json.loads(topic.records[-1][3])["reason"] == "stopped"
    events = [json.loads(line)["event"] for line in process.log.read_text().splitlines()]
    assert events == ["connected", "disconnected", "feed_ended"]


async def test_the_command_ends_with_4_and_a_hint_when_the_token_is_refused(
    stack: Stack, server: VenueServer, tmp_path: Path
):
    server.refuse_with = 401
    with produce(stack, server, tmp_path) as process:
        assert await asyncio.to_thread(process.wait, 20) == 4
    said = process.log.read_text()
    assert "the venue refuses the token" in said
    assert "DROPCOPY_TINVEST_TOKEN" in said
    assert "t.secret" not in said
    assert "Traceback" not in said


async def test_the_command_says_how_many_records_it_could_not_deliver(
    stack: Stack, topic: Topic, server: VenueServer, tmp_path: Path
):
    with produce(stack, server, tmp_path, DROPCOPY_FEED_STOP_S="1") as process:
        await topic.until(lambda records: "connected" in kinds(records))
        with frozen(stack.broker.process.pid):
            process.send(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 1
    assert "1 records of tinvest could not be delivered" in process.log.read_text()


async def test_what_the_feed_counts_is_served(stack: Stack, topic: Topic, server: VenueServer, tmp_path: Path):
    with produce(stack, server, tmp_path, DROPCOPY_METRICS_PORT="0") as process:
        await topic.until(lambda records: "connected" in kinds(records))
        served = json.loads(process.log.read_text().splitlines()[0])
        async with httpx.AsyncClient() as client:
            text = (await client.get(served["url"])).text
    assert 'dropcopy_feed_records_total{kind="frame",venue="tinvest"} 1.0' in text
    assert 'dropcopy_feed_up{account="A1",venue="tinvest"} 1.0' in text
    assert 'dropcopy_feed_queue_records{venue="tinvest"}' in text


async def test_a_feed_is_ready_while_its_subscription_is_confirmed_and_alive_in_any_case(
    stack: Stack, topic: Topic, server: VenueServer, tmp_path: Path
):
    over = asyncio.Event()

    async def confirm_and_end(socket: ServerConnection) -> None:
        await socket.send(SUBSCRIBED, text=True)
        await over.wait()

    server.talks = [confirm_and_end]
    with produce(stack, server, tmp_path, DROPCOPY_METRICS_PORT="0") as process:
        await topic.until(lambda records: "connected" in kinds(records))
        url = json.loads(process.log.read_text().splitlines()[0])["url"].removesuffix("/metrics")
        async with httpx.AsyncClient(base_url=url) as client:
            ready = await client.get("/readyz")
            server.refuse_with = 503
            over.set()
            await topic.until(lambda records: "disconnected" in kinds(records))
            unready = await client.get("/readyz")
            alive = await client.get("/healthz")
    assert (ready.status_code, ready.json()["problems"]) == (200, {})
    assert unready.status_code == 503
    assert "the subscription is not confirmed" in unready.json()["problems"]["tinvest"]
    assert alive.status_code == 200
