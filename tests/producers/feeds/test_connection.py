"""The life of a connection, with integers for time."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.feeds.connection import SECOND_NS, Limits, Phase, State, backoff_s, step
from producers.feeds.events import (
    Abort,
    Action,
    Close,
    Closed,
    Failed,
    Held,
    Input,
    KeepAlive,
    Mark,
    Message,
    Open,
    Opened,
    Publish,
    Released,
    Retry,
    Send,
    Stop,
    StopAsked,
    Tick,
)
from producers.feeds.venue import Heard, Meaning, What
from schemas.headers import Kind

LIMITS = Limits()
LOST = Meaning("connection_lost")
REFUSED = Meaning("unauthorized", final=True, text="the venue refuses the token")
LIMITED = Meaning("limit", wait_s=10)

OK = Message(b"ok", Heard(What.CONFIRMED))
PING = Message(b"ping", Heard(What.PING))
ORDER = Message(b"order", Heard(What.DATA, "A2"))
REFUSAL = Message(b"no", Heard(What.REFUSED, meaning=REFUSED))
LIMIT_REFUSAL = Message(b"later", Heard(What.REFUSED, meaning=LIMITED))


@dataclass
class Driven:
    """A life cycle that is told things at times in seconds, and what it answered to the last."""

    limits: Limits = LIMITS
    state: State = field(default_factory=State)
    all_actions: list[Action] = field(default_factory=list)

    def at(self, time_s: float, *events: Input, chance: float = 0.5) -> list[Action]:
        said: list[Action] = []
        for event in events:
            self.state, actions = step(self.state, event, int(time_s * SECOND_NS), limits=self.limits, chance=chance)
            said += actions
        self.all_actions += said
        return said


def live(limits: Limits = LIMITS, at_s: float = 100) -> Driven:
    """Return a life cycle whose connection the venue has just confirmed."""
    driven = Driven(limits)
    driven.at(at_s, Tick(), Opened((b"hello",)), OK)
    assert driven.state.phase is Phase.LIVE
    return driven


def marks(actions: list[Action], kind: Kind) -> list[Mark]:
    return [action for action in actions if isinstance(action, Mark) and action.kind is kind]


def ns(time_s: float) -> int:
    return int(time_s * SECOND_NS)


def test_a_new_feed_opens_a_connection_and_sends_the_greeting():
    driven = Driven()
    assert driven.at(100, Tick()) == [Open()]
    assert driven.at(101, Opened((b"hello", b"again"))) == [Send(b"hello"), Send(b"again")]


def test_connected_is_marked_only_once_the_venue_confirmed():
    driven = Driven()
    driven.at(100, Tick(), Opened((b"hello",)))
    assert driven.at(101, PING) == [Publish(b"ping", "", ns(101))]
    assert driven.at(102, OK) == [Publish(b"ok", "", ns(102)), Mark(Kind.CONNECTED, ns(102))]


def test_a_frame_is_published_under_the_account_that_it_names():
    assert live().at(105, ORDER) == [Publish(b"order", "A2", ns(105))]


@pytest.mark.parametrize("before", [[], [Opened()]], ids=["while opening", "while subscribing"])
def test_a_hand_shake_that_takes_too_long_is_given_up(before: list[Input]):
    driven = Driven()
    driven.at(100, Tick(), *before)
    assert driven.at(110, Tick()) == []
    assert driven.at(110.5, Tick()) == [Close()]
    (retry,) = driven.at(111, Closed(LOST))
    assert isinstance(retry, Retry)
    assert retry.meaning.reason == "handshake_timeout"


def test_silence_ends_the_connection_and_is_marked_as_known_up_to_the_last_bytes():
    driven = live()
    driven.at(104, PING)
    assert driven.at(119, Tick()) == [Mark(Kind.HEARTBEAT, ns(104))]
    assert driven.at(119.1, Tick()) == [Close()]
    mark, retry = driven.at(121, Closed(LOST))
    assert mark == Mark(
        Kind.DISCONNECTED,
        ns(104),
        {"reason": "silence", "detail": "the venue said nothing for too long", "since_ns": ns(104)},
    )
    assert isinstance(retry, Retry)


def test_a_heartbeat_is_marked_at_most_every_second_and_only_when_something_was_heard():
    driven = live()
    driven.at(100.2, PING)
    assert driven.at(100.9, Tick()) == []
    assert driven.at(101, Tick()) == [Mark(Kind.HEARTBEAT, ns(100.2))]
    assert driven.at(103, Tick()) == []
    driven.at(103.5, PING)
    assert driven.at(103.6, Tick()) == [Mark(Kind.HEARTBEAT, ns(103.5))]


ENDS = {
    "the venue's refusal frame": ([REFUSAL, Closed(LOST)], REFUSED),
    "the venue's close code": ([Closed(REFUSED, heard=True)], REFUSED),
    "a refusal, whatever code closes it": ([REFUSAL, Closed(LIMITED, heard=True)], REFUSED),
}


@pytest.mark.parametrize(("events", "error"), ENDS.values(), ids=ENDS)
def test_a_refusal_for_good_stops_the_feed_with_its_error(events: list[Input], error: Meaning):
    assert live().at(105, *events)[-1] == Stop(error)


def test_a_refused_hand_shake_stops_the_feed_with_its_error():
    driven = Driven()
    assert driven.at(100, Tick(), Failed(REFUSED)) == [Open(), Stop(REFUSED)]
    assert driven.at(200, Tick()) == []


def test_a_limit_is_waited_out_before_the_next_try():
    driven = live()
    driven.at(101, LIMIT_REFUSAL)
    *_, retry = driven.at(102, Closed(LOST), chance=0)
    assert retry == Retry(10, LIMITED)
    assert driven.at(111.9, Tick()) == []
    assert driven.at(112, Tick()) == [Open()]


def test_the_pause_between_tries_grows_and_a_connection_that_lived_starts_it_anew():
    driven, pauses = Driven(), []
    for _ in range(9):
        now_s = driven.state.retry_at_ns / SECOND_NS
        _, retry = driven.at(now_s, Tick(), Failed(LOST), chance=1)
        assert isinstance(retry, Retry)
        pauses.append(retry.delay_s)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]

    now_s = driven.state.retry_at_ns / SECOND_NS
    driven.at(now_s, Tick(), Opened(), OK)
    *_, retry = driven.at(now_s + 31, Closed(LOST), chance=1)
    assert retry == Retry(0.5, LOST)


def test_a_connection_that_is_lost_at_once_does_not_start_the_pauses_anew():
    driven = Driven()
    driven.at(100, Tick(), Failed(LOST), chance=0)
    driven.at(101, Tick(), Opened(), OK)
    *_, retry = driven.at(102, Closed(LOST), chance=1)
    assert retry == Retry(1, LOST)


def test_silence_proves_nothing_while_the_feed_itself_does_not_read():
    driven = live(Limits(stall_ns=ns(60)))
    driven.at(101, Held())
    assert driven.at(130, Tick()) == []
    driven.at(130, Released())
    assert driven.at(144, Tick()) == []
    assert driven.at(145.1, Tick()) == [Close()]


def test_a_queue_that_stays_full_closes_the_connection_which_opens_again_only_when_there_is_room():
    driven = live()
    driven.at(101, PING)
    driven.at(102, Held())
    assert driven.at(112, Tick()) == [Mark(Kind.HEARTBEAT, ns(101))]
    assert driven.at(112.1, Tick()) == [Close()]
    mark, retry = driven.at(113, Closed(LOST), chance=0)
    assert mark == Mark(
        Kind.DISCONNECTED,
        ns(101),
        {"reason": "kafka_unavailable", "detail": "Kafka took no more records", "since_ns": ns(101)},
    )
    assert isinstance(retry, Retry)
    assert driven.at(500, Tick()) == []
    driven.at(501, Released())
    assert driven.at(501, Tick()) == [Open()]


def test_what_waited_in_buffers_while_the_queue_was_full_did_not_arrive_later_than_that():
    driven = live()
    driven.at(102, Held())
    driven.at(113, Tick())
    driven.at(200, Released())
    assert driven.at(200, ORDER) == [Publish(b"order", "A2", ns(102))]
    mark, _ = driven.at(201, Closed(LOST))
    assert isinstance(mark, Mark)
    assert mark.at_ns == ns(102)


def test_a_stop_closes_the_connection_and_records_what_still_arrives():
    driven = live()
    assert driven.at(105, StopAsked()) == [Close()]
    assert driven.at(105.1, ORDER) == [Publish(b"order", "A2", ns(105.1))]
    mark, stop = driven.at(105.2, Closed(LOST, heard=True))
    assert mark == Mark(Kind.DISCONNECTED, ns(105.2), {"reason": "stopped", "detail": "", "since_ns": ns(105.2)})
    assert stop == Stop()


def test_a_stop_that_the_venue_or_the_queue_holds_up_is_cut_short():
    driven = live()
    driven.at(105, StopAsked())
    assert driven.at(110, Tick()) == []
    assert driven.at(110.1, Tick(), Tick()) == [Abort()]
    assert driven.at(110.2, Closed(LOST))[-1] == Stop()


def test_a_stop_between_connections_ends_at_once():
    driven = Driven()
    driven.at(100, Tick(), Failed(LOST))
    assert driven.at(100, StopAsked()) == [Stop()]


HOUR_S = 3600


def test_a_clock_that_is_set_back_puts_off_no_try():
    driven = Driven()
    _, retry = driven.at(2 * HOUR_S, Tick(), Failed(LOST), chance=1)
    assert isinstance(retry, Retry)
    assert driven.at(HOUR_S, Tick()) == []
    assert driven.at(HOUR_S + retry.delay_s, Tick()) == [Open()]


def test_a_clock_that_is_set_back_hides_no_silence():
    driven = live(at_s=2 * HOUR_S)
    driven.at(2 * HOUR_S, Tick())
    assert driven.at(HOUR_S, Tick()) == []
    assert driven.at(HOUR_S + 15, Tick()) == []
    assert driven.at(HOUR_S + 15.1, Tick()) == [Close()]
    mark, _ = driven.at(HOUR_S + 16, Closed(LOST))
    assert isinstance(mark, Mark)
    assert mark.at_ns == ns(HOUR_S)


def test_a_clock_that_is_set_back_holds_up_no_heartbeat():
    driven = live(at_s=2 * HOUR_S)
    driven.at(HOUR_S, PING)
    assert driven.at(HOUR_S + 1, Tick()) == []
    assert driven.at(HOUR_S + 1.5, PING, Tick()) == [
        Publish(b"ping", "", ns(HOUR_S + 1.5)),
        Mark(Kind.HEARTBEAT, ns(HOUR_S + 1.5)),
    ]


MEANINGS = st.sampled_from([LOST, REFUSED, LIMITED])
INPUTS = st.one_of(
    st.sampled_from([OK, PING, ORDER, REFUSAL, LIMIT_REFUSAL, Opened((b"hello",)), Tick(), Held(), Released()]),
    st.builds(Closed, MEANINGS, st.booleans()),
    st.builds(Failed, MEANINGS),
    st.just(StopAsked()),
)
# Most steps are ones that let a connection live, else few sequences would get anywhere.
STEPS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([Tick(), Opened(), OK, PING, ORDER]), INPUTS),
        st.integers(0, 20 * SECOND_NS),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=60,
)
Steps = list[tuple[Input, int, float]]


@given(STEPS)
def test_a_marker_never_speaks_for_a_time_after_the_last_bytes_heard(steps: Steps):
    state, now_ns, heard_ns = State(), 0, 0
    for event, later_ns, chance in steps:
        now_ns += later_ns
        if isinstance(event, Message | Opened) or (isinstance(event, Closed) and event.heard):
            heard_ns = now_ns
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        assert all(mark.at_ns <= heard_ns for mark in actions if isinstance(mark, Mark))


@given(STEPS)
def test_markers_and_frames_of_a_connection_are_in_order_of_time(steps: Steps):
    state, now_ns, last_ns = State(), 0, 0
    for event, later_ns, chance in steps:
        now_ns += later_ns
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        for action in actions:
            at_ns = {Publish: "received_ns", Mark: "at_ns"}.get(type(action))
            if at_ns is not None:
                assert last_ns <= getattr(action, at_ns)
                last_ns = getattr(action, at_ns)
            elif isinstance(action, Open):
                last_ns = 0


@given(STEPS)
def test_each_connected_is_followed_by_exactly_one_disconnected(steps: Steps):
    state, now_ns, up = State(), 0, False
    for event, later_ns, chance in [*steps, (StopAsked(), 0, 0.0), (Closed(LOST), 0, 0.0)]:
        now_ns += later_ns
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        for mark in (action for action in actions if isinstance(action, Mark)):
            if mark.kind is Kind.CONNECTED:
                assert not up
                up = True
            else:
                assert up, f"{mark.kind} without a connection"
                up = mark.kind is not Kind.DISCONNECTED
    assert not up


@given(STEPS)
def test_two_connections_are_never_open(steps: Steps):
    state, now_ns, is_open = State(), 0, False
    for event, later_ns, chance in steps:
        now_ns += later_ns
        if isinstance(event, Closed | Failed):
            is_open = False
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        for action in actions:
            if isinstance(action, Open):
                assert not is_open
                is_open = True


@given(STEPS)
def test_no_pause_is_longer_than_the_cap(steps: Steps):
    state, now_ns = State(), 0
    for event, later_ns, chance in steps:
        now_ns += later_ns
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        assert all(0 <= action.delay_s <= LIMITS.backoff_cap_s for action in actions if isinstance(action, Retry))
        assert state.retry_at_ns <= now_ns + ns(LIMITS.backoff_cap_s)


# The clock may be set back, or forward, between any two of them.
UNSTEADY = st.lists(
    st.tuples(
        st.sampled_from(
            [Tick(), Opened(), OK, PING, ORDER, Failed(LOST), Closed(LOST, heard=True), Held(), Released()]
        ),
        st.sampled_from([-HOUR_S, -100, -5, 0, 1, 12, 20, HOUR_S]).map(ns),
        st.floats(0, 1, exclude_max=True),
    )
)


@given(UNSTEADY)
def test_no_record_speaks_for_a_time_that_the_clock_has_not_shown_whichever_way_it_was_set(steps: Steps):
    state, now_ns = State(), ns(10**6)
    for event, later_ns, chance in steps:
        now_ns += later_ns
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        spoken_ns = [action.at_ns for action in actions if isinstance(action, Mark)]
        spoken_ns += [action.received_ns for action in actions if isinstance(action, Publish)]
        assert all(at_ns <= now_ns for at_ns in spoken_ns)


@settings(max_examples=300)
@given(UNSTEADY)
def test_whatever_came_before_a_feed_with_room_stops_or_tries_again_within_its_limits(steps: Steps):
    driven, now_ns = Driven(), ns(10**6)
    for event, later_ns, chance in steps:
        now_ns += later_ns
        driven.at(now_ns / SECOND_NS, event, chance=chance)
    driven.all_actions.clear()
    driven.at(now_ns / SECOND_NS, Released())
    most_s = LIMITS.backoff_cap_s + (LIMITS.silence_ns + LIMITS.handshake_ns) / SECOND_NS + 2
    for tick in range(int(2 * most_s)):
        driven.at(now_ns / SECOND_NS + tick / 2, Tick(), chance=1)
        if driven.state.phase is Phase.CLOSING:
            driven.at(now_ns / SECOND_NS + tick / 2, Closed(LOST), chance=1)
    assert driven.state.phase is Phase.STOPPED or Open() in driven.all_actions


@given(st.integers(0, 10**6), st.floats(0, 1000), st.floats(0, 1))
def test_the_cap_holds_after_any_number_of_tries(attempts: int, wait_s: float, chance: float):
    assert 0 <= backoff_s(attempts, wait_s, LIMITS, chance) <= LIMITS.backoff_cap_s


@given(STEPS)
def test_a_stop_always_ends(steps: Steps):
    driven = Driven()
    for event, later_ns, chance in steps:
        driven.at(later_ns / SECOND_NS, event, chance=chance)
    driven.at(10_000, StopAsked())
    driven.at(10_100, Tick(), Closed(LOST))
    assert driven.state.phase is Phase.STOPPED
    assert len([action for action in driven.all_actions if isinstance(action, Stop)]) == 1


@given(STEPS)
def test_every_frame_of_an_open_connection_is_published_and_nothing_else(steps: Steps):
    state, now_ns = State(), 0
    for event, later_ns, chance in steps:
        now_ns += later_ns
        before = state.phase
        state, actions = step(state, event, now_ns, limits=LIMITS, chance=chance)
        published = [action.data for action in actions if isinstance(action, Publish)]
        reading = before in (Phase.SUBSCRIBING, Phase.LIVE, Phase.CLOSING)
        assert published == ([event.data] if isinstance(event, Message) and reading else [])


def test_a_frame_that_shows_that_others_are_missing_stands_behind_a_gap_since_the_last_word():
    driven = live()
    driven.at(104, ORDER)
    missed = Message(b"later", Heard(What.DATA, "A2", gap="orders 12..14", source="orders"))
    body = {"reason": "sequence_gap", "detail": "orders 12..14", "since_ns": ns(104)}
    assert driven.at(105, missed) == [Mark(Kind.GAP, ns(105), body), Publish(b"later", "A2", ns(105), "orders")]
    assert driven.state.phase is Phase.LIVE


def test_nothing_is_missing_before_the_venue_confirmed():
    driven = Driven()
    driven.at(100, Tick(), Opened())
    assert driven.at(101, Message(b"early", Heard(What.DATA, gap="orders 1..2"))) == [Publish(b"early", "", ns(101))]


def test_an_answer_is_sent_once_the_message_is_recorded():
    assert live().at(105, Message(b"ping", Heard(What.PING), b"pong")) == [Publish(b"ping", "", ns(105)), Send(b"pong")]


def test_the_client_speaks_every_so_often_whatever_it_hears_and_even_while_it_is_held_back():
    driven = live(Limits(keepalive_ns=2 * SECOND_NS))
    assert driven.at(101.9, Tick()) == []
    assert driven.at(102, Tick()) == [KeepAlive()]
    driven.at(103, PING)
    assert driven.at(104, Tick()) == [Mark(Kind.HEARTBEAT, ns(103)), KeepAlive()]
    driven.at(104.5, Held())
    assert driven.at(106, Tick()) == [KeepAlive()]


def test_a_client_that_need_not_speak_is_silent():
    assert KeepAlive() not in live().at(114, Tick())
