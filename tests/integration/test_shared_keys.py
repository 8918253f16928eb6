"""A database and its keys belong together: whoever has others does not start, and makes none.

What a key directory itself must be is tests/unit/security/test_keys.py.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.riverbend_store import Riverbend, estate_files
from tests.specs.riverbend_messages import Line, dft

from suture.app import DSN_VARIABLE, Installation, serve, work
from suture.config import DatabaseSettings, Settings
from suture.engine.shared_keys import shared_key_ring
from suture.security.keys import KEY_BYTES, KeyFileError, KeyRing
from suture.store.database import Database, connect

pytestmark = pytest.mark.integration


@pytest.fixture
def database(runner: asyncio.Runner, database_dsn: str) -> Iterator[Database]:
    """Return a database that was never filled."""
    with ExitStack() as stack:
        opened = runner.run(connect(database_dsn))
        stack.callback(lambda: runner.run(opened.close()))
        yield opened


async def recorded(database: Database) -> dict[str, str]:
    """Return the fingerprints that the database keeps."""
    rows = await database.pool.fetch("select name, value from setting where name like 'key:%'")
    return {row["name"]: row["value"] for row in rows}


def add_key(directory: Path, name: str, content: bytes | None = None) -> None:
    path = directory / name
    path.write_bytes(content or os.urandom(KEY_BYTES))
    path.chmod(0o600)


async def test_the_first_start_makes_keys_and_the_next_ones_find_them_again(
    database: Database, tmp_path: Path
) -> None:
    first = await shared_key_ring(database, tmp_path / "keys")
    again = await shared_key_ring(database, tmp_path / "keys")
    assert (first.index_key, first.keks) == (again.index_key, again.keks)
    told = await recorded(database)
    assert ["key:index.key", "key:kek-1.key"] == sorted(told)
    everything = "".join(told.values())
    assert not any(
        each.hex() in everything or each.hex()[:32] in everything
        for each in (first.index_key, first.kek(1))
    )


async def test_keys_that_vanish_are_never_made_anew_beside_what_they_sealed(
    database: Database, tmp_path: Path
) -> None:
    await shared_key_ring(database, tmp_path / "keys")
    (tmp_path / "keys").rename(tmp_path / "lost")
    with pytest.raises(KeyFileError, match="holds no keys, but the database was filled"):
        await shared_key_ring(database, tmp_path / "keys")
    assert not (tmp_path / "keys").exists()
    (tmp_path / "lost").rename(tmp_path / "keys")
    await shared_key_ring(database, tmp_path / "keys")


async def test_messages_without_fingerprints_are_enough_to_make_no_keys(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await riverbend.receive(dft("A1", Line("L1", "CG", 1), at="20260310120000", control="B1"))
    assert {} == await recorded(riverbend.database)
    with pytest.raises(KeyFileError, match="DATABASE_URL share their keys"):
        await shared_key_ring(riverbend.database, tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


async def test_a_second_home_joins_with_a_copy_of_the_keys_and_not_without(
    database: Database, tmp_path: Path
) -> None:
    first = await shared_key_ring(database, tmp_path / "first")
    with pytest.raises(KeyFileError, match="holds no keys"):
        await shared_key_ring(database, tmp_path / "second")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    assert first.index_key == (await shared_key_ring(database, tmp_path / "second")).index_key


async def test_a_home_with_keys_of_its_own_is_refused_and_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    await shared_key_ring(database, tmp_path / "first")
    before = await recorded(database)
    KeyRing.create(tmp_path / "second")
    add_key(tmp_path / "second", "kek-2.key")
    with pytest.raises(KeyFileError, match=r"second/index\.key is not the key"):
        await shared_key_ring(database, tmp_path / "second")
    assert before == await recorded(database)


async def test_a_key_of_the_same_name_that_seals_otherwise_is_refused(
    database: Database, tmp_path: Path
) -> None:
    await shared_key_ring(database, tmp_path / "keys")
    add_key(tmp_path / "keys", "kek-1.key")
    with pytest.raises(KeyFileError, match=r"kek-1\.key is not the key"):
        await shared_key_ring(database, tmp_path / "keys")


async def test_a_key_that_was_added_is_recorded_and_missed_where_it_is_not(
    database: Database, tmp_path: Path
) -> None:
    await shared_key_ring(database, tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    add_key(tmp_path / "first", "kek-2.key")
    assert 2 == (await shared_key_ring(database, tmp_path / "first")).current
    with pytest.raises(KeyFileError, match=r"kek-2\.key is missing"):
        await shared_key_ring(database, tmp_path / "second")
    add_key(tmp_path / "second", "kek-2.key")
    with pytest.raises(KeyFileError, match=r"kek-2\.key is not the key"):
        await shared_key_ring(database, tmp_path / "second")


async def test_of_homes_that_start_together_on_an_empty_database_one_goes_on(
    database: Database, tmp_path: Path
) -> None:
    homes = [tmp_path / f"home-{number}" for number in range(4)]
    ended = await asyncio.gather(
        *(shared_key_ring(database, home) for home in homes), return_exceptions=True
    )
    assert 1 == sum(isinstance(each, KeyRing) for each in ended)
    assert 3 == sum(isinstance(each, KeyFileError) for each in ended)


def installation(home: Path, dsn: str) -> Installation:
    home.mkdir()
    return Installation(home, Settings(database=DatabaseSettings(url=dsn)))


async def test_serve_refuses_a_home_with_other_keys_before_any_worker_starts(
    database: Database, database_dsn: str, tmp_path: Path
) -> None:
    await shared_key_ring(database, tmp_path / "first")
    other = installation(tmp_path / "other", database_dsn)
    KeyRing.create(other.home / "keys")
    with pytest.raises(KeyFileError, match=r"index\.key is not the key"):
        await serve(other, estate_files(), stop=asyncio.Event())
    assert 0 == await database.pool.fetchval("select count(*) from worker")
    assert 0 == await database.pool.fetchval("select count(*) from release")


async def test_who_reads_messages_again_needs_the_keys_they_were_sealed_with(
    database: Database, database_dsn: str, tmp_path: Path
) -> None:
    """`suture exceptions reprocess` and `suture trace --raw` make no keys, and take no others."""
    other = installation(tmp_path / "other", database_dsn)
    with pytest.raises(KeyFileError, match="cannot be opened"):
        await other.existing_key_ring(database)
    assert not (other.home / "keys").exists()
    first = await shared_key_ring(database, tmp_path / "first")
    with pytest.raises(KeyFileError, match="holds no keys"):
        await other.existing_key_ring(database)
    KeyRing.create(other.home / "keys")
    with pytest.raises(KeyFileError, match=r"index\.key is not the key"):
        await other.existing_key_ring(database)
    shutil.rmtree(other.home / "keys")
    shutil.copytree(tmp_path / "first", other.home / "keys")
    assert first.index_key == (await other.existing_key_ring(database)).index_key


@pytest.mark.parametrize("role", ["intake", "files"])
async def test_a_worker_that_seals_refuses_to_work_without_the_keys(
    database: Database,
    database_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    await shared_key_ring(database, tmp_path / "first")
    monkeypatch.setenv(DSN_VARIABLE, database_dsn)
    with pytest.raises(KeyFileError, match="holds no keys"):
        await work(role, installation(tmp_path / "other", database_dsn))  # type: ignore[arg-type]
    assert not (tmp_path / "other" / "keys").exists()
