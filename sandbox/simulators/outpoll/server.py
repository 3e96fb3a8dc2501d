"""The simulated Outpoll on a real socket: REST, both private streams of orders, and the controls, on one port."""

import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import formatdate
from typing import Any

from aiohttp import WSCloseCode, web

from sandbox.ports import HOST
from sandbox.simulators.controls import ControlError, control_routes
from sandbox.simulators.faults import Clock, Close, Cut, Malformed, Silence
from sandbox.simulators.outpoll import faults, wire
from sandbox.simulators.outpoll.calls import Calls, Shows
from sandbox.simulators.outpoll.controls import Desk
from sandbox.simulators.outpoll.exchange import Exchange, History
from sandbox.simulators.outpoll.fates import FATES, Fate
from sandbox.simulators.outpoll.keys import Account, Keyring, account_names, new_account
from sandbox.simulators.outpoll.limits import Meter, read_limits
from sandbox.simulators.outpoll.market import Happening, Market
from sandbox.simulators.outpoll.orders import Order
from sandbox.simulators.outpoll.rest import Rest
from sandbox.simulators.outpoll.stream import FEED, UPDATES
from sandbox.simulators.outpoll.streams import Streams
from sandbox.simulators.outpoll.tpsl import TpslOrder
from sandbox.simulators.pending import Pending
from sandbox.simulators.serving import ServedVenue

__all__ = ["Simulator"]

Json = dict[str, Any]

UPDATES_PATH = "/order/ws"
# At the venue both streams have the same path on two hosts; here they share one.
FEED_PATH = "/history-service/order/ws"


class Simulator(ServedVenue):
    """An Outpoll on `host`, with a made-up key for each account; an async context manager.

    `port` 0 takes a free one. `credentials` are the key and the secret of the first account.
    `seed`, `speed` and `fates` are the market's, `limits` is how often an account may call (`none`, or
    calls and seconds). `history` is what the history of orders shows, `ping_s` how often the streams
    ping. With `tls` (a server's context) the addresses are https and wss.
    """

    def __init__(
        self,
        *,
        host: str = HOST,
        port: int = 0,
        accounts: Sequence[str] | None = None,
        credentials: tuple[str, str] | None = None,
        seed: int | None = None,
        speed: float = 1,
        tls: ssl.SSLContext | None = None,
        limits: Any = "none",
        fates: Mapping[Fate, int] = FATES,
        history: Shows = "all",
        ping_s: float = 5,
    ) -> None:
        super().__init__(host, port, tls)
        self.accounts = list(accounts or account_names(1))
        first = self.accounts[0]
        self._known = {name: new_account(name) for name in self.accounts}
        self._known[first] = new_account(first, *(credentials or ()))
        self._keyring = Keyring(self._known.values())
        # The time of the start, so that a later run's ids are others.
        market = Market(seed=seed, speed=speed, fates=fates, id_seed=time.time_ns())
        self._exchange = Exchange(market, self._tell)
        self._history = History(self._tell_feed)
        self._pending = Pending()
        self._counts: Counter[str] = Counter()
        self._clock_offset_s = 0.0
        self.desk = Desk(self.accounts, self._exchange)
        table = Calls(self._exchange, self._history, self._pending, shows=history, seed=seed).table()
        self._rest = Rest(table, self._keyring, self._pending, self._now_s, self._counts)
        self._rest.meter = Meter(read_limits(limits))
        self._streams = Streams(self._keyring, self._now_s, ping_s, self._counts)

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead to the first account here."""
        return self.environment_of(self.accounts[0])

    def environment_of(self, account: str) -> dict[str, str]:
        """Return the settings that lead to an account here."""
        return {
            "DROPCOPY_OUTPOLL_API_KEY": self._known[account].api_key,
            "DROPCOPY_OUTPOLL_API_SECRET": self._known[account].api_secret,
            "DROPCOPY_OUTPOLL_ACCOUNT": account,
            "DROPCOPY_OUTPOLL_REST_URL": self.url,
            "DROPCOPY_OUTPOLL_HISTORY_URL": self.url,
            "DROPCOPY_OUTPOLL_WS_URL": f"{self.stream_url}{UPDATES_PATH}",
            "DROPCOPY_OUTPOLL_ORDER_FEED_URL": f"{self.stream_url}{FEED_PATH}",
        }

    def account(self, name: str) -> Account:
        """Return an account with its key."""
        return self._known[name]

    def orders(self) -> list[Json]:
        """Return the ledger: every order that the venue was asked for and took, as it stands."""
        return self.desk.orders()

    def stop_orders(self) -> list[Json]:
        """Return the ledger of take-profit / stop-loss orders; the orders that they became are in the other."""
        return self.desk.tpsls()

    def calls(self) -> list[Json]:
        """Return the newest REST calls: what was asked, and how it ended."""
        return self._rest.calls()

    def limits(self) -> Json | None:
        """Return how often an account may call; None where it is not limited."""
        budget = self._rest.meter.budget
        return None if budget is None else budget.model_dump(mode="json")

    def limit(self, wish: Any) -> Json | None:
        """Set how often an account may call; return it.

        Raises:
            LimitsError: the wish is none.
        """
        self._rest.meter = Meter(read_limits(wish))
        return self.limits()

    def stats(self) -> Json:
        """Return counts of connections, calls, messages and faults still to come."""
        return {
            "connections": len(self._streams.connections),
            "orders": len(self.orders()),
            "stop_orders": len(self.stop_orders()),
            "final": sum(entry["final"] for entry in self.orders()),
            "pending_faults": self._pending.left(),
            **dict(self._counts),
        }

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._dated])
        read = {
            "orders": self.orders,
            "stop-orders": self.stop_orders,
            "prices": self.desk.prices,
            "calls": self.calls,
            "limits": self.limits,
            "stats": self.stats,
        }
        write = {
            "faults": self.fault,
            "orders": self.desk.order,
            "stop-orders": self.desk.tpsl,
            "prices": self.desk.set_price,
            "limits": self.limit,
        }
        app.add_routes([web.get(UPDATES_PATH, self._streams.handler(UPDATES))])
        app.add_routes([web.get(FEED_PATH, self._streams.handler(FEED))])
        app.add_routes([*self._rest.routes(), *control_routes(read, write)])
        return app

    async def _stop(self) -> None:
        self._exchange.stop()
        self._history.stop()
        await self._streams.connections.stop()

    def _now_s(self) -> float:
        return time.time() + self._clock_offset_s

    @web.middleware
    async def _dated(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let every answer carry the venue's clock."""
        answer = await handler(request)
        if not answer.prepared:
            answer.headers["Date"] = formatdate(self._now_s(), usegmt=True)
        return answer

    def _tell(self, what: Happening | TpslOrder) -> None:
        if isinstance(what, Happening):
            self._history.learn(what.order)
            account = self._known[what.order.ask.account]
            text = wire.order_update(what.order, account.user_id, what.result)
        else:
            account = self._known[what.ask.account]
            text = wire.tpsl_update(what, account.user_id)
        if self._pending.take("lose"):
            return
        times = 2 if self._pending.take("duplicate") else 1
        self._streams.put(UPDATES, account.name, text, times, self._pending.take_delay_s("stream"))

    def _tell_feed(self, order: Order) -> None:
        account = self._known[order.ask.account]
        self._streams.put(FEED, account.name, wire.feed_frame(order, account.user_id))

    def fault(self, description: Any) -> Json:
        """Let something go wrong: `{"fault": "cut"}` and the others of `faults`; return who is connected.

        Raises:
            FaultError: there is no such fault.
            ControlError: it is of an account that there is not.
        """
        fault = faults.read_fault(description)
        match fault:
            case Cut() | Silence() | Close() | Malformed():
                self._streams.connections.disturb(fault)
            case Clock(offset_s=offset_s):
                self._clock_offset_s = offset_s
            case faults.Block(account=account):
                self._block(account)
            case faults.Lag(seconds=seconds):
                self._history.lag_s = seconds
            case faults.Demand(fate=fate, count=count):
                self._exchange.market.demand(fate, count)
            case _:
                self._pending.add(fault)
        return {"connections": len(self._streams.connections)}

    def _block(self, account: str | None) -> None:
        if account not in (None, *self.accounts):
            raise ControlError(f"there is no account {account!r}")
        self._keyring.block(account)
        self._streams.connections.close(
            WSCloseCode.POLICY_VIOLATION, "blocked", lambda connection: account in (None, connection.account)
        )
