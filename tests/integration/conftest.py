"""What the integration tests share: Riverbend on a fresh database, and folders others can reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.filled_books import FilledBooks, open_books
from tests.integration.riverbend_store import Riverbend, open_riverbend


@pytest.fixture
def riverbend(runner: asyncio.Runner, database_dsn: str) -> Iterator[Riverbend]:
    """Return Riverbend on a database of its own."""
    opened = open_riverbend(database_dsn)
    with ExitStack() as stack:
        there = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        yield there


@pytest.fixture
def books(runner: asyncio.Runner, riverbend: Riverbend, tmp_path: Path) -> Iterator[FilledBooks]:
    """Return Riverbend and its ERP with a bit of everything."""
    opened = open_books(riverbend, tmp_path)
    with ExitStack() as stack:
        there = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        yield there
