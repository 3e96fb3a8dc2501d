"""Stop orders: a life of their own, and the order that each becomes."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.deadlines import expire
from processors.core.lifecycle import status_of
from processors.core.model import Order, Report, Submission
from processors.core.state import index
from processors.encoding.state import decode_state, encode_state
from schemas.fix import Action, ExecType, JoinStatus, OrdStatus, OrdType, Phase, Source, UnmatchedReason
from schemas.headers import Kind
from tests.processors.core.stories import GRACE, REQUEST, SECOND, START, Desk, change, report, submission, trade

STOP_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
CHILD = "tinvest:7001"


def stop_submission(phase: Phase = Phase.INTENT, name: str | None = None) -> Submission:
    return replace(submission(phase, name=name), action=Action.NEW_STOP, ord_type=OrdType.STOP, stop_price=Decimal(260))


def stop_report(status: OrdStatus, *, became: str | None = None) -> Report:
    told = report(status, request=None, name=STOP_ID, qty=None)
    return replace(told, ord_type=None, stop_price=Decimal(260), triggers_id=became)


def child(status: OrdStatus, request: str | None = None, cum: int = 0) -> Report:
    return report(status, request=request, name="7001", cum=cum, trades=(trade(1, cum),) if cum else ())


TOLD: list[Report | Submission] = [
    stop_submission(),
    stop_submission(Phase.ACCEPTED, name=STOP_ID),
    stop_report(OrdStatus.NEW),
    stop_report(OrdStatus.TRIGGERED, became="7001"),
    child(OrdStatus.NEW),
    child(OrdStatus.FILLED, cum=10),
]


@given(st.permutations([*TOLD, *TOLD]))
def test_a_stop_order_and_what_it_became_are_tied_whatever_comes_first(told: list[Report | Submission]) -> None:
    desk = Desk()
    for item in told:
        desk.tell(item)

    stop, order = desk.state.orders[REQUEST], desk.state.orders[CHILD]
    assert set(desk.state.orders) == {REQUEST, CHILD}
    assert (status_of(stop), status_of(order)) == (OrdStatus.TRIGGERED, OrdStatus.FILLED)
    assert (stop.terms.triggers, order.terms.triggered_by) == (CHILD, REQUEST)
    assert (stop.terms.ord_type, stop.terms.stop_price) == (OrdType.STOP, Decimal(260))
    newest = {event.exec_id: event for _, event in desk.out.executions}.values()
    assert all(event.join_status is JoinStatus.MATCHED for event in newest)
    assert [event.exec_type for event in newest].count(ExecType.TRIGGERED) == 1


def test_a_triggered_stop_order_has_nothing_left_for_the_order_that_it_became_has_it() -> None:
    desk = Desk()
    for item in TOLD:
        desk.tell(item)

    triggered = next(event for _, event in desk.out.executions if event.exec_type is ExecType.TRIGGERED)
    assert (triggered.cum_qty, triggered.leaves_qty) == (0, 0)


@given(st.permutations([*TOLD[:4], child(OrdStatus.NEW, "another"), child(OrdStatus.FILLED, "another", 10)]))
def test_what_it_became_goes_by_the_request_id_that_the_venue_names(told: list[Report | Submission]) -> None:
    desk = Desk()
    for item in told:
        desk.tell(item)

    assert desk.state.orders[REQUEST].terms.triggers == "another"
    assert desk.state.orders["another"].terms.triggered_by == REQUEST


@pytest.mark.parametrize("request_id", [None, "another"], ids=["no request id", "a request id"])
@given(data=st.data())
def test_what_is_published_last_of_both_names_the_other_whatever_comes_first(
    request_id: str | None, data: st.DataObject
) -> None:
    children = [child(OrdStatus.NEW, request_id), child(OrdStatus.FILLED, request_id, 10)]
    desk = Desk()
    for item in data.draw(st.permutations([*TOLD[:4], *children])):
        desk.tell(item)

    published = {terms.order_request_id: terms for terms, _ in desk.out.executions}
    other = request_id or CHILD
    assert (published[REQUEST].triggers, published[other].triggered_by) == (other, REQUEST)
    assert len({event.event_id for _, event in desk.out.executions}) == len(desk.out.executions)


def test_a_stop_order_can_be_canceled_as_any_other() -> None:
    desk = Desk()
    for item in TOLD[:3]:
        desk.tell(item)
    desk.tell(change(action=Action.CANCEL_STOP, of=None, of_name=STOP_ID))
    assert status_of(desk.order) is OrdStatus.PENDING_CANCEL

    desk.tell(stop_report(OrdStatus.CANCELED))
    assert status_of(desk.order) is OrdStatus.CANCELED


def test_the_tie_outlives_a_restart() -> None:
    before, after = Desk(), Desk()
    for item in TOLD[:4]:
        before.tell(item)
    for key, value in before.state.orders.items():
        restored = decode_state(encode_state(value))
        assert isinstance(restored, Order)
        after.state.orders[key] = restored
        index(after.state, key, restored)
    after.offset = before.offset

    after.tell(TOLD[4])

    assert after.state.orders[CHILD].terms.triggered_by == REQUEST


def test_nobody_misses_the_submission_of_what_a_stop_order_became() -> None:
    desk = Desk()
    for item in TOLD:
        desk.tell(item)
    desk.hear(START + 60 * 10**9)
    expire(desk.state, list(desk.state.accounts), desk.out, submitted_at_end=True)

    assert not desk.out.unmatched


@pytest.mark.parametrize(
    "asked",
    [
        stop_submission(),
        replace(stop_submission(), ord_type=OrdType.TRAILING_TAKE_PROFIT, stop_price=None),
        change(action=Action.CANCEL_STOP, of=None, of_name=STOP_ID),
    ],
    ids=["a stop order", "one without a stop price", "a cancel of one"],
)
def test_silence_about_a_stop_order_means_nothing_while_stop_orders_could_not_be_read(asked: Submission) -> None:
    desk = Desk()
    desk.mark(Kind.CONNECTED, START - SECOND)
    desk.mark(Kind.RECONCILED, START, unread=("stop_orders",))
    desk.tell(asked)
    desk.mark(Kind.HEARTBEAT, START + 11 * SECOND)
    desk.mark(Kind.RECONCILED, START + 12 * SECOND, unread=("stop_orders",))
    assert [record.reason for record in desk.out.unmatched] == [UnmatchedReason.FEED_DOWN]

    desk.mark(Kind.RECONCILED, START + 20 * SECOND)
    assert [record.reason for record in desk.out.unmatched][1:] == [UnmatchedReason.NO_VENUE_REPLY]


def test_what_ended_before_all_memory_is_not_told_again_by_reconciliation() -> None:
    desk = Desk()
    old = replace(stop_report(OrdStatus.CANCELED), transact_ns=START - GRACE.retention_ns - 1)
    desk.tell(old, source=Source.RECONCILIATION)
    desk.tell(replace(old, transact_ns=START - GRACE.retention_ns), source=Source.STREAM)

    assert [event.source for _, event in desk.out.executions] == [Source.STREAM]
