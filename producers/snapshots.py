"""Makes the calls of reconciliation, and records what the venue answers, byte for byte."""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from producers.feeds.feed import Log
from producers.feeds.recorder import RecordTooLarge
from producers.feeds.venue import Meaning, OrderSeen, Reads, SnapshotCall, Venue
from producers.rest import CallError, RestClient
from schemas.headers import Kind

__all__ = ["Answer", "CannotReconcile", "Snapshots", "wait_s"]

_ATTEMPTS = 5
_ATTEMPTS_FOR_S = 60
_RATE_WAIT_CAP_S = 60
_BACKOFF = wait_random_exponential(multiplier=0.25, max=5)
_WINDOW_S = 60.0
# A list of more pages than these is taken for one without end.
PAGES_MOST = 50


class CannotReconcile(Exception):  # noqa: N818 -- says what can't be done
    """The venue gave no usable answer; `meaning` says why, and whether asking again may help."""

    def __init__(self, meaning: Meaning) -> None:
        super().__init__(meaning.text or meaning.reason)
        self.meaning = meaning


class Answer(NamedTuple):
    """When the venue was asked, by the call of which `source`, and which orders its pages hold."""

    asked_ns: int
    source: str
    orders: Sequence[OrderSeen]


def wait_s(asked_s: Sequence[float], most: int, now_s: float) -> float:
    """Return how long a call has to wait, so that no minute has more than `most`.

    `asked_s` are the times of the latest calls, ascending, at least `most` of them if there were so many.
    """
    return max(0.0, asked_s[-most] + _WINDOW_S - now_s) if len(asked_s) >= most else 0.0


class Snapshots:
    """The snapshots of one venue, all accounts together.

    `clock` says when the venue was asked, in nanoseconds of Unix time.
    """

    def __init__(self, venue: Venue, client: RestClient, recorder: Log, clock: Callable[[], int]) -> None:
        self._venue = venue
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._asked_s: defaultdict[str, deque[float]] = defaultdict(deque)

    async def take(self, connection: str, account: str, reads: Reads, order: OrderSeen | None = None) -> Answer:
        """Read this of an account, page for page, each again if that may help, and record every page.

        Where the venue has no such call there is no answer to record, and none of its orders.

        Raises:
            CannotReconcile: there is no answer, or none that can be read, or it does not end.
        """
        asked_ns = self._clock()
        call = self._venue.snapshot_call(reads, account, asked_ns, order)
        source = call.source if call else ""
        seen: list[OrderSeen] = []
        pages: Counter[str] = Counter()
        while call is not None:
            pages[call.part] += 1
            if pages[call.part] > PAGES_MOST:
                text = f"the answer to {source} has more than {PAGES_MOST} pages"
                raise CannotReconcile(Meaning("too_many_pages", final=True, text=text))
            body = await self._page(connection, account, call)
            try:
                seen += self._venue.snapshot_orders(call.source, body)
                call = self._venue.snapshot_next(call, body)
            except (ValueError, RecursionError) as error:  # no JSON, or nested deeper than a decoder goes
                raise CannotReconcile(_unreadable(error)) from None
        return Answer(asked_ns, source, seen)

    async def _page(self, connection: str, account: str, call: SnapshotCall) -> bytes:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_ATTEMPTS_FOR_S),
            wait=_wait_s,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            body: bytes = await retrying(self._ask, call)
            await self._recorder.room()
            self._recorder.write(connection, account, call.source, Kind.SNAPSHOT, body, self._clock())
        except CallError as error:
            raise CannotReconcile(Meaning(error.code.lower(), text=error.message)) from None
        except RecursionError as error:
            raise CannotReconcile(_unreadable(error)) from None
        except RecordTooLarge as error:
            raise CannotReconcile(Meaning("too_large", final=True, text=error.message, hint=error.hint)) from None
        return body

    async def _ask(self, call: SnapshotCall) -> bytes:
        await self._turn(call.source)
        method = call.source.removeprefix("rest:")
        async with self._venue.limits.turn(method, timeout_s=_RATE_WAIT_CAP_S):
            headers = self._venue.call_headers(call, self._clock())
            answer = await self._client.request(call.method, call.path, call.body, headers=headers)
            self._venue.limits.learn(method, answer.headers, answer.status)
        if answer.status != 200:
            raise CannotReconcile(self._venue.snapshot_meaning(call.source, answer))
        return answer.body

    async def _turn(self, source: str) -> None:
        """Wait until another call of this source is within the reconciler's share of the venue's limits."""
        most = self._venue.reads_per_minute.get(source)
        if most is None:
            return
        asked_s = self._asked_s[source]
        await asyncio.sleep(wait_s(asked_s, most, time.monotonic()))
        asked_s.append(time.monotonic())
        while len(asked_s) > most:
            asked_s.popleft()


def _unreadable(error: Exception) -> Meaning:
    return Meaning("unreadable", text=f"the answer can't be read: {error}")


def _may_pass(error: BaseException) -> bool:
    # Reading changes nothing at the venue, so a call whose outcome is unknown may be made again.
    return isinstance(error, CallError) or (isinstance(error, CannotReconcile) and not error.meaning.final)


def _wait_s(retry: RetryCallState) -> float:
    error = retry.outcome.exception() if retry.outcome else None
    asked_for_s = error.meaning.wait_s if isinstance(error, CannotReconcile) else 0
    return min(asked_for_s, _RATE_WAIT_CAP_S) + _BACKOFF(retry)
