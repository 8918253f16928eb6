"""A set as claims, order lines or levels, each whole, with the loops it stands in."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.wire.x12_sets import (
    CLAIM,
    HEADER,
    LINE,
    PROFESSIONAL,
    PROVIDER,
    SEPARATORS,
    SUBSCRIBER,
    P,
    a_set,
    guide_of,
    read_set,
    segments_of,
)

from suture.wire.x12 import GuideLimits, Segment, UnitsEnd, choose, read_date, read_units

DEPENDENT = (
    "HL*3*1*22*1~SBR*P**GROUP9******CI~NM1*IL*1*EXAMPLE*BEN****MI*M200~NM1*PR*2*PLAN*****PI*PHP01~"
    "HL*4*3*23*0~PAT*19~NM1*QC*1*EXAMPLE*CAL~N3*5 ELM~N4*SPRINGDALE*IL*62701~"
    "DMG*D8*20150620*F~"
)


def test_a_claim_comes_whole_with_its_lines() -> None:
    text = PROFESSIONAL.replace("HI*", "REF*G1*AUTH7~DTP*435*D8*20261014~HI*") + "REF*6R*L1~"
    units, _ = read_set(text, *P)
    assert [("2000A[1]/2000B[1]/2300[1]", 1)] == [(unit.loop.where, unit.ordinal) for unit in units]
    claim = units[0].loop
    assert ("2300", "RB-1", "150") == (
        claim.id,
        claim.segments[0].get(1),
        claim.segments[0].get(2),
    )
    admitted = claim.first("DTP", "435")
    assert admitted is not None
    assert ("AUTH7", date(2026, 10, 14)) == (claim.reference("G1"), read_date(admitted.get(3)))
    line = claim.inner("2400")
    assert line is not None
    service = line.first("SV1")
    assert service is not None
    assert ["HC", "99213"] == service.components(1)
    assert "L1" == line.reference("6R")


def test_what_a_claim_stands_in_is_found_from_the_nearest_outward() -> None:
    text = PROFESSIONAL + DEPENDENT + CLAIM + LINE
    own, dependent = read_set(text, *P)[0]
    assert ["", "2000A", "2000B"] == [each.id for each in own.around]
    assert ["", "2000A", "2000B", "2000C"] == [each.id for each in dependent.around]
    told = {
        loop_id: node.segments[0].get(9)
        for loop_id in ("2010AA", "2010BA", "2010BB")
        if (node := dependent.find(loop_id))
    }
    assert {"2010AA": "1999999984", "2010BA": "M200", "2010BB": "PHP01"} == told
    patient = dependent.find("2010CA")
    assert patient is not None
    assert "CAL" == patient.segments[0].get(4)
    assert own.find("2010CA") is None
    level = dependent.find("2000B")
    assert level is not None
    subscriber = level.first("SBR")
    assert subscriber is not None
    assert "GROUP9" == subscriber.get(3)


def test_other_payers_stay_with_their_claim() -> None:
    other = (
        "SBR*S*18*******CI~AMT*D*100~OI***Y***Y~NM1*IL*1*EXAMPLE*AVA****MI*M1~"
        "NM1*PR*2*OTHER*****PI*OTH1~"
    )
    claim = read_set(PROFESSIONAL.replace("LX*1~", other + "LX*1~"), *P)[0][0].loop
    payer = claim.inner("2320")
    assert payer is not None
    named = payer.inner("2330B")
    paid = payer.first("AMT", "D")
    assert named is not None
    assert paid is not None
    assert ("OTH1", "100") == (named.segments[0].get(9), paid.get(2))


def test_loops_of_one_id_are_told_apart_by_their_first_element() -> None:
    text = (
        "BEG*00*SA*PO1**20261102~N1*BT*RIVERBEND*91*RB1~N1*ST*DOCK*91*RB2~N3*1 RIVER~"
        "PO1*1*1*EA*5*PE*VC*A~PID*F****GLOVES~CTT*1"
    )
    units, end = read_set(text, "850", "004010")
    dock = units[0].find("N1", "ST")
    assert dock is not None
    assert ("RB2", "1 RIVER") == (dock.segments[0].get(4), dock.segments[1].get(1))
    assert units[0].find("N1", "SU") is None
    assert ["N1", "N1", "CTT"] == [each.id for each in end.root.loops]
    assert ["BEG"] == [each.id for each in end.root.segments]
    assert 2 == len(end.root.inner_all("N1"))


def test_the_levels_of_a_ship_notice_are_known_by_their_parents() -> None:
    text = (
        "BSN*00*SHIP1*20261108*1200~HL*1**S~REF*BM*1~HL*2*1*O~PRF*PO1~HL*3*2*I~LIN**VC*A~"
        "SN1**1*EA~HL*4*1*O~PRF*PO2~HL*5*4*I~LIN**VC*B~SN1**2*EA"
    )
    units, _ = read_set(text, "856", "004010")
    orders = {
        item.get(3): [segment.get(1) for each in unit.around if (segment := each.first("PRF"))]
        for unit in units
        if (item := unit.loop.first("LIN"))
    }
    assert {"A": ["PO1"], "B": ["PO2"]} == orders


def test_units_of_several_loops_are_read() -> None:
    text = (
        "BHT*0010*08*1*20261103*0930*DG~HL*1**20*1~NM1*PR*2*PLAN*****PI*1~HL*2*1*21*1~"
        "NM1*41*2*US*****46*1~HL*3*2*19*1~NM1*1P*2*US*****XX*1~HL*4*3*22*1~NM1*IL*1*A****MI*1~"
        "TRN*2*C1~STC*F1:65*20261103~HL*5*4*23*0~NM1*QC*1*B~TRN*2*C2~STC*F2:65*20261103"
    )
    units, _ = read_set(text, "277", "005010X212")
    assert [("2200D", "C1"), ("2200E", "C2")] == [
        (unit.loop.id, unit.loop.segments[0].get(2)) for unit in units
    ]


def test_a_unit_that_the_end_of_the_set_cuts_off_is_told_and_at_fault() -> None:
    units, end = read_set(HEADER + PROVIDER + SUBSCRIBER + "CLM*RB-1*150***11:B:1*Y*A*Y*Y", *P)
    assert {"x12.segment.missing"} == {each.code for each in units[0].faults}
    assert 1 == end.verdict.units_count


def test_notes_of_a_unit_are_its_own() -> None:
    second = CLAIM.replace("*Y*A*Y*Y", "*Q*A*Y*Y") + LINE
    units, end = read_set(PROFESSIONAL + second, *P)
    assert [[], ["x12.element.code"]] == [[each.code for each in unit.notes] for unit in units]
    assert ["x12.element.code"] == [each.code for each in end.verdict.notes]


def test_a_segment_of_a_level_above_does_not_cut_a_claim_in_two() -> None:
    """PRV of the billing provider stands among the lines: the claim goes on after it."""
    text = PROFESSIONAL.replace("DTP*472", "PRV*BI*PXC*207Q00000X~DTP*472") + "REF*6R*1~"
    units, end = read_set(text, *P)
    assert (1, ["x12.segment.order"]) == (
        len(units),
        [each.code for each in end.verdict.notes],
    )
    line = units[0].loop.inner("2400")
    assert line is not None
    assert ["LX", "SV1", "DTP", "REF"] == [each.id for each in line.segments]
    provider = units[0].find("2000A")
    assert provider is not None
    assert ["HL", "PRV"] == [each.id for each in provider.segments]


def test_findings_are_listed_up_to_a_cap_and_counted_beyond() -> None:
    lines = "".join("LX*A~SV1*HC:1*0*UN*1***1~DTP*472*D8*20261015~" for _ in range(40))
    _, end = read_set(
        HEADER + PROVIDER + SUBSCRIBER + CLAIM.replace("*150*", "*0*") + lines,
        *P,
        GuideLimits(findings_max=5),
    )
    assert (5, 35) == (len(end.verdict.faults), end.verdict.findings_dropped)


def test_a_unit_beyond_its_cap_is_a_fault_and_its_neighbours_are_not() -> None:
    long = CLAIM + "NTE*ADD*X~" * 20 + LINE
    units, end = read_set(PROFESSIONAL + long + CLAIM + LINE, *P, GuideLimits(unit_segments_max=10))
    assert [False, True, False] == [
        "x12.loop.too_long" in {each.code for each in unit.faults} for unit in units
    ]
    assert ("x12.loop.too_long", "2000A[1]/2000B[1]/2300[2]") in [
        (each.code, each.where) for each in end.verdict.faults
    ]


def test_what_stands_around_units_is_capped_too() -> None:
    header = "BHT*0019*00*B1*20261102*0930*CH~" + "REF*1*1~" * 30
    _, end = read_set(header, *P, GuideLimits(unit_segments_max=10))
    assert 10 == len(end.root.segments)
    assert ("x12.loop.too_long", "header") in [
        (each.code, each.where) for each in end.verdict.faults
    ]


def test_levels_that_are_over_make_room() -> None:
    """Thousands of subscribers of one segment each stay below a cap of a few dozen."""
    levels = (
        f"HL*{number}*1*22*0~SBR*P*18*******CI~NM1*IL*1*A*****MI*M1~NM1*PR*2*P*****PI*P1~"
        f"{CLAIM}{LINE}"
        for number in range(2, 300)
    )
    units, end = read_set(
        HEADER + PROVIDER + "".join(levels), *P, GuideLimits(unit_segments_max=40)
    )
    assert (298, ()) == (len(units), end.verdict.faults)


def test_st_and_se_may_be_among_the_segments() -> None:
    segments = [
        Segment("ST", ["ST", "850", "1"], 1, 0, 8, SEPARATORS),
        Segment("BEG", ["BEG", "00", "SA", "1", "", "20261102"], 2, 0, 20, SEPARATORS),
        Segment("PO1", ["PO1", "1", "1", "EA", "1", "", "VC", "A"], 3, 0, 20, SEPARATORS),
        Segment("SE", ["SE", "4", "1"], 4, 0, 6, SEPARATORS),
    ]
    units, end = read_set(segments, "850", "004010")
    assert (1, ()) == (len(units), end.verdict.faults)


def test_a_set_that_stands_in_a_group_of_others_is_noted() -> None:
    items = list(read_units([], a_set("850", "004010", "IN"), guide_of("850", "004010")))
    end = items[-1]
    assert "x12.set.group" in {each.code for each in end.verdict.notes}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("segment", "place"),
    [("CLM", "CLM-05-3"), ("REF", "REF[2]-05-3"), ("HI", "HI-05-3")],
)
def test_the_path_of_an_element_is_told_by_its_loop(segment: str, place: str) -> None:
    claim = read_set(PROFESSIONAL.replace("HI*", "REF*EA*1~REF*G1*2~HI*"), *P)[0][0].loop
    found = claim.all(segment)[-1]
    assert f"{claim.where}/{place}" == claim.place(found, 5, 3)
    assert f"{claim.where}/{place.partition('-')[0]}" == claim.place(found)


def test_a_loop_that_could_hold_units_and_holds_none_is_kept_with_what_is_outside_them() -> None:
    """An entity of a payment may only adjust it: nothing of it is lost."""
    text = (
        "BPR*I*80*C*ACH************20261210~TRN*1*T1~ENT*1~ADX*-10*01~ENT*2~RMR*IV*INV1**100~"
        "ENT*3~ADX*-10*06"
    )
    units, end = read_set(text, "820", "004010")
    assert 1 == len(units)
    entities = [each for each in end.root.loops if each.id == "ENT"]
    adjusted = [each.segments[0].get(2) for loop in entities for each in loop.inner_all("ADX")]
    assert (["ENT[1]", "ENT[3]"], ["01", "06"]) == ([each.where for each in entities], adjusted)


def test_what_is_kept_of_loops_without_units_counts_against_the_cap() -> None:
    entities = "~".join(f"ENT*{number}~ADX*-1*01" for number in range(1, 20))
    text = f"BPR*I*80*C*ACH************20261210~TRN*1*T1~{entities}"
    _, end = read_set(text, "820", "004010", GuideLimits(unit_segments_max=8))
    kept = [segment for loop in end.root.loops for segment in loop.segments]
    assert ["x12.loop.too_long"] == [
        each.code for each in end.verdict.faults if each.code == "x12.loop.too_long"
    ]
    assert len(kept) <= 8


def test_a_loop_beyond_the_cap_is_no_loop_of_its_header() -> None:
    """Whoever asks for a loop finds its first segment in it."""
    parties = "~".join(["N1*ST**91*RB02"] * 20)
    text = f"BEG*00*SA*PO1**20261102~{parties}~PO1*1*1*EA*5*PE*VC*A~CTT*1"
    _, end = read_set(text, "850", "004010", GuideLimits(unit_segments_max=5))
    assert 4 == len(end.root.inner_all("N1", "ST"))
    assert all(each.segments for each in end.root.loops)


def test_loops_that_hold_no_unit_to_the_end_are_told_with_it() -> None:
    text = (
        "BHT*0022*11*Q1*20261102*0931~HL*1**20*1~NM1*PR*2*PLAN*****PI*PHP01~HL*2*1*21*0~"
        "NM1*1P*2*CLINIC*****XX*1999999984~AAA*N**50*N~"
    )
    transaction_set = a_set("271", "005010X279A1")
    choice = choose("271", "005010X279A1")
    assert choice is not None
    (end,) = read_units(segments_of(text), transaction_set, choice)
    assert isinstance(end, UnitsEnd)
    assert ["", "2000A", "2000B"] == [each.id for each in end.around]
    asker = end.around[-1].inner("2100B")
    assert asker is not None
    assert ["50"] == [each.get(3) for each in asker.all("AAA")]
