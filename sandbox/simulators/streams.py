"""WebSocket connections of simulated streams: what each sends, and what befalls all of them."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypeVar

from aiohttp import WSCloseCode, web

from sandbox.simulators.faults import Close, Cut, Disturbance, Malformed, Silence

__all__ = ["Connections", "StreamConnection"]

# What a client may leave unread before the venue hangs up.
MOST_WAITING = 100_000


class StreamConnection:
    """Sends what it is given, in order; a held-back message holds those after it back too.

    A venue's own connection knows whose it is, and hears its client.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._waiting: asyncio.Queue[tuple[float, str | tuple[int, str]]] = asyncio.Queue(MOST_WAITING)
        self._silent_until = 0.0

    def put(self, text: str, delay_s: float = 0) -> None:
        """Queue a message, to be sent after `delay_s` at the earliest."""
        self._queue(text, delay_s)

    def end(self, code: int, reason: str) -> None:
        """Queue a close with a WebSocket code, which is the last that is sent."""
        self._queue((code, reason), 0)

    def _queue(self, item: str | tuple[int, str], delay_s: float) -> None:
        try:
            self._waiting.put_nowait((asyncio.get_running_loop().time() + delay_s, item))
        except asyncio.QueueFull:
            self.cut()

    def silence(self, seconds: float) -> None:
        """Send nothing for a while."""
        self._silent_until = asyncio.get_running_loop().time() + seconds

    @property
    def is_silent(self) -> bool:
        """Whether nothing is to be sent now."""
        return self._silent_until > asyncio.get_running_loop().time()

    def cut(self) -> None:
        """Drop the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket code."""
        await self._socket.close(code=code, message=reason.encode())

    @asynccontextmanager
    async def sending(self, counts: Counter[str], *beside: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Send what is queued, and let what is `beside` run, until the block ends; count the `messages` sent."""
        tasks = [asyncio.create_task(one) for one in (self._send(counts), *beside)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def pinging(self, every_s: float, ping: Callable[[], str]) -> None:
        """Queue a ping every so many seconds."""
        while True:
            await asyncio.sleep(every_s)
            self.put(ping())

    async def _send(self, counts: Counter[str]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            release, item = await self._waiting.get()
            if (rest_s := max(release, self._silent_until) - loop.time()) > 0:
                await asyncio.sleep(rest_s)
            if isinstance(item, tuple):
                await self.close(*item)
                return
            await self._socket.send_str(item)
            counts["messages"] += 1


Connection = TypeVar("Connection", bound=StreamConnection)


class Connections(Generic[Connection]):
    """The connections that a simulated venue has, and what befalls all of them."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._connections: set[Connection] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._silent_until = 0.0

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._connections)

    @contextmanager
    def including(self, connection: Connection) -> Iterator[None]:
        """Have one more while the block runs; it is silent for as long as new ones shall be."""
        silent_s = self._silent_until - asyncio.get_running_loop().time()
        if silent_s > 0:
            connection.silence(silent_s)
        self._connections.add(connection)
        self._counts["connections_total"] += 1
        try:
            yield
        finally:
            self._connections.discard(connection)

    def disturb(self, fault: Disturbance) -> None:
        """Let what is wrong befall every connection."""
        match fault:
            case Cut():
                self.cut()
            case Close(code=code, reason=reason):
                self.close(code, reason)
            case Malformed(text=text):
                for connection in self._connections:
                    connection.put(text)
            case Silence(seconds=seconds, new=new):
                for connection in self._connections:
                    connection.silence(seconds)
                if new:
                    self._silent_until = asyncio.get_running_loop().time() + seconds

    def cut(self) -> None:
        """Drop every connection without a closing handshake."""
        for connection in self._connections:
            connection.cut()

    def close(self, code: int, reason: str, which: Callable[[Connection], bool] = lambda connection: True) -> None:
        """Close with a WebSocket code the connections of which this is true."""
        for connection in filter(which, self._connections):
            task = asyncio.create_task(connection.close(code, reason))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        """Close every connection, and cut those whose client does not agree within a second."""
        self.close(WSCloseCode.GOING_AWAY, "shutdown")
        if self._closing:
            await asyncio.wait(self._closing, timeout=1)
        for task in self._closing:
            task.cancel()
        self.cut()
