"""The simulated exchange without a clock or a socket: whatever is asked of it, its books are right."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.ripio import wire
from sandbox.simulators.ripio.fates import Fate
from sandbox.simulators.ripio.keys import Account
from sandbox.simulators.ripio.market import Event, Market
from sandbox.simulators.ripio.orders import Ask, Order, Status, Update
from sandbox.simulators.ripio.pairs import CURRENCIES, PAIRS
from sandbox.simulators.ripio.values import as_json

HOUR_NS = 3600 * 10**9
BTC = PAIRS[0]
ZERO = Decimal(0)


def an_ask(**changes: object) -> Ask:
    facts: dict[str, object] = {
        "account": "main",
        "external_id": None,
        "pair": BTC,
        "side": "buy",
        "order_type": "limit",
        "amount": Decimal("0.5"),
        "price": Decimal(290_000),
    }
    return Ask(**(facts | changes))


def by_value(value: str = "1000", **changes: object) -> Ask:
    return an_ask(order_type="market", amount=None, price=None, value=Decimal(value), **changes)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    pair = draw(st.sampled_from(PAIRS))
    kind = draw(st.sampled_from(["limit", "market", "value", "stop_limit", "trailing"]))
    amount = pair.amount_tick * draw(st.integers(1, 10**9))
    price = pair.price + pair.price_tick * draw(st.integers(-50, 50))
    of_kind: dict[str, dict[str, object]] = {
        "limit": {"price": price, "immediate_or_cancel": draw(st.booleans())},
        "market": {"price": None},
        "value": {"price": None, "amount": None, "value": pair.min_value * draw(st.integers(1, 1000))},
        "stop_limit": {"price": price, "stop_price": price},
        "trailing": {"price": None, "distance": pair.price_tick},
    }
    common = {"pair": pair, "side": draw(st.sampled_from(["buy", "sell"])), "amount": amount}
    return an_ask(order_type=kind, **(common | of_kind[kind]))


def a_market(*fates: Fate, **options: object) -> Market:
    return Market(["main"], seed=1, **({"fates": dict.fromkeys(fates, 1)} if fates else {}), **options)


def life(ask: Ask, fate: Fate, **options: object) -> list[Event]:
    market = a_market(**options)
    market.submit(ask, fate, 0)
    return market.advance(HOUR_NS)


def is_right(order: Order) -> bool:
    ends = order.status in (Status.CANCELED, Status.EXECUTED_COMPLETELY)
    within = order.price is None or all(
        trade.price <= order.price if order.ask.side == "buy" else trade.price >= order.price for trade in order.trades
    )
    amounts = (
        order.executed_value <= (order.ask.value or ZERO)
        if order.amount is None
        else order.executed + order.unfilled == order.amount and order.unfilled >= 0
    )
    ids = {trade.trade_id for trade in order.trades}
    return ends == order.is_final and within and amounts and len(ids) == len(order.trades)


@given(
    st.lists(asks(), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 7)), max_size=20),
)
def test_whatever_happens_amounts_add_up_and_no_trade_is_worse_than_its_limit(
    wanted: list[Ask], moments: list[tuple[int, int]]
) -> None:
    market, now_ns = a_market(), 0
    orders = [market.submit(ask, market.draw(), now_ns) for ask in wanted]
    for pause_ns, chosen in moments:
        now_ns += pause_ns
        assert all(is_right(event.order) for event in market.advance(now_ns))
        order = market.find("main", order_id=orders[chosen % len(orders)].order_id)
        assert order is not None
        if order.told and order.amount is not None and order.price is not None and chosen % 2:
            market.update(order, Update(order.price, order.executed + order.ask.pair.amount_tick), now_ns)
        elif order.told:
            market.cancel(order, now_ns)
    assert all(is_right(event.order) for event in market.advance(now_ns + HOUR_NS))


@given(st.lists(asks(), min_size=1, max_size=8))
def test_when_all_orders_have_ended_nothing_is_locked_and_the_wallet_is_what_the_trades_made_of_it(
    wanted: list[Ask],
) -> None:
    market = a_market()
    before = {currency: market.wallets.available("main", currency) for currency in CURRENCIES}
    for ask in wanted:
        market.submit(ask, Fate.FILL, 0)
    market.advance(HOUR_NS)
    expected = dict(before)
    for order in market.orders():
        assert order.is_final
        pair, sign = order.ask.pair, 1 if order.ask.side == "buy" else -1
        expected[pair.base] += sign * order.executed
        expected[pair.quote] -= sign * order.executed_value
        expected[pair.base if sign > 0 else pair.quote] -= order.fees
    assert {currency: market.wallets.locked("main", currency) for currency in CURRENCIES} == dict.fromkeys(before, 0)
    assert {currency: market.wallets.available("main", currency) for currency in CURRENCIES} == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_tells_the_same_story(seed: int) -> None:
    def story() -> list[Event]:
        market = Market(["main"], seed=seed)
        for ask in (an_ask(), by_value(), an_ask(side="sell")):
            market.submit(ask, market.draw(), 0)
        return market.advance(HOUR_NS)

    assert story() == story()


def test_an_order_rests_with_its_money_locked_until_it_is_canceled() -> None:
    market = a_market()
    order = market.submit(an_ask(), Fate.REST, 0)
    (event,) = market.advance(HOUR_NS)
    assert event.order.status is Status.OPEN
    assert market.wallets.locked("main", "BRL") == 145_000
    market.cancel(order, HOUR_NS)
    (event,) = market.advance(HOUR_NS)
    assert (event.order.status, event.order.unfilled) == (Status.CANCELED, Decimal("0.5"))
    assert market.wallets.locked("main", "BRL") == 0


def test_an_order_by_value_has_an_amount_once_it_has_ended_and_leaves_less_than_a_tick_of_its_money() -> None:
    events = life(by_value(), Fate.FILL)
    first, last = events[0].order, events[-1].order
    body = [wire.Words().stream(order, ACCOUNT) for order in (first, last)]
    assert (first.status, body[0]["amount"], body[0]["remaining_amount"]) == (Status.OPEN, 0, 0)
    assert (last.status, body[1]["amount"]) == (Status.EXECUTED_COMPLETELY, last.executed)
    assert ZERO <= 1000 - last.executed_value < Decimal("0.01")


ENDS = [
    (an_ask(), Fate.FILL, Status.EXECUTED_COMPLETELY),
    (an_ask(), Fate.CANCEL, Status.CANCELED),
    (an_ask(), Fate.PARTIAL_CANCEL, Status.CANCELED),
    (an_ask(), Fate.REST, Status.OPEN),
    (an_ask(price=None), Fate.REST, Status.EXECUTED_COMPLETELY),
    (an_ask(price=None), Fate.CANCEL, Status.EXECUTED_COMPLETELY),
    (by_value(), Fate.PARTIAL_CANCEL, Status.EXECUTED_COMPLETELY),
    (an_ask(immediate_or_cancel=True), Fate.REST, Status.CANCELED),
    (an_ask(immediate_or_cancel=True), Fate.PARTIAL_CANCEL, Status.CANCELED),
    (an_ask(fill_or_kill=True), Fate.PARTIAL_CANCEL, Status.CANCELED),
    (an_ask(stop_price=Decimal(310_000)), Fate.FILL, Status.EXECUTED_COMPLETELY),
    (an_ask(stop_price=Decimal(310_000)), Fate.REST, Status.OPEN),
    (an_ask(expire_ns=10**9), Fate.REST, Status.CANCELED),
]


@pytest.mark.parametrize(("ask", "fate", "status"), ENDS)
def test_an_order_ends_as_its_kind_and_its_fate_have_it(ask: Ask, fate: Fate, status: Status) -> None:
    assert life(ask, fate)[-1].order.status is status


def test_all_or_nothing_is_nothing_where_it_is_not_all() -> None:
    assert life(an_ask(fill_or_kill=True), Fate.PARTIAL_CANCEL)[-1].order.trades == ()


def test_after_a_partial_fill_what_is_canceled_stays_in_the_remaining_amount() -> None:
    order = life(an_ask(), Fate.PARTIAL_CANCEL)[-1].order
    assert order.executed > 0
    assert order.unfilled == Decimal("0.5") - order.executed > 0
    assert order.left == 0


def test_a_venue_in_observed_words_says_pending_creation_and_then_waiting() -> None:
    words = wire.Words(observed=True)
    told = [words.status(event.order) for event in life(an_ask(), Fate.FILL, observed=True)]
    assert told[:2] == ["pending_creation", "waiting"]
    assert told[-1] == "executed_completely"


@pytest.mark.parametrize(
    ("ask", "prices", "triggered"),
    [
        (an_ask(side="sell", stop_price=Decimal(280_000)), [290_000, 281_000], False),
        (an_ask(side="sell", stop_price=Decimal(280_000)), [290_000, 279_000], True),
        (an_ask(side="buy", stop_price=Decimal(310_000)), [310_000], True),
        (an_ask(side="sell", distance=Decimal(5_000)), [310_000, 306_000], False),
        (an_ask(side="sell", distance=Decimal(5_000)), [310_000, 305_000], True),
        (an_ask(side="buy", distance=Decimal(5_000)), [290_000, 295_000], True),
        (an_ask(side="sell", distance=Decimal(5_000)), [320_000], False),
    ],
)
def test_a_stop_waits_for_its_price_and_a_trailing_one_for_its_distance_from_the_best(
    ask: Ask, prices: list[int], triggered: bool
) -> None:
    market = a_market()
    market.submit(ask, Fate.REST, 0)
    for price in prices:
        market.set_price(BTC, Decimal(price), 1)
    (order,) = [event.order for event in market.advance(1)][-1:]
    assert order.triggered is triggered
    assert order.status is Status.OPEN


def test_an_update_is_not_told_unless_the_venue_tells_updates_and_shows_in_what_comes_next() -> None:
    for tells in (False, True):
        market = a_market(tells_updates=tells)
        order = market.submit(an_ask(), Fate.REST, 0)
        market.advance(0)
        market.update(order, Update(Decimal(280_000), Decimal("0.4")), 1)
        (event,) = market.advance(1)
        assert event.tells_status is tells
        market.cancel(order, 2)
        (event,) = market.advance(2)
        assert (event.order.price, event.order.amount) == (280_000, Decimal("0.4"))


def test_the_newest_of_two_orders_with_one_external_id_is_found_whatever_its_case() -> None:
    market = a_market()
    market.submit(an_ask(external_id="aB"), Fate.REST, 0)
    second = market.submit(an_ask(external_id="Ab"), Fate.REST, 0)
    found = market.find("main", external_id="AB")
    assert found is not None
    assert found.order_id == second.order_id
    assert market.find("other", external_id="AB") is None
    assert market.find("other", order_id=second.order_id) is None


ACCOUNT = Account(name="main", user_id="U", api_token="T", api_secret="S")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("1.0", "1"),
        ("300000", "300000"),
        ("0.00001", "0.00001"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("0.00000123", "0.00000123"),
        ("0.00000012", "1.2e-7"),
        ("-0.0000005", "-5e-7"),
        ("1E+3", "1000"),
        ("123456789.12345678", "123456789.12345678"),
    ],
)
def test_numbers_are_written_as_javascript_does(value: str, text: str) -> None:
    assert as_json(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_no_digit_of_a_number_is_lost_on_the_wire(value: Decimal) -> None:
    assert json.loads(as_json({"n": [value]}), parse_float=Decimal, parse_int=Decimal) == {"n": [value]}
