"""The command itself: what every sub-command shares."""

import subprocess
import sys
from pathlib import Path

import pytest

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
