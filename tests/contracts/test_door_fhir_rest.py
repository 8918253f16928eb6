"""FHIR servers pass the contract of doors that are asked; their own promises are beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.contracts.door_contract import PullDoorContract, SettingsContract, surroundings_at
from tests.contracts.fhir_peer import FhirPeer

from suture.connectors import registry
from suture.connectors.fhir_rest.settings import (
    FhirRestSettings,
    SmartSettings,
    SubscriptionSettings,
)
from suture.connectors.ports import PullDoor
from suture.governance.reading import Document
from suture.model.fault import Fault

VALID = FhirRestSettings(
    url="https://ehr.example.org/fhir/r4",
    allow=("ehr.example.org:443",),
    resources=("Encounter", "Account"),
    smart=SmartSettings(client_id="suture", private_key="file:keys/ehr.pem", key_id="1"),
)


class TestFhirRestSettings(SettingsContract):
    """Settings of a server that is asked."""

    connector = "fhir_rest"
    settings_type = FhirRestSettings

    def valid(self) -> Any:
        return VALID

    def test_b90_a_private_key_in_clear_is_told_and_not_repeated(self) -> None:
        from suture.governance.connector import literal_secrets  # noqa: PLC0415 - of this test

        smart = SmartSettings(client_id="suture", private_key="-----BEGIN hunter2")
        told = msgspec.structs.replace(VALID, smart=smart)
        document = Document("sources/x.toml", "[x.smart]\nprivate_key = ''\n", {})
        (found,) = literal_secrets(document, told, ("x",))
        assert ("estate.secret.literal", "sources/x.toml:2") == (found.code, found.where)
        assert "hunter2" not in repr(found)

    @pytest.mark.parametrize(
        ("told", "key"),
        [
            ({"resources": ()}, "resources"),
            ({"resources": ("Encounter", "Encounter")}, "resources"),
            ({"resources": ("../admin",)}, "resources"),
            ({"begin": "2026-01-01"}, "begin"),
            ({"url": "http://ehr.example.org/"}, "url"),
            ({"token": "env:T"}, "smart"),
            ({"smart": SmartSettings(client_id="suture")}, "private_key"),
            ({"subscription": SubscriptionSettings(endpoint="https://x/y")}, "token"),
            (
                {"subscription": SubscriptionSettings(endpoint="http://x/y", token="env:T")},
                "endpoint",
            ),
            ({"smart": SmartSettings(scopes=("a b",))}, "scopes"),
        ],
    )
    def test_what_cannot_be_is_told_at_its_key(self, told: dict[str, Any], key: str) -> None:
        settings = msgspec.structs.replace(VALID, **told)
        document = Document("sources/x.toml", "[fhir_rest]\n", {})
        faults = list(settings.faults(document, ("fhir_rest",)))
        assert key in {each.explanation.split("`")[1].rpartition(".")[2] for each in faults}


class TestFhirRest(PullDoorContract):
    """A server of the tests; what it holds are encounters with a note."""

    peer: FhirPeer
    home: Path
    count: int

    @pytest.fixture(autouse=True)
    def _peer(self, tmp_path: Path, runner: asyncio.Runner) -> Iterator[None]:
        self.home, self.count, self.peer = tmp_path, 0, FhirPeer()
        runner.run(self.peer.start())
        yield
        runner.run(self.peer.stop())

    async def open(self) -> PullDoor:
        settings = FhirRestSettings(
            url=self.peer.base,
            allow=(f"127.0.0.1:{self.peer.port}",),
            is_plaintext_accepted=True,
            resources=("Encounter",),
        )
        door = await registry.open_pull_door(settings, surroundings_at(self.home))
        assert not isinstance(door, Fault), door
        return door

    async def open_again(self) -> PullDoor:
        return await self.open()

    async def fill(self, *bodies: bytes) -> None:
        for body in bodies:
            self.count += 1
            self.peer.put("Encounter", str(self.count), self.count, note=body.decode())

    async def stop_peer(self) -> None:
        await self.peer.stop()

    async def poll(self, door: PullDoor, watermark: str = "") -> list[tuple[bytes, str]]:
        return [
            (json.loads(raw)["note"].encode(), after)
            for raw, after in await super().poll(door, watermark)
        ]
