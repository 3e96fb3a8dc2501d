"""The stream's private topics: tickets that open them, and the sequence of each. Pure.

Sources: Ripio Trade API v4, WebSocket Stream, "Private topics"; the `id` of every response.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

__all__ = ["PRIVATE", "PUBLIC", "Sequences", "Tickets", "is_topic"]

PRIVATE = ("order_status", "balance", "user_trades", "deposit", "withdrawal")
PUBLIC = (
    "trade",
    "orderbook/level_3",
    "orderbook/level_2",
    "orderbook/level_2_with_users",
    "orderbook/level_2_delta",
    "ticker",
)

# How long a ticket that nobody uses is good; the documents do not say.
TICKET_LIFE_NS = 60 * 10**9


def is_topic(name: str) -> bool:
    """Tell whether there is such a topic; a public one names its pair."""
    public, at, pair = name.partition("@")
    return name in PRIVATE or (public in PUBLIC and bool(at and pair))


class Sequences:
    """One sequence for each user and topic; it goes on from one connection to the next.

    The documents allow it to be reset between connections; it is, on request.
    """

    def __init__(self, random: Random) -> None:
        self._first = random.randint(1, 2000)
        self._given: Counter[tuple[str, str]] = Counter()

    def next(self, user_id: str, topic: str) -> int:
        """Return the number of a user's next message of a topic."""
        self._given[user_id, topic] += 1
        return self._first + self._given[user_id, topic] - 1

    def reset(self) -> None:
        """Begin all sequences anew, at 1."""
        self._first = 1
        self._given.clear()


@dataclass
class _Ticket:
    account: str
    until_ns: int
    connection: object | None = None


class Tickets:
    """Gives tickets out, and tells whose they are. One belongs to the connection that first uses it."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._tickets: dict[str, _Ticket] = {}

    def give(self, account: str, now_ns: int) -> str:
        """Return a new ticket of an account."""
        self._tickets = {name: one for name, one in self._tickets.items() if one.connection or one.until_ns > now_ns}
        ticket = self._new_id()
        self._tickets[ticket] = _Ticket(account, now_ns + TICKET_LIFE_NS)
        return ticket

    def account(self, ticket: str, connection: object, now_ns: int) -> str | None:
        """Return whose ticket it is, if this connection may use it."""
        kept = self._tickets.get(ticket.upper())
        if kept is None or (kept.connection is None and kept.until_ns <= now_ns):
            return None
        if kept.connection is None:
            kept.connection = connection
        return kept.account if kept.connection is connection else None

    def forget(self, connection: object) -> None:
        """Let the tickets of a connection end with it."""
        self._tickets = {name: one for name, one in self._tickets.items() if one.connection is not connection}
