"""MLLP passes the contract of doors that listen; its own promises are `test_connector_mllp.py`."""

from __future__ import annotations

import re
from typing import Any

from tests.contracts.door_contract import (
    FEW_CONNECTIONS,
    SMALL_BYTES,
    SOON_SECONDS,
    MessageDoorContract,
    SettingsContract,
)

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.connectors.mllp.settings import Limits, MllpSettings
from suture.governance.connector import SourceSettings
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
