"""Files of interchanges into pieces: envelopes outrank sets, one bad set never fails another.

What the reader makes of bytes is tests/unit/wire/test_x12_*.py; here is what becomes of a file:
which messages it holds, under which verdict, and what its sender and the operator are told.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.specs.riverbend_books import channel
from tests.specs.riverbend_messages import Claim, interchange, remittance

from suture.catalogue import SET_TRANSLATORS
from suture.model.translation import Begun, Channel, Closed, Piece, Reading, Routed
from suture.translate.x12_common import (
    control_id,
    read_interchanges,
    recorded_at_ms,
    recorded_on,
)
from suture.wire.x12.envelope import Envelope, Group, Interchange, TransactionSet

ONE = remittance("EFT1", Claim("C1", 10_000, (("CO", "45", 2_000),)))
TWO = remittance("EFT2", Claim("C2", 5_000))
UNBALANCED = remittance("EFT3", Claim("C3", 5_000), misprint_minor=1)
TA1 = "TA1*000000077*260320*0600*R*021~"


def read(raw: bytes | str, *, bytes_each: int = 0) -> list[Piece]:
    """Return the pieces of a file, handed over in chunks of so many bytes (0: in one)."""
    data = raw.encode() if isinstance(raw, str) else raw
    size = bytes_each or max(1, len(data))
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    return list(read_interchanges(chunks, channel("remits"), SET_TRANSLATORS))


def told(raw: bytes | str) -> list[tuple[str, str, list[str]]]:
    """Return type, status and fault codes of each message, and of each interchange's verdict."""
    shown: list[tuple[str, str, list[str]]] = []
    for piece in read(raw):
        match piece:
            case Reading(translation=verdict):
                codes = [fault.code for fault in verdict.faults]
                shown.append((verdict.type, verdict.status, codes))
            case Closed(faults=faults) if faults:
                shown.append(("closed", piece.status, [fault.code for fault in faults]))
            case _:
                pass
    return shown


def changed(raw: bytes, old: str, new: str) -> bytes:
    assert raw.count(old.encode()) == 1
    return raw.replace(old.encode(), new.encode())


WHOLE = interchange(ONE, TWO)


# Whole files ------------------------------------------------------------------------------------


def test_each_set_is_a_message_begun_told_and_judged() -> None:
    assert [Begun, Routed, Routed, Reading, Begun, Routed, Routed, Reading, Closed] == [
        type(piece) for piece in read(WHOLE)
    ]
    assert [("835", "accepted", []), ("835", "accepted", [])] == told(WHOLE)


@pytest.mark.parametrize("bytes_each", [1, 3, 97, 4096])
def test_the_pieces_do_not_depend_on_how_the_bytes_are_handed_over(bytes_each: int) -> None:
    assert read(WHOLE) == read(WHOLE, bytes_each=bytes_each)


def test_each_message_is_its_own_bytes_from_st_to_se() -> None:
    kept = [
        WHOLE[piece.offset : piece.offset + piece.bytes_count]
        for piece in read(WHOLE)
        if isinstance(piece, Reading)
    ]
    assert [b"ST*835*0001", b"ST*835*0002"] == [each[:11] for each in kept]
    assert [b"0001", b"0002"] == [each[-4:] for each in kept]


def test_several_interchanges_each_close_with_a_verdict_of_their_own() -> None:
    broken = changed(interchange(TWO, number=2), "IEA*1*", "IEA*2*")
    assert [
        ("835", "accepted", []),
        ("835", "accepted", []),
        ("closed", "rejected", ["x12.interchange.group_count"]),
        ("835", "accepted", []),
    ] == told(interchange(ONE) + broken + interchange(ONE, number=3))


def test_cover_text_around_interchanges_concerns_nobody() -> None:
    raw = b"Dear provider,\n" + interchange(ONE) + b"\nkind regards\n"
    assert [("835", "accepted", [])] == told(raw)
    assert read(interchange(ONE))[-1] == read(raw)[-1], "the same reply is owed"


def test_a_sender_that_no_reply_can_name_is_left_without_one_and_nothing_else() -> None:
    """`PAY*R` is fine where `|` separates; the 999 to it separates by `*`."""
    raw = interchange(UNBALANCED, ONE).replace(b"*", b"|")
    strange = raw.replace(b"|PAYER ", b"|PAY*R ", 1)
    assert read(raw)[-1] != Closed(status="rejected"), "a 999 is owed"
    assert read(strange)[-1] == Closed(status="rejected")
    assert told(raw) == told(strange)


# What a set says about itself -------------------------------------------------------------------


def test_b27_a_set_that_counts_wrong_is_rejected_and_its_neighbour_stands() -> None:
    raw = changed(WHOLE, "SE*10*0001", "SE*11*0001")
    assert [("835", "rejected", ["x12.set.segment_count"]), ("835", "accepted", [])] == told(raw)


def test_b28_a_set_out_of_balance_is_held_and_its_neighbour_stands() -> None:
    assert [
        ("835", "held", ["x12.835.transaction.unbalanced"]),
        ("835", "accepted", []),
    ] == told(interchange(UNBALANCED, TWO))


def test_b27_what_the_envelope_says_outranks_what_is_in_the_set() -> None:
    raw = changed(interchange(UNBALANCED), "SE*9*0001", "SE*9*0002")
    assert [
        ("835", "rejected", ["x12.set.control_number", "x12.835.transaction.unbalanced"])
    ] == told(raw)


def test_b25_a_set_nobody_translates_is_held_under_its_type_and_its_neighbour_stands() -> None:
    raw = changed(WHOLE, "ST*835*0001", "ST*864*0001")
    assert [("864", "held", ["x12.set.unsupported"]), ("835", "accepted", [])] == told(raw)
    (unknown,) = (
        fault
        for piece in read(raw)
        if isinstance(piece, Reading)
        for fault in piece.translation.faults
    )
    assert ("ST02=0001/ST-01", "864 is not translated") == (unknown.where, unknown.explanation)


def test_b25_a_type_that_is_none_is_not_repeated() -> None:
    raw = changed(interchange(ONE), "ST*835*0001", "ST*JANE DOE*0001")
    explanations = [
        fault.explanation
        for piece in read(raw)
        if isinstance(piece, Reading)
        for fault in piece.translation.faults
    ]
    assert ["this type is not translated"] == explanations


def test_lenient_findings_of_the_envelope_are_kept_as_notes() -> None:
    raw = changed(interchange(ONE), "LX*1~", "LX*1~lx*2~")
    raw = changed(raw, "SE*10*", "SE*11*")
    (reading,) = (piece for piece in read(raw) if isinstance(piece, Reading))
    assert "accepted" == reading.translation.status
    assert ["x12.segment.identifier"] == [note.code for note in reading.translation.notes]


# What surrounds the sets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("GE*2*1", "GE*3*1", ["x12.group.set_count"]),
        ("GE*2*1", "GE*2*9", ["x12.group.control_number"]),
        ("IEA*1*", "IEA*2*", ["x12.interchange.group_count"]),
        ("IEA*1*000000001", "IEA*1*000000009", ["x12.interchange.control_number"]),
        ("GE*2*1~", "GE*2*1~CLP*C9*1*5*5~", ["x12.envelope.stray_segment"]),
        ("GE*2*1~IEA*1*", "GE*9*1~IEA*9*", ["x12.group.set_count", "x12.interchange.group_count"]),
    ],
)
def test_b27_a_fault_of_the_envelope_rejects_every_set_in_it(
    old: str, new: str, codes: list[str]
) -> None:
    assert [
        ("835", "accepted", []),
        ("835", "accepted", []),
        ("closed", "rejected", codes),
    ] == told(changed(WHOLE, old, new))


def test_b27_an_interchange_that_another_follows_too_early_is_rejected_the_other_stands() -> None:
    torn = interchange(ONE).partition(b"IEA*")[0]
    assert [
        ("835", "accepted", []),
        ("closed", "rejected", ["x12.interchange.trailer_absent"]),
        ("835", "accepted", []),
    ] == told(torn + interchange(TWO, number=2))


@pytest.mark.parametrize("start", [b"GS*", b"ST*"])
def test_a_file_that_starts_inside_an_interchange_is_read_and_rejected(start: bytes) -> None:
    raw = WHOLE[WHOLE.index(start) :]
    *sets, closed = told(raw)
    assert {("835", "accepted")} == {(kind, status) for kind, status, _ in sets}
    assert ("closed", "rejected", ["x12.interchange.absent"]) == closed


def test_b26_separators_that_cannot_be_told_apart_are_told_once() -> None:
    raw = changed(interchange(ONE), "*P*:~", "*P**~")
    first, *rest = told(raw)
    assert ("interchange", "rejected", ["x12.interchange.separators"]) == first
    assert ("closed", "rejected", ["x12.interchange.absent"]) == rest[-1]


def test_an_interchange_with_a_fault_and_no_set_is_a_message_of_its_own() -> None:
    header, _, trailer = interchange(ONE).partition(b"GS*")
    raw = header + b"IEA*4*" + trailer.rpartition(b"IEA*1*")[2]
    assert [("interchange", "rejected", ["x12.interchange.group_count"])] == told(raw)


def test_an_interchange_without_sets_is_told_of_all_the_same() -> None:
    header = interchange(ONE).partition(b"GS*")[0].decode()
    assert [("interchange", "held", ["file.no_message"])] == told(f"{header}IEA*0*000000001~")


def test_a_ta1_is_a_message_of_its_own() -> None:
    header = interchange(ONE).partition(b"GS*")[0].decode()
    raw = f"{header}{TA1}IEA*1*000000001~"
    assert [("TA1", "accepted", [])] == told(raw)


# What cannot be read ----------------------------------------------------------------------------


def test_bytes_without_an_interchange_are_one_rejected_message() -> None:
    assert [("interchange", "rejected", ["x12.input.no_interchange"])] == told("ST835 is my name")
    assert [("interchange", "rejected", ["x12.input.no_interchange"])] == told("")


def test_b26_an_isa_that_cannot_be_read_is_told_and_its_neighbour_stands() -> None:
    broken = b"ISA*00*too short~GS*HP*" + b"X" * 600 + b"\n"
    assert [
        ("interchange", "rejected", ["x12.interchange.unreadable"]),
        ("835", "accepted", []),
    ] == told(broken + interchange(ONE))
    assert [("interchange", "rejected", ["x12.interchange.unreadable"])] == told(broken)


def test_an_interchange_that_cannot_be_read_closes_before_the_next_one_opens() -> None:
    """Else a fault of the next one would be laid at its door."""
    broken = b"ISA*00*too short~GS*HP*" + b"X" * 600 + b"\n"
    pieces = read(broken + interchange(ONE))
    assert [Begun, Reading, Closed, Begun] == [type(piece) for piece in pieces[:4]]
    assert Closed() == pieces[2]


def test_b33_a_file_cut_inside_a_set_rejects_that_set_alone() -> None:
    raw = WHOLE[: WHOLE.index(b"CLP*C2")]
    assert [("835", "accepted", []), ("835", "rejected", ["x12.set.truncated"])] == told(raw)
    pieces = read(raw)
    cut, closed = pieces[-2:]
    assert isinstance(closed, Closed)
    assert isinstance(cut, Reading)
    assert () == closed.faults
    assert raw[cut.offset : cut.offset + cut.bytes_count].endswith(b"LX*1")


def test_b33_a_file_cut_in_the_middle_of_a_segment_posts_nothing_of_its_set() -> None:
    raw = WHOLE[: WHOLE.index(b"CLP*C2") + 9]
    assert [("835", "accepted", []), ("835", "rejected", ["x12.set.truncated"])] == told(raw)


@pytest.mark.parametrize("end", [b"ST*835*0002", b"GE*", b"IEA*"])
def test_b33_a_file_cut_between_sets_keeps_the_whole_ones_and_says_that_it_was_cut(
    end: bytes,
) -> None:
    """Each set proved itself by its SE; what may have followed must be asked for."""
    *sets, cut = told(WHOLE[: WHOLE.index(end)])
    assert {("835", "accepted")} == {(kind, status) for kind, status, _ in sets}
    assert ("interchange", "rejected", ["x12.interchange.truncated"]) == cut


def test_b33_a_file_cut_right_after_its_header_is_told_of() -> None:
    header = interchange(ONE).partition(b"ST*")[0]
    assert [("interchange", "rejected", ["x12.interchange.truncated"])] == told(header)


def peak_bytes(claims_count: int) -> int:
    """Return the most memory that reading one remittance of so many claims takes at once."""

    def chunks() -> Iterator[bytes]:
        head, _, trailer = interchange(remittance("EFT1", Claim("C1", 0))).partition(b"CLP*")
        yield head
        for number in range(claims_count):
            yield b"CLP*C%d*1*10*8**MA*I%d~CAS*CO*45*2~NM1*QC*1*DOE~" % (number % 50, number % 50)
        yield b"SE*" + trailer.partition(b"SE*")[2]

    tracemalloc.start()
    try:
        for _ in read_interchanges(chunks(), channel("remits"), SET_TRANSLATORS):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_b29_memory_does_not_grow_with_the_file() -> None:
    peak_bytes(100)  # what is remembered of codes and dates is remembered now
    assert peak_bytes(6_000) < peak_bytes(600) + 100_000


# Names and dates of the envelope ----------------------------------------------------------------


def a_set(group: Group | None = None, *, on: str = "", at: str = "") -> TransactionSet:
    """Return a transaction set of this group, in an interchange made then (ISA09, ISA10)."""
    around = Interchange(ordinal=1, control_number="000000042", date=on, time=at)
    return TransactionSet(
        envelope=Envelope(around, group or Group(control_number="7")),
        set_id="835",
        control_number="0003",
        version="005010X221A1",
        ordinal=1,
    )


def test_a_set_is_known_by_its_three_control_numbers() -> None:
    assert "000000042/7/0003" == control_id(a_set())


def test_b92_what_is_no_control_number_is_known_by_its_place() -> None:
    free = "DOE JANE 123-45-6789"
    group = Group(ordinal=2, control_number=free)
    around = Interchange(ordinal=1, control_number="DOE JANE1")
    named = msgspec.structs.replace(
        a_set(), envelope=Envelope(around, group), control_number=free, ordinal=3
    )
    assert "ISA[1]/GS[2]/ST[3]" == control_id(named)
    assert "000000042//0003" == control_id(a_set(Group()))


@pytest.mark.parametrize("sent", ["JANE DOE", "8354", "8-5"])
def test_b92_a_type_that_is_none_is_shown_as_unreadable(sent: str) -> None:
    raw = changed(WHOLE, "ST*835*0001", f"ST*{sent}*0001")
    assert [("unreadable", "held", ["x12.set.unsupported"]), ("835", "accepted", [])] == told(raw)


def test_b92_a_set_numbered_by_a_sentence_is_rejected_and_its_neighbour_stands() -> None:
    raw = WHOLE.replace(b"*0001~", b"*JANE DOE 123-45-6789~")
    assert [("835", "rejected", ["x12.set.header"]), ("835", "accepted", [])] == told(raw)
    assert b"JANE" not in repr(read(raw)).encode()


@pytest.mark.parametrize(
    ("group", "interchange_date", "expected"),
    [
        ("20260320", "260319", date(2026, 3, 20)),
        ("", "260319", date(2026, 3, 19)),
        ("20260399", "260319", date(2026, 3, 19)),
        ("", "", date(1970, 1, 1)),
    ],
)
def test_a_set_was_made_when_its_group_was_else_its_interchange(
    group: str, interchange_date: str, expected: date
) -> None:
    assert expected == recorded_on(a_set(Group(date=group), on=interchange_date))


UTC_CHANNEL = msgspec.structs.replace(channel("remits"), zone=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("group_time", "interchange_time", "seconds"),
    [
        ("0612", "0700", 6 * 3600 + 12 * 60),
        ("061259", "", 6 * 3600 + 12 * 60 + 59),
        ("06125999", "", 6 * 3600 + 12 * 60 + 59),
        ("", "0700", 7 * 3600),
        ("", "", 0),
        ("2460", "", 0),
        ("0661", "", 0),
        ("061260", "", 0),
        ("noon", "", 0),
        ("²³¹²", "", 0),
        ("612", "", 0),
    ],
)
def test_the_time_of_day_is_the_group_s_or_the_interchange_s_or_midnight(
    group_time: str, interchange_time: str, seconds: int
) -> None:
    made = a_set(Group(date="20260320", time=group_time), at=interchange_time)
    midnight_ms = 1_773_964_800_000
    assert midnight_ms + seconds * 1000 == recorded_at_ms(made, UTC_CHANNEL)


def test_times_are_those_of_the_source_s_zone() -> None:
    made = a_set(Group(date="20260320", time="0100"))
    hours_ms = recorded_at_ms(made, channel("remits")) - recorded_at_ms(made, UTC_CHANNEL)
    assert 5 * 3_600_000 == hours_ms


def test_b22_a_date_before_1970_makes_no_negative_instant() -> None:
    """A stamp is compared as text: a sign would order it wrongly."""
    zone = ZoneInfo("Asia/Tokyo")
    eastern: Channel = msgspec.structs.replace(channel("remits"), zone=zone)
    assert 0 == recorded_at_ms(a_set(Group(date="19000101")), UTC_CHANNEL)
    assert 0 == recorded_at_ms(a_set(), eastern)
