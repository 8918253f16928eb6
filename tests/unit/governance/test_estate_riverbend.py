"""The sample estate is a whole one: checked, complete, and of the size the tutorials speak of."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, check, load
from suture.governance.release import pack, unpack

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")


@pytest.fixture(scope="module")
def estate() -> Estate:
    loaded = load(FILES, CONNECTORS)
    assert isinstance(loaded, Estate)
    return loaded


def test_it_passes_its_own_check() -> None:
    assert () == check(FILES, CONNECTORS)


def test_it_loads_alike_from_the_folder_and_from_the_store(estate: Estate) -> None:
    stored = load(unpack(pack(FILES)), CONNECTORS)
    assert isinstance(stored, Estate)
    assert estate.release_id == stored.release_id == estate.books.release


def test_six_hospitals_and_twelve_clinics_belong_to_two_legal_entities(estate: Estate) -> None:
    entities = Counter(facility.entity for facility in estate.facilities.values())
    assert {"RVH": 6, "RVM": 12} == dict(entities)
    assert {"medicare", "medicaid", "commercial", "self_pay"} == set(estate.payer_classes)


def test_hospitals_have_eight_departments_or_more_and_clinics_three(estate: Estate) -> None:
    centres = Counter(centre.partition("-")[0] for centre in estate.cost_centres)
    for facility in estate.facilities.values():
        departments_min = 8 if facility.entity == "RVH" else 3
        assert centres[facility.id] > departments_min  # and the facility's own


def test_january_and_february_are_closed_for_both_entities(estate: Estate) -> None:
    for entity in estate.entities:
        booked_on = estate.books.periods.accounting_date(entity, date(2026, 1, 15))
        assert date(2026, 3, 1) == booked_on


def test_it_listens_to_three_systems_and_watches_for_remittances(estate: Estate) -> None:
    connectors = {source.name: source.connector for source in estate.sources.values()}
    assert {"adt": "mllp", "scheduling": "mllp", "charges": "mllp", "remits": "files"} == connectors
    ports = [claim for source in estate.sources.values() for claim in source.settings.claims()]
    assert 3 == len(ports)
    assert len(ports) == len(set(ports))


def test_the_general_ledger_is_granted_no_phi_and_its_token_is_a_reference(estate: Estate) -> None:
    erp = estate.destinations["erp"]
    assert ("financial", "operational") == erp.grants
    assert erp.token.startswith("env:")
    assert {"immediate", "charges"} == set(erp.policies)


def test_every_source_may_assume_the_facility_it_names(estate: Estate) -> None:
    assert "RGH" == estate.sources["remits"].facility


@pytest.mark.parametrize("kind", ["forwarded_claim_payment", "secondary_claim_payment"])
def test_whatever_a_primary_claim_has_a_rule_for_every_other_claim_has_one_for(
    estate: Estate, kind: str
) -> None:
    """Else an ordinary denial of a second payer would land in suspense."""
    rules = estate.books.rules
    credit_role = "receivable_patient" if kind.startswith("sec") else "receivable_insurance"
    for row in _journal_rules():
        if row["booking"] != "claim_payment":
            continue
        told = row["amount"], row["group"], row["reason"]
        rule = rules.find(kind, *told, is_negative=False)
        assert rule is not None
        if row["group"] == "PR":
            assert rule.is_informational
        elif row["debit_role"] == "none":
            assert rule.is_informational, told
        else:
            assert (row["debit_role"], credit_role) == (rule.debit_role, rule.credit_role), told


def _journal_rules() -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(FILES["ledger/journal_rules.csv"].decode())))
