"""The text of Outpoll's refusals. Pure.

Their form over REST is not documented; the streams' is `{"error": text}`, or a text as `r` (Outpoll, Order Updates;
Order Book).
"""

from typing import Any

import msgspec

__all__ = ["said"]

# A proxy may answer with a page of its own.
TEXT_MOST = 1000


class _Body(msgspec.Struct):
    error: Any = None
    message: Any = None
    r: Any = None


_read_body = msgspec.json.Decoder(_Body).decode


def said(body: bytes | msgspec.Raw) -> str:
    """Return the text in a refusal, if it has one."""
    try:
        found = _read_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return next((text[:TEXT_MOST] for text in (found.error, found.message, found.r) if isinstance(text, str)), "")
