"""Who may ask: accounts with their keys, signatures, and how far a client's clock may be off. Pure.

Sources: Outpoll, Private Endpoints ("Authentication", "Signature example"), WebSocket API Reference.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from sandbox.simulators.outpoll.refusals import Refusal

__all__ = ["TOLERANCE_S", "Account", "Claim", "Keyring", "account_names", "new_account", "signature"]

# How far a timestamp may be from the venue's clock.
TOLERANCE_S = 30


def account_names(count: int) -> list[str]:
    """Return the names of the first `count` made-up accounts."""
    return [f"outpoll-{n}" for n in range(1, count + 1)]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account and its only key; `name` is the operator's, `user_id` the venue's."""

    name: str
    user_id: str
    api_key: str
    api_secret: str


def new_account(name: str, api_key: str | None = None, api_secret: str | None = None) -> Account:
    """Return an account with this key, or with a made-up one."""
    return Account(
        name=name,
        user_id=str(uuid4()),
        api_key=api_key or f"op_k_{secrets.token_hex(12)}",
        api_secret=api_secret or secrets.token_urlsafe(32),
    )


def signature(secret: str, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
    """Return what a request is signed with; `secret` is base64url, padded or not, the result is not."""
    try:
        key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except binascii.Error:
        raise ValueError("the secret is no base64url") from None
    message = f"{timestamp}{method}{path}".encode(errors="replace") + body
    return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Claim:
    """What a client says of itself, with what it signed; each text is empty where it said nothing."""

    api_key: str
    signature: str
    timestamp: str
    method: str
    path: str
    body: bytes = b""


class Keyring:
    """The accounts by their keys, and the keys that are blocked for good."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.api_key: account for account in accounts}
        self._blocked: set[str] = set()

    def block(self, name: str | None = None) -> None:
        """Block the key of an account, or of every account."""
        self._blocked |= {key for key, account in self._accounts.items() if name in (None, account.name)}

    def check(self, claim: Claim, now_s: float) -> Account:
        """Return the account that a claim proves.

        Raises:
            Refusal: it proves none: the key is unknown, the signature is not of it, the timestamp is no
                number of seconds or too far from `now_s`, or the key is blocked.
        """
        account = self._accounts.get(claim.api_key)
        if account is None or not _is_signed(claim, account.api_secret):
            raise Refusal(401, "Missing or invalid API key / signature")
        if not _is_near(claim.timestamp, now_s):
            raise Refusal(401, f"Timestamp is not within {TOLERANCE_S} seconds of server time")
        if claim.api_key in self._blocked:
            raise Refusal(403, "API key permanently blocked")
        return account


def _is_signed(claim: Claim, secret: str) -> bool:
    expected = signature(secret, claim.timestamp, claim.method, claim.path, claim.body)
    return hmac.compare_digest(expected.encode(), claim.signature.encode(errors="replace"))


def _is_near(timestamp: str, now_s: float) -> bool:
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 20
    return is_number and abs(int(timestamp) - now_s) <= TOLERANCE_S
