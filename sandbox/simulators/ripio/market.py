"""The simulated exchange: orders, prices, and what is due to happen. No clock, no sockets.

Every method takes the time as an argument; with the same seed and the same calls at the same times,
the same happens.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from uuid import UUID

from sandbox.simulators.fates import Fates
from sandbox.simulators.ripio.fates import FATES, Fate, plan
from sandbox.simulators.ripio.orders import (
    Ask,
    Cancel,
    ChangeRequest,
    Fill,
    Order,
    Step,
    Trade,
    Trigger,
    Update,
    take,
)
from sandbox.simulators.ripio.pairs import Pair
from sandbox.simulators.ripio.wallets import Wallets
from sandbox.simulators.schedule import Schedule

__all__ = ["Event", "Market"]

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened to an order: how it stands, what traded, and what the stream is to say of it.

    `status_first` tells which of the topics `order_status` and `user_trades` speaks first.
    """

    order: Order
    trades: tuple[Trade, ...] = ()
    tells_status: bool = True
    status_first: bool = True


class Market:
    """All orders of all accounts.

    `speed` divides every delay, `fates` weighs how orders end, `observed` is whether an order is first
    said to be pending, `tells_updates` whether the stream tells of an update.
    """

    def __init__(
        self,
        accounts: Iterable[str],
        *,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        observed: bool = False,
        tells_updates: bool = False,
    ) -> None:
        self.random = Random(seed)  # noqa: S311 -- chooses what becomes of play orders
        self.wallets = Wallets(accounts)
        self._speed = speed
        self._fates = Fates(fates, self.random)
        self._observed = observed
        self._tells_updates = tells_updates
        self._orders: dict[str, Order] = {}
        self._by_external_id: dict[tuple[str, str], str] = {}
        self._waiting: dict[str, Decimal] = {}
        self._prices: dict[str, Decimal] = {}
        self._due: Schedule[str, Step] = Schedule()

    def demand(self, fate: Fate, count: int) -> None:
        """Let the next `count` orders have this fate."""
        self._fates.demand(fate, count)

    def draw(self) -> Fate:
        """Return the fate of the next order."""
        return self._fates.draw()

    def new_id(self) -> str:
        """Return a fresh UUID from the market's own random source, in upper case as the venue's are."""
        return str(UUID(int=self.random.getrandbits(128), version=4)).upper()

    def submit(self, ask: Ask, fate: Fate, now_ns: int, *, ignored: bool = False) -> Order:
        """Take an order. An ignored one stays as it is for ever, and is never told of."""
        order = Order(
            ask=ask,
            order_id=self.new_id(),
            number=len(self._orders) + 1,
            created_ns=now_ns,
            changed_ns=now_ns,
            amount=ask.amount,
            price=ask.price,
        )
        self._orders[order.order_id] = order
        if ask.external_id is not None and not ignored:
            self._by_external_id[ask.account, ask.external_id.lower()] = order.order_id
        if ignored:
            return order
        self.wallets.lock(order)
        if ask.distance is not None:
            self._waiting[order.order_id] = self.price(ask.pair)
        elif ask.waits:
            self._waiting[order.order_id] = ZERO
        for delay_ns, step in plan(ask, fate, self.random, self.price(ask.pair), observed=self._observed):
            self._push(now_ns + round(delay_ns / self._speed), order, step)
        if ask.expire_ns is not None:
            self._push(ask.expire_ns, order, Cancel())
        return order

    def cancel(self, order: Order, now_ns: int) -> None:
        """Cancel what is left of an order, at once."""
        self._push(now_ns, order, Cancel())

    def fill(self, order: Order, amount: Decimal, price: Decimal, now_ns: int) -> None:
        """Let an order trade, at once; it must have this amount left."""
        self._push(now_ns, order, Fill(((amount, price),)))

    def trigger(self, order: Order, now_ns: int) -> None:
        """Let the price that an order waits for have come."""
        self._push(now_ns, order, Trigger())

    def update(self, order: Order, update: Update, now_ns: int) -> None:
        """Change the price or the amount of an order, at once."""
        self._push(now_ns, order, update)

    def note(self, order: Order, request: ChangeRequest) -> None:
        """Remember that an order's client wished to change it, and what the venue answered."""
        kept = self._orders[order.order_id]
        self._orders[order.order_id] = replace(kept, requests=(*kept.requests, request))

    def price(self, pair: Pair) -> Decimal:
        """Return what a pair trades at."""
        return self._prices.get(pair.code, pair.price)

    def set_price(self, pair: Pair, price: Decimal, now_ns: int) -> list[Order]:
        """Move a pair's price; return the orders for which this is the price that they waited for."""
        before, self._prices[pair.code] = self.price(pair), price
        triggered = []
        for order_id, best in list(self._waiting.items()):
            order = self._orders[order_id]
            if order.ask.pair is not pair:
                continue
            if order.ask.distance is not None:
                self._waiting[order_id] = best = (max if order.ask.side == "sell" else min)(best, price)
            if _has_come(order, before, price, best):
                triggered.append(order)
                self.trigger(order, now_ns)
        return triggered

    def _push(self, due_ns: int, order: Order, step: Step) -> None:
        self._due.push(due_ns, order.order_id, step)

    @property
    def next_due_ns(self) -> int | None:
        """When something is due to happen next."""
        return self._due.next_due_ns

    def advance(self, now_ns: int) -> list[Event]:
        """Let everything happen that is due by now; return what happened, step by step."""
        events = []
        for due_ns, order_id, step in self._due.due(now_ns):
            before = self._orders[order_id]
            after = take(before, step, due_ns)
            if after is not None:
                events.append(self._changed(before, after, step))
        return events

    def _changed(self, before: Order, after: Order, step: Step) -> Event:
        self._orders[after.order_id] = after
        trades = after.trades[len(before.trades) :]
        self.wallets.change(after, trades)
        if after.is_final or after.triggered:
            self._waiting.pop(after.order_id, None)
        return Event(
            order=after,
            trades=trades,
            tells_status=self._tells_updates or not isinstance(step, Update),
            status_first=not trades or self.random.random() < 0.5,
        )

    def find(self, account: str, *, order_id: str | None = None, external_id: str | None = None) -> Order | None:
        """Return an order by the venue's id, or the newest one by the client's."""
        if external_id is not None:
            order_id = self._by_external_id.get((account, external_id.lower()))
        order = self._orders.get((order_id or "").upper())
        return order if order is not None and order.ask.account == account else None

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order, oldest first, of one account or of all."""
        return [order for order in self._orders.values() if account in (None, order.ask.account)]


def _has_come(order: Order, before: Decimal, price: Decimal, best: Decimal) -> bool:
    ask = order.ask
    if ask.distance is not None:
        return abs(price - best) >= ask.distance
    # The documents do not say from which side; it is met when the price reaches or crosses it.
    stop = ask.stop_price or ZERO
    return min(before, price) <= stop <= max(before, price)
