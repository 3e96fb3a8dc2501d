"""Whose turn it is, with integers for time."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.gateways.pacing import (
    UNTOLD_RESET_NS,
    Budget,
    BudgetName,
    Call,
    Meter,
    Pace,
    Told,
    earliest_ns,
    end,
    grant,
    hear,
    join,
    tightest,
    wake_ns,
    withdraw,
)

POST, CANCEL, SHARED, ADDRESS = (("", name) for name in ("post", "cancel", "shared", "address"))
WINDOW = 1000


@dataclass
class Driven:
    """Turns under a clock that is set, and a record of who went when."""

    pace: Pace
    now: int = 0
    number: int = 0
    under_way: dict[int, Call] = field(default_factory=dict)
    started: list[tuple[int, Call]] = field(default_factory=list)
    settled: list[tuple[int, Pace, tuple[Call, ...]]] = field(default_factory=list)

    @classmethod
    def of(cls, **budgets: Budget) -> "Driven":
        return cls(Pace(meters={("", name): Meter(budget=budget) for name, budget in budgets.items()}))

    def settle(self) -> list[int]:
        before = self.pace
        self.pace, granted = grant(before, self.now)
        self.settled.append((self.now, before, granted))
        self.under_way |= {call.number: call for call in granted}
        self.started += [(self.now, call) for call in granted]
        return [call.number for call in granted]

    def join(self, *budgets: BudgetName, urgent: bool = False) -> Call:
        self.number += 1
        call = Call(number=self.number, budgets=budgets, urgent=urgent)
        self.pace = join(self.pace, call)
        self.settle()
        return call

    def end(self, call: Call) -> None:
        del self.under_way[call.number]
        self.pace = end(self.pace, call, self.now)
        self.settle()

    def hear(self, name: BudgetName, **told: int | None) -> None:
        self.pace = hear(self.pace, name, Told(**told), self.now)
        self.settle()

    def call(self, *budgets: BudgetName, urgent: bool = False, **told: int | None) -> bool:
        """Make a call that takes no time, if it may be made now; else leave the line. Tell which."""
        call = self.join(*budgets, urgent=urgent)
        if call.number not in self.under_way:
            self.pace = withdraw(self.pace, call)
            return False
        if told:
            self.hear(budgets[0], **told)
        self.end(call)
        return True

    def calls(self, *budgets: BudgetName, urgent: bool = False) -> int:
        """Make calls until one may not be made now; tell how many."""
        count = 0
        while self.call(*budgets, urgent=urgent):
            count += 1
        return count

    def waiting(self) -> list[int]:
        return [call.number for call in self.pace.waiting]


def budget(calls: int, kept_percent: int = 0, window_ns: int = WINDOW) -> Budget:
    return Budget(calls=calls, window_ns=window_ns, kept_percent=kept_percent)


def test_a_budget_is_whole_again_a_window_after_its_calls_ended() -> None:
    turns = Driven.of(post=budget(2))
    first, second = turns.join(POST), turns.join(POST)
    assert list(turns.under_way) == [1, 2]

    turns.now = 10
    third = turns.join(POST)
    turns.end(first)
    turns.now = 20
    turns.end(second)
    assert turns.waiting() == [third.number]
    assert earliest_ns(turns.pace, third, turns.now) == wake_ns(turns.pace, turns.now) == 10 + WINDOW

    turns.now = 10 + WINDOW - 1
    assert turns.settle() == []
    turns.now = 10 + WINDOW
    assert turns.settle() == [third.number]
    assert wake_ns(turns.pace, turns.now) is None


def test_the_expected_wait_counts_those_ahead_of_the_same_kind() -> None:
    turns = Driven.of(post=budget(2))
    for _ in range(2):
        turns.call(POST)
    waits = [earliest_ns(turns.pace, turns.join(POST), 0) for _ in range(5)]
    assert waits == [WINDOW, WINDOW, 2 * WINDOW, 2 * WINDOW, 3 * WINDOW]
    assert earliest_ns(turns.pace, turns.join(POST, urgent=True), 0) == WINDOW


def test_a_call_that_waits_for_one_budget_holds_up_none_of_another() -> None:
    turns = Driven.of(post=budget(1), cancel=budget(1), address=budget(10))
    turns.call(POST, ADDRESS)
    stuck = turns.join(POST, ADDRESS)
    assert tightest(turns.pace, stuck, 0) == POST
    assert turns.call(CANCEL, ADDRESS)
    assert turns.waiting() == [stuck.number]


def test_an_urgent_call_has_a_share_that_others_cannot_take() -> None:
    turns = Driven.of(shared=budget(10, kept_percent=25))
    assert turns.calls(SHARED) == 8
    assert turns.calls(SHARED, urgent=True) == 2


def test_an_urgent_call_goes_before_those_that_wait_already() -> None:
    turns = Driven.of(shared=budget(1))
    turns.call(SHARED)
    new = [turns.join(SHARED), turns.join(SHARED)]
    cancel = turns.join(SHARED, urgent=True)
    turns.now = WINDOW
    assert turns.settle() == [cancel.number]
    assert turns.waiting() == [call.number for call in new]


def test_a_turn_that_is_given_back_was_never_taken() -> None:
    turns = Driven.of(post=budget(1))
    taken, waits = turns.join(POST), turns.join(POST)
    turns.pace = withdraw(turns.pace, taken)
    assert turns.settle() == [waits.number]
    turns.pace = withdraw(turns.pace, waits)
    assert turns.call(POST)


def test_what_the_venue_says_is_left_is_believed_until_its_reset() -> None:
    turns = Driven.of(post=budget(10))
    assert turns.call(POST, left=2, resets_ns=500)
    assert turns.calls(POST) == 2
    late = turns.join(POST)
    assert earliest_ns(turns.pace, late, 0) == 500
    turns.now = 500
    assert turns.settle() == [late.number]
    turns.end(late)
    assert turns.calls(POST) == 10 - 4


def test_what_is_left_by_the_venues_count_is_kept_for_urgent_calls_too() -> None:
    turns = Driven.of(shared=budget(10, kept_percent=20))
    turns.call(SHARED, left=3, resets_ns=500)
    assert turns.calls(SHARED) == 1
    assert earliest_ns(turns.pace, turns.join(SHARED), 0) == 500
    assert turns.calls(SHARED, urgent=True) == 2


def test_a_size_that_the_venue_says_replaces_the_known_one_either_way() -> None:
    turns = Driven.of(post=budget(5))
    turns.call(POST, calls=2)
    assert turns.calls(POST) == 1
    turns.now = WINDOW
    turns.call(POST, calls=20, window_ns=2 * WINDOW)
    assert turns.calls(POST) == 20 - 1
    turns.now = 3 * WINDOW
    assert turns.call(POST, calls=0, window_ns=1)
    assert turns.pace.meters[POST].budget == budget(20, window_ns=2 * WINDOW)


def test_a_window_is_at_least_as_long_as_the_venue_says_until_its_reset() -> None:
    turns = Driven.of(post=budget(5))
    turns.call(POST, calls=8, left=7, resets_ns=3 * WINDOW)
    assert turns.pace.meters[POST].budget == budget(8, window_ns=3 * WINDOW)
    turns.call(POST, calls=8, left=6, resets_ns=WINDOW // 2)
    assert turns.pace.meters[POST].budget == budget(8, window_ns=3 * WINDOW)


def test_a_refusal_that_says_no_reset_holds_calls_up_for_a_while() -> None:
    turns = Driven.of(post=budget(10))
    turns.call(POST, left=0)
    assert earliest_ns(turns.pace, turns.join(POST), 0) == UNTOLD_RESET_NS
    turns.now = 1
    turns.hear(POST, left=0)
    assert turns.pace.meters[POST].resets_ns == UNTOLD_RESET_NS


def test_calls_under_way_are_taken_for_not_counted_until_their_own_answer_tells() -> None:
    turns = Driven.of(post=budget(10))
    first, second, third = (turns.join(POST) for _ in range(3))
    # The venue has counted all three; the first answer told is that of the last.
    turns.hear(POST, left=7, resets_ns=900)
    turns.end(third)
    assert turns.pace.meters[POST].left == 5
    turns.hear(POST, left=9, resets_ns=901)
    turns.end(first)
    assert turns.pace.meters[POST].left == 6
    turns.hear(POST, left=8, resets_ns=890)
    turns.end(second)
    assert (turns.pace.meters[POST].left, turns.pace.meters[POST].resets_ns) == (7, 890)


@pytest.mark.parametrize(
    ("resets_ns", "left"),
    [
        (1000, 3),  # the same window
        (1700, 9),  # the next one
        (300, 4),  # one before, overtaken
        (100, 4),  # over already
    ],
)
def test_an_answer_of_another_window_is_told_from_one_of_the_same(resets_ns: int, left: int) -> None:
    turns = Driven.of(post=budget(20))
    turns.call(POST, left=4, resets_ns=1000)
    turns.now = 100
    turns.hear(POST, left=9 if resets_ns != 1000 else 3, resets_ns=resets_ns)
    assert turns.pace.meters[POST].left == left


KINDS = st.sampled_from(
    [((POST, ADDRESS), False), ((SHARED, ADDRESS), False), ((SHARED, ADDRESS), True), ((CANCEL, ADDRESS), True)]
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), KINDS),
        st.tuples(st.just("join"), KINDS),
        st.tuples(st.just("wait"), st.integers(0, 2 * WINDOW)),
        st.tuples(st.just("end"), st.integers(0, 100)),
        st.tuples(st.just("end all"), st.none()),
        st.tuples(st.just("leave"), st.integers(0, 100)),
        st.tuples(
            st.just("hear"),
            st.tuples(st.sampled_from([POST, SHARED, CANCEL]), st.integers(0, 5), st.integers(-10, 2 * WINDOW)),
        ),
    ),
    min_size=20,
    max_size=60,
)
SIZES = st.tuples(*[st.integers(1, 6)] * 4)


def check_line(turns: Driven) -> None:
    """Nobody waits whom there is room for, and no new order went before a cancel that had room."""
    for call in turns.pace.waiting:
        meters = [turns.pace.meters[name] for name in call.budgets]
        assert any(meter.room(turns.now) <= meter.budget.kept(urgent=call.urgent) for meter in meters)
    wake = wake_ns(turns.pace, turns.now)
    assert (wake is None) == (not turns.pace.waiting)
    assert wake is None or wake > turns.now


def driven(sizes: tuple[int, ...], events: list[tuple[str, object]]) -> Driven:
    """Do what `events` say, and check after each; time goes on by itself from one wake to the next."""
    post, cancel, shared, address = sizes
    turns = Driven.of(post=budget(post), cancel=budget(cancel), shared=budget(shared, 25), address=budget(address, 20))
    for kind, said in events:
        match kind, said:
            case "join", (budgets, urgent):
                turns.join(*budgets, urgent=urgent)
            case "wait", int(time):
                until = turns.now + time
                while (wake := wake_ns(turns.pace, turns.now)) is not None and wake <= until:
                    turns.now = wake
                    turns.settle()
                    check_line(turns)
                turns.now = until
                turns.settle()
            case "end", int(which) if turns.under_way:
                turns.end(list(turns.under_way.values())[which % len(turns.under_way)])
            case "end all", None:
                for call in list(turns.under_way.values()):
                    turns.end(call)
            case "leave", int(which) if turns.pace.waiting:
                leaving = turns.pace.waiting[which % len(turns.pace.waiting)]
                turns.pace = withdraw(turns.pace, leaving)
                turns.settle()
            case "hear", (name, left, resets) if any(name in call.budgets for call in turns.under_way.values()):
                turns.hear(name, left=left, resets_ns=turns.now + resets)
        check_line(turns)
    return turns


@given(SIZES, EVENTS)
def test_no_window_ever_holds_more_starts_than_the_budget(sizes: tuple[int, ...], events: list) -> None:
    turns = driven(sizes, events)
    for name, meter in turns.pace.meters.items():
        starts = [(at, call.urgent) for at, call in turns.started if name in call.budgets]
        for first, _ in starts:
            inside = [urgent for at, urgent in starts if first <= at < first + WINDOW]
            assert len(inside) <= meter.budget.calls
            assert inside.count(False) <= meter.budget.open_to(urgent=False)


@given(SIZES, EVENTS)
def test_calls_of_one_kind_go_in_the_order_in_which_they_came(sizes: tuple[int, ...], events: list) -> None:
    turns = driven(sizes, events)
    for kind in {(call.budgets, call.urgent) for _, call in turns.started}:
        numbers = [call.number for _, call in turns.started if (call.budgets, call.urgent) == kind]
        assert numbers == sorted(numbers)


@given(SIZES, EVENTS)
def test_new_orders_that_wait_make_no_difference_to_which_cancels_go(sizes: tuple[int, ...], events: list) -> None:
    turns = driven(sizes, events)
    for now, pace, granted in turns.settled:
        cancels = Pace(meters=pace.meters, waiting=tuple(call for call in pace.waiting if call.urgent))
        assert [call for call in granted if call.urgent] == list(grant(cancels, now)[1])


@given(SIZES, st.lists(KINDS, max_size=60), st.integers(0, WINDOW))
def test_every_wait_has_an_end_that_was_known_when_it_began(sizes: tuple[int, ...], kinds: list, takes: int) -> None:
    post, cancel, shared, address = sizes
    turns = Driven.of(post=budget(post), cancel=budget(cancel), shared=budget(shared, 25), address=budget(address, 20))
    least = {}
    for budgets, urgent in kinds:
        call = turns.join(*budgets, urgent=urgent)
        least[call.number] = earliest_ns(turns.pace, call, turns.now) if call.number not in turns.under_way else 0
    ends = dict.fromkeys(turns.under_way, takes)
    while turns.pace.waiting or turns.under_way:
        wake = wake_ns(turns.pace, turns.now)
        turns.now = min([*ends.values(), *([] if wake is None else [wake])])
        for number in [number for number, at in ends.items() if at == turns.now]:
            del ends[number]
            turns.end(turns.under_way[number])
        turns.settle()
        ends |= {number: turns.now + takes for number in turns.under_way if number not in ends}
    for at, call in turns.started:
        assert at >= least[call.number]
        # Each window, and the time that its calls take, serves at least one, and one call waits for two budgets.
        assert at <= (len(kinds) + 1) * (WINDOW + takes)
