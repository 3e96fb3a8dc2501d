"""A client of the simulated venue, as plain as can be: what it sends and gets is JSON."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from producers.rest import RestAnswer, RestClient
from sandbox.simulators.tinvest import TInvestSimulator

CONTRACT = "tinkoff.public.invest.api.contract.v1"


@asynccontextmanager
async def stream(
    simulator: TInvestSimulator, request: dict[str, Any] | str | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    options = {
        "additional_headers": {"Authorization": f"Bearer {simulator.token}"},
        "subprotocols": ["json"],
    } | options
    url = f"{simulator.ws_url}/{CONTRACT}.OrdersStreamService/OrderStateStream"
    async with asyncio.timeout(20), connect(url, **options) as connection:
        wish = {"accounts": simulator.accounts, "pingDelayMillis": 1000} if request is None else request
        with contextlib.suppress(ConnectionClosed):  # a venue that refuses may be faster
            await connection.send(wish if isinstance(wish, str) else json.dumps(wish))
        yield connection


async def subscribed(connection: ClientConnection) -> dict[str, Any]:
    return json.loads(await connection.recv())["subscription"]


async def read_until(connection: ClientConnection, done: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while not messages or not done(messages[-1]):
        messages.append(json.loads(await connection.recv()))
    return messages


def is_final(message: dict[str, Any]) -> bool:
    return "completionTime" in message.get("orderState", {})


async def call(simulator: TInvestSimulator, method: str, body: dict[str, Any], **options: Any) -> RestAnswer:
    headers = {"authorization": f"Bearer {options.pop('token', simulator.token)}"}
    async with RestClient(simulator.rest_url, headers=headers) as client:
        return await client.post(f"{CONTRACT}.{method}", json.dumps(body).encode(), **options)


def an_order(simulator: TInvestSimulator, **changes: Any) -> dict[str, Any]:
    return {
        "instrumentId": "BBG004730N88",
        "quantity": "5",
        "price": {"units": "300", "nano": 500000000},
        "direction": "ORDER_DIRECTION_BUY",
        "accountId": simulator.accounts[0],
        "orderType": "ORDER_TYPE_LIMIT",
        "orderId": str(uuid4()),
    } | changes


async def post(simulator: TInvestSimulator, method: str = "PostOrder", **changes: Any) -> RestAnswer:
    return await call(simulator, f"OrdersService/{method}", an_order(simulator, **changes))


async def place(simulator: TInvestSimulator, **changes: Any) -> dict[str, Any]:
    """Post an order, and return the venue's answer to it."""
    answer = await post(simulator, **changes)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def code_of(answer: RestAnswer) -> str:
    """Return the venue's code of a refusal, "" of an answer that is none."""
    return json.loads(answer.body).get("description", "") if answer.status != 200 else ""


def a_stop_order(simulator: TInvestSimulator, **changes: Any) -> dict[str, Any]:
    return {
        "instrumentId": "BBG004730N88",
        "quantity": "2",
        "stopPrice": {"units": "290", "nano": 0},
        "direction": "STOP_ORDER_DIRECTION_SELL",
        "accountId": simulator.accounts[0],
        "expirationType": "STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_CANCEL",
        "stopOrderType": "STOP_ORDER_TYPE_STOP_LOSS",
        "orderId": str(uuid4()),
    } | changes


async def post_stop(simulator: TInvestSimulator, **changes: Any) -> RestAnswer:
    return await call(simulator, "StopOrdersService/PostStopOrder", a_stop_order(simulator, **changes))


async def stop_orders(simulator: TInvestSimulator, **filters: Any) -> list[dict[str, Any]]:
    """Return what GetStopOrders shows of the first account."""
    body = {"accountId": simulator.accounts[0]} | filters
    answer = await call(simulator, "StopOrdersService/GetStopOrders", body)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)["stopOrders"]


async def until(condition: Callable[[], Any], timeout_s: float = 10) -> Any:
    """Wait until `condition` is true, and return what it was."""
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):  # noqa: ASYNC110 -- conditions are on state that tells nobody
            await asyncio.sleep(0.005)
    return value
