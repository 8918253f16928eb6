"""One HL7 v2 message as a tree that is cut on demand, its header by name, and its values by path.

Here: which segments there are, `get("PID-3.1")`, the fields of `MSH` every caller needs. Not here:
reading the bytes (`parse.py`), inside a segment (`segment.py`), what is wrong with the content
(`audit.py`).
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault
from suture.wire.hl7v2.audit import Findings, audit
from suture.wire.hl7v2.layout import NAME_LENGTH, Layout, segment_keys
from suture.wire.hl7v2.segment import HEADERS, Segment, header_fields, read_path


class Reception(msgspec.Struct, frozen=True):
    """The bytes of a message as received, and how they were read."""

    raw: bytes
    prefix: bytes
    """Wrapping before `MSH`: a byte order mark, 0x0B, blank lines."""
    suffix: bytes
    """The end of the last segment, and wrapping after it: 0x1C, 0x1A, NUL padding."""
    charset: str
    """The codec the message was decoded with."""
    declared_charset: str
    """The declared codec, or the source's default; differs from `charset` when it did not fit."""
    is_charset_known: bool


class Message:
    """One message. Segments are cut into fields, and fields into values, when asked for."""

    __slots__ = (
        "_findings",
        "_keys",
        "_made",
        "_segments",
        "header",
        "layout",
        "reception",
        "separators",
    )

    def __init__(self, reception: Reception, layout: Layout, header: Segment) -> None:
        self.reception = reception
        self.layout = layout
        self._keys: list[str] | None = None
        self._segments: tuple[Segment, ...] | None = None
        self._findings: Findings | None = None
        self.header = header
        self.separators = header.separators
        self._made = {0: header}

    @property
    def raw(self) -> bytes:
        """The bytes exactly as received."""
        return self.reception.raw

    @property
    def charset(self) -> str:
        """The Python codec the message was decoded with."""
        return self.reception.charset

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment in order; unknown, Z and malformed ones included."""
        if self._segments is None:
            ordinals: dict[str, int] = {}
            segments = []
            for position, key in enumerate(self.keys):
                ordinal = ordinals.get(key, 0) + 1
                ordinals[key] = ordinal
                segments.append(self._segment(position, key[:NAME_LENGTH], ordinal))
            self._segments = tuple(segments)
        return self._segments

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name, or None."""
        key = name + self.separators.field
        for position, line in enumerate(self.layout.lines):
            if line.startswith(name) and (line.startswith(key) or line == name):
                return self._made.get(position) or self._segment(position, name, 1)
        return None

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment of a name, in order."""
        key = name + self.separators.field
        positions = [at for at, found in enumerate(self.keys) if found == key]
        return tuple(
            self._segment(position, name, ordinal) for ordinal, position in enumerate(positions, 1)
        )

    def get(self, path: str) -> str:
        """Return the decoded value at a path such as `PID-3.1` or `FT1[2]-11.1`; "" if absent.

        What a path leaves out is 1: `MSH-9` is the first component of `MSH-9`. Raises ValueError
        for a text that is not a path; `read_path` tells beforehand.
        """
        place = read_path(path)
        if place is None:
            message = f"not an HL7 v2 path: {path!r}"
            raise ValueError(message)
        if place.ordinal == 1:
            segment = self.first(place.segment)
        else:
            segment = next(iter(self.all(place.segment)[place.ordinal - 1 :]), None)
        if segment is None:
            return ""
        return segment.value(
            place.field, place.component, place.subcomponent, repetition=place.repetition
        )

    @property
    def notes(self) -> tuple[Fault, ...]:
        """What was untidy and read all the same (`hl7.lenient.*`): no reason to hold a message."""
        return self._audited().notes

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What makes the content unsafe to use: hold the message and open an exception."""
        return self._audited().faults

    def _audited(self) -> Findings:
        if self._findings is None:
            self._findings = audit(self)
        return self._findings

    @property
    def keys(self) -> list[str]:
        """Name plus field separator (`PID|`) of each segment, "" if malformed. Do not change."""
        if self._keys is None:
            self._keys = segment_keys(self.layout.lines, self.separators.field)
        return self._keys

    def _segment(self, position: int, name: str, ordinal: int) -> Segment:
        segment = self._made.get(position)
        if segment is None:
            line = self.layout.lines[position]
            charset = self.reception.charset
            fields = None
            if name in HEADERS:
                fields = header_fields(line, self.separators.field)
            segment = Segment(name, ordinal, position, line, self.separators, charset, fields)
            self._made[position] = segment
        return segment

    def render(self) -> bytes:
        """Return the message's bytes, put together again from its fields, ends and wrapping."""
        layout, reception = self.layout, self.reception
        lines = [segment.render() for segment in self.segments]
        if isinstance(layout.ends, str):
            text = layout.ends.join(lines)
        else:
            text = "".join(line + end for line, end in zip(lines, layout.ends, strict=True))
        text += layout.rest
        return reception.prefix + text.encode(reception.charset) + reception.suffix

    def __repr__(self) -> str:
        # Type and size only: a message printed by a traceback must not show a patient.
        return f"<Message {self.type}^{self.trigger} of {len(self.raw)} bytes>"

    @property
    def type(self) -> str:
        """`MSH-9.1`, such as `ADT`."""
        return self.header.value(9)

    @property
    def trigger(self) -> str:
        """`MSH-9.2`, such as `A01`."""
        return self.header.value(9, 2)

    @property
    def structure(self) -> str:
        """`MSH-9.3`, such as `ADT_A01`; "" before 2.3.1."""
        return self.header.value(9, 3)

    @property
    def control_id(self) -> str:
        """`MSH-10`, the whole field: the sender's identifier for this message."""
        return self.header.whole(10)

    @property
    def version(self) -> str:
        """`MSH-12.1`, such as `2.5.1`."""
        return self.header.value(12)

    @property
    def processing(self) -> str:
        """`MSH-11.1`: P production, T training, D debugging."""
        return self.header.value(11)

    @property
    def sending_application(self) -> str:
        """`MSH-3.1`."""
        return self.header.value(3)

    @property
    def sending_facility(self) -> str:
        """`MSH-4.1`."""
        return self.header.value(4)

    @property
    def receiving_application(self) -> str:
        """`MSH-5.1`."""
        return self.header.value(5)

    @property
    def receiving_facility(self) -> str:
        """`MSH-6.1`."""
        return self.header.value(6)

    @property
    def message_at(self) -> str:
        """`MSH-7.1` as text; `read_timestamp` reads it in the source's zone."""
        return self.header.value(7)

    @property
    def accept_acknowledgement(self) -> str:
        """`MSH-15`: when the sender wants CA, CE or CR (AL, NE, ER, SU); "" in original mode."""
        return self.header.value(15)

    @property
    def application_acknowledgement(self) -> str:
        """`MSH-16`: when the sender wants AA, AE or AR (AL, NE, ER, SU); "" in original mode."""
        return self.header.value(16)


def render(message: Message) -> bytes:
    """Return the bytes of a message, put together from what was parsed (equal to `message.raw`)."""
    return message.render()
