"""What Ripio's messages, refusals, answers and settings mean to a feed."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dropcopy.errors import SettingsError
from producers.feeds.venue import NO_SUCH_ORDER, Heard, OrderSeen, Reads, SnapshotCall, What
from producers.rest import RestAnswer
from producers.venues.ripio import VenueFeed, VenueSettings

ENVIRONMENT = {
    "DROPCOPY_RIPIO_API_TOKEN": "token",
    "DROPCOPY_RIPIO_API_SECRET": "hush",
    "DROPCOPY_RIPIO_ACCOUNT": "main",
    "DROPCOPY_RIPIO_PAIRS": "BTC_BRL, ETH_BRL,,BTC_BRL",
}
NOON_NS = 1_769_860_800 * 1_000_000_000  # 2026-01-31T12:00:00Z


def feed(**names: str) -> VenueFeed:
    return VenueFeed(VenueSettings.load(ENVIRONMENT | {f"DROPCOPY_RIPIO_{name}": names[name] for name in names}))


def confirmed() -> VenueFeed:
    """Return a feed whose subscription was confirmed."""
    one = feed()
    one.classify(b"{}")
    return one


def message(topic: str, number: Any = 7, **body: Any) -> bytes:
    return json.dumps({"id": number, "topic": topic, "timestamp": 1672856713677, "body": body}).encode()


# Settings.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_TOKEN", ""),
        ("API_TOKEN", "hush\r\nx: y"),
        ("API_SECRET", ""),
        ("ACCOUNT", "my account"),
        ("PAIRS", "BTC-BRL"),
        ("PAIRS", " , "),
        ("REST_URL", "api.ripiotrade.co/v4"),
        ("REST_URL", "https://api.ripiotrade.co/v4?x=1"),
        ("WS_URL", "https://ws.ripiotrade.co"),
        ("CALLS_PER_S", "0"),
        ("TIMESTAMP_TOLERANCE_MS", "60001"),
        ("PING_EVERY_S", "0"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_by_name_without_the_secret(name: str, value: str):
    with pytest.raises(SettingsError, match=f"DROPCOPY_RIPIO_{name}") as caught:
        feed(**{name: value})
    assert "hush" not in str(caught.value)


def test_a_feed_that_does_not_reconcile_needs_no_pairs():
    assert feed(PAIRS="", RECONCILE="false").reconciles is False


def test_the_secrets_are_in_no_representation():
    settings = VenueSettings.load(ENVIRONMENT)
    shown = repr(settings) + str(settings.model_dump())
    assert "hush" not in shown
    assert "token'" not in shown.replace("api_token'", "")


# Messages.

ORDER = {"id": "F55E", "external_id": "0f4a", "status": "open", "pair": "ETH_BRL"}


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        (
            message("order_status", **ORDER),
            Heard(What.DATA, "main", None, OrderSeen("0f4a", "F55E", True), "order_status"),
        ),
        (message("user_trades", trade={"id": "1"}), Heard(What.DATA, "main", source="user_trades")),
        (message("balance", balances=[]), Heard(What.DATA, "main", source="balance")),
        (message("order_status", -1), Heard(What.DATA, "main", source="order_status")),
        (message("ticker@BTC_BRL", last=1), Heard(What.DATA)),
        (b'{"method":"subscribe","topics":["order_status"]}', Heard(What.PING)),
        (b'{"method":"pong","timestamp":1672856713677}', Heard(What.PING)),
        (b'{"id":7,"topic":"order_status"}', Heard(What.PING)),
        (b'{"message":"subscribed","error_code":null}', Heard(What.PING)),
        (b"{}", Heard(What.PING)),
        (b"", Heard(What.UNREADABLE)),
        (b"[]", Heard(What.UNREADABLE)),
        (b'"pong"', Heard(What.UNREADABLE)),
        (b'{"topic":"\xff"}', Heard(What.UNREADABLE)),
    ],
)
def test_a_message_is_classified_by_what_it_carries(data: bytes, heard: Heard):
    assert confirmed().classify(data) == heard


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("pending_creation", True),
        ("waiting", True),
        ("open", True),
        ("executed_partially", True),
        ("executed_completely", False),
        ("canceled", False),
        ("odd", None),
        (None, None),
    ],
)
def test_an_order_is_open_by_its_status(status: str | None, is_open: bool | None):
    heard = confirmed().classify(message("order_status", id="F55E", status=status))
    assert heard.order == OrderSeen("", "F55E", is_open)


@pytest.mark.parametrize(
    "first", [b'{"method":"subscribe","topics":[]}', b'{"method":"pong"}', message("order_status", **ORDER)]
)
def test_the_first_message_that_is_no_error_confirms_the_subscription(first: bytes):
    one = feed()
    assert one.classify(b"not json").what is What.UNREADABLE
    assert one.classify(first).what is What.CONFIRMED
    assert one.classify(first).what is not What.CONFIRMED


@pytest.mark.parametrize(
    ("data", "reason", "is_final"),
    [
        (b'{"error_code":40100,"message":"Not authorized","data":null}', "unauthorized", False),
        (b'{"error_code":40300,"message":"Forbidden Access","data":null}', "forbidden", True),
        (b'{"error_code":40000,"message":"Invalid topic"}', "refused", False),
        (b'{"error_code":"42900","message":"Too many requests"}', "limit", False),
        (b'{"error_code":50000,"message":"oh"}', "venue_error", False),
        (b'{"error":"invalid ticket"}', "refused", False),
        (b'{"error":{"error_code":40300,"message":"no"}}', "forbidden", True),
        (b'{"error":{"code":"WHAT","message":"no"}}', "refused", False),
        (b'{"status":"error","message":"no"}', "refused", False),
    ],
)
def test_an_error_is_a_refusal_in_whatever_form_it_comes(data: bytes, reason: str, is_final: bool):
    heard = feed().classify(data)
    assert heard.what is What.REFUSED
    assert heard.meaning is not None
    assert (heard.meaning.reason, heard.meaning.final) == (reason, is_final)


# Sequences.


def gaps(*messages: bytes, one: VenueFeed | None = None) -> list[str]:
    one = one or confirmed()
    return [heard.gap for heard in map(one.classify, messages) if heard.gap]


def test_a_number_that_is_left_out_is_a_gap_of_its_topic():
    assert gaps(message("order_status", 7), message("order_status", 8)) == []
    assert gaps(message("order_status", 7), message("order_status", 9)) == ["order_status 8"]
    assert gaps(message("user_trades", 7), message("user_trades", 11)) == ["user_trades 8..10"]


def test_topics_count_by_themselves():
    assert gaps(message("order_status", 7), message("user_trades", 900), message("order_status", 8)) == []


def test_a_message_told_twice_or_late_or_without_a_number_is_no_gap():
    told = [message("order_status", number) for number in (7, 8, 8, 7, -1, None, "9", True, 9)]
    assert gaps(*told) == []


def test_a_gap_is_told_once():
    assert gaps(*(message("order_status", number) for number in (7, 9, 10, 8, 11))) == ["order_status 8"]


# Calls.


def asked(call: SnapshotCall | None) -> tuple[str, str, dict[str, list[str]]]:
    assert call is not None
    assert (call.method, call.body) == ("GET", b"")
    parts = urlsplit(call.path)
    return call.source, parts.path, parse_qs(parts.query)


def test_the_orders_of_a_day_are_asked_for_by_pair_of_every_status_from_the_day_before_on():
    assert asked(feed().snapshot_call(Reads.ORDERS_OF_DAY, "main", NOON_NS)) == (
        "rest:GetUserOrders",
        "orders",
        {
            "page_size": ["500"],
            "pair": ["BTC_BRL"],
            "status": ["executed_completely,executed_partially,open,canceled"],
            "start_date": ["2026-01-30"],
        },
    )


@pytest.mark.parametrize(
    ("reads", "order", "source", "path"),
    [
        (Reads.OPEN_ORDERS, None, "rest:GetUserOpenOrders", "orders/open?page_size=500"),
        (Reads.TRADES, None, "rest:GetUserTrades", "user/trades?page_size=500&pair=BTC_BRL&start_date=2026-01-30"),
        (Reads.TRADES, OrderSeen("r", "V/1", None), "rest:GetTrades", "orders/trades?page_size=500&order_id=V%2F1"),
        (Reads.ORDER, OrderSeen("r", "V/1", None), "rest:GetOrderById", "orders/V%2F1"),
        (Reads.ORDER, OrderSeen("r", "", None), "rest:GetOrderByExternalId", "orders/by-external-id/r"),
    ],
)
def test_each_thing_is_read_by_its_call(reads: Reads, order: OrderSeen | None, source: str, path: str):
    call = feed().snapshot_call(reads, "main", NOON_NS, order)
    assert call is not None
    assert call._replace(part="") == SnapshotCall(path, b"", source, "GET")


@pytest.mark.parametrize("reads", [Reads.STOP_ORDERS_OF_DAY, Reads.OPEN_STOP_ORDERS, Reads.STOP_ORDERS])
def test_stop_orders_are_orders_like_any_other(reads: Reads):
    assert feed().snapshot_call(reads, "main", NOON_NS) is None


def test_the_trades_of_an_order_whose_id_at_the_venue_is_not_known_cannot_be_asked_for():
    assert feed().snapshot_call(Reads.TRADES, "main", NOON_NS, OrderSeen("r", "", None)) is None


def answer(cursor: str | None = None, orders: list[Any] | None = None, **data: Any) -> bytes:
    return json.dumps({"data": {"orders": orders or [], "nc": cursor} | data, "error_code": None}).encode()


def followed(one: VenueFeed, call: SnapshotCall | None, *cursors: str | None) -> list[tuple[str, str]]:
    """Return pair and cursor of each call, the answers to which tell these cursors."""
    said = []
    for cursor in cursors:
        assert call is not None
        query = asked(call)[2]
        said.append((query.get("pair", [""])[0], query.get("c", [""])[0]))
        assert call.part == said[-1][0]
        call = one.snapshot_next(call, answer(cursor))
    assert call is None
    return said


def test_all_pages_of_all_pairs_are_read_one_after_the_other():
    one = feed()
    first = one.snapshot_call(Reads.ORDERS_OF_DAY, "main", NOON_NS)
    pages = [("BTC_BRL", ""), ("BTC_BRL", "x y"), ("ETH_BRL", ""), ("ETH_BRL", "z")]
    assert followed(one, first, "x y", None, "z", None) == pages


def test_a_cursor_that_stays_where_it_is_ends_the_pages():
    one = feed(PAIRS="BTC_BRL")
    first = one.snapshot_call(Reads.OPEN_ORDERS, "main", NOON_NS)
    assert followed(one, first, "x", "x") == [("", ""), ("", "x")]


def test_one_order_has_no_pages():
    one = feed()
    call = one.snapshot_call(Reads.ORDER, "main", NOON_NS, OrderSeen("", "1", None))
    assert call is not None
    assert one.snapshot_next(call, answer()) is None


def test_a_pair_that_is_heard_of_is_read_from_then_on():
    one = confirmed()
    one.classify(message("order_status", id="1", pair="USDC_BRL"))
    one.snapshot_orders("rest:GetUserOpenOrders", answer(orders=[{"id": "2", "pair": "SOL_BRL"}]))
    first = one.snapshot_call(Reads.TRADES, "main", NOON_NS)
    pairs = [pair for pair, _ in followed(one, first, None, None, None, None)]
    assert pairs == ["BTC_BRL", "ETH_BRL", "USDC_BRL", "SOL_BRL"]


def test_what_an_answer_tells_of_orders_is_read():
    one = feed()
    listed = [{"id": "1", "external_id": "r", "status": "open"}, {"id": "2", "status": "canceled", "pair": None}]
    seen = [OrderSeen("r", "1", True), OrderSeen("", "2", False)]
    assert one.snapshot_orders("rest:GetUserOrders", answer(orders=listed)) == seen
    single = json.dumps({"data": listed[0]}).encode()
    assert one.snapshot_orders("rest:GetOrderById", single) == [OrderSeen("r", "1", True)]
    assert one.snapshot_orders("rest:GetUserTrades", answer(trades=[{"id": "1"}])) == ()


@pytest.mark.parametrize("source", ["rest:GetUserOrders", "rest:GetOrderById", "rest:GetUserTrades"])
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data":null}', b'{"data":[]}'])
def test_an_answer_that_is_none_is_refused(source: str, body: bytes):
    with pytest.raises(ValueError, match=r"."):
        feed().snapshot_orders(source, body)


@pytest.mark.parametrize(
    ("status", "body", "source", "reason", "is_final", "wait_s"),
    [
        (401, b'{"error_code":40100,"message":"Not authorized","data":null}', "GetUserOrders", "unauthorized", True, 0),
        (403, b'{"error_code":40300,"message":"Forbidden Access"}', "GetUserOrders", "forbidden", True, 0),
        (404, b'{"error_code":40400,"message":"Not found"}', "GetUserOrders", "not_found", True, 0),
        (404, b'{"error_code":40400,"message":"Not found"}', "GetOrderById", NO_SUCH_ORDER, True, 0),
        (404, b"<html>", "GetTrades", NO_SUCH_ORDER, True, 0),
        (429, b'{"message":"Too many requests"}', "GetUserOrders", "limit", False, 1),
        (429, b'{"message":"Limit Exceeded"}', "GetUserOrders", "limit", False, 60),
        (400, b'{"error_code":40000,"message":"pair"}', "GetUserOrders", "refused", True, 0),
        (500, b'{"error_code":50002,"message":"oh"}', "GetUserOrders", "venue_error", False, 0),
        (503, b'{"error_code":503,"message":"Maintenance"}', "GetUserOrders", "venue_error", False, 0),
        (502, b"<html>bad gateway", "GetUserOrders", "venue_error", False, 0),
    ],
)
def test_a_refused_call_means_what_its_code_or_else_its_status_says(
    status: int, body: bytes, source: str, reason: str, is_final: bool, wait_s: float
):
    meaning = feed().snapshot_meaning(f"rest:{source}", RestAnswer(status, {}, body))
    assert (meaning.reason, meaning.final, meaning.wait_s) == (reason, is_final, wait_s)


def test_each_try_of_a_call_has_a_signature_of_its_own():
    one = feed()
    call = one.snapshot_call(Reads.OPEN_ORDERS, "main", NOON_NS)
    assert call is not None
    signatures = {one.call_headers(call, NOON_NS)["Signature"] for _ in range(3)}
    assert len(signatures) == 3
