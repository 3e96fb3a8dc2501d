"""Ripio's signatures, by vectors."""

import pytest

from producers.venues.ripio import VenueSettings
from producers.venues.ripio.signing import Signer, signature

SECRET, AT_MS = "secret", 1672856713677
AT_NS = AT_MS * 1_000_000
ORDER = b'{"amount":0.01,"pair":"BTC_BRL","price":300000,"side":"buy","type":"limit"}'
OF_TICKET = "hbzKDZqs9AtfGIzP5KKRy4tgRFl+nrKPfoon66sIbRQ="
OF_ORDER = "H3aRSYI9Y2KLieFeH9ot+p0347HdLnuux0RAIYRGzoY="


def signer(**changes: object) -> Signer:
    facts = {"api_token": "token", "api_secret": SECRET, "account": "main", "pairs": "BTC_BRL"} | changes
    return Signer(VenueSettings.model_validate(facts))


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [("POST", "/v4/ticket", b"", OF_TICKET), ("POST", "/v4/orders", ORDER, OF_ORDER)],
)
def test_a_signature_is_of_time_method_path_and_body(method: str, path: str, body: bytes, expected: str):
    assert signature(SECRET, AT_MS, method, path, body) == expected


def test_every_part_of_a_call_is_signed():
    calls = [
        (SECRET, AT_MS, "POST", "/v4/orders", ORDER),
        ("another", AT_MS, "POST", "/v4/orders", ORDER),
        (SECRET, AT_MS + 1, "POST", "/v4/orders", ORDER),
        (SECRET, AT_MS, "PUT", "/v4/orders", ORDER),
        (SECRET, AT_MS, "POST", "/v4/orders/cancel", ORDER),
        (SECRET, AT_MS, "POST", "/v4/orders", ORDER + b" "),
    ]
    assert len({signature(*call) for call in calls}) == len(calls)


def test_the_headers_of_a_call_sign_its_path_with_the_version_and_without_the_query():
    assert signer().headers("POST", "ticket", b"", AT_NS) == {
        "Authorization": "token",
        "Timestamp": str(AT_MS),
        "Timestamp-tolerance": "5000",
        "Signature": OF_TICKET,
    }
    plain = signer().headers("GET", "orders/open", b"", AT_NS)
    assert signer().headers("GET", "/orders/open?page_size=500&c=a,b", b"", AT_NS) == plain
    assert plain["Signature"] == signature(SECRET, AT_MS, "GET", "/v4/orders/open")


@pytest.mark.parametrize(
    ("rest_url", "path"),
    [
        ("https://api.ripiotrade.co/v4/", "/v4/ticket"),
        ("https://api.ripio.com/trade", "/trade/ticket"),
        ("http://127.0.0.1:1", "/ticket"),
    ],
)
def test_the_path_that_is_signed_is_that_of_the_address(rest_url: str, path: str):
    signed = signer(rest_url=rest_url).headers("POST", "ticket", b"", AT_NS)
    assert signed["Signature"] == signature(SECRET, AT_MS, "POST", path)


def test_a_clock_that_was_far_ahead_and_is_set_right_leaves_no_timestamp_that_the_venue_refuses():
    one = signer()
    times = [
        int(one.headers("GET", "orders/open", b"", at)["Timestamp"])
        for at in (AT_NS + 3600 * 10**9, AT_NS, AT_NS, AT_NS + 10**7)
    ]
    assert times == [AT_MS + 3_600_000, AT_MS, AT_MS + 1, AT_MS + 10]


def test_no_two_calls_have_the_same_timestamp_even_in_one_millisecond_or_with_a_clock_that_goes_back():
    one = signer()
    times = [int(one.headers("GET", "orders/open", b"", at)["Timestamp"]) for at in (AT_NS, AT_NS + 1, AT_NS - 10**9)]
    assert times == [AT_MS, AT_MS + 1, AT_MS + 2]
    assert int(one.headers("GET", "orders/open", b"", AT_NS + 10**9)["Timestamp"]) == AT_MS + 1000
