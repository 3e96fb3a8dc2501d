"""The market on the clock: what is due happens, is told, and wakes the calls that wait for it."""

import asyncio
import time
from collections.abc import Callable

from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Ask, Order

__all__ = ["Exchange"]


class Exchange:
    """Runs a market in real time on the running event loop; `tell` gets each order after each step of it."""

    def __init__(self, market: Market, tell: Callable[[Order], None]) -> None:
        self.market = market
        self._tell = tell
        self._waiting: dict[tuple[str, str], list[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, ask: Ask, *, ignored: bool = False) -> Order:
        """Take an order, and return it as it then stands."""
        order = self.market.submit(ask, time.time_ns(), ignored=ignored)
        self._tick()
        return self.now(order)

    def cancel(self, order: Order) -> None:
        """Cancel what is left of an order."""
        self.market.cancel(order, time.time_ns())
        self._tick()

    def now(self, order: Order) -> Order:
        """Return an order as it stands now."""
        return self.market.find(order.ask.account, request_id=order.ask.request_id) or order

    async def settled(self, order: Order) -> Order:
        """Return an order once the exchange has spoken on it: placed it, or ended it."""
        order = self.now(order)
        if not _is_settled(order):
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.setdefault((order.ask.account, order.ask.request_id), []).append(waiting)
            await waiting
        return self.now(order)

    def stop(self) -> None:
        """Let nothing more happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self.stop()
        now_ns = time.time_ns()
        changed = self.market.advance(now_ns)
        for order in changed:
            self._tell(order)
        # Only now, so that who waited finds all that happened at this moment.
        for order in changed:
            self._wake(order)
        due_ns = self.market.next_due_ns
        if due_ns is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0, due_ns - now_ns) / 1e9, self._tick)

    def _wake(self, order: Order) -> None:
        if _is_settled(order):
            for waiting in self._waiting.pop((order.ask.account, order.ask.request_id), []):
                if not waiting.done():
                    waiting.set_result(None)


def _is_settled(order: Order) -> bool:
    return order.placed or order.is_final
