"""What the MLLP reader makes of good and bad byte streams (B1 to B8)."""

from __future__ import annotations

import pytest

from suture.wire.mllp import (
    HELD_BYTES_MAX,
    JUNK_BYTES_MAX,
    NESTED_MAX,
    Frame,
    FrameReader,
    FramingFault,
    frame,
)

FIRST = b"MSH|^~\\&|A\rPID|1\r"
SECOND = b"MSH|^~\\&|B\r"


def only_fault(events: list[Frame | FramingFault]) -> FramingFault:
    (event,) = events
    assert isinstance(event, FramingFault)
    return event


def test_a_frame_gives_its_payload_and_leaves_nothing_open() -> None:
    reader = FrameReader()
    assert [Frame(FIRST)] == reader.receive(frame(FIRST))
    assert (False, 0) == (reader.is_open, reader.junk_bytes_total)


def test_b1_bytes_without_a_start_byte_close_the_connection_after_the_limit() -> None:
    reader = FrameReader()
    assert [] == reader.receive(b"x" * JUNK_BYTES_MAX)
    event = only_fault(reader.receive(b"x"))
    assert ("mllp.junk", "connection", True) == (
        event.fault.code,
        event.fault.where,
        event.is_fatal,
    )
    assert reader.is_closed
    assert [] == reader.receive(frame(FIRST))


def test_bytes_between_frames_are_ignored_and_counted() -> None:
    reader = FrameReader()
    events = reader.receive(b"\r\n" + frame(FIRST) + b"\n\n\n" + frame(SECOND) + b"\x1c")
    assert [Frame(FIRST), Frame(SECOND)] == events
    assert 6 == reader.junk_bytes_total


def test_the_junk_limit_counts_anew_after_each_frame() -> None:
    reader = FrameReader(junk_bytes_max=4)
    assert [Frame(FIRST)] * 3 == reader.receive((frame(FIRST) + b"\r\n\r\n") * 3)


def test_b2_a_frame_beyond_the_limit_keeps_its_head_and_closes_the_connection() -> None:
    reader = FrameReader(frame_bytes_max=10_000)
    event = only_fault(reader.receive(b"\x0b" + FIRST + b"x" * 20_000))
    assert ("mllp.frame.too_large", "frame[1]", True) == (
        event.fault.code,
        event.fault.where,
        event.is_fatal,
    )
    assert (FIRST, HELD_BYTES_MAX) == (event.payload[: len(FIRST)], len(event.payload))


def test_b2_a_frame_of_exactly_the_limit_is_accepted() -> None:
    reader = FrameReader(frame_bytes_max=len(FIRST))
    assert [Frame(FIRST)] == reader.receive(frame(FIRST))


def test_b3_an_open_frame_is_known_so_that_its_deadline_can_run() -> None:
    reader = FrameReader()
    assert (False, 0) == (reader.is_open, reader.frames_opened)
    reader.receive(b"\x0bMSH")
    assert (True, 1) == (reader.is_open, reader.frames_opened)
    reader.receive(b"|\x1c\r\x0b")
    assert (True, 2) == (reader.is_open, reader.frames_opened)


def test_b5_an_end_without_carriage_return_closes_a_strict_connection() -> None:
    reader = FrameReader()
    event = only_fault(reader.receive(b"\x0b" + FIRST + b"\x1c\x0b" + SECOND + b"\x1c\r"))
    assert ("mllp.frame.end", FIRST, True) == (event.fault.code, event.payload, event.is_fatal)


def test_b5_a_second_end_byte_is_no_carriage_return() -> None:
    assert "mllp.frame.end" == only_fault(FrameReader().receive(b"\x0ba\x1c\x1c\r")).fault.code


def test_b5_lenient_ends_accept_at_the_next_start_and_flag_the_frame() -> None:
    reader = FrameReader(lenient_end=True)
    events = reader.receive(b"\x0b" + FIRST + b"\x1c" + frame(SECOND))
    assert [Frame(FIRST, is_lenient=True), Frame(SECOND)] == events


def test_b5_lenient_ends_accept_a_line_feed_or_silence() -> None:
    reader = FrameReader(lenient_end=True)
    assert [Frame(FIRST, is_lenient=True)] == reader.receive(b"\x0b" + FIRST + b"\x1c\n")
    assert [] == reader.receive(b"\x0b" + SECOND + b"\x1c")
    assert reader.is_ending
    assert [Frame(SECOND, is_lenient=True)] == reader.end_of_wait()
    assert [] == reader.end_of_wait()


def test_b5_lenient_ends_do_not_cut_a_message_that_holds_the_end_byte() -> None:
    reader = FrameReader(lenient_end=True)
    assert "mllp.frame.end" == only_fault(reader.receive(b"\x0bMSH\x1c|FT1|\x1c\r")).fault.code


def test_b5_a_strict_reader_does_not_accept_silence_as_an_end() -> None:
    reader = FrameReader()
    reader.receive(b"\x0b" + FIRST + b"\x1c")
    assert [] == reader.end_of_wait()
    assert reader.is_open


def test_b6_two_frames_in_one_segment_come_out_in_order() -> None:
    events = FrameReader().receive(frame(FIRST) + frame(SECOND))
    assert [Frame(FIRST), Frame(SECOND)] == events


def test_b6_one_frame_in_single_bytes_comes_out_once() -> None:
    reader = FrameReader()
    events = [event for byte in frame(FIRST) for event in reader.receive(bytes((byte,)))]
    assert [Frame(FIRST)] == events


def test_b7_a_start_inside_a_frame_holds_the_earlier_part_and_reads_the_later_frame() -> None:
    reader = FrameReader()
    earlier, later = reader.receive(b"\x0bMSH|half" + frame(SECOND))
    assert isinstance(earlier, FramingFault)
    assert ("mllp.frame.nested", b"MSH|half", False) == (
        earlier.fault.code,
        earlier.payload,
        earlier.is_fatal,
    )
    assert Frame(SECOND) == later


def test_b7_repeated_start_bytes_are_junk_and_no_exception() -> None:
    reader = FrameReader()
    assert [Frame(FIRST)] == reader.receive(b"\x0b\x0b\x0b" + frame(FIRST))
    assert 3 == reader.junk_bytes_total


def test_b7_a_connection_of_nothing_but_abandoned_frames_is_closed() -> None:
    reader = FrameReader()
    events = reader.receive(b"\x0ba" * 10 * NESTED_MAX)
    assert NESTED_MAX == len(events)
    assert reader.is_closed


@pytest.mark.parametrize(
    ("opening", "code"),
    [
        (b"GET /hl7 HTTP/1.1\r\n", "mllp.http"),
        (b"OPTIONS * HTTP/1.1\r\n", "mllp.http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x0b\x1c\x0d", "mllp.tls"),
        (b"\x16\x03\x0b\x0b", "mllp.tls"),
    ],
)
def test_b8_http_and_tls_are_recognised_however_they_arrive(opening: bytes, code: str) -> None:
    assert code == only_fault(FrameReader().receive(opening)).fault.code
    slowly = FrameReader()
    events = [event for byte in opening for event in slowly.receive(bytes((byte,)))]
    assert code == only_fault(events).fault.code


def test_b8_the_same_words_after_a_frame_are_only_junk() -> None:
    assert [Frame(FIRST)] == FrameReader().receive(frame(FIRST) + b"GET / HTTP/1.1")


def test_half_a_frame_at_the_end_of_the_stream_is_reported_and_never_processed() -> None:
    reader = FrameReader()
    reader.receive(b"\x0bMSH|half")
    event = only_fault(reader.receive_end())
    assert ("mllp.frame.truncated", b"MSH|half") == (event.fault.code, event.payload)
    assert [] == reader.receive_end()


def test_a_stream_that_ends_between_frames_ends_quietly() -> None:
    reader = FrameReader()
    reader.receive(frame(FIRST))
    assert [] == reader.receive_end()
