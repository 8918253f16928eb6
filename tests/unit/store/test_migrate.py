"""Migrations are refused before they are applied when files and database do not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.store.migrate import Migration, MigrationError, load_migrations, unapplied

ONE = Migration(1, "spine", "create table one ()")
TWO = Migration(2, "ribs", "create table two ()")


def test_the_packaged_migrations_are_numbered_from_one_without_gaps() -> None:
    found = load_migrations()
    assert list(range(1, len(found) + 1)) == [each.version for each in found]
    assert found[0].title == "0001_spine"


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "0002_ribs.sql").write_text("two")
    (tmp_path / "0001_spine.sql").write_text("one")
    found = [(each.title, each.sql) for each in load_migrations(tmp_path)]
    assert [("0001_spine", "one"), ("0002_ribs", "two")] == found


def test_a_gap_in_the_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_ribs.sql").write_text("")
    with pytest.raises(MigrationError, match="0001 is missing"):
        load_migrations(tmp_path)


@pytest.mark.parametrize("name", ["0001_again.sql", "2_ribs.sql", "0002-ribs.sql", "README.md"])
def test_a_file_that_would_be_passed_over_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_spine.sql").write_text("")
    (tmp_path / name).write_text("")
    with pytest.raises(MigrationError, match="is no migration, or its number is taken"):
        load_migrations(tmp_path)


def test_what_is_not_applied_yet_remains_to_do() -> None:
    assert (ONE, TWO) == unapplied((ONE, TWO), {})
    assert (TWO,) == unapplied((ONE, TWO), {1: ONE.sha256})
    assert () == unapplied((ONE, TWO), {1: ONE.sha256, 2: TWO.sha256})


def test_a_file_changed_after_it_was_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0001_spine was changed.*new migration"):
        unapplied((ONE, TWO), {1: TWO.sha256})


def test_a_database_newer_than_the_code_is_refused() -> None:
    with pytest.raises(MigrationError, match="schema 2, and this Suture knows 1: start the newer"):
        unapplied((ONE,), {1: ONE.sha256, 2: TWO.sha256})


def test_a_hole_in_what_was_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match="0001_spine was never applied"):
        unapplied((ONE, TWO), {2: TWO.sha256})
