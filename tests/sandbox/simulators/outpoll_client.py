"""A client of the simulated Outpoll, as plain as can be, with a signature of its own making."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sandbox.simulators.outpoll import Simulator

UPDATES, FEED = "DROPCOPY_OUTPOLL_WS_URL", "DROPCOPY_OUTPOLL_ORDER_FEED_URL"
YES = {"e": "evt_btc_100k_2026", "o": "mkt_btc_100k_yes_no", "ba": "asset_btc_100k_yes", "qa": "asset_usdc"}
LIMIT = {**YES, "s": "BUY", "p": 0.42, "q": 100}
SELL = {**YES, "s": "SELL", "q": 10}


def sign(secret: str, message: bytes) -> str:
    key = base64.urlsafe_b64decode(secret + "==")
    return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode().rstrip("=")


def seconds(offset_s: float = 0) -> str:
    return str(int(time.time() + offset_s))


def signed(simulator: Simulator, method: str, path: str, body: bytes = b"", offset_s: float = 0) -> dict[str, str]:
    account = simulator.account(simulator.accounts[0])
    timestamp = seconds(offset_s)
    return {
        "OUTPOLL-API-KEY": account.api_key,
        "OUTPOLL-API-SIGNATURE": sign(account.api_secret, f"{timestamp}{method}{path}".encode() + body),
        "OUTPOLL-API-TIMESTAMP": timestamp,
    }


async def call(
    simulator: Simulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    offset_s: float = 0,
    timeout_s: float = 10,
    **query: Any,
) -> httpx.Response:
    """Make a signed call; `headers` come on top."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = signed(simulator, method, path, content, offset_s) | (headers or {})
    async with httpx.AsyncClient(trust_env=False, timeout=timeout_s) as client:
        return await client.request(
            method, f"{simulator.url}{path}", content=content, headers=sent, params=query or None
        )


async def place(simulator: Simulator, kind: str = "limit", **changes: Any) -> str:
    """Place an order, and return its id."""
    base = {"limit": LIMIT, "market": SELL, "tpsl": SELL}[kind]
    answer = await call(simulator, "POST", f"/orders/{kind}", base | changes)
    assert answer.status_code in (200, 202), answer.text
    return answer.json()["i"]


async def history(simulator: Simulator, path: str = "orders", **query: Any) -> list[dict[str, Any]]:
    answer = await call(simulator, "GET", f"/api/history/{path}", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()["i"]


def auth(simulator: Simulator, *, offset_s: float = 0, **changes: Any) -> str:
    account = simulator.account(simulator.accounts[0])
    timestamp = seconds(offset_s)
    data = {
        "apiKey": account.api_key,
        "signature": sign(account.api_secret, f"{timestamp}GET/order/ws".encode()),
        "timestamp": timestamp,
    }
    return json.dumps({"t": "AUTH", "d": data | changes})


@asynccontextmanager
async def stream(
    simulator: Simulator, setting: str = UPDATES, first: str | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """Connect, and send `first`, or an AUTH that is right."""
    async with asyncio.timeout(20), connect(simulator.environment[setting], proxy=None, **options) as connection:
        with contextlib.suppress(ConnectionClosed):  # a venue that refuses may be faster
            await connection.send(auth(simulator) if first is None else first)
        yield connection


async def hear(connection: ClientConnection) -> dict[str, Any]:
    """Return the next message but pings."""
    while (message := json.loads(await connection.recv())) == {"t": "PING", "d": None, "r": None}:
        pass
    return message


async def hear_all(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [await hear(connection) for _ in range(count)]


def entry(simulator: Simulator, order_id: str) -> dict[str, Any]:
    (found,) = (one for one in simulator.orders() if one["order_id"] == order_id)
    return found


async def until(condition: Callable[[], Any], timeout_s: float = 10) -> Any:
    """Wait until `condition` is true, and return what it was."""
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):  # noqa: ASYNC110 -- conditions are on state that tells nobody
            await asyncio.sleep(0.005)
    return value
