"""What the integration tests share: Riverbend on a fresh database, and with books to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from tests.conftest import fresh_database
from tests.integration.filled_books import FilledBooks, open_books
from tests.integration.operator_counter import Counter, write_keys
from tests.integration.operator_desk import registered
from tests.integration.riverbend_store import Riverbend, open_riverbend

Opened = TypeVar("Opened")


@contextmanager
def entered(
    runner: asyncio.Runner, opened: AbstractAsyncContextManager[Opened]
) -> Iterator[Opened]:
    """Enter and leave on the test's own event loop."""
    there = runner.run(opened.__aenter__())
    try:
        yield there
    finally:
        runner.run(opened.__aexit__(None, None, None))


@pytest.fixture
def twin(runner: asyncio.Runner, postgres_dsn: str, template_database: str) -> Iterator[Riverbend]:
    """Return a second Riverbend, to compare with, on a database of its own."""
    with (
        fresh_database(postgres_dsn, template_database) as dsn,
        entered(runner, open_riverbend(dsn)) as there,
    ):
        yield there


@pytest.fixture
def riverbend(runner: asyncio.Runner, database_dsn: str) -> Iterator[Riverbend]:
    """Return Riverbend on a database of its own."""
    with entered(runner, open_riverbend(database_dsn)) as there:
        yield there


@pytest.fixture
def books(runner: asyncio.Runner, riverbend: Riverbend, tmp_path: Path) -> Iterator[FilledBooks]:
    """Return Riverbend and its ERP with a bit of everything."""
    with entered(runner, open_books(riverbend, tmp_path)) as there:
        yield there


@pytest.fixture
def counter(
    riverbend: Riverbend,
    runner: asyncio.Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Counter:
    """Return an operator's place, with Riverbend in force."""
    home = tmp_path / "home"
    write_keys(home / "keys")
    monkeypatch.setenv("DATABASE_URL", riverbend.dsn)
    monkeypatch.chdir(tmp_path)
    runner.run(riverbend.change({}))
    runner.run(registered(riverbend))
    return Counter(riverbend, home, capsys, runner.run)
