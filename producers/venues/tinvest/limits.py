"""T-Invest's limits of calls over REST.

Sources: "Limits" (unary methods: calls a minute of each service, and of single methods; at most 50
calls a second from one address, whatever the account and token). The limits of a user differ from
these by grade and time: what the venue's answers say replaces them.
"""

from pydantic import SecretStr

from producers.gateways.limits import SECOND_NS, Limits, Plan, Turns, shared_limits
from producers.gateways.pacing import Budget

__all__ = ["CALLS_PER_S", "limits_of", "plan"]

CALLS_PER_S = 50
# Of a budget that cancels share with others, what only they may use.
KEPT_PERCENT = 20


def _per_minute(calls: int, kept_percent: int = 0) -> Budget:
    return Budget(calls=calls, window_ns=60 * SECOND_NS, kept_percent=kept_percent)


BUDGETS = {
    "post-order": Budget(calls=15, window_ns=SECOND_NS),
    "post-order-async": _per_minute(600),
    "cancel-order": _per_minute(100),
    "get-orders": _per_minute(200),
    # The rest of the service, together.
    "orders": _per_minute(100),
    "get-stop-orders": _per_minute(60),
    "stop-orders": _per_minute(50, KEPT_PERCENT),
    "users": _per_minute(100),
    "sandbox": _per_minute(200, KEPT_PERCENT),
    "other": _per_minute(100),
}

METHODS = {
    "PostOrder": "post-order",
    "PostOrderAsync": "post-order-async",
    "CancelOrder": "cancel-order",
    "GetOrders": "get-orders",
    "GetOrderState": "orders",
    "ReplaceOrder": "orders",
    "GetMaxLots": "orders",
    "GetOrderPrice": "orders",
    "PostStopOrder": "stop-orders",
    "CancelStopOrder": "stop-orders",
    "GetStopOrders": "get-stop-orders",
    "GetAccounts": "users",
    "GetInfo": "users",
    "GetMarginAttributes": "users",
    "GetUserTariff": "users",
    "OpenSandboxAccount": "sandbox",
    "CloseSandboxAccount": "sandbox",
    "GetSandboxAccounts": "sandbox",
    "SandboxPayIn": "sandbox",
    "PostSandboxOrder": "sandbox",
    "PostSandboxOrderAsync": "sandbox",
    "ReplaceSandboxOrder": "sandbox",
    "CancelSandboxOrder": "sandbox",
    "GetSandboxOrders": "sandbox",
    "GetSandboxOrderState": "sandbox",
    "GetSandboxMaxLots": "sandbox",
    "GetSandboxOrderPrice": "sandbox",
    "PostSandboxStopOrder": "sandbox",
    "GetSandboxStopOrders": "sandbox",
    "CancelSandboxStopOrder": "sandbox",
}

_turns: dict[str, Turns] = {}


def plan(calls_per_s: int = CALLS_PER_S, *, documented: bool = True) -> Plan:
    """Return the limits, with `calls_per_s` of all calls from this process.

    Without those that are `documented`, each method may be called as often as all, until an answer of
    the venue says otherwise.
    """
    address = Budget(calls=calls_per_s, window_ns=SECOND_NS, kept_percent=KEPT_PERCENT)
    budgets = BUDGETS if documented else dict.fromkeys(BUDGETS, address)
    return Plan(venue="tinvest", budgets=budgets, methods=METHODS, other="other", address=address)


def limits_of(rest_url: str, token: SecretStr, calls_per_s: int = CALLS_PER_S, *, documented: bool = True) -> Limits:
    """Return the process's one `Limits` of this address and token.

    All tokens share what the address may be called, as it was said at first.
    """

    def make(address: str, owner: str) -> Limits:
        chosen = plan(calls_per_s, documented=documented)
        return Limits(chosen, _turns.setdefault(address, Turns(chosen.address)), owner=owner)

    return shared_limits(rest_url, token, make)
