"""What a real server reports of itself, and what our own connections ask of it all the same."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from suture.store.database import connect
from suture.store.queries import QUERIES
from suture.store.server import (
    ServerSettings,
    ask_server,
    durability_faults,
    read_server,
    version_fault,
)

pytestmark = pytest.mark.integration


def test_our_commits_are_durable_where_the_database_itself_would_be_forgetful(
    runner: asyncio.Runner, database_dsn: str
) -> None:
    """Whoever turned it off for their own sessions has not turned it off for ours."""

    async def reported() -> list[ServerSettings]:
        connection = await asyncpg.connect(database_dsn)
        name = await connection.fetchval("select quote_ident(current_database())")
        await connection.execute(f"alter database {name} set synchronous_commit = off")
        await connection.close()
        somebodys = await asyncpg.connect(database_dsn)
        row = await somebodys.fetchrow(QUERIES["server_settings"])
        assert row is not None
        await somebodys.close()
        ours = await connect(database_dsn, connections_max=1)
        told = [
            ServerSettings(**dict(row)),
            await read_server(ours),
            await ask_server(database_dsn),
        ]
        await ours.close()
        return told

    somebodys, *ours = runner.run(reported())
    assert "off" == somebodys.synchronous_commit
    assert durability_faults(somebodys)
    for each in ours:
        assert "on" == each.synchronous_commit
        assert "synchronous_commit" not in [told.where for told in durability_faults(each)]
        assert version_fault(each) is None
