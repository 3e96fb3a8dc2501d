"""Each fault is followed to its end by the records that show it, and by no others."""

import pytest

from consumers.records import Record
from sandbox.demo.board import WATCHED
from sandbox.demo.faults import FAULTS
from sandbox.demo.incidents import WATCHES, Incident

START_NS = 1_700_000_000_000_000_000
S = 10**9
ACCOUNTS = ["a1", "a2"]
ID = "5f4dcc3b-5aa7-4b65-9b1d-0123456789ab"
OTHER = "00000000-5aa7-4b65-9b1d-0123456789ab"


def record(topic, at_s=1.0, partition=0, offset=0, **fields):
    at_ns = START_NS + int(at_s * S)
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key="k",
        timestamp_ms=at_ns // 10**6,
        read_ns=at_ns,
        fields=fields,
    )


def execution(at_s=1.0, key=ID, account="a1", **fields):
    state = {
        "order_request_id": key,
        "account": account,
        "exec_type": "TRADE",
        "ord_status": "FILLED",
        "venue_status": "EXECUTION_REPORT_STATUS_FILL",
        "received_ns": START_NS + int(at_s * S),
        "cum_qty": "10",
        "order_qty": "30",
        "text": None,
        "join_status": "MATCHED",
        "raw_topic": "venue.frames.tinvest",
        "raw_partition": 0,
        "raw_offset": 1,
    }
    return record("orders.executions", at_s, **(state | fields))


def frame(at_s=1.0, offset=0, value="{}", partition=0, kind="frame", account="a1"):
    facts = {"kind": kind, "account": account, "received_ns": START_NS + int(at_s * S), "value": value}
    return record("venue.frames.tinvest", at_s, partition, offset, **facts)


def status(account, at_s=1.0, up=True):
    end_ns = START_NS + int(at_s * S)
    return record(
        "feeds.status",
        at_s,
        account=account,
        status="UP" if up else "DOWN",
        gap_from_ns=end_ns - S // 2,
        gap_to_ns=end_ns if up else None,
    )


def submitted(phase, at_s=1.0, key=ID, account="a1"):
    facts = {"order_request_id": key, "phase": phase, "account": account}
    return record("orders.submitted", at_s, submitted_ns=START_NS + int(at_s * S), **facts)


def unmatched(at_s=1.0, state="UNMATCHED", reason="NO_VENUE_REPLY", account="a1"):
    sent_ns = START_NS + int(at_s * S)
    return record(
        "orders.unmatched",
        at_s,
        order_request_id=ID,
        account=account,
        status=state,
        reason=reason,
        submitted_ns=sent_ns,
        decided_ns=sent_ns + 4 * S,
    )


def latest(key=ID, join_status="MATCHED"):
    return record("orders.latest", order_request_id=key, join_status=join_status)


HIDDEN = {
    "exec_type": "CANCELED",
    "ord_status": "CANCELED",
    "venue_status": "EXECUTION_REPORT_STATUS_PARTIALLYFILL",
}

# fault -> records that do not end it, those that do, and what is said then
ENDS = {
    "cut": (
        [status("a1", -1), status("a2", up=False), status("a2", -1), status("a1"), status("a1")],
        [status("a2")],
        "connected again, after 0.5 s at most",
    ),
    "hidden_cancel": (
        [execution(), execution(-1, **HIDDEN), execution(exec_type="CANCELED", ord_status="CANCELED")],
        [execution(**HIDDEN)],
        "5f4dcc3b is CANCELED, 10 of 30 filled, though the stream says PARTIALLYFILL",
    ),
    "skip_sequence": (
        [
            *(frame(-1, kind="gap"), frame(kind="reconciled"), frame(kind="gap", account="b")),
            *(frame(kind="gap"), frame(kind="reconciled", account="b"), frame()),
        ],
        [frame(kind="reconciled")],
        "a gap in the stream is marked, and the venue's state was read again by REST",
    ),
    "fail": (
        [execution(), execution(-1, exec_type="CANCEL_REJECTED"), execution(exec_type="CANCEL_REJECTED", account="b")],
        [execution(exec_type="CANCEL_REJECTED", ord_status="NEW")],
        "the cancel of 5f4dcc3b is CANCEL_REJECTED; it is NEW",
    ),
    "ignore": (
        [unmatched(-1), unmatched(reason="FEED_DOWN"), unmatched(state="MATCHED"), unmatched(account="b")],
        [unmatched()],
        "5f4dcc3b is UNMATCHED, NO_VENUE_REPLY, 4.0 s after it was sent",
    ),
    "drop_reply": (
        [
            *(submitted("UNKNOWN", -1), latest(), submitted("ACCEPTED"), submitted("UNKNOWN", key=OTHER), latest("x")),
            submitted("UNKNOWN", account="b"),
        ],
        [submitted("UNKNOWN")],
        "5f4dcc3b got no answer (UNKNOWN), and is MATCHED",
    ),
    "duplicate": (
        [
            frame(-1, 1),
            frame(1, 2, "x"),
            frame(2, 3, "y"),
            frame(2, 4, "x", partition=1),
            frame(2, 1, "z", account="b"),
            frame(3, 2, "z", account="b"),
            frame(3, 5, "y"),
            execution(),
        ],
        [execution(raw_offset=6)],
        "recorded twice (the second at offset 5), published once",
    ),
    "malformed": (
        [record("orders.dead-letters", -1), execution()],
        [record("orders.dead-letters", partition=3, offset=8)],
        "at 3:8",
    ),
    "reject": (
        [execution(), execution(-1, ord_status="REJECTED"), execution(account="b", ord_status="REJECTED")],
        [execution(ord_status="REJECTED", text="CAUSE_REJECTED_BY_BROKER")],
        "5f4dcc3b is REJECTED: CAUSE_REJECTED_BY_BROKER",
    ),
    "kill_worker": (
        [execution(-1, account="a2"), execution(account="a1")],
        [execution(6.5, account="a2")],
        "results of every account again, 6.5 s after the kill",
    ),
}


def incident(name):
    fault = next(fault for fault in FAULTS if fault.name == name)
    return Incident.begin(fault, START_NS, ACCOUNTS)


def test_every_fault_is_followed_and_tested():
    assert {fault.name for fault in FAULTS} == set(WATCHES) == set(ENDS)


def test_the_demo_reads_every_topic_that_an_incident_is_told_by():
    assert {each.topic for before, ending, _ in ENDS.values() for each in (*before, *ending)} <= set(WATCHED)


@pytest.mark.parametrize("name", ENDS)
def test_it_goes_on_until_the_record_that_ends_it(name):
    before, ending, said = ENDS[name]
    followed = incident(name)
    assert followed.said
    for each in before:
        assert not followed.see(each), each
    assert [followed.see(each) for each in ending] == [True]
    assert followed.over
    assert said in followed.said


@pytest.mark.parametrize("name", ENDS)
def test_what_is_over_stays_as_it_is(name):
    before, ending, _ = ENDS[name]
    followed = incident(name)
    for each in (*before, *ending):
        followed.see(each)
    said = followed.said
    assert not any(followed.see(each) for each in (*before, *ending))
    assert followed.said == said


def test_an_order_matched_before_its_call_is_given_up_counts_as_well():
    followed = incident("drop_reply")
    assert [followed.see(latest()), followed.see(submitted("UNKNOWN"))] == [False, True]


def test_a_message_published_twice_is_told():
    followed = incident("duplicate")
    for each in (frame(1, 2, "x"), frame(1, 3, "x"), execution(raw_offset=3)):
        followed.see(each)
    assert followed.said == "the second one (offset 3) was published again"


@pytest.mark.parametrize("name", ENDS)
def test_what_never_shows_is_given_up_after_its_time(name):
    followed = incident(name)
    assert followed.see(frame(61))
    assert "nothing more seen of it in 60.0 s" in followed.said


def test_an_undecodable_record_tells_nothing():
    followed = incident("reject")
    assert not followed.see(Record(topic="orders.executions", partition=0, offset=0, key=None, error="no Avro"))
