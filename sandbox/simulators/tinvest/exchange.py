"""The market on the clock: what is due happens, is told, and wakes the calls that wait for it."""

import asyncio
from collections.abc import Callable, Sequence

from sandbox.simulators.schedule import RealTime
from sandbox.simulators.tinvest.instruments import Instrument
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Ask, CancelRequest, Cause, Order
from sandbox.simulators.tinvest.stops import StopAsk, StopOrder

__all__ = ["Exchange"]


class Exchange(RealTime[Order | StopOrder]):
    """Runs a market in real time on the running event loop; `tell` gets each order after each step of it."""

    def __init__(self, market: Market, tell: Callable[[Order | StopOrder], None]) -> None:
        super().__init__(market, tell)
        self.market = market
        self._waiting: dict[tuple[str, str], list[asyncio.Future[None]]] = {}

    def submit(self, ask: Ask, *, ignored: bool = False) -> Order:
        """Take an order, and return it as it then stands."""
        order = self.market.submit(ask, self.now_ns(), ignored=ignored)
        self.tick()
        return self.now(order)

    def cancel(self, order: Order, kind: str = "CANCEL", *, ignored: bool = False) -> bool:
        """Cancel what is left of an order on its client's wish; tell whether it was not too late.

        A wish that is ignored is remembered, and nothing else.
        """
        now_ns = self.tick()
        in_time = self._note(order, self.now(order).is_final, kind, now_ns, "30059", ignored)
        if in_time and not ignored:
            self.market.cancel(order, now_ns)
            self.tick()
        return in_time

    def replace(self, order: Order, ask: Ask, *, ignored: bool = False) -> Order | None:
        """Put another order in the place of one, and return it as it then stands; None if it is too late.

        Ignored, the first stays, and the other is never told of.
        """
        now_ns = self.tick()
        if not self._note(order, self.now(order).is_final, "REPLACE", now_ns, "30059", ignored):
            return None
        new = self.market.replace(order, ask, now_ns, ignored=ignored)
        self.tick()
        return self.now(new)

    def _note(self, order: Order | StopOrder, is_final: bool, kind: str, now_ns: int, code: str, ignored: bool) -> bool:
        done = not is_final and not ignored
        self.market.note(order, CancelRequest(kind, now_ns, code if is_final else None, done))
        return not is_final

    def end(self, order: Order, cause: Cause) -> None:
        """Cancel what is left of an order, but not on its client's wish."""
        self.market.cancel(order, self.now_ns(), cause)
        self.tick()

    def fill(self, order: Order, lots: int, price_nano: int) -> None:
        """Let an order trade."""
        self.market.fill(order, lots, price_nano, self.now_ns())
        self.tick()

    def submit_stop(self, ask: StopAsk, *, ignored: bool = False) -> StopOrder:
        """Take a stop order."""
        stop = self.market.submit_stop(ask, self.now_ns(), ignored=ignored)
        self.tick()
        return stop

    def withdraw(self, stop: StopOrder, *, ignored: bool = False) -> bool:
        """Cancel a stop order on its client's wish; tell whether it was not too late. See `cancel`."""
        now_ns = self.tick()
        kept = self.market.find_stop(stop.ask.account, request_id=stop.ask.request_id) or stop
        in_time = self._note(stop, kept.is_final, "CANCEL", now_ns, "30060", ignored)
        if in_time and not ignored:
            self.market.withdraw(stop, now_ns)
            self.tick()
        return in_time

    def expire(self, stop: StopOrder) -> None:
        """Let a stop order's time be over."""
        self.market.expire(stop, self.now_ns())
        self.tick()

    def trigger(self, stop: StopOrder) -> None:
        """Let a stop order become an order."""
        self.market.trigger(stop, self.now_ns())
        self.tick()

    def set_price(self, instrument: Instrument, price_nano: int) -> None:
        """Move an instrument's price."""
        self.tick()
        self.market.set_price(instrument, price_nano, self.now_ns())
        self.tick()

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

    def _happened(self, happenings: Sequence[Order | StopOrder]) -> None:
        super()._happened(happenings)
        # Only now, so that who waited finds all that happened at this moment.
        for order in happenings:
            if isinstance(order, Order):
                self._wake(order)

    def _wake(self, order: Order) -> None:
        if _is_settled(order):
            for waiting in self._waiting.pop((order.ask.account, order.ask.request_id), []):
                if not waiting.done():
                    waiting.set_result(None)


def _is_settled(order: Order) -> bool:
    return order.placed or order.is_final
