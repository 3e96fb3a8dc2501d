"""The simulated exchange without a clock or a socket: whatever is asked of it, its books are right."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.tinvest import wire
from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Ask, Cause, Order, Status
from sandbox.simulators.tinvest.stops import StopAsk, StopOrder, StopStatus

HOUR_NS = 3600 * 10**9


def an_ask(request_id: str = "11111111-1111-4111-8111-111111111111", **changes: object) -> Ask:
    facts: dict[str, object] = {
        "account": "2000000001",
        "request_id": request_id,
        "instrument": INSTRUMENTS[0],
        "instrument_id": INSTRUMENTS[0].figi,
        "direction": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "DAY",
        "lots": 7,
        "price_nano": INSTRUMENTS[0].price_nano,
    }
    return Ask(**(facts | changes))


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    instrument = draw(st.sampled_from(INSTRUMENTS))
    order_type = draw(st.sampled_from(["LIMIT", "MARKET", "BESTPRICE"]))
    return an_ask(
        request_id=str(draw(st.uuids())),
        instrument=instrument,
        direction=draw(st.sampled_from(["BUY", "SELL"])),
        order_type=order_type,
        time_in_force=draw(st.sampled_from(["DAY", "FILL_AND_KILL", "FILL_OR_KILL"])),
        lots=draw(st.integers(1, 1000)),
        price_nano=instrument.step_nano * draw(st.integers(1, 10_000)) if order_type == "LIMIT" else None,
    )


def balanced(order: Order) -> bool:
    lot = order.ask.instrument.lot_size
    return (
        order.lots_executed + order.lots_cancelled + order.lots_left == order.ask.lots
        and min(order.lots_executed, order.lots_cancelled, order.lots_left) >= 0
        and sum(trade.pieces for trade in order.trades) == order.lots_executed * lot
        and len({trade.trade_id for trade in order.trades}) == len(order.trades)
    )


def life(ask: Ask, fate: Fate, seed: int = 1) -> list[Order]:
    market = Market(seed=seed, fates={fate: 1})
    market.submit(ask, 0)
    return market.advance(HOUR_NS)


@given(
    st.lists(asks(), min_size=1, max_size=8, unique_by=lambda ask: ask.request_id),
    st.integers(),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 7)), max_size=20),
)
def test_lots_always_add_up_and_trades_are_the_lots_executed(
    wanted: list[Ask], seed: int, moments: list[tuple[int, int]]
) -> None:
    market, now_ns = Market(seed=seed), 0
    for ask in wanted:
        market.submit(ask, now_ns)
    for pause_ns, cancelled in moments:
        now_ns += pause_ns
        assert all(balanced(order) for order in market.advance(now_ns))
        order = market.orders()[cancelled % len(wanted)]
        if order.told and not order.is_final:
            market.cancel(order, now_ns)
    assert all(balanced(order) for order in market.advance(now_ns + HOUR_NS))
    assert all(order.is_final and balanced(order) for order in market.orders())


@given(asks(), st.sampled_from([Fate.FILL, Fate.HIDDEN_CANCEL]), st.integers(), st.integers(1, 10**9))
def test_a_fill_of_an_order_that_trades_by_itself_makes_it_no_larger(
    ask: Ask, fate: Fate, seed: int, moment_ns: int
) -> None:
    market = Market(seed=seed, fates={fate: 1})
    order = market.submit(ask, 0)
    market.fill(order, ask.lots, 300 * 10**9, moment_ns)
    assert all(balanced(after) for after in market.advance(HOUR_NS))


def a_stop_ask(request_id: str, **changes: object) -> StopAsk:
    facts: dict[str, object] = {
        "account": "2000000001",
        "request_id": request_id,
        "instrument": INSTRUMENTS[0],
        "instrument_id": INSTRUMENTS[0].figi,
        "direction": "SELL",
        "stop_order_type": "STOP_LOSS",
        "lots": 3,
        "stop_price_nano": 290 * 10**9,
        "price_nano": None,
        "expire_ns": None,
    }
    return StopAsk(**(facts | changes))


WISHES = st.lists(
    st.tuples(
        st.sampled_from(["order", "replace", "cancel", "stop", "withdraw", "expire", "trigger", "price"]),
        st.integers(0, 7),
        st.integers(0, 10**9),
    ),
    max_size=30,
)


@given(WISHES, st.integers())
def test_whatever_is_wished_for_the_books_are_right_and_the_links_are_whole(
    wishes: list[tuple[str, int, int]], seed: int
) -> None:
    market, now_ns = Market(seed=seed), 0
    for n, (wish, which, pause_ns) in enumerate(wishes):
        now_ns += pause_ns
        for state in market.advance(now_ns):
            assert state.told
            assert isinstance(state, StopOrder) or balanced(state)
        live = [order for order in market.orders() if order.told and not order.is_final]
        waiting = [stop for stop in market.stops() if stop.told and not stop.is_final]
        match wish:
            case "order":
                market.submit(an_ask(request_id=f"{n}"), now_ns)
            case "stop":
                market.submit_stop(a_stop_ask(f"{n}", expire_ns=now_ns + 10**9 if which == 0 else None), now_ns)
            case "price":
                market.set_price(INSTRUMENTS[0], (288 + which) * 10**9, now_ns)
            case "cancel" if live:
                market.cancel(live[which % len(live)], now_ns)
            case "replace" if live:
                old = live[which % len(live)]
                market.replace(old, replace(old.ask, request_id=f"{n}", lots=which + 1), now_ns)
            case "withdraw" | "expire" | "trigger" if waiting:
                getattr(market, wish)(waiting[which % len(waiting)], now_ns)
    market.advance(now_ns + HOUR_NS)
    orders = {order.ask.request_id: order for order in market.orders()}
    assert all(order.is_final and balanced(order) for order in orders.values())
    for key, order in orders.items():
        assert order.replaced_by is None or orders[order.replaced_by].replaces == key
        assert order.replaces is None or orders[order.replaces].replaced_by == key
    children = {order.stop_order_id for order in orders.values()} - {None}
    assert children == {stop.stop_order_id for stop in market.stops() if stop.status is StopStatus.EXECUTED}
    assert all((child := market.child(stop)) is None or child.ask.lots == 3 for stop in market.stops())


@given(asks(), st.sampled_from(list(Fate)), st.integers())
def test_an_order_moves_only_forward(ask: Ask, fate: Fate, seed: int) -> None:
    states = life(ask, fate, seed)
    assert [order.lots_executed for order in states] == sorted(order.lots_executed for order in states)
    assert [order.changed_ns for order in states] == sorted(order.changed_ns for order in states)
    assert not any(order.is_final for order in states[:-1])


@given(asks(), st.sampled_from(list(Fate)), st.integers())
def test_no_trade_is_worse_than_the_limit(ask: Ask, fate: Fate, seed: int) -> None:
    prices = [trade.price_nano for trade in life(ask, fate, seed)[-1].trades]
    assert all(price % ask.instrument.step_nano == 0 and price > 0 for price in prices)
    if ask.price_nano is not None:
        assert all(price <= ask.price_nano if ask.direction == "BUY" else price >= ask.price_nano for price in prices)


@given(asks(), st.integers())
def test_fill_or_kill_fills_whole_or_not_at_all(ask: Ask, seed: int) -> None:
    for fate in Fate:
        order = life(an_ask(lots=ask.lots, time_in_force="FILL_OR_KILL"), fate, seed)[-1]
        assert order.lots_executed in (0, ask.lots)
        assert order.is_final


def test_the_first_message_has_the_clients_key_as_id_and_the_second_the_exchanges() -> None:
    first, second, *_ = life(an_ask(), Fate.FILL)
    assert (first.order_id, first.status) == (first.ask.request_id, Status.NEW)
    assert second.order_id == second.exchange_id != first.order_id
    assert second.changed_ns - first.changed_ns < 100_000_000


def test_after_a_partial_fill_the_stream_never_says_cancelled() -> None:
    for seed in range(50):
        last = life(an_ask(), Fate.HIDDEN_CANCEL, seed)[-1]
        assert last.trades
        assert last.lots_cancelled > 0
        assert (last.stream_status, last.status) == (Status.PARTIALLYFILL, Status.CANCELLED)


def test_without_a_fill_a_cancel_is_called_so_and_has_a_cause() -> None:
    causes = {life(an_ask(), Fate.CANCEL, seed)[-1].cause for seed in range(50)}
    assert {life(an_ask(), Fate.CANCEL, seed)[-1].stream_status for seed in range(50)} == {Status.CANCELLED}
    assert len(causes) == 5
    assert Cause.UNSPECIFIED not in causes


def test_a_rejected_order_never_gets_a_number() -> None:
    for seed in range(20):
        *_, last = life(an_ask(), Fate.REJECT, seed)
        assert last.status is Status.REJECTED
        assert last.exchange_id is None
        assert last.cause in (Cause.REJECTED_BY_BROKER, Cause.REJECTED_BY_EXCHANGE)


def test_a_market_order_is_filled_the_moment_it_is_placed() -> None:
    _, placed, *fills = life(an_ask(order_type="MARKET", price_nano=None), Fate.FILL)
    assert fills[-1].status is Status.FILL
    assert {fill.changed_ns for fill in fills} == {placed.changed_ns}


def test_an_order_that_rests_lies_there_until_its_client_cancels_it() -> None:
    market = Market(seed=1, fates={Fate.REST: 1})
    order = market.submit(an_ask(), 0)
    assert [state.status for state in market.advance(HOUR_NS)] == [Status.NEW, Status.NEW]
    market.cancel(order, HOUR_NS)
    (cancelled,) = market.advance(HOUR_NS)
    assert (cancelled.status, cancelled.cause) == (Status.CANCELLED, Cause.CANCELLED_BY_CLIENT)


def test_the_same_key_is_the_same_order() -> None:
    market = Market(seed=1)
    market.submit(an_ask(), 0)
    market.advance(HOUR_NS)
    again = market.submit(an_ask(lots=99), HOUR_NS)
    assert again.ask.lots == 7
    assert again.is_final
    assert len(market.orders()) == 1
    assert market.submit(an_ask(account="2000000002"), HOUR_NS).ask.account == "2000000002"


def test_an_ignored_order_is_never_told_of() -> None:
    market = Market(seed=1)
    market.submit(an_ask(), 0, ignored=True)
    assert market.advance(HOUR_NS) == []
    (order,) = market.orders()
    assert not order.told
    assert not order.is_final


def test_with_the_same_seed_the_same_happens() -> None:
    def run() -> list[Order]:
        market, random = Market(seed=5), Random(5)
        for n in range(20):
            market.submit(an_ask(request_id=f"{n}", lots=random.randint(1, 9)), n)
        return market.advance(HOUR_NS)

    assert run() == run()


def test_demanded_fates_come_first_then_the_others() -> None:
    market = Market(seed=1, fates={Fate.FILL: 1})
    market.demand(Fate.REJECT, 2)
    for n in range(3):
        market.submit(an_ask(request_id=f"{n}"), 0)
    market.advance(HOUR_NS)
    assert [order.status for order in market.orders()] == [Status.REJECTED, Status.REJECTED, Status.FILL]


def test_the_mean_life_of_a_limit_order_is_about_two_seconds() -> None:
    lives_s = [life(an_ask(), Fate.FILL, seed)[-1].changed_ns / 1e9 for seed in range(400)]
    assert 1 < sum(lives_s) / len(lives_s) < 3


@given(asks(), st.sampled_from(list(Fate)), st.integers())
def test_the_ledger_tells_what_the_stream_told_last(ask: Ask, fate: Fate, seed: int) -> None:
    last = life(ask, fate, seed)[-1]
    entry, told = wire.ledger_entry(last), wire.stream_order(last)["orderState"]
    assert str(entry["lots_executed"]) == told["lotsExecuted"]
    assert str(entry["lots_cancelled"]) == told["lotsCancelled"]
    assert [trade["trade_id"] for trade in entry["trades"]] == [trade["tradeId"] for trade in told["trades"]]
    assert entry["final"] == ("completionTime" in told)
