"""Whatever the stream lost, doubled or delayed: after reconciliation the state is the simulated venue's own."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.core.join import on_report, on_submission
from processors.core.lifecycle import cum_qty, status_of
from processors.core.model import Event, Order, Origin, Submission
from processors.core.state import Outcome, Partition
from processors.mappings.tinvest import reports
from sandbox.simulators.tinvest import orders as venue
from sandbox.simulators.tinvest import stop_wire, wire
from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.stops import StopAsk, StopOrder, StopStatus
from schemas.fix import Action, ExecType, JoinStatus, OrdStatus, OrdType, Phase, Side, Source
from tests.processors.core.stories import ACCOUNT, GRACE, SECOND, START, VENUE

INSTRUMENT = INSTRUMENTS[0]
STATUSES = {
    venue.Status.NEW: OrdStatus.NEW,
    venue.Status.PARTIALLYFILL: OrdStatus.PARTIALLY_FILLED,
    venue.Status.FILL: OrdStatus.FILLED,
    venue.Status.CANCELLED: OrdStatus.CANCELED,
    venue.Status.REJECTED: OrdStatus.REJECTED,
    StopStatus.ACTIVE: OrdStatus.NEW,
    StopStatus.EXECUTED: OrdStatus.TRIGGERED,
    StopStatus.CANCELED: OrdStatus.CANCELED,
    StopStatus.EXPIRED: OrdStatus.EXPIRED,
}


@dataclass
class World:
    """The venue, the line to it that loses what `fate` says, and the processor's state at its end."""

    market: Market = field(default_factory=lambda: Market(seed=1, fates={Fate.REST: 1}))
    state: Partition = field(default_factory=lambda: Partition(GRACE))
    out: Outcome = field(default_factory=Outcome)
    now_ns: int = START
    offset: int = 0
    delayed: list[bytes] = field(default_factory=list)

    def submit(self, ask: venue.Ask, phase: Phase | None) -> None:
        order = self.market.submit(ask, self.now_ns)
        self._journal(_submission(ask, Phase.INTENT, self.now_ns))
        if phase is not None:
            self._journal(_submission(ask, phase, self.now_ns, str(order.number)))

    def submit_stop(self, number: int) -> None:
        ask = StopAsk(
            account=ACCOUNT,
            request_id=_uuid(number),
            instrument=INSTRUMENT,
            instrument_id=INSTRUMENT.uid,
            direction="SELL",
            stop_order_type="STOP_LOSS",
            lots=2,
            stop_price_nano=INSTRUMENT.price_nano // 2,
            price_nano=None,
            expire_ns=None,
        )
        stop = self.market.submit_stop(ask, self.now_ns)
        for phase in (Phase.INTENT, Phase.ACCEPTED):
            self._journal(
                Submission(
                    ask.request_id,
                    VENUE,
                    ACCOUNT,
                    Action.NEW_STOP,
                    phase,
                    INSTRUMENT.uid,
                    Side.SELL,
                    OrdType.STOP,
                    None,
                    Decimal(2),
                    None,
                    self.now_ns,
                    self.now_ns,
                    stop.stop_order_id if phase is Phase.ACCEPTED else None,
                )
            )

    def cancel(self, order: venue.Order, request_id: str, phase: Phase) -> None:
        if phase is not Phase.REJECTED:
            self.market.cancel(order, self.now_ns)
        for told in (Phase.INTENT, phase):
            self._journal(_change(Action.CANCEL, order, request_id, told, self.now_ns))

    def replace(self, order: venue.Order, ask: venue.Ask, phase: Phase) -> None:
        self.market.replace(order, ask, self.now_ns)
        for told in (Phase.INTENT, phase):
            self._journal(_change(Action.REPLACE, order, ask.request_id, told, self.now_ns))

    def pass_time(self, fates: list[str]) -> None:
        """Let what is due happen; each frame is told, lost, doubled or delayed."""
        self.now_ns += SECOND
        for number, state in enumerate(self.market.advance(self.now_ns)):
            payload = stop_wire.stream_stop(state) if isinstance(state, StopOrder) else wire.stream_order(state)
            frame = json.dumps(payload).encode()
            fate = fates[number % len(fates)]
            if fate == "delay":
                self.delayed.append(frame)
            for _ in range({"tell": 1, "double": 2}.get(fate, 0)):
                self.hear(frame)

    def reconcile(self) -> None:
        """Read the venue's own state, as the reconciler does after a reconnect."""
        held = [order for order in self.market.orders(ACCOUNT) if order.told]
        self.hear(json.dumps({"orders": [wire.order_state(order) for order in held]}).encode(), "rest:GetOrders")
        stops = [stop_wire.stop_order(stop, self.market.child(stop)) for stop in self.market.stops(ACCOUNT)]
        self.hear(json.dumps({"stopOrders": stops}).encode(), "rest:GetStopOrders")

    def hear(self, value: bytes, source: str = "order-state-stream") -> None:
        known = {name: order for order in self.state.orders.values() for name in order.names} | self.state.orders

        def order_qty(request_id: str | None, name: str | None) -> Decimal | None:
            order = known.get(request_id or "") or known.get(name or "")
            return order.terms.order_qty if order is not None else None

        way = Source.RECONCILIATION if source.startswith("rest:") else Source.STREAM
        origin = self._origin("venue.frames.tinvest", way)
        at = 0
        for report in reports(value, source, ACCOUNT, order_qty):
            at = on_report(self.state, VENUE, report, origin, self.out, at)

    def newest(self) -> list[Event]:
        return list({event.exec_id: event for _, event in self.out.executions}.values())

    def _journal(self, submission: Submission) -> None:
        on_submission(self.state, submission, self._origin("orders.submitted", Source.GATEWAY), self.out)

    def _origin(self, topic: str, source: Source) -> Origin:
        self.offset += 1
        return Origin(topic, 0, self.offset, self.now_ns, source)


def _uuid(number: int) -> str:
    return f"a1b2c3d4-e5f6-4890-abcd-{number:012}"


def _ask(number: int, lots: int) -> venue.Ask:
    return venue.Ask(
        account=ACCOUNT,
        request_id=_uuid(number),
        instrument=INSTRUMENT,
        instrument_id=INSTRUMENT.uid,
        direction="BUY",
        order_type="LIMIT",
        time_in_force="DAY",
        lots=lots,
        price_nano=INSTRUMENT.price_nano,
    )


def _submission(ask: venue.Ask, phase: Phase, now_ns: int, name: str | None = None) -> Submission:
    return Submission(
        ask.request_id,
        VENUE,
        ACCOUNT,
        Action.NEW,
        phase,
        INSTRUMENT.uid,
        Side.BUY,
        OrdType.LIMIT,
        None,
        Decimal(ask.lots),
        Decimal(ask.price_nano or 0).scaleb(-9),
        now_ns,
        now_ns,
        name if phase is Phase.ACCEPTED else None,
    )


def _change(action: Action, order: venue.Order, request_id: str, phase: Phase, now_ns: int) -> Submission:
    return Submission(
        request_id,
        VENUE,
        ACCOUNT,
        action,
        phase,
        None,
        None,
        None,
        None,
        None,
        None,
        now_ns,
        now_ns,
        orig_order_request_id=order.ask.request_id,
    )


FATES = st.lists(st.sampled_from(["tell", "tell", "lose", "double", "delay"]), min_size=1, max_size=6)
ANSWERS = st.sampled_from([Phase.ACCEPTED, Phase.UNKNOWN])


@st.composite
def days(draw: st.DrawFn) -> World:
    """Draw what traders and the exchange do, and what becomes of each frame on its way."""
    world = World()
    for number in range(draw(st.integers(1, 8))):
        _do(draw, world, number)
        world.pass_time(draw(FATES))
    return world


def _do(draw: st.DrawFn, world: World, number: int) -> None:
    alive: list[Any] = [order for order in world.market.orders(ACCOUNT) if order.placed and not order.is_final]
    stops = [stop for stop in world.market.stops(ACCOUNT) if not stop.is_final]
    deed = draw(
        st.sampled_from(
            ["submit", "stop", *(["fill", "cancel", "replace"] * bool(alive)), *(["trigger", "withdraw"] * bool(stops))]
        )
    )
    if deed == "submit":
        world.submit(_ask(number, draw(st.integers(1, 3))), draw(st.none() | ANSWERS))
    elif deed == "stop":
        world.submit_stop(number)
    elif deed in ("trigger", "withdraw"):
        getattr(world.market, deed)(draw(st.sampled_from(stops)), world.now_ns)
    else:
        order = draw(st.sampled_from(alive))
        if deed == "fill":
            world.market.fill(order, draw(st.integers(1, order.lots_left)), INSTRUMENT.price_nano, world.now_ns)
        elif deed == "cancel":
            world.cancel(
                order, _uuid(900 + number), draw(st.sampled_from([Phase.ACCEPTED, Phase.UNKNOWN, Phase.REJECTED]))
            )
        else:
            world.replace(order, _ask(number, draw(st.integers(1, 3))), draw(ANSWERS))


def assert_equal(world: World) -> None:
    for order in world.market.orders(ACCOUNT):
        known = world.state.orders[order.ask.request_id]
        assert _stands(known) == STATUSES[order.status]
        assert cum_qty(known) == order.pieces_executed
        assert (known.trade_ids or set()) == {trade.trade_id for trade in order.trades}
        assert known.terms.replaced_by == order.replaced_by
        assert known.terms.replaces == order.replaces
    for stop in world.market.stops(ACCOUNT):
        known = world.state.orders[stop.ask.request_id]
        assert _stands(known) == STATUSES[stop.status]
        child = world.market.child(stop)
        assert known.terms.triggers == (child.ask.request_id if child is not None else None)
        if child is not None:
            assert world.state.orders[child.ask.request_id].terms.triggered_by == stop.ask.request_id


def _stands(order: Order) -> OrdStatus:
    # A cancel whose outcome nobody knows is still waited for, whatever else the order does.
    return status_of(replace(order, changes=None))


@settings(max_examples=300)
@given(days())
def test_after_reconciliation_the_state_is_the_venues_own(world: World) -> None:
    world.reconcile()

    assert_equal(world)
    told = Counter(event.trade_id for event in world.newest() if event.exec_type is ExecType.TRADE)
    assert told == Counter(trade.trade_id for order in world.market.orders() for trade in order.trades)
    assert all(event.join_status is JoinStatus.MATCHED for event in world.newest())
    assert not world.out.unmatched


@given(days())
def test_what_reconciliation_revealed_says_so_and_is_told_once(world: World) -> None:
    before = {event.exec_id for event in world.newest()}
    world.reconcile()
    revealed = [event for event in world.newest() if event.exec_id not in before]
    count = len(world.out.executions)
    world.reconcile()

    assert {event.source for event in revealed} <= {Source.RECONCILIATION}
    assert len(world.out.executions) == count


@given(days())
def test_a_frame_that_comes_after_its_snapshot_changes_nothing(world: World) -> None:
    world.reconcile()
    count = len([event for _, event in world.out.executions if event.exec_type is not ExecType.ORDER_STATUS])
    for frame in world.delayed:
        world.hear(frame)

    assert_equal(world)
    late = [event.exec_type for _, event in world.out.executions if event.exec_type is not ExecType.ORDER_STATUS][
        count:
    ]
    # That the broker received it, and that the exchange took it, is in no snapshot of an order that has ended.
    assert set(late) <= {ExecType.PENDING_NEW, ExecType.NEW}
