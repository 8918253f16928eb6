"""The product's own settings, an estate's folder, and secrets by reference (config.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.config import (
    EstateTooLargeError,
    Settings,
    load_settings,
    read_folder,
    read_secret,
)
from suture.model.fault import Fault


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "suture.toml"


def test_without_a_file_every_setting_has_its_default() -> None:
    assert Settings() == load_settings(None, {})


def test_the_file_and_then_the_environment_override_the_defaults(write: Path) -> None:
    write.write_text(
        'data_folder = "d"\n[database]\nurl = "postgresql://a/b"\nconnections_max = 3\n'
    )
    environment = {"DATABASE_URL": "postgresql://c/d", "SUTURE_POSTGRES_BIN": "bin"}
    settings = load_settings(write, environment)
    assert isinstance(settings, Settings)
    assert ("d", "postgresql://c/d", "bin", 3) == (
        settings.data_folder,
        settings.database.url,
        settings.database.binaries_folder,
        settings.database.connections_max,
    )
    moved = load_settings(write, {"SUTURE_DATA_FOLDER": "e"})
    assert isinstance(moved, Settings)
    assert ("e", "postgresql://a/b") == (moved.data_folder, moved.database.url)


def test_every_misspelt_setting_is_told_with_its_line_and_what_was_meant(write: Path) -> None:
    write.write_text('[engine]\nruners_count = 2\npartitions_count = 0\n\n[databas]\nurl = ""\n')
    faults = load_settings(write, {})
    assert isinstance(faults, tuple)
    assert [
        ("estate.key.unknown", "suture.toml:5"),
        ("estate.key.unknown", "suture.toml:2"),
        ("estate.value.invalid", "suture.toml:3"),
    ] == [(fault.code, fault.where) for fault in faults]
    assert "did you mean `database`?" in faults[0].explanation
    assert "did you mean `runners_count`?" in faults[1].explanation


def test_a_file_that_is_not_toml_is_told_with_its_line(write: Path) -> None:
    write.write_text("[engine]\nrunners_count 2\n")
    faults = load_settings(write, {})
    assert isinstance(faults, tuple)
    assert [("estate.file.unreadable", "suture.toml:2")] == [
        (fault.code, fault.where) for fault in faults
    ]


@pytest.mark.parametrize(
    "url", ["postgresql://u:hunter2@h/d", "postgresql://h/d?user=u&password=hunter2"]
)
def test_b90_a_password_in_the_settings_file_is_refused_and_not_repeated(
    write: Path, url: str
) -> None:
    write.write_text(f'[database]\nurl = "{url}"\n')
    faults = load_settings(write, {})
    assert isinstance(faults, tuple)
    assert [("estate.secret.literal", "suture.toml:2")] == [
        (fault.code, fault.where) for fault in faults
    ]
    assert "hunter2" not in repr(faults)


def test_a_password_may_come_by_the_environment() -> None:
    settings = load_settings(None, {"DATABASE_URL": "postgresql://u:hunter2@h/d"})
    assert isinstance(settings, Settings)


def test_a_folder_is_read_whole_but_for_links_and_hidden_names(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "accounts.csv").write_bytes(b"account\r\n")
    (tmp_path / "estate.toml").write_bytes(b"\xff")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")
    (tmp_path / "linked.toml").symlink_to(tmp_path / "estate.toml")
    assert {"estate.toml": b"\xff", "ledger/accounts.csv": b"account\r\n"} == read_folder(tmp_path)


def test_a_folder_that_is_no_estate_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.config.FILE_BYTES_MAX", 3)
    (tmp_path / "estate.toml").write_bytes(b"1234")
    with pytest.raises(EstateTooLargeError, match=r"estate\.toml"):
        read_folder(tmp_path)


def test_a_secret_is_read_from_where_its_reference_says(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"hunter2\r\n")
    assert "hunter2" == read_secret(f"file:{file}", {})
    assert "hunter2" == read_secret("env:TOKEN", {"TOKEN": "hunter2"})


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("env:ABSENT", "estate.secret.absent"),
        ("file:no/such/file", "estate.secret.absent"),
        ("hunter2", "estate.secret.literal"),
    ],
)
def test_a_secret_that_is_not_there_is_a_fault_that_does_not_hold_it(
    reference: str, code: str
) -> None:
    outcome = read_secret(reference, {})
    assert isinstance(outcome, Fault)
    assert code == outcome.code
    assert "hunter2" not in repr(outcome)
