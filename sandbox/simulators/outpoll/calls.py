"""The simulated REST calls: what each does, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

from sandbox.simulators.outpoll import wire
from sandbox.simulators.outpoll.exchange import Exchange, History
from sandbox.simulators.outpoll.keys import Account
from sandbox.simulators.outpoll.market import shares
from sandbox.simulators.outpoll.orders import NOTHING, Order
from sandbox.simulators.outpoll.refusals import Refusal
from sandbox.simulators.outpoll.requests import Page, read_ask, read_page, read_tpsl, read_tpsl_query
from sandbox.simulators.outpoll.tpsl import TpslAsk, TpslOrder
from sandbox.simulators.pending import Pending

__all__ = ["Asked", "Call", "Calls", "Reply", "Shows"]

# Whether the history of orders has those that live, or only those that have ended: the documents do not say.
Shows = Literal["all", "ended"]


@dataclass(frozen=True)
class Asked:
    """One call: who asks, and what; `order_id` is the one in the path, if the path has one."""

    account: Account
    path: str
    order_id: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What a call is answered with; `about` is the id that it is on, for the record of calls."""

    status: int
    value: Any = None
    about: str | None = None


Call = Callable[[Asked], Reply]


class Calls:
    """The calls that there are, by method and path; each raises a `Refusal` where the venue would.

    The documents have two statuses each for what went well (200 or 202, 200 or 204): either is drawn.
    """

    def __init__(
        self, exchange: Exchange, history: History, pending: Pending, *, shows: Shows = "all", seed: int | None = None
    ) -> None:
        self._exchange = exchange
        self._history = history
        self._pending = pending
        self._shows = shows
        self._random = Random(seed)  # noqa: S311 -- chooses between two good statuses

    def table(self) -> dict[tuple[str, str], Call]:
        """Return the calls."""
        return {
            ("POST", "/orders/limit"): self._submit_limit,
            ("POST", "/orders/market"): self._submit_market,
            ("DELETE", "/orders/limit/{id}"): self._cancel,
            ("POST", "/orders/tpsl"): self._submit_tpsl,
            ("GET", "/orders/tpsl"): self._tpsls,
            ("DELETE", "/orders/tpsl/{id}"): self._withdraw,
            ("GET", "/api/history/orders"): self._orders,
            ("GET", "/api/history/deals/active-orders"): self._active_orders,
            ("GET", "/api/history/trades"): self._trades,
        }

    def _submit_limit(self, asked: Asked) -> Reply:
        return self._submit(asked, "LIMIT")

    def _submit_market(self, asked: Asked) -> Reply:
        return self._submit(asked, "MARKET")

    def _submit(self, asked: Asked, order_type: str) -> Reply:
        ask = read_ask(asked.body, asked.account.name, order_type)
        if ask.amount is not None and not shares(ask.amount, self._exchange.market.price(ask.instrument)):
            raise Refusal(400, "am buys nothing")
        order = self._exchange.submit(ask, ignored=self._pending.take("ignore", asked.path))
        return self._taken(order.order_id)

    def _taken(self, new_id: str) -> Reply:
        return Reply(self._random.choice((200, 202)), {"i": new_id}, new_id)

    def _gone(self, old_id: str) -> Reply:
        return Reply(self._random.choice((200, 204)), about=old_id)

    def _cancel(self, asked: Asked) -> Reply:
        order = self._exchange.market.find(asked.account.name, asked.order_id)
        if order is None or order.ignored or order.ask.order_type != "LIMIT":
            raise Refusal(404, "Order not found")
        if not self._pending.take("ignore", asked.path):
            self._exchange.cancel(order, fails=self._pending.take("fail"))
        return self._gone(order.order_id)

    def _submit_tpsl(self, asked: Asked) -> Reply:
        wish = read_tpsl(asked.body)
        account = asked.account.name
        quantity = wish.quantity
        if quantity is None:
            quantity = self._exchange.market.position(account, wish.instrument)
        if quantity <= NOTHING:
            raise Refusal(400, "there is no open position")
        ask = TpslAsk(
            account=account,
            instrument=wish.instrument,
            quantity=quantity,
            take_profit=wish.take_profit,
            stop_loss=wish.stop_loss,
        )
        tpsl = self._exchange.submit_tpsl(ask, ignored=self._pending.take("ignore", asked.path))
        return self._taken(tpsl.tpsl_id)

    def _withdraw(self, asked: Asked) -> Reply:
        tpsl = self._exchange.market.find_tpsl(asked.account.name, asked.order_id)
        if tpsl is None or tpsl.ignored:
            raise Refusal(404, "Order not found")
        if not self._pending.take("ignore", asked.path):
            self._exchange.withdraw(tpsl)
        return self._gone(tpsl.tpsl_id)

    def _tpsls(self, asked: Asked) -> Reply:
        query = read_tpsl_query(asked.query)
        chosen = (
            tpsl
            for tpsl in self._exchange.market.tpsls(asked.account.name)
            if _is_shown(tpsl) and query.has(tpsl.ask.instrument) and tpsl.status == query.status
        )
        return Reply(200, [wire.tpsl_item(tpsl, asked.account.user_id) for tpsl in chosen])

    def _orders(self, asked: Asked) -> Reply:
        page = read_page(asked.query, 20)
        items = [
            wire.history_order(order, asked.account.user_id)
            for order in self._known(asked, page)
            if self._shows == "all" or order.is_final
        ]
        return Reply(200, wire.paged(items, page.page, page.size))

    def _active_orders(self, asked: Asked) -> Reply:
        page = replace(read_page(asked.query, 100), newest_first=True, outcome="")
        items = [wire.active_order(order) for order in self._known(asked, page) if not order.is_final]
        return Reply(200, {"i": wire.paged(items, page.page, page.size)["i"]})

    def _trades(self, asked: Asked) -> Reply:
        page = read_page(asked.query, 20)
        pairs = [(order, trade) for order in self._known(asked, page) for trade in order.trades]
        pairs.sort(key=lambda pair: pair[1].time_ns, reverse=page.newest_first)
        items = [wire.history_trade(order, trade, asked.account.user_id) for order, trade in pairs]
        return Reply(200, wire.paged(items, page.page, page.size))

    def _known(self, asked: Asked, page: Page) -> list[Order]:
        orders = [order for order in self._history.orders(asked.account.name) if page.has(order.ask.instrument)]
        return orders[::-1] if page.newest_first else orders


def _is_shown(tpsl: TpslOrder) -> bool:
    return tpsl.told and not tpsl.ignored
