"""Releases in force, settings of this installation, and the workers that are alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from suture.model.event import Event
from suture.store.database import Database
from suture.store.event_log import event_row


class ActiveRelease(msgspec.Struct, frozen=True):
    """The version of the estate in force.

    It has its place in the history, its content's address, and its content.
    """

    number: int
    id: str
    content: bytes
    activated_at: datetime
    note: str


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source's messages come in at one worker: open, or why not."""

    source: str
    address: str
    since: datetime
    code: str = ""
    """Of the fault that keeps it from opening; it is tried again by itself."""
    explanation: str = ""
    faults: dict[str, int] = {}
    """What went wrong on its connections since it opened: how often, by code."""
    unframed_bytes: int = 0
    """Bytes since then that stood outside of any MLLP frame."""


class Worker(msgspec.Struct, frozen=True):
    """A worker that said it was alive not long ago."""

    id: str
    role: str
    process_id: int
    started_at: datetime
    seen_at: datetime
    doors: tuple[Door, ...] = ()


async def append_release(database: Database, release_id: str, content: bytes, note: str) -> int:
    """Bring a release into force; return its number."""
    rows = await database.fetch("append_release", release_id, content, note)
    return int(rows[0]["number"])


async def active_release(database: Database) -> ActiveRelease | None:
    """Return the release in force, or None before the first."""
    row = await database.fetchrow("active_release")
    return None if row is None else ActiveRelease(**dict(row))


async def active_release_number(database: Database) -> int:
    """Return the number of the release in force, 0 before the first."""
    rows = await database.fetch("active_release_number")
    return int(rows[0]["number"])


async def waiting_streams(database: Database) -> list[str]:
    """Return the streams that have parked work."""
    return [row["stream"] for row in await database.fetch("waiting_streams")]


async def append_reconsidered(
    database: Database, events: Sequence[Event], partitions_count: int
) -> None:
    """Queue `Reconsidered` events; those already queued stay single."""
    rows = [event_row(event, partitions_count) for event in events]
    await database.execute("append_reconsidered", rows)


async def read_settings(database: Database, prefix: str) -> dict[str, str]:
    """Return the settings whose names begin so, by name."""
    rows = await database.fetch("read_settings", prefix)
    return {row["name"]: row["value"] for row in rows}


async def holds_messages(database: Database) -> bool:
    """Tell whether anything was ever stored that is sealed."""
    rows = await database.fetch("holds_messages")
    return bool(rows[0]["is_filled"])


async def fixed_setting(database: Database, name: str, value: str) -> str:
    """Set a setting if it has no value yet; return the value in force."""
    rows = await database.fetch("write_setting", name, value)
    return str(rows[0]["value"])


async def installation_code(database: Database, drawn: str) -> str:
    """Return the code in this installation's journal references; `drawn` if it has none yet.

    It is the database's, so a restored backup keeps it: a number used again then meets its first
    document and is refused, where another code would book the same entries twice
    (docs/adr/0007).
    """
    return await fixed_setting(database, "installation_code", drawn)


async def make_partitions(database: Database, partitions_count: int) -> int:
    """Make the log's partitions once; return how many this installation has, for ever."""
    fixed = int(await fixed_setting(database, "partitions_count", str(partitions_count)))
    await database.execute("make_partitions", fixed)
    return fixed


async def beat(
    database: Database, worker_id: str, role: str, process_id: int, doors: Sequence[Door] = ()
) -> None:
    """Say that a worker is alive, and how its doors are."""
    await database.execute("beat", worker_id, role, process_id, msgspec.json.encode(doors))


async def retire_worker(database: Database, worker_id: str) -> None:
    """Say that a worker has stopped in good order."""
    await database.execute("retire_worker", worker_id)


async def live_workers(database: Database, *, seconds: float) -> list[Worker]:
    """Return the workers seen in the last seconds."""
    rows = await database.fetch("live_workers", timedelta(seconds=seconds))
    return [
        Worker(**{**dict(row), "doors": msgspec.json.decode(row["doors"], type=tuple[Door, ...])})
        for row in rows
    ]
