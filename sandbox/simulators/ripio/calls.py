"""The simulated REST calls: what each does with a request, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.simulators.pending import Pending
from sandbox.simulators.ripio.exchange import Exchange, too_late
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.faults import CREATE
from sandbox.simulators.ripio.keys import Account
from sandbox.simulators.ripio.orders import Ask, Order, Status, Trade, Update
from sandbox.simulators.ripio.paging import page
from sandbox.simulators.ripio.pairs import CURRENCIES, PAIRS, find_pair
from sandbox.simulators.ripio.refusals import Refusal
from sandbox.simulators.ripio.requests import (
    OrderFilter,
    read_ask,
    read_filter,
    read_pair,
    read_text,
    read_update,
    read_wish,
)
from sandbox.simulators.ripio.topics import Tickets
from sandbox.simulators.ripio.values import iso, ms
from sandbox.simulators.ripio.wire import Words, balance_item, pair_item, trade_item, trading_fees

__all__ = ["Asked", "Call", "Calls", "Rule"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A call as it comes in: its name, whose it is, its body's JSON, its query, and the parts of its path."""

    call: str
    account: Account
    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.name


@dataclass(frozen=True)
class Rule:
    """What the venue is told to do where its documents are silent."""

    unique_external_ids: bool = False


Call = Callable[[Asked], Any]


class Calls:
    """The signed calls that there are, by method and path below `/v4`.

    Each returns its `data`, and raises a `Refusal` where the venue would.
    """

    def __init__(self, exchange: Exchange, tickets: Tickets, words: Words, pending: Pending, rule: Rule) -> None:
        self._exchange = exchange
        self._market = exchange.market
        self._tickets = tickets
        self._words = words
        self._pending = pending
        self._rule = rule

    def table(self) -> dict[str, Call]:
        """Return the calls that only read; `{name}` is a part of the path."""
        return {
            "POST /ticket": self._ticket,
            "GET /orders": self._orders,
            "GET /orders/open": self._open_orders,
            "GET /orders/trades": self._trades_of_order,
            "GET /orders/by-external-id/{external_id}": self._order,
            "GET /orders/{id}": self._order,
            "GET /user/trades": self._trades,
            "GET /user/balances": self._balances,
            "GET /user/trading-fees": self._fees,
            "GET /pairs": self._pairs,
        }

    def trading(self) -> dict[str, Call]:
        """Return the calls that need the right to trade."""
        return {
            CREATE: self._create,
            "PUT /orders": self._update,
            "DELETE /orders": self._cancel,
            "POST /orders/cancel": self._cancel,
            "DELETE /orders/by-external-id": self._cancel_by_external_id,
            "POST /orders/cancel-by-external-id": self._cancel_by_external_id,
            "DELETE /orders/all": self._cancel_all,
        }

    def _ticket(self, asked: Asked) -> Any:
        return {"ticket": self._tickets.give(asked.name, self._exchange.now_ns())}

    def _create(self, asked: Asked) -> Any:
        ask = read_ask(asked.body, asked.name, self._exchange.now_ns())
        self._check_external_id(ask)
        market = self._market.price(ask.pair)
        if ask.post_only and ask.price is not None and _crosses(ask.side, ask.price, market):
            raise Refusal(40000, "Invalid parameters. A post_only order would be executed immediately.")
        self._check_funds(ask, market)
        fate = self._market.draw()
        if fate is Fate.REJECT:
            raise Refusal(40011)
        return self._words.created(self._exchange.submit(ask, fate, ignored=self._pending.take("ignore", asked.call)))

    def _check_external_id(self, ask: Ask) -> None:
        # The documents do not say whether the client's ids are unique.
        if self._rule.unique_external_ids and self._market.find(ask.account, external_id=ask.external_id or ""):
            raise Refusal(40000, "Invalid parameters. external_id exists already.")

    def _check_funds(self, ask: Ask, market: Decimal) -> None:
        is_buy = ask.side == "buy"
        cost = ask.value if ask.amount is None else ask.amount * (ask.price or market)
        amount = ask.amount if ask.amount is not None else (ask.value or Decimal(0)) / market
        currency, needed = (ask.pair.quote, cost) if is_buy else (ask.pair.base, amount)
        if (needed or 0) > self._market.wallets.available(ask.account, currency):
            raise Refusal(40011)

    def _update(self, asked: Asked) -> None:
        order = self._found(asked, order_id=read_text(asked.body, "order_id"))
        code = too_late(order)
        if code is None:
            update = read_update(asked.body, order)
            if self._would_trade(order, update):
                raise Refusal(40000, "Invalid parameters. The order would be executed immediately.")
            code = self._exchange.update(order, update, ignored=self._pending.take("ignore", asked.call))
        if code is not None:
            raise Refusal(code)

    def _would_trade(self, order: Order, update: Update) -> bool:
        if update.price is None or order.ask.waits:
            return False
        return _crosses(order.ask.side, update.price, self._market.price(order.ask.pair))

    def _cancel(self, asked: Asked) -> Any:
        return self._canceled(asked, self._found(asked, order_id=read_text(asked.body, "id")))

    def _cancel_by_external_id(self, asked: Asked) -> Any:
        return self._canceled(asked, self._found(asked, external_id=read_text(asked.body, "external_id")))

    def _canceled(self, asked: Asked, order: Order) -> Any:
        ignored = self._pending.take("ignore", asked.call)
        after = self._exchange.cancel(order, ignored=ignored)
        if isinstance(after, int):
            raise Refusal(after)
        return self._words.canceled(after)

    def _cancel_all(self, asked: Asked) -> Any:
        pair = read_pair(asked.body) if asked.body.get("pair") is not None else None
        self._exchange.tick()
        live = [order for order in self._told(asked) if not order.is_final and pair in (None, order.ask.pair)]
        if not live:
            raise Refusal(40021, "No orders to cancel.")
        return [
            {
                "pair_code": order.ask.pair.code,
                "order_id": order.order_id,
                "success": not isinstance(self._exchange.cancel(order), int),
            }
            for order in reversed(live)
        ]

    def _order(self, asked: Asked) -> Any:
        parts = asked.parts
        return self._words.whole(self._found(asked, order_id=parts.get("id"), external_id=parts.get("external_id")))

    def _found(self, asked: Asked, *, order_id: str | None = None, external_id: str | None = None) -> Order:
        self._exchange.tick()
        order = self._market.find(asked.name, order_id=order_id, external_id=external_id)
        if order is None or not order.told:
            raise Refusal(40400)
        return order

    def _told(self, asked: Asked) -> list[Order]:
        return [order for order in self._market.orders(asked.name) if order.told]

    def _orders(self, asked: Asked) -> Any:
        read_text(asked.query, "pair")
        # The default that the documents give the parameter.
        statuses = asked.statuses or [Status.EXECUTED_PARTIALLY.value]
        return self._listed(asked, read_filter(asked.query, statuses, self._exchange.now_ns(), dated=True))

    def _open_orders(self, asked: Asked) -> Any:
        return self._listed(asked, read_filter(asked.query, _LIVE, self._exchange.now_ns(), dated=False))

    def _listed(self, asked: Asked, wanted: OrderFilter) -> Any:
        self._exchange.tick()
        orders = [order for order in reversed(self._told(asked)) if wanted.takes(order)]
        data = page(orders, lambda order: order.number, read_wish(asked.query), "orders")
        return data | {"orders": [self._words.listed(order) for order in data["orders"]]}

    def _trades_of_order(self, asked: Asked) -> Any:
        order = self._found(asked, order_id=read_text(asked.query, "order_id"))
        return self._traded(asked, [order], OrderFilter())

    def _trades(self, asked: Asked) -> Any:
        wanted = read_filter(asked.query, [], self._exchange.now_ns(), dated=True)
        pair, query = read_pair(asked.query), asked.query
        self._exchange.tick()
        orders = [
            order
            for order in self._told(asked)
            if order.ask.pair is pair
            and query.get("order_id", order.order_id).upper() == order.order_id
            and ("external_id" not in query or query["external_id"].lower() == (order.ask.external_id or "").lower())
        ]
        return self._traded(asked, orders, wanted)

    def _traded(self, asked: Asked, orders: list[Order], wanted: OrderFilter) -> Any:
        trades = [
            (order, trade, place)
            for order in orders
            for place, trade in enumerate(order.trades)
            if wanted.covers(trade.time_ns)
        ]
        trades.sort(key=_trade_key, reverse=True)
        data = page(trades, _trade_key, read_wish(asked.query, by_number=False), "trades")
        return data | {"trades": [trade_item(order, trade) for order, trade, _ in data["trades"]]}

    def _balances(self, asked: Asked) -> Any:
        names = asked.query.get("currency_code", ",".join(CURRENCIES)).split(",")
        chosen = tuple(currency for currency in CURRENCIES if currency in names)
        last_update = {"last_update": iso(self._exchange.tick())}
        return [item | last_update for item in balance_item(self._market.wallets, asked.account, chosen)["balances"]]

    def _fees(self, asked: Asked) -> Any:
        read_pair(asked.query)
        return trading_fees()

    def _pairs(self, asked: Asked) -> Any:
        pair = find_pair(asked.query["pair"]) if "pair" in asked.query else None
        return [pair_item(one) for one in PAIRS if pair in (None, one)]

    def server_time(self) -> Any:
        """Return the venue's time."""
        return {"timestamp": ms(self._exchange.now_ns())}


_LIVE = [Status.OPEN.value, Status.EXECUTED_PARTIALLY.value]


def _crosses(side: str, price: Decimal, market: Decimal) -> bool:
    return price >= market if side == "buy" else price <= market


def _trade_key(traded: tuple[Order, Trade, int]) -> int:
    # One moment may have several orders' trades, and an order several trades.
    order, trade, place = traded
    return (trade.time_ns * 10**6 + order.number) * 10**3 + place
