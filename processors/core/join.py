"""The join of what was submitted with what the venue tells, as functions over one partition's state.

Theory
------
Both sides of an order arrive in one partition, because both are keyed `<venue>:<account>`; beyond
that nothing is assumed of their order. **Nothing is held back**: a report is published when it
comes, as MATCHED if the order's submission is here, else as PENDING, and once more, as MATCHED with
the next `revision`, when the submission comes. So a consumer sees every execution at once, and the
highest revision of each `exec_id` is the whole truth.

**An order's identity** is its `order_request_id`. A venue may know it by other names: an id of its
own that changes (T-Invest's first message carries an internal one), or no client id at all. Names
are kept as aliases in `Partition.aliases`. When it turns out that two orders are one, because an
outcome ties a venue's id to a request, the one without a submission is absorbed by the other: its
executions are published again under the right key, and its own key ends with a tombstone.

**Time is the account's watermark**, never a clock: the time up to which a feed of the account has
delivered all it was told (`feeds.py`). When it passes an order's `due_ns`, the side that is missing
had its chance, and the order is given as UNMATCHED with the reason:

    submitted, no report, the feed was up all the while    NO_VENUE_REPLY
    the same, and the call had ended without an answer     OUTCOME_UNKNOWN
    submitted, no report, and the feed was not up          FEED_DOWN
    a report, no submission                                NOT_SUBMITTED_HERE

None is said before the submitted side has been read to its end: the submission that is missing, or the answer
that a call got, may be in the backlog. The third is said also when no feed moves the watermark at all, by the
one clock that is let in, and only once the frames have been read to their end too. Whatever comes later is published as
MATCHED, `late`, with the next revision. Nothing is ever given up: a FEED_DOWN becomes a
NO_VENUE_REPLY when the venue's own state has been read and does not hold the order either.

**What a call returns** is collected in `Outcome`: results as data, and which orders and accounts
changed, to be written in the same transaction.
"""

from typing import Final

from processors.core import amends, changes, lifecycle, stops
from processors.core.identity import absorb, call, resolve
from processors.core.lifecycle import FINAL, Fact, learn
from processors.core.model import Order, Origin, Report, Submission, Terms
from processors.core.publishing import both_here, new_event, publish
from processors.core.state import Outcome, Partition, is_uuid, settle
from schemas.fix import Action, ExecType, OrdStatus, Phase, Source
from schemas.topics import account_key

__all__ = ["on_report", "on_submission"]

_STEPS_OF_PHASE: Final = {
    Phase.ACCEPTED: (Fact.SENT_OUT, ExecType.ORDER_STATUS),
    Phase.REJECTED: (Fact.REFUSED, ExecType.REJECTED),
}
_CHANGES: Final = frozenset({Action.CANCEL, Action.CANCEL_STOP, Action.AMEND})
# A member of an enum is looked up by name at every use; these are used for every record.
_PENDING_NEW: Final = OrdStatus.PENDING_NEW
_RECONCILIATION: Final = Source.RECONCILIATION
_REPLACE: Final = Action.REPLACE
_UNKNOWN: Final = Phase.UNKNOWN
_UNANSWERED: Final = Fact.UNANSWERED.value
_ORDER_STATUS: Final = ExecType.ORDER_STATUS


def on_report(state: Partition, venue: str, report: Report, origin: Origin, out: Outcome, start: int = 0) -> int:
    """Join one report of a venue.

    `start` is the index of the first result among those of the same record; the next one's is
    returned.
    """
    account = f"{venue}:{report.account}"
    name, first = report.venue_order_id, start
    key = report.order_request_id or ""
    order = state.orders.get(key)
    if order is None and _is_long_over(state, account, report, origin):
        return start
    # Most reports are of an order by a name that is known already.
    known = order is not None and (name == order.venue_order_id or name is None or name in order.names)
    if order is None or not known:
        key, order, start = resolve(state, account, venue, report, origin, out, start)
    if order.changes is not None:
        start = amends.amended_by(order, report, origin, out, start)
    changed = _merge_told(order, report)
    if report.created_ns is not None and report.created_ns != order.created_ns:
        order.created_ns = report.created_ns
        out.orders[key] = order
    if name is not None and not known and name not in order.names:
        changed |= call(state, account, key, order, name, provisional=report.ord_status is _PENDING_NEW)
        out.orders[key] = order
    if report.other_id is not None and report.other_id not in order.names:
        start = absorb(state, account, key, order, report.other_id, origin, out, start)
        call(state, account, key, order, report.other_id, provisional=True)
        out.orders[key] = order
    if report.triggers_id is not None:
        changed |= stops.became(state, account, key, order, report.triggers_id, origin, out)
    arrived = not order.reported_ns
    if arrived:
        start = _venue_arrived(state, account, key, order, origin, out, start)
    if state.triggered:
        start = stops.tie(state, account, key, order, origin, out, start)
    for exec_type, trade in learn(order, report, changed=changed):
        if report.venue_status is not None:
            order.venue_status, order.text = report.venue_status, report.text
        event = new_event(order, exec_type, trade, report.transact_ns, origin, start)
        publish(order, event if order.changes is None else changes.for_request(order, event), out)
        start += 1
    if start > first or arrived:
        settle(state, account, key, order, origin.received_ns)
        out.orders[key] = order
    else:
        state.duplicates += 1
    return start


def _is_long_over(state: Partition, account: str, report: Report, origin: Origin) -> bool:
    """Tell whether reconciliation tells of an order that ended so long ago that it may have been forgotten here.

    A trade by itself does not say whether its order has ended; an order that has not is told of besides.
    """
    is_of_the_past = report.ord_status in FINAL or report.venue_status is None
    if origin.source is not _RECONCILIATION or not is_of_the_past:
        return False
    at_ns = report.transact_ns if report.transact_ns is not None else origin.received_ns
    if origin.received_ns - at_ns <= state.grace.retention_ns:
        return False
    names = state.aliases.get(account, {})
    return not (report.venue_order_id in names or report.order_request_id in names)


def on_submission(state: Partition, submission: Submission, origin: Origin, out: Outcome) -> None:
    """Join one record of `orders.submitted`: the intent of an order or of its change, or what the call came to."""
    if submission.action in _CHANGES:
        changes.on_change(state, submission, origin, out)
    elif submission.action is _REPLACE:
        start = _on_new(state, changes.inherit(state, submission), origin, out)
        start = changes.on_change(state, submission, origin, out, start)
        key = submission.order_request_id
        if (order := state.orders[key]).reported_ns:
            # The venue told of the new order before the old one was known.
            changes.replaced_by(state, key, order, origin, out, start)
    else:
        _on_new(state, submission, origin, out)


def _on_new(state: Partition, submission: Submission, origin: Origin, out: Outcome) -> int:
    key = submission.order_request_id
    account = account_key(submission.venue, submission.account)
    order = state.orders.get(key)
    if order is None:
        order = state.orders[key] = Order(Terms(key, submission.venue, submission.account))
    start = 0
    if order.terms.submitted_ns is None:
        start = _submission_arrived(state, account, key, order, submission, origin, out)
    if (name := submission.venue_order_id) is not None and name not in order.names:
        start = absorb(state, account, key, order, name, origin, out, start)
        call(state, account, key, order, name, provisional=False)
    if submission.phase is _UNKNOWN:
        order.facts |= _UNANSWERED
    elif submission.phase in _STEPS_OF_PHASE:
        start = _answered(order, submission, origin, out, start)
    if state.triggered:
        start = stops.tie(state, account, key, order, origin, out, start)
    settle(state, account, key, order, submission.phase_ns)
    out.orders[key] = order
    return start


def _answered(order: Order, submission: Submission, origin: Origin, out: Outcome, start: int) -> int:
    fact, exec_type = _STEPS_OF_PHASE[submission.phase]
    if not lifecycle.answer(order, fact):
        return start
    if not order.reported_ns:
        order.venue_status = submission.venue_status or submission.code
        order.text = submission.text
    if fact is Fact.REFUSED:
        start = both_here(order, "the venue refused the call", origin, out, start)
    publish(order, new_event(order, exec_type, None, submission.phase_ns, origin, start), out)
    return start + 1


def _submission_arrived(
    state: Partition, account: str, key: str, order: Order, submission: Submission, origin: Origin, out: Outcome
) -> int:
    order.terms = _terms_submitted(order.terms, submission, _replaced_key(state, account, submission))
    if order.asked:
        amends.apply_taken(order)
    if not is_uuid(key):
        state.no_uuids.add(key)
    if order.reported_ns:
        start = both_here(order, "its submission came after its time", origin, out, 0)
        return changes.replaced_by(state, key, order, origin, out, start)
    order.last = new_event(order, _ORDER_STATUS, None, submission.submitted_ns, origin, 0)
    order.due_ns = submission.submitted_ns + state.grace.reply_ns
    state.wake(account, order.due_ns, key)
    return 1


def _terms_submitted(told: Terms, wish: Submission, replaces: str | None) -> Terms:
    """Return an order's terms with what the submission says, which stands above what the venue says."""
    return Terms(
        told.order_request_id,
        told.venue,
        told.account,
        wish.instrument if wish.instrument is not None else told.instrument,
        told.symbol,
        wish.side if wish.side is not None else told.side,
        wish.ord_type if wish.ord_type is not None else told.ord_type,
        wish.time_in_force if wish.time_in_force is not None else told.time_in_force,
        wish.price if wish.price is not None else told.price,
        told.currency,
        wish.quantity,
        wish.submitted_ns,
        told.order_qty,
        wish.stop_price if wish.stop_price is not None else told.stop_price,
        wish.expire_ns if wish.expire_ns is not None else told.expire_ns,
        replaces,
        told.replaced_by,
        told.triggers,
        told.triggered_by,
        wish.cash_order_qty if wish.cash_order_qty is not None else told.cash_order_qty,
        wish.take_profit_price if wish.take_profit_price is not None else told.take_profit_price,
    )


def _replaced_key(state: Partition, account: str, submission: Submission) -> str | None:
    if submission.action is not _REPLACE:
        return None
    name = submission.orig_venue_order_id
    alias = state.aliases.get(account, {}).get(name or "")
    return submission.orig_order_request_id or alias or f"{submission.venue}:{name}"


def _venue_arrived(
    state: Partition, account: str, key: str, order: Order, origin: Origin, out: Outcome, start: int
) -> int:
    order.reported_ns = origin.received_ns
    if order.terms.submitted_ns is not None:
        start = both_here(order, "the venue's report came after its time", origin, out, start)
        return changes.replaced_by(state, key, order, origin, out, start)
    order.due_ns = origin.received_ns + state.grace.submission_ns
    state.wake(account, order.due_ns, key)
    return start


def _merge_told(order: Order, report: Report) -> bool:
    """Take over what the venue says the order is, and tell whether that was news."""
    terms = order.terms
    submitted = terms.submitted_ns is not None
    if (
        report.symbol == terms.symbol
        and report.currency == terms.currency
        and report.order_qty == terms.order_qty
        and (submitted or _wishes_the_same(terms, report))
    ):
        return False
    news = _news(terms, report, submitted=submitted)
    if news:
        order.terms = terms.but(**news)
        if "order_qty" in news:
            lifecycle.count(order)
    return bool(news)


def _wishes_the_same(terms: Terms, report: Report) -> bool:
    return (
        report.instrument == terms.instrument
        and report.side is terms.side
        and report.ord_type is terms.ord_type
        and report.time_in_force is terms.time_in_force
        and report.price == terms.price
        and report.stop_price == terms.stop_price
        and report.expire_ns == terms.expire_ns
        and report.cash_order_qty == terms.cash_order_qty
        and report.take_profit_price == terms.take_profit_price
    )


def _news(terms: Terms, report: Report, *, submitted: bool) -> dict[str, object]:
    told = (
        ("symbol", report.symbol, terms.symbol),
        ("currency", report.currency, terms.currency),
        ("order_qty", report.order_qty, terms.order_qty),
    )
    # What the submission says of these stands above what the venue says.
    wished = (
        ("instrument", report.instrument, terms.instrument),
        ("side", report.side, terms.side),
        ("ord_type", report.ord_type, terms.ord_type),
        ("time_in_force", report.time_in_force, terms.time_in_force),
        ("price", report.price, terms.price),
        ("stop_price", report.stop_price, terms.stop_price),
        ("expire_ns", report.expire_ns, terms.expire_ns),
        ("cash_order_qty", report.cash_order_qty, terms.cash_order_qty),
        ("take_profit_price", report.take_profit_price, terms.take_profit_price),
    )
    news: dict[str, object] = {name: value for name, value, known in told if value is not None and value != known}
    for name, value, known in wished:
        if value is not None and value != known and (known is None or not submitted):
            news[name] = value
    return news
