"""The supervisor: the embedded database and the workers, started, watched, started again, stopped.

They stop in order. It holds no message and no state: killing it makes the workers drain and end
themselves, killing a worker costs a restart and no data.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from suture.engine.clock import elapsed_seconds
from suture.engine.telemetry import log
from suture.engine.worker import Role

SUPERVISOR_VARIABLE = "SUTURE_SUPERVISOR"
"""Tells a worker whose it is, so that no second set is started beside workers left over."""
SERVER_LOG = "postgres/data/server.log"
"""Where the embedded database says why it does not start, in the installation's folder."""
WATCH_SECONDS = 0.1
DRAIN_SECONDS_MAX = 30.0
RESTART_SECONDS_MIN = 0.1
RESTART_SECONDS_MAX = 5.0
STEADY_SECONDS = 10.0
"""A worker that lived this long is restarted at once; one that dies sooner waits longer each
time."""


class Crew(msgspec.Struct):
    """One worker's place: the process in it now, and how its restarts have gone."""

    role: Role
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    restart_seconds: float = RESTART_SECONDS_MIN
    restarts_count: int = 0


class Supervisor:
    """Keeps one process per role alive, and the embedded database if there is one."""

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        environment: Mapping[str, str],
        home: Path,
        ensure_database: Callable[[], Awaitable[None]] | None,
        log_file: Path | None = None,
    ) -> None:
        """Take the roles to keep filled, the workers' environment, what revives the database."""
        self.crews = [Crew(role) for role in roles]
        self._environment = dict(environment)
        self._home = home
        self._ensure_database = ensure_database
        self._log_file = log_file
        self._revive_at = 0.0
        self._revive_seconds = RESTART_SECONDS_MIN

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, watch it until told to stop, then drain the workers."""
        database = asyncio.create_task(self._keep_database(stop))
        try:
            while not stop.is_set():
                for crew in self.crews:
                    await self._fill(crew)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
        except BaseException:
            database.cancel()
            raise
        finally:
            await self._drain()
        await database  # whoever stops it next must not meet a start

    async def _keep_database(self, stop: asyncio.Event) -> None:
        """Revive the database whenever it has died; workers start meanwhile, and wait for it."""
        while not stop.is_set():
            await self._revive_database()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), WATCH_SECONDS)

    async def _revive_database(self) -> None:
        """See that the database runs; one that does not start is tried again.

        Its disk may be full for a while, or it may be killed again while it recovers. What it says
        of that stays in its own log: it may quote a value.
        """
        if self._ensure_database is None or elapsed_seconds() < self._revive_at:
            return
        try:
            await self._ensure_database()
        except Exception as error:  # noqa: BLE001 - whatever keeps it down, the workers wait for it
            self._revive_seconds = min(self._revive_seconds * 2, RESTART_SECONDS_MAX)
            self._revive_at = elapsed_seconds() + self._revive_seconds
            log.error("database_start_failed", error=type(error).__name__, log=SERVER_LOG)
        else:
            self._revive_seconds = RESTART_SECONDS_MIN

    def process_id(self, role: Role) -> int | None:
        """Return the process id of the worker in a role, if one is alive."""
        for crew in self.crews:
            if crew.role == role and crew.process and crew.process.returncode is None:
                return crew.process.pid
        return None

    async def _fill(self, crew: Crew) -> None:
        if crew.process is not None and crew.process.returncode is None:
            return
        now = elapsed_seconds()
        if crew.process is not None:
            lived = now - crew.started_at
            log.warning(
                "worker_died", role=crew.role, code=crew.process.returncode, seconds=round(lived, 1)
            )
            if lived >= STEADY_SECONDS:
                crew.restart_seconds = RESTART_SECONDS_MIN / 2
            _wait_longer(crew)
            crew.restarts_count += 1
            crew.process = None
        if now >= crew.restart_at:
            try:
                crew.process = await self._spawn(crew)
            except OSError as error:  # no memory or no process to be had: the others go on
                _wait_longer(crew)
                log.error("worker_not_started", role=crew.role, error=type(error).__name__)
                return
            crew.started_at = elapsed_seconds()

    async def _spawn(self, crew: Crew) -> asyncio.subprocess.Process:
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self._log_file.open("ab")) if self._log_file else None
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "suture",
                "worker",
                crew.role,
                "--home",
                str(self._home),
                env={**os.environ, **self._environment, SUPERVISOR_VARIABLE: str(os.getpid())},
                stdin=asyncio.subprocess.DEVNULL,
                stderr=output,
                stdout=output,
                start_new_session=True,
            )

    async def _drain(self) -> None:
        """Ask the workers to finish in the order work flows, then end those that are late.

        All of them together have `DRAIN_SECONDS_MAX`.
        """
        deadline = elapsed_seconds() + DRAIN_SECONDS_MAX
        for crew in self.crews:
            process = crew.process
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), max(0.5, deadline - elapsed_seconds()))
            except TimeoutError:
                log.error("worker_drain_overdue", role=crew.role)
                process.kill()
                await process.wait()


def _wait_longer(crew: Crew) -> None:
    crew.restart_seconds = min(crew.restart_seconds * 2, RESTART_SECONDS_MAX)
    crew.restart_at = elapsed_seconds() + crew.restart_seconds
