"""Workers, their members and the broker, killed and frozen under load: what readers see stays whole."""

import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measure import children_of
from sandbox.processes import Process
from sandbox.stack import Stack
from tests.integration.processing import (
    SESSION_S,
    Following,
    Input,
    check_executions,
    check_latest,
    orders_of_a_day,
    results,
    start_worker,
    until,
    wait_for_assignment,
    write_order,
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(170)]

LIMIT_S = 90
ORDERS_PER_S = 100  # four frames and one submission each
FIRST = itertools.count(0, 10_000)


class Load(threading.Thread):
    """Writes `seconds` of new orders at a steady rate, each as its day went, on a thread of its own."""

    def __init__(self, stack: Stack, seconds: int) -> None:
        super().__init__(name="load", daemon=True)
        self.target = Input(stack.settings)
        self.orders = orders_of_a_day(next(FIRST), seconds * ORDERS_PER_S)
        self.written = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        start_s = time.monotonic()
        try:
            for number, order in enumerate(self.orders):
                time.sleep(max(0.0, start_s + number / ORDERS_PER_S - time.monotonic()))
                write_order(self.target, order)
                self.written += 1
            self.target.flush()
        except BaseException as error:  # noqa: BLE001 -- the test's own thread raises it
            self.failure = error

    def end(self) -> None:
        self.join(LIMIT_S)
        assert self.failure is None, self.failure
        assert self.written == len(self.orders)


class Workers:
    """Keeps so many workers running: one that has ended is replaced, as a supervisor would."""

    def __init__(self, stack: Stack, folder: Path, count: int, processes: int = 1) -> None:
        self._stack = stack
        self._folder = folder
        self._processes = processes
        self._numbers = itertools.count(1)
        self.running = [self._start() for _ in range(count)]
        self.ended: list[Process] = []

    def _start(self) -> Process:
        return start_worker(
            self._stack,
            self._folder,
            f"worker-{next(self._numbers)}",
            transaction_timeout_s="8",
            processes=str(self._processes),
        )

    def replace_ended(self) -> None:
        for at, process in enumerate(self.running):
            if process.status is not None:
                self.ended.append(process)
                self.running[at] = self._start()

    def stop(self) -> list[int]:
        return [process.stop() for process in self.running]


@pytest.fixture
def workers(stack: Stack, tmp_path: Path) -> Iterator[Workers]:
    running = Workers(stack, tmp_path, 2)
    try:
        for process in running.running:
            wait_for_assignment(process)
        yield running
    finally:
        for process in running.running:
            process.kill()


@pytest.fixture
def worker_of_two(stack: Stack, tmp_path: Path) -> Iterator[Workers]:
    running = Workers(stack, tmp_path, 1, processes=2)
    try:
        until(lambda: len(children_of(running.running[0].pid)) == 2, 30, "two members")
        wait_for_assignment(running.running[0])
        yield running
    finally:
        for process in running.running:
            process.stop()


def is_running(pid: int) -> bool:
    try:
        # One that has ended and was not waited for yet is a Z here.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wholly(stack: Stack, load: Load, workers: Workers) -> None:
    """Wait for every order's end, and hold all that readers see against what was written."""
    with Following(stack.settings) as following:
        following.until_filled(load.orders, LIMIT_S, workers.replace_ended)
    executions, latest = results(stack.settings)
    check_executions(executions, load.orders, load.target.frames)
    check_latest(latest, load.orders)


def test_workers_killed_under_load_lose_double_and_reorder_nothing(stack: Stack, workers: Workers) -> None:
    load = Load(stack, 20)
    load.start()
    chance = random.Random()
    kills = 0
    while load.is_alive():
        time.sleep(chance.uniform(1, 4))
        workers.replace_ended()
        victim = chance.choice(workers.running)
        victim.kill()
        kills += 1
        workers.replace_ended()
    load.end()

    assert kills >= 4
    wholly(stack, load, workers)


def test_a_member_that_is_killed_under_load_takes_its_worker_along_and_nothing_is_lost(
    stack: Stack, worker_of_two: Workers
) -> None:
    load = Load(stack, 10)
    load.start()
    until(lambda: load.written > 200, LIMIT_S, "some orders are written")
    (worker,) = worker_of_two.running
    victim, other = children_of(worker.pid)
    os.kill(victim, signal.SIGKILL)
    status = worker.wait(LIMIT_S)
    last = json.loads(worker.log_tail(1))
    worker_of_two.replace_ended()
    load.end()

    assert status == 1
    assert (last["event"], last["member"], last["exit_status"]) == ("member_ended", 0, -signal.SIGKILL)
    assert not is_running(other)
    wholly(stack, load, worker_of_two)
    assert worker_of_two.stop() == [0]


def test_the_members_of_a_worker_that_is_killed_outright_end_too(worker_of_two: Workers) -> None:
    (worker,) = worker_of_two.running
    members = children_of(worker.pid)

    worker.send(signal.SIGKILL)
    worker.wait(LIMIT_S)

    until(lambda: not any(is_running(member) for member in members), LIMIT_S, "the members have ended")


def test_a_worker_frozen_for_longer_than_its_session_wakes_to_find_itself_fenced_off(
    stack: Stack, workers: Workers
) -> None:
    load = Load(stack, 18)
    load.start()
    until(lambda: load.written > 2 * ORDERS_PER_S, LIMIT_S, "load")
    frozen, other = workers.running
    frozen.send(signal.SIGSTOP)
    try:
        already = other.log.read_text("utf-8").count("partitions_assigned")
        # The group gives the frozen one's partitions to the other, while transactions it left open time out.
        until(
            lambda: other.log.read_text("utf-8").count("partitions_assigned") > already,
            SESSION_S + LIMIT_S,
            "the other worker takes over",
        )
        time.sleep(1)
    finally:
        frozen.send(signal.SIGCONT)
    while load.is_alive():
        time.sleep(0.2)
        workers.replace_ended()
    load.end()

    wholly(stack, load, workers)


def test_a_broker_that_is_killed_under_load_and_comes_back_has_lost_nothing(stack: Stack, workers: Workers) -> None:
    load = Load(stack, 12)
    load.start()
    until(lambda: load.written > 2 * ORDERS_PER_S, LIMIT_S, "load")
    stack.broker.process.kill()
    stack.broker.start()
    stack.broker.wait_until_ready()
    while load.is_alive():
        time.sleep(0.2)
        workers.replace_ended()
    load.end()

    wholly(stack, load, workers)
