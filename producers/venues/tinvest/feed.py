"""T-Invest's order-state stream over WebSocket, and what its messages are to a feed.

Sources: orders.proto, 1.49, the AsyncAPI description, and the pages "WebSocket" and "Order state
stream" of the venue's documentation.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from producers.feeds.venue import CallLimits, Heard, Meaning, OrderSeen, Reads, SnapshotCall, VenueDefaults, What
from producers.rest import RestAnswer
from producers.venue_settings import IN_HEADERS
from producers.venues.tinvest import meanings, snapshots
from producers.venues.tinvest.limits import limits_of
from producers.venues.tinvest.meanings import ErrorDetail, error_meaning
from producers.venues.tinvest.settings import VenueSettings, rest_headers
from producers.venues.tinvest.snapshots import OfAccount, OrderState, StopOrder

__all__ = ["VenueFeed"]

_STATUS_OK = ("RESULT_SUBSCRIPTION_STATUS_OK", 1)


class _Subscription(msgspec.Struct):
    status: str | int = ""
    accounts: tuple[str, ...] | None = None
    error: ErrorDetail | None = None


class _Payload(msgspec.Struct, rename="camel"):
    """OrderStateStreamResponse, as far as a feed looks into it."""

    order_state: OrderState | None = None
    stop_order_state: StopOrder | None = None
    subscription: _Subscription | None = None
    ping: Any = None


class _Frame(_Payload):
    """A message of the stream: the response, bare or in a `result`, or an error, bare or in an `error`."""

    result: _Payload | None = None
    error: ErrorDetail | str | None = None
    code: Any = None
    message: Any = ""


_read_frame = msgspec.json.Decoder(_Frame).decode
_fits_headers = re.compile(IN_HEADERS).fullmatch


def _refusal(frame: _Frame) -> Meaning:
    if frame.code is not None:
        return error_meaning(frame.code, frame.message)
    return error_meaning(*(frame.error.said() if isinstance(frame.error, ErrorDetail) else (frame.error,)))


def _account(state: OfAccount) -> str:
    # One that no header can carry is no account's name.
    return state.account_id if _fits_headers(state.account_id) else ""


def _account_within(data: bytes) -> str:
    """Return the account of a message of a kind not known yet: the first that anything in it names."""
    message = msgspec.json.decode(data)
    inner = message.get("result") or message
    for value in inner.values() if isinstance(inner, dict) else ():
        with suppress(msgspec.ValidationError):
            if account := _account(msgspec.convert(value, OfAccount)):
                return account
    return ""


class VenueFeed(VenueDefaults):
    """The order-state stream of one token: several accounts on one connection."""

    name = "tinvest"
    source = "order-state-stream"
    # "WebSocket": JSON with the names of the proto in camelCase.
    subprotocols = ("json",)

    def __init__(self, settings: VenueSettings) -> None:
        self._settings = settings
        self.accounts = settings.accounts
        self.stream_url = f"{settings.ws_url.rstrip('/')}/{snapshots.CONTRACT}.OrdersStreamService/OrderStateStream"
        self.stream_headers: Mapping[str, str] = rest_headers(settings)
        self.ca_file = settings.ca_file
        # The venue's Java SDK gives a stream up after three missed pings.
        self.silence_s = 3 * settings.ping_delay_ms / 1000
        self.reconciles = settings.reconcile
        self.limits: CallLimits = limits_of(settings.rest_url, settings.token)
        self.reads_per_minute: Mapping[str, int] = snapshots.READS_PER_MINUTE
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
        if frame.code is not None or frame.error not in (None, ""):
            return Heard(What.REFUSED, meaning=_refusal(frame))
        payload = frame.result or frame
        if payload.order_state is not None:
            return Heard(What.DATA, _account(payload.order_state), order=snapshots.seen_in_stream(payload.order_state))
        if payload.stop_order_state is not None:
            return Heard(
                What.DATA, _account(payload.stop_order_state), order=snapshots.stop_seen(payload.stop_order_state)
            )
        if payload.subscription is not None:
            return self._subscribed(payload.subscription)
        return self._unknown(data) if payload.ping is None else Heard(What.PING)

    def _unknown(self, data: bytes) -> Heard:
        try:
            return Heard(What.DATA, _account_within(data))
        except msgspec.DecodeError:  # what else is in it was passed over so far, such as a number out of range
            return Heard(What.UNREADABLE)

    def _subscribed(self, answer: _Subscription) -> Heard:
        if answer.status not in _STATUS_OK:
            error = answer.error or ErrorDetail(message=f"subscription status {answer.status}")
            return Heard(What.REFUSED, meaning=error_meaning(*error.said()))
        # To take an account for heard that is not would turn the venue's silence about it into a false alarm.
        missing = set(self.accounts) - set(answer.accounts) if answer.accounts else set()
        return Heard(What.REFUSED, meaning=meanings.missing_meaning(missing)) if missing else Heard(What.CONFIRMED)

    def close_meaning(self, code: int, reason: str) -> Meaning:
        """Say what a close code means."""
        return meanings.close_meaning(code, reason)

    def handshake_meaning(self, status: int) -> Meaning:
        """Say what the HTTP status of a refused hand-shake means."""
        return meanings.handshake_meaning(status)

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        """Return GetOrders, GetOrderState or GetStopOrders."""
        if reads is Reads.ORDER:
            return None if order is None else snapshots.order_call(account, order)
        if reads not in snapshots.CALLS:
            return None
        return snapshots.CALLS[reads](account, now_ns, self._settings.stop_orders_days)

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders of an answer; raise ValueError when it is none to that call."""
        return snapshots.READERS[source](body)

    def snapshot_meaning(self, source: str, answer: RestAnswer) -> Meaning:
        """Say what a refused call means."""
        return meanings.answer_meaning(answer, of_order=source == snapshots.GET_ORDER_STATE)
