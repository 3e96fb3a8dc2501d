"""Whatever the order of arrival, and however often: the same end, and every execution once."""

from hypothesis import given
from hypothesis import strategies as st

from processors.core.lifecycle import avg_px, quantities, status_of
from processors.core.model import Order
from processors.core.state import index
from processors.encoding.state import decode_state, encode_state
from schemas.fix import ExecType, JoinStatus
from tests.processors.core.stories import Desk, Story, stories


def what_holds(order: Order) -> tuple[object, ...]:
    return (
        status_of(order),
        order.facts,
        quantities(order),
        avg_px(order),
        order.trade_ids,
        order.terms,
        sorted(order.names),
        order.venue_order_id,
        order.unjoined,
        order.changes,
    )


def told_in(desk: Desk) -> list[tuple[str, str]]:
    """Return every step and trade that was told, leaving out bare status reports."""
    told = [(kind, trade) for kind, trade, _, _ in desk.newest() if kind != ExecType.ORDER_STATUS]
    return sorted(told)


@given(stories(), st.data())
def test_any_interleaving_and_duplication_ends_in_the_same_state(story: Story, data: st.DataObject) -> None:
    as_it_happened = Desk()
    for item in story.told:
        as_it_happened.tell(item)
    again = data.draw(st.lists(st.sampled_from(story.told), max_size=6))
    shuffled = data.draw(st.permutations([*story.told, *again]))
    desk = Desk()

    for item in shuffled:
        desk.tell(item)

    assert what_holds(desk.order) == what_holds(as_it_happened.order)
    assert told_in(desk) == told_in(as_it_happened)


@given(stories(), st.data())
def test_each_trade_and_each_step_is_told_under_one_identity(story: Story, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(story.told), max_size=6))
    desk = Desk()

    for item in data.draw(st.permutations([*story.told, *again])):
        desk.tell(item)

    told = told_in(desk)
    assert len(told) == len(set(told))
    pairs = [(event.exec_id, event.revision) for _, event in desk.out.executions]
    assert len(pairs) == len(set(pairs))
    events = [event.event_id for _, event in desk.out.executions]
    assert len(events) == len(set(events))


@given(stories(), st.data())
def test_once_both_sides_are_here_every_execution_is_matched(story: Story, data: st.DataObject) -> None:
    desk = Desk()

    for item in data.draw(st.permutations(story.told)):
        desk.tell(item)

    assert {status for _, _, status, _ in desk.newest()} == {JoinStatus.MATCHED}
    assert desk.order.last is not None
    assert desk.order.last.join_status is JoinStatus.MATCHED


@given(stories(), st.data())
def test_revisions_of_an_execution_count_up_without_gaps(story: Story, data: st.DataObject) -> None:
    desk = Desk()
    for item in data.draw(st.permutations(story.told)):
        desk.tell(item)

    revisions: dict[str, list[int]] = {}
    for _, event in desk.out.executions:
        revisions.setdefault(event.exec_id, []).append(event.revision)

    assert all(found == list(range(1, len(found) + 1)) for found in revisions.values())


@given(stories(), st.data())
def test_a_state_that_was_written_and_read_back_goes_on_alike(story: Story, data: st.DataObject) -> None:
    order = data.draw(st.permutations(story.told))
    cut = data.draw(st.integers(0, len(order)))
    straight, interrupted, resumed = Desk(), Desk(), Desk()
    for item in order:
        straight.tell(item)
    for item in order[:cut]:
        interrupted.tell(item)
    resumed.offset = interrupted.offset
    for key, value in interrupted.state.orders.items():
        restored = decode_state(encode_state(value))
        assert isinstance(restored, Order)
        resumed.state.orders[key] = restored
        index(resumed.state, key, restored)

    for item in order[cut:]:
        resumed.tell(item)

    assert resumed.state.orders == straight.state.orders
    assert interrupted.out.executions + resumed.out.executions == straight.out.executions
