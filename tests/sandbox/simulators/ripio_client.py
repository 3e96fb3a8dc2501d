"""A client of the simulated Ripio, as plain as can be: what it sends and gets is JSON."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from producers.rest import RestAnswer, RestClient
from sandbox.simulators.ripio import Simulator
from sandbox.simulators.ripio.keys import signature

PRIVATE = ["order_status", "user_trades"]
ALL_STATUSES = "open,executed_partially,executed_completely,canceled"

# No two calls may have the same signature, and so the same millisecond.
_given_ms = [0]


def fresh_ms() -> int:
    """Return the time in milliseconds, a little later than that if it was given already."""
    _given_ms[0] = max(_given_ms[0] + 1, time.time_ns() // 1_000_000)
    return _given_ms[0]


def signed(
    simulator: Simulator, method: str, path: str, body: bytes = b"", *, account: str = "", at_ms: int | None = None
) -> dict[str, str]:
    """Return the headers of one call."""
    owner = simulator.account(account or simulator.accounts[0])
    timestamp = str(fresh_ms() if at_ms is None else at_ms)
    signed_body = b"" if method == "GET" else body
    signed_with = signature(owner.api_secret, timestamp, method, path.partition("?")[0], signed_body)
    return {"Authorization": owner.api_token, "Timestamp": timestamp, "Signature": signed_with}


async def call(
    simulator: Simulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    account: str = "",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> RestAnswer:
    """Make a call below `/v4`; `headers` are added to the signature's, or stand in their place."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/v4{path}"
    own = signed(simulator, method, path, text, account=account) | (headers or {})
    async with RestClient(simulator.rest_url.removesuffix("/v4"), headers={}) as client:
        return await client.request(method, path, text, headers=own, **options)


async def data(simulator: Simulator, method: str, path: str, body: Any = None, *, account: str = "") -> Any:
    """Make a call that is done, and return its data, numbers as Decimal."""
    answer = await call(simulator, method, path, body, account=account)
    assert answer.status == 200, answer.body
    envelope = json.loads(answer.body, parse_float=Decimal)
    assert (envelope["error_code"], envelope["message"]) == (None, None)
    return envelope["data"]


def code_of(answer: RestAnswer) -> tuple[int, int]:
    """Return the HTTP status and the venue's code of a refusal."""
    return answer.status, json.loads(answer.body)["error_code"]


def an_order(**changes: Any) -> dict[str, Any]:
    order = {"pair": "BTC_BRL", "side": "buy", "type": "limit", "amount": "0.5", "price": 290000} | changes
    return {name: value for name, value in order.items() if value is not ...}


async def place(simulator: Simulator, *, account: str = "", **changes: Any) -> Any:
    """Place an order, and return the venue's answer to it."""
    return await data(simulator, "POST", "/orders", an_order(**changes), account=account)


async def ticket(simulator: Simulator, account: str = "") -> str:
    return str((await data(simulator, "POST", "/ticket", account=account))["ticket"])


@asynccontextmanager
async def connected(simulator: Simulator, **options: Any) -> AsyncIterator[ClientConnection]:
    async with asyncio.timeout(20), connect(simulator.ws_url, **options) as connection:
        yield connection


async def say(connection: ClientConnection, method: str, topics: list[str], **more: Any) -> None:
    await connection.send(json.dumps({"method": method, "topics": topics, **more}))


@asynccontextmanager
async def stream(
    simulator: Simulator, topics: list[str] = PRIVATE, *, account: str = ""
) -> AsyncIterator[ClientConnection]:
    """Subscribe with a fresh ticket, and read the acknowledgement."""
    one = await ticket(simulator, account)
    async with connected(simulator) as connection:
        await say(connection, "subscribe", topics, ticket=one)
        assert "body" not in await read(connection)
        yield connection


async def read(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await connection.recv(), parse_float=Decimal)
    return message


async def read_until(connection: ClientConnection, done: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while not messages or not done(messages[-1]):
        messages.append(await read(connection))
    return messages


def bodies(messages: list[dict[str, Any]], topic: str) -> list[dict[str, Any]]:
    return [message["body"] for message in messages if message["topic"] == topic]


def is_pong(message: dict[str, Any]) -> bool:
    return message.get("method") == "pong"


async def read_all(connection: ClientConnection) -> list[dict[str, Any]]:
    """Return what the venue has said by now: all that comes before its answer to a ping."""
    await say(connection, "ping", [])
    return (await read_until(connection, is_pong))[:-1]


async def until(condition: Callable[[], Any], timeout_s: float = 10) -> Any:
    """Wait until `condition` is true, and return what it was."""
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):  # noqa: ASYNC110 -- conditions are on state that tells nobody
            await asyncio.sleep(0.005)
    return value
