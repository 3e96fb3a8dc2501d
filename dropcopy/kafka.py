"""What all Kafka clients of the project have in common.

Every confluent producer partitions by murmur2, as Java and aiokafka do: librdkafka's own default is
CRC32, under which an account's frames and submissions would not meet in one partition.
"""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from dropcopy.errors import ClusterError, SettingsError
from dropcopy.settings import KAFKA_PREFIX, Settings, read_environment, read_secret

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

# What holds the project's guarantees up, and what it names itself: not to be passed on from outside.
FIXED = {
    "bootstrap.servers": "set DROPCOPY_BOOTSTRAP_SERVERS",
    "group.id": "set DROPCOPY_GROUP_ID",
    "acks": "no record may be lost",
    "request.required.acks": "no record may be lost",
    "enable.idempotence": "no record may be doubled",
    "message.timeout.ms": "no record may be given up",
    "delivery.timeout.ms": "no record may be given up",
    "partitioner": "every account has to have one partition",
    "transactional.id": "each worker has its own",
    "isolation.level": "what a transaction did not commit is not to be seen",
    "enable.auto.commit": "offsets are committed with the results",
}


def client_config(settings: Settings, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the librdkafka properties that every client starts from.

    `DROPCOPY_KAFKA_<PROPERTY>` names are passed on with `_` read as `.`; with `_FILE` at the end the
    value is read from that file.

    Raises:
        SettingsError: a file can't be read, or a property is unknown, wrong, or not to be set; all at once.
    """
    environment = read_environment() if environment is None else environment
    names = sorted(name for name in environment if name.startswith(KAFKA_PREFIX))
    passed: dict[str, str] = {}
    problems: list[str] = []
    for name in names:
        is_file = name.endswith("_FILE")
        bare = name.removeprefix(KAFKA_PREFIX).removesuffix("_FILE" if is_file else "")
        field = bare.lower().replace("_", ".")
        try:
            value = read_secret(name, environment[name]) if is_file else environment[name]
            passed[field] = value
        except SettingsError as error:
            problems.append(error.message)
            continue
        fixed = FIXED.get(field)
        problem = f"can't be set: {fixed}" if fixed else _refusal({field: value}, alone=True)
        if problem:
            problems.append(f"{name}: {problem}")
    if not problems and (problem := _refusal(passed, alone=False)):
        problems.append(f"{', '.join(names)}: {problem}")
    if problems:
        raise SettingsError("\n".join(problems), hint="Remove or correct these names.")
    return {"bootstrap.servers": settings.bootstrap_servers, "client.id": f"dropcopy-{os.getpid()}"} | passed


def _refusal(properties: Mapping[str, str], *, alone: bool) -> str | None:
    """Return why librdkafka takes no such properties, or None; `alone`, one says nothing of what it needs beside it."""
    if not properties:
        return None
    try:
        AdminClient({"log_level": 0, **properties})
    except KafkaException as error:
        reason: str = error.args[0].str()
        if alone and "configuration property" not in reason.lower():
            return None
        # It can hold the value, which can be a secret.
        for value in properties.values():
            reason = reason.replace(f'"{value}"', "(hidden)")
        return reason.removeprefix("Failed to create admin client: ")
    return None


def producer_config(settings: Settings, **properties: Any) -> dict[str, Any]:
    """Return the properties of an idempotent producer that never gives a record up.

    A record that can't be delivered yet waits in the producer's queue, whose bound is what holds a
    caller back. Further librdkafka properties are given with `_` for `.`.
    """
    tuning = {"compression.type": "lz4", "message.max.bytes": MAX_RECORD_BYTES}
    guarantees = {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.timeout.ms": 0,
    }
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return tuning | client_config(settings) | guarantees | named


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
    answer: Future[object] = Future()

    def ask() -> None:
        try:
            answer.set_result(admin.list_topics(timeout=timeout_s))
        except KafkaException as error:
            answer.set_exception(error)

    # In a thread of its own, because Ctrl-C does not end librdkafka's waiting.
    threading.Thread(target=ask, name="reach-cluster", daemon=True).start()
    try:
        answer.result()
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
