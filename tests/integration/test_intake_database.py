"""A source that is a database, as a worker reads it: rows through a schema, booked once (B69)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.integration.test_intake_tables import SCHEMA

from suture.engine.duties import FilesDuty
from suture.store.transmission import read_watermark

pytestmark = pytest.mark.integration

SOURCE = """
connector = "database"
translation = "tabular_charge"
schema = "spa"
zone = "America/Chicago"
authority = "riverbend"
facility = "RGH"

[database]
url = "env:SPA"
table = "charge"
columns = ["Account", "Number", "Day", "Changed", "Class", "Department", "Amount"]
order_column = "Changed"
key_column = "Number"
interval_seconds = 0.1
"""
TABLE = (
    'create table charge ("Account", "Number", "Day", "Changed", "Class", "Department", "Amount")'
)


class Spa:
    """A system that keeps its charges in a table."""

    def __init__(self, home: Path) -> None:
        self.place = home / "spa.db"
        self.execute(TABLE)

    def execute(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.place)) as opened:
            opened.execute(statement, values)
            opened.commit()

    def charge(self, number: int, amount: str, changed: str = "2026-03-11") -> None:
        row = ("S-1", number, "2026-03-10", changed, "MC", "ED", amount)
        self.execute("insert into charge values (?, ?, ?, ?, ?, ?, ?)", *row)


@asynccontextmanager
async def reading(riverbend: Riverbend, home: Path) -> AsyncIterator[FilesDuty]:
    """Read the table as a worker does."""
    files = {"schemas/spa.toml": SCHEMA.encode(), "sources/spa.toml": SOURCE.encode()}
    release = await riverbend.change(files)
    keeping = msgspec.structs.replace(riverbend.keeping(home), secrets=lambda _: "sqlite:///spa.db")
    duty = FilesDuty(keeping)
    estate = riverbend.estate
    only = {name: each for name, each in estate.sources.items() if name == "spa"}
    await duty.start(msgspec.structs.replace(estate, sources=only), release)
    try:
        yield duty
    finally:
        await duty.drain()


async def charged(riverbend: Riverbend, count: int) -> int:
    """Return what is charged once so many messages are stored, in cents."""
    await riverbend.until("select count(*) = $1 from message where source = 'spa'", count)
    await riverbend.settle()
    return await riverbend.number(
        "select coalesce(sum(l.debit_minor - l.credit_minor), 0)::bigint from entry_line l"
        " join entry e on e.id = l.entry_id where l.account like '11%'"
    )


async def test_rows_are_booked_once_and_corrected_by_a_later_state_of_them(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = Spa(tmp_path)
    spa.charge(1, "100.00")
    spa.charge(2, "50.00")
    async with reading(riverbend, tmp_path):
        assert 150_00 == await charged(riverbend, 2)
    async with reading(riverbend, tmp_path):  # as after a restart
        statement = 'update charge set "Amount" = ?, "Changed" = ? where "Number" = 1'
        spa.execute(statement, "80.00", "2026-03-12")
        assert 130_00 == await charged(riverbend, 3)
    assert [] == await riverbend.exceptions()
    assert '"2026-03-12"' in await read_watermark(riverbend.database, "spa")
    assert (await riverbend.conservation()).gap == 0


async def test_b69_a_table_whose_columns_changed_is_held_and_nothing_guessed(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = Spa(tmp_path)
    spa.charge(1, "100.00")
    spa.execute('alter table charge rename column "Class" to "Payer"')
    spa.execute('alter table charge add column "Class"')
    async with reading(riverbend, tmp_path):
        assert 0 == await charged(riverbend, 1)
    assert 1 == len(await riverbend.exceptions())


async def test_f13_a_database_that_is_away_is_shown_at_its_door_and_read_when_it_is_back(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.engine.pull_intake.TROUBLE_SECONDS_MIN", 0.05)
    spa = Spa(tmp_path)
    spa.charge(1, "100.00")
    spa.place.rename(tmp_path / "away.db")
    async with reading(riverbend, tmp_path) as duty:
        async with asyncio.timeout(10):
            while not duty.doors()[0].code:  # noqa: ASYNC110 - a door has no event
                await asyncio.sleep(0.02)
        (door,) = duty.doors()
        assert ("spa", "database.connection.failed") == (door.source, door.code)
        assert "sqlite" not in door.address
        (tmp_path / "away.db").rename(spa.place)
        assert 100_00 == await charged(riverbend, 1)
        assert "" == duty.doors()[0].code
