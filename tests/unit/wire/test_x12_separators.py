"""The ISA as partners really send it: strict for money, tolerant of what editors did to it.

The checks on what stands inside an interchange are in test_x12_structure.py.
"""

from __future__ import annotations

import pytest

from suture.wire.x12 import InterchangeEnd, InterchangeStart, Item, Segment, SetEnd, read
from suture.wire.x12.separators import Separators, read_fragment, read_header

ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*00501*000000905*1*P*:~"
)
BODY = "GS*HP*PAYER*PROVIDER*20250115*1200*7*X*005010X221A1~ST*835*0001~BPR*I*0~SE*3*0001~GE*1*7~"
IEA = "IEA*1*000000905~"


def items_of(text: str, *, strict: bool = False) -> list[Item]:
    return list(read([text.encode("latin-1")], strict=strict))


def codes_of(items: list[Item], kind: str) -> list[str]:
    return [each.code for item in items for each in getattr(item, kind, ())]


def end_of(items: list[Item]) -> InterchangeEnd:
    return next(item for item in items if isinstance(item, InterchangeEnd))


def test_a_standard_header_says_who_sends_what_to_whom() -> None:
    start = items_of(ISA + BODY + IEA)[0]
    assert isinstance(start, InterchangeStart)
    interchange = start.interchange
    assert (
        ("ZZ", "PAYER", "ZZ", "PROVIDER"),
        ("250115", "1200", "00501", "000000905", True, "P"),
        Separators("*", ":", "^", "~"),
        ISA[:-1],
    ) == (
        (
            interchange.sender_qualifier,
            interchange.sender_id,
            interchange.receiver_qualifier,
            interchange.receiver_id,
        ),
        (
            interchange.date,
            interchange.time,
            interchange.version,
            interchange.control_number,
            interchange.is_acknowledgement_requested,
            interchange.usage,
        ),
        interchange.separators,
        interchange.raw,
    )


@pytest.mark.parametrize(
    ("element", "component", "repetition", "segment"),
    [
        ("*", ":", "^", "~"),
        ("|", ">", "!", "\n"),
        ("*", "~", "^", "\n"),
        ("~", "<", "^", "|"),
        ("\x1d", "@", "^", "\x1c"),
        ("^", ">", "!", "\r"),
        ("*", "{", "^", "$"),
    ],
)
def test_any_separators_the_header_names_are_used(
    element: str, component: str, repetition: str, segment: str
) -> None:
    table = str.maketrans({"*": element, ":": component, "^": repetition, "~": segment})
    body = BODY.replace("BPR*I*0~", "SVC*HC:99213^AD:D1*1*1~")
    items = items_of((ISA + body + IEA).translate(table))
    assert [] == codes_of(items, "faults") + codes_of(items, "notes")
    service = next(item for item in items if isinstance(item, Segment))
    assert ("HC", "99213", "D1") == (
        service.get(1, 1),
        service.get(1, 2),
        service.get(1, 2, 2),
    )


def test_b26_a_header_with_collapsed_spaces_is_read_and_flagged() -> None:
    collapsed = "ISA*00* *00* *ZZ*PAYER *ZZ*PROVIDER *250115*1200*^*00501*000000905*1*P*:~"
    items = items_of(collapsed + BODY + IEA)
    end = end_of(items)
    assert ((), ["x12.interchange.length"]) == (end.faults, [each.code for each in end.notes])
    assert "ISA with its terminator is 73 bytes long, not 106: ISA02 has 1 for 10" in (
        end.notes[0].explanation
    )
    assert () == next(item for item in items if isinstance(item, SetEnd)).faults


def test_b26_a_strict_reader_rejects_a_header_that_is_not_106_bytes_long() -> None:
    items = items_of((ISA + BODY + IEA).replace("PAYER          *ZZ", "PAYER *ZZ"), strict=True)
    assert ["x12.interchange.length"] == [each.code for each in end_of(items).faults]


@pytest.mark.parametrize(
    ("replacements", "reason"),
    [
        ({":": "*"}, "the component separator (ISA16) and the element separator are the same"),
        ({":": "~"}, "the segment terminator and the component separator (ISA16) are the same"),
        ({"^": ":"}, "the repetition separator (ISA11) and the component separator (ISA16) are"),
        ({"~": "G"}, "the segment terminator is a letter, a digit or a space"),
        ({":": "A"}, "the component separator (ISA16) is a letter, a digit or a space"),
        ({"~": "0"}, "the segment terminator is a letter, a digit or a space"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_b26_colliding_separators_reject_the_interchange(
    replacements: dict[str, str], reason: str, *, strict: bool
) -> None:
    header = "".join(replacements.get(each, each) for each in ISA)
    end = end_of(items_of(header + BODY + IEA, strict=strict))
    assert ["x12.interchange.separators"] == [each.code for each in end.faults]
    assert end.faults[0].explanation.startswith(reason)


def test_a_header_that_holds_its_own_terminator_is_rejected() -> None:
    header = ISA.replace("PAYER    ", "PAYER ~  ")
    assert ["x12.interchange.separators"] == [
        each.code for each in end_of(items_of(header + BODY + IEA)).faults
    ]


def test_lines_wrapped_at_80_columns_reject_the_interchange() -> None:
    text = ISA + BODY + IEA
    wrapped = "\n".join(text[start : start + 80] for start in range(0, len(text), 80))
    assert "x12.interchange.wrapped" in [each.code for each in end_of(items_of(wrapped)).faults]


def test_spaces_before_a_line_end_do_not_become_the_terminator() -> None:
    text = (ISA + BODY + IEA).replace("~", "  \r\n")
    items = items_of(text)
    assert [] == codes_of(items, "faults")
    start = items[0]
    assert isinstance(start, InterchangeStart)
    assert start.interchange.separators.segment == "\r"


def test_a_terminator_outside_ascii_is_read_whole() -> None:
    text = (ISA + BODY + IEA).replace("~", "\u2026\n").encode()
    items = list(read([text]))
    assert [] == codes_of(items, "faults") + codes_of(items, "notes")
    assert ["BPR"] == [item.id for item in items if isinstance(item, Segment)]


@pytest.mark.parametrize(
    ("version", "isa11", "expected"),
    [("00401", "U", ""), ("00401", "^", ""), ("00402", "^", "^"), ("00501", "U", "")],
)
def test_the_repetition_separator_exists_from_version_00402(
    version: str, isa11: str, expected: str
) -> None:
    header = read_header(ISA.replace("^*00501", f"{isa11}*{version}"), strict=True)
    assert header is not None
    assert (expected, ()) == (header.separators.repetition, header.faults)


@pytest.mark.parametrize("text", ["", "ISA", "ISA*00*  *", "ISA*" * 5, ISA[:104]])
def test_what_is_no_header_is_not_read_as_one(text: str) -> None:
    assert read_header(text, strict=False) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ST*835*0001~BPR*I*1~", Separators("*", ":", "", "~")),
        ("ST|837|0001|005010X222A1\nBHT|1", Separators("|", ":", "", "\n")),
        ("GS*HP*A*B*20250115*1200*7*X*005010X221A1~ST*835*1~", Separators("*", ":", "", "~")),
        ("ST:835:0001~BPR:I", Separators(":", ">", "", "~")),
        ("STREET 1, SOMEWHERE", None),
        ("ST*835*0001*", None),
        ("GS*HP*", None),
        ("", None),
    ],
)
def test_a_fragment_tells_its_separators_by_its_first_segment(
    text: str, expected: Separators | None
) -> None:
    assert expected == read_fragment(text)
