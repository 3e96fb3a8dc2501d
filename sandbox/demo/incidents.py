"""What was made to go wrong, and how it came out, told from the records that show it.

Each kind of fault has a watcher: a generator that is sent every record read since, yields what can be
said so far, and returns the outcome. It has no clock: times are those of the records.
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import Any

from consumers.records import Record
from sandbox.demo.faults import KILL_WORKER, Fault
from schemas.fix import ExecType, FeedState, JoinStatus, OrdStatus, Phase, UnmatchedReason
from schemas.headers import Kind
from schemas.topics import DEAD_LETTERS, EXECUTIONS, FEEDS_STATUS, LATEST, SUBMITTED, UNMATCHED, venue_of

__all__ = ["Incident", "short"]

Watch = Generator[str, Record, str]

# What has not shown by then won't: its orders are long over.
WATCHED_FOR_NS = 60 * 10**9


def short(order_request_id: str) -> str:
    """Return enough of an order's id to know it by."""
    return order_request_id.rpartition(":")[2][:8]


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.1f} s"


def _cut(since_ns: int, accounts: Collection[str]) -> Watch:
    waiting = set(accounts)
    gap_ns = 0
    record = yield "the feed connects again"
    while True:
        fields = record.fields
        if record.topic == FEEDS_STATUS.name and fields.get("gap_to_ns") and fields["status"] == FeedState.UP:
            if fields["gap_to_ns"] >= since_ns and fields["account"] in waiting:
                waiting.remove(fields["account"])
                gap_ns = max(gap_ns, fields["gap_to_ns"] - fields["gap_from_ns"])
            if not waiting:
                return f"connected again, after {_seconds(gap_ns)} at most; the orders were read again by REST"
        record = yield f"the feed connects again ({len(waiting)} accounts to go)"


def _hidden_cancel(since_ns: int, accounts: Collection[str]) -> Watch:
    record = yield "an order is filled in part"
    while True:
        fields = record.fields
        if record.topic == EXECUTIONS.name and fields.get("exec_type") == ExecType.CANCELED:
            hidden = str(fields["venue_status"]).endswith("PARTIALLYFILL")
            if hidden and fields["received_ns"] >= since_ns:
                filled = f"{fields['cum_qty']} of {fields['order_qty']} filled"
                return (
                    f"{short(fields['order_request_id'])} is CANCELED, {filled}, though the stream says PARTIALLYFILL"
                )
        record = yield "an order is filled in part"


def _ignore(since_ns: int, accounts: Collection[str]) -> Watch:
    record = yield "the venue has its time to answer"
    while True:
        fields = record.fields
        if record.topic == UNMATCHED.name and fields.get("reason") == UnmatchedReason.NO_VENUE_REPLY:
            submitted_ns = fields["submitted_ns"] or 0
            ours = fields["account"] in accounts and fields["status"] == JoinStatus.UNMATCHED
            if submitted_ns >= since_ns and ours:
                after = _seconds(fields["decided_ns"] - submitted_ns)
                return f"{short(fields['order_request_id'])} is UNMATCHED, NO_VENUE_REPLY, {after} after it was sent"
        record = yield "the venue has its time to answer"


def _drop_reply(since_ns: int, accounts: Collection[str]) -> Watch:
    unanswered: set[str] = set()
    matched: set[str] = set()
    record = yield "a call waits for its answer"
    while True:
        fields = record.fields
        request_id = fields.get("order_request_id", "")
        if record.topic == SUBMITTED.name and fields.get("phase") == Phase.UNKNOWN:
            if fields["submitted_ns"] >= since_ns and fields["account"] in accounts:
                unanswered.add(request_id)
        elif record.topic == LATEST.name and fields.get("join_status") == JoinStatus.MATCHED:
            matched.add(request_id)
        if known := unanswered & matched:
            return f"{short(min(known))} got no answer (UNKNOWN), and is MATCHED by what the stream told"
        record = yield "a call waits for its answer" if not unanswered else "no answer came; the stream may tell"


def _duplicate(since_ns: int, accounts: Collection[str]) -> Watch:
    seen: dict[tuple[int, str], int] = {}
    twice: tuple[int, int] | None = None
    record = yield "the next message comes twice"
    while True:
        fields = record.fields
        if twice is None and venue_of(record.topic) and fields.get("kind") == Kind.FRAME:
            ours = fields["account"] in accounts and fields["received_ns"] >= since_ns
            if ours and (record.partition, fields["value"]) in seen:
                twice = (record.partition, record.offset)
            seen[record.partition, fields.get("value", "")] = record.offset
        elif twice and record.topic == EXECUTIONS.name and fields.get("raw_partition") == twice[0]:
            if venue_of(fields["raw_topic"]) and fields["raw_offset"] == twice[1]:
                return f"the second one (offset {twice[1]}) was published again"
            if venue_of(fields["raw_topic"]) and fields["raw_offset"] > twice[1]:
                return f"recorded twice (the second at offset {twice[1]}), published once"
        record = yield "the next message comes twice" if twice is None else f"recorded twice, again at {twice[1]}"


def _malformed(since_ns: int, accounts: Collection[str]) -> Watch:
    since_ms = since_ns // 10**6
    record = yield "the processor meets it"
    while record.topic != DEAD_LETTERS.name or (record.timestamp_ms or 0) < since_ms:
        record = yield "the processor meets it"
    return f"in {DEAD_LETTERS.name} with its bytes, at {record.partition}:{record.offset}; all else goes on"


def _reject(since_ns: int, accounts: Collection[str]) -> Watch:
    record = yield "the next order is refused"
    while True:
        fields = record.fields
        refused = record.topic == EXECUTIONS.name and fields.get("ord_status") == OrdStatus.REJECTED
        if refused and fields["received_ns"] >= since_ns and fields["account"] in accounts:
            return f"{short(fields['order_request_id'])} is REJECTED: {fields['text'] or 'no reason given'}"
        record = yield "the next order is refused"


def _skip_sequence(since_ns: int, accounts: Collection[str]) -> Watch:
    missing = ""
    record = yield "the next message shows the hole"
    while True:
        fields = record.fields
        ours = bool(venue_of(record.topic)) and fields.get("account") in accounts
        if ours and fields["kind"] == Kind.GAP and fields["received_ns"] >= since_ns:
            missing = missing or "a gap in the stream is marked"
        elif ours and missing and fields["kind"] == Kind.RECONCILED:
            return f"{missing}, and the venue's state was read again by REST"
        record = yield missing or "the next message shows the hole"


def _fail(since_ns: int, accounts: Collection[str]) -> Watch:
    record = yield "the next cancel fails"
    while True:
        fields = record.fields
        refused = record.topic == EXECUTIONS.name and fields.get("exec_type") == ExecType.CANCEL_REJECTED
        if refused and fields["received_ns"] >= since_ns and fields["account"] in accounts:
            return f"the cancel of {short(fields['order_request_id'])} is CANCEL_REJECTED; it is {fields['ord_status']}"
        record = yield "the next cancel fails"


def _kill_worker(since_ns: int, accounts: Collection[str]) -> Watch:
    waiting = set(accounts)
    record = yield "the others take over"
    while True:
        fields = record.fields
        if record.topic == EXECUTIONS.name and fields.get("received_ns", 0) >= since_ns:
            waiting.discard(fields["account"])
            if not waiting:
                return f"results of every account again, {_seconds(record.read_ns - since_ns)} after the kill"
        record = yield f"the others take over ({len(waiting)} accounts to go)"


WATCHES: dict[str, Callable[[int, Collection[str]], Watch]] = {
    "cut": _cut,
    "hidden_cancel": _hidden_cancel,
    "skip_sequence": _skip_sequence,
    "fail": _fail,
    "ignore": _ignore,
    "drop_reply": _drop_reply,
    "duplicate": _duplicate,
    "malformed": _malformed,
    "reject": _reject,
    KILL_WORKER: _kill_worker,
}


@dataclass
class Incident:
    """One fault that was made at `since_ns`; `said` is how it came out, or what is waited for.

    `ended_ns` is when the record was read that ended it.
    """

    fault: Fault
    since_ns: int
    said: str
    detail: str
    _watch: Watch
    ended_ns: int | None = None

    @property
    def over(self) -> bool:
        """Whether it has come out."""
        return self.ended_ns is not None

    def delays(self, received_ns: int, read_ns: int) -> bool:
        """Whether a result can have waited for the recovery from it, anywhere between these times."""
        if self.fault.name != KILL_WORKER or read_ns < self.since_ns:
            return False
        return self.ended_ns is None or received_ns <= self.ended_ns

    @classmethod
    def begin(cls, fault: Fault, since_ns: int, accounts: Collection[str], detail: str = "") -> "Incident":
        """Return the incident of a fault that was made now; `detail` is added to what the fault is."""
        watch = WATCHES[fault.name](since_ns, accounts)
        return cls(fault, since_ns, next(watch), detail, watch)

    def see(self, record: Record) -> bool:
        """Take a record into account; return whether the incident came to its end by it."""
        if self.over or record.error is not None:
            return False
        if record.read_ns - self.since_ns > WATCHED_FOR_NS:
            self.said = f"nothing more seen of it in {_seconds(WATCHED_FOR_NS)} ({self.said})"
            self.ended_ns = record.read_ns
            return True
        try:
            self.said = self._watch.send(record)
        except StopIteration as end:
            outcome: Any = end.value
            self.said, self.ended_ns = str(outcome), record.read_ns
        return self.over
