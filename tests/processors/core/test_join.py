"""The join: each side with the other, without it, late, under another name, and twice."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.model import Event, Report, Submission, Unmatched
from schemas.fix import ExecType, JoinStatus, OrdStatus, Phase, Source, UnmatchedReason
from schemas.headers import Kind
from tests.processors.core.stories import GRACE, KEY, REQUEST, SECOND, START, Desk, report, submission, trade

PENDING, MATCHED, UNMATCHED = JoinStatus.PENDING, JoinStatus.MATCHED, JoinStatus.UNMATCHED
DUE = START + 10 * SECOND


def events(desk: Desk, key: str = REQUEST) -> list[Event]:
    return [event for terms, event in desk.out.executions if terms.order_request_id == key]


def told(desk: Desk, key: str = REQUEST) -> list[tuple[ExecType, JoinStatus, int]]:
    return [(event.exec_type, event.join_status, event.revision) for event in events(desk, key)]


def unmatched(desk: Desk, key: str = REQUEST) -> list[Unmatched]:
    return [record for record in desk.out.unmatched if record.order_request_id == key]


def connected() -> Desk:
    """Return a desk whose account has a feed that was read up on, ten seconds before START."""
    desk = Desk()
    desk.mark(Kind.CONNECTED, START - 10 * SECOND)
    desk.mark(Kind.RECONCILED, START - 9 * SECOND)
    return desk


def test_with_its_submission_here_a_report_is_matched_at_once() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.NEW))

    assert told(desk) == [(ExecType.NEW, MATCHED, 1)]
    assert not events(desk)[0].late


def test_a_report_is_pending_until_its_submission_comes_and_then_matched_as_revision_2() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))
    desk.tell(submission())

    assert told(desk) == [
        (ExecType.NEW, PENDING, 1),
        (ExecType.TRADE, PENDING, 1),
        (ExecType.NEW, MATCHED, 2),
        (ExecType.TRADE, MATCHED, 2),
    ]
    first, second, again, trade_again = events(desk)
    assert (again.exec_id, trade_again.exec_id) == (first.exec_id, second.exec_id)
    assert len({event.event_id for event in events(desk)}) == 4
    assert (trade_again.last_qty, trade_again.raw_offset) == (second.last_qty, second.raw_offset)
    assert not again.late
    assert not desk.order.unjoined


def test_what_the_submission_says_of_an_order_stands_above_what_the_venue_says() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW))
    desk.tell(submission())

    terms = desk.order.terms
    assert (terms.instrument, terms.symbol, terms.currency) == ("SBER_TQBR", "SBER", "RUB")
    assert (terms.submitted_quantity, terms.order_qty) == (Decimal(1), Decimal(10))
    assert terms.submitted_ns == START


def test_what_was_submitted_is_the_newest_state_before_the_venue_says_a_word() -> None:
    desk = Desk()
    desk.tell(submission())

    assert desk.order.last is not None
    assert (desk.order.last.ord_status, desk.order.last.join_status) == (OrdStatus.PENDING_NEW, PENDING)
    assert desk.order.last.source is Source.GATEWAY
    assert not desk.out.executions


@pytest.mark.parametrize(
    ("phase", "exec_type", "status", "join_status"),
    [
        (Phase.ACCEPTED, ExecType.ORDER_STATUS, OrdStatus.PENDING_NEW, PENDING),
        (Phase.REJECTED, ExecType.REJECTED, OrdStatus.REJECTED, MATCHED),
    ],
)
def test_a_calls_answer_is_told_once(
    phase: Phase, exec_type: ExecType, status: OrdStatus, join_status: JoinStatus
) -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(submission(phase))
    desk.tell(submission(phase))

    assert [(e.exec_type, e.ord_status, e.join_status) for e in events(desk)] == [(exec_type, status, join_status)]


def test_the_refusals_code_and_words_go_with_it() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(replace(submission(Phase.REJECTED), code="30042", text="not enough assets"))

    assert (events(desk)[-1].venue_status, events(desk)[-1].text) == ("30042", "not enough assets")


def test_a_call_that_ended_without_an_answer_tells_nothing_by_itself() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(submission(Phase.UNKNOWN))

    assert not desk.out.executions
    assert desk.order.last is not None
    assert desk.order.last.ord_status is OrdStatus.PENDING_NEW


def test_an_outcome_without_its_intent_stands_for_it() -> None:
    desk = Desk()
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    desk.tell(report(OrdStatus.NEW))
    desk.tell(submission())

    assert told(desk)[-1] == (ExecType.NEW, MATCHED, 1)
    assert desk.order.terms.submitted_ns == START


def test_two_submissions_of_one_request_are_one_order() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.NEW))
    desk.tell(submission(at_ns=START + SECOND))

    assert told(desk) == [(ExecType.NEW, MATCHED, 1)]
    assert desk.order.terms.submitted_ns == START
    assert len(desk.state.orders) == 1


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        pytest.param([submission()], UnmatchedReason.NO_VENUE_REPLY, id="submitted"),
        pytest.param(
            [submission(), submission(Phase.ACCEPTED)], UnmatchedReason.NO_VENUE_REPLY, id="accepted by the call"
        ),
        pytest.param([submission(), submission(Phase.UNKNOWN)], UnmatchedReason.OUTCOME_UNKNOWN, id="no answer"),
        pytest.param(
            [submission(), submission(Phase.UNKNOWN), submission(Phase.ACCEPTED)],
            UnmatchedReason.NO_VENUE_REPLY,
            id="answered by the second try",
        ),
        pytest.param([report(OrdStatus.NEW)], UnmatchedReason.NOT_SUBMITTED_HERE, id="told of only"),
    ],
)
def test_a_side_that_does_not_come_in_its_time_is_missed_with_the_reason(
    items: list[Report | Submission], reason: UnmatchedReason
) -> None:
    desk = connected()
    for item in items:
        desk.tell(item)
    desk.mark(Kind.HEARTBEAT, DUE - 1)
    before = unmatched(desk)
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)

    assert before == []
    assert [(u.status, u.reason, u.revision, u.late) for u in unmatched(desk)] == [(UNMATCHED, reason, 1, False)]
    assert desk.order.last is not None
    assert (desk.order.last.join_status, desk.order.last.unmatched_reason) == (UNMATCHED, reason)
    assert unmatched(desk)[0].decided_ns == DUE + SECOND


def test_no_feed_since_the_submission_is_feed_down() -> None:
    desk = connected()
    desk.mark(Kind.DISCONNECTED, START - SECOND, reason="reset")
    desk.tell(submission())
    desk.mark(Kind.CONNECTED, DUE + SECOND, connection="c2")

    assert [(u.reason, u.status) for u in unmatched(desk)] == [(UnmatchedReason.FEED_DOWN, UNMATCHED)]
    assert "reset" in unmatched(desk)[0].detail


def test_a_refused_order_is_missed_by_nobody() -> None:
    desk = connected()
    desk.tell(submission())
    desk.tell(submission(Phase.REJECTED))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)

    assert unmatched(desk) == []


def test_what_was_told_without_a_submission_is_told_again_as_unmatched() -> None:
    desk = connected()
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, cum=4, trades=(trade(1, 4),)))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)

    assert told(desk) == [(ExecType.TRADE, PENDING, 1), (ExecType.TRADE, UNMATCHED, 2)]
    assert events(desk)[-1].unmatched_reason is UnmatchedReason.NOT_SUBMITTED_HERE
    assert unmatched(desk)[0].ord_status is OrdStatus.PARTIALLY_FILLED


def test_orders_of_one_answer_are_missed_in_records_of_their_own() -> None:
    desk = connected()
    desk.tell_all([report(OrdStatus.NEW, request=None, name=name) for name in ("7001", "7002", "7003")])
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)

    event_ids = [event.event_id for _, event in desk.out.executions]
    assert len(event_ids) == len(set(event_ids)) == 6


def test_a_step_after_the_decision_is_unmatched_at_once() -> None:
    desk = connected()
    desk.tell(report(OrdStatus.NEW))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(report(OrdStatus.CANCELED), DUE + 2 * SECOND)

    assert told(desk)[-1] == (ExecType.CANCELED, UNMATCHED, 1)


def test_a_submission_after_the_decision_takes_it_back_as_late() -> None:
    desk = connected()
    desk.tell(report(OrdStatus.NEW))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(submission())

    assert told(desk) == [(ExecType.NEW, PENDING, 1), (ExecType.NEW, UNMATCHED, 2), (ExecType.NEW, MATCHED, 3)]
    assert [event.late for event in events(desk)] == [False, False, True]
    assert [(u.status, u.revision, u.late) for u in unmatched(desk)] == [(UNMATCHED, 1, False), (MATCHED, 2, True)]
    assert events(desk)[-1].unmatched_reason is None


def test_a_report_after_the_decision_takes_it_back_as_late() -> None:
    desk = connected()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(report(OrdStatus.NEW), DUE + 2 * SECOND)

    assert told(desk) == [(ExecType.NEW, MATCHED, 1)]
    assert events(desk)[0].late
    assert [(u.status, u.revision) for u in unmatched(desk)] == [(UNMATCHED, 1), (MATCHED, 2)]
    assert unmatched(desk)[1].reason is UnmatchedReason.NO_VENUE_REPLY


def test_what_follows_on_a_late_match_stays_late() -> None:
    desk = connected()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(report(OrdStatus.NEW), DUE + 2 * SECOND)
    desk.tell(report(OrdStatus.CANCELED), DUE + 3 * SECOND)

    assert [event.late for event in events(desk)] == [True, True]
    assert len(unmatched(desk)) == 2


def test_a_refusal_after_the_decision_takes_it_back() -> None:
    desk = connected()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(replace(submission(Phase.REJECTED), phase_ns=DUE + 2 * SECOND))

    assert [(u.status, u.revision) for u in unmatched(desk)] == [(UNMATCHED, 1), (MATCHED, 2)]
    assert told(desk)[-1] == (ExecType.REJECTED, MATCHED, 1)


# Names: a venue that knows no client id, or changes its own.


def test_an_outcome_that_names_the_venues_id_joins_what_the_venue_tells_under_it() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    desk.tell(report(OrdStatus.NEW, request=None, name="7001"))

    assert told(desk)[-1] == (ExecType.NEW, MATCHED, 1)
    assert list(desk.state.orders) == [REQUEST]


def test_an_internal_id_and_the_exchanges_number_are_one_order() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.PENDING_NEW, name="internal"))
    desk.tell(report(OrdStatus.NEW, name="7001"))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, request=None, name="internal", cum=1, trades=(trade(1, 1),)))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, request=None, name="7001", cum=3, trades=(trade(2, 2),)))

    assert list(desk.state.orders) == [REQUEST]
    assert desk.order.names == ("internal", "7001")
    assert desk.order.venue_order_id == "7001"
    assert desk.order.traded_qty == Decimal(3)
    assert desk.state.aliases[KEY] == {"internal": REQUEST, "7001": REQUEST}


def test_the_internal_id_that_comes_last_does_not_replace_the_exchanges_number() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW, name="7001"))
    desk.tell(report(OrdStatus.PENDING_NEW, name="internal"))

    assert desk.order.venue_order_id == "7001"


def test_names_are_of_their_account_alone() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    desk.tell(replace(report(OrdStatus.NEW, request=None, name="7001"), account="2000000002"))

    assert set(desk.state.orders) == {REQUEST, "tinvest:7001"}
    assert events(desk)[-1].exec_type is not ExecType.NEW


def test_an_order_that_nobody_can_name_goes_by_the_venues_id() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW, request=None, name="7001"))

    assert told(desk, "tinvest:7001") == [(ExecType.NEW, PENDING, 1)]


def taken_over() -> Desk:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW, request=None, name="7001"))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, request=None, name="7001", cum=4, trades=(trade(1, 4),)))
    desk.tell(submission())
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    return desk


def test_an_order_is_taken_over_when_the_outcome_names_its_id() -> None:
    desk = taken_over()

    again = [event for event in events(desk) if event.exec_type is not ExecType.ORDER_STATUS]
    assert [(e.exec_type, e.join_status, e.revision) for e in again] == [
        (ExecType.NEW, MATCHED, 2),
        (ExecType.TRADE, MATCHED, 2),
    ]
    assert [e.exec_id for e in again] == [e.exec_id for e in events(desk, "tinvest:7001")]
    assert list(desk.state.orders) == [REQUEST]
    assert (desk.order.traded_qty, desk.order.terms.order_qty) == (Decimal(4), Decimal(10))


def test_the_key_of_an_order_taken_over_ends_with_a_tombstone() -> None:
    desk = taken_over()

    assert desk.out.orders["tinvest:7001"] is None
    assert desk.out.absorbed == ["tinvest:7001"]


def test_after_it_was_taken_over_reports_under_its_id_are_the_orders() -> None:
    desk = taken_over()
    desk.tell(report(OrdStatus.FILLED, request=None, name="7001", cum=10, trades=(trade(2, 6),)))

    assert told(desk)[-1] == (ExecType.TRADE, MATCHED, 1)
    assert desk.order.traded_qty == Decimal(10)


def test_what_was_told_of_an_order_taken_over_has_the_quantities_of_its_time() -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.NEW, request=None))
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, request=None, cum=4, trades=(trade(1, 4),)))
    desk.tell(report(OrdStatus.FILLED, request=None, cum=10, trades=(trade(2, 6, "271.4"),)))
    before = events(desk, "tinvest:7001")
    desk.tell(submission(Phase.ACCEPTED, name="7001"))

    moved = [event for event in events(desk) if event.revision == 2]
    assert [(e.cum_qty, e.leaves_qty, e.avg_px) for e in moved] == [(e.cum_qty, e.leaves_qty, e.avg_px) for e in before]


def test_the_last_that_is_taken_over_is_where_the_order_stands() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.NEW, request=None, name="7001"))
    desk.tell(report(OrdStatus.CANCELED, name="p-1", cum=3, trades=(trade(1, 3),)))
    desk.tell(report(OrdStatus.NEW, name="7001"))

    last = desk.order.last
    assert last is not None
    assert (last.exec_type, last.ord_status, last.cum_qty, last.leaves_qty) == (ExecType.NEW, OrdStatus.CANCELED, 3, 0)


def test_an_order_that_takes_over_is_written_even_if_the_report_that_ties_them_adds_nothing() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.tell(report(OrdStatus.FILLED, request=None, name="7001", trades=(trade(1, 10),)))
    desk.out.orders.clear()
    desk.tell(report(OrdStatus.FILLED, name="7001", cum=10))

    assert desk.out.orders == {REQUEST: desk.order, "tinvest:7001": None}
    assert desk.order.ended_ns


def test_a_miss_of_an_order_taken_over_is_taken_back() -> None:
    desk = connected()
    desk.tell(report(OrdStatus.NEW, request=None, name="7001"))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)
    desk.tell(submission())
    desk.tell(submission(Phase.ACCEPTED, name="7001"))

    assert [(u.status, u.revision) for u in unmatched(desk, "tinvest:7001")] == [(UNMATCHED, 1), (MATCHED, 2)]
    assert REQUEST in unmatched(desk, "tinvest:7001")[-1].detail


def test_an_order_known_by_the_venues_id_moves_to_the_request_id_that_a_report_names() -> None:
    desk = connected()
    desk.tell(report(OrdStatus.PARTIALLY_FILLED, request=None, name="7001", cum=4, trades=(trade(1, 4),)))
    desk.tell(report(OrdStatus.NEW, name="7001"))
    desk.mark(Kind.HEARTBEAT, DUE + SECOND)

    assert list(desk.state.orders) == [REQUEST]
    assert [u.reason for u in unmatched(desk)] == [UnmatchedReason.NOT_SUBMITTED_HERE]
    assert unmatched(desk, "tinvest:7001") == []
    assert desk.out.orders["tinvest:7001"] is None
    assert told(desk)[-2:] == [(ExecType.TRADE, UNMATCHED, 3), (ExecType.NEW, UNMATCHED, 2)]


def test_two_submitted_orders_are_never_made_one() -> None:
    other = "b1b2c3d4-e5f6-4890-abcd-ef1234567890"
    desk = Desk()
    desk.tell(submission())
    desk.tell(submission(request=other))
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    desk.tell(submission(Phase.ACCEPTED, name="7001", request=other))

    assert set(desk.state.orders) == {REQUEST, other}


@given(st.permutations(range(5)))
def test_a_venue_without_client_ids_ends_the_same_whatever_comes_first(order: list[int]) -> None:
    told_by_all: list[Report | Submission] = [
        submission(),
        submission(Phase.ACCEPTED, name="7001"),
        report(OrdStatus.NEW, request=None, name="7001"),
        report(OrdStatus.PARTIALLY_FILLED, request=None, name="7001", cum=4, trades=(trade(1, 4),)),
        report(OrdStatus.CANCELED, request=None, name="7001", cum=4, trades=(trade(1, 4),)),
    ]
    desk = Desk()
    for at in order:
        desk.tell(told_by_all[at])

    assert list(desk.state.orders) == [REQUEST]
    assert desk.order.last is not None
    assert (desk.order.traded_qty, desk.order.last.ord_status) == (Decimal(4), OrdStatus.CANCELED)
    newest = {event.exec_id: (terms.order_request_id, event) for terms, event in desk.out.executions}
    assert all(key == REQUEST and event.join_status is MATCHED for key, event in newest.values())
    steps = sorted(e.exec_type for _, e in newest.values() if e.exec_type is not ExecType.ORDER_STATUS)
    assert steps == [ExecType.CANCELED, ExecType.NEW, ExecType.TRADE]


@given(st.permutations(range(6)), st.booleans())
def test_reports_with_and_without_our_id_end_the_same_whatever_comes_first(order: list[int], named: bool) -> None:
    told_by_all: list[Report | Submission] = [
        submission(),
        submission(Phase.ACCEPTED, name="7001" if named else None),
        report(OrdStatus.PENDING_NEW, name="internal"),
        report(OrdStatus.NEW, name="7001"),
        report(OrdStatus.PARTIALLY_FILLED, request=None, name="7001", cum=4, trades=(trade(1, 4),)),
        report(OrdStatus.FILLED, request=None, name="7001", cum=10, trades=(trade(1, 4), trade(2, 6))),
    ]
    desk = Desk()
    for at in order:
        desk.tell(told_by_all[at])

    assert list(desk.state.orders) == [REQUEST]
    assert (desk.order.traded_qty, desk.order.venue_order_id) == (Decimal(10), "7001")
    newest = {event.exec_id: (terms.order_request_id, event) for terms, event in desk.out.executions}
    assert all(key == REQUEST and event.join_status is MATCHED for key, event in newest.values())
    trades = sorted(e.trade_id or "" for _, e in newest.values() if e.exec_type is ExecType.TRADE)
    assert trades == ["D1", "D2"]
    assert desk.order.last is not None
    assert desk.order.last.ord_status is OrdStatus.FILLED


@given(st.permutations(range(4)))
def test_reports_without_our_id_are_tied_by_another_that_the_venue_keeps(order: list[int]) -> None:
    told_by_all = [
        replace(report(OrdStatus.PENDING_NEW, request=None, name="internal"), other_id="instruction"),
        replace(report(OrdStatus.NEW, request=None, name="7001"), other_id="instruction"),
        report(OrdStatus.FILLED, request=None, name="7001", cum=10, trades=(trade(1, 10),)),
        replace(
            report(OrdStatus.FILLED, request=None, name="7001", cum=10, trades=(trade(1, 10),)), other_id="instruction"
        ),
    ]
    desk = Desk()
    for at in order:
        desk.tell(told_by_all[at])

    (known,) = desk.state.orders.values()
    assert (known.venue_order_id, known.traded_qty) == ("7001", Decimal(10))
    steps = sorted(event.exec_type for event in {e.exec_id: e for _, e in desk.out.executions}.values())
    assert [step for step in steps if step is not ExecType.ORDER_STATUS] == [
        ExecType.NEW,
        ExecType.PENDING_NEW,
        ExecType.TRADE,
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"created_ns": START},
        {"other_id": "T-1"},
        {"venue_order_id": "7002", "ord_status": OrdStatus.PENDING_NEW},
    ],
    ids=["when it was made", "one more of its ids", "its id before the exchange's"],
)
def test_what_is_learned_of_an_order_is_written_even_if_it_is_no_step(more: dict[str, object]) -> None:
    desk = Desk()
    desk.tell(report(OrdStatus.PENDING_NEW))
    desk.tell(report(OrdStatus.NEW))
    desk.out.orders.clear()
    desk.tell(report(OrdStatus.NEW))
    assert not desk.out.orders
    desk.tell(replace(report(OrdStatus.NEW), **more))

    assert desk.out.orders == {REQUEST: desk.order}


def test_a_trade_from_before_all_memory_makes_no_order_but_adds_to_one_that_is_known() -> None:
    old = Report(
        "A1",
        None,
        "V9",
        OrdStatus.PARTIALLY_FILLED,
        None,
        trades=(trade(1, 10),),
        transact_ns=START - GRACE.retention_ns - 1,
    )
    desk = Desk()
    desk.tell(old, source=Source.RECONCILIATION)
    assert desk.out.executions == []

    desk.tell(replace(old, ord_status=OrdStatus.NEW, venue_status="ACTIVE", trades=()), source=Source.RECONCILIATION)
    desk.tell(old, source=Source.RECONCILIATION)
    assert [event.exec_type for _, event in desk.out.executions] == [ExecType.NEW, ExecType.TRADE]
