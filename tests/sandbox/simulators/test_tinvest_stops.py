"""When a stop order is triggered: a pure matter of the prices it has seen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.stops import (
    Accept,
    Expire,
    StopAsk,
    StopOrder,
    StopStatus,
    Trailing,
    Trigger,
    Withdraw,
    child_ask,
    take_stop,
    watch,
)

GIGA = 10**9
PRICES = st.integers(1, 1000).map(lambda units: units * GIGA)


def a_stop(
    direction: str = "SELL",
    kind: str = "STOP_LOSS",
    stop_price_nano: int = 100 * GIGA,
    trailing: Trailing | None = None,
) -> StopOrder:
    ask = StopAsk(
        account="A",
        request_id="11111111-1111-4111-8111-111111111111",
        instrument=INSTRUMENTS[0],
        instrument_id=INSTRUMENTS[0].figi,
        direction=direction,
        stop_order_type=kind,
        lots=1,
        stop_price_nano=stop_price_nano,
        price_nano=None,
        expire_ns=None,
        trailing=trailing,
    )
    return StopOrder(ask=ask, stop_order_id="S", created_ns=0, changed_ns=0, told=True)


@pytest.mark.parametrize(
    ("direction", "kind", "above", "below"),
    [
        ("SELL", "STOP_LOSS", False, True),
        ("SELL", "STOP_LIMIT", False, True),
        ("SELL", "TAKE_PROFIT", True, False),
        ("BUY", "STOP_LOSS", True, False),
        ("BUY", "STOP_LIMIT", True, False),
        ("BUY", "TAKE_PROFIT", False, True),
    ],
)
@given(stop_price_nano=PRICES, off_nano=st.integers(1, GIGA // 2))
def test_a_price_triggers_it_on_its_own_side_and_where_they_meet(
    direction: str, kind: str, above: bool, below: bool, stop_price_nano: int, off_nano: int
) -> None:
    stop = a_stop(direction, kind, stop_price_nano)
    assert watch(stop, stop_price_nano + off_nano)[1] is above
    assert watch(stop, stop_price_nano - off_nano)[1] is below
    assert watch(stop, stop_price_nano)[1]


@given(st.lists(PRICES, min_size=1, max_size=30), st.integers(1, 50), st.sampled_from(["SELL", "BUY"]))
def test_a_trailing_one_goes_when_the_price_comes_back_by_its_indent_from_the_best_since_it_was_set_off(
    prices: list[int], indent: int, direction: str
) -> None:
    stop = a_stop(direction, "TAKE_PROFIT", 500 * GIGA, Trailing(indent * GIGA, "ABSOLUTE"))
    seen: list[int] = []
    for price in prices:
        stop, triggered = watch(stop, price)
        is_set_off = bool(seen) or (price >= 500 * GIGA if direction == "SELL" else price <= 500 * GIGA)
        seen += [price] if is_set_off else []
        best = (max if direction == "SELL" else min)(seen, default=price)
        assert triggered == (len(seen) > 1 and abs(best - price) >= indent * GIGA)
        if triggered:
            return


def test_a_relative_indent_is_a_percentage_of_the_best_price() -> None:
    stop = a_stop("SELL", "TAKE_PROFIT", 100 * GIGA, Trailing(5 * GIGA, "RELATIVE"))
    stop, _ = watch(stop, 200 * GIGA)
    assert not watch(stop, 191 * GIGA)[1]
    assert watch(stop, 190 * GIGA)[1]


@given(PRICES, st.sampled_from(["SELL", "BUY"]), st.integers(0, 90))
def test_a_trailing_childs_limit_is_worse_by_the_spread_and_lies_on_a_step(
    price_nano: int, direction: str, spread: int
) -> None:
    trailing = Trailing(GIGA, "ABSOLUTE", spread * GIGA, "RELATIVE")
    after = take_stop(a_stop(direction, "TAKE_PROFIT", trailing=trailing), Trigger(price_nano, "child"), 1)
    assert after is not None
    ask = child_ask(after)
    assert (ask.order_type == "MARKET") == (spread == 0)
    if ask.price_nano is not None:
        assert ask.price_nano > 0
        assert ask.price_nano % ask.instrument.step_nano == 0
        assert (ask.price_nano <= price_nano) == (direction == "SELL")


@pytest.mark.parametrize("status", [status for status in StopStatus if status is not StopStatus.ACTIVE])
@pytest.mark.parametrize("step", [Accept(), Withdraw(), Expire(), Trigger(1, "child")])
def test_what_is_over_stays_as_it_is(status: StopStatus, step: Accept | Withdraw | Expire | Trigger) -> None:
    stop = replace(a_stop(), status=status)
    assert take_stop(stop, step, 1) is None
    assert watch(stop, 1) == (stop, False)
