"""One segment: its fields, repetitions, components and subcomponents by their 1-based HL7 numbers.

Here: values within one line. Not here: which segments a message has (`message.py`, next), paths
(`path.py`), or what an escape sequence means (`escape.py`).
"""

from __future__ import annotations

import msgspec

from suture.wire.hl7v2.escape import unescape
from suture.wire.hl7v2.separators import Separators

FIELDS_MAX = 10_000
"""Fields, repetitions, components or subcomponents in one segment; with more it is held (B15)."""

HEADERS = frozenset(("MSH", "FHS", "BHS"))
"""Segments whose first field is the field separator itself and whose second is never cut."""

ENVELOPE = frozenset(("MSH", "FHS", "BHS", "BTS", "FTS"))
"""Segments that begin or end a message, a batch or a file: none of them stands inside a message."""

FREE_FIELD = 3


def cut_line(name: str, line: str, field_separator: str) -> list[str]:
    """Cut a segment's line so that each field stands at its HL7 number, its name at 0.

    In a header the separator after the name is itself the first field (HL7 v2 chapter 2, `MSH-1`).
    The last field holds everything beyond `FIELDS_MAX` separators.
    """
    fields = line.split(field_separator, FIELDS_MAX)
    if name in HEADERS:
        fields.insert(1, field_separator)
    return fields


class Segment(msgspec.Struct, eq=False, gc=False):
    """One segment of a message: `name`, which one of that name (`ordinal`), and where it stands.

    A line that does not start like a segment has the name "".
    """

    name: str
    ordinal: int
    position: int
    """Its 0-based place in `message.segments`, so that a translator can walk groups: the `FT1` that
    follow a `PID` have a higher position than it and a lower one than the next."""
    separators: Separators
    charset: str
    """What `\\Xhh\\` in its values is read in."""
    fields: list[str]
    """The fields as received, by HL7 field number; index 0 is the name. Not to be changed."""

    def text(self, field: int) -> str:
        """Return a field exactly as received, all its repetitions, undecoded; "" if absent."""
        fields = self.fields
        return fields[field] if field < len(fields) else ""

    def value(
        self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """Return one decoded value; "" if absent, and the HL7 null stays `""` (`NULL`)."""
        fields = self.fields
        if field >= len(fields):
            return ""
        text = fields[field]
        if text.isalnum():
            return text if component == subcomponent == repetition == 1 else ""
        if field < FREE_FIELD and self.name in HEADERS:
            return text
        separators = self.separators
        if component == subcomponent == repetition == 1:
            leading = text.partition(separators.component)[0]
            if leading.isalnum():
                return leading
        text = cut_value(text, separators, component, subcomponent, repetition)
        if separators.escape in text:
            return unescape(text, separators, self.charset)
        return text

    def whole(self, field: int) -> str:
        """Return a field decoded as one value, separators within it left in place (`ST` fields)."""
        text = self.text(field)
        if self.separators.escape in text:
            return unescape(text, self.separators, self.charset)
        return text

    def repetitions(self, field: int) -> int:
        """Return how many repetitions a field has; 0 when it is absent."""
        text = self.text(field)
        if not text:
            return 0
        if field < FREE_FIELD and self.name in HEADERS:
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

    def __repr__(self) -> str:
        # The name and place only: a segment printed by a traceback must not show a patient.
        return f"<Segment {self.where()}>"


def cut_value(
    text: str,
    separators: Separators,
    component: int = 1,
    subcomponent: int = 1,
    repetition: int = 1,
) -> str:
    """Return one value of a field, not yet decoded; "" where it has none at that place."""
    if text.isalnum():
        return text if component == subcomponent == repetition == 1 else ""
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
    return text
