"""Results of an order: an event as the order stands, the same again when its other side came."""

from typing import Final

from processors.core.lifecycle import avg_px, quantities, status_of
from processors.core.model import Due, Event, Order, Origin, Trade, Unmatched
from processors.core.state import Outcome, joined
from schemas.fix import ExecType, JoinStatus, Source, UnmatchedReason

# A member of an enum is looked up by name at every use; these are used several times for every frame.
_MATCHED: Final = JoinStatus.MATCHED
_PENDING: Final = JoinStatus.PENDING
_UNMATCHED: Final = JoinStatus.UNMATCHED

__all__ = [
    "both_here",
    "decide",
    "join_status_of",
    "new_event",
    "publish",
    "publish_again",
    "revised",
    "tell_unmatched",
]


def both_here(order: Order, detail: str, origin: Origin, out: Outcome, start: int) -> int:
    """Both sides are here now: take an UNMATCHED back and publish what went out without the other side once more."""
    reason, order.unmatched_reason = order.unmatched_reason, None
    if reason is not None:
        tell_unmatched(order, _MATCHED, reason, detail, origin.received_ns, out)
    start = publish_again(order, origin, out, start)
    order.unjoined = ()
    return start


def publish(order: Order, event: Event, out: Outcome) -> None:
    """Publish an execution, and keep it while its other side is missing."""
    order.last = event
    if event.join_status is not _MATCHED:
        order.unjoined = (*order.unjoined, event)
    out.executions.append((order.terms, event))


def publish_again(order: Order, origin: Origin, out: Outcome, start: int) -> int:
    """Publish what was published without the other side once more, as the order stands now."""
    status = join_status_of(order)
    again = []
    for at, event in enumerate(order.unjoined, start):
        again.append(revised(order, event, status, origin.again_id(event, at)))
        out.executions.append((order.terms, again[-1]))
    order.unjoined = tuple(again)
    if order.last is not None:
        same = again and again[-1].exec_id == order.last.exec_id
        order.last = again[-1] if same else revised(order, order.last, status, origin.again_id(order.last, start))
    return start + len(again)


def revised(order: Order, event: Event, status: JoinStatus, event_id: str) -> Event:
    """Return an execution as it is to be published again."""
    late = status is _MATCHED and order.unmatched_revision > 0
    return event.told_again(status, order.unmatched_reason, late, event_id)


def join_status_of(order: Order) -> JoinStatus:
    """Return whether the order's other side is here, or had its time."""
    if joined(order):
        return _MATCHED
    return _PENDING if order.unmatched_reason is None else _UNMATCHED


def new_event(
    order: Order, exec_type: ExecType, trade: Trade | None, transact_ns: int | None, origin: Origin, at: int
) -> Event:
    """Return a step of an order as the order stands now; `at` numbers it among the results of the same record."""
    event_id = origin.event_id(at)
    status = join_status_of(order)
    cum, leaves = quantities(order)
    if trade is None:
        last_qty = last_px = trade_id = commission = currency = liquidity = None
    else:
        last_qty, last_px, trade_id = trade.quantity, trade.price, trade.trade_id
        commission, currency, liquidity = trade.commission, trade.commission_currency, trade.liquidity
        transact_ns = transact_ns if trade.transact_ns is None else trade.transact_ns
    return Event(
        order.venue_order_id,
        status_of(order),
        exec_type,
        cum,
        leaves,
        avg_px(order) if order.notional else None,
        last_qty,
        last_px,
        trade_id,
        order.text,
        order.venue_status,
        transact_ns,
        origin.received_ns,
        status,
        order.unmatched_reason,
        order.unmatched_revision > 0 and status is _MATCHED,
        1,
        origin.source,
        event_id,
        event_id,
        origin.topic,
        origin.partition,
        origin.offset,
        None,
        commission,
        currency,
        liquidity,
    )


def decide(key: str, order: Order, reason: UnmatchedReason, detail: str, time_ns: int, out: Outcome) -> None:
    """Give an order as UNMATCHED, or give another reason for it."""
    order.unmatched_reason = reason
    tell_unmatched(order, _UNMATCHED, reason, detail, time_ns, out)
    last = order.last
    if last is not None:
        origin = Due(last.raw_topic, last.raw_partition, last.raw_offset, time_ns, Source.WATERMARK)
        publish_again(order, origin, out, 0)
    out.orders[key] = order


def tell_unmatched(
    order: Order, status: JoinStatus, reason: UnmatchedReason, detail: str, time_ns: int, out: Outcome
) -> None:
    """Publish the order's next record of `orders.unmatched`."""
    order.unmatched_revision += 1
    terms = order.terms
    since_ns = terms.submitted_ns if terms.submitted_ns is not None else order.reported_ns or order.due_ns
    out.unmatched.append(
        Unmatched(
            terms.order_request_id,
            terms.venue,
            terms.account,
            status,
            reason,
            order.unmatched_revision,
            status is _MATCHED,
            detail,
            order.venue_order_id,
            status_of(order) if order.reported_ns else None,
            since_ns,
            time_ns,
            terms.submitted_ns,
            # An order that was forgotten and is told of again begins anew, with its revisions.
            f"unmatched-{terms.order_request_id}-{since_ns}-{order.unmatched_revision}",
        )
    )
