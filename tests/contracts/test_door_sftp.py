"""SFTP passes the contracts of doors that hold files and of destinations.

The door against Debian's OpenSSH and against asyncssh's server; the destination against the latter,
which can fall silent at the right moment. Its own promises are `test_connector_sftp.py` and
`test_destination_sftp.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.destination_contract import MessageDestinationContract
from tests.contracts.door_contract import (
    SMALL_BYTES,
    SOON_SECONDS,
    FileDoorContract,
    SettingsContract,
    surroundings_at,
)
from tests.contracts.sftp_peer import USER, SftpPeer
from tests.peers.peer import SshServer, openssh

from suture.connectors import registry
from suture.connectors.ports import MessageDestination, Surroundings
from suture.connectors.sftp.settings import SftpDestinationSettings, SftpSettings
from suture.governance.connector import DestinationSettings, SourceSettings
from suture.model.fault import Fault

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBYt2u2J5mD3yD8sQb0hVQbFvV1bX0m1mS4Zl1gk3m7A"


class TestSftpSettings(SettingsContract):
    """Settings of a source that brings files from a server."""

    connector = "sftp"
    settings_type = SftpSettings

    def valid(self) -> Any:
        return SftpSettings(
            host="sftp.example",
            user="riverbend",
            known_hosts=(HOST_KEY,),
            private_key="file:secrets/key",
            passphrase="env:PHRASE",
            password="env:PASSWORD",
        )


class TestSftpDestinationSettings(SettingsContract):
    """Settings of a destination that gets a file for each message."""

    connector = "sftp"
    settings_type = SftpDestinationSettings

    def valid(self) -> Any:
        return SftpDestinationSettings(
            host="sftp.example",
            user="riverbend",
            known_hosts=(HOST_KEY,),
            private_key="file:secrets/key",
        )


class _Door(FileDoorContract):
    inside: Path
    """The inbox, as this machine sees it."""

    async def put(self, name: str, content: bytes) -> None:
        partial = self.inside / f".{name}"
        partial.write_bytes(content)
        partial.replace(self.inside / name)

    async def inbox(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in self.inside.iterdir() if each.is_file()}

    async def aside(self) -> list[str]:
        return [each.name for each in (self.inside / "error").iterdir()]

    async def replies(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in (self.inside / "replies").iterdir()}


class TestSftpDoor(_Door):
    """A folder of an OpenSSH server."""

    server: SshServer

    @pytest.fixture(autouse=True)
    def _served(self, tmp_path: Path) -> Iterator[None]:
        self.inside = tmp_path / "inbox"
        self.inside.mkdir()
        server_folder = tmp_path / "server"
        server_folder.mkdir()
        with openssh(server_folder) as self.server:
            yield

    def settings(self) -> SourceSettings:
        return self._settings(str(self.inside))

    def unusable_settings(self) -> SourceSettings:
        return self._settings(str(self.home / "absent"))

    def surroundings(self) -> Surroundings:
        return surroundings_at(self.home, KEY=self.server.client_key.read_text())

    def _settings(self, folder: str) -> SourceSettings:
        return SftpSettings(
            host="127.0.0.1",
            port=self.server.port,
            user=self.server.user,
            known_hosts=(self.server.host_key,),
            private_key="env:KEY",
            folder=folder,
            stable_seconds=0.0,
            bytes_max=SMALL_BYTES,
        )


class TestSftpDoorOfAnotherServer(_Door):
    """A folder of a server that is not OpenSSH's."""

    @pytest.fixture(autouse=True)
    def _served(self, tmp_path: Path, runner: asyncio.Runner) -> Iterator[None]:
        self.inside = tmp_path / "inbox"
        self.inside.mkdir()
        self.peer = SftpPeer(tmp_path)
        runner.run(self.peer.start())
        yield
        runner.run(self.peer.stop())

    def settings(self) -> SourceSettings:
        return self._settings("inbox")

    def unusable_settings(self) -> SourceSettings:
        return self._settings("absent")

    def surroundings(self) -> Surroundings:
        return self.peer.surroundings(self.home)

    def _settings(self, folder: str) -> SourceSettings:
        return SftpSettings(
            host="127.0.0.1",
            port=self.peer.port,
            user=USER,
            known_hosts=(self.peer.known_host,),
            private_key="env:KEY",
            folder=folder,
            stable_seconds=0.0,
            bytes_max=SMALL_BYTES,
        )


class TestSftpDestination(MessageDestinationContract):
    """A folder that is told messages, of a server that can fall silent."""

    @pytest.fixture(autouse=True)
    def _prepared(self, tmp_path: Path) -> None:
        (tmp_path / "inbox").mkdir()
        self.peer = SftpPeer(tmp_path)

    def settings(self) -> DestinationSettings:
        return SftpDestinationSettings(
            host="127.0.0.1",
            port=self.peer.port,
            user=USER,
            known_hosts=(self.peer.known_host,),
            private_key="env:KEY",
            folder="inbox",
            suffix=".hl7",
            silence_seconds_max=SOON_SECONDS,
        )

    async def open(self) -> MessageDestination:
        here = self.peer.surroundings(self.home)
        opened = await registry.open_messages(self.settings(), here)
        assert not isinstance(opened, Fault), opened
        return opened

    def body(self, key: str) -> bytes:
        return f"MSH|^~\\&|SUTURE||LAB||20260310||ADT^A01|{key}|P|2.5.1\rPV1|1|I\r".encode()

    async def start_peer(self) -> None:
        await self.peer.start()

    async def stop_peer(self) -> None:
        await self.peer.stop()

    def let_peer(self, do: str) -> None:
        self.peer.does = "take" if do == "refuse" else do
        if do == "refuse":  # the only way a folder has: something else lies under the name
            (self.home / "inbox" / "K1.hl7").write_bytes(b"of another sender")

    def taken(self) -> list[bytes]:
        there = (self.home / "inbox").glob("*.hl7")
        return [each.read_bytes() for each in sorted(there, key=lambda file: file.name)]
