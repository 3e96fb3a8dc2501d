"""Ripio's messages and answers as reports: what each field means, what is tolerated, and what is refused by name."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.mappings.ripio import reports
from schemas.fix import LastLiquidityInd, OrdStatus, OrdType, Side

ORDER_ID, REQUEST = "F55E4E01-C39B-4AA7-848B-1C6A362C386E", "0f4a8504-21fb-4be6-9771-25dcf5f68f87"
MS = 1_000_000
UPDATED_NS = 1674581313993 * MS  # 2023-01-24T17:28:33.993Z


def read(value: bytes, source: str = "order_status") -> list[Report]:
    return list(reports(value, source, "main", lambda request_id, name: None))


def message(topic: str, body: str, number: int = 7) -> bytes:
    return f'{{"id":{number},"topic":"{topic}","timestamp":1672856713677,"body":{body}}}'.encode()


def order(**changes: Any) -> dict[str, Any]:
    """Return the order of the venue's example of order_status, with these differences."""
    return {
        "amount": 4,
        "average_execution_price": 6,
        "id": ORDER_ID,
        "created_at": "2023-01-24T17:28:32.247Z",
        "executed_amount": 0,
        "external_id": None,
        "pair": "ETH_BRL",
        "price": 6,
        "remaining_amount": 4,
        "side": "buy",
        "status": "open",
        "type": "limit",
        "updated_at": "2023-01-24T17:28:33.993Z",
        "user_id": "30B8CDBB-BDBD-4B60-A90F-860AB46B76F7",
    } | changes


def of_order(**changes: Any) -> Report:
    (found,) = read(message("order_status", json.dumps(order(**changes))))
    return found


def trade(**changes: Any) -> dict[str, Any]:
    """Return the trade of the venue's example of user_trades, with these differences."""
    return {
        "amount": 1,
        "date": "2023-01-09T13:39:24.057Z",
        "fee": 0.0035,
        "fee_currency": "BCH",
        "id": "08799ECC-F6B1-498E-B89C-2A05E6A181B9",
        "maker_order_id": "AF1C3AD2-D5A2-41CC-9A4C-646B600F9E01",
        "pair_code": "BCH_BRL",
        "price": 49,
        "side": "buy",
        "taker_or_maker": "taker",
        "taker_order_id": "52B46D87-86A1-4978-B141-4E18E3E47514",
        "timestamp": 1675780847920,
        "total_value": 49,
        "type": "limit",
    } | changes


def of_trade(**changes: Any) -> Report:
    body = {"user_id": "30B8CDBB-BDBD-4B60-A90F-860AB46B76F7", "trade": trade(**changes)}
    (found,) = read(message("user_trades", json.dumps(body)), "user_trades")
    return found


def listed(**changes: Any) -> dict[str, Any]:
    """Return an order as the venue's example of GET /orders has it, with these differences."""
    return {
        "create_date": "2017-12-08T23:42:54.960Z",
        "executed_amount": 0.02347418,
        "external_id": "B4A9F7F4-9C79-4921-9330-224C17260BDF",
        "id": "857C0A3B-D70F-4256-9051-1C62FADBA8FA",
        "pair": "BTC_BRL",
        "price": 42600,
        "remaining_amount": 0,
        "remaining_value": 0,
        "requested_amount": 0.02347418,
        "requested_value": 1000,
        "side": "buy",
        "status": "executed_completely",
        "total_value": 1000,
        "type": "limit",
        "update_date": "2017-12-13T21:48:48.817Z",
        "fee": 1,
    } | changes


def answer(data: Any) -> bytes:
    return json.dumps({"data": data, "error_code": None, "message": None}).encode()


# What a message of order_status says.


def test_every_field_of_an_order_is_read():
    assert of_order(status="executed_partially", executed_amount=2.5, external_id=REQUEST) == Report(
        "main",
        REQUEST,
        ORDER_ID,
        OrdStatus.PARTIALLY_FILLED,
        "executed_partially",
        cum_qty=Decimal("2.5"),
        order_qty=Decimal(4),
        transact_ns=UPDATED_NS,
        instrument="ETH_BRL",
        symbol="ETH_BRL",
        side=Side.BUY,
        ord_type=OrdType.LIMIT,
        price=Decimal(6),
        currency="BRL",
    )


def test_an_order_is_known_by_its_request_and_never_by_what_it_is():
    # With the time of its making it could be taken for that of a call without an answer, as where no ids are told.
    (listed_order,) = read(answer({"orders": [listed()]}), "rest:GetUserOrders")
    assert (of_order().created_ns, listed_order.created_ns) == (None, None)


@pytest.mark.parametrize(
    ("status", "executed", "expected"),
    [
        ("pending_creation", 0, OrdStatus.PENDING_NEW),
        ("open", 0, OrdStatus.NEW),
        ("waiting", 0, OrdStatus.NEW),
        ("open", 1, OrdStatus.PARTIALLY_FILLED),
        ("waiting", 1, OrdStatus.PARTIALLY_FILLED),
        ("executed_partially", 1, OrdStatus.PARTIALLY_FILLED),
        ("executed_completely", 4, OrdStatus.FILLED),
        ("canceled", 0, OrdStatus.CANCELED),
        ("canceled", 1, OrdStatus.CANCELED),
        ("CANCELLED", 0, OrdStatus.CANCELED),
        ("rejected", 0, OrdStatus.REJECTED),
        ("expired", 0, OrdStatus.EXPIRED),
    ],
)
def test_a_status_is_read_by_the_table(status: str, executed: int, expected: OrdStatus):
    report = of_order(status=status, executed_amount=executed)
    assert (report.ord_status, report.venue_status, report.cum_qty) == (expected, status, executed)


@pytest.mark.parametrize("status", ["", "OPENED", "done", "executed"])
def test_a_status_that_is_not_known_is_never_guessed(status: str):
    with pytest.raises(MappingError, match=f"^status='{status}'"):
        of_order(status=status)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("limit", OrdType.LIMIT),
        ("market", OrdType.MARKET),
        ("stop_limit", OrdType.STOP_LIMIT),
        ("trailing", OrdType.TRAILING_STOP),
        ("ceiling", OrdType.CEILING),
        ("iceberg", OrdType.ICEBERG),
        ("something_new", None),
    ],
)
def test_a_type_is_read_by_the_table_and_one_that_is_not_known_is_left_open(word: str, expected: OrdType | None):
    assert of_order(type=word).ord_type is expected


def test_an_order_without_a_limit_has_no_price_and_one_for_an_amount_of_money_no_quantity():
    market = of_order(type="market", price=0, amount=0)
    assert (market.price, market.order_qty) == (None, None)
    assert of_order(type="market", price=6).price is None


def test_a_stop_orders_stop_price_is_read():
    assert of_order(type="stop_limit", stop_price=5.5).stop_price == Decimal("5.5")


def test_a_request_id_is_in_lower_case_however_the_venue_writes_a_uuid_and_any_other_text_as_it_is():
    assert of_order(external_id=REQUEST.upper()).order_request_id == REQUEST
    assert of_order(external_id="90FcPa1Zm75").order_request_id == "90FcPa1Zm75"
    assert of_order(external_id="").order_request_id is None


def test_fields_that_are_optional_may_be_missing_and_those_not_known_yet_may_be_there():
    bare = {"id": ORDER_ID, "status": "open", "what_is_new": {"a": 1}}
    (report,) = read(message("order_status", json.dumps(bare)))
    assert report == Report("main", None, ORDER_ID, OrdStatus.NEW, "open")


# Numbers are read from their text.


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("1e-7", "0.0000001"),
        ("1E+3", "1000"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
        ('"0.01"', "0.01"),
        ("6", "6"),
    ],
)
def test_a_number_is_read_from_its_text_and_written_out_plainly(text: str, plain: str):
    body = json.dumps(order()).replace('"price": 6', f'"price": {text}')
    (report,) = read(message("order_status", body))
    assert report.price is not None
    assert format(report.price, "f") == plain


@given(st.decimals(min_value="1e-18", max_value="1e18", places=18))
def test_no_number_goes_through_a_float(number: Decimal):
    body = json.dumps(order()).replace('"amount": 4', f'"amount": {number:f}')
    assert read(message("order_status", body))[0].order_qty == number


@pytest.mark.parametrize("text", ['"NaN"', '"Infinity"', "1e999999", "1e-999999"])
def test_a_number_that_nothing_can_be_is_refused(text: str):
    body = json.dumps(order()).replace('"executed_amount": 0', f'"executed_amount": {text}')
    with pytest.raises(MappingError, match=r"^executed_amount="):
        read(message("order_status", body))


# What a message of user_trades says.


def test_a_trade_is_a_report_of_its_order_with_its_fee_and_no_status_of_its_own():
    at_ns = 1673271564057 * MS
    assert of_trade() == Report(
        "main",
        None,
        "52B46D87-86A1-4978-B141-4E18E3E47514",
        OrdStatus.PARTIALLY_FILLED,
        None,
        trades=(
            Trade(
                "08799ECC-F6B1-498E-B89C-2A05E6A181B9",
                Decimal(49),
                Decimal(1),
                at_ns,
                Decimal("0.0035"),
                "BCH",
                LastLiquidityInd.REMOVED_LIQUIDITY,
            ),
        ),
        transact_ns=at_ns,
        instrument="BCH_BRL",
        symbol="BCH_BRL",
        currency="BRL",
    )


def test_the_order_of_a_trade_that_added_liquidity_is_the_makers():
    report = of_trade(taker_or_maker="maker")
    assert report.venue_order_id == "AF1C3AD2-D5A2-41CC-9A4C-646B600F9E01"
    assert report.trades[0].liquidity is LastLiquidityInd.ADDED_LIQUIDITY


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"taker_or_maker": "both"}, "taker_or_maker='both'"),
        ({"taker_order_id": None}, "taker_order_id=None"),
        ({"id": ""}, "id=''"),
        ({"date": "yesterday"}, "time="),
    ],
)
def test_a_trade_of_which_it_cannot_be_told_whose_it_is_is_refused_by_name(changes: dict[str, Any], named: str):
    with pytest.raises(MappingError, match=f"^{named}"):
        of_trade(**changes)


# What says nothing of an order.


@pytest.mark.parametrize(
    "value",
    [
        message("balance", '{"user_id":"299E7131","balances":[{"currency_code":"BTC","available_amount":1}]}'),
        message("ticker@BTC_BRL", '{"last":1}'),
        message("order_status", "null"),
        message("order_status", '{"welcome":true}', -1),
        message("order_status", "[]", -1),
        b'{"method":"subscribe","topics":["order_status"],"timestamp":1672856713677}',
        b'{"method":"pong","timestamp":1672856713677}',
        b'{"error_code":40100,"message":"Not authorized","data":null}',
        b'{"id":7,"topic":"order_status"}',
        b'{"topic":{"name":"order_status"},"body":{}}',
        b"{}",
    ],
)
def test_what_tells_of_no_order_says_nothing(value: bytes):
    assert read(value) == []


def test_a_welcome_message_that_holds_an_order_tells_of_it():
    assert len(read(message("order_status", json.dumps(order()), -1))) == 1


@pytest.mark.parametrize("value", [b"", b"not json", b"\xff", b"[]", message("order_status", "[]"), b'{"topic"'])
def test_what_is_no_message_is_refused(value: bytes):
    with pytest.raises(MappingError):
        read(value)


NO_UTF_8 = json.dumps(order()).encode().replace(ORDER_ID.encode(), b"\xff")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("order_status", b'{"id":7,"topic":"order_status","body":' + NO_UTF_8 + b"}"),
        ("rest:GetOrderById", b'{"data":' + NO_UTF_8 + b"}"),
        ("rest:GetUserOrders", b'{"data":{"orders":[' + NO_UTF_8 + b"]}}"),
    ],
)
def test_text_that_is_no_utf_8_is_refused(source: str, value: bytes):
    with pytest.raises(MappingError, match="utf-8"):
        read(value, source)


def test_of_a_list_with_text_that_is_no_utf_8_the_other_orders_are_told():
    good = json.dumps(listed()).encode()
    with pytest.raises(MappingError) as refused:
        read(b'{"data":{"orders":[' + NO_UTF_8 + b"," + good + b"]}}", "rest:GetUserOrders")

    assert [report.ord_status for report in refused.value.reports] == [OrdStatus.FILLED]


@given(st.binary())
def test_whatever_comes_is_read_or_refused_as_data(value: bytes):
    for source in ("order_status", "rest:GetUserOrders"):
        try:
            read(value, source)
        except MappingError:
            pass


# What REST answers.


@pytest.mark.parametrize("source", ["rest:GetUserOrders", "rest:GetUserOpenOrders"])
def test_a_list_of_orders_is_one_report_an_order(source: str):
    second = listed(id="3ECBE371", status="open", executed_amount=0, external_id=None)
    first, other = read(answer({"orders": [listed(), second], "pagination": {}, "nc": None}), source)
    assert first == Report(
        "main",
        "b4a9f7f4-9c79-4921-9330-224c17260bdf",
        "857C0A3B-D70F-4256-9051-1C62FADBA8FA",
        OrdStatus.FILLED,
        "executed_completely",
        cum_qty=Decimal("0.02347418"),
        order_qty=Decimal("0.02347418"),
        transact_ns=1513201728817 * MS,
        instrument="BTC_BRL",
        symbol="BTC_BRL",
        side=Side.BUY,
        ord_type=OrdType.LIMIT,
        price=Decimal(42600),
        currency="BRL",
    )
    assert (other.venue_order_id, other.ord_status, other.order_request_id) == ("3ECBE371", OrdStatus.NEW, None)


@pytest.mark.parametrize("source", ["rest:GetOrderById", "rest:GetOrderByExternalId"])
def test_one_orders_transactions_have_no_ids_and_are_told_by_the_filled_amount_alone(source: str):
    part = {"amount": 0.2, "create_date": "2020-02-21 20:24:43.433", "fee": 0.12, "fee_currency": "BTC", "price": 5000}
    (report,) = read(answer(listed(transactions=[part, part], average_execution_price=42600)), source)
    assert (report.cum_qty, report.trades) == (Decimal("0.02347418"), ())


def test_what_an_order_for_an_amount_of_money_is_for_is_told_and_of_others_its_cost_is_not_taken_for_it():
    market, limit, of_quantity = read(
        answer(
            {
                "orders": [
                    listed(type="market", requested_amount=0, requested_value=1000),
                    listed(),
                    listed(type="market", requested_amount=2, requested_value=1000),
                ]
            }
        ),
        "rest:GetUserOrders",
    )
    assert (market.cash_order_qty, market.order_qty) == (Decimal(1000), None)
    assert limit.cash_order_qty is None
    assert (of_quantity.cash_order_qty, of_quantity.order_qty) == (None, Decimal(2))


@pytest.mark.parametrize("source", ["rest:GetUserTrades", "rest:GetTrades"])
def test_a_list_of_trades_is_one_report_a_trade_the_oldest_first(source: str):
    newer = trade(id="2", date="2023-01-09T13:39:25.000Z")
    found = read(answer({"trades": [newer, trade(id="1")], "pagination": {}, "nc": "x"}), source)
    assert [report.trades[0].trade_id for report in found] == ["1", "2"]
    assert all(report.venue_status is None and not report.cum_qty for report in found)


@pytest.mark.parametrize(
    ("bad", "named"), [(listed(status="odd"), "status='odd'"), ({"status": "open"}, "item="), ([], "item=")]
)
def test_what_can_be_read_of_a_list_goes_on_beside_what_cannot(bad: Any, named: str):
    with pytest.raises(MappingError, match=f"^{named}") as refused:
        read(answer({"orders": [listed(id="1"), bad, listed(id="2")]}), "rest:GetUserOrders")
    assert [report.venue_order_id for report in refused.value.reports] == ["1", "2"]


def test_what_has_bytes_that_are_no_text_is_refused_and_keeps_no_other_from_being_told():
    with pytest.raises(MappingError):
        read(message("order_status", '{"id": "?", "status": "open"}').replace(b"?", b"\xff"))
    with pytest.raises(MappingError) as refused:
        read(answer({"orders": [listed(id="?"), listed(id="2")]}).replace(b"?", b"\xff"), "rest:GetUserOrders")
    assert [report.venue_order_id for report in refused.value.reports] == ["2"]


def test_the_trades_that_can_be_read_stay_in_order_beside_one_that_cannot():
    trades = [trade(id="2", date="2023-01-09T13:39:25.000Z"), trade(taker_or_maker="x"), trade(id="1")]
    with pytest.raises(MappingError) as refused:
        read(answer({"trades": trades}), "rest:GetUserTrades")
    assert [report.trades[0].trade_id for report in refused.value.reports] == ["1", "2"]


@pytest.mark.parametrize("source", ["rest:GetUserOrders", "rest:GetOrderById", "rest:GetUserTrades"])
def test_an_answer_without_its_data_is_refused(source: str):
    for data in (None, {}, []):
        with pytest.raises(MappingError):
            read(answer(data), source)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2020-02-21T20:24:43.433Z", 1582316683433),
        ("2020-02-21 20:24:43.433", 1582316683433),
        ("2020-02-21T20:24:43+00:00", 1582316683000),
    ],
)
def test_times_are_read_as_the_venue_writes_them(text: str, at_ms: int):
    assert of_order(updated_at=text).transact_ns == at_ms * MS
