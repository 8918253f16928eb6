"""A world to try Suture in: the sample estate on loopback ports, a sandbox ERP, and whoever sends.

Used by `suture demo`, `suture bench` and the crash tests. The ERP and the senders are processes of
their own that speak only sockets and files; Suture runs as `suture serve` would run it, with its
own workers, in a folder that is thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from suture.app import Installation, bring_into_force, open_installation, serve
from suture.cli.sandbox import erp_setup
from suture.config import Settings
from suture.connectors.egress import Limits
from suture.connectors.erp import ErpDestination
from suture.connectors.erp.journal_api.connector import JournalSettings, open_destination
from suture.connectors.registry import CONNECTORS
from suture.engine.proof import Proof, read_proof
from suture.engine.supervisor import Supervisor
from suture.engine.worker import ROLES, open_store
from suture.governance.estate import Estate, load
from suture.model.fault import Fault
from suture.store.controls import read_counts, read_delivery_counts
from suture.store.database import Database
from suture.store.embedded import EmbeddedPostgres
from suture.store.worklist import open_work_items

MARK = ".world"
DOORS = ("adt", "scheduling", "charges")
CONNECTIONS_PER_PEER_MAX = 64
"""All of a world's senders are one peer: more of its connections than a hospital's engine opens."""
QUIET_POLL_SECONDS = 0.1
QUIET_ROUNDS = 3
"""The world is quiet when nothing was under way this often in a row."""
TOKEN_VARIABLE = "SUTURE_ERP_TOKEN"  # noqa: S105 - the name of a variable


class WorldError(Exception):
    """The simulated world could not be set up, or did not come to rest in time."""


class WorldEndedError(Exception):
    """A signal ended the world; everything in it has been stopped."""

    def __init__(self, number: signal.Signals) -> None:
        """Take the signal."""
        super().__init__(f"Ended by {number.name}: everything that was started is stopped.")
        self.exit_code = 128 + number


class World:
    """A running Suture with its surroundings. Made by `open_world`."""

    def __init__(
        self,
        installation: Installation,
        files: dict[str, bytes],
        ports: Mapping[str, int],
        erp: asyncio.subprocess.Process,
        erp_url: str,
        token: str,
    ) -> None:
        """Take what `open_world` has prepared."""
        self.installation = installation
        self.files = files
        self.ports = dict(ports)
        self.erp = erp
        self.erp_url = erp_url
        self.inbox = installation.home / "inbox" / "remits"
        self._token = token
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._supervisor: Supervisor | None = None
        self._http: aiohttp.ClientSession | None = None
        self._database: Database | None = None
        self._ledger: ErpDestination | None = None
        self._players: list[asyncio.subprocess.Process] = []

    # Suture -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start Suture and wait until every door is open."""
        started: asyncio.Future[Supervisor] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(
            serve(
                self.installation,
                self.files,
                stop=self._stop,
                environment={TOKEN_VARIABLE: self._token},
                log_file=self.installation.home / "suture.log",
                started=started,
            )
        )
        waited: set[asyncio.Future[Any]] = {started, self._serving}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            self._serving.result()
        self._supervisor = started.result()
        self.inbox.mkdir(parents=True, exist_ok=True)
        for door in DOORS:
            await _answering(self.ports[door])

    async def stop(self) -> None:
        """Stop the senders, drain Suture, stop its database and the ERP."""
        await asyncio.gather(*(_ended(each) for each in self._players))
        if self._database is not None:
            await self._database.close()
        if self._ledger is not None:
            await self._ledger.close()
        if self._http is not None:
            await self._http.close()
        self._stop.set()
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        await _ended(self.erp)

    def kill(self, victim: str) -> bool:
        """Kill a worker by its role, or `postgres`, as `kill -9` would; False if it is gone."""
        if victim == "postgres":
            pid = self.installation.postgres().server_pid()
        else:
            assert self._supervisor is not None  # started
            pid = self._supervisor.process_id(victim)  # type: ignore[arg-type]
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def process_ids(self) -> dict[str, int]:
        """Return the processes that are alive: the workers by role, `postgres`, and the `erp`."""
        assert self._supervisor is not None  # started
        found: dict[str, int | None] = {role: self._supervisor.process_id(role) for role in ROLES}
        found |= {"postgres": self.installation.postgres().server_pid(), "erp": self.erp.pid}
        return {name: pid for name, pid in found.items() if pid is not None}

    async def database(self) -> Database:
        """Return a connection to the store, for looking."""
        if self._database is None:
            self._database, _ = await open_store(
                self.installation.postgres().dsn, connections_max=2
            )
        return self._database

    async def apply(self, files: Mapping[str, bytes], note: str) -> None:
        """Bring changed estate files into force."""
        estate = load(files, CONNECTORS)
        if not isinstance(estate, Estate):
            raise WorldError(f"the changed estate has faults: {estate[0].explanation}")
        self.files = dict(files)
        await bring_into_force(await self.database(), files, note)

    async def quiet(self, *, seconds_max: float = 120.0) -> None:
        """Wait until nothing is under way: no file, event, entry or journal waits.

        Raises WorldError when it takes too long.
        """
        rounds = 0
        async with asyncio.timeout(seconds_max):
            while rounds < QUIET_ROUNDS:
                rounds = 0 if await self._is_busy() else rounds + 1
                await asyncio.sleep(QUIET_POLL_SECONDS)

    async def _is_busy(self) -> bool:
        database = await self.database()
        counts = await read_counts(database)
        deliveries = await read_delivery_counts(database)
        return bool(
            counts.inbox_count
            or counts.unbatched_count
            or deliveries.queued
            or any(each.is_file() for each in self.inbox.glob("*.835"))
        )

    async def proof(self) -> Proof:
        """Read every control, the ERP's side included."""
        if self._ledger is None:
            host_port = self.erp_url.removeprefix("http://")
            opened = open_destination(
                JournalSettings(
                    url=self.erp_url,
                    allow=(host_port,),
                    is_plaintext_accepted=True,
                    limits=Limits(),
                ),
                lambda: self._token,
            )
            if isinstance(opened, Fault):
                raise WorldError(opened.explanation)
            self._ledger = opened
        return await read_proof(await self.database(), self._ledger)

    async def exceptions_open(self) -> int:
        """Return how many exceptions are open."""
        return len(await open_work_items(await self.database()))

    # The ERP ----------------------------------------------------------------------------------

    async def break_erp(self, *plans: Mapping[str, Any]) -> None:
        """Make the ERP misbehave by these plans; with none, behave."""
        await self._call("PUT", "/admin/faults", list(plans) or {"mode": "none"})

    async def erp_faults(self) -> list[tuple[dict[str, Any], int]]:
        """Return the ERP's plans in force, each with the number of requests it has struck."""
        report = await self._call("GET", "/admin/faults")
        return [(each["plan"], each["struck"]) for each in report["faults"]]

    async def erp_summary(self) -> dict[str, Any]:
        """Return the ERP's own figures."""
        summary: dict[str, Any] = await self._call("GET", "/v1/summary")
        return summary

    async def set_up_erp(self, estate: Estate) -> None:
        """Give the ERP the estate's entities, accounts and cost centres."""
        await self._call("PUT", "/v1/setup", erp_setup(estate))

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        if self._http is None:
            self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"})
        async with self._http.request(method, self.erp_url + path, json=body) as reply:
            if reply.status >= 400:
                raise WorldError(f"the sandbox ERP answered {reply.status} to {method} {path}")
            text = await reply.text()
            return json.loads(text) if text else None

    # The senders ------------------------------------------------------------------------------

    async def play(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        """Start the simulated health system as a process of its own, speaking to our doors."""
        doors = [part for door in DOORS for part in (f"--{door}", f"127.0.0.1:{self.ports[door]}")]
        with (self.installation.home / "senders.log").open("ab") as log:
            player = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "suture.simulator.health_system",
                *doors,
                "--remits",
                str(self.inbox),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._players.append(player)
        return player


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a process of the world, if it has not ended, and wait until it has."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    await process.wait()


@asynccontextmanager
async def open_world(home: Path, estate_files: Mapping[str, bytes]) -> AsyncIterator[World]:
    """Start an ERP and a Suture in a folder of their own, on free loopback ports.

    They are stopped at the end, also when a signal ends it: then WorldEndedError is raised.
    """
    signals = _Signals()
    try:
        async with _opened(home, estate_files) as world:
            yield world
    except asyncio.CancelledError:
        if signals.received is None:
            raise
        raise WorldEndedError(signals.received) from None
    finally:
        signals.forget()


class _Signals:
    """SIGTERM and SIGHUP cancel the task that opened the world, once: it then puts all away."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._task = asyncio.current_task()
        # What `nohup` ignores stays ignored.
        self._numbers = [
            number
            for number in (signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is not signal.SIG_IGN
        ]
        for number in self._numbers:
            asyncio.get_running_loop().add_signal_handler(number, self._receive, number)

    def _receive(self, number: signal.Signals) -> None:
        if self.received is None and self._task is not None:
            self.received = number
            self._task.cancel()

    def forget(self) -> None:
        for number in self._numbers:
            asyncio.get_running_loop().remove_signal_handler(number)


@asynccontextmanager
async def _opened(home: Path, estate_files: Mapping[str, bytes]) -> AsyncIterator[World]:
    await clear(home)
    token = secrets.token_hex(16)
    ports = dict(zip(DOORS, _free_ports(len(DOORS)), strict=True))
    erp, url = await _start_erp(home, token)
    try:
        files = _on_loopback(estate_files, ports, url)
        estate = load(files, CONNECTORS)
        if not isinstance(estate, Estate):
            raise WorldError(
                f"the sample estate has faults: {estate[0].where} {estate[0].explanation}"
            )
        # The world is closed: no setting of the surroundings may lead out of it.
        installation = Installation(open_installation(home, {}).home, Settings())
        world = World(installation, files, ports, erp, url, token)
        try:
            await world.set_up_erp(estate)
            await world.start()
            yield world
        finally:
            await world.stop()
    finally:
        await _ended(erp)


async def clear(home: Path) -> None:
    """Throw away what an earlier world left in a folder, its database included.

    Only a folder that carries a world's mark is thrown away. Raises WorldError for any other that
    holds something: it may be a real installation.
    """
    if await asyncio.to_thread(_is_foreign, home):
        raise WorldError(f"{home} holds something that is no demonstration: name an empty folder")
    if await asyncio.to_thread(home.exists):
        await EmbeddedPostgres(await asyncio.to_thread(home.absolute) / "postgres").erase()
        await asyncio.to_thread(shutil.rmtree, home)
    await asyncio.to_thread(_mark, home)


def _is_foreign(home: Path) -> bool:
    return home.exists() and any(home.iterdir()) and not (home / MARK).exists()


def _mark(home: Path) -> None:
    home.mkdir(parents=True)
    (home / MARK).write_text("A world to try Suture in. It is erased when the next one begins.\n")


async def _start_erp(home: Path, token: str) -> tuple[asyncio.subprocess.Process, str]:
    with (home / "erp.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "suture.simulator.erp",
            "--port",
            "0",
            "--state",
            str(home / "erp.sqlite"),
            *("--token", "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdin is not None  # a pipe, as the next one; it ends the ERP with us
    assert process.stdout is not None
    process.stdin.write(f"{token}\n".encode())
    line = await process.stdout.readline()
    if not line:
        raise WorldError(f"the sandbox ERP did not start: see {home / 'erp.log'}")
    return process, str(json.loads(line)["listening"])


def _on_loopback(
    files: Mapping[str, bytes], ports: Mapping[str, int], erp_url: str
) -> dict[str, bytes]:
    """Return the estate with the ports, the ERP's address and the short waits of a demo."""
    changed = dict(files)
    for door, port in ports.items():
        name = f"sources/{door}.toml"
        moved = re.sub(rb"(?m)^port = .*$", b"port = %d" % port, changed[name])
        limit = b"\n[mllp.limits]\nconnections_per_peer_max = %d\n" % CONNECTIONS_PER_PEER_MAX
        changed[name] = moved + limit
    name = "destinations/erp.toml"
    host_port = erp_url.removeprefix("http://").encode()
    erp = re.sub(rb"(?m)^url = .*$", b'url = "%s"' % erp_url.encode(), changed[name])
    erp = re.sub(rb"(?m)^allow = .*$", b'allow = ["%s"]' % host_port, erp)
    erp = re.sub(rb"(?m)^seconds_max = 60\nentries_max", b"seconds_max = 1\nentries_max", erp)
    erp = re.sub(rb"(?m)^seconds_max = 60$", b"seconds_max = 2", erp)
    changed[name] = erp + b"\n[journal_api.limits]\ntotal_seconds_max = 3\n"
    name = "sources/remits.toml"
    changed[name] = re.sub(rb"(?m)^stable_seconds = .*$", b"stable_seconds = 0.2", changed[name])
    return changed


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def _answering(port: int, *, seconds_max: float = 30.0) -> None:
    """Wait until somebody listens on a port."""
    async with asyncio.timeout(seconds_max):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
