"""Time as the feeds tell it: watermarks, gaps, and what becomes due.

Theory
------
A feed's frames and markers lie in one partition in the order in which it wrote them. Once a record
that was received at time t is read, everything that its connection had heard before t is read too:
t is the connection's watermark. The account's is the latest of its connections', for what one feed
was told, it has delivered, whatever another one lags behind. A stream that a feed reads beside its own (Outpoll's
order feed) writes no markers and has no say in it, except where no connection is known at all.

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
"""

from collections.abc import Container

from processors.core.model import Account, Connection, FeedStatus, Origin
from processors.core.reasons import holes, reconsider
from processors.core.state import Outcome, Partition
from schemas.fix import FeedState
from schemas.headers import FrameHeaders, Kind
from schemas.topics import account_key

__all__ = ["account_of", "hear", "on_marker", "show"]


def hear(key: str, account: Account, connection: str, sequence: int, received_ns: int, out: Outcome) -> bool:
    """Take a frame's or a marker's time and number into account.

    Returns True when records of the connection before it are missing.
    """
    out.accounts[key] = account
    known = account.connections.get(connection)
    if known is None and account.connections:
        # A stream beside the feed's own: it doesn't say how far that one has delivered.
        return False
    if received_ns > account.watermark_ns:
        account.watermark_ns = received_ns
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
        show(account, FeedState.UP, now, None, origin, out)
    elif headers.kind == Kind.DISCONNECTED:
        _leave(account, headers.connection, now, reason)
        if not account.connections:
            show(account, FeedState.DOWN, now, reason, origin, out)
    elif headers.kind == Kind.RECONCILED and account.connections:
        account.reconciled_ns = now
        known = account.connections.get(headers.connection)
        held = bool(holes(account)) or account.stops_unread
        account.stops_unread = "stop_orders" in unread
        if known is not None:
            known.since_ns = 0
        if not account.covered and account.gap_to_ns is not None and account.gap_to_ns <= now:
            account.covered = held = True
            show(account, FeedState.UP, account.since_ns, account.reason, origin, out)
        if held:
            reconsider(state, key, account, out)
    elif headers.kind == Kind.GAP and headers.connection in account.connections:
        _miss(account, account.connections[headers.connection].heard_ns, now, reason)
        show(account, FeedState.UP, account.since_ns, reason, origin, out)
    elif account.state is FeedState.DOWN and headers.connection in account.connections:
        show(account, FeedState.UP, now, None, origin, out)
    hear(key, account, headers.connection, headers.sequence, now, out)


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
    if missed := holes(account):
        _miss(account, missed[0][0], missed[-1][1], reason)
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


def show(
    account: Account, status: FeedState, since_ns: int, reason: str | None, origin: Origin | None, out: Outcome
) -> None:
    """Publish whether the account hears its venue; `origin` is None where the clock alone tells."""
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
