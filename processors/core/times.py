"""Times as venues write them, as nanoseconds of Unix time."""

from datetime import datetime
from functools import lru_cache

from processors.core.errors import MappingError

__all__ = ["rfc3339_ns"]

_SECOND_NS = 1_000_000_000


@lru_cache(maxsize=4096)
def _second_ns(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * _SECOND_NS


def rfc3339_ns(text: str) -> int | None:
    """Return a time in UTC such as `2026-01-31T09:15:17.321267123Z`, of any fraction; None of an empty text.

    The fraction is kept to the nanosecond, which `datetime` can't hold.

    Raises:
        MappingError: it is no such time.
    """
    if not text:
        return None
    try:
        if text[19] == "Z" and len(text) == 20:
            return _second_ns(text[:19])
        if text[19] == "." and text[-1] == "Z" and (fraction := text[20:-1]).isdigit() and len(fraction) <= 9:
            return _second_ns(text[:19]) + int(fraction.ljust(9, "0"))
    except (ValueError, IndexError):
        pass
    raise MappingError("time", text, "no RFC 3339 time in UTC")
