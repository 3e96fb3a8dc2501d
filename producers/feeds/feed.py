"""Runs the life cycle of `producers.feeds.connection` on a real WebSocket and a real clock.

One connection at a time, in a task of its own that reads, and a ticker. Both hand what happens to
`step` and do at once what it answers; nothing is awaited in between, so the records of one step stand
together. The task reads only while the recorder has room: behind it the library's small queue fills,
then TCP's window closes, and the venue is held back.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from dropcopy.errors import DropcopyError, VenueError
from dropcopy.logs import get_logger
from producers.feeds import metrics
from producers.feeds.connection import SECOND_NS, Limits, Phase, State, step
from producers.feeds.events import (
    Abort,
    Action,
    Close,
    Closed,
    Failed,
    Held,
    Input,
    KeepAlive,
    Mark,
    Message,
    Open,
    Opened,
    Publish,
    Released,
    Retry,
    Send,
    Stop,
    StopAsked,
    Tick,
)
from producers.feeds.streams import close_meaning, open_failure, open_stream
from producers.feeds.venue import Heard, Meaning, Venue, What
from producers.rest import tls_context
from schemas.headers import Kind

__all__ = ["Feed", "FollowUp", "Hear", "Log"]

_TICK_S = 0.1
# What waits to be sent is little: a venue that takes none of it is silent soon enough.
_UNSENT_MESSAGES = 100

log = get_logger(__name__)


class Log(Protocol):
    """Where a feed writes: `producers.feeds.recorder.Recorder` is one."""

    limit_bytes: int

    @property
    def full(self) -> bool:
        """Whether reading has to wait."""

    async def room(self) -> None:
        """Wait until there is room."""

    def check(self) -> None:
        """Raise what ended the delivery, if anything did."""

    def write(self, connection: str, account: str, source: str, kind: Kind, value: bytes, received_ns: int) -> None:
        """Queue one record."""


FollowUp = Callable[[str], Coroutine[Any, Any, None]]
Hear = Callable[[Heard], None]


def with_keepalive(limits: Limits, venue: Venue) -> Limits:
    """Return the limits with how often the venue wants to hear of its client."""
    if venue.keepalive is None:
        return limits
    return replace(limits, keepalive_ns=int(venue.keepalive[0] * SECOND_NS))


class Feed:
    """The feed of one venue, until it is stopped or refused for good.

    `name` stays the same across its connections and restarts. `follow_up` is started with the
    connection's UUID once a connection is confirmed, and cancelled when it ends. `hear` is told what
    each recorded message was. Limits, clock and chance have their defaults.
    """

    def __init__(
        self,
        venue: Venue,
        recorder: Log,
        *,
        name: str = "main",
        limits: Limits | None = None,
        follow_up: FollowUp | None = None,
        hear: Hear | None = None,
        clock: Callable[[], int] = time.time_ns,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._venue = venue
        self._name = name
        self._recorder = recorder
        self._limits = with_keepalive(limits or Limits(silence_ns=int(venue.silence_s * SECOND_NS)), venue)
        self._follow_up = follow_up
        self._hear = hear
        self._clock = clock
        self._chance = chance
        self._log = log.bind(venue=venue.name)
        self._tls = tls_context(venue.ca_file) if venue.stream_url.startswith("wss:") else None
        self._state = State()
        self._connection = ""
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[tuple[ClientConnection, tuple[bytes, ...]]] | None = None
        self._following: asyncio.Task[None] | None = None
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(_UNSENT_MESSAGES)
        self._ended = asyncio.Event()
        self._error: Meaning | None = None
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """Record the venue's frames until `stop`.

        Raises:
            VenueError: the venue refused for good.
            ClusterError: Kafka refused for good.
        """
        self._show_up(False)  # one that never gets through is seen to be down as well
        try:
            async with asyncio.TaskGroup() as self._tasks:
                ticker = self._tasks.create_task(self._tick())
                await self._ended.wait()
                ticker.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._show_up(False)
        if self._error is not None:
            raise VenueError(
                f"{self._venue.name}: {self._error.text or self._error.reason}", hint=self._error.hint
            ) from None

    def stop(self) -> None:
        """Ask the feed to close its connection and end; `run` returns when it has."""
        self._step(StopAsked())

    def problem(self) -> str | None:
        """Say what keeps the venue's frames from being recorded; None while its subscription is confirmed."""
        phase = self._state.phase
        return None if phase is Phase.LIVE else f"the subscription is not confirmed ({phase.value})"

    async def _tick(self) -> None:
        held = False
        while True:
            self._recorder.check()
            if self._recorder.full != held:
                held = not held
                self._log.warning("held_back" if held else "released")
                self._step(Held() if held else Released())
            self._step(Tick())
            await asyncio.sleep(_TICK_S)

    def _step(self, event: Input) -> None:
        self._state, actions = step(self._state, event, self._clock(), limits=self._limits, chance=self._chance())
        for action in actions:
            self._perform(action)

    def _perform(self, action: Action) -> None:
        match action:
            case Publish(data, account, received_ns, source):
                self._publish(Kind.FRAME, account or self._venue.accounts[0], data, received_ns, source)
            case Mark():
                self._mark(action)
            case Open():
                self._reader = self._tasks.create_task(self._connect())
            case Send(data):
                self._send(data)
            case KeepAlive() if self._venue.keepalive is not None:
                self._send(self._venue.keepalive[1])
            case Close():
                self._close()
            case Abort():
                if self._reader is not None:
                    self._reader.cancel()
            case Retry(delay_s, meaning):
                metrics.CONNECTIONS_ENDED.labels(self._venue.name, meaning.reason).inc()
                self._log.warning("retrying", reason=meaning.reason, detail=meaning.text, delay_s=round(delay_s, 3))
            case Stop(error):
                self._error = error
                self._ended.set()

    def _send(self, data: bytes) -> None:
        if self._outbox.full():
            self._log.warning("not_sent", reason="the venue takes no messages", waiting=self._outbox.qsize())
        else:
            self._outbox.put_nowait(data)

    def _publish(self, kind: Kind, account: str, value: bytes, received_ns: int, source: str = "") -> None:
        self._recorder.write(self._connection, account, source or self._venue.source, kind, value, received_ns)

    def _show_up(self, is_up: bool) -> None:
        for account in self._venue.accounts if self._venue.marks else ():
            metrics.UP.labels(self._venue.name, account).set(is_up)

    def _mark(self, mark: Mark) -> None:
        body = mark.body
        if mark.kind is Kind.CONNECTED:
            body = {"feed": self._name, "accounts": list(self._venue.accounts), "url": self._venue.stream_url}
            self._log.info("connected", connection=self._connection, accounts=len(self._venue.accounts))
            if self._follow_up is not None:
                self._following = self._tasks.create_task(self._follow_up(self._connection))
        elif mark.kind is Kind.DISCONNECTED:
            self._log.info("disconnected", connection=self._connection, **body)
        elif mark.kind is Kind.GAP:
            self._log.warning("gap", connection=self._connection, **body)
        if mark.kind in (Kind.CONNECTED, Kind.DISCONNECTED):
            self._show_up(mark.kind is Kind.CONNECTED)
        value = msgspec.json.encode(body)
        for account in self._venue.accounts if self._venue.marks else ():
            self._publish(mark.kind, account, value, mark.at_ns)

    def _close(self) -> None:
        if self._socket is not None:
            self._tasks.create_task(self._socket.close())
        elif self._opening is not None:
            self._opening.cancel()

    async def _connect(self) -> None:
        """Live through one connection, and report its end."""
        self._connection = str(uuid.uuid4())
        self._opening = asyncio.ensure_future(open_stream(self._venue, self._tls, self._recorder.limit_bytes))
        if self._state.phase is Phase.CLOSING:  # asked for before this task had its first turn
            self._opening.cancel()
        try:
            await asyncio.wait({self._opening})
            if self._opening.cancelled():
                end: Input = Failed(Meaning("given_up"))
            elif (error := self._opening.exception()) is not None:
                end = Failed(open_failure(self._venue, error))
            else:
                end = await self._read(*self._opening.result())
        finally:
            self._opening.cancel()
            if self._following is not None:
                self._following.cancel()
                self._following = None
        self._step(end)

    async def _read(self, socket: ClientConnection, greeting: tuple[bytes, ...]) -> Closed:
        self._socket = socket
        self._outbox = asyncio.Queue(_UNSENT_MESSAGES)
        writer = self._tasks.create_task(self._write(socket))
        try:
            self._step(Opened(greeting))
            if self._state.phase is Phase.CLOSING:  # asked for while the last of the hand-shake came in
                await socket.close()
            while True:
                await self._recorder.room()
                data = await socket.recv(decode=False)
                try:
                    heard, answer = self._venue.classify(data), self._venue.answer(data)
                except RecursionError:  # JSON that is nested deeper than any decoder goes
                    heard, answer = Heard(What.UNREADABLE), None
                if heard.what is What.UNREADABLE:
                    metrics.UNREADABLE.labels(self._venue.name).inc()
                self._step(Message(data, heard, answer))
                if self._hear is not None:
                    self._hear(heard)
        except ConnectionClosed as closed:
            return Closed(close_meaning(self._venue, closed), heard=closed.rcvd is not None)
        except asyncio.CancelledError:
            if not self._state.aborted:
                raise
            return Closed(Meaning("given_up"))
        finally:
            self._socket = None
            writer.cancel()
            socket.transport.abort()

    async def _write(self, socket: ClientConnection) -> None:
        """Send what is to be sent; that the connection broke is told by its reader."""
        with suppress(ConnectionClosed):
            while True:
                await socket.send(await self._outbox.get(), text=True)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in leaves if isinstance(error, DropcopyError)), leaves[0])
