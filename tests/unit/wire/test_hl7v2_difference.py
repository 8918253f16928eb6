"""Where two messages differ is told by path, in order, bounded, and without a value (B20)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model.fault import Fault
from suture.wire.hl7v2 import Message, differences, likely_charsets, parse

HEADER = "MSH|^~\\&|HIS|RGH|SUTURE|RVH|20260401||DFT^P03|C1|P|2.5.1"
PERSON = "PID|1||M1^^^RGH||CANARY^WREN"
CHARGES = ("FT1|1|T1||20260401||CG|99213||||125.00", "FT1|2|T2||20260401||CG|99214||||75.00")


def message(*lines: str) -> Message:
    found = parse("".join(f"{each}\r" for each in lines).encode())
    assert not isinstance(found, Fault)
    return found


def told(earlier: Message, later: Message) -> list[tuple[str, str]]:
    found, is_more = differences(earlier, later)
    assert not is_more
    return [(each.path, each.change) for each in found]


def test_b20_a_message_does_not_differ_from_itself() -> None:
    whole = (HEADER, PERSON, *CHARGES)
    assert [] == told(message(*whole), message(*whole))


def test_b20_each_field_that_differs_is_named_by_its_path() -> None:
    earlier = message(HEADER, PERSON, *CHARGES)
    second = CHARGES[1].replace("75.00", "80.00").replace("99214", "")
    later = message(HEADER.replace("20260401", "20260402"), f"{PERSON}||1970", CHARGES[0], second)
    expected = [
        ("MSH-7", "changed"),
        ("PID-7", "added"),
        ("FT1[2]-7", "removed"),
        ("FT1[2]-11", "changed"),
    ]
    assert expected == told(earlier, later)
    found, _ = differences(earlier, later)
    values = [(each.value_in(earlier), each.value_in(later)) for each in found]
    assert ("75.00", "80.00") == values[-1]
    assert "CANARY" not in repr(found)


def test_b20_a_segment_that_only_one_has_is_named_as_a_whole() -> None:
    one, two = message(HEADER, CHARGES[0]), message(HEADER, *CHARGES, "not a segment at all")
    assert [("FT1[2]", "added"), ("line[4]", "added")] == told(one, two)
    assert [("FT1[2]", "removed"), ("line[4]", "removed")] == told(two, one)
    (added, _), _ = differences(one, two)
    assert ("", CHARGES[1]) == (added.value_in(one), added.value_in(two))


def test_b20_a_line_that_is_no_segment_is_compared_whole() -> None:
    one, two = message(HEADER, "free text a|b"), message(HEADER, "free text a|c")
    assert [("line[2]", "changed")] == told(one, two)


def test_b20_what_is_told_is_bounded() -> None:
    one, two = message(HEADER, PERSON), message(HEADER, PERSON, *(["NTE|1||x"] * 300))
    found, is_more = differences(one, two, differences_max=7)
    assert (7, True) == (len(found), is_more)
    exactly, is_more = differences(one, two, differences_max=300)
    assert (300, False) == (len(exactly), is_more)


@given(
    st.lists(st.sampled_from([PERSON, *CHARGES, "ZX1|a", "junk"]), max_size=5),
    st.lists(st.sampled_from([PERSON, *CHARGES, "ZX1|a", "junk"]), max_size=5),
)
def test_b20_two_messages_differ_exactly_when_their_segments_do(
    first: list[str], second: list[str]
) -> None:
    found, _ = differences(message(HEADER, *first), message(HEADER, *second))
    by_name = [
        sorted(
            [(each.name, each.ordinal, each.render()) for each in message(HEADER, *lines).segments]
        )
        for lines in (first, second)
    ]
    assert bool(found) == (by_name[0] != by_name[1])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"plain", ("utf-8",)),
        ("RENÉE".encode(), ("utf-8", "cp1252")),
        (b"REN\xc9E", ("cp1252", "iso8859-5", "iso8859-7")),
        (b"\x80 5 \x81", ()),
    ],
)
def test_b17_the_character_sets_that_bytes_fit_are_told_the_likeliest_first(
    raw: bytes, expected: tuple[str, ...]
) -> None:
    assert expected == likely_charsets(raw)
