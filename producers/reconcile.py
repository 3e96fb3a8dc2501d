"""Reads the venue's own state of its orders over REST: at connect, every so often, and when a frame asks for it.

No venue repeats what its stream said while nobody listened. So each round asks, for one account after
the other, and every answer is recorded beside the frames as a `snapshot`:

1. for all orders of the day, and where the venue tells fills apart from orders for those of the account;
2. in the first round of a connection, and whenever an order that was last seen open, on the stream or in
   an answer, is not among them, such as one of yesterday: for all orders that are open; and then, by its
   id, for each that is left out there too, with its fills. At most `ORDERS_A_ROUND`, those heard of longest ago first;
3. for the stop orders in the same way, where the venue has them: those of the day, those that are open,
   and those of a longer time if one that was open is not among them.

Then comes a `reconciled` marker. Frames that arrive meanwhile are recorded as they come.

A frame that only announces a change, or shows that others are missing, asks for a round of its
account (or, where it names none, of all). The first such round begins at once; those that are asked for
within `read_up_every_s` of the last, or while one runs, are one together after that.

What the marker says: "of all orders of the day, what the venue knew at `received_ns` stands before
me". So silence about a submitted order means something from then on. It depends on the first call
alone: without an answer to it there is no marker, and nothing else is asked. The others can't make
it wrong:

- The orders of step 2 were seen before, so nobody waits for a first word about them. One that can't be
  read stays as it was last told of, and is asked for again in the next round. One that the venue does
  not know any more is asked for no longer, and the log says so.
- Fills come with their orders: one that can't be read stays unknown until the next round.
- Stop orders come with step 3 alone. If that fails, their silence means nothing yet: the marker
  names them in `unread`, and whoever judges silence must leave them out until a marker that does not.

`unread` is an object in the marker, from what was not read (`open_orders`, `trades`, `stop_orders`) to a word for
the reason; it is left out when everything was read: {"orders": 2, "unread": {"stop_orders": "timeout"}}.

What was open is remembered by the process. Of an order of another day that ends while no feed runs,
nothing is read.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence

import msgspec

from dropcopy.logs import get_logger
from producers.feeds import metrics
from producers.feeds.feed import Log
from producers.feeds.venue import NO_SUCH_ORDER, Heard, OrderSeen, Reads, Venue
from producers.open_orders import OpenOrders
from producers.rest import RestClient
from producers.snapshots import Answer, CannotReconcile, Snapshots
from schemas.headers import Kind

__all__ = ["ORDERS_A_ROUND", "Reconciler"]

ORDERS_A_ROUND = 20

_UNREAD_ORDERS, _UNREAD_TRADES, _UNREAD_STOP_ORDERS = "open_orders", "trades", "stop_orders"

log = get_logger(__name__)


class Reconciler:
    """Reconciles the accounts of one venue; its `run` is a feed's follow-up, its `hear` is told of every frame."""

    def __init__(
        self,
        venue: Venue,
        client: RestClient,
        recorder: Log,
        *,
        interval_s: float,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._venue = venue
        self._recorder = recorder
        self._interval_s = interval_s
        self._snapshots = Snapshots(venue, client, recorder, clock)
        self._orders = {account: OpenOrders() for account in venue.accounts}
        self._stops = {account: OpenOrders() for account in venue.accounts}
        # What lists of open orders were read on this connection.
        self._listed: set[tuple[Reads, str]] = set()
        self._wanted: set[str] = set()
        self._woken = asyncio.Event()
        self._began_s = -math.inf
        self._log = log.bind(venue=venue.name)

    def hear(self, heard: Heard) -> None:
        """Note what a recorded frame tells: whether an order is open, and whether the account is to be read now."""
        if heard.order is not None and heard.account in self._orders:
            self._note(heard.account, [heard.order])
        if heard.read_up or heard.gap:
            # What is missing may have been of any account.
            named = heard.account in self._orders and not heard.gap
            self._wanted |= {heard.account} if named else set(self._venue.accounts)
            self._woken.set()

    async def run(self, connection: str) -> None:
        """Reconcile all accounts now and at every interval, and those that frames ask for, until cancelled."""
        self._listed.clear()
        while True:
            for account in self._venue.accounts:
                await self._round(connection, account)
            next_s = time.monotonic() + self._interval_s
            while await self._asked_for(next_s):
                for account in sorted(self._wanted):
                    await self._round(connection, account)

    async def _asked_for(self, until_s: float) -> bool:
        """Wait until a frame asks for a round and the pause since the last one is over, at the most until then."""
        try:
            async with asyncio.timeout(max(0.0, until_s - time.monotonic())):
                await self._woken.wait()
                await asyncio.sleep(max(0.0, self._began_s + self._venue.read_up_every_s - time.monotonic()))
        except TimeoutError:
            return False
        return True

    async def _round(self, connection: str, account: str) -> None:
        # What is asked for from here on is not what this round was asked for.
        self._wanted.discard(account)
        if not self._wanted:
            self._woken.clear()
        self._began_s = time.monotonic()
        await self._reconcile(connection, account)

    async def _reconcile(self, connection: str, account: str) -> None:
        before = self._orders[account].all()
        try:
            answer = await self._read(connection, account, Reads.ORDERS_OF_DAY)
        except CannotReconcile as error:
            self._log.warning("not_reconciled", account=account, reason=error.meaning.reason, detail=str(error))
            metrics.RECONCILED.labels(self._venue.name, "failed").inc()
            return
        reasons = {
            _UNREAD_TRADES: await self._read_trades(connection, account),
            _UNREAD_ORDERS: await self._read_orders(connection, account, before, answer),
            _UNREAD_STOP_ORDERS: await self._read_stop_orders(connection, account),
        }
        unread = {what: reason for what, reason in reasons.items() if reason}
        marker = {"orders": len(answer.orders)} | ({"unread": unread} if unread else {})
        await self._recorder.room()
        self._recorder.write(
            connection, account, answer.source, Kind.RECONCILED, msgspec.json.encode(marker), answer.asked_ns
        )
        metrics.RECONCILED.labels(self._venue.name, "partly" if unread else "done").inc()
        self._log.debug("reconciled", account=account, **marker)

    async def _read_orders(self, connection: str, account: str, before: Sequence[OrderSeen], of_day: Answer) -> str:
        """Read the orders that the day left out; return a word for the reason if any is not read."""
        orders = self._orders[account]
        try:
            untold = await self._read_open(
                connection, account, Reads.OPEN_ORDERS, orders, orders.untold(before, of_day.orders)
            )
        except CannotReconcile as error:
            self._log.warning("orders_not_read", account=account, reason=error.meaning.reason, detail=str(error))
            return error.meaning.reason
        for order in untold[:ORDERS_A_ROUND]:
            ids = {"account": account, "request_id": order.request_id, "venue_order_id": order.venue_order_id}
            try:
                answer = await self._snapshots.take(connection, account, Reads.ORDER, order)
                await self._snapshots.take(connection, account, Reads.TRADES, order)
            except CannotReconcile as error:
                if error.meaning.reason != NO_SUCH_ORDER:
                    orders.postpone(order)
                    self._log.warning("order_not_read", **ids, reason=error.meaning.reason, detail=str(error))
                    return error.meaning.reason
                orders.forget(order)
                self._log.warning("order_unknown_to_venue", **ids, detail=str(error))
                continue
            # It may go by other ids there.
            orders.forget(order)
            self._note(account, answer.orders)
        return "postponed" if len(untold) > ORDERS_A_ROUND else ""

    async def _read_trades(self, connection: str, account: str) -> str:
        """Read the fills of the account; return a word for the reason if they are not read."""
        try:
            await self._read(connection, account, Reads.TRADES)
        except CannotReconcile as error:
            self._log.warning("trades_not_read", account=account, reason=error.meaning.reason, detail=str(error))
            return error.meaning.reason
        return ""

    async def _read_stop_orders(self, connection: str, account: str) -> str:
        """Read the stop orders; return a word for the reason if they are not read."""
        stops = self._stops[account]
        before = stops.all()
        try:
            of_day = await self._read(connection, account, Reads.STOP_ORDERS_OF_DAY)
            untold = await self._read_open(
                connection, account, Reads.OPEN_STOP_ORDERS, stops, stops.untold(before, of_day.orders)
            )
            if untold:
                untold = stops.untold(untold, (await self._read(connection, account, Reads.STOP_ORDERS)).orders)
        except CannotReconcile as error:
            self._log.warning("stop_orders_not_read", account=account, reason=error.meaning.reason, detail=str(error))
            return error.meaning.reason
        for order in untold:
            stops.forget(order)
            self._log.warning("stop_order_unknown_to_venue", account=account, venue_order_id=order.venue_order_id)
        return ""

    async def _read_open(
        self, connection: str, account: str, reads: Reads, known: OpenOrders, untold: Sequence[OrderSeen]
    ) -> Sequence[OrderSeen]:
        """Read the list of what is open, if it is needed, and return which of `untold` it leaves out too."""
        if not untold and (reads, account) in self._listed:
            return untold
        answer = await self._read(connection, account, reads)
        self._listed.add((reads, account))
        return known.untold(untold, answer.orders)

    async def _read(self, connection: str, account: str, reads: Reads) -> Answer:
        answer = await self._snapshots.take(connection, account, reads)
        self._note(account, answer.orders)
        return answer

    def _note(self, account: str, seen: Sequence[OrderSeen]) -> None:
        for order in seen:
            (self._stops if order.is_stop else self._orders)[account].take(order)
