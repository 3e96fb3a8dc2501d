"""What was asked of an order after it was sent: to cancel it, or to put another in its place.

Theory
------
A request to change an order is journaled like an order: an intent before the call, and what the call came
to after it. It has a request id of its own; a replace has that of the new order. What it came to is a fact of
the order that it is about, and facts form a set here as they do in the life cycle: each request is a few bits
in `Order.changes`, added by union, so any order of arrival and any repetition ends in the same state.

    asked       PENDING_CANCEL, or PENDING_REPLACE
    taken       ORDER_STATUS, or REPLACED: the venue answered that it did it
    refused     CANCEL_REJECTED, with the venue's reason: it came too late, or there is no such order

While a request is neither refused nor overtaken by the order's end, OrdStatus says PENDING_CANCEL or
PENDING_REPLACE, the former above the latter, and fills meanwhile raise CumQty under that status (FIX 4.4 volume
4, "Order State Changes", matrices D4 and B.1.b). **The order's end stands above both**, where FIX has an order
that was filled under a pending cancel wait for the reject: a call whose outcome nobody knows gets none.

A replace at T-Invest is a cancel and a new order (T-Invest, orders.proto, `ReplaceOrder`). The new order has a
life of its own under the request's id; `replaces` and `replaced_by` tie the two. The old one is `replaced_by`
it only when the venue said so: by its answer, or by telling of the new order.

A request may come before anything else that is known of its order, or name it by the venue's id alone. It is
kept under that name until the order is known better, as reports are (`identity.py`).
"""

from dataclasses import replace
from enum import IntFlag
from typing import Final

from processors.core import amends
from processors.core.identity import absorb, call
from processors.core.lifecycle import IS_AMEND, IS_REPLACE, REFUSED, TAKEN, open_changes
from processors.core.model import Event, Order, Origin, Submission, Terms
from processors.core.publishing import new_event, publish
from processors.core.state import Outcome, Partition, settle
from schemas.fix import Action, ExecType, Phase
from schemas.topics import account_key

__all__ = ["Change", "for_request", "inherit", "on_change", "replaced_by"]


class Change(IntFlag):
    """What is known of one request to change an order, one bit each."""

    ASKED = 1
    TAKEN = TAKEN
    REFUSED = REFUSED
    UNANSWERED = 8
    REPLACE = IS_REPLACE
    AMEND = IS_AMEND


_FACT_OF: Final = {
    Phase.INTENT: Change.ASKED,
    Phase.ACCEPTED: Change.TAKEN,
    Phase.REJECTED: Change.REFUSED,
    Phase.UNKNOWN: Change.UNANSWERED,
}
_KIND_OF: Final = {Action.REPLACE: IS_REPLACE, Action.AMEND: IS_AMEND}
# The step that each fact is, of a cancel and of another change; that a call went unanswered is none.
_STEP_OF: Final = {
    (Change.ASKED, False): ExecType.PENDING_CANCEL,
    (Change.ASKED, True): ExecType.PENDING_REPLACE,
    (Change.TAKEN, False): ExecType.ORDER_STATUS,
    (Change.TAKEN, True): ExecType.REPLACED,
    (Change.REFUSED, False): ExecType.CANCEL_REJECTED,
    (Change.REFUSED, True): ExecType.CANCEL_REJECTED,
}


def on_change(state: Partition, submission: Submission, origin: Origin, out: Outcome, start: int = 0) -> int:
    """Join one record of a cancel or a replace with the order that it is about.

    `start` is the index of the first result among those of the same record; the next one's is returned.
    """
    account = account_key(submission.venue, submission.account)
    key, order, start = _target(state, account, submission, origin, out, start)
    start = _learn(order, submission, origin, out, start)
    settle(state, account, key, order, submission.phase_ns)
    out.orders[key] = order
    return start


def _target(
    state: Partition, account: str, submission: Submission, origin: Origin, out: Outcome, start: int
) -> tuple[str, Order, int]:
    """Find the order that a request is about, or begin it."""
    name = submission.orig_venue_order_id
    alias = state.aliases.get(account, {}).get(name or "")
    key = submission.orig_order_request_id or alias or f"{submission.venue}:{name}"
    order = state.orders.get(key)
    if order is None:
        order = state.orders[key] = Order(Terms(key, submission.venue, submission.account))
        order.due_ns = submission.phase_ns + state.grace.submission_ns
        state.wake(account, order.due_ns, key)
    if name is not None and name not in order.names:
        start = absorb(state, account, key, order, name, origin, out, start)
        call(state, account, key, order, name, provisional=False)
    return key, order, start


def _learn(order: Order, submission: Submission, origin: Origin, out: Outcome, start: int) -> int:
    request_id, fact = submission.order_request_id, _FACT_OF[submission.phase]
    kind = _KIND_OF.get(submission.action, 0)
    changes = order.changes = order.changes or {}
    known = changes.get(request_id, 0)
    if known & fact.value:
        return start
    if fact is Change.UNANSWERED and not known & Change.ASKED.value:
        # What was not answered was asked.
        known, fact = known | fact.value, Change.ASKED
    changes[request_id] = known | fact.value | kind
    if fact is Change.TAKEN and kind == IS_REPLACE:
        order.terms = order.terms.but(replaced_by=request_id)
    if kind == IS_AMEND:
        amends.note(order, request_id, submission.price, submission.quantity)
        if fact is Change.TAKEN:
            amends.apply(order, request_id)
    step = _STEP_OF.get((fact, bool(kind)))
    if step is None:
        return start
    event = replace(
        new_event(order, step, None, submission.phase_ns, origin, start),
        change_request_id=request_id,
        text=(submission.text or submission.code) if fact is Change.REFUSED else None,
    )
    publish(order, event, out)
    return start + 1


def inherit(state: Partition, submission: Submission) -> Submission:
    """Return a replace as the new order that it asks for: what it leaves unsaid is as it was in the old one."""
    account = account_key(submission.venue, submission.account)
    alias = state.aliases.get(account, {}).get(submission.orig_venue_order_id or "")
    old = state.orders.get(submission.orig_order_request_id or alias or "")
    if old is None:
        return submission
    said = {
        name: getattr(old.terms, name)
        for name in ("instrument", "side", "ord_type", "time_in_force")
        if getattr(submission, name) is None
    }
    return replace(submission, **said)


def replaced_by(state: Partition, key: str, order: Order, origin: Origin, out: Outcome, start: int) -> int:
    """The venue told of an order that takes another's place: so that one was replaced, whatever the call came to."""
    old_key = order.terms.replaces
    old = state.orders.get(old_key) if old_key is not None else None
    if old is None or old_key is None or old.terms.replaced_by is not None:
        return start
    changes = old.changes = old.changes or {}
    changes[key] = changes.get(key, 0) | Change.TAKEN.value | IS_REPLACE
    old.terms = old.terms.but(replaced_by=key)
    event = new_event(old, ExecType.REPLACED, None, None, origin, start)
    publish(old, replace(event, change_request_id=key), out)
    out.orders[old_key] = old
    return start + 1


def for_request(order: Order, event: Event) -> Event:
    """Return a CANCELED, or a CANCEL_REJECTED, with the request that it answers, where there is one."""
    if event.exec_type is ExecType.CANCELED:
        asked = open_changes(order)
    elif event.exec_type is ExecType.CANCEL_REJECTED:
        asked = list(order.changes or ())
    else:
        return event
    return replace(event, change_request_id=asked[-1]) if asked else event
