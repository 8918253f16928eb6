"""The tables of the guides are well formed, and the right one is chosen for each set."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.wire.x12_sets import SEPARATORS

from suture.wire.x12 import choose
from suture.wire.x12.dictionary import data_element, data_elements, segment_forms
from suture.wire.x12.guide import (
    LoopRule,
    SegmentRule,
    functional_groups,
    guide_names,
    read_guide,
    segment_ids,
)
from suture.wire.x12.segment import Segment

NAMES = [*guide_names(), "TA1"]

HEALTH = {
    ("270", "005010X279A1"): "270_005010X279A1",
    ("271", "005010X279A1"): "271_005010X279A1",
    ("276", "005010X212"): "276_005010X212",
    ("277", "005010X212"): "277_005010X212",
    ("277", "005010X214"): "277CA_005010X214",
    ("278", "005010X217"): "278_005010X217",
    ("820", "005010X218"): "820_005010X218",
    ("834", "005010X220A1"): "834_005010X220A1",
    ("835", "005010X221A1"): "835_005010X221A1",
    ("837", "005010X222"): "837P_005010X222A1",
    ("837", "005010X222A1"): "837P_005010X222A1",
    ("837", "005010X222A2"): "837P_005010X222A1",
    ("837", "005010X223A2"): "837I_005010X223A2",
    ("837", "005010X223A3"): "837I_005010X223A2",
    ("837", "005010X224A2"): "837D_005010X224A2",
    ("837", "005010X224A3"): "837D_005010X224A2",
    ("999", "005010X231A1"): "999_005010X231A1",
}
SUPPLY = ("810", "820", "832", "850", "855", "856", "860", "997")


@pytest.mark.parametrize(("sent", "name"), HEALTH.items())
def test_each_health_care_guide_is_chosen_by_its_version(sent: tuple[str, str], name: str) -> None:
    choice = choose(*sent)
    assert choice is not None
    assert (name, False) == (choice.guide.name, choice.is_assumed)


@pytest.mark.parametrize("set_id", SUPPLY)
@pytest.mark.parametrize("version", ["004010", "004010VICS", "004060", "005010", "006020"])
def test_supply_sets_are_read_by_one_guide_from_4010_on(set_id: str, version: str) -> None:
    choice = choose(set_id, version)
    assert choice is not None
    assert (f"{set_id}_004010", False) == (choice.guide.name, choice.is_assumed)


@pytest.mark.parametrize(
    ("set_id", "version", "name"),
    [
        ("837", "004010X098A1", "837P_005010X222A1"),
        ("837", "004010X096A1", "837I_005010X223A2"),
        ("837", "004010X097A1", "837D_005010X224A2"),
        ("837", "005010", "837P_005010X222A1"),
        ("835", "004010X091A1", "835_005010X221A1"),
        ("850", "003040", "850_004010"),
    ],
)
def test_another_version_is_read_by_the_nearest_guide_on_assumption(
    set_id: str, version: str, name: str
) -> None:
    choice = choose(set_id, version)
    assert choice is not None
    assert (name, True) == (choice.guide.name, choice.is_assumed)


def test_a_set_nobody_has_a_guide_for_has_none() -> None:
    assert choose("214", "004010") is None


def test_each_set_belongs_to_its_functional_group() -> None:
    groups = functional_groups()
    assert frozenset({"HC"}) == groups["837"]
    assert frozenset({"HN"}) == groups["277"]
    assert frozenset({"RA"}) == groups["820"]


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_well_formed(name: str) -> None:
    rules = list(read_guide(name).segments())
    assert list(range(len(rules))) == sorted(rule.index for rule in rules)
    for rule in rules:
        assert rule.repeat_max >= 0
        assert rule.position
        assert all(each.values and "" not in each.values for each in rule.conditions)
        assert len(rule.elements) == len({each[:2] for each in rule.elements})


@pytest.mark.parametrize("name", NAMES)
def test_each_element_of_a_table_is_in_the_dictionary(name: str) -> None:
    forms = segment_forms()
    unlisted = [
        (rule.id, each.number, each.component)
        for rule in read_guide(name).segments()
        for each in rule.elements
        if not each.reference and not forms[rule.id].elements[each.number - 1].startswith("C")
    ]
    assert [] == unlisted


@pytest.mark.parametrize("name", NAMES)
def test_the_places_of_one_segment_in_one_loop_are_told_apart(name: str) -> None:
    """Two rules for one id that any segment fits would make the second unreachable."""
    guide = read_guide(name)

    def members(found: tuple[SegmentRule | LoopRule, ...]) -> None:
        openings = [each.opening if isinstance(each, LoopRule) else each for each in found]
        for first, second in pairwise(openings):
            if first.id == second.id and first.position == second.position:
                told = [each.conditions[0].values for each in (first, second) if each.conditions]
                assert not told or len(told) == 1 or not told[0] & told[1], (first, second)
        for each in found:
            if isinstance(each, LoopRule):
                members(each.members)

    members(guide.members)


def test_loops_are_repeated_where_a_table_says_so() -> None:
    """2300 is written once and stands under the subscriber and under the patient."""
    paths = {rule.loop for rule in read_guide("837P_005010X222A1").segments()}
    own = {path.removeprefix("2000A/2000B") for path in paths if "2000B/2300" in path}
    others = {path.removeprefix("2000A/2000B/2000C") for path in paths if "2000C/2300" in path}
    assert own == others
    assert "/2300/2400/2430" in own


def test_a_data_element_is_found_by_its_place() -> None:
    amount = data_element("CLM", 2)
    assert amount is not None
    assert ("782", "R", 1, 18) == (amount.number, amount.type, amount.shortest, amount.longest)
    frequency = data_element("CLM", 5, 3)
    assert frequency is not None
    assert "1325" == frequency.number
    assert data_element("CLM", 5) is None
    assert data_element("CLM", 2, 1) is None
    assert data_element("CLM", 21) is None
    assert data_element("ZZZ", 1) is None


def test_the_dictionaries_are_well_formed() -> None:
    assert all(1 <= each.shortest <= each.longest for each in data_elements().values())
    assert {"AN", "ID", "N0", "N2", "R", "DT", "TM", "DX"} == {
        each.type for each in data_elements().values()
    }
    for form in segment_forms().values():
        for note in form.notes:
            assert note.kind in set("PRECL"), form.id
            assert form.is_open or max(note.numbers) <= len(form.elements), form.id


def test_conditions_look_at_elements_and_components() -> None:
    diagnosis = next(rule for rule in read_guide("837P_005010X222A1").segments() if rule.id == "HI")
    assert diagnosis.fits(Segment("HI", ["HI", "ABK:J0190"], 2, 0, 0, SEPARATORS))
    assert not diagnosis.fits(Segment("HI", ["HI", "BP:J0190"], 2, 0, 0, SEPARATORS))
    assert not diagnosis.fits(Segment("HI", ["HI"], 2, 0, 0, SEPARATORS))
    assert not diagnosis.fits(Segment("NM1", ["NM1", "ABK:J0190"], 2, 0, 0, SEPARATORS))


def test_ids_of_any_guide_are_known() -> None:
    assert {"CLM", "PO1", "TA1", "INS"} - {"TA1"} <= segment_ids()
    assert "ZZZ" not in segment_ids()
