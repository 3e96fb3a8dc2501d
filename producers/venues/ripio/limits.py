"""How often Ripio may be called, all users of a token in this process together.

1 request in a second and 86,400 in a day before the user's documents are approved, 3.5 and 302,400 after:
the day's limit is the second's, kept up (Ripio Trade API v4, "Limits"). The documents do not say how a second
is measured. So never more than whole calls in any second, 3 of 3.5, which no way of counting can refuse.

No header tells of a limit. A call that is refused with 429 is one of a second that is spent, or of a day, of
which nobody says when it ends: the next call comes a second later, either way.
"""

from collections.abc import Mapping
from hashlib import sha256

from pydantic import SecretStr

from producers.gateways.limits import Limits, Plan
from producers.gateways.pacing import Budget

__all__ = ["limits_of", "plan"]

SECOND_NS = 1_000_000_000
TOO_MANY_REQUESTS = 429
_CALLS = "calls"

_AFTER_A_SECOND = {"x-ratelimit-reset": "1"}


class RipioLimits(Limits):
    """The turns of one token, whose refusals hold for a second."""

    def learn(self, method: str, headers: Mapping[str, str], status: int) -> None:
        """Take in an answer; while its turn lasts."""
        super().learn(method, _AFTER_A_SECOND if status == TOO_MANY_REQUESTS else {}, status)


_limits: dict[tuple[str, str, float], Limits] = {}


def plan(calls_per_s: float) -> Plan:
    """Return the limit of all calls."""
    calls = max(1, int(calls_per_s))
    budget = Budget(calls=calls, window_ns=int(SECOND_NS * max(1.0, calls / calls_per_s)))
    return Plan(venue="ripio", budgets={_CALLS: budget}, methods={}, other=_CALLS, address=budget)


def limits_of(rest_url: str, token: SecretStr, calls_per_s: float) -> Limits:
    """Return the process's one `Limits` of this address and token."""
    key = rest_url.rstrip("/"), sha256(token.get_secret_value().encode()).hexdigest(), calls_per_s
    if key not in _limits:
        _limits[key] = RipioLimits(plan(calls_per_s), owner=key[1])
    return _limits[key]
