"""What the integration tests share: Riverbend on a fresh database, and folders others can reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.conftest import fresh_database
from tests.integration.operator_counter import Counter, write_keys
from tests.integration.operator_desk import registered
from tests.integration.riverbend_store import Riverbend, open_riverbend


@pytest.fixture
def twin(runner: asyncio.Runner, postgres_dsn: str, template_database: str) -> Iterator[Riverbend]:
    """Return a second Riverbend, to compare with, on a database of its own."""
    with ExitStack() as stack:
        dsn = stack.enter_context(fresh_database(postgres_dsn, template_database))
        opened = open_riverbend(dsn)
        there = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        yield there


@pytest.fixture
def riverbend(runner: asyncio.Runner, database_dsn: str) -> Iterator[Riverbend]:
    """Return Riverbend on a database of its own."""
    opened = open_riverbend(database_dsn)
    with ExitStack() as stack:
        there = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
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
