"""The headers of a `venue.frames.<venue>` record: all a reader needs to know of a frame without opening it.

Every value is ASCII text, and the names always stand in the order of `FrameHeaders`, which lets a
reader of many records take them by position.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

__all__ = ["FrameHeaders", "HeaderError", "Kind", "pack", "unpack"]


class Kind(StrEnum):
    """What a record of a frames topic is.

    `frame` and `snapshot` carry the venue's bytes untouched: one stream message, one REST answer.
    The others are markers that the feed writes about itself, with a small JSON object as value; a `gap`
    says that the venue told something that did not arrive, while the connection goes on.
    """

    FRAME = "frame"
    SNAPSHOT = "snapshot"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    HEARTBEAT = "heartbeat"
    GAP = "gap"
    RECONCILED = "reconciled"


class FrameHeaders(NamedTuple):
    """The headers of one record.

    `source` names the stream (`order-state-stream`) or the call (`rest:GetOrders`), `connection` is
    the UUID of one connection's life, `sequence` counts its records of this account from 1, and
    `received_ns` is when the bytes arrived, in nanoseconds of Unix time on the feed's clock. Of a
    marker, `received_ns` is the time up to which it speaks for the connection.
    """

    venue: str
    account: str
    source: str
    kind: str
    connection: str
    sequence: int
    received_ns: int


class HeaderError(ValueError):
    """A record of a frames topic lacks a header or holds one that can't be read."""


_NAMES = FrameHeaders._fields


def pack(headers: FrameHeaders) -> list[tuple[str, bytes]]:
    """Return `headers` as Kafka carries them."""
    return [(name, str(value).encode("ascii")) for name, value in zip(_NAMES, headers, strict=True)]


def unpack(headers: Sequence[tuple[str, bytes | str | None]] | None) -> FrameHeaders:
    """Read the headers of a record, in whatever order and among whichever others.

    Raises:
        HeaderError: one of them is missing or no text or number, which it names.
    """
    found = dict(headers or ())
    values: list[str] = []
    for name in _NAMES:
        raw = found.get(name)
        if raw is None:
            raise HeaderError(f"the header {name!r} is missing")
        try:
            values.append(raw if isinstance(raw, str) else raw.decode("ascii"))
        except UnicodeDecodeError:
            raise HeaderError(f"the header {name!r} is not ASCII text: {raw!r}") from None
    venue, account, source, kind, connection, sequence, received_ns = values
    try:
        numbers = int(sequence), int(received_ns)
    except ValueError:
        numbers = (-1, -1)
    if not all(0 <= number < 2**63 for number in numbers):
        raise HeaderError(
            f"sequence and received_ns must be whole numbers below 2^63, not {sequence!r} and {received_ns!r}"
        )
    return FrameHeaders(venue, account, source, kind, connection, *numbers)
