"""The topics as they are on a cluster, held against what they have to be: create, list, check.

What is wanted is `schemas.topics` for the installed venues, with the partitions and replication of the
settings. The comparison is a pure function of wanted and found; the rest asks the cluster and carries out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package has no __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from dropcopy.errors import ClusterError
from dropcopy.kafka import MAX_RECORD_BYTES, reach_cluster
from dropcopy.registry import register, weak_subjects
from dropcopy.settings import Settings
from schemas.topics import Topic, topics

__all__ = [
    "Difference",
    "Found",
    "Wanted",
    "check_topics",
    "create_topics",
    "describe",
    "differences",
    "find_topics",
    "installed_venues",
    "require_topics",
    "wanted_topics",
]

TIMEOUT_S = 30

# More of these on a cluster does no harm.
AT_LEAST = {"replication factor", "max.message.bytes"}


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


@dataclass(frozen=True)
class Difference:
    """One way in which the cluster is not as it has to be; `found` is None where there is nothing."""

    thing: str
    setting: str
    found: str | None
    wanted: str

    def __str__(self) -> str:
        if self.found is None and not self.setting:
            return f"{self.thing}: is missing"
        return f"{self.thing}: {self.setting} is {self.found or 'not set'}, must be {self.wanted}"


def differences(wanted: Sequence[Wanted], found: Mapping[str, Found]) -> list[Difference]:
    """Return every way in which a topic is not as it has to be, topic by topic; none when all is right."""
    different: list[Difference] = []
    for want in wanted:
        have = found.get(want.name)
        if have is None:
            different.append(Difference(want.name, "", None, "there"))
            continue
        has = {
            "partitions": str(have.partitions),
            "replication factor": str(have.replication_factor),
            **have.config,
        }
        must = {
            "partitions": str(want.partitions),
            "replication factor": str(want.replication_factor),
            **want.config,
        }
        different += [
            Difference(want.name, setting, has.get(setting), value)
            for setting, value in must.items()
            if not _suits(setting, has.get(setting), value)
        ]
    return different


def _suits(setting: str, found: str | None, wanted: str) -> bool:
    if setting in AT_LEAST and found is not None and found.isdecimal():
        return int(found) >= int(wanted)
    return found == wanted


def describe(want: Wanted, found: Found | None) -> dict[str, object]:
    """Return what a person or a program is told of a topic."""
    return {
        "name": want.name,
        "key": want.topic.key,
        "record": want.topic.record,
        "partitions": found.partitions if found else None,
        "cleanup": found.config.get("cleanup.policy") if found else None,
        "retention_ms": _number(found.config.get("retention.ms")) if found else None,
        "present": found is not None,
        "purpose": want.topic.purpose,
    }


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


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
    _wait_until_led(admin, created)
    register(settings, [want.topic for want in wanted])
    return created


def _wait_until_led(admin: AdminClient, names: Sequence[str]) -> None:
    """Wait until a leader answers for every partition: a topic is made before its brokers know what they lead."""

    def leaderless() -> list[str]:
        metadata = admin.list_topics(timeout=TIMEOUT_S).topics
        unknown = [name for name in names if name not in metadata or not metadata[name].partitions]
        if unknown or not names:
            return unknown
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the package leaves it without types
        asked = {TopicPartition(name, p): newest for name in names for p in metadata[name].partitions}
        answers = admin.list_offsets(asked, request_timeout=TIMEOUT_S)
        return sorted({tp.topic for tp, answer in answers.items() if answer.exception() is not None})

    try:
        Retrying(retry=retry_if_result(bool), stop=stop_after_delay(TIMEOUT_S), wait=wait_fixed(0.05))(leaderless)
    except RetryError as error:
        names = error.last_attempt.result()
        raise ClusterError(f"these topics have no leader after {TIMEOUT_S} s: {', '.join(names)}") from None
    except KafkaException as error:
        raise ClusterError(f"the topics can't be listed: {error.args[0].str()}") from None


def require_topics(settings: Settings, wanted: Sequence[Wanted], counted: Collection[str]) -> None:
    """Refuse a cluster that lacks one of the topics, or where one of the `counted` has another number of partitions.

    That is what a worker can't run without; `check_topics` tells all that differs.

    Raises:
        ClusterError: the cluster did not answer, or it names every such topic.
    """
    admin = reach_cluster(settings)
    try:
        there = admin.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise ClusterError(f"the topics can't be listed: {error.args[0].str()}") from None
    found = {name: Found(len(topic.partitions), 0, {}) for name, topic in there.items()}
    problems = [
        str(difference)
        for difference in differences(wanted, found)
        if not difference.setting or (difference.setting == "partitions" and difference.thing in counted)
    ]
    if problems:
        raise ClusterError(
            f"at {settings.bootstrap_servers}:\n" + "\n".join(problems),
            hint="`dropcopy topics create` makes what is missing; DROPCOPY_PARTITIONS has to be what topics were made "
            "with.",
        )


def check_topics(settings: Settings, wanted: Sequence[Wanted]) -> list[Difference]:
    """Return every way in which the cluster's topics and the registry's schemas are not as they have to be.

    Raises:
        ClusterError: the cluster or the registry did not answer.
    """
    admin = reach_cluster(settings)
    found = find_topics(admin, [want.name for want in wanted])
    schemas = [
        Difference(subject, "", None, "there")
        if level is None
        else Difference(subject, "compatibility", level, "BACKWARD")
        for subject, level in weak_subjects(settings, [want.topic for want in wanted]).items()
    ]
    return differences(wanted, found) + schemas
