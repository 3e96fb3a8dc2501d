"""What every REST call of the simulated venue goes through: signature, access, limits, faults, and its record."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from sandbox.simulators.pending import Pending
from sandbox.simulators.rest import CallLog, befall, hold_back
from sandbox.simulators.ripio.calls import Asked, Call, Calls
from sandbox.simulators.ripio.exchange import Exchange
from sandbox.simulators.ripio.faults import CREATE, Answer, Refuse
from sandbox.simulators.ripio.keys import Account, Claim, Keyring
from sandbox.simulators.ripio.limits import Limits, Meter
from sandbox.simulators.ripio.refusals import Refusal
from sandbox.simulators.ripio.values import MS, as_json, read_json
from sandbox.simulators.ripio.wire import envelope

__all__ = ["VERSION", "Rest"]

VERSION = "/v4"

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rest:
    """Serves the calls of the venue."""

    def __init__(
        self, calls: Calls, exchange: Exchange, keyring: Keyring, pending: Pending, counts: Counter[str]
    ) -> None:
        self._calls = calls
        self._exchange = exchange
        self._keyring = keyring
        self._pending = pending
        self._counts = counts
        self._meter = Meter(Limits())
        self._log = CallLog()

    @property
    def limits(self) -> Limits:
        """How often each user may call."""
        return self._meter.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._meter = Meter(limits)

    def records(self) -> list[Json]:
        """Return the newest calls, oldest first: what was asked, and how it ended."""
        return self._log.newest()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all calls; a path that there is none of is refused as the venue does."""
        table = [(name, call, False) for name, call in self._calls.table().items()]
        table += [(name, call, True) for name, call in self._calls.trading().items()]
        return [
            web.get(f"{VERSION}/public/server-time", self._server_time),
            *(_route(name, self._handler(name, call, trades=trades)) for name, call, trades in table),
            web.route("*", VERSION + "/{path:.*}", self._unknown),
        ]

    async def _server_time(self, request: web.Request) -> web.StreamResponse:
        return self._json({"message": None, "data": self._calls.server_time()})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return self._refused(Refusal(40400))

    def _json(self, value: Any) -> web.Response:
        return self._answer_of(as_json(value), 200)

    def _refused(self, refusal: Refusal) -> web.Response:
        return self._answer_of(refusal.body, refusal.http_status)

    def _answer_of(self, text: str, status: int) -> web.Response:
        date = formatdate(self._exchange.now_ns() / 1e9, usegmt=True)
        return web.Response(status=status, text=text, content_type="application/json", headers={"Date": date})

    def _handler(self, name: str, call: Call, *, trades: bool) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._counts[name] += 1
            record: Json = {"at_ns": time.time_ns(), "call": name, "path": request.path_qs}
            record |= {"account": None, "id": None, "key": None, "code": None}
            return await self._log.keep(request, record, self._answered(request, name, call, record, trades=trades))

        return handle

    async def _answered(
        self, request: web.Request, name: str, call: Call, record: Json, *, trades: bool
    ) -> web.StreamResponse:
        try:
            body = await request.read()
            account = self._account(request, body)
            record["account"] = account.name
            self._check(account, trades=trades)
            fault = self._pending.take_a(Answer, name) or self._pending.take_a(Refuse, name)
            if isinstance(fault, Answer):
                return web.Response(status=fault.status, text=fault.body, headers=fault.headers)
            if fault is not None:
                raise fault.refusal
            return self._json(envelope(await self._done(_asked(request, name, account, body), call, record)))
        except Refusal as refusal:
            record["code"] = refusal.code
            return self._refused(refusal)

    def _account(self, request: web.Request, body: bytes) -> Account:
        # What was signed is the path as it was sent, percent signs and all.
        path = request.raw_path.partition("?")[0]
        return self._keyring.account(
            Claim.of(request.headers, request.method, path, body), self._exchange.now_ns() // MS
        )

    def _check(self, account: Account, *, trades: bool) -> None:
        spent = self._meter.refusal(account.user_id, time.time())
        if spent:
            self._counts["refused_by_limit"] += 1
            raise Refusal(42900, spent, bare=True)
        if trades and account.read_only:
            raise Refusal(40300)

    async def _done(self, asked: Asked, call: Call, record: Json) -> Any:
        name = asked.call
        record["id"] = asked.body.get("id") or asked.body.get("order_id") or asked.parts.get("id")
        record["key"] = asked.body.get("external_id") or asked.parts.get("external_id")
        await hold_back(self._pending, name, "before")
        data = call(asked)
        if name == CREATE and isinstance(data, dict):
            record["id"] = data["id"]
        await befall(self._pending, name)
        await hold_back(self._pending, name, "after")
        return data


def _route(name: str, handler: Handler) -> web.RouteDef:
    method, path = name.split(" ")
    return web.route(method, VERSION + path, handler)


def _asked(request: web.Request, name: str, account: Account, body: bytes) -> Asked:
    """Return a call's parts; only a body of JSON is one."""
    try:
        fields = read_json(body) if body.strip() and request.method != "GET" else {}
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(40000, "Invalid parameters. The body is no JSON object.")
    return Asked(
        call=name,
        account=account,
        body=fields,
        query=dict(request.query),
        statuses=request.query.getall("status", []),
        parts=dict(request.match_info),
    )
