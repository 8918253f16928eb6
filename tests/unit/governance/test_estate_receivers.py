"""Receivers: what one may be told, as what, of whom; each mistake by file and line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from suture.catalogue import RENDERERS, Format
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, check, load

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")
LAB = "destinations/lab.toml"
SOUND = """connector = "mllp"
tells = ["encounter", "account.registered"]
format = "er7"
grants = ["operational", "financial"]
same_system_as = ["adt"]
[mllp]
host = "127.0.0.1"
port = 6661
"""


@pytest.fixture(autouse=True)
def _format(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Format("application/hl7-v2+er7", RENDERERS["fhir"].renderers)
    monkeypatch.setitem(RENDERERS, "er7", told)


def test_a_receiver_is_told_every_fact_of_a_kind_or_a_type_alone() -> None:
    estate = load(FILES | {LAB: SOUND.encode()}, CONNECTORS)
    assert isinstance(estate, Estate), estate
    lab = estate.receivers["lab"]
    assert "lab" not in estate.destinations
    assert {"account.registered", "encounter.admitted", "encounter.discharged"} < set(lab.types)
    assert {"account", "encounter"} == {each.partition(".")[0] for each in lab.types}
    assert ({"lab", "adt"}, False) == (set(lab.unheard_sources), lab.may_know_who)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('"encounter"', '"encounters"', "estate.reference.unknown", 2),
        ('"encounter", "account.registered"', "", "estate.value.invalid", 2),
        ('"er7"', '"er8"', "estate.reference.unknown", 3),
        ('"er7"', '"fhir"', "estate.value.invalid", 3),
        ('"operational", "financial"', '"financial"', "estate.grant.missing", 4),
        ('"operational"', '"operation"', "estate.reference.unknown", 4),
        ('["adt"]', '["nobody"]', "estate.reference.unknown", 0),
        ("6661", "0", "estate.value.invalid", 8),
    ],
)
def test_what_is_wrong_is_told_by_its_line(old: str, new: str, code: str, line: int) -> None:
    found = check(FILES | {LAB: SOUND.replace(old, new, 1).encode()}, CONNECTORS)
    where = f"{LAB}:{line}" if line else LAB
    assert (code, where) in {(each.code, each.where) for each in found}, found


def test_certificates_that_do_not_belong_together_are_told() -> None:
    wrong = SOUND + '[mllp.tls]\ncertificate = "file:a.pem"\n'
    found = check(FILES | {LAB: wrong.encode()}, CONNECTORS)
    assert {"estate.value.invalid"} == {each.code for each in found}


def test_every_format_writes_facts_of_the_model_only() -> None:
    for told in RENDERERS.values():
        assert all(issubclass(kind, msgspec.Struct) for kind in told.renderers)
