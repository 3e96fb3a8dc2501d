"""T-Invest's frames as reports: what each field means, what is tolerated, and what is refused by name."""

import json
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.core.errors import MappingError
from processors.core.model import Report, Trade
from processors.mappings.tinvest import reports
from sandbox.simulators.tinvest import wire
from sandbox.simulators.tinvest.instruments import INSTRUMENTS
from sandbox.simulators.tinvest.market import Market
from sandbox.simulators.tinvest.orders import Ask, Order
from schemas.fix import OrdStatus, OrdType, Side, TimeInForce

FIXTURES = Path(__file__).parents[2] / "fixtures" / "tinvest"
METADATA = json.loads((FIXTURES / "metadata.json").read_text("utf-8"))

STATUS = "EXECUTION_REPORT_STATUS_"
REQUEST = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"
STREAM, GET_ORDERS = "order-state-stream", "rest:GetOrders"
SECOND = 1_000_000_000
AT_NS = 1_769_850_914 * SECOND  # 2026-01-31T09:15:14Z


def unknown_qty(request_id: str | None, name: str | None) -> Decimal | None:
    return None


def of_stream(**changes: Any) -> Report:
    """Return the report in an order-state frame that differs so from one of a new order of three lots of ten."""
    (found,) = reports(frame(**changes), STREAM, "2000000001", unknown_qty)
    return found


def frame(**changes: Any) -> bytes:
    state = {
        "orderId": "60351874912",
        "orderRequestId": REQUEST,
        "createdAt": "2026-01-31T09:15:14Z",
        "executionReportStatus": f"{STATUS}NEW",
        "statusInfo": "CAUSE_UNSPECIFIED",
        "ticker": "SBER",
        "lotSize": 10,
        "direction": "ORDER_DIRECTION_BUY",
        "timeInForce": "TIME_IN_FORCE_DAY",
        "orderType": "ORDER_TYPE_LIMIT",
        "accountId": "2000000001",
        "tradeOrderId": "5d0f9b0e6a554f0c8a0f0d8e6f2f0a11",
        "orderPrice": {"currency": "RUB", "units": "271", "nano": 500_000_000},
        "currency": "RUB",
        "lotsRequested": "3",
        "lotsExecuted": "0",
        "lotsLeft": "3",
        "lotsCancelled": "0",
        "trades": [],
        "instrumentUid": "e6123145-9665-43e0-8413-cd61b8aa9b13",
    }
    return json.dumps({"orderState": {k: v for k, v in (state | changes).items() if v is not None}}).encode()


def a_trade(**changes: Any) -> dict[str, Any]:
    trade = {
        "dateTime": "2026-01-31T09:15:17.321267Z",
        "price": {"units": "271", "nano": 490_000_000},
        "quantity": "10",
        "tradeId": "D1",
    } | changes
    return {name: value for name, value in trade.items() if value is not None}


# The kept frames.


def plain(value: object) -> object:
    """Return a report as the fixtures have it: decimals as text, what is null left out."""
    if isinstance(value, Report | Trade):
        kept = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {name: field for name, field in kept.items() if field not in (None, [], False)}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def kept_frames() -> Iterator[Any]:
    for name, about in METADATA["files"].items():
        frames = (FIXTURES / f"{name}.jsonl").read_bytes().splitlines()
        expected = (FIXTURES / f"{name}.expected.jsonl").read_text("utf-8").splitlines()
        for number, (value, line) in enumerate(zip(frames, expected, strict=True), 1):
            yield pytest.param(value, about["source"], json.loads(line), id=f"{name}:{number}")


@pytest.mark.parametrize(("value", "source", "expected"), list(kept_frames()))
def test_a_kept_frame_is_read_as_it_was_understood(value: bytes, source: str, expected: list[Any]) -> None:
    assert plain(reports(value, source, METADATA["account"], unknown_qty)) == expected


def test_every_kept_file_says_where_it_comes_from() -> None:
    names = {path.name.split(".")[0] for path in FIXTURES.glob("*.jsonl")}

    assert names == set(METADATA["files"])
    assert all(about["provenance"] for about in METADATA["files"].values())


# Statuses.


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({}, OrdStatus.NEW, id="new"),
        pytest.param(
            {"executionReportStatus": f"{STATUS}PARTIALLYFILL", "lotsExecuted": "1", "lotsLeft": "2"},
            OrdStatus.PARTIALLY_FILLED,
            id="partial fill",
        ),
        pytest.param(
            {"executionReportStatus": f"{STATUS}FILL", "lotsExecuted": "3", "lotsLeft": "0"},
            OrdStatus.FILLED,
            id="fill",
        ),
        pytest.param(
            {"executionReportStatus": f"{STATUS}CANCELLED", "lotsLeft": "0", "lotsCancelled": "3"},
            OrdStatus.CANCELED,
            id="canceled",
        ),
        pytest.param({"executionReportStatus": f"{STATUS}REJECTED"}, OrdStatus.REJECTED, id="rejected"),
        pytest.param(
            {
                "executionReportStatus": f"{STATUS}PARTIALLYFILL",
                "lotsExecuted": "1",
                "lotsLeft": "0",
                "lotsCancelled": "2",
            },
            OrdStatus.CANCELED,
            id="hidden cancel, by the lots canceled",
        ),
        pytest.param(
            {"executionReportStatus": f"{STATUS}PARTIALLYFILL", "lotsExecuted": "1", "lotsLeft": "0"},
            OrdStatus.CANCELED,
            id="hidden cancel, by the lots left",
        ),
        pytest.param({"orderId": "0c8fd2f4-2f7d-4b0e-9a61-3a1f5a1c7d22"}, OrdStatus.PENDING_NEW, id="internal: UUID"),
        pytest.param({"orderId": REQUEST}, OrdStatus.PENDING_NEW, id="internal: our request id"),
        pytest.param(
            {"orderId": "R77", "orderRequestId": "R77"}, OrdStatus.PENDING_NEW, id="internal: a request id of any shape"
        ),
        pytest.param(
            {"orderId": "5d0f9b0e6a554f0c8a0f0d8e6f2f0a11"}, OrdStatus.PENDING_NEW, id="internal: the trading order's"
        ),
        pytest.param(
            {
                "executionReportStatus": f"{STATUS}CANCELLED",
                "statusInfo": "CAUSE_CANCELLED_NOT_ENOUGH_POSITION",
                "lotsLeft": "0",
                "lotsCancelled": "3",
            },
            OrdStatus.REJECTED,
            id="not enough position: never placed",
        ),
        pytest.param(
            {
                "executionReportStatus": f"{STATUS}CANCELLED",
                "statusInfo": "CAUSE_CANCELLED_NOT_ENOUGH_POSITION",
                "lotsExecuted": "1",
                "lotsLeft": "0",
                "lotsCancelled": "2",
            },
            OrdStatus.CANCELED,
            id="not enough position, after it traded",
        ),
    ],
)
def test_a_status_is_read_with_what_stands_beside_it(changes: dict[str, Any], status: OrdStatus) -> None:
    found = of_stream(**changes)

    assert found.ord_status is status
    assert found.venue_status == changes.get("executionReportStatus", f"{STATUS}NEW")


@pytest.mark.parametrize("text", ["EXECUTION_REPORT_STATUS_UNSPECIFIED", "EXECUTION_REPORT_STATUS_PAUSED", "NEW", ""])
@pytest.mark.parametrize("source", [STREAM, GET_ORDERS])
def test_a_status_that_is_not_known_is_refused_by_name(text: str, source: str) -> None:
    value = frame(executionReportStatus=text)
    if source == GET_ORDERS:
        value = json.dumps({"orders": [unary(executionReportStatus=text)]}).encode()

    with pytest.raises(MappingError) as refusal:
        reports(value, source, "2000000001", unknown_qty)

    assert refusal.value.value == text
    assert "executionReportStatus" in str(refusal.value)


# Terms, quantities, money, times.


@pytest.mark.parametrize(
    ("field", "text", "name", "word"),
    [
        ("direction", "ORDER_DIRECTION_BUY", "side", Side.BUY),
        ("direction", "ORDER_DIRECTION_SELL", "side", Side.SELL),
        ("direction", "ORDER_DIRECTION_SHORT", "side", None),
        ("orderType", "ORDER_TYPE_LIMIT", "ord_type", OrdType.LIMIT),
        ("orderType", "ORDER_TYPE_MARKET", "ord_type", OrdType.MARKET),
        ("orderType", "ORDER_TYPE_BESTPRICE", "ord_type", OrdType.BEST_PRICE),
        ("orderType", "ORDER_TYPE_ICEBERG", "ord_type", None),
        ("timeInForce", "TIME_IN_FORCE_DAY", "time_in_force", TimeInForce.DAY),
        ("timeInForce", "TIME_IN_FORCE_FILL_AND_KILL", "time_in_force", TimeInForce.IMMEDIATE_OR_CANCEL),
        ("timeInForce", "TIME_IN_FORCE_FILL_OR_KILL", "time_in_force", TimeInForce.FILL_OR_KILL),
        ("timeInForce", "TIME_IN_FORCE_NEVER", "time_in_force", None),
        ("statusInfo", "CAUSE_UNSPECIFIED", "text", None),
        ("statusInfo", "CAUSE_CANCELLED_BY_CLIENT", "text", "CAUSE_CANCELLED_BY_CLIENT"),
        ("statusInfo", "CAUSE_OF_TOMORROW", "text", "CAUSE_OF_TOMORROW"),
        ("currency", "rub", "currency", "RUB"),
        ("currency", "Usd", "currency", "USD"),
        ("currency", "", "currency", None),
        ("marker", "MARKER_OF_TOMORROW", "symbol", "SBER"),
    ],
)
def test_a_word_is_translated_and_one_that_is_not_known_is_left_out(
    field: str, text: str, name: str, word: str | None
) -> None:
    assert getattr(of_stream(**{field: text}), name) == word


def test_lots_become_pieces() -> None:
    found = of_stream(executionReportStatus=f"{STATUS}PARTIALLYFILL", lotsExecuted="1", lotsLeft="2")

    assert (found.order_qty, found.cum_qty) == (Decimal(30), Decimal(10))


def test_trades_count_pieces_already() -> None:
    (trade,) = of_stream(trades=[a_trade()]).trades

    assert (trade.trade_id, trade.price, trade.quantity) == ("D1", Decimal("271.49"), Decimal(10))
    assert trade.transact_ns == AT_NS + 3_321_267_000


def test_a_trade_without_an_id_has_one_of_what_it_is() -> None:
    one, same, other = of_stream(
        trades=[a_trade(tradeId=None), a_trade(tradeId=""), a_trade(tradeId="", quantity="20")]
    ).trades

    assert one.trade_id == same.trade_id != other.trade_id
    assert one.trade_id


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-31T09:15:14Z", AT_NS),
        ("2026-01-31T09:15:14.5Z", AT_NS + 500_000_000),
        ("2026-01-31T09:15:14.974035911Z", AT_NS + 974_035_911),
        ("2026-01-31T09:15:14.000000001Z", AT_NS + 1),
        ("2026-01-31T09:15:14.321267Z", AT_NS + 321_267_000),
        ("1970-01-01T00:00:00Z", 0),
        ("2261-12-31T23:59:59.999999999Z", 9_214_646_399_999_999_999),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59.9999999Z", None),
    ],
)
def test_times_are_kept_to_the_nanosecond(text: str, ns: int | None) -> None:
    assert of_stream(createdAt=text, completionTime="").transact_ns == ns


@pytest.mark.parametrize("unset", ["", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_an_order_that_is_not_completed_is_of_the_time_it_was_made(unset: str) -> None:
    assert of_stream(createdAt="2026-01-31T09:15:14Z", completionTime=unset).transact_ns == AT_NS


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T09:15:14",
        "2026-01-31T09:15:14+03:00",
        "2026-13-31T09:15:14Z",
        "2026-01-31T09:15:14.Z",
        "2026-01-31T09:15:14.1234567890Z",
        "1769850914",
        "soon",
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MappingError, match="time"):
        of_stream(createdAt=text)


@pytest.mark.parametrize(
    ("units", "nano", "price"),
    [
        ("271", 500_000_000, "271.5"),
        ("0", 1, "0.000000001"),
        ("0", 0, "0"),
        ("0", -500_000_000, "-0.5"),
        ("-37", -630_000_000, "-37.63"),
        ("-37", 0, "-37"),
        ("9223372036854775807", 999_999_999, "9223372036854775807.999999999"),
    ],
)
def test_money_is_units_and_billionths_of_one_sign(units: str, nano: int, price: str) -> None:
    assert of_stream(orderPrice={"units": units, "nano": nano}).price == Decimal(price)


@pytest.mark.parametrize(
    ("units", "nano"), [("1", -1), ("-1", 1), ("0", 1_000_000_000), ("0", -1_000_000_000), ("5", 2**31 - 1)]
)
def test_money_that_contradicts_itself_is_refused(units: str, nano: int) -> None:
    with pytest.raises(MappingError, match="nano"):
        of_stream(orderPrice={"units": units, "nano": nano})


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 999_999_999))
def test_money_goes_there_and_back_without_loss(units: int, nano: int) -> None:
    signed = -nano if units < 0 else nano
    (trade,) = of_stream(trades=[a_trade(price={"units": str(units), "nano": signed})]).trades

    assert trade.price * 10**9 == Decimal(units) * 10**9 + signed
    assert type(trade.price) is Decimal


def test_only_a_limit_order_has_a_price() -> None:
    assert of_stream().price == Decimal("271.5")
    assert of_stream(orderType="ORDER_TYPE_MARKET").price is None


# What may be missing.


@pytest.mark.parametrize(
    "name",
    ["orderRequestId", "createdAt", "statusInfo", "ticker", "lotSize", "direction", "timeInForce", "orderType",
     "tradeOrderId", "orderPrice", "currency", "lotsRequested", "lotsExecuted", "lotsLeft", "lotsCancelled",
     "trades", "instrumentUid", "completionTime"],
)  # fmt: skip
def test_a_field_may_be_missing(name: str) -> None:
    assert of_stream(**{name: None}).venue_order_id == "60351874912"


def test_without_a_lot_size_no_quantity_is_claimed() -> None:
    found = of_stream(lotSize=None)

    assert (found.order_qty, found.cum_qty) == (None, Decimal(0))


@pytest.mark.parametrize("name", ["accountId", "executionReportStatus"])
def test_what_an_order_can_not_be_placed_without_is_demanded(name: str) -> None:
    with pytest.raises(MappingError, match=name):
        of_stream(**{name: None})


@pytest.mark.parametrize("source", [STREAM, GET_ORDERS])
def test_an_order_without_any_id_is_refused(source: str) -> None:
    value = frame(orderId="", orderRequestId=None)
    if source == GET_ORDERS:
        value = json.dumps({"orders": [unary(orderId="", orderRequestId="")]}).encode()

    with pytest.raises(MappingError, match="orderId"):
        reports(value, source, "2000000001", unknown_qty)


@pytest.mark.parametrize(
    "payload",
    [
        {"ping": {"time": "2026-01-31T09:15:14Z", "streamId": "x"}},
        {"subscription": {"trackingId": "x", "status": "RESULT_SUBSCRIPTION_STATUS_OK", "accounts": ["2000000001"]}},
        {"variantOfTomorrow": {"orderId": "1", "executionReportStatus": "WHATEVER"}},
        {"code": 16, "message": "authentication token is missing or invalid"},
        {"error": {"code": "40003"}},
        {},
    ],
)
def test_what_speaks_of_no_order_is_nothing(payload: dict[str, Any]) -> None:
    assert list(reports(json.dumps(payload).encode(), STREAM, "2000000001", unknown_qty)) == []


NO_OBJECTS = (b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"not json")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        *((source, value) for source in (STREAM, GET_ORDERS) for value in NO_OBJECTS),
        (STREAM, b'{"orderState": 7}'),
        (STREAM, b'{"orderState": {"accountId": 2000000001, "executionReportStatus": "EXECUTION_REPORT_STATUS_NEW"}}'),
        (GET_ORDERS, b'{"orders": {"a": 1}}'),
        (GET_ORDERS, b'{"orders": [7]}'),
    ],
)
def test_what_is_no_json_of_a_known_shape_is_refused(source: str, value: bytes) -> None:
    with pytest.raises(MappingError):
        reports(value, source, "2000000001", unknown_qty)


@pytest.mark.parametrize("name", ["lotsRequested", "lotsExecuted"])
@pytest.mark.parametrize("text", ["3.5", "many", ""])
def test_a_quantity_that_is_no_whole_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(MappingError, match=name):
        of_stream(**{name: text})


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else_happens(value: bytes) -> None:
    for source in (STREAM, GET_ORDERS):
        try:
            reports(value, source, "2000000001", unknown_qty)
        except MappingError:
            pass


@pytest.mark.parametrize("source", [STREAM, GET_ORDERS])
def test_bytes_that_are_no_text_are_refused(source: str) -> None:
    value = b'{"orderState":{"accountId":"\xff"},"orders":[{"orderId":"\xff"}]}'
    with pytest.raises(MappingError, match="frame"):
        reports(value, source, "2000000001", unknown_qty)


# GetOrders.


def unary(**changes: Any) -> dict[str, Any]:
    order = {
        "orderId": "60351874912",
        "executionReportStatus": f"{STATUS}PARTIALLYFILL",
        "lotsRequested": "3",
        "lotsExecuted": "1",
        "initialOrderPrice": {"currency": "rub", "units": "8145", "nano": 0},
        "initialSecurityPrice": {"currency": "rub", "units": "271", "nano": 500_000_000},
        "direction": "ORDER_DIRECTION_SELL",
        "orderType": "ORDER_TYPE_LIMIT",
        "currency": "rub",
        "ticker": "SBER",
        "instrumentUid": "e6123145-9665-43e0-8413-cd61b8aa9b13",
        "orderDate": "2026-01-31T09:15:14Z",
        "orderRequestId": REQUEST,
        "stages": [
            {
                "price": {"currency": "rub", "units": "271", "nano": 490_000_000},
                "quantity": "1",
                "tradeId": "D1",
                "executionTime": "2026-01-31T09:15:17Z",
            }
        ],
    }
    return order | changes


def of_get_orders(known: Decimal | None = None, **changes: Any) -> Report:
    value = json.dumps({"orders": [unary(**changes)]}).encode()
    (found,) = reports(value, GET_ORDERS, "2000000009", lambda request_id, name: known)
    return found


def test_an_answer_of_get_orders_is_one_report_an_order_of_the_account_that_asked() -> None:
    value = json.dumps({"orders": [unary(), unary(orderId="60351874913", orderRequestId="other")]}).encode()

    found = reports(value, GET_ORDERS, "2000000009", unknown_qty)

    assert [report.order_request_id for report in found] == [REQUEST, "other"]
    assert {report.account for report in found} == {"2000000009"}
    assert list(reports(b'{"orders":[]}', GET_ORDERS, "2000000009", unknown_qty)) == []


def test_its_stages_count_lots_of_the_size_that_the_prices_tell() -> None:
    found = of_get_orders()

    assert (found.order_qty, found.cum_qty) == (Decimal(30), Decimal(10))
    assert (found.trades[0].trade_id, found.trades[0].quantity) == ("D1", Decimal(10))
    assert (found.side, found.price, found.currency) == (Side.SELL, Decimal("271.5"), "RUB")


def test_the_quantity_that_the_stream_told_goes_before_the_prices() -> None:
    found = of_get_orders(known=Decimal(300))

    assert (found.order_qty, found.cum_qty, found.trades[0].quantity) == (Decimal(300), Decimal(100), Decimal(100))


@pytest.mark.parametrize(
    "changes",
    [
        {"initialOrderPrice": None},
        {"initialSecurityPrice": None},
        {"initialSecurityPrice": {"units": "0", "nano": 0}},
        {"initialOrderPrice": {"units": "8000", "nano": 0}},
        {"initialOrderPrice": {"units": "0", "nano": 0}},
        {"lotsRequested": "0"},
    ],
)
def test_where_nothing_tells_the_lot_size_no_quantity_is_claimed(changes: dict[str, Any]) -> None:
    found = of_get_orders(**changes)

    assert (found.order_qty, found.cum_qty, found.trades) == (None, Decimal(0), ())
    assert found.ord_status is OrdStatus.PARTIALLY_FILLED


@pytest.mark.parametrize("order_id", [REQUEST, "0c8fd2f4-2f7d-4b0e-9a61-3a1f5a1c7d22"])
def test_an_order_that_the_exchange_has_not_numbered_yet_is_pending_in_it_too(order_id: str) -> None:
    found = of_get_orders(orderId=order_id, executionReportStatus=f"{STATUS}NEW", lotsExecuted="0", stages=[])

    assert found.ord_status is OrdStatus.PENDING_NEW


# Against the simulated exchange's books.

ASKS = st.builds(
    Ask,
    account=st.just("2000000001"),
    request_id=st.uuids(version=4).map(str),
    instrument=st.sampled_from(INSTRUMENTS),
    instrument_id=st.just("SBER_TQBR"),
    direction=st.sampled_from(["BUY", "SELL"]),
    order_type=st.just("LIMIT"),
    time_in_force=st.sampled_from(["DAY", "FILL_AND_KILL", "FILL_OR_KILL"]),
    lots=st.integers(1, 500),
    price_nano=st.integers(1, 10**13),
)
ENDS = {
    f"{STATUS}FILL": OrdStatus.FILLED,
    f"{STATUS}CANCELLED": OrdStatus.CANCELED,
    f"{STATUS}REJECTED": OrdStatus.REJECTED,
}


@given(st.lists(ASKS, min_size=1, max_size=4, unique_by=lambda ask: ask.request_id), st.integers(0, 2**32))
def test_every_frame_that_the_simulated_exchange_makes_agrees_with_its_books(asks: list[Ask], seed: int) -> None:
    market = Market(seed=seed)
    for ask in asks:
        market.submit(ask, AT_NS)

    last: dict[str, Report] = {}
    for order in market.advance(AT_NS + 3600 * SECOND):
        (found,) = reports(stream_bytes(order), STREAM, "2000000001", unknown_qty)
        agree(found, order)
        snapshot = json.dumps({"orders": [wire.order_state(order)]}).encode()
        (read,) = reports(snapshot, GET_ORDERS, "2000000001", unknown_qty)
        agree(read, order)
        last[order.ask.request_id] = found

    for order in market.orders():
        ledger = wire.ledger_entry(order)
        status = ENDS[ledger["status"]]
        not_placed = last[order.ask.request_id].text == "CAUSE_CANCELLED_NOT_ENOUGH_POSITION"
        assert last[order.ask.request_id].ord_status is (OrdStatus.REJECTED if not_placed else status)


def stream_bytes(order: Order) -> bytes:
    return wire.frame(wire.stream_order(order)).encode()


def agree(found: Report, order: Order) -> None:
    ledger = wire.ledger_entry(order)
    assert (found.order_request_id, found.account) == (ledger["order_request_id"], ledger["account"])
    assert found.order_qty == ledger["lots_requested"] * ledger["lot_size"]
    assert found.cum_qty == ledger["lots_executed"] * ledger["lot_size"]
    assert [(t.trade_id, t.price, t.quantity) for t in found.trades] == [
        (t["trade_id"], Decimal(t["price"]), Decimal(t["quantity"])) for t in ledger["trades"]
    ]
    assert sum(trade.quantity for trade in found.trades) == found.cum_qty
    assert not list(floats(found))


def floats(value: object) -> Iterator[float]:
    """Yield every float in a report, of which there must be none."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Report | Trade):
        for field in fields(value):
            yield from floats(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from floats(part)
    else:
        assert value is None or isinstance(value, str | int | Decimal | Enum), type(value)


def test_one_order_that_can_not_be_read_keeps_no_other_of_the_answer_from_being_read() -> None:
    good = '{"orderId": "70001", "orderRequestId": "r-1", "executionReportStatus": "EXECUTION_REPORT_STATUS_NEW"}'
    bad = '{"orderId": "70002", "orderRequestId": "r-2", "executionReportStatus": "EXECUTION_REPORT_STATUS_HALTED"}'
    answer = f'{{"orders": [{good}, {bad}, {good.replace("70001", "70003")}]}}'.encode()

    with pytest.raises(MappingError, match="HALTED") as caught:
        reports(answer, "rest:GetOrders", "2000000001", lambda _request, _name: None)

    assert [report.venue_order_id for report in caught.value.reports] == ["70001", "70003"]
