"""Files and frames cut into messages: batches, bare sequences, counts and junk (B24)."""

from __future__ import annotations

import pytest

from suture.wire.hl7v2 import Batch, Message, parse, split

FIRST = b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rPID|1\r"
SECOND = b"MSH|^~\\&|A|B|C|D|2026||ADT^A03|2|P|2.5\rPID|2\r"
FHS = b"FHS|^~\\&|A\r"
BHS = b"BHS|^~\\&|A||||2026||||77\r"


def codes(batch: Batch) -> tuple[list[str], list[str]]:
    return [found.code for found in batch.faults], [found.code for found in batch.notes]


def test_a_frame_of_one_message_is_that_message() -> None:
    batch = split(FIRST)
    assert ((FIRST,), (), (), False) == (
        batch.messages,
        batch.faults,
        batch.notes,
        batch.is_batch,
    )
    assert [(FIRST,)] == [block.messages for block in batch.blocks]


def test_messages_after_each_other_need_no_envelope() -> None:
    batch = split(FIRST + b"\r\n" + SECOND)
    assert (FIRST + b"\r\n", SECOND) == batch.messages
    assert (([], []), False) == (codes(batch), batch.is_batch)


def test_a_word_that_looks_like_a_header_inside_a_value_cuts_nothing() -> None:
    raw = FIRST + b"NTE|1||see BHS and MSH|MSH|\r"
    assert (raw,) == split(raw).messages


def test_a_batch_with_right_counts_is_read_with_its_header() -> None:
    batch = split(FHS + BHS + FIRST + SECOND + b"BTS|2\rFTS|1\r")
    assert ((FIRST, SECOND), ([], []), True) == (batch.messages, codes(batch), batch.is_batch)
    (block,) = batch.blocks
    assert block.header is not None
    assert block.trailer is not None
    assert ("77", "2") == (block.header.value(11), block.trailer.value(1))


def test_a_file_may_hold_several_batches_and_an_empty_one() -> None:
    batch = split(FHS + BHS + FIRST + b"BTS|1\r" + BHS + b"BTS|0\r" + BHS + SECOND + b"BTS\rFTS|3")
    assert [(FIRST,), (), (SECOND,)] == [block.messages for block in batch.blocks]
    assert ([], []) == codes(batch)


def test_two_files_after_each_other_are_counted_apart() -> None:
    file = FHS + BHS + FIRST + b"BTS|1\rFTS|1\r"
    assert ([], []) == codes(split(file + file))


@pytest.mark.parametrize(
    ("trailers", "wheres"),
    [
        (b"BTS|3\rFTS|1\r", ["BTS[1]-1"]),
        (b"BTS|2\rFTS|2\r", ["FTS-1"]),
        (b"BTS|0\rFTS|0\r", ["BTS[1]-1", "FTS-1"]),
        (b"BTS|two\rFTS|1\r", ["BTS[1]-1"]),
        (b"BTS|-2\rFTS|1\r", ["BTS[1]-1"]),
        (b"BTS|99999999999999999999\rFTS|1\r", ["BTS[1]-1"]),
    ],
)
def test_b24_a_wrong_count_holds_the_whole_batch(trailers: bytes, wheres: list[str]) -> None:
    batch = split(FHS + BHS + FIRST + SECOND + trailers)
    assert [("hl7.batch.count", where) for where in wheres] == [
        (found.code, found.where) for found in batch.faults
    ]
    assert (FIRST, SECOND) == batch.messages


def test_b24_the_fault_states_both_counts() -> None:
    (found,) = split(BHS + FIRST + b"BTS|25\r").faults
    assert "the trailer counts 25, 1 arrived" == found.explanation


def test_headers_without_trailers_are_accepted_and_flagged() -> None:
    batch = split(FHS + BHS + FIRST + SECOND)
    assert ([], ["hl7.lenient.trailer_absent"] * 2) == codes(batch)
    assert 2 == len(batch.messages)


def test_a_trailer_is_read_with_the_separators_of_its_header() -> None:
    batch = split(b"BHS#!@%*#A\r" + FIRST + b"BTS#1!x\r")
    assert ([], []) == codes(batch)


def test_a_header_with_unusable_separators_still_cuts_the_file() -> None:
    batch = split(b"FHS\rBHS|^^\r" + FIRST + b"BTS|1\rFTS|1\r")
    assert ((FIRST,), ([], [])) == (batch.messages, codes(batch))


def test_words_before_the_first_message_are_kept_and_reported() -> None:
    batch = split(b"Export of 1 March\r\n" + FIRST)
    assert ((FIRST,), ([], ["hl7.lenient.junk"])) == (batch.messages, codes(batch))
    assert (b"Export of 1 March\r\n",) == batch.junk


@pytest.mark.parametrize(
    "data", [b"PID|1||100\rPV1|1|I\r" + FIRST, FHS + b"PID|1||100\r" + FIRST + b"FTS|1\r"]
)
def test_a_message_that_lost_its_head_holds_the_whole_file(data: bytes) -> None:
    assert ["hl7.batch.headless"] == codes(split(data))[0]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"ISA*00*", b"PIDMSH|^~\\&|", b"MSHX|^~\\&|"])
def test_bytes_without_a_message_are_a_fault(data: bytes) -> None:
    batch = split(data)
    assert ((), ["hl7.batch.no_message"]) == (batch.messages, codes(batch)[0])


def test_an_empty_batch_is_legal() -> None:
    batch = split(FHS + BHS + b"BTS|0\rFTS|1\r")
    assert ((), ([], []), True) == (batch.messages, codes(batch), batch.is_batch)


def test_a_short_header_reaches_the_parser_to_be_refused_there() -> None:
    assert (b"MSH\r",) == split(b"MSH\r").messages


def test_b18_wrapping_stays_with_its_message_and_is_flagged_there() -> None:
    data = b"\xef\xbb\xbf" + FIRST + b"\x1c\r\x0b" + SECOND + b"\x1c\r\n"
    batch = split(data)
    assert (b"\xef\xbb\xbf" + FIRST + b"\x1c\r", b"\x0b" + SECOND + b"\x1c\r\n") == batch.messages
    read = [parse(raw) for raw in batch.messages]
    assert ["1", "2"] == [each.control_id for each in read if isinstance(each, Message)]


def test_a_captured_header_without_a_line_end_is_cut_at_the_end_byte() -> None:
    batch = split(b"FHS|^~\\&|A\x1cMSH|^~\\&|A\x1cFTS|1")
    assert ["FHS", "MSH", "FTS"] == [piece.kind for piece in batch.pieces]


def test_b24_a_file_of_nothing_but_wrong_counts_reports_a_bounded_number_of_them() -> None:
    batch = split(b"BTS|1\r" * 10_000)
    assert ["hl7.batch.count"] * 100 == codes(batch)[0]
