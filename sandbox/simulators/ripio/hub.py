"""All connections of the simulated stream: who they are, and what they hear."""

from collections import Counter
from collections.abc import Callable

from aiohttp import web

from sandbox.simulators.pending import Pending
from sandbox.simulators.ripio.keys import Keyring
from sandbox.simulators.ripio.market import Event
from sandbox.simulators.ripio.stream import StreamConnection, Wish, read_wish
from sandbox.simulators.ripio.telling import Teller
from sandbox.simulators.ripio.topics import Tickets
from sandbox.simulators.ripio.values import as_json
from sandbox.simulators.ripio.wire import acknowledgement, pong
from sandbox.simulators.streams import Connections

__all__ = ["Hub"]


class Hub:
    """Serves connections, and tells those of an account what happens to it.

    The documents do not say how a client's messages are answered: with `acks` a subscription is answered
    with a message without a body; a ping is in any case.
    """

    def __init__(
        self,
        teller: Teller,
        keyring: Keyring,
        tickets: Tickets,
        pending: Pending,
        counts: Counter[str],
        *,
        acks: bool,
        idle_s: float,
        now_ns: Callable[[], int],
    ) -> None:
        self._teller = teller
        self._keyring = keyring
        self._tickets = tickets
        self._pending = pending
        self._counts = counts
        self._acks = acks
        self._idle_s = idle_s
        self._now_ns = now_ns
        self.connections: Connections[StreamConnection] = Connections(counts)

    @property
    def subscribed(self) -> int:
        """How many connections have a topic."""
        return sum(bool(connection.topics) for connection in self.connections)

    def tell(self, event: Event) -> None:
        """Send what an event is told with to those who may hear it."""
        heard = [one for one in self.connections if one.account == event.order.ask.account]
        for topic, text in self._teller.tell(event, self._now_ns()):
            delay_s = self._pending.take_delay_s("stream")
            for connection in heard:
                if topic in connection.topics:
                    connection.put(text, delay_s)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until its client goes."""
        socket = web.WebSocketResponse(compress=False, autoping=False)
        if not socket.can_prepare(request).ok:
            return web.Response(status=426, text="Upgrade Required", headers={"Upgrade": "websocket"})
        await socket.prepare(request)
        connection = StreamConnection(socket, request, self._idle_s)
        try:
            with self.connections.including(connection):
                await connection.serve(lambda text: self._hear(connection, text), self._counts)
        finally:
            self._tickets.forget(connection)
        return socket

    def _hear(self, connection: StreamConnection, text: str) -> None:
        wish = read_wish(text)
        if wish.refusal:
            connection.refuse(40000, f"Invalid parameters. {wish.refusal}")
        elif wish.is_private and not self._admits(connection, wish):
            connection.refuse(40100)
        else:
            self._answer(connection, wish)

    def _admits(self, connection: StreamConnection, wish: Wish) -> bool:
        owner = self._tickets.account(wish.ticket, connection, self._now_ns())
        # The documents do not say what a second ticket of another user would do.
        if self._pending.take("refuse_ticket") or owner is None or connection.account not in (None, owner):
            return False
        connection.account = owner
        return not self._keyring.named(owner).blocked

    def _answer(self, connection: StreamConnection, wish: Wish) -> None:
        now_ns = self._now_ns()
        if wish.method == "ping":
            connection.put(as_json(pong(now_ns)))
            return
        if self._acks:
            connection.put(as_json(acknowledgement(wish.method, wish.topics, now_ns)))
        if wish.method == "unsubscribe":
            connection.topics -= set(wish.topics)
            return
        connection.topics |= set(wish.topics)
        if "balance" in wish.topics and connection.account is not None:
            connection.put(self._teller.welcome(self._keyring.named(connection.account), now_ns))
