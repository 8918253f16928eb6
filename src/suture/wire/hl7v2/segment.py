"""One segment, its fields cut only when asked for, and the paths that point into it (`PID-3.1`).

Here: fields, repetitions, components and subcomponents by their 1-based HL7 numbers. Not here:
which segments a message has (`message.py`, next) or what an escape sequence means (`escape.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from suture.wire.hl7v2.escape import unescape
from suture.wire.hl7v2.separators import Separators

FIELDS_MAX = 10_000
"""Fields, repetitions, components or subcomponents in one segment; with more it is held (B15)."""

HEADERS = frozenset(("MSH", "FHS", "BHS"))
"""Segments whose first field is the field separator itself and whose second is never cut."""

ENVELOPE = frozenset(("MSH", "FHS", "BHS", "BTS", "FTS"))
"""Segments that begin or end a message, a batch or a file: none of them stands inside a message."""

_FREE_FIELD = 3
_LOOK_AHEAD = 8
_PATH = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\[([1-9][0-9]{0,4})\])?"
    r"-([1-9][0-9]{0,3})(?:\(([1-9][0-9]{0,4})\))?"
    r"(?:[.-]([1-9][0-9]{0,3})(?:[.-]([1-9][0-9]{0,3}))?)?",
    re.ASCII,
)


class Path(msgspec.Struct, frozen=True):
    """A place in a message; every number is 1-based."""

    segment: str
    ordinal: int
    field: int
    repetition: int
    component: int
    subcomponent: int


@lru_cache(maxsize=4096)
def read_path(text: str) -> Path | None:
    """Read `PID-3.1`, `PID-3-1`, `FT1[2]-11.1`, `PID-3(2).4.1`; None when the text is not a path.

    What is left out is 1, as in the interface engines people know (Terser).
    """
    match = _PATH.fullmatch(text)
    if match is None:
        return None
    segment, ordinal, *numbers = match.groups()
    field, repetition, component, subcomponent = (int(number or 1) for number in numbers)
    return Path(segment, int(ordinal or 1), field, repetition, component, subcomponent)


def header_fields(line: str, field_separator: str) -> list[str]:
    """Cut the line of an `MSH`, `FHS` or `BHS` so that each field stands at its HL7 number.

    In a header the separator after the name is itself the first field (HL7 v2 chapter 2, `MSH-1`).
    """
    fields = line.split(field_separator, FIELDS_MAX)
    fields.insert(1, field_separator)
    return fields


class Segment:
    """One segment of a message: `name`, which one of that name (`ordinal`), and where it stands.

    `position` is its 0-based place in `message.segments`, so that a translator can walk groups: the
    `FT1` that follow a `PID` have a higher position than it and a lower one than the next. A line
    that does not start like a segment has the name "".
    """

    __slots__ = ("_charset", "_fields", "_rest", "name", "ordinal", "position", "separators")

    def __init__(
        self,
        name: str,
        ordinal: int,
        position: int,
        line: str,
        separators: Separators,
        charset: str,
        fields: list[str] | None = None,
    ) -> None:
        self.name = name
        self.ordinal = ordinal
        self.position = position
        self.separators = separators
        self._charset = charset
        # Fields are cut off the line as far as they are asked for; `_rest` is what is still uncut.
        self._fields = fields or []
        self._rest = None if fields else line

    @property
    def fields(self) -> list[str]:
        """The fields as received, by HL7 field number; index 0 is the name. Not to be changed.

        The last one holds everything beyond `FIELDS_MAX` separators.
        """
        if self._rest is not None:
            self._cut(FIELDS_MAX)
        return self._fields

    def text(self, field: int) -> str:
        """Return a field exactly as received, all its repetitions, undecoded; "" if absent."""
        fields = self._fields
        return fields[field] if field < len(fields) else self._cut(field)

    def value(
        self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """Return one decoded value; "" if absent, and the HL7 null stays `""` (`NULL`)."""
        fields = self._fields
        text = fields[field] if field < len(fields) else self._cut(field)
        if text.isalnum():
            return text if component == subcomponent == repetition == 1 else ""
        if field < _FREE_FIELD and self.name in HEADERS:
            return text
        separators = self.separators
        if separators.repetition in text:
            parts = text.split(separators.repetition, repetition)
            text = parts[repetition - 1] if 0 < repetition <= len(parts) else ""
        elif repetition != 1:
            return ""
        if separators.component in text:
            parts = text.split(separators.component, component)
            text = parts[component - 1] if 0 < component <= len(parts) else ""
        elif component != 1:
            return ""
        if separators.subcomponent in text:
            parts = text.split(separators.subcomponent, subcomponent)
            text = parts[subcomponent - 1] if 0 < subcomponent <= len(parts) else ""
        elif subcomponent != 1:
            return ""
        if separators.escape in text:
            return unescape(text, separators, self._charset)
        return text

    def whole(self, field: int) -> str:
        """Return a field decoded as one value, separators within it left in place (`ST` fields)."""
        text = self.text(field)
        if self.separators.escape in text:
            return unescape(text, self.separators, self._charset)
        return text

    def repetitions(self, field: int) -> int:
        """Return how many repetitions a field has; 0 when it is absent."""
        text = self.text(field)
        if not text:
            return 0
        if field < _FREE_FIELD and self.name in HEADERS:
            return 1
        return text.count(self.separators.repetition) + 1

    def where(self, field: int | None = None, component: int | None = None) -> str:
        """Return the path of a place in this segment: `FT1[2]-11.1`, `PID-3`, `line[7]`.

        The ordinal is written from the second segment of a name on, so that the path reads back
        with `get`.
        """
        if not self.name:
            return f"line[{self.position + 1}]"
        path = self.name if self.ordinal == 1 else f"{self.name}[{self.ordinal}]"
        if field is None:
            return path
        return f"{path}-{field}" if component is None else f"{path}-{field}.{component}"

    def render(self) -> str:
        """Return the segment re-joined from its fields, without its end."""
        separator = self.separators.field
        fields = self.fields
        if self.name in HEADERS:
            fields = [fields[0], *fields[2:]]
        return separator.join(fields)

    def _cut(self, field: int) -> str:
        """Cut the fields up to this one, and a few more, off the uncut rest and return it."""
        rest = self._rest
        if rest is None:
            return ""
        fields = self._fields
        limit = min(field + _LOOK_AHEAD, FIELDS_MAX) - len(fields)
        parts = rest.split(self.separators.field, limit)
        self._rest = (
            parts.pop() if limit < len(parts) and limit + len(fields) < FIELDS_MAX else None
        )
        fields += parts
        return fields[field] if field < len(fields) else ""

    def __repr__(self) -> str:
        # The name and place only: a segment printed by a traceback must not show a patient.
        return f"<Segment {self.where()}>"
