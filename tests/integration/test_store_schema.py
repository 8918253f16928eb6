"""The schema and the queries fit each other, in whatever database they are."""

from __future__ import annotations

import asyncpg
import pytest
from tests.integration.riverbend_store import Riverbend

from suture.store.queries import QUERIES
from suture.store.releases import fixed_setting, make_partitions
from suture.store.state import lease_partitions

pytestmark = pytest.mark.integration


async def test_postgresql_understands_every_query(riverbend: Riverbend) -> None:
    misunderstood: dict[str, str] = {}
    async with riverbend.database.pool.acquire() as connection:
        await connection.execute(QUERIES["lay_secrets_by"])
        for name, query in QUERIES.items():
            try:
                await connection.prepare(query)
            except asyncpg.PostgresError as error:
                misunderstood[name] = str(error)
    assert misunderstood == {}


async def test_ids_are_compared_by_their_bytes_whatever_language_the_database_sorts_by(
    riverbend: Riverbend,
) -> None:
    """Lineage walks them by ranges, and in the order of most languages a full stop is nothing."""
    rows = await riverbend.rows(
        "select table_name, column_name, collation_name from information_schema.columns"
        " where table_schema = 'public' and data_type = 'text' and (column_name = 'id'"
        " or column_name = 'reverses' or column_name ~ '^(message|transmission|event|entry)_id$')"
    )
    assert len(rows) > 20
    assert {row["collation_name"] for row in rows} == {"C"}, rows


async def test_the_number_of_partitions_is_chosen_once(riverbend: Riverbend) -> None:
    """A stream's partition depends on it: a later setting must not move a stream."""
    before = await riverbend.number("select count(*) from partition_lease")
    assert await make_partitions(riverbend.database, 64) == before
    assert await riverbend.number("select count(*) from partition_lease") == before
    assert await fixed_setting(riverbend.database, "partitions_count", "7") == str(before)


async def test_no_more_is_taken_than_asked_for_however_the_statistics_mislead(
    riverbend: Riverbend,
) -> None:
    """A queue that was empty when it was counted: a limit inside a join is asked for every row."""
    await riverbend.rows(
        "insert into unbatched (policy, entity, entry_id)"
        " select 'charges', 'RVH', 'ent_' || lpad(n::text, 26, '0') from generate_series(1, 900) n"
    )
    await riverbend.rows(
        "update pg_class set reltuples = 0, relpages = pg_relation_size(oid) / 8192"
        " where relname in ('unbatched', 'partition_lease')"
    )
    await riverbend.rows("update pg_class set reltuples = 0 where relname = 'unbatched_pkey'")
    taken = await riverbend.database.fetch("take_unbatched", "charges", 300, None)
    assert len(taken) == 300
    assert await riverbend.number("select count(*) from unbatched") == 600
    leases = await lease_partitions(riverbend.database, "runner-9", seconds=5.0, partitions_max=2)
    assert len(leases) == 2
