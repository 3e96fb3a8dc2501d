"""Outpoll's signatures, of calls and of the AUTH message of a stream.

    message   = timestamp + METHOD + path + body        nothing between them; the path without host and query
    signature = base64url(HMAC-SHA256(base64url_decode(secret), message)), without padding

The timestamp is Unix time in seconds, as text, and must be within 30 s of the venue's clock. Both private
streams are signed as `GET` of `/order/ws`, whatever their address (Outpoll, Private endpoints; WebSocket API
reference; Order Updates).
"""

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from producers.venues.outpoll.settings import VenueSettings

__all__ = ["STREAM_PATH", "TOLERANCE_S", "auth_message", "key_of", "signature", "signed_headers"]

SECOND_NS = 1_000_000_000
TOLERANCE_S = 30
STREAM_PATH = "/order/ws"
_BASE64URL = re.compile(r"([A-Za-z0-9_-]+)={0,2}")


def signature(secret: str, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
    """Return the signature of a call; `secret` is base64url, padded or not.

    Raises:
        ValueError: the secret is no base64url.
    """
    message = f"{timestamp}{method}{path}".encode() + body
    return base64.urlsafe_b64encode(hmac.digest(key_of(secret), message, hashlib.sha256)).decode().rstrip("=")


def key_of(secret: str) -> bytes:
    """Return the bytes that a secret stands for.

    Raises:
        ValueError: it is no base64url text.
    """
    found = _BASE64URL.fullmatch(secret)
    if found is None or len(found[1]) % 4 == 1:
        raise ValueError("is no base64url text, as the venue shows the secret when the key is made")
    return base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))


def signed_headers(settings: "VenueSettings", method: str, url: str, body: bytes, now_ns: int) -> dict[str, str]:
    """Return the headers of one call made now, to a whole address or a path.

    There is no Authorization header among them: the venue answers 400 to a call that has both (Outpoll,
    Private endpoints).
    """
    timestamp = str(now_ns // SECOND_NS)
    secret = settings.api_secret.get_secret_value()
    return {
        "OUTPOLL-API-KEY": settings.api_key.get_secret_value(),
        "OUTPOLL-API-SIGNATURE": signature(secret, timestamp, method, urlsplit(url).path, body),
        "OUTPOLL-API-TIMESTAMP": timestamp,
    }


def auth_message(settings: "VenueSettings", now_ns: int) -> bytes:
    """Return the message that a private stream wants to hear first."""
    timestamp = str(now_ns // SECOND_NS)
    return msgspec.json.encode(
        {
            "t": "AUTH",
            "d": {
                "apiKey": settings.api_key.get_secret_value(),
                "signature": signature(settings.api_secret.get_secret_value(), timestamp, "GET", STREAM_PATH),
                "timestamp": timestamp,
            },
        }
    )
