"""What trading partners hear of a set read by its guide: 999 for health care, 997 for the rest.

Codes and places in the words of X12; TA1 and the envelope's own findings are in
test_x12_acknowledge.py.
"""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.unit.wire.x12_sets import CLAIM, LINE, PROFESSIONAL, segments_of

from suture.wire.x12 import (
    Address,
    GroupContent,
    GroupEnd,
    InterchangeEnd,
    Segment,
    SetContent,
    SetEnd,
    SetReply,
    SetStart,
    UnitsEnd,
    acknowledge_group,
    acknowledge_interchange,
    build_interchange,
    choose,
    read,
    read_units,
    reply,
)

MADE_AT = datetime(2026, 11, 3, 8, 0)  # noqa: DTZ001 - an envelope names local time, without a zone
ADDRESS = Address(sender_id="CLINIC", receiver_id="PLAN")


def an_interchange(*sets: str, group: str = "HC", version: str = "005010X222A1") -> bytes:
    """Return an interchange of these sets; the kind of set follows from the group."""
    set_id = {"HC": "837", "PO": "850", "FA": "999", "IN": "810"}[group]
    contents = [
        SetContent(
            set_id=set_id,
            control_number=f"{number:04d}",
            segments=[each.elements for each in segments_of(text)],
            version=version if "X" in version else "",
        )
        for number, text in enumerate(sets, 1)
    ]
    content = GroupContent(functional_id=group, control_number=417, version=version, sets=contents)
    return build_interchange(ADDRESS, [content], control_number=9, made_at=MADE_AT)


def answer(data: bytes, *, tells_units: bool = True) -> bytes:
    """Return the 999 or 997 to the first group of an interchange, its sets read by their guides."""
    replies: list[SetReply] = []
    segments: list[Segment] = []
    transaction_set = None
    for item in read([data]):
        match item:
            case SetStart():
                transaction_set, segments = item.transaction_set, []
            case Segment():
                segments.append(item)
            case SetEnd():
                assert transaction_set is not None
                choice = choose(transaction_set.set_id, transaction_set.version)
                assert choice is not None
                *_, end = read_units(segments, transaction_set, choice)
                assert isinstance(end, UnitsEnd)
                replies.append(reply(item, end.verdict))
            case GroupEnd():
                return acknowledge_group(
                    item, replies, control_number=18, made_at=MADE_AT, tells_units=tells_units
                )
            case _:
                pass
    return b""


def told(data: bytes) -> list[str]:
    """Return what the answer says between ST and SE; it must itself be faultless."""
    answered = answer(data)
    items = list(read([answered], strict=True))
    assert [] == [each for item in items for each in getattr(item, "faults", ())]
    start = next(item for item in items if isinstance(item, SetStart))
    segments = [item for item in items if isinstance(item, Segment)]
    choice = choose(start.transaction_set.set_id, start.transaction_set.version)
    assert choice is not None
    *_, end = read_units(segments, start.transaction_set, choice)
    assert isinstance(end, UnitsEnd)
    assert ((), ()) == (end.verdict.faults, end.verdict.notes)
    return ["*".join(item.elements) for item in segments]


def test_a_999_accepts_claims_that_follow_their_guide() -> None:
    assert [
        "AK1*HC*417*005010X222A1",
        "AK2*837*0001*005010X222A1",
        "IK5*A",
        "AK9*A*1*1*1",
    ] == told(an_interchange(PROFESSIONAL))


def test_a_999_points_to_an_element_and_names_the_claim() -> None:
    """The example of the 999 guide: CLM02 is missing."""
    claim = PROFESSIONAL.replace("CLM*RB-1*150*", "CLM*RB-1**")
    assert ["IK3*CLM*15*2300*8", "CTX*CLM01:RB-1", "IK4*2*782*1", "IK5*R*5", "AK9*R*1*1*0"] == (
        told(an_interchange(claim))[2:]
    )


def test_a_999_points_to_what_makes_a_missing_segment_required() -> None:
    """The other example of the guide: CLM05-3 asks for the payer's claim number (REF)."""
    claim = PROFESSIONAL.replace("11:B:1", "11:B:7")
    assert [
        "IK3*REF*16*2300*3",
        "CTX*SITUATIONAL TRIGGER*CLM*15*2300*5:3",
        "CTX*CLM01:RB-1",
        "IK5*E*5",
    ] == told(an_interchange(claim))[2:6]


def test_a_999_tells_several_elements_of_one_segment_together() -> None:
    claim = PROFESSIONAL.replace("SV1*HC:99213*150*UN*1*", "SV1*XX:99213*150*UN*A*")
    assert ["IK3*SV1*18*2400*8", "CTX*CLM01:RB-1", "IK4*1:1*235*7", "IK4*4*380*6"] == (
        told(an_interchange(claim))[2:6]
    )


def test_a_999_has_four_letters_for_a_loop() -> None:
    claim = PROFESSIONAL.replace("REF*EI*371234567~", "")
    assert "IK3*REF*10*2010*3" == told(an_interchange(claim))[2]


@pytest.mark.parametrize(
    ("said", "says", "segment"),
    [
        ("SV1*HC", "Q9*1~SV1*HC", "IK3*ZZZ*18*2400*1"),
        ("NM1*PR*", "NM1*X9*", "IK3*NM1*14*2010*2"),
        ("HI*ABK:J0190~", "", "IK3*HI*16*2300*3"),
        ("N3*1 RIVER ROAD~", "N3*1~N3*2~", "IK3*N3*9*2010*5"),
        ("SV1*HC", "PO1*1~SV1*HC", "IK3*PO1*18*2400*6"),
        ("HI*ABK", "HI*ABK:A~REF*EA*1~HI*BP:1~REF*G1*1~HI*BG", "IK3*REF*17*2300*7"),
    ],
)
def test_a_999_has_a_code_for_each_thing_that_is_wrong_with_a_place(
    said: str, says: str, segment: str
) -> None:
    assert segment in told(an_interchange(PROFESSIONAL.replace(said, says)))


def test_a_loop_that_occurs_too_often_is_told_by_its_first_segment() -> None:
    lines = "".join(LINE.replace("LX*1", f"LX*{number}") for number in range(2, 52))
    claim = PROFESSIONAL.replace("*150***11", "*7650***11") + lines
    assert "IK3*LX*167*2400*4" in told(an_interchange(claim))


def test_one_faulty_set_is_rejected_and_its_neighbours_are_accepted() -> None:
    faulty = PROFESSIONAL.replace("*150***11", "*151***11")
    segments = told(an_interchange(PROFESSIONAL, faulty, PROFESSIONAL))
    assert ["IK5*A", "IK5*R*5", "IK5*A", "AK9*P*3*3*2"] == [
        each for each in segments if each.startswith(("IK5", "AK9"))
    ]
    assert ["IK3*CLM*15*2300*8", "CTX*CLM01:RB-1", "IK4*2**7"] == segments[4:7]


def test_a_claim_is_named_only_where_the_reply_may_hold_its_number() -> None:
    data = an_interchange(PROFESSIONAL.replace("CLM*RB-1*150*", "CLM*RB-1**"))
    assert b"RB-1" in answer(data)
    assert b"IK3*CLM*15*2300*8~IK4*2*782*1~" in answer(data, tells_units=False)
    assert b"RB-1" not in answer(data, tells_units=False)


def test_a_claim_number_that_cannot_be_written_is_left_out() -> None:
    claim = PROFESSIONAL.replace("RB-1", "RB^1").replace("*150*UN", "*ABC*UN")
    assert not [each for each in told(an_interchange(claim)) if each.startswith("CTX")]


def test_no_value_but_the_claim_number_is_repeated() -> None:
    claim = PROFESSIONAL.replace("*150*UN*1*", "*SECRET*UN*1*").replace("ABK:J0190", "ABK:HIDDEN")
    assert not any(word in answer(an_interchange(claim)) for word in (b"SECRET", b"HIDDEN"))


ORDER = "BEG*00*SA*PO1**20261102~PO1*1*10*EA*5*PE*VC*A~CTT*1"


def test_a_997_answers_supply_sets_in_the_version_they_came_in() -> None:
    data = an_interchange(ORDER, group="PO", version="004010VICS")
    assert ["AK1*PO*417", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"] == told(data)
    assert b"*X*004010~ST*997*0001~" in answer(data)


def test_a_997_points_to_segments_and_elements() -> None:
    order = ORDER.replace("PO1*1*10*EA*5*PE*VC*A", "PO1*1*10*EA*5,0*PE*VC~ZZZ*1")
    assert [
        "AK2*850*0001",
        "AK3*PO1*3*PO1*8",
        "AK4*4*212*6",
        "AK4*7*234*2",
        "AK3*ZZZ*4*PO1*1",
        "AK5*R*5",
        "AK9*R*1*1*0",
    ] == told(an_interchange(order, group="PO", version="004010"))[1:]


def test_one_faulty_order_does_not_take_its_neighbour_with_it() -> None:
    wrong = ORDER.replace("CTT*1", "CTT*2")
    segments = told(an_interchange(wrong, ORDER, group="PO", version="004010"))
    assert ["AK5*R*5", "AK5*A", "AK9*P*2*2*1"] == [
        each for each in segments if each.startswith(("AK5", "AK9"))
    ]


def test_a_set_in_the_group_of_others_is_accepted_with_an_error() -> None:
    data = an_interchange(ORDER, group="PO", version="004010").replace(b"GS*PO*", b"GS*IN*")
    assert "AK5*E*18" in told(data)


def test_acknowledgements_are_never_answered() -> None:
    accepted = "AK1*HC*417~AK9*A*1*1*1"
    assert b"" == answer(an_interchange(accepted, group="FA", version="005010X231A1"))


@pytest.mark.parametrize(
    ("segment", "codes"),
    [
        ("TA1*000000417*261102*0930*A*000", []),
        ("TA1*000000417*261102*0930*Q*000", ["x12.element.code"]),
        ("TA1*000000417*261302*0930*R*099", ["x12.element.date", "x12.element.code"]),
        ("TA1**261102*0930*A*000", ["x12.element.missing"]),
    ],
)
def test_a_ta1_is_read_by_its_own_table(segment: str, codes: list[str]) -> None:
    data = build_interchange(
        ADDRESS, (), control_number=9, made_at=MADE_AT, answers=[segment.split("*")]
    )
    end = next(item for item in read([data]) if isinstance(item, InterchangeEnd))
    assert codes == [each.code for each in end.notes]
    assert acknowledge_interchange(end, control_number=1, made_at=MADE_AT)


def test_claims_of_version_4010_are_answered_by_a_997() -> None:
    data = an_interchange(PROFESSIONAL + CLAIM + LINE, version="004010X098A1")
    segments = told(data)
    assert ["AK1*HC*417", "AK2*837*0001", "AK5*E", "AK9*E*1*1*1"] == segments
