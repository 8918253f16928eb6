"""What many tests need: an event loop, a PostgreSQL for the session, a fresh database for a test.

A test that is `async def` runs on the loop of its fixture `runner`, which fixtures may use before
and after it; without one it gets a loop of its own, of the kind the product runs under.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import uvloop

from suture.store.embedded import DATABASE, EmbeddedPostgres
from suture.store.migrate import migrate

FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "512MB",
}
"""For the tests' own server only: it may forget everything when the machine dies."""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return the runner of one test's event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    runner = pyfuncitem.funcargs.get("runner")
    if isinstance(runner, asyncio.Runner):
        runner.run(pyfuncitem.obj(**arguments))
        return True
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as own:
        own.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """Return a PostgreSQL for the whole session: DATABASE_URL's, or an embedded one of its own."""
    told = os.environ.get("DATABASE_URL")
    if told:
        yield told
        return
    folder = Path(tempfile.mkdtemp(prefix="suture-test-"))
    folder.chmod(0o755)
    # The run's mark lets .ci/run find a server that a broken test run left behind.
    mark = os.environ.get("SUTURE_CI_RUN", "")
    server = EmbeddedPostgres(
        folder / "postgres", settings=FAST, environment={"SUTURE_CI_RUN": mark}
    )
    try:
        yield asyncio.run(server.start())
    finally:
        asyncio.run(server.stop("immediate"))
        shutil.rmtree(server.directory, ignore_errors=True)
        shutil.rmtree(server.socket_directory, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(postgres_dsn: str) -> str:
    """Return a migrated database that others are copied from."""
    name = f"template_{uuid4().hex[:8]}"
    asyncio.run(_execute(postgres_dsn, f"create database {name}"))
    asyncio.run(migrate(named(postgres_dsn, name)))
    return name


@pytest.fixture
def database_dsn(postgres_dsn: str, template_database: str) -> Iterator[str]:
    """Return a fresh, migrated database, dropped after the test."""
    with fresh_database(postgres_dsn, template_database) as dsn:
        yield dsn


@contextmanager
def fresh_database(postgres_dsn: str, template_database: str) -> Iterator[str]:
    """Make a migrated database, and drop it."""
    name = f"test_{uuid4().hex[:12]}"
    asyncio.run(_execute(postgres_dsn, f"create database {name} template {template_database}"))
    try:
        yield named(postgres_dsn, name)
    finally:
        asyncio.run(_execute(postgres_dsn, f"drop database {name} with (force)"))


def named(dsn: str, database: str) -> str:
    """Return the DSN of another database of the same server."""
    parts = urlsplit(dsn)
    # urlunsplit would drop the empty host of postgresql:///name, so put the path in by hand.
    return (
        dsn.replace(f"/{DATABASE}?", f"/{database}?", 1)
        if not parts.netloc
        else urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))
    )


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
