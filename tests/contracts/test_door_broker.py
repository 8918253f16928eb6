"""Topics pass the contracts of doors that are asked, of destinations and of settings.

Against librdkafka's mock of a cluster; what a real Kafka does is `test_connector_broker.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError
from tests.contracts.broker_peer import MockBroker, consumed, produce
from tests.contracts.destination_contract import MessageDestinationContract
from tests.contracts.door_contract import (
    PullDoorContract,
    SettingsContract,
    surroundings_at,
)

from suture.connectors import registry
from suture.connectors.broker.settings import BrokerDestinationSettings, BrokerSettings
from suture.connectors.ports import MessageDestination, PullDoor
from suture.governance.connector import DestinationSettings
from suture.model.fault import Fault

TOPIC = "adt"
SEND_SECONDS = 2.0
"""A producer that writes once asks for its number first."""


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    broker = MockBroker(TOPIC)
    yield broker
    broker.destroy()


class TestBrokerSettings(SettingsContract):
    """Settings of a topic that is read."""

    connector = "broker"
    settings_type = BrokerSettings

    def valid(self) -> Any:
        return BrokerSettings(
            servers=("kafka.example:9093",),
            topic="adt",
            mechanism="SCRAM-SHA-512",
            user="suture",
            password="env:KAFKA_PASSWORD",
            authority="file:authority.pem",
            certificate="file:suture.pem",
            private_key="file:suture.key",
        )


class TestBrokerDestinationSettings(SettingsContract):
    """Settings of a topic that is written to."""

    connector = "broker"
    settings_type = BrokerDestinationSettings

    def valid(self) -> Any:
        return BrokerDestinationSettings(servers=("kafka.example:9093",), topic="facts")


class TestBrokerDoor(PullDoorContract):
    """A topic that is read."""

    peer: MockBroker

    @pytest.fixture(autouse=True)
    def _broker(self, broker: MockBroker, tmp_path: Any) -> None:
        self.peer = broker
        self.home = tmp_path

    async def open(self) -> PullDoor:
        settings = BrokerSettings(
            servers=(self.peer.address,), topic=TOPIC, is_plaintext=True, answer_seconds_max=3.0
        )
        door = await registry.open_pull_door(settings, surroundings_at(self.home))
        assert not isinstance(door, Fault), door
        return door

    async def open_again(self) -> PullDoor:
        return await self.open()

    async def fill(self, *bodies: bytes) -> None:
        await asyncio.to_thread(produce, self.peer.address, TOPIC, bodies)

    async def stop_peer(self) -> None:
        self.peer.stop()


class TestBrokerDestination(MessageDestinationContract):
    """A topic that is written to."""

    peer: MockBroker

    @pytest.fixture(autouse=True)
    def _broker(self, broker: MockBroker) -> None:
        self.peer = broker

    def settings(self) -> DestinationSettings:
        return BrokerDestinationSettings(
            servers=(self.peer.address,),
            topic=TOPIC,
            is_plaintext=True,
            mode="binary",
            answer_seconds_max=2.0,
            send_seconds_max=SEND_SECONDS,
        )

    async def open(self) -> MessageDestination:
        destination = await super().open()
        await destination.health()  # a broker that is hushed later has answered before
        return destination

    def body(self, key: str) -> bytes:
        return f"MSH|^~\\&|SUTURE||LAB||20260310||ADT^A01|{key}|P|2.5.1\r".encode()

    async def send(self, destination: MessageDestination, key: str) -> Any:
        return await destination.send(
            self.body(key), key=key, content_type="application/hl7-v2+er7"
        )

    async def start_peer(self) -> None:
        self.peer.start()

    async def stop_peer(self) -> None:
        self.peer.stop()

    def let_peer(self, do: str) -> None:
        self.peer.take()
        match do:
            case "refuse":
                self.peer.answer_produce(KafkaError.INVALID_RECORD)
            case "hush":
                self.peer.answer_late(int(5000 * SEND_SECONDS))
            case "cut":
                self.peer.answer_produce(KafkaError._TRANSPORT)

    def taken(self) -> list[bytes]:
        return [each.value() or b"" for each in consumed(self.peer.address, TOPIC)]
