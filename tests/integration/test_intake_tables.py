"""Tables through the door: rows booked once, corrected, held and reprocessed (B24, B69, B70)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.operator_desk import message_ids, reprocessed
from tests.integration.remit_files import put, statuses
from tests.integration.riverbend_store import Riverbend

pytestmark = pytest.mark.integration

SCHEMA = """
fact = "charge"
layout = "csv"
key = ["Number"]
recorded = "Changed"

[columns.Account]
field = "account"
type = "code"

[columns.Number]
field = "number"
type = "code"

[columns.Day]
field = "service_on"
type = "date"
format = "YYYY-MM-DD"

[columns.Changed]
type = "date"
format = "YYYY-MM-DD"

[columns.Class]
field = "financial_class"
type = "code"

[columns.Department]
field = "department"
type = "code"

[columns.Amount]
field = "amount"
type = "money"
"""
TOTALS = '[totals]\ncolumn = "Account"\nmarker = "TOTAL"\nsums = ["Amount"]\n'
SOURCE = """
connector = "files"
translation = "tabular_charge"
schema = "spa"
zone = "America/Chicago"
authority = "riverbend"
facility = "RGH"

[files]
folder = "inbox/spa"
"""
HEADER = "Account,Number,Day,Changed,Class,Department,Amount\n"


def row(number: str, amount: str, changed: str = "2026-03-11", account: str = "S-1") -> str:
    return f"{account},{number},2026-03-10,{changed},MC,ED,{amount}\n"


async def take(riverbend: Riverbend, folder: Path, table: str, *, name: str = "a.csv") -> None:
    put(folder, table.encode(), name)
    await riverbend.watch(folder, source="spa").turn()
    await riverbend.settle()


async def agree(riverbend: Riverbend, schema: str = SCHEMA) -> Riverbend:
    """Bring a source of tables into force, under this schema."""
    files = {"schemas/spa.toml": schema.encode(), "sources/spa.toml": SOURCE.encode()}
    await riverbend.change(files)
    return riverbend


async def charged(riverbend: Riverbend) -> int:
    """Return what is charged to the patients' accounts, in cents."""
    return await riverbend.number(
        "select coalesce(sum(l.debit_minor - l.credit_minor), 0)::bigint from entry_line l"
        " join entry e on e.id = l.entry_id where l.account like '11%'"
    )


async def test_rows_are_booked_once_however_often_they_come(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = await agree(riverbend)
    await take(spa, tmp_path, HEADER + row("1", "100.00") + row("2", "x") + row("3", "50.00"))
    held = [("charge", "accepted"), ("charge", "accepted"), ("charge", "held")]
    assert held == await statuses(spa)
    assert 150_00 == await charged(spa)
    await take(spa, tmp_path, HEADER + row("1", "100.00") + row("4", "5.00"), name="b.csv")
    assert 1 == await spa.number("select count(*) from message_repeat")
    assert 155_00 == await charged(spa)
    assert (await spa.conservation()).gap == 0


async def test_a_row_recorded_later_corrects_the_one_before_in_any_order(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = await agree(riverbend)
    later = HEADER + row("1", "80.00", changed="2026-03-12")
    await take(spa, tmp_path, later)
    await take(spa, tmp_path, HEADER + row("1", "100.00"), name="b.csv")
    assert 80_00 == await charged(spa)
    assert [] == await spa.exceptions()


async def test_b20_another_row_of_the_same_key_and_day_is_held(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = await agree(riverbend)
    await take(spa, tmp_path, HEADER + row("1", "100.00"))
    await take(spa, tmp_path, HEADER + row("1", "90.00"), name="b.csv")
    assert 100_00 == await charged(spa)
    assert ["intake.control_id.reused"] == await spa.exceptions()


async def test_b69_rows_of_a_drifted_table_are_read_when_its_schema_is_corrected(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = await agree(riverbend)
    drifted = HEADER.replace("Class", "Payer class")
    await take(spa, tmp_path, drifted + row("1", "100.00") + row("2", "50.00"))
    assert [("unreadable", "held")] == await statuses(spa)
    assert 0 == await charged(spa)
    corrected = SCHEMA.replace("columns.Class", 'columns."Payer class"')
    await agree(spa, corrected)
    results = await reprocessed(spa, *await message_ids(spa))
    assert ["accepted"] * 3 == [each.outcome for each in results]
    await spa.settle()
    assert 150_00 == await charged(spa)
    assert (await spa.conservation()).gap == 0


async def test_b24_a_table_that_does_not_add_up_is_held_whole(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    spa = await agree(riverbend, SCHEMA + TOTALS)
    table = HEADER + row("1", "100.00") + row("2", "50.00")
    await take(spa, tmp_path, table + "TOTAL,,,,,,150.01\n")
    assert [("charge", "held")] * 2 == await statuses(spa)
    assert 0 == await spa.number("select count(*) from event")
    await take(spa, tmp_path, table + "TOTAL,,,,,,150.00\n", name="b.csv")
    assert 150_00 == await charged(spa)
    assert (await spa.conservation()).gap == 0
