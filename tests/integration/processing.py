"""What tests of the running processor share: worker processes, a made-up day as input, and what readers see of it."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.orders import Order
from benchmarks.orders import order as order_of
from consumers.reader import Reader
from dropcopy.kafka import producer_config
from dropcopy.registry import AvroWriter, schema_ids
from dropcopy.settings import Settings
from sandbox.processes import Process
from sandbox.stack import Stack
from schemas.headers import FrameHeaders, Kind, pack
from schemas.topics import EXECUTIONS, LATEST, SUBMITTED, account_key, frames_topic

DROPCOPY = (sys.executable, "-c", "from dropcopy.cli import main; main()")
FRAMES = frames_topic("tinvest").name
CONNECTION = "00000000-0000-4000-8000-000000000000"
DAY_NS = 1_700_000_000_000_000_000
# The least that a broker allows by itself.
SESSION_S = 6

Fields = dict[str, Any]


@contextmanager
def worker(stack: Stack, folder: Path, name: str, **settings: str) -> Iterator[Process]:
    """Run a processor worker until the context is left."""
    with start_worker(stack, folder, name, **settings) as process:
        yield process


def start_worker(stack: Stack, folder: Path, name: str, **settings: str) -> Process:
    """Start a processor worker; whoever asks for it ends it."""
    environment = stack.environment | {
        "DROPCOPY_LOG_FORMAT": "json",
        "DROPCOPY_SESSION_TIMEOUT_S": str(SESSION_S),
        **{f"DROPCOPY_{setting.upper()}": value for setting, value in settings.items()},
    }
    return Process(name, [*DROPCOPY, "process"], environment=environment, folder=folder)


def wait_for_assignment(process: Process, timeout_s: float = 60) -> None:
    """Wait until the worker has taken partitions over."""
    until(lambda: process.check() or "partitions_assigned" in process.log.read_text("utf-8"), timeout_s, process.name)


def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait until a condition holds."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.05)


class Input:
    """Writes submissions and frames as a strategy and a feed would."""

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(producer_config(settings, linger_ms=5) | {"log_level": 0})
        self._write = AvroWriter("submitted", schema_ids(settings, [SUBMITTED])[SUBMITTED.name])
        self._sequence: dict[str, int] = {}
        self.frames: dict[tuple[int, int], bytes] = {}

    def submit(self, order: Order) -> None:
        """Write an order's intent."""
        value = self._write(order.submission)
        self._produce(SUBMITTED.name, value, order.account, None)

    def tell(self, order: Order, at: int, received_ns: int) -> None:
        """Write one of an order's frames."""
        self._frame(order.account, Kind.FRAME, order.frames[at], received_ns)

    def mark(self, account: str, kind: Kind, received_ns: int) -> None:
        """Write a marker of the account's feed."""
        self._frame(account, kind, b'{"feed":"test"}', received_ns)

    def flush(self) -> None:
        """Wait until the broker has it all."""
        assert self._producer.flush(60) == 0

    def _frame(self, account: str, kind: Kind, value: bytes, received_ns: int) -> None:
        sequence = self._sequence[account] = self._sequence.get(account, 0) + 1
        headers = FrameHeaders("tinvest", account, "order-state-stream", kind, CONNECTION, sequence, received_ns)
        self._produce(FRAMES, value, account, pack(headers))

    def _produce(self, topic: str, value: bytes, account: str, headers: list[tuple[str, bytes]] | None) -> None:
        while True:
            try:
                self._producer.produce(
                    topic, value, account_key("tinvest", account), headers=headers, on_delivery=self._delivered
                )
                break
            except BufferError:
                self._producer.poll(0.05)
        self._producer.poll(0)

    def _delivered(self, error: object, message: Any) -> None:
        assert error is None, error
        if message.topic() == FRAMES:
            self.frames[message.partition(), message.offset()] = message.value()


def orders_of_a_day(first: int, count: int) -> list[Order]:
    """Return orders of these numbers, which no other numbers repeat, four milliseconds apart."""
    return [order_of(number, DAY_NS + number * 4_000_000) for number in range(first, first + count)]


def write_day(target: Input, orders: Iterable[Order]) -> None:
    """Write orders step by step, as their day went: each order's frames in turn, one in five before its submission."""
    for each in orders:
        write_order(target, each)
    target.flush()


def write_order(target: Input, order: Order) -> None:
    """Write one order's day."""
    submitted_ns = int(str(order.submission["submitted_ns"]))
    early = order.delays_ns[0] < 0
    if early:
        target.tell(order, 0, submitted_ns)
    target.submit(order)
    for at in range(1 if early else 0, len(order.frames)):
        target.tell(order, at, submitted_ns + at)


def read_all(settings: Settings, *topics: str) -> dict[str, list[Any]]:
    """Return what a read_committed reader finds in topics up to their end, by topic."""
    found: dict[str, list[Any]] = {topic: [] for topic in topics}
    deadline_s = time.monotonic() + 60
    with Reader(settings, topics) as reader:
        while not reader.at_end:
            assert time.monotonic() < deadline_s, "the topics' end was not reached"
            for record in reader.poll(0.2, 10_000):
                assert record.error is None, record
                found[record.topic].append(record)
    return found


def latest_of(records: Iterable[Any]) -> dict[str, Fields]:
    """Return the newest value of each key, as compaction would leave it."""
    newest: dict[str, Fields] = {}
    for record in records:
        if record.fields.get("tombstone"):
            newest.pop(record.key, None)
        else:
            newest[record.key] = record.fields
    return newest


class Following:
    """Follows `orders.latest` until every order of a set is where it has to be."""

    def __init__(self, settings: Settings) -> None:
        self._reader = Reader(settings, [LATEST.name])
        self.latest: dict[str, Fields] = {}

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *exc: object) -> None:
        self._reader.close()

    def look(self, timeout_s: float = 0.1) -> None:
        """Take in what has come."""
        for record in self._reader.poll(timeout_s, 10_000):
            self.latest[str(record.key)] = record.fields

    def until_filled(
        self, orders: Iterable[Order], timeout_s: float, check: Callable[[], None] = lambda: None
    ) -> Mapping[str, Fields]:
        """Wait until every order is filled and matched."""
        waiting = {order.request_id for order in orders}
        deadline_s = time.monotonic() + timeout_s
        while waiting:
            check()
            assert time.monotonic() < deadline_s, (
                f"{len(waiting)} orders are not filled and matched within {timeout_s:g} s, "
                f"such as {self.latest.get(min(waiting))}"
            )
            self.look()
            waiting = {key for key in waiting if not self._done(key)}
        return self.latest

    def _done(self, key: str) -> bool:
        fields = self.latest.get(key)
        return fields is not None and (fields["ord_status"], fields["join_status"]) == ("FILLED", "MATCHED")


def check_executions(records: list[Any], orders: list[Order], sent: Mapping[tuple[int, int], bytes]) -> None:
    """Hold what came out against what was put in: all of it, once, in order, each traceable to its bytes."""
    wanted = {order.request_id: order for order in orders}
    pairs: set[tuple[str, int]] = set()
    newest: dict[str, Fields] = {}
    place: dict[str, tuple[int, int]] = {}
    filled: dict[str, Decimal] = {}
    for record in records:
        fields = record.fields
        if fields["order_request_id"] not in wanted:
            continue
        pair = (fields["exec_id"], fields["revision"])
        assert pair not in pairs, f"doubled: {fields}"
        pairs.add(pair)
        newest[fields["exec_id"]] = fields
        if fields["revision"] == 1 and fields["raw_topic"] == FRAMES:
            key = fields["order_request_id"]
            here = (fields["raw_offset"], int(fields["exec_id"].rsplit("-", 1)[1]))
            assert here > place.get(key, (-1, 0)), f"out of order: {fields}"
            assert Decimal(fields["cum_qty"]) >= filled.get(key, Decimal(0)), f"CumQty fell: {fields}"
            place[key], filled[key] = here, Decimal(fields["cum_qty"])

    by_order: dict[str, list[Fields]] = {key: [] for key in wanted}
    for fields in newest.values():
        by_order[fields["order_request_id"]].append(fields)
        assert fields["join_status"] == "MATCHED", fields
        frame = sent[fields["raw_partition"], fields["raw_offset"]]
        assert fields["raw_topic"] == FRAMES
        assert fields["order_request_id"].encode() in frame
        assert fields["trade_id"] is None or fields["trade_id"].encode() in frame
    for key, found in by_order.items():
        kinds = sorted(fields["exec_type"] for fields in found)
        assert kinds == ["NEW", "PENDING_NEW", "TRADE", "TRADE"], (key, kinds)
        assert len({fields["trade_id"] for fields in found if fields["trade_id"]}) == 2


def check_latest(latest: Mapping[str, Fields], orders: list[Order]) -> None:
    """Hold each order's end against what was put in."""
    for order in orders:
        fields = latest[order.request_id]
        assert (fields["ord_status"], fields["join_status"]) == ("FILLED", "MATCHED"), fields
        assert fields["submitted_quantity"] == order.submission["quantity"]
        assert Decimal(fields["cum_qty"]) == Decimal(fields["order_qty"])
        assert Decimal(fields["leaves_qty"]) == 0


def results(settings: Settings) -> tuple[list[Any], dict[str, Fields]]:
    """Return all executions, and each order's newest state."""
    found = read_all(settings, EXECUTIONS.name, LATEST.name)
    return found[EXECUTIONS.name], latest_of(found[LATEST.name])
