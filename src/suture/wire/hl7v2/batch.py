"""A file or frame cut into messages, and the batch headers, trailers and counts around them (B24).

Here: `FHS BHS MSH... BTS FTS`, bare sequences of messages, and what belongs to neither. Not here:
reading one message (`parse.py`, next). The cut loses nothing: the pieces joined together are the
bytes that came. HL7 v2 chapter 2, 2.10.3 "HL7 batch protocol".
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.hl7v2.segment import FIELDS_MAX, Segment, cut_line
from suture.wire.hl7v2.separators import DEFAULT, Separators, read_separators

Kind = Literal["junk", "FHS", "BHS", "MSH", "BTS", "FTS"]

FAULTS_MAX = 100
"""After so many faults the batches of a file are not read further: it is held as a whole anyway."""

_ENVELOPE = ("FHS", "BHS", "BTS", "FTS")
_ENVELOPE_BYTES = tuple(name.encode() for name in _ENVELOPE)
# A boundary is a header name at the start of a line, after the start byte of a captured frame or
# after a byte order mark; that wrapping stays with the message it stands before (`parse` notes it).
_BOUNDARY = re.compile(
    rb"(?:\A|(?<=[\r\n\x1c]))(?:\xef\xbb\xbf|\x0b){0,2}(FHS|BHS|MSH|BTS|FTS)(?![A-Za-z0-9])"
)
_SEGMENT_LINE = re.compile(rb"(?:\A|[\r\n\x0b])[A-Z][A-Z0-9]{2}[|]")
_LINE_END = re.compile(rb"[\r\n\x1c][\r\n\x1c\x1a\x00 \t]*|\Z")
_BLANK = b"\r\n\x0b\x1c\x1a\x00\xef\xbb\xbf \t"
_COUNT_DIGITS_MAX = 9


class Piece(msgspec.Struct, frozen=True):
    """A stretch of the received bytes: a message, an envelope segment, or neither."""

    kind: Kind
    raw: bytes


class Block(msgspec.Struct, frozen=True):
    """One batch: the messages between `BHS` and `BTS`, either of which may be missing."""

    header: Segment | None
    messages: tuple[bytes, ...]
    trailer: Segment | None


class Batch(msgspec.Struct, frozen=True):
    """What a file or frame holds."""

    messages: tuple[bytes, ...]
    """Every message, in order."""
    faults: tuple[Fault, ...]
    """Why no message of this file may be used; empty as a rule."""
    notes: tuple[Fault, ...]
    """What was untidy and read all the same."""
    is_batch: bool
    """True when there was any of `FHS`, `BHS`, `BTS`, `FTS`."""
    blocks: tuple[Block, ...]
    """The messages again, by batch; one block without header for a bare sequence."""
    pieces: tuple[Piece, ...]
    """All the bytes, in order."""

    @property
    def junk(self) -> tuple[bytes, ...]:
        """The bytes that belong to no message and no envelope, blanks apart."""
        return tuple(
            piece.raw for piece in self.pieces if piece.kind == "junk" and piece.raw.strip(_BLANK)
        )


def split(data: bytes) -> Batch:
    """Cut a file or frame into its messages.

    A count in `BTS-1` or `FTS-1` that does not fit is a fault, and with any fault the whole batch
    is to be held: what is missing cannot be told from what was never sent. Headers and trailers are
    optional, a batch of no messages is legal. Bytes before the first message are kept as junk;
    where they hold segments, a message has lost its head and that is a fault too.
    """
    if _is_one_message(data):
        block = Block(None, (data,), None)
        return Batch((data,), (), (), is_batch=False, blocks=(block,), pieces=(Piece("MSH", data),))
    pieces = _pieces(data)
    reading = _Reading()
    for piece in pieces:
        reading.take(piece)
        if len(reading.faults) >= FAULTS_MAX:
            break
    reading.end_file()
    if not pieces or all(piece.kind == "junk" for piece in pieces):
        reading.faults.append(fault("hl7.batch.no_message", "file"))
    return Batch(
        messages=tuple(piece.raw for piece in pieces if piece.kind == "MSH"),
        faults=tuple(reading.faults),
        notes=tuple(reading.notes),
        is_batch=any(piece.kind in _ENVELOPE for piece in pieces),
        blocks=tuple(reading.blocks),
        pieces=tuple(pieces),
    )


def _is_one_message(data: bytes) -> bool:
    """Tell quickly that no header name occurs a second time: the usual content of a frame."""
    return (
        data.startswith(b"MSH")
        and data.find(b"MSH", 3) < 0
        and not any(name in data for name in _ENVELOPE_BYTES)
        and not data[3:4].isalnum()
    )


def _pieces(data: bytes) -> list[Piece]:
    """Cut the bytes at each header name that starts a line; blanks stay with the piece before."""
    marks: list[tuple[int, Kind]] = []
    for match in _BOUNDARY.finditer(data):
        kind = _kind(match[1])
        marks.append((match.start(), kind))
        if kind != "MSH":
            # An envelope segment is one line: what follows it up to the next boundary is nobody's.
            end = _LINE_END.search(data, match.end())
            marks.append((end.end() if end else len(data), "junk"))
    if not marks or marks[0][0] > 0:
        marks.insert(0, (0, "junk"))
    ends = [start for start, _ in marks[1:]] + [len(data)]
    return [
        Piece(kind, data[start:end])
        for (start, kind), end in zip(marks, ends, strict=True)
        if start < end
    ]


def _kind(name: bytes) -> Kind:
    match name:
        case b"FHS":
            return "FHS"
        case b"BHS":
            return "BHS"
        case b"BTS":
            return "BTS"
        case b"FTS":
            return "FTS"
        case _:
            return "MSH"


class _Reading:
    """Walks the pieces of one file and keeps what is open: file, batch, messages."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []
        self._file_header: Segment | None = None
        self._file_blocks = 0
        self._header: Segment | None = None
        self._messages: list[bytes] = []

    def take(self, piece: Piece) -> None:
        """Go on to the next piece."""
        match piece.kind:
            case "MSH":
                self._messages.append(piece.raw)
            case "FHS":
                self.end_file()
                self._file_header = _segment(piece.raw, None)
            case "BHS":
                self._end_block(None)
                self._header = _segment(piece.raw, self._file_header)
            case "BTS":
                self._end_block(_segment(piece.raw, self._header or self._file_header))
            case "FTS":
                self._end_block(None)
                self._check_count(_segment(piece.raw, self._file_header), self._file_blocks)
                self._file_header = None
                self._file_blocks = 0
            case "junk":
                self._take_junk(piece.raw)

    def end_file(self) -> None:
        """Close what is still open: trailers are optional, but a file cut short looks the same."""
        self._end_block(None)
        if self._file_header is not None:
            self.notes.append(fault("hl7.lenient.trailer_absent", "FHS", "no FTS follows this FHS"))
        self._file_header = None
        self._file_blocks = 0

    def _end_block(self, trailer: Segment | None) -> None:
        if trailer is None and self._header is None and not self._messages:
            return
        if trailer is not None:
            self._check_count(trailer, len(self._messages))
        elif self._header is not None:
            self.notes.append(fault("hl7.lenient.trailer_absent", "BHS", "no BTS follows this BHS"))
        self.blocks.append(Block(self._header, tuple(self._messages), trailer))
        self._file_blocks += 1
        self._header = None
        self._messages = []

    def _check_count(self, trailer: Segment, count: int) -> None:
        """Compare `BTS-1` (messages) or `FTS-1` (batches) with what arrived; "" claims nothing."""
        text = trailer.value(1)
        if not text:
            return
        where = f"{trailer.name}[{len(self.blocks) + 1}]-1" if trailer.name == "BTS" else "FTS-1"
        if not (text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS_MAX):
            self.faults.append(fault("hl7.batch.count", where, "the count is not a number"))
        elif int(text) != count:
            explanation = f"the trailer counts {int(text)}, {count} arrived"
            self.faults.append(fault("hl7.batch.count", where, explanation))

    def _take_junk(self, raw: bytes) -> None:
        content = raw.strip(_BLANK)
        if not content:
            return
        if _SEGMENT_LINE.search(raw):
            explanation = f"{len(raw)} bytes with segments but no MSH"
            self.faults.append(fault("hl7.batch.headless", "file", explanation))
        else:
            self.notes.append(fault("hl7.lenient.junk", "file", f"{len(raw)} bytes"))


def _segment(raw: bytes, header: Segment | None) -> Segment:
    """Read an envelope segment; a trailer is written with the separators of its header."""
    line = raw.strip(_BLANK).decode("utf-8", "backslashreplace")
    name, separators = line[:3], header.separators if header else DEFAULT
    if name in ("FHS", "BHS") and line[3:4]:
        fields = cut_line(name, line, line[3])
        read = read_separators(line[3], fields[2] if len(fields) > 2 else "")
        if isinstance(read, Separators):
            return Segment(name, 1, 0, read, "utf-8", fields)
    return Segment(name, 1, 0, separators, "utf-8", line.split(separators.field, FIELDS_MAX))
