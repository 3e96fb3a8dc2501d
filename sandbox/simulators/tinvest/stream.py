"""One WebSocket connection of the simulated order-state stream."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiohttp import web

from sandbox.simulators.tinvest.wire import frame, ping

__all__ = ["StreamConnection"]

# What a client may leave unread before the venue hangs up.
MOST_WAITING = 100_000


class StreamConnection:
    """Sends what it is given, in order, and pings; a held-back message holds those after it back too."""

    def __init__(
        self, socket: web.WebSocketResponse, request: web.Request, stream_id: str, accounts: list[str], ping_s: float
    ) -> None:
        self.accounts = frozenset(accounts)
        self._socket = socket
        self._request = request
        self._stream_id = stream_id
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

    async def serve(self, count: Callable[[], None]) -> None:
        """Send until the client goes; `count` is called for each message sent."""
        tasks = [asyncio.create_task(self._send(count)), asyncio.create_task(self._ping())]
        try:
            # Nothing that a client says after its subscription means anything, but its leaving.
            async for _ in self._socket:
                pass
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, count: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            release, text = await self._waiting.get()
            if (rest_s := max(release, self._silent_until) - loop.time()) > 0:
                await asyncio.sleep(rest_s)
            await self._socket.send_str(text)
            count()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._ping_s)
            self.put(frame(ping(time.time_ns(), self._stream_id)))
