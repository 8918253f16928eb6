"""`suture serve`: runs an estate, and says where it listens. `suture worker`: one process of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from rich.console import Console

from suture.app import (
    WORKER_SEEN_SECONDS,
    Installation,
    open_installation,
    read_estate,
    secret_of,
    serve,
    visited_store,
    work,
)
from suture.cli import doors
from suture.cli.ending import WELL, UsageError
from suture.cli.screen import how_to_give, line, open_console, plain, plain_table
from suture.engine import telemetry
from suture.engine.supervisor import Supervisor
from suture.engine.worker import ROLES, Role, load_estate
from suture.governance.estate import Estate
from suture.store.database import Database
from suture.store.releases import ActiveRelease, live_workers

ALIVE_SECONDS_MAX = 30.0
ALIVE_POLL_SECONDS = 0.2


def run(estate: Path | None, *, home: Path | None, roles: list[str], log_file: Path | None) -> int:
    """Run an installation until it is told to stop."""
    import uvloop

    filled = _roles(roles)
    files = read_estate(estate)[1] if estate else None
    installation = open_installation(home)
    first = None
    if files is None and installation.settings.estate_folder:
        first = read_estate(Path(installation.settings.estate_folder))[1]
    telemetry.configure()
    uvloop.run(_serve(installation, files, first, filled, log_file))
    return WELL


def run_worker(role: str, *, home: Path | None) -> int:
    """Be one worker until told to stop."""
    import uvloop

    (filled,) = _roles([role])
    uvloop.run(work(filled, open_installation(home)))
    return WELL


def _roles(names: list[str]) -> tuple[Role, ...]:
    unknown = [name for name in names if name not in get_args(Role)]
    if unknown:
        raise UsageError(f"there is no role {unknown[0]}: {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in names) or ROLES


async def _serve(
    installation: Installation,
    files: dict[str, bytes] | None,
    first: dict[str, bytes] | None,
    roles: tuple[Role, ...],
    log_file: Path | None,
) -> None:
    console = open_console()
    console.print(line(("Suture", "bold"), f" starts in {installation.home} ..."))
    started: asyncio.Future[Supervisor] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            installation,
            files,
            first_files=first,
            roles=roles,
            log_file=log_file,
            started=started,
        )
    )
    waited: set[asyncio.Future[object]] = {started, serving}  # type: ignore[arg-type]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    greeting = asyncio.create_task(_greet(console, installation, started, roles))
    try:
        await serving
    finally:
        greeting.cancel()
        await asyncio.gather(greeting, return_exceptions=True)
    console.print("Suture has stopped: every worker has finished what it was doing.")


async def _greet(
    console: Console,
    installation: Installation,
    started: asyncio.Future[Supervisor],
    roles: tuple[Role, ...],
) -> None:
    """Say what is in force and where it listens, then that the workers are alive."""
    supervisor = await started
    async with visited_store(installation) as database:
        estate, release = await load_estate(database)
        _print_banner(console, installation, estate, release)
        if await _are_alive(database, supervisor, roles):
            told = f": {', '.join(roles)}. Stop with Control-C."
            console.print(line(("At work", "bold green"), told))
        else:
            told = ": some workers; see their log, and `suture status`."
            console.print(line(("Not at work yet", "bold yellow"), told))
        workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
        doors.print_waiting(console, estate.sources.values(), workers, datetime.now(UTC))


async def _are_alive(database: Database, supervisor: Supervisor, roles: tuple[Role, ...]) -> bool:
    """Wait until the worker of every role has given a sign of life."""
    for _ in range(int(ALIVE_SECONDS_MAX / ALIVE_POLL_SECONDS)):
        seen = {each.process_id for each in await live_workers(database, seconds=ALIVE_SECONDS_MAX)}
        if all(supervisor.process_id(role) in seen for role in roles):
            return True
        await asyncio.sleep(ALIVE_POLL_SECONDS)
    return False


def _print_banner(
    console: Console, installation: Installation, estate: Estate, release: ActiveRelease
) -> None:
    console.print(
        line(
            ("In force: ", "dim"),
            (estate.name, "bold"),
            f", release {release.number} of {release.activated_at:%Y-%m-%d %H:%M} UTC ",
            (release.id, "dim"),
        )
    )
    table = plain_table("", "name", "what", "where", is_headed=False)
    for source in estate.sources.values():
        where = doors.address(source, installation.home)
        table.add_row("from", source.name, doors.policy(source), where)
    for destination in estate.destinations.values():
        table.add_row(
            "to", destination.name, destination.connector, plain(destination.settings.address)
        )
    console.print(table)
    for destination in estate.destinations.values():
        if not secret_of(destination.token):
            told = (
                f"{destination.token} is empty: journals wait. {how_to_give(destination.token)} "
                f"The ERP says what it must be; `suture sandbox` takes any."
            )
            console.print(line((f"{destination.name} cannot send  ", "bold red"), told))
    database = "embedded PostgreSQL" if installation.is_embedded else "the server of DATABASE_URL"
    console.print(line(("Kept in: ", "dim"), database))
