"""Bytes into items, as a stream: finds each ISA, cuts by its separators, keeps memory flat.

Here: feeding and closing, text around interchanges, long and binary segments (BIN, BDS), the caps.
Not here: the ISA itself (`separators.py`), which segment may follow which (`structure.py`, which
this drives) or what a set means (`remittance.py`, next).

Speed comes from one shape: a block of text is split by the terminator, each piece by the element
separator, and only segments of the envelope, unknown names and odd pieces leave that loop. Marks
(`IEA*`, `ISA*`, `BIN*`, `BDS*`) are searched for in a whole block at once; what lies before the
nearest one can hold none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from suture.model.fault import fault
from suture.wire.x12.envelope import EnvelopeFault, Item, Junk
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import (
    DEFAULT,
    HEADER_BYTES_MAX,
    HEADER_START,
    TRIVIA,
    Header,
    Separators,
    read_fragment,
    read_header,
)
from suture.wire.x12.structure import Structure

_BLOCK_BYTES = 1 << 14
"""Text cut at once: small, so that its segments are gone before the collector looks twice."""

_BYTE_ORDER_MARK = "\xef\xbb\xbf"
_HEADER_START_LENGTH = 4
_SEGMENT_ID = re.compile(r"[A-Z][A-Z0-9]{1,2}", re.ASCII)
_ENVELOPE_IDS = frozenset(("ISA", "GS", "ST", "SE", "GE", "IEA", "TA1"))
_BINARY_LENGTH_ELEMENT = {"BIN": 1, "BDS": 2}
_BINARY_HEADER_BYTES_MAX = 40
_FORBIDDEN = ("\n", "\r", "\0")
_NO_PAYLOAD = -1
_INCOMPLETE = -2
_NONE: frozenset[str] = frozenset()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one input may make the reader hold; beyond each cap reading goes on."""

    segment_bytes_max: int = 1 << 16
    """A longer segment is dropped and its set rejected."""
    elements_max: int = 1_000
    """Elements in one segment (B15); the standard's segments have at most a few dozen."""
    binary_bytes_max: int = 1 << 24
    """Payload of one BIN or BDS segment."""
    findings_max: int = 100
    """Faults and notes listed for one set, group or interchange; the rest is counted."""
    control_numbers_max: int = 100_000
    """ST02 of a group and GS06 of an interchange remembered to find repeats."""


class Reader:
    """Reads X12 interchanges: the items do not depend on how the bytes were cut when fed.

    No I/O: `feed` what has arrived, then `close`. Never raises on any bytes. Several ISA per
    input, text around them, byte order mark, NUL padding, line ends and indentation between
    segments are all read; input that starts at GS or ST is read and rejected. `strict` turns the
    tolerated findings (an ISA that is not 106 bytes long, an input that ends before GE or IEA)
    into faults.
    """

    def __init__(self, limits: Limits | None = None, *, strict: bool = False) -> None:
        self._limits = limits or Limits()
        self._strict = strict
        self._items: list[Item] = []
        self._structure = Structure(
            self._items,
            findings_max=self._limits.findings_max,
            control_numbers_max=self._limits.control_numbers_max,
            strict=strict,
        )
        self._ordinary_bytes_max = min(self._limits.segment_bytes_max, self._limits.elements_max)
        self._plain: set[str] = set()
        self._separators: Separators | None = None
        self._trivia = TRIVIA
        self._text = ""
        self._position = 0
        self._offset = 0
        self._marks: dict[str, int] = {}
        self._junk_offset = -1
        self._has_broken_header = False
        self._is_skipping = False
        self._bytes_needed = 0
        self._binary_start = re.compile("")
        self._is_final = False

    @property
    def bytes_read(self) -> int:
        """Bytes made into items so far: what progress over a large file is measured by (B29)."""
        return self._offset + self._position

    def feed(self, data: bytes) -> Iterator[Item]:
        """Read more bytes and yield the items they complete. Consume it before the next call."""
        for items in self.batches(data):
            yield from items

    def batches(self, data: bytes) -> Iterator[list[Item]]:
        """As `feed`, a few hundred items at a time; a list is emptied before the next is made."""
        view = memoryview(data)
        for start in range(0, len(view), _BLOCK_BYTES):
            self._advance(str(view[start : start + _BLOCK_BYTES], "latin-1"))
            yield self._items
            self._items.clear()

    def close(self) -> Iterator[Item]:
        """End the input and yield what was open, as truncated (B33). The reader is then used up."""
        self._is_final = True
        self._advance("")
        rest = self._text.lstrip(self._trivia)
        if self._separators is not None:
            if rest:
                self._take_rest(rest)
            self._structure.close_interchange(None, "ended")
        else:
            self._end_junk(self._offset + len(self._text))
        if not self._structure.interchanges_count:
            finding = fault("x12.input.no_interchange", "byte 0")
            self._items.append(EnvelopeFault(finding, 0))
        yield from self._items
        self._items.clear()

    def _advance(self, block: str) -> None:
        """Read as far as the text reaches; keep the rest for the next call."""
        self._text += block
        if len(self._text) < self._bytes_needed and not self._is_final:
            return
        self._bytes_needed = 0
        self._marks = dict.fromkeys(self._marks, -1)
        while self._step():
            pass
        self._text = self._text[self._position :]
        self._offset += self._position
        self._position = 0

    def _step(self) -> bool:
        """Read one stretch; False when more bytes are needed."""
        if self._separators is None:
            return self._seek()
        if self._is_skipping:
            return self._skip(self._separators)
        return self._read_stretch(self._separators)

    # Between interchanges.

    def _seek(self) -> bool:
        """Find the next ISA, or the GS or ST that a fragment starts with."""
        text, start = self._text, self._position
        if self._junk_offset >= 0:
            return self._seek_header(start + 1)
        if self._offset + start == 0 and text.startswith(_BYTE_ORDER_MARK):
            start = len(_BYTE_ORDER_MARK)
        while start < len(text) and text[start] in TRIVIA:
            start += 1
        self._position = start
        rest = len(text) - start
        if rest == 0 or (rest < HEADER_BYTES_MAX and not self._is_final):
            return False
        header = self._header_at(start)
        if header is not None:
            self._open(header)
            return True
        fragment = read_fragment(text[start : start + HEADER_BYTES_MAX])
        if fragment is not None:
            self._structure.open_fragment(fragment)
            self._cut_by(fragment)
            return True
        self._junk_offset = self._offset + start
        return self._seek_header(start + 1)

    def _seek_header(self, start: int) -> bool:
        """Look for an ISA in text that is none of ours; what stands before `start` is context."""
        text = self._text
        while match := HEADER_START.search(text, start):
            found = match.start()
            if len(text) - found < HEADER_BYTES_MAX and not self._is_final:
                self._position = found - 1
                return False
            header = self._header_at(found)
            if header is not None:
                self._end_junk(self._offset + found)
                self._position = found
                self._open(header)
                return True
            start = found + 1
        self._position = max(start - 1, len(text) - _HEADER_START_LENGTH)
        return False

    def _header_at(self, start: int) -> Header | None:
        """Read the ISA that starts there, if one does."""
        if HEADER_START.match(self._text, start) is None:
            return None
        window = self._text[start : start + HEADER_BYTES_MAX]
        header = read_header(window, strict=self._strict)
        self._has_broken_header |= header is None
        return header

    def _open(self, header: Header) -> None:
        """Open the interchange whose header starts at the position."""
        self._structure.open_interchange(header, self._offset + self._position)
        self._position += header.length
        if header.is_usable:
            self._cut_by(header.separators)
        else:
            self._structure.close_interchange(None, "unusable")

    def _cut_by(self, separators: Separators) -> None:
        self._separators = separators
        element, segment = re.escape(separators.element), re.escape(separators.segment)
        self._binary_start = re.compile(
            f"(?:BIN{element}|BDS{element}[^{element}{segment}]{{1,3}}{element})"
            f"([0-9]{{1,15}}){element}"
        )
        self._trivia = TRIVIA.translate({ord(each): None for each in separators.element})
        self._marks = dict.fromkeys(
            ("ISA", "IEA", f"BIN{separators.element}", f"BDS{separators.element}"), -1
        )

    def _end_junk(self, end: int) -> None:
        """Report the text that belongs to no interchange, from where it began to `end`."""
        if self._junk_offset < 0:
            return
        code = "x12.interchange.unreadable" if self._has_broken_header else "x12.input.junk"
        start, self._junk_offset, self._has_broken_header = self._junk_offset, -1, False
        self._items.append(Junk(start, end - start, fault(code, f"byte {start}")))

    # Inside an interchange.

    def _read_stretch(self, separators: Separators) -> bool:
        """Read up to the nearest mark, or the one segment that holds it."""
        text, position, terminator = self._text, self._position, separators.segment
        mark = self._nearest_mark()
        end = text.rfind(terminator, position, mark)
        if end >= 0:
            self._scan(text[position:end], position, separators)
            self._position = end + len(terminator)
            return True
        is_at_start = mark < len(text) and not text[position:mark].lstrip(self._trivia)
        if is_at_start and HEADER_START.match(text, mark):
            self._structure.close_interchange(None, "followed")
            self._separators = None
            self._position = mark
            return True
        is_binary = is_at_start and text[mark] == "B" and self._structure.is_set_open
        payload_end = self._payload_end(mark, separators) if is_binary else _NO_PAYLOAD
        if payload_end == _INCOMPLETE:
            return False
        if payload_end > 0:
            self._take_binary(mark, payload_end, separators)
            self._position = payload_end + len(terminator)
            return True
        end = text.find(terminator, mark)
        longest = self._limits.segment_bytes_max + len(terminator) - 1
        if end < 0 and len(text) - position <= longest:
            return False
        if is_binary:
            self._structure.find("x12.segment.binary_length", text[mark : mark + 3], "8")
        if end < 0:
            self._drop("x12.segment.too_long")
            self._is_skipping = True
            return True
        self._scan(text[position:end], position, separators)
        self._position = end + len(terminator)
        if not self._structure.is_open:
            self._separators = None
        return True

    def _nearest_mark(self) -> int:
        """Return where the next `ISA`, `IEA`, `BIN*` or `BDS*` stands, or the text's length."""
        text, position, marks = self._text, self._position, self._marks
        for name, known in marks.items():
            if known < position:
                found = text.find(name, position)
                marks[name] = found if found >= 0 else len(text)
        return min(marks.values())

    def _scan(self, stretch: str, position: int, separators: Separators) -> None:
        """Cut whole segments into elements: the loop that all speed depends on."""
        structure, append = self._structure, self._items.append
        terminator, element, trivia = separators.segment, separators.element, self._trivia
        step, ordinary_bytes_max = len(terminator), self._ordinary_bytes_max
        is_clean = not any(each in stretch for each in _FORBIDDEN if each != terminator)
        plain = self._plain if structure.is_set_open else _NONE
        ordinal = structure.ordinal
        offset = self._offset + position
        for raw in stretch.split(terminator):
            text = raw.lstrip(trivia)
            elements = text.split(element)
            name = elements[0]
            size = len(raw)
            offset += size
            if name in plain and size <= ordinary_bytes_max and (is_clean or text.isprintable()):
                ordinal += 1
                length = len(text)
                append(Segment(name, elements, ordinal, offset - length, length, separators))
            elif text:
                structure.ordinal = ordinal
                self._take(text, size, offset - len(text), separators)
                ordinal = structure.ordinal
                plain = self._plain if structure.is_set_open else _NONE
            offset += step
        structure.ordinal = ordinal

    def _take(self, text: str, size: int, offset: int, separators: Separators) -> None:
        """Check and place one segment that is not plainly part of a set."""
        if separators.segment == "\n":
            text = text.rstrip("\r")
        elements = text.split(separators.element)
        name = elements[0]
        if size > self._limits.segment_bytes_max:
            self._drop("x12.segment.too_long")
            return
        if len(elements) > self._limits.elements_max:
            self._drop("x12.segment.elements")
            return
        is_named = _SEGMENT_ID.fullmatch(name) is not None
        if not is_named:
            self._structure.find("x12.segment.identifier", "", "1", note=True)
        if any(each in text for each in _FORBIDDEN):
            self._structure.find(
                "x12.segment.control_character", name if is_named else "", "8", "6"
            )
        elif is_named and name not in _ENVELOPE_IDS:
            self._plain.add(name)
        self._structure.take(elements, offset, len(text))

    def _payload_end(self, start: int, separators: Separators) -> int:
        """Return where the payload of the BIN or BDS at `start` ends, by the length it tells.

        `_NO_PAYLOAD` when that length is no number, too large, or does not lead to a terminator:
        the segment is then cut like any other, so that reading can go on. `_INCOMPLETE` when more
        bytes are needed to tell.
        """
        text = self._text
        if len(text) - start < _BINARY_HEADER_BYTES_MAX and not self._is_final:
            return _INCOMPLETE
        match = self._binary_start.match(text, start)
        if match is None or int(match[1]) > self._limits.binary_bytes_max:
            return _NO_PAYLOAD
        end = match.end() + int(match[1])
        if len(text) < end + len(separators.segment) and not self._is_final:
            self._bytes_needed = end + len(separators.segment) - self._position
            return _INCOMPLETE
        return end if text.startswith(separators.segment, end) else _NO_PAYLOAD

    def _take_binary(self, start: int, end: int, separators: Separators) -> None:
        cuts = _BINARY_LENGTH_ELEMENT[self._text[start : start + 3]] + 1
        elements = self._text[start:end].split(separators.element, cuts)
        self._structure.take(elements, self._offset + start, end - start)

    def _skip(self, separators: Separators) -> bool:
        """Drop the rest of a segment that was too long."""
        end = self._text.find(separators.segment, self._position)
        if end < 0:
            self._position = max(self._position, len(self._text) - len(separators.segment) + 1)
            return False
        self._position = end + len(separators.segment)
        self._is_skipping = False
        return True

    def _drop(self, code: str) -> None:
        """Count a segment that cannot be kept; its set is rejected."""
        self._structure.find(code, "", "8", "5")
        if self._structure.is_set_open:
            self._structure.ordinal += 1

    def _take_rest(self, rest: str) -> None:
        """Read what follows the last terminator: a trailer that lost its own, or half a segment."""
        separators = self._separators or DEFAULT
        offset = self._offset + len(self._text) - len(rest)
        whole = rest.rstrip(self._trivia)
        elements = whole.split(separators.element)
        if self._structure.is_whole_trailer(elements):
            self._structure.take(elements, offset, len(whole))
        else:
            finding = fault("x12.segment.truncated", f"byte {offset}")
            self._items.append(Junk(offset, len(rest), finding))


def read(
    chunks: Iterable[bytes], limits: Limits | None = None, *, strict: bool = False
) -> Iterator[Item]:
    """Read a whole input given in any chunks; memory does not grow with its length."""
    reader = Reader(limits, strict=strict)
    for chunk in chunks:
        for items in reader.batches(chunk):
            yield from items
    yield from reader.close()
