"""What T-Invest's messages, codes and settings mean to a feed."""

import json
from typing import Any

import pytest

from dropcopy.errors import SettingsError
from producers.feeds.venue import NO_SUCH_ORDER, Heard, OrderSeen, Reads, What
from producers.rest import RestAnswer
from producers.venues.tinvest import VenueFeed, VenueSettings

ENVIRONMENT = {"DROPCOPY_TINVEST_TOKEN": "t.secret", "DROPCOPY_TINVEST_ACCOUNTS": "A1, A2,,A1"}


def feed(**names: str) -> VenueFeed:
    return VenueFeed(VenueSettings.load(ENVIRONMENT | {f"DROPCOPY_TINVEST_{name}": names[name] for name in names}))


def test_accounts_are_a_list_with_commas_each_once():
    assert feed().accounts == ("A1", "A2")


def test_the_addresses_are_the_venues_own_unless_set():
    stream = "tinkoff.public.invest.api.contract.v1.OrdersStreamService/OrderStateStream"
    assert feed().stream_url == f"wss://invest-public-api.tbank.ru/ws/{stream}"
    assert feed().rest_url == "https://invest-public-api.tbank.ru/rest"
    assert feed(ENVIRONMENT="sandbox").stream_url == f"wss://sandbox-invest-public-api.tbank.ru/ws/{stream}"
    assert feed(ENVIRONMENT="sandbox").rest_url == "https://sandbox-invest-public-api.tbank.ru/rest"
    assert feed(ENVIRONMENT="sandbox", REST_URL="http://127.0.0.1:1/rest").rest_url == "http://127.0.0.1:1/rest"
    assert feed(WS_URL="ws://127.0.0.1:1/ws/").stream_url == f"ws://127.0.0.1:1/ws/{stream}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN", ""),
        ("TOKEN", "t.secret\r\nx: y"),
        ("ACCOUNTS", " , "),
        ("ACCOUNTS", "счёт"),
        ("ENVIRONMENT", "demo"),
        ("STOP_ORDERS_DAYS", "0"),
        ("PING_DELAY_MS", "999"),
        ("PING_DELAY_MS", "120001"),
        ("WS_URL", "https://invest-public-api.tbank.ru/ws"),
        ("REST_URL", "invest-public-api.tbank.ru/rest"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_by_name_without_the_token(name: str, value: str):
    with pytest.raises(SettingsError, match=f"DROPCOPY_TINVEST_{name}") as caught:
        feed(**{name: value})
    assert "t.secret" not in str(caught.value)


def test_of_an_environment_that_there_is_not_the_addresses_are_no_problem_of_their_own():
    with pytest.raises(SettingsError) as caught:
        feed(ENVIRONMENT="demo")
    assert "_URL" not in caught.value.message


def test_the_token_is_in_no_representation():
    settings = VenueSettings.load(ENVIRONMENT)
    assert "t.secret" not in repr(settings) + str(settings.model_dump())


UNNAMED = OrderSeen("", "", None)
UNNAMED_STOP = OrderSeen("", "", None, is_stop=True)
CLASSIFIED: dict[str, Heard] = {
    '{"orderState":{"accountId":"A2","orderId":"1"}}': Heard(What.DATA, "A2", order=OrderSeen("", "1", None)),
    '{"stopOrderState":{"accountId":"A2"}}': Heard(What.DATA, "A2", order=UNNAMED_STOP),
    '{"result":{"orderState":{"accountId":"A2"}}}': Heard(What.DATA, "A2", order=UNNAMED),
    '{"ping":{"time":"2026-01-01T00:00:00Z","streamId":""}}': Heard(What.PING),
    '{"ping":{}}': Heard(What.PING),
    '{"result":{"ping":{}},"error":null}': Heard(What.PING),
    '{"subscription":{"status":"RESULT_SUBSCRIPTION_STATUS_OK"}}': Heard(What.CONFIRMED),
    '{"subscription":{"status":1}}': Heard(What.CONFIRMED),
    '{"subscription":{"status":"RESULT_SUBSCRIPTION_STATUS_OK","accounts":["A2","A1"]}}': Heard(What.CONFIRMED),
    '{"orderState":{}}': Heard(What.DATA, order=UNNAMED),
    '{"somethingNew":{"accountId":"A2"}}': Heard(What.DATA, "A2"),
    '{"result":{"a":1,"somethingNew":{"accountId":"A2"}}}': Heard(What.DATA, "A2"),
    '{"somethingNew":{"accountId":2}}': Heard(What.DATA),
    '{"result":[]}': Heard(What.UNREADABLE),
    '{"orderState":{"accountId":"счёт"}}': Heard(What.DATA, order=UNNAMED),
    '{"stopOrderState":{"accountId":"A2","stopOrderId":"s","status":"STOP_ORDER_STATUS_ACTIVE"},"error":null}': Heard(
        What.DATA, "A2", order=OrderSeen("", "s", True, is_stop=True)
    ),
    '{"result":{"stopOrderState":{"accountId":"A2"}}}': Heard(What.DATA, "A2", order=UNNAMED_STOP),
    '{"subscription":{"status":1,"accounts":null,"error":null}}': Heard(What.CONFIRMED),
    "{}": Heard(What.DATA),
    "": Heard(What.UNREADABLE),
    "[]": Heard(What.UNREADABLE),
    "null": Heard(What.UNREADABLE),
    '{"orderState":{"accountId":"A2"}': Heard(What.UNREADABLE),
    '{"orderState":{"accountId":2}}': Heard(What.UNREADABLE),
    '{"subscription":"yes"}': Heard(What.UNREADABLE),
    '{"somethingNew":{"accountId":"A2","volume":1e999}}': Heard(What.UNREADABLE),
}


@pytest.mark.parametrize(("text", "heard"), CLASSIFIED.items())
def test_a_message_is_classified_by_what_it_carries(text: str, heard: Heard):
    assert feed().classify(text.encode()) == heard


def test_bytes_that_are_no_text_are_unreadable():
    assert feed().classify(b'{"orderState":{"accountId":"\xff\xfe"}}') == Heard(What.UNREADABLE)


# Error, the reason it is given, whether it ends the feed, how long to wait in seconds.
ERRORS: list[tuple[Any, str, bool, float]] = [
    ({"code": "40003", "message": "no"}, "unauthorized", True, 0),
    ({"code": 16, "message": "no"}, "unauthorized", True, 0),
    ({"code": "16", "message": "no"}, "unauthorized", True, 0),
    ({"code": 7, "message": "no"}, "forbidden", True, 0),
    ({"code": "40002", "message": "no"}, "forbidden", True, 0),
    ({"code": "50004", "message": "no"}, "not_found", True, 0),
    ({"code": 5, "message": "no"}, "not_found", True, 0),
    ({"code": "30052", "message": "no"}, "invalid_argument", True, 0),
    ({"code": 3, "message": "no"}, "invalid_argument", True, 0),
    ({"code": "80001", "message": "no"}, "limit", False, 10),
    ({"code": "80002", "message": "no"}, "limit", False, 10),
    ({"code": 8, "message": "no"}, "limit", False, 10),
    ({"code": 8, "message": "80005 Stream lifetime too long"}, "stream_lifetime", False, 0),
    ({"code": "80004", "message": "no"}, "no_subscription", False, 0),
    ({"code": "70001", "message": "no"}, "venue_error", False, 0),
    ({"code": 14, "message": "no"}, "venue_error", False, 0),
    ({"code": "what", "message": "is this"}, "venue_error", False, 0),
    ({"message": "no code"}, "venue_error", False, 0),
]
WRAPPINGS = {
    "bare": lambda error: {"code": ""} | error | {"details": []},
    "wrapped": lambda error: {"error": error},
    "with a result": lambda error: {"result": None, "error": error | {"details": [{"@type": "any"}]}},
    "of the subscription": lambda error: {
        "subscription": {"status": "RESULT_SUBSCRIPTION_STATUS_ERROR", "error": error}
    },
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize(("error", "reason", "final", "wait_s"), ERRORS)
def test_an_error_means_the_same_in_whichever_frame_it_comes(
    wrap: Any, error: dict[str, Any], reason: str, final: bool, wait_s: float
):
    frame = wrap(error)
    heard = feed().classify(json.dumps(frame).encode())
    assert heard.what is What.REFUSED
    assert heard.meaning is not None
    assert (heard.meaning.reason, heard.meaning.final, heard.meaning.wait_s) == (reason, final, wait_s)
    assert error["message"] in heard.meaning.text


def test_a_subscription_that_leaves_an_account_out_is_refused_by_its_name():
    heard = feed().classify(b'{"subscription":{"status":"RESULT_SUBSCRIPTION_STATUS_OK","accounts":["A2"]}}')
    assert heard.meaning is not None
    assert heard.meaning.final
    assert "A1" in heard.meaning.text


CLOSES = [
    (3000, "", "unauthorized", True),
    (3003, "", "forbidden", True),
    (4003, "", "invalid_argument", True),
    (4004, "", "timeout", False),
    (4008, "", "limit", False),
    (4008, "80005 stream lifetime", "stream_lifetime", False),
    (4016, "", "unauthorized", True),
    (4014, "", "venue_error", False),
    (4999, "", "venue_error", False),
    (1000, "", "closed", False),
    (1001, "", "maintenance", False),
    (1006, "", "connection_lost", False),
    (1011, "took 30000 ms", "venue_error", False),
    (1012, "", "maintenance", False),
    (1013, "", "maintenance", False),
]


@pytest.mark.parametrize(("code", "text", "reason", "final"), CLOSES)
def test_a_close_code_has_its_meaning(code: int, text: str, reason: str, final: bool):
    meaning = feed().close_meaning(code, text)
    assert (meaning.reason, meaning.final) == (reason, final)
    assert str(code) in meaning.text


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [
        (401, "unauthorized", True),
        (403, "forbidden", True),
        (404, "not_found", True),
        (400, "refused", True),
        (200, "refused", False),
        (302, "refused", False),
        (429, "limit", False),
        (500, "venue_error", False),
        (503, "venue_error", False),
    ],
)
def test_the_status_of_a_refused_hand_shake_has_its_meaning(status: int, reason: str, final: bool):
    meaning = feed().handshake_meaning(status)
    assert (meaning.reason, meaning.final) == (reason, final)


def test_the_snapshot_asks_for_the_days_orders_of_every_status():
    call = feed().snapshot_call(Reads.ORDERS_OF_DAY, "A2", 1_767_229_323_000_000_005)
    assert call is not None
    assert call.path == "tinkoff.public.invest.api.contract.v1.OrdersService/GetOrders"
    assert call.source == "rest:GetOrders"
    assert json.loads(call.body) == {
        "accountId": "A2",
        "advancedFilters": {
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-01T01:02:03.000000005Z",
            "executionStatus": [
                "EXECUTION_REPORT_STATUS_FILL",
                "EXECUTION_REPORT_STATUS_REJECTED",
                "EXECUTION_REPORT_STATUS_CANCELLED",
                "EXECUTION_REPORT_STATUS_NEW",
                "EXECUTION_REPORT_STATUS_PARTIALLYFILL",
            ],
        },
    }


@pytest.mark.parametrize(("body", "orders"), [(b'{"orders":[{"a":1},{}]}', 2), (b'{"orders":[]}', 0), (b"{}", 0)])
def test_the_orders_of_a_snapshot_are_counted(body: bytes, orders: int):
    assert len(feed().snapshot_orders("rest:GetOrders", body)) == orders


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"orders":1}', b"[]"])
def test_a_snapshot_that_cannot_be_read_is_told(body: bytes):
    with pytest.raises(ValueError, match=r"JSON|Expected|truncated"):
        feed().snapshot_orders("rest:GetOrders", body)


REST_ANSWERS = {
    "the token": (RestAnswer(401, {}, b'{"code":16,"message":"no","description":"40003"}'), "unauthorized", True, 0),
    "an account": (RestAnswer(404, {}, b'{"code":5,"message":"no","description":50004}'), "not_found", True, 0),
    "a limit with its reset": (RestAnswer(429, {"x-ratelimit-reset": "7"}, b""), "limit", False, 7),
    "a limit without": (RestAnswer(429, {}, b"<html>"), "limit", False, 10),
    "a limit by its code": (
        RestAnswer(429, {"x-ratelimit-reset": "3"}, b'{"code":8,"description":"80002","message":""}'),
        "limit",
        False,
        3,
    ),
    "a gateway": (RestAnswer(503, {"x-ratelimit-reset": "3"}, b"<html>"), "venue_error", False, 0),
}


@pytest.mark.parametrize(("answer", "reason", "final", "wait_s"), REST_ANSWERS.values(), ids=REST_ANSWERS)
def test_a_refused_call_has_its_meaning(answer: RestAnswer, reason: str, final: bool, wait_s: float):
    meaning = feed().snapshot_meaning("rest:GetOrders", answer)
    assert (meaning.reason, meaning.final, meaning.wait_s) == (reason, final, wait_s)


# Status, lots left and canceled (None: left out), whether it is open.
STREAM_STATES: list[tuple[str, Any, Any, bool | None]] = [
    ("NEW", None, None, True),
    ("PARTIALLYFILL", "3", "0", True),
    ("PARTIALLYFILL", "3", None, True),
    ("PARTIALLYFILL", 3, 0, True),
    ("PARTIALLYFILL", "3", "3", False),
    ("PARTIALLYFILL", "0", "3", False),
    ("PARTIALLYFILL", None, None, False),
    ("FILL", None, None, False),
    ("CANCELLED", None, None, False),
    ("REJECTED", None, None, False),
    ("UNSPECIFIED", None, None, None),
    ("SOMETHING_NEW", "3", "0", None),
]


@pytest.mark.parametrize(("status", "left", "canceled", "is_open"), STREAM_STATES)
def test_an_order_of_the_stream_is_open_until_it_has_ended_or_its_rest_is_canceled(
    status: str, left: Any, canceled: Any, is_open: bool | None
):
    state = {
        "accountId": "A1",
        "orderId": "1",
        "orderRequestId": "r",
        "executionReportStatus": f"EXECUTION_REPORT_STATUS_{status}",
        "lotsLeft": left,
        "lotsCancelled": canceled,
    }
    heard = feed().classify(json.dumps({"orderState": state}).encode())
    assert heard == Heard(What.DATA, "A1", order=OrderSeen("r", "1", is_open))


def test_what_cannot_be_told_of_an_order_keeps_its_frame_with_its_account():
    state = {"accountId": "A2", "orderId": 1, "orderRequestId": [], "executionReportStatus": {}, "lotsLeft": "x"}
    assert feed().classify(json.dumps({"orderState": state}).encode()) == Heard(What.DATA, "A2", order=UNNAMED)


def test_an_error_that_is_only_a_text_is_a_refusal_with_it():
    heard = feed().classify(b'{"error":"80005 Stream lifetime too long"}')
    assert heard.meaning is not None
    assert (heard.meaning.reason, heard.meaning.final) == ("stream_lifetime", False)


def test_an_order_partly_filled_is_open_in_an_answer_which_tells_no_lots_left():
    body = b'{"orders":[{"orderId":"1","executionReportStatus":"EXECUTION_REPORT_STATUS_PARTIALLYFILL"}]}'
    assert feed().snapshot_orders("rest:GetOrders", body) == [OrderSeen("", "1", True)]


def test_the_open_orders_are_asked_for_without_filters():
    call = feed().snapshot_call(Reads.OPEN_ORDERS, "A1", 1_767_229_323_000_000_005)
    assert call is not None
    assert call.path == "tinkoff.public.invest.api.contract.v1.OrdersService/GetOrders"
    assert (call.source, json.loads(call.body)) == ("rest:GetOrders", {"accountId": "A1"})


@pytest.mark.parametrize(
    ("order", "order_id", "kind"),
    [
        (OrderSeen("9c1e-uuid", "71234567890", True), "71234567890", "EXCHANGE"),
        (OrderSeen("", "71234567890", True), "71234567890", "EXCHANGE"),
        (OrderSeen("9c1e-uuid", "0a1b-internal", True), "9c1e-uuid", "REQUEST"),
        (OrderSeen("9c1euuid", "9c1euuid", True), "9c1euuid", "REQUEST"),
        (OrderSeen("9c1e-uuid", "", True), "9c1e-uuid", "REQUEST"),
        (OrderSeen("", "0a1b-internal", True), "0a1b-internal", "EXCHANGE"),
    ],
)
def test_an_order_is_asked_for_by_the_exchanges_number_or_else_by_its_request_id(
    order: OrderSeen, order_id: str, kind: str
):
    call = feed().snapshot_call(Reads.ORDER, "A1", 1_767_229_323_000_000_005, order)
    assert call is not None
    assert call.path == "tinkoff.public.invest.api.contract.v1.OrdersService/GetOrderState"
    assert call.source == "rest:GetOrderState"
    assert json.loads(call.body) == {"accountId": "A1", "orderId": order_id, "orderIdType": f"ORDER_ID_TYPE_{kind}"}


NOW = "2026-01-01T01:02:03.000000005Z"


@pytest.mark.parametrize(
    ("reads", "asked"),
    [
        (Reads.STOP_ORDERS_OF_DAY, {"status": "STOP_ORDER_STATUS_ALL", "from": "2026-01-01T00:00:00Z", "to": NOW}),
        (Reads.OPEN_STOP_ORDERS, {"status": "STOP_ORDER_STATUS_ACTIVE"}),
        (Reads.STOP_ORDERS, {"status": "STOP_ORDER_STATUS_ALL", "from": "2025-12-30T00:00:00Z", "to": NOW}),
    ],
)
def test_stop_orders_are_asked_for_by_day_by_being_active_and_further_back(reads: Reads, asked: dict[str, str]):
    call = feed(STOP_ORDERS_DAYS="2").snapshot_call(reads, "A2", 1_767_229_323_000_000_005)
    assert call is not None
    assert call.path == "tinkoff.public.invest.api.contract.v1.StopOrdersService/GetStopOrders"
    assert call.source == "rest:GetStopOrders"
    assert json.loads(call.body) == {"accountId": "A2"} | asked


def test_every_call_has_its_share_of_the_venues_limits():
    venue = feed()
    calls = {reads: venue.snapshot_call(reads, "A1", 0, UNNAMED) for reads in Reads}
    assert {call.source for call in calls.values() if call} == set(venue.reads_per_minute)
    # Its orders tell their fills themselves.
    assert [reads for reads, call in calls.items() if call is None] == [Reads.TRADES]


@pytest.mark.parametrize(
    ("status", "is_open"), [("ACTIVE", True), ("EXECUTED", False), ("CANCELED", False), ("EXPIRED", False), ("X", None)]
)
def test_a_stop_order_is_open_while_it_is_active(status: str, is_open: bool | None):
    body = json.dumps({"stopOrders": [{"stopOrderId": "s", "status": f"STOP_ORDER_STATUS_{status}"}]}).encode()
    assert feed().snapshot_orders("rest:GetStopOrders", body) == [OrderSeen("", "s", is_open, is_stop=True)]


@pytest.mark.parametrize(
    ("source", "body", "reason"),
    [
        ("rest:GetOrderState", b'{"code":5,"message":"Order not found","description":"50005"}', NO_SUCH_ORDER),
        ("rest:GetOrderState", b'{"code":5,"message":"Order not found","description":50005}', NO_SUCH_ORDER),
        ("rest:GetOrderState", b'{"code":5,"message":"not found"}', NO_SUCH_ORDER),
        ("rest:GetOrderState", b"<html>", "not_found"),
        ("rest:GetOrderState", b"{}", "not_found"),
        ("rest:GetOrders", b'{"code":5,"message":"not found"}', "not_found"),
    ],
)
def test_not_found_is_said_of_an_order_only_where_one_was_asked_for(source: str, body: bytes, reason: str):
    assert feed().snapshot_meaning(source, RestAnswer(404, {}, body)).reason == reason
