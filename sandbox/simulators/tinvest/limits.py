"""How often each method may be called: budgets over fixed windows of time. Pure: the time is an argument.

Source: T-Invest, limits, and "gRPC", response headers.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.simulators.limits import LimitsError, limits_of
from sandbox.simulators.tinvest.refusals import BodyShape
from sandbox.simulators.wishes import Wish

__all__ = ["DOCUMENTED", "METHODS", "Budget", "Limits", "LimitsError", "Method", "Meter", "Verdict", "read_limits"]

Method = Literal[
    "PostOrder",
    "PostOrderAsync",
    "ReplaceOrder",
    "CancelOrder",
    "GetOrders",
    "GetOrderState",
    "GetMaxLots",
    "GetOrderPrice",
    "PostStopOrder",
    "GetStopOrders",
    "CancelStopOrder",
    "GetAccounts",
]
METHODS: tuple[str, ...] = Method.__args__  # type: ignore[attr-defined] # typeshed does not know it of a Literal


class Budget(Wish):
    """So many calls in each window of so many seconds; windows begin at multiples of their length."""

    calls: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60


class Limits(Wish):
    """All that is limited; nothing by default.

    `methods` has budgets of their own, `others` is what each other method has, `whole` what all have
    together. `header` is how `x-ratelimit-limit` is written: `plain` ("100") or `window` ("100,
    100;w=60"). `shape` is the form of the body of a 429, `streams` how many may be open at a time.
    """

    methods: Mapping[Method, Budget] = Field(default_factory=dict)
    others: Budget | None = None
    whole: Budget | None = None
    streams: Annotated[int, Field(ge=0)] | None = None
    header: Literal["plain", "window"] = "plain"
    shape: BodyShape = BodyShape.TEXT


# T-Invest, limits: per method and minute, PostOrder per second; about 50 a second from one address.
DOCUMENTED = Limits(
    methods={
        "PostOrder": Budget(calls=15, seconds=1),
        "PostOrderAsync": Budget(calls=600),
        "GetOrders": Budget(calls=200),
        "GetStopOrders": Budget(calls=60),
        "PostStopOrder": Budget(calls=50),
        "CancelStopOrder": Budget(calls=50),
    },
    others=Budget(calls=100),
    whole=Budget(calls=50, seconds=1),
    streams=16,
)


def read_limits(value: Any) -> Limits:
    """Return the limits that a control call asks for: an object, `documented`, or `none`.

    Raises:
        LimitsError: it describes none; the message says where it is wrong.
    """
    return limits_of(Limits, value, {"documented": DOCUMENTED, "none": Limits()})


class Verdict(BaseModel):
    """Whether a call is within its budget, and the headers that say how the budget stands."""

    model_config = ConfigDict(frozen=True)

    allowed: bool = True
    headers: Mapping[str, str] = Field(default_factory=dict)


class Meter:
    """Counts calls against limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._used: Counter[tuple[str, float, int]] = Counter()

    def call(self, method: str, now_s: float) -> Verdict:
        """Count one call at this time, in seconds of Unix time; a refused one does not count."""
        budgets = [
            (method, self.limits.methods.get(method, self.limits.others)),  # type: ignore[call-overload] # any text
            ("", self.limits.whole),
        ]
        windows = [(_window(name, budget, now_s), budget) for name, budget in budgets if budget is not None]
        allowed = all(self._used[window] < budget.calls for window, budget in windows)
        self._forget(now_s)
        for window, _ in windows if allowed else ():
            self._used[window] += 1
        if not windows:
            return Verdict()
        # A client is told of the budget that it has used up, else of the method's own.
        spent = [(window, budget) for window, budget in windows if self._used[window] >= budget.calls]
        window, budget = (spent or windows)[0] if not allowed else windows[0]
        return Verdict(allowed=allowed, headers=self._headers(window, budget, now_s))

    def _headers(self, window: tuple[str, float, int], budget: Budget, now_s: float) -> dict[str, str]:
        seconds = f"{budget.seconds:g}"
        limit = str(budget.calls)
        return {
            "x-ratelimit-limit": limit if self.limits.header == "plain" else f"{limit}, {limit};w={seconds}",
            "x-ratelimit-remaining": str(max(0, budget.calls - self._used[window])),
            "x-ratelimit-reset": str(math.ceil(_end_s(window) - now_s)),
        }

    def _forget(self, now_s: float) -> None:
        for window in [window for window in self._used if _end_s(window) <= now_s]:
            del self._used[window]


def _window(name: str, budget: Budget, now_s: float) -> tuple[str, float, int]:
    return name, budget.seconds, int(now_s // budget.seconds)


def _end_s(window: tuple[str, float, int]) -> float:
    _, seconds, number = window
    return (number + 1) * seconds
