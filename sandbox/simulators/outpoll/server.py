"""The simulated Outpoll on a real socket: REST, both private streams of orders, and the controls, on one port."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from aiohttp import WSCloseCode, web

from sandbox.simulators.outpoll import faults, stream, wire
from sandbox.simulators.outpoll.calls import Calls, Shows
from sandbox.simulators.outpoll.controls import ControlError, Desk, routes
from sandbox.simulators.outpoll.exchange import Exchange, History
from sandbox.simulators.outpoll.fates import FATES, Fate
from sandbox.simulators.outpoll.keys import Account, Keyring, account_names, new_account
from sandbox.simulators.outpoll.limits import Meter, read_limits
from sandbox.simulators.outpoll.market import Happening, Market
from sandbox.simulators.outpoll.orders import Order
from sandbox.simulators.outpoll.refusals import Refusal
from sandbox.simulators.outpoll.rest import Rest
from sandbox.simulators.outpoll.stream import StreamConnection
from sandbox.simulators.outpoll.tpsl import TpslOrder

__all__ = ["Simulator"]

Json = dict[str, Any]

UPDATES_PATH = "/order/ws"
# At the venue both streams have the same path on two hosts; here they share one.
FEED_PATH = "/history-service/order/ws"
# How long a client may take to say who it is: the documents do not say.
AUTH_S = 10.0


class Simulator:
    """An Outpoll on 127.0.0.1, with a made-up key for each account; an async context manager.

    `port` 0 takes a free one. `seed`, `speed` and `fates` are the market's, `limits` is how often an
    account may call (`none`, or calls and seconds). `history` is what the history of orders shows,
    `ping_s` how often the streams ping. With `tls` (a server's context) the addresses are https and wss.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        accounts: Sequence[str] | None = None,
        seed: int | None = None,
        speed: float = 1,
        tls: ssl.SSLContext | None = None,
        limits: Any = "none",
        fates: Mapping[Fate, int] = FATES,
        history: Shows = "all",
        ping_s: float = 5,
    ) -> None:
        self.accounts = list(accounts or account_names(1))
        self.port = port
        self._tls = tls
        self._ping_s = ping_s
        self._known = {name: new_account(name) for name in self.accounts}
        self._keyring = Keyring(self._known.values())
        # The time of the start, so that a later run's ids are others.
        market = Market(seed=seed, speed=speed, fates=fates, id_seed=time.time_ns())
        self._exchange = Exchange(market, self._tell)
        self._history = History(self._tell_feed)
        self._pending = faults.Pending()
        self._counts: Counter[str] = Counter()
        self._clock_offset_s = 0.0
        self.desk = Desk(self.accounts, self._exchange)
        table = Calls(self._exchange, self._history, self._pending, shows=history, seed=seed).table()
        self._rest = Rest(table, self._keyring, self._pending, self._now_s, self._counts)
        self._rest.meter = Meter(read_limits(limits))
        self._connections: set[StreamConnection] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._silent_until = 0.0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What the REST paths of every service are appended to."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def control_url(self) -> str:
        """What `/orders`, `/faults` and the other controls are appended to."""
        return f"{self.url}/control"

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead to the first account here."""
        return self.environment_of(self.accounts[0])

    def environment_of(self, account: str) -> dict[str, str]:
        """Return the settings that lead to an account here."""
        ws = f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}"
        return {
            "DROPCOPY_OUTPOLL_API_KEY": self._known[account].api_key,
            "DROPCOPY_OUTPOLL_API_SECRET": self._known[account].api_secret,
            "DROPCOPY_OUTPOLL_ACCOUNT": account,
            "DROPCOPY_OUTPOLL_REST_URL": self.url,
            "DROPCOPY_OUTPOLL_HISTORY_URL": self.url,
            "DROPCOPY_OUTPOLL_WS_URL": f"{ws}{UPDATES_PATH}",
            "DROPCOPY_OUTPOLL_ORDER_FEED_URL": f"{ws}{FEED_PATH}",
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
            "connections": len(self._connections),
            "orders": len(self.orders()),
            "stop_orders": len(self.stop_orders()),
            "final": sum(entry["final"] for entry in self.orders()),
            "pending_faults": self._pending.left(),
            **dict(self._counts),
        }

    async def __aenter__(self) -> Self:
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
        app.add_routes([web.get(UPDATES_PATH, self._streamer(stream.UPDATES))])
        app.add_routes([web.get(FEED_PATH, self._streamer(stream.FEED))])
        app.add_routes([*self._rest.routes(), *routes(read, write)])
        # A client that hangs up ends its call, so that a dropped reply waits no longer than its client.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exchange.stop()
        self._history.stop()
        self._close_all(WSCloseCode.GOING_AWAY, "shutdown")
        if self._background:
            await asyncio.wait(self._background, timeout=1)
        for task in self._background:
            task.cancel()
        for connection in self._connections:
            connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()

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
        self._put(stream.UPDATES, account, text, times, self._pending.take_delay_s("stream"))

    def _tell_feed(self, order: Order) -> None:
        account = self._known[order.ask.account]
        self._put(stream.FEED, account, wire.feed_frame(order, account.user_id))

    def _put(self, kind: stream.Kind, account: Account, text: str, times: int = 1, delay_s: float = 0) -> None:
        for connection in self._connections:
            if connection.kind is kind and connection.account == account.name:
                for _ in range(times):
                    connection.put(text, delay_s)

    def _streamer(self, kind: stream.Kind) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse(compress=False)
            socket.headers["Date"] = formatdate(self._now_s(), usegmt=True)
            await socket.prepare(request)
            self._counts["stream_handshakes"] += 1
            account = await self._authorized(socket)
            if account is None:
                await socket.send_str(kind.refusal("Invalid or missing credentials"))
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            else:
                await self._serve(StreamConnection(kind, account.name, socket, request, self._ping_s))
            return socket

        return handle

    async def _authorized(self, socket: web.WebSocketResponse) -> Account | None:
        try:
            first = await socket.receive(timeout=AUTH_S)
        except TimeoutError:
            return None
        claim = stream.read_auth(first.data)
        if claim is None:
            return None
        try:
            return self._keyring.check(claim, self._now_s())
        except Refusal:
            return None

    async def _serve(self, connection: StreamConnection) -> None:
        silent_s = self._silent_until - asyncio.get_running_loop().time()
        if silent_s > 0:
            connection.silence(silent_s)
        connection.put(connection.kind.ack)
        self._connections.add(connection)
        self._counts["connections_total"] += 1
        try:
            await connection.serve(self._count)
        finally:
            self._connections.discard(connection)

    def _count(self, word: str) -> None:
        self._counts[word] += 1

    def fault(self, description: Any) -> Json:
        """Let something go wrong: `{"fault": "cut"}` and the others of `faults`; return who is connected.

        Raises:
            FaultError: there is no such fault.
            ControlError: it is of an account that there is not.
        """
        fault = faults.read_fault(description)
        match fault:
            case faults.Cut():
                for connection in self._connections:
                    connection.cut()
            case faults.Silence(seconds=seconds, new=new):
                for connection in self._connections:
                    connection.silence(seconds)
                if new:
                    self._silent_until = asyncio.get_running_loop().time() + seconds
            case faults.Close(code=code, reason=reason):
                self._close_all(code, reason)
            case faults.Malformed(text=text):
                for connection in self._connections:
                    connection.put(text)
            case faults.Clock(offset_s=offset_s):
                self._clock_offset_s = offset_s
            case faults.Block(account=account):
                self._block(account)
            case faults.Lag(seconds=seconds):
                self._history.lag_s = seconds
            case faults.Demand(fate=fate, count=count):
                self._exchange.market.demand(fate, count)
            case _:
                self._pending.add(fault)
        return {"connections": len(self._connections)}

    def _block(self, account: str | None) -> None:
        if account not in (None, *self.accounts):
            raise ControlError(f"there is no account {account!r}")
        self._keyring.block(account)
        self._close_all(WSCloseCode.POLICY_VIOLATION, "blocked", account)

    def _close_all(self, code: int, reason: str, account: str | None = None) -> None:
        for connection in self._connections:
            if account in (None, connection.account):
                task = asyncio.create_task(connection.close(code, reason))
                self._background.add(task)
                task.add_done_callback(self._background.discard)
