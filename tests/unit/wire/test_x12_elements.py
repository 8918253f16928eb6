"""Elements against X12 and their guide: each finding with its code, its place and no value."""

from __future__ import annotations

import pytest
from tests.unit.wire.x12_sets import PROFESSIONAL, P, found, locate, segments_of

from suture.wire.x12.elements import broken_notes, check_elements, judge_typed
from suture.wire.x12.guide import SegmentRule, read_guide


def rule_of(guide: str, loop: str, segment: str) -> SegmentRule:
    """Return the rule that a segment falls under in a loop."""
    parsed = segments_of(segment)[0]
    return next(
        rule for rule in read_guide(guide).segments() if rule.loop_id == loop and rule.fits(parsed)
    )


def wrong(segment: str, loop: str, guide: str = "837P_005010X222A1") -> list[tuple[str, str]]:
    """Return code and element of each finding about a segment."""
    rule = rule_of(guide, loop, segment)
    return [
        (each.code, f"{each.number}" + (f"-{each.component}" if each.component else ""))
        for each in check_elements(segments_of(segment)[0], rule)
    ]


@pytest.mark.parametrize(
    ("segment", "loop", "expected"),
    [
        ("CLM*RB-1*150***11:B:1*Y*A*Y*Y", "2300", []),
        ("CLM**150***11:B:1*Y*A*Y*Y", "2300", [("x12.element.missing", "1")]),
        ("CLM*RB-1*150*****Y*A*Y", "2300", [
            ("x12.element.missing", "5"),
            ("x12.element.missing", "6"),
            ("x12.element.code", "7"),
            ("x12.element.code", "8"),
        ]),
        ("CLM*RB-1*150***11:B*Y*A*Y*Y", "2300", [("x12.element.missing", "5-3")]),
        ("CLM*RB-1*1,50***11:B:1*Y*A*Y*Y", "2300", [("x12.element.character", "2")]),
        ("CLM*RB-1*1.505***11:B:1*Y*A*Y*Y", "2300", [("x12.element.character", "2")]),
        ("CLM*RB-1*150***11:B:12*Y*A*Y*Y", "2300", [("x12.element.too_long", "5-3")]),
        ("CLM*RB-1*150***11:B:1*Y*Q*Y*Y", "2300", [("x12.element.code", "7")]),
        ("SV1*HC:99213*150*UN*1.5*11**1", "2400", []),
        ("SV1*HC:99213*150*UN**11**1", "2400", [
            ("x12.element.missing", "4"),
            ("x12.element.condition", "4"),
        ]),
        ("SV1*HC*150*UN*1***1", "2400", [("x12.element.missing", "1-2")]),
        ("SV1*XX:99213*150*UN*1***1", "2400", [("x12.element.code", "1-1")]),
        ("LX*1A", "2400", [("x12.element.character", "1")]),
        ("LX*1234567", "2400", [("x12.element.too_long", "1")]),
        ("LX*1*2", "2400", [("x12.element.too_many", "2")]),
        ("DTP*472*D8*20261015", "2400", []),
        ("DTP*472*RD8*20261015-20261016", "2400", []),
        ("DTP*472*D8*20261315", "2400", [("x12.element.date", "3")]),
        ("DTP*472*D8*261015", "2400", [("x12.element.date", "3")]),
        ("DTP*472*RD8*20261015", "2400", [("x12.element.date", "3")]),
        ("DTP*472*TM*0930", "2400", [("x12.element.code", "2")]),
        ("NM1*85*2*CLINIC*****XX", "2010AA", [("x12.element.condition", "9")]),
        ("N4*SPRINGDALE*IL*62701****ON", "2010AA", [
            ("x12.element.exclusion", "7"),
            ("x12.element.condition", "4"),
        ]),
        ("REF*EI*" + "1" * 51, "2010AA", [("x12.element.too_long", "2")]),
        ("HCP*10", "2300", [("x12.element.missing", "2")]),
    ],
)  # fmt: skip
def test_an_element_is_told_by_what_is_wrong_with_it(
    segment: str, loop: str, expected: list[tuple[str, str]]
) -> None:
    assert expected == wrong(segment, loop)


@pytest.mark.parametrize(
    ("segment", "loop", "guide", "expected"),
    [
        ("BHT*0019*00*1*20261102*0930*CH", "", "837P_005010X222A1", []),
        ("BHT*0019*00*1*20261102*2530*CH", "", "837P_005010X222A1", [("x12.element.time", "5")]),
        ("N3*A*" + "B" * 60, "2010AA", "837P_005010X222A1", []),
        ("TRN*1*A*123", "2000C", "270_005010X279A1", [("x12.element.too_short", "3")]),
        ("EB*1**30^98^UC", "2110C", "271_005010X279A1", []),
        ("EB*1**30^9834", "2110C", "271_005010X279A1", [("x12.element.too_long", "3")]),
        ("TDS*2937.50", "", "810_004010", [("x12.element.character", "1")]),
        ("BIG*20261110*1", "", "810_004010", []),
        ("BIG*261110*1", "", "810_004010", []),
        ("BIG*20261131*1", "", "810_004010", [("x12.element.date", "1")]),
        ("BCT*PS*1*2*3*4*5*6*7*8*9*10*11*12*13", "", "832_004010", []),
    ],
)
def test_types_are_those_of_the_data_element_dictionary(
    segment: str, loop: str, guide: str, expected: list[tuple[str, str]]
) -> None:
    assert expected == wrong(segment, loop, guide)


@pytest.mark.parametrize(
    ("value", "kind", "form", "code"),
    [
        ("1.5", "R", "", ""),
        (".5", "R", "", ""),
        ("-5.", "R", "", ""),
        ("1E3", "R", "", ""),
        ("1_0", "R", "", "x12.element.character"),
        ("\u0661", "R", "", "x12.element.character"),
        ("NaN", "R", "", "x12.element.character"),
        ("-12", "N0", "", ""),
        ("1.0", "N0", "", "x12.element.character"),
        ("20240229", "DT", "", ""),
        ("20230229", "DT", "", "x12.element.date"),
        ("240229", "DT", "", ""),
        ("235959", "TM", "", ""),
        ("23595999", "TM", "", ""),
        ("2360", "TM", "", "x12.element.time"),
        ("202402291015", "DX", "DT", ""),
        ("202402292515", "DX", "DT", "x12.element.date"),
        ("1015", "DX", "TM", ""),
        ("240229", "DX", "D6", ""),
        ("SOON", "DX", "UN", ""),
    ],
)
def test_values_are_judged_by_their_type(value: str, kind: str, form: str, code: str) -> None:
    assert code == judge_typed(value, kind, form, 1, 35)


@pytest.mark.parametrize(
    ("form", "told", "broken"),
    [
        ("NM1", {1, 2, 8, 9}, ()),
        ("NM1", {1, 2, 9}, (("x12.element.condition", 8),)),
        ("NM1", {1, 2, 11}, (("x12.element.condition", 10),)),
        ("REF", {1}, (("x12.element.condition", 2),)),
        ("REF", {1, 3}, ()),
        ("QTY", {1, 2, 4}, (("x12.element.exclusion", 4),)),
        ("QTY", {1}, (("x12.element.condition", 2),)),
        ("CUR", {1, 2, 10}, (("x12.element.condition", 11),)),
        ("CUR", {1, 2, 10, 12}, ()),
        ("DTM", {1, 4}, (("x12.element.condition", 2), ("x12.element.condition", 3))),
    ],
)
def test_syntax_notes_of_x12_hold(
    form: str, told: set[int], broken: tuple[tuple[str, int], ...]
) -> None:
    pattern = tuple(number == 0 or number in told for number in range(max(told) + 1))
    assert broken == broken_notes(form, pattern)


def test_a_finding_names_the_place_and_never_the_value() -> None:
    _, verdict = locate(PROFESSIONAL.replace("*150*UN*1*", "*SECRET*UN*SECRET*"), *P)
    line = "2000A[1]/2000B[1]/2300[1]/2400[1]"
    assert [
        ("x12.element.character", f"{line}/SV1-02"),
        ("x12.element.character", f"{line}/SV1-04"),
    ] == found(verdict)
    assert "SECRET" not in repr(verdict)


def test_an_amount_that_cannot_be_read_is_a_fault_even_when_the_guide_is_assumed() -> None:
    text = PROFESSIONAL.replace("*150*UN*1*", "*SECRET*UN*1*")
    _, verdict = locate(text, "837", "004010X098A1")
    assert ["x12.element.character"] == [each.code for each in verdict.faults]


def test_what_suture_does_not_book_from_is_noted() -> None:
    _, verdict = locate(PROFESSIONAL.replace("*Y*A*Y*Y", "*Q*A*Y*Y"), *P)
    assert ((), ["x12.element.code"]) == (verdict.faults, [each.code for each in verdict.notes])
