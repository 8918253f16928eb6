"""Several destinations: each entity under each policy has exactly one, and every entry has one.

What a single destination's file can get wrong is `test_estate_check.py`; that journals arrive where
they are sent is `tests/integration/test_duties_routes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.connections import Destination
from suture.governance.estate import Estate, check, load
from suture.governance.routes import destination_of

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")
ERP, CLINIC = "destinations/erp.toml", "destinations/clinic.toml"


def estate_with(erp: str = "", clinic: str = "", without: str = "-") -> dict[str, bytes]:
    """Return the sample estate with a second destination, each taking these; one lacks a policy."""
    text = FILES[ERP].decode()
    return FILES | {
        ERP: told(text, erp),
        CLINIC: told(text.replace(f"[policies.{without}]", "[policies.other]"), clinic),
    }


def told(text: str, entities: str) -> bytes:
    line = f"entities = {entities}\n" if entities else ""
    return text.replace("grants =", f"{line}grants =").encode()


def found(files: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    return [(each.code, each.where, each.explanation) for each in check(files, CONNECTORS)]


def destinations(files: Mapping[str, bytes]) -> dict[str, Destination]:
    estate = load(files, CONNECTORS)
    assert isinstance(estate, Estate), estate
    return estate.destinations


def test_two_destinations_that_take_the_same_are_refused() -> None:
    """An entry goes into one journal: which, would be a matter of chance."""
    told = found(estate_with())
    assert 4 == len(told)
    assert {("estate.route.twice", ERP)} == {each[:2] for each in told}
    assert {
        f"Destination `clinic` takes journals of entity `{entity}` under policy `{policy}` already."
        for entity in ("RVH", "RVM")
        for policy in ("immediate", "charges")
    } == {each[2] for each in told}


def test_an_entity_that_no_destination_takes_is_missed_before_it_books() -> None:
    told = found(FILES | {ERP: told_alone('["RVH"]')})
    assert [("estate.route.absent", "destinations/")] * 2 == [each[:2] for each in told]
    assert all("entity `RVM`" in each[2] for each in told)


def told_alone(entities: str) -> bytes:
    return told(FILES[ERP].decode(), entities)


def test_a_policy_that_a_destination_has_no_table_for_is_not_its_own() -> None:
    files = estate_with('["RVH"]', '["RVM"]', without="immediate")
    (told,) = found(files)
    assert "estate.route.absent" == told[0]
    assert "entity `RVM` under policy `immediate`" in told[2]


def test_an_entity_that_is_none_is_told_with_what_was_meant() -> None:
    told = found(estate_with('["RVH"]', '["RVMM"]'))
    assert ("estate.reference.unknown", CLINIC) == told[0][:2]
    assert "did you mean `RVM`?" in told[0][2]


def test_entities_or_policies_part_destinations() -> None:
    by_entity = destinations(estate_with('["RVH"]', '["RVM"]'))
    assert {"RVH": "erp", "RVM": "clinic"} == {
        entity: destination_of(by_entity, entity, "charges") for entity in ("RVH", "RVM")
    }
    text = FILES[ERP].decode()
    by_policy = destinations(
        FILES
        | {
            ERP: text.replace("[policies.immediate]\n", "").encode(),
            CLINIC: text.replace(
                "[policies.charges]\nseconds_max = 60\nentries_max = 2000\n", ""
            ).encode(),
        }
    )
    assert ("erp", "clinic") == (
        destination_of(by_policy, "RVH", "charges"),
        destination_of(by_policy, "RVH", "immediate"),
    )


@pytest.mark.parametrize(
    ("entity", "policy", "name"),
    [
        ("RVM", "of an earlier release", "clinic"),
        ("RVH", "of an earlier release", "erp"),
        ("sold", "charges", "clinic"),
        ("sold", "of an earlier release", "clinic"),
    ],
)
def test_what_an_earlier_release_booked_has_a_destination_all_the_same(
    entity: str, policy: str, name: str
) -> None:
    """Whatever that release called its entities and policies: no entry stays behind."""
    both = destinations(estate_with('["RVH"]', '["RVM"]'))
    assert name == destination_of(both, entity, policy)
