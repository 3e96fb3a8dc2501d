"""One WebSocket connection of the simulated stream, and what its client may say on it."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from sandbox.simulators import streams
from sandbox.simulators.ripio.refusals import error_body
from sandbox.simulators.ripio.topics import PRIVATE, is_topic
from sandbox.simulators.ripio.values import as_json

__all__ = ["StreamConnection", "Wish", "read_wish"]

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


class StreamConnection(streams.StreamConnection):
    """A connection that is of no account until it has a ticket.

    A client that says nothing for `idle_s`, not even a WebSocket ping, is hung up on.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, idle_s: float) -> None:
        super().__init__(socket, request)
        self.account: str | None = None
        self.topics: set[str] = set()
        self._idle_s = idle_s

    def refuse(self, code: int, message: str = "") -> None:
        """Queue an error; one of who asks is the last that is sent."""
        self.put(as_json(error_body(code, message)))
        if code == 40100:
            self.end(WSCloseCode.POLICY_VIOLATION, "Not authorized")

    async def serve(self, hear: Callable[[str], None], counts: Counter[str]) -> None:
        """Send and hear until the client goes; `hear` is called for each of its messages."""
        async with self.sending(counts):
            while (message := await self._next()) is not None:
                if message.type is WSMsgType.TEXT:
                    hear(message.data)
                elif message.type is WSMsgType.PING and not self.is_silent:
                    await self._socket.pong(message.data)

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
