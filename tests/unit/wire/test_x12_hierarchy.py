"""HL01 counts, HL02 names an open level, HL04 tells whether there are levels below."""

from __future__ import annotations

import pytest
from tests.unit.wire.x12_sets import PROFESSIONAL, P, found, locate, segments_of

from suture.wire.x12.hierarchy import Levels


def wrong(*levels: str) -> list[tuple[str, int, int]]:
    """Return code, segment and element of what is wrong with these HL."""
    open_levels = Levels()
    found_so_far = []
    for segment in segments_of("~".join(levels)):
        found_so_far += open_levels.enter(segment)
    found_so_far += open_levels.finish()
    return [(code, segment.ordinal, number) for code, segment, number in found_so_far]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["HL*1**20*1", "HL*2*1*22*0", "HL*3*1*22*1", "HL*4*3*23*0"], []),
        (["HL*1**S", "HL*2*1*O", "HL*3*2*I", "HL*4*1*O"], []),
        (["HL*01**20*0"], []),
        (["HL*1**20*1", "HL*3*1*22*0"], [("x12.hierarchy.number", 3, 1)]),
        (["HL*1**20*1", "HL*1*1*22*0"], [("x12.hierarchy.number", 3, 1)]),
        (["HL*A**20*0"], [("x12.hierarchy.number", 2, 1)]),
        (["HL*1**20*0", "HL*2*9*22*0"], [("x12.hierarchy.parent", 3, 2)]),
        (
            ["HL*1**20*1", "HL*2*1*22*1", "HL*3*2*23*0", "HL*4*1*22*1", "HL*5*2*23*0"],
            [("x12.hierarchy.parent", 6, 2), ("x12.hierarchy.children", 5, 4)],
        ),
        (["HL*1**20*0", "HL*2*1*22*0"], [("x12.hierarchy.children", 2, 4)]),
        (["HL*1**20*1"], [("x12.hierarchy.children", 2, 4)]),
    ],
)
def test_levels_are_counted_and_nested(
    levels: list[str], expected: list[tuple[str, int, int]]
) -> None:
    assert expected == wrong(*levels)


def test_the_levels_above_are_those_of_the_parents() -> None:
    levels = Levels()
    for segment in segments_of("HL*1**S~HL*2*1*O~HL*3*2*I~HL*4*1*O~HL*5*4*I"):
        levels.enter(segment)
    assert [("1", "S"), ("4", "O")] == [(each.number, each.code) for each in levels.above]


def test_a_level_under_another_than_its_place_says_is_a_fault() -> None:
    """HL02 of the dependent names the provider: whose claims these are is not certain."""
    text = PROFESSIONAL + (
        "HL*3*1*22*1~SBR*P**G******CI~NM1*IL*1*EXAMPLE*BEN****MI*M2~NM1*PR*2*PLAN*****PI*P~"
        "HL*4*1*23*0~PAT*19~NM1*QC*1*EXAMPLE*CAL~N3*5 ELM~N4*SPRINGDALE*IL*62701~"
        "DMG*D8*20150620*F~"
    )
    _, verdict = locate(text, *P)
    assert ("x12.hierarchy.parent", "2000A[1]/2000B[2]/2000C[1]/HL-02") in found(verdict)
    assert ["x12.hierarchy.parent"] == [each.code for each in verdict.faults]
    error = next(each for each in verdict.errors if each.segment_id == "HL" and each.element == 2)
    assert ("8", "7") == (error.code, error.element_code)


def test_levels_too_deep_to_be_kept_are_still_counted() -> None:
    chain = ["HL*1**S", *(f"HL*{number}*{number - 1}*P" for number in range(2, 200))]
    assert {"x12.hierarchy.parent"} >= {code for code, _, _ in wrong(*chain)}
