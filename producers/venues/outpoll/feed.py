"""Outpoll's two private streams of orders, and what their messages are to a feed.

The order updates say that something became of an order, and not what; the history service, asked right after, does.
It may be behind: so it is asked once more with the next PING, and whenever its own order feed says something.

Sources: Outpoll, Order Updates; Order Feed; WebSocket API reference. The acknowledgement is `success` at one and
`SUCCESS` at the other; no subscription follows it. Whether a PING wants an answer is not documented.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from producers.feeds.venue import (
    CallLimits,
    Heard,
    Meaning,
    OrderSeen,
    Reads,
    Refused,
    SnapshotCall,
    VenueDefaults,
    What,
)
from producers.rest import CallError, RestAnswer, RestClient
from producers.venue_settings import plain_headers
from producers.venues.outpoll import meanings
from producers.venues.outpoll.limits import limits_of
from producers.venues.outpoll.lists import read_page
from producers.venues.outpoll.refusals import said
from producers.venues.outpoll.settings import VenueSettings
from producers.venues.outpoll.signing import auth_message, signed_headers
from producers.venues.outpoll.snapshots import ACTIVE, HISTORY, TPSL, TRADES, HistoryReader, TpslReader

__all__ = ["OrderFeed", "VenueFeed"]

PONG = b'{"t":"PONG","d":null,"r":null}'
# Of the call that tells a wrong clock from a wrong key.
CHECK_TIMEOUT_S = 5


class _Frame(msgspec.Struct):
    t: str = ""
    d: msgspec.Raw = msgspec.Raw(b"null")
    r: str | None = None


class _Update(msgspec.Struct):
    """The `d` of ORDER_UPDATE and TPSL_UPDATE, as far as a feed looks into it."""

    i: str = ""
    a: str = ""
    s: str = ""


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_update = msgspec.json.Decoder(_Update).decode
_is_ping = re.compile(rb'\s*\{[^{}]*"t"\s*:\s*"PING"', re.IGNORECASE).match


class _Stream(VenueDefaults):
    """What both streams have in common: the way in, and what is said about the connection.

    A first refusal is taken for final only after the clock has been looked at, before the next connection.
    """

    name = "outpoll"
    source = ""
    subprotocols: tuple[str, ...] = ()

    def __init__(self, settings: VenueSettings, clock: Callable[[], int] = time.time_ns) -> None:
        self._settings = settings
        self._clock = clock
        self._is_confirmed = False
        self._was_refused = False
        self.accounts = (settings.account,)
        self.stream_url = settings.ws_url
        self.stream_headers: Mapping[str, str] = plain_headers()
        self.ca_file = settings.ca_file
        self.silence_s = settings.silence_s
        self.reconciles = settings.reconcile
        self.limits: CallLimits = limits_of(settings)
        # All calls of a key share one budget.
        self.reads_per_minute: Mapping[str, int] = {}
        self.rest_url = settings.rest_url
        self.rest_headers: Mapping[str, str] = self.stream_headers

    async def greeting(self) -> tuple[bytes, ...]:
        """Return AUTH, signed now; after a refusal only once the clock is known not to be the reason.

        Raises:
            Refused: the clock is off, or the key is blocked.
        """
        self._is_confirmed = False
        if self._was_refused:
            await self._check_clock()
        return (auth_message(self._settings, self._clock()),)

    async def _check_clock(self) -> None:
        call = HistoryReader(self._settings.history_url).newest(HISTORY, self._clock())
        async with RestClient(
            self.rest_url, headers=self.rest_headers, ca_file=self.ca_file, timeout_s=CHECK_TIMEOUT_S
        ) as client:
            try:
                answer = await client.request("GET", call.path, headers=self.call_headers(call, self._clock()))
            except CallError:
                return  # it tells nothing, and the stream may be there all the same
        clock = meanings.clock_meaning(answer, self._clock())
        if clock is not None or answer.status == 403:
            raise Refused(clock or meanings.answer_meaning(answer, self._clock()))

    def classify(self, data: bytes) -> Heard:
        """Say what a message is; of what can't be read, or is of a kind not known yet, only that it came."""
        try:
            frame = _read_frame(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Heard(What.UNREADABLE)
        match frame.t.upper():
            case "PING":
                return self._ping()
            case "SUCCESS":
                self._is_confirmed, self._was_refused = True, False
                return Heard(What.CONFIRMED)
            case "ERROR":
                return self._error(said(frame.d) or frame.r or "")
        try:
            return self._told(frame.t.upper(), frame.d)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Heard(What.UNREADABLE)

    def _error(self, text: str) -> Heard:
        meaning = meanings.error_meaning(text, final=self._was_refused)
        refuses = meaning.reason == meanings.unauthorized("", final=True).reason
        if self._is_confirmed and not refuses:
            return Heard(What.DATA)  # an answer to something that was sent, and not to be taken for the end
        self._was_refused |= refuses
        return Heard(What.REFUSED, meaning=meaning)

    def _ping(self) -> Heard:
        return Heard(What.PING)

    def _told(self, kind: str, data: msgspec.Raw) -> Heard:
        raise NotImplementedError

    def answer(self, data: bytes) -> bytes | None:
        """Return PONG to a PING, where the settings want that."""
        return PONG if self._settings.pong and _is_ping(data) else None

    def close_meaning(self, code: int, reason: str) -> Meaning:
        """Say what a close code means."""
        return meanings.close_meaning(code, reason)

    def handshake_meaning(self, status: int) -> Meaning:
        """Say what the HTTP status of a refused hand-shake means."""
        return meanings.handshake_meaning(status)

    def call_headers(self, call: SnapshotCall, now_ns: int) -> Mapping[str, str]:
        """Return the signature of a call that is made now."""
        url = call.path if call.path.startswith("http") else f"{self.rest_url.rstrip('/')}/{call.path.lstrip('/')}"
        return signed_headers(self._settings, call.method, url, call.body, now_ns)

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        """Read nothing."""
        return None

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        """Know no orders."""
        return ()

    def snapshot_meaning(self, source: str, answer: RestAnswer) -> Meaning:
        """Say what a refused call means."""
        return meanings.answer_meaning(answer, self._clock())


class VenueFeed(_Stream):
    """The order updates of one key, and the calls that tell what became of the orders."""

    source = "order-updates"

    def __init__(self, settings: VenueSettings, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(settings, clock)
        self._history = HistoryReader(settings.history_url)
        self._tpsl = TpslReader(settings.rest_url)
        self._is_to_ask_again = False

    async def greeting(self) -> tuple[bytes, ...]:
        """Return AUTH, as every stream does, and begin anew with what is to be read."""
        self._tpsl.connected()
        return await super().greeting()

    def _ping(self) -> Heard:
        again, self._is_to_ask_again = self._is_to_ask_again, False
        return Heard(What.PING, self.accounts[0], read_up=again)

    def _told(self, kind: str, data: msgspec.Raw) -> Heard:
        if kind not in ("ORDER_UPDATE", "TPSL_UPDATE"):
            return Heard(What.DATA)
        update = _read_update(data)
        self._is_to_ask_again = True
        if kind == "TPSL_UPDATE":
            order = self._tpsl.note(update.i, update.a, update.s)
        else:
            # Whether the order is open is not said.
            order = OrderSeen("", update.i, None)
        return Heard(What.DATA, self.accounts[0], order=order, read_up=True)

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        """Return the call that reads this; fills come with those of the account."""
        match reads:
            case Reads.ORDERS_OF_DAY:
                return self._history.newest(HISTORY, now_ns)
            case Reads.TRADES:
                return self._history.newest(TRADES, now_ns) if order is None else None
            case Reads.OPEN_ORDERS:
                return self._history.active()
            case Reads.ORDER:
                return self._history.older(order.venue_order_id) if order is not None else None
            case Reads.STOP_ORDERS_OF_DAY:
                return self._tpsl.active(now_ns)
            case Reads.STOP_ORDERS:
                return self._tpsl.ended()
            case _:
                return None

    def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        """Return the call for the next page of a list, or for the next asset."""
        return self._tpsl.next(call) if call.source == TPSL else self._history.next(call, body)

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders of an answer; raise ValueError when it is none to that call."""
        if source == TPSL:
            return self._tpsl.orders(body)
        if source not in (HISTORY, ACTIVE):
            return ()
        self._tpsl.note_assets(item.a for item in reversed(read_page(body).items))
        return self._history.orders(body)

    def snapshot_meaning(self, source: str, answer: RestAnswer) -> Meaning:
        """Say what a refused call means."""
        if source == TPSL and answer.status == 400:
            self._tpsl.refused()
        return super().snapshot_meaning(source, answer)


class OrderFeed(_Stream):
    """The history service's own stream: what it says is not documented, so it only says when to read.

    Empty where it is not to be read.
    """

    source = "order-feed"
    marks = False

    def __init__(self, settings: VenueSettings, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(settings, clock)
        self.stream_url = settings.order_feed_url

    def _told(self, kind: str, data: msgspec.Raw) -> Heard:
        return Heard(What.DATA, self.accounts[0], read_up=True)
