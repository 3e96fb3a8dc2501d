"""Reads the venue's own state of its orders over REST, after each connect and every so often.

No venue repeats what its stream said while nobody listened. So the answer of a REST call is recorded
beside the frames, byte for byte, as a `snapshot`, and then a `reconciled` marker, which speaks for
the time at which the venue was asked. Frames that arrive meanwhile are recorded as they come. A call
that fails delays the marker and nothing else.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from dropcopy.logs import get_logger
from producers.feeds import metrics
from producers.feeds.feed import Log
from producers.feeds.recorder import RecordTooLarge
from producers.feeds.venue import Meaning, SnapshotCall, Venue
from producers.rest import CallError, RestClient
from schemas.headers import Kind

__all__ = ["CannotReconcile", "Reconciler"]

_ATTEMPTS = 5
_ATTEMPTS_FOR_S = 60
_RATE_WAIT_CAP_S = 60
_BACKOFF = wait_random_exponential(multiplier=0.25, max=5)

log = get_logger(__name__)


class CannotReconcile(Exception):  # noqa: N818 -- says what can't be done
    """The venue gave no usable answer; `meaning` says why, and whether asking again may help."""

    def __init__(self, meaning: Meaning) -> None:
        super().__init__(meaning.text or meaning.reason)
        self.meaning = meaning


class Reconciler:
    """Reconciles the accounts of one venue; its `run` is a feed's follow-up."""

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
        self._log = log.bind(venue=venue.name)

    async def run(self, connection: str) -> None:
        """Reconcile all accounts now and at every interval, until cancelled."""
        while True:
            for account in self._venue.accounts:
                await self._reconcile(connection, account)
            await asyncio.sleep(self._interval_s)

    async def _reconcile(self, connection: str, account: str) -> None:
        result = "failed"
        try:
            orders = await self._record(connection, account)
            result = "done"
            self._log.debug("reconciled", account=account, orders=orders)
        except CannotReconcile as error:
            reason, text = error.meaning.reason, error.meaning.text
            self._log.warning("not_reconciled", account=account, reason=reason, detail=text)
        except (CallError, RecordTooLarge) as error:
            self._log.warning("not_reconciled", account=account, reason=type(error).__name__, detail=error.message)
        metrics.RECONCILED.labels(self._venue.name, result).inc()

    async def _record(self, connection: str, account: str) -> int:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_ATTEMPTS_FOR_S),
            wait=_wait_s,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        ):
            with attempt:
                asked_ns = self._clock()
                call = self._venue.snapshot_call(account, asked_ns)
                body = await self._ask(call)
        await self._recorder.room()
        self._recorder.write(connection, account, call.source, Kind.SNAPSHOT, body, self._clock())
        try:
            orders = self._venue.snapshot_orders(body)
        except ValueError as error:
            raise CannotReconcile(Meaning("unreadable", text=f"the answer can't be read: {error}")) from None
        marker = msgspec.json.encode({"orders": orders})
        self._recorder.write(connection, account, call.source, Kind.RECONCILED, marker, asked_ns)
        return orders

    async def _ask(self, call: SnapshotCall) -> bytes:
        answer = await self._client.post(call.path, call.body)
        if answer.status != 200:
            raise CannotReconcile(self._venue.snapshot_meaning(answer))
        return answer.body


def _may_pass(error: BaseException) -> bool:
    # Reading changes nothing at the venue, so a call whose outcome is unknown may be made again.
    return isinstance(error, CallError) or (isinstance(error, CannotReconcile) and not error.meaning.final)


def _wait_s(retry: RetryCallState) -> float:
    error = retry.outcome.exception() if retry.outcome else None
    asked_for_s = error.meaning.wait_s if isinstance(error, CannotReconcile) else 0
    return min(asked_for_s, _RATE_WAIT_CAP_S) + _BACKOFF(retry)
