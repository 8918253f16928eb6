"""Riverbend with its books in PostgreSQL: the engine's own parts on one event loop, no processes.

A test drives intake, runner, batching and delivery by hand, so that it decides what happens between
two of their turns. Not here: messages (`tests/specs/riverbend_messages.py`), the same chain in
memory (`tests/specs/riverbend_books.py`), whole processes (`tests/simulation`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import structs

from suture.config import read_folder
from suture.connectors.files.door import FolderDoor
from suture.connectors.files.folder import Folder, FolderSettings
from suture.connectors.mllp.listener import Listener
from suture.connectors.mllp.settings import Limits
from suture.connectors.registry import CONNECTORS
from suture.engine.duties import IntakeDuty, Keeping
from suture.engine.file_intake import FileIntake
from suture.engine.intake import Intake
from suture.engine.raw import open_message
from suture.engine.runner import Runner
from suture.engine.transmissions import Transmissions
from suture.governance.channels import open_channel
from suture.governance.estate import Estate, load
from suture.governance.release import pack, release_id
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel
from suture.reconcile.controls import Conservation
from suture.security.keys import KEY_BYTES, KeyRing
from suture.security.phi import open_pieces
from suture.store.controls import read_conservation
from suture.store.database import Database, connect
from suture.store.releases import ActiveRelease, append_release, make_partitions
from suture.store.releases import active_release as read_active_release

RIVERBEND = Path(__file__).parents[2] / "estates" / "riverbend"
PARTITIONS_COUNT = 4
TURNS_MAX = 500
POLLS_MAX, POLL_SECONDS = 1500, 0.02
TOKEN = "a-token-for-tests-only"

QUICK = Limits(
    frame_bytes_max=64 * 1024,
    frame_seconds_max=0.5,
    reply_seconds_max=0.5,
    connections_max=64,
    connections_per_peer_max=48,
    pipeline_messages_max=16,
)
"""Limits of a listener that a test need not wait for."""


@cache
def estate_files() -> dict[str, bytes]:
    """Return the sample estate's files."""
    return read_folder(RIVERBEND)


def estate_of(files: Mapping[str, bytes] | None = None) -> Estate:
    """Return the sample estate, or the one of these files."""
    estate = load(files or estate_files(), CONNECTORS)
    assert isinstance(estate, Estate), estate
    return estate


def port_of(duty: IntakeDuty, source: str) -> int:
    """Return the port at which a duty listens for a source."""
    (door,) = (each for each in duty.doors() if each.source == source)
    return int(door.address.rpartition(":")[2])


class Riverbend:
    """One installation, taken apart: every part is there for a test to move."""

    def __init__(self, database: Database, dsn: str, estate: Estate) -> None:
        self.database = database
        self.dsn = dsn
        self.estate = estate
        self.keys = KeyRing({1: b"k" * KEY_BYTES}, b"i" * KEY_BYTES)
        self.tokenizer = Tokenizer(self.keys.index_key)
        self.intake = Intake(database, self.keys, PARTITIONS_COUNT)
        self.runner = self.another_runner("runner-1")
        self.observed: list[str] = []
        """Codes of what went wrong on connections."""
        self._listeners: list[Listener] = []

    # What it is made of -------------------------------------------------------------------------

    def channel(self, source: str, /, **told: Any) -> Channel:
        """Return the channel of a source of the estate, or of one that differs from it in this."""
        opened = open_channel(self.estate, self.estate.sources[source], self.tokenizer)
        return structs.replace(opened, **told)

    def another_runner(self, name: str, database: Database | None = None) -> Runner:
        """Return one more runner, which competes for the same partitions."""
        return Runner(database or self.database, name, self.estate.books, PARTITIONS_COUNT)

    async def listen(
        self, source: str = "charges", limits: Limits = QUICK, intake: Intake | None = None
    ) -> int:
        """Open a real MLLP listener for a source; return its port."""
        taking = intake or self.intake

        async def receive(raw: bytes) -> bytes:
            return await taking.receive(raw, self.channel(source))

        async def refuse(remains: bytes, reason: Fault) -> bytes:
            return await taking.refuse(remains, reason, self.channel(source))

        def observe(code: str, peer: str) -> None:
            assert peer == "127.0.0.1"
            self.observed.append(code)

        listener = Listener(receive, limits, observe, refuse)
        self._listeners.append(listener)
        return await listener.start("127.0.0.1", 0)

    def watch(self, folder: Path, *, source: str = "remits", **settings: Any) -> FileIntake:
        """Return the intake of a source, that of remittances, over a folder."""
        told: dict[str, Any] = {"pattern": "*", "stable_seconds": 0.0, "keep_files": True}
        watched = Folder(FolderSettings(folder=folder, **(told | settings)))
        transmissions = Transmissions(self.database, self.keys, PARTITIONS_COUNT)
        return FileIntake(transmissions, FolderDoor(watched), self.channel(source))

    def keeping(self, home: Path = Path("/nowhere")) -> Keeping:
        """Return what duties that take messages in keep them with."""
        return Keeping(
            self.database, self.keys, self.tokenizer, PARTITIONS_COUNT, home, lambda _: TOKEN
        )

    async def change(self, files: Mapping[str, bytes]) -> ActiveRelease:
        """Bring changed files of the estate into force; the runner is not told."""
        whole = estate_files() | dict(files)
        self.estate = estate_of(whole)
        await append_release(self.database, release_id(whole), pack(whole), "in a test")
        active = await read_active_release(self.database)
        assert active is not None
        return active

    async def close(self) -> None:
        """Stop what runs."""
        await asyncio.gather(*(listener.drain() for listener in self._listeners))
        await self.intake.drain()
        await self.database.close()

    # What happens to it -------------------------------------------------------------------------

    async def receive(self, *messages: bytes, source: str = "charges") -> list[bytes]:
        """Take messages as they come off a connection; return their replies."""
        return [await self.intake.receive(raw, self.channel(source)) for raw in messages]

    async def settle(self) -> None:
        """Handle every event that waits, and those that they lead to."""
        for _ in range(TURNS_MAX):
            if not await self.runner.turn() and not await self.number("select count(*) from inbox"):
                return
        raise AssertionError("the inbox never empties")

    async def until(self, query: str, *arguments: object) -> None:
        """Wait until a query of the test's own says true."""
        for _ in range(POLLS_MAX):
            if await self.database.pool.fetchval(query, *arguments):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"never true: {query}")

    # What is to be seen -------------------------------------------------------------------------

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows of a query of the test's own."""
        return await self.database.pool.fetch(query, *arguments)

    async def number(self, query: str, *arguments: object) -> int:
        """Return the one number a query of the test's own asks for."""
        return int(await self.database.pool.fetchval(query, *arguments) or 0)

    async def counts(self) -> tuple[int, int]:
        """Return how many messages are stored, and how many came again."""
        return (
            await self.number("select count(*) from message"),
            await self.number("select count(*) from message_repeat"),
        )

    async def exceptions(self) -> list[str]:
        """Return the codes of what is open on the worklist."""
        rows = await self.rows("select code from work_item where resolved_at is null order by code")
        return [row["code"] for row in rows]

    async def resolutions(self) -> list[str]:
        """Return how exceptions were closed."""
        query = "select resolution from work_item where resolved_at is not null order by id"
        return [row["resolution"] for row in await self.rows(query)]

    async def balances(self) -> dict[str, int]:
        """Return debits minus credits by account; accounts at zero left out."""
        rows = await self.rows(
            "select account, sum(debit_minor - credit_minor)::bigint as minor from entry_line "
            "group by account having sum(debit_minor - credit_minor) <> 0"
        )
        return {row["account"]: row["minor"] for row in rows}

    async def conservation(self) -> Conservation:
        """Return where every message is."""
        return await read_conservation(self.database)

    async def message_bytes(self, message_id: str) -> bytes:
        """Return the raw bytes of a message, opened."""
        raw = await open_message(self.database, self.keys, message_id)
        assert raw is not None
        return raw

    async def file_bytes(self, transmission_id: str) -> bytes:
        """Return the raw bytes of a file, opened."""
        query = "select sealed from transmission_chunk where transmission_id = $1 order by ordinal"
        rows = await self.rows(query, transmission_id)
        pieces = [row["sealed"] for row in rows]
        context = transmission_id.encode()
        return b"".join(open_pieces(pieces, key_ring=self.keys, context=context))


@asynccontextmanager
async def open_riverbend(
    dsn: str, files: Mapping[str, bytes] | None = None
) -> AsyncIterator[Riverbend]:
    """Open Riverbend on a fresh database."""
    database = await connect(dsn)
    await make_partitions(database, PARTITIONS_COUNT)
    riverbend = Riverbend(database, dsn, estate_of(files))
    riverbend.intake.start()
    try:
        yield riverbend
    finally:
        await riverbend.close()


def changed(path: str, *rows: str) -> dict[str, bytes]:
    """Return a file of the estate with rows added."""
    return {path: estate_files()[path] + "".join(f"{row}\n" for row in rows).encode()}


def control_id_of(reply: bytes) -> str:
    """Return MSA-2 of an acknowledgement."""
    return acknowledgement(reply)[2]


def code_of(reply: bytes) -> str:
    """Return MSA-1 of an acknowledgement: AA, AE, AR, CA, CE, CR."""
    return acknowledgement(reply)[1]


def acknowledgement(reply: bytes) -> list[str]:
    """Return the fields of a reply's MSA."""
    segments = reply.decode().split("\r")
    return next(each for each in segments if each.startswith("MSA")).split("|")
