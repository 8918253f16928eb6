"""HTTP passes the contract of doors. Its own promises are `test_connector_http.py`."""

from __future__ import annotations

from typing import Any

import aiohttp
from tests.contracts.door_contract import (
    FEW_CONNECTIONS,
    SMALL_BYTES,
    SOON_SECONDS,
    MessageDoorContract,
    SettingsContract,
)

from suture.connectors.http.settings import HttpSettings
from suture.connectors.listening import Access, ServerLimits
from suture.governance.connector import SourceSettings

LIMITS = ServerLimits(
    body_bytes_max=SMALL_BYTES,
    request_seconds_max=SOON_SECONDS,
    connections_per_peer_max=FEW_CONNECTIONS,
)


class TestHttpSettings(SettingsContract):
    """Settings of a source that is posted to."""

    connector = "http"
    settings_type = HttpSettings

    def valid(self) -> Any:
        access = Access(
            token="env:TOKEN", username="u", password="env:PASSWORD", signing_secret="env:SIGNING"
        )
        return HttpSettings(port=8080, access=access)


class TestHttpDoor(MessageDoorContract):
    """A source and a client of aiohttp's."""

    def settings(self, port: int = 0) -> SourceSettings:
        return HttpSettings(port=port, access=Access(is_anonymous_accepted=True), limits=LIMITS)

    def message(self, number: int) -> bytes:
        return b"MSH|^~\\&|A|B|C|D|20260310||ADT^A01|%d|P|2.5.1\rPV1|1|I" % number

    async def send(self, address: str, raw: bytes) -> bool:
        headers = {"Content-Type": "application/hl7-v2+er7"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(address, data=raw, headers=headers) as response,
            ):
                await response.read()
                return response.status == 200
        except aiohttp.ClientError as error:
            raise OSError from error

    def beginning(self, raw: bytes) -> bytes:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/hl7-v2+er7\r\n"
        return head + b"Content-Length: %d\r\n\r\n" % len(raw) + raw[:10]
