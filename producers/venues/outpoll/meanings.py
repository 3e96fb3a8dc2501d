"""What Outpoll's refusals mean to a feed.

Sources: Outpoll, Order Updates (authentication), Private endpoints (common errors), WebSocket API reference. A stream
that refuses says "Invalid or missing credentials" to a wrong key, a wrong signature and a clock that is off alike.
"""

import re

from producers.feeds.venue import CLOSE_CODES, HTTP_STATUSES, Meaning, http_meaning
from producers.rest import RestAnswer
from producers.venues.outpoll.clock import clock_complaint, off_by_s
from producers.venues.outpoll.refusals import said

__all__ = ["answer_meaning", "clock_meaning", "close_meaning", "error_meaning", "handshake_meaning", "unauthorized"]

_KEY_HINT = (
    "Check DROPCOPY_OUTPOLL_API_KEY and DROPCOPY_OUTPOLL_API_SECRET: of several keys the one made last is valid."
)
UNAUTHORIZED = Meaning("unauthorized", final=True, text="the venue refuses the key or the signature", hint=_KEY_HINT)
BLOCKED = Meaning("forbidden", final=True, text="the venue has blocked the key for good", hint="Make a new key.")
CLOCK = Meaning("clock", wait_s=10, hint="Set the clock right (NTP).")
FAILED = Meaning("venue_error")

_ANSWERS = HTTP_STATUSES | {401: UNAUTHORIZED, 403: BLOCKED}
_WRONG_URL = Meaning("not_found", final=True, hint="Check DROPCOPY_OUTPOLL_WS_URL: it ends in /order/ws.")
_HANDSHAKES = _ANSWERS | {404: _WRONG_URL}
_OF_CREDENTIALS = re.compile(r"credential|signature|unauthori[sz]ed|api key|timestamp", re.IGNORECASE)


def unauthorized(text: str, *, final: bool) -> Meaning:
    """Return what it means that the key is refused; at first it is not final, for it may be the clock."""
    return UNAUTHORIZED._replace(final=final, text=f"{UNAUTHORIZED.text} ({text})" if text else UNAUTHORIZED.text)


def error_meaning(text: str, *, final: bool) -> Meaning:
    """Say what an error of a stream means; one that is not known may pass."""
    return unauthorized(text, final=final) if _OF_CREDENTIALS.search(text) else FAILED._replace(text=text)


def clock_meaning(answer: RestAnswer, now_ns: int) -> Meaning | None:
    """Say that the clock is off, by an answer that has just come; None if it is not, or that can't be told."""
    complaint = clock_complaint(off_by_s(answer.headers, now_ns))
    return CLOCK._replace(text=complaint) if complaint else None


def close_meaning(code: int, reason: str) -> Meaning:
    """Say what a close code means."""
    text = f"close code {code}" + (f": {reason}" if reason else "")
    return CLOSE_CODES.get(code, FAILED)._replace(text=text)


def handshake_meaning(status: int) -> Meaning:
    """Say what the HTTP status of a refused hand-shake means."""
    return http_meaning(status, _HANDSHAKES)


def answer_meaning(answer: RestAnswer, now_ns: int) -> Meaning:
    """Say what a refused call means; `retry-after` is in seconds, where the venue tells it."""
    if answer.status == 401 and (clock := clock_meaning(answer, now_ns)):
        return clock
    meaning = http_meaning(answer.status, _ANSWERS)
    if text := said(answer.body):
        meaning = meaning._replace(text=f"{meaning.text} ({text})")
    after = answer.headers.get("retry-after", "")
    return meaning._replace(wait_s=float(after)) if answer.status == 429 and after.isdecimal() else meaning
