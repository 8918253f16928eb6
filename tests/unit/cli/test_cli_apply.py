"""What `suture apply` says will take effect, and when; and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.cli.apply import Applied, _print, _unusable_folders, changed_destinations, moved_doors
from suture.cli.estates import sample_estate
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load

ERP = "destinations/erp.toml"


def estate(path: str = "", old: str = "", new: str = "", **files: bytes | None) -> Estate:
    """Return Riverbend with one text of one file replaced, and files added or (None) left out."""
    whole = dict(sample_estate())
    if path:
        assert old in whole[path].decode()
        whole[path] = whole[path].decode().replace(old, new).encode()
    for name, content in files.items():
        key = f"sources/{name}.toml"
        whole = {each: text for each, text in whole.items() if each != key}
        whole |= {key: content} if content else {}
    read = load(whole, CONNECTORS)
    assert isinstance(read, Estate), read
    return read


def test_a_door_that_moves_is_told_with_its_new_place() -> None:
    moved = moved_doors(estate(), estate("sources/charges.toml", "2577", "2580"))
    assert {"charges": "moves to mllp 127.0.0.1:2580"} == moved
    folder = moved_doors(estate(), estate("sources/remits.toml", "inbox/remits", "inbox/era"))
    assert {"remits": "moves to files inbox/era/*.835"} == folder


def test_a_new_door_opens_and_one_that_is_gone_closes() -> None:
    file = sample_estate()["sources/scheduling.toml"]
    other = file.replace(b"2576", b"2590")
    assert {"clinic": "opens at mllp 127.0.0.1:2590"} == moved_doors(estate(), estate(clinic=other))
    assert {"clinic": "closes"} == moved_doors(estate(clinic=other), estate())


def test_other_limits_open_the_same_door_again() -> None:
    changed = estate("sources/remits.toml", "stable_seconds = 1.0", "stable_seconds = 9.0")
    assert {"remits": "opens again, by new settings"} == moved_doors(estate(), changed)


def test_what_changes_no_door_is_told_of_none() -> None:
    assert {} == moved_doors(estate(), estate("sources/adt.toml", "Chicago", "New_York"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("127.0.0.1:8070", "127.0.0.1:8071"),
        ("env:SUTURE_ERP_TOKEN", "env:OTHER_TOKEN"),
        ("entries_max = 2000", "entries_max = 20"),
    ],
)
def test_new_settings_of_a_destination_wait_for_the_next_start(old: str, new: str) -> None:
    assert ["erp"] == changed_destinations(estate(), estate(ERP, old, new))


def test_nothing_of_a_destination_waits_where_nothing_of_it_changed() -> None:
    assert [] == changed_destinations(estate(), estate("sources/adt.toml", "2575", "2599"))
    assert [] == changed_destinations(None, estate())


def test_a_folder_that_cannot_be_made_is_refused_and_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "inbox").touch()
    (fault,) = _unusable_folders(estate(), tmp_path)
    assert ("files.folder.unusable", "sources/remits.toml") == (fault.code, fault.where)
    assert f"{tmp_path / 'inbox'} is no folder" in fault.explanation
    home = tmp_path / "home"
    assert [] == list(_unusable_folders(estate(), home))
    assert not home.exists()


def test_people_read_what_takes_effect_now_and_what_does_not_yet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = Applied(
        applied=True,
        number=4,
        release="rel_4",
        waiting_streams=2,
        running=True,
        doors=["charges moves to mllp 127.0.0.1:2580"],
        not_open=["charges"],
        at_next_start=["erp"],
    )
    _print(told)
    out = capsys.readouterr().out
    assert "In force: release 4 rel_4" in out
    assert "Door  charges moves to mllp 127.0.0.1:2580" in out
    assert "Not open  charges: `suture status` says why." in out
    assert "2 streams with parked work will be decided again." in out
    assert "Not yet  erp: its new settings" in out
