"""The composition root: settings become an installation, an installation becomes workers.

An installation lives in one folder (`home`): its keys, its inboxes, and its embedded database
unless `DATABASE_URL` names a server. No rule and no SQL is here; commands are `cli/`, what a worker
does is `engine/duties.py`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from suture.config import Settings, load_settings, read_folder, read_secret
from suture.connectors.erp import ErpDestination
from suture.connectors.registry import CONNECTORS
from suture.engine import telemetry
from suture.engine.duties import (
    DeliveryDuty,
    FilesDuty,
    IntakeDuty,
    Keeping,
    RunnerDuty,
    open_journals,
)
from suture.engine.shared_keys import shared_key_ring
from suture.engine.supervisor import SUPERVISOR_VARIABLE, Supervisor
from suture.engine.worker import (
    ROLES,
    Duty,
    NoReleaseError,
    Role,
    Setting,
    open_store,
    run_worker,
)
from suture.governance.connections import Destination
from suture.governance.estate import Estate, load
from suture.governance.release import pack, release_id
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.security.keys import KEYS_FOLDER, KeyFileError, KeyRing
from suture.store.address import check_address, refused, unusable
from suture.store.database import DRIVER_ERRORS, REPORTS, Database
from suture.store.embedded import EmbeddedPostgres
from suture.store.migrate import migrate
from suture.store.releases import active_release, append_release, live_workers
from suture.store.server import ask_server, durability_faults, read_server, version_fault

SETTINGS_FILE = "suture.toml"
DSN_VARIABLE = "DATABASE_URL"
WORKER_SEEN_SECONDS = 5.0
"""A worker that was seen so recently is alive: it beats every second."""


class InstallationError(Exception):
    """The installation cannot be opened; the message says why and what to do."""


class EstateRefusedError(Exception):
    """An estate has faults; they are in `faults`, by file and line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Take the faults."""
        super().__init__(f"the estate has {len(faults)} faults")
        self.faults = faults


class Installation(msgspec.Struct, frozen=True):
    """One installation: its folder and its settings."""

    home: Path
    settings: Settings

    @property
    def is_embedded(self) -> bool:
        """Whether it brings its own database."""
        return not self.settings.database.url

    async def key_ring(self, database: Database) -> KeyRing:
        """Return its keys, made at the first start, once they are known to be the database's.

        Raises KeyFileError.
        """
        return await shared_key_ring(database, self.home / KEYS_FOLDER)

    async def existing_key_ring(self, database: Database) -> KeyRing:
        """Return the same where they are, and make none. Raises KeyFileError."""
        return await shared_key_ring(database, self.home / KEYS_FOLDER, may_make=False)

    def postgres(self) -> EmbeddedPostgres:
        """Return the supervisor of its embedded database."""
        folder = self.settings.database.binaries_folder
        return EmbeddedPostgres(self.home / "postgres", binaries=Path(folder) if folder else None)

    async def start_database(self) -> str:
        """Start the embedded database, if there is one; return where the migrated database is.

        Raises DatabaseRefusedError, EmbeddedPostgresError and MigrationError.
        """
        dsn = await self.postgres().start() if self.is_embedded else self.settings.database.url
        check_address(dsn)
        try:
            if not self.is_embedded:
                unsupported = version_fault(await ask_server(dsn))
                if unsupported is not None:
                    raise unusable(dsn, unsupported)
            await migrate(dsn)
        except DRIVER_ERRORS as error:
            raise refused(dsn, error) from error
        return dsn


def open_installation(
    home: Path | None = None, environment: Mapping[str, str] | None = None
) -> Installation:
    """Read the settings and make the installation's folder. Raises InstallationError."""
    installation = _installation(home, os.environ if environment is None else environment)
    try:
        installation.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(installation.home, error) from error
    return installation


def _unusable(home: Path, error: OSError) -> InstallationError:
    return InstallationError(
        f"{home} cannot be this installation's folder ({error.strerror or type(error).__name__}): "
        "let this user write there, or name another folder with --home"
    )


def existing_installation(
    home: Path | None = None, environment: Mapping[str, str] | None = None
) -> Installation:
    """Open an installation that has been started before; make nothing. Raises InstallationError."""
    installation = _installation(home, os.environ if environment is None else environment)
    try:
        is_there = not installation.is_embedded or installation.postgres().data_directory.exists()
    except OSError as error:
        raise _unusable(installation.home, error) from error
    if not is_there:
        raise InstallationError(
            f"there is no installation at {installation.home}: start one with "
            f"`suture serve ESTATE --home {installation.home}`, or name another with --home"
        )
    return installation


def _installation(home: Path | None, environment: Mapping[str, str]) -> Installation:
    file = Path(SETTINGS_FILE)
    settings = load_settings(file if file.exists() else None, environment)
    if not isinstance(settings, Settings):
        told = "; ".join(f"{each.where}: {each.explanation}" for each in settings)
        raise InstallationError(f"{SETTINGS_FILE} cannot be used: {told}")
    return Installation((home or Path(settings.data_folder)).absolute(), settings)


def read_estate(folder: Path) -> tuple[Estate, dict[str, bytes]]:
    """Read and check the estate in a folder. Raises EstateRefusedError, InstallationError."""
    if not folder.is_dir():
        raise InstallationError(
            f"there is no estate at {folder}: name a folder with an estate.toml"
        )
    files = read_folder(folder)
    estate = load(files, CONNECTORS)
    if not isinstance(estate, Estate):
        raise EstateRefusedError(estate)
    return estate, files


async def bring_into_force(database: Database, files: Mapping[str, bytes], note: str) -> bool:
    """Make these files the release in force; False when they are it already."""
    active = await active_release(database)
    identity = release_id(files)
    if active is not None and active.id == identity:
        return False
    await append_release(database, identity, pack(files), note)
    return True


@asynccontextmanager
async def opened_store(installation: Installation) -> AsyncIterator[Database]:
    """Open the store of an installation, starting its embedded database if need be."""
    dsn = await installation.start_database()
    settings = installation.settings
    database, _ = await open_store(
        dsn,
        connections_max=settings.database.connections_max,
        partitions_count=settings.engine.partitions_count,
        deadlines=REPORTS,
    )
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def visited_store(installation: Installation) -> AsyncIterator[Database]:
    """Open the store for one command and leave its server as it was found."""
    postgres = installation.postgres() if installation.is_embedded else None
    was_running = postgres is None or postgres.is_running
    is_left_alone = was_running
    try:
        async with opened_store(installation) as database:
            yield database
            # Somebody may have begun to serve meanwhile; then the server is theirs.
            is_left_alone |= bool(await live_workers(database, seconds=WORKER_SEEN_SECONDS))
    finally:
        if postgres is not None and not is_left_alone:
            await postgres.stop()


def keys_at_hand(installation: Installation) -> KeyRing | None:
    """Return the keys of an installation where this user may read them, and make none."""
    try:
        return KeyRing.load(installation.home / KEYS_FOLDER)
    except (KeyFileError, OSError):
        return None


@asynccontextmanager
async def opened_ledger(destination: Destination) -> AsyncIterator[ErpDestination | Fault]:
    """Open a destination to read back what it holds; a fault when it cannot be opened."""
    token = read_secret(destination.token, os.environ)
    opened = token if isinstance(token, Fault) else open_journals(destination, _secret)
    try:
        yield opened
    finally:
        if not isinstance(opened, Fault):
            await opened.close()


async def work(role: Role, installation: Installation) -> None:
    """Be one worker until told to stop."""
    telemetry.configure()
    dsn = os.environ.get(DSN_VARIABLE) or installation.postgres().dsn
    settings = installation.settings
    database, partitions_count = await open_store(
        dsn,
        connections_max=settings.database.connections_max,
        partitions_count=settings.engine.partitions_count,
    )
    setting = Setting(
        role=role,
        dsn=dsn,
        home=installation.home,
        # Unique among all machines on one database, whose process ids repeat: leases go by it.
        name=f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
        supervisor_pid=int(os.environ.get(SUPERVISOR_VARIABLE, "0")),
    )
    duty = await _duty(setting, installation, database, partitions_count)
    await run_worker(setting, duty, database)


async def _duty(
    setting: Setting, installation: Installation, database: Database, partitions_count: int
) -> Duty:
    match setting.role:
        case "intake" | "files":
            keys = await installation.key_ring(database)
            keeping = Keeping(
                database,
                keys,
                Tokenizer(keys.index_key),
                partitions_count,
                setting.home,
                _secret,
            )
            return IntakeDuty(keeping) if setting.role == "intake" else FilesDuty(keeping)
        case "runner":
            return RunnerDuty(database, setting.name, partitions_count)
        case "delivery":
            keys = await installation.key_ring(database)
            return DeliveryDuty(database, setting.name, _secret, keys, setting.home)


def secret_of(reference: str) -> str:
    """Return the secret that `env:NAME` or `file:path` refers to; empty where there is none."""
    secret = read_secret(reference, os.environ)
    return "" if isinstance(secret, Fault) else secret


def _secret(reference: str) -> str:
    """Return a secret; an absent one is empty: its destination refuses us and is tried again."""
    secret = read_secret(reference, os.environ)
    if isinstance(secret, Fault):
        telemetry.log.error("secret_absent", reference=reference)
        return ""
    return secret


def is_served(installation: Installation) -> bool:
    """Return whether a `suture serve` watches over an installation.

    One with a database of its own is served from its own folder; for a shared database no folder
    tells, and its workers' signs of life must do.
    """
    if not installation.is_embedded:
        return True
    try:
        lock = os.open(installation.home / "serve.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the installation for one supervisor. Raises InstallationError when another has it."""
    try:
        lock = os.open(home / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(home, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InstallationError(
            f"{home} is being served already: stop that `suture serve` first"
        ) from error
    else:
        yield
    finally:
        os.close(lock)


async def serve(
    installation: Installation,
    estate_files: Mapping[str, bytes] | None,
    *,
    first_files: Mapping[str, bytes] | None = None,
    roles: tuple[Role, ...] = ROLES,
    stop: asyncio.Event | None = None,
    environment: Mapping[str, str] | None = None,
    log_file: Path | None = None,
    started: asyncio.Future[Supervisor] | None = None,
) -> None:
    """Run an installation until SIGTERM or SIGINT (or `stop`): database, release, workers, drained.

    `estate_files` come into force; without them, what is in force stays, and `first_files` come
    into force where nothing was yet. Raises KeyFileError, NoReleaseError, and what
    `open_installation` and `start_database` raise.
    """
    ended = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` leaves SIGHUP
                loop.add_signal_handler(number, ended.set)
    with _alone(installation.home):
        postgres = installation.postgres() if installation.is_embedded else None
        if postgres and not postgres.data_directory.exists() and not (estate_files or first_files):
            raise _no_release()
        dsn = await installation.start_database()

        async def ensure_database() -> None:
            if postgres is not None and postgres.server_pid() is None:
                telemetry.log.warning("database_died")
                await postgres.start()

        try:
            await _settle(installation, dsn, estate_files, first_files)
            runners_count = installation.settings.engine.runners_count
            supervisor = Supervisor(
                [role for role in roles for _ in range(runners_count if role == "runner" else 1)],
                environment={**(environment or {}), DSN_VARIABLE: dsn},
                home=installation.home,
                ensure_database=ensure_database,
                log_file=log_file,
            )
            if started is not None:
                started.set_result(supervisor)
            await supervisor.run(ended)
        finally:
            if postgres is not None:
                await postgres.stop()


def _no_release() -> NoReleaseError:
    return NoReleaseError("no estate is in force yet: name one, as in `suture serve ESTATE`")


async def _settle(
    installation: Installation,
    dsn: str,
    files: Mapping[str, bytes] | None,
    first_files: Mapping[str, bytes] | None,
) -> None:
    """See that keys and database belong together and a release is in force before workers start.

    Raises KeyFileError, NoReleaseError.
    """
    partitions_count = installation.settings.engine.partitions_count
    database, _ = await open_store(dsn, connections_max=2, partitions_count=partitions_count)
    try:
        for each in durability_faults(await read_server(database)):
            telemetry.log.warning("store_not_durable", setting=each.where, told=each.explanation)
        if files is None and await active_release(database) is None:
            if first_files is None:
                raise _no_release()
            files = first_files
        await installation.key_ring(database)  # a first start that fails before leaves no keys
        if files is not None:
            await bring_into_force(database, files, "brought into force by `suture serve`")
    finally:
        await database.close()
