"""Which orders of an account were last seen open, by what its feed was told.

A venue lists the orders of its day. One from before, open when the feed last heard of it, can only be
asked for by its id: this is where the ids are kept. It is memory of one process; what ends while no
feed runs, and isn't of the day any more, is not asked for.
"""

from collections.abc import Iterable, Sequence

from producers.feeds.venue import OrderSeen

__all__ = ["OpenOrders"]


class OpenOrders:
    """The orders of one account that were last seen open, the one that was heard of longest ago first.

    An order is known by its request id, else by the venue's id. One that is told of under its other
    id only stays here until it is asked for. At most `limit` are kept, those heard of last.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._orders: dict[str, OrderSeen] = {}

    def all(self) -> Sequence[OrderSeen]:
        """Return them."""
        return tuple(self._orders.values())

    def take(self, order: OrderSeen) -> None:
        """Keep an order that is open, forget one that has ended."""
        if order.is_open is None or not _key(order):
            return
        known = self._orders.pop(_key(order), None)
        if order.is_open:
            if known is not None and not order.venue_order_id:
                order = order._replace(venue_order_id=known.venue_order_id)
            self._orders[_key(order)] = order
            if len(self._orders) > self._limit:
                del self._orders[next(iter(self._orders))]

    def forget(self, order: OrderSeen) -> None:
        """Drop an order, whatever was told of it."""
        self._orders.pop(_key(order), None)

    def postpone(self, order: OrderSeen) -> None:
        """Put an order that is still here behind all others."""
        if (known := self._orders.pop(_key(order), None)) is not None:
            self._orders[_key(known)] = known

    def untold(self, before: Iterable[OrderSeen], told: Iterable[OrderSeen]) -> Sequence[OrderSeen]:
        """Return those that were here before the venue was asked, still are, and that its answer left out."""
        ids = {name for order in told for name in (order.request_id, order.venue_order_id) if name}
        here = [known for order in before if (known := self._orders.get(_key(order))) is not None]
        return [order for order in here if order.request_id not in ids and order.venue_order_id not in ids]


def _key(order: OrderSeen) -> str:
    return order.request_id or order.venue_order_id
