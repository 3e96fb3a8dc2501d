"""The schema registry: schemas registered under `<topic>-value`, and Confluent's prefix framing.

A value on the wire is a zero byte, the schema's id as four bytes (big-endian), and the Avro body.
Ids are the registry's; the same schema has one id in every subject.

The few calls that are needed of Confluent's REST interface are made with httpx: the client library would
bring an HTTP stack of its own.
Source: Confluent, Schema Registry API Reference.
"""

import io
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, cast

import fastavro
import httpx

from dropcopy.errors import ClusterError
from dropcopy.settings import Settings
from dropcopy.text import shown_url
from schemas.records import schema
from schemas.topics import Topic

__all__ = ["AvroReader", "AvroWriter", "register", "schema_ids", "weak_subjects"]

TIMEOUT_S = 10
CONNECT_RETRIES = 2

_PREFIX = struct.Struct(">bI")

# As strict as BACKWARD, or stricter.
_SUFFICIENT = {"BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}


class _Registry:
    """The registry that the settings name; every failure is a `ClusterError` that says what was being done."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.schema_registry_url.rstrip("/")
        # As errors name it: a password may stand in it.
        self.shown = shown_url(self._url)
        user, password = settings.schema_registry_user, settings.schema_registry_password.get_secret_value()
        self._client = httpx.Client(
            auth=httpx.BasicAuth(user, password) if user else None,
            timeout=TIMEOUT_S,
            transport=httpx.HTTPTransport(retries=CONNECT_RETRIES),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )

    def __enter__(self) -> "_Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, doing: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the answer's object, or None when the registry does not know what the path names."""
        try:
            answer = self._client.request(method, f"{self._url}{path}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ClusterError(
                f"{doing}: no schema registry answers at {self.shown} ({error or type(error).__name__})",
                hint="Start one (`dropcopy sandbox up`), or set DROPCOPY_SCHEMA_REGISTRY_URL.",
            ) from None
        try:
            told = answer.json()
        except ValueError:
            told = None
        # A registry's own refusals carry its code.
        if not isinstance(told, dict) or not (answer.is_success or "error_code" in told):
            raise ClusterError(
                f"{doing}: what answers at {self.shown} is no schema registry (status {answer.status_code})",
                hint="DROPCOPY_SCHEMA_REGISTRY_URL is the base of Confluent's REST interface.",
            )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise ClusterError(f"{doing}: the registry answered {answer.status_code}: {told.get('message', told)}")
        return told

    def look_up(self, subject: str, newest: str) -> int | None:
        """Return the id of a schema of the subject, or None when it is not registered there."""
        told = self.call(f"looking up {subject}", "POST", f"/subjects/{subject}", {"schema": newest})
        return None if told is None else int(told["id"])

    def compatibility(self, subject: str) -> str | None:
        """Return the subject's own compatibility, or None when it has none."""
        told = self.call(f"looking up {subject}", "GET", f"/config/{subject}")
        return None if told is None else str(told.get("compatibilityLevel"))

    def require_backward(self, subject: str) -> None:
        """Make a subject BACKWARD compatible, unless it is that strict already or not known yet."""
        if self.compatibility(subject) not in _SUFFICIENT:
            level = {"compatibility": "BACKWARD"}
            self.call(f"setting the compatibility of {subject}", "PUT", f"/config/{subject}", level)


def _subjects(topics: Iterable[Topic]) -> Iterator[tuple[Topic, str, str]]:
    for topic in topics:
        if topic.record is not None and topic.subject is not None:
            yield topic, topic.subject, json.dumps(schema(topic.record))


def register(settings: Settings, topics: Iterable[Topic]) -> dict[str, int]:
    """Register the newest schema of every topic that has one, BACKWARD compatible; return subject -> id.

    Raises:
        ClusterError: the registry is away, or refuses a schema as incompatible.
    """
    ids: dict[str, int] = {}
    with _Registry(settings) as registry:
        for _, subject, newest in _subjects(topics):
            # Before, so that an incompatible schema is refused; after, for a subject that is new.
            registry.require_backward(subject)
            doing = f"registering {subject}"
            told = registry.call(doing, "POST", f"/subjects/{subject}/versions", {"schema": newest})
            registry.require_backward(subject)
            if told is None:
                raise ClusterError(f"{doing}: the registry knows no such subject and makes none")
            ids[subject] = int(told["id"])
    return ids


def schema_ids(settings: Settings, topics: Iterable[Topic]) -> dict[str, int]:
    """Return topic name -> id of its newest schema, as the registry knows it.

    Raises:
        ClusterError: the registry is away, or does not know one of the schemas.
    """
    ids: dict[str, int] = {}
    with _Registry(settings) as registry:
        for topic, subject, newest in _subjects(topics):
            found = registry.look_up(subject, newest)
            if found is None:
                raise ClusterError(
                    f"the registry at {registry.shown} does not know the newest schema of {subject}",
                    hint="Run `dropcopy topics create`, which registers every schema.",
                )
            ids[topic.name] = found
    return ids


def weak_subjects(settings: Settings, topics: Iterable[Topic]) -> dict[str, str | None]:
    """Return subject -> its compatibility where that is too weak, -> None where the newest schema is missing.

    Raises:
        ClusterError: the registry is away.
    """
    weak: dict[str, str | None] = {}
    with _Registry(settings) as registry:
        for _, subject, newest in _subjects(topics):
            if registry.look_up(subject, newest) is None:
                weak[subject] = None
            elif (level := registry.compatibility(subject)) not in _SUFFICIENT:
                weak[subject] = level or "not set"
    return weak


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
        self._schemas: dict[int, Any] = {}

    def __call__(self, data: bytes) -> dict[str, Any]:
        """Return the record in `data`.

        Raises:
            ValueError: the bytes are no framed Avro record, or of a schema that the registry does not know
                or that is none of a record.
            ClusterError: the registry is away.
        """
        if len(data) < _PREFIX.size or data[0] != 0:
            raise ValueError("no Avro record with a schema id in front")
        schema_id = _PREFIX.unpack_from(data)[1]
        writer = self._schemas.get(schema_id)
        if writer is None:
            writer = self._schemas[schema_id] = self._fetch(schema_id)
        body = io.BytesIO(memoryview(data)[_PREFIX.size :])
        try:
            record = fastavro.schemaless_reader(body, writer, None)
        except (EOFError, IndexError, ValueError, OverflowError, MemoryError) as error:
            raise ValueError(f"no record of schema {schema_id}: {error or type(error).__name__}") from error
        return cast("dict[str, Any]", record)

    def _fetch(self, schema_id: int) -> Any:
        with _Registry(self._settings) as registry:
            told = registry.call(f"reading schema {schema_id}", "GET", f"/schemas/ids/{schema_id}")
        if told is None:
            raise ValueError(f"the registry does not know schema {schema_id}")
        try:
            found = json.loads(told["schema"])
            parsed = fastavro.parse_schema(found)
        except (LookupError, TypeError, ValueError, RecursionError, fastavro.schema.SchemaParseException):
            raise ValueError(f"schema {schema_id} is no Avro schema, so this is no record") from None
        if not isinstance(found, dict) or found["type"] != "record":
            raise ValueError(f"schema {schema_id} is not a record's")
        # A value of such a schema can be nested deeper than the decoder's stack, which would end the process.
        if _names_itself(found):
            raise ValueError(f"schema {schema_id} is recursive, as no record's here is")
        return parsed


def _names_itself(schema: Any, within: tuple[str, ...] = ()) -> bool:
    """Tell whether a type of an Avro schema is used inside itself, by its name."""
    if isinstance(schema, str):
        return schema.rpartition(".")[2] in within
    if isinstance(schema, list):
        return any(_names_itself(each, within) for each in schema)
    inside = (*within, schema["name"].rpartition(".")[2]) if schema.get("type") in ("record", "error") else within
    parts = [schema.get(name) for name in ("type", "items", "values")]
    return any(_names_itself(part, inside) for part in [*parts, *(f["type"] for f in schema.get("fields", ()))] if part)
