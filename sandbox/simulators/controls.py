"""Controls over HTTP: what every simulator shows of itself, and takes to make happen, as JSON under `/control`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

__all__ = ["ControlError", "Reads", "Writes", "control_routes"]

Reads = Mapping[str, Callable[[], Any]]
Writes = Mapping[str, Callable[[Any], Any]]


class ControlError(ValueError):
    """What can't be made to happen; the message says why."""


def control_routes(read: Reads, write: Writes) -> list[web.RouteDef]:
    """Return the routes of controls: those to `read` answer with JSON, those to `write` take it.

    What a write refuses with a ValueError is answered with 400 and `{"error": ...}`.
    """
    return [
        *(web.get(f"/control/{name}", _reader(call)) for name, call in read.items()),
        *(web.post(f"/control/{name}", _writer(call)) for name, call in write.items()),
    ]


def _reader(call: Callable[[], Any]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(call())

    return handle


def _writer(call: Callable[[Any], Any]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(call(json.loads(await request.text())))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    return handle
