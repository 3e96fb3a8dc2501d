"""Controls over HTTP: what every simulator shows of itself, and takes to make happen, as JSON under `/control`."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from aiohttp import web

__all__ = ["ControlError", "Reads", "Writes", "control_routes", "still_open"]

Reads = Mapping[str, Callable[[], Any]]
Writes = Mapping[str, Callable[[Any], Any]]


class ControlError(ValueError):
    """What can't be made to happen; the message says why."""


class Kept(Protocol):
    """An order of any kind, as a venue keeps it."""

    @property
    def told(self) -> bool:
        """Whether the venue has told anyone of it."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more can become of it."""

    @property
    def status(self) -> str:
        """The venue's word for its state."""


Order = TypeVar("Order", bound=Kept)


def still_open(order: Order | None, account: str, order_id: str, kind: str = "order") -> Order:
    """Return an order with which something can still happen; `order_id` is what it was looked up by.

    Raises:
        ControlError: there is none that the venue told of, or it has ended.
    """
    if order is None or not order.told:
        raise ControlError(f"account {account!r} has no {kind} {order_id!r}")
    if order.is_final:
        raise ControlError(f"the {kind} {order_id!r} is {order.status} already")
    return order


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
