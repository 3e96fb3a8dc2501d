"""Outpoll's signatures, by the vectors of the venue's description, and the settings that they need."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import SettingsError
from producers.venues.outpoll.settings import VenueSettings
from producers.venues.outpoll.signing import auth_message, signature, signed_headers

SECRET = "dGVzdF9zZWNyZXRfMTIzNDU2Nzg"  # test_secret_12345678
TIMESTAMP = "1712500000"
AT_NS = 1_712_500_000_999_999_999
ENVIRONMENT = {
    "DROPCOPY_OUTPOLL_API_KEY": "op_k_test",
    "DROPCOPY_OUTPOLL_API_SECRET": SECRET,
    "DROPCOPY_OUTPOLL_ACCOUNT": "main",
}
MARKET_ORDER = (
    b'{"e":"54ccea1a-16fd-469c-8018-84b375243e8a","o":"b21f6fd8-b9d1-4b9f-bb79-ef141e3dcb76",'
    b'"ba":"a1b2c3d4-...","qa":"078dcd98-928d-479f-8110-ff6d27e44de2","s":"BUY","am":50}'
)
STREAM_SIGNATURE = "Cn6oA9BE3cVxdIjkuFm3RotzukgbLGUqdA5KcC_L9Lw"
# Method, path, body, signature.
VECTORS = [
    ("GET", "/order/ws", b"", STREAM_SIGNATURE),
    ("POST", "/orders/market", MARKET_ORDER, "b0F-arrJ5cnTwR3k6q1Nt9hP5ro2mN88TQoc3a-u2FE"),
]


def settings(**names: str) -> VenueSettings:
    return VenueSettings.load(ENVIRONMENT | {f"DROPCOPY_OUTPOLL_{name}": names[name] for name in names})


@pytest.mark.parametrize(("method", "path", "body", "signed"), VECTORS)
def test_a_call_is_signed_as_the_vectors_have_it(method: str, path: str, body: bytes, signed: str):
    assert signature(SECRET, TIMESTAMP, method, path, body) == signed


def test_a_padded_secret_signs_as_the_bare_one():
    assert signature(SECRET + "=", TIMESTAMP, "GET", "/order/ws") == STREAM_SIGNATURE


@given(key=st.binary(min_size=1, max_size=80), body=st.binary(max_size=80))
def test_a_secret_of_any_length_is_decoded_with_and_without_its_padding(key: bytes, body: bytes):
    padded = base64.urlsafe_b64encode(key).decode()
    by_hand = hmac.new(key, b"1POST/p" + body, hashlib.sha256).digest()

    signed = signature(padded.rstrip("="), "1", "POST", "/p", body)

    assert signed == signature(padded, "1", "POST", "/p", body)
    assert "=" not in signed
    assert base64.urlsafe_b64decode(signed + "=") == by_hand


@pytest.mark.parametrize("secret", ["a+b/", "no secret", "a", "é"])
def test_what_is_no_base64url_signs_nothing(secret: str):
    with pytest.raises(ValueError, match="base64url"):
        signature(secret, TIMESTAMP, "GET", "/")


def test_a_call_is_signed_at_its_second_without_host_and_query():
    url = "https://history-service.outpoll.com/api/history/orders?page=0&size=100"
    headers = signed_headers(settings(), "GET", url, b"", AT_NS)

    assert headers == {
        "OUTPOLL-API-KEY": "op_k_test",
        "OUTPOLL-API-SIGNATURE": signature(SECRET, TIMESTAMP, "GET", "/api/history/orders"),
        "OUTPOLL-API-TIMESTAMP": TIMESTAMP,
    }


def test_the_message_that_opens_a_stream_is_the_documented_one():
    assert json.loads(auth_message(settings(), AT_NS)) == {
        "t": "AUTH",
        "d": {"apiKey": "op_k_test", "signature": STREAM_SIGNATURE, "timestamp": TIMESTAMP},
    }


# The settings.


def test_the_addresses_are_the_venues_own_unless_set():
    known = settings()
    assert known.rest_url == "https://order-service.outpoll.com"
    assert known.history_url == "https://history-service.outpoll.com"
    assert known.ws_url == "wss://order-service.outpoll.com/order/ws"
    assert known.order_feed_url == "wss://history-service.outpoll.com/order/ws"
    assert settings(ORDER_FEED_URL="").order_feed_url == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", ""),
        ("API_KEY", "op_k_test\r\nx: y"),
        ("API_SECRET", ""),
        ("API_SECRET", "not base64url!"),
        ("API_SECRET", "abcde"),
        ("ACCOUNT", ""),
        ("ACCOUNT", "счёт"),
        ("REST_URL", "order-service.outpoll.com"),
        ("HISTORY_URL", "wss://history-service.outpoll.com"),
        ("WS_URL", "https://order-service.outpoll.com/order/ws"),
        ("ORDER_FEED_URL", "history-service.outpoll.com"),
        ("PONG", "maybe"),
        ("SILENCE_S", "0"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_by_name_without_the_secret(name: str, value: str):
    with pytest.raises(SettingsError, match=f"DROPCOPY_OUTPOLL_{name}") as caught:
        settings(**{name: value})
    assert SECRET not in str(caught.value)
    assert "op_k_test" not in str(caught.value)


def test_key_and_secret_may_come_from_files(tmp_path: Path):
    key, secret = tmp_path / "key", tmp_path / "secret"
    key.write_text("op_k_filed\n", "utf-8")
    secret.write_text(f"{SECRET}\n", "utf-8")
    known = VenueSettings.load(
        {
            "DROPCOPY_OUTPOLL_API_KEY_FILE": str(key),
            "DROPCOPY_OUTPOLL_API_SECRET_FILE": str(secret),
            "DROPCOPY_OUTPOLL_ACCOUNT": "main",
        }
    )
    assert known.api_key.get_secret_value() == "op_k_filed"
    assert known.api_secret.get_secret_value() == SECRET


def test_neither_key_nor_secret_is_in_any_representation():
    known = settings()
    assert "op_k_test" not in repr(known) + str(known.model_dump())
    assert SECRET not in repr(known) + str(known.model_dump())
