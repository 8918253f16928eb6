"""`suture check`: a sound estate is summed up, an unsound one is told line by line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.cli.command_line import Command

from suture.cli.ending import FOUND, MISUSED, WELL

RIVERBEND = Path(__file__).resolve().parents[3] / "estates" / "riverbend"


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return a copy of the sample estate, to be spoilt."""
    return shutil.copytree(RIVERBEND, tmp_path / "estate")


def test_a_sound_estate_is_summed_up(suture: Command, estate: Path) -> None:
    ended = suture("check", estate)
    assert WELL == ended.code
    assert "SOUND" in ended.out
    assert "Riverbend" in ended.out
    assert "journal rules" in ended.out


def test_machines_get_the_counts_of_a_sound_estate(suture: Command, estate: Path) -> None:
    ended = suture("check", estate, "--json")
    (told,) = ended.objects
    assert (WELL, True, []) == (ended.code, told["sound"], told["faults"])
    assert 2 == told["counts"]["entities"]
    assert 4 == told["counts"]["sources"]
    rows = (estate / "ledger" / "journal_rules.csv").read_text().splitlines()
    assert len(rows) - 1 == told["counts"]["journal_rules"]
    assert told["release"].startswith("rel_")


def test_a_source_is_told_with_its_place_and_its_policies(suture: Command, estate: Path) -> None:
    file = estate / "sources" / "adt.toml"
    told = (
        file.read_text()
        .replace('"stored"', '"understood"')
        .replace("zone", 'processing = "T"\nzone')
    )
    file.write_text(told)
    (object_,) = suture("check", estate, "--json").objects
    adt, remits = (
        next(each for each in object_["sources"] if each["source"] == name)
        for name in ("adt", "remits")
    )
    assert adt == {
        "source": "adt",
        "connector": "mllp",
        "address": "127.0.0.1:2575",
        "translation": ["hl7v2_adt"],
        "processing": "T",
        "line_numbers": "sender",
        "ack": "understood",
    }
    assert ("files", "P", None) == (remits["connector"], remits["processing"], remits["ack"])
    assert object_["destinations"] == [
        {
            "destination": "erp",
            "connector": "journal_api",
            "address": "http://127.0.0.1:8070",
            "entities": [],
            "policies": ["immediate", "charges"],
        }
    ]
    shown = " ".join(suture("check", estate).out.split())
    assert "to erp journal_api at http://127.0.0.1:8070 every entity; immediate, charges" in shown
    assert "from adt mllp 127.0.0.1:2575 hl7v2_adt; tests only; answers AE to what is held" in shown
    assert "hl7v2_dft; production; acknowledges what is stored" in shown


def test_a_misspelt_setting_is_told_with_its_line_and_what_was_meant(
    suture: Command, estate: Path
) -> None:
    file = estate / "sources" / "remits.toml"
    file.write_text(file.read_text().replace("translation =", "translaton ="))
    number = next(
        index
        for index, line in enumerate(file.read_text().splitlines(), 1)
        if line.startswith("translaton")
    )
    ended = suture("check", estate)
    assert FOUND == ended.code
    assert "sources/remits.toml" in ended.out
    assert f"line {number}" in ended.out
    assert "did you mean" in ended.out.lower()
    assert "NOT SOUND" in ended.out
    assert "→" in ended.out


def test_machines_get_file_line_and_remedy_of_each_fault(suture: Command, estate: Path) -> None:
    (estate / "crosswalks" / "payer.csv").write_text("source,payer\n*,MCR\n")
    ended = suture("check", estate, "--json")
    (told,) = ended.objects
    assert (FOUND, False) == (ended.code, told["sound"])
    for each in told["faults"]:
        assert {"code", "file", "line", "explanation", "remedy"} == set(each)
        assert "crosswalks/payer.csv" == each["file"]
        assert each["remedy"]


def test_a_folder_that_is_not_there_is_wrong_usage(suture: Command, tmp_path: Path) -> None:
    ended = suture("check", tmp_path / "absent")
    assert MISUSED == ended.code
    assert "estate.toml" in ended.err


def test_an_unsound_estate_is_never_served(suture: Command, estate: Path, tmp_path: Path) -> None:
    (estate / "ledger" / "accounts.csv").unlink()
    home = tmp_path / "home"
    ended = suture("serve", estate, "--home", home)
    assert FOUND == ended.code
    assert "ledger/accounts.csv" in ended.out
    assert not home.exists()
