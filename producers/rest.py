"""Calls to a venue's REST interface, with the one distinction that order entry lives on.

A call that failed either never left this machine (`NotSent`), so it may be made again, or may have
reached the venue (`OutcomeUnknown`), so it may not.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from dropcopy.errors import DropcopyError, SettingsError
from dropcopy.text import shown_url

__all__ = ["CallError", "NotSent", "OutcomeUnknown", "RestAnswer", "RestClient", "tls_context"]


# Of a call's time, what each of the TCP and the TLS hand-shake may take: together less than all of it,
# because httpx closes the socket of a hand-shake that runs into its own limit, not of one cancelled.
CONNECT_SHARE = 0.45

# More than any page of a list is, and than a record may hold: what is longer would only fill the memory.
ANSWER_MOST_BYTES = 16 * 1024 * 1024

_OF_JSON = {"content-type": "application/json"}


class CallError(DropcopyError):
    """A call brought no answer. `code` is a word for the reason, such as `TIMEOUT`."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NotSent(CallError):  # noqa: N818 -- says what is known, which "error" would not
    """No byte of the request left: there was no connection to send it on."""


class OutcomeUnknown(CallError):  # noqa: N818 -- as above
    """The request may have reached the venue, and no answer came back."""


class RestAnswer(NamedTuple):
    """What a venue answered, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def tls_context(ca_file: str | Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates of `ca_file` alone, or by default the usual ones.

    Raises:
        SettingsError: the file can't be read, or holds no certificate.
    """
    if not ca_file:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"the CA file {ca_file} can't be used: {error.strerror or error}",
            hint="Name a file of PEM certificates.",
        ) from None


class RestClient:
    """Makes calls to one venue over kept connections; an async context manager.

    `base_url` is what the paths of the calls are appended to, `headers` go with every call (and are
    never shown, for they hold the token), `timeout_s` is the time limit of a whole call, connecting
    included. A redirect is an answer like any other: credentials are not carried elsewhere.

    Raises:
        SettingsError: the address, a header or the CA file can't be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        ca_file: str | Path | None = None,
        timeout_s: float = 10,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable():
                raise SettingsError(f"the value of the header {name} (hidden) holds more than printable ASCII")
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            raise SettingsError(f"the address {base_url!r} is no URL: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise SettingsError(f"the address {base_url!r} is no http:// or https:// URL")
        self._client = httpx.AsyncClient(headers=dict(headers), verify=tls_context(ca_file))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the kept connections."""
        await self._client.aclose()

    async def post(self, path: str, body: bytes, *, timeout_s: float | None = None) -> RestAnswer:
        """Send `body` to `path` with POST, as `request` does."""
        return await self.request("POST", path, body, timeout_s=timeout_s)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> RestAnswer:
        """Make one call and return the answer, errors of the venue included.

        `body`, byte for byte what is sent, is JSON; nothing of it is said where it is empty. `path` may
        have a query, and may be a whole address, of another host of the venue. `headers` go with this
        call alone.

        Raises:
            NotSent: no connection could be made, so nothing reached the venue.
            OutcomeUnknown: the time ran out or the connection broke after the request may have gone out, or
                the answer is longer than any that makes sense.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        whole = path.startswith(("http://", "https://"))
        url = path if whole else f"{self.base_url}/{path.lstrip('/')}"
        began_to_send = False

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            # The method tells the call itself from a CONNECT that opens a proxy's tunnel for it.
            nonlocal began_to_send
            if event.endswith("send_request_headers.started") and info["request"].method == method.encode():
                began_to_send = True

        try:
            async with asyncio.timeout(limit_s):
                async with self._client.stream(
                    method,
                    url,
                    content=body,
                    headers={"accept": "application/json", **(_OF_JSON if body else {}), **(headers or {})},
                    # The limit of the whole call, which httpx has no setting for, is the one around it.
                    timeout=httpx.Timeout(None, connect=limit_s * CONNECT_SHARE),
                    extensions={"trace": trace},
                ) as answer:
                    return RestAnswer(answer.status_code, answer.headers, await _whole(answer))
        except _TooLarge:
            code, reason = "TOO_LARGE", f"the answer has more than {ANSWER_MOST_BYTES} bytes"
        except TimeoutError:
            code, reason = "TIMEOUT", f"no answer within {limit_s:.3g} s"
        except httpx.HTTPError as error:
            code, reason = "CUT", f"{type(error).__name__}: {error}".rstrip(": ")
        host = shown_url(url.partition("?")[0].rpartition("/")[0] if whole else self.base_url)
        if began_to_send:
            name = url.partition("?")[0].rpartition("/")[2]
            raise OutcomeUnknown(f"{name} at {host}: {reason}", code=code)
        raise NotSent(
            f"{host} can't be reached: {reason}",
            code="NOT_SENT",
            hint="Nothing was sent. Check the address, the network and the CA file.",
        )


class _TooLarge(Exception):  # noqa: N818 -- says what the answer is
    pass


async def _whole(answer: httpx.Response) -> bytes:
    """Read an answer's body, of whatever encoding, as far as it may be."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > ANSWER_MOST_BYTES:
            raise _TooLarge
    return bytes(body)
