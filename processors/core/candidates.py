"""Which of a venue's orders an unanswered call made, where the venue knows no request ids.

Theory
------
A call that ended without an answer may have made an order. A venue that carries the client's id tells which
(T-Invest, Ripio). One that doesn't (Outpoll) gave its own id in the answer that did not come, so the order
turns up in the venue's list as one that nobody submitted. All that is left to tell it by is what it is:

    instrument, side, type, price and quantity equal, where both sides tell them,
    and made by the venue around the time of the call.

Two equal orders can't be told apart, so nothing is guessed. An order is taken for that of a call when

* the submitted side has been read past the order's grace, so that nobody else's answer names it any more,
* it is the only one that fits the call, and
* the call is the only unanswered one that it fits.

Otherwise the submission is OUTCOME_UNKNOWN, and the candidates are named, for a person to decide.

T-Invest may replace a request id that is no UUID by one of its own (T-Invest, Idempotency). Where the answer to
the call ties the venue's id to it nothing is lost. Where there is none the two stay apart, and each says why.
"""

from typing import Final

from processors.core.identity import absorb
from processors.core.lifecycle import Fact
from processors.core.model import Due, Order
from processors.core.state import Outcome, Partition, joined
from schemas.fix import Source

__all__ = ["candidates", "renamed", "tie"]

SECOND_NS: Final = 1_000_000_000
# How far the venue's clock and ours may be apart, and how long after a call began its order may be made.
SKEW_NS: Final = 30 * SECOND_NS
CALL_NS: Final = 60 * SECOND_NS

_UNANSWERED: Final = Fact.UNANSWERED.value
_SAME: Final = ("instrument", "side", "ord_type", "price", "stop_price", "take_profit_price", "cash_order_qty")


def candidates(state: Partition, call: Order) -> list[str]:
    """Return the keys of the orders that an unanswered call may have made."""
    return [key for key, order in state.orders.items() if _fits(call, order)]


def renamed(state: Partition, order: Order) -> str:
    """Say which submissions an order that nobody submitted may be of, if the venue replaced their request ids."""
    told = order.terms
    if not state.no_uuids or told.order_request_id.startswith(f"{told.venue}:"):
        return ""
    found = [key for key in sorted(state.no_uuids) if _may_be_renamed(state.orders[key], order)]
    return f"; it may be {' or '.join(found)}, whose request id is no UUID and may have been replaced" if found else ""


def _may_be_renamed(call: Order, order: Order) -> bool:
    # The instrument is left out: it may be submitted by another id than the venue tells.
    sent, told = call.terms, order.terms
    if (sent.venue, sent.account) != (told.venue, told.account) or sent.submitted_ns is None or joined(call):
        return False
    in_time = sent.submitted_ns - SKEW_NS <= order.reported_ns <= sent.submitted_ns + CALL_NS + SKEW_NS
    return in_time and all(
        None in (a, b) or a == b
        for a, b in ((getattr(sent, n), getattr(told, n)) for n in ("side", "ord_type", "price"))
    )


def tie(state: Partition, account: str, key: str, order: Order, now_ns: int, out: Outcome) -> bool:
    """Tie an order that is due to its other side, if there is exactly one that fits; tell whether it was done.

    `order` is either an unanswered call's, or one of the venue that nobody submitted.
    """
    if order.terms.submitted_ns is None:
        if not order.created_ns:
            return False
        return _tie(
            state, account, _only([k for k, call in state.orders.items() if _fits(call, order)]), key, now_ns, out
        )
    if not order.facts & _UNANSWERED:
        return False
    found = _only(candidates(state, order))
    return _tie(state, account, key, found, now_ns, out)


def _tie(state: Partition, account: str, call: str | None, found: str | None, now_ns: int, out: Outcome) -> bool:
    if call is None or found is None:
        return False
    submitted, order = state.orders[call], state.orders[found]
    calls = [other for other in state.orders.values() if _fits(other, order)]
    if len(calls) != 1 or candidates(state, submitted) != [found] or order.due_ns > now_ns or order.last is None:
        return False
    last = order.last
    origin = Due(last.raw_topic, last.raw_partition, last.raw_offset, now_ns, Source.RECONCILIATION)
    absorb(state, account, call, submitted, order.venue_order_id or "", origin, out, 0)
    return True


def _only(keys: list[str]) -> str | None:
    return keys[0] if len(keys) == 1 else None


def _fits(call: Order, order: Order) -> bool:
    """Tell whether `order`, of the venue's list, may be the one that `call` made."""
    sent, told = call.terms, order.terms
    if sent.submitted_ns is None or told.submitted_ns is not None or not order.created_ns:
        return False
    if (sent.venue, sent.account) != (told.venue, told.account) or not call.facts & _UNANSWERED or joined(call):
        return False
    if not sent.submitted_ns - SKEW_NS <= order.created_ns <= sent.submitted_ns + CALL_NS + SKEW_NS:
        return False
    if sent.submitted_quantity is not None and told.order_qty not in (None, sent.submitted_quantity):
        return False
    return all(None in (a, b) or a == b for a, b in ((getattr(sent, n), getattr(told, n)) for n in _SAME))
