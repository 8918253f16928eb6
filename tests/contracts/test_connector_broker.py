"""What is peculiar to topics: places, partitions, retention, keys, and what a broker refuses.

Against librdkafka's mock where it knows the case, else against a real Kafka (`make peers`).
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewPartitions,
    NewTopic,
)
from tests.contracts.broker_peer import MockBroker, consumed, produce
from tests.contracts.certificates import Authority
from tests.contracts.door_contract import surroundings_at
from tests.peers.peer import free_port, kafka

from suture.connectors import registry
from suture.connectors.broker import door as broker_door
from suture.connectors.broker.client import Trouble, configuration
from suture.connectors.broker.settings import BrokerDestinationSettings, BrokerSettings
from suture.connectors.outcome import Delivered, Healthy, Outcome, Refused, Transient, Unknown
from suture.connectors.ports import MessageDestination, PullDoor, Pulled
from suture.model.fault import Fault
from suture.wire.cloudevents import CloudEvent, read_structured, write_structured

HERE = Path()
MESSAGE = b"MSH|^~\\&|A||B||20260310||ADT^A01|1|P|2.5.1\r"


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    broker = MockBroker("adt", partitions_count=2)
    yield broker
    broker.destroy()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka(tmp_path_factory.mktemp("kafka")) as address:
        yield address


def create(
    address: str, topic: str, partitions_count: int = 1, settings: dict[str, str] | None = None
) -> None:
    told = NewTopic(topic, partitions_count, 1, config=settings or {})
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([told])[topic].result(30)


@asynccontextmanager
async def reading(address: str, topic: str, **settings: Any) -> AsyncIterator[PullDoor]:
    told = {"is_plaintext": True, "answer_seconds_max": 5.0} | settings
    settings_told = BrokerSettings(servers=(address,), topic=topic, **told)
    door = await registry.open_pull_door(settings_told, surroundings_at(HERE))
    assert not isinstance(door, Fault)
    try:
        yield door
    finally:
        await door.close()


@asynccontextmanager
async def writing(address: str, topic: str, **settings: Any) -> AsyncIterator[MessageDestination]:
    told = {"is_plaintext": True, "answer_seconds_max": 5.0, "send_seconds_max": 10.0} | settings
    settings_told = BrokerDestinationSettings(servers=(address,), topic=topic, **told)
    there = await registry.open_messages(settings_told, surroundings_at(HERE))
    assert not isinstance(there, Fault)
    try:
        yield there
    finally:
        await there.close()


async def brought(door: PullDoor, watermark: str = "") -> Sequence[Pulled]:
    pulled = await door.poll(watermark)
    assert not isinstance(pulled, Fault), pulled
    return pulled


async def trouble(door: PullDoor, watermark: str = "") -> str:
    told = await door.poll(watermark)
    assert isinstance(told, Fault), told
    assert told.remedy
    return told.code


# In -----------------------------------------------------------------------------------------------


async def test_records_that_cannot_be_read_are_brought_with_their_places_and_the_rest_goes_on(
    broker: MockBroker,
) -> None:
    produce(broker.address, "adt", [MESSAGE, None])
    produce(broker.address, "adt", [MESSAGE], headers=[("ce_id", "1")])
    produce(broker.address, "adt", [b"{", MESSAGE])
    async with reading(broker.address, "adt") as door:
        pulled = await brought(door)
    assert [MESSAGE, b"", MESSAGE, b"{", MESSAGE] == [each.raw for each in pulled]
    assert [
        ("adt/0@0", ""),
        ("adt/0@1", "broker.record.empty"),
        ("adt/0@2", "cloudevents.event.invalid"),
        ("adt/0@3", ""),
        ("adt/0@4", ""),
    ] == [(each.name, each.refusal.code if each.refusal else "") for each in pulled]
    assert "adt 0:5" == pulled[-1].watermark


async def test_b2_a_record_that_is_too_large_is_brought_whole_and_not_read(
    broker: MockBroker,
) -> None:
    large = MESSAGE * 100
    produce(broker.address, "adt", [large, MESSAGE])
    async with reading(broker.address, "adt", record_bytes_max=1000) as door:
        first, second = await brought(door)
    assert (large, None) == (first.raw, second.refusal)
    assert first.refusal is not None
    assert ("broker.record.too_large", "adt/0@0 value") == (
        first.refusal.code,
        first.refusal.where,
    )


async def test_each_partition_stays_in_order_and_goes_on_where_it_was(broker: MockBroker) -> None:
    for partition in (0, 1):
        values = [f"{partition}.{number}".encode() for number in range(5)]
        produce(broker.address, "adt", values, partition=partition)
    async with reading(broker.address, "adt", group="shown") as door:
        pulled = await brought(door)
        middle = pulled[4]
        again = await brought(door, middle.watermark)
        assert [each.raw for each in pulled[5:]] == sorted(
            (each.raw for each in again), key=[each.raw for each in pulled].index
        )
        await door.settled(pulled[-1].watermark)
    for name in (b"0", b"1"):
        told = [each.raw for each in pulled if each.raw.startswith(name)]
        assert sorted(told) == told
    assert "adt 0:5 1:5" == pulled[-1].watermark


async def test_a_watermark_of_another_topic_is_not_followed(broker: MockBroker) -> None:
    async with reading(broker.address, "adt") as door:
        assert "broker.watermark.foreign" == await trouble(door, "orders 0:7")


async def test_what_was_read_beyond_the_end_is_a_gap_until_that_is_accepted(
    broker: MockBroker,
) -> None:
    produce(broker.address, "adt", [b"one", b"two"])
    async with reading(broker.address, "adt") as door:
        for _ in range(2):
            assert "broker.offset.gone" == await trouble(door, "adt 0:77")
    async with reading(broker.address, "adt", is_gap_accepted=True) as door:
        assert [b"one", b"two"] == [each.raw for each in await brought(door, "adt 0:77")]


async def test_a_topic_that_is_absent_is_told(broker: MockBroker) -> None:
    async with reading(broker.address, "orders") as door:
        assert "broker.topic.absent" == await trouble(door)


async def test_a_certificate_that_is_none_is_told(broker: MockBroker) -> None:
    there = {"is_plaintext": False, "certificate": "env:PEM", "private_key": "env:PEM"}
    settings = BrokerSettings(servers=(broker.address,), topic="adt", **there)  # type: ignore[arg-type]
    door = await registry.open_pull_door(settings, surroundings_at(HERE, PEM="no PEM"))
    assert not isinstance(door, Fault)
    assert "broker.settings.unusable" == await trouble(door)
    await door.close()


async def test_b10_a_broker_whose_certificate_nobody_we_trust_has_signed_is_told(
    tmp_path: Path,
) -> None:
    files = Authority(tmp_path).sign("broker")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*files)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    there = f"127.0.0.1:{port}"
    async with reading(there, "adt", is_plaintext=False, answer_seconds_max=2.0) as door:
        assert "broker.tls.failed" == await trouble(door)
    server.close()


def test_b90_secrets_are_read_where_the_settings_refer_to_them() -> None:
    settings = BrokerSettings(
        servers=("a:1", "b:2"),
        topic="adt",
        mechanism="SCRAM-SHA-256",
        user="suture",
        password="env:PASSWORD",
        authority="env:CA",
    )
    secret = surroundings_at(HERE, PASSWORD="hunter2", CA="pem").secret
    told = configuration(settings, secret, Trouble())
    assert ("sasl_ssl", "hunter2", "pem") == (
        told["security.protocol"],
        told["sasl.password"],
        told["ssl.ca.pem"],
    )


async def test_without_the_library_a_door_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_door, "find_spec", lambda _: None)
    source = BrokerSettings(servers=("a:1",), topic="adt")
    destination = BrokerDestinationSettings(servers=("a:1",), topic="adt")
    for told in (
        await registry.open_pull_door(source, surroundings_at(HERE)),
        await registry.open_messages(destination, surroundings_at(HERE)),
    ):
        assert isinstance(told, Fault)
        assert "broker.library.absent" == told.code
        assert "suture[broker]" in told.remedy


# Out ----------------------------------------------------------------------------------------------


async def test_a_message_is_wrapped_under_our_key(broker: MockBroker) -> None:
    async with writing(broker.address, "adt", event_source="/mpi", event_type="adt") as there:
        came = await there.send(MESSAGE, key="K1", content_type="application/hl7-v2+er7")
        assert isinstance(came, Delivered)
    (record,) = consumed(broker.address, "adt", 2)
    assert f"adt/{record.partition()}@{record.offset()}" == came.document
    assert CloudEvent(
        id="K1",
        source="/mpi",
        type="adt",
        datacontenttype="application/hl7-v2+er7",
        data=MESSAGE,
    ) == read_structured(record.value() or b"")
    assert [("content-type", b"application/cloudevents+json")] == record.headers()


async def test_beside_its_data_an_event_is_in_headers(broker: MockBroker) -> None:
    async with writing(broker.address, "adt", mode="binary") as there:
        await there.send(b"{}", key="K1", content_type="application/fhir+json")
    (record,) = consumed(broker.address, "adt", 2)
    assert b"{}" == record.value()
    assert {
        "ce_specversion": b"1.0",
        "ce_id": b"K1",
        "ce_source": b"urn:suture",
        "ce_type": b"suture.message",
        "content-type": b"application/fhir+json",
    } == dict(record.headers() or ())


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (KafkaError.INVALID_RECORD, Refused, "broker.message.refused"),
        (KafkaError.MSG_SIZE_TOO_LARGE, Refused, "broker.message.too_large"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Transient, "broker.access.refused"),
        (KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, Unknown, "broker.reply.absent"),
        (KafkaError._TRANSPORT, Unknown, "broker.reply.absent"),
    ],
)
async def test_what_a_report_of_failure_means(
    broker: MockBroker, error: int, outcome: type[Outcome], code: str
) -> None:
    async with writing(broker.address, "adt", send_seconds_max=2.0) as there:
        broker.answer_produce(error)
        came = await there.send(MESSAGE, key="K1", content_type="application/hl7-v2+er7")
    assert (outcome, code) == (type(came), "" if isinstance(came, Delivered) else came.fault.code)


async def test_what_we_may_not_send_is_refused_before_it_leaves(broker: MockBroker) -> None:
    async with writing(broker.address, "adt", record_bytes_max=1000) as there:
        large = await there.send(b"x" * 1000, key="K1", content_type="application/xml")
        none = await there.send(b"{}", key="K2", content_type="application/cloudevents+json")
    assert isinstance(large, Refused)
    assert isinstance(none, Refused)
    assert ["broker.message.too_large", "cloudevents.event.invalid"] == [
        large.fault.code,
        none.fault.code,
    ]
    assert [] == consumed(broker.address, "adt", 2)


# With a real Kafka --------------------------------------------------------------------------------


def events(streams: int, count: int) -> list[CloudEvent]:
    return [
        CloudEvent(
            id=f"evt_{stream}.{number}",
            source="suture:source:adt",
            type="x",
            subject=f"claim/clm_{stream}",
            data=json.dumps(number).encode(),
        )
        for number in range(count)
        for stream in range(streams)
    ]


@pytest.mark.slow
async def test_events_of_one_stream_go_to_one_partition_in_order(address: str) -> None:
    create(address, "facts", 4)
    sent = events(8, 5)
    async with writing(address, "facts") as there:
        assert isinstance(await there.health(), Healthy)
        for event in sent:
            body = write_structured(event)
            kind = "application/cloudevents+json"
            came = await there.send(body, key=event.id, content_type=kind)  # type: ignore[arg-type]
            assert isinstance(came, Delivered), came
    records = consumed(address, "facts", 4)
    assert len({record.partition() for record in records}) > 1
    for stream in range(8):
        key = f"claim/clm_{stream}".encode()
        mine = [record for record in records if record.key() == key]
        assert 1 == len({record.partition() for record in mine})
        told = [read_structured(record.value() or b"") for record in mine]
        assert [event for event in sent if event.subject == key.decode()] == told


@pytest.mark.slow
async def test_a_topic_that_takes_no_record_so_large_refuses_it(address: str) -> None:
    create(address, "small", settings={"max.message.bytes": "2000"})
    async with writing(address, "small") as there:
        came = await there.send(b"x" * 5000, key="K1", content_type="application/xml")
        assert isinstance(came, Refused), came
        assert "broker.message.too_large" == came.fault.code
        came = await there.send(b"x", key="K2", content_type="application/xml")
        assert isinstance(came, Delivered), came
    async with writing(address, "absent") as there:
        gone = await there.send(b"x", key="K1", content_type="application/xml")
        assert isinstance(gone, Transient), gone
        assert "broker.topic.absent" == gone.fault.code


@pytest.mark.slow
async def test_b2_a_record_too_large_to_be_received_is_told_and_waited_for(address: str) -> None:
    create(address, "large", settings={"max.message.bytes": "5000000"})
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 5_000_000})
    producer.produce("large", b"x" * 4_000_000)
    assert 0 == producer.flush(10)
    limits = {"record_bytes_max": 1000, "batch_bytes_max": 1000}
    async with reading(address, "large", **limits) as door:
        assert "broker.record.unreceivable" == await trouble(door)
    async with reading(address, "large", record_bytes_max=5_000_000) as door:
        (found,) = await brought(door)
        assert (4_000_000, None) == (len(found.raw), found.refusal)


@pytest.mark.slow
async def test_new_partitions_are_found(address: str) -> None:
    create(address, "growing", 1)
    produce(address, "growing", [b"one"])
    async with reading(address, "growing") as door:
        (first,) = await brought(door)
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_partitions([NewPartitions("growing", 2)])["growing"].result(30)
        produce(address, "growing", [b"two"], partition=1)
        found: list[Pulled] = []
        for _ in range(20):
            found += await brought(door, first.watermark)
            if found:
                break
    assert [(b"two", "growing 0:1 1:1")] == [(each.raw, each.watermark) for each in found]


@pytest.mark.slow
async def test_what_was_deleted_before_it_was_read_is_a_gap_until_that_is_accepted(
    address: str,
) -> None:
    create(address, "kept", 1)
    produce(address, "kept", [str(number).encode() for number in range(5)])
    admin = AdminClient({"bootstrap.servers": address})
    gone = admin.delete_records([TopicPartition("kept", 0, 3)])
    for each in gone.values():
        each.result(30)
    async with reading(address, "kept") as door:
        told = await door.poll("kept 0:1")
        assert isinstance(told, Fault)
        assert ("broker.offset.gone", "kept/0@1", "offsets 1 to 2 are gone") == (
            told.code,
            told.where,
            told.explanation,
        )
    async with reading(address, "kept", is_gap_accepted=True) as door:
        assert [b"3", b"4"] == [each.raw for each in await brought(door, "kept 0:1")]


@pytest.mark.slow
async def test_f13_a_broker_that_comes_back_is_read_on_and_written_to(tmp_path: Path) -> None:
    port = free_port()
    with kafka(tmp_path, port) as address:
        create(address, "adt")
        produce(address, "adt", [b"one"])
        door_context = reading(address, "adt", answer_seconds_max=2.0)
        door = await door_context.__aenter__()
        there_context = writing(address, "adt", answer_seconds_max=2.0, mode="binary")
        there = await there_context.__aenter__()
        (first,) = await brought(door)
        await door.settled(first.watermark)
    assert "broker.away" == await trouble(door, first.watermark)
    away = await there.send(b"two", key="K2", content_type="application/xml")
    assert isinstance(away, Transient), away
    with kafka(tmp_path, port):
        came = None
        for _ in range(20):
            came = await there.send(b"two", key="K2", content_type="application/xml")
            if isinstance(came, Delivered):
                break
        assert isinstance(came, Delivered), came
        found: list[bytes] = []
        for _ in range(20):
            pulled = await door.poll(first.watermark)
            if not isinstance(pulled, Fault) and pulled:
                found = [each.raw for each in pulled]
                break
        assert [b"two"] == found
        await there_context.__aexit__(None, None, None)
        await door_context.__aexit__(None, None, None)
