"""Counts, control numbers, missing parts: what rejects a set, a group, an interchange, and no more.

What each finding answers in a TA1 or 999 is in test_x12_acknowledge.py.
"""

from __future__ import annotations

import pytest

from suture.wire.x12 import (
    EnvelopeFault,
    GroupEnd,
    InterchangeEnd,
    Item,
    Limits,
    Segment,
    SetEnd,
    SetStart,
    read,
)

ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*00501*000000905*1*P*:~"
)
GS = "GS*HP*PAYER*PROVIDER*20250115*1200*7*X*005010X221A1~"
FIRST = "ST*835*0001~BPR*I*1~SE*3*0001~"
SECOND = "ST*835*0002~BPR*I*2~SE*3*0002~"
GE = "GE*2*7~"
IEA = "IEA*1*000000905~"
WHOLE = ISA + GS + FIRST + SECOND + GE + IEA

Verdict = tuple[list[list[str]], list[list[str]], list[list[str]]]


def verdict_of(text: str, *, strict: bool = False) -> Verdict:
    """Return the fault codes of each set, each group and each interchange."""
    items = list(read([text.encode()], strict=strict))
    return (
        [[each.code for each in item.faults] for item in items if isinstance(item, SetEnd)],
        [[each.code for each in item.faults] for item in items if isinstance(item, GroupEnd)],
        [[each.code for each in item.faults] for item in items if isinstance(item, InterchangeEnd)],
    )


def notes_of(text: str) -> list[str]:
    items: list[Item] = list(read([text.encode()]))
    return [
        each.code
        for item in items
        if isinstance(item, SetEnd | GroupEnd | InterchangeEnd)
        for each in item.notes
    ]


def test_a_whole_file_has_no_findings() -> None:
    assert ([[], []], [[]], [[]]) == verdict_of(WHOLE)
    assert [] == notes_of(WHOLE)


@pytest.mark.parametrize(
    ("said", "says", "code"),
    [
        ("SE*3*0001", "SE*4*0001", "x12.set.segment_count"),
        ("SE*3*0001", "SE*three*0001", "x12.set.segment_count"),
        ("SE*3*0001", "SE**0001", "x12.set.segment_count"),
        ("SE*3*0001", "SE*3*1", "x12.set.control_number"),
        ("SE*3*0001", "SE*3", "x12.set.control_number"),
        ("ST*835*0001", "ST**0001", "x12.set.header"),
    ],
)
def test_b27_a_set_whose_trailer_disagrees_is_rejected_and_its_neighbours_are_not(
    said: str, says: str, code: str
) -> None:
    assert ([[code], []], [[]], [[]]) == verdict_of(WHOLE.replace(said, says))


@pytest.mark.parametrize(
    ("said", "says", "code"),
    [
        ("GE*2*7", "GE*3*7", "x12.group.set_count"),
        ("GE*2*7", "GE*2*8", "x12.group.control_number"),
    ],
)
def test_b27_a_group_whose_trailer_disagrees_is_rejected(said: str, says: str, code: str) -> None:
    assert ([[], []], [[code]], [[]]) == verdict_of(WHOLE.replace(said, says))


@pytest.mark.parametrize(
    ("said", "says", "code"),
    [
        ("IEA*1*", "IEA*2*", "x12.interchange.group_count"),
        ("IEA*1*000000905", "IEA*1*000000906", "x12.interchange.control_number"),
    ],
)
def test_b27_an_interchange_whose_trailer_disagrees_is_rejected(
    said: str, says: str, code: str
) -> None:
    assert ([[], []], [[]], [[code]]) == verdict_of(WHOLE.replace(said, says))


def test_a_finding_names_its_place_and_what_arrived() -> None:
    items = list(read([WHOLE.replace("SE*3*0001", "SE*9*0001").encode()]))
    end = next(item for item in items if isinstance(item, SetEnd))
    assert [("ST02=0001/SE-01", "SE01 says 9, 3 arrived")] == [
        (each.where, each.explanation) for each in end.faults
    ]


def test_group_and_interchange_numbers_are_compared_as_numbers() -> None:
    text = WHOLE.replace("GE*2*7", "GE*2*0007").replace("IEA*1*000000905", "IEA*1*905")
    assert ([[], []], [[]], [[]]) == verdict_of(text)


def test_a_set_number_used_twice_rejects_the_second() -> None:
    text = ISA + GS + FIRST + FIRST + GE + IEA
    assert ([[], ["x12.set.duplicate"]], [[]], [[]]) == verdict_of(text)


def test_a_set_number_may_come_again_in_another_group() -> None:
    other = GS.replace("*7*", "*8*") + FIRST + "GE*1*8~"
    text = ISA + GS + FIRST + SECOND + GE + other + IEA.replace("IEA*1", "IEA*2")
    assert ([[], [], []], [[], []], [[]]) == verdict_of(text)


def test_a_group_number_used_twice_rejects_the_second_group() -> None:
    text = ISA + (GS + FIRST + SECOND + GE) * 2 + IEA.replace("IEA*1", "IEA*2")
    assert ([[], [], [], []], [[], ["x12.group.duplicate"]], [[]]) == verdict_of(text)


def test_repeated_numbers_are_looked_for_up_to_a_cap() -> None:
    sets = "".join(f"ST*835*{number:04d}~SE*2*{number:04d}~" for number in (1, 2, 3, 3, 1))
    text = ISA + GS + sets + "GE*5*7~" + IEA
    items = list(read([text.encode()], Limits(control_numbers_max=2)))
    ends = [item for item in items if isinstance(item, SetEnd)]
    assert [[], [], [], [], ["x12.set.duplicate"]] == [[f.code for f in end.faults] for end in ends]


@pytest.mark.parametrize("cut", [len(ISA + GS + FIRST) + 5, len(ISA + GS + FIRST) + 15])
def test_b33_a_file_that_breaks_off_rejects_the_set_it_breaks(cut: int) -> None:
    text = WHOLE[:cut]
    assert ([[]], [[]], [[]]) == verdict_of(text) or (
        [[], ["x12.set.truncated"]],
        [[]],
        [[]],
    ) == verdict_of(text)
    assert ["x12.group.truncated", "x12.interchange.truncated"] == notes_of(text)


def test_b33_a_set_without_end_posts_nothing_and_whole_sets_before_it_stand() -> None:
    text = ISA + GS + FIRST + "ST*835*0002~BPR*I*2~TRN*1*HAL"
    assert ([[], ["x12.set.truncated"]], [[]], [[]]) == verdict_of(text)


def test_b33_a_strict_reader_rejects_everything_that_lost_its_trailers() -> None:
    text = ISA + GS + FIRST + SECOND
    assert (
        [[], []],
        [["x12.group.truncated"]],
        [["x12.interchange.truncated"]],
    ) == verdict_of(text, strict=True)


def test_a_set_without_trailer_is_rejected_and_the_next_one_read() -> None:
    text = ISA + GS + "ST*835*0001~BPR*I*1~" + SECOND + GE + IEA
    assert ([["x12.set.trailer_absent"], []], [[]], [[]]) == verdict_of(text)


def test_a_group_without_trailer_is_rejected_and_the_next_one_read() -> None:
    other = GS.replace("*7*", "*8*") + FIRST + "GE*1*8~"
    text = ISA + GS + FIRST + other + IEA.replace("IEA*1", "IEA*2")
    assert ([[], []], [["x12.group.trailer_absent"], []], [[]]) == verdict_of(text)


def test_an_interchange_without_trailer_is_rejected_and_the_next_one_read() -> None:
    text = ISA + GS + FIRST + SECOND + GE + WHOLE.replace("000000905", "000000906")
    assert (
        [[], [], [], []],
        [[], []],
        [["x12.interchange.trailer_absent"], []],
    ) == verdict_of(text)


def test_a_set_outside_any_group_is_rejected() -> None:
    assert ([["x12.group.absent"]], [], [[]]) == verdict_of(ISA + FIRST + IEA.replace("*1*", "*0*"))


def test_segments_after_a_wrong_end_of_set_reject_the_group() -> None:
    text = ISA + GS + FIRST + "CLP*1*1*5*5~CLP*2*1*5*5~" + SECOND + GE + IEA
    assert ([[], []], [["x12.envelope.stray_segment"]], [[]]) == verdict_of(text)
    strays = [item for item in read([text.encode()]) if isinstance(item, EnvelopeFault)]
    assert [len(ISA + GS + FIRST)] == [each.offset for each in strays]


def test_segments_between_groups_reject_the_interchange() -> None:
    text = ISA + GS + FIRST + SECOND + GE + "GE*1*7~" + IEA
    assert ([[], []], [[]], [["x12.envelope.stray_segment"]]) == verdict_of(text)


def test_interchange_controls_of_the_standard_are_no_strays() -> None:
    assert ([[], []], [[]], [[]]) == verdict_of(WHOLE.replace("GS*HP", "ISB*1~ISE*1~GS*HP"))


@pytest.mark.parametrize(
    "number",
    [
        "DOE JANE 19700101",
        "JANE DOE 123-45-6789",
        "123-45-6789",
        "DOE^JANE",
        "0123456789",
        "J\xc9E",
    ],
)
def test_b92_a_set_whose_number_is_none_is_rejected_and_the_text_repeated_nowhere(
    number: str,
) -> None:
    """ST02 is AN 4/9; free text in its place would be in every path of the set."""
    text = WHOLE.replace("*0001", f"*{number}").replace("SE*3", "SE*4", 1)
    items = list(read([text.encode("latin-1")]))
    end = next(item for item in items if isinstance(item, SetEnd))
    assert ["x12.set.header", "x12.set.segment_count"] == [each.code for each in end.faults]
    assert ["ST[1]", "ST[1]/SE-01"] == [each.where for each in end.faults]


@pytest.mark.parametrize("number", ["0001", "1", "A1", "000000001", "ABC123xyz"])
def test_a_number_of_one_to_nine_letters_and_digits_is_a_sets_own(number: str) -> None:
    assert ([[], []], [[]], [[]]) == verdict_of(WHOLE.replace("*0001", f"*{number}"))


def test_the_guide_is_told_by_st03_or_by_the_group() -> None:
    text = WHOLE.replace("ST*835*0002", "ST*835*0002*005010X221")
    starts = [item for item in read([text.encode()]) if isinstance(item, SetStart)]
    assert ["005010X221A1", "005010X221"] == [item.transaction_set.version for item in starts]


def test_a_fragment_is_shown_but_none_of_it_counts() -> None:
    items = list(read([(GS + FIRST + SECOND + GE).encode()]))
    assert ([[], []], [[]], [["x12.interchange.absent"]]) == verdict_of(GS + FIRST + SECOND + GE)
    assert ["1", "2"] == [item.get(2) for item in items if isinstance(item, Segment)]
