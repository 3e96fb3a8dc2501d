"""Runs the demo: starts all, lets things go wrong, shows it, and accounts for every order at the end."""

import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from consumers.reader import BEGINNING, Reader
from dropcopy.errors import DropcopyError
from sandbox.demo.accounting import Kind, Summary, account_for
from sandbox.demo.board import WATCHED, Board, Latency
from sandbox.demo.control import Control
from sandbox.demo.evidence import Evidence, VenueOrder
from sandbox.demo.faults import Fault, fault_at
from sandbox.demo.incidents import Incident
from sandbox.demo.parts import Options, Parts, drop_foreign_settings
from sandbox.demo.screen import Screen, screen
from sandbox.demo.view import summary_table
from sandbox.demo.watcher import Watcher
from sandbox.processes import Process
from sandbox.trader import venue_part
from schemas.fix import FeedState
from schemas.headers import Kind as FrameKind
from schemas.topics import venue_of

__all__ = ["run_demo", "summary_json"]

START_TIMEOUT_S = 60
FINAL_TIMEOUT_S = 20
SETTLE_TIMEOUT_S = 60
# How long nothing may be found any more before the account is closed: a double would come late.
QUIET_S = 1.5
ACCOUNT_EVERY_S = 0.5
LOOK_S = 0.1
FINDINGS_TOLD = 50
INTERRUPTED = 130


class Demo:
    """One run, from its parts' start to the account of its orders."""

    def __init__(self, options: Options, parts: Parts, running: ExitStack, shown: Screen) -> None:
        self._options = options
        self._parts = parts
        self._running = running
        self._screen = shown
        self._connected: set[str] = set()
        self._controls: dict[str, Control] = {}
        self._watcher: Watcher
        self._traders: list[Process] = []
        self.board = Board()

    def start(self) -> None:
        """Start every part, each once those it needs are ready.

        Raises:
            DropcopyError: one did not start.
        """
        tell, parts, wait = self._screen.tell, self._parts, self._wait
        tell("starting Apache Kafka and the schema registry")
        parts.start_stack()
        for venue in parts.venues:
            tell(f"starting the simulated {venue}")
            control = Control(venue, parts.start_simulator(venue))
            self._controls[venue] = self._running.enter_context(control)
        self._watcher = self._running.enter_context(Watcher(parts.settings, WATCHED))
        tell(f"starting the feeds and {self._options.workers} workers")
        parts.start_feed()
        parts.start_workers()
        accounts = set(parts.accounts())
        wait(lambda: self._connected >= accounts, "the feeds are not connected for every account")
        tell("the feeds are connected")
        wait(lambda: self._accounts_up() >= accounts, "the workers do not process")
        tell("the workers process")
        self._traders = parts.start_traders()
        wait(lambda: bool(self.board.seen), "no order was sent")
        tell("orders are sent; Ctrl-C ends the demo")

    def trade(self) -> None:
        """Let things go wrong by the schedule until the time is over."""
        started_s, next_second = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - started_s) < (self._options.seconds or float("inf")):
            while next_second <= elapsed_s:
                if fault := fault_at(self._options.seed, next_second, self._parts.venues):
                    self._make(fault)
                next_second += 1
            self._look()

    def settle(self) -> Summary:
        """Stop trading, wait until all is decided, and account for every order.

        The wait is bounded: what is not there by then is not accounted for.
        """
        self._screen.tell("no more orders are sent; those that live come to their end")
        for trader in self._traders:
            self._parts.stop(trader)
        deadline_s = time.monotonic() + FINAL_TIMEOUT_S
        # A stop order may wait for ever.
        while any(order.told and not order.final and not order.is_stop for order in self._orders()):
            if time.monotonic() > deadline_s:
                break
            self._look(LOOK_S)
        self._screen.tell("holding the venues' ledgers against the results, from their beginning")
        return self._account()

    def _account(self) -> Summary:
        evidence = Evidence()
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        next_s = 0.0
        clean_since_s: float | None = None
        with Reader(self._parts.settings, WATCHED, BEGINNING) as reader:
            while True:
                for record in reader.poll(LOOK_S):
                    evidence.add(record)
                self._look(0)
                now_s = time.monotonic()
                if not (reader.at_end and now_s >= next_s) and now_s < deadline_s:
                    continue
                next_s = now_s + ACCOUNT_EVERY_S
                summary = account_for(self._orders(), evidence)
                clean_since_s = (clean_since_s or now_s) if summary.clean else None
                if now_s >= deadline_s or (clean_since_s is not None and now_s - clean_since_s >= QUIET_S):
                    return summary

    def _orders(self) -> list[VenueOrder]:
        return [order for control in self._controls.values() for order in control.orders()]

    def _make(self, fault: Fault) -> None:
        since_ns = time.time_ns()
        if fault.is_the_venues:
            self._controls[fault.venue].make(fault)
            detail = f" ({fault.venue})"
        else:
            detail = f" ({self._parts.kill_worker()})"
        self._screen.tell(f"{fault.told}{detail}")
        self.board.incidents.append(Incident.begin(fault, since_ns, self._parts.accounts(fault.venue), detail))

    def _look(self, timeout_s: float = LOOK_S) -> None:
        for record in self._watcher.take(timeout_s):
            if venue_of(record.topic) and record.fields.get("kind") == FrameKind.CONNECTED:
                self._connected.add(record.fields["account"])
            for incident in self.board.see(record):
                self._screen.tell(f"{incident.fault.name}{incident.detail}: {incident.said}")
        self.board.workers = self._parts.workers
        self._parts.check()
        if self.board.seen:
            self._screen.show(self.board)

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise DropcopyError(f"{otherwise}, {START_TIMEOUT_S} s after its start")
            self._look()

    def _accounts_up(self) -> set[str]:
        return {feed["account"] for feed in self.board.feeds.values() if feed["status"] == FeedState.UP}


def summary_json(summary: Summary, board: Board) -> dict[str, Any]:
    """Return the account as the demo's one JSON object."""
    return {
        "orders": summary.orders,
        "venues": summary.venues,
        "executions": summary.executions,
        "matched": summary.matched,
        "unmatched": summary.unmatched,
        "dead_letters": summary.dead_letters,
        "lost": summary.count(Kind.LOST),
        "duplicated": summary.count(Kind.DUPLICATED),
        "frames": summary.frames,
        "latency_ms": _milliseconds(board.latency()),
        "calm_latency_ms": _milliseconds(board.calm_latency()),
        "faults": [
            {
                "fault": incident.fault.name,
                "venue": incident.fault.venue,
                "over": incident.over,
                "outcome": incident.said,
            }
            for incident in board.incidents
        ],
        "not_accounted_for": [
            {"order_request_id": finding.order_request_id, "kind": finding.kind.value, "why": finding.why}
            for finding in summary.findings[:FINDINGS_TOLD]
        ],
    }


def _milliseconds(latency: Latency) -> dict[str, float | None]:
    return {name: value if value is None else round(value, 2) for name, value in vars(latency).items()}


def run_demo(options: Options, *, as_json: bool) -> int:
    """Run the demo, print its account, and return the exit status.

    Status 0 means that every order is accounted for, 1 that one is not, 130 that Ctrl-C came before
    there was anything to account for, or again during the account.

    Raises:
        UsageError: a venue can't be shown.
        DropcopyError: a part did not start, or ended; the logs are kept then.
    """
    for venue in options.venues:
        venue_part(venue)
    drop_foreign_settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="dropcopy-demo-"))
    keep = True
    try:
        outcome = _run(options, folder)
        keep = outcome is not None and not outcome[0].clean
    finally:
        if keep:
            sys.stderr.write(f"the logs of every part are kept in {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if outcome is None:
        return INTERRUPTED
    summary, board = outcome
    if as_json:
        sys.stdout.write(json.dumps(summary_json(summary, board)) + "\n")
    else:
        Console().print(summary_table(summary, board.latency(), board.calm_latency()))
    return 0 if summary.clean else 1


def _run(options: Options, folder: Path) -> tuple[Summary, Board] | None:
    shown = screen()
    running = ExitStack()
    parts = running.enter_context(Parts(options, folder))
    demo = Demo(options, parts, running, shown)
    summary = None
    try:
        demo.start()
        try:
            demo.trade()
        except KeyboardInterrupt:
            pass  # the ordinary end of a demo without --seconds
        summary = demo.settle()
    except KeyboardInterrupt:
        pass  # nothing to account for yet, or the account is not waited for
    finally:
        # From here on a further Ctrl-C would leave processes behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        shown.close()
        sys.stderr.write("stopping every part\n")
        running.close()
    return None if summary is None else (summary, demo.board)
