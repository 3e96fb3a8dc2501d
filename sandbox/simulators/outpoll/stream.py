"""One WebSocket connection of a private stream of the simulated venue."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from aiohttp import WSMsgType, web

from sandbox.simulators import streams
from sandbox.simulators.outpoll import wire
from sandbox.simulators.outpoll.keys import Claim

__all__ = ["FEED", "UPDATES", "Kind", "StreamConnection", "read_auth"]

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


class StreamConnection(streams.StreamConnection):
    """A connection of an account, which is pinged with a message."""

    def __init__(
        self, kind: Kind, account: str, socket: web.WebSocketResponse, request: web.Request, ping_s: float
    ) -> None:
        super().__init__(socket, request)
        self.kind = kind
        self.account = account
        self._ping_s = ping_s

    async def serve(self, counts: Counter[str]) -> None:
        """Send and hear until the client goes; count its `pongs`."""
        async with self.sending(counts, self.pinging(self._ping_s, lambda: wire.PING)):
            async for message in self._socket:
                kind, _ = _message(message.data if message.type is WSMsgType.TEXT else None)
                if kind == "PONG":
                    counts["pongs"] += 1
                else:
                    self.put(self.kind.ack if kind == "AUTH" else wire.error("Unknown message type"))
