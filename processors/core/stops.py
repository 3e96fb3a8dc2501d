"""Stop orders and the orders that they become.

A stop order waits at the venue under an id of its own. When the price is reached it ends there as TRIGGERED,
and an order of the exchange begins, with another id and its own life. Which one it became is told by one side
only (T-Invest, stoporders.proto, `StopOrder.exchange_order_id`), before or after the other order is heard of,
so the venue's id is kept until both are here. The order then counts as submitted: by way of the stop order.
"""

from processors.core.model import Order, Origin
from processors.core.publishing import both_here, new_event, publish
from processors.core.state import Outcome, Partition
from schemas.fix import ExecType

__all__ = ["became", "tie"]


def became(state: Partition, account: str, key: str, stop: Order, name: str, origin: Origin, out: Outcome) -> bool:
    """Learn that a stop order became the order with the venue's id `name`, and tell whether that is news."""
    if stop.triggers_id == name:
        return False
    stop.triggers_id = name
    state.triggered.setdefault(account, {})[name] = key
    stop.terms = stop.terms.but(triggers=_key_of(state, account, stop, name))
    return True


def tie(state: Partition, account: str, key: str, order: Order, origin: Origin, out: Outcome, start: int) -> int:
    """Tie an order and the stop order that it came of, if there is one and both are known.

    `key` is either's; `start` is the index of the next result of the same record, and is returned moved on.
    """
    triggered = state.triggered.get(account)
    if not triggered:
        return start
    if order.triggers_id is not None:
        return _tie(state, account, key, order, order.triggers_id, origin, out, start)
    for name in order.names:
        stop_key = triggered.get(name)
        stop = state.orders.get(stop_key) if stop_key is not None else None
        if stop is not None and stop_key is not None:
            return _tie(state, account, stop_key, stop, name, origin, out, start)
    return start


def _tie(
    state: Partition, account: str, stop_key: str, stop: Order, name: str, origin: Origin, out: Outcome, start: int
) -> int:
    key = _key_of(state, account, stop, name)
    if stop.terms.triggers != key:
        # It was told by what it became went by until now.
        stop.terms = stop.terms.but(triggers=key)
        publish(stop, new_event(stop, ExecType.ORDER_STATUS, None, None, origin, start), out)
        out.orders[stop_key] = stop
        start += 1
    order = state.orders.get(key)
    if order is None:
        return start
    submitted_ns = order.terms.submitted_ns if order.terms.submitted_ns is not None else stop.terms.submitted_ns
    if (order.terms.triggered_by, order.terms.submitted_ns) == (stop_key, submitted_ns):
        return start
    arrived = order.terms.submitted_ns is None and submitted_ns is not None
    order.terms = order.terms.but(triggered_by=stop_key, submitted_ns=submitted_ns)
    out.orders[key] = order
    if arrived and order.reported_ns:
        start = both_here(order, "it came of a stop order that was submitted", origin, out, start)
    return start


def _key_of(state: Partition, account: str, stop: Order, name: str) -> str:
    return state.aliases.get(account, {}).get(name) or f"{stop.terms.venue}:{name}"
