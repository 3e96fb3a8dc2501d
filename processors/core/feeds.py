"""Time as the feeds tell it: watermarks, gaps, and what becomes due.

Theory
------
A feed's frames and markers lie in one partition in the order in which it wrote them. Once a record
that was received at time t is read, everything that its connection had heard before t is read too:
t is the connection's watermark. The account's is the latest of its connections', for what one feed
was told, it has delivered, whatever another one lags behind.

A watermark says what was *delivered*, not that the connection was there all the while. A time with
no connection at all is a **gap**: what the venue said in it was said to nobody, and no venue replays
its stream. It closes when reconciliation has read the venue's own state (`reconciled`), which holds
whatever the stream would have told. Until then nothing is concluded from silence in it: an order
whose time overlaps a gap is FEED_DOWN, not NO_VENUE_REPLY.

A connection that goes on can have a gap too: the feed says so (`gap`) where the venue numbers its messages
and one did not come.

A feed that is killed says no `disconnected`. Its successor's `connected` names the same feed, which
tells that the old connection is gone, and the gap began when that was last heard. Until then, what
lies between the last word of one connection and the first of the next counts as a gap too.

One case has no record that could carry it: every feed of an account has fallen silent, its process
too. For that alone the clock is let in, as an argument of `expire_on_clock`.
"""

import heapq
from collections.abc import Container, Iterable

from processors.core import candidates
from processors.core.lifecycle import Fact
from processors.core.model import Account, Connection, FeedStatus, Order, Origin
from processors.core.publishing import decide
from processors.core.state import Outcome, Partition, joined
from schemas.fix import FeedState, UnmatchedReason
from schemas.headers import FrameHeaders, Kind
from schemas.topics import account_key

__all__ = ["account_of", "expire", "expire_on_clock", "hear", "on_marker"]


def hear(key: str, account: Account, connection: str, sequence: int, received_ns: int, out: Outcome) -> bool:
    """Take a frame's or a marker's time and number into account.

    Returns True when records of the connection before it are missing.
    """
    out.accounts[key] = account
    if received_ns > account.watermark_ns:
        account.watermark_ns = received_ns
    known = account.connections.get(connection)
    if known is None:
        return False
    missing = sequence > known.sequence + 1
    if sequence > known.sequence:
        known.sequence = sequence
        if received_ns > known.heard_ns:
            known.heard_ns = received_ns
    return missing


def on_marker(
    state: Partition,
    headers: FrameHeaders,
    feed: str,
    reason: str | None,
    origin: Origin,
    out: Outcome,
    unread: Container[str] = (),
) -> None:
    """Take in what a feed says of itself.

    `feed` names the feed across its connections, `reason` is why it disconnected, `unread` what a
    reconciliation could not read.
    """
    key = account_key(headers.venue, headers.account)
    account = account_of(state, key, headers.venue, headers.account)
    now = headers.received_ns
    if headers.kind == Kind.CONNECTED:
        for stale in [name for name, known in account.connections.items() if known.feed == feed]:
            _leave(account, stale, account.connections[stale].heard_ns, "its feed came back without a word")
        account.connections.setdefault(headers.connection, Connection(feed, now, headers.sequence, now))
        if account.gap_to_ns is None and not account.covered:
            account.gap_to_ns = account.shown_gap_to_ns = now
        _show(account, FeedState.UP, now, None, origin, out)
    elif headers.kind == Kind.DISCONNECTED:
        _leave(account, headers.connection, now, reason)
        if not account.connections:
            _show(account, FeedState.DOWN, now, reason, origin, out)
    elif headers.kind == Kind.RECONCILED and account.connections:
        account.reconciled_ns = now
        known = account.connections.get(headers.connection)
        held = bool(_holes(account)) or account.stops_unread
        account.stops_unread = "stop_orders" in unread
        if known is not None:
            known.since_ns = 0
        if not account.covered and account.gap_to_ns is not None and account.gap_to_ns <= now:
            account.covered = held = True
            _show(account, FeedState.UP, account.since_ns, account.reason, origin, out)
        if held:
            _reconsider(state, key, account, out)
    elif headers.kind == Kind.GAP and headers.connection in account.connections:
        _miss(account, account.connections[headers.connection].heard_ns, now, reason)
        _show(account, FeedState.UP, account.since_ns, reason, origin, out)
    elif account.state is FeedState.DOWN and headers.connection in account.connections:
        _show(account, FeedState.UP, now, None, origin, out)
    hear(key, account, headers.connection, headers.sequence, now, out)


_UNANSWERED = Fact.UNANSWERED.value
_ANSWERS = _UNANSWERED | Fact.SENT_OUT.value


def account_of(state: Partition, key: str, venue: str, name: str) -> Account:
    """Return what is known of an account's feeds; nothing yet, of a new one."""
    account = state.accounts.get(key)
    if account is None:
        account = state.accounts[key] = Account(venue, name)
    return account


def _leave(account: Account, connection: str, heard_ns: int, reason: str | None) -> None:
    """Drop a connection that was heard up to `heard_ns`; what it leaves uncovered becomes the gap."""
    known = account.connections.get(connection)
    if known is None:
        return
    known.heard_ns = max(known.heard_ns, heard_ns)
    if holes := _holes(account):
        _miss(account, holes[0][0], holes[-1][1], reason)
    del account.connections[connection]
    if not account.connections:
        _miss(account, known.heard_ns, None, reason)
        return
    # What it covered goes over to the one that is heard.
    heir = max(account.connections.values(), key=lambda other: other.heard_ns)
    heir.since_ns, heir.heard_ns = min(heir.since_ns, known.since_ns), max(heir.heard_ns, known.heard_ns)


def _miss(account: Account, from_ns: int, to_ns: int | None, reason: str | None) -> None:
    """Add a time that no connection covered; of several that were not read up on one is made."""
    account.gap_from_ns = from_ns if account.covered else min(account.gap_from_ns, from_ns)
    account.gap_to_ns = to_ns
    account.covered = False
    account.shown_gap_from_ns, account.shown_gap_to_ns, account.reason = from_ns, to_ns, reason


def _holes(account: Account) -> list[tuple[int, int]]:
    """Return the times between connections of which it isn't known that any of them was there.

    A connection that has not been heard for a while may have been killed, or may just have nothing
    to tell; only its next word shows which.
    """
    if len(account.connections) < 2:
        return []
    known = sorted((connection.since_ns, connection.heard_ns) for connection in account.connections.values())
    holes = []
    heard_ns = known[0][1]
    for since_ns, until_ns in known:
        if since_ns > heard_ns:
            holes.append((heard_ns, since_ns))
        heard_ns = max(heard_ns, until_ns)
    return holes


def _show(
    account: Account, status: FeedState, since_ns: int, reason: str | None, origin: Origin | None, out: Outcome
) -> None:
    account.reason = reason if reason is not None else account.reason
    if account.state is not status:
        account.state, account.since_ns = status, since_ns
    key = account_key(account.venue, account.account)
    out.accounts[key] = account
    out.feeds.append(
        FeedStatus(
            account.venue,
            account.account,
            account.state,
            account.since_ns,
            len(account.connections),
            account.reason,
            account.shown_gap_from_ns,
            account.shown_gap_to_ns,
            account.reconciled_ns,
            origin.event_id(0) if origin is not None else f"silent-{key}-{account.watermark_ns}",
        )
    )


def expire(state: Partition, keys: Iterable[str], out: Outcome, *, submitted_at_end: bool) -> None:
    """Look at every order of these accounts whose time has come by their watermark.

    `submitted_at_end` says that the partition's submissions have been read to their end: only then
    is an order said to have none.
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
        reason, detail = _why_missing(account, order)
        if reason is not order.unmatched_reason:
            if reason is UnmatchedReason.NOT_SUBMITTED_HERE and not submitted_at_end:
                return False
            if candidates.tie(state, account_key(account.venue, account.account), key, order, now, out):
                return True
            if reason is UnmatchedReason.OUTCOME_UNKNOWN and (found := candidates.candidates(state, order)):
                detail = f"{detail}; it may be {' or '.join(found)}"
            decide(key, order, reason, detail, now, out)
            state.wake(account_key(account.venue, account.account), now + state.grace.retention_ns, key)
            return True
    # An order that nothing is heard of goes by the same time as one that ended.
    unheard = order.unmatched_reason is not None and not order.reported_ns
    over = order.ended_ns or (order.due_ns if unheard else 0)
    if over and over + state.grace.retention_ns <= now:
        _forget(state, account, key, order, out)
    elif unheard and not order.ended_ns:
        state.wake(account_key(account.venue, account.account), over + state.grace.retention_ns, key)
    return True


_NOT_HERE = "the venue told of it, and nobody submitted it here"
_ONLY_CHANGED = "a cancel or a replace was asked for it, and neither its submission nor its venue told of it"


def _why_missing(account: Account, order: Order) -> tuple[UnmatchedReason, str]:
    """Say why an order's other side is missing; only a FEED_DOWN, which may be the clock's, is thought over."""
    if order.terms.submitted_ns is None and not order.reported_ns:
        return UnmatchedReason.NO_VENUE_REPLY, _ONLY_CHANGED
    if order.terms.submitted_ns is None:
        return UnmatchedReason.NOT_SUBMITTED_HERE, _NOT_HERE
    if order.unmatched_reason in (None, UnmatchedReason.FEED_DOWN):
        return _why_silent(account, order)
    return order.unmatched_reason, ""


def _why_silent(account: Account, order: Order) -> tuple[UnmatchedReason, str]:
    submitted = order.terms.submitted_ns or 0
    gaps = _holes(account)
    if not account.covered:
        gaps.append((account.gap_from_ns, order.due_ns if account.gap_to_ns is None else account.gap_to_ns))
    in_gap = any(order.due_ns > start_ns and submitted < end_ns for start_ns, end_ns in gaps)
    if account.stops_unread and order.terms.stop_price is not None:
        return UnmatchedReason.FEED_DOWN, "the account's stop orders could not be read"
    if in_gap:
        return UnmatchedReason.FEED_DOWN, f"no feed covered its time ({account.reason or 'not connected yet'})"
    if order.facts & _ANSWERS == _UNANSWERED:
        return UnmatchedReason.OUTCOME_UNKNOWN, "its call ended without an answer, and the feed told nothing of it"
    return UnmatchedReason.NO_VENUE_REPLY, "the feed was up all the while and told nothing of it"


def _reconsider(state: Partition, key: str, account: Account, out: Outcome) -> None:
    """The venue's own state has been read: say of each FEED_DOWN what the silence means now."""
    for name, order in state.orders.items():
        due = order.unmatched_reason is UnmatchedReason.FEED_DOWN and order.due_ns <= account.watermark_ns
        if due and account_key(order.terms.venue, order.terms.account) == key:
            reason, detail = _why_silent(account, order)
            decide(name, order, reason, detail, account.watermark_ns, out)


def _forget(state: Partition, account: Account, key: str, order: Order, out: Outcome) -> None:
    del state.orders[key]
    names = state.aliases.get(account_key(account.venue, account.account), {})
    for name in order.names:
        if names.get(name) == key:
            del names[name]
    if order.triggers_id is not None:
        state.triggered.get(account_key(account.venue, account.account), {}).pop(order.triggers_id, None)
    out.orders[key] = None


def expire_on_clock(state: Partition, now_ns: int, out: Outcome) -> None:
    """Give every order as FEED_DOWN whose time has passed on the clock while all its account's feeds are silent.

    Call it only once the partition's frames have been read to their end: a backlog is no silence.
    """
    for key, heap in state.due.items():
        account = state.accounts.get(key)
        heard = account.watermark_ns if account is not None else 0
        silent = account is None or not account.connections or heard + state.grace.silence_ns <= now_ns
        if not silent or not heap or heap[0][0] > now_ns:
            continue
        if account is not None and account.state is FeedState.UP:
            _show(account, FeedState.DOWN, heard, "silent", None, out)
        for due_ns, name in sorted(heap):
            order = state.orders.get(name)
            if due_ns > now_ns:
                break
            if order is not None and _unanswered(order, now_ns):
                detail = "no feed of the account is heard" if account else "no feed serves the account"
                decide(name, order, UnmatchedReason.FEED_DOWN, detail, now_ns, out)


def _unanswered(order: Order, now_ns: int) -> bool:
    waits = order.unmatched_reason is None and not joined(order) and order.terms.submitted_ns is not None
    return waits and order.due_ns <= now_ns
