"""T-Invest: the order-state stream over WebSocket, and GetOrders over REST to reconcile with.

Sources: the contract (orders.proto, 1.49), the AsyncAPI and OpenAPI descriptions, and of the venue's
documentation the pages "WebSocket", "Order state stream", "Error codes" and "Limits".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
from pydantic import BeforeValidator, Field, SecretStr, field_validator

from dropcopy.settings import SettingsGroup
from producers.feeds.venue import CLOSE_CODES, HTTP_STATUSES, Heard, Meaning, SnapshotCall, What, http_meaning
from producers.rest import RestAnswer

__all__ = ["VenueFeed", "VenueSettings", "rest_headers"]

_CONTRACT = "tinkoff.public.invest.api.contract.v1"


def _split(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


_Account = Annotated[str, Field(pattern=r"^[!-~]+$")]


class VenueSettings(SettingsGroup):
    """`DROPCOPY_TINVEST_…`: the token, the accounts it is to hear, and where the venue is.

    The venue's certificates are issued by the Russian Trusted Root CA, which ordinary trust stores
    lack: `ca_file` names a PEM file that holds it.
    """

    group: ClassVar[str] = "tinvest"

    token: SecretStr = Field(min_length=1)
    accounts: Annotated[tuple[_Account, ...], BeforeValidator(_split)] = Field(min_length=1)
    rest_url: str = Field(default="https://invest-public-api.tbank.ru/rest", pattern=r"^https?://[^/]")
    ws_url: str = Field(default="wss://invest-public-api.tbank.ru/ws", pattern=r"^wss?://[^/]")
    ca_file: Path | None = None
    # OrderStateStreamRequest: 1,000 to 120,000. The venue's own Java SDK asks for 5,000.
    ping_delay_ms: int = Field(default=5000, ge=1000, le=120_000)
    reconcile: bool = True

    @field_validator("token")
    @classmethod
    def _header_safe(cls, token: SecretStr) -> SecretStr:
        if not re.fullmatch("[!-~]+", token.get_secret_value()):
            raise ValueError("holds a space or a character that can't stand in a header")
        return token


def rest_headers(settings: VenueSettings) -> dict[str, str]:
    """Return the headers of every call ("gRPC", request headers; the same for REST)."""
    return {
        "authorization": f"Bearer {settings.token.get_secret_value()}",
        "x-app-name": "dropcopy",
        "user-agent": f"dropcopy/{version('dropcopy')}",
    }


_TOKEN_HINT = "Check DROPCOPY_TINVEST_TOKEN: it may be mistyped, revoked, or unused for three months."  # noqa: S105 -- a hint, no token
_ACCOUNT_HINT = "Check DROPCOPY_TINVEST_ACCOUNTS, and that the token may read each of them."

UNAUTHORIZED = Meaning("unauthorized", final=True, text="the venue refuses the token", hint=_TOKEN_HINT)
FORBIDDEN = Meaning("forbidden", final=True, text="the token has no right to this", hint=_ACCOUNT_HINT)
NOT_FOUND = Meaning("not_found", final=True, text="the venue does not know the account", hint=_ACCOUNT_HINT)
INVALID = Meaning("invalid_argument", final=True, text="the venue refuses the request", hint=_ACCOUNT_HINT)
LIMIT = Meaning("limit", wait_s=10)
FAILED = Meaning("venue_error")

# gRPC status numbers, which error frames carry as `code`, and close codes as 4000 + number
# ("WebSocket", errors: 4003, 4004, 4008, 4016; the others by the same pattern).
STATUSES = {3: INVALID, 4: Meaning("timeout"), 5: NOT_FOUND, 7: FORBIDDEN, 8: LIMIT, 12: INVALID, 16: UNAUTHORIZED}
# "WebSocket", errors; 3000 and 3003 are IANA's Unauthorized and Forbidden.
CLOSES = CLOSE_CODES | {3000: UNAUTHORIZED, 3003: FORBIDDEN} | {4000 + number: STATUSES[number] for number in STATUSES}
WRONG_URL = Meaning("not_found", final=True, hint="Check DROPCOPY_TINVEST_WS_URL: it ends in /ws.")
HANDSHAKES = HTTP_STATUSES | {401: UNAUTHORIZED, 403: FORBIDDEN, 404: WRONG_URL}
# "Error codes": five digits, of which the first tells the kind. The named ones differ from their kind.
CODES = {"40003": UNAUTHORIZED, "80004": Meaning("no_subscription"), "80005": Meaning("stream_lifetime")}
KINDS = {"1": INVALID, "3": INVALID, "4": FORBIDDEN, "5": NOT_FOUND, "7": FAILED, "8": LIMIT}
_CODE = re.compile(r"([1-9]\d{4})(?!\d)")

_STATUS_OK = ("RESULT_SUBSCRIPTION_STATUS_OK", 1)
_ORDER_STATUSES = [
    f"EXECUTION_REPORT_STATUS_{word}" for word in ("FILL", "REJECTED", "CANCELLED", "NEW", "PARTIALLYFILL")
]


class _Error(msgspec.Struct):
    """ErrorDetail, `rpcStatus` and the REST error body: `code` and `description` come as text or number."""

    code: str | int = ""
    message: str = ""
    description: str | int = ""

    def said(self) -> tuple[str | int, ...]:
        return self.code, self.description, self.message


class _Subscription(msgspec.Struct):
    status: str | int = ""
    accounts: tuple[str, ...] = ()
    error: _Error | None = None


class _OfAccount(msgspec.Struct, rename="camel"):
    account_id: str = ""


class _Ping(msgspec.Struct):
    pass


class _Payload(msgspec.Struct, rename="camel"):
    """OrderStateStreamResponse, as far as a feed looks into it."""

    order_state: _OfAccount | None = None
    stop_order_state: _OfAccount | None = None
    subscription: _Subscription | None = None
    ping: _Ping | None = None


class _Frame(_Payload):
    """A message of the stream: the response, bare or in a `result`, or an error, bare or in an `error`."""

    result: _Payload | None = None
    error: _Error | None = None
    code: str | int | None = None
    message: str = ""


class _Orders(msgspec.Struct):
    orders: list[msgspec.Raw] = msgspec.field(default_factory=list)


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_orders = msgspec.json.Decoder(_Orders).decode
_read_error = msgspec.json.Decoder(_Error).decode


def error_meaning(*said: str | int) -> Meaning:
    """Say what an error means by what the venue said of it: codes first, then its text.

    A five-digit code, which may also begin the text, tells more than a gRPC number, which comes
    first if at all. An error that is unknown may pass.
    """
    words = [str(part) for part in said if part != ""]
    five = next((found.group(1) for word in words if (found := _CODE.match(word))), None)
    if five is not None:
        meaning = CODES.get(five) or KINDS.get(five[0], FAILED)
    else:
        meaning = STATUSES.get(int(words[0]), FAILED) if words and words[0].isdecimal() else FAILED
    return _saying(meaning, " ".join(words))


def _saying(meaning: Meaning, said: str) -> Meaning:
    return meaning._replace(text=f"{meaning.text} ({said})" if meaning.text and said else meaning.text or said)


class VenueFeed:
    """The order-state stream of one token: several accounts on one connection."""

    name = "tinvest"
    source = "order-state-stream"
    # "WebSocket": JSON with the names of the proto in camelCase.
    subprotocols = ("json",)

    def __init__(self, settings: VenueSettings) -> None:
        self._settings = settings
        self.accounts = settings.accounts
        self.stream_url = f"{settings.ws_url.rstrip('/')}/{_CONTRACT}.OrdersStreamService/OrderStateStream"
        self.stream_headers: Mapping[str, str] = rest_headers(settings)
        self.ca_file = settings.ca_file
        # The venue's Java SDK gives a stream up after three missed pings.
        self.silence_s = 3 * settings.ping_delay_ms / 1000
        self.reconciles = settings.reconcile
        self.rest_url = settings.rest_url
        self.rest_headers: Mapping[str, str] = self.stream_headers

    async def greeting(self) -> tuple[bytes, ...]:
        """Return OrderStateStreamRequest, the one message that a client sends."""
        request = {"accounts": list(self.accounts), "pingDelayMillis": self._settings.ping_delay_ms}
        return (msgspec.json.encode(request),)

    def classify(self, data: bytes) -> Heard:
        """Say what a message is; of what can't be read, or is of a kind not known yet, only that it came."""
        try:
            frame = _read_frame(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Heard(What.UNREADABLE)
        error = _Error(frame.code, frame.message) if frame.code is not None else frame.error
        if error is not None:
            return Heard(What.REFUSED, meaning=error_meaning(*error.said()))
        payload = frame.result or frame
        state = payload.order_state or payload.stop_order_state
        if state is not None:
            return Heard(What.DATA, state.account_id)
        if payload.subscription is not None:
            return self._subscribed(payload.subscription)
        return Heard(What.DATA if payload.ping is None else What.PING)

    def _subscribed(self, answer: _Subscription) -> Heard:
        if answer.status not in _STATUS_OK:
            error = answer.error or _Error(message=f"subscription status {answer.status}")
            return Heard(What.REFUSED, meaning=error_meaning(*error.said()))
        # To take an account for heard that is not would turn the venue's silence about it into a false alarm.
        missing = set(self.accounts) - set(answer.accounts) if answer.accounts else set()
        if missing:
            text = f"the venue's subscription leaves out {', '.join(sorted(missing))}"
            return Heard(What.REFUSED, meaning=NOT_FOUND._replace(text=text))
        return Heard(What.CONFIRMED)

    def close_meaning(self, code: int, reason: str) -> Meaning:
        """Say what a close code means; a five-digit code in the reason tells more than the close code."""
        if _CODE.match(reason):
            return error_meaning(reason, f"close code {code}")
        return _saying(CLOSES.get(code, FAILED), f"close code {code}" + (f": {reason}" if reason else ""))

    def handshake_meaning(self, status: int) -> Meaning:
        """Say what the HTTP status of a refused hand-shake means."""
        return http_meaning(status, HANDSHAKES)

    def snapshot_call(self, account: str, now_ns: int) -> SnapshotCall:
        """Return GetOrders for today's orders of all statuses (the filters reach no further back)."""
        now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
        filters = {
            "from": f"{now:%Y-%m-%d}T00:00:00Z",
            "to": f"{now:%Y-%m-%dT%H:%M:%S}.{now_ns % 1_000_000_000:09d}Z",
            "executionStatus": _ORDER_STATUSES,
        }
        body = msgspec.json.encode({"accountId": account, "advancedFilters": filters})
        return SnapshotCall(f"{_CONTRACT}.OrdersService/GetOrders", body, "rest:GetOrders")

    def snapshot_orders(self, body: bytes) -> int:
        """Return how many orders a GetOrdersResponse holds; raise ValueError when it is none."""
        return len(_read_orders(body).orders)

    def snapshot_meaning(self, answer: RestAnswer) -> Meaning:
        """Say what a refused call means: by its error code if there is one, else by its status.

        `x-ratelimit-reset` is in seconds ("Limits").
        """
        try:
            error = _read_error(answer.body)
            meaning = error_meaning(*error.said())
        except (msgspec.DecodeError, UnicodeDecodeError):
            meaning = http_meaning(answer.status, HANDSHAKES)
        reset = answer.headers.get("x-ratelimit-reset", "")
        limited = answer.status == 429 or meaning.reason == "limit"
        return meaning._replace(wait_s=float(reset)) if limited and reset.isdecimal() else meaning
