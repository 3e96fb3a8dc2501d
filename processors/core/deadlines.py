"""What becomes due when an account's time has come: an order without its other side, an ended one's stay.

Time is the account's watermark (`feeds.py`). One case has no record that could carry it: every feed of an
account has fallen silent, its process too. For that alone the clock is let in, as an argument of
`expire_on_clock`.
"""

import heapq
from collections.abc import Iterable, Iterator

from processors.core import candidates
from processors.core.feeds import show
from processors.core.model import Account, Order
from processors.core.publishing import decide
from processors.core.reasons import why_missing
from processors.core.state import Outcome, Partition, joined
from schemas.fix import FeedState, UnmatchedReason
from schemas.topics import account_key

__all__ = ["expire", "expire_on_clock"]


def expire(state: Partition, keys: Iterable[str], out: Outcome, *, submitted_at_end: bool) -> None:
    """Look at every order of these accounts whose time has come by their watermark.

    `submitted_at_end` says that the partition's submissions have been read to their end: only then is
    anything said, for an order's submission, or what its call came to, may be among those that are left.
    """
    for key in keys:
        heap = state.due.get(key)
        account = state.accounts.get(key)
        if not heap or account is None:
            continue
        later: list[tuple[int, str]] = []
        while heap and heap[0][0] <= account.watermark_ns:
            entry = heapq.heappop(heap)
            order = state.orders.get(entry[1])
            if order is not None and not _due(state, account, entry[1], order, submitted_at_end, out):
                later.append(entry)
        for entry in later:
            heapq.heappush(heap, entry)
        if later:
            state.waiting.add(key)
        else:
            state.waiting.discard(key)


def _due(state: Partition, account: Account, key: str, order: Order, submitted_at_end: bool, out: Outcome) -> bool:
    """Deal with one order whose time has come; False when it has to be looked at again."""
    now = account.watermark_ns
    if not joined(order) and order.due_ns <= now:
        reason, detail = why_missing(state, account, key, order)
        if reason is not order.unmatched_reason:
            if not submitted_at_end:
                return False
            if candidates.tie(state, account_key(account.venue, account.account), key, order, now, out):
                return True
            decide(key, order, reason, detail, now, out)
            state.wake(account_key(account.venue, account.account), now + state.grace.retention_ns, key)
            return True
    _forget_if_over(state, account_key(account.venue, account.account), key, order, now, out)
    return True


def _forget_if_over(state: Partition, account: str, key: str, order: Order, now_ns: int, out: Outcome) -> None:
    """Drop an order that ended long enough ago; one that nothing is heard of goes by the same time."""
    unheard = order.unmatched_reason is not None and not order.reported_ns
    over_ns = order.ended_ns or (order.due_ns if unheard else 0)
    if over_ns and over_ns + state.grace.retention_ns <= now_ns:
        _forget(state, account, key, order, out)
    elif unheard and not order.ended_ns:
        state.wake(account, over_ns + state.grace.retention_ns, key)


def _forget(state: Partition, account: str, key: str, order: Order, out: Outcome) -> None:
    del state.orders[key]
    names = state.aliases.get(account, {})
    for name in order.names:
        if names.get(name) == key:
            del names[name]
    if order.triggers_id is not None:
        state.triggered.get(account, {}).pop(order.triggers_id, None)
    state.no_uuids.discard(key)
    out.orders[key] = None


def expire_on_clock(state: Partition, now_ns: int, out: Outcome) -> None:
    """Show the accounts whose feeds are all silent as DOWN, and give their orders whose time has passed as FEED_DOWN.

    Call it only once the partition's frames and submissions have been read to their end: a backlog is no silence.
    """
    for served in state.accounts.values():
        if served.state is FeedState.UP and _is_silent(state, served, now_ns):
            show(served, FeedState.DOWN, served.watermark_ns, "silent", None, out)
    for key, heap in state.due.items():
        account = state.accounts.get(key)
        if account is None:
            _expire_unserved(state, key, heap, now_ns, out)
        elif _is_silent(state, account, now_ns):
            # The entries stay: its feed may come back, and look at them by its own time.
            for _, name in sorted(_passed(heap, now_ns)):
                order = state.orders.get(name)
                if order is not None and _unanswered(order, now_ns):
                    decide(name, order, UnmatchedReason.FEED_DOWN, "no feed of the account is heard", now_ns, out)


def _expire_unserved(state: Partition, key: str, heap: list[tuple[int, str]], now_ns: int, out: Outcome) -> None:
    """Look at the orders whose time has come of an account that no feed ever served: it has no time but the clock's."""
    while heap and heap[0][0] <= now_ns:
        name = heapq.heappop(heap)[1]
        order = state.orders.get(name)
        if order is None:
            continue
        if _unanswered(order, now_ns):
            decide(name, order, UnmatchedReason.FEED_DOWN, "no feed serves the account", now_ns, out)
            state.wake(key, now_ns + state.grace.retention_ns, name)
        else:
            _forget_if_over(state, key, name, order, now_ns, out)


def _passed(heap: list[tuple[int, str]], now_ns: int) -> Iterator[tuple[int, str]]:
    """Give the entries whose time has come, without a look at the others: none is before the one above it."""
    look_at = [0]
    while look_at:
        at = look_at.pop()
        if at < len(heap) and heap[at][0] <= now_ns:
            yield heap[at]
            look_at += (2 * at + 1, 2 * at + 2)


def _is_silent(state: Partition, account: Account, now_ns: int) -> bool:
    return not account.connections or account.watermark_ns + state.grace.silence_ns <= now_ns


def _unanswered(order: Order, now_ns: int) -> bool:
    waits = order.unmatched_reason is None and not joined(order) and order.terms.submitted_ns is not None
    return waits and order.due_ns <= now_ns
