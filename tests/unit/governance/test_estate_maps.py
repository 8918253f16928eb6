"""What `suture check` says of `maps/*.toml`: each mistake by file, line and character."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, check, load
from suture.model.fault import Fault

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")
MAP = """\
# What differs in how registration fills its messages.
[lookups]
ward = "maps/ward.csv"

[[set]]
message = "ADT"
target = "PV1-3.1"
value = 'lookup(ward, PV1-3.4, PV1-3.1)'

[[set]]
target = "PID-18"
value = 'first(PID-18, ZPV-2)'
when = 'not present(PID-18)'
"""
WARDS = "source,code,value,valid_from,valid_to\n*,4W,MEDSURG,,2026-06-30\n*,4W,SURG,2026-07-01,\n"


def files(written: str = MAP, wards: str = WARDS) -> dict[str, bytes]:
    return FILES | {"maps/adt.toml": written.encode(), "maps/ward.csv": wards.encode()}


def only(written: str = MAP, wards: str = WARDS) -> Fault:
    (fault,) = check(files(written, wards), CONNECTORS)
    return fault


def test_a_map_is_read_in_order_for_the_source_of_its_name() -> None:
    estate = load(files(), CONNECTORS)
    assert isinstance(estate, Estate)
    (source, overlay), *others = estate.overlays.items()
    assert ("adt", "adt", []) == (source, overlay.source, others)
    assert ["maps/adt.toml:5", "maps/adt.toml:10"] == [each.where for each in overlay.rules]
    assert ["PV1-3.1", "PID-18"] == [each.target for each in overlay.rules]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("lookup(ward, PV1-3.4", "lookup(wards, PV1-3.4", 8, "character 8: no look-up is named"),
        ("not present(PID-18)", "not present(PID-18", 13, "character 19: `)` is expected"),
        ("first(PID-18, ZPV-2)", "first(PID-18; ZPV-2)", 12, "character 13: nothing can begin"),
    ],
)
def test_a_mistake_in_an_expression_is_found_at_its_character(
    old: str, new: str, line: int, words: str
) -> None:
    found = only(MAP.replace(old, new))
    assert ("estate.expression.invalid", f"maps/adt.toml:{line}") == (found.code, found.where)
    assert words in found.explanation


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('target = "PV1-3.1"', 'target = "MSH-2"', 7),
        ('target = "PID-18"', 'target = "account"', 11),
        ('message = "ADT"', 'message = "adt"', 6),
    ],
)
def test_a_place_or_message_that_is_none_is_refused_at_its_line(
    old: str, new: str, line: int
) -> None:
    found = only(MAP.replace(old, new))
    assert ("estate.value.invalid", f"maps/adt.toml:{line}") == (found.code, found.where)


def test_a_misspelt_key_is_refused() -> None:
    assert "estate.key.unknown" == only(MAP.replace("when =", "whenn =")).code


def test_a_map_of_no_source_is_refused() -> None:
    (found,) = check(FILES | {"maps/adtt.toml": b""}, CONNECTORS)
    assert ("estate.reference.unknown", "maps/adtt.toml:1") == (found.code, found.where)
    assert "did you mean `adt`?" in found.explanation


def test_a_table_that_is_not_there_is_missed() -> None:
    found = only(MAP.replace("maps/ward.csv", "maps/beds.csv"))
    assert ("estate.reference.unknown", "maps/adt.toml:3") == (found.code, found.where)


def test_two_rows_that_answer_the_same_day_are_refused() -> None:
    found = only(wards=WARDS.replace("2026-07-01", "2026-06-01"))
    assert ("estate.row.duplicate", "maps/ward.csv:3") == (found.code, found.where)


def test_a_day_that_is_none_is_refused() -> None:
    found = only(wards=WARDS.replace("2026-07-01", "July"))
    assert ("estate.value.invalid", "maps/ward.csv:3") == (found.code, found.where)


def test_rules_written_in_one_line_are_read_too() -> None:
    written = "set = [{target = 'PV1-3', value = 'PV1-4'}, {target = 'x', value = 'PV1-4'}]"
    assert "maps/adt.toml:1" == only(written).where


def test_a_map_has_a_bound() -> None:
    rules = "[[set]]\ntarget = \"PID-18\"\nvalue = 'PID-3'\n" * 501
    assert "at most 500 rules" in only(rules).explanation
