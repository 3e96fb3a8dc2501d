"""Who the simulated Outpoll lets in: the documented signature, and how far a clock may be off."""

import pytest

from sandbox.simulators.outpoll.keys import Account, Claim, Keyring, signature
from sandbox.simulators.outpoll.refusals import Refusal

# Outpoll, Private Endpoints, "Signature example": these inputs. What they sign to was worked out by hand.
SECRET, TIMESTAMP = "dGVzdF9zZWNyZXRfMTIzNDU2Nzg", "1712500000"
BODY = (
    b'{"e":"54ccea1a-16fd-469c-8018-84b375243e8a","o":"b21f6fd8-b9d1-4b9f-bb79-ef141e3dcb76",'
    b'"ba":"a1b2c3d4-...","qa":"078dcd98-928d-479f-8110-ff6d27e44de2","s":"BUY","am":50}'
)
STREAM_SIGNATURE = "Cn6oA9BE3cVxdIjkuFm3RotzukgbLGUqdA5KcC_L9Lw"
NOW_S = float(TIMESTAMP)
ACCOUNT = Account(name="mine", user_id="user", api_key="op_k_abc123", api_secret=SECRET)
GOOD = Claim(ACCOUNT.api_key, STREAM_SIGNATURE, TIMESTAMP, "GET", "/order/ws")


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([ACCOUNT])


@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}="])
@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/order/ws", b"", STREAM_SIGNATURE),
        ("POST", "/orders/market", BODY, "b0F-arrJ5cnTwR3k6q1Nt9hP5ro2mN88TQoc3a-u2FE"),
    ],
)
def test_the_documented_requests_are_signed_with_a_secret_padded_or_not(
    secret: str, method: str, path: str, body: bytes, expected: str
) -> None:
    assert signature(secret, TIMESTAMP, method, path, body) == expected


def test_a_secret_that_is_no_base64url_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="no base64url") as refused:
        signature("abcde", TIMESTAMP, "GET", "/order/ws")
    assert "abcde" not in str(refused.value)


@pytest.mark.parametrize("off_s", [0, 30, -30])
def test_a_claim_within_the_tolerance_is_proven(keyring: Keyring, off_s: float) -> None:
    assert keyring.check(GOOD, NOW_S + off_s) is ACCOUNT


@pytest.mark.parametrize("off_s", [30.5, -31, 86_400])
def test_a_clock_that_is_off_by_more_than_30_seconds_is_refused(keyring: Keyring, off_s: float) -> None:
    with pytest.raises(Refusal, match="30 seconds") as refused:
        keyring.check(GOOD, NOW_S + off_s)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "op_k_other"},
        {"api_key": ""},
        {"signature": ""},
        {"signature": STREAM_SIGNATURE + "="},
        {"signature": "ü\udc80"},
        {"timestamp": "1712500001"},
        {"timestamp": "\udc80"},
        {"method": "POST"},
        {"path": "/balance/ws"},
        {"body": b"{}"},
    ],
)
def test_a_claim_that_the_signature_is_not_of_is_refused(keyring: Keyring, changes: dict[str, object]) -> None:
    claim = Claim(**(vars(GOOD) | changes))
    with pytest.raises(Refusal, match="key / signature") as refused:
        keyring.check(claim, NOW_S)
    assert refused.value.status == 401


@pytest.mark.parametrize("timestamp", ["", "now", "-1712500000", "1712500000.0", "９" * 10, "9" * 5000])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused_though_signed(keyring: Keyring, timestamp: str) -> None:
    claim = Claim(ACCOUNT.api_key, signature(SECRET, timestamp, "GET", "/order/ws"), timestamp, "GET", "/order/ws")
    with pytest.raises(Refusal, match="30 seconds"):
        keyring.check(claim, NOW_S)


@pytest.mark.parametrize("name", ["mine", None])
def test_a_blocked_key_is_forbidden_for_good(keyring: Keyring, name: str | None) -> None:
    keyring.block(name)
    with pytest.raises(Refusal, match="permanently blocked") as refused:
        keyring.check(GOOD, NOW_S)
    assert refused.value.status == 403


def test_a_block_of_one_account_leaves_the_others(keyring: Keyring) -> None:
    keyring.block("another")
    assert keyring.check(GOOD, NOW_S) is ACCOUNT
