"""The market on the clock: what is due happens, and is told."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.market import Event, Market
from sandbox.simulators.ripio.orders import Ask, ChangeRequest, Order, Status, Update
from sandbox.simulators.ripio.pairs import Pair
from sandbox.simulators.schedule import RealTime

__all__ = ["Exchange", "too_late"]


def too_late(order: Order) -> int | None:
    """Return the code with which a change of an order is refused because it has ended, if it has."""
    if not order.is_final:
        return None
    return 40020 if order.status is Status.CANCELED else 40021


class Exchange(RealTime[Event]):
    """Runs a market in real time on the running event loop; `tell` gets each event of it."""

    def __init__(self, market: Market, tell: Callable[[Event], None]) -> None:
        super().__init__(market, tell)
        self.market = market

    def submit(self, ask: Ask, fate: Fate, *, ignored: bool = False) -> Order:
        """Take an order, and return it as it then stands."""
        order = self.market.submit(ask, fate, self.now_ns(), ignored=ignored)
        self.tick()
        return self.now(order)

    def cancel(self, order: Order, *, ignored: bool = False) -> int | Order:
        """Cancel what is left of an order on its client's wish; return it as it then stands, or why it can't be.

        A wish that is ignored is answered as if it were done, and remembered, and nothing else.
        """
        now_ns = self.tick()
        code = self._note(order, "CANCEL", now_ns, ignored=ignored)
        if code is not None:
            return code
        if ignored:
            return replace(self.now(order), canceled=True, changed_ns=now_ns)
        self.market.cancel(order, now_ns)
        self.tick()
        return self.now(order)

    def update(self, order: Order, update: Update, *, ignored: bool = False) -> int | None:
        """Change an order on its client's wish; return why it can't be, if it can't."""
        now_ns = self.tick()
        code = self._note(order, "UPDATE", now_ns, ignored=ignored)
        if code is None and not ignored:
            self.market.update(order, update, now_ns)
            self.tick()
        return code

    def _note(self, order: Order, kind: str, now_ns: int, *, ignored: bool) -> int | None:
        code = too_late(self.now(order))
        done = code is None and not ignored
        self.market.note(order, ChangeRequest(kind=kind, asked_ns=now_ns, code=code, done=done))
        return code

    def end(self, order: Order) -> None:
        """Cancel what is left of an order, but not on its client's wish."""
        self.market.cancel(order, self.now_ns())
        self.tick()

    def fill(self, order: Order, amount: Decimal, price: Decimal) -> None:
        """Let an order trade."""
        self.market.fill(order, amount, price, self.now_ns())
        self.tick()

    def trigger(self, order: Order) -> None:
        """Let the price that an order waits for have come."""
        self.market.trigger(order, self.now_ns())
        self.tick()

    def set_price(self, pair: Pair, price: Decimal) -> list[Order]:
        """Move a pair's price; return the orders that this triggered."""
        triggered = self.market.set_price(pair, price, self.now_ns())
        self.tick()
        return triggered

    def now(self, order: Order) -> Order:
        """Return an order as it stands now."""
        return self.market.find(order.ask.account, order_id=order.order_id) or order
