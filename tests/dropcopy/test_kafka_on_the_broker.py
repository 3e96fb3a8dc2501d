"""The common clients on a real broker."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from dropcopy.errors import ClusterError
from dropcopy.kafka import MAX_RECORD_BYTES, client_config, make_producer, murmur2_partition, reach_cluster
from dropcopy.settings import Settings
from schemas.topics import SUBMITTED


def test_producers_put_a_key_where_murmur2_says(stack):
    keys = [f"tinvest:{account}".encode() for account in (*range(200), "2000000001", "")]
    landed: dict[bytes, int] = {}
    producer = make_producer(stack.settings)
    for key in keys:
        producer.produce(
            "orders.submitted",
            b"x",
            key,
            on_delivery=lambda _, message: landed.update({message.key(): message.partition()}),
        )
    assert producer.flush(30) == 0

    assert landed == {key: murmur2_partition(key, 4) for key in keys}
    assert len(set(landed.values())) == 4


def test_a_record_of_the_largest_size_goes_through(stack):
    # A record has some bytes beside its value.
    value = bytes(MAX_RECORD_BYTES - 1024)
    landed = []
    producer = make_producer(stack.settings, compression_type="none")
    producer.produce(SUBMITTED.name, value, b"big", on_delivery=lambda error, message: landed.append((error, message)))
    assert producer.flush(30) == 0
    (error, message) = landed[0]
    assert error is None

    consumer = Consumer(client_config(stack.settings) | {"group.id": "test"})
    consumer.assign([TopicPartition(message.topic(), message.partition(), message.offset())])
    read = consumer.poll(30)
    consumer.close()

    assert read is not None
    assert read.value() == value


def test_a_broker_that_does_not_answer_is_named_with_its_address():
    settings = Settings.load({"DROPCOPY_BOOTSTRAP_SERVERS": "127.0.0.1:1"})

    with pytest.raises(ClusterError, match=r"no Kafka broker answers at 127\.0\.0\.1:1") as raised:
        reach_cluster(settings, timeout_s=0.5)

    assert "sandbox up" in raised.value.hint
