"""MLLP passes the contracts of doors and of destinations.

Its own promises are `test_connector_mllp.py`, `test_connector_mllp_tls.py` and
`test_destination_mllp.py`.
"""

from __future__ import annotations

import re
from typing import Any

from tests.contracts.destination_contract import MessageDestinationContract
from tests.contracts.door_contract import (
    FEW_CONNECTIONS,
    SMALL_BYTES,
    SOON_SECONDS,
    MessageDoorContract,
    SettingsContract,
)
from tests.contracts.mllp_receiver import MllpReceiver

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.connectors.mllp.settings import Limits, MllpDestinationSettings, MllpSettings
from suture.governance.connector import DestinationSettings, SourceSettings
from suture.wire.mllp import frame


class TestMllpSettings(SettingsContract):
    """Settings of a listener."""

    connector = "mllp"
    settings_type = MllpSettings

    def valid(self) -> Any:
        return MllpSettings(port=2575)


class TestMllpDoor(MessageDoorContract):
    """A listener and its sender."""

    def settings(self, port: int = 0) -> SourceSettings:
        limits = Limits(
            frame_bytes_max=SMALL_BYTES,
            frame_seconds_max=SOON_SECONDS,
            connections_per_peer_max=FEW_CONNECTIONS,
        )
        return MllpSettings(port=port, limits=limits)

    def message(self, number: int) -> bytes:
        return b"MSH|^~\\&|A|B|C|D|20260310||ADT^A01|%d|P|2.5.1\rPV1|1|I" % number

    async def send(self, address: str, raw: bytes) -> bool:
        host, _, port = address.rpartition(":")
        try:
            async with Sender(host, int(port)) as sender:
                reply = await sender.send(raw)
        except ConnectionLostError as error:
            raise OSError from error
        return re.search(rb"\rMSA\|[AC]A", reply) is not None

    def beginning(self, raw: bytes) -> bytes:
        return frame(raw)[:20]


class TestMllpDestinationSettings(SettingsContract):
    """Settings of a receiver."""

    connector = "mllp"
    settings_type = MllpDestinationSettings

    def valid(self) -> Any:
        return MllpDestinationSettings(host="interface.example", port=6661)


class TestMllpDestination(MessageDestinationContract):
    """A sender and a receiver made with python-hl7, which is not ours."""

    receiver = MllpReceiver()

    def settings(self) -> DestinationSettings:
        return MllpDestinationSettings(
            host="127.0.0.1", port=self.receiver.port, reply_seconds_max=SOON_SECONDS
        )

    def body(self, key: str) -> bytes:
        return f"MSH|^~\\&|SUTURE||LAB||20260310||ADT^A01|{key}|P|2.5.1\rPV1|1|I\r".encode()

    async def start_peer(self) -> None:
        port = self.receiver.port if self.receiver.is_stopped else 0
        if not self.receiver.is_stopped:
            self.receiver = MllpReceiver()
        await self.receiver.start(port)

    async def stop_peer(self) -> None:
        await self.receiver.stop()

    def let_peer(self, do: str) -> None:
        self.receiver.does = {"take": "AA", "refuse": "AR"}.get(do, do)

    def taken(self) -> list[bytes]:
        return self.receiver.taken
