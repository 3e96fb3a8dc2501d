"""Alerts and dashboards: they ask for metrics that there are, and the runbook says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from tests.deploy.chart import ROOT

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/dropcopy.json"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
]
PROMTOOL = shutil.which("promtool")
# What Prometheus itself and its Python client bring.
OF_ALL = {"up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "ALERTS"}
OF_SCRAPES = {"job", "instance", "pod", "alertname", "alertstate", "le"}


def documented() -> dict[str, set[str]]:
    """Return the samples of docs/metrics.md, which is held against the code, with their labels."""
    row = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)
    found: dict[str, set[str]] = {}
    for name, kind, labels in row.findall((ROOT / "docs/metrics.md").read_text("utf-8")):
        of = set(re.findall(r"`(\w+)`", labels))
        names = [f"{name}_{part}" for part in ("bucket", "sum", "count")] if kind == "histogram" else [name]
        found |= dict.fromkeys(names, of)
    return found


def queries() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    board = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$venue", ".*")


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(part: object) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            found.append(part)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.mark.parametrize(("name", "expression"), [*queries()])
def test_a_query_asks_for_metrics_and_labels_that_there_are(name, expression):
    known = documented()
    asked = selectors(expression)

    assert asked, f"{name} asks for nothing"
    for selector in asked:
        assert selector.name in known.keys() | OF_ALL, f"{name}: there is no {selector.name}"
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= known.get(selector.name, set()) | OF_SCRAPES, f"{name}: {selector.name} has no such label"


def test_each_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on():
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_what_has_to_be_watched_is_watched():
    asked = {selector.name for rule in RULES for selector in selectors(rule["expr"])}

    assert asked >= {
        "dropcopy_feed_up",
        "dropcopy_processor_watermark_timestamp_seconds",
        "dropcopy_processor_lag_records",
        "dropcopy_processor_unmatched_total",
        "dropcopy_processor_dead_letters_total",
        "dropcopy_processor_transactions_total",
    }


def test_the_runbook_has_a_section_for_each_alert_and_for_nothing_else():
    sections = re.findall(r"^### (\w+)$", (ROOT / "docs/runbook.md").read_text("utf-8"), re.MULTILINE)

    assert sections == [rule["alert"] for rule in RULES]


def test_panels_of_the_dashboard_lie_side_by_side_and_have_names_of_their_own():
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    places = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) == 23
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on the PATH")
@pytest.mark.parametrize("what", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_finds_the_alerts_right_and_firing_when_they_should(what):
    done = subprocess.run([PROMTOOL, *what], cwd=ALERTS.parent, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
