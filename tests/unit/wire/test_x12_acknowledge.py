"""What trading partners hear from us, in X12's codes: TA1 for an interchange, 999 for a group.

The findings themselves are in test_x12_structure.py and test_x12_balance.py.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from suture.wire.x12 import (
    DUPLICATE_INTERCHANGE,
    GroupEnd,
    InterchangeEnd,
    Item,
    Segment,
    SetEnd,
    SetReply,
    TechnicalAcknowledgement,
    acknowledge_group,
    acknowledge_interchange,
    read,
    reply,
)
from suture.wire.x12.remittance import RemittanceEnd, read_remittances

MADE_AT = datetime(2025, 1, 17, 8, 5)  # noqa: DTZ001 - an envelope names local time, without a zone
WHOLE = (
    "ISA*00*          *00*          *01*123456789      *ZZ*PROVIDER       "
    "*250115*1200*^*00501*000000905*1*T*:~"
    "GS*HP*PAYER*PROVIDER*20250115*1200*7*X*005010X221A1~"
    "ST*835*0001~BPR*I*5*C*ACH************20250116~TRN*1*A*1P~LX*1~CLP*C*1*5*5~SE*6*0001~"
    "ST*835*0002~BPR*I*7*C*ACH************20250116~TRN*1*B*1P~LX*1~CLP*D*1*7*7~SE*6*0002~"
    "GE*2*7~IEA*1*000000905~"
)


def ta1_of(text: str, *, note: str = "", strict: bool = False) -> TechnicalAcknowledgement:
    items = list(read([text.encode()], strict=strict))
    end = next(item for item in items if isinstance(item, InterchangeEnd))
    answer = acknowledge_interchange(end, control_number=17, made_at=MADE_AT, note=note)
    answered = list(read([answer], strict=True))
    assert [] == [each for item in answered for each in getattr(item, "faults", ())]
    return next(item for item in answered if isinstance(item, TechnicalAcknowledgement))


def answer_999(text: str) -> bytes:
    replies: list[SetReply] = []
    remittance: RemittanceEnd | None = None
    for item in read_remittances(read([text.encode()])):
        if isinstance(item, RemittanceEnd):
            remittance = item
        elif isinstance(item, SetEnd):
            replies.append(reply(item, remittance))
        elif isinstance(item, GroupEnd):
            return acknowledge_group(item, replies, control_number=18, made_at=MADE_AT)
    return b""


def segments_of_999(text: str) -> list[str]:
    items: list[Item] = list(read([answer_999(text)], strict=True))
    assert [] == [each for item in items for each in getattr(item, "faults", ())]
    return ["*".join(item.elements) for item in items if isinstance(item, Segment)]


def test_a_ta1_accepts_a_whole_interchange_and_goes_back_to_its_sender() -> None:
    answer = ta1_of(WHOLE)
    assert ["TA1", "000000905", "250115", "1200", "A", "000"] == answer.segment.elements
    back = answer.interchange
    assert ("ZZ", "PROVIDER", "01", "123456789", "000000017", "T", "250117", "0805") == (
        back.sender_qualifier,
        back.sender_id,
        back.receiver_qualifier,
        back.receiver_id,
        back.control_number,
        back.usage,
        back.date,
        back.time,
    )


@pytest.mark.parametrize(
    ("said", "says", "code", "note"),
    [
        ("IEA*1*000000905", "IEA*1*000000906", "R", "001"),
        ("IEA*1*", "IEA*2*", "R", "021"),
        ("GS*HP", "N1*X~GS*HP", "R", "024"),
        ("*P", "*P", "A", "000"),
        ("IEA*1*000000905~", "", "E", "023"),
        ("123456789      ", "123456789", "E", "022"),
        ("*T*:", "*T*~", "R", "022"),
    ],
)
def test_b27_a_ta1_names_what_is_wrong_with_an_interchange(
    said: str, says: str, code: str, note: str
) -> None:
    answer = ta1_of(WHOLE.replace(said, says))
    assert (code, note) == (answer.code, answer.note)


def test_b26_a_strict_reader_rejects_a_header_that_is_not_106_bytes_long() -> None:
    answer = ta1_of(WHOLE.replace("123456789      ", "123456789"), strict=True)
    assert ("R", "022") == (answer.code, answer.note)


def test_b30_a_ta1_may_reject_an_interchange_received_before() -> None:
    answer = ta1_of(WHOLE, note=DUPLICATE_INTERCHANGE)
    assert ("R", "025") == (answer.code, answer.note)


def test_a_999_accepts_what_is_whole() -> None:
    assert [
        "AK1*HP*7*005010X221A1",
        "AK2*835*0001",
        "IK5*A",
        "AK2*835*0002",
        "IK5*A",
        "AK9*A*2*2*2",
    ] == segments_of_999(WHOLE)


def test_a_999_is_an_interchange_of_its_own() -> None:
    items = list(read([answer_999(WHOLE)]))
    end = next(item for item in items if isinstance(item, GroupEnd))
    assert ("FA", "005010X231A1", "18", 1) == (
        end.envelope.group.functional_id,
        end.envelope.group.version,
        end.envelope.group.control_number,
        end.sets_count,
    )


@pytest.mark.parametrize(
    ("said", "says", "codes", "counts"),
    [
        ("SE*6*0001", "SE*5*0001", "R*4", "P*2*2*1"),
        ("SE*6*0001", "SE*6*0009", "R*3", "P*2*2*1"),
        ("SE*6*0001", "SE*5*0009", "R*4*3", "P*2*2*1"),
        ("SE*6*0001~", "", "R*2", "P*2*2*1"),
        ("BPR*I*5*", "BPR*I*6*", "R*I5", "P*2*2*1"),
        ("TRN*1*A", "TRN*1*A\n", "R*5", "P*2*2*1"),
        ("C*ACH************20250116~TRN*1*A", "C*ACH~TRN*1*A", "E", "E*2*2*2"),
    ],
)
def test_b27_a_999_rejects_a_set_and_accepts_its_neighbour(
    said: str, says: str, codes: str, counts: str
) -> None:
    segments = segments_of_999(WHOLE.replace(said, says))
    verdicts = [segment for segment in segments if segment.startswith("IK5")]
    assert [f"IK5*{codes}", "IK5*A", f"AK9*{counts}"] == [*verdicts, segments[-1]]


@pytest.mark.parametrize(
    ("said", "says", "counts"),
    [
        ("GE*2*7", "GE*3*7", "R*3*2*0*5"),
        ("GE*2*7", "GE*2*8", "R*2*2*0*4"),
        ("GE*2*7~IEA*1*000000905~", "", "E*2*2*2*3"),
        ("ST*835*0002", "CLP*X~ST*835*0002", "R*2*2*0*5"),
    ],
)
def test_b27_a_999_says_what_is_wrong_with_a_group(said: str, says: str, counts: str) -> None:
    assert f"AK9*{counts}" == segments_of_999(WHOLE.replace(said, says))[-1]


def test_a_999_points_to_the_element_and_repeats_no_value() -> None:
    segments = segments_of_999(WHOLE.replace("CLP*C*1*5*5", "CLP*C*1*5*SECRET"))
    assert ["IK3*CLP*5*2100*8", "IK4*4**6", "IK5*R*I5"] == segments[2:5]
    assert b"SECRET" not in answer_999(WHOLE.replace("CLP*C*1*5*5", "CLP*C*1*5*SECRET"))


def test_a_999_notes_an_unknown_segment_and_accepts_with_errors() -> None:
    segments = segments_of_999(WHOLE.replace("LX*1~CLP*C", "Lxxxx*1~CLP*C"))
    assert ["IK3*ZZZ*4**1", "IK5*E*5", "AK9*E*2*2*2"] == [*segments[2:4], segments[-1]]


def test_a_999_repeats_the_guide_of_a_set_that_names_one() -> None:
    segments = segments_of_999(WHOLE.replace("ST*835*0001", "ST*835*0001*005010X221"))
    assert "AK2*835*0001*005010X221" == segments[1]


def test_a_fragment_has_nobody_to_answer() -> None:
    items = list(read([WHOLE[WHOLE.index("GS*HP") :].encode()]))
    interchange = next(item for item in items if isinstance(item, InterchangeEnd))
    group = next(item for item in items if isinstance(item, GroupEnd))
    assert (b"", b"") == (
        acknowledge_interchange(interchange, control_number=1, made_at=MADE_AT),
        acknowledge_group(group, [], control_number=1, made_at=MADE_AT),
    )


FREE = "DOE JANE 123-45-6789"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("*0001", f"*{FREE}"),
        ("ST*835*0001", f"ST*{FREE}*0001"),
        ("ST*835*0001", f"ST*835*0001*{FREE}"),
        ("*20250115*1200*7*X", f"*20250115*1200*{FREE}*X"),
        ("GE*2*7", f"GE*2*{FREE}"),
        ("GE*2*7", f"GE*{FREE}*7"),
        ("GS*HP", f"GS*{FREE}"),
        ("X*005010X221A1", f"X*{FREE}"),
    ],
)
def test_b92_a_999_repeats_no_free_text_that_stands_where_a_code_belongs(
    said: str, says: str
) -> None:
    text = WHOLE.replace(said, says)
    assert FREE in text
    answer = answer_999(text)
    assert b"AK9*" in answer
    assert b"JANE" not in answer


def test_a_999_answers_a_set_without_a_usable_number_by_zeros() -> None:
    segments = segments_of_999(WHOLE.replace("*0001", f"*{FREE}"))
    assert ["AK2*835*0000", "IK5*R*7", "AK2*835*0002"] == segments[1:4]


@pytest.mark.parametrize(
    ("said", "says"),
    [("000000905", "DOE 12345"), ("*250115*1200*^", "*DOE JA*1200*^"), ("*1200*^", "*JANE*^")],
)
def test_b92_a_ta1_repeats_no_free_text_that_stands_where_a_number_belongs(
    said: str, says: str
) -> None:
    answer = ta1_of(WHOLE.replace(said, says))
    assert not any(each in "*".join(answer.segment.elements) for each in ("DOE", "JA"))
