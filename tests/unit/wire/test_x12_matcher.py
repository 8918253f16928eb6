"""Each segment finds its place in the guide, whatever was wrong before it.

Ambiguities are resolved by qualifiers and order, as the guides mean them; after each kind of
problem reading goes on with what follows in its place.
"""

from __future__ import annotations

import pytest
from tests.unit.wire.x12_sets import (
    CLAIM,
    HEADER,
    LINE,
    PROFESSIONAL,
    PROVIDER,
    SUBSCRIBER,
    P,
    found,
    guide_of,
    locate,
    segments_of,
)

from suture.wire.x12.matcher import Matcher


def paths(text: str, set_id: str = P[0], version: str = P[1]) -> list[str]:
    """Return the place of each segment."""
    return [each.where for each in locate(text, set_id, version)[0]]


def findings(text: str, set_id: str = P[0], version: str = P[1]) -> list[tuple[str, str]]:
    """Return code and place of each finding."""
    return found(locate(text, set_id, version)[1])


def test_a_whole_claim_has_nothing_wrong() -> None:
    assert [] == findings(PROFESSIONAL)


def test_each_segment_is_told_by_the_path_of_its_loop() -> None:
    assert [
        "BHT",
        "1000A/NM1",
        "1000A/PER[1]",
        "1000B/NM1",
        "2000A[1]/HL",
        "2000A[1]/2010AA/NM1",
        "2000A[1]/2010AA/N3",
        "2000A[1]/2010AA/N4",
        "2000A[1]/2010AA/REF[1]",
        "2000A[1]/2000B[1]/HL",
        "2000A[1]/2000B[1]/SBR",
        "2000A[1]/2000B[1]/2010BA/NM1",
        "2000A[1]/2000B[1]/2010BB/NM1",
        "2000A[1]/2000B[1]/2300[1]/CLM",
        "2000A[1]/2000B[1]/2300[1]/HI[1]",
        "2000A[1]/2000B[1]/2300[1]/2400[1]/LX",
        "2000A[1]/2000B[1]/2300[1]/2400[1]/SV1",
        "2000A[1]/2000B[1]/2300[1]/2400[1]/DTP[1]",
    ] == paths(PROFESSIONAL)


def test_loops_that_repeat_are_counted_in_the_loop_around_them() -> None:
    second = SUBSCRIBER.replace("HL*2*1", "HL*3*1")
    text = PROFESSIONAL + LINE.replace("LX*1", "LX*2") + second + CLAIM + LINE + CLAIM + LINE
    assert [
        "2000A[1]/2000B[1]/2300[1]",
        "2000A[1]/2000B[2]/2300[1]",
        "2000A[1]/2000B[2]/2300[2]",
    ] == [each.removesuffix("/CLM") for each in paths(text) if each.endswith("CLM")]
    assert "2000A[1]/2000B[1]/2300[1]/2400[2]/SV1" in paths(text)


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        ("NM1*82*1*A", "2310B/NM1"),
        ("NM1*77*2*A", "2310C/NM1"),
        ("SBR*P*18", "2320[1]/SBR"),
        ("SBR*P*18~NM1*82*1", "2320[1]/2330D/NM1"),
        ("SBR*P*18~NM1*PR*2*A*****PI*1~REF*F8*1", "2320[1]/2330B/REF[1]"),
        ("REF*F8*1", "REF[1]"),
        ("LX*1~REF*G1*1", "2400[1]/REF[1]"),
        ("LX*1~NM1*82*1*A", "2400[1]/2420A/NM1"),
        ("LX*1~NM1*82*1*A~REF*G2*1", "2400[1]/2420A/REF[1]"),
        ("LX*1~SV1*HC:1*1*UN*1***1~SVD*A*1~CAS*CO*45*1", "2400[1]/2430[1]/CAS[1]"),
        ("HI*ABK:A~HI*BG:B", "HI[2]"),
    ],
)
def test_one_id_is_placed_by_its_qualifier_and_by_what_stands_before(
    segments: str, place: str
) -> None:
    text = HEADER + PROVIDER + SUBSCRIBER + CLAIM.replace("HI*ABK:J0190~", "") + segments
    assert f"2000A[1]/2000B[1]/2300[1]/{place}" == paths(text)[-1]


def test_a_level_opens_under_the_level_that_its_code_belongs_to() -> None:
    dependent = "HL*3*2*23*0~PAT*19~NM1*QC*1*EXAMPLE*CAL~N3*5 ELM~N4*SPRINGDALE~DMG*D8*20150620~"
    other = "HL*4*1*22*0~SBR*P*18"
    places = paths(HEADER + PROVIDER + SUBSCRIBER + dependent + CLAIM + LINE + other)
    assert "2000A[1]/2000B[1]/2000C[1]/2300[1]/CLM" in places
    assert "2000A[1]/2000B[2]/SBR" == places[-1]


def test_members_at_one_position_have_no_order() -> None:
    """2010AA to 2010AC stand at the same position of the guide, as all REF of a claim do."""
    swapped = PROVIDER.replace("HL*1**20*1~", "HL*1**20*1~NM1*87*2~N3*BOX 1~N4*SPRINGDALE~")
    text = HEADER + swapped + SUBSCRIBER + CLAIM.replace("HI*", "REF*EA*1~REF*G1*2~HI*") + LINE
    assert [] == findings(text)


def test_a_loop_bounded_by_ls_and_le_is_read() -> None:
    text = (
        "BHT*0022*11*Q*20261102*0930~HL*1**20*1~NM1*PR*2*PLAN*****PI*1~HL*2*1*21*1~"
        "NM1*1P*2*CLINIC*****XX*1~HL*3*2*22*0~NM1*IL*1*A****MI*1~EB*1**30~LS*2120~"
        "NM1*P3*1*B~PER*IC**TE*1~LE*2120~EB*C**30"
    )
    base = "2000A[1]/2000B[1]/2000C[1]/2100C"
    assert [f"{base}/2110C[1]/2120C[1]/PER[1]", f"{base}/2110C[1]/LE", f"{base}/2110C[2]/EB"] == (
        paths(text, "271", "005010X279A1")[-3:]
    )


def test_the_summary_of_a_set_stands_outside_its_loops() -> None:
    places = paths("BEG*00*SA*1**20261102~PO1**1*EA*1**VC*A~CTT*1", "850", "004010")
    assert ["BEG", "PO1[1]/PO1", "CTT/CTT"] == places


# What is wrong, and how reading goes on.


def test_an_id_that_x12_does_not_know_is_left_out_and_never_named() -> None:
    text = PROFESSIONAL.replace("SV1*", "LEE*9~SV1*")
    assert [("x12.segment.unknown", "2000A[1]/2000B[1]/2300[1]/2400[1]/segment[18]")] == (
        findings(text)
    )
    assert paths(text)[-1] == paths(PROFESSIONAL)[-1]


def test_a_segment_of_another_guide_is_left_out() -> None:
    text = PROFESSIONAL.replace("SV1*", "PO1*9~SV1*")
    assert [("x12.segment.foreign", "2000A[1]/2000B[1]/2300[1]/2400[1]/PO1")] == findings(text)


def test_an_unknown_qualifier_is_unexpected_and_what_belongs_to_it_goes_with_it() -> None:
    text = PROFESSIONAL.replace("LX*1~", "NM1*X9*2*A~N3*B~N4*C~REF*G2*1~LX*1~")
    assert [("x12.segment.unexpected", "2000A[1]/2000B[1]/2300[1]/NM1")] == findings(text)


def test_a_level_of_unknown_code_is_passed_over_to_the_next_level() -> None:
    text = PROFESSIONAL + "HL*3*1*99*0~SBR*P*18~CLM*X*1~HL*4*1*22*0~SBR*P*18"
    codes = [code for code, _ in findings(text)]
    assert "x12.segment.unexpected" == codes[0]
    assert "2000A[1]/2000B[2]/SBR" == paths(text)[-1]


def test_a_required_segment_is_missed_where_it_should_stand() -> None:
    _, verdict = locate(PROFESSIONAL.replace("REF*EI*371234567~", ""), *P)
    assert [("x12.segment.missing", "2000A[1]/2010AA/REF")] == found(verdict)
    assert [("REF", 10, "3", "2010AA")] == [
        (each.segment_id, each.position, each.code, each.loop) for each in verdict.errors
    ]


def test_a_required_loop_is_missed_by_its_first_segment() -> None:
    text = PROFESSIONAL.replace("NM1*PR*2*PLAN*****PI*PHP01~", "")
    assert [("x12.segment.missing", "2000A[1]/2000B[1]/2010BB/NM1")] == findings(text)


def test_what_the_end_of_the_set_cuts_off_is_missed_too() -> None:
    assert [
        ("x12.segment.missing", "2000A[1]/2000B[1]/2300[1]/HI"),
        ("x12.segment.missing", "2000A[1]/2000B[1]/2300[1]/2400/LX"),
    ] == findings(HEADER + PROVIDER + SUBSCRIBER + "CLM*RB-1*150***11:B:1*Y*A*Y*Y")


def test_a_loop_whose_first_segment_is_missing_is_opened_all_the_same() -> None:
    text = PROFESSIONAL.replace("LX*1~", "")
    assert [("x12.segment.missing", "2000A[1]/2000B[1]/2300[1]/2400/LX")] == findings(text)
    assert "2000A[1]/2000B[1]/2300[1]/2400[1]/SV1" in paths(text)


def test_several_loops_are_opened_down_to_a_segment_that_tells_its_place() -> None:
    text = HEADER + PROVIDER + CLAIM + LINE
    assert [
        ("x12.segment.missing", "2000A[1]/2000B/HL"),
        ("x12.segment.missing", "2000A[1]/2000B[1]/SBR"),
        ("x12.segment.missing", "2000A[1]/2000B[1]/2010BA/NM1"),
        ("x12.segment.missing", "2000A[1]/2000B[1]/2010BB/NM1"),
    ] == [each for each in findings(text) if each[0].startswith("x12.segment")]


def test_a_segment_out_of_order_is_taken_where_it_belongs() -> None:
    text = PROFESSIONAL.replace(
        "CLM*RB-1*150***11:B:1*Y*A*Y*Y~HI*ABK:J0190~", CLAIM + "DTP*435*D8*20261001~"
    )
    assert [("x12.segment.order", "2000A[1]/2000B[1]/2300[1]/DTP[1]")] == findings(text)


def test_a_segment_too_many_is_a_fault_where_suture_books_from_it() -> None:
    twice = LINE + "DTP*472*D8*20261016~"
    _, verdict = locate(HEADER + PROVIDER + SUBSCRIBER + CLAIM + twice, *P)
    place = "2000A[1]/2000B[1]/2300[1]/2400[1]/DTP[2]"
    assert [("x12.segment.too_many", place)] == [(x.code, x.where) for x in verdict.faults]


def test_a_second_line_without_its_lx_is_not_taken_for_the_first() -> None:
    text = PROFESSIONAL + "SV1*HC:99214*1*UN*1***1~DTP*472*D8*20261015"
    line = "2000A[1]/2000B[1]/2300[1]/2400[1]"
    assert ("x12.segment.too_many", f"{line}/SV1[2]") in findings(text)


def test_a_segment_too_many_is_noted_where_nothing_is_booked() -> None:
    _, verdict = locate(PROFESSIONAL.replace("N3*1 RIVER", "N3*A~N3*1 RIVER"), *P)
    assert ((), ["x12.segment.too_many"]) == (
        verdict.faults,
        [each.code for each in verdict.notes],
    )


def test_a_loop_too_many_is_noted_and_read() -> None:
    lines = "".join(LINE.replace("LX*1", f"LX*{number}") for number in range(1, 52))
    located, verdict = locate(
        HEADER + PROVIDER + SUBSCRIBER + CLAIM.replace("*150*", "*7650*") + lines, *P
    )
    last = "2000A[1]/2000B[1]/2300[1]/2400[51]"
    assert [("x12.loop.too_many", f"{last}/LX")] == found(verdict)
    assert f"{last}/DTP[1]" == located[-1].where


def test_a_situational_segment_is_missed_when_its_trigger_says_so() -> None:
    """CLM05-3 of 7 replaces a claim, whose number at the payer REF*F8 must tell."""
    _, verdict = locate(PROFESSIONAL.replace("11:B:1", "11:B:7"), *P)
    assert [("x12.segment.missing", "2000A[1]/2000B[1]/2300[1]/REF")] == found(verdict)
    trigger = verdict.errors[0].trigger
    assert trigger is not None
    assert ("CLM", 15, "2300", 5, 3) == (
        trigger.segment_id,
        trigger.position,
        trigger.loop,
        trigger.element,
        trigger.component,
    )


def test_in_a_guide_that_is_only_assumed_structure_is_noted() -> None:
    text = PROFESSIONAL.replace("NM1*PR*2*PLAN*****PI*PHP01~", "REF*87*1~")
    _, verdict = locate(text, "837", "004010X098A1")
    assert ((), True) == (verdict.faults, verdict.is_assumed)
    assert {"x12.guide.assumed", "x12.segment.unexpected", "x12.segment.missing"} == {
        each.code for each in verdict.notes
    }


def test_errors_carry_the_claim_that_they_are_about_without_showing_it() -> None:
    _, verdict = locate(PROFESSIONAL.replace("*UN*1*", "*UN**"), *P)
    unit = verdict.errors[0].business_unit
    assert unit is not None
    assert ("CLM01", "RB-1") == (unit.name, unit.value)
    assert "RB-1" not in repr(verdict)


def test_memory_of_unknown_ids_does_not_grow() -> None:
    """What the guide does not name is never remembered."""
    matcher = Matcher(guide_of(*P))
    for segment in segments_of("~".join(f"Q{number:02d}*1" for number in range(100))):
        matcher.locate(segment)
        matcher.problems.clear()
    assert not [each for each in matcher._map.start._moves if each.startswith("Q")]
