"""`suture trace FILE --source NAME`: tables are read as of the source whose schema they follow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.cli.command_line import Command
from tests.unit.wire.bank_files import batch, entry, nacha

from suture.cli.ending import FOUND, MISUSED, WELL
from suture.cli.estates import sample_estate_folder

SCHEMA = """
fact = "item"
layout = "csv"
key = ["Item"]

[columns.Item]
field = "code"
type = "code"

[columns.Name]
field = "name"
"""
SOURCE = """
connector = "files"
translation = "tabular_item"
schema = "items"
zone = "America/Chicago"

[files]
folder = "inbox/items"
"""


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    shutil.copytree(sample_estate_folder(), folder)
    (folder / "schemas").mkdir(exist_ok=True)
    (folder / "schemas" / "items.toml").write_text(SCHEMA, "utf-8")
    (folder / "sources" / "items.toml").write_text(SOURCE, "utf-8")
    return folder


def test_a_table_is_traced_as_of_its_source(suture: Command, tmp_path: Path, estate: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("Item,Name\n00-1,Gauze\n00-2,\n", "utf-8")
    ended = suture("trace", "--json", path, "--estate", estate, "--source", "items")
    assert FOUND == ended.code
    first, second = ended.objects
    assert ("tabular", "item", "accepted", "00-1") == (
        first["format"],
        first["type"],
        first["status"],
        first["events"][0]["key"],
    )
    assert ["row 3/Name"] == [each["where"] for each in second["faults"]]
    shown = suture("trace", path, "--estate", estate, "--source", "items")
    assert "table, read as items" in shown.out


def test_a_table_is_never_told_by_its_bytes(suture: Command, tmp_path: Path, estate: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("Item,Name\n00-1,Gauze\n", "utf-8")
    (report,) = suture("trace", "--json", path, "--estate", estate).objects
    assert ["file.format.unknown"] == [each["code"] for each in report["faults"]]


def test_a_source_that_is_none_is_misuse(suture: Command, tmp_path: Path, estate: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("", "utf-8")
    ended = suture("trace", path, "--estate", estate, "--source", "item")
    assert MISUSED == ended.code
    assert "did you mean `items`?" in ended.out + ended.err


def test_a_bank_file_is_traced_like_any_other(suture: Command, tmp_path: Path) -> None:
    path = tmp_path / "deposits.ach"
    path.write_bytes(nacha(batch([entry()])))
    ended = suture("trace", "--json", path)
    (report,) = ended.objects
    assert (WELL, "bank", "NACHA", "accepted", ["deposit.received"]) == (
        ended.code,
        report["format"],
        report["type"],
        report["status"],
        [each["type"] for each in report["events"]],
    )
