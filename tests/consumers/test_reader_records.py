import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.records import Record, as_json, decoder_of, text_of
from schemas.headers import FrameHeaders, pack

HEADERS = FrameHeaders("tinvest", "2000000001", "order-state-stream", "frame", "c", 7, 1_700_000_000_000_000_000)


def avro(data):
    return {"avro": data}


@given(st.binary())
def test_bytes_as_text_lose_nothing(data):
    fields = text_of(data)
    exact = b64decode(fields["value_base64"]) if "value_base64" in fields else fields["value"].encode()
    assert exact == data


@pytest.mark.parametrize("topic", ["orders.submitted", "orders.executions", "orders.unmatched", "feeds.status"])
def test_a_topic_with_a_schema_is_read_as_avro(topic):
    assert decoder_of(topic, avro)(b"x", []) == {"avro": b"x"}


def test_a_frame_is_its_headers_and_its_text():
    fields = decoder_of("venue.frames.tinvest", avro)(b'{"ping":{}}', pack(HEADERS))
    assert fields == {**HEADERS._asdict(), "value": '{"ping":{}}'}


def test_a_frame_without_a_header_is_refused_by_its_name():
    with pytest.raises(ValueError, match="received_ns"):
        decoder_of("venue.frames.tinvest", avro)(b"{}", pack(HEADERS)[:-1])


def test_a_dead_letter_is_its_error_headers_and_the_original_bytes():
    headers = [("__connect.errors.topic", b"venue.frames.tinvest"), ("broken", None)]
    fields = decoder_of("orders.dead-letters", avro)(b"\xff{", headers)
    assert fields["__connect.errors.topic"] == "venue.frames.tinvest"
    assert fields["broken"] == ""
    assert fields["value"] == "\\xff{"
    assert b64decode(fields["value_base64"]) == b"\xff{"


def test_state_is_opaque():
    assert decoder_of("processors.state", avro)(b"\x00\x01", []) == {"size": 2, "value_base64": "AAE="}


def test_json_gives_the_place_and_every_field_on_one_line():
    line = as_json(
        Record(topic="t", partition=1, offset=2, timestamp_ms=3, key="k", fields={"a": None, "text": "x\ny"})
    )
    assert "\n" not in line
    assert json.loads(line) == {
        "topic": "t",
        "partition": 1,
        "offset": 2,
        "timestamp_ms": 3,
        "key": "k",
        "a": None,
        "text": "x\ny",
    }


def test_a_field_never_hides_where_the_record_stands():
    line = as_json(Record(topic="t", partition=1, offset=2, key=None, fields={"topic": "forged"}))
    assert json.loads(line)["topic"] == "t"


def test_an_undecodable_record_says_why_in_json():
    line = as_json(Record(topic="t", partition=0, offset=0, key=None, fields={"value": "?"}, error="no Avro"))
    assert json.loads(line)["error"] == "no Avro"
