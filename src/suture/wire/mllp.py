"""MLLP, the minimal lower layer protocol: a byte stream to frames (0x0B ... 0x1C 0x0D) and back.

Here: a reader without any I/O, fed with bytes as they come, that returns frames and framing faults
in order. Not here: sockets and deadlines (`connectors/mllp`, which asks `is_open`), what is in a
frame (`wire/hl7v2`, next). HL7 v2 transport specification, MLLP release 1: `<VT> message <FS><CR>`;
in release 2 each of them is answered by a frame that holds one byte, 0x06 or 0x15.
"""

from __future__ import annotations

import re
from enum import Enum, auto

import msgspec

from suture.model.fault import Fault, fault

START = b"\x0b"
END = b"\x1c"
CARRIAGE_RETURN = b"\r"
COMMIT_ACK, COMMIT_NAK = b"\x06", b"\x15"
"""MLLP release 2, 3.1.3: the frame before this one is safe with its receiver, or is not."""
_WHOLE_END = END + CARRIAGE_RETURN

FRAME_BYTES_MAX = 16 * 1024 * 1024
JUNK_BYTES_MAX = 1024
LENIENT_END_SECONDS = 2.0
"""How long after 0x1C a lenient listener waits for 0x0D before it accepts the frame (B5)."""
HELD_BYTES_MAX = 4096
"""How much of a frame that is too large is kept for the exception (B2)."""

NESTED_MAX = 100
"""Abandoned frames on one connection before it is closed: each one opens an exception."""

_HEAD_BYTES_MAX = 8
_TLS_HANDSHAKE = b"\x16\x03"
_HTTP = re.compile(rb"(?:GET|PUT|POST|HEAD|PATCH|TRACE|DELETE|OPTIONS|CONNECT|PRI) ?")


class Frame(msgspec.Struct, frozen=True):
    """The content of one frame."""

    payload: bytes
    is_lenient: bool = False
    """True when 0x0D did not follow 0x1C and the reader was told to let that pass (B5)."""


class FramingFault(msgspec.Struct, frozen=True):
    """What went wrong between frames or inside one."""

    fault: Fault
    payload: bytes
    """What had arrived: to hold, never to process. At most `HELD_BYTES_MAX` of one too large."""
    is_fatal: bool
    """True when the connection must be closed: where the next frame starts is unknown."""


class _State(Enum):
    BETWEEN = auto()
    INSIDE = auto()
    ENDING = auto()
    """0x1C has come; 0x0D must follow."""
    CLOSED = auto()


def frame(payload: bytes) -> bytes:
    """Return a payload in its frame. It must hold neither 0x0B nor 0x1C (`build` escapes both)."""
    return START + payload + END + CARRIAGE_RETURN


class FrameReader:
    """Cuts one connection's bytes into frames.

    However the bytes are cut on arrival, the frames are the same, and the time taken grows with the
    bytes alone. After a fatal fault the reader ignores what follows.
    """

    def __init__(
        self,
        frame_bytes_max: int = FRAME_BYTES_MAX,
        junk_bytes_max: int = JUNK_BYTES_MAX,
        *,
        lenient_end: bool = False,
    ) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._junk_bytes_max = junk_bytes_max
        self._lenient_end = lenient_end
        self._state = _State.BETWEEN
        self._payload = bytearray()
        self._head = b""
        self._junk_bytes = 0
        self._nested = 0
        self.junk_bytes_total = 0
        """Bytes ignored between frames since the connection opened."""
        self.frames_opened = 0
        """Frames begun so far: while this stands still and `is_open`, the same frame is open."""

    @property
    def is_open(self) -> bool:
        """True from 0x0B to the end of the frame: the rest is due within its deadline (B3)."""
        return self._state in (_State.INSIDE, _State.ENDING)

    @property
    def is_ending(self) -> bool:
        """True after 0x1C without 0x0D: with lenient ends, call `end_of_wait` later (B5)."""
        return self._state is _State.ENDING

    @property
    def is_closed(self) -> bool:
        """True after a fatal fault: close the connection."""
        return self._state is _State.CLOSED

    def receive(self, data: bytes) -> list[Frame | FramingFault]:
        """Take the next bytes of the stream and return what they complete, in order."""
        if (
            self._state is _State.BETWEEN
            and data.startswith(START)
            and data.endswith(_WHOLE_END)
            and data.count(START) == data.count(END) == 1
            and len(data) <= self._frame_bytes_max
        ):
            # One whole frame and nothing else, as nearly always: what follows finds the same.
            self._junk_bytes = 0
            self.frames_opened += 1
            return [Frame(data[1:-2])]
        events: list[Frame | FramingFault] = []
        if self._state is _State.CLOSED:
            return events
        # Pieces between 0x1C bytes, so that each byte is looked at a fixed number of times whatever
        # it is.
        for number, piece in enumerate(data.split(END)):
            if number:
                self._take_end(events)
            if piece:
                self._take(piece, events)
            if self.is_closed:
                break
        return events

    def end_of_wait(self) -> list[Frame | FramingFault]:
        """Accept a frame whose 0x0D has not come in time, where ends are lenient."""
        if self._state is not _State.ENDING or not self._lenient_end:
            return []
        return [self._complete(is_lenient=True)]

    def receive_end(self) -> list[Frame | FramingFault]:
        """Take the end of the stream: half a frame is a fault and must not be acknowledged."""
        events = self.end_of_wait()
        if self.is_open:
            explanation = f"{len(self._payload)} bytes of the frame had arrived"
            events.append(self._fail("mllp.frame.truncated", explanation, bytes(self._payload)))
        self._state = _State.CLOSED
        return events

    def _take(self, piece: bytes, events: list[Frame | FramingFault]) -> None:
        """Take bytes without 0x1C."""
        if self._state is _State.ENDING:
            piece = self._take_after_end(piece, events)
        parts = piece.split(START)
        for number, part in enumerate(parts):
            if number:
                self._take_start(events)
            if not part or self.is_closed:
                continue
            if self._state is _State.INSIDE:
                self._take_content(part, events)
            else:
                self._take_junk(part, events)

    def _take_start(self, events: list[Frame | FramingFault]) -> None:
        if self.is_closed:
            return
        if self._state is _State.INSIDE:
            self._abandon(events)
        if not self.is_closed:
            self._payload.clear()
            self._junk_bytes = 0
            self._state = _State.INSIDE
            self.frames_opened += 1

    def _abandon(self, events: list[Frame | FramingFault]) -> None:
        """Hand out what came before a start byte inside a frame: the sender gave it up (B7)."""
        if not self._payload:
            self.junk_bytes_total += 1
            return
        self._nested += 1
        explanation = f"{len(self._payload)} bytes of the earlier frame had arrived"
        part = bytes(self._payload)
        is_fatal = self._nested >= NESTED_MAX
        events.append(self._fail("mllp.frame.nested", explanation, part, is_fatal=is_fatal))

    def _take_content(self, part: bytes, events: list[Frame | FramingFault]) -> None:
        self._payload += part
        if len(self._payload) > self._frame_bytes_max:
            explanation = f"more than {self._frame_bytes_max} bytes before the end of the frame"
            held = bytes(self._payload[: min(HELD_BYTES_MAX, self._frame_bytes_max)])
            events.append(self._fail("mllp.frame.too_large", explanation, held))

    def _take_junk(self, part: bytes, events: list[Frame | FramingFault]) -> None:
        """Count bytes between frames; look for another protocol in a connection's first."""
        self._junk_bytes += len(part)
        self.junk_bytes_total += len(part)
        if not self.frames_opened:
            self._head = (self._head + part[:_HEAD_BYTES_MAX])[:_HEAD_BYTES_MAX]
            if code := _foreign_protocol(self._head):
                events.append(self._fail(code, "", b""))
                return
        if self._junk_bytes > self._junk_bytes_max:
            explanation = f"more than {self._junk_bytes_max} bytes without 0x0B"
            events.append(self._fail("mllp.junk", explanation, b""))

    def _take_end(self, events: list[Frame | FramingFault]) -> None:
        if self._state is _State.INSIDE:
            self._state = _State.ENDING
        elif self._state is _State.ENDING:
            self._refuse_end(events)
        elif self._state is _State.BETWEEN:
            self._take_junk(END, events)

    def _take_after_end(self, piece: bytes, events: list[Frame | FramingFault]) -> bytes:
        """Take the byte after 0x1C and return the rest.

        Lenient ends accept a new frame or a line feed there. Anything else may be a message that
        holds 0x1C: to accept it would cut it short.
        """
        following = piece[:1]
        if following == CARRIAGE_RETURN:
            events.append(self._complete(is_lenient=False))
            return piece[1:]
        if self._lenient_end and following in (START, b"\n"):
            events.append(self._complete(is_lenient=True))
            return piece
        self._refuse_end(events)
        return b""

    def _refuse_end(self, events: list[Frame | FramingFault]) -> None:
        events.append(self._fail("mllp.frame.end", "", bytes(self._payload)))

    def _complete(self, *, is_lenient: bool) -> Frame:
        completed = Frame(bytes(self._payload), is_lenient)
        self._payload.clear()
        self._state = _State.BETWEEN
        return completed

    def _fail(
        self, code: str, explanation: str, payload: bytes, *, is_fatal: bool = True
    ) -> FramingFault:
        if is_fatal:
            self._state = _State.CLOSED
            self._payload.clear()
        where = f"frame[{self.frames_opened}]" if self.frames_opened else "connection"
        return FramingFault(fault(code, where, explanation), payload, is_fatal)


def _foreign_protocol(head: bytes) -> str:
    """Return the fault code for the protocol of these first bytes, "" for none known (B8)."""
    if head.startswith(_TLS_HANDSHAKE):
        return "mllp.tls"
    match = _HTTP.match(head)
    return "mllp.http" if match and match[0].endswith(b" ") else ""
