"""One HL7 v2 message as a tree that is cut on demand, its header by name, and its values by path.

Here: which segments there are, `get("PID-3.1")`, the fields of `MSH` every caller needs. Not here:
reading the bytes (`parse.py`), inside a segment
(`segment.py`), what is wrong with the content (`audit.py`).
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault
from suture.wire.hl7v2.audit import Findings, audit
from suture.wire.hl7v2.escape import unescape
from suture.wire.hl7v2.layout import NAME_LENGTH, SEGMENTS_MAX, Layout, lay_out, segment_keys
from suture.wire.hl7v2.path import Selection, read_path
from suture.wire.hl7v2.segment import FREE_FIELD, HEADERS, Segment, cut_line, cut_value
from suture.wire.hl7v2.separators import Separators

HEADER = "MSH"


class Message(msgspec.Struct, eq=False, gc=False):
    """One message. Lines are cut into segments, and fields into values, when asked for."""

    raw: bytes
    """The bytes exactly as received."""
    start: int
    """Where `MSH` stands in them: before it may be a byte order mark, 0x0B, blank lines."""
    stop: int
    """Where the last segment ends: after it come its end, and wrapping (0x1C, 0x1A, NUL)."""
    text: str
    """What stands between the two, decoded."""
    end: str
    """What ends every segment but the last; "" where they differ."""
    charset: str
    """The Python codec the message was decoded with."""
    declared_charset: str
    """The declared codec, or the source's default; differs from `charset` when it did not fit."""
    is_charset_known: bool
    separators: Separators
    header: Segment
    """The `MSH`."""
    _cut: dict[str, list[str]] = {}
    _layout: Layout | None = None
    _keys: list[str] | None = None
    _made: dict[int, Segment] = {}
    _segments: tuple[Segment, ...] | None = None
    _findings: Findings | None = None

    @property
    def layout(self) -> Layout:
        """The message's lines, and what stood between them."""
        if self._layout is None:
            self._layout = lay_out(self.text)
        return self._layout

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment in order; unknown, Z and malformed ones included."""
        if self._segments is None:
            ordinals: dict[str, int] = {}
            segments = []
            for position, key in enumerate(self.keys):
                ordinal = ordinals[key] = ordinals.get(key, 0) + 1
                segments.append(self.segment(position, ordinal))
            self._segments = tuple(segments)
        return self._segments

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name, or None."""
        keys, key = self.keys, name + self.separators.field
        return self.segment(keys.index(key), 1) if key in keys else None

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment of a name, in order."""
        keys, key = self.keys, name + self.separators.field
        if key not in keys:
            return ()
        positions = [at for at, found in enumerate(keys) if found == key]
        return tuple(self.segment(at, ordinal) for ordinal, at in enumerate(positions, 1))

    def segment(self, position: int, ordinal: int) -> Segment:
        """Return the segment at a 0-based place, which is that one of its name."""
        if not position:
            return self.header
        segment = self._made.get(position)
        if segment is None:
            separators, name = self.separators, self.keys[position][:NAME_LENGTH]
            fields = cut_line(name, self.layout.lines[position], separators.field)
            segment = Segment(name, ordinal, position, separators, self.charset, fields)
            self._made[position] = segment
        return segment

    def get(self, path: str) -> str:
        """Return the decoded value at a path such as `PID-3.1` or `FT1[2]-11.1`; "" if absent.

        What a path leaves out is 1: `MSH-9` is the first component of `MSH-9`. Raises ValueError
        for a text that is not a path; `read_path` tells beforehand.
        """
        place = read_path(path)
        if place is None:
            message = f"not an HL7 v2 path: {path!r}"
            raise ValueError(message)
        name, field = place.segment, place.field
        if place.ordinal == 1:
            fields = self._cut.get(name) or self._cut_first(name)
        else:
            each = self.all(name)[place.ordinal - 1 : place.ordinal]
            fields = each[0].fields if each else []
        if field >= len(fields):
            return ""
        if field < FREE_FIELD and name in HEADERS:
            return fields[field]
        separators = self.separators
        return self._decoded(
            cut_value(
                fields[field], separators, place.component, place.subcomponent, place.repetition
            )
        )

    def values(self, selection: Selection) -> list[str]:
        """Return the values at many paths (`select`), each as `get` returns it.

        For what is read of every message, before or instead of anything else: what it is routed and
        found by. No more is cut than is asked for.
        """
        if not selection.groups:
            return [self.get(path) for path in selection.paths]
        separators = self.separators
        component = separators.component
        found: list[str] = []
        for name, field_max, numbers in selection.groups:
            fields = self.header.fields
            if name != HEADER:
                fields = self._first_line(name).split(separators.field, field_max + 1)
            count = len(fields)
            for number in numbers:  # a comprehension here costs more than it saves
                value = fields[number].partition(component)[0] if number < count else ""
                found.append(value)
        together = "".join(found)
        if (
            separators.repetition in together
            or separators.subcomponent in together
            or separators.escape in together
        ):
            return [self._decoded(cut_value(value, separators)) for value in found]
        return found

    def _decoded(self, value: str) -> str:
        separators = self.separators
        return unescape(value, separators, self.charset) if separators.escape in value else value

    def _cut_first(self, name: str) -> list[str]:
        """Cut the first segment of a name, and remember its fields."""
        if name == HEADER:
            return self.header.fields
        line = self._first_line(name)
        fields = self._cut[name] = cut_line(name, line, self.separators.field) if line else []
        return fields

    def _first_line(self, name: str) -> str:
        """Find the line of the first segment of a name without laying out the rest; "" if none.

        A text that mixes its segment ends has to be laid out, for a lone line feed may also stand
        within a value.
        """
        text, end, separator = self.text, self.end, self.separators.field
        if end and len(text) <= SEGMENTS_MAX:
            start = text.find(end + name) + len(end)
            if start < len(end):
                return ""
            if text[start + NAME_LENGTH : start + NAME_LENGTH + 1] == separator:
                stop = text.find(end, start)
                return text[start:stop] if stop >= 0 else text[start:]
        key = name + separator
        return self.layout.lines[self.keys.index(key)] if key in self.keys else ""

    @property
    def keys(self) -> list[str]:
        """Name plus field separator (`PID|`) of each segment, "" if malformed. Do not change."""
        if self._keys is None:
            self._keys = segment_keys(self.layout.lines, self.separators.field)
        return self._keys

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

    def relaid(self, layout: Layout, header: Segment) -> Message:
        """Return this message with other lines in the place of its own, and their header."""
        return msgspec.structs.replace(
            self,
            text=layout.join(layout.lines),
            header=header,
            _cut={},
            _layout=layout,
            _keys=None,
            _made={},
            _segments=None,
            _findings=None,
        )

    def render(self) -> bytes:
        """Return the message's bytes, put together again from its fields, ends and wrapping."""
        text = self.layout.join([segment.render() for segment in self.segments])
        return self.raw[: self.start] + text.encode(self.charset) + self.raw[self.stop :]

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
