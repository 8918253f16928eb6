"""`suture apply ESTATE`: checks an estate and brings it into force as a release.

Running workers notice by themselves, and the runner decides parked work again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from suture.app import (
    WORKER_SEEN_SECONDS,
    bring_into_force,
    existing_installation,
    read_estate,
    visited_store,
)
from suture.cli.ending import WELL
from suture.cli.screen import count, line, open_console, print_json
from suture.store.releases import active_release, live_workers, waiting_streams


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the fields are the keys of `suture apply --json`."""

    applied: bool
    """False when this very estate was in force already."""
    number: int
    release: str
    waiting_streams: int
    """Streams with parked work, which are decided again."""
    running: bool


def run(folder: Path, *, note: str, home: Path | None, as_json: bool) -> int:
    """Bring an estate into force and say what follows from it."""
    _, files = read_estate(folder)
    applied = asyncio.run(_apply(files, note, home))
    if as_json:
        print_json(applied)
    else:
        _print(applied)
    return WELL


async def _apply(files: dict[str, bytes], note: str, home: Path | None) -> Applied:
    async with visited_store(existing_installation(home)) as database:
        is_new = await bring_into_force(database, files, note)
        release = await active_release(database)
        assert release is not None  # one has just come into force
        return Applied(
            applied=is_new,
            number=release.number,
            release=release.id,
            waiting_streams=len(await waiting_streams(database)),
            running=bool(await live_workers(database, seconds=WORKER_SEEN_SECONDS)),
        )


def _print(applied: Applied) -> None:
    console = open_console()
    if not applied.applied:
        console.print(
            line(("Nothing changed: ", "bold"), f"release {applied.number} says the very same.")
        )
        return
    console.print(
        line(("In force: ", "bold green"), f"release {applied.number} ", (applied.release, "dim"))
    )
    if applied.waiting_streams:
        parked = count(applied.waiting_streams, "stream")
        console.print(f"{parked} with parked work will be decided again.")
    if not applied.running:
        console.print("No worker is alive: it takes effect when `suture serve` runs.")
