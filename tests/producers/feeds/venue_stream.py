"""A venue on a real socket that does as a test tells it, and a log in memory."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from producers.feeds.connection import SECOND_NS, Limits
from producers.venues.tinvest import VenueFeed, VenueSettings
from schemas.headers import Kind

SUBSCRIBED = b'{"subscription":{"trackingId":"t","status":"RESULT_SUBSCRIPTION_STATUS_OK","streamId":"s"}}'
PING = b'{"ping":{"time":"2026-01-01T00:00:00Z","streamId":"s"}}'

QUICK = Limits(
    handshake_ns=2 * SECOND_NS,
    silence_ns=SECOND_NS // 2,
    heartbeat_ns=SECOND_NS // 5,
    stall_ns=SECOND_NS // 2,
    stop_ns=2 * SECOND_NS,
)


async def until(condition: Callable[[], Any], timeout_s: float = 10) -> Any:
    """Wait until `condition` is true, and return what it was."""
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):  # noqa: ASYNC110 -- conditions are on state that tells nobody
            await asyncio.sleep(0.005)
    return value


class Entry(NamedTuple):
    """What a feed wrote."""

    connection: str
    account: str
    source: str
    kind: Kind
    value: bytes
    received_ns: int


@dataclass
class MemoryLog:
    """A log that keeps what it is given, and is full when a test says so."""

    entries: list[Entry] = field(default_factory=list)
    full: bool = False
    limit_bytes: int = 1024 * 1024
    failure: Exception | None = None
    asked_for_room: int = 0

    async def room(self) -> None:
        self.check()
        self.asked_for_room += 1
        await until(lambda: not self.full)

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def write(self, *entry: Any) -> None:
        self.entries.append(Entry(*entry))

    def of(self, *kinds: Kind, account: str | None = None) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in kinds and account in (None, entry.account)]

    def bodies(self, kind: Kind) -> list[dict[str, Any]]:
        return [msgspec.json.decode(entry.value) for entry in self.of(kind)]


Talk = Callable[[ServerConnection], Awaitable[None]]


class VenueServer:
    """A server that says what the next of its `talks` says on each connection, the last one for ever.

    A talk begins once the client's subscription has come.
    """

    def __init__(self) -> None:
        self.talks: list[Talk] = [confirm_and_wait]
        self.requests: list[Request] = []
        self.subscriptions: list[Any] = []
        self.open = 0
        self.most_open = 0
        self.refuse_with: int | None = None
        self.location = ""
        self.url = ""

    async def handle(self, socket: ServerConnection) -> None:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            self.subscriptions.append(msgspec.json.decode(await socket.recv()))
            number = min(len(self.subscriptions), len(self.talks)) - 1
            await self.talks[number](socket)
        finally:
            self.open -= 1

    def process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if not self.refuse_with:
            return None
        response = connection.respond(self.refuse_with, "no\n")
        if self.location:
            response.headers["Location"] = self.location
        return response


async def confirm_and_wait(socket: ServerConnection) -> None:
    await socket.send(SUBSCRIBED, text=True)
    await socket.wait_closed()


@asynccontextmanager
async def venue_server(tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[VenueServer]:
    server = VenueServer()
    async with serve(
        server.handle, "127.0.0.1", 0, ssl=tls, process_request=server.process_request, close_timeout=1, **options
    ) as serving:
        port = serving.sockets[0].getsockname()[1]
        server.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/ws"
        yield server


def venue(server: VenueServer, *accounts: str, **settings: Any) -> VenueFeed:
    return VenueFeed(
        VenueSettings(token="t.secret", accounts=accounts or ("A1",), ws_url=server.url, reconcile=False, **settings)
    )
