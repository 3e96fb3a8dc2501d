"""The simulated REST methods: what each does with a request's JSON, and what it answers."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.simulators.pending import Pending
from sandbox.simulators.rest import befall
from sandbox.simulators.tinvest import wire
from sandbox.simulators.tinvest.exchange import Exchange
from sandbox.simulators.tinvest.fields import EnumField, read_account
from sandbox.simulators.tinvest.orders import Order
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.requests import (
    chosen_orders,
    read_ask,
    read_order_id,
    read_price_query,
    read_replacement,
)

__all__ = ["Call", "Calls", "Json"]

Json = dict[str, Any]
Call = Callable[[Json, str], Awaitable[Json]]

# What each account has in cash.
CASH_NANO = 10_000_000 * 10**9

ACCOUNT_STATUS = EnumField("status", "ACCOUNT_STATUS_", ("UNSPECIFIED", "NEW", "OPEN", "CLOSED", "ALL"), "")


class Calls:
    """The methods of OrdersService and UsersService that there are, by `<service>/<method>`.

    Each raises a `Refusal` where the venue would.
    """

    def __init__(self, accounts: list[str], exchange: Exchange, pending: Pending) -> None:
        self._accounts = accounts
        self._exchange = exchange
        self._pending = pending

    def table(self) -> dict[str, Call]:
        """Return the methods; each takes the request and the tracking id of the call."""
        return {
            "OrdersService/PostOrder": self._post_order,
            "OrdersService/PostOrderAsync": self._post_order_async,
            "OrdersService/ReplaceOrder": self._replace_order,
            "OrdersService/CancelOrder": self._cancel_order,
            "OrdersService/GetOrders": self._get_orders,
            "OrdersService/GetOrderState": self._get_order_state,
            "OrdersService/GetMaxLots": self._get_max_lots,
            "OrdersService/GetOrderPrice": self._get_order_price,
            "UsersService/GetAccounts": self._get_accounts,
        }

    async def _post_order(self, body: Json, tracking_id: str) -> Json:
        # The broker answers a synchronous call when the exchange has spoken.
        order = await self._exchange.settled(await self._submit(body, "PostOrder"))
        return wire.post_answer(order, tracking_id, time.time_ns())

    async def _post_order_async(self, body: Json, tracking_id: str) -> Json:
        return wire.async_answer(await self._submit(body, "PostOrderAsync"))

    async def _submit(self, body: Json, method: str) -> Order:
        market = self._exchange.market
        ask = read_ask(body, self._accounts, market.new_id, is_async=method == "PostOrderAsync")
        there_is = self._repeated(ask.account, ask.request_id)
        if there_is is not None:
            return there_is
        order = self._exchange.submit(ask, ignored=self._pending.take("ignore", method))
        await befall(self._pending, method)
        return order

    def _repeated(self, account: str, request_id: str) -> Order | None:
        order = self._exchange.market.find(account, request_id=request_id)
        if order is not None and self._pending.take("report_not_found"):
            raise Refusal("30057")
        return order

    async def _replace_order(self, body: Json, tracking_id: str) -> Json:
        account = read_account(body, self._accounts)
        key = str(body.get("idempotencyKey") or "")
        new = self._repeated(account, key)
        if new is None:
            new = self._replace(body)
            await befall(self._pending, "ReplaceOrder")
        return wire.post_answer(await self._exchange.settled(new), tracking_id, time.time_ns())

    def _replace(self, body: Json) -> Order:
        old = self._find(body)
        ask = read_replacement(body, old.ask, self._exchange.market.new_id)
        if self._pending.take("half_replace"):
            self._cancel(old, "REPLACE")
            raise Refusal("30049", "the order before it is cancelled")
        ignored = self._pending.take("ignore", "ReplaceOrder")
        new = self._exchange.replace(old, ask, ignored=ignored)
        if new is None:
            raise _too_late(old)
        return new

    async def _cancel_order(self, body: Json, tracking_id: str) -> Json:
        order = self._find(body)
        self._cancel(order, "CANCEL", ignored=self._pending.take("ignore", "CancelOrder"))
        return wire.cancel_answer(tracking_id, time.time_ns())

    def _cancel(self, order: Order, kind: str, *, ignored: bool = False) -> None:
        if not self._exchange.cancel(order, kind, ignored=ignored):
            raise _too_late(order)

    async def _get_orders(self, body: Json, tracking_id: str) -> Json:
        account = read_account(body, self._accounts)
        orders = chosen_orders(self._exchange.market.orders(account), body)
        return {"orders": [wire.order_state(order) for order in orders]}

    async def _get_order_state(self, body: Json, tracking_id: str) -> Json:
        return wire.order_state(self._find(body))

    def _find(self, body: Json) -> Order:
        order = self._exchange.market.find(read_account(body, self._accounts), **read_order_id(body))
        if order is None or not order.told:
            raise Refusal("50005")
        return order

    async def _get_max_lots(self, body: Json, tracking_id: str) -> Json:
        query = read_price_query(body, self._accounts, of_order=False)
        market = self._exchange.market
        owned_lots = sum(
            order.lots_executed if order.ask.direction == "BUY" else -order.lots_executed
            for order in market.orders(query.account)
            if order.ask.instrument is query.instrument
        )
        return wire.max_lots(query, market.price(query.instrument), CASH_NANO, owned_lots)

    async def _get_order_price(self, body: Json, tracking_id: str) -> Json:
        return wire.order_price(read_price_query(body, self._accounts, of_order=True))

    async def _get_accounts(self, body: Json, tracking_id: str) -> Json:
        # All accounts here are open.
        shown = ACCOUNT_STATUS.read(body) not in ("NEW", "CLOSED")
        return {"accounts": [wire.account(account) for account in self._accounts if shown]}


def _too_late(order: Order) -> Refusal:
    return Refusal("30059", f"order {order.order_id} is not active")
