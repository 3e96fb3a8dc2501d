"""A shard whose records are read back: what was published, the newest of each order, and the state that was kept."""

import io
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import fastavro

from processors.core import feeds
from processors.core.join import on_report, on_submission
from processors.core.lifecycle import FINAL, avg_px, quantities, status_of
from processors.core.model import Order, Origin, Report, Submission
from processors.core.state import joined
from processors.encoding.results import Encoders
from processors.encoding.state import decode_state
from processors.encoding.submissions import SubmissionReader
from processors.mappings import tinvest
from processors.shard import Shard
from schemas import topics
from schemas.fix import JoinStatus, Source
from schemas.headers import FrameHeaders, Kind
from schemas.records import schema
from tests.processors.core.stories import GRACE, SECOND, START, VENUE
from tests.processors.test_shard import FRAMES, IDS, SUBMITTED_ID, not_known

Fields = dict[str, Any]
_SCHEMAS = {
    topics.EXECUTIONS.name: "execution",
    topics.LATEST.name: "execution",
    topics.UNMATCHED.name: "unmatched",
    topics.FEEDS_STATUS.name: "feed_status",
}
_PARSED = {topic: fastavro.parse_schema(schema(name)) for topic, name in _SCHEMAS.items()}


class Desk:
    """One partition: what is told to it, and what it writes."""

    def __init__(self) -> None:
        self.executions: list[Fields] = []
        self.latest: dict[str, Fields] = {}
        self.unmatched: list[Fields] = []
        self.feeds: list[Fields] = []
        self.kept: dict[str, bytes] = {}
        self.now_ns = START
        self.offset = 0
        self._begin()

    def _begin(self) -> None:
        reader = SubmissionReader(SUBMITTED_ID, not_known)
        self.shard = Shard(0, 1, GRACE, {VENUE: tinvest.reports}, Encoders(IDS), reader)
        for topic in (topics.SUBMITTED.name, FRAMES):
            self.shard.take(topic, [], at_end=True)

    @property
    def orders(self) -> dict[str, Order]:
        return self.shard.state.orders

    def submit(self, item: Submission) -> None:
        origin = self._origin(topics.SUBMITTED.name, Source.GATEWAY)
        on_submission(self.shard.state, item, origin, self.shard._out)

    def tell(self, items: Sequence[Report], source: Source = Source.STREAM) -> None:
        """Tell of orders of one account in one record."""
        origin, index, state, out = self._origin(FRAMES, source), 0, self.shard.state, self.shard._out
        for item in items:
            index = on_report(state, VENUE, item, origin, out, index)
        name = items[0].account
        key = f"{VENUE}:{name}"
        account = feeds.account_of(state, key, VENUE, name)
        feeds.hear(key, account, f"c-{name}", self.offset, self.now_ns, out)

    def mark(self, account: str, kind: Kind, unread: tuple[str, ...] = ()) -> None:
        origin = self._origin(FRAMES, Source.STREAM)
        headers = FrameHeaders(VENUE, account, "s", kind.value, f"c-{account}", self.offset, self.now_ns)
        feeds.on_marker(self.shard.state, headers, "main", "reset", origin, self.shard._out, unread)

    def tick(self) -> None:
        self.shard.tick(self.now_ns)

    def wait(self, seconds: int) -> None:
        self.now_ns += seconds * SECOND

    def restart(self) -> None:
        """Begin anew with what was kept."""
        self.finish()
        self._begin()
        self.shard.restore({key.encode(): value for key, value in self.kept.items()})

    def finish(self) -> None:
        """Write the round; what is kept of each order is what is known of it."""
        for topic, value, key, *_ in self.shard.finish():
            self._take(topic, str(key), value)
        known = {f"o:{key}": order for key, order in self.orders.items()}
        assert {key: decode_state(value) for key, value in self.kept.items() if key.startswith("o:")} == known

    def _take(self, topic: str, key: str, value: bytes | None) -> None:
        if topic == topics.STATE.name:
            self._keep(self.kept, key, value)
            return
        fields = None
        if value is not None:
            read = fastavro.schemaless_reader(io.BytesIO(value[5:]), _PARSED[topic], None)
            assert isinstance(read, dict)
            fields = read
        if topic == topics.LATEST.name:
            self._keep(self.latest, key, fields)
        elif fields is not None:
            by_topic = {topics.EXECUTIONS.name: self.executions, topics.UNMATCHED.name: self.unmatched}
            by_topic.get(topic, self.feeds).append(fields)

    @staticmethod
    def _keep(known: dict[str, Any], key: str, value: Any) -> None:
        if value is None:
            known.pop(key, None)
        else:
            known[key] = value

    def _origin(self, topic: str, source: Source) -> Origin:
        self.offset += 1
        return Origin(topic, 0, self.offset, self.now_ns, source)


def assert_sound(desk: Desk) -> None:
    """Hold what holds of all that was ever published; nothing may have been forgotten for its age."""
    event_ids = [record["event_id"] for record in (*desk.executions, *desk.unmatched)]
    assert len(event_ids) == len(set(event_ids))
    revisions: dict[str, list[int]] = defaultdict(list)
    for fields in desk.executions:
        revisions[fields["exec_id"]].append(fields["revision"])
        _assert_adds_up(fields)
    assert all(found == list(range(1, len(found) + 1)) for found in revisions.values())
    newest = {fields["exec_id"]: fields for fields in desk.executions}.values()
    assert set(desk.latest) <= set(desk.orders)
    assert {fields["order_request_id"] for fields in newest} <= set(desk.orders)
    for key, order in desk.orders.items():
        _assert_told(order, desk.latest.get(key), [f for f in newest if f["order_request_id"] == key])
        _assert_missed(order, [fields for fields in desk.unmatched if fields["order_request_id"] == key])


def _assert_adds_up(fields: Fields) -> None:
    cum, leaves, wanted = (_number(fields[name]) for name in ("cum_qty", "leaves_qty", "order_qty"))
    assert cum is not None
    if fields["ord_status"] in FINAL:
        assert leaves == 0
    elif leaves is not None and wanted is not None:
        assert leaves == max(wanted - cum, Decimal(0))
    assert cum >= (_number(fields["last_qty"]) or 0)
    assert cum == 0 or fields["ord_status"] not in ("NEW", "PENDING_NEW")


def _assert_told(order: Order, latest: Fields | None, newest: list[Fields]) -> None:
    if latest is None:
        assert not newest
        return
    cum, leaves = quantities(order)
    assert latest["ord_status"] == status_of(order)
    assert _number(latest["cum_qty"]) == cum
    assert _number(latest["leaves_qty"]) == leaves or not newest
    assert _number(latest["avg_px"]) == (avg_px(order) if order.notional else None)
    assert (latest["replaces"], latest["replaced_by"]) == (order.terms.replaces, order.terms.replaced_by)
    assert (latest["triggers"], latest["triggered_by"]) == (order.terms.triggers, order.terms.triggered_by)
    missed = JoinStatus.PENDING if order.unmatched_reason is None else JoinStatus.UNMATCHED
    assert {f["join_status"] for f in (*newest, latest)} == {JoinStatus.MATCHED if joined(order) else missed}
    assert sorted(f["trade_id"] for f in newest if f["trade_id"]) == sorted(order.trade_ids or ())
    assert bool(order.ended_ns) is (status_of(order) in FINAL)


def _assert_missed(order: Order, records: list[Fields]) -> None:
    assert [fields["revision"] for fields in records] == list(range(1, len(records) + 1))
    stands = (records[-1]["status"], records[-1]["reason"]) if records else (JoinStatus.MATCHED, None)
    assert stands[0] == (JoinStatus.MATCHED if order.unmatched_reason is None else JoinStatus.UNMATCHED)
    assert order.unmatched_reason in (None, stands[1])


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
