"""Where an order stands, whatever was told of it and in whichever order; and what each arrival is told as."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.lifecycle import FINAL, PRECEDENCE, STATUS, Fact, status_of
from processors.core.model import Event
from schemas.fix import ExecType, OrdStatus, Phase
from tests.processors.core.stories import Desk, report, submission, trade

# FIX 4.4, volume 4, "Order State Changes": the order of precedence, highest first.
OF_FIX = [
    OrdStatus.FILLED,
    OrdStatus.TRIGGERED,  # no status of FIX: a stop order that became another
    OrdStatus.CANCELED,
    OrdStatus.EXPIRED,
    OrdStatus.PARTIALLY_FILLED,
    OrdStatus.REJECTED,
    OrdStatus.NEW,
    OrdStatus.PENDING_NEW,
]


def events(desk: Desk) -> list[Event]:
    """Return what was published as executions, in order."""
    return [event for _, event in desk.out.executions]


def types(desk: Desk) -> list[ExecType]:
    return [event.exec_type for event in events(desk)]


def matched() -> Desk:
    """Return a desk at which the order was submitted, so that what the venue tells is told once."""
    desk = Desk()
    desk.tell(submission())
    return desk


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (Fact(0), OrdStatus.PENDING_NEW),
        (Fact.UNANSWERED, OrdStatus.PENDING_NEW),
        (Fact.SENT_OUT, OrdStatus.PENDING_NEW),
        (Fact.PENDING_NEW, OrdStatus.PENDING_NEW),
        (Fact.REFUSED, OrdStatus.REJECTED),
        (Fact.NEW, OrdStatus.NEW),
        (Fact.REJECTED, OrdStatus.REJECTED),
        (Fact.TRADED, OrdStatus.PARTIALLY_FILLED),
        (Fact.EXPIRED, OrdStatus.EXPIRED),
        (Fact.CANCELED, OrdStatus.CANCELED),
        (Fact.FILLED, OrdStatus.FILLED),
        (Fact.COMPLETE, OrdStatus.FILLED),
        (Fact.FAILED, OrdStatus.REJECTED),
    ],
)
def test_each_fact_alone_is_its_own_status(facts: Fact, status: OrdStatus) -> None:
    assert STATUS[facts] is status


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        pytest.param(Fact.FILLED | Fact.TRADED | Fact.CANCELED, OrdStatus.FILLED, id="a cancel that came too late"),
        pytest.param(Fact.CANCELED | Fact.TRADED, OrdStatus.CANCELED, id="a rest that was canceled, FIX D35"),
        pytest.param(Fact.EXPIRED | Fact.TRADED, OrdStatus.EXPIRED, id="a rest that expired"),
        pytest.param(Fact.CANCELED | Fact.EXPIRED, OrdStatus.CANCELED, id="canceled and expired"),
        pytest.param(Fact.REJECTED | Fact.TRADED, OrdStatus.PARTIALLY_FILLED, id="a rejected order that traded"),
        pytest.param(Fact.REJECTED | Fact.NEW, OrdStatus.REJECTED, id="rejected after it was taken"),
        pytest.param(Fact.REFUSED | Fact.NEW, OrdStatus.NEW, id="refused by the call, alive on the stream"),
        pytest.param(Fact.REFUSED | Fact.TRADED, OrdStatus.PARTIALLY_FILLED, id="refused by the call, traded"),
        pytest.param(Fact.REFUSED | Fact.PENDING_NEW, OrdStatus.REJECTED, id="refused, only ever received"),
        pytest.param(Fact.REFUSED | Fact.UNANSWERED, OrdStatus.REJECTED, id="refused by the second try"),
        pytest.param(Fact.SENT_OUT | Fact.PENDING_NEW, OrdStatus.PENDING_NEW, id="taken by the broker"),
    ],
)
def test_of_several_facts_the_one_of_highest_precedence_shows(facts: Fact, status: OrdStatus) -> None:
    assert STATUS[facts] is status


def test_precedence_is_that_of_fix() -> None:
    shown = list(dict.fromkeys(status for fact, status in PRECEDENCE if fact is not Fact.REFUSED))

    assert shown == OF_FIX


@given(st.integers(0, len(STATUS) - 1), st.sampled_from(list(Fact)))
def test_one_more_fact_never_lowers_the_status(facts: int, more: Fact) -> None:
    # What is said of a request is the exception: of two claims, the one about the order itself is believed.
    of_requests = Fact.REFUSED | Fact.FAILED
    known, after = facts & ~of_requests, facts & ~of_requests | more & ~of_requests

    assert OF_FIX.index(STATUS[after]) <= OF_FIX.index(STATUS[known])


@given(st.integers(0, len(STATUS) - 1), st.sampled_from([Fact.TRADED, Fact.FILLED, Fact.NEW, Fact.PENDING_NEW]))
def test_what_was_canceled_never_comes_to_life_again(facts: int, more: Fact) -> None:
    assert STATUS[facts | Fact.CANCELED | more] in {OrdStatus.CANCELED, OrdStatus.FILLED, OrdStatus.TRIGGERED}


def test_a_fill_after_canceled_keeps_canceled_and_grows_the_filled_quantity() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(report(OrdStatus.CANCELED))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))

    last = events(desk)[-1]

    assert (last.exec_type, last.ord_status) == (ExecType.TRADE, OrdStatus.CANCELED)
    assert (last.cum_qty, last.leaves_qty, last.last_qty) == (Decimal(4), Decimal(0), Decimal(4))


def test_fills_after_canceled_up_to_the_whole_quantity_make_it_filled() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.CANCELED, cum=4, trades=(trade(1, 4),)))
    desk.tell(report(OrdStatus.FILLED, cum=10, trades=(trade(2, 6),)))

    assert status_of(desk.order) is OrdStatus.FILLED
    assert events(desk)[-1].cum_qty == Decimal(10)


def test_a_quantity_that_no_trade_explains_is_a_status_and_the_trade_is_told_once_when_it_comes() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4))
    ahead = events(desk)[-1]
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))

    assert (ahead.exec_type, ahead.cum_qty, ahead.last_qty) == (ExecType.ORDER_STATUS, Decimal(4), None)
    assert (ahead.ord_status, ahead.avg_px) == (OrdStatus.PARTIALLY_FILLED, None)
    assert types(desk) == [ExecType.NEW, ExecType.ORDER_STATUS, ExecType.TRADE]
    assert events(desk)[-1].cum_qty == Decimal(4)


def test_a_canceled_rest_with_its_last_trade_is_told_as_trade_and_then_as_cancel() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.CANCELED, cum=4, trades=(trade(1, 4),)))

    assert types(desk) == [ExecType.TRADE, ExecType.CANCELED]
    assert [event.last_qty for event in events(desk)] == [Decimal(4), None]


def test_every_trade_of_a_report_is_an_execution_of_its_own() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.FILLED, cum=10, trades=(trade(1, 4, "100"), trade(2, 6, "101"))))

    assert [(e.exec_type, e.trade_id, e.last_px, e.cum_qty) for e in events(desk)] == [
        (ExecType.TRADE, "D1", Decimal(100), Decimal(4)),
        (ExecType.TRADE, "D2", Decimal(101), Decimal(10)),
    ]
    assert [e.ord_status for e in events(desk)] == [OrdStatus.PARTIALLY_FILLED, OrdStatus.FILLED]


def test_one_trade_listed_twice_in_a_report_counts_once() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4), trade(1, 4))))

    assert types(desk) == [ExecType.TRADE]
    assert events(desk)[-1].cum_qty == Decimal(4)


def test_what_the_call_refused_and_the_stream_shows_alive_is_new() -> None:
    desk = matched()
    desk.tell(submission(Phase.REJECTED))
    refused = events(desk)[-1]
    desk.tell(report(OrdStatus.NEW))

    assert (refused.exec_type, refused.ord_status, refused.leaves_qty) == (
        ExecType.REJECTED,
        OrdStatus.REJECTED,
        Decimal(0),
    )
    assert events(desk)[-1].ord_status is OrdStatus.NEW
    assert events(desk)[-1].leaves_qty == Decimal(10)


def test_a_refusal_that_comes_after_the_order_lives_changes_nothing() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(submission(Phase.REJECTED))

    assert status_of(desk.order) is OrdStatus.NEW


@pytest.mark.parametrize(
    ("status", "cum", "leaves"),
    [
        (OrdStatus.PENDING_NEW, 0, 10),
        (OrdStatus.NEW, 0, 10),
        (OrdStatus.PARTIALLY_FILLED, 3, 7),
        (OrdStatus.FILLED, 10, 0),
        (OrdStatus.CANCELED, 3, 0),
        (OrdStatus.EXPIRED, 3, 0),
        (OrdStatus.REJECTED, 0, 0),
    ],
)
def test_leaves_is_what_is_open_and_nothing_once_ended(status: OrdStatus, cum: int, leaves: int) -> None:
    desk = matched()
    desk.tell(report(status, cum=cum))

    last = events(desk)[-1]

    assert (last.cum_qty, last.leaves_qty, last.ord_status) == (Decimal(cum), Decimal(leaves), status)
    assert (status in FINAL) == (leaves == 0)


def test_leaves_is_unknown_while_the_quantity_is() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW, qty=None))

    assert events(desk)[-1].leaves_qty is None


def test_more_trades_than_ordered_leave_nothing_open_and_stay_told() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.FILLED, cum=12, trades=(trade(1, 12),)))

    assert (events(desk)[-1].cum_qty, events(desk)[-1].leaves_qty) == (Decimal(12), Decimal(0))


@given(st.lists(st.tuples(st.integers(1, 10**9), st.decimals("0.000000001", 10**6, places=9)), min_size=1, max_size=8))
def test_the_average_price_is_that_of_the_trades(told: list[tuple[int, Decimal]]) -> None:
    desk = matched()
    for at, (quantity, price) in enumerate(told):
        desk.tell(report(OrdStatus.PARTIALLY_FILLED, qty=None, trades=(trade(at, quantity, str(price)),)))

    last = events(desk)[-1]

    total = sum(quantity for quantity, _ in told)
    exact = sum(quantity * price for quantity, price in told) / total
    assert last.cum_qty == total
    assert last.avg_px is not None
    assert abs(last.avg_px - exact) <= exact * Decimal("1e-17")


def test_a_report_that_adds_nothing_is_counted_as_a_duplicate_and_makes_nothing() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(report(OrdStatus.NEW))

    assert types(desk) == [ExecType.NEW]
    assert desk.state.duplicates == 1


def test_the_venues_number_that_replaces_its_provisional_one_is_told() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.PENDING_NEW, name="internal"))
    desk.tell(report(OrdStatus.NEW, name="7001"))

    assert [(e.exec_type, e.venue_order_id) for e in events(desk)] == [
        (ExecType.PENDING_NEW, "internal"),
        (ExecType.NEW, "7001"),
    ]


def test_other_terms_alone_are_told_as_a_status() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.NEW, qty=10))
    desk.tell(report(OrdStatus.NEW, qty=8))

    assert types(desk) == [ExecType.NEW, ExecType.ORDER_STATUS]
    assert events(desk)[-1].leaves_qty == Decimal(8)


def test_a_quantity_learned_after_its_trades_completes_the_order() -> None:
    desk = matched()
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, qty=None, cum=10, trades=(trade(1, 10),)))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, qty=10, cum=10))

    assert status_of(desk.order) is OrdStatus.FILLED
