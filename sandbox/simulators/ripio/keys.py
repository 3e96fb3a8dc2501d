"""Who may ask: accounts with their credentials, signatures, and how old a request may be. Pure.

Source: Ripio Trade API v4, Authorization.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from sandbox.simulators.ripio.refusals import Refusal

__all__ = ["Account", "Claim", "Keyring", "account_names", "new_account", "signature"]

TOLERANCE_MS, TOLERANCE_MS_MOST = 5_000, 60_000


def account_names(count: int) -> list[str]:
    """Return the names of the first `count` made-up accounts."""
    return [f"ripio-{n}" for n in range(1, count + 1)]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account and its only credentials; `name` is the operator's, `user_id` the venue's."""

    name: str
    user_id: str
    api_token: str
    api_secret: str
    blocked: bool = False
    read_only: bool = False


def new_account(name: str, credentials: tuple[str, str] | None = None) -> Account:
    """Return an account with these credentials (token and secret), or with made-up ones."""
    token, secret = credentials or (f"simulated-{secrets.token_hex(16)}", secrets.token_urlsafe(32))
    return Account(name=name, user_id=str(uuid4()).upper(), api_token=token, api_secret=secret)


def signature(secret: str, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
    """Return what a request is signed with; `path` begins with `/v4` and has no query."""
    message = f"{timestamp}{method}{path}".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a request says of itself, with what it signed: its headers, byte for byte its path and body."""

    token: str
    timestamp: str
    signature: str
    tolerance: str
    method: str
    path: str
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[str, str], method: str, path: str, body: bytes) -> "Claim":
        """Return the claim that a request's headers make; of a GET the body counts for nothing."""
        return cls(
            token=headers.get("Authorization", ""),
            timestamp=headers.get("Timestamp", ""),
            signature=headers.get("Signature", ""),
            tolerance=headers.get("Timestamp-tolerance", str(TOLERANCE_MS)),
            method=method,
            path=path,
            body=b"" if method == "GET" else body,
        )


class Keyring:
    """Knows every account, and the signatures that are still good enough to be used a second time."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_token = {account.api_token: account for account in accounts}
        self._used: dict[str, int] = {}

    @property
    def accounts(self) -> list[Account]:
        """Every account as it stands."""
        return list(self._by_token.values())

    def named(self, name: str) -> Account:
        """Return an account by its operator's name.

        Raises:
            KeyError: there is none.
        """
        return {account.name: account for account in self.accounts}[name]

    def change(self, name: str | None, *, blocked: bool = False, read_only: bool = False) -> None:
        """Block an account's token, or leave it nothing but reading; all of them without a name."""
        for account in self.accounts if name is None else [self.named(name)]:
            after = replace(account, blocked=account.blocked or blocked, read_only=account.read_only or read_only)
            self._by_token[account.api_token] = after

    def account(self, claim: Claim, now_ms: int) -> Account:
        """Return the account that a request is of.

        The documents do not say which fault of a request is told; here none is. A signature is good
        for one request: the timestamp is there to make it unique.

        Raises:
            Refusal: the request is not to be trusted.
        """
        account = self._by_token.get(claim.token)
        if account is None or not claim.timestamp.isdecimal() or not claim.timestamp.isascii():
            raise Refusal(40100)
        if account.blocked:
            raise Refusal(40100, "Blocked token")
        if not claim.tolerance.isdecimal() or int(claim.tolerance) > TOLERANCE_MS_MOST:
            raise Refusal(40000, f"Timestamp-tolerance must be at most {TOLERANCE_MS_MOST}.")
        expected = signature(account.api_secret, claim.timestamp, claim.method, claim.path, claim.body)
        is_signed = hmac.compare_digest(expected.encode(), claim.signature.encode(errors="replace"))
        if not is_signed or abs(now_ms - int(claim.timestamp)) > int(claim.tolerance):
            raise Refusal(40100)
        self._use(claim.signature, now_ms)
        return account

    def _use(self, used: str, now_ms: int) -> None:
        if self._used.get(used, 0) > now_ms:
            raise Refusal(40100)
        if len(self._used) > 10_000:
            self._used = {one: until_ms for one, until_ms in self._used.items() if until_ms > now_ms}
        self._used[used] = now_ms + 2 * TOLERANCE_MS_MOST
