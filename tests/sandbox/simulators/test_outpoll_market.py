"""The simulated Outpoll's matching: orders add up at every step, whatever becomes of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.outpoll.fates import Fate
from sandbox.simulators.outpoll.instruments import INSTRUMENTS
from sandbox.simulators.outpoll.market import Happening, Market, shares
from sandbox.simulators.outpoll.orders import Ask, Order, Result, Status
from sandbox.simulators.outpoll.tpsl import TpslAsk, TpslOrder, TpslStatus

YES = INSTRUMENTS[0]
LATER_NS = 10**15
QUANTITIES = st.decimals("0.001", "5000", places=3)
PRICES = st.decimals("0.01", "0.99", places=2)


def limit(side: str = "BUY", quantity: Decimal = Decimal(100), price: Decimal = Decimal("0.42")) -> Ask:
    return Ask(account="mine", instrument=YES, side=side, order_type="LIMIT", price=price, quantity=quantity)


def a_market(fate: Fate, seed: int = 1) -> Market:
    return Market(seed=seed, id_seed=seed, fates={fate: 1})


def life(market: Market, ask: Ask) -> list[Happening]:
    market.submit(ask, 0)
    return [one for one in market.advance(LATER_NS) if isinstance(one, Happening)]


@given(st.sampled_from(Fate), QUANTITIES, PRICES, st.sampled_from(["BUY", "SELL"]), st.integers(0, 10**6))
def test_what_is_executed_cancelled_and_left_is_always_the_quantity(
    fate: Fate, quantity: Decimal, price: Decimal, side: str, seed: int
) -> None:
    for happening in life(a_market(fate, seed), limit(side, quantity, price)):
        order = happening.order
        assert order.executed + order.cancelled + order.left == quantity
        assert min(order.executed, order.cancelled, order.left) >= 0
        assert all(trade.quantity > 0 for trade in order.trades)
        # Nobody trades at worse than his limit.
        worst = max if side == "BUY" else min
        assert all(worst(trade.price, price) == price for trade in order.trades)
        assert all(Decimal("0.01") <= trade.price <= Decimal("0.99") for trade in order.trades)


@pytest.mark.parametrize(
    ("fate", "status", "last"),
    [
        (Fate.FILL, Status.FILLED, Result.SUCCESS),
        (Fate.PARTIAL_CANCEL, Status.CANCELED, Result.SUCCESS),
        (Fate.CANCEL, Status.CANCELED, Result.SUCCESS),
        (Fate.REJECT, Status.REJECTED, Result.FAILED),
        (Fate.REST, Status.ACTIVE, Result.SUCCESS),
    ],
)
def test_an_order_ends_as_is_its_fate_and_the_stream_says_only_success_or_failed(
    fate: Fate, status: Status, last: Result
) -> None:
    happened = life(a_market(fate), limit())
    assert (happened[-1].order.status, happened[-1].result) == (status, last)
    assert {one.result for one in happened[:-1]} <= {Result.SUCCESS}
    assert bool(happened[-1].order.trades) == (fate in (Fate.FILL, Fate.PARTIAL_CANCEL))
    assert [one.order.revision for one in happened] == list(range(1, len(happened) + 1))


@given(st.decimals("1", "1000", places=2), st.integers(0, 10**6))
def test_an_amount_of_money_buys_what_it_pays_for(amount: Decimal, seed: int) -> None:
    ask = Ask(account="mine", instrument=YES, side="BUY", order_type="MARKET", amount=amount)
    order = life(a_market(Fate.CANCEL, seed), ask)[-1].order
    assert order.status is Status.FILLED
    assert order.executed == shares(amount, YES.price)
    assert sum(trade.price * trade.quantity for trade in order.trades) <= amount


def test_a_demanded_fate_comes_first() -> None:
    market = a_market(Fate.FILL)
    market.demand(Fate.REJECT, 1)
    assert life(market, limit())[-1].order.status is Status.REJECTED
    assert life(market, limit())[-1].order.status is Status.FILLED


def test_the_same_seeds_and_calls_make_the_same_happen() -> None:
    one, other = (life(a_market(Fate.PARTIAL_CANCEL, 7), limit()) for _ in range(2))
    assert one == other
    assert one != life(a_market(Fate.PARTIAL_CANCEL, 8), limit())


@given(st.sampled_from([Fate.FILL, Fate.PARTIAL_CANCEL]), st.integers(0, 10**6), st.integers(1, 100))
def test_a_fill_of_an_order_that_trades_by_itself_makes_it_no_larger(fate: Fate, seed: int, filled: int) -> None:
    market = a_market(fate, seed)
    order = market.submit(limit(), 0)
    market.fill(order, Decimal(filled), Decimal("0.42"), 0)
    for one in market.advance(LATER_NS):
        assert isinstance(one, Happening)
        assert one.order.executed <= one.order.quantity
        assert all(trade.quantity > 0 for trade in one.order.trades)


def test_a_cancel_takes_what_is_left_and_a_second_one_nothing() -> None:
    market = a_market(Fate.REST)
    order = life(market, limit())[-1].order
    market.fill(order, Decimal(30), Decimal("0.41"), LATER_NS)
    market.cancel(order, LATER_NS)
    market.cancel(order, LATER_NS)
    filled, cancelled = market.advance(LATER_NS)
    assert isinstance(filled, Happening)
    assert isinstance(cancelled, Happening)
    assert (filled.order.status, filled.order.executed) == (Status.ACTIVE, 30)
    assert (cancelled.order.status, cancelled.order.cancelled) == (Status.CANCELED, 70)


def test_an_order_is_cancelled_before_the_venue_told_of_it_and_then_never_accepted() -> None:
    market = a_market(Fate.FILL)
    order = market.submit(limit(), 0)
    market.cancel(order, 1)
    (only,) = market.advance(LATER_NS)
    assert isinstance(only, Happening)
    assert (only.order.status, only.order.executed) == (Status.CANCELED, 0)


def test_a_cancel_that_fails_leaves_the_order_alive() -> None:
    market = a_market(Fate.REST)
    order = life(market, limit())[-1].order
    market.cancel(order, LATER_NS, fails=True)
    (failed,) = market.advance(LATER_NS)
    assert isinstance(failed, Happening)
    assert (failed.result, failed.order.status) == (Result.FAILED, Status.ACTIVE)


def test_an_ignored_order_never_happens() -> None:
    market = a_market(Fate.FILL)
    market.submit(limit(), 0, ignored=True)
    assert market.advance(LATER_NS) == []


def tpsl(take_profit: str | None = "0.60", stop_loss: str | None = "0.30") -> TpslAsk:
    profit, loss = (None if text is None else Decimal(text) for text in (take_profit, stop_loss))
    return TpslAsk(account="mine", instrument=YES, quantity=Decimal(10), take_profit=profit, stop_loss=loss)


@pytest.mark.parametrize(
    ("ask", "price", "triggered"),
    [
        (tpsl(), "0.60", True),
        (tpsl(), "0.75", True),
        (tpsl(), "0.59", False),
        (tpsl(), "0.30", True),
        (tpsl(), "0.31", False),
        (tpsl(take_profit=None), "0.99", False),
        (tpsl(stop_loss=None), "0.01", False),
    ],
)
def test_a_tpsl_order_becomes_a_market_order_once_a_bound_is_reached(ask: TpslAsk, price: str, triggered: bool) -> None:
    market = a_market(Fate.FILL)
    waiting = market.submit_tpsl(ask, 0)
    assert [one.status for one in market.advance(0) if isinstance(one, TpslOrder)] == [TpslStatus.ACTIVE]
    market.set_price(YES, Decimal(price), 1)
    happened = market.advance(LATER_NS)
    assert bool(happened) == triggered
    if triggered:
        first, last = happened[0], happened[-1]
        assert isinstance(first, TpslOrder)
        assert isinstance(last, Happening)
        assert (first.status, first.child_order_id) == (TpslStatus.TRIGGERED, last.order.order_id)
        child: Order = last.order
        assert (child.tpsl_id, child.status, child.executed) == (waiting.tpsl_id, Status.FILLED, 10)


def test_a_tpsl_order_that_was_cancelled_is_triggered_no_more() -> None:
    market = a_market(Fate.FILL)
    waiting = market.submit_tpsl(tpsl(), 0)
    market.withdraw(waiting, 1)
    market.advance(1)
    market.set_price(YES, Decimal("0.9"), 2)
    assert market.advance(LATER_NS) == []


def test_a_position_is_what_was_bought_and_not_sold_again() -> None:
    market = a_market(Fate.FILL)
    life(market, limit("BUY", Decimal(100)))
    life(market, limit("SELL", Decimal(30)))
    assert market.position("mine", YES) == 70
    assert market.position("yours", YES) == 0
