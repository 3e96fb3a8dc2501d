"""The headers of a raw frame, as Kafka carries them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.headers import FrameHeaders, HeaderError, Kind, pack, unpack

ascii_text = st.text(st.characters(codec="ascii"), max_size=20)
headers = st.builds(
    FrameHeaders,
    venue=ascii_text,
    account=ascii_text,
    source=ascii_text,
    kind=st.sampled_from([str(kind) for kind in Kind]),
    connection=ascii_text,
    sequence=st.integers(0, 2**63 - 1),
    received_ns=st.integers(0, 2**63 - 1),
)
ONE = FrameHeaders("tinvest", "2000000001", "order-state-stream", "frame", "a-uuid", 7, 1_795_248_000_000_000_001)


@given(headers)
def test_headers_come_back_as_they_were_packed(one):
    assert unpack(pack(one)) == one


@given(headers, st.randoms())
def test_their_order_and_what_stands_between_does_not_matter(one, random):
    packed = [*pack(one), ("traceparent", b"\xff"), ("empty", None)]
    random.shuffle(packed)

    assert unpack(packed) == one


def test_they_stand_on_the_wire_in_their_order_as_text():
    assert pack(ONE) == [
        ("venue", b"tinvest"),
        ("account", b"2000000001"),
        ("source", b"order-state-stream"),
        ("kind", b"frame"),
        ("connection", b"a-uuid"),
        ("sequence", b"7"),
        ("received_ns", b"1795248000000000001"),
    ]


@pytest.mark.parametrize("name", FrameHeaders._fields)
def test_a_missing_header_is_named(name):
    with pytest.raises(HeaderError, match=f"the header '{name}' is missing"):
        unpack([(key, value) for key, value in pack(ONE) if key != name])


@pytest.mark.parametrize("absent", [None, []])
def test_a_record_without_headers_is_refused(absent):
    with pytest.raises(HeaderError, match="the header 'venue' is missing"):
        unpack(absent)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("account", b"\xff", "the header 'account' is not ASCII text"),
        ("sequence", b"seven", "must be whole numbers below 2\\^63, not 'seven'"),
        ("received_ns", b"1.5", "must be whole numbers below 2\\^63, not '7' and '1.5'"),
        ("sequence", b"-1", "not '-1'"),
        ("received_ns", b"9223372036854775808", "not '7' and '9223372036854775808'"),
    ],
)
def test_a_header_that_can_t_be_read_is_named_with_its_value(name, value, told):
    with pytest.raises(HeaderError, match=told):
        unpack([(key, value if key == name else old) for key, old in pack(ONE)])
