"""The market on the clock, and the history of it that another service of the venue shows."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from sandbox.simulators.outpoll.instruments import Instrument
from sandbox.simulators.outpoll.market import Happening, Market
from sandbox.simulators.outpoll.orders import Ask, Order
from sandbox.simulators.outpoll.tpsl import TpslAsk, TpslOrder
from sandbox.simulators.schedule import RealTime

__all__ = ["Exchange", "History"]


class Exchange(RealTime[Happening | TpslOrder]):
    """Runs a market in real time on the running event loop; `tell` gets each order after each step of it."""

    def __init__(self, market: Market, tell: Callable[[Happening | TpslOrder], None]) -> None:
        super().__init__(market, tell)
        self.market = market

    def submit(self, ask: Ask, *, ignored: bool = False) -> Order:
        """Take an order."""
        order = self.market.submit(ask, self.now_ns(), ignored=ignored)
        self.tick()
        return order

    def cancel(self, order: Order, *, fails: bool = False) -> None:
        """Cancel what is left of an order, if it is still active; or let that fail."""
        self.market.cancel(order, self.tick(), fails=fails)
        self.tick()

    def fill(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        """Let an order trade."""
        self.market.fill(order, quantity, price, self.now_ns())
        self.tick()

    def submit_tpsl(self, ask: TpslAsk, *, ignored: bool = False) -> TpslOrder:
        """Take a take-profit / stop-loss order."""
        tpsl = self.market.submit_tpsl(ask, self.now_ns(), ignored=ignored)
        self.tick()
        return tpsl

    def withdraw(self, tpsl: TpslOrder) -> None:
        """Cancel a take-profit / stop-loss order, if it is still active."""
        self.market.withdraw(tpsl, self.tick())
        self.tick()

    def trigger(self, tpsl: TpslOrder) -> None:
        """Let a take-profit / stop-loss order become an order."""
        self.market.trigger(tpsl, self.now_ns())
        self.tick()

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        """Move an instrument's price."""
        self.tick()
        self.market.set_price(instrument, price, self.now_ns())
        self.tick()


class History:
    """What the history service knows of the orders that the venue has told of: all, or with a lag.

    `tell` gets each order as this service learns of it.
    """

    def __init__(self, tell: Callable[[Order], None]) -> None:
        self.lag_s = 0.0
        self._tell = tell
        self._orders: dict[str, Order] = {}
        self._coming: set[asyncio.TimerHandle] = set()

    def learn(self, order: Order) -> None:
        """Take in how an order stands, now or after the lag."""
        if not self.lag_s:
            self._keep(order)
            return
        due_s = asyncio.get_running_loop().time() + self.lag_s
        self._coming = {handle for handle in self._coming if handle.when() > due_s - self.lag_s}
        self._coming.add(asyncio.get_running_loop().call_at(due_s, self._keep, order))

    def _keep(self, order: Order) -> None:
        kept = self._orders.get(order.order_id)
        # A lag that was shortened lets the newer come first.
        if kept is None or kept.revision < order.revision:
            self._orders[order.order_id] = order
            self._tell(order)

    def orders(self, account: str) -> list[Order]:
        """Return an account's orders as this service knows them, oldest first."""
        known = (order for order in self._orders.values() if order.ask.account == account)
        return sorted(known, key=lambda order: order.created_ns)

    def stop(self) -> None:
        """Learn nothing more."""
        for handle in self._coming:
            handle.cancel()
        self._coming.clear()
