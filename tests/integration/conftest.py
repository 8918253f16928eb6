"""What the integration tests share: Riverbend on a fresh database, and folders others can reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.conftest import fresh_database
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
