"""The simulated venue's matching: orders, take-profit / stop-loss orders, prices, and what is due to happen.

No clock, no sockets: every method takes the time as an argument, and with the same seeds and the same
calls at the same times, the same happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random
from uuid import UUID

from sandbox.simulators.fates import Fates
from sandbox.simulators.outpoll.fates import CENT_SHARE, FATES, Fate, plan
from sandbox.simulators.outpoll.instruments import Instrument
from sandbox.simulators.outpoll.orders import (
    NOTHING,
    Ask,
    Cancel,
    FailCancel,
    Fill,
    Order,
    Result,
    Step,
    result_of,
    take,
)
from sandbox.simulators.outpoll.tpsl import (
    Activate,
    TpslAsk,
    TpslOrder,
    TpslStep,
    Trigger,
    Withdraw,
    child_ask,
    take_tpsl,
)
from sandbox.simulators.schedule import Schedule

__all__ = ["Happening", "Market", "shares"]


def shares(amount: Decimal, price: Decimal) -> Decimal:
    """Return how many shares an amount of money buys at a price, to hundredths of a share, rounded down."""
    return (amount / price).quantize(CENT_SHARE, ROUND_DOWN)


@dataclass(frozen=True)
class Happening:
    """An order after one step of it, and what the stream says of the step."""

    order: Order
    result: Result


class Market:
    """All orders of all accounts.

    `speed` divides every delay, `fates` weighs how orders end. `id_seed` makes the ids; runs that share
    a broker must not repeat each other's.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        id_seed: int | None = None,
    ) -> None:
        self._random = Random(seed)  # noqa: S311 -- chooses what becomes of play orders
        self._ids = Random(id_seed)  # noqa: S311 -- names play orders
        self._speed = speed
        self._fates = Fates(fates, self._random)
        self._orders: dict[str, Order] = {}
        self._tpsls: dict[str, TpslOrder] = {}
        self._prices: dict[str, Decimal] = {}
        self._due: Schedule[str, Step | TpslStep] = Schedule()

    def demand(self, fate: Fate, count: int) -> None:
        """Let the next `count` orders have this fate."""
        self._fates.demand(fate, count)

    def new_id(self) -> str:
        """Return a fresh UUID."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def submit(self, ask: Ask, now_ns: int, *, ignored: bool = False) -> Order:
        """Take an order. An ignored one stays as it is for ever, and is never told of."""
        return self._submit(ask, self.new_id(), now_ns, ignored=ignored)

    def _submit(self, ask: Ask, order_id: str, now_ns: int, *, ignored: bool = False, tpsl: str | None = None) -> Order:
        price = self.price(ask.instrument)
        quantity = ask.quantity if ask.quantity is not None else shares(ask.amount or NOTHING, price)
        order = Order(
            ask=ask,
            order_id=order_id,
            quantity=quantity,
            created_ns=now_ns,
            changed_ns=now_ns,
            ignored=ignored,
            tpsl_id=tpsl,
        )
        self._orders[order_id] = order
        if not ignored:
            fate = self._fates.draw()
            for delay_ns, step in plan(ask, quantity, fate, self._random, price, self.new_id):
                self._due.push(now_ns + round(delay_ns / self._speed), order_id, step)
        return order

    def cancel(self, order: Order, now_ns: int, *, fails: bool = False) -> None:
        """Cancel what is left of an order, at once; or let that fail, once the order was taken."""
        self._due.push(now_ns, order.order_id, FailCancel() if fails else Cancel())

    def fill(self, order: Order, quantity: Decimal, price: Decimal, now_ns: int) -> None:
        """Let an order trade, at once; it must have as much left."""
        self._due.push(now_ns, order.order_id, Fill(((self.new_id(), quantity, price),)))

    def submit_tpsl(self, ask: TpslAsk, now_ns: int, *, ignored: bool = False) -> TpslOrder:
        """Take a take-profit / stop-loss order."""
        tpsl = TpslOrder(ask=ask, tpsl_id=self.new_id(), created_ns=now_ns, changed_ns=now_ns, ignored=ignored)
        self._tpsls[tpsl.tpsl_id] = tpsl
        if not ignored:
            self._due.push(now_ns, tpsl.tpsl_id, Activate())
            self._watch(tpsl, now_ns)
        return tpsl

    def withdraw(self, tpsl: TpslOrder, now_ns: int) -> None:
        """Cancel a take-profit / stop-loss order, at once."""
        self._due.push(now_ns, tpsl.tpsl_id, Withdraw())

    def trigger(self, tpsl: TpslOrder, now_ns: int) -> None:
        """Let a take-profit / stop-loss order become an order at once, whatever the price."""
        self._due.push(now_ns, tpsl.tpsl_id, Trigger(self.new_id()))

    def price(self, instrument: Instrument) -> Decimal:
        """Return what a share trades at."""
        return self._prices.get(instrument.asset, instrument.price)

    def set_price(self, instrument: Instrument, price: Decimal, now_ns: int) -> None:
        """Move an instrument's price, which triggers the orders that wait for it."""
        self._prices[instrument.asset] = price
        for tpsl in self._tpsls.values():
            if tpsl.ask.instrument is instrument and not (tpsl.is_final or tpsl.ignored):
                self._watch(tpsl, now_ns)

    def _watch(self, tpsl: TpslOrder, now_ns: int) -> None:
        if tpsl.ask.is_reached(self.price(tpsl.ask.instrument)):
            self.trigger(tpsl, now_ns)

    def position(self, account: str, instrument: Instrument) -> Decimal:
        """Return how many shares an account has bought and not sold again."""
        signs = {"BUY": 1, "SELL": -1}
        orders = (order for order in self.orders(account) if order.ask.instrument is instrument)
        return sum((signs[order.ask.side] * order.executed for order in orders), NOTHING)

    @property
    def next_due_ns(self) -> int | None:
        """When something is due to happen next."""
        return self._due.next_due_ns

    def advance(self, now_ns: int) -> list[Happening | TpslOrder]:
        """Let everything happen that is due by now; return each order as it was after each step of it."""
        happened: list[Happening | TpslOrder] = []
        for due_ns, key, step in self._due.due(now_ns):
            if isinstance(step, TpslStep):
                tpsl = self._step_tpsl(key, step, due_ns)
                happened.extend([tpsl] if tpsl else [])
            elif (after := take(self._orders[key], step, due_ns)) is not None:
                self._orders[key] = after
                happened.append(Happening(after, result_of(step)))
        return happened

    def _step_tpsl(self, key: str, step: TpslStep, due_ns: int) -> TpslOrder | None:
        after = take_tpsl(self._tpsls[key], step, due_ns)
        if after is not None:
            self._tpsls[key] = after
            if isinstance(step, Trigger):
                self._submit(child_ask(after), step.child_order_id, due_ns, tpsl=key)
        return after

    def find(self, account: str, order_id: str) -> Order | None:
        """Return an account's order by its id."""
        order = self._orders.get(order_id)
        return order if order is not None and order.ask.account == account else None

    def find_tpsl(self, account: str, tpsl_id: str) -> TpslOrder | None:
        """Return an account's take-profit / stop-loss order by its id."""
        tpsl = self._tpsls.get(tpsl_id)
        return tpsl if tpsl is not None and tpsl.ask.account == account else None

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order, oldest first, of one account or of all."""
        return [order for order in self._orders.values() if account in (None, order.ask.account)]

    def tpsls(self, account: str | None = None) -> list[TpslOrder]:
        """Return every take-profit / stop-loss order, oldest first, of one account or of all."""
        return [tpsl for tpsl in self._tpsls.values() if account in (None, tpsl.ask.account)]
