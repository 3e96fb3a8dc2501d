"""The simulated venue's JSON has the shape of the real one's."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.simulators.tinvest import values, wire
from sandbox.simulators.tinvest.fates import Fate
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Ask, Order

MONEY = {"currency": str, "units": str, "nano": int}
QUOTATION = {"units": str, "nano": int}


def named(names: str, form: object) -> dict[str, Any]:
    return dict.fromkeys(names.split(), form)


# T-Invest, asyncapi.yaml, v1OrderStateStreamResponseOrderState, and trade_order_id of orders.proto 1.49.
ORDER_STATE: dict[str, Any] = {
    **named("orderId orderRequestId clientCode createdAt executionReportStatus statusInfo ticker classCode", str),
    **named("direction timeInForce orderType accountId tradeOrderId currency marker exchange instrumentUid", str),
    **named("lotsRequested lotsExecuted lotsLeft lotsCancelled completionTime", str),
    **named("lotSize", int),
    **named("initialOrderPrice orderPrice amount executedOrderPrice", MONEY),
    **named("trades", [{"dateTime": str, "price": QUOTATION, "quantity": str, "tradeId": str}]),
}
# T-Invest, orders.proto, OrderState and OrderStage; JSON names in camel case, int64 as text.
UNARY: dict[str, Any] = {
    **named("orderId executionReportStatus lotsRequested lotsExecuted figi direction currency orderType", str),
    **named("orderDate instrumentUid orderRequestId ticker classCode", str),
    **named("initialOrderPrice executedOrderPrice totalOrderAmount averagePositionPrice initialCommission", MONEY),
    **named("executedCommission initialSecurityPrice serviceCommission", MONEY),
    **named("stages", [{"price": MONEY, "quantity": str, "tradeId": str, "executionTime": str}]),
}


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def a_filled_order() -> Order:
    market = Market(seed=3, fates={Fate.FILL: 1})
    instrument = INSTRUMENTS[0]
    market.submit(
        Ask(
            account="2000000001",
            request_id="11111111-1111-4111-8111-111111111111",
            instrument=instrument,
            instrument_id=instrument.figi,
            direction="BUY",
            order_type="LIMIT",
            time_in_force="DAY",
            lots=7,
            price_nano=300_500_000_000,
        ),
        1_700_000_000_123_456_789,
    )
    return market.advance(1_800_000_000_000_000_000)[-1]


def test_a_stream_message_has_every_documented_field_in_its_form() -> None:
    sent = json.loads(wire.frame(wire.stream_order(a_filled_order())))
    assert shape(sent) == {"orderState": ORDER_STATE}


def test_a_unary_order_state_has_every_documented_field_in_its_form() -> None:
    assert shape(json.loads(json.dumps(wire.order_state(a_filled_order())))) == UNARY


def test_trades_count_pieces_and_stages_count_lots() -> None:
    order = a_filled_order()
    pieces = sum(int(trade["quantity"]) for trade in wire.stream_order(order)["orderState"]["trades"])
    lots = sum(int(stage["quantity"]) for stage in wire.order_state(order)["stages"])
    assert (pieces, lots) == (70, 7)


def test_currencies_are_upper_case_on_the_stream_and_lower_case_in_rest() -> None:
    order = a_filled_order()
    assert wire.stream_order(order)["orderState"]["orderPrice"]["currency"] == "RUB"
    assert wire.order_state(order)["initialOrderPrice"]["currency"] == "rub"


def test_the_executed_price_is_the_average_of_one_piece_or_the_cost_of_all() -> None:
    order = a_filled_order()
    cost = sum(Decimal(trade["price"]) * int(trade["quantity"]) for trade in wire.ledger_entry(order)["trades"])

    def decimal(money: dict[str, Any]) -> Decimal:
        return Decimal(money["units"]) + Decimal(money["nano"]).scaleb(-9)

    assert decimal(wire.order_state(order)["executedOrderPrice"]) == cost
    average = decimal(wire.post_answer(order, "t", 0)["executedOrderPrice"])
    assert abs(average - cost / 70) <= Decimal("0.0000000005")


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_a_time_is_read_back_to_the_nanosecond(ns: int) -> None:
    assert values.read_timestamp(values.timestamp(ns)) == ns


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (1_700_000_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_120_000_000, "2023-11-14T22:13:20.120Z"),
        (1_700_000_000_000_001_000, "2023-11-14T22:13:20.000001Z"),
        (1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z"),
    ],
)
def test_a_time_has_as_many_decimals_as_it_needs(ns: int, text: str) -> None:
    assert values.timestamp(ns) == text


@pytest.mark.parametrize("text", ["", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20+03:00", "now"])
def test_what_is_no_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        values.read_timestamp(text)
