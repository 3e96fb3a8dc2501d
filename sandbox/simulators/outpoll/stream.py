"""One WebSocket connection of a private stream of the simulated venue."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from aiohttp import WSMsgType, web

from sandbox.simulators.outpoll import wire
from sandbox.simulators.outpoll.keys import Claim

__all__ = ["FEED", "UPDATES", "Kind", "StreamConnection", "read_auth"]

# What a client may leave unread before the venue hangs up.
MOST_WAITING = 100_000
# Both private streams of orders sign this path, whichever their host (Outpoll, Order Updates; Order Feed).
SIGNED_PATH = "/order/ws"


@dataclass(frozen=True)
class Kind:
    """A private stream: how it says that it knows its client, and that it does not."""

    name: str
    ack: str
    refusal: Callable[[str], str]


UPDATES = Kind("order-updates", wire.UPDATES_ACK, wire.error)
FEED = Kind("order-feed", wire.FEED_ACK, wire.feed_refusal)


def _message(text: object) -> tuple[object, object]:
    """Return the type and the data of a client's message, None for each that it has not."""
    try:
        message = msgspec.json.decode(text) if isinstance(text, str) else None
    except (msgspec.DecodeError, UnicodeEncodeError):
        message = None
    return (message.get("t"), message.get("d")) if isinstance(message, dict) else (None, None)


def read_auth(text: object) -> Claim | None:
    """Return what an AUTH message claims; None when it is no such message.

    Source: Outpoll, Order Updates, "Authentication"; every part of it is text.
    """
    kind, data = _message(text)
    if kind != "AUTH" or not isinstance(data, dict):
        return None
    parts = [data.get(name) for name in ("apiKey", "signature", "timestamp")]
    key, signature, timestamp = (part if isinstance(part, str) else "" for part in parts)
    return Claim(key, signature, timestamp, "GET", SIGNED_PATH)


class StreamConnection:
    """Sends what it is given, in order, and pings; a held-back message holds those after it back too."""

    def __init__(
        self, kind: Kind, account: str, socket: web.WebSocketResponse, request: web.Request, ping_s: float
    ) -> None:
        self.kind = kind
        self.account = account
        self._socket = socket
        self._request = request
        self._ping_s = ping_s
        self._waiting: asyncio.Queue[tuple[float, str]] = asyncio.Queue(MOST_WAITING)
        self._silent_until = 0.0

    def put(self, text: str, delay_s: float = 0) -> None:
        """Queue a message, to be sent after `delay_s` at the earliest."""
        try:
            self._waiting.put_nowait((asyncio.get_running_loop().time() + delay_s, text))
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

    async def serve(self, count: Callable[[str], None]) -> None:
        """Send until the client goes; `count` is called with a word for each message either way."""
        tasks = [asyncio.create_task(self._send(count)), asyncio.create_task(self._ping())]
        try:
            async for message in self._socket:
                kind, _ = _message(message.data if message.type is WSMsgType.TEXT else None)
                if kind == "PONG":
                    count("pongs")
                else:
                    self.put(self.kind.ack if kind == "AUTH" else wire.error("Unknown message type"))
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, count: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            release, text = await self._waiting.get()
            if (rest_s := max(release, self._silent_until) - loop.time()) > 0:
                await asyncio.sleep(rest_s)
            await self._socket.send_str(text)
            count("messages")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._ping_s)
            self.put(wire.PING)
