"""The embedded PostgreSQL and the environment it is started from: nothing of it may get in the way.

How the server lives is tested in `test_embedded_postgres.py`.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.store.database import connect
from suture.store.embedded import EmbeddedPostgres
from suture.store.migrate import migrate

pytestmark = pytest.mark.integration

THEIRS = {
    "PGHOST": "/nowhere",
    "PGPORT": "5433",
    "PGUSER": "somebody",
    "PGDATABASE": "theirs",
    "PGPASSWORD": "secret",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "read-only",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGDATA": "/nowhere",
    "TMPDIR": "/nowhere",
}
"""What somebody's shell may say about another PostgreSQL."""


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """Return a server that was never started."""
    folder = Path(tempfile.mkdtemp(prefix="suture-test-"))
    folder.chmod(0o755)
    fresh = EmbeddedPostgres(folder / "pg", settings={"fsync": "off"})
    yield fresh
    asyncio.run(fresh.erase())
    shutil.rmtree(folder, ignore_errors=True)


async def test_settings_for_another_postgresql_in_the_environment_change_nothing(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in THEIRS.items():
        monkeypatch.setenv(name, value)
    dsn = await server.start()
    await migrate(dsn)
    database = await connect(dsn, patience_seconds=2.0)
    assert await database.fetch("active_release_number")
    await database.close()
    monkeypatch.undo()
    assert await EmbeddedPostgres(server.directory).start() == dsn, "the same to everybody else"
