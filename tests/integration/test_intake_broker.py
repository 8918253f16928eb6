"""A topic of a real Kafka is taken once, whatever comes again, and what cannot be read is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from tests.contracts.broker_peer import produce
from tests.contracts.door_contract import surroundings_at
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend
from tests.peers.peer import kafka
from tests.specs.riverbend_messages import Line, dft

from suture.connectors import registry
from suture.connectors.broker.settings import BrokerSettings
from suture.engine.pull_intake import PullIntake
from suture.engine.transmissions import Transmissions
from suture.model.fault import Fault
from suture.store.transmission import read_watermark
from suture.wire.cloudevents import STRUCTURED, CloudEvent, write_structured

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOPIC = "charges"
SOURCE = "charges"


def charge(control: str) -> bytes:
    return dft("A1", Line(f"L{control}", "CG", 10_000), at="20260310120000", control=control)


def wrapped(control: str) -> bytes:
    event = CloudEvent(
        id=control,
        source="/charges",
        type="dft.p03",
        datacontenttype="application/hl7-v2+er7",
        data=charge(control),
    )
    return write_structured(event)


@asynccontextmanager
async def asking(riverbend: Riverbend, address: str) -> AsyncIterator[PullIntake]:
    settings = BrokerSettings(servers=(address,), topic=TOPIC, is_plaintext=True)
    door = await registry.open_pull_door(settings, surroundings_at(Path()))
    assert not isinstance(door, Fault)
    store = Transmissions(riverbend.database, riverbend.keys, PARTITIONS_COUNT)
    yield PullIntake(store, door, riverbend.channel(SOURCE, translations=frozenset()))
    await door.close()


async def taken(intake: PullIntake) -> int:
    """Ask until nothing more comes; return how many records came."""
    count = 0
    while came := await intake.turn():
        count += came
    assert intake.trouble is None
    return count


async def messages(riverbend: Riverbend) -> int:
    return await riverbend.number("select count(*) from message")


async def test_records_of_a_topic_are_taken_once_and_replays_are_repeats(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    structured = [("content-type", STRUCTURED.encode())]
    with kafka(tmp_path) as address:
        admin = AdminClient({"bootstrap.servers": address})
        admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(30)
        produce(address, TOPIC, [charge("M1"), charge("M2")])
        produce(address, TOPIC, [wrapped("M3")], partition=1, headers=structured)
        async with asking(riverbend, address) as intake:
            assert 3 == await taken(intake)
        assert 3 == await messages(riverbend)
        produce(address, TOPIC, [charge("M2"), charge("M4")], partition=1)
        async with asking(riverbend, address) as intake:
            assert 2 == await taken(intake), "after a restart it goes on"
        assert 4 == await messages(riverbend)
        assert f"{TOPIC} 0:2 1:3" == await read_watermark(riverbend.database, SOURCE)

        await riverbend.rows("update source_watermark set watermark = $1", f"{TOPIC} 0:1")
        async with asking(riverbend, address) as intake:
            assert 4 == await taken(intake), "an older watermark brings them again"
        assert 4 == await messages(riverbend)

        produce(address, TOPIC, [None, b"{", None])
        produce(address, TOPIC, [charge("M5")], headers=structured)
        produce(address, TOPIC, [charge("M5")])
        async with asking(riverbend, address) as intake:
            assert 5 == await taken(intake)
        assert 5 == await riverbend.number(
            "select count(*) from message where status = 'accepted'"
        ), "what came wrongly wrapped does not stand in the way of the same well wrapped"
        held = await riverbend.exceptions()
        assert ["broker.record.empty"] * 2 == [each for each in held if "broker" in each]
        assert 1 == held.count("cloudevents.event.invalid")
        await riverbend.settle()
        assert (await riverbend.conservation()).gap == 0
