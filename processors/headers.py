"""The headers of frames: those of one connection differ only in the last two, so the others are read once."""

from typing import Final

from schemas.headers import unpack
from schemas.topics import account_key

__all__ = ["HeaderReader", "Headers"]

# The fields of `schemas.headers.FrameHeaders`.
Headers = tuple[str, str, str, str, str, int, int]
_Raw = list[tuple[str, bytes | None]]

_MOST_KNOWN: Final = 10_000


class HeaderReader:
    """Reads headers, and remembers what they have in common."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes | None, bytes | None, bytes | None, Headers, str]] = {}

    def read(self, raw: _Raw | None) -> tuple[Headers, str]:
        """Return a frame's headers, and the key of its account.

        Raises:
            HeaderError: one of them is missing or no text or number, which it names.
        """
        if raw is None or len(raw) != 7 or raw[3][0] != "kind" or raw[6][0] != "received_ns":
            return _as_they_come(raw)
        account, connection, sequence, received = raw[1][1], raw[4][1], raw[5][1], raw[6][1]
        if account is None or connection is None or sequence is None or received is None:
            return _as_they_come(raw)
        try:
            number, received_ns = int(sequence), int(received)
        except ValueError:
            return _as_they_come(raw)
        if (number | received_ns) >> 63:
            return _as_they_come(raw)  # which refuses it
        venue, source, kind = raw[0][1], raw[2][1], raw[3][1]
        common = account + b"/" + connection
        known = self._known.get(common)
        if known is None or known[0] != kind or known[1] != source or known[2] != venue:
            headers, key = _as_they_come(raw)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[common] = (kind, source, venue, headers, key)
            return headers, key
        told = known[3]
        return (told[0], told[1], told[2], told[3], told[4], number, received_ns), known[4]


def _as_they_come(raw: _Raw | None) -> tuple[Headers, str]:
    read = unpack(raw)
    return read, account_key(read.venue, read.account)
