"""An order that is made another price or quantity while it keeps its ids.

Theory
------
An amend (Ripio, `PUT /orders`) is FIX's replace in the narrow sense. It waits as PENDING_REPLACE, and once it is
taken the order is as it was, with the other price or quantity. That it was taken is told by its answer, or by a
report of the order with the price or quantity that was asked for. Any other report is of before it: reports lag,
and the price of a report is never more than that.

What an amend asks for is kept with the order, by its request id, so that it can be applied again where the order
turns out to be another's, or where its submission comes after: what was taken stands above what was submitted.
"""

from dataclasses import replace
from decimal import Decimal

from processors.core import lifecycle
from processors.core.lifecycle import REFUSED, TAKEN
from processors.core.model import Order, Origin, Report, Terms
from processors.core.publishing import new_event, publish
from processors.core.state import Outcome
from schemas.fix import ExecType

__all__ = ["amended_by", "apply", "apply_taken", "note"]


def note(order: Order, request_id: str, price: Decimal | None, quantity: Decimal | None) -> None:
    """Keep what an amend asks for, unless it was refused."""
    asked = order.asked or {}
    if _outcome(order, request_id) & REFUSED:
        asked.pop(request_id, None)
    else:
        asked[request_id] = (price, quantity)
    order.asked = asked or None


def apply(order: Order, request_id: str) -> None:
    """Let the order be as an amend asks for that is noted."""
    price, quantity = (order.asked or {}).get(request_id, (None, None))
    if price is not None:
        order.terms = order.terms.but(price=price)
    if quantity is not None:
        order.terms = order.terms.but(submitted_quantity=quantity, order_qty=_in_units(order.terms, quantity))
    lifecycle.count(order)


def apply_taken(order: Order) -> None:
    """Let the order be as the amends ask for that were taken, when it has learned who it is."""
    for request_id in order.asked or ():
        if _outcome(order, request_id) & TAKEN:
            apply(order, request_id)


def amended_by(order: Order, report: Report, origin: Origin, out: Outcome, start: int) -> int:
    """The venue told of what an amend without an answer asks for: it took it, whatever the call came to.

    `start` is the index of the first result among those of the same record; the next one's is returned.
    """
    taken = [
        request_id
        for request_id, (price, quantity) in (order.asked or {}).items()
        if not _outcome(order, request_id) & (TAKEN | REFUSED) and _tells(report, order.terms, price, quantity)
    ]
    if not taken or order.changes is None:
        return start
    request_id = taken[-1]
    order.changes[request_id] |= TAKEN
    apply(order, request_id)
    event = new_event(order, ExecType.REPLACED, None, report.transact_ns, origin, start)
    publish(order, replace(event, change_request_id=request_id), out)
    return start + 1


def _outcome(order: Order, request_id: str) -> int:
    return (order.changes or {}).get(request_id, 0)


def _tells(report: Report, terms: Terms, price: Decimal | None, quantity: Decimal | None) -> bool:
    """Tell whether a report shows an order as an amend asks for it, and not as it is without that."""
    wanted = None if quantity is None else _in_units(terms, quantity)
    pairs = (
        (price, report.price, price != terms.price),
        (wanted, report.order_qty, quantity != terms.submitted_quantity),
    )
    told = [(asked == said, is_new) for asked, said, is_new in pairs if asked is not None and said is not None]
    return all(same for same, _ in told) and any(is_new for _, is_new in told)


def _in_units(terms: Terms, quantity: Decimal) -> Decimal | None:
    """Return a quantity in units of the instrument: an amend asks in the venue's unit of order, as submissions do."""
    before, wanted = terms.submitted_quantity, terms.order_qty
    # A report of the amended order may have come before its answer.
    return quantity * wanted / before if before and wanted not in (None, quantity) else wanted
