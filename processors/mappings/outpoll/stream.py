"""Frames of Outpoll's order updates as reports (Outpoll, Order Updates)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from processors.core.errors import MappingError
from processors.core.model import Report
from processors.mappings.outpoll.tpsl import TpslOrder, tpsl_report
from processors.mappings.outpoll.words import NAMELESS
from schemas.fix import OrdStatus

__all__ = ["read_frame"]


class Frame(Struct, gc=False):
    """Any message: `t` says what `d` is."""

    t: str = ""
    d: msgspec.Raw = msgspec.Raw(b"null")


class OrderUpdate(Struct, gc=False):
    """The `d` of ORDER_UPDATE: the order's id, and whether something succeeded."""

    i: str = ""
    s: str = ""


_FRAME = msgspec.json.Decoder(Frame)
_UPDATE = msgspec.json.Decoder(OrderUpdate)
_TPSL = msgspec.json.Decoder(TpslOrder)

_RESULTS: Final = {"SUCCESS": OrdStatus.NEW, "FAILED": OrdStatus.REJECTED}


def read_frame(value: bytes, account: str) -> Sequence[Report]:
    """Return the report in a frame, if it tells of an order.

    Raises:
        MappingError: a status is not known, or the order is without an id.
        msgspec.DecodeError: it is no JSON of a known shape.
    """
    frame = _FRAME.decode(value)
    read = _KINDS.get(frame.t.upper())
    return () if read is None else (read(frame.d, account),)


def _order_update(data: msgspec.Raw, account: str) -> Report:
    update = _UPDATE.decode(data)
    ord_status = _RESULTS.get(update.s)
    if ord_status is None:
        raise MappingError("s", update.s, "neither SUCCESS nor FAILED")
    if not update.i:
        raise MappingError("i", update.i, NAMELESS)
    # Which request about the order failed is not said: it may be that to cancel it.
    return Report(account, None, update.i, ord_status, update.s, of_request=ord_status is OrdStatus.REJECTED)


_KINDS: Final[Mapping[str, Callable[[Any, str], Report]]] = {
    "ORDER_UPDATE": _order_update,
    "TPSL_UPDATE": lambda data, account: tpsl_report(_TPSL.decode(data), account),
}
