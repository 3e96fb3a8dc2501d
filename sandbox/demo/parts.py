"""The demo's processes: what each is started as, with which settings, and in which order they end."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Self

from dropcopy.settings import PREFIX, Settings
from sandbox.demo.board import Worker
from sandbox.processes import Process
from sandbox.stack import Stack
from sandbox.trader import trader_names, venue_part

__all__ = ["Options", "Parts", "drop_foreign_settings", "own_settings_only"]

DROPCOPY = (sys.executable, "-c", "from dropcopy.cli import main; main()")

# Short times, so that one sees in a demo what in earnest takes its time.
QUICK = {
    "DROPCOPY_REPLY_TIMEOUT_S": "4",
    "DROPCOPY_SUBMISSION_GRACE_S": "4",
    "DROPCOPY_FEED_SILENCE_S": "5",
    "DROPCOPY_ORDER_TIMEOUT_S": "2",
    "DROPCOPY_SESSION_TIMEOUT_S": "6",  # the least that a broker allows by itself
    "DROPCOPY_FEED_RECONCILE_INTERVAL_S": "5",
}

# What of the caller's own settings means the same here. Others may lead to a real broker or venue.
KEPT = {"DROPCOPY_CACHE_DIR", "DROPCOPY_LOG_LEVEL", "DROPCOPY_LOG_FORMAT"}


@dataclass(frozen=True)
class Options:
    """What the demo is asked for; `seconds` of None goes on until Ctrl-C.

    `rate` is of all venues together, `accounts` of each venue whose credentials are good for several.
    """

    seconds: float | None = None
    rate: float = 5
    accounts: int = 4
    seed: int = 1
    workers: int = 2
    venues: tuple[str, ...] = field(default_factory=lambda: tuple(trader_names()))


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
        self._accounts: dict[str, list[str]] = {}
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
    def venues(self) -> tuple[str, ...]:
        """The simulated venues."""
        return self._options.venues

    def accounts(self, venue: str = "") -> list[str]:
        """Return the accounts that trade at a venue, or at all of them."""
        wanted = [venue] if venue else self.venues
        return [account for each in wanted for account in self._accounts[each]]

    @property
    def workers(self) -> list[Worker]:
        """The processor's workers, dead ones included, each with whether it runs."""
        return [Worker(worker.name, worker.pid, worker.status is None) for worker in self._workers]

    def start_stack(self) -> None:
        """Start the broker and the registry, and make the topics."""
        self._stack = self._running.enter_context(Stack())
        self._environment |= self._stack.environment | QUICK

    def start_simulator(self, venue: str) -> str:
        """Start a venue, and return where its controls are."""
        options = self._options
        simulator = self._start(
            f"simulator-{venue}",
            *("sandbox", "simulate", venue, "--accounts", str(options.accounts), "--seed", str(options.seed)),
        )
        control = simulator.wait_for_line("SIMULATOR_CONTROL_URL=")
        lines = (line.partition("=") for line in simulator.lines())
        told = {name: value for name, _, value in lines if name.startswith(PREFIX)}
        self._environment |= told | getattr(venue_part(venue), "SETTINGS", {})
        module = import_module(f"producers.venues.{venue}")
        self._accounts[venue] = list(module.VenueFeed(module.VenueSettings.load(self._environment)).accounts)
        return control.partition("=")[2]

    def start_workers(self) -> None:
        """Start the processor's workers."""
        for _ in range(self._options.workers):
            self._start_worker()

    def start_feed(self) -> None:
        """Start the feeds, in one process."""
        self._start("feed", "produce", *self.venues)

    def start_traders(self) -> list[Process]:
        """Start what sends orders, one process for each venue."""
        rate = f"{self._options.rate / len(self.venues):g}"
        return [
            self._start(f"trader-{venue}", "sandbox", "trade", venue, "--rate", rate, "--seed", str(self._options.seed))
            for venue in self.venues
        ]

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
