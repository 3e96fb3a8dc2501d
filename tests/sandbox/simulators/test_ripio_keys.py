"""Who may ask the simulated Ripio: signatures byte for byte, and how old they may be."""

import pytest

from sandbox.simulators.ripio.keys import Account, Claim, Keyring, signature
from sandbox.simulators.ripio.refusals import Refusal

NOW_MS = 1_672_856_713_677
ACCOUNT = Account(name="main", user_id="U", api_token="token", api_secret="secret")

ORDER = b'{"amount":0.01,"pair":"BTC_BRL","price":300000,"side":"buy","type":"limit"}'
VECTORS = [
    ("POST", "/v4/ticket", b"", "hbzKDZqs9AtfGIzP5KKRy4tgRFl+nrKPfoon66sIbRQ="),
    ("POST", "/v4/orders", ORDER, "H3aRSYI9Y2KLieFeH9ot+p0347HdLnuux0RAIYRGzoY="),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), VECTORS)
def test_a_signature_is_the_base64_of_the_hmac_over_time_method_path_and_body(
    method: str, path: str, body: bytes, expected: str
) -> None:
    assert signature("secret", str(NOW_MS), method, path, body) == expected


def a_claim(**changes: object) -> Claim:
    facts: dict[str, object] = {
        "token": "token",
        "timestamp": str(NOW_MS),
        "tolerance": "5000",
        "method": "POST",
        "path": "/v4/orders",
        "body": ORDER,
        "signature": VECTORS[1][3],
    }
    return Claim(**(facts | changes))


def refusal_of(claim: Claim, now_ms: int = NOW_MS, *, keyring: Keyring | None = None) -> str:
    try:
        (keyring or Keyring([ACCOUNT])).account(claim, now_ms)
    except Refusal as refusal:
        return str(refusal)
    return ""


def test_a_signed_request_is_its_accounts() -> None:
    assert Keyring([ACCOUNT]).account(a_claim(), NOW_MS) == ACCOUNT


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "another"},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": str(NOW_MS + 1)},
        {"method": "PUT"},
        {"path": "/orders"},
        {"path": "/v4/orders/"},
        {"path": "/v4/orders?pair=BTC_BRL"},
        {"body": ORDER + b" "},
        {"body": ORDER.replace(b"0.01", b"0.010")},
        {"body": b""},
        {"signature": ""},
        {"signature": VECTORS[1][3].rstrip("=")},
        {"signature": "\u00e9"},
        {"signature": "\udcff"},  # a byte that is no UTF-8, as the server reads it
    ],
)
def test_a_request_that_differs_in_one_byte_from_what_was_signed_is_not_authorized(change: dict[str, object]) -> None:
    assert refusal_of(a_claim(**change)) == "40100 Not authorized"


@pytest.mark.parametrize(
    ("off_ms", "tolerance", "refused"),
    [
        (0, "5000", False),
        (5_000, "5000", False),
        (-5_000, "5000", False),
        (5_001, "5000", True),
        (-5_001, "5000", True),
        (60_000, "60000", False),
        (60_001, "60000", True),
        (11, "10", True),
    ],
)
def test_a_request_is_good_for_as_long_as_its_tolerance_says(off_ms: int, tolerance: str, refused: bool) -> None:
    assert bool(refusal_of(a_claim(tolerance=tolerance), NOW_MS + off_ms)) is refused


@pytest.mark.parametrize("tolerance", ["60001", "-1", "long", "5e3"])
def test_a_tolerance_that_can_not_be_is_an_invalid_parameter(tolerance: str) -> None:
    assert refusal_of(a_claim(tolerance=tolerance)).startswith("40000")


def test_a_signature_is_good_for_one_request() -> None:
    keyring = Keyring([ACCOUNT])
    assert refusal_of(a_claim(), keyring=keyring) == ""
    assert refusal_of(a_claim(), NOW_MS + 1, keyring=keyring) == "40100 Not authorized"


def test_of_a_get_the_body_counts_for_nothing() -> None:
    headers = {"Authorization": "token", "Timestamp": str(NOW_MS)}
    headers["Signature"] = signature("secret", str(NOW_MS), "GET", "/v4/orders")
    claim = Claim.of(headers, "GET", "/v4/orders", b"anything")
    assert refusal_of(claim) == ""


def test_a_blocked_token_is_told_so() -> None:
    keyring = Keyring([ACCOUNT])
    keyring.change("main", blocked=True)
    assert refusal_of(a_claim(), keyring=keyring) == "40100 Blocked token"
