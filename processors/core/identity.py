"""Which order a report is of, when a venue has several names for one order and ours comes late."""

from dataclasses import replace
from typing import Any, Final

from processors.core import amends, lifecycle
from processors.core.lifecycle import FINAL, Fact
from processors.core.model import ZERO, Event, Order, Origin, Report, Terms, Trade
from processors.core.publishing import both_here, join_status_of, new_event, publish, revised, tell_unmatched
from processors.core.state import Outcome, Partition, joined, settle
from schemas.fix import ExecType, JoinStatus
from schemas.topics import account_key

__all__ = ["absorb", "call", "resolve"]

# What only a venue can say of an order.
_TOLD: Final = ("symbol", "currency", "order_qty", "triggers", "triggered_by", "replaced_by")


def resolve(
    state: Partition, account: str, venue: str, report: Report, origin: Origin, out: Outcome, start: int
) -> tuple[str, Order, int]:
    """Find the order that a report is of, or begin it; two that turn out to be one become one."""
    request_id, name = report.order_request_id, report.venue_order_id
    order = state.orders.get(request_id) if request_id is not None else None
    if order is not None and request_id is not None:
        if name is not None and name not in order.names:
            other = state.aliases.get(account, {}).get(name, request_id)
            target = state.orders.get(other)
            if target is not None and target.terms.submitted_ns is not None and order.terms.submitted_ns is None:
                return other, target, _take_over(state, account, other, target, request_id, origin, out, start)
            start = absorb(state, account, request_id, order, name, origin, out, start)
        return request_id, order, start
    names = state.aliases.get(account, {})
    known = names.get(name or "") or names.get(request_id or "") or names.get(report.other_id or "")
    key = known or request_id or f"{venue}:{name}"
    order = state.orders.get(key)
    if order is None:
        order = state.orders[key] = Order(Terms(key, venue, report.account))
    elif request_id is not None and name is not None and _lacks_its_own_key(order):
        key, order = request_id, Order(Terms(request_id, venue, report.account))
        state.orders[key] = order
        start = absorb(state, account, key, order, name, origin, out, start)
    return key, order, start


def _lacks_its_own_key(order: Order) -> bool:
    """Tell whether an order goes by the venue's id for want of the request's, under which its submission comes."""
    terms = order.terms
    return terms.submitted_ns is None and terms.order_request_id.startswith(f"{terms.venue}:")


def call(state: Partition, account: str, key: str, order: Order, name: str, *, provisional: bool) -> bool:
    """Learn one of the venue's ids of an order, and tell whether it replaces another.

    A `provisional` id, the broker's own before the exchange has given one, replaces no other.
    """
    if name == key:
        name = key  # the one text, not an equal one: they are kept as long as the order
    if name not in order.names:
        order.names = (*order.names, name)
    if name != key:
        state.aliases.setdefault(account, {})[name] = key
    replaces = order.venue_order_id is not None
    if replaces and provisional:
        return False
    order.venue_order_id = name
    return replaces


def absorb(
    state: Partition, account: str, key: str, order: Order, name: str, origin: Origin, out: Outcome, start: int
) -> int:
    """Take over the order that goes by `name` so far, if it is another that nobody submitted."""
    other = state.aliases.get(account, {}).get(name)
    if other is None and f"{order.terms.venue}:{name}" in state.orders:
        other = f"{order.terms.venue}:{name}"
    if other is None or other == key:
        return start
    return _take_over(state, account, key, order, other, origin, out, start)


def _take_over(
    state: Partition, account: str, key: str, order: Order, other: str, origin: Origin, out: Outcome, start: int
) -> int:
    """Make two orders one: what was told of `other`, which nobody submitted, was told of this one."""
    gone = state.orders.get(other)
    if gone is None or gone.terms.submitted_ns is not None:
        return start
    del state.orders[other]
    out.orders[other] = None
    out.absorbed.append(other)
    if gone.unmatched_reason is not None:
        tell_unmatched(
            gone, JoinStatus.MATCHED, gone.unmatched_reason, f"it is the order {key}", origin.received_ns, out
        )
    news = {name: value for name in _TOLD if (value := getattr(gone.terms, name)) is not None}
    order.terms = order.terms.but(**news)
    if not order.reported_ns and gone.reported_ns:
        order.reported_ns = gone.reported_ns
        if order.terms.submitted_ns is None:
            order.due_ns = gone.due_ns
            state.wake(account, order.due_ns, key)
        else:
            start = both_here(order, "the venue's report came under another id", origin, out, start)
    stood = _stands(order)
    moved = [_as_of_here(order, event) for event in gone.unjoined if _is_news(order, event)]
    order.told_qty = max(order.told_qty, gone.told_qty)
    order.facts |= gone.facts
    lifecycle.count(order)
    start = _take_over_changes(state, key, order, gone, origin, out, start)
    for event in moved:
        order.venue_status, order.text = event.venue_status, event.text
        told = revised(order, event, join_status_of(order), origin.again_id(event, start))
        # The last one is where the order stands now, for it may know more than was told under the other key.
        publish(order, replace(told, **_stands(order)) if event is moved[-1] else told, out)
        start += 1
    if not moved and _stands(order) != stood:
        publish(order, new_event(order, ExecType.ORDER_STATUS, None, None, origin, start), out)
        start += 1
    settle(state, account, key, order, origin.received_ns)
    out.orders[key] = order
    only_received = gone.facts == Fact.PENDING_NEW.value
    # The key that it went by for want of a request's id is no name that anyone else knows.
    for name in gone.names if _lacks_its_own_key(gone) else (*gone.names, other):
        if name not in order.names:
            provisional = only_received or name != gone.venue_order_id
            call(state, account, key, order, name, provisional=provisional)
    return start


def _take_over_changes(
    state: Partition, key: str, order: Order, gone: Order, origin: Origin, out: Outcome, start: int
) -> int:
    """Take over the requests to cancel or replace it, and tell the orders in its place by what it goes now."""
    for request_id, known in (gone.changes or {}).items():
        order.changes = order.changes or {}
        order.changes[request_id] = order.changes.get(request_id, 0) | known
        successor = state.orders.get(request_id)
        if successor is not None and successor.terms.replaces == gone.terms.order_request_id:
            successor.terms = successor.terms.but(replaces=key)
            out.orders[request_id] = successor
            if joined(successor):
                publish(successor, new_event(successor, ExecType.ORDER_STATUS, None, None, origin, start), out)
                start += 1
    if gone.asked:
        order.asked = gone.asked | (order.asked or {})
        amends.apply_taken(order)
    if gone.triggers_id is not None and order.triggers_id is None:
        order.triggers_id = gone.triggers_id
        account = account_key(order.terms.venue, order.terms.account)
        state.triggered.setdefault(account, {})[gone.triggers_id] = key
    return start


def _is_news(order: Order, event: Event) -> bool:
    """Tell whether an execution is none of a trade that the order has; add its trade to the order."""
    if event.trade_id is None or event.last_qty is None or event.last_px is None:
        return True
    return lifecycle.add_trade(order, Trade(event.trade_id, event.last_px, event.last_qty, event.transact_ns))


def _as_of_here(order: Order, event: Event) -> Event:
    """Return an execution with the quantities that it left the order at, with what the order had of its own."""
    cum = max(lifecycle.cum_qty(order), event.cum_qty)
    leaves, wanted = event.leaves_qty, order.terms.order_qty
    if wanted is not None and event.ord_status not in FINAL:
        leaves = max(wanted - cum, ZERO)
    return replace(event, cum_qty=cum, leaves_qty=leaves, avg_px=lifecycle.avg_px(order) if order.notional else None)


def _stands(order: Order) -> dict[str, Any]:
    """Return where the order stands, as the fields of an execution."""
    cum, leaves = lifecycle.quantities(order)
    return {"ord_status": lifecycle.status_of(order), "cum_qty": cum, "leaves_qty": leaves}
