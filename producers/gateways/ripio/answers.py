"""What Ripio's answers to order entry mean: it was done, it was not, or nobody knows. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from producers.gateways.outcomes import Accepted, Outcome, Rejected, Unknown
from producers.gateways.ripio.states import OrderState, time_ns
from producers.gateways.sending import refused
from producers.rest import RestAnswer
from producers.venues.ripio.errors import read_error

__all__ = ["ALREADY_CANCELED", "UNREADABLE", "read_answer", "read_change_answer", "read_state"]

UNREADABLE = "UNREADABLE_ANSWER"
ALREADY_CANCELED = "40020"
# No document names it, but a word that says so is not taken for an acceptance.
REJECTED = "rejected"


class _Order(msgspec.Struct):
    """`UserOrderOutput`, as far as it is used."""

    id: str
    status: str
    create_date: str | None = None


class _Created(msgspec.Struct):
    data: _Order


class _Done(msgspec.Struct):
    # What becomes of the order is on the stream.
    data: Any
    error_code: Any = None


_read_created = msgspec.json.Decoder(_Created).decode
_read_done = msgspec.json.Decoder(_Done).decode


def read_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the answer to a new order means."""
    return _read(request_id, answer, _created)


def read_change_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the answer to a cancel or an amend means: that it was done."""
    return _read(request_id, answer, _done)


def read_state(request_id: str, state: OrderState) -> Accepted | Rejected:
    """Return what came of a request, by the order that the venue has under its id."""
    return _told(request_id, state.venue_order_id, state.venue_status, state.created_ns)


def _read(request_id: str, answer: RestAnswer, read: Callable[[str, bytes], Outcome]) -> Outcome:
    error = read_error(answer)
    if not 200 <= answer.status < 300 or error.code.isdecimal():
        return refused(request_id, error)
    try:
        return read(request_id, answer.body)
    except ValueError:
        text = f"the venue answered {answer.status} with what can't be read: {answer.body[:200]!r}"
        return Unknown(order_request_id=request_id, code=UNREADABLE, text=text)


def _created(request_id: str, body: bytes) -> Outcome:
    order = _read_created(body).data
    if not order.id:
        raise ValueError("id is missing")
    return _told(request_id, order.id, order.status, time_ns(order.create_date))


def _done(request_id: str, body: bytes) -> Outcome:
    if _read_done(body).error_code not in (None, 0, ""):
        raise ValueError("error_code is none that there is")
    return Accepted(order_request_id=request_id)


def _told(request_id: str, order_id: str, status: str, transact_ns: int | None) -> Accepted | Rejected:
    if status.lower() == REJECTED:
        text = "rejected by the venue"
        return Rejected(
            order_request_id=request_id, code=status, text=text, venue_order_id=order_id, venue_status=status
        )
    return Accepted(order_request_id=request_id, venue_order_id=order_id, venue_status=status, transact_ns=transact_ns)
