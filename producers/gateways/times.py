"""Times as RFC 3339 has them, to the nanosecond, both ways: on the wire in UTC, by a person with any offset. Pure."""

import re
from datetime import UTC, datetime

__all__ = ["to_ns", "to_timestamp"]

GIGA = 10**9
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)", re.ASCII)


def to_ns(text: str) -> int:
    """Return nanoseconds of Unix time.

    Raises:
        ValueError: the text is no RFC 3339 time with its offset.
    """
    parts = RFC_3339.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no time such as 2030-01-31T18:00:00Z")
    day, time, fraction, offset = parts.groups()
    try:
        second = datetime.fromisoformat(f"{day}T{time}{'+00:00' if offset in 'Zz' else offset}")
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    # Whole seconds: a float of them would not be exact.
    return int(second.timestamp()) * GIGA + int((fraction or "").ljust(9, "0"))


def to_timestamp(time_ns: int) -> str:
    """Return the time in UTC, with nine digits after the second."""
    seconds, rest = divmod(time_ns, GIGA)
    second = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{second.isoformat(timespec='seconds')}.{rest:09d}Z"
