"""The simulated T-Invest on a real socket: REST, the order-state stream, and the controls, on one port."""

import hmac
import json
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiohttp import WSMsgType, web

from sandbox.ports import HOST
from sandbox.simulators.controls import control_routes
from sandbox.simulators.faults import Close, Cut, Malformed, Silence
from sandbox.simulators.pending import Pending
from sandbox.simulators.serving import ServedVenue
from sandbox.simulators.streams import Connections
from sandbox.simulators.tinvest import faults, wire
from sandbox.simulators.tinvest.calls import Calls, Json
from sandbox.simulators.tinvest.controls import Desk
from sandbox.simulators.tinvest.exchange import Exchange
from sandbox.simulators.tinvest.fates import FATES, Fate
from sandbox.simulators.tinvest.limits import Limits, read_limits
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Order
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.rest import TRACKING_ID, Rest, as_venue, refused
from sandbox.simulators.tinvest.stop_calls import StopCalls
from sandbox.simulators.tinvest.stop_wire import stream_stop
from sandbox.simulators.tinvest.stops import StopOrder
from sandbox.simulators.tinvest.stream import StreamConnection

__all__ = ["TInvestSimulator", "account_ids"]

CONTRACT = "tinkoff.public.invest.api.contract.v1"
STREAM_PATH = f"/ws/{CONTRACT}.OrdersStreamService/OrderStateStream"

# Close codes are 4000 and the gRPC status (T-Invest, WebSocket errors).
INVALID_ARGUMENT, NOT_FOUND, EXHAUSTED, UNAUTHENTICATED = 4003, 4005, 4008, 4016
# T-Invest, orders.proto, OrderStateStreamRequest.
PING_MS_LEAST, PING_MS_MOST = 1_000, 120_000


def account_ids(count: int) -> list[str]:
    """Return the ids of the first `count` made-up accounts."""
    return [str(2_000_000_001 + n) for n in range(count)]


class TInvestSimulator(ServedVenue):
    """A T-Invest on `host`, with a made-up token; an async context manager.

    `port` 0 takes a free one. `token`, which may come as the only part of `credentials`, is made up where
    it is not given. `seed`, `speed` and `fates` are the market's, `limits` how often it may be called (see
    `limits.read_limits`). With `tls` (a server's context) the addresses are https and wss.

    Raises:
        LimitsError: `limits` are none.
    """

    account_names = staticmethod(account_ids)

    def __init__(
        self,
        *,
        accounts: list[str] | None = None,
        token: str | None = None,
        credentials: tuple[str, ...] | None = None,
        host: str = HOST,
        port: int = 0,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        limits: Limits | str = "none",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(host, port, tls)
        self.accounts = accounts or account_ids(3)
        self.token = token or (credentials or ("",))[0] or f"t.simulated-{secrets.token_urlsafe(24)}"
        # Milliseconds of the start, so that a later run's exchange ids are others.
        market = Market(seed=seed, speed=speed, fates=fates, first_number=time.time_ns() // 1_000_000)
        self._exchange = Exchange(market, self._tell)
        self.desk = Desk(self.accounts, self._exchange)
        self._pending = Pending()
        self._counts: Counter[str] = Counter()
        self._connections: Connections[StreamConnection] = Connections(self._counts)
        table = {
            **Calls(self.accounts, self._exchange, self._pending).table(),
            **StopCalls(self.accounts, self._exchange, self._pending).table(),
        }
        self._rest = Rest(table, self._pending, self._knows, self._counts)
        self._rest.limits = limits if isinstance(limits, Limits) else read_limits(limits)

    @property
    def rest_url(self) -> str:
        """What the REST paths are appended to."""
        return f"{self.url}/rest"

    @property
    def ws_url(self) -> str:
        """What the stream's path is appended to."""
        return f"{self.stream_url}/ws"

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead here."""
        return {
            "DROPCOPY_TINVEST_TOKEN": self.token,
            "DROPCOPY_TINVEST_ACCOUNTS": ",".join(self.accounts),
            "DROPCOPY_TINVEST_REST_URL": self.rest_url,
            "DROPCOPY_TINVEST_WS_URL": self.ws_url,
        }

    def orders(self) -> list[Json]:
        """Return the ledger: every order that the venue was asked for and took, as it stands."""
        return self.desk.orders()

    def stop_orders(self) -> list[Json]:
        """Return the ledger of stop orders; the orders that they became are in the other."""
        return self.desk.stop_orders()

    def calls(self) -> list[Json]:
        """Return the newest REST calls: what was asked, and how it ended."""
        return self._rest.calls()

    def limit(self, wish: Any) -> Json:
        """Set how often each method may be called; return it. See `limits.read_limits`.

        Raises:
            LimitsError: the wish is none.
        """
        self._rest.limits = read_limits(wish)
        return self.limits()

    def limits(self) -> Json:
        """Return how often each method may be called."""
        return self._rest.limits.model_dump(mode="json")

    def stats(self) -> Json:
        """Return counts of connections, calls, messages and faults still to come."""
        return {
            "connections": len(self._connections),
            "orders": len(self._exchange.market.orders()),
            "stop_orders": len(self._exchange.market.stops()),
            "final": sum(order.is_final for order in self._exchange.market.orders()),
            "pending_faults": self._pending.left(),
            **dict(self._counts),
        }

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[as_venue])
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
            "stop-orders": self.desk.stop_order,
            "prices": self._set_price,
            "limits": self.limit,
        }
        app.add_routes([web.get(STREAM_PATH, self._stream), *self._rest.routes(f"/rest/{CONTRACT}.")])
        app.add_routes(control_routes(read, write))
        return app

    async def _stop(self) -> None:
        self._exchange.stop()
        await self._connections.stop()

    def _tell(self, order: Order | StopOrder) -> None:
        text = wire.frame(wire.stream_order(order) if isinstance(order, Order) else stream_stop(order))
        if self._pending.take("lose"):
            return
        times = 2 if self._pending.take("duplicate") else 1
        delay_s = self._pending.take_delay_s("stream")
        for connection in self._connections:
            if order.ask.account in connection.accounts:
                for _ in range(times):
                    connection.put(text, delay_s)

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="replace"), self.token.encode())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        # A browser can set no header, so the token may also stand after `json` in the sub-protocols
        # (T-Invest, WebSocket proxy).
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        literal = [name.strip() for name in request.headers.get("Web-Socket-Protocol", "").split(",")]
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        named = (bearer if scheme == "Bearer" else "", *offered[1:], *literal[1:])
        candidates = [name for name in named if name]
        if not candidates:
            return refused(Refusal("40003"), self._pending)
        socket = web.WebSocketResponse(protocols=("json",), compress=False)
        await socket.prepare(request)
        self._counts["stream_handshakes"] += 1
        if not any(self._knows(name) for name in candidates):
            await socket.close(code=UNAUTHENTICATED, message=b"authentication token is missing or invalid")
        elif "json" not in (offered[0], literal[0]):
            await socket.close(code=INVALID_ARGUMENT, message=b"the sub-protocol must be json")
        else:
            await self._subscribe(socket, request)
        return socket

    async def _subscribe(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        first = await socket.receive()
        if first.type is not WSMsgType.TEXT:
            return
        try:
            wish = json.loads(first.data)
            accounts = [str(account) for account in wish.get("accounts") or self.accounts]
            ping_ms = int(wish.get("pingDelayMillis") or wish.get("ping_delay_millis") or PING_MS_MOST)
        except (ValueError, TypeError, AttributeError):
            ping_ms = 0
        if not PING_MS_LEAST <= ping_ms <= PING_MS_MOST:
            await socket.close(code=INVALID_ARGUMENT, message=b"the request is invalid")
            return
        stream_id = str(uuid4())
        refusal = self._refusal(accounts)
        if refusal is not None:
            error, code = refusal
            answer = wire.subscription(request[TRACKING_ID], stream_id, accounts, (error.code, error.message))
            await socket.send_str(wire.frame(answer))
            await socket.close(code=code, message=error.message.encode())
            return
        connection = StreamConnection(socket, request, stream_id, accounts, ping_ms / 1000)
        with self._connections.including(connection):
            connection.put(wire.frame(wire.subscription(request[TRACKING_ID], stream_id, accounts)))
            await connection.serve(self._counts)

    def _refusal(self, accounts: list[str]) -> tuple[Refusal, int] | None:
        """Return why a subscription is refused, and the close code that follows."""
        if any(account not in self.accounts for account in accounts):
            return Refusal("50004"), NOT_FOUND
        most = self._rest.limits.streams
        return (Refusal("80001"), EXHAUSTED) if most is not None and len(self._connections) >= most else None

    def _set_price(self, wish: Any) -> Json:
        return {"triggered": self.desk.set_price(wish)}

    def fault(self, description: Any) -> Json:
        """Let something go wrong: `{"fault": "cut"}` and the others of `faults`; return who is connected.

        Raises:
            FaultError: there is no such fault.
        """
        fault = faults.read_fault(description)
        match fault:
            case Cut() | Silence() | Close() | Malformed():
                self._connections.disturb(fault)
            case faults.Demand(fate=fate, count=count):
                self._exchange.market.demand(fate, count)
            case _:
                self._pending.add(fault)
        return {"connections": len(self._connections)}
