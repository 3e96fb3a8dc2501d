"""Every way in which an order can go missing, double or differ is found, and nothing else is."""

import msgspec
import pytest

from consumers.records import Record
from sandbox.demo.accounting import Kind, account_for
from sandbox.demo.evidence import Evidence, VenueOrder, VenueTrade

ACCOUNT = "2000000001"
FILL = "EXECUTION_REPORT_STATUS_FILL"
CANCELLED = "EXECUTION_REPORT_STATUS_CANCELLED"


def order(key="o1", **changes):
    """Two lots of ten, filled in two trades."""
    filled = VenueOrder(
        account=ACCOUNT,
        order_request_id=key,
        order_id="77",
        status=FILL,
        venue="tinvest",
        lot_size=10,
        lots_executed=2,
        lots_cancelled=0,
        final=True,
        told=True,
        trades=(VenueTrade(f"{key}-t1", "251.3", "10"), VenueTrade(f"{key}-t2", "251.40", "10")),
    )
    return msgspec.structs.replace(filled, **changes)


def untold(key="o1"):
    return order(key, told=False, final=False, trades=(), lots_executed=0, status="EXECUTION_REPORT_STATUS_NEW")


def record(topic, key, **fields):
    return Record(topic=topic, partition=0, offset=0, key=key, fields=fields)


def submitted(key="o1", phase="ACCEPTED", action="NEW"):
    return record("orders.submitted", f"tinvest:{ACCOUNT}", order_request_id=key, action=action, phase=phase)


def execution(exec_id, key="o1", revision=1, exec_type="NEW", ord_status="NEW", topic="orders.executions", **fields):
    state = {
        "order_request_id": key,
        "account": ACCOUNT,
        "exec_id": exec_id,
        "revision": revision,
        "exec_type": exec_type,
        "ord_status": ord_status,
        "cum_qty": "0",
        "trade_id": None,
        "last_qty": None,
        "last_px": None,
        "join_status": "MATCHED",
        "unmatched_reason": None,
    }
    return record(topic, key, **(state | fields))


def trade(exec_id, number, key="o1", revision=1, **fields):
    facts = {
        "ord_status": "FILLED" if number == 2 else "PARTIALLY_FILLED",
        "cum_qty": str(10 * number),
        "trade_id": f"{key}-t{number}",
        "last_qty": "10",
        "last_px": "251.3" if number == 1 else "251.4",
    }
    return execution(exec_id, key, revision, "TRADE", **(facts | fields))


def latest(key="o1", **fields):
    state = {"exec_type": "TRADE", "ord_status": "FILLED", "cum_qty": "20"}
    return execution("e3", key, topic="orders.latest", **(state | fields))


def unmatched(key="o1", status="UNMATCHED", reason="NO_VENUE_REPLY"):
    return record("orders.unmatched", key, order_request_id=key, account=ACCOUNT, status=status, reason=reason)


def whole():
    """All that has to be there of a filled order."""
    return [submitted(), execution("e1"), trade("e2", 1), trade("e3", 2), latest()]


def summary(orders, records):
    evidence = Evidence()
    for each in records:
        evidence.add(each)
    return account_for(orders, evidence)


def findings(orders, records):
    return [(finding.kind, finding.why) for finding in summary(orders, records).findings]


CLEAN = {
    "a filled order": ([order()], whole()),
    "an order revised when its submission came": (
        [order()],
        [
            execution("e1", join_status="PENDING"),
            trade("e2", 1),
            trade("e3", 2),
            execution("e1", revision=2),
            submitted(),
            latest(),
        ],
    ),
    "an order given up and found again": (
        [order()],
        [*whole(), unmatched(), unmatched(status="MATCHED")],
    ),
    "an order refused by the call": (
        [],
        [submitted(phase="REJECTED"), latest(ord_status="REJECTED")],
    ),
    "an order that the venue ignored": ([untold()], [submitted(), unmatched()]),
    "an order that the venue ignored without an answer": (
        [untold()],
        [submitted(phase="UNKNOWN"), unmatched(reason="OUTCOME_UNKNOWN")],
    ),
    "an intent that never reached the venue": ([], [submitted(phase="INTENT"), unmatched()]),
    "an order of someone else": (
        [order()],
        [
            *(each for each in whole() if each.topic == "orders.executions"),
            latest(join_status="UNMATCHED", unmatched_reason="NOT_SUBMITTED_HERE"),
            unmatched(reason="NOT_SUBMITTED_HERE"),
        ],
    ),
    "a hidden cancel": (
        [order(status=CANCELLED, lots_executed=1, lots_cancelled=1, trades=order().trades[:1])],
        [
            submitted(),
            trade("e2", 1),
            execution("e3", exec_type="CANCELED", ord_status="CANCELED", cum_qty="10"),
            latest(exec_type="CANCELED", ord_status="CANCELED", cum_qty="10"),
        ],
    ),
    "an order that still lives": (
        [order(status="EXECUTION_REPORT_STATUS_NEW", final=False, lots_executed=0, trades=())],
        [submitted(), execution("e1"), latest(ord_status="NEW", cum_qty="0")],
    ),
    "a request to cancel": ([order()], [*whole(), submitted("c1", action="CANCEL")]),
    "nothing at all": ([], []),
}


@pytest.mark.parametrize("case", CLEAN)
def test_nothing_is_found_in(case):
    assert findings(*CLEAN[case]) == []


def without(what):
    return [each for each in whole() if not what(each)]


def is_trade(number):
    return lambda each: each.fields.get("trade_id") == f"o1-t{number}"


REST = {"ord_status": "PARTIALLY_FILLED", "cum_qty": "10"}

FOUND = {
    "a trade that is missing": (
        [order()],
        without(is_trade(1)),
        [(Kind.LOST, "trade o1-t1 is not in orders.executions")],
    ),
    "a trade of the same name in another account": (
        [order(account="other")],
        whole(),
        [
            (Kind.LOST, "trade o1-t1 is not in orders.executions"),
            (Kind.LOST, "trade o1-t2 is not in orders.executions"),
            (Kind.WRONG, "trade o1-t1 is none of the venue's"),
            (Kind.WRONG, "trade o1-t2 is none of the venue's"),
        ],
    ),
    "a trade at another price": (
        [order()],
        [*without(is_trade(1)), trade("e2", 1, last_px="251.31")],
        [(Kind.WRONG, "trade o1-t1 is 10 @ 251.31, the venue's 10 @ 251.3")],
    ),
    "a trade that the venue does not know": (
        [order()],
        [*whole(), trade("e9", 9)],
        [(Kind.WRONG, "trade o1-t9 is none of the venue's")],
    ),
    "a trade under two identities": (
        [order()],
        [*whole(), trade("e9", 1)],
        [(Kind.DUPLICATED, "trade o1-t1 is e2 and e9")],
    ),
    "a revision that is there twice": (
        [order()],
        [*whole(), execution("e1")],
        [(Kind.DUPLICATED, "revision 1 of e1 is there 2 times")],
    ),
    "a revision that is missing": (
        [order()],
        [*whole(), execution("e1", revision=3)],
        [(Kind.LOST, "revision 2 of e1 is missing")],
    ),
    "a first revision that is missing": (
        [order()],
        [*whole(), execution("e9", revision=2)],
        [(Kind.LOST, "revision 1 of e9 is missing")],
    ),
    "a final state that is not the newest": (
        [order()],
        [*whole(), latest(**REST)],
        [(Kind.LOST, "orders.latest says PARTIALLY_FILLED, the venue EXECUTION_REPORT_STATUS_FILL")],
    ),
    "a final state that is nowhere": (
        [order(status=CANCELLED, lots_executed=0, lots_cancelled=2, trades=())],
        [submitted(), execution("e1")],
        [(Kind.LOST, "orders.latest says nothing, the venue EXECUTION_REPORT_STATUS_CANCELLED")],
    ),
    "a final state that only the newest says": (
        [order(status=CANCELLED, lots_executed=0, lots_cancelled=2, trades=())],
        [submitted(), execution("e1"), latest(ord_status="CANCELED", cum_qty="0")],
        [(Kind.LOST, "CANCELED is not in orders.executions")],
    ),
    "a deleted newest state": (
        [order()],
        [*whole(), record("orders.latest", "o1", tombstone=True)],
        [(Kind.LOST, "orders.latest says nothing, the venue EXECUTION_REPORT_STATUS_FILL")],
    ),
    "a quantity that differs": (
        [order()],
        [*whole(), latest(cum_qty="10")],
        [(Kind.LOST, "orders.latest says 10 filled, the venue 20")],
    ),
    "a hidden cancel that nobody saw": (
        [order(status=CANCELLED, lots_executed=1, lots_cancelled=1, trades=order().trades[:1])],
        [submitted(), trade("e2", 1), latest(**REST)],
        [(Kind.LOST, "orders.latest says PARTIALLY_FILLED, the venue EXECUTION_REPORT_STATUS_CANCELLED")],
    ),
    "a submitted order that is not joined": (
        [order()],
        [*whole(), latest(join_status="PENDING")],
        [(Kind.WRONG, "orders.latest says PENDING, not MATCHED")],
    ),
    "a submitted order that stayed given up": (
        [order()],
        [*whole(), unmatched()],
        [(Kind.WRONG, "orders.unmatched still says NO_VENUE_REPLY")],
    ),
    "another's order that was taken for ours": (
        [order()],
        without(lambda each: each.topic == "orders.submitted"),
        [
            (Kind.WRONG, "orders.latest says MATCHED, not UNMATCHED NOT_SUBMITTED_HERE"),
            (Kind.WRONG, "not submitted here, and not in orders.unmatched"),
        ],
    ),
    "an ignored order that nobody misses": (
        [untold()],
        [submitted()],
        [(Kind.WRONG, "orders.unmatched says nothing, not NO_VENUE_REPLY")],
    ),
    "an ignored order with the wrong reason": (
        [untold()],
        [submitted(), unmatched(reason="FEED_DOWN")],
        [(Kind.WRONG, "orders.unmatched says UNMATCHED FEED_DOWN, not NO_VENUE_REPLY")],
    ),
    "an ignored order that was called matched": (
        [untold()],
        [submitted(), unmatched(), unmatched(status="MATCHED")],
        [(Kind.WRONG, "orders.unmatched says MATCHED NO_VENUE_REPLY, not NO_VENUE_REPLY")],
    ),
    "an order that nobody can know of": (
        [untold()],
        [],
        [(Kind.WRONG, "the venue told nothing of it, and it was not submitted here")],
    ),
    "a refusal that is not told": (
        [],
        [submitted(phase="REJECTED")],
        [(Kind.LOST, "the call was refused, orders.latest says nothing")],
    ),
    "an order accepted by no venue": (
        [],
        [submitted()],
        [(Kind.WRONG, "accepted, but the venue does not know it")],
    ),
    "a call without an answer that nobody misses": (
        [],
        [submitted(phase="UNKNOWN")],
        [(Kind.WRONG, "orders.unmatched says nothing, not OUTCOME_UNKNOWN")],
    ),
    "a result that can not be read": (
        [],
        [Record(topic="orders.executions", partition=3, offset=8, key="k", error="no Avro")],
        [(Kind.WRONG, "orders.executions 3:8: no Avro")],
    ),
    "a result without a key": (
        [],
        [record("orders.latest", None)],
        [(Kind.WRONG, "orders.latest 0:0: no key")],
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_the_two_sides_do_not_agree_on_is_found(case):
    orders, records, expected = FOUND[case]
    assert sorted(findings(orders, records)) == sorted(expected)


def test_the_numbers_count_what_there_is():
    orders = [order(), untold("o2")]
    records = [
        *whole(),
        submitted("o2"),
        submitted("o3", phase="REJECTED"),
        latest("o3", ord_status="REJECTED"),
        unmatched("o2"),
        record("orders.dead-letters", None, value="?"),
        record("venue.frames.tinvest", f"tinvest:{ACCOUNT}", kind="frame"),
        record("venue.frames.tinvest", f"tinvest:{ACCOUNT}", kind="heartbeat"),
    ]
    told = summary(orders, records)
    assert told.clean
    assert (told.orders, told.executions, told.matched) == (3, 3, 2)
    assert told.unmatched == {"NO_VENUE_REPLY": 1}
    assert (told.dead_letters, told.frames) == (1, 2)


def test_a_case_that_was_closed_is_not_counted_as_unmatched():
    assert summary([order()], [*whole(), unmatched(), unmatched(status="MATCHED")]).unmatched == {}


def test_lost_and_duplicated_are_counted_apart():
    told = summary([order()], [*without(is_trade(1)), execution("e1")])
    assert (told.count(Kind.LOST), told.count(Kind.DUPLICATED), told.clean) == (1, 1, False)


def test_a_retry_does_not_take_back_an_outcome():
    evidence = Evidence()
    for each in (submitted(phase="INTENT"), submitted(phase="UNKNOWN"), submitted(phase="INTENT")):
        evidence.add(each)
    assert evidence.submitted == {"o1": "UNKNOWN"}


def other(key=None, **changes):
    """An order of a venue that counts in the instrument itself, and has no id of the client's."""
    filled = VenueOrder(
        account="outpoll-1",
        order_request_id=key,
        order_id="v1",
        venue="outpoll",
        status="FILLED",
        executed="1.5",
        cancelled="0",
        final=True,
        told=True,
        trades=(VenueTrade("t1", "0.42", "1.5"),),
    )
    return msgspec.structs.replace(filled, **changes)


OF_OTHER = {
    "venue": "outpoll",
    "account": "outpoll-1",
    "venue_order_id": "v1",
    "cum_qty": "1.50",
    "ord_status": "FILLED",
}
ITS_TRADE = OF_OTHER | {"exec_type": "TRADE", "trade_id": "t1", "last_qty": "1.5", "last_px": "0.420"}


def answered(key="o1", action="NEW", name="v1"):
    fields = {"order_request_id": key, "action": action, "phase": "ACCEPTED", "venue": "outpoll"}
    return record("orders.submitted", "outpoll:outpoll-1", venue_order_id=name, **fields)


def findings_of(orders, *records):
    evidence = Evidence()
    for each in records:
        evidence.add(each)
    return account_for(orders, evidence).findings


def test_an_order_without_our_id_is_known_by_the_id_that_its_results_have():
    told = (execution("e1", **ITS_TRADE), latest(**OF_OTHER))
    assert findings_of([other()], answered(), *told) == ()
    # The call was not answered, and the processors found which order it made.
    assert findings_of([other()], submitted(phase="UNKNOWN"), *told) == ()


def test_a_state_that_was_withdrawn_names_nothing():
    first = latest("outpoll:v1", **OF_OTHER, join_status="PENDING")
    withdrawn = execution("", "outpoll:v1", topic="orders.latest", tombstone=True)
    told = (execution("e1", **ITS_TRADE), latest(**OF_OTHER))
    assert findings_of([other()], answered(), *told, first, withdrawn) == ()


def test_an_order_without_our_id_that_nobody_tells_of_is_lost():
    (lost, *_) = findings_of([other(trades=())], answered())
    assert (lost.kind, lost.order_request_id) == (Kind.LOST, "o1")


@pytest.mark.parametrize(
    ("status", "is_final", "ord_status"),
    [("ACTIVE", False, "NEW"), ("TRIGGERED", True, "TRIGGERED"), ("CANCELED", True, "CANCELED")],
)
def test_a_stop_order_is_accounted_for_like_an_order(status, is_final, ord_status):
    stop = other(status=status, final=is_final, executed=None, trades=(), is_stop=True)
    state = OF_OTHER | {"cum_qty": "0", "ord_status": ord_status}
    told = (answered(action="NEW_STOP"), execution("e1", **state), latest(**state))
    assert findings_of([stop], *told) == ()
    assert findings_of([stop], *told, latest(**state | {"ord_status": "FILLED"})) != ()


def test_the_successor_of_a_replaced_order_is_an_order():
    told = (execution("e1", **ITS_TRADE), latest(**OF_OTHER))
    assert findings_of([other()], answered(action="REPLACE"), *told) == ()
    assert findings_of([other()], answered(action="CANCEL"), *told) != ()


def test_the_summary_counts_the_orders_of_each_venue():
    assert account_for([order("a"), order("b"), other()], Evidence()).venues == {"outpoll": 1, "tinvest": 2}
