"""`suture apply ESTATE`: brings an estate into force as a release, and says what follows.

Running workers notice by themselves: doors move, the next message is read and the next batch booked
by the new release, and parked work is decided again. What waits for the next start is said.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from suture.app import (
    WORKER_SEEN_SECONDS,
    EstateRefusedError,
    bring_into_force,
    existing_installation,
    read_estate,
    visited_store,
)
from suture.cli import doors
from suture.cli.ending import WELL
from suture.cli.screen import count, line, open_console, plain, print_json
from suture.connectors.files.settings import FilesSettings
from suture.engine.worker import NoReleaseError, load_estate
from suture.governance.connections import Destination
from suture.governance.estate import Estate
from suture.model.fault import Fault, fault
from suture.store.database import Database
from suture.store.releases import (
    Door,
    Worker,
    active_release,
    live_workers,
    waiting_streams,
)

SETTLE_SECONDS_MAX = 5.0
SETTLE_POLL_SECONDS = 0.25
"""Workers look for a release twice a second, and say how their doors are once a second."""
LIVE_FIELDS = frozenset({"entities", "grants"})
"""What a release changes of a destination while it is open: which entries go there."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the fields are the keys of `suture apply --json`."""

    applied: bool
    """False when this very estate was in force already."""
    number: int
    release: str
    waiting_streams: int
    """Streams with parked work, which are decided again."""
    running: bool
    doors: list[str]
    """What changes of where messages come in, while the workers run."""
    not_open: list[str]
    """Sources among them whose door did not open: `suture status` says why."""
    at_next_start: list[str]
    """Destinations whose new settings take effect when `suture serve` is started again."""


def run(folder: Path, *, note: str, home: Path | None, as_json: bool) -> int:
    """Bring an estate into force and say what follows from it."""
    estate, files = read_estate(folder)
    applied = asyncio.run(_apply(estate, files, note, home))
    if as_json:
        print_json(applied)
    else:
        _print(applied)
    return WELL


async def _apply(estate: Estate, files: dict[str, bytes], note: str, home: Path | None) -> Applied:
    installation = existing_installation(home)
    if faults := tuple(_unusable_folders(estate, installation.home)):
        raise EstateRefusedError(faults)
    async with visited_store(installation) as database:
        before = await _in_force(database)
        workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
        is_new = await bring_into_force(database, files, note)
        release = await active_release(database)
        assert release is not None, "one has just come into force"
        moved = moved_doors(before, estate) if is_new else {}
        return Applied(
            applied=is_new,
            number=release.number,
            release=release.id,
            waiting_streams=len(await waiting_streams(database)),
            running=bool(workers),
            doors=[f"{name} {told}" for name, told in moved.items()],
            not_open=await _not_opened(database, estate, moved, workers) if workers else [],
            at_next_start=changed_destinations(before, estate) if is_new else [],
        )


async def _not_opened(
    database: Database, estate: Estate, moved: Iterable[str], before: Sequence[Worker]
) -> list[str]:
    """Wait a moment until the doors that move have moved; return those that did not open.

    `before` are the workers as they were: a door that they told of has not moved yet.
    """
    old = {_place(door) for each in before for door in each.doors}
    left = {name: estate.sources[name] for name in moved if name in estate.sources}
    for _ in range(int(SETTLE_SECONDS_MAX / SETTLE_POLL_SECONDS)):
        workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
        for name, source in list(left.items()):
            found = [each for each in doors.of(source, workers) if _place(each) not in old]
            if found and not any(each.code for each in found):
                del left[name]
        if not left:
            break
        await asyncio.sleep(SETTLE_POLL_SECONDS)
    return list(left)


def _place(door: Door) -> tuple[str, str, datetime]:
    """Return what tells a door from one that the same source had before."""
    return door.source, door.address, door.since


async def _in_force(database: Database) -> Estate | None:
    try:
        estate, _ = await load_estate(database)
    except NoReleaseError:
        return None
    return estate


def _unusable_folders(estate: Estate, home: Path) -> Iterator[Fault]:
    """Yield the folders of sources that could not be made or written; makes none of them."""
    for source in estate.sources.values():
        if not isinstance(source.settings, FilesSettings):
            continue
        folder = home / source.settings.folder
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        if not nearest.is_dir():
            why = f"{nearest} is no folder"
        elif not os.access(nearest, os.W_OK | os.X_OK):
            why = f"this user may not write in {nearest}"
        else:
            continue
        where = f"sources/{source.name}.toml"
        yield fault("files.folder.unusable", where, f"`files.folder` cannot be made: {why}.")


def moved_doors(before: Estate | None, after: Estate) -> dict[str, str]:
    """Return, by source and in words, what changes of where messages come in."""
    known = before.sources if before else {}
    moved = {}
    for name, source in after.sources.items():
        was = known.get(name)
        if was is None:
            moved[name] = f"opens at {doors.address(source)}"
        elif doors.address(was) != doors.address(source):
            moved[name] = f"moves to {doors.address(source)}"
        elif was.settings != source.settings:
            moved[name] = "opens again, by new settings"
    return moved | dict.fromkeys(sorted(known.keys() - after.sources.keys()), "closes")


def changed_destinations(before: Estate | None, after: Estate) -> list[str]:
    """Return the destinations whose new settings the delivery worker takes up at its next start."""
    known = before.destinations if before else {}
    return [
        name
        for name, each in after.destinations.items()
        if name in known and _settings(known[name]) != _settings(each)
    ]


def _settings(destination: Destination) -> dict[str, object]:
    told = msgspec.structs.asdict(destination)
    return {name: value for name, value in told.items() if name not in LIVE_FIELDS}


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
    if not applied.running:
        console.print("No worker is alive: it takes effect when `suture serve` runs.")
        return
    console.print("The next message is read and the next batch booked by it, within a second.")
    for each in applied.doors:
        console.print(line(("Door  ", "bold"), plain(each)))
    for name in applied.not_open:
        told = f"{plain(name)}: `suture status` says why."
        console.print(line(("Not open  ", "bold red"), told))
    if applied.waiting_streams:
        parked = count(applied.waiting_streams, "stream")
        console.print(f"{parked} with parked work will be decided again.")
    for name in applied.at_next_start:
        told = (
            f"{plain(name)}: its new settings (address, token, limits, policies) take effect when "
            "`suture serve` is started again; until then journals go as before."
        )
        console.print(line(("Not yet  ", "bold yellow"), told))
