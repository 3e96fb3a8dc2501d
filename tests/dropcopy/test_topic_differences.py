"""Topics as they have to be, held against what a cluster has."""

from dataclasses import replace

import pytest

from dropcopy.settings import Settings
from dropcopy.topics import Found, differences, wanted_topics
from schemas.topics import EXECUTIONS, LATEST, STATE, SUBMITTED

SETTINGS = Settings.load({"DROPCOPY_PARTITIONS": "6", "DROPCOPY_REPLICATION_FACTOR": "2"})
WANTED = wanted_topics(SETTINGS, ["tinvest"])
RIGHT = {want.name: Found(6, 2, want.config) for want in WANTED}


def with_changed(name, **changes):
    return RIGHT | {name: replace(RIGHT[name], **changes)}


def with_config(name, **settings):
    config = {key.replace("_", "."): value for key, value in settings.items()}
    return with_changed(name, config=dict(RIGHT[name].config) | config)


def without_config(name, setting):
    return with_changed(name, config={key: value for key, value in RIGHT[name].config.items() if key != setting})


def test_a_cluster_that_is_as_wanted_differs_in_nothing():
    assert differences(WANTED, RIGHT) == []


def test_an_empty_cluster_lacks_every_topic():
    assert [str(line) for line in differences(WANTED, {})] == [f"{want.name}: is missing" for want in WANTED]


def test_the_wanted_topics_are_those_of_every_venue_and_the_shared_ones():
    names = [want.name for want in wanted_topics(SETTINGS, ["tinvest", "ripio"])]

    assert names[:3] == ["venue.frames.ripio", "venue.frames.tinvest", "orders.submitted"]
    assert len(names) == len(WANTED) + 1


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            with_changed(SUBMITTED.name, partitions=5),
            ["orders.submitted: partitions is 5, must be 6"],
        ),
        # More partitions than wanted break the co-partitioning as fewer do.
        (with_changed(SUBMITTED.name, partitions=7), ["orders.submitted: partitions is 7, must be 6"]),
        (with_changed(STATE.name, replication_factor=1), ["processors.state: replication factor is 1, must be 2"]),
        (with_changed(STATE.name, replication_factor=3), []),
        (
            with_config(LATEST.name, cleanup_policy="delete"),
            ["orders.latest: cleanup.policy is delete, must be compact"],
        ),
        (
            with_config(LATEST.name, cleanup_policy="compact,delete"),
            ["orders.latest: cleanup.policy is compact,delete, must be compact"],
        ),
        (
            with_config(EXECUTIONS.name, retention_ms="604800000"),
            ["orders.executions: retention.ms is 604800000, must be 31536000000"],
        ),
        (
            with_config(EXECUTIONS.name, message_timestamp_type="LogAppendTime"),
            ["orders.executions: message.timestamp.type is LogAppendTime, must be CreateTime"],
        ),
        (
            with_config(EXECUTIONS.name, max_message_bytes="1048588"),
            ["orders.executions: max.message.bytes is 1048588, must be 8388608"],
        ),
        (with_config(EXECUTIONS.name, max_message_bytes="20000000"), []),
        (
            without_config(EXECUTIONS.name, "retention.ms"),
            ["orders.executions: retention.ms is not set, must be 31536000000"],
        ),
        (
            with_changed(STATE.name, partitions=1, replication_factor=1),
            [
                "processors.state: partitions is 1, must be 6",
                "processors.state: replication factor is 1, must be 2",
            ],
        ),
    ],
)
def test_each_difference_is_named(found, lines):
    assert [str(line) for line in differences(WANTED, found)] == lines


def test_topics_that_are_not_ours_are_no_difference():
    assert differences(WANTED, RIGHT | {"somebody.elses": Found(1, 1, {})}) == []
