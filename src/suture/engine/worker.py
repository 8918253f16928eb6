"""A worker: one OS process with one role (intake, files, runner, delivery).

It lives from start to a drained SIGTERM. What all roles share is here: the database, the release in
force and its changes, the sign of life. What a role does is in its own module; `supervisor.py`
starts workers and starts them again when they die.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from suture.connectors.registry import CONNECTORS
from suture.engine.telemetry import log
from suture.governance.estate import Estate, load
from suture.governance.release import unpack
from suture.store.database import (
    WORK,
    Database,
    Deadlines,
    StoreUnavailableError,
    connect,
)
from suture.store.releases import (
    ActiveRelease,
    Door,
    active_release,
    active_release_number,
    beat,
    make_partitions,
    retire_worker,
)

Role = Literal["intake", "files", "runner", "delivery"]
ROLES: tuple[Role, ...] = ("intake", "files", "runner", "delivery")
BEAT_SECONDS = 1.0
RELEASE_POLL_SECONDS = 0.5
PARTITIONS_COUNT = 16
COLLECTION_THRESHOLDS = (50_000, 20, 50)
"""New objects between two searches for cycles, where Python's own default is 700."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is started with."""

    role: Role
    dsn: str
    home: Path
    """The installation's own folder: keys, embedded database, inboxes given as relative paths."""
    name: str
    """This worker's name, unique among those alive."""
    supervisor_pid: int = 0
    """The process that watches this worker, which ends with it; 0 when nobody does."""


class Duty(Protocol):
    """What one role does; made by `suture.app` for the worker."""

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        """Begin under a release."""
        ...

    async def change(self, estate: Estate, release: ActiveRelease) -> None:
        """Go on under another release."""
        ...

    def doors(self) -> Sequence[Door]:
        """Return how the doors are that it takes messages in by."""
        ...

    async def drain(self) -> None:
        """Finish what is under way and stop."""
        ...


class NoReleaseError(Exception):
    """No estate has been brought into force yet."""


async def load_estate(database: Database) -> tuple[Estate, ActiveRelease]:
    """Return the estate in force. Raises NoReleaseError before the first."""
    release = await active_release(database)
    if release is None:
        raise NoReleaseError("no estate is in force: run `suture serve ESTATE` first")
    estate = load(unpack(release.content), CONNECTORS)
    if not isinstance(estate, Estate):
        raise NoReleaseError(f"release {release.id} does not load: {estate[0].explanation}")
    return estate, release


async def run_worker(setting: Setting, duty: Duty, database: Database) -> None:
    """Run one worker until SIGTERM or SIGINT, then drain it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    estate, release = await load_estate(database)
    await duty.start(estate, release)
    _collect_seldom()
    log.info("worker_started", worker=setting.name, role=setting.role, release=release.id)
    helpers = [
        asyncio.create_task(_beat(database, setting, duty, stop), name="beat"),
        asyncio.create_task(_watch(database, duty, release.number, stop), name="release-watch"),
    ]
    for helper in helpers:
        helper.add_done_callback(lambda ended: _stop_when_failed(ended, stop))
    await stop.wait()
    log.info("worker_draining", worker=setting.name)
    await duty.drain()
    for helper in helpers:
        helper.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)
    try:
        await retire_worker(database, setting.name)
    except StoreUnavailableError:
        log.warning("worker_not_retired", worker=setting.name)
    await database.close()
    log.info("worker_stopped", worker=setting.name)


def _collect_seldom() -> None:
    """Look for cycles of dead objects as seldom as a worker needs it, and never among what stays.

    A message makes thousands of objects and no cycle: they go when they are let go of. Searching at
    Python's own pace took a sixth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


def _stop_when_failed(helper: asyncio.Task[None], stop: asyncio.Event) -> None:
    """End a worker that can no longer be seen or follow releases: it is started again."""
    if not helper.cancelled() and (error := helper.exception()) is not None:
        log.error("helper_failed", helper=helper.get_name(), error=type(error).__name__)
        stop.set()


async def open_store(
    dsn: str,
    *,
    connections_max: int = 8,
    partitions_count: int = PARTITIONS_COUNT,
    deadlines: Deadlines = WORK,
) -> tuple[Database, int]:
    """Connect and return the store with the number of partitions its log has.

    `partitions_count` where it has none yet: the first to open it fixes them.
    """
    database = await connect(dsn, connections_max=connections_max, deadlines=deadlines)
    return database, await make_partitions(database, partitions_count)


async def _beat(database: Database, setting: Setting, duty: Duty, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if setting.supervisor_pid and os.getppid() != setting.supervisor_pid:
            log.warning("supervisor_gone", worker=setting.name)
            stop.set()
            return
        try:
            await beat(database, setting.name, setting.role, os.getpid(), duty.doors())
        except StoreUnavailableError:
            log.warning("beat_missed", worker=setting.name)
        await asyncio.sleep(BEAT_SECONDS)


async def _watch(database: Database, duty: Duty, number: int, stop: asyncio.Event) -> None:
    """Notice a new release, and go on under it; one that this code cannot load changes nothing."""
    while not stop.is_set():
        await asyncio.sleep(RELEASE_POLL_SECONDS)
        latest = number
        try:
            latest = await active_release_number(database)
            if latest == number:
                continue
            estate, release = await load_estate(database)
            await duty.change(estate, release)
        except StoreUnavailableError:
            continue
        except NoReleaseError:
            number = latest
            log.error("release_not_loadable", number=latest)
            continue
        number = release.number
        log.info("release_changed", release=release.id, number=release.number)
