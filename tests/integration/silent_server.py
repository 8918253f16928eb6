"""A PostgreSQL that can go silent: a relay on loopback, which holds connections and says nothing.

What a firewall that forgets, a machine that is suspended or a switch that fails looks like: the
connection stands, new ones are taken, and no byte comes back. For `test_store_silence.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

_CANCEL = (80877102).to_bytes(4, "big")
"""What the first packet of a connection holds that only asks for a cancel (protocol 3.0)."""


class SilentServer:
    """The relay. From `fall_silent` to `speak_again` nothing passes, either way."""

    def __init__(self, dsn: str) -> None:
        self._behind = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self.openings: list[bytes] = []
        """The first packet of each connection."""

    @property
    def dsn(self) -> str:
        """Where the relay listens, as the DSN of the database behind it."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        told = parse_qs(self._behind.query)
        user = self._behind.username or told["user"][0]
        secret = f":{self._behind.password}" if self._behind.password else ""
        address = f"postgresql://{user}{secret}@127.0.0.1:{port}{self._behind.path}"
        return f"{address}?sslmode=disable"

    @property
    def cancels_count(self) -> int:
        """How many connections came only to cancel a statement of another."""
        return sum(opening[4:8] == _CANCEL for opening in self.openings)

    def fall_silent(self) -> None:
        """Take connections and bytes, and pass nothing on."""
        self._speaks.clear()

    def speak_again(self) -> None:
        """Pass on what has waited, and what comes."""
        self._speaks.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        try:
            opening = await reader.read(65_536)
            self.openings.append(opening)
            await self._speaks.wait()
            await self._pass_on(opening, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a peer went away, or the test is over
        finally:
            writer.close()
            self._relays.discard(task)

    async def _pass_on(
        self, opening: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        behind_reader, behind_writer = await self._connect()
        behind_writer.write(opening)
        both = [
            asyncio.create_task(self._relay(reader, behind_writer)),
            asyncio.create_task(self._relay(behind_reader, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            behind_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._behind.query).get("host", [""])[0]
        if folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._behind.hostname, self._behind.port or 5432)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._speaks.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def before(dsn: str) -> AsyncIterator[SilentServer]:
    """Put a relay before a database."""
    silent = SilentServer(dsn)
    await silent.start()
    try:
        yield silent
    finally:
        await silent.stop()
