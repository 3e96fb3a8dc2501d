"""What Outpoll's answers to order entry mean: it was done, it was not, or nobody knows. Pure.

200 and 202 both name the order; 202 says that what becomes of it is told by the stream (Outpoll, Create API Key,
Place Limit Order; Private endpoints).
"""

from typing import Any

import msgspec

from producers.gateways.outcomes import Accepted, Outcome, Unknown
from producers.gateways.outpoll.errors import read_error
from producers.gateways.sending import refused
from producers.rest import RestAnswer

__all__ = ["read_answer", "read_cancel_answer"]

_DONE = (200, 201, 202, 204)


class _Placed(msgspec.Struct):
    i: str = ""


class _Canceled(msgspec.Struct):
    error: Any = None
    t: Any = None


_read_placed = msgspec.json.Decoder(_Placed).decode
_read_canceled = msgspec.json.Decoder(_Canceled | None).decode


def read_answer(request_id: str, answer: RestAnswer, now_ns: int) -> Outcome:
    """Return what the answer to a new order, or a new take-profit / stop-loss order, means."""
    if answer.status not in _DONE:
        return refused(request_id, read_error(answer, now_ns))
    try:
        order_id = _read_placed(answer.body).i
    except (msgspec.DecodeError, UnicodeDecodeError):
        order_id = ""
    if not order_id:
        text = f"the venue answered {answer.status} without the order's id: {answer.body[:200]!r}"
        return Unknown(order_request_id=request_id, code="UNREADABLE_ANSWER", text=text)
    return Accepted(order_request_id=request_id, venue_order_id=order_id)


def read_cancel_answer(request_id: str, answer: RestAnswer, now_ns: int) -> Outcome:
    """Return what the answer to a cancel means; the documents show no body of it, so what comes may only be no error.

    The venue cancels an order "if it is still active": that it took the cancel does not say that it was.
    """
    if answer.status not in _DONE:
        return refused(request_id, read_error(answer, now_ns))
    if answer.body.strip() and not _tells_no_error(answer.body):
        text = f"the venue answered {answer.status} with what tells of no cancel: {answer.body[:200]!r}"
        return Unknown(order_request_id=request_id, code="UNREADABLE_ANSWER", text=text)
    return Accepted(order_request_id=request_id)


def _tells_no_error(body: bytes) -> bool:
    try:
        said = _read_canceled(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return said is None or (said.error is None and str(said.t).lower() != "error")
