"""Which form log lines have where."""

import json
import subprocess
import sys

import pytest

from dropcopy.logs import _form


@pytest.mark.parametrize(
    ("asked", "terminal", "container", "form"),
    [
        ("auto", True, False, "console"),
        ("auto", True, True, "console"),
        ("auto", False, True, "json"),
        ("auto", False, False, "plain"),
        ("json", True, False, "json"),
        ("console", False, True, "console"),
    ],
)
def test_a_person_reads_colours_a_container_writes_json_and_a_pipe_plain_lines(asked, terminal, container, form):
    assert _form(asked, terminal=terminal, container=container) == form


SAYS = """
import logging
from dropcopy.logs import configure_logs, get_logger
from dropcopy.settings import Settings
configure_logs(Settings(log_format="json"))
get_logger("test").info("connected", venue="tinvest")
logging.getLogger("library").warning("of a library: %s", "it")
get_logger("test").debug("too much")
"""


def test_as_json_every_line_is_an_object_the_libraries_lines_too():
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "connected"),
        ("warning", "of a library: it"),
    ]
    assert lines[0]["venue"] == "tinvest"
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert said.stdout == ""


FAILS = """
import logging, sys
from dropcopy.logs import configure_logs, get_logger
from dropcopy.settings import Settings
configure_logs(Settings(log_format=sys.argv[1]))
def call(token):
    raise RuntimeError("it broke")
for log in (get_logger("test"), logging.getLogger("asyncio")):
    try:
        call("t." + "hidden")
    except RuntimeError:
        log.error("failed", exc_info=True)
"""


@pytest.mark.parametrize("form", ["json", "console", "auto"])
def test_a_traceback_shows_no_values_of_variables(form):
    said = subprocess.run([sys.executable, "-c", FAILS, form], capture_output=True, text=True, check=True).stderr
    assert said.count("RuntimeError: it broke") == 2
    assert "t.hidden" not in said
