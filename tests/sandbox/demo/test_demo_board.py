"""From records to the board, and from the board to text."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consumers.records import Record
from sandbox.demo.accounting import Finding, Kind, Summary
from sandbox.demo.board import ROWS_KEPT, Board, Latency, Worker, percentile
from sandbox.demo.faults import FAULTS
from sandbox.demo.incidents import Incident
from sandbox.demo.view import draw, latency_text, status_line, summary_table

NOW_NS = 1_700_000_000_000_000_000
NOW_S = NOW_NS // 10**9
MS = 10**6
ID = "5f4dcc3b-5aa7-4b65-9b1d-0123456789ab"


def record(topic, key=ID, read_ns=NOW_NS, error=None, **fields):
    return Record(
        topic=topic,
        partition=0,
        offset=0,
        key=key,
        timestamp_ms=read_ns // MS,
        read_ns=read_ns,
        fields=fields,
        error=error,
    )


def execution(topic="orders.executions", key=ID, read_ns=NOW_NS, **fields):
    state = {
        "order_request_id": key,
        "account": "2000000001",
        "symbol": "SBER",
        "side": "BUY",
        "exec_type": "TRADE",
        "ord_status": "PARTIALLY_FILLED",
        "cum_qty": "10",
        "order_qty": "30",
        "last_qty": "10",
        "last_px": "251.3",
        "avg_px": "251.333333333333",
        "join_status": "MATCHED",
        "revision": 1,
        "source": "stream",
        "received_ns": NOW_NS - 7 * MS,
    }
    return record(topic, key, read_ns, **(state | fields))


def unmatched(key=ID, status="UNMATCHED"):
    return record(
        "orders.unmatched",
        key,
        order_request_id=key,
        status=status,
        reason="NO_VENUE_REPLY",
        detail="the feed was up all the while",
    )


def feed(status="UP", account="2000000001"):
    return record(
        "feeds.status",
        f"tinvest:{account}",
        account=account,
        status=status,
        since_ns=NOW_NS - 5 * 10**9,
        gap_from_ns=NOW_NS - 6 * 10**9,
        gap_to_ns=NOW_NS - 5 * 10**9,
        reason="connection_lost",
    )


def frame(read_ns=NOW_NS):
    return record("venue.frames.tinvest", "tinvest:2000000001", read_ns, kind="frame", received_ns=read_ns, value="{}")


def board_of(*records):
    board = Board()
    for each in records:
        board.see(each)
    return board


def text_of(renderable, width=160, height=40):
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(renderable, height=height)
    return console.file.getvalue()


def drawn(board, width=160, height=40):
    return text_of(draw(board, NOW_NS, 75, "orders are sent", (width, height)), width, height)


def test_latency_runs_from_the_reception_of_the_frame_to_the_reading_of_the_result():
    assert list(board_of(execution()).latencies_ms) == [7.0]


@pytest.mark.parametrize("fields", [{"revision": 2}, {"source": "reconciliation"}, {"source": "gateway"}])
def test_a_result_that_did_not_come_with_its_frame_has_no_latency(fields):
    assert not board_of(execution(**fields)).latencies_ms


@pytest.mark.parametrize(
    ("received_ms", "read_ms", "calm"),
    [
        (-20, -1, True),  # before the kill
        (-20, 5, False),  # was on its way
        (10, 50, False),  # came while no one processed, read at the end
        (30, 90, False),  # the same, read after the end
        (51, 60, True),  # came afterwards
    ],
)
def test_the_latency_of_a_recovery_is_told_apart(received_ms, read_ms, calm):
    kill = next(fault for fault in FAULTS if not fault.is_the_venues)
    incident = Incident.begin(kill, NOW_NS, ["2000000001"])
    board = Board()
    board.incidents.append(incident)
    board.see(execution(received_ns=NOW_NS - 1, read_ns=NOW_NS - 1))
    if read_ms >= 50:
        board.see(execution(received_ns=NOW_NS + 1 * MS, read_ns=NOW_NS + 50 * MS))
    before = len(board.calm_latencies_ms)
    board.see(execution(received_ns=NOW_NS + received_ms * MS, read_ns=NOW_NS + read_ms * MS))
    assert (len(board.calm_latencies_ms) > before) is calm
    assert board.latencies_ms[-1] == read_ms - received_ms


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3], 0.99, 3), ([1, 2, 3, 4], 0.5, 2), (list(range(1, 101)), 0.99, 99), ([5, 1], 0.99, 5)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, share, expected):
    assert percentile(values, share) == expected


@given(st.lists(st.integers(), min_size=1), st.floats(min_value=0.01, max_value=1))
def test_at_least_the_share_is_no_greater_than_the_percentile(values, share):
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_frames_a_second_are_those_of_the_last_whole_seconds():
    board = board_of(*(frame(NOW_NS - back * 10**9) for back in range(20) for _ in range(10)))
    assert board.frames == 200
    assert board.frames_per_s(NOW_S) == 10


def test_the_newest_of_each_kind_is_kept_and_no_more():
    keys = [f"{number:08}" for number in range(3 * ROWS_KEPT)]
    board = board_of(*(execution("orders.latest", key) for key in keys), *(execution(key=key) for key in keys))
    assert list(board.orders) == keys[-ROWS_KEPT:]
    assert [fill["order_request_id"] for fill in board.fills] == keys[-ROWS_KEPT:]
    assert len(board.seen) == len(keys)


def test_a_deleted_state_and_an_undecodable_result_change_nothing():
    board = board_of(record("orders.latest", tombstone=True), record("orders.executions", error="no Avro", value="?"))
    assert not board.orders
    assert board.executions == 0


def test_the_view_shows_an_order_a_fill_a_case_and_a_feed():
    text = drawn(board_of(execution("orders.latest"), execution(), unmatched(), feed()))
    for shown in (
        "5f4dcc3b",
        "PARTIALLY_FILLED",
        "10/30",
        "251.3333",
        "MATCHED",
        "NO_VENUE_REPLY",
        "tinvest:2000000001",
        "UP",
        "1.0 s",
        "7.0 / 7.0 ms",
        "1 open",
        "1:15",
    ):
        assert shown in text


def test_the_view_shows_what_went_wrong_and_how_it_came_out():
    board = Board()
    cut = next(fault for fault in FAULTS if fault.name == "cut")
    board.incidents.append(Incident.begin(cut, NOW_NS - 10**10, ["2000000001"]))
    assert "now" in drawn(board)
    board.see(feed())
    text = drawn(board)
    assert "done" in text
    assert "connected again, after 1.0 s" in text


def test_the_view_shows_which_workers_run():
    board = Board(workers=[Worker("worker-1", 1, False), Worker("worker-2", 2, True)])
    assert "worker-1 down  worker-2 up" in drawn(board)


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 10)])
def test_the_view_fits_every_terminal(size):
    width, height = size
    board = board_of(*(execution("orders.latest", f"{n:08}") for n in range(99)), unmatched(), feed())
    lines = drawn(board, width, height).splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_a_narrow_view_keeps_what_tells_most():
    text = drawn(board_of(execution("orders.latest"), execution(), unmatched(), feed()), 80, 24)
    for shown in ("5f4dcc3b", "PARTIALLY", "10/30 MATCHED", "NO_VENUE_REPLY", "251.3", "UP", "1.0 s"):
        assert shown in text


def test_a_venues_text_can_not_steer_the_terminal():
    assert "\x1b" not in drawn(board_of(execution("orders.latest", symbol="\x1b[2J")))


def test_the_status_line_says_how_it_stands():
    board = board_of(execution("orders.latest"), execution(), unmatched(), feed(), feed("DOWN", "2"))
    assert status_line(board, NOW_S) == (
        "1 orders, 1 executions, 1 unmatched, 0 dead letters, feeds 1/2 up, 0 frames/s, p50/p99 7.0 / 7.0 ms"
    )


def test_a_case_that_was_closed_is_not_open():
    board = board_of(unmatched(), unmatched(status="MATCHED"))
    assert "0 unmatched" in status_line(board, NOW_S)


def test_there_is_no_latency_before_the_first_result():
    assert latency_text(Board().latency()) == "- / - ms"


def summary(*findings):
    return Summary(
        orders=3,
        venues={"ripio": 1, "tinvest": 2},
        executions=9,
        matched=2,
        unmatched={"NO_VENUE_REPLY": 1},
        dead_letters=1,
        frames=80,
        findings=findings,
    )


def test_the_summary_tells_that_every_order_is_accounted_for():
    text = text_of(summary_table(summary(), Latency(1, 2), Latency(1, 1.5)))
    assert "all of them" in text
    assert "1 NO_VENUE_REPLY" in text
    assert "3 (ripio 1, tinvest 2)" in text
    assert "1.0 / 1.5 ms" in text


def test_the_summary_names_what_is_not_accounted_for_up_to_a_bound():
    findings = [Finding(Kind.LOST, f"order-{n}", "trade t1 is not in orders.executions") for n in range(30)]
    text = text_of(summary_table(summary(*findings), Latency(1, 2), Latency(1, 2)), height=60)
    assert "order-0 trade t1 is not in orders.executions" in text
    assert "and 10 more" in text
    assert "all of them" not in text
