"""What tests of doors over HTTP share: a door that is closed at the end, and raw peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.contracts.door_contract import Taking, place_of, surroundings_at

from suture.connectors import registry
from suture.connectors.ports import BodyVerdict, MessageDoor
from suture.governance.connector import SourceSettings
from suture.model.fault import Fault


class Telling(Taking):
    """A taker that says what a test wants of each body."""

    def __init__(self, verdict: BodyVerdict) -> None:
        super().__init__()
        self.verdict = verdict

    async def receive_body(self, raw: bytes) -> BodyVerdict:
        await self._store(raw)
        return self.verdict


@asynccontextmanager
async def opened(
    settings: SourceSettings, taking: Taking, home: Path, **secrets: str
) -> AsyncIterator[MessageDoor]:
    """Have a door, and close it whatever happens."""
    door = await registry.open_message_door(settings, taking, surroundings_at(home, **secrets))
    assert not isinstance(door, Fault), door
    try:
        yield door
    finally:
        await door.drain()


async def answered(address: str, *pieces: bytes) -> bytes:
    """Return all that a door says to these bytes, up to where it closes."""
    reader, writer = await asyncio.open_connection(*place_of(address))
    try:
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
