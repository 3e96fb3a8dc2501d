"""`dropcopy sandbox up`: the real broker and registry, from start to end."""

import base64
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from dropcopy.errors import UsageError
from dropcopy.kafka import client_config, make_producer
from dropcopy.registry import schema_ids
from dropcopy.settings import Settings
from dropcopy.topics import check_topics, installed_venues, wanted_topics
from sandbox.artifacts import Bundle, fetch
from sandbox.broker import Broker
from sandbox.processes import Process, wait_until
from sandbox.servers import ServerError
from sandbox.stack import Stack
from schemas.topics import topics

pytestmark = pytest.mark.integration

DROPCOPY = Path(sys.executable).with_name("dropcopy")
LAST_LINE = "DROPCOPY_REPLICATION_FACTOR="


def up(folder, *arguments, **environment):
    # Its temporary folders are made where the test can see whether they are removed.
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return Process(
        "up",
        [DROPCOPY, "sandbox", "up", *arguments],
        environment={"TMPDIR": str(temporary)} | environment,
        folder=folder,
    )


def printed(process):
    process.wait_for_line(LAST_LINE, timeout_s=120)
    return dict(line.split("=", 1) for line in process.lines())


def servers(process):
    return [child for child in psutil.Process(process.pid).children() if "java" in child.name()]


def all_gone(children):
    return not psutil.wait_procs(children, timeout=30)[1]


def test_up_prints_the_settings_and_leaves_nothing_behind(tmp_path):
    with up(tmp_path, DROPCOPY_PARTITIONS="3") as process:
        settings = Settings.load(printed(process))
        problems = check_topics(settings, wanted_topics(settings, installed_venues()))
        children = servers(process)

        status = process.stop()

    assert problems == []
    assert settings.partitions == 3
    assert len(children) == 2
    assert status == 0
    assert all_gone(children)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child whose parent was killed")
def test_no_process_outlives_an_up_that_is_killed(tmp_path):
    with up(tmp_path) as process:
        assert wait_until(lambda: len(servers(process)) == 2, 60)
        children = servers(process)

        os.kill(process.pid, signal.SIGKILL)

        assert all_gone(children)


def test_up_ends_with_the_reason_when_the_broker_dies(tmp_path):
    with up(tmp_path) as process:
        printed(process)
        broker = next(child for child in servers(process) if "kafka.Kafka" in child.cmdline())
        children = servers(process)

        broker.kill()

        assert process.wait(60) == 1
        assert "broker ended with status -9" in process.log_tail()
        assert all_gone(children)


def test_up_on_a_folder_keeps_addresses_records_and_schema_ids(tmp_path):
    data = tmp_path / "data"
    with up(tmp_path, "--data", str(data)) as process:
        first = printed(process)
        settings = Settings.load(first)
        ids = schema_ids(settings, topics([]))
        producer = make_producer(settings)
        landed = []
        producer.produce("orders.submitted", b"kept", b"key", on_delivery=lambda _, message: landed.append(message))
        assert producer.flush(30) == 0
        del producer
        with pytest.raises(UsageError, match=f"{data} is in use by another sandbox"), Stack(data):
            pass
        # What was acknowledged has to be there after a crash too.
        children = servers(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        assert all_gone(children)

    with up(tmp_path, "--data", str(data)) as process:
        again = printed(process)
        consumer = Consumer(client_config(settings) | {"group.id": "test"})
        consumer.assign([TopicPartition("orders.submitted", landed[0].partition(), landed[0].offset())])
        kept = consumer.poll(30)
        consumer.close()

        assert again == first
        assert schema_ids(settings, topics([])) == ids
        assert kept is not None
        assert (kept.key(), kept.value()) == (b"key", b"kept")
        assert process.stop() == 0


def test_a_given_port_that_is_in_use_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with up(tmp_path, "--kafka-port", str(port)) as process:
            status = process.wait(60)

    assert status == 1
    assert f"the broker can't listen on port {port}: it is in use" in process.log.read_text("utf-8")


def test_a_server_that_does_not_start_is_told_with_its_logs_tail(tmp_path):
    folder = tmp_path / "data"
    (folder / "kafka" / "data").mkdir(parents=True)
    (folder / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=\n", "utf-8")

    with pytest.raises(ServerError, match=r"the broker did not start:\n(?s:.*)meta.properties"), Stack(folder):
        pass


def test_a_cluster_id_that_looks_like_an_option_is_none(tmp_path, monkeypatch):
    identity = uuid.UUID(bytes=b"\xf8" + bytes(15))
    assert base64.urlsafe_b64encode(identity.bytes).startswith(b"-")
    monkeypatch.setattr("uuid.uuid4", lambda: identity)
    (jars,) = fetch([Bundle.locked("kafka")])

    broker = Broker(jars, tmp_path)
    broker.start()
    broker.process.kill()

    assert "cluster.id=-" in (tmp_path / "data" / "meta.properties").read_text("utf-8")
