"""What all Kafka clients of the project have in common.

Every confluent producer partitions by murmur2, as Java and aiokafka do: librdkafka's own default is
CRC32, under which an account's frames and submissions would not meet in one partition.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from dropcopy.errors import ClusterError, SettingsError
from dropcopy.settings import KAFKA_PREFIX, Settings, read_environment

__all__ = [
    "MAX_RECORD_BYTES",
    "admin_client",
    "client_config",
    "make_producer",
    "murmur2_partition",
    "producer_config",
    "reach_cluster",
]

# The largest record that topics take and producers send: a REST answer with all of an account's orders
# is larger than Kafka's default of 1 MB.
MAX_RECORD_BYTES = 8 * 1024 * 1024


def client_config(settings: Settings, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the librdkafka properties that every client starts from.

    `DROPCOPY_KAFKA_<PROPERTY>` names are passed on with `_` read as `.`; with `_FILE` at the end the
    value is read from that file.
    """
    environment = read_environment() if environment is None else environment
    passed = {}
    for name, value in environment.items():
        if name.startswith(KAFKA_PREFIX):
            is_file = name.endswith("_FILE")
            bare = name.removeprefix(KAFKA_PREFIX).removesuffix("_FILE" if is_file else "")
            passed[bare.lower().replace("_", ".")] = _read_secret(name, value) if is_file else value
    return {"bootstrap.servers": settings.bootstrap_servers, "client.id": f"dropcopy-{os.getpid()}"} | passed


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}={path} can't be read: {error.strerror}") from None


def producer_config(settings: Settings, **properties: Any) -> dict[str, Any]:
    """Return the properties of an idempotent producer that never gives a record up.

    A record that can't be delivered yet waits in the producer's queue, whose bound is what holds a
    caller back. Further librdkafka properties are given with `_` for `.`.
    """
    return {
        **client_config(settings),
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.timeout.ms": 0,
        "compression.type": "lz4",
        "message.max.bytes": MAX_RECORD_BYTES,
    } | {name.replace("_", "."): value for name, value in properties.items()}


def make_producer(settings: Settings, **properties: Any) -> Producer:
    """Return an idempotent producer (see `producer_config`)."""
    return Producer(producer_config(settings, **properties))


def admin_client(settings: Settings) -> AdminClient:
    """Return an admin client; keep it in a variable while its futures are awaited."""
    return AdminClient(client_config(settings) | {"log_level": 0})


def reach_cluster(settings: Settings, timeout_s: float = 10) -> AdminClient:
    """Return an admin client of a cluster that answers.

    Raises:
        ClusterError: no broker answered in time; it names the address.
    """
    admin = admin_client(settings)
    try:
        admin.list_topics(timeout=timeout_s)
    except KafkaException as error:
        raise ClusterError(
            f"no Kafka broker answers at {settings.bootstrap_servers} ({error.args[0].str()})",
            hint="Start one (`dropcopy sandbox up`), or set DROPCOPY_BOOTSTRAP_SERVERS.",
        ) from None
    return admin


def murmur2_partition(key: bytes, partitions: int) -> int:
    """Return the partition that Java's default partitioner, and librdkafka's `murmur2_random`, give a key.

    Source: org.apache.kafka.common.utils.Utils.murmur2 (32-bit MurmurHash2, seed 0x9747b28c).
    """
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(key)
    h = (0x9747B28C ^ length) & mask
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    h ^= h >> 15
    return (h & 0x7FFFFFFF) % partitions
