"""How often each account may call: a budget over fixed windows of time. Pure: the time is an argument.

The venue's documents have a 429, and no numbers.
"""

from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from sandbox.simulators.limits import LimitsError, limits_of
from sandbox.simulators.wishes import Wish

__all__ = ["Budget", "LimitsError", "Meter", "read_limits"]


class Budget(Wish):
    """So many calls in each window of so many seconds; windows begin at multiples of their length."""

    calls: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 1


def read_limits(value: Any) -> Budget | None:
    """Return the limit that is asked for: an object, or `none`.

    Raises:
        LimitsError: it describes none; the message says where it is wrong.
    """
    if value == "none":
        return None
    if isinstance(value, str):
        raise LimitsError("Outpoll's documents tell no limits")
    return limits_of(Budget, value, {})


class Meter:
    """Counts each account's calls against a budget."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget
        self._window = -1
        self._used: Counter[str] = Counter()

    def allows(self, account: str, now_s: float) -> bool:
        """Count a call at this time, in seconds, and tell whether it may be; one that may not does not count."""
        if self.budget is None:
            return True
        window = int(now_s // self.budget.seconds)
        if window != self._window:
            self._window, self._used = window, Counter()
        if self._used[account] >= self.budget.calls:
            return False
        self._used[account] += 1
        return True
