"""The command itself: what every sub-command shares."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.processes import wait_until

DROPCOPY = Path(sys.executable).with_name("dropcopy")


def run(*arguments, **environment):
    return subprocess.run(
        [DROPCOPY, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["demo", "sandbox", "produce", "process", "tail", "topics", "order"])
def test_every_packages_commands_are_under_one_name(command):
    assert f"\n  {command} " in run("--help").stdout


def test_an_unknown_setting_is_refused_before_anything_starts():
    done = run("topics", "check", DROPCOPY_BOOTSTRAP_SERVER="kafka:9092")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        "error: DROPCOPY_BOOTSTRAP_SERVER is no setting: did you mean DROPCOPY_BOOTSTRAP_SERVERS?"
    )


def test_an_error_keeps_the_brackets_of_its_message():
    assert "'[red]x'" in run("topics", "list", DROPCOPY_PARTITIONS="[red]x").stderr


def test_starting_costs_no_heavy_imports():
    code = "import sys, dropcopy.cli as c; c.build(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout

    assert not {"faust", "confluent_kafka", "aiohttp", "fastavro", "httpx", "jgo"} & set(loaded.split())


def test_ctrl_c_while_it_starts_ends_it_without_a_traceback():
    interrupted = """
import os, signal, sys
class AtTyper:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, AtTyper())
from dropcopy.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_has_seen_enough_is_no_failure():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run([DROPCOPY, "--help"], stdout=closed, stderr=subprocess.PIPE, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_told_and_not_a_crash():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([DROPCOPY, "--version"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr.decode().startswith(
        "error: standard output or a file can't be written: No space left on device\n"
    )


def test_an_error_can_not_speak_to_the_terminal():
    told = run("topics", "list", DROPCOPY_CONFIG="/\x1b[2Jx").stderr

    assert "/\\x1b[2Jx can't be read" in told


def test_ctrl_c_ends_the_waiting_for_a_broker_that_is_away():
    waiting = [sys.executable, "-c", "from dropcopy.cli import main; main()", "topics", "list"]
    away = {"DROPCOPY_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    with subprocess.Popen(waiting, env=away, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        tasks = Path(f"/proc/{process.pid}/task")
        assert wait_until(lambda: any("rdk" in (task / "comm").read_text() for task in tasks.iterdir()), 20)
        process.send_signal(signal.SIGINT)
        # Less than the 10 s for which a broker is waited for.
        assert process.wait(5) == 130
