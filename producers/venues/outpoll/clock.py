"""Tells a clock that is off from a key that is wrong: the venue refuses both alike.

A signature holds for 30 s around the venue's time (Outpoll, Private endpoints). Its answers carry that time in
the Date header of HTTP, to the second.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from producers.venues.outpoll.signing import TOLERANCE_S

__all__ = ["clock_complaint", "off_by_s"]

SECOND_NS = 1_000_000_000


def off_by_s(headers: Mapping[str, str], now_ns: int) -> int | None:
    """Return how many seconds the clock that says `now_ns` is ahead of the venue's; None where that is not told.

    `headers` are those of an answer that has just come, their names in lower case.
    """
    try:
        return now_ns // SECOND_NS - int(parsedate_to_datetime(headers.get("date", "")).timestamp())
    except (ValueError, OverflowError):
        return None


def clock_complaint(off_s: int | None) -> str:
    """Return what is wrong with a clock that is so far off; nothing if that explains no refusal."""
    if off_s is None or abs(off_s) <= TOLERANCE_S:
        return ""
    side = "ahead of" if off_s > 0 else "behind"
    return f"this machine's clock is {abs(off_s)} s {side} the venue's, which allows {TOLERANCE_S} s"
