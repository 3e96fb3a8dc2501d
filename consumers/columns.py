"""What of each topic's records is worth a column in a terminal, and a place in a plain line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from consumers.records import Record
from schemas import topics

__all__ = ["STYLES", "Column", "columns_of", "fit", "fraction", "names_of", "style_of", "time_text"]

Fields = Mapping[str, Any]

STYLES = {
    "PENDING_NEW": "cyan",
    "NEW": "cyan",
    "PARTIALLY_FILLED": "yellow",
    "FILLED": "green",
    "CANCELED": "magenta",
    "EXPIRED": "magenta",
    "REJECTED": "red",
    "PENDING_CANCEL": "yellow",
    "PENDING_REPLACE": "yellow",
    "TRIGGERED": "magenta",
    "REPLACED": "magenta",
    "CANCEL_REJECTED": "red",
    "TRADE": "green",
    "MATCHED": "green",
    "PENDING": "yellow",
    "UNMATCHED": "bold red",
    "NO_VENUE_REPLY": "bold red",
    "FEED_DOWN": "bold red",
    "OUTCOME_UNKNOWN": "bold yellow",
    "NOT_SUBMITTED_HERE": "bold yellow",
    "INTENT": "cyan",
    "ACCEPTED": "green",
    "UNKNOWN": "bold yellow",
    "UP": "green",
    "DOWN": "bold red",
    "BUY": "green",
    "SELL": "red",
    "connected": "green",
    "disconnected": "bold red",
    "gap": "bold red",
    "snapshot": "yellow",
    "heartbeat": "dim",
    "reconciled": "dim",
}
"""The colour of a word, wherever it stands."""


@dataclass(frozen=True)
class Column:
    """One column: its title, its width in characters and at least, and its text of a record.

    `names` are the fields that the text is made of, under which a plain line gives them in full. An
    `optional` column gives way to others on a narrow terminal.
    """

    title: str
    width: int
    names: tuple[str, ...]
    text: Callable[[Record], str]
    least: int = 0
    justify: Literal["left", "right"] = "left"
    optional: bool = False


def style_of(text: str) -> str:
    """Return the style of a cell by its word."""
    return STYLES.get(text, "")


def time_text(ns: int | None) -> str:
    """Return a time of day in UTC, to the millisecond."""
    return (
        ""
        if ns is None
        else datetime.fromtimestamp(ns // 10**9, UTC).strftime("%H:%M:%S.") + f"{ns // 10**6 % 1000:03}"
    )


def fraction(part: str | None, whole: str | None) -> str:
    """Return `filled/ordered`, with a question mark for what is not known yet."""
    return f"{part or 0}/{whole or '?'}"


def _field(title: str, width: int, name: str, *, least: int = 0, right: bool = False, optional: bool = False) -> Column:
    def text(record: Record) -> str:
        value = record.fields.get(name)
        return "" if value is None else str(value)

    return Column(title, width, (name,), text, least or width, "right" if right else "left", optional)


def _time(title: str, name: str) -> Column:
    return Column(title, 12, (name,), lambda record: time_text(record.fields.get(name)), 12)


def _filled() -> Column:
    return Column(
        "filled",
        13,
        ("cum_qty", "order_qty"),
        lambda record: fraction(record.fields.get("cum_qty"), record.fields.get("order_qty")),
        9,
        "right",
    )


def _last() -> Column:
    def text(record: Record) -> str:
        quantity, price = record.fields.get("last_qty"), record.fields.get("last_px")
        return "" if quantity is None else f"{quantity} @ {price}"

    return Column("last", 18, ("last_qty", "last_px"), text, 12, "right")


_KAFKA_TIME = Column(
    "time",
    12,
    (),
    lambda record: time_text(None if record.timestamp_ms is None else record.timestamp_ms * 10**6),
    12,
)
_KEY = Column("key", 36, (), lambda record: record.key or "", 20)
_PLACE = Column("partition:offset", 16, (), lambda record: f"{record.partition}:{record.offset}", 9)
_ID = _field("order", 36, "order_request_id", least=9)
_ACCOUNT = _field("account", 12, "account", least=10)
# The left ones stay longest on a narrow terminal.
_EXECUTION = (
    _time("received", "received_ns"),
    _ID,
    _field("side", 4, "side"),
    _field("status", 16, "ord_status", least=8),
    _filled(),
    _field("join", 9, "join_status"),
    _last(),
    _field("average", 12, "avg_px", least=9, right=True),
    _field("symbol", 8, "symbol", least=6),
    _ACCOUNT,
    _field("exec", 15, "exec_type", least=8),
    _field("reason", 18, "unmatched_reason", least=8),
    _field("rev", 3, "revision", right=True),
    _field("text", 24, "text", least=8),
    _field("change request", 36, "change_request_id", least=9, optional=True),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    topics.SUBMITTED.name: (
        _time("time", "phase_ns"),
        _ID,
        _ACCOUNT,
        _field("action", 11, "action", least=7),
        _field("phase", 8, "phase"),
        _field("side", 4, "side"),
        _field("type", 10, "ord_type", least=6),
        _field("quantity", 10, "quantity", least=8, right=True),
        _field("price", 12, "price", least=8, right=True),
        _field("instrument", 36, "instrument", least=12),
        _field("code", 8, "code", least=5),
        _field("text", 30, "text", least=10),
        _field("about", 36, "orig_order_request_id", least=9, optional=True),
    ),
    topics.EXECUTIONS.name: _EXECUTION,
    topics.LATEST.name: _EXECUTION,
    topics.UNMATCHED.name: (
        _time("decided", "decided_ns"),
        _ID,
        _ACCOUNT,
        _field("status", 9, "status"),
        _field("reason", 18, "reason"),
        _field("rev", 3, "revision", right=True),
        _field("order status", 16, "ord_status", least=8),
        _field("detail", 70, "detail", least=20),
    ),
    topics.FEEDS_STATUS.name: (
        _KAFKA_TIME,
        _field("venue", 8, "venue"),
        _ACCOUNT,
        _field("status", 6, "status"),
        _time("since", "since_ns"),
        _field("connections", 11, "connections", right=True),
        _time("gap from", "gap_from_ns"),
        _time("gap to", "gap_to_ns"),
        _time("reconciled", "reconciled_ns"),
        _field("reason", 40, "reason", least=10),
    ),
    topics.DEAD_LETTERS.name: (
        _KAFKA_TIME,
        _field("topic", 24, "__connect.errors.topic", least=16),
        _field("part", 4, "__connect.errors.partition", right=True, optional=True),
        _field("offset", 8, "__connect.errors.offset", right=True),
        _field("why", 50, "__connect.errors.exception.message", least=20),
        _field("value", 50, "value", least=12),
    ),
    topics.STATE.name: (_KAFKA_TIME, _PLACE, _KEY, _field("bytes", 8, "size", right=True)),
}
_FRAMES = (
    _time("received", "received_ns"),
    _ACCOUNT,
    _field("source", 20, "source", least=12, optional=True),
    _field("kind", 12, "kind"),
    _field("connection", 36, "connection", least=9, optional=True),
    _field("seq", 6, "sequence", right=True, optional=True),
    _field("value", 120, "value", least=20),
)
_ANY = (_KAFKA_TIME, _PLACE, _KEY, _field("value", 120, "value", least=20))


def columns_of(topic: str) -> tuple[Column, ...]:
    """Return the columns of a topic's records."""
    return _FRAMES if topics.venue_of(topic) else COLUMNS.get(topic, _ANY)


def names_of(topic: str) -> list[str]:
    """Return the fields of a topic's plain lines, in order."""
    return [name for column in columns_of(topic) for name in column.names]


def fit(columns: tuple[Column, ...], width: int) -> list[tuple[Column, int]]:
    """Return the columns that fit into a width, each with its own width there.

    Where not even their least widths fit, the optional ones go first, then others, from the right. What
    is left is given to those first that lack the least.
    """
    kept = list(columns)
    while len(kept) > 1 and sum(column.least + 1 for column in kept) > width:
        kept.remove(next((column for column in reversed(kept) if column.optional), kept[-1]))
    spare = width - sum(column.least + 1 for column in kept)
    widths = {column.title: column.least for column in kept}
    for column in sorted(kept, key=lambda column: column.width - column.least):
        more = max(0, min(column.width - column.least, spare))
        widths[column.title] += more
        spare -= more
    return [(column, widths[column.title]) for column in kept]
