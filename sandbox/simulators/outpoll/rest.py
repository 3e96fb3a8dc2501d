"""What every REST call of the simulated venue goes through: keys, limits, faults, and the record of it."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.simulators.outpoll.calls import Asked, Call, Reply
from sandbox.simulators.outpoll.faults import Answer
from sandbox.simulators.outpoll.keys import Account, Claim, Keyring
from sandbox.simulators.outpoll.limits import Meter
from sandbox.simulators.outpoll.refusals import Refusal
from sandbox.simulators.outpoll.wire import encode
from sandbox.simulators.pending import Pending
from sandbox.simulators.rest import CallLog, befall, hold_back

__all__ = ["Rest"]

Json = dict[str, Any]

_OF_JSON = {"Content-Type": "application/json"}


class Rest:
    """Serves the calls of a table; `now_s` is the venue's clock."""

    def __init__(
        self,
        table: dict[tuple[str, str], Call],
        keyring: Keyring,
        pending: Pending,
        now_s: Callable[[], float],
        counts: Counter[str],
    ) -> None:
        self.meter = Meter()
        self._table = table
        self._keyring = keyring
        self._pending = pending
        self._now_s = now_s
        self._counts = counts
        self._log = CallLog()

    def calls(self) -> list[Json]:
        """Return the newest calls, oldest first: what was asked, and how it ended."""
        return self._log.newest()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all calls."""
        return [
            web.route(method, path, self._handler(f"{method} {path}", call), **_options(method))
            for (method, path), call in self._table.items()
        ]

    def _handler(self, name: str, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._counts[name] += 1
            record: Json = {"at_ns": time.time_ns(), "method": request.method, "path": request.path}
            record |= {"account": None, "id": request.match_info.get("id")}
            return await self._log.keep(request, record, self._answer(request, call, record))

        return handle

    async def _answer(self, request: web.Request, call: Call, record: Json) -> web.Response:
        body = await request.read()
        try:
            account = self._account(request, body)
            record["account"] = account.name
            self._check_budget(account)
            fault = self._pending.take_a(Answer, request.path)
            if fault is not None:
                return web.Response(status=fault.status, text=fault.body, headers=fault.headers)
            asked = Asked(account, request.path, request.match_info.get("id", ""), request.query, body)
            return await self._done(asked, call, record)
        except Refusal as refusal:
            return web.Response(status=refusal.status, body=encode({"error": refusal.message}), headers=_OF_JSON)

    def _account(self, request: web.Request, body: bytes) -> Account:
        headers = request.headers
        # Outpoll, Private API: requests with both kinds of credentials are a bad request.
        if "Authorization" in headers:
            raise Refusal(400, "Authorization must not be sent along with an API key")
        claim = Claim(
            headers.get("OUTPOLL-API-KEY", ""),
            headers.get("OUTPOLL-API-SIGNATURE", ""),
            headers.get("OUTPOLL-API-TIMESTAMP", ""),
            request.method,
            request.raw_path.partition("?")[0],
            body,
        )
        return self._keyring.check(claim, self._now_s())

    def _check_budget(self, account: Account) -> None:
        if not self.meter.allows(account.name, self._now_s()):
            self._counts["refused_by_limit"] += 1
            raise Refusal(429, "Rate limit exceeded")

    async def _done(self, asked: Asked, call: Call, record: Json) -> web.Response:
        await hold_back(self._pending, asked.path, "before")
        reply = call(asked)
        record["id"] = reply.about
        await befall(self._pending, asked.path)
        await hold_back(self._pending, asked.path, "after")
        return _response(reply)


def _options(method: str) -> dict[str, Any]:
    return {"allow_head": False} if method == "GET" else {}


def _response(reply: Reply) -> web.Response:
    if reply.value is None:
        return web.Response(status=reply.status)
    return web.Response(status=reply.status, body=encode(reply.value), headers=_OF_JSON)
