"""A broker in memory: librdkafka's own mock of a cluster, driven through its C interface.

Python's client can start one and no more; here it also goes away and comes back under its address,
refuses, stays silent, and cuts the line. Its clients speak the real protocol over real sockets.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

PATIENCE_SECONDS = 10
PRODUCE = 0
"""The number of that request in Kafka's protocol."""
MANY = 50
BROKER = 1
Header = tuple[str, "str | bytes | None"]


@cache
def library() -> Any:
    """Return the C library that the client of this environment brought."""
    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka*.so*"))
    if not found:
        pytest.skip("librdkafka is no file of its own here")
    told = ctypes.CDLL(str(found[0]))
    for name in ("conf_new", "new", "mock_cluster_new"):
        getattr(told, f"rd_kafka_{name}").restype = ctypes.c_void_p
    told.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return told


class MockBroker:
    """One broker with a topic."""

    def __init__(self, topic: str, partitions_count: int = 1) -> None:
        self.topic = topic
        error = ctypes.create_string_buffer(200)
        conf = ctypes.c_void_p(library().rd_kafka_conf_new())
        library().rd_kafka_conf_set(conf, b"log_level", b"0", error, 200)
        self._client = ctypes.c_void_p(library().rd_kafka_new(0, conf, error, 200))
        cluster = library().rd_kafka_mock_cluster_new(self._client, 1)
        self._cluster = ctypes.c_void_p(cluster)
        library().rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions_count, 1)
        self.address = library().rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def stop(self) -> None:
        """Be away, with everything kept."""
        library().rd_kafka_mock_broker_set_down(self._cluster, BROKER)

    def start(self) -> None:
        """Be there again, under the same address."""
        library().rd_kafka_mock_broker_set_up(self._cluster, BROKER)

    def answer_produce(self, code: int) -> None:
        """Answer the next records with an error; `_TRANSPORT` cuts the line."""
        errors = (ctypes.c_int * MANY)(*[code] * MANY)
        library().rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(MANY), errors
        )

    def answer_late(self, milliseconds: int) -> None:
        """Take what comes, and answer after so long."""
        library().rd_kafka_mock_broker_set_rtt(self._cluster, BROKER, milliseconds)

    def take(self) -> None:
        """Answer as brokers do."""
        self.answer_late(0)
        library().rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(PRODUCE))

    def destroy(self) -> None:
        """End it."""
        library().rd_kafka_mock_cluster_destroy(self._cluster)
        library().rd_kafka_destroy(self._client)


def produce(
    address: str,
    topic: str,
    values: Iterable[bytes | None],
    *,
    partition: int = 0,
    headers: Sequence[Header] = (),
) -> None:
    """Write records as any client does, and wait until they are there."""
    producer = Producer({"bootstrap.servers": address, "log_level": 0, "acks": "all"})
    failed: list[KafkaError] = []
    for value in values:
        producer.produce(
            topic,
            value,
            partition=partition,
            headers=list(headers),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert (0, []) == (producer.flush(PATIENCE_SECONDS), failed)


def consumed(address: str, topic: str, partitions_count: int = 1) -> list[confluent_kafka.Message]:
    """Return all records of a topic as any client reads them, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "a-reader",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    found: list[confluent_kafka.Message] = []
    for partition in range(partitions_count):
        consumer.assign([TopicPartition(topic, partition, 0)])
        while True:
            message = consumer.poll(PATIENCE_SECONDS)
            assert message is not None, "neither a record nor the end of the topic"
            if message.error() is not None:
                break
            found.append(message)
    consumer.close()
    return found
