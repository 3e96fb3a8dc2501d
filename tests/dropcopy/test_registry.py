"""Schemas in a real registry, and records framed by their ids."""

import json

import httpx
import pytest

from dropcopy.errors import ClusterError
from dropcopy.registry import AvroReader, AvroWriter, register, schema_ids, weak_subjects
from dropcopy.settings import Settings
from schemas.records import schema
from schemas.topics import EXECUTIONS, FEEDS_STATUS, LATEST, STATE, SUBMITTED

STATUS = {
    "venue": "tinvest",
    "account": "2000000001",
    "status": "UP",
    "since_ns": 1_795_248_000_000_000_001,
    "connections": 1,
    "reason": None,
    "gap_from_ns": None,
    "gap_to_ns": None,
    "reconciled_ns": 1_795_248_000_000_000_002,
    "event_id": "venue.frames.tinvest-0-0-0",
}


@pytest.fixture(scope="module")
def settings(shared_registry):
    return Settings.load({"DROPCOPY_SCHEMA_REGISTRY_URL": shared_registry.url})


def test_registering_is_idempotent_and_the_same_schema_has_one_id(settings):
    first = register(settings, [EXECUTIONS, LATEST, SUBMITTED, STATE])

    assert set(first) == {"orders.executions-value", "orders.latest-value", "orders.submitted-value"}
    assert first["orders.executions-value"] == first["orders.latest-value"] != first["orders.submitted-value"]
    assert register(settings, [EXECUTIONS, LATEST, SUBMITTED, STATE]) == first
    assert schema_ids(settings, [LATEST, STATE]) == {"orders.latest": first["orders.latest-value"]}


def test_a_record_comes_back_as_it_was_written_behind_its_schemas_id(settings):
    register(settings, [FEEDS_STATUS])
    schema_id = schema_ids(settings, [FEEDS_STATUS])["feeds.status"]

    data = AvroWriter("feed_status", schema_id)(STATUS)

    assert data[:5] == b"\0" + schema_id.to_bytes(4, "big")
    assert AvroReader(settings)(data) == STATUS


def test_a_record_that_does_not_fit_its_schema_is_not_written():
    with pytest.raises(ValueError, match="extra"):
        AvroWriter("feed_status", 1)(STATUS | {"extra": 1})


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: b"{}", lambda data: b"\1" + data[1:], lambda data: data[:9]]
)
def test_bytes_that_are_no_record_are_a_value_error(settings, spoil):
    register(settings, [FEEDS_STATUS])
    data = AvroWriter("feed_status", schema_ids(settings, [FEEDS_STATUS])["feeds.status"])(STATUS)

    with pytest.raises(ValueError, match="record"):
        AvroReader(settings)(spoil(data))


def test_an_id_that_the_registry_does_not_know_is_named(settings):
    with pytest.raises(ValueError, match="does not know schema 123456"):
        AvroReader(settings)(b"\0" + (123456).to_bytes(4, "big") + b"\0")


@pytest.mark.parametrize(
    ("kind", "registered"),
    [
        ("PROTOBUF", 'syntax = "proto3"; message Order { string id = 1; }'),
        ("AVRO", '"string"'),
        ("AVRO", '{"type": "record", "name": "a.Nest", "fields": [{"name": "next", "type": ["null", "Nest"]}]}'),
    ],
)
def test_bytes_of_a_schema_that_is_no_flat_record_are_a_value_error(settings, shared_registry, kind, registered):
    told = httpx.post(
        f"{shared_registry.url}/subjects/other-{kind}-{len(registered)}-value/versions",
        json={"schema": registered, "schemaType": kind},
    )
    schema_id = told.raise_for_status().json()["id"]

    with pytest.raises(ValueError, match=f"schema {schema_id} is"):
        AvroReader(settings)(b"\0" + schema_id.to_bytes(4, "big") + b"\2" * 200_000)


def test_an_incompatible_change_is_refused(settings, monkeypatch):
    register(settings, [FEEDS_STATUS])
    changed = json.loads(json.dumps(schema("feed_status")))
    changed["fields"].append({"name": "must", "type": "string", "doc": "A field that old records lack."})
    monkeypatch.setattr("dropcopy.registry.schema", lambda record: changed)

    with pytest.raises(ClusterError, match=r"registering feeds\.status-value: the registry answered 409"):
        register(settings, [FEEDS_STATUS])


def test_a_schema_that_is_not_registered_is_told_with_what_to_do(settings, shared_registry):
    httpx.delete(f"{shared_registry.url}/subjects/feeds.status-value")

    with pytest.raises(ClusterError, match=r"does not know the newest schema of feeds\.status-value") as raised:
        schema_ids(settings, [FEEDS_STATUS])

    assert "dropcopy topics create" in raised.value.hint
    assert weak_subjects(settings, [FEEDS_STATUS]) == {"feeds.status-value": None}


def test_a_password_in_the_registrys_address_is_not_shown():
    settings = Settings.load({"DROPCOPY_SCHEMA_REGISTRY_URL": "http://desk:s3cret@127.0.0.1:1/base"})

    with pytest.raises(ClusterError, match=r"no schema registry answers at http://127\.0\.0\.1:1/base ") as raised:
        schema_ids(settings, [LATEST])

    assert "s3cret" not in str(raised.value)


def test_a_registry_that_is_away_is_told_with_its_address():
    settings = Settings.load({"DROPCOPY_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"})

    with pytest.raises(
        ClusterError, match=r"looking up orders\.latest-value: no schema registry answers at http://127"
    ):
        schema_ids(settings, [LATEST])
