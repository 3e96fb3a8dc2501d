"""What every REST call of the simulated venue goes through: token, limits, faults, and the record of it."""

import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from aiohttp import web

from sandbox.simulators.pending import Pending
from sandbox.simulators.rest import CallLog, befall, hold_back
from sandbox.simulators.tinvest.calls import Call, Json
from sandbox.simulators.tinvest.faults import PLACING, Answer, ErrorBody, Refuse
from sandbox.simulators.tinvest.forms import check_form
from sandbox.simulators.tinvest.limits import Limits, Meter, Verdict
from sandbox.simulators.tinvest.refusals import Refusal

__all__ = ["TRACKING_ID", "Rest", "as_venue", "refused"]

TRACKING_ID = web.RequestKey("tracking_id", str)
_UNDERSCORE = re.compile("_([a-z])")


def refused(refusal: Refusal, pending: Pending, method: str = "") -> web.Response:
    """Return the answer to a refused request, in the form that is asked for."""
    fault = pending.take_a(ErrorBody, method)
    content_type, body = refusal.body(fault.shape if fault else None)
    answer = web.Response(status=refusal.http_status, body=body, content_type=content_type)
    answer.headers["message"] = refusal.message
    return answer


@web.middleware
async def as_venue(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give every answer the id that the venue's support asks for."""
    request[TRACKING_ID] = uuid4().hex
    answer = await handler(request)
    if not answer.prepared:
        answer.headers["x-tracking-id"] = request[TRACKING_ID]
    return answer


class Rest:
    """Serves the methods of a table; `knows` tells whether a token is good."""

    def __init__(
        self, table: dict[str, Call], pending: Pending, knows: Callable[[str], bool], counts: Counter[str]
    ) -> None:
        self._table = table
        self._pending = pending
        self._knows = knows
        self._counts = counts
        self._meter = Meter(Limits())
        self._log = CallLog()

    @property
    def limits(self) -> Limits:
        """How often each method may be called."""
        return self._meter.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._meter = Meter(limits)

    def calls(self) -> list[Json]:
        """Return the newest calls, oldest first: what was asked, and how it ended."""
        return self._log.newest()

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes of all methods, under paths that begin with `prefix`."""
        return [web.post(f"{prefix}{name}", self._handler(name, call)) for name, call in self._table.items()]

    def _handler(self, name: str, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        method = name.partition("/")[2]

        async def handle(request: web.Request) -> web.StreamResponse:
            self._counts[name] += 1
            record: Json = {"at_ns": time.time_ns(), "method": method, "tracking_id": request[TRACKING_ID]}
            record |= {"account": None, "id": None, "key": None, "code": None}
            return await self._log.keep(request, record, self._answer(request, method, call, record))

        return handle

    async def _answer(self, request: web.Request, method: str, call: Call, record: Json) -> web.StreamResponse:
        verdict = Verdict()
        try:
            self._check_token(request)
            verdict = self._meter.call(method, time.time())
            self._check_budget(verdict)
            answer = await self._done(request, method, call, record)
        except Refusal as refusal:
            record["code"] = refusal.code
            answer = refused(refusal, self._pending, method)
        answer.headers.update(verdict.headers)
        return answer

    def _check_token(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self._knows(token):
            raise Refusal("40003")

    def _check_budget(self, verdict: Verdict) -> None:
        if not verdict.allowed:
            self._counts["refused_by_limit"] += 1
            raise Refusal("80002", shape=self.limits.shape)

    async def _done(self, request: web.Request, method: str, call: Call, record: Json) -> web.StreamResponse:
        fault = self._pending.take_a(Answer, method) or self._pending.take_a(Refuse, method)
        if isinstance(fault, Answer):
            return web.Response(status=fault.status, text=fault.body, headers=fault.headers)
        if fault is not None:
            raise Refusal(fault.code, message=fault.message, shape=fault.shape)
        body = _read_body(await request.read())
        record |= {"account": body.get("accountId"), "id": body.get("stopOrderId") or body.get("orderId")}
        record["key"] = body.get("idempotencyKey") or (body.get("orderId") if method in PLACING else None)
        check_form(method, body)
        await hold_back(self._pending, method, "before")
        result = await call(body, request[TRACKING_ID])
        if method not in PLACING:
            await befall(self._pending, method)
        await hold_back(self._pending, method, "after")
        return web.json_response(result)


def _read_body(text: bytes) -> Json:
    """Return a request's object; names may be those of the proto or in camelCase."""
    try:
        body = _camel(json.loads(text or b"{}"))
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal("", message="the request is no JSON object")
    return body


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {_UNDERSCORE.sub(lambda found: found[1].upper(), name): _camel(part) for name, part in value.items()}
    return [_camel(part) for part in value] if isinstance(value, list) else value
