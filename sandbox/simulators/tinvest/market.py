"""The simulated exchange: orders, stop orders, prices, and what is due to happen. No clock, no sockets.

Every method takes the time as an argument; with the same seed and the same calls at the same times,
the same happens.
"""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from uuid import UUID

from sandbox.simulators.fates import Fates
from sandbox.simulators.schedule import Schedule
from sandbox.simulators.tinvest.fates import FATES, Fate, plan
from sandbox.simulators.tinvest.instruments import Instrument
from sandbox.simulators.tinvest.orders import Ask, Cancel, CancelRequest, Cause, Fill, Order, Step, take
from sandbox.simulators.tinvest.stops import (
    Accept,
    Expire,
    StopAsk,
    StopOrder,
    StopStep,
    Trigger,
    Withdraw,
    child_ask,
    take_stop,
    watch,
)

__all__ = ["Market"]

Key = tuple[str, str]


class Market:
    """All orders and stop orders of all accounts.

    `speed` divides every delay, `fates` weighs how orders end, `first_number` is the first exchange
    id; runs that share a broker must not repeat each other's.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        first_number: int = 1,
    ) -> None:
        self._random = Random(seed)  # noqa: S311 -- chooses what becomes of play orders
        self._speed = speed
        self._fates = Fates(fates, self._random)
        self._next_number = first_number
        self._orders: dict[Key, Order] = {}
        self._keys_by_number: dict[Key, Key] = {}
        self._stops: dict[Key, StopOrder] = {}
        self._stop_keys_by_id: dict[Key, Key] = {}
        self._prices: dict[str, int] = {}
        self._due: Schedule[Key, Step | StopStep] = Schedule()

    def demand(self, fate: Fate, count: int) -> None:
        """Let the next `count` orders have this fate."""
        self._fates.demand(fate, count)

    def new_id(self) -> str:
        """Return a fresh UUID from the market's own random source."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def submit(
        self, ask: Ask, now_ns: int, *, ignored: bool = False, replaces: str | None = None, stop: str | None = None
    ) -> Order:
        """Take an order, or return the one that there is under the same key of the same account.

        An ignored order stays as it is for ever, and is never told of. `replaces` is the key of an
        order whose place it takes, `stop` the id of the stop order that became it.
        """
        key = (ask.account, ask.request_id)
        if key in self._orders:
            return self._orders[key]
        order = Order(
            ask=ask,
            number=self._next_number,
            trade_intent_id=self.new_id(),
            created_ns=now_ns,
            changed_ns=now_ns,
            placed=ignored,
            replaces=replaces,
            stop_order_id=stop,
        )
        self._next_number += 1
        self._orders[key] = order
        self._keys_by_number[ask.account, str(order.number)] = key
        if not ignored:
            fate = self._fates.draw()
            for delay_ns, step in plan(ask, fate, self._random, self.price(ask.instrument)):
                self._due.push(now_ns + round(delay_ns / self._speed), key, step)
        return order

    def cancel(self, order: Order, now_ns: int, cause: Cause = Cause.CANCELLED_BY_CLIENT) -> None:
        """Cancel what is left of an order, at once."""
        self._due.push(now_ns, _key(order), Cancel(cause))

    def fill(self, order: Order, lots: int, price_nano: int, now_ns: int) -> None:
        """Let an order trade, at once; it must have these lots left."""
        self._due.push(now_ns, _key(order), Fill(((lots, price_nano),)))

    def replace(self, order: Order, ask: Ask, now_ns: int, *, ignored: bool = False) -> Order:
        """Cancel an order and submit another in its place; ignored, the first stays and the other is forgotten."""
        if not ignored:
            self.cancel(order, now_ns)
            key = _key(order)
            self._orders[key] = replace(self._orders[key], replaced_by=ask.request_id)
        return self.submit(ask, now_ns, ignored=ignored, replaces=order.ask.request_id)

    def note(self, order: Order | StopOrder, request: CancelRequest) -> None:
        """Remember that an order's client wished to cancel it, and what the venue answered."""
        key = _key(order)
        if isinstance(order, Order):
            kept = self._orders[key]
            self._orders[key] = replace(kept, cancel_requests=(*kept.cancel_requests, request))
        else:
            stop = self._stops[key]
            self._stops[key] = replace(stop, cancel_requests=(*stop.cancel_requests, request))

    def submit_stop(self, ask: StopAsk, now_ns: int, *, ignored: bool = False) -> StopOrder:
        """Take a stop order, or return the one that there is under the same key of the same account."""
        key = (ask.account, ask.request_id)
        if key in self._stops:
            return self._stops[key]
        stop = StopOrder(ask=ask, stop_order_id=self.new_id(), created_ns=now_ns, changed_ns=now_ns)
        self._stops[key] = stop
        self._stop_keys_by_id[ask.account, stop.stop_order_id] = key
        if not ignored:
            self._due.push(now_ns, key, Accept())
            if ask.expire_ns is not None:
                self._due.push(ask.expire_ns, key, Expire())
            if ask.instant:
                self._watch(key, replace(stop, told=True), self.price(ask.instrument), now_ns)
        return stop

    def withdraw(self, stop: StopOrder, now_ns: int) -> None:
        """Cancel a stop order on its client's wish, at once."""
        self._due.push(now_ns, _key(stop), Withdraw())

    def expire(self, stop: StopOrder, now_ns: int) -> None:
        """Let a stop order's time be over, at once."""
        self._due.push(now_ns, _key(stop), Expire())

    def trigger(self, stop: StopOrder, now_ns: int) -> None:
        """Let a stop order become an order at once, whatever the price."""
        self._due.push(now_ns, _key(stop), Trigger(stop.ask.stop_price_nano, self.new_id()))

    def price(self, instrument: Instrument) -> int:
        """Return what an instrument trades at."""
        return self._prices.get(instrument.uid, instrument.price_nano)

    def set_price(self, instrument: Instrument, price_nano: int, now_ns: int) -> None:
        """Move an instrument's price, which triggers the stop orders that wait for it."""
        self._prices[instrument.uid] = price_nano
        for key, stop in self._stops.items():
            if stop.ask.instrument is instrument:
                self._watch(key, stop, price_nano, now_ns)

    def _watch(self, key: Key, stop: StopOrder, price_nano: int, now_ns: int) -> None:
        after, triggered = watch(stop, price_nano)
        self._stops[key] = replace(after, told=self._stops[key].told)
        if triggered:
            self._due.push(now_ns, key, Trigger(price_nano, self.new_id()))

    @property
    def next_due_ns(self) -> int | None:
        """When something is due to happen next."""
        return self._due.next_due_ns

    def advance(self, now_ns: int) -> list[Order | StopOrder]:
        """Let everything happen that is due by now; return each order as it was after each step of it."""
        states: list[Order | StopOrder] = []
        for due_ns, key, step in self._due.due(now_ns):
            after: Order | StopOrder | None
            if isinstance(step, StopStep):
                after = self._step_stop(key, step, due_ns)
            else:
                after = take(self._orders[key], step, due_ns)
                if after is not None:
                    self._orders[key] = after
            if after is not None:
                states.append(after)
        return states

    def _step_stop(self, key: Key, step: StopStep, due_ns: int) -> StopOrder | None:
        after = take_stop(self._stops[key], step, due_ns)
        if after is not None:
            self._stops[key] = after
            if isinstance(step, Trigger):
                self.submit(child_ask(after), due_ns, stop=after.stop_order_id)
        return after

    def find(self, account: str, *, number: str | None = None, request_id: str | None = None) -> Order | None:
        """Return an order by the exchange's id or by the client's key."""
        key = (account, request_id) if request_id is not None else self._keys_by_number.get((account, number or ""))
        return None if key is None else self._orders.get(key)

    def find_stop(
        self, account: str, *, stop_order_id: str | None = None, request_id: str | None = None
    ) -> StopOrder | None:
        """Return a stop order by the venue's id or by the client's key."""
        if request_id is not None:
            return self._stops.get((account, request_id))
        key = self._stop_keys_by_id.get((account, stop_order_id or ""))
        return None if key is None else self._stops.get(key)

    def child(self, stop: StopOrder) -> Order | None:
        """Return the order that a stop order became."""
        return self._orders.get((stop.ask.account, stop.child_request_id)) if stop.child_request_id else None

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order, oldest first, of one account or of all."""
        return [order for order in self._orders.values() if account in (None, order.ask.account)]

    def stops(self, account: str | None = None) -> list[StopOrder]:
        """Return every stop order, oldest first, of one account or of all."""
        return [stop for stop in self._stops.values() if account in (None, stop.ask.account)]


def _key(order: Order | StopOrder) -> Key:
    return order.ask.account, order.ask.request_id
