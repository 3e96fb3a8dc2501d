"""docs/metrics.md against the code: every metric is in its table as the code has it, and nothing else is."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from processors.standing import Standing

ROOT = Path(__file__).parents[2]
PACKAGES = ["consumers", "dropcopy", "processors", "producers"]
SUFFIXES = {"counter": "_total"}


class Row(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def found() -> Iterable[Row]:
    modules = [
        import_module(module.name)
        for package in PACKAGES
        for module in walk_packages([str(ROOT / package)], f"{package}.")
        if not module.ispkg
    ]
    metrics: dict[str, Any] = {
        value._name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, MetricWrapperBase)
    }
    for metric in metrics.values():
        name = metric._name + SUFFIXES.get(metric._type, "")
        yield Row(name, metric._type, tuple(metric._labelnames), metric._documentation)
    for family in Standing.families().values():
        yield Row(family.name, family.type, tuple(family._labelnames), family.documentation)


def table() -> str:
    """Return the table as docs/metrics.md has to have it."""
    lines = [
        f"| `{row.name}` | {row.kind} | {', '.join(f'`{label}`' for label in row.labels)} | {row.meaning} |"
        for row in sorted(found())
    ]
    return "\n".join(["| name | type | labels | what it tells |", "|---|---|---|---|", *lines])


def test_the_table_of_metrics_is_the_codes():
    written = [line for line in (ROOT / "docs/metrics.md").read_text("utf-8").splitlines() if line.startswith("|")]

    assert written == table().splitlines()


def test_names_tell_their_role_and_their_unit():
    roles = ("feed", "gateway", "processor", "consumer", "kafka", "build")
    for row in found():
        assert row.name.split("_")[:2] in [["dropcopy", role] for role in roles], row.name
        assert row.meaning.endswith("."), row.name
        # Prometheus's own convention: base units, and nothing that grows without bound as a label.
        assert not row.name.endswith(("_ms", "_ns", "_kb")), row.name
        assert not {"order_request_id", "connection", "trade_id"} & set(row.labels), row.name
