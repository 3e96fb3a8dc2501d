"""One WebSocket connection of the simulated stream, and what its client may say on it."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from sandbox.simulators.ripio.refusals import error_body
from sandbox.simulators.ripio.topics import PRIVATE, is_topic
from sandbox.simulators.ripio.values import as_json

__all__ = ["StreamConnection", "Wish", "read_wish"]

# What a client may leave unread before the venue hangs up.
MOST_WAITING = 100_000

METHODS = ("subscribe", "unsubscribe", "ping")

Json = dict[str, Any]


class Wish:
    """A message of a client: `refusal` is the error that answers it, if it is none that there is."""

    def __init__(self, method: str, topics: tuple[str, ...] = (), ticket: str = "", refusal: str = "") -> None:
        self.method = method
        self.topics = topics
        self.ticket = ticket
        self.refusal = refusal

    @property
    def is_private(self) -> bool:
        """Whether it wants a topic that needs a ticket."""
        return self.method == "subscribe" and any(topic in PRIVATE for topic in self.topics)


def read_wish(text: str) -> Wish:
    """Return what a client's message asks for; a ping needs no topics, though the schema has them."""
    try:
        fields = json.loads(text)
        method, topics = fields["method"], fields.get("topics") or []
    except (ValueError, TypeError, KeyError, AttributeError):
        return Wish("", refusal="The message is no JSON object with a method.")
    if method not in METHODS:
        return Wish("", refusal="Unknown method.")
    if not isinstance(topics, list) or not all(isinstance(topic, str) and is_topic(topic) for topic in topics):
        return Wish(method, refusal="Unknown topic.")
    if method != "ping" and not topics:
        return Wish(method, refusal="topics is required.")
    ticket = fields.get("ticket")
    return Wish(method, tuple(topics), ticket if isinstance(ticket, str) else "")


class StreamConnection:
    """Sends what it is given, in order; a held-back message holds those after it back too.

    `hear` is called for each message of the client; one that says nothing for `idle_s`, not even a
    WebSocket ping, is hung up on.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, idle_s: float) -> None:
        self.account: str | None = None
        self.topics: set[str] = set()
        self._socket = socket
        self._request = request
        self._idle_s = idle_s
        self._waiting: asyncio.Queue[tuple[float, str | tuple[int, str]]] = asyncio.Queue(MOST_WAITING)
        self._silent_until = 0.0

    def put(self, text: str, delay_s: float = 0) -> None:
        """Queue a message, to be sent after `delay_s` at the earliest."""
        self._queue(text, delay_s)

    def refuse(self, code: int, message: str = "") -> None:
        """Queue an error; one of who asks is the last that is sent."""
        self._queue(as_json(error_body(code, message)))
        if code == 40100:
            self._queue((WSCloseCode.POLICY_VIOLATION, "Not authorized"))

    def _queue(self, item: str | tuple[int, str], delay_s: float = 0) -> None:
        try:
            self._waiting.put_nowait((asyncio.get_running_loop().time() + delay_s, item))
        except asyncio.QueueFull:
            self.cut()

    def silence(self, seconds: float) -> None:
        """Send nothing for a while."""
        self._silent_until = asyncio.get_running_loop().time() + seconds

    def cut(self) -> None:
        """Drop the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket code."""
        await self._socket.close(code=code, message=reason.encode())

    async def serve(self, hear: Callable[[str], None], count: Callable[[], None]) -> None:
        """Send and hear until the client goes; `count` is called for each message sent."""
        sender = asyncio.create_task(self._send(count))
        try:
            while (message := await self._next()) is not None:
                if message.type is WSMsgType.TEXT:
                    hear(message.data)
                elif message.type is WSMsgType.PING and not self._is_silent():
                    await self._socket.pong(message.data)
        finally:
            sender.cancel()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(sender, return_exceptions=True)

    async def _next(self) -> WSMessage | None:
        try:
            message = await self._socket.receive(timeout=self._idle_s)
        except TimeoutError:
            await self.close(WSCloseCode.GOING_AWAY, "idle")
            return None
        except ConnectionError:
            return None
        ended = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
        return None if message.type in ended else message

    def _is_silent(self) -> bool:
        return self._silent_until > asyncio.get_running_loop().time()

    async def _send(self, count: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            release, item = await self._waiting.get()
            if (rest_s := max(release, self._silent_until) - loop.time()) > 0:
                await asyncio.sleep(rest_s)
            if isinstance(item, tuple):
                await self.close(*item)
                return
            await self._socket.send_str(item)
            count()
