"""Migrations: plain numbered SQL files, applied forward only, each in a transaction of its own.

`sql/migrations/0001_spine.sql` makes the first tables. The table `schema_migration` remembers each
file's checksum: an edited file, a gap, or a schema newer than this code is refused with what to do.
Starters that race wait for each other on an advisory lock. Statements that the running system
sends are in `queries.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg
import msgspec

from suture.store.database import MIGRATIONS, connected

_FILE = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x5375_7475_7265
"""Key of the advisory lock: `Suture` in ASCII."""
_OTHERS_SECONDS_MAX = 300
"""How long to wait for another starter's migrations."""
_LOCK_SECONDS_MAX = 10
"""How long a statement may wait for a table: whoever queues behind it waits as long."""

_TABLE = """
create table if not exists schema_migration (
    version integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(Exception):
    """The schema cannot be brought to this code's version; the message says why and what to do."""


class Migration(msgspec.Struct, frozen=True):
    """One numbered SQL file."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Checksum of the file's text."""
        return sha256(self.sql.encode()).hexdigest()

    @property
    def title(self) -> str:
        """The file's name, as people say it: `0001_spine`."""
        return f"{self.version:04d}_{self.name}"


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """Return the migrations of this code (or of a folder), in order.

    Raises MigrationError for a gap, a number used twice, or a file that is no migration.
    """
    folder = folder or resources.files("suture.store").joinpath("sql/migrations")
    found: dict[int, Migration] = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        match = _FILE.fullmatch(file.name)
        if match is None or int(match[1]) in found:
            if file.name.startswith((".", "_")):
                continue
            raise MigrationError(
                f"{file.name} is no migration, or its number is taken: name it "
                "<next number of four digits>_<what_it_does>.sql"
            )
        found[int(match[1])] = Migration(int(match[1]), match[2], file.read_text("utf-8"))
    for expected in range(1, len(found) + 1):
        if expected not in found:
            raise MigrationError(
                f"migration {expected:04d} is missing from this installation: install it again; "
                "while developing, number the files without gaps"
            )
    return tuple(found.values())


def unapplied(migrations: Sequence[Migration], applied: Mapping[int, str]) -> tuple[Migration, ...]:
    """Return what is still to apply, given the checksums of the applied versions.

    Raises MigrationError when the database holds anything but a beginning of these migrations.
    """
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise MigrationError(
            f"the database is at schema {newest}, and this Suture knows {len(migrations)}: start "
            "the newer Suture, or restore the backup made before its upgrade"
        )
    for migration in migrations[:newest]:
        checksum = applied.get(migration.version)
        if checksum is None:
            raise MigrationError(
                f"the database is at schema {newest}, but {migration.title} was never applied: "
                "restore the table schema_migration from a backup"
            )
        if checksum != migration.sha256:
            raise MigrationError(
                f"{migration.title} was changed after it was applied: put the released file back, "
                "and make the change in a new migration"
            )
    return tuple(migrations[newest:])


async def pending(dsn: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Return what `migrate` would apply, and change nothing. Raises MigrationError."""
    async with connected(dsn, MIGRATIONS) as connection:
        return [each.title for each in await _unapplied_in(connection, migrations)]


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring a database to this code's schema; return what was applied.

    Raises MigrationError; then the migrations before the one that failed stay applied.
    """
    try:
        async with connected(dsn, MIGRATIONS) as connection:
            await connection.execute(f"set lock_timeout = '{_OTHERS_SECONDS_MAX}s'")
            await connection.execute("select pg_advisory_lock($1)", _LOCK)
            await connection.execute(f"set lock_timeout = '{_LOCK_SECONDS_MAX}s'")
            waiting = await _unapplied_in(connection, migrations)
            if waiting:
                await connection.execute(_TABLE)
            for migration in waiting:
                await _apply(connection, migration)
            return [each.title for each in waiting]
    except asyncpg.LockNotAvailableError as error:
        raise MigrationError(
            "another session holds what the migration needs: end long transactions and other "
            "starts of Suture on this database, then start again"
        ) from error


async def _unapplied_in(
    connection: asyncpg.Connection[asyncpg.Record], migrations: Sequence[Migration] | None
) -> tuple[Migration, ...]:
    rows = []
    if await connection.fetchval("select to_regclass('schema_migration')"):
        rows = await connection.fetch("select version, sha256 from schema_migration")
    known = load_migrations() if migrations is None else migrations
    return unapplied(known, {row["version"]: row["sha256"] for row in rows})


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into schema_migration (version, name, sha256) values ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.sha256,
            )
    except (asyncpg.LockNotAvailableError, asyncpg.PostgresConnectionError):
        raise  # waited for too long; or cut off, and whether it was applied is not known
    except asyncpg.PostgresError as error:
        raise MigrationError(
            f"{migration.title} failed and was rolled back: {error}; the database is at schema "
            f"{migration.version - 1}, as before it"
        ) from error
