"""One WebSocket connection of the simulated order-state stream."""

import time
from collections import Counter

from aiohttp import web

from sandbox.simulators import streams
from sandbox.simulators.tinvest.wire import frame, ping

__all__ = ["StreamConnection"]


class StreamConnection(streams.StreamConnection):
    """A connection of some accounts, which is pinged with a message."""

    def __init__(
        self, socket: web.WebSocketResponse, request: web.Request, stream_id: str, accounts: list[str], ping_s: float
    ) -> None:
        super().__init__(socket, request)
        self.accounts = frozenset(accounts)
        self._stream_id = stream_id
        self._ping_s = ping_s

    async def serve(self, counts: Counter[str]) -> None:
        """Send until the client goes."""
        async with self.sending(counts, self.pinging(self._ping_s, self._ping)):
            # Nothing that a client says after its subscription means anything, but its leaving.
            async for _ in self._socket:
                pass

    def _ping(self) -> str:
        return frame(ping(time.time_ns(), self._stream_id))
