"""Ripio's private topics over WebSocket, and what their messages are to a feed.

Sources: Ripio Trade API v4, "WebSocket Stream", "Ticket", and the topics order_status, user_trades and
balance. The documents do not show what a subscribe, a ping or a mistake is answered with. So any message
that tells of no error confirms the subscription, and one without a body is a sign of life, no more.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from dropcopy.errors import SettingsError
from producers.feeds.venue import (
    CLOSE_CODES,
    HTTP_STATUSES,
    NO_SUCH_ORDER,
    CallLimits,
    Heard,
    Meaning,
    OrderSeen,
    Reads,
    Refused,
    SnapshotCall,
    VenueDefaults,
    What,
    http_meaning,
)
from producers.rest import RestAnswer, RestClient
from producers.venue_settings import plain_headers
from producers.venues.ripio import snapshots
from producers.venues.ripio.errors import RipioError, read_error
from producers.venues.ripio.limits import limits_of
from producers.venues.ripio.settings import VenueSettings
from producers.venues.ripio.signing import Signer

__all__ = ["TOPICS", "VenueFeed"]

TOPICS: Final = ("order_status", "user_trades", "balance")
_ORDER_STATUS: Final = "order_status"
# The client's message has `topics` even with `ping` ("WebSocket Stream", IRequest).
_PING: Final = b'{"method":"ping","topics":[]}'
# "Some topics will send a welcome message, which will have an id value of -1."
_WELCOME: Final = -1
_TICKET: Final = "CreateTicket"
_TICKET_TURN_S: Final = 5.0

_DAY_LIMIT: Final = "limit exceeded"
_DAY_LIMIT_WAIT_S: Final = 60.0
_HINTED: Final = {401: "unauthorized", 403: "forbidden", 404: "not_found"}
_WRONG_URL: Final = Meaning("not_found", final=True, hint="Check DROPCOPY_RIPIO_WS_URL.")
_HANDSHAKES: Final = HTTP_STATUSES | {404: _WRONG_URL}


class _Message(msgspec.Struct):
    """A message of the stream, as far as a feed looks into it, an error by any of the names it may have."""

    id: Any = None
    topic: Any = None
    body: Any = None
    method: Any = None
    status: Any = None
    error: Any = None
    error_code: Any = None
    message: Any = None


class _Ticket(msgspec.Struct):
    ticket: str


class _TicketAnswer(msgspec.Struct):
    data: _Ticket


_read_message = msgspec.json.Decoder(_Message).decode
_read_ticket = msgspec.json.Decoder(_TicketAnswer).decode


class VenueFeed(VenueDefaults):
    """The private topics of one user on one connection.

    Raises on making it:
        SettingsError: it is to reconcile, and no pair is named.
    """

    name = "ripio"
    source = _ORDER_STATUS
    subprotocols: tuple[str, ...] = ()

    def __init__(self, settings: VenueSettings) -> None:
        if settings.reconcile and not settings.pairs:
            raise SettingsError(
                "DROPCOPY_RIPIO_PAIRS is missing: Ripio lists orders by pair, and so is found what the stream lost",
                hint="Name all that the account trades, such as BTC_BRL,ETH_BRL.",
            )
        self._signer = Signer(settings)
        self.accounts: tuple[str, ...] = (settings.account,)
        self.stream_url = settings.ws_url
        self.stream_headers: Mapping[str, str] = plain_headers()
        self.ca_file = settings.ca_file
        self.silence_s = settings.silence_s
        self.keepalive: tuple[float, bytes] | None = (settings.ping_every_s, _PING)
        self.reconciles = settings.reconcile
        self.rest_url = settings.rest_url
        self.rest_headers: Mapping[str, str] = plain_headers()
        self._limits = limits_of(settings.rest_url, settings.api_token, settings.calls_per_s)
        self.limits: CallLimits = self._limits
        # Six kinds of calls, together half of what the token may.
        share = max(1, int(settings.calls_per_s * 60 / 2 / len(snapshots.SOURCES)))
        self.reads_per_minute: Mapping[str, int] = dict.fromkeys(snapshots.SOURCES, share)
        self._pairs = settings.pairs
        self._last_ids: dict[str, int] = {}
        self._confirmed = False

    async def greeting(self) -> tuple[bytes, ...]:
        """Return the subscription, with a ticket of its own, and a ping."""
        ticket = await self._ticket()
        self._last_ids.clear()
        self._confirmed = False
        subscribe = {"method": "subscribe", "topics": list(TOPICS), "ticket": ticket}
        return msgspec.json.encode(subscribe), _PING

    async def _ticket(self) -> str:
        """Return a new ticket; how long one lives, and for how many connections, the documents do not say."""
        async with (
            self._limits.turn(_TICKET, urgent=True, timeout_s=_TICKET_TURN_S),
            RestClient(self.rest_url, headers=self.rest_headers, ca_file=self.ca_file) as client,
        ):
            headers = self._signer.headers("POST", "ticket", b"", time.time_ns())
            answer = await client.request("POST", "ticket", headers=headers)
            self._limits.learn(_TICKET, answer.headers, answer.status)
        if answer.status != 200:
            raise Refused(_meaning(read_error(answer)))
        try:
            return _read_ticket(answer.body).data.ticket
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = "the venue answered the call for a ticket with what is none"
            raise Refused(Meaning("no_ticket", text=text)) from None

    def classify(self, data: bytes) -> Heard:
        """Say what a message is; of what can't be read, only that it came."""
        try:
            message = _read_message(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Heard(What.UNREADABLE)
        if refusal := _refusal(message):
            return Heard(What.REFUSED, meaning=refusal)
        what = What.DATA if isinstance(message.body, dict) else What.PING
        if not self._confirmed:
            self._confirmed, what = True, What.CONFIRMED
        topic = message.topic if isinstance(message.topic, str) and message.topic in TOPICS else ""
        if not topic or message.body is None:
            return Heard(what)
        return Heard(what, self.accounts[0], order=self._order(message), source=topic, gap=self._gap(topic, message.id))

    def _order(self, message: _Message) -> OrderSeen | None:
        if message.topic != _ORDER_STATUS:
            return None
        try:
            order = msgspec.convert(message.body, snapshots.Order)
        except msgspec.ValidationError:
            return None
        self._know_pairs({order.pair} if isinstance(order.pair, str) else set())
        return snapshots.seen(order) if order.id or order.external_id else None

    def _gap(self, topic: str, number: Any) -> str:
        """Return what is missing between a topic's last message and this one, by their numbers.

        Each topic counts its messages to a user, anew on each connection perhaps ("WebSocket Stream", id).
        """
        if not isinstance(number, int) or isinstance(number, bool) or number == _WELCOME:
            return ""
        last = self._last_ids.get(topic)
        self._last_ids[topic] = number if last is None else max(last, number)
        if last is None or number <= last + 1:
            return ""
        return f"{topic} {last + 1}" + (f"..{number - 1}" if number > last + 2 else "")

    def _know_pairs(self, pairs: set[str]) -> None:
        self._pairs += tuple(sorted(pairs.difference(self._pairs)))

    def close_meaning(self, code: int, reason: str) -> Meaning:
        """Say what a close code means: the documents name none of the venue's own."""
        meaning = CLOSE_CODES.get(code) or Meaning("venue_error")
        return meaning._replace(text=meaning.text or f"close code {code}" + (f": {reason}" if reason else ""))

    def handshake_meaning(self, status: int) -> Meaning:
        """Say what the HTTP status of a refused hand-shake means."""
        return http_meaning(status, _HANDSHAKES)

    def snapshot_call(
        self, reads: Reads, account: str, now_ns: int, order: OrderSeen | None = None
    ) -> SnapshotCall | None:
        """Return the first page's call; stop orders are orders like any other here."""
        match reads:
            case Reads.ORDERS_OF_DAY:
                return snapshots.orders_call(self._pairs[0], now_ns)
            case Reads.OPEN_ORDERS:
                return snapshots.open_orders_call()
            case Reads.TRADES if order is None:
                return snapshots.trades_call(self._pairs[0], now_ns)
            case Reads.TRADES if order is not None:
                return snapshots.trades_of_order_call(order)
            case Reads.ORDER if order is not None:
                return snapshots.order_call(order)
        return None

    def snapshot_next(self, call: SnapshotCall, body: bytes) -> SnapshotCall | None:
        """Return the next page's call, of this pair or of the next."""
        return snapshots.next_page(call, body, self._pairs)

    def call_headers(self, call: SnapshotCall, now_ns: int) -> Mapping[str, str]:
        """Return the call's signature."""
        return self._signer.headers(call.method, call.path, call.body, now_ns)

    def snapshot_orders(self, source: str, body: bytes) -> Sequence[OrderSeen]:
        """Return the orders of an answer; raise ValueError when it is none to that call."""
        self._know_pairs(snapshots.pairs_in(source, body))
        return snapshots.READERS[source](body)

    def snapshot_meaning(self, source: str, answer: RestAnswer) -> Meaning:
        """Say what a refused call means."""
        error = read_error(answer)
        meaning = _meaning(error)
        if meaning.reason == _HINTED[404] and source in snapshots.OF_ONE_ORDER:
            return meaning._replace(reason=NO_SUCH_ORDER)
        return meaning


def _refusal(message: _Message) -> Meaning | None:
    """Return what an error means, if a message is one: by its code as of REST.

    It passes, for a new connection has a new ticket, whose call tells of credentials that are wrong; only
    that the token has no right to a topic does not.
    """
    code = message.error_code if message.error_code not in (None, "", 0) else None
    said = message.error or (message.message if message.status == "error" else None)
    if isinstance(said, dict):
        code, said = said.get("error_code", said.get("code", code)), said.get("message", said)
    if code is None and not said:
        return None
    text = str(said or message.message or "the venue refuses the subscription")
    error = read_error(RestAnswer(0, {}, msgspec.json.encode({"error_code": code, "message": text})))
    if not error.code.isdecimal():
        return Meaning("refused", text=text, wait_s=1)
    meaning = _meaning(error)
    return meaning._replace(final=meaning.reason == _HINTED[403], wait_s=max(meaning.wait_s, 1))


def _meaning(error: RipioError) -> Meaning:
    """Say what a refusal means to a feed."""
    status = int(error.code[:3]) if error.code.isdecimal() else error.http_status
    meaning = http_meaning(status)
    if status == 429:
        of_day = _DAY_LIMIT in error.text.lower()
        meaning = Meaning("limit", wait_s=_DAY_LIMIT_WAIT_S if of_day else 1)
    hint = error.advice if status in _HINTED else meaning.hint
    return meaning._replace(text=f"{error.code}: {error.text}", hint=hint)
