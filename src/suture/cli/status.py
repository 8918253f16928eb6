"""`suture status`: what is alive, what is in force, what waits and for how long. Starts nothing."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from suture.app import (
    WORKER_SEEN_SECONDS,
    InstallationError,
    existing_installation,
    visited_store,
)
from suture.cli import doors
from suture.cli.ending import CLOSED, WELL
from suture.cli.screen import (
    age,
    count,
    line,
    open_console,
    plain,
    plain_table,
    print_json,
    told_at_stake,
)
from suture.engine.worker import NoReleaseError, load_estate
from suture.governance.connections import Source
from suture.model.fault import fault
from suture.store.controls import Counts, DeliveryCounts, read_counts, read_delivery_counts
from suture.store.database import Database
from suture.store.queues import OpenAmount, Queue, Queues, read_open_amounts, read_queues
from suture.store.releases import ActiveRelease, Worker, active_release, live_workers
from suture.store.worklist import count_work_items


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at one moment."""

    at: datetime
    home: str
    workers: list[Worker]
    release: ActiveRelease | None
    sources: list[Source]
    counts: Counts
    deliveries: DeliveryCounts
    queues: Queues
    open_amounts: list[OpenAmount]
    resolved_count: int


def run(*, home: Path | None, as_json: bool) -> int:
    """Print what is alive and what waits."""
    try:
        status = asyncio.run(_read(home))
    except InstallationError as error:
        if not as_json:
            raise
        refusal = fault("installation.closed", "", str(error))
        print_json({"running": False, "reason": str(error), "fault": refusal})
        return CLOSED
    if as_json:
        print_json(_told(status))
    else:
        _print(status)
    return WELL


async def _read(home: Path | None) -> Status:
    installation = existing_installation(home)
    async with visited_store(installation, may_start=False) as database:
        return await _status(database, str(installation.home))


async def _status(database: Database, home: str) -> Status:
    estate = None
    with contextlib.suppress(NoReleaseError):  # none yet, or one this code cannot load
        estate, _ = await load_estate(database)
    return Status(
        at=datetime.now(UTC),
        home=home,
        workers=await live_workers(database, seconds=WORKER_SEEN_SECONDS),
        release=await active_release(database),
        sources=list(estate.sources.values()) if estate else [],
        counts=await read_counts(database),
        deliveries=await read_delivery_counts(database),
        queues=await read_queues(database),
        open_amounts=await read_open_amounts(database),
        resolved_count=(await count_work_items(database)).resolved_count,
    )


def _told(status: Status) -> dict[str, object]:
    release = status.release
    return {
        "at": status.at,
        "home": status.home,
        "running": bool(status.workers),
        "workers": [
            {
                "role": each.role,
                "process_id": each.process_id,
                "up_seconds": round((status.at - each.started_at).total_seconds(), 1),
                "seen_seconds": round((status.at - each.seen_at).total_seconds(), 1),
            }
            for each in status.workers
        ],
        "release": None
        if release is None
        else {
            "number": release.number,
            "id": release.id,
            "activated_at": release.activated_at,
            "note": release.note,
        },
        "doors": [
            doors.told(each, Path(status.home)) | doors.state(each, status.workers)
            for each in status.sources
        ],
        "counts": status.counts,
        "deliveries": status.deliveries,
        "queues": status.queues,
        "lag_seconds": round(status.queues.inbox.oldest_seconds, 1),
        "exceptions": {
            "open": sum(each.items_count for each in status.open_amounts),
            "resolved": status.resolved_count,
            "at_stake": status.open_amounts,
        },
    }


def _print(status: Status) -> None:
    console = open_console()
    if status.workers:
        alive = ", ".join(
            f"{each.role} {age((status.at - each.started_at).total_seconds())}"
            for each in status.workers
        )
        console.print(line(("At work  ", "bold green"), alive))
    else:
        console.print(
            line(
                ("Idle  ", "bold yellow"),
                "no worker is alive; messages wait at their senders. Start with ",
                (f"suture serve --home {status.home}", "bold"),
            )
        )
    release = status.release
    in_force = (
        f"release {release.number} ({release.id}) since {release.activated_at:%Y-%m-%d %H:%M} UTC"
        f"{'  ' + plain(release.note) if release.note else ''}"
        if release
        else "no estate yet: suture serve ESTATE"
    )
    console.print(line(("In force ", "bold"), in_force))
    _print_doors(status)
    counts = status.counts
    console.print(
        line(
            ("So far   ", "bold"),
            f"{count(counts.messages_count, 'message')} "
            f"({counts.repeats_count:,} came again, {counts.held_count:,} held, "
            f"{counts.rejected_count:,} rejected), {count(counts.events_count, 'event')}, "
            f"{count(counts.entries_count, 'entry', 'entries')}, "
            f"{count(status.deliveries.sent, 'journal')} in the ERP",
        )
    )
    table = plain_table("what waits", "how many", "oldest", right=["how many", "oldest"])
    queues = status.queues
    for name, queue in (
        ("events for a runner", queues.inbox),
        ("entries for a journal", queues.unbatched),
        ("journals for the ERP", queues.deliveries),
    ):
        table.add_row(name, f"{queue.items_count:,}", _oldest(queue))
    console.print(table)
    _print_people(status)


def _print_doors(status: Status) -> None:
    """Print each source with where it listens; for one that does not, why and what to do."""
    console = open_console()
    table = plain_table("doors", "where", "what")
    for source in status.sources:
        where = doors.address(source, Path(status.home))
        table.add_row(source.name, plain(where), doors.policy(source))
    console.print(table)
    doors.print_waiting(console, status.sources, status.workers, status.at)


def _print_people(status: Status) -> None:
    """Print what waits for people: refused journals and open exceptions."""
    console = open_console()
    if status.deliveries.error:
        refused = count(status.deliveries.error, "journal")
        console.print(
            line(("Refused  ", "bold red"), f"{refused} by the ERP: see suture exceptions")
        )
    for each in status.open_amounts:
        since = age((status.at - each.oldest_at).total_seconds())
        console.print(
            line(
                ("Waits for a person  ", "bold yellow"),
                f"{count(each.items_count, 'exception')}, {told_at_stake(each)}, "
                f"the oldest {since}: see suture exceptions",
            )
        )
    if not status.open_amounts:
        console.print(line(("No exception is open.", "green")))


def _oldest(queue: Queue) -> str:
    return age(queue.oldest_seconds) if queue.items_count else "-"
