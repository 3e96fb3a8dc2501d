"""The topics as they are on a cluster, held against what they have to be: create, list, check.

What is wanted is `schemas.topics` for the installed venues, with the partitions and replication of the
settings. The comparison is a pure function of wanted and found; the rest asks the cluster and carries out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from dropcopy.errors import ClusterError
from dropcopy.kafka import MAX_RECORD_BYTES, reach_cluster
from dropcopy.registry import register, schema_problems
from dropcopy.settings import Settings
from schemas.topics import Topic, topics

__all__ = [
    "Found",
    "Wanted",
    "check_topics",
    "create_topics",
    "differences",
    "find_topics",
    "installed_venues",
    "wanted_topics",
]

TIMEOUT_S = 30

# More than these on a cluster does no harm; with fewer, records that fit elsewhere are refused.
AT_LEAST = {"max.message.bytes"}


@dataclass(frozen=True)
class Wanted:
    """A topic as it has to be."""

    topic: Topic
    partitions: int
    replication_factor: int

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.topic.name

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings, by their Kafka names."""
        return self.topic.config() | {
            "max.message.bytes": str(MAX_RECORD_BYTES),
            # A record's time is its producer's, which replays and latency are measured by.
            "message.timestamp.type": "CreateTime",
        }


@dataclass(frozen=True)
class Found:
    """A topic as the cluster describes it."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


def installed_venues() -> list[str]:
    """Return the venues that the installed packages bring, by the entry point group `dropcopy.venues`."""
    return sorted({venue for point in entry_points(group="dropcopy.venues") for venue in point.load()()})


def wanted_topics(settings: Settings, venues: Iterable[str]) -> list[Wanted]:
    """Return every topic that a deployment with these venues and settings needs."""
    return [Wanted(topic, settings.partitions, settings.replication_factor) for topic in topics(venues)]


def differences(wanted: Sequence[Wanted], found: Mapping[str, Found]) -> list[str]:
    """Return one line for each way in which a topic is not as it has to be; none when all is right."""
    lines: list[str] = []
    for want in wanted:
        have = found.get(want.name)
        if have is None:
            lines.append(f"{want.name}: is missing")
            continue
        if have.partitions != want.partitions:
            lines.append(f"{want.name}: has {have.partitions} partitions, must have {want.partitions}")
        if have.replication_factor < want.replication_factor:
            lines.append(
                f"{want.name}: is replicated {have.replication_factor} times, must be {want.replication_factor} times"
            )
        for setting, value in want.config.items():
            present = have.config.get(setting, "nothing")
            if not _suits(setting, present, value):
                lines.append(f"{want.name}: {setting} is {present}, must be {value}")
    return lines


def _suits(setting: str, present: str, wanted: str) -> bool:
    if setting in AT_LEAST and present.isdecimal():
        return int(present) >= int(wanted)
    return present == wanted


def find_topics(admin: AdminClient, names: Sequence[str]) -> dict[str, Found]:
    """Return those of the named topics that are on the cluster.

    Raises:
        ClusterError: the cluster did not answer.
    """
    try:
        metadata = admin.list_topics(timeout=TIMEOUT_S).topics
        present = [name for name in names if name in metadata]
        configs = _describe(admin, present)
    except KafkaException as error:
        raise ClusterError(f"the topics can't be listed: {error.args[0].str()}") from None
    found: dict[str, Found] = {}
    for name in present:
        partitions = metadata[name].partitions
        replication = min((len(partition.replicas) for partition in partitions.values()), default=0)
        found[name] = Found(len(partitions), replication, configs[name])
    return found


def _describe(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = admin.describe_configs(asked, request_timeout=TIMEOUT_S)
    return {
        resource.name: {entry.name: entry.value for entry in future.result().values()}
        for resource, future in answers.items()
    }


def create_topics(settings: Settings, wanted: Sequence[Wanted]) -> list[str]:
    """Create the topics that are missing, register every schema, and return the new topics' names.

    A topic that is there is left as it is, right or not: `check_topics` tells.

    Raises:
        ClusterError: the cluster or the registry is away, or refuses.
    """
    admin = reach_cluster(settings)
    found = find_topics(admin, [want.name for want in wanted])
    missing = [
        NewTopic(want.name, want.partitions, want.replication_factor, config=want.config)
        for want in wanted
        if want.name not in found
    ]
    created: list[str] = []
    problems: list[str] = []
    futures = admin.create_topics(missing, operation_timeout=TIMEOUT_S) if missing else {}
    for name, future in futures.items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            # Another one creates them too.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                problems.append(f"{name} can't be created: {error.args[0].str()}")
    if problems:
        raise ClusterError("\n".join(problems))
    register(settings, [want.topic for want in wanted])
    return created


def check_topics(settings: Settings, wanted: Sequence[Wanted]) -> list[str]:
    """Return every way in which the cluster's topics and the registry's schemas are not as they have to be.

    Raises:
        ClusterError: the cluster or the registry did not answer.
    """
    admin = reach_cluster(settings)
    found = find_topics(admin, [want.name for want in wanted])
    return differences(wanted, found) + schema_problems(settings, [want.topic for want in wanted])
