"""Holds the venue's ledger against what a reader of the results finds, until both agree or the time is over."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Self

from consumers.reader import Reader
from dropcopy.settings import Settings
from sandbox.demo.accounting import Summary, account_for
from sandbox.demo.control import Control
from sandbox.demo.evidence import Evidence, VenueOrder
from schemas.topics import DEAD_LETTERS, EXECUTIONS, LATEST, SUBMITTED, UNMATCHED, frames_topic

WATCHED = [topic.name for topic in (SUBMITTED, EXECUTIONS, LATEST, UNMATCHED, DEAD_LETTERS, frames_topic("tinvest"))]
# A double would come late.
QUIET_S = 2.0
AWAY_S = 60.0


class Watch(AbstractContextManager["Watch"]):
    """Reads all results from their beginning, and keeps what the account needs."""

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings, WATCHED, patience_s=AWAY_S)
        self.evidence = Evidence()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    def look(self, timeout_s: float = 0.1) -> None:
        """Take in what has come."""
        for record in self._reader.poll(timeout_s, 10_000):
            self.evidence.add(record)

    def until(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        """Read on until a condition holds."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
            self.look()

    def until_more(self, count: int, timeout_s: float = 60) -> None:
        """Read on until this many executions more have come."""
        wanted = len(self.evidence.executions) + count
        self.until(lambda: len(self.evidence.executions) >= wanted, timeout_s, f"{count} executions more")

    def account(self, orders: Callable[[], Sequence[VenueOrder]], timeout_s: float = 60) -> Summary:
        """Return the account of the venue's orders once it has been clean for a while, or as it is at the end."""
        deadline_s = time.monotonic() + timeout_s
        clean_since_s: float | None = None
        while True:
            self.look(0.5)
            ledger = orders()
            summary = account_for(ledger, self.evidence)
            now_s = time.monotonic()
            # A stop order may wait for ever.
            settled = summary.clean and all(order.final or order.is_stop or not order.told for order in ledger)
            clean_since_s = (clean_since_s or now_s) if settled else None
            if now_s > deadline_s or (clean_since_s is not None and now_s - clean_since_s > QUIET_S):
                return summary


def check(summary: Summary, *, orders: int) -> None:
    """Demand that every one of at least so many orders is accounted for."""
    assert summary.findings == (), "\n".join(map(str, summary.findings[:20]))
    assert summary.orders >= orders
    assert summary.dead_letters == 0


def ledger(control_url: str) -> Callable[[], list[VenueOrder]]:
    """Return a function that asks the simulated T-Invest for its orders."""

    def orders() -> list[VenueOrder]:
        with Control("tinvest", control_url) as control:
            return control.orders()

    return orders
