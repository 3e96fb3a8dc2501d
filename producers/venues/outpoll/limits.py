"""Outpoll's limits of calls over REST.

The venue answers 429 to more than it allows, and its documents do not say how many that is (Outpoll, Private
endpoints, common errors). So all calls of a key share the budget of the setting, of which cancels have a part
to themselves; what the venue's answers say of it is kept to. The history service and the order service are told
apart: that one has had enough says nothing of the other, and orders can be canceled meanwhile.
"""

from producers.gateways.limits import SECOND_NS, Limits, Plan, shared_limits
from producers.gateways.pacing import Budget
from producers.venues.outpoll.settings import VenueSettings

__all__ = ["limits_of", "plan"]

# Of the budget, what only cancels may use.
KEPT_PERCENT = 20

# By the last part of a call's path, or its name in the headers of what is recorded; all else is the order service's.
HISTORY_CALLS = ("orders", "active-orders", "trades", "history-orders", "history-trades")


def plan(calls_per_s: int) -> Plan:
    """Return the limits of one key."""
    budget = Budget(calls=calls_per_s, window_ns=SECOND_NS, kept_percent=KEPT_PERCENT)
    methods = dict.fromkeys(HISTORY_CALLS, "history")
    budgets = {"history": budget, "orders": budget}
    return Plan(venue="outpoll", budgets=budgets, methods=methods, other="orders", address=budget)


def limits_of(settings: VenueSettings) -> Limits:
    """Return the process's one `Limits` of this address and key."""
    return shared_limits(
        settings.rest_url, settings.api_key, lambda _, owner: Limits(plan(settings.calls_per_s), owner=owner)
    )
