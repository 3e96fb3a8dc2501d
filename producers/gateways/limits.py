"""Turns at calling a venue, for all tasks of the process that call it.

    async with limits.turn("CancelOrder", urgent=True, timeout_s=5):
        answer = await client.post(…)
        limits.learn("CancelOrder", answer.headers, answer.status)

Waiting is bounded by its time limit, and refused at once where the turn could not come within it. It
is seen in the log (`waits_for_limit`, `limit_exhausted`) and in the metrics `dropcopy_gateway_limit_…`.
Who goes when is decided in `producers.gateways.pacing`.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge, Histogram
from pydantic import SecretStr

from dropcopy.errors import UsageError
from dropcopy.logs import get_logger
from producers.gateways import pacing
from producers.gateways.pacing import Budget, BudgetName, Call, Meter, Pace, Told
from producers.rest import NotSent

__all__ = ["SECOND_NS", "TOO_MANY_REQUESTS", "LimitError", "Limits", "Plan", "Turns", "shared_limits", "read_told"]

SECOND_NS = 1_000_000_000
TOO_MANY_REQUESTS = 429
ADDRESS: BudgetName = ("", "address")

# Waiting that a person would notice is worth a line in the log, now and then.
LOGGED_WAIT_NS = 1 * SECOND_NS
LOGGED_EVERY_NS = 10 * SECOND_NS
# What a header may say at the most: an hour, and nine digits.
RESET_MOST_S = 3600
_NUMBER = re.compile(r"\s*(\d{1,9})(?!\d)")
_POLICY = re.compile(r"(\d{1,9})\s*;\s*w=(\d{1,5})(?!\d)")

WAITED = Histogram(
    "dropcopy_gateway_limit_wait_seconds",
    "How long calls waited for their turn.",
    ["venue", "method"],
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60),
)
WAITING = Gauge("dropcopy_gateway_limit_waiting", "Calls that wait for their turn.", ["venue"])
REFUSED = Counter(
    "dropcopy_gateway_limit_refused", "Calls not made, for their turn came not in time.", ["venue", "method"]
)
EXHAUSTED = Counter("dropcopy_gateway_limit_exhausted", "Calls that the venue refused with 429.", ["venue", "method"])

_log = get_logger(__name__)


class LimitError(NotSent, UsageError):
    """A call was not made, for the venue's limits would have made it wait too long. Nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="LIMIT", hint="Nothing was sent. Send less often, or allow more time.")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's limits: which budget each method takes from; every method not named takes from `other`.

    `address` is the budget of all calls from one address, under whatever token.
    """

    venue: str
    budgets: Mapping[str, Budget]
    methods: Mapping[str, str]
    other: str
    address: Budget

    def budget_of(self, method: str) -> str:
        """Return the name of the budget that a method, which may be a whole path, takes from."""
        return self.methods.get(_short(method), self.other)


def _short(method: str) -> str:
    return method.rpartition("/")[2]


def read_told(headers: Mapping[str, str], status: int, now_ns: int) -> Told:
    """Return what an answer's `x-ratelimit-*` headers say, header names in lower case.

    T-Invest, "gRPC", response headers: the limit, what remains of it, and seconds until it is whole
    again. The limit comes as `300, 300;w=60`: the number that applies, then each with its window in
    seconds. What can't be read is not believed. With status 429 nothing is left, unless told otherwise,
    and the limit may be that of all calls from the address, so it is not taken for the method's; HTTP's
    own `retry-after` says when there is room again, where no other header does (RFC 9110, section 10.2.3).
    """
    refused = status == TOO_MANY_REQUESTS
    calls = None if refused else _number(headers.get("x-ratelimit-limit", ""))
    left = _number(headers.get("x-ratelimit-remaining", ""))
    reset_s = _number(headers.get("x-ratelimit-reset", headers.get("retry-after", "") if refused else ""))
    policies = _POLICY.findall(headers.get("x-ratelimit-limit", ""))
    window_s = next((int(window) for number, window in policies if int(number) == calls and int(window)), None)
    return Told(
        left=0 if left is None and refused else left,
        resets_ns=None if reset_s is None else now_ns + min(reset_s, RESET_MOST_S) * SECOND_NS,
        calls=calls,
        window_ns=None if window_s is None else window_s * SECOND_NS,
    )


def _number(text: str) -> int | None:
    found = _NUMBER.match(text) if text.isascii() else None
    return int(found.group(1)) if found else None


class Turns:
    """The turns at one address of a venue, whoever calls it; of one event loop at a time.

    What was taken from the budgets is remembered beyond the end of a loop.
    """

    def __init__(self, address: Budget, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._pace = Pace(meters={ADDRESS: Meter(budget=address)})
        self._clock = clock
        self._numbers: Iterator[int] = itertools.count(1)
        self._futures: dict[int, asyncio.Future[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def add(self, budgets: Mapping[BudgetName, Budget]) -> None:
        """Know these budgets too, none of which may be known."""
        new = {name: Meter(budget=budget) for name, budget in budgets.items()}
        self._pace = msgspec.structs.replace(self._pace, meters={**self._pace.meters, **new})

    def budget(self, name: BudgetName) -> Budget:
        """Return a budget as it stands now."""
        return self._pace.meters[name].budget

    def join(self, budgets: tuple[BudgetName, ...], *, urgent: bool) -> tuple[Call, "asyncio.Future[None]", int]:
        """Stand in line; return the call, what is done when its turn has come, and how long that takes at least, in ns.

        The caller must `end` or `withdraw` it.
        """
        call = Call(number=next(self._numbers), budgets=budgets, urgent=urgent)
        turn = asyncio.get_running_loop().create_future()
        self._futures[call.number] = turn
        self._pace = pacing.join(self._pace, call)
        self._settle()
        now_ns = self._clock()
        return call, turn, 0 if turn.done() else max(0, pacing.earliest_ns(self._pace, call, now_ns) - now_ns)

    def end(self, call: Call) -> None:
        """Say that a call whose turn it was is over, whatever became of it."""
        self._pace = pacing.end(self._pace, call, self._clock())
        self._settle()

    def withdraw(self, call: Call) -> None:
        """Give back a turn, or leave the line."""
        self._futures.pop(call.number, None)
        self._pace = pacing.withdraw(self._pace, call)
        self._settle()

    def hear(self, name: BudgetName, headers: Mapping[str, str], status: int) -> None:
        """Take in what an answer says of a budget, while its call is under way."""
        now_ns = self._clock()
        self._pace = pacing.hear(self._pace, name, read_told(headers, status, now_ns), now_ns)
        self._settle()

    def tightest(self, call: Call) -> BudgetName:
        """Return which of its budgets a call waits for the longest."""
        return pacing.tightest(self._pace, call, self._clock())

    def _settle(self) -> None:
        now_ns = self._clock()
        self._pace, granted = pacing.grant(self._pace, now_ns)
        for call in granted:
            turn = self._futures.pop(call.number)
            # One that was cancelled is withdrawn as soon as its task runs again.
            if not turn.done():
                turn.set_result(None)
        if self._alarm is not None:
            self._alarm.cancel()
        wake_ns = pacing.wake_ns(self._pace, now_ns)
        loop = asyncio.get_running_loop()
        self._alarm = None if wake_ns is None else loop.call_later((wake_ns - now_ns) / SECOND_NS, self._settle)


class Limits:
    """The turns of one token at one address of a venue. Those that share `turns` share its address's budget."""

    def __init__(self, plan: Plan, turns: Turns | None = None, owner: str = "token") -> None:
        self._plan = plan
        self._owner = owner
        self._turns = turns or Turns(plan.address)
        self._logged_ns: dict[str, int] = {}
        self._turns.add({(owner, name): budget for name, budget in plan.budgets.items()})

    @asynccontextmanager
    async def turn(self, method: str, *, urgent: bool = False, timeout_s: float) -> AsyncIterator[float]:
        """Wait for the turn to make one call of `method`, at most `timeout_s`; yield how many seconds it took.

        The call is made, and learned from, within the context. An urgent call goes before all others.

        Raises:
            LimitError: the turn would come, or came, too late. Nothing was sent.
        """
        name = _short(method)
        call, turn, least_ns = self._turns.join(((self._owner, self._plan.budget_of(name)), ADDRESS), urgent=urgent)
        began_ns = time.monotonic_ns()
        try:
            if not turn.done():
                await self._wait(name, call, turn, least_ns, timeout_s)
        except BaseException:
            self._turns.withdraw(call)
            raise
        waited_s = (time.monotonic_ns() - began_ns) / SECOND_NS
        WAITED.labels(self._plan.venue, name).observe(waited_s)
        try:
            yield waited_s
        finally:
            self._turns.end(call)

    async def _wait(
        self, method: str, call: Call, turn: "asyncio.Future[None]", least_ns: int, timeout_s: float
    ) -> None:
        budget_name = self._turns.tightest(call)
        if least_ns > timeout_s * SECOND_NS:
            raise self._refusal(method, budget_name, f"would have to wait {least_ns / SECOND_NS:.3g} s", timeout_s)
        now_ns = time.monotonic_ns()
        if least_ns >= LOGGED_WAIT_NS and now_ns - self._logged_ns.get(method, -LOGGED_EVERY_NS) >= LOGGED_EVERY_NS:
            self._logged_ns[method] = now_ns
            facts = self._facts(method, budget_name)
            _log.info("waits_for_limit", at_least_s=round(least_ns / SECOND_NS, 3), timeout_s=timeout_s, **facts)
        with WAITING.labels(self._plan.venue).track_inprogress():
            try:
                async with asyncio.timeout(timeout_s):
                    await turn
            except TimeoutError:
                raise self._refusal(method, budget_name, "has waited", timeout_s) from None

    def _refusal(self, method: str, name: BudgetName, what: str, timeout_s: float) -> LimitError:
        budget = self._turns.budget(name)
        REFUSED.labels(self._plan.venue, method).inc()
        return LimitError(
            f"{method} {what} for the budget {name[1]} of {self._plan.venue} ({budget.calls} calls in "
            f"{budget.window_ns / SECOND_NS:g} s), and {timeout_s:.3g} s is the most"
        )

    def _facts(self, method: str, name: BudgetName) -> dict[str, Any]:
        budget = self._turns.budget(name)
        return {
            "venue": self._plan.venue,
            "method": method,
            "budget": name[1],
            "calls": budget.calls,
            "window_s": budget.window_ns / SECOND_NS,
        }

    def learn(self, method: str, headers: Mapping[str, str], status: int) -> None:
        """Take in what an answer to `method` says of its budget; while its turn lasts."""
        name = (self._owner, self._plan.budget_of(method))
        if status == TOO_MANY_REQUESTS:
            EXHAUSTED.labels(self._plan.venue, _short(method)).inc()
            _log.warning("limit_exhausted", **self._facts(_short(method), name))
        self._turns.hear(name, headers, status)


_limits: dict[tuple[str, str], Limits] = {}


def shared_limits(rest_url: str, secret: SecretStr, make: Callable[[str, str], Limits]) -> Limits:
    """Return the process's one `Limits` of an address and a token, or a key.

    Where there is none yet, `make` makes it of the address and a name for the owner of the secret.
    """
    key = rest_url.rstrip("/"), sha256(secret.get_secret_value().encode()).hexdigest()
    if key not in _limits:
        _limits[key] = make(*key)
    return _limits[key]
