"""Files of any format: found out from their first bytes, read into messages (pipeline.read_file).

Here: HL7 v2 files and batches, empty and unknown files, what tells one format from another. X12 is
tests/unit/translate/test_translate_x12_common.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.specs.riverbend_books import channel
from tests.specs.riverbend_messages import Claim, adt, interchange, remittance

from suture.model.translation import Begun, Closed, Piece, Reading, Routed
from suture.pipeline import read_file
from suture.translate.file_format import detect_format

FIRST = adt("A04", "A1", at="20260310080000", control="M1", financial_class="MC")
SECOND = adt("A04", "A2", at="20260310080100", control="M2", financial_class="SP")
HEADER = b"FHS|^~\\&|RIVREG\rBHS|^~\\&|RIVREG\r"
TRAILER = b"BTS|2\rFTS|1\r"
REMITTANCE = interchange(remittance("EFT1", Claim("C1", 5_000)))


def read(raw: bytes, *, bytes_each: int = 0, whole_bytes_max: int = 1 << 20) -> list[Piece]:
    """Return the pieces of a file, handed over in chunks of so many bytes (0: in one)."""
    size = bytes_each or max(1, len(raw))
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    return list(read_file(chunks, channel("adt"), whole_bytes_max=whole_bytes_max))


def readings(pieces: list[Piece]) -> Iterator[Reading]:
    return (piece for piece in pieces if isinstance(piece, Reading))


def verdicts(pieces: list[Piece]) -> list[tuple[str, list[str]]]:
    """Return the status and the fault codes of each message."""
    return [
        (each.translation.status, [fault.code for fault in each.translation.faults])
        for each in readings(pieces)
    ]


@pytest.mark.parametrize(
    "head",
    [
        FIRST,
        b"\xef\xbb\xbf" + FIRST,
        b"\x0b" + FIRST,
        HEADER,
        b"BHS|^~\\&|",
        b"MSH^~|\\&^RIVREG",
        b"exported by ISABEL\rMSH|^~\\&|",
        b"12 MAIN ST,SPRINGFIELD\rMSH|^~\\&|",
        b"MSH|^~\\&|X|ISA*00*|ST*835*0001",
    ],
)
def test_a_file_whose_first_header_is_of_hl7_is_read_as_hl7(head: bytes) -> None:
    assert "hl7v2" == detect_format(head)


@pytest.mark.parametrize(
    "head",
    [
        REMITTANCE,
        b"\r\n\r\nISA*00*",
        b"Your remittance from MSHARP follows\nISA|00|",
        b"GS*HP*PAYER*",
        b"ST*835*0001~",
        b"ISA*00*          *MSH|",
    ],
)
def test_a_file_whose_first_header_is_of_x12_is_read_as_x12(head: bytes) -> None:
    assert "x12" == detect_format(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x00" * 64,
        b"VISA payments, ADVISA, MARSHALL\n",
        b"COST,ST,AMOUNT\n1,2,3\n",
        b"PID|1|...",
        b"<Bundle/>",
        b'["resourceType", "Bundle"]',
        b"ISAAC\nMSHELL\n",
    ],
)
def test_a_file_without_a_header_is_of_no_known_format(head: bytes) -> None:
    assert "unknown" == detect_format(head)


@pytest.mark.parametrize("bytes_each", [0, 1, 7, 4096])
def test_a_format_is_found_out_however_the_file_is_handed_over(bytes_each: int) -> None:
    assert read(REMITTANCE) == read(REMITTANCE, bytes_each=bytes_each)
    assert read(FIRST + SECOND) == read(FIRST + SECOND, bytes_each=bytes_each)


def test_an_empty_file_is_one_rejected_message() -> None:
    assert [("rejected", ["file.empty"])] == verdicts(read(b""))


def test_a_file_of_no_known_format_is_one_rejected_message_of_its_size() -> None:
    rubbish = b"neither one nor the other\n" * 400
    pieces = read(rubbish, bytes_each=4096)
    assert [("rejected", ["file.format.unknown"])] == verdicts(pieces)
    assert [len(rubbish)] == [each.bytes_count for each in readings(pieces)]
    assert isinstance(pieces[0], Begun)
    assert Closed() == pieces[-1]


def test_bare_messages_are_each_a_message_at_their_place_in_the_file() -> None:
    raw = FIRST + b"\r\n" + SECOND
    places = [(each.offset, each.bytes_count) for each in readings(read(raw))]
    kept = [raw[offset : offset + count] for offset, count in places]
    assert [FIRST.strip(), SECOND.strip()] == [each.strip() for each in kept]


def test_two_messages_of_the_same_bytes_are_told_apart_by_their_place() -> None:
    """Both are read; that the second repeats the first is for intake to see."""
    raw = FIRST + FIRST
    assert [0, len(FIRST)] == [each.offset for each in readings(read(raw))]


def test_the_facts_of_a_file_s_message_come_with_its_verdict() -> None:
    pieces = read(HEADER + FIRST + SECOND + TRAILER)
    assert not any(isinstance(piece, Routed) for piece in pieces)
    assert [2, 2] == [len(each.translation.routed) for each in readings(pieces)]
    begun = [piece.recorded_at_ms for piece in pieces if isinstance(piece, Begun)]
    assert [each.translation.recorded_at_ms for each in readings(pieces)] == begun


def test_b24_a_batch_with_a_wrong_count_is_held_whole_after_its_messages_were_read() -> None:
    pieces = read(HEADER + FIRST + SECOND + b"BTS|3\rFTS|1\r")
    assert [("accepted", []), ("accepted", [])] == verdicts(pieces)
    closed = pieces[-1]
    assert isinstance(closed, Closed)
    assert ("held", ["hl7.batch.count"]) == (closed.status, [each.code for each in closed.faults])


def test_a_whole_batch_closes_without_faults() -> None:
    assert Closed(status="held") == read(HEADER + FIRST + SECOND + TRAILER)[-1]


def test_one_message_that_cannot_be_read_does_not_hold_its_neighbours() -> None:
    broken = b"MSH|^~\\&|RIVREG||||||||\r"
    pieces = read(broken + FIRST)
    assert ["rejected", "accepted"] == [status for status, _ in verdicts(pieces)]
    assert Closed(status="held") == pieces[-1]


def test_a_batch_without_messages_is_told_of_all_the_same() -> None:
    assert [("rejected", ["file.no_message"])] == verdicts(read(HEADER + b"BTS|0\rFTS|1\r"))
    assert Closed() == read(HEADER + b"BTS|0\rFTS|1\r")[-1]


def test_b24_a_batch_that_lost_its_messages_says_so() -> None:
    ((status, codes),) = verdicts(read(HEADER + b"BTS|2\rFTS|1\r"))
    assert ("rejected", ["hl7.batch.count"]) == (status, codes)


def test_an_hl7_file_too_large_to_read_whole_is_refused_unread() -> None:
    raw = FIRST * 100
    pieces = read(raw, bytes_each=512, whole_bytes_max=4_999)
    assert [("rejected", ["file.too_large"])] == verdicts(pieces)
    assert [len(raw)] == [each.bytes_count for each in readings(pieces)]
    ((explanation,),) = ([f.explanation for f in e.translation.faults] for e in readings(pieces))
    assert "4,999 bytes" in explanation
