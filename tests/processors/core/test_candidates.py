"""An order whose call was not answered, at a venue that knows no request ids: it is found only where it is alone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from processors.core.model import Report, Submission
from schemas.fix import JoinStatus, OrdStatus, OrdType, Phase, Side, Source, UnmatchedReason
from schemas.headers import Kind
from tests.processors.core.stories import REQUEST, SECOND, START, Desk, report, submission

OTHER = "b2b2c3d4-e5f6-4890-abcd-ef1234567890"
UNKNOWN, NOT_HERE = UnmatchedReason.OUTCOME_UNKNOWN, UnmatchedReason.NOT_SUBMITTED_HERE


def call(phase: Phase = Phase.INTENT, request: str = REQUEST) -> Submission:
    return replace(submission(phase, request=request), instrument="uid-1", quantity=Decimal(10))


def listed(name: str = "9001", **changes: object) -> Report:
    """Return an order of the venue's list, which says when it was made and not for which request."""
    return replace(report(OrdStatus.NEW, request=None, name=name), created_ns=START + SECOND, **changes)


def at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def unanswered(*requests: str) -> Desk:
    desk = Desk()
    desk.mark(Kind.CONNECTED, at(-20))
    desk.mark(Kind.RECONCILED, at(-19))
    for request in requests or (REQUEST,):
        desk.tell(call(request=request))
        desk.tell(call(Phase.UNKNOWN, request))
    return desk


def told(desk: Desk) -> list[tuple[str, JoinStatus, UnmatchedReason]]:
    return [(record.order_request_id, record.status, record.reason) for record in desk.out.unmatched]


@pytest.mark.parametrize("listed_at", [5, 12], ids=["before the call is given up", "after it"])
def test_the_only_order_that_fits_is_taken_for_the_calls_once_nobody_else_claims_it(listed_at: float) -> None:
    desk = unanswered()
    desk.mark(Kind.HEARTBEAT, at(listed_at - 1))
    desk.tell(listed(), at(listed_at), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(listed_at + 9))
    desk.mark(Kind.HEARTBEAT, at(listed_at + 11))

    assert told(desk)[-1] == (REQUEST, JoinStatus.MATCHED, UNKNOWN)
    assert list(desk.state.orders) == [REQUEST]
    assert desk.order.venue_order_id == "9001"
    newest = {event.exec_id: (terms.order_request_id, event.join_status) for terms, event in desk.out.executions}
    assert set(newest.values()) == {(REQUEST, JoinStatus.MATCHED)}
    assert desk.out.absorbed == ["tinvest:9001"]


def test_what_is_told_of_the_order_from_then_on_is_the_calls() -> None:
    desk = unanswered()
    desk.tell(listed(), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(16))
    desk.tell(report(OrdStatus.CANCELED, request=None, name="9001"), at(17))

    terms, event = desk.out.executions[-1]
    assert (terms.order_request_id, event.ord_status) == (REQUEST, OrdStatus.CANCELED)


def test_of_two_orders_that_fit_none_is_taken_and_both_are_named() -> None:
    desk = unanswered()
    desk.tell(listed("9001"), at(5), Source.RECONCILIATION)
    desk.tell(listed("9002"), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(30))

    assert {(REQUEST, UNKNOWN), ("tinvest:9001", NOT_HERE), ("tinvest:9002", NOT_HERE)} == {
        (key, reason) for key, _, reason in told(desk)
    }
    detail = next(record.detail for record in desk.out.unmatched if record.order_request_id == REQUEST)
    assert detail.endswith("it may be tinvest:9001 or tinvest:9002")


def test_of_two_calls_that_an_order_fits_none_is_given_it() -> None:
    desk = unanswered(REQUEST, OTHER)
    desk.tell(listed(), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(30))

    assert JoinStatus.MATCHED not in {status for _, status, _ in told(desk)}


def test_an_order_that_an_answer_names_is_no_candidate() -> None:
    desk = unanswered()
    desk.tell(listed(), at(5), Source.RECONCILIATION)
    desk.tell(call(request=OTHER))
    desk.tell(replace(call(Phase.ACCEPTED, OTHER), venue_order_id="9001"))
    desk.mark(Kind.HEARTBEAT, at(30))

    assert told(desk) == [(REQUEST, JoinStatus.UNMATCHED, UNKNOWN)]
    assert desk.out.unmatched[0].detail.endswith("the feed told nothing of it")


@pytest.mark.parametrize(
    "differs",
    [
        {"side": Side.SELL},
        {"instrument": "uid-2"},
        {"ord_type": OrdType.MARKET},
        {"price": Decimal("271.6")},
        {"order_qty": Decimal(11)},
        {"created_ns": START - 31 * SECOND},
        {"created_ns": START + 91 * SECOND},
    ],
    ids=lambda differs: next(iter(differs)),
)
def test_an_order_that_differs_in_one_thing_does_not_fit(differs: dict[str, object]) -> None:
    desk = unanswered()
    desk.tell(replace(listed(), **differs), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(30))

    assert sorted(told(desk)) == sorted(
        [(REQUEST, JoinStatus.UNMATCHED, UNKNOWN), ("tinvest:9001", JoinStatus.UNMATCHED, NOT_HERE)]
    )


def test_where_the_venue_knows_request_ids_an_order_without_one_is_somebody_elses() -> None:
    desk = unanswered()
    desk.tell(replace(listed(), created_ns=None), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(30))

    assert JoinStatus.MATCHED not in {status for _, status, _ in told(desk)}


def by_no_uuid() -> Desk:
    desk = Desk()
    desk.mark(Kind.CONNECTED, at(-20))
    desk.mark(Kind.RECONCILED, at(-19))
    desk.tell(submission(request="my-order-1"))
    return desk


def test_a_request_id_that_the_venue_replaced_is_named_as_the_reason_on_both_sides() -> None:
    desk = by_no_uuid()
    desk.tell(report(OrdStatus.NEW, request=OTHER), at(1))
    desk.mark(Kind.HEARTBEAT, at(12))

    said = {record.order_request_id: (record.reason, record.detail) for record in desk.out.unmatched}
    assert said["my-order-1"] == (
        UnmatchedReason.NO_VENUE_REPLY,
        "the feed was up all the while and told nothing of it; "
        "its request id is no UUID, which the venue may have replaced by one of its own",
    )
    assert said[OTHER] == (
        NOT_HERE,
        "the venue told of it, and nobody submitted it here; "
        "it may be my-order-1, whose request id is no UUID and may have been replaced",
    )


def test_an_answer_ties_a_request_id_that_the_venue_replaced() -> None:
    desk = by_no_uuid()
    desk.tell(report(OrdStatus.NEW, request=OTHER), at(1))
    desk.tell(submission(Phase.ACCEPTED, request="my-order-1", name="7001"))
    desk.mark(Kind.HEARTBEAT, at(12))

    assert (told(desk), list(desk.state.orders)) == ([], ["my-order-1"])


def test_an_order_of_another_side_is_not_named() -> None:
    desk = by_no_uuid()
    desk.tell(replace(report(OrdStatus.NEW, request=OTHER), side=Side.SELL), at(1))
    desk.mark(Kind.HEARTBEAT, at(12))

    details = {record.order_request_id: record.detail for record in desk.out.unmatched}
    assert details[OTHER] == "the venue told of it, and nobody submitted it here"


def test_an_order_that_a_call_in_the_backlog_may_name_is_taken_for_no_other_calls() -> None:
    desk = unanswered()
    desk.tell(listed(), at(1), Source.RECONCILIATION)
    desk.hear(at(30))
    desk.expire(submitted_at_end=False)
    desk.tell(call(request=OTHER))
    desk.tell(replace(call(Phase.ACCEPTED, OTHER), venue_order_id="9001"))
    desk.mark(Kind.HEARTBEAT, at(31))

    assert desk.state.orders[OTHER].names == ("9001",)
    assert told(desk) == [(REQUEST, JoinStatus.UNMATCHED, UNKNOWN)]


def test_orders_of_one_answer_are_tied_in_records_of_their_own() -> None:
    desk = unanswered(REQUEST)
    desk.tell(replace(call(request=OTHER), side=Side.SELL))
    desk.tell(replace(call(Phase.UNKNOWN, OTHER), side=Side.SELL))
    desk.tell_all([listed(), replace(listed("9002"), side=Side.SELL)], at(5))
    desk.mark(Kind.HEARTBEAT, at(20))

    assert set(desk.state.orders) == {REQUEST, OTHER}
    event_ids = [event.event_id for _, event in desk.out.executions]
    assert len(event_ids) == len(set(event_ids)) == 4


def test_a_call_that_is_tied_to_an_order_that_has_ended_has_ended() -> None:
    desk = unanswered()
    desk.tell(replace(listed(), ord_status=OrdStatus.CANCELED), at(5), Source.RECONCILIATION)
    desk.mark(Kind.HEARTBEAT, at(20))
    ended_ns = desk.order.ended_ns
    desk.mark(Kind.HEARTBEAT, at(4000))

    assert ended_ns == at(20)
    assert not desk.state.orders
