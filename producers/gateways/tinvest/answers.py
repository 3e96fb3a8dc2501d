"""What T-Invest's answers to order entry mean: it was done, it was not, or nobody knows. Pure."""

from collections.abc import Callable

from producers.gateways.outcomes import Accepted, Outcome, Rejected, Unknown
from producers.gateways.sending import refused
from producers.gateways.tinvest.fields import Fields
from producers.gateways.tinvest.states import OrderState
from producers.gateways.tinvest.words import REJECTED, STATUSES, fix_word
from producers.rest import RestAnswer
from producers.venues.tinvest.errors import read_error

__all__ = ["read_answer", "read_cancel_answer", "read_state", "read_stop_answer"]


def read_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the answer to a new or a replaced order means (PostOrder, PostOrderAsync, ReplaceOrder)."""
    return _read(request_id, answer, _order)


def read_cancel_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the answer to a cancel means (CancelOrder, CancelStopOrder): its time is all that it holds."""
    return _read(request_id, answer, _cancel)


def read_stop_answer(request_id: str, answer: RestAnswer) -> Outcome:
    """Return what the answer to a new stop order means (PostStopOrder)."""
    return _read(request_id, answer, _stop)


def read_state(request_id: str, state: OrderState, tracking_id: str | None = None) -> Accepted | Rejected:
    """Return what came of a request, by the order that the venue has under its id."""
    if state.venue_status == REJECTED:
        return _rejected(request_id, state.venue_order_id, "", tracking_id)
    return Accepted(
        order_request_id=request_id,
        venue_order_id=state.venue_order_id,
        venue_status=state.venue_status,
        tracking_id=tracking_id,
    )


def _read(request_id: str, answer: RestAnswer, read: Callable[[str, Fields, str | None], Outcome]) -> Outcome:
    if answer.status != 200:
        error = read_error(answer)
        return refused(request_id, error, tracking_id=error.tracking_id or None)
    tracking_id = answer.headers.get("x-tracking-id")
    try:
        return read(request_id, Fields.of(answer.body), tracking_id)
    except ValueError:
        text = f"the venue answered 200 with what can't be read: {answer.body[:200]!r}"
        return Unknown(order_request_id=request_id, code="UNREADABLE_ANSWER", text=text, tracking_id=tracking_id)


def _order(request_id: str, said: Fields, tracking_id: str | None) -> Outcome:
    status = said.word("executionReportStatus", "OrderExecutionReportStatus")
    if fix_word(STATUSES, status) is None:
        raise ValueError("executionReportStatus is missing, or none that is known")
    order_id = said.optional_text("orderId")
    if status == REJECTED:
        return _rejected(request_id, order_id, said.text("message"), tracking_id)
    return Accepted(
        order_request_id=request_id,
        venue_order_id=order_id,
        trade_intent_id=said.optional_text("tradeIntentId"),
        venue_status=status,
        tracking_id=tracking_id,
    )


def _rejected(request_id: str, order_id: str | None, message: str, tracking_id: str | None) -> Rejected:
    return Rejected(
        order_request_id=request_id,
        code=REJECTED,
        text=message or "rejected by the exchange or the broker",
        venue_order_id=order_id,
        venue_status=REJECTED,
        tracking_id=tracking_id,
    )


def _cancel(request_id: str, said: Fields, tracking_id: str | None) -> Outcome:
    transact_ns = said.time_ns("time")
    if transact_ns is None:
        raise ValueError("time is missing")
    return Accepted(order_request_id=request_id, transact_ns=transact_ns, tracking_id=tracking_id)


def _stop(request_id: str, said: Fields, tracking_id: str | None) -> Outcome:
    order_id = said.text("stopOrderId")
    if not order_id:
        raise ValueError("stopOrderId is missing")
    return Accepted(order_request_id=request_id, venue_order_id=order_id, tracking_id=tracking_id)
