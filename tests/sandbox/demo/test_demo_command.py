"""The demo as its users start it: what it says, how it ends, and that it leaves nothing behind."""

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.demo.parts import own_settings_only
from sandbox.processes import Process, wait_until
from sandbox.trader import trader_names

LIMIT_S = 150
DEMO = [sys.executable, "-c", "from dropcopy.cli import main; main()", "demo"]


@contextmanager
def demo(tmp_path, *arguments, **environment):
    """A running demo, all of whose temporary files are in `tmp_path / "temp"`."""
    temp = tmp_path / "temp"
    temp.mkdir()
    own = {"TMPDIR": str(temp), **environment}
    with Process("demo", [*DEMO, *arguments], environment=own, folder=tmp_path / "logs") as process:
        yield process


def left_processes(tmp_path):
    """The command lines of the processes that were started with this test's temporary folder."""
    mark = f"TMPDIR={tmp_path / 'temp'}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has just ended, or is not ours
    return found


def left_files(tmp_path):
    return [path.name for path in (tmp_path / "temp").iterdir()]


@pytest.mark.integration
def test_every_order_is_accounted_for_and_nothing_is_left_behind(tmp_path):
    with demo(tmp_path, "--seconds", "15", "--json", "--accounts", "3", "--seed", "4") as process:
        status = process.wait(LIMIT_S)
        (line,) = process.lines()
        told = json.loads(line)
        assert told["not_accounted_for"] == []
        assert (status, told["lost"], told["duplicated"]) == (0, 0, 0)
        assert told["orders"] >= 30
        assert told["executions"] > told["orders"]
        assert told["matched"] + sum(told["unmatched"].values()) == told["orders"]
        assert told["frames"] > told["orders"]
        assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p99"]
        assert set(told["venues"]) == set(trader_names())
        assert min(told["venues"].values()) >= 5
        assert len(told["faults"]) == 4
        assert "orders are sent" in process.log.read_text()
    assert left_processes(tmp_path) == []
    assert left_files(tmp_path) == []


@pytest.mark.integration
def test_ctrl_c_while_it_starts_leaves_nothing_behind(tmp_path):
    with demo(tmp_path) as process:
        assert wait_until(lambda: any("kafka.Kafka" in command for command in left_processes(tmp_path)), LIMIT_S)
        process.send(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
        assert process.lines() == []
        assert "Traceback" not in process.log.read_text()
    assert left_processes(tmp_path) == []
    assert left_files(tmp_path) == []


@pytest.mark.integration
def test_a_part_that_does_not_start_is_named_with_its_log_and_the_logs_are_kept(tmp_path):
    with demo(tmp_path, "--json", DROPCOPY_LOG_FORMAT="nonsense") as process:
        assert process.wait(LIMIT_S) == 1
        assert process.lines() == []
        said = process.log.read_text()
    assert "ended with status 2" in said
    assert "DROPCOPY_LOG_FORMAT='nonsense'" in said
    assert "Traceback" not in said
    (folder,) = left_files(tmp_path)
    assert f"are kept in {tmp_path / 'temp' / folder}" in said
    assert (tmp_path / "temp" / folder / "feed.log").exists()
    assert left_processes(tmp_path) == []


def test_a_venue_that_there_is_none_of_is_named(tmp_path):
    with demo(tmp_path, "--venues", "nowhere") as process:
        assert process.wait(LIMIT_S) == 2
        assert "'nowhere'" in process.log.read_text()
    assert left_files(tmp_path) == []


def test_settings_that_lead_elsewhere_are_not_passed_on():
    environment = {
        "PATH": os.environ["PATH"],
        "DROPCOPY_BOOTSTRAP_SERVERS": "production:9092",
        "DROPCOPY_KAFKA_SASL_PASSWORD": "secret",
        "DROPCOPY_TINVEST_TOKEN_FILE": "/run/token",
        "DROPCOPY_CACHE_DIR": "/cache",
        "DROPCOPY_LOG_LEVEL": "debug",
    }
    assert own_settings_only(environment) == [
        "DROPCOPY_BOOTSTRAP_SERVERS",
        "DROPCOPY_KAFKA_SASL_PASSWORD",
        "DROPCOPY_TINVEST_TOKEN_FILE",
    ]
