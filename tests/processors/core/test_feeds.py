"""What a feed's markers let be concluded from silence, and what they don't."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.deadlines import expire_on_clock
from processors.core.model import Account, FeedStatus, Unmatched
from schemas.fix import ExecType, FeedState, JoinStatus, OrdStatus, Phase, UnmatchedReason
from schemas.headers import Kind
from tests.processors.core.stories import GRACE, KEY, REQUEST, SECOND, START, Desk, report, submission, trade

DUE = START + GRACE.reply_ns
NO_REPLY, DOWN = UnmatchedReason.NO_VENUE_REPLY, UnmatchedReason.FEED_DOWN


def at(seconds: float) -> int:
    """Return a time as seconds after START, where the order is submitted; it is due at 10."""
    return START + int(seconds * SECOND)


def up(*, reconciled: bool = True) -> Desk:
    """Return a desk whose account is heard since ten seconds before START."""
    desk = Desk()
    desk.mark(Kind.CONNECTED, at(-10))
    if reconciled:
        desk.mark(Kind.RECONCILED, at(-9))
    return desk


def decided(desk: Desk, key: str = REQUEST) -> list[tuple[JoinStatus, UnmatchedReason, int]]:
    return [(u.status, u.reason, u.revision) for u in desk.out.unmatched if u.order_request_id == key]


def account(desk: Desk) -> Account:
    return desk.state.accounts[KEY]


def statuses(desk: Desk) -> list[FeedStatus]:
    return desk.out.feeds


def test_the_watermark_is_the_latest_time_that_was_heard() -> None:
    desk = up()
    desk.frame(report(OrdStatus.NEW), at(5))
    desk.mark(Kind.HEARTBEAT, at(3))

    assert account(desk).watermark_ns == at(5)


def test_records_that_are_missing_from_a_connections_numbers_are_noticed() -> None:
    desk = up()
    desk.offset += 3

    with_gap = desk.hear(at(1))
    without = desk.hear(at(2))

    assert (with_gap, without) == (True, False)


def test_silence_with_the_feed_up_all_the_while_is_no_venue_reply() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(11))

    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]


def test_an_unanswered_call_in_silence_is_outcome_unknown() -> None:
    desk = up()
    desk.tell(submission())
    desk.tell(submission(Phase.UNKNOWN))
    desk.mark(Kind.HEARTBEAT, at(11))

    assert decided(desk) == [(JoinStatus.UNMATCHED, UnmatchedReason.OUTCOME_UNKNOWN, 1)]


def test_nothing_is_decided_before_its_time() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, DUE - 1)

    assert decided(desk) == []


@pytest.mark.parametrize(
    ("lost", "back", "reason"),
    [
        pytest.param(-5, -1, DOWN, id="a gap before it that nothing read up on: what was in it is not known yet"),
        pytest.param(2, 4, DOWN, id="a gap within its time"),
        pytest.param(-5, 4, DOWN, id="submitted into the gap"),
        pytest.param(8, 12, DOWN, id="due in the gap"),
        pytest.param(-5, 20, DOWN, id="its whole time in the gap"),
    ],
)
def test_silence_with_a_gap_is_feed_down(lost: float, back: float, reason: UnmatchedReason) -> None:
    desk = up()
    steps = sorted([(lost, "lost"), (0, "submitted"), (back, "back")])
    for seconds, step in steps:
        if step == "lost":
            desk.mark(Kind.DISCONNECTED, at(seconds), reason="reset")
        elif step == "back":
            desk.mark(Kind.CONNECTED, at(seconds), connection="c2")
        else:
            desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(30), connection="c2")
    overlaps = back > 0

    assert decided(desk) == [(JoinStatus.UNMATCHED, reason if overlaps else NO_REPLY, 1)]


def test_a_message_that_was_missed_is_a_gap_until_the_venues_state_is_read() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.GAP, at(3), reason="sequence_gap")
    desk.mark(Kind.HEARTBEAT, at(11))
    before = decided(desk)
    desk.mark(Kind.RECONCILED, at(12))

    assert before == [(JoinStatus.UNMATCHED, DOWN, 1)]
    assert decided(desk)[1:] == [(JoinStatus.UNMATCHED, NO_REPLY, 2)]
    assert [(feed.status, feed.reason) for feed in desk.out.feeds[-2:]] == [
        (FeedState.UP, "sequence_gap"),
        (FeedState.UP, "sequence_gap"),
    ]


def test_a_gap_after_its_time_changes_nothing() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, at(11))
    desk.mark(Kind.CONNECTED, at(12), connection="c2")

    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]


def test_before_a_first_reconciliation_nothing_is_concluded() -> None:
    desk = Desk()
    desk.tell(submission())
    desk.mark(Kind.CONNECTED, at(1))
    desk.mark(Kind.HEARTBEAT, at(11))

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]


def test_what_was_submitted_after_the_first_connection_needs_no_reconciliation() -> None:
    desk = up(reconciled=False)
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(11))

    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]


def test_reading_the_venues_state_turns_feed_down_into_no_venue_reply() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, at(2))
    desk.mark(Kind.CONNECTED, at(12), connection="c2")
    before = decided(desk)
    desk.mark(Kind.RECONCILED, at(13), connection="c2")

    assert before == [(JoinStatus.UNMATCHED, DOWN, 1)]
    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.UNMATCHED, NO_REPLY, 2)]


def test_reading_the_venues_state_before_its_time_closes_the_gap() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, at(2))
    desk.mark(Kind.CONNECTED, at(4), connection="c2")
    desk.mark(Kind.RECONCILED, at(5), connection="c2")
    desk.mark(Kind.HEARTBEAT, at(11), connection="c2")

    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]


def test_what_the_reading_found_is_matched_and_not_missed() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, at(2))
    desk.mark(Kind.CONNECTED, at(12), connection="c2")
    desk.frame(report(OrdStatus.NEW), at(13), "c2")
    desk.mark(Kind.RECONCILED, at(13), connection="c2")

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.MATCHED, DOWN, 2)]


def test_a_second_gap_before_the_first_was_read_up_on_makes_one_of_both() -> None:
    desk = up()
    desk.mark(Kind.DISCONNECTED, at(-5))
    desk.mark(Kind.CONNECTED, at(-4), connection="c2")
    desk.tell(submission())
    desk.mark(Kind.DISCONNECTED, at(12), connection="c2")
    desk.mark(Kind.CONNECTED, at(13), connection="c3")
    desk.mark(Kind.RECONCILED, at(14), connection="c3")
    desk.mark(Kind.HEARTBEAT, at(15), connection="c3")

    # Its own time lay between them: so much is said once both are closed.
    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.UNMATCHED, NO_REPLY, 2)]


def test_a_killed_feeds_successor_tells_of_the_gap_since_it_was_last_heard() -> None:
    desk = up()
    desk.mark(Kind.HEARTBEAT, at(-1))
    desk.tell(submission())
    desk.mark(Kind.CONNECTED, at(12), connection="c2")

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]
    shown = statuses(desk)[-1]
    assert (shown.status, shown.gap_from_ns, shown.gap_to_ns) == (FeedState.UP, at(-1), at(12))
    assert list(account(desk).connections) == ["c2"]


# Two feeds of one account, hot-hot.


def two_feeds() -> Desk:
    desk = up()
    desk.mark(Kind.CONNECTED, at(-8), connection="d1", feed="second")
    return desk


def test_of_two_feeds_the_later_watermark_counts() -> None:
    desk = two_feeds()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(11), connection="d1", feed="second")
    desk.mark(Kind.HEARTBEAT, at(3))

    assert account(desk).watermark_ns == at(11)
    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]


def test_a_stream_beside_the_feeds_own_does_not_speak_for_it() -> None:
    desk = up()
    desk.tell(submission())
    desk.hear(at(5))
    desk.hear(at(11), connection="beside")
    desk.expire()
    assert account(desk).watermark_ns == at(5)
    assert decided(desk) == []

    desk.mark(Kind.DISCONNECTED, at(5), reason="silence")
    desk.hear(at(12), connection="beside")
    desk.expire()
    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]


def test_one_of_two_feeds_going_down_is_no_gap() -> None:
    desk = two_feeds()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(4), connection="d1", feed="second")
    desk.mark(Kind.DISCONNECTED, at(3), reason="reset")
    desk.mark(Kind.HEARTBEAT, at(11), connection="d1", feed="second")

    assert decided(desk) == [(JoinStatus.UNMATCHED, NO_REPLY, 1)]
    assert [status.status for status in statuses(desk)].count(FeedState.DOWN) == 0
    assert account(desk).covered


def test_both_of_two_feeds_going_down_is_a_gap_from_the_last() -> None:
    desk = two_feeds()
    desk.mark(Kind.DISCONNECTED, at(2), reason="reset")
    desk.mark(Kind.DISCONNECTED, at(3), connection="d1", feed="second", reason="closed")

    shown = statuses(desk)[-1]
    assert (shown.status, shown.gap_from_ns, shown.gap_to_ns) == (FeedState.DOWN, at(3), None)
    assert (shown.reason, shown.connections) == ("closed", 0)


def test_a_sibling_that_connects_tells_nothing_of_the_other_feeds_end() -> None:
    desk = up()
    desk.mark(Kind.CONNECTED, at(1), connection="d1", feed="second")

    assert set(account(desk).connections) == {"c1", "d1"}
    assert account(desk).covered


# What the venue tells of and nobody submitted.


def test_an_order_is_foreign_only_once_the_submissions_were_read_to_their_end() -> None:
    desk = up()
    desk.tell(report(OrdStatus.NEW), at(0))
    account(desk).watermark_ns = at(11)
    desk.expire(submitted_at_end=False)
    before = decided(desk)
    waiting = set(desk.state.waiting)
    desk.expire(submitted_at_end=True)

    assert before == []
    assert waiting == {KEY}
    assert decided(desk) == [(JoinStatus.UNMATCHED, UnmatchedReason.NOT_SUBMITTED_HERE, 1)]
    assert not desk.state.waiting


def test_a_submission_from_the_backlog_spares_the_alarm() -> None:
    desk = up()
    desk.tell(report(OrdStatus.NEW), at(0))
    account(desk).watermark_ns = at(11)
    desk.expire(submitted_at_end=False)
    desk.tell(submission())
    desk.expire(submitted_at_end=True)

    assert decided(desk) == []


# The clock.


def test_on_the_clock_a_silent_account_is_feed_down() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(1))
    expire_on_clock(desk.state, at(1) + GRACE.silence_ns, desk.out)

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]
    shown = statuses(desk)[-1]
    assert (shown.status, shown.reason, shown.since_ns) == (FeedState.DOWN, "silent", at(1))


def test_on_the_clock_a_silent_feed_is_down_though_no_order_waits() -> None:
    desk = up()
    for seconds in (14, 15, 16):
        expire_on_clock(desk.state, account(desk).watermark_ns + seconds * SECOND, desk.out)

    assert [status.status for status in statuses(desk)][-2:] == [FeedState.UP, FeedState.DOWN]
    assert statuses(desk)[-1].reason == "silent"


def test_on_the_clock_an_account_that_no_feed_ever_served_is_feed_down() -> None:
    desk = Desk()
    desk.tell(submission())
    expire_on_clock(desk.state, DUE, desk.out)

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]
    assert "no feed serves the account" in desk.out.unmatched[0].detail


@pytest.mark.parametrize(
    "now_ns",
    [
        pytest.param(DUE - 1, id="not due"),
        pytest.param(at(8) + GRACE.silence_ns - 1, id="not silent"),
    ],
)
def test_on_the_clock_nothing_is_said_too_early(now_ns: int) -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(8))
    expire_on_clock(desk.state, now_ns, desk.out)

    assert decided(desk) == []


def test_the_clock_says_it_once() -> None:
    desk = Desk()
    desk.tell(submission())
    for seconds in (10, 11, 60):
        expire_on_clock(desk.state, at(seconds), desk.out)

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1)]


def test_the_clock_tells_nothing_of_orders_that_nobody_submitted() -> None:
    desk = up()
    desk.tell(report(OrdStatus.NEW))
    expire_on_clock(desk.state, at(600), desk.out)

    assert decided(desk) == []


def test_a_feed_that_was_only_silent_and_goes_on_is_up_again_and_clears_its_silence() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(1))
    expire_on_clock(desk.state, at(30), desk.out)
    desk.mark(Kind.HEARTBEAT, at(31))

    # The connection was there all the while, and told nothing.
    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.UNMATCHED, NO_REPLY, 2)]
    assert statuses(desk)[-1].status is FeedState.UP


def test_after_silence_a_report_makes_it_late() -> None:
    desk = up()
    desk.tell(submission())
    expire_on_clock(desk.state, at(30), desk.out)
    desk.frame(report(OrdStatus.NEW), at(31))

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.MATCHED, DOWN, 2)]
    assert desk.out.executions[-1][1].late


# Retention.


def ended(desk: Desk) -> Desk:
    desk.tell(submission())
    desk.tell(submission(Phase.ACCEPTED, name="7001"))
    desk.frame(report(OrdStatus.FILLED, cum=10, trades=(trade(1, 10),)), at(1))
    return desk


def test_an_ended_order_leaves_the_state_after_its_time_with_a_tombstone_and_its_names() -> None:
    desk = ended(up())
    desk.mark(Kind.HEARTBEAT, at(1) + GRACE.retention_ns - 1)
    kept = dict(desk.state.orders)
    desk.mark(Kind.HEARTBEAT, at(1) + GRACE.retention_ns)

    assert list(kept) == [REQUEST]
    assert not desk.state.orders
    assert desk.out.orders[REQUEST] is None
    assert desk.state.aliases[KEY] == {}
    assert desk.out.absorbed == []


@pytest.mark.parametrize("by_clock", [False, True])
def test_an_order_that_never_had_an_answer_leaves_the_state_too(by_clock: bool) -> None:
    desk = up()
    desk.tell(submission())
    if by_clock:
        expire_on_clock(desk.state, at(60), desk.out)
    desk.mark(Kind.HEARTBEAT, at(61))
    desk.mark(Kind.HEARTBEAT, at(62) + GRACE.retention_ns)

    assert not desk.state.orders
    assert not desk.state.due[KEY]


@pytest.mark.parametrize("answer", [None, Phase.UNKNOWN, Phase.ACCEPTED, Phase.REJECTED])
def test_an_order_of_an_account_that_no_feed_serves_leaves_the_state_by_the_clock(answer: Phase | None) -> None:
    desk = Desk()
    desk.tell(submission())
    if answer is not None:
        desk.tell(submission(answer))
    gone_ns = at(60) + GRACE.retention_ns
    expire_on_clock(desk.state, at(60), desk.out)
    expire_on_clock(desk.state, at(61), desk.out)
    kept = list(desk.state.orders)
    expire_on_clock(desk.state, gone_ns, desk.out)

    assert kept == [REQUEST]
    assert not desk.state.orders
    assert not desk.state.due[KEY]
    assert desk.out.orders[REQUEST] is None


def test_an_order_that_the_clock_gave_up_is_looked_at_anew_when_a_feed_comes() -> None:
    desk = Desk()
    desk.tell(submission())
    expire_on_clock(desk.state, at(60), desk.out)
    desk.mark(Kind.CONNECTED, at(70))
    desk.mark(Kind.RECONCILED, at(71))

    assert decided(desk) == [(JoinStatus.UNMATCHED, DOWN, 1), (JoinStatus.UNMATCHED, NO_REPLY, 2)]


def test_of_a_silent_account_all_whose_time_has_come_are_told_and_only_those() -> None:
    desk = up()
    for number in range(20):
        desk.tell(submission(at_ns=at(number), request=f"{number:08d}-e5f6-4890-abcd-ef1234567890"))
    expire_on_clock(desk.state, at(10) + GRACE.reply_ns, desk.out)
    told = [unmatched.order_request_id[:8] for unmatched in desk.out.unmatched]

    assert told == [f"{number:08d}" for number in range(11)]


def test_an_order_that_lives_stays() -> None:
    desk = up()
    desk.tell(submission())
    desk.frame(report(OrdStatus.NEW), at(1))
    desk.mark(Kind.HEARTBEAT, at(2) + 2 * GRACE.retention_ns)

    assert list(desk.state.orders) == [REQUEST]


def test_an_order_that_comes_back_after_it_left_begins_anew() -> None:
    desk = ended(up())
    desk.mark(Kind.HEARTBEAT, at(2) + GRACE.retention_ns)
    desk.frame(report(OrdStatus.FILLED, cum=10, trades=(trade(1, 10),)), at(3) + GRACE.retention_ns)

    assert desk.order.traded_qty == Decimal(10)
    assert desk.out.executions[-1][1].exec_type is ExecType.TRADE


# feeds.status


def test_an_order_that_was_missed_and_left_is_missed_anew_in_records_of_their_own() -> None:
    desk = up()
    desk.tell(submission())
    desk.mark(Kind.HEARTBEAT, at(11))
    desk.mark(Kind.HEARTBEAT, at(4000))
    assert not desk.state.orders
    desk.frame(report(OrdStatus.NEW), at(4001))
    desk.mark(Kind.HEARTBEAT, at(4012))

    assert [(u.reason, u.revision) for u in desk.out.unmatched] == [
        (UnmatchedReason.NO_VENUE_REPLY, 1),
        (UnmatchedReason.NOT_SUBMITTED_HERE, 1),
    ]
    assert len({u.event_id for u in desk.out.unmatched}) == 2


def test_a_feeds_life_is_told_step_by_step() -> None:
    desk = Desk()
    desk.mark(Kind.CONNECTED, at(0))
    desk.mark(Kind.RECONCILED, at(1))
    desk.mark(Kind.HEARTBEAT, at(2))
    desk.mark(Kind.DISCONNECTED, at(3), reason="reset")
    desk.mark(Kind.CONNECTED, at(4), connection="c2")
    desk.mark(Kind.RECONCILED, at(5), connection="c2")

    up_, down = FeedState.UP, FeedState.DOWN
    assert [(s.status, s.since_ns, s.connections) for s in statuses(desk)] == [
        (up_, at(0), 1),
        (up_, at(0), 1),
        (down, at(3), 0),
        (up_, at(4), 1),
        (up_, at(4), 1),
    ]
    assert [(s.gap_from_ns, s.gap_to_ns, s.reconciled_ns) for s in statuses(desk)][2:] == [
        (at(3), None, at(1)),
        (at(3), at(4), at(1)),
        (at(3), at(4), at(5)),
    ]
    assert len({s.event_id for s in statuses(desk)}) == 5


# Any sequence of markers.


class Venue:
    """Plays an account's feeds, whose connections come and go, and knows when none was there.

    A killed feed says nothing of its end.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.now = -40.0
        self.connections: dict[str, str] = {}
        self.number = 0
        self.open_gaps: list[tuple[float, float]] = []
        self.lost_at = float("-inf")

    def connect(self, feed: str) -> None:
        if feed not in self.connections:
            if not self.connections:
                self.open_gaps.append((self.lost_at, self.now))
            self.number += 1
            self.connections[feed] = f"c{self.number}"
            self._mark(Kind.CONNECTED, feed)

    def disconnect(self, feed: str) -> None:
        if feed in self.connections:
            self._mark(Kind.DISCONNECTED, feed, "reset")
            self.kill(feed)

    def kill(self, feed: str) -> None:
        if self.connections.pop(feed, None) is not None:
            self.lost_at = self.now

    def beat(self, feed: str) -> None:
        if feed in self.connections:
            self._mark(Kind.HEARTBEAT, feed)

    def reconcile(self, feed: str) -> None:
        if feed in self.connections:
            self.open_gaps.clear()
            self._mark(Kind.RECONCILED, feed)

    def submit(self, feed: str) -> None:
        self.desk.tell(submission(request=f"r{len(self.desk.state.orders)}", at_ns=at(self.now)))

    def answer(self, feed: str) -> None:
        if feed in self.connections and self.desk.state.orders:
            first = next(iter(self.desk.state.orders))
            answered = report(OrdStatus.NEW, request=first, name=f"n-{first}")
            self.desk.frame(answered, at(self.now), self.connections[feed])

    def tick(self, feed: str) -> None:
        expire_on_clock(self.desk.state, at(self.now), self.desk.out)

    def _mark(self, kind: Kind, feed: str, reason: str | None = None) -> None:
        self.desk.mark(kind, at(self.now), connection=self.connections[feed], feed=feed, reason=reason)


def silent_gap(venue: Venue, record: Unmatched) -> bool:
    """Tell whether the order's time overlaps one in which no connection was there, and nothing was read up on."""
    submitted_ns = record.submitted_ns or 0
    gaps = [*venue.open_gaps, *([(venue.lost_at, float("inf"))] if not venue.connections else [])]
    in_seconds = (submitted_ns - START) / SECOND
    return any(start < in_seconds + 10 and in_seconds < end for start, end in gaps)


STEPS = ("connect", "disconnect", "kill", "beat", "reconcile", "submit", "answer", "tick")


def steps(*feeds: str) -> st.SearchStrategy[list[tuple[str, str, int]]]:
    """Draw what happens, to which feed, and how many seconds after what was before."""
    return st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(feeds), st.integers(0, 12)), max_size=30)


@given(steps("main") | steps("main", "second"))
def test_no_markers_make_a_no_venue_reply_of_an_order_in_a_gap_that_was_not_read_up_on(
    taken: list[tuple[str, str, int]],
) -> None:
    desk = Desk()
    venue = Venue(desk)

    for step, feed, wait in taken:
        venue.now += wait
        seen = len(desk.out.unmatched)
        getattr(venue, step)(feed)
        for record in desk.out.unmatched[seen:]:
            missed = record.status is JoinStatus.UNMATCHED and record.reason is NO_REPLY
            assert not (missed and silent_gap(venue, record)), (record, venue.open_gaps)


@given(steps("main", "second"))
def test_the_last_record_of_each_order_is_where_it_stands_and_revisions_count_up(
    taken: list[tuple[str, str, int]],
) -> None:
    desk = Desk()
    venue = Venue(desk)

    for step, feed, wait in taken:
        venue.now += wait
        getattr(venue, step)(feed)

    for key, order in desk.state.orders.items():
        records = [u for u in desk.out.unmatched if u.order_request_id == key]
        assert [u.revision for u in records] == list(range(1, len(records) + 1))
        assert order.unmatched_revision == len(records)
        assert [u.late for u in records] == [u.status is JoinStatus.MATCHED for u in records]
        if records:
            stands = order.unmatched_reason if records[-1].status is JoinStatus.UNMATCHED else None
            assert order.unmatched_reason is stands
            assert records[-1].reason is (stands or records[-1].reason)
        else:
            assert order.unmatched_reason is None
    event_ids = [u.event_id for u in desk.out.unmatched] + [e.event_id for _, e in desk.out.executions]
    assert len(event_ids) == len(set(event_ids))
