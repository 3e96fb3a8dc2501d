"""The demo's processes: what each is started as, with which settings, and in which order they end."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dropcopy.settings import PREFIX, Settings
from sandbox.demo.board import Worker
from sandbox.processes import Process
from sandbox.stack import Stack

__all__ = ["Options", "Parts", "own_settings_only"]

DROPCOPY = (sys.executable, "-c", "from dropcopy.cli import main; main()")

# Short times, so that one sees in a demo what in earnest takes its time.
QUICK = {
    "DROPCOPY_REPLY_TIMEOUT_S": "4",
    "DROPCOPY_SUBMISSION_GRACE_S": "4",
    "DROPCOPY_FEED_SILENCE_S": "5",
    "DROPCOPY_ORDER_TIMEOUT_S": "2",
    "DROPCOPY_SESSION_TIMEOUT_S": "6",  # the least that a broker allows by itself
    "DROPCOPY_TINVEST_PING_DELAY_MS": "1000",
}

# What of the caller's own settings means the same here. Others may lead to a real broker or venue.
KEPT = {"DROPCOPY_CACHE_DIR", "DROPCOPY_LOG_LEVEL", "DROPCOPY_LOG_FORMAT"}


@dataclass(frozen=True)
class Options:
    """What the demo is asked for; `seconds` of None goes on until Ctrl-C."""

    seconds: float | None = None
    rate: float = 5
    accounts: int = 4
    seed: int = 1
    workers: int = 2


def own_settings_only(environment: Mapping[str, str]) -> list[str]:
    """Return the `DROPCOPY_*` names that the demo's processes must not take over."""
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in KEPT)


class Parts:
    """Every process of the demo. Leaving the context ends them, the latest started first.

    Each writes to a log of its own in `folder`. Methods that start one raise `ChildError` when it ends
    instead, with the log's tail.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._running = ExitStack()
        self._environment: dict[str, str] = {}
        self._started = 0
        self._processes: list[Process] = []
        self._workers: list[Process] = []
        self._stack: Stack | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    @property
    def settings(self) -> Settings:
        """The settings by which the demo itself reaches the broker and the registry."""
        return Settings.load({name: value for name, value in self._environment.items() if name in Settings.names()})

    @property
    def accounts(self) -> list[str]:
        """The simulated accounts."""
        return self._environment["DROPCOPY_TINVEST_ACCOUNTS"].split(",")

    @property
    def workers(self) -> list[Worker]:
        """The processor's workers, dead ones included, each with whether it runs."""
        return [Worker(worker.name, worker.pid, worker.status is None) for worker in self._workers]

    def start_stack(self) -> None:
        """Start the broker and the registry, and make the topics."""
        self._stack = self._running.enter_context(Stack())
        self._environment |= self._stack.environment | QUICK

    def start_simulator(self) -> str:
        """Start the venue, and return where its controls are."""
        options = self._options
        simulator = self._start(
            "simulator",
            *("sandbox", "simulate", "tinvest", "--accounts", str(options.accounts), "--seed", str(options.seed)),
        )
        control = simulator.wait_for_line("SIMULATOR_CONTROL_URL=")
        lines = (line.partition("=") for line in simulator.lines())
        self._environment |= {name: value for name, _, value in lines if name.startswith(PREFIX)}
        return control.partition("=")[2]

    def start_workers(self) -> None:
        """Start the processor's workers."""
        for _ in range(self._options.workers):
            self._start_worker()

    def start_feed(self) -> None:
        """Start the feed."""
        self._start("feed", "produce", "tinvest")

    def start_trader(self) -> Process:
        """Start what sends orders."""
        return self._start("trader", "sandbox", "trade", "tinvest", "--rate", f"{self._options.rate:g}")

    def stop(self, process: Process) -> None:
        """End one process before the others."""
        process.stop()
        self._processes.remove(process)

    def kill_worker(self) -> str:
        """Kill the worker that has run longest, start another in its place, and return what happened."""
        victim = self._workers.pop(0)
        self._processes.remove(victim)
        victim.kill()
        return f"{victim.name} killed, {self._start_worker().name} started"

    def check(self) -> None:
        """Raise a `ChildError` if a process has ended that should run."""
        if self._stack is not None:
            self._stack.check()
        for process in self._processes:
            process.check()

    def _start_worker(self) -> Process:
        self._started += 1
        worker = self._start(f"worker-{self._started}", "process")
        self._workers.append(worker)
        return worker

    def _start(self, name: str, *arguments: str) -> Process:
        process = Process(
            name,
            [*DROPCOPY, *arguments],
            environment=self._environment | {"PYTHONUNBUFFERED": "1"},
            folder=self._folder,
            cwd=self._folder,
        )
        self._running.enter_context(process)
        self._processes.append(process)
        return process


def drop_foreign_settings() -> None:
    """Take from this process's environment, which its children get, what is not the demo's."""
    for name in own_settings_only(os.environ):
        del os.environ[name]
