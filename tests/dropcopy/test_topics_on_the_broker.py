"""`dropcopy topics` on a real cluster and registry."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from confluent_kafka.admin import NewPartitions

from dropcopy.errors import ClusterError
from dropcopy.kafka import admin_client
from dropcopy.topics import check_topics, create_topics, find_topics, installed_venues, wanted_topics

DROPCOPY = Path(sys.executable).with_name("dropcopy")


def run(stack, *arguments, **environment):
    return subprocess.run(
        [DROPCOPY, "topics", *arguments],
        env=stack.environment | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def wanted(stack):
    return wanted_topics(stack.settings, installed_venues())


def remove(stack, topic):
    admin = admin_client(stack.settings)
    admin.delete_topics([topic], operation_timeout=30)[topic].result()


def test_check_of_a_new_stack_exits_with_0_and_prints_nothing(stack):
    done = run(stack, "check", "--json")

    assert (done.returncode, done.stdout) == (0, "")


def test_create_makes_just_what_is_missing_and_is_idempotent(stack):
    remove(stack, "feeds.status")

    first, second = run(stack, "create"), run(stack, "create")

    assert (first.returncode, first.stdout) == (0, "feeds.status\n")
    assert (second.returncode, second.stdout) == (0, "")
    assert check_topics(stack.settings, wanted(stack)) == []


def test_list_prints_one_object_a_topic(stack):
    rows = [json.loads(line) for line in run(stack, "list", "--json").stdout.splitlines()]

    assert [row["name"] for row in rows] == [want.name for want in wanted(stack)]
    submitted = next(row for row in rows if row["name"] == "orders.submitted")
    assert submitted == {
        "name": "orders.submitted",
        "key": "<venue>:<account>",
        "record": "submitted",
        "partitions": 4,
        "cleanup": "delete",
        "retention_ms": 30 * 86_400_000,
        "present": True,
        "purpose": submitted["purpose"],
    }


def test_list_in_a_pipe_is_plain_lines(stack):
    lines = run(stack, "list").stdout.splitlines()

    assert [line.split("\t")[0] for line in lines] == [want.name for want in wanted(stack)]


def test_check_exits_with_3_and_names_each_difference(stack):
    remove(stack, "feeds.status")
    admin = admin_client(stack.settings)
    admin.create_partitions([NewPartitions("orders.unmatched", 5)])["orders.unmatched"].result()
    try:
        done = run(stack, "check")
        as_json = [json.loads(line) for line in run(stack, "check", "--json").stdout.splitlines()]
    finally:
        # The other tests have the cluster as it was.
        remove(stack, "orders.unmatched")
        create_topics(stack.settings, wanted(stack))

    assert done.returncode == 3
    assert done.stdout == ""
    assert "orders.unmatched: partitions is 5, must be 4" in done.stderr
    assert "feeds.status: is missing" in done.stderr
    assert as_json == [
        {"thing": "orders.unmatched", "setting": "partitions", "found": "5", "wanted": "4"},
        {"thing": "feeds.status", "setting": "", "found": None, "wanted": "there"},
    ]


def test_a_worker_refuses_a_cluster_that_it_can_not_run_on(stack):
    remove(stack, "feeds.status")
    try:
        done = subprocess.run(
            [DROPCOPY, "process"],
            env=stack.environment | {"DROPCOPY_PARTITIONS": "8", "DROPCOPY_LOG_FORMAT": "console"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        create_topics(stack.settings, wanted(stack))

    assert (done.returncode, done.stdout) == (3, "")
    told = done.stderr.splitlines()
    assert "orders.submitted: partitions is 4, must be 8" in told
    assert "feeds.status: is missing" in told
    assert "orders.executions: partitions is 4, must be 8" not in told
    assert "DROPCOPY_PARTITIONS" in done.stderr


def test_check_tells_of_a_schema_that_may_change_incompatibly(stack):
    address = f"{stack.settings.schema_registry_url}/config/orders.latest-value"
    httpx.put(address, json={"compatibility": "NONE"}).raise_for_status()

    lines = [str(line) for line in check_topics(stack.settings, wanted(stack))]
    create_topics(stack.settings, wanted(stack))

    assert lines == ["orders.latest-value: compatibility is NONE, must be BACKWARD"]
    assert check_topics(stack.settings, wanted(stack)) == []


def test_check_tells_of_a_schema_that_is_not_registered(stack):
    address = f"{stack.settings.schema_registry_url}/subjects/orders.latest-value"
    httpx.delete(address).raise_for_status()

    lines = [str(line) for line in check_topics(stack.settings, wanted(stack))]
    create_topics(stack.settings, wanted(stack))

    assert lines == ["orders.latest-value: is missing"]


def test_no_topic_appears_by_itself(stack):
    name = "nobody.created.this"

    admin_client(stack.settings).list_topics(name, timeout=10)

    assert find_topics(admin_client(stack.settings), [name]) == {}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DROPCOPY_BOOTSTRAP_SERVERS", "127.0.0.1:1", "no Kafka broker answers at 127.0.0.1:1"),
        ("DROPCOPY_SCHEMA_REGISTRY_URL", "http://127.0.0.1:1", "no schema registry answers at http://127.0.0.1:1"),
    ],
)
def test_a_part_that_is_away_is_named_with_its_address(stack, name, value, told):
    done = run(stack, "check", **{name: value})

    assert done.returncode == 3
    assert told in done.stderr


def test_another_server_in_the_registrys_place_is_told(stack):
    settings = stack.settings.model_copy(
        update={"schema_registry_url": stack.settings.schema_registry_url.replace("/apis/ccompat/v7", "")}
    )

    with pytest.raises(ClusterError, match="is no schema registry"):
        check_topics(settings, wanted(stack))
