"""The simulated T-Invest on a real socket: REST, the order-state stream, and the controls, on one port."""

import asyncio
import hmac
import json
import secrets
import ssl
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.simulators.tinvest import faults, wire
from sandbox.simulators.tinvest.fates import FATES, Fate
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Order
from sandbox.simulators.tinvest.requests import Refusal, chosen_orders, read_account, read_ask, read_order_id
from sandbox.simulators.tinvest.stream import StreamConnection

__all__ = ["TInvestSimulator", "account_ids"]

CONTRACT = "tinkoff.public.invest.api.contract.v1"
STREAM_PATH = f"/ws/{CONTRACT}.OrdersStreamService/OrderStateStream"

# Close codes are 4000 and the gRPC status (T-Invest, WebSocket errors).
INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED = 4003, 4005, 4016
# T-Invest, orders.proto, OrderStateStreamRequest.
PING_MS_LEAST, PING_MS_MOST = 1_000, 120_000

Json = dict[str, Any]


def account_ids(count: int) -> list[str]:
    """Return the ids of the first `count` made-up accounts."""
    return [str(2_000_000_001 + n) for n in range(count)]


class TInvestSimulator:
    """A T-Invest on 127.0.0.1, with a made-up token; an async context manager.

    `port` 0 takes a free one. `seed`, `speed` and `fates` are the market's. With `tls` (a server's
    context) the addresses are https and wss.
    """

    def __init__(
        self,
        *,
        accounts: list[str] | None = None,
        token: str | None = None,
        port: int = 0,
        seed: int | None = None,
        speed: float = 1,
        fates: Mapping[Fate, int] = FATES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.accounts = accounts or account_ids(3)
        self.token = token or f"t.simulated-{secrets.token_urlsafe(24)}"
        self.port = port
        self._tls = tls
        # Milliseconds of the start, so that a later run's exchange ids are others.
        self._market = Market(seed=seed, speed=speed, fates=fates, first_number=time.time_ns() // 1_000_000)
        self._connections: set[StreamConnection] = set()
        self._settled: dict[tuple[str, str], list[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()
        self._pending: Counter[str] = Counter()
        self._delays: dict[str, deque[float]] = {"stream": deque(), "rest": deque()}
        self._answers: deque[faults.Answer] = deque()
        self._silent_until = 0.0
        self._runner: web.AppRunner | None = None

    @property
    def rest_url(self) -> str:
        """What the REST paths are appended to."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/rest"

    @property
    def ws_url(self) -> str:
        """What the stream's path is appended to."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/ws"

    @property
    def control_url(self) -> str:
        """What `/faults`, `/orders` and `/stats` are appended to."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/control"

    def orders(self) -> list[Json]:
        """Return the ledger: every order that the venue was asked for and took, as it stands."""
        return [wire.ledger_entry(order) for order in self._market.orders()]

    def stats(self) -> Json:
        """Return counts of connections, calls, messages and faults still to come."""
        return {
            "connections": len(self._connections),
            "orders": len(self._market.orders()),
            "final": sum(order.is_final for order in self._market.orders()),
            "pending_faults": {name: left for name, left in self._pending.items() if left},
            **dict(self._counts),
        }

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._as_venue])
        app.add_routes(
            [
                web.get(STREAM_PATH, self._stream),
                web.get("/control/orders", self._control_orders),
                web.get("/control/stats", self._control_stats),
                web.post("/control/faults", self._control_faults),
                *(web.post(f"/rest/{CONTRACT}.{method}", self._rest(method, call)) for method, call in self._calls()),
            ]
        )
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
        if self._timer is not None:
            self._timer.cancel()
        closing = [connection.close(WSCloseCode.GOING_AWAY, "shutdown") for connection in self._connections]
        await asyncio.wait([asyncio.ensure_future(close) for close in closing], timeout=1) if closing else None
        for connection in self._connections:
            connection.cut()
        for task in self._background:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    # The market's clock.

    def _tick(self) -> None:
        now_ns = time.time_ns()
        changed = self._market.advance(now_ns)
        for order in changed:
            self._tell(order)
        for key in {(order.ask.account, order.ask.request_id) for order in changed}:
            order_now = self._market.find(key[0], request_id=key[1])
            if order_now is not None and (order_now.placed or order_now.is_final):
                for waiting in self._settled.pop(key, []):
                    if not waiting.done():
                        waiting.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        due_ns = self._market.next_due_ns
        delay_s = None if due_ns is None else max(0, due_ns - now_ns) / 1e9
        self._timer = None if delay_s is None else asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tell(self, order: Order) -> None:
        text = wire.frame(wire.stream_order(order))
        times = 2 if self._take("duplicate") else 1
        delay_s = self._delays["stream"].popleft() if self._delays["stream"] else 0
        for connection in self._connections:
            if order.ask.account in connection.accounts:
                for _ in range(times):
                    connection.put(text, delay_s)

    def _take(self, fault: str) -> bool:
        """Use up one of a counted fault, if there is one."""
        if self._pending[fault] <= 0:
            return False
        self._pending[fault] -= 1
        return True

    # REST.

    def _calls(self) -> list[tuple[str, Callable[[Json, str], Awaitable[Json]]]]:
        return [
            ("OrdersService/PostOrder", self._post_order),
            ("OrdersService/PostOrderAsync", self._post_order_async),
            ("OrdersService/GetOrders", self._get_orders),
            ("OrdersService/GetOrderState", self._get_order_state),
            ("OrdersService/CancelOrder", self._cancel_order),
            ("UsersService/GetAccounts", self._get_accounts),
        ]

    def _rest(
        self, method: str, call: Callable[[Json, str], Awaitable[Json]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._counts[method] += 1
            if not self._knows(request.headers.get("Authorization", "").removeprefix("Bearer ")):
                raise Refusal(16, "40003", "authentication token is missing or invalid")
            if self._answers:
                answer = self._answers.popleft()
                return web.Response(status=answer.status, text=answer.body)
            try:
                body = json.loads(await request.text() or "{}")
            except ValueError:
                body = None
            if not isinstance(body, dict):
                raise Refusal(3, "", "the request is no JSON object")
            result = await call(body, request["tracking_id"])
            if self._delays["rest"]:
                await asyncio.sleep(self._delays["rest"].popleft())
            return web.json_response(result)

        return handle

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    @web.middleware
    async def _as_venue(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Give every REST answer the venue's headers, and every refusal its body."""
        request["tracking_id"] = uuid4().hex
        try:
            answer = await handler(request)
        except Refusal as refusal:
            answer = web.json_response(refusal.body(), status=refusal.http_status)
            answer.headers["message"] = refusal.message
        if not answer.prepared:
            answer.headers["x-tracking-id"] = request["tracking_id"]
        return answer

    async def _post_order(self, body: Json, tracking_id: str) -> Json:
        order = await self._submit(body, is_async=False)
        return wire.post_answer(order, tracking_id, time.time_ns())

    async def _post_order_async(self, body: Json, tracking_id: str) -> Json:
        return wire.async_answer(await self._submit(body, is_async=True))

    async def _submit(self, body: Json, *, is_async: bool) -> Order:
        ask = read_ask(body, self.accounts, self._market.new_id, is_async=is_async)
        account, request_id = ask.account, ask.request_id
        is_new = self._market.find(account, request_id=request_id) is None
        order = self._market.submit(ask, time.time_ns(), ignored=is_new and self._take("ignore"))
        dropped = is_new and self._take("drop_reply")
        self._tick()
        if dropped:
            await asyncio.Event().wait()
        order = self._now(order)
        if is_async or order.placed or order.is_final:
            return order
        # The broker answers a synchronous call when the exchange has spoken.
        settled = asyncio.get_running_loop().create_future()
        self._settled.setdefault((account, request_id), []).append(settled)
        await settled
        return self._now(order)

    def _now(self, order: Order) -> Order:
        return self._market.find(order.ask.account, request_id=order.ask.request_id) or order

    async def _get_orders(self, body: Json, tracking_id: str) -> Json:
        account = read_account(body, self.accounts)
        return {"orders": [wire.order_state(order) for order in chosen_orders(self._market.orders(account), body)]}

    async def _get_order_state(self, body: Json, tracking_id: str) -> Json:
        return wire.order_state(self._find(body))

    def _find(self, body: Json) -> Order:
        order = self._market.find(read_account(body, self.accounts), **read_order_id(body))
        if order is None or not order.told:
            raise Refusal(5, "50005", "Order not found")
        return order

    async def _cancel_order(self, body: Json, tracking_id: str) -> Json:
        order = self._find(body)
        if order.is_final:
            raise Refusal(3, "30059", f"Cancel order error: order {order.order_id} is not active")
        now_ns = time.time_ns()
        self._market.cancel(order, now_ns)
        self._tick()
        return {
            "time": wire.timestamp(now_ns),
            "responseMetadata": {"trackingId": tracking_id, "serverTime": wire.timestamp(now_ns)},
        }

    async def _get_accounts(self, body: Json, tracking_id: str) -> Json:
        return {
            "accounts": [
                {
                    "id": account,
                    "type": "ACCOUNT_TYPE_TINKOFF",
                    "name": f"Simulated {account}",
                    "status": "ACCOUNT_STATUS_OPEN",
                    "openedDate": "2020-01-15T00:00:00Z",
                    "closedDate": None,
                    "accessLevel": "ACCOUNT_ACCESS_LEVEL_FULL_ACCESS",
                }
                for account in self.accounts
            ]
        }

    # The stream.

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        # A browser can set no header, so the token may also stand after `json` in the sub-protocols
        # (T-Invest, WebSocket proxy).
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        literal = [name.strip() for name in request.headers.get("Web-Socket-Protocol", "").split(",")]
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        candidates = [name for name in (bearer, *offered[1:], *literal[1:]) if name]
        if not candidates:
            raise Refusal(16, "40003", "authentication token is missing or invalid")
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
        unknown = [account for account in accounts if account not in self.accounts]
        if unknown:
            error = ("50004", "Account not found")
            answer = wire.subscription(request["tracking_id"], stream_id, unknown, error)
            await socket.send_str(wire.frame(answer))
            await socket.close(code=NOT_FOUND, message=b"Account not found")
            return
        connection = StreamConnection(socket, request, stream_id, accounts, ping_ms / 1000)
        silent_s = self._silent_until - asyncio.get_running_loop().time()
        if silent_s > 0:
            connection.silence(silent_s)
        connection.put(wire.frame(wire.subscription(request["tracking_id"], stream_id, accounts)))
        self._connections.add(connection)
        self._counts["connections_total"] += 1
        try:
            await connection.serve(self._count_message)
        finally:
            self._connections.discard(connection)

    def _count_message(self) -> None:
        self._counts["messages"] += 1

    # The controls.

    async def _control_orders(self, request: web.Request) -> web.Response:
        return web.json_response(self.orders())

    async def _control_stats(self, request: web.Request) -> web.Response:
        return web.json_response(self.stats())

    async def _control_faults(self, request: web.Request) -> web.Response:
        try:
            self.fault(await request.json())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"connections": len(self._connections)})

    def fault(self, description: Json | faults.Fault) -> None:
        """Let something go wrong: `{"fault": "cut"}` and the others of `faults`.

        Raises:
            FaultError: there is no such fault.
        """
        fault = faults.read_fault(description) if isinstance(description, dict) else description
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
                for connection in self._connections:
                    task = asyncio.create_task(connection.close(code, reason))
                    self._background.add(task)
                    task.add_done_callback(self._background.discard)
            case faults.Malformed(text=text):
                for connection in self._connections:
                    connection.put(text)
            case faults.Delay(side=side, seconds=seconds, count=count):
                self._delays[side].extend([seconds] * count)
            case faults.Demand(fate=fate, count=count):
                self._market.demand(fate, count)
            case faults.Answer(count=count):
                self._answers.extend([fault] * count)
            case faults.PerCall(fault=name, count=count) | faults.PerFrame(fault=name, count=count):
                self._pending[name] += count
