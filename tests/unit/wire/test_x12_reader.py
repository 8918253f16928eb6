"""Bytes into items: everything that stands around and between segments in real files, and the caps.

Counts and control numbers are in test_x12_structure.py, the header in test_x12_separators.py.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from suture.wire.x12 import (
    EnvelopeFault,
    InterchangeEnd,
    Item,
    Junk,
    Limits,
    Reader,
    Segment,
    SetEnd,
    SetStart,
    TechnicalAcknowledgement,
    read,
)

ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*00501*{0:09d}*1*P*:~"
)
GS = "GS*HP*PAYER*PROVIDER*20250115*1200*{0}*X*005010X221A1~"


def a_set(number: int, *segments: str) -> str:
    body = "".join(f"{segment}~" for segment in segments)
    return f"ST*835*{number:04d}~{body}SE*{len(segments) + 2}*{number:04d}~"


def an_interchange(number: int, *groups: list[str]) -> str:
    text = ISA.format(number)
    for ordinal, sets in enumerate(groups, start=1):
        text += GS.format(ordinal) + "".join(sets) + f"GE*{len(sets)}*{ordinal}~"
    return text + f"IEA*{len(groups)}*{number:09d}~"


PLAIN = an_interchange(1, [a_set(1, "BPR*I*10", "TRN*1*T1*1P")])


def items_of(text: str | bytes, limits: Limits | None = None) -> list[Item]:
    data = text.encode("latin-1") if isinstance(text, str) else text
    return list(read([data], limits))


def segments_of(items: list[Item]) -> list[list[str]]:
    return [item.elements for item in items if isinstance(item, Segment)]


def findings_of(items: list[Item]) -> list[str]:
    found = [
        each.code
        for item in items
        if not hasattr(item, "transaction_set") or isinstance(item, SetEnd)
        for kind in ("faults", "notes")
        for each in getattr(item, kind, ())
    ]
    return found + [item.fault.code for item in items if isinstance(item, Junk | EnvelopeFault)]


def test_a_file_is_read_in_the_order_of_its_bytes() -> None:
    assert [
        "InterchangeStart",
        "GroupStart",
        "SetStart",
        "Segment",
        "Segment",
        "SetEnd",
        "GroupEnd",
        "InterchangeEnd",
    ] == [type(item).__name__ for item in items_of(PLAIN)]


def test_segments_know_their_place_in_the_set_and_in_the_bytes() -> None:
    data = PLAIN.replace("~", "~\r\n  ").encode()
    segments = [item for item in items_of(data) if isinstance(item, Segment)]
    assert [(2, b"BPR*I*10"), (3, b"TRN*1*T1*1P")] == [
        (each.ordinal, data[each.offset : each.offset + each.length]) for each in segments
    ]


def test_element_repetition_and_component_are_counted_from_one() -> None:
    items = items_of(an_interchange(1, [a_set(1, "XX1*A:B^C:D**LAST")]))
    segment = next(item for item in items if isinstance(item, Segment))
    assert ("A:B^C:D", "A:B", "B", "D", "", "", "LAST", "", "") == (
        segment.get(1),
        segment.get(1, repetition=1),
        segment.get(1, 2),
        segment.get(1, 2, 2),
        segment.get(1, 3),
        segment.get(2),
        segment.get(3),
        segment.get(4),
        segment.get(1, 1, 3),
    )
    assert (["A", "B^C", "D"], []) == (segment.components(1), segment.components(2))


def test_text_is_decoded_for_people_and_bytes_stay_exact() -> None:
    data = PLAIN.replace("BPR*I*10", "N1*PR*MÜLLER*É").encode("utf-8")
    latin = PLAIN.replace("BPR*I*10", "N1*PR*MÜLLER").encode("latin-1")
    utf8 = next(item for item in items_of(data) if isinstance(item, Segment))
    old = next(item for item in items_of(latin) if isinstance(item, Segment))
    assert ("MÜLLER", "É", "MÜLLER", "PR") == (utf8.text(2), utf8.text(3), old.text(2), old.text(1))
    assert data[utf8.offset : utf8.offset + utf8.length] == "N1*PR*MÜLLER*É".encode()


@pytest.mark.parametrize(
    "between",
    ["\n", "\r\n", "\r", "\n\n  ", "\r\n\t\t", "\0\0\0", " "],
    ids=["LF", "CRLF", "CR", "indented", "tabs", "NUL padding", "space"],
)
def test_line_ends_indentation_and_padding_between_segments_mean_nothing(between: str) -> None:
    spaced = PLAIN.replace("~", "~" + between)
    assert segments_of(items_of(PLAIN)) == segments_of(items_of(spaced))
    assert [] == findings_of(items_of(spaced))


@pytest.mark.parametrize("terminator", ["\n", "\r\n", "\r"])
def test_line_ends_may_be_the_terminator(terminator: str) -> None:
    text = PLAIN.replace("~", terminator)
    assert segments_of(items_of(PLAIN)) == segments_of(items_of(text))
    assert [] == findings_of(items_of(text))


def test_mixed_line_ends_as_terminator_leave_no_return_in_values() -> None:
    head, _, rest = PLAIN.partition("~")
    text = head + "\n" + rest.replace("~", "\r\n")
    assert segments_of(items_of(PLAIN)) == segments_of(items_of(text))


def test_empty_segments_are_not_counted() -> None:
    assert [] == findings_of(items_of(PLAIN.replace("TRN*", "~~TRN*")))


def test_b18_a_byte_order_mark_is_not_part_of_the_interchange() -> None:
    items = items_of(b"\xef\xbb\xbf" + PLAIN.encode())
    assert segments_of(items_of(PLAIN)) == segments_of(items)
    assert [] == findings_of(items)


def test_cover_text_before_the_first_interchange_is_set_aside() -> None:
    cover = "Remittance for LISA*BROWN, see ISA below\n\n"
    items = items_of(cover + PLAIN)
    junk = items[0]
    assert isinstance(junk, Junk)
    assert (0, len(cover), "x12.input.junk") == (junk.offset, junk.length, junk.fault.code)
    assert segments_of(items_of(PLAIN)) == segments_of(items)


def test_a_header_that_cannot_be_read_is_reported_and_the_next_one_is_used() -> None:
    items = items_of("ISA*00*BROKEN~ST*835*0001~" + PLAIN)
    assert ["x12.interchange.unreadable"] == findings_of(items)
    assert segments_of(items_of(PLAIN)) == segments_of(items)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n\0 ", b"MSH|^~\\&|", b"I", b"ISA"])
def test_b66_a_file_without_an_interchange_says_so(data: bytes) -> None:
    assert "x12.input.no_interchange" in findings_of(items_of(data))


def test_several_interchanges_groups_and_sets_are_read_from_one_file() -> None:
    text = (
        an_interchange(1, [a_set(1, "BPR*I*1"), a_set(2, "BPR*I*2")], [a_set(1, "BPR*I*3")])
        + "\r\n"
        + an_interchange(2, [a_set(1, "BPR*I*4")]).replace("*", "|")
    )
    items = items_of(text)
    starts = [item.transaction_set for item in items if isinstance(item, SetStart)]
    assert [] == findings_of(items)
    assert [
        (1, "000000001", "1", "0001"),
        (2, "000000001", "1", "0002"),
        (3, "000000001", "2", "0001"),
        (4, "000000002", "1", "0001"),
    ] == [
        (
            each.ordinal,
            each.envelope.interchange.control_number,
            each.envelope.group.control_number,
            each.control_number,
        )
        for each in starts
    ]
    assert ["1", "2", "3", "4"] == [elements[2] for elements in segments_of(items)]


def test_a_ta1_between_interchange_and_group_is_told() -> None:
    ta1 = "TA1*000000905*250115*1200*R*025~"
    text = PLAIN.replace("GS*HP", ta1 + "GS*HP")
    answer = next(item for item in items_of(text) if isinstance(item, TechnicalAcknowledgement))
    assert ("000000905", "R", "025") == (answer.control_number, answer.code, answer.note)
    assert [] == findings_of(items_of(text))


@pytest.mark.parametrize("count", [0, 1])
def test_an_interchange_may_hold_nothing_but_a_ta1(count: int) -> None:
    text = ISA.format(7) + f"TA1*000000905*250115*1200*A*000~IEA*{count}*000000007~"
    assert [] == findings_of(items_of(text))


@pytest.mark.parametrize("start", ["GS*HP", "ST*835"])
def test_a_file_that_starts_inside_an_interchange_is_read_and_rejected(start: str) -> None:
    items = items_of(PLAIN[PLAIN.index(start) :])
    end = next(item for item in items if isinstance(item, InterchangeEnd))
    assert segments_of(items_of(PLAIN)) == segments_of(items)
    assert ["x12.interchange.absent"] == [each.code for each in end.faults]


BINARY = "12~34*5:6~ISA*IEA*~\n"


@pytest.mark.parametrize("lead", [f"BIN*{len(BINARY)}*", f"BDS*ASC*{len(BINARY)}*"])
def test_a_binary_segment_is_read_by_its_length(lead: str) -> None:
    items = items_of(an_interchange(1, [a_set(1, "BPR*I*1", lead + BINARY, "REF*X*1")]))
    assert [] == findings_of(items)
    assert [["BPR", "I", "1"], [*lead.split("*")[:-1], BINARY], ["REF", "X", "1"]] == segments_of(
        items
    )


@pytest.mark.parametrize("bytes_each", [1, 7, 150, 250])
def test_a_binary_segment_is_read_by_its_length_however_its_bytes_arrive(bytes_each: int) -> None:
    binary = f"BIN*{len(BINARY)}*{BINARY}"
    data = an_interchange(1, [a_set(1, binary), a_set(2, "BPR*I*2")]).encode("latin-1")
    pieces = [data[start : start + bytes_each] for start in range(0, len(data), bytes_each)]
    assert list(read([data])) == list(read(pieces))
    assert [["BIN", f"{len(BINARY)}", BINARY], ["BPR", "I", "2"]] == segments_of(list(read(pieces)))


@pytest.mark.parametrize("lead", ["BIN*11a*", "BIN*999*", "BIN**", "BIN*3*", "BDS*ASC*1*"])
def test_a_binary_segment_with_a_wrong_length_rejects_its_set_only(lead: str) -> None:
    items = items_of(
        an_interchange(1, [a_set(1, "BPR*I*1", lead + "BINARY PART"), a_set(2, "BPR*I*2")])
    )
    ends = [item for item in items if isinstance(item, SetEnd)]
    assert [["x12.segment.binary_length"], []] == [
        [each.code for each in end.faults] for end in ends
    ]


def test_a_binary_segment_beyond_the_cap_is_not_held_in_memory() -> None:
    text = an_interchange(1, [a_set(1, "BIN*200*" + "X" * 200), a_set(2, "BPR*I*2")])
    ends = [
        item for item in items_of(text, Limits(binary_bytes_max=100)) if isinstance(item, SetEnd)
    ]
    assert [["x12.segment.binary_length"], []] == [
        [each.code for each in end.faults] for end in ends
    ]


def test_names_that_look_like_marks_do_not_disturb() -> None:
    segments = ("NM1*QC*1*ISABEL*LISA", "NM1*QC*1*RUBIN*CABIN*X", "NM1*QC*1*IEA*BDS*BIN")
    items = items_of(an_interchange(1, [a_set(1, *segments)]))
    assert [segment.split("*") for segment in segments] == segments_of(items)
    assert [] == findings_of(items)


def test_b15_a_segment_with_a_million_elements_rejects_its_set_and_no_other() -> None:
    monster = "REF*" + "*" * 1_000_000
    text = an_interchange(1, [a_set(1, monster), a_set(2, "REF*" + "*" * 2_000), a_set(3, "N4*X")])
    ends = [item for item in items_of(text) if isinstance(item, SetEnd)]
    assert [["x12.segment.too_long"], ["x12.segment.elements"], []] == [
        [each.code for each in end.faults] for end in ends
    ]
    assert [3, 3, 3] == [end.segments_count for end in ends]


def test_a_segment_without_a_name_is_kept_and_noted() -> None:
    items = items_of(an_interchange(1, [a_set(1, "LXXXX*1", "Nd4*X", "N4*X")]))
    end = next(item for item in items if isinstance(item, SetEnd))
    assert ((), ["x12.segment.identifier"] * 2) == (end.faults, [each.code for each in end.notes])
    assert [("ST02=0001/segment[2]"), ("ST02=0001/segment[3]")] == [e.where for e in end.notes]
    assert [["LXXXX", "1"], ["Nd4", "X"], ["N4", "X"]] == segments_of(items)


@pytest.mark.parametrize("character", ["\n", "\r", "\0"])
def test_a_line_break_inside_a_value_rejects_the_set(character: str) -> None:
    text = an_interchange(1, [a_set(1, f"TRN*1*T{character}1*1P"), a_set(2, "TRN*1*T2*1P")])
    ends = [item for item in items_of(text) if isinstance(item, SetEnd)]
    assert [["x12.segment.control_character"], []] == [
        [each.code for each in end.faults] for end in ends
    ]


def test_b33_a_half_segment_at_the_end_is_nobodys() -> None:
    items = items_of(PLAIN[: PLAIN.index("T1*1P")])
    assert "x12.segment.truncated" in findings_of(items)
    assert [["BPR", "I", "10"]] == segments_of(items)


def test_a_last_trailer_without_terminator_is_whole_when_it_repeats_its_number() -> None:
    assert [] == findings_of(items_of(PLAIN[:-1]))
    assert [] == findings_of(items_of(PLAIN[:-1] + "\r\n"))
    assert ["x12.interchange.truncated", "x12.segment.truncated"] == findings_of(
        items_of(PLAIN[:-2])
    )


def test_findings_are_capped_and_counted() -> None:
    text = an_interchange(1, [a_set(1, *["Bad*1"] * 50, "TRN*1*T\n1*P")])
    end = next(item for item in items_of(text, Limits(findings_max=10)) if isinstance(item, SetEnd))
    assert (1, 10, 40) == (len(end.faults), len(end.notes), end.findings_dropped)


def test_b29_a_long_file_passes_in_flat_memory_and_shows_its_progress() -> None:
    claims_count = 20_000
    body = "CLP*C1*1*10.00*10.00**MC*P1*11*1~NM1*QC*1*DOE*JANE~SVC*HC:99213*10*10~" * 100

    def chunks() -> Iterator[bytes]:
        yield (ISA.format(1) + GS.format(1) + "ST*835*0001~BPR*I*1~TRN*1*T*P~LX*1~").encode()
        for _ in range(claims_count // 100):
            yield body.encode()
        yield f"SE*{claims_count * 3 + 5}*0001~GE*1*1~IEA*1*000000001~".encode()

    reader = Reader()
    tracemalloc.start()
    for chunk in chunks():
        for _ in reader.feed(chunk):
            pass
    end = list(reader.close())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ([], sum(map(len, chunks()))) == (end, reader.bytes_read)
    assert peak_bytes < 4_000_000
