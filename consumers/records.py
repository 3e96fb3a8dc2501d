"""Records as a consumer sees them: where they stand, and their value as named fields.

Decoding never fails a consumer: bytes that can't be read become a record that says why, with the
bytes themselves as text.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.headers import HeaderError, unpack
from schemas.topics import STATE, Topic, topics, venue_of

__all__ = ["Decoder", "Record", "as_json", "decoder_of", "known_topic", "text_of"]

KNOWN = {topic.name: topic for topic in topics([])}

Headers = Iterable[tuple[str, bytes | str | None]]
Decoder = Callable[[bytes, Headers], dict[str, Any]]
"""Turns a value and its headers into fields. Raises ValueError for bytes that it can't read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a topic.

    `timestamp_ms` is Kafka's own, `read_ns` the moment at which it was read here, both of Unix time.
    `error` tells why the value could not be decoded; `fields` then holds the bytes as `value`.
    """

    topic: str
    partition: int
    offset: int
    key: str | None
    timestamp_ms: int | None = None
    read_ns: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


def known_topic(name: str) -> Topic | None:
    """Return what the project knows of a topic; None of a frames topic and of others' topics."""
    return KNOWN.get(name)


def text_of(data: bytes) -> dict[str, Any]:
    """Return bytes as the field `value`: readable text, and `value_base64` where that loses something."""
    try:
        return {"value": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"value": data.decode("utf-8", "backslashreplace"), "value_base64": b64encode(data).decode("ascii")}


def _header_texts(headers: Headers) -> dict[str, str]:
    return {
        name: raw if isinstance(raw, str) else (raw or b"").decode("utf-8", "backslashreplace") for name, raw in headers
    }


def _frame(value: bytes, headers: Headers) -> dict[str, Any]:
    try:
        known = unpack(list(headers))._asdict()
    except HeaderError as error:
        raise ValueError(str(error)) from None
    return {**known, **text_of(value)}


def _bytes_with_headers(value: bytes, headers: Headers) -> dict[str, Any]:
    return {**_header_texts(headers), **text_of(value)}


def _opaque(value: bytes, headers: Headers) -> dict[str, Any]:
    return {"size": len(value), "value_base64": b64encode(value).decode("ascii")}


def decoder_of(topic: str, avro: Callable[[bytes], dict[str, Any]]) -> Decoder:
    """Return how the values of a topic are read; `avro` reads those that have a schema."""
    known = known_topic(topic)
    if known is not None and known.record is not None:
        return lambda value, headers: avro(value)
    if topic == STATE.name:
        return _opaque
    return _frame if venue_of(topic) else _bytes_with_headers


def as_json(record: Record) -> str:
    """Return a record as one line of JSON: where it stands, then its fields.

    A field never hides a coordinate: of two of one name the coordinate stays.
    """
    coordinates = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": record.key,
    }
    if record.error is not None:
        coordinates["error"] = record.error
    return json.dumps({**coordinates, **{k: v for k, v in record.fields.items() if k not in coordinates}}, default=str)
