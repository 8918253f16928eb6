"""The embedded PostgreSQL: our own small supervisor around PostgreSQL's own binaries.

One server for one directory. It outlives us: the next start adopts it, and a crash is recovered by
starting it again. One socket and no TCP, peer authentication for exactly one user of the operating
system, checksums and durable commits on. Which user it runs as and where its files may be is in
`embedded_place.py`; the tables in it are made by `migrate.py`.

    <directory>/start.lock      one starter at a time
    <directory>/data            the data, or for root a link to where the server's user can reach it
    <directory>/data/server.log what the server says; no statement, no parameter, no row
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import asyncpg

from suture.store import embedded_place as place
from suture.store.embedded_place import Account, EmbeddedPostgresError

ROLE = "suture"
DATABASE = "suture"
PORT = 5432
"""Part of the socket's name only."""
SOCKET = f".s.PGSQL.{PORT}"
VERSION_MIN = 16
BUILTIN_LOCALE_SINCE = 17

START_SECONDS_MAX = 300
"""A server that crashed first repeats its log, which `max_wal_size` bounds."""
STOP_SECONDS_MAX = 60
PROGRAM_SECONDS_MAX = START_SECONDS_MAX + STOP_SECONDS_MAX
"""Beyond what pg_ctl itself waits, it hangs."""
LOCK_SECONDS_MAX = START_SECONDS_MAX
SETTLE_SECONDS_MAX = 10.0
"""How long the children of a killed server may take to notice and go."""
POLL_SECONDS = 0.05
LOG_BYTES_MAX = 16 * 1024 * 1024
LOG_TAIL_BYTES = 2_000
POSTMASTER_FILE_BYTES_MAX = 2_000

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # Durable, always (an acknowledged message survives).
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_compression": "on",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        # Two cores shared with the workers; short statements, many commits.
        "max_connections": "64",
        "shared_buffers": "192MB",
        "effective_cache_size": "1GB",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "max_parallel_workers_per_gather": "0",
        "random_page_cost": "1.1",
        "jit": "off",
        # Queue tables die of old snapshots and late vacuum (`store/outbox.py`, `store/state.py`).
        "idle_in_transaction_session_timeout": "60s",
        "autovacuum_naptime": "10s",
        "autovacuum_max_workers": "2",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.1",
        "autovacuum_vacuum_cost_limit": "1000",
        # What a row or a statement holds must not be in a log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_line_prefix": "%m [%p] ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "lc_messages": "C",
        "cluster_name": "suture",
    }
)
"""What may be overridden by an argument; what follows may not."""

_SETTINGS_OURS = frozenset(
    {
        "config_file",
        "data_directory",
        "hba_file",
        "ident_file",
        "include",
        "include_dir",
        "include_if_exists",
        "listen_addresses",
        "port",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
    }
)


class EmbeddedPostgres:
    """One server on one directory; making the object touches nothing."""

    def __init__(
        self,
        directory: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take the installation's directory and what should differ from the defaults.

        `binaries` is the bin directory of another PostgreSQL; `settings` are lines of
        postgresql.conf; `environment` is what the server's processes see beside the locale: nothing
        of ours otherwise. Raises ValueError for a setting that decides who can connect.
        """
        if refused := sorted(_SETTINGS_OURS & {name.lower() for name in settings}):
            raise ValueError(
                f"the embedded server keeps these settings itself: {', '.join(refused)}"
            )
        self.directory = directory.absolute()
        self._binaries = binaries
        self._settings = {**SETTINGS, **settings}
        self._environment = dict(environment)

    @property
    def data_directory(self) -> Path:
        """Where the data is: below the directory, or where its link `data` leads."""
        return place.data_directory(self.directory)

    @property
    def socket_directory(self) -> Path:
        """Where the server's socket is: a short, private directory of the server's user."""
        data = self.data_directory
        return place.socket_directory(data, place.server_account(data))

    @property
    def is_running(self) -> bool:
        """Whether our server is up and takes connections, as it wrote down itself."""
        return self.server_pid() is not None and self._postmaster_lines()[7:8] == ["ready"]

    def server_pid(self) -> int | None:
        """Return the process id of our running server; None when it does not run."""
        lines = self._postmaster_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and _is_server(pid, self.data_directory) else None

    async def start(self) -> str:
        """Start the server, or adopt the one that runs; return the address to connect to.

        Makes the data at the first start and recovers them after a crash. May be called at any time
        and by several processes at once; costs little when the server is up. Raises
        EmbeddedPostgresError.
        """
        if self.is_running and (self.socket_directory / SOCKET).exists():
            return self.dsn
        # In a thread: the programs block, and no event loop but asyncio's own can run them as
        # another user.
        await asyncio.to_thread(self._start)
        await self._ensure_database()
        return self.dsn

    async def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends sessions, `smart` waits for them, `immediate` is a crash.

        Does nothing when it does not run. Raises EmbeddedPostgresError.
        """
        if mode not in {"fast", "smart", "immediate"}:
            raise ValueError(f"a server stops smart, fast or immediate, not {mode}")
        await asyncio.to_thread(self._stop, mode)

    async def erase(self) -> None:
        """Stop the server and delete its data, wherever they had to be put.

        This is for what is thrown away.
        """
        await self.stop("immediate")
        for folder in (self.data_directory, self.socket_directory):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @property
    def dsn(self) -> str:
        """The address to connect to while it runs.

        It leaves nothing to be filled in from PGPORT and its like in somebody's environment.
        """
        address = f"postgresql://{ROLE}@/{DATABASE}?host={self.socket_directory}"
        return f"{address}&port={PORT}&sslmode=disable&target_session_attrs=any"

    def _postmaster_lines(self) -> list[str]:
        """Return postmaster.pid: process id, data directory, time, port, socket ..., status."""
        content = place.read_tail(self.data_directory / "postmaster.pid", POSTMASTER_FILE_BYTES_MAX)
        return [line.strip() for line in content.decode("utf-8", "replace").splitlines()]

    def _start(self) -> None:
        """Do the blocking part of `start`."""
        place.ready_directory(self.directory)
        with self._alone():
            account = place.server_account(self.data_directory)
            place.place_data(self.directory, account)
            place.refuse_path(self.data_directory)
            binaries = self._ready_binaries(account)
            version = place.version_major(binaries, account)
            if not self.data_directory.exists():
                self._initialise(binaries, account, version)
            self._refuse_another_version(version)
            sockets = place.socket_directory(self.data_directory, account)
            if self.server_pid() is not None and not (sockets / SOCKET).exists():
                self._control(binaries, account, "stop", "-m", "fast", "-t", str(STOP_SECONDS_MAX))
            place.ready_socket_directory(sockets, account)
            changed = self._configure(account, sockets)
            if self.server_pid() is None:
                self._launch(binaries, account, sockets)
            elif changed:
                self._control(binaries, account, "reload")

    def _stop(self, mode: str) -> None:
        if self.server_pid() is None:
            return
        with self._alone():
            if self.server_pid() is not None:
                account = place.server_account(self.data_directory)
                seconds = str(STOP_SECONDS_MAX)
                binaries = self._ready_binaries(account)
                self._control(binaries, account, "stop", "-m", mode, "-t", seconds)

    def _ready_binaries(self, account: Account) -> Path:
        binaries = self._binaries.resolve() if self._binaries else place.wheel_binaries()
        return place.ready_binaries(binaries, account)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other starters of this directory out, those of other processes too."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.directory / "start.lock", flags, 0o600)
        try:
            deadline = time.monotonic() + LOCK_SECONDS_MAX
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise self._failure("another start of it is still under way") from None
                    time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def _initialise(self, binaries: Path, account: Account, version: int) -> None:
        """Make the data beside their place and move them there when they are whole."""
        data = self.data_directory
        fresh = data.with_name(f"{data.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        os.chown(fresh, account.uid, account.gid, follow_symlinks=False)
        command = [str(binaries / "initdb"), "-D", str(fresh), f"--username={ROLE}"]
        command += [
            "--auth-local=peer",
            "--auth-host=reject",
            "--data-checksums",
            "--encoding=UTF8",
        ]
        if version >= BUILTIN_LOCALE_SINCE:
            command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            command += ["--locale=C.UTF-8"]
        if self._settings["fsync"] == "off":
            command += ["--no-sync"]
        try:
            place.run(command, account, PROGRAM_SECONDS_MAX, self._environment)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failure("its data could not be made", error) from error
        fresh.rename(data)
        place.sync_directory(data.parent)

    def _refuse_another_version(self, version: int) -> None:
        made_by = place.read_tail(self.data_directory / "PG_VERSION", 16).decode("ascii", "replace")
        if made_by.strip() == str(version) and version >= VERSION_MIN:
            return
        if version < VERSION_MIN:
            why = f"the binaries are PostgreSQL {version}, and Suture needs {VERSION_MIN} or newer"
            next_step = "Set SUTURE_POSTGRES_BIN to newer binaries."
        else:
            maker = made_by.strip() or "(unknown)"
            why = f"PostgreSQL {maker} made it, and the binaries are {version}"
            next_step = (
                "Set SUTURE_POSTGRES_BIN to binaries of that version, dump the database with "
                "pg_dump, and restore the dump into a new directory."
            )
        raise EmbeddedPostgresError(f"{self.data_directory} cannot be opened", why, next_step)

    def _configure(self, account: Account, sockets: Path) -> bool:
        """Write the settings and who may connect: one user, proven by the kernel."""
        client = place.own_account().name
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700",
            "port": "5432",
        }
        lines = [
            f"{name} = {_quoted(value)}\n" for name, value in {**self._settings, **fixed}.items()
        ]
        files = {
            "postgresql.conf": "".join(lines),
            "pg_hba.conf": "local all all peer map=suture\n",
            "pg_ident.conf": f'suture "{client}" {ROLE}\n',
        }
        changes = [
            place.replace_file(self.data_directory / name, text, account)
            for name, text in files.items()
        ]
        return any(changes)

    def _launch(self, binaries: Path, account: Account, sockets: Path) -> None:
        """Start the server; after a crash, wait for the last children of the old one to go."""
        log = self.data_directory / "server.log"
        with contextlib.suppress(FileNotFoundError):
            if log.lstat().st_size > LOG_BYTES_MAX:
                log.replace(log.with_suffix(".log.1"))
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            self._disown_stale_pid(account)
            with contextlib.suppress(FileNotFoundError):
                (sockets / f"{SOCKET}.lock").unlink()
            try:
                self._control(
                    binaries, account, "start", "-l", str(log), "-t", str(START_SECONDS_MAX)
                )
            except EmbeddedPostgresError as error:
                if "pre-existing shared memory" not in error.why or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return

    def _disown_stale_pid(self, account: Account) -> None:
        """Put our own process id in the place of a dead server's.

        Another process may have got that id, or nobody may have reaped the dead server: PostgreSQL
        would take either for the living server and not start. The id of whoever called pg_ctl it
        passes over. The file itself must stay: by it PostgreSQL finds children of the dead server
        that still live and could still write.
        """
        lines = self._postmaster_lines()
        if lines and lines[0].isdigit() and self.server_pid() is None:
            text = "\n".join([str(os.getpid()), *lines[1:], ""])
            place.replace_file(self.data_directory / "postmaster.pid", text, account)

    def _control(self, binaries: Path, account: Account, *arguments: str) -> None:
        """Run pg_ctl as the server's user. Raises EmbeddedPostgresError with what was logged."""
        command = [str(binaries / "pg_ctl"), "-D", str(self.data_directory), "-s", *arguments]
        if arguments[0] != "reload":
            command.append("-w")
        try:
            place.run(command, account, PROGRAM_SECONDS_MAX, self._environment)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._failure(f"`pg_ctl {arguments[0]}` failed", error) from error

    def _failure(self, why: str, error: Exception | None = None) -> EmbeddedPostgresError:
        """Return the error to raise, with what the programs and the server's log said last."""
        said = str(error) if isinstance(error, OSError) else ""
        if isinstance(error, subprocess.CalledProcessError):
            said = f"{error.stdout}{error.stderr}".strip()[-LOG_TAIL_BYTES:]
        log = place.read_tail(self.data_directory / "server.log", LOG_TAIL_BYTES)
        told = "\n".join(filter(None, [said, log.decode("utf-8", "replace").strip()]))
        return EmbeddedPostgresError(
            f"The embedded PostgreSQL in {self.directory} is not available",
            f"{why}\n{told}\n" if told else why,
            "Above is the end of its log. DATABASE_URL would name another server to use.",
        )

    async def _ensure_database(self) -> None:
        """Connect once: see that it is our server that answers; make our database if need be."""
        try:
            connection = await asyncpg.connect(self.dsn, database="postgres", timeout=30)
            try:
                found = await connection.fetchval("select current_setting('data_directory')")
                exists = await connection.fetchval(
                    "select true from pg_database where datname = $1", DATABASE
                )
                if not exists:
                    await connection.execute(f"create database {DATABASE}")
            finally:
                await connection.close()
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return  # Another starter made it at this moment.
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise self._failure(f"it runs but refuses us: {type(error).__name__}") from error
        if Path(found) != self.data_directory:
            raise self._failure(f"the server that answers is one of {found}")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_server(pid: int, data: Path) -> bool:
    """Whether this process is a PostgreSQL server of these data: process ids are used again."""
    try:
        if Path("/proc/self/cmdline").exists():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return words[0].endswith(b"postgres") and os.fsencode(data) in words
        os.kill(pid, 0)
    except OSError:
        return False
    return True
