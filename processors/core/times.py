"""Times as venues write them, as nanoseconds of Unix time."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from processors.core.errors import MappingError

__all__ = ["rfc3339_ns"]

_SECOND_NS: Final = 1_000_000_000


# Within these a time and its fraction go into 64 bits.
_EARLIEST_NS: Final = -(2**63)
_LATEST_NS: Final = 2**63 - 1 - _SECOND_NS


@lru_cache(maxsize=4096)
def _second_ns(text: str) -> int | None:
    time_ns = int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * _SECOND_NS
    return time_ns if _EARLIEST_NS <= time_ns <= _LATEST_NS else None


def rfc3339_ns(text: str) -> int | None:
    """Return a time in UTC such as `2026-01-31T09:15:17.321267123Z`, of any fraction; None of an empty text.

    The fraction is kept to the nanosecond, which `datetime` can't hold. None too of the year 1 or 9999 and the
    like: they say that there is no time, and 64 bits of nanoseconds hold the years 1678 to 2261.

    Raises:
        MappingError: it is no such time.
    """
    if not text:
        return None
    try:
        if text[19] == "Z" and len(text) == 20:
            return _second_ns(text[:19])
        if text[19] == "." and text[-1] == "Z" and (fraction := text[20:-1]).isdigit() and len(fraction) <= 9:
            second_ns: int | None = _second_ns(text[:19])
            return second_ns if second_ns is None else second_ns + int(fraction.ljust(9, "0"))
    except (ValueError, IndexError):
        pass
    raise MappingError("time", text, "no RFC 3339 time in UTC")
