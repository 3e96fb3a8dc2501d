"""Outpoll's frames and answers as reports: what each field means, what is tolerated, what is refused by name."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.mappings.outpoll import reports
from schemas.fix import OrdStatus, OrdType, Side

UPDATES, FEED = "order-updates", "order-feed"
HISTORY, ACTIVE, TRADES, TPSL = (
    "rest:history-orders",
    "rest:active-orders",
    "rest:history-trades",
    "rest:tpsl-orders",
)
ORDER = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
MADE_NS = 1_710_000_000_000_000_000


def no_qty(request_id: str | None, name: str | None) -> Decimal | None:
    return None


def read(value: Any, source: str) -> list[Report]:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(reports(text, source, "main", no_qty))


def of_history(**changes: Any) -> Report:
    """Return the report of a history order that differs so from one that is filled."""
    (found,) = read({"i": [an_order(**changes)], "p": 0, "s": 20, "tp": 1}, HISTORY)
    return found


def an_order(**changes: Any) -> dict[str, Any]:
    return {
        "i": "ord_7f3a9c2d",
        "u": "user-id",
        "e": "evt_btc_100k_2026",
        "o": "mkt_btc_100k_yes_no",
        "a": "asset_btc_100k_yes",
        "oq": 100,
        "si": "BUY",
        "t": "LIMIT",
        "p": 0.42,
        "m": 1710000000000,
        "ex": None,
        "st": "FILLED",
        "q": 100,
    } | changes


def a_tpsl(**changes: Any) -> dict[str, Any]:
    tpsl = {"i": "tp-1", "u": "user-id", "a": "asset", "q": 100, "tpp": 0.95, "slp": 0.1, "s": "ACTIVE"} | changes
    return {name: value for name, value in tpsl.items() if value is not ...}


# Order updates.


def test_success_says_that_the_order_lives_and_nothing_more():
    (told,) = read({"t": "ORDER_UPDATE", "d": {"i": ORDER, "u": "user-id", "s": "SUCCESS"}}, UPDATES)

    assert told == Report("main", None, ORDER, OrdStatus.NEW, "SUCCESS")
    assert not told.cum_qty


def test_failed_is_of_a_request_and_not_of_a_live_order():
    (told,) = read({"t": "ORDER_UPDATE", "d": {"i": ORDER, "u": "user-id", "s": "FAILED"}}, UPDATES)

    assert told == Report("main", None, ORDER, OrdStatus.REJECTED, "FAILED", of_request=True)


@pytest.mark.parametrize(
    "frame",
    [
        {"t": "PING", "d": None, "r": None},
        {"t": "PONG", "d": None, "r": None},
        {"t": "success", "d": "authorized", "r": None},
        {"t": "SUCCESS", "d": {"message": "AUTH successful"}, "r": None},
        {"t": "error", "d": {"error": "Invalid or missing credentials"}},
        {"t": "ERROR", "d": None, "r": "Invalid or missing credentials"},
        {"t": "SOMETHING_NEW", "d": {"i": ORDER, "s": "?"}},
        {"d": []},
        {},
    ],
)
def test_what_speaks_of_the_connection_or_is_not_known_yet_is_no_report(frame: dict[str, Any]):
    assert read(frame, UPDATES) == []


@pytest.mark.parametrize("kind", ["ORDER_UPDATE", "order_update"])
def test_fields_that_are_not_known_change_nothing(kind: str):
    (told,) = read({"t": kind, "d": {"i": ORDER, "s": "SUCCESS", "x": [1]}, "r": None, "y": {}}, UPDATES)
    assert told == Report("main", None, ORDER, OrdStatus.NEW, "SUCCESS")


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({"t": "ORDER_UPDATE", "d": {"i": ORDER, "s": "FILLED"}}, "s"),
        ({"t": "ORDER_UPDATE", "d": {"i": ORDER}}, "s"),
        ({"t": "ORDER_UPDATE", "d": {"s": "SUCCESS"}}, "i"),
        ({"t": "ORDER_UPDATE", "d": None}, "frame"),
        ({"t": "ORDER_UPDATE"}, "frame"),
        ({"t": "ORDER_UPDATE", "d": {"i": 7, "s": "SUCCESS"}}, "frame"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(s="FAILED")}, "status"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(i="")}, "i"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(q=-1)}, "q"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(tpp="NaN")}, "tpp"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(tpp="1e999999999")}, "tpp"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(m=10**13)}, "m"),
        ({"t": "TPSL_UPDATE", "d": a_tpsl(m=-1)}, "m"),
        ({"t": 1}, "frame"),
        ([], "frame"),
        (b"", "frame"),
        (b'{"t":"ORDER_UPDATE","d":{"i":"\xff"}}', "frame"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(frame: Any, field: str):
    with pytest.raises(MappingError) as caught:
        read(frame, UPDATES)
    assert caught.value.field == field


@pytest.mark.parametrize("value", [b'{"t":"ORDER","d":{"i":"1","st":"FILLED"}}', b"no JSON", b""])
def test_the_order_feed_is_knowingly_ignored(value: bytes):
    assert read(value, FEED) == []


def test_a_source_that_is_not_the_venues_is_refused():
    with pytest.raises(MappingError, match="rest:GetOrders"):
        read({}, "rest:GetOrders")


# Take-profit / stop-loss orders.


@pytest.mark.parametrize(
    ("prices", "ord_type", "stop_price", "take_profit_price"),
    [
        ({}, OrdType.TAKE_PROFIT_STOP_LOSS, "0.1", "0.95"),
        ({"slp": None}, OrdType.TAKE_PROFIT, "0.95", None),
        ({"tpp": None}, OrdType.STOP, "0.1", None),
        ({"tpp": ..., "slp": 0.10}, OrdType.STOP, "0.10", None),
        ({"tpp": 0, "slp": "0.10"}, OrdType.STOP, "0.10", None),
        ({"tpp": None, "slp": None}, None, None, None),
    ],
)
def test_a_take_profit_stop_loss_order_is_of_the_prices_that_it_has(
    prices: dict[str, Any], ord_type: OrdType | None, stop_price: str | None, take_profit_price: str | None
):
    (told,) = read({"t": "TPSL_UPDATE", "d": a_tpsl(**prices)}, UPDATES)

    assert told == Report(
        "main",
        None,
        "tp-1",
        OrdStatus.NEW,
        "ACTIVE",
        order_qty=Decimal(100),
        instrument="asset",
        side=Side.SELL,
        ord_type=ord_type,
        stop_price=stop_price and Decimal(stop_price),
        take_profit_price=take_profit_price and Decimal(take_profit_price),
    )


STATUSES = {
    "ACTIVE": OrdStatus.NEW,
    "PARTIALLY_FILLED": OrdStatus.PARTIALLY_FILLED,
    "FILLED": OrdStatus.FILLED,
    "CANCELED": OrdStatus.CANCELED,
    "CANCELLED": OrdStatus.CANCELED,
    "EXPIRED": OrdStatus.EXPIRED,
    "REJECTED": OrdStatus.REJECTED,
    "TRIGGERED": OrdStatus.TRIGGERED,
}


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_a_status_is_read_only_where_its_word_can_mean_one_thing(word: str, status: OrdStatus):
    (told,) = read({"t": "TPSL_UPDATE", "d": a_tpsl(s=word)}, UPDATES)
    assert (told.ord_status, told.venue_status) == (status, word)
    assert of_history(st=word, q=0).ord_status is status


@given(st.text(max_size=12).filter(lambda word: word not in STATUSES))
def test_a_status_that_is_not_known_is_never_guessed(word: str):
    with pytest.raises(MappingError, match="no status that is known"):
        of_history(st=word)


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"i": items}], ids=["bare", "in an envelope"])
def test_the_list_of_them_is_read_bare_and_in_an_envelope(wrap: Any):
    told = read(wrap([a_tpsl(m=1710000000000), a_tpsl(i="tp-2", s="CANCELED")]), TPSL)

    assert [(each.venue_order_id, each.ord_status, each.created_ns) for each in told] == [
        ("tp-1", OrdStatus.NEW, MADE_NS),
        ("tp-2", OrdStatus.CANCELED, None),
    ]


# History orders.


def test_a_filled_order_of_the_history_carries_all_that_an_order_is():
    assert of_history() == Report(
        "main",
        None,
        "ord_7f3a9c2d",
        OrdStatus.FILLED,
        "FILLED",
        Decimal(100),
        Decimal(100),
        transact_ns=MADE_NS,
        instrument="asset_btc_100k_yes",
        side=Side.BUY,
        ord_type=OrdType.LIMIT,
        price=Decimal("0.42"),
        created_ns=MADE_NS,
    )


@pytest.mark.parametrize(
    ("changes", "status", "filled", "wanted"),
    [
        pytest.param({"st": "ACTIVE", "q": 0}, OrdStatus.NEW, 0, 100, id="nothing filled"),
        pytest.param({"st": "ACTIVE", "q": None}, OrdStatus.NEW, 0, 100, id="nothing told"),
        pytest.param({"st": "ACTIVE", "q": 30}, OrdStatus.PARTIALLY_FILLED, 30, 100, id="part filled"),
        pytest.param({"st": "ACTIVE", "q": 100}, OrdStatus.NEW, 0, 100, id="an active order is not filled whole"),
        pytest.param({"st": "CANCELED", "q": 30}, OrdStatus.CANCELED, 30, 100, id="canceled with a part filled"),
        pytest.param({"st": "CANCELED", "q": 100}, OrdStatus.CANCELED, 0, 100, id="a canceled one neither"),
        pytest.param({"q": 0}, OrdStatus.FILLED, 100, 100, id="filled is filled, whatever q is"),
        pytest.param({"oq": 0}, OrdStatus.FILLED, 100, None, id="the original quantity not told"),
        pytest.param(
            {"t": "MARKET", "p": None, "st": "ACTIVE", "oq": 0, "q": 0}, OrdStatus.NEW, 0, None, id="by amount, new"
        ),
        pytest.param(
            {"t": "MARKET", "st": "CANCELED", "oq": 20, "q": 20}, OrdStatus.CANCELED, 20, None, id="by amount, canceled"
        ),
        pytest.param({"t": "MARKET", "oq": 20, "q": 20}, OrdStatus.FILLED, 20, 20, id="by amount, filled"),
        pytest.param(
            {"t": "MARKET", "si": "SELL", "st": "ACTIVE", "q": 0}, OrdStatus.NEW, 0, 100, id="a market order to sell"
        ),
    ],
)
def test_how_much_is_filled_is_told_by_the_history(
    changes: dict[str, Any], status: OrdStatus, filled: int, wanted: int | None
):
    told = of_history(**changes)
    assert (told.ord_status, told.cum_qty, told.order_qty) == (status, filled, wanted)


def test_a_market_order_has_no_limit():
    told = of_history(t="MARKET", p=0.42)
    assert (told.ord_type, told.price) == (OrdType.MARKET, None)


def test_the_digits_on_the_wire_are_the_number():
    text = json.dumps({"i": [an_order()]}).replace("0.42", "0.10000000000000000555").encode()
    (told,) = read(text, HISTORY)
    assert told.price == Decimal("0.10000000000000000555")


def test_an_active_order_is_read_by_its_long_names_and_its_quantity_is_not_believed():
    (told,) = read({"i": [{"id": ORDER, "status": "ACTIVE", "side": "SELL", "price": 0.5, "quantity": 7}]}, ACTIVE)

    assert told == Report("main", None, ORDER, OrdStatus.NEW, "ACTIVE", side=Side.SELL, price=Decimal("0.5"))


def test_words_that_are_not_known_beside_the_status_are_left_out():
    told = of_history(si="HOLD", t="STOP")
    assert (told.side, told.ord_type) == (None, None)


@pytest.mark.parametrize("bad", [an_order(st="WHAT"), an_order(i=""), an_order(q={}), an_order(oq=-1), 7, None])
def test_one_order_that_cannot_be_read_does_not_keep_the_others_from_being_told(bad: Any):
    with pytest.raises(MappingError) as caught:
        read({"i": [an_order(i="1"), bad, an_order(i="2")]}, HISTORY)
    assert [told.venue_order_id for told in caught.value.reports] == ["1", "2"]


def test_an_order_with_bytes_that_are_no_text_does_not_keep_the_others_from_being_told():
    with pytest.raises(MappingError) as caught:
        read(b'{"i":[{"i":"\xff","st":"FILLED"},{"i":"2","st":"FILLED"}]}', HISTORY)
    assert [told.venue_order_id for told in caught.value.reports] == ["2"]


@pytest.mark.parametrize("source", [HISTORY, ACTIVE, TRADES])
@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"i":null}', b'{"i":{}}', b'{"error":"no"}', b"<html>"])
def test_an_answer_that_is_no_page_is_refused(value: bytes, source: str):
    with pytest.raises(MappingError):
        read(value, source)


# Trades.


def a_trade(**changes: Any) -> dict[str, Any]:
    trade = {"i": "tr-1", "oi": ORDER, "a": "asset", "si": "SELL", "p": 0.41, "q": 12.5, "m": 1710000000000} | changes
    return {name: value for name, value in trade.items() if value is not None}


def test_a_trade_is_a_fill_of_its_order_and_says_no_status_of_it():
    (told,) = read({"i": [a_trade()]}, TRADES)

    assert told == Report(
        "main",
        None,
        ORDER,
        OrdStatus.PARTIALLY_FILLED,
        None,
        trades=(Trade("tr-1", Decimal("0.41"), Decimal("12.5"), MADE_NS),),
        transact_ns=MADE_NS,
        instrument="asset",
        side=Side.SELL,
    )


def test_a_trade_without_an_id_is_known_by_what_it_is():
    first, again = read({"i": [a_trade(i=None), a_trade(i=None)]}, TRADES)
    (other,) = read({"i": [a_trade(i=None, q=13)]}, TRADES)
    assert first == again
    assert first.trades[0].trade_id != other.trades[0].trade_id


@pytest.mark.parametrize("missing", ["oi", "p", "q"])
def test_a_trade_that_does_not_say_enough_is_passed_over(missing: str):
    assert read({"i": [a_trade(**{missing: None})]}, TRADES) == []


# Whatever comes.


@given(
    value=st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from(["t", "d", "i", "s", "q"]),
            st.one_of(
                st.none(), st.integers(), st.text(max_size=5), st.lists(st.dictionaries(st.text(max_size=2), st.none()))
            ),
        ).map(lambda fields: json.dumps(fields).encode()),
    ),
    source=st.sampled_from([UPDATES, FEED, HISTORY, ACTIVE, TRADES, TPSL]),
)
def test_whatever_comes_is_read_or_refused_as_data(value: bytes, source: str):
    with suppress(MappingError):
        assert all(isinstance(told, Report) for told in read(value, source))
