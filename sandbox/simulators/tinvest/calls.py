"""The simulated REST methods: what each does with a request's JSON, and what it answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.simulators.tinvest import wire
from sandbox.simulators.tinvest.exchange import Exchange
from sandbox.simulators.tinvest.faults import CutReply, Pending
from sandbox.simulators.tinvest.orders import Order
from sandbox.simulators.tinvest.requests import Refusal, chosen_orders, read_account, read_ask, read_order_id

__all__ = ["Calls", "Json"]

Json = dict[str, Any]


class Calls:
    """The methods of OrdersService and UsersService that there are, by `<service>/<method>`.

    Each raises a `Refusal` where the venue would.
    """

    def __init__(self, accounts: list[str], exchange: Exchange, pending: Pending) -> None:
        self._accounts = accounts
        self._exchange = exchange
        self._pending = pending

    def table(self) -> dict[str, Callable[[Json, str], Awaitable[Json]]]:
        """Return the methods; each takes the request and the tracking id of the call."""
        return {
            "OrdersService/PostOrder": self._post_order,
            "OrdersService/PostOrderAsync": self._post_order_async,
            "OrdersService/GetOrders": self._get_orders,
            "OrdersService/GetOrderState": self._get_order_state,
            "OrdersService/CancelOrder": self._cancel_order,
            "UsersService/GetAccounts": self._get_accounts,
        }

    async def _post_order(self, body: Json, tracking_id: str) -> Json:
        # The broker answers a synchronous call when the exchange has spoken.
        order = await self._exchange.settled(await self._submit(body, is_async=False))
        return wire.post_answer(order, tracking_id, time.time_ns())

    async def _post_order_async(self, body: Json, tracking_id: str) -> Json:
        return wire.async_answer(await self._submit(body, is_async=True))

    async def _submit(self, body: Json, *, is_async: bool) -> Order:
        market = self._exchange.market
        ask = read_ask(body, self._accounts, market.new_id, is_async=is_async)
        if market.find(ask.account, request_id=ask.request_id) is not None:
            return self._exchange.submit(ask)
        order = self._exchange.submit(ask, ignored=self._pending.take("ignore"))
        if self._pending.take("drop_reply"):
            await asyncio.Event().wait()  # until the client hangs up
        if self._pending.take("cut_reply"):
            raise CutReply
        return order

    async def _get_orders(self, body: Json, tracking_id: str) -> Json:
        account = read_account(body, self._accounts)
        orders = chosen_orders(self._exchange.market.orders(account), body)
        return {"orders": [wire.order_state(order) for order in orders]}

    async def _get_order_state(self, body: Json, tracking_id: str) -> Json:
        return wire.order_state(self._find(body))

    def _find(self, body: Json) -> Order:
        order = self._exchange.market.find(read_account(body, self._accounts), **read_order_id(body))
        if order is None or not order.told:
            raise Refusal(5, "50005", "Order not found")
        return order

    async def _cancel_order(self, body: Json, tracking_id: str) -> Json:
        order = self._find(body)
        if order.is_final:
            raise Refusal(3, "30059", f"Cancel order error: order {order.order_id} is not active")
        self._exchange.cancel(order)
        now = wire.timestamp(time.time_ns())
        return {"time": now, "responseMetadata": {"trackingId": tracking_id, "serverTime": now}}

    async def _get_accounts(self, body: Json, tracking_id: str) -> Json:
        return {"accounts": [wire.account(account) for account in self._accounts]}
