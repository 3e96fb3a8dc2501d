"""Requests to cancel or replace an order: what they came to, on the order that they are about."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.lifecycle import status_of
from processors.core.model import Event, Report, Submission
from schemas.fix import Action, ExecType, JoinStatus, OrdStatus, Phase, Source, UnmatchedReason
from schemas.headers import Kind
from tests.processors.core.stories import (
    CANCEL,
    REPLACEMENT,
    REQUEST,
    SECOND,
    START,
    Desk,
    change,
    report,
    submission,
    trade,
)

E, O = ExecType, OrdStatus  # noqa: E741 -- the tables below are read by their words, not by where they are from


def steps(desk: Desk, key: str = REQUEST) -> list[tuple[ExecType, OrdStatus, int, int | None]]:
    """Return (ExecType, OrdStatus, CumQty, LeavesQty) of each execution, as the matrices of FIX list them."""
    return [
        (event.exec_type, event.ord_status, int(event.cum_qty), None if leaves is None else int(leaves))
        for event in events(desk, key)
        for leaves in (event.leaves_qty,)
    ]


def events(desk: Desk, key: str = REQUEST) -> list[Event]:
    return [event for terms, event in desk.out.executions if terms.order_request_id == key]


def working(cum: int = 0) -> Desk:
    """Return a desk with an order of 10 at the exchange, `cum` of which is filled."""
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.NEW))
    if cum:
        desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=cum, trades=(trade(1, cum),)))
    desk.out.executions.clear()
    return desk


def replacement(phase: Phase = Phase.INTENT, **fields: str | None) -> Submission:
    return change(phase, action=Action.REPLACE, request=REPLACEMENT, **fields)


def fills(upto: int, *quantities: int) -> Report:
    trades = tuple(trade(at, quantity) for at, quantity in enumerate(quantities, 1))
    return report(OrdStatus.FILLED if upto == 10 else OrdStatus.PARTIALLY_FILLED, cum=upto, trades=trades)


# FIX 4.4 volume 4, "Order State Change Matrices": the rows that a venue with cancels and replaces can show.
MATRICES = [
    pytest.param(
        4,
        [change(), report(OrdStatus.CANCELED, cum=4, trades=(trade(1, 4),))],
        [(E.PENDING_CANCEL, O.PENDING_CANCEL, 4, 6), (E.CANCELED, O.CANCELED, 4, 0)],
        id="B.1.a: a part-filled order is canceled",
    ),
    pytest.param(
        4,
        [change(), fills(7, 4, 3), change(Phase.ACCEPTED), report(OrdStatus.CANCELED, cum=7)],
        [
            (E.PENDING_CANCEL, O.PENDING_CANCEL, 4, 6),
            (E.TRADE, O.PENDING_CANCEL, 7, 3),
            (E.ORDER_STATUS, O.PENDING_CANCEL, 7, 3),
            (E.CANCELED, O.CANCELED, 7, 0),
        ],
        id="B.1.b, D4: a fill while the cancel is pending raises CumQty under it",
    ),
    pytest.param(
        0,
        [change(), fills(10, 10), change(Phase.REJECTED, code="30059")],
        [
            (E.PENDING_CANCEL, O.PENDING_CANCEL, 0, 10),
            (E.TRADE, O.FILLED, 10, 0),
            (E.CANCEL_REJECTED, O.FILLED, 10, 0),
        ],
        id="B.1.c: filled before the cancel got there",
    ),
    pytest.param(
        4,
        [change(), change(Phase.REJECTED, code="30059")],
        [(E.PENDING_CANCEL, O.PENDING_CANCEL, 4, 6), (E.CANCEL_REJECTED, O.PARTIALLY_FILLED, 4, 6)],
        id="a refused cancel leaves the order as it was",
    ),
    pytest.param(
        10,
        [change(), change(Phase.REJECTED)],
        [(E.PENDING_CANCEL, O.FILLED, 10, 0), (E.CANCEL_REJECTED, O.FILLED, 10, 0)],
        id="a cancel of what is filled",
    ),
    pytest.param(
        4,
        [replacement(), replacement(Phase.ACCEPTED), report(OrdStatus.CANCELED, cum=4)],
        [
            (E.PENDING_REPLACE, O.PENDING_REPLACE, 4, 6),
            (E.REPLACED, O.PENDING_REPLACE, 4, 6),
            (E.CANCELED, O.CANCELED, 4, 0),
        ],
        id="D1: replaced",
    ),
    pytest.param(
        0,
        [replacement(), fills(10, 10), replacement(Phase.REJECTED)],
        [
            (E.PENDING_REPLACE, O.PENDING_REPLACE, 0, 10),
            (E.TRADE, O.FILLED, 10, 0),
            (E.CANCEL_REJECTED, O.FILLED, 10, 0),
        ],
        id="D9: the replace came too late",
    ),
    pytest.param(
        4,
        [replacement(), change()],
        [(E.PENDING_REPLACE, O.PENDING_REPLACE, 4, 6), (E.PENDING_CANCEL, O.PENDING_CANCEL, 4, 6)],
        id="a cancel stands above a replace",
    ),
    pytest.param(
        4,
        [change(), report(OrdStatus.CANCELED, cum=4), fills(7, 4, 3)],
        [(E.PENDING_CANCEL, O.PENDING_CANCEL, 4, 6), (E.CANCELED, O.CANCELED, 4, 0), (E.TRADE, O.CANCELED, 7, 0)],
        id="D35: a fill after the cancel is a fill, and the order stays canceled",
    ),
]


@pytest.mark.parametrize(("cum", "told", "expected"), MATRICES)
def test_the_rows_of_fixs_matrices(
    cum: int, told: list[Report | Submission], expected: list[tuple[ExecType, OrdStatus, int, int]]
) -> None:
    desk = working(cum)

    for item in told:
        desk.tell(item)

    assert steps(desk) == expected


def test_each_step_names_the_request_that_it_is_about_and_a_refusal_says_why() -> None:
    desk = working()
    desk.tell(change())
    desk.tell(change(Phase.REJECTED, code="30059", text="cancel order error"))
    desk.tell(report(OrdStatus.CANCELED))

    asked, refused, canceled = events(desk)
    assert (asked.change_request_id, refused.change_request_id) == (CANCEL, CANCEL)
    assert (asked.source, refused.source, refused.text) == (Source.GATEWAY, Source.GATEWAY, "cancel order error")
    assert canceled.change_request_id is None
    assert canceled.text is None


def test_a_cancel_that_was_asked_for_here_is_named_where_the_venue_tells_the_end() -> None:
    desk = working()
    desk.tell(change(of=None, of_name="7001"))
    desk.tell(report(OrdStatus.CANCELED))

    assert [event.change_request_id for event in events(desk)] == [CANCEL, CANCEL]


def test_a_cancel_without_an_answer_is_pending_until_the_venue_tells_the_end() -> None:
    desk = working()
    desk.tell(change())
    desk.tell(change(Phase.UNKNOWN))
    assert status_of(desk.order) is OrdStatus.PENDING_CANCEL

    desk.tell(report(OrdStatus.CANCELED))
    assert status_of(desk.order) is OrdStatus.CANCELED


@pytest.mark.parametrize("phases", [(Phase.UNKNOWN,), (Phase.UNKNOWN, Phase.INTENT), (Phase.INTENT, Phase.UNKNOWN)])
def test_a_call_without_an_answer_stands_for_its_intent(phases: tuple[Phase, ...]) -> None:
    desk = working()
    for phase in phases:
        desk.tell(change(phase))

    assert steps(desk) == [(E.PENDING_CANCEL, O.PENDING_CANCEL, 0, 10)]
    assert desk.order.changes == {CANCEL: 9}


def test_a_cancel_that_is_told_twice_makes_each_step_once() -> None:
    desk = working()
    for phase in (Phase.INTENT, Phase.INTENT, Phase.ACCEPTED, Phase.INTENT, Phase.ACCEPTED):
        desk.tell(change(phase))

    assert [kind for kind, *_ in steps(desk)] == [E.PENDING_CANCEL, E.ORDER_STATUS]


def test_a_cancel_of_an_order_that_nobody_tells_of_is_given_as_unmatched_and_forgotten() -> None:
    desk = Desk()
    desk.mark(Kind.CONNECTED, START - SECOND)
    desk.mark(Kind.RECONCILED, START)
    desk.tell(change(of=None, of_name="7001"))
    desk.mark(Kind.HEARTBEAT, START + 11 * SECOND)

    (missed,) = desk.out.unmatched
    assert (missed.order_request_id, missed.reason) == ("tinvest:7001", UnmatchedReason.NO_VENUE_REPLY)
    assert "cancel" in missed.detail
    desk.mark(Kind.HEARTBEAT, START + 4000 * SECOND)
    assert not desk.state.orders


@given(st.permutations(range(7)))
def test_a_replace_ties_both_orders_whatever_comes_first(order: list[int]) -> None:
    told_by_all: list[Report | Submission] = [
        submission(),
        report(OrdStatus.NEW),
        replacement(),
        replacement(Phase.ACCEPTED, venue_order_id="7002"),
        report(OrdStatus.CANCELED),
        report(OrdStatus.NEW, request=REPLACEMENT, name="7002"),
        report(OrdStatus.FILLED, request=REPLACEMENT, name="7002", cum=10, trades=(trade(9, 10),)),
    ]
    desk = Desk()
    for at in order:
        desk.tell(told_by_all[at])

    old, new = desk.state.orders[REQUEST], desk.state.orders[REPLACEMENT]
    assert (old.terms.replaced_by, new.terms.replaces) == (REPLACEMENT, REQUEST)
    assert (status_of(old), status_of(new)) == (OrdStatus.CANCELED, OrdStatus.FILLED)
    assert (new.terms.submitted_quantity, new.terms.price) == (Decimal(2), Decimal("272.5"))
    newest = {event.exec_id: (terms.order_request_id, event) for terms, event in desk.out.executions}
    assert all(event.join_status is JoinStatus.MATCHED for _, event in newest.values())
    replaced = [key for key, event in newest.values() if event.exec_type is ExecType.REPLACED]
    assert replaced == [REQUEST]


def test_a_refused_replace_ends_the_new_order_and_leaves_the_old_one() -> None:
    desk = working()
    desk.tell(replacement())
    desk.tell(replacement(Phase.REJECTED, code="30078"))

    old, new = desk.state.orders[REQUEST], desk.state.orders[REPLACEMENT]
    assert (status_of(old), status_of(new)) == (OrdStatus.NEW, OrdStatus.REJECTED)
    assert (old.terms.replaced_by, new.terms.replaces) == (None, REQUEST)


def test_a_replace_without_an_answer_is_settled_by_the_venue_telling_of_the_new_order() -> None:
    desk = working()
    desk.tell(replacement())
    desk.tell(replacement(Phase.UNKNOWN))
    desk.tell(report(OrdStatus.NEW, request=REPLACEMENT, name="7002"))

    assert desk.order.terms.replaced_by == REPLACEMENT
    assert steps(desk)[-1][0] is ExecType.REPLACED


def test_the_new_order_has_from_the_old_one_what_the_replace_leaves_unsaid() -> None:
    desk = working()
    desk.tell(replacement(of=None, of_name="7001"))

    old, new = desk.order.terms, desk.state.orders[REPLACEMENT].terms
    assert (new.instrument, new.side, new.ord_type) == (old.instrument, old.side, old.ord_type)
    assert new.replaces == REQUEST


def test_replaces_can_be_chained() -> None:
    desk = working()
    second = "e1c2c3d4-e5f6-4890-abcd-ef1234567890"
    desk.tell(replacement())
    desk.tell(replacement(Phase.ACCEPTED))
    desk.tell(replace(replacement(), order_request_id=second, orig_order_request_id=REPLACEMENT))
    desk.tell(replace(replacement(Phase.ACCEPTED), order_request_id=second, orig_order_request_id=REPLACEMENT))

    chain = [desk.state.orders[key].terms for key in (REQUEST, REPLACEMENT, second)]
    assert [terms.replaced_by for terms in chain] == [REPLACEMENT, second, None]
    assert [terms.replaces for terms in chain] == [None, REQUEST, REPLACEMENT]


def amend(phase: Phase = Phase.INTENT, quantity: int | None = 20, price: str | None = None) -> Submission:
    return replace(
        change(phase, action=Action.AMEND),
        quantity=None if quantity is None else Decimal(quantity),
        price=None if price is None else Decimal(price),
    )


def amendable(cum: int = 0) -> Desk:
    """Return a desk with an order of 10, submitted as such, `cum` of which is filled."""
    desk = Desk()
    desk.tell(replace(submission(), quantity=Decimal(10)))
    desk.tell(report(OrdStatus.NEW))
    if cum:
        desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=cum, trades=(trade(1, cum),)))
    desk.out.executions.clear()
    return desk


def test_an_amended_order_is_pending_replace_until_it_is_taken_and_then_of_the_new_quantity_and_price() -> None:
    desk = amendable(4)
    desk.tell(amend(price="272.5"))
    desk.tell(amend(Phase.ACCEPTED, price="272.5"))

    assert steps(desk) == [
        (E.PENDING_REPLACE, O.PENDING_REPLACE, 4, 6),
        (E.REPLACED, O.PARTIALLY_FILLED, 4, 16),
    ]
    assert desk.order.terms.price == Decimal("272.5")
    assert (desk.order.terms.replaced_by, {e.change_request_id for e in events(desk)}) == (None, {CANCEL})


def test_a_refused_amend_leaves_the_order_as_it_was() -> None:
    desk = amendable()
    desk.tell(amend())
    desk.tell(amend(Phase.REJECTED))

    assert steps(desk)[-1] == (E.CANCEL_REJECTED, O.NEW, 0, 10)


@pytest.mark.parametrize(
    ("quantity", "price", "told"),
    [
        (None, "272.5", {"price": Decimal("272.5")}),
        (20, None, {"order_qty": Decimal(20)}),
        (20, "272.5", {"price": Decimal("272.5"), "order_qty": Decimal(20)}),
    ],
    ids=["price", "quantity", "both"],
)
def test_an_amend_without_an_answer_is_settled_by_the_venue_telling_of_the_order(
    quantity: int | None, price: str | None, told: dict[str, Decimal]
) -> None:
    desk = amendable()
    desk.tell(amend(quantity=quantity, price=price))
    desk.tell(amend(Phase.UNKNOWN, quantity, price))
    desk.tell(report(OrdStatus.NEW))
    desk.tell(replace(report(OrdStatus.NEW), **told))
    before = len(events(desk))
    desk.tell(replace(report(OrdStatus.NEW), **told))

    leaves = int(told.get("order_qty", 10))
    assert steps(desk) == [(E.PENDING_REPLACE, O.PENDING_REPLACE, 0, 10), (E.REPLACED, O.NEW, 0, leaves)]
    assert len(events(desk)) == before
    assert all(getattr(desk.order.terms, name) == value for name, value in told.items())


def test_a_report_of_before_an_amend_answers_no_later_one() -> None:
    desk = amendable()
    for phase in (Phase.INTENT, Phase.ACCEPTED):
        desk.tell(amend(phase, None, "272.5"))
    desk.tell(replace(amend(quantity=None, price="272.5"), order_request_id=REPLACEMENT))
    desk.tell(report(OrdStatus.NEW))
    desk.tell(replace(amend(Phase.ACCEPTED, None, "272.5"), order_request_id=REPLACEMENT))

    assert desk.order.terms.price == Decimal("272.5")
    assert [e.exec_type for e in events(desk)] == [E.PENDING_REPLACE, E.REPLACED] * 2


@pytest.mark.parametrize("phases", [(Phase.INTENT, Phase.ACCEPTED), (Phase.ACCEPTED,)])
def test_an_amend_of_an_order_that_is_known_by_the_venues_id_alone_goes_over_to_it(phases: tuple[Phase, ...]) -> None:
    desk = Desk()
    desk.tell(replace(submission(), quantity=Decimal(10)))
    for phase in phases:
        by_name = change(phase, action=Action.AMEND, of=None, of_name="7001")
        desk.tell(replace(by_name, quantity=Decimal(20), price=Decimal("272.5")))
    desk.tell(replace(report(OrdStatus.NEW), price=Decimal("272.5"), order_qty=Decimal(20)))

    terms = desk.order.terms
    assert (terms.price, terms.submitted_quantity, terms.order_qty) == (Decimal("272.5"), 20, 20)
    assert set(desk.state.orders) == {REQUEST}


def test_an_amend_that_was_taken_stands_above_a_submission_that_comes_after_it() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW))
    for phase in (Phase.INTENT, Phase.ACCEPTED):
        desk.tell(amend(phase, None, "272.5"))
    desk.tell(replace(submission(), quantity=Decimal(10)))

    assert desk.order.terms.price == Decimal("272.5")


def test_an_amend_whose_report_came_before_its_answer_leaves_the_quantity_that_was_asked_for() -> None:
    desk = amendable()
    desk.tell(replace(report(OrdStatus.NEW), order_qty=Decimal(20)))
    for phase in (Phase.INTENT, Phase.ACCEPTED):
        desk.tell(amend(phase))

    assert (desk.order.terms.order_qty, desk.order.terms.submitted_quantity) == (20, 20)


def test_an_order_amended_down_to_what_is_filled_is_filled() -> None:  # FIX, matrix D11
    desk = amendable(4)
    desk.tell(amend(quantity=4))
    desk.tell(amend(Phase.ACCEPTED, quantity=4))

    assert steps(desk)[-1] == (E.REPLACED, O.FILLED, 4, 0)


@pytest.mark.parametrize("fill_first", [True, False])
def test_a_fill_of_the_old_quantity_does_not_end_an_order_that_was_made_larger(fill_first: bool) -> None:
    desk = amendable()
    desk.tell(amend())
    told = [report(OrdStatus.PARTIALLY_FILLED, cum=10, qty=None, trades=(trade(1, 10),)), amend(Phase.ACCEPTED)]
    for item in told if fill_first else reversed(told):
        desk.tell(item)

    assert (status_of(desk.order), desk.order.ended_ns) == (O.PARTIALLY_FILLED, 0)


FAILED = replace(report(OrdStatus.REJECTED), of_request=True)


def test_that_a_request_failed_rejects_an_order_that_never_lived() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(FAILED)

    assert (steps(desk)[-1][:2], status_of(desk.order)) == ((E.REJECTED, O.REJECTED), O.REJECTED)


def test_that_a_request_failed_leaves_a_live_order_as_it_is_and_answers_the_cancel() -> None:
    desk = working(4)
    desk.tell(change())
    desk.tell(FAILED)

    assert steps(desk)[-1] == (E.CANCEL_REJECTED, O.PARTIALLY_FILLED, 4, 6)
    assert events(desk)[-1].change_request_id == CANCEL


def test_an_order_that_lives_after_all_has_not_ended() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(FAILED)
    desk.tell(report(OrdStatus.NEW))

    assert (status_of(desk.order), desk.order.ended_ns) == (O.NEW, 0)


def test_after_a_failed_request_no_later_one_shows_as_pending_for_the_venue_never_says_which_failed() -> None:
    desk = working()
    for item in (change(), FAILED, change(request=REPLACEMENT)):
        desk.tell(item)

    assert status_of(desk.order) is O.NEW


def test_an_amend_that_only_the_venues_price_tells_of_is_written() -> None:
    desk = amendable()
    desk.tell(amend(quantity=None, price="272.5"))
    desk.out.orders.clear()
    desk.tell(replace(report(OrdStatus.NEW), price=Decimal("272.5")))

    assert desk.out.orders == {REQUEST: desk.order}


def test_an_order_that_ends_by_its_amend_or_under_another_id_is_forgotten_in_its_time() -> None:
    amended = amendable(4)
    amended.tell(amend(quantity=4))
    amended.tell(amend(Phase.ACCEPTED, quantity=4))
    tied = Desk()
    tied.tell(submission())
    tied.tell(report(OrdStatus.FILLED, request=None, cum=10, trades=(trade(1, 10),)))
    tied.tell(change(of_name="7001"))

    for desk in (amended, tied):
        assert status_of(desk.order) is O.FILLED
        desk.mark(Kind.CONNECTED, START)
        desk.mark(Kind.HEARTBEAT, START + 4000 * SECOND)
        assert not desk.state.orders


def test_an_order_replaces_one_that_is_told_of_after_both() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW, request=REPLACEMENT, name="7002"))
    desk.tell(replacement())
    desk.tell(report(OrdStatus.NEW))

    assert desk.order.terms.replaced_by == REPLACEMENT
    assert events(desk)[-2].exec_type is E.REPLACED


def test_the_order_in_anothers_place_is_told_again_when_that_gets_its_request_id() -> None:
    desk = Desk()
    desk.tell(replacement(of=None, of_name="7001"))
    desk.tell(report(OrdStatus.NEW, request=REPLACEMENT, name="7002"))
    desk.tell(report(OrdStatus.NEW))

    told = [terms.replaces for terms, _ in desk.out.executions if terms.order_request_id == REPLACEMENT]
    assert (told[0], told[-1]) == ("tinvest:7001", REQUEST)


def test_a_cancel_alone_is_no_sign_of_the_venues_silence_while_a_feed_was_not_there() -> None:
    desk = Desk()
    desk.mark(Kind.CONNECTED, START - SECOND)
    desk.mark(Kind.RECONCILED, START)
    desk.mark(Kind.DISCONNECTED, START + SECOND)
    desk.tell(change(of=None, of_name="7001", at_ns=START + 2 * SECOND))
    desk.mark(Kind.CONNECTED, START + 15 * SECOND, connection="c2")
    desk.mark(Kind.RECONCILED, START + 16 * SECOND, connection="c2")

    assert [record.reason for record in desk.out.unmatched] == [
        UnmatchedReason.FEED_DOWN,
        UnmatchedReason.NO_VENUE_REPLY,
    ]
    assert "cancel" in desk.out.unmatched[-1].detail
