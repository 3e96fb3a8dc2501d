"""What tests of a whole day at a simulated venue share: the processes, and all that readers of the results see."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from consumers.reader import Reader
from sandbox.processes import Process
from sandbox.stack import Stack
from schemas.topics import DEAD_LETTERS, EXECUTIONS, FEEDS_STATUS, LATEST, SUBMITTED, UNMATCHED
from tests.integration.processing import DROPCOPY, Fields, start_worker, wait_for_assignment

LIMIT_S = 60
# Where an order stands while a request to change it waits for its answer, whatever the venue says of the order.
WAITING = ("PENDING_CANCEL", "PENDING_REPLACE")


@asynccontextmanager
async def feed_and_worker(
    stack: Stack, folder: Path, venue: str, addresses: Mapping[str, str], is_heard: Callable[[], bool]
) -> AsyncIterator[list[Process]]:
    """Run a venue's feed, which reads up every two seconds, and a worker; wait until both are at work."""
    settings = stack.environment | addresses | {"DROPCOPY_FEED_RECONCILE_INTERVAL_S": "2"}
    with ExitStack() as running:
        feed = Process("feed", [*DROPCOPY, "produce", venue], environment=settings, folder=folder)
        running.callback(feed.kill)
        worker = start_worker(stack, folder, "worker", submission_grace_s="4", reply_timeout_s="4")
        running.callback(worker.kill)
        await asyncio.to_thread(wait_for_assignment, worker)
        async with asyncio.timeout(LIMIT_S):
            while not is_heard():
                feed.check()
                await asyncio.sleep(0.05)
        yield [feed, worker]


class Results:
    """All that read_committed readers have seen so far: of submissions, executions, newest states and the rest."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.submitted: list[Fields] = []
        self.executions: list[Fields] = []
        self.latest: dict[str, Fields] = {}
        self.unmatched: dict[str, Fields] = {}
        self.feeds: list[Fields] = []
        self.dead: list[Fields] = []
        self._rows = {
            SUBMITTED.name: self.submitted,
            EXECUTIONS.name: self.executions,
            FEEDS_STATUS.name: self.feeds,
            DEAD_LETTERS.name: self.dead,
        }
        self._newest = {LATEST.name: self.latest, UNMATCHED.name: self.unmatched}
        self._reader = Reader(stack.settings, [*self._rows, *self._newest])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    async def until(self, condition: Callable[[], Any], what: Callable[[], Any]) -> None:
        """Read on until a condition holds; `what` says what is wrong meanwhile."""
        deadline_s = asyncio.get_running_loop().time() + LIMIT_S
        while not condition():
            assert asyncio.get_running_loop().time() < deadline_s, what()
            for record in await asyncio.to_thread(self._reader.poll, 0.1, 10_000):
                self._take(record.topic, str(record.key), dict(record.fields))

    def _take(self, topic: str, key: str, fields: Fields) -> None:
        if topic in self._rows:
            self._rows[topic].append(fields)
        elif fields.get("tombstone"):
            self._newest[topic].pop(key, None)
        else:
            self._newest[topic][key] = fields

    async def until_latest(self, key: str, **wanted: Any) -> Fields:
        """Read on until an order's newest state has these values, and return it."""

        def found() -> Fields:
            return {name: self.latest.get(key, {}).get(name) for name in wanted}

        await self.until(lambda: found() == wanted, lambda: (key, wanted, found(), self.unmatched.get(key)))
        return self.latest[key]

    async def until_steps(self, key: str, *steps: str) -> None:
        """Read on until an order has gone through these steps; which side of them is read first is open."""
        await self.until(lambda: not Counter(steps) - Counter(self.steps(key)), lambda: (key, steps, self.steps(key)))

    def steps(self, key: str) -> list[str]:
        """Return the ExecTypes of an order's executions, each once."""
        return [event["exec_type"] for event in self.of(key)]

    def of(self, key: str) -> list[Fields]:
        """Return an order's executions, each in its newest revision.

        The key can change from one revision to the next, when two orders turn out to be one; each is read when
        its partition is.
        """
        newest: dict[str, Fields] = {}
        for event in self.executions:
            if event["revision"] > newest.get(event["exec_id"], {"revision": 0})["revision"]:
                newest[event["exec_id"]] = event
        return [event for event in newest.values() if event["order_request_id"] == key]

    def fills(self, key: str) -> dict[str, Fields]:
        """Return an order's fills by their trade ids, in their newest revision."""
        return {event["trade_id"]: event for event in self.of(key) if event["trade_id"]}

    def quantity_problems(self, key: str) -> list[str]:
        """Say where the fills of an order do not add up to what its newest state says is filled."""
        filled = sum((Decimal(fill["last_qty"]) for fill in self.fills(key).values()), Decimal(0))
        known = self.latest.get(key, {}).get("cum_qty")
        return [] if known is not None and Decimal(known) == filled else [f"{key}: cum_qty={known}, fills of {filled}"]

    def unaccounted(self) -> list[str]:
        """Return the orders that were submitted and neither joined with the venue's side, nor said why not."""
        asked = {each["order_request_id"] for each in self.submitted if each["action"] in ("NEW", "NEW_STOP")}
        return [
            f"{key}: submitted, {self.latest.get(key)}"
            for key in asked
            if self.latest.get(key, {}).get("join_status") != "MATCHED"
            and self.unmatched.get(key, {}).get("status") != "UNMATCHED"
        ]

    def told_twice(self) -> list[Any]:
        """Return what was published more than once: a revision of an execution, or a trade as two executions."""
        events = Counter((event["exec_id"], event["revision"]) for event in self.executions)
        pairs = {(event["trade_id"], event["exec_id"]) for event in self.executions if event["trade_id"]}
        trades = Counter(trade_id for trade_id, _ in pairs)
        return [what for what, times in [*events.items(), *trades.items()] if times > 1]
