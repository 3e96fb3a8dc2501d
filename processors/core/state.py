"""The state of one partition, and what a round of inputs comes to."""

import heapq
from dataclasses import dataclass, field
from typing import Final

from processors.core.lifecycle import FINAL, STATUS, Fact
from processors.core.model import Account, Event, FeedStatus, Order, Terms, Unmatched
from schemas.topics import account_key

__all__ = ["Grace", "Outcome", "Partition", "index", "is_uuid", "joined", "settle"]


_REFUSED: Final = Fact.REFUSED.value


@dataclass
class Grace:
    """How long things may take, in nanoseconds of the account's time.

    A reply to a submission, a submission to a report, a word from a feed (on the clock), and an
    ended order's stay in the state.
    """

    reply_ns: int
    submission_ns: int
    silence_ns: int
    retention_ns: int


@dataclass
class Outcome:
    """What a round of inputs came to: results to publish, and the state that changed.

    An order that maps to None has left the state, so its key there gets a tombstone; the key of an
    `absorbed` one gets a tombstone in `orders.latest` too.
    """

    executions: list[tuple[Terms, Event]] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    feeds: list[FeedStatus] = field(default_factory=list)
    orders: dict[str, Order | None] = field(default_factory=dict)
    absorbed: list[str] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)


@dataclass
class Partition:
    """The state of one input partition.

    Orders by their key, accounts by theirs. `aliases` (account -> venue's id -> order) and `due`
    (account -> heap of (time, order)) are derived from them, as is `triggered` (account -> venue's id of
    what a stop order became -> stop order). `waiting` are the accounts with orders
    that are due but wait for the submitted side. `no_uuids` are the orders that were submitted under an id
    that is no UUID.
    """

    grace: Grace
    orders: dict[str, Order] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)
    due: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    triggered: dict[str, dict[str, str]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    no_uuids: set[str] = field(default_factory=set)
    duplicates: int = 0

    def wake(self, account: str, time_ns: int, key: str) -> None:
        """Have the order looked at when the account's time has reached `time_ns`."""
        heapq.heappush(self.due.setdefault(account, []), (time_ns, key))


def is_uuid(text: str) -> bool:
    """Tell whether a text has a UUID's usual form."""
    return len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-"


def joined(order: Order) -> bool:
    """Tell whether both sides are here: the submission, and the venue's report or its refusal."""
    return order.terms.submitted_ns is not None and bool(order.reported_ns or order.facts & _REFUSED)


def settle(state: Partition, account: str, key: str, order: Order, time_ns: int) -> None:
    """Note when the order ended, or that it lives after all: a refused call may be of an order that was taken."""
    if (STATUS[order.facts] in FINAL) is bool(order.ended_ns):
        return
    if order.ended_ns:
        order.ended_ns = 0
        return
    order.ended_ns = time_ns
    state.wake(account, time_ns + state.grace.retention_ns, key)


def index(state: Partition, key: str, order: Order) -> None:
    """Enter an order that was restored into what is derived from the orders."""
    account = account_key(order.terms.venue, order.terms.account)
    names = state.aliases.setdefault(account, {})
    for name in order.names:
        names[name] = key
    if order.triggers_id is not None:
        state.triggered.setdefault(account, {})[order.triggers_id] = key
    if order.terms.submitted_ns is not None and not is_uuid(key):
        state.no_uuids.add(key)
    if order.ended_ns:
        state.wake(account, order.ended_ns + state.grace.retention_ns, key)
    if order.due_ns and not joined(order):
        state.wake(account, order.due_ns, key)
