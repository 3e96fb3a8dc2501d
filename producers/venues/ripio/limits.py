"""How often Ripio may be called, all users of a token in this process together.

1 request in a second and 86,400 in a day before the user's documents are approved, 3.5 and 302,400 after:
the day's limit is the second's, kept up (Ripio Trade API v4, "Limits"). The documents do not say how a second
is measured. So never more than whole calls in any second, 3 of 3.5, which no way of counting can refuse.

No header tells of a limit. A call that is refused with 429 is one of a second that is spent, or of a day, of
which nobody says when it ends: the next call comes a second later, either way.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from producers.gateways.limits import SECOND_NS, TOO_MANY_REQUESTS, Limits, Plan, shared_limits
from producers.gateways.pacing import Budget

__all__ = ["limits_of", "plan"]

_CALLS = "calls"

_AFTER_A_SECOND = {"x-ratelimit-reset": "1"}


class RipioLimits(Limits):
    """The turns of one token, whose refusals hold for a second."""

    def learn(self, method: str, headers: Mapping[str, str], status: int) -> None:
        """Take in an answer; while its turn lasts."""
        super().learn(method, _AFTER_A_SECOND if status == TOO_MANY_REQUESTS else {}, status)


def plan(calls_per_s: float) -> Plan:
    """Return the limit of all calls."""
    calls = max(1, int(calls_per_s))
    budget = Budget(calls=calls, window_ns=int(SECOND_NS * max(1.0, calls / calls_per_s)))
    return Plan(venue="ripio", budgets={_CALLS: budget}, methods={}, other=_CALLS, address=budget)


def limits_of(rest_url: str, token: SecretStr, calls_per_s: float) -> Limits:
    """Return the process's one `Limits` of this address and token, with `calls_per_s` as it was said at first."""
    return shared_limits(rest_url, token, lambda _, owner: RipioLimits(plan(calls_per_s), owner=owner))
