"""The roles as containers: an order's way through them, and what kills, freezes and cuts do to it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.processes import wait_until
from tests.containers.account import Watch, check, ledger
from tests.containers.parts import SESSION_S, Part, Parts, running

pytestmark = [pytest.mark.containers, pytest.mark.timeout(170)]

ORDERS_PER_S = 8


@pytest.fixture(scope="module")
def parts(image: str, registry_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with running(image, registry_image, tmp_path_factory.mktemp("parts")) as started:
        yield started


@pytest.fixture(scope="module")
def watch(parts: Parts) -> Iterator[Watch]:
    with Watch(parts.settings) as watching:
        yield watching


@contextmanager
def load(parts: Parts) -> Iterator[None]:
    """Let orders be sent meanwhile, by the trader's container."""
    trade = ("sandbox", "trade", "tinvest", "--rate", str(ORDERS_PER_S), "--json")
    with parts.role("trader", *trade) as trader:
        yield
        trader.get_wrapped_container().stop(timeout=20)
        out, err = trader.get_logs()
        assert json.loads(out)["accepted"] > 0, err.decode(errors="replace")


def test_a_submitted_order_and_its_frames_come_out_as_executions(parts: Parts, watch: Watch) -> None:
    order = ("order", "new", "--venue", "tinvest", "--account", "2000000001", "--instrument", "BBG004730N88")
    what = ("--side", "buy", "--quantity", "1", "--type", "market", "--json")
    told = json.loads(parts.once(*order, *what).splitlines()[-1])
    key = told["order_request_id"]

    def steps() -> list[str]:
        return [event["exec_type"] for event in watch.evidence.executions if event["order_request_id"] == key]

    watch.until(lambda: watch.evidence.latest.get(key, {}).get("join_status") == "MATCHED", 30, f"{key} is matched")
    watch.until(lambda: "TRADE" in steps(), 30, f"{key} is filled")
    check(watch.account(ledger(parts.control_url)), orders=1)


def test_a_killed_broker_processor_and_feed_lose_and_double_nothing(parts: Parts, watch: Watch) -> None:
    with load(parts):
        watch.until_more(20)
        for name in ("processor-1", "feed", "broker"):
            parts[name].kill()
            parts[name].wait_until_ready()
            watch.until_more(20)

    check(watch.account(ledger(parts.control_url)), orders=50)


@contextmanager
def frozen(part: Part) -> Iterator[None]:
    part.pause()
    try:
        yield
    finally:
        part.go_on()


@contextmanager
def cut_off(part: Part) -> Iterator[None]:
    part.cut_off()
    try:
        yield
    finally:
        part.plug_in()


def test_frozen_and_cut_off_parts_lose_and_double_nothing(parts: Parts, watch: Watch) -> None:
    with load(parts):
        watch.until_more(20)
        # A processor that is away for longer than its session finds itself fenced off.
        with frozen(parts["processor-2"]):
            last_s(SESSION_S, watch)
            with cut_off(parts["feed"]):
                last_s(3, watch)
        with cut_off(parts["processor-1"]):
            last_s(SESSION_S, watch)
            with frozen(parts["feed"]), frozen(parts["broker"]):
                last_s(3, watch)
        # Not of processor-1: its connections died in silence, which may tell only after minutes. It is not needed.
        for name in ("processor-2", "feed"):
            parts[name].wait_until_ready()
        watch.until_more(20)

    check(watch.account(ledger(parts.control_url)), orders=50)


def last_s(seconds: float, watch: Watch) -> None:
    """Read on for as long as the fault lasts: that time is what is tested."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        watch.look()


@pytest.mark.parametrize("name", ["feed", "processor-2", "simulator"])
def test_a_role_ends_in_order_when_it_is_stopped(parts: Parts, name: str) -> None:
    part = parts[name]
    part.wait_until_ready()
    started_s = time.monotonic()
    part.engine.stop(timeout=30)

    assert time.monotonic() - started_s < 20
    assert part.engine.wait()["StatusCode"] == 0, part.log()
    part.engine.start()
    assert wait_until(part.is_ready, 60), part.log()
