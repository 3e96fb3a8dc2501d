"""How often each user may call: so many a second, and so many a day. Pure: the time is an argument.

Source: Ripio Trade API v4, Introduction, "Limits": 1 a second and 86,400 a day, or 3.5 and 302,400.
"""

import math
from collections import Counter
from typing import Annotated, Any

from pydantic import Field

from sandbox.simulators.limits import LimitsError, limits_of
from sandbox.simulators.ripio.refusals import DAY_SPENT, SECOND_SPENT
from sandbox.simulators.wishes import Wish

__all__ = ["Limits", "LimitsError", "Meter", "read_limits"]

# How much sooner than evenly paced a call may come: what a network makes of an even pace.
JITTER_S = 0.1
DAY_S = 86_400


class Limits(Wish):
    """Calls a second, which need not be whole, and calls a day of UTC; None is no limit."""

    per_second: Annotated[float, Field(gt=0)] | None = None
    per_day: Annotated[int, Field(ge=0)] | None = None


_UNPROVEN, _APPROVED = Limits(per_second=1, per_day=86_400), Limits(per_second=3.5, per_day=302_400)
_NAMED = {"none": Limits(), "1": _UNPROVEN, "3.5": _APPROVED, "documented": _APPROVED}


def read_limits(value: Any) -> Limits:
    """Return the limits that are asked for: `none`, `1`, `3.5`, `documented` (3.5), or an object.

    Raises:
        LimitsError: it describes none; the message says where it is wrong.
    """
    # 1 and 3.5 may also come as numbers.
    name = str(value) if isinstance(value, int | float) else value
    return limits_of(Limits, name, _NAMED)


class Meter:
    """Counts each user's calls; one that is refused does not count.

    The documents do not say how a fraction of a call is counted: here evenly paced calls pass always,
    and after a rest as many at once as the rate rounded up.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._even_s: dict[str, float] = {}
        self._days: Counter[tuple[str, int]] = Counter()

    def refusal(self, user: str, now_s: float) -> str:
        """Count a call at this time, in seconds of Unix time; return what it is refused with, if it is."""
        day = (user, int(now_s // DAY_S))
        if self.limits.per_day is not None and self._days[day] >= self.limits.per_day:
            return DAY_SPENT
        rate = self.limits.per_second
        if rate is not None:
            # The time at which the next call would be due, were all evenly paced.
            even_s = max(now_s, self._even_s.get(user, 0.0))
            if even_s - now_s > (math.ceil(rate) - 1) / rate + JITTER_S:
                return SECOND_SPENT
            self._even_s[user] = even_s + 1 / rate
        self._days[day] += 1
        return ""
