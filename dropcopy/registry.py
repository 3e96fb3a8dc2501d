"""The schema registry: schemas registered under `<topic>-value`, and Confluent's prefix framing.

A value on the wire is a zero byte, the schema's id as four bytes (big-endian), and the Avro body.
Ids are the registry's; the same schema has one id in every subject.
"""

import io
import json
import struct
from collections.abc import Iterable
from typing import Any, cast

import fastavro
import httpx
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, Schema, SchemaRegistryClient, ServerConfig
from confluent_kafka.schema_registry.error import SchemaRegistryError

from dropcopy.errors import ClusterError
from dropcopy.settings import Settings
from schemas.records import schema
from schemas.topics import Topic

__all__ = ["AvroReader", "AvroWriter", "register", "registry_client", "schema_ids"]

_PREFIX = struct.Struct(">bI")


def registry_client(settings: Settings) -> SchemaRegistryClient:
    """Return a client of the registry that the settings name."""
    config: dict[str, Any] = {"url": settings.schema_registry_url, "timeout": 10, "max.retries": 2}
    if settings.schema_registry_user:
        password = settings.schema_registry_password.get_secret_value()
        config["basic.auth.user.info"] = f"{settings.schema_registry_user}:{password}"
    return SchemaRegistryClient(config)


def _failed(settings: Settings, doing: str, error: Exception) -> ClusterError:
    hint = "Start one (`dropcopy sandbox up`), or set DROPCOPY_SCHEMA_REGISTRY_URL."
    if isinstance(error, SchemaRegistryError):
        hint = "Run `dropcopy topics create`, which registers every schema." if error.http_status_code == 404 else ""
        return ClusterError(
            f"{doing}: the registry answered {error.http_status_code}: {error.error_message}", hint=hint
        )
    return ClusterError(f"{doing}: no schema registry answers at {settings.schema_registry_url} ({error})", hint=hint)


def register(settings: Settings, topics: Iterable[Topic]) -> dict[str, int]:
    """Register the newest schema of every topic that has one, BACKWARD compatible; return subject -> id.

    Raises:
        ClusterError: the registry is away, or refuses a schema as incompatible.
    """
    client = registry_client(settings)
    ids: dict[str, int] = {}
    for topic in topics:
        if topic.record is None or topic.subject is None:
            continue
        try:
            ids[topic.subject] = client.register_schema(topic.subject, Schema(json.dumps(schema(topic.record)), "AVRO"))
            client.set_config(topic.subject, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD))
        except (SchemaRegistryError, httpx.HTTPError, OSError) as error:
            raise _failed(settings, f"registering {topic.subject}", error) from None
    return ids


def schema_ids(settings: Settings, topics: Iterable[Topic]) -> dict[str, int]:
    """Return topic name -> id of its newest schema, as the registry knows it.

    Raises:
        ClusterError: the registry is away, or does not know one of the schemas.
    """
    client = registry_client(settings)
    ids: dict[str, int] = {}
    for topic in topics:
        if topic.record is None or topic.subject is None:
            continue
        try:
            found = client.lookup_schema(topic.subject, Schema(json.dumps(schema(topic.record)), "AVRO"))
        except (SchemaRegistryError, httpx.HTTPError, OSError) as error:
            raise _failed(settings, f"looking up {topic.subject}", error) from None
        ids[topic.name] = found.schema_id or 0
    return ids


class AvroWriter:
    """Encodes records of one schema, prefix included. Made once, used for every record."""

    def __init__(self, record: str, schema_id: int) -> None:
        self._schema = fastavro.parse_schema(schema(record))
        self._prefix = _PREFIX.pack(0, schema_id)

    def __call__(self, value: dict[str, Any]) -> bytes:
        """Return `value` as it goes on the wire."""
        out = io.BytesIO()
        out.write(self._prefix)
        fastavro.schemaless_writer(out, self._schema, value, strict=True)
        return out.getvalue()


class AvroReader:
    """Decodes records by the schema that their prefix names, fetched from the registry once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = registry_client(settings)
        self._schemas: dict[int, Any] = {}

    def __call__(self, data: bytes) -> dict[str, Any]:
        """Return the record in `data`.

        Raises:
            ValueError: the bytes are no framed Avro record.
            ClusterError: the registry is away, or does not know the id.
        """
        if len(data) < _PREFIX.size or data[0] != 0:
            raise ValueError("no Avro record with a schema id in front")
        schema_id = _PREFIX.unpack_from(data)[1]
        writer = self._schemas.get(schema_id)
        if writer is None:
            writer = self._schemas[schema_id] = self._fetch(schema_id)
        record = fastavro.schemaless_reader(io.BytesIO(memoryview(data)[_PREFIX.size :]), writer, None)
        return cast("dict[str, Any]", record)

    def _fetch(self, schema_id: int) -> Any:
        try:
            found = self._client.get_schema(schema_id)
        except (SchemaRegistryError, httpx.HTTPError, OSError) as error:
            raise _failed(self._settings, f"reading schema {schema_id}", error) from None
        return fastavro.parse_schema(json.loads(found.schema_str or "{}"))
