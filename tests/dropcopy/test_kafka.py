"""What all Kafka clients have in common."""

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from dropcopy.errors import SettingsError
from dropcopy.kafka import client_config, murmur2_partition, producer_config
from dropcopy.settings import Settings

SETTINGS = Settings.load({"DROPCOPY_BOOTSTRAP_SERVERS": "kafka:9092"})

# org.apache.kafka.common.utils.UtilsTest.testMurmur2: bytes and their hash, as signed 32-bit numbers.
JAVA_HASHES = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def refused(environment):
    with pytest.raises(SettingsError) as raised:
        client_config(SETTINGS, environment)
    return raised.value.message.splitlines()


@pytest.mark.parametrize(("key", "java"), JAVA_HASHES.items())
def test_murmur2_gives_the_partition_that_java_gives(key, java):
    for partitions in (1, 3, 8, 1000):
        assert murmur2_partition(key, partitions) == (java & 0x7FFFFFFF) % partitions


@given(st.binary(max_size=64), st.integers(1, 1000))
def test_murmur2_gives_a_partition_that_is_there(key, partitions):
    assert 0 <= murmur2_partition(key, partitions) < partitions


def test_properties_are_passed_on_by_their_names(tmp_path):
    (tmp_path / "password").write_text("hunter2\n", "utf-8")
    environment = {
        "DROPCOPY_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "DROPCOPY_KAFKA_SASL_MECHANISM": "PLAIN",
        "DROPCOPY_KAFKA_SASL_USERNAME": "copy",
        "DROPCOPY_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"),
        "DROPCOPY_PARTITIONS": "3",
    }

    config = client_config(SETTINGS, environment)

    assert config.pop("client.id").startswith("dropcopy-")
    assert config == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "copy",
        "sasl.password": "hunter2",
    }


def test_every_wrong_property_is_named_at_once_and_no_value_is_shown():
    lines = refused(
        {
            "DROPCOPY_KAFKA_SALS_MECHANISM": "PLAIN",
            "DROPCOPY_KAFKA_SECURITY_PROTOCOL": "hunter2",
            "DROPCOPY_KAFKA_PARTITIONER": "random",
            "DROPCOPY_KAFKA_SASL_PASSWORD_FILE": "/nowhere/at/all",
        }
    )

    assert lines == [
        "DROPCOPY_KAFKA_PARTITIONER: can't be set: every account has to have one partition",
        'DROPCOPY_KAFKA_SALS_MECHANISM: No such configuration property: "sals.mechanism"',
        "DROPCOPY_KAFKA_SASL_PASSWORD_FILE=/nowhere/at/all can't be read: No such file or directory",
        'DROPCOPY_KAFKA_SECURITY_PROTOCOL: Invalid value (hidden) for configuration property "security.protocol"',
    ]


def test_properties_that_lack_another_are_refused_together():
    assert refused({"DROPCOPY_KAFKA_SASL_MECHANISM": "PLAIN", "DROPCOPY_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}) == [
        "DROPCOPY_KAFKA_SASL_MECHANISM, DROPCOPY_KAFKA_SECURITY_PROTOCOL: sasl.username and sasl.password must be set"
    ]


def test_a_producer_may_be_tuned_from_outside_but_not_in_what_it_guarantees(monkeypatch):
    monkeypatch.setenv("DROPCOPY_KAFKA_COMPRESSION_TYPE", "zstd")

    config = producer_config(SETTINGS, linger_ms=7)

    assert config["compression.type"] == "zstd"
    assert config["linger.ms"] == 7
    assert (config["acks"], config["enable.idempotence"], config["message.timeout.ms"]) == ("all", True, 0)
    assert config["partitioner"] == "murmur2_random"
    Producer(config | {"log_level": 0, "bootstrap.servers": "127.0.0.1:1"})  # librdkafka takes all of it
