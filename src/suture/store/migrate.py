"""Migrations: plain numbered SQL files, applied forward only, each in a transaction of its own.

The table `schema_migration` remembers each file's checksum: an edited file, a gap or a schema newer than this code is refused with
what to do. Starters that race wait for each other on an advisory lock.
"""

from __future__ import annotations

import re
from hashlib import sha256
from importlib import resources

import asyncpg
import msgspec

_FILE = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x5375_7475_7265
"""Key of the advisory lock: `Suture` in ASCII."""
_LOCK_SECONDS = 10

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


def load_migrations() -> tuple[Migration, ...]:
    """Return the migrations of this code, in order. Raises MigrationError for a gap in their numbers."""
    folder = resources.files(__package__).joinpath("sql/migrations")
    found = sorted(
        (
            Migration(int(match[1]), match[2], file.read_text("utf-8"))
            for file in folder.iterdir()
            if (match := _FILE.fullmatch(file.name))
        ),
        key=lambda each: each.version,
    )
    for expected, migration in enumerate(found, 1):
        if migration.version != expected:
            raise MigrationError(f"migration {expected:04d} is missing from this installation")
    return tuple(found)


def unapplied(
    migrations: tuple[Migration, ...], applied: dict[int, str]
) -> tuple[Migration, ...]:
    """Return what is still to apply, given the applied versions with their checksums. Raises MigrationError."""
    for version, checksum in applied.items():
        if version > len(migrations):
            raise MigrationError(
                f"the database is at schema {max(applied)}, this Suture knows {len(migrations)}: "
                "start the newer Suture, or restore the backup made before its upgrade"
            )
        if migrations[version - 1].sha256 != checksum:
            raise MigrationError(
                f"migration {version:04d} was changed after it was applied: put the released file back"
            )
    return tuple(each for each in migrations if each.version not in applied)


async def migrate(dsn: str) -> list[str]:
    """Bring a database to this code's schema; return the names of what was applied. Raises MigrationError."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        rows = await connection.fetch("select version, sha256 from schema_migration order by 1")
        waiting = unapplied(load_migrations(), {row["version"]: row["sha256"] for row in rows})
        for migration in waiting:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{_LOCK_SECONDS}s'")
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into schema_migration (version, name, sha256) values ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.sha256,
                )
        return [f"{each.version:04d}_{each.name}" for each in waiting]
    finally:
        await connection.close()
