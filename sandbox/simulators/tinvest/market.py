"""The simulated exchange: orders, and what is due to happen to them. No clock, no sockets.

Every method takes the time as an argument; with the same seed and the same calls at the same times,
the same happens.
"""

import heapq
from collections import deque
from collections.abc import Mapping
from random import Random
from uuid import UUID

from sandbox.simulators.tinvest.fates import FATES, Fate, draw_fate, plan
from sandbox.simulators.tinvest.orders import Ask, Cancel, Cause, Order, Step, take

__all__ = ["Market"]

Key = tuple[str, str]


class Market:
    """All orders of all accounts.

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
        self._fates = fates
        self._next_number = first_number
        self._orders: dict[Key, Order] = {}
        self._keys_by_number: dict[Key, Key] = {}
        self._due: list[tuple[int, int, Key, Step]] = []
        self._steps = 0
        self._demanded: deque[Fate] = deque()

    def demand(self, fate: Fate, count: int) -> None:
        """Let the next `count` orders have this fate."""
        self._demanded.extend([fate] * count)

    def new_id(self) -> str:
        """Return a fresh UUID from the market's own random source."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def submit(self, ask: Ask, now_ns: int, *, ignored: bool = False) -> Order:
        """Take an order, or return the one that there is under the same key of the same account.

        An ignored order stays as it is for ever, and is never told of.
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
        )
        self._next_number += 1
        self._orders[key] = order
        self._keys_by_number[ask.account, str(order.number)] = key
        if not ignored:
            fate = self._demanded.popleft() if self._demanded else draw_fate(self._fates, self._random)
            for delay_ns, step in plan(ask, fate, self._random):
                self._push(now_ns + round(delay_ns / self._speed), key, step)
        return order

    def cancel(self, order: Order, now_ns: int) -> None:
        """Cancel what is left of an order on its client's wish, at once."""
        self._push(now_ns, (order.ask.account, order.ask.request_id), Cancel(Cause.CANCELLED_BY_CLIENT))

    def _push(self, due_ns: int, key: Key, step: Step) -> None:
        self._steps += 1
        heapq.heappush(self._due, (due_ns, self._steps, key, step))

    @property
    def next_due_ns(self) -> int | None:
        """When something is due to happen next."""
        return self._due[0][0] if self._due else None

    def advance(self, now_ns: int) -> list[Order]:
        """Let everything happen that is due by now; return each order as it was after each step of it."""
        states = []
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, key, step = heapq.heappop(self._due)
            after = take(self._orders[key], step, due_ns)
            if after is not None:
                self._orders[key] = after
                states.append(after)
        return states

    def find(self, account: str, *, number: str | None = None, request_id: str | None = None) -> Order | None:
        """Return an order by the exchange's id or by the client's key."""
        key = (account, request_id) if request_id is not None else self._keys_by_number.get((account, number or ""))
        return None if key is None else self._orders.get(key)

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order, oldest first, of one account or of all."""
        return [order for order in self._orders.values() if account in (None, order.ask.account)]
