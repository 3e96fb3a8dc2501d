"""All WebSocket connections of the simulated venue's private streams, from their hand-shake to their end."""

from collections import Counter
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import WSCloseCode, web

from sandbox.simulators.outpoll.keys import Account, Keyring
from sandbox.simulators.outpoll.refusals import Refusal
from sandbox.simulators.outpoll.stream import Kind, StreamConnection, read_auth
from sandbox.simulators.streams import Connections

__all__ = ["Streams"]

# How long a client may take to say who it is: the documents do not say.
AUTH_S = 10.0


class Streams:
    """Lets clients in by their keys, and sends to those that are in; `now_s` is the venue's clock."""

    def __init__(self, keyring: Keyring, now_s: Callable[[], float], ping_s: float, counts: Counter[str]) -> None:
        self._keyring = keyring
        self._now_s = now_s
        self._ping_s = ping_s
        self._counts = counts
        self.connections: Connections[StreamConnection] = Connections(counts)

    def handler(self, kind: Kind) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return what serves the requests for a stream."""

        async def handle(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse(compress=False)
            socket.headers["Date"] = formatdate(self._now_s(), usegmt=True)
            await socket.prepare(request)
            self._counts["stream_handshakes"] += 1
            account = await self._authorized(socket)
            if account is not None:
                await self._serve(StreamConnection(kind, account.name, socket, request, self._ping_s))
            elif not socket.closed:
                await socket.send_str(kind.refusal("Invalid or missing credentials"))
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket

        return handle

    async def _authorized(self, socket: web.WebSocketResponse) -> Account | None:
        try:
            first = await socket.receive(timeout=AUTH_S)
        except TimeoutError:
            return None
        claim = read_auth(first.data)
        if claim is None:
            return None
        try:
            return self._keyring.check(claim, self._now_s())
        except Refusal:
            return None

    async def _serve(self, connection: StreamConnection) -> None:
        with self.connections.including(connection):
            connection.put(connection.kind.ack)
            await connection.serve(self._counts)

    def put(self, kind: Kind, account: str, text: str, times: int = 1, delay_s: float = 0) -> None:
        """Send a message on an account's connections of one kind."""
        for connection in self.connections:
            if connection.kind is kind and connection.account == account:
                for _ in range(times):
                    connection.put(text, delay_s)
