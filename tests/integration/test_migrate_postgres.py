"""Migrations on a real PostgreSQL: all or nothing, once, and by one starter at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from suture.store.migrate import Migration, MigrationError, load_migrations, migrate, pending

pytestmark = pytest.mark.integration

ONE = Migration(1, "spine", "create table one (id integer)")
TWO = Migration(2, "ribs", "create table two (id integer)")
BROKEN = Migration(2, "ribs", "create table two (id integer); create table one (id integer)")


def ask(dsn: str, query: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(answer())


@pytest.fixture
def empty(postgres_dsn: str) -> Iterator[str]:
    """Return the address of a database with nothing in it."""
    name = f"empty_{uuid4().hex[:12]}"
    ask(postgres_dsn, f"create database {name}")
    parts = urlsplit(postgres_dsn)
    yield urlunsplit((parts.scheme, parts.netloc or "@", f"/{name}", parts.query, ""))
    ask(postgres_dsn, f"drop database {name} with (force)")


def test_an_empty_database_comes_to_the_codes_schema_and_stays(empty: str) -> None:
    titles = [each.title for each in load_migrations()]
    assert titles == asyncio.run(pending(empty))
    assert ask(empty, "select to_regclass('schema_migration')") is None, "a dry run makes nothing"
    assert titles == asyncio.run(migrate(empty))
    assert ([], []) == (asyncio.run(pending(empty)), asyncio.run(migrate(empty)))


def test_a_migration_that_fails_leaves_nothing_of_itself(empty: str) -> None:
    with pytest.raises(MigrationError, match=r"0002_ribs failed.*already exists.*at schema 1"):
        asyncio.run(migrate(empty, [ONE, BROKEN]))
    assert ask(empty, "select to_regclass('two')") is None
    assert ["0002_ribs"] == asyncio.run(migrate(empty, [ONE, TWO]))


def test_starters_that_race_apply_each_migration_once(empty: str) -> None:
    async def race() -> list[list[str]]:
        return list(await asyncio.gather(*(migrate(empty, [ONE, TWO]) for _ in range(5))))

    applied = [title for titles in asyncio.run(race()) for title in titles]
    assert ["0001_spine", "0002_ribs"] == sorted(applied)


def test_a_changed_file_stops_the_start_before_anything_is_applied(empty: str) -> None:
    asyncio.run(migrate(empty, [ONE]))
    edited = Migration(1, "spine", "create table one (id bigint)")
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        asyncio.run(migrate(empty, [edited, TWO]))
    assert ask(empty, "select to_regclass('two')") is None
