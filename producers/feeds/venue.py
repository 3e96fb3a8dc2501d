"""What a feed asks of a venue's own code, and the words in which that answers.

A venue's `VenueFeed` says where to connect and what to send, and puts every message, refusal and close code
into one of a few meanings. The life cycle of the connection (`producers.feeds.connection`) knows
these meanings only, so it is the same for every venue.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from producers.rest import RestAnswer

__all__ = [
    "CLOSE_CODES",
    "HTTP_STATUSES",
    "NO_SUCH_ORDER",
    "CallLimits",
    "Heard",
    "Meaning",
    "OrderSeen",
    "Reads",
    "Refused",
    "SnapshotCall",
    "Venue",
    "VenueDefaults",
    "What",
    "http_meaning",
]


class Meaning(NamedTuple):
    """What the end of a connection, or a refusal, means to a feed.

    `reason` is the word that stands in the `disconnected` marker and in the metrics, `text` what the
    venue said, for a person, and `hint` what to do. A `final` one ends the feed: trying again won't change
    it. Otherwise the next try comes after `wait_s` and some more, though never later than the longest pause
    of the life cycle.
    """

    reason: str
    final: bool = False
    wait_s: float = 0
    text: str = ""
    hint: str = ""


class Refused(Exception):  # noqa: N818 -- says what was done to us
    """No connection can come about, such as when the venue gives no ticket for it; `meaning` says why."""

    def __init__(self, meaning: Meaning) -> None:
        super().__init__(meaning.text or meaning.reason)
        self.meaning = meaning


class What(StrEnum):
    """What a message of the stream is to a feed. All of them are recorded, untouched."""

    DATA = "data"
    PING = "ping"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


class OrderSeen(NamedTuple):
    """What a frame or an answer tells of one order: the ids it goes by, and whether it is still to end.

    `request_id` is the client's id and `venue_order_id` the venue's, empty where it is not told.
    `is_open` is None when the order is in a state that is not known. A stop order is open until it is
    triggered, or otherwise ends.
    """

    request_id: str
    venue_order_id: str
    is_open: bool | None
    is_stop: bool = False


class Heard(NamedTuple):
    """A message, classified.

    `account` is empty when the message names none; a refusal has a `meaning`, and a frame that tells
    of an order has what it tells as `order`. `source` names the stream within the connection that the
    frame belongs to, where that has several; empty, it is the venue's own.

    `read_up` says that the frame only announces a change, whose facts are to be read over REST now.
    `gap` says what the frame shows to be missing before it, such as "order_status 12..14".
    """

    what: What
    account: str = ""
    meaning: Meaning | None = None
    order: OrderSeen | None = None
    source: str = ""
    read_up: bool = False
    gap: str = ""


class Reads(StrEnum):
    """What a call of the reconciler reads of an account."""

    # Of every state, those made today: what silence is judged by.
    ORDERS_OF_DAY = "orders_of_day"
    # Those that are open, of whatever day.
    OPEN_ORDERS = "open_orders"
    # One, by its id.
    ORDER = "order"
    STOP_ORDERS_OF_DAY = "stop_orders_of_day"
    OPEN_STOP_ORDERS = "open_stop_orders"
    # Of every state, those made in a longer time.
    STOP_ORDERS = "stop_orders"
    # The fills of the account, or of the one order that is named: where orders do not tell them.
    TRADES = "trades"


# The reason of a refusal that says: the venue knows no such order, or none any more.
NO_SUCH_ORDER = "no_such_order"


class SnapshotCall(NamedTuple):
    """A REST call that reads the state of an account's orders.

    `path` is below the venue's `rest_url`, or a whole address where the venue has several hosts; a
    query stands in it. `source` names the call in the headers, and `rest:` taken off, in the limits.
    `part` names the list that a page is of, where one answer is put together from several.
    """

    path: str
    body: bytes
    source: str
    method: str = "POST"
    part: str = ""


class CallLimits(Protocol):
    """The venue's limits of calls, which all who call it share: `producers.gateways.limits.Limits` is one."""

    def turn(self, method: str, *, timeout_s: float) -> AbstractAsyncContextManager[object]:
        """Wait, at most `timeout_s`, for the turn to make one call of `method` within the context."""

    def learn(self, method: str, headers: Mapping[str, str], status: int) -> None:
        """Take in what an answer says of the limits; within the context."""


class Venue(Protocol):
    """One venue with its settings, as a feed and its reconciler see it."""

    name: str
    accounts: tuple[str, ...]
    source: str
    stream_url: str
    stream_headers: Mapping[str, str]
    subprotocols: tuple[str, ...]
    ca_file: Path | None
    # Longer than this without a byte means that the connection is dead.
    silence_s: float
    reconciles: bool
    limits: CallLimits
    # How many calls the reconciler may make within a minute, by their `source`: a share of the venue's
    # own limit, whose rest is for whoever trades with the same token, in another process. No entry, no limit.
    reads_per_minute: Mapping[str, int]
    rest_url: str
    # What goes with every call; `call_headers` come on top.
    rest_headers: Mapping[str, str]
    # Whether the feed writes markers about its connection; not for an auxiliary stream.
    marks: bool
    # Frames that ask for it are read up on at once, and then at the most so often.
    read_up_every_s: float
    # What the client has to send every so many seconds, if anything.
    keepalive: tuple[float, bytes] | None

    async def greeting(self) -> tuple[bytes, ...]:
        """Return what is to be sent on a new connection, such as the subscription.

        Asked for before each connection, anew, within the time limit of its hand-shake. It may make
        calls of its own, and begins what `classify` remembers of a connection.

        Raises:
            Refused: the venue does not let us in, or not now.
            CallError: a call brought no answer.
        """

    def classify(self, data: bytes) -> Heard:
        """Say what a message is, once for each message of a connection in their order; it never raises."""

    def answer(self, data: bytes) -> bytes | None:
        """Return what a message is to be answered with at once, such as a ping; it never raises."""

    def close_meaning(self, code: int, reason: str) -> Meaning:
        """Say what a close code means, 1006 where the connection broke without one."""

    def handshake_meaning(self, status: int) -> Meaning:
        """Say what the HTTP status of a refused hand-shake means."""

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        """Return the call that reads this of an account; None where the venue has none, or needs none.

        `order` is which one to read, with `Reads.ORDER`; with `Reads.TRADES` the fills of one order, or
        without it those of the account.
        """

    def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        """Return the call for the next page after an answer to `call`; None after the last.

        Raises:
            ValueError: the answer can't be read.
        """

    def call_headers(self, call: SnapshotCall, now_ns: int) -> Mapping[str, str]:
        """Return the headers of one call that is made now, such as its signature; asked for at each try."""

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders or stop orders of an answer to the call of that `source`.

        Raises:
            ValueError: the answer can't be read.
        """

    def snapshot_meaning(self, source: str, answer: RestAnswer) -> Meaning:
        """Say what an answer other than 200 to the call of that `source` means.

        Its reason is `NO_SUCH_ORDER` when the venue knows no order of the id that was asked for.
        """


class VenueDefaults:
    """What most venues leave as it is: a base for a venue's class."""

    marks: bool = True
    read_up_every_s: float = 1.0
    keepalive: tuple[float, bytes] | None = None

    def answer(self, data: bytes) -> bytes | None:
        """Answer nothing."""
        return None

    def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        """Take every answer for whole."""
        return None

    def call_headers(self, call: SnapshotCall, now_ns: int) -> Mapping[str, str]:
        """Add no headers."""
        return {}


# RFC 6455, 7.4.1, and the IANA registry of WebSocket close codes.
CLOSE_CODES: dict[int, Meaning] = {
    1000: Meaning("closed"),
    1001: Meaning("maintenance"),
    1006: Meaning("connection_lost"),
    1008: Meaning("policy", wait_s=10),
    1009: Meaning(
        "frame_too_large",
        text="a message is larger than a record of the topic may be",
        hint="Raise max.message.bytes of the venue's frames topic.",
    ),
    1011: Meaning("venue_error"),
    1012: Meaning("maintenance"),
    1013: Meaning("maintenance", wait_s=5),
}

# RFC 9110, 15.
HTTP_STATUSES: dict[int, Meaning] = {
    401: Meaning("unauthorized", final=True),
    403: Meaning("forbidden", final=True),
    404: Meaning("not_found", final=True),
    408: Meaning("timeout"),
    429: Meaning("limit", wait_s=10),
}


def http_meaning(status: int, statuses: Mapping[int, Meaning] = HTTP_STATUSES) -> Meaning:
    """Return what an HTTP status means: by the table, else by its class.

    A server's error passes, and so does what is no refusal, such as a redirect or a page, of whoever stands
    between; any other refusal is of the request itself, which stays the same.
    """
    is_refusal = 400 <= status < 500
    known = statuses.get(status) or Meaning("refused" if status < 500 else "venue_error", final=is_refusal)
    return known._replace(text=known.text or f"the venue answered HTTP {status}")
