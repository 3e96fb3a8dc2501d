"""Ripio's signatures.

    message   = timestamp + METHOD + path + body        nothing between them; the path without host and query
    signature = base64(HMAC-SHA256(secret, message))

The timestamp is Unix time in milliseconds, as text; the body the exact bytes that are sent, empty for a GET
(Ripio Trade API v4, Authorization, "Generating Signature"). The path includes the version, `/v4/orders`, as
the venue's own examples have it. Which path is signed at the newer host, https://api.ripio.com/trade, the
documents do not say: here it is the address's own.

The timestamp also guards "the uniqueness of the request signature" (the same, "Timestamp Security"), so no
two calls of a signer have the same.
"""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from producers.venues.ripio.settings import VenueSettings

__all__ = ["Signer", "signature"]

MILLISECOND_NS = 1_000_000


def signature(secret: str, timestamp_ms: int, method: str, path: str, body: bytes = b"") -> str:
    """Return the signature of a call to `path`, which is without its query."""
    message = f"{timestamp_ms}{method}{path}".encode() + body
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


class Signer:
    """Signs the calls of one token at one address."""

    def __init__(self, settings: "VenueSettings") -> None:
        self._token = settings.api_token
        self._secret = settings.api_secret
        self._tolerance_ms = settings.timestamp_tolerance_ms
        self._base = urlsplit(settings.rest_url).path.rstrip("/")
        self._last_ms = 0

    def headers(self, method: str, path: str, body: bytes, now_ns: int) -> dict[str, str]:
        """Return the headers of one call that is made now, to a path below the address, query included."""
        now_ms = now_ns // MILLISECOND_NS
        # One that is further ahead would be refused: the clock was set back, to a time that no call was signed at.
        is_valid = self._last_ms - now_ms < self._tolerance_ms
        self._last_ms = max(self._last_ms + 1, now_ms) if is_valid else now_ms
        whole = f"{self._base}/{path.partition('?')[0].lstrip('/')}"
        return {
            "Authorization": self._token.get_secret_value(),
            "Timestamp": str(self._last_ms),
            "Timestamp-tolerance": str(self._tolerance_ms),
            "Signature": signature(self._secret.get_secret_value(), self._last_ms, method, whole, body),
        }
