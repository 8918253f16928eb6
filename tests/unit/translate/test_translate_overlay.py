"""A site's rules put values right before a message is translated (translate/overlay.py, maps)."""

from __future__ import annotations

from datetime import date

import pytest

from suture.masterdata.crosswalk import Crosswalk, CrosswalkRow
from suture.model.fault import Fault
from suture.model.overlay import Overlay, Rule
from suture.translate.expression import Mistake, compile_condition, compile_text
from suture.translate.overlay import (
    edit_segments,
    edited,
    wrong_message,
    wrong_place,
    wrong_target,
)
from suture.wire import hl7v2
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import DEFAULT

ON = date(2026, 3, 10)
WARDS = {"ward": Crosswalk("ward", [CrosswalkRow(key=("4W",), value=("MEDSURG",))])}
SEGMENTS = [
    r"MSH|^~\&|BILLING|RGH|SUTURE|RVH|20260310083000||DFT^P03|M1|P|2.5.1",
    "PID|1||600123^^^RVH^MR||||||||||||||A5001",
    "PV1|1|I|4W^12^B",
    "FT1|1|T1|||20260310|CG|80053||||120.00||LAB",
    "FT1|2|T2|||20260310|CG|70450||||480.00",
    "ZCH|1|T2|RAD^CT~X&Y|a",
    "",
]
MESSAGE = "\r".join(SEGMENTS).encode()


def rule(
    target: str, value: str, *, message: str = "", when: str = "", is_clearing: bool = False
) -> Rule:
    compiled = compile_text(value, WARDS, wrong_place)
    assert not isinstance(compiled, Mistake), compiled
    condition = compile_condition(when, WARDS, wrong_place) if when else None
    assert not isinstance(condition, Mistake), condition
    return Rule(
        message=message, target=target, value=compiled, when=condition, is_clearing=is_clearing
    )


def after(*rules: Rule, raw: bytes = MESSAGE) -> hl7v2.Message:
    message = hl7v2.parse(raw)
    assert not isinstance(message, Fault)
    return edited(message, Overlay("charges", rules), ON)


def test_a_value_is_put_where_it_is_looked_for_and_the_rest_stays_as_received() -> None:
    message = after(rule("PV1-3.1", "lookup(ward, PV1-3)"))
    assert "MEDSURG^12^B" == message.segments[2].text(3)
    changed = MESSAGE.replace(b"4W^12^B", b"MEDSURG^12^B")
    assert (changed, MESSAGE) == (message.render(), message.raw)


def test_a_rule_is_applied_to_each_segment_of_its_name_seen_from_that_one() -> None:
    message = after(rule("FT1-13", "first(FT1-13, ZCH-3)"), rule("FT1-20", "concat(FT1-2, PV1-2)"))
    assert ["LAB", "RAD"] == [each.value(13) for each in message.all("FT1")]
    assert ["T1I", "T2I"] == [each.value(20) for each in message.all("FT1")]


def test_a_numbered_path_means_that_segment_alone() -> None:
    message = after(rule("FT1[2]-13", '"RADIOLOGY"'), rule("PV1-10", "FT1[2]-7"))
    assert ["LAB", "RADIOLOGY"] == [each.value(13) for each in message.all("FT1")]
    assert "70450" == message.get("PV1-10")


def test_a_z_segment_is_read_to_its_subcomponents_and_repetitions() -> None:
    message = after(rule("PV1-10", "concat(ZCH-3.2, ZCH-3(2).1.2)"))
    assert "CTY" == message.get("PV1-10")


def test_each_rule_sees_what_those_before_it_have_put() -> None:
    message = after(rule("PV1-10", '"A"'), rule("PV1-11", 'concat(PV1-10, "B")'))
    assert "AB" == message.get("PV1-11")


def test_a_rule_waits_for_its_condition_and_its_message() -> None:
    message = after(
        rule("PV1-10", '"never"', when='PV1-2 = "O"'),
        rule("PV1-11", '"other"', message="ADT"),
        rule("PV1-14", '"trigger"', message="DFT^P03"),
        rule("PV1-15", '"type"', message="DFT"),
    )
    got = [message.get(f"PV1-{field}") for field in (10, 11, 14, 15)]
    assert ["", "", "trigger", "type"] == got


def test_an_empty_value_leaves_what_was_sent_unless_the_rule_clears() -> None:
    assert "LAB" == after(rule("FT1-13", "FT1-99")).get("FT1-13")
    assert "" == after(rule("FT1-13", "FT1-99", is_clearing=True)).get("FT1-13")


def test_a_message_no_rule_is_for_is_the_very_same() -> None:
    message = hl7v2.parse(MESSAGE)
    assert not isinstance(message, Fault)
    assert message is edited(message, Overlay("adt", (rule("PV1-3", '"x"', message="ADT"),)), ON)


def test_b16_a_value_that_holds_separators_cannot_split_a_segment() -> None:
    message = after(rule("PV1-10", '"a|b^c~d"'), rule("PV1-11", "PV1-10"))
    assert ["a|b^c~d"] * 2 == [message.get("PV1-10"), message.get("PV1-11")]
    assert 6 == len(message.segments)


def test_the_header_is_edited_too() -> None:
    message = after(rule("MSH-4", '"RNH"'))
    assert ("RNH", "DFT", "M1") == (message.sending_facility, message.type, message.control_id)


def test_a_part_the_message_has_no_separator_for_is_left() -> None:
    raw = MESSAGE.replace(rb"^~\&", b"^~\\")
    assert "4W" == after(rule("PV1-3.1.2", '"x"'), raw=raw).get("PV1-3")


# Places


@pytest.mark.parametrize("place", ["PID-3.1", "FT1[2]-13", "CLP08", "N1[PE]04", "SVC01-2"])
def test_places_of_both_formats_are_known(place: str) -> None:
    assert ("", "") == (wrong_place(place), wrong_target(place))


@pytest.mark.parametrize("place", ["PID", "PID-0", "CLP0", "CLP00", "patient", ""])
def test_what_is_no_place_is_said_so(place: str) -> None:
    assert "it is no place" in wrong_place(place)
    assert "it is no place" in wrong_target(place)


@pytest.mark.parametrize("place", ["MSH-1", "MSH-2", "ISA06", "GS08", "ST02", "IEA01"])
def test_what_says_how_a_message_is_read_cannot_be_replaced(place: str) -> None:
    assert "cannot be replaced" in wrong_target(place)


def test_messages_are_named_as_the_standards_do() -> None:
    assert ["", "", "", ""] == [wrong_message(each) for each in ("", "DFT", "DFT^P03", "835")]
    assert all(wrong_message(each) for each in ("dft", "DFT^", "DFT^P3", "8355"))


# X12


def segments(*written: str) -> list[Segment]:
    return [
        Segment(each.partition("*")[0], each.split("*"), ordinal, 0, len(each), DEFAULT)
        for ordinal, each in enumerate(written, 1)
    ]


SET = segments(
    "ST*835*0001",
    "TRN*1*EFT1*1990000011",
    "N1*PR*PAYER",
    "N1*PE*RIVERBEND*XX*999",
    "CLP*C1*1*100*80**MC*P1*11",
    "SVC*HC:99213*100*80",
    "SE*7*0001",
)


def texts(*rules: Rule, set_id: str = "835") -> list[str]:
    found = edit_segments(SET, set_id, Overlay("remits", rules), ON)
    return ["*".join(each.elements) for each in found]


def test_an_element_of_a_set_is_put_right_by_qualifier_and_component() -> None:
    told = texts(
        rule("N1[PE]04", '"9990000101"'),
        rule("CLP06", 'choose(TRN03 = "1990000011", "MB", CLP06)'),
        rule("SVC01-3", '"25"', when='SVC01-1 = "HC"'),
    )
    assert "N1*PE*RIVERBEND*XX*9990000101" == told[3]
    assert "N1*PR*PAYER" == told[2]
    assert "CLP*C1*1*100*80**MB*P1*11" == told[4]
    assert "SVC*HC:99213:25*100*80" == told[5]


def test_a_set_is_read_as_far_as_it_has_come() -> None:
    told = texts(rule("TRN04", "N1[PE]04"), rule("CLP08", "first(N1[PE]04, N104)"))
    assert "TRN*1*EFT1*1990000011" == told[1]
    assert "CLP*C1*1*100*80**MC*P1*999" == told[4]


def test_rules_of_other_sets_and_segments_change_nothing() -> None:
    assert ["*".join(each.elements) for each in SET] == texts(
        rule("CLP08", '"x"', message="837"), rule("PID-3", '"x"'), rule("BPR02", '"1"')
    )


def test_a_separator_in_a_value_becomes_a_blank() -> None:
    assert "CLP*C1*1*100*80**a b c*P1*11" == texts(rule("CLP06", '"a*b~c"'))[4]
