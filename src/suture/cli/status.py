"""`suture status`: whether all is at work that the release in force needs, and what waits.

0 only when every role that the estate in force needs is filled by a living worker, every source's
door is open, and no destination waits for what only a person can give. How it looks is
`status_screen.py`. A stopped installation is looked into as well, and is stopped again.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from suture.app import (
    WORKER_SEEN_SECONDS,
    Installation,
    InstallationError,
    existing_installation,
    is_served,
    visited_store,
)
from suture.cli import doors
from suture.cli.ending import CLOSED, FOUND, WELL
from suture.cli.progress import waiting
from suture.cli.screen import how_to_give, print_json
from suture.connectors.files.folder import count_unmatched
from suture.connectors.files.settings import FilesSettings
from suture.engine.clock import instant, now_ms
from suture.engine.duties import sources_of
from suture.engine.worker import NoReleaseError, Role, load_estate
from suture.governance.connections import Destination, Source
from suture.governance.estate import Estate
from suture.governance.receivers import Receiver
from suture.model.fault import Fault, catalogue, fault
from suture.store.controls import Counts, DeliveryCounts, read_counts, read_delivery_counts
from suture.store.database import Database
from suture.store.queues import OpenAmount, Queues, read_open_amounts, read_queues
from suture.store.releases import ActiveRelease, Worker, active_release, live_workers
from suture.store.server import durability_faults, read_server
from suture.store.traffic import (
    DestinationTraffic,
    SourceTraffic,
    read_destination_traffic,
    read_source_traffic,
)
from suture.store.worklist import count_work_items

CREDENTIALS = frozenset({"erp.credentials.invalid", "erp.credentials.refused"})
"""Why a destination waits for ever, unless a person does something."""

Verdict = Literal["at work", "not whole", "left alone", "not at work", "stopped"]
"""Every role is filled; some are not; its supervisor is gone; none is; and the database is down."""


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One source: whether its door is open, and what came through it."""

    source: Source
    door: dict[str, object]
    traffic: SourceTraffic
    unmatched_count: int
    """Files in its folder that match no pattern of its: nobody ever takes them."""


class DestinationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One destination: what waits for it, and why."""

    destination: Destination | Receiver
    traffic: DestinationTraffic

    @property
    def needs_somebody(self) -> bool:
        """Whether what waits for it waits for a person."""
        return bool(self.traffic.queued_count) and self.traffic.code in CREDENTIALS

    @property
    def state(self) -> str:
        """`waiting` when the last attempt at what waits failed, else `sending` or `idle`."""
        if not self.traffic.queued_count:
            return "idle"
        return "waiting" if self.traffic.code else "sending"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at one moment."""

    at: datetime
    home: Path
    was_stopped: bool
    """The embedded server had to be started for this look."""
    is_supervised: bool
    workers: list[Worker]
    release: ActiveRelease | None
    needed: tuple[Role, ...]
    sources: list[SourceStatus]
    destinations: list[DestinationStatus]
    counts: Counts
    deliveries: DeliveryCounts
    queues: Queues
    open_amounts: list[OpenAmount]
    resolved_count: int
    warnings: tuple[Fault, ...]
    """What keeps "acknowledged" from meaning "durable" at the database server."""

    @property
    def missing(self) -> tuple[Role, ...]:
        """Roles that the release needs and no living worker fills."""
        alive = {each.role for each in self.workers}
        return tuple(role for role in self.needed if role not in alive)

    @property
    def verdict(self) -> Verdict:
        """How it is as a whole, in a word or two."""
        if not self.workers:
            return "stopped" if self.was_stopped else "not at work"
        if not self.is_supervised:
            return "left alone"
        return "not whole" if self.missing else "at work"

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything for what comes in to go out."""
        return (
            self.verdict == "at work"
            and self.release is not None
            and all(each.door["state"] == "open" for each in self.sources)
            and not any(each.needs_somebody for each in self.destinations)
        )


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
        print_json(told(status))
    else:
        from suture.cli.status_screen import show

        show(status)
    return WELL if status.is_well else FOUND


async def _read(home: Path | None) -> Status:
    installation = existing_installation(home)
    was_stopped = installation.is_embedded and not installation.postgres().is_running
    async with waiting("Looking"), visited_store(installation) as database:
        return await read_status(database, installation, was_stopped=was_stopped)


async def read_status(
    database: Database, installation: Installation, *, was_stopped: bool = False
) -> Status:
    """Read everything from the store, and what its folder says of an installation."""
    estate = None
    with contextlib.suppress(NoReleaseError):  # none yet, or one that this code cannot load
        estate, _ = await load_estate(database)
    workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
    return Status(
        at=instant(now_ms()),
        home=installation.home,
        was_stopped=was_stopped,
        is_supervised=is_served(installation),
        workers=workers,
        release=await active_release(database),
        needed=needed_roles(estate),
        sources=await _sources(database, installation, estate, workers),
        destinations=await _destinations(database, estate),
        counts=await read_counts(database),
        deliveries=await read_delivery_counts(database),
        queues=await read_queues(database),
        open_amounts=await read_open_amounts(database),
        resolved_count=(await count_work_items(database)).resolved_count,
        warnings=durability_faults(await read_server(database)),
    )


def needed_roles(estate: Estate | None) -> tuple[Role, ...]:
    """Return the roles without which something of an estate stands still."""
    if estate is None:
        return ()
    needed: dict[Role, bool] = {
        "intake": bool(sources_of(estate, "intake")),
        "files": bool(sources_of(estate, "files")),
        "runner": True,
        "delivery": bool(estate.destinations or estate.receivers),
    }
    return tuple(role for role, is_needed in needed.items() if is_needed)


async def _sources(
    database: Database, installation: Installation, estate: Estate | None, workers: list[Worker]
) -> list[SourceStatus]:
    sources = list(estate.sources.values()) if estate else []
    now = instant(now_ms())
    began = {
        source.name: now.astimezone(source.zone)
        .replace(hour=0, minute=0, second=0, microsecond=0)
        .astimezone(UTC)
        for source in sources
    }
    traffic = await read_source_traffic(database, began)
    return [
        SourceStatus(
            source=source,
            door=doors.state(source, workers),
            traffic=traffic[source.name],
            unmatched_count=_unmatched(source, installation.home),
        )
        for source in sources
    ]


def _unmatched(source: Source, home: Path) -> int:
    files = source.settings
    if not isinstance(files, FilesSettings):
        return 0
    try:
        return count_unmatched(home / files.folder, files.pattern, files.done_suffix)
    except OSError:  # it is on another machine, or its door says what is wrong with it
        return 0


async def _destinations(database: Database, estate: Estate | None) -> list[DestinationStatus]:
    traffic = await read_destination_traffic(database)
    every: list[Destination | Receiver] = []
    if estate is not None:
        every += estate.destinations.values()
        every += estate.receivers.values()
    return [
        DestinationStatus(
            destination=each, traffic=traffic.get(each.name, DestinationTraffic(each.name))
        )
        for each in every
    ]


def told(status: Status) -> dict[str, object]:
    """Return the status by the keys of `suture status --json`."""
    release = status.release
    return {
        "at": status.at,
        "home": str(status.home),
        "running": bool(status.workers),
        "verdict": status.verdict,
        "well": status.is_well,
        "missing": status.missing,
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
        "doors": [_told_door(each, status.home) for each in status.sources],
        "destinations": [_told_destination(each) for each in status.destinations],
        "warnings": status.warnings,
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


def _told_door(each: SourceStatus, home: Path) -> dict[str, object]:
    return {
        **doors.told(each.source, home),
        **each.door,
        "last_at": each.traffic.last_at,
        "today": each.traffic.today_count,
        "unmatched_files": each.unmatched_count,
    }


def _told_destination(each: DestinationStatus) -> dict[str, object]:
    traffic = each.traffic
    return {
        "destination": each.destination.name,
        "connector": each.destination.connector,
        "address": each.destination.settings.address,
        "state": each.state,
        "queued": traffic.queued_count,
        "refused": traffic.refused_count,
        "sent": traffic.sent_count,
        "sent_at": traffic.sent_at,
        "code": traffic.code,
        "explanation": why_waiting(each),
        "remedy": remedy_of(each),
    }


def why_waiting(each: DestinationStatus) -> str:
    """Return why the last attempt failed; what is wrong with a token names where it comes from."""
    explanation = each.traffic.explanation.rstrip(".")
    if each.traffic.code in CREDENTIALS:
        return f"{explanation} ({each.destination.token})"
    return explanation


def remedy_of(each: DestinationStatus) -> str:
    """Return what to do so that a destination no longer waits."""
    if each.traffic.code == "erp.credentials.invalid":
        return how_to_give(each.destination.token)
    known = catalogue().get(each.traffic.code)
    return known.remedy if known else ""
