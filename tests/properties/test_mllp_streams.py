"""However a byte stream is cut on arrival, the frames are the same; reading is never quadratic."""

from __future__ import annotations

import itertools
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from suture.wire.mllp import Frame, FrameReader, FramingFault, frame

payloads = st.binary(max_size=60).map(lambda raw: raw.translate(None, b"\x0b\x1c"))
streams = st.lists(
    st.one_of(
        payloads.map(frame),
        st.sampled_from([b"\r", b"\n", b"\x0b", b"\x1c", b"\r\n", b"\x0bMSH|", b"\x1c\r"]),
        st.binary(max_size=8),
    ),
    max_size=12,
).map(b"".join)


def read(pieces: list[bytes], *, is_lenient: bool) -> list[Frame | FramingFault]:
    reader = FrameReader(frame_bytes_max=50, junk_bytes_max=16, lenient_end=is_lenient)
    events = [event for piece in pieces for event in reader.receive(piece)]
    return events + reader.receive_end()


@settings(deadline=None, max_examples=300)
@given(
    stream=streams,
    cuts=st.lists(st.integers(0, 800), max_size=12),
    is_lenient=st.booleans(),
)
def test_any_cut_of_a_stream_gives_the_same_events(
    stream: bytes, cuts: list[int], *, is_lenient: bool
) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    single = [bytes((byte,)) for byte in stream]
    whole = read([stream], is_lenient=is_lenient)
    assert whole == read(pieces, is_lenient=is_lenient)
    assert whole == read(single, is_lenient=is_lenient)


@settings(deadline=None, max_examples=100)
@given(contents=st.lists(payloads, max_size=8), is_lenient=st.booleans())
def test_frames_come_out_as_they_went_in(contents: list[bytes], *, is_lenient: bool) -> None:
    reader = FrameReader(lenient_end=is_lenient)
    events = reader.receive(b"".join(frame(content) for content in contents))
    assert [Frame(content) for content in contents] == events


def test_a_large_frame_in_single_bytes_takes_time_in_proportion() -> None:
    """Quadratic reading would take the large frame 64 times as long a byte as the small one."""

    def seconds(size: int) -> float:
        stream = frame(b"x" * size)
        singles = [bytes((byte,)) for byte in stream]
        reader = FrameReader()
        start = time.process_time()
        events = [event for single in singles for event in reader.receive(single)]
        assert 1 == len(events)
        return time.process_time() - start

    small = min(seconds(2_000) for _ in range(3)) / 2_000
    large = seconds(128_000) / 128_000
    assert large < 8 * small


def test_a_chunk_of_nothing_but_start_bytes_takes_time_in_proportion() -> None:
    reader = FrameReader()
    assert [] == reader.receive(b"\x0b" * 200_000)
    assert 199_999 == reader.junk_bytes_total
