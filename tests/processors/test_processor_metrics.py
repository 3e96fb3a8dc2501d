"""What a running processor tells Prometheus, and its probes."""

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from processors import metrics
from sandbox.processes import Process
from sandbox.stack import Stack
from schemas.topics import SUBMITTED
from tests.integration.processing import FRAMES, Input, orders_of_a_day, until, wait_for_assignment, worker, write_day


def test_what_was_counted_is_told_once():
    def taken() -> float:
        return metrics.TAKEN.labels("test.topic")._value.get()

    counts = metrics.Counts()
    counts.taken["test.topic"] += 3
    before = taken()
    metrics.tell(counts)
    metrics.tell(counts)

    assert taken() - before == 3
    assert counts == metrics.Counts()


def address_of(process: Process) -> str:
    lines = [json.loads(line) for line in process.log.read_text("utf-8").splitlines() if line.startswith("{")]
    (url,) = [line["url"] for line in lines if line.get("event") == "metrics_served"]
    return str(url).removesuffix("/metrics")


def read(url: str) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and the values of its labels, in alphabetical order of these."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {
        (s.name, *(value for _, value in sorted(s.labels.items()))): s.value
        for family in families
        for s in family.samples
    }


@pytest.mark.timeout(120)
def test_a_processor_tells_what_it_took_how_far_it_is_and_what_it_holds(stack: Stack, tmp_path: Path) -> None:
    source = Input(stack.settings)
    orders = orders_of_a_day(0, 20)
    write_day(source, orders)
    source._produce(FRAMES, b"no frame", orders[0].account, [("venue", b"tinvest")])
    source.flush()
    with worker(stack, tmp_path, "worker", metrics_port="0") as process:
        wait_for_assignment(process)
        url = address_of(process)
        until(
            lambda: read(url).get(("dropcopy_processor_dead_letters_total", FRAMES)), 30, "the dead letter is counted"
        )
        until(lambda: httpx.get(f"{url}/readyz").status_code == 200, 10, "it is ready")
        until(lambda: any(name[0] == "dropcopy_processor_lag_records" for name in read(url)), 10, "the lag is known")
        until(
            lambda: sum(v for k, v in read(url).items() if k[0] == "dropcopy_processor_lag_records") == 0, 30, "no lag"
        )
        # What was taken is told when its round is written, which is before that is committed.
        until(lambda: read(url).get(("dropcopy_processor_transactions_total", "committed")), 30, "it is committed")
        found = read(url)
        health = httpx.get(f"{url}/healthz")
        assert process.stop() == 0

    assert health.json()["role"] == "processor"
    assert found["dropcopy_processor_records_total", SUBMITTED.name] == len(orders)
    assert found[("dropcopy_processor_executions_total",)] >= len(orders)
    assert found[("dropcopy_processor_orders",)] == len(orders)
    assert found[("dropcopy_processor_partitions",)] == stack.settings.partitions
    assert found["dropcopy_processor_transactions_total", "committed"] >= 1
    assert found[("dropcopy_processor_transaction_seconds_count",)] >= 1
    assert found["dropcopy_processor_rebalances_total", "assigned"] == 1
    assert found["dropcopy_processor_watermark_timestamp_seconds", orders[0].account, "tinvest"] > 1.6e9
    assert found[("process_resident_memory_bytes",)] > 1e6
