"""Reads the venue's own state of its orders over REST, after each connect and every so often.

No venue repeats what its stream said while nobody listened. So each round asks, for one account after
the other, and records every answer beside the frames, byte for byte, as a `snapshot`:

1. all orders of the day;
2. if an order that was last seen open, on the stream or in an answer, is not among them, such as one of
   yesterday, and in the first round of the process: all orders that are open; and then each that is left
   out there too, by its id: at most `ORDERS_A_ROUND`, those heard of longest ago first;
3. the stop orders, where the venue has them;

and then writes a `reconciled` marker. Frames that arrive meanwhile are recorded as they come.

What the marker says: "of all orders of the day, what the venue knew at `received_ns` stands before
me". So silence about a submitted order means something from then on. It depends on the first call
alone: without an answer to it there is no marker, and nothing else is asked. The others can't make
it wrong:

- The orders of step 2 were seen before, so nobody waits for a first word about them. One that can't be
  read stays as it was last told of, and is asked for again in the next round. One that the venue does
  not know any more is asked for no longer, and the log says so.
- Stop orders come with step 3 alone. If that fails, their silence means nothing yet: the marker
  names them in `unread`, and whoever judges silence must leave them out until a marker that does not.

`unread` is an object in the marker, from what was not read (`producers.feeds.venue.Reads`) to a word
for the reason; it is left out when everything was read: {"orders": 2, "unread": {"stop_orders": "timeout"}}.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from dropcopy.logs import get_logger
from producers.feeds import metrics
from producers.feeds.feed import Log
from producers.feeds.recorder import RecordTooLarge
from producers.feeds.venue import NO_SUCH_ORDER, Heard, Meaning, OrderSeen, Reads, SnapshotCall, Venue
from producers.open_orders import OpenOrders
from producers.rest import CallError, RestClient
from schemas.headers import Kind

__all__ = ["ORDERS_A_ROUND", "CannotReconcile", "Reconciler", "wait_s"]

ORDERS_A_ROUND = 20

_ATTEMPTS = 5
_ATTEMPTS_FOR_S = 60
_RATE_WAIT_CAP_S = 60
_BACKOFF = wait_random_exponential(multiplier=0.25, max=5)
_WINDOW_S = 60.0

log = get_logger(__name__)


class CannotReconcile(Exception):  # noqa: N818 -- says what can't be done
    """The venue gave no usable answer; `meaning` says why, and whether asking again may help."""

    def __init__(self, meaning: Meaning) -> None:
        super().__init__(meaning.text or meaning.reason)
        self.meaning = meaning


class _Asked(NamedTuple):
    asked_ns: int
    call: SnapshotCall | None
    body: bytes


class _Answer(NamedTuple):
    """When the venue was asked, by which call, and which orders its answer holds."""

    asked_ns: int
    source: str
    orders: Sequence[OrderSeen]


def wait_s(asked_s: Sequence[float], most: int, now_s: float) -> float:
    """Return how long a call has to wait, so that no minute has more than `most`.

    `asked_s` are the times of the latest calls, ascending, at least `most` of them if there were so many.
    """
    return max(0.0, asked_s[-most] + _WINDOW_S - now_s) if len(asked_s) >= most else 0.0


class Reconciler:
    """Reconciles the accounts of one venue; its `run` is a feed's follow-up, its `hear` is told of every frame."""

    def __init__(
        self,
        venue: Venue,
        client: RestClient,
        recorder: Log,
        *,
        interval_s: float,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._venue = venue
        self._client = client
        self._recorder = recorder
        self._interval_s = interval_s
        self._clock = clock
        self._open = {account: OpenOrders() for account in venue.accounts}
        self._listed: set[str] = set()
        self._asked_s: dict[Reads, deque[float]] = {
            reads: deque(maxlen=most) for reads, most in venue.reads_per_minute.items()
        }
        self._log = log.bind(venue=venue.name)

    def hear(self, heard: Heard) -> None:
        """Note whether an order is open, as a recorded frame tells it."""
        open_orders = self._open.get(heard.account)
        if open_orders is not None and heard.order is not None:
            open_orders.take(heard.order)

    async def run(self, connection: str) -> None:
        """Reconcile all accounts now and at every interval, until cancelled."""
        while True:
            for account in self._venue.accounts:
                await self._reconcile(connection, account)
            await asyncio.sleep(self._interval_s)

    async def _reconcile(self, connection: str, account: str) -> None:
        before = self._open[account].all()
        try:
            answer = await self._read(
                connection, account, Reads.ORDERS, lambda now_ns: self._venue.snapshot_call(account, now_ns)
            )
        except CannotReconcile as error:
            self._log.warning("not_reconciled", account=account, reason=error.meaning.reason, detail=str(error))
            metrics.RECONCILED.labels(self._venue.name, "failed").inc()
            return
        self._take(account, answer)
        unread = {
            reads.value: reason
            for reads, reason in (
                (Reads.OPEN_ORDERS, await self._read_open_orders(connection, account, before, answer.orders)),
                (Reads.STOP_ORDERS, await self._read_stop_orders(connection, account)),
            )
            if reason
        }
        marker = {"orders": len(answer.orders)} | ({"unread": unread} if unread else {})
        await self._recorder.room()
        self._recorder.write(
            connection, account, answer.source, Kind.RECONCILED, msgspec.json.encode(marker), answer.asked_ns
        )
        metrics.RECONCILED.labels(self._venue.name, "partly" if unread else "done").inc()
        self._log.debug("reconciled", account=account, **marker)

    async def _read_open_orders(
        self, connection: str, account: str, before: Sequence[OrderSeen], told: Sequence[OrderSeen]
    ) -> str:
        """Ask for the open orders that were left out; return a word for the reason if any is not read."""
        open_orders = self._open[account]
        untold = open_orders.untold(before, told)
        if untold or account not in self._listed:
            try:
                listed = await self._read(
                    connection, account, Reads.ORDERS, lambda _: self._venue.open_orders_call(account)
                )
            except CannotReconcile as error:
                self._log.warning(
                    "open_orders_not_read", account=account, reason=error.meaning.reason, detail=str(error)
                )
                return error.meaning.reason
            self._listed.add(account)
            self._take(account, listed)
            untold = open_orders.untold(untold, listed.orders)
        for order in untold[:ORDERS_A_ROUND]:
            ids = {"account": account, "request_id": order.request_id, "venue_order_id": order.venue_order_id}

            def call_at(now_ns: int, order: OrderSeen = order) -> SnapshotCall | None:
                return self._venue.order_call(account, order)

            try:
                answer = await self._read(connection, account, Reads.OPEN_ORDERS, call_at)
            except CannotReconcile as error:
                if error.meaning.reason != NO_SUCH_ORDER:
                    open_orders.postpone(order)
                    self._log.warning("order_not_read", **ids, reason=error.meaning.reason, detail=str(error))
                    return error.meaning.reason
                open_orders.forget(order)
                self._log.warning("order_unknown_to_venue", **ids, detail=str(error))
                continue
            open_orders.forget(order)
            self._take(account, answer)
        return "postponed" if len(untold) > ORDERS_A_ROUND else ""

    def _take(self, account: str, answer: _Answer) -> None:
        for order in answer.orders:
            self._open[account].take(order)

    async def _read_stop_orders(self, connection: str, account: str) -> str:
        """Ask for the stop orders; return a word for the reason if they are not read."""
        try:
            await self._read(
                connection, account, Reads.STOP_ORDERS, lambda now_ns: self._venue.stop_orders_call(account, now_ns)
            )
        except CannotReconcile as error:
            self._log.warning("stop_orders_not_read", account=account, reason=error.meaning.reason, detail=str(error))
            return error.meaning.reason
        return ""

    async def _read(
        self, connection: str, account: str, reads: Reads, call_at: Callable[[int], SnapshotCall | None]
    ) -> _Answer:
        """Make the call that `call_at` returns for a time, again if that may help, and record its answer.

        Where the venue has no such call there is nothing to read.
        """
        retrying = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_ATTEMPTS_FOR_S),
            wait=_wait_s,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            asked: _Asked = await retrying(self._ask, reads, call_at)
            asked_ns, call, body = asked
            if call is None:
                return _Answer(asked_ns, "", ())
            await self._recorder.room()
            self._recorder.write(connection, account, call.source, Kind.SNAPSHOT, body, self._clock())
        except CallError as error:
            raise CannotReconcile(Meaning(error.code.lower(), text=error.message)) from None
        except RecordTooLarge as error:
            raise CannotReconcile(Meaning("too_large", final=True, text=error.message, hint=error.hint)) from None
        try:
            return _Answer(asked_ns, call.source, self._venue.snapshot_orders(call.source, body))
        except ValueError as error:
            raise CannotReconcile(Meaning("unreadable", text=f"the answer can't be read: {error}")) from None

    async def _ask(self, reads: Reads, call_at: Callable[[int], SnapshotCall | None]) -> _Asked:
        asked_ns = self._clock()
        call = call_at(asked_ns)
        if call is None:
            return _Asked(asked_ns, None, b"")
        await self._turn(reads)
        async with self._venue.limits.turn(call.path, timeout_s=_RATE_WAIT_CAP_S):
            answer = await self._client.post(call.path, call.body)
            self._venue.limits.learn(call.path, answer.headers, answer.status)
        if answer.status != 200:
            raise CannotReconcile(self._venue.snapshot_meaning(call.source, answer))
        return _Asked(asked_ns, call, answer.body)

    async def _turn(self, reads: Reads) -> None:
        """Wait until another call of this kind is within the reconciler's share of the venue's limits."""
        asked_s = self._asked_s.get(reads)
        if asked_s is not None and asked_s.maxlen:
            await asyncio.sleep(wait_s(asked_s, asked_s.maxlen, time.monotonic()))
            asked_s.append(time.monotonic())


def _may_pass(error: BaseException) -> bool:
    # Reading changes nothing at the venue, so a call whose outcome is unknown may be made again.
    return isinstance(error, CallError) or (isinstance(error, CannotReconcile) and not error.meaning.final)


def _wait_s(retry: RetryCallState) -> float:
    error = retry.outcome.exception() if retry.outcome else None
    asked_for_s = error.meaning.wait_s if isinstance(error, CannotReconcile) else 0
    return min(asked_for_s, _RATE_WAIT_CAP_S) + _BACKOFF(retry)
