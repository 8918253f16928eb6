"""One segment of a transaction set, cut into elements, with its place in the set and in the bytes.

Here: elements, repetitions and components by their 1-based X12 numbers (CLP03 = `get(3)`), dates
and text for people. Not here: how bytes become segments (`reader.py`) or which segments form a
loop (`remittance.py`).
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.wire.x12.separators import Separators

_YEAR_MIN = 1900
_YEAR_MAX = 2199
_CENTURY_PIVOT = 50
_CONTROLS = frozenset({"ST", "SE"})
_CONTROL_NUMBER = 2
_SEGMENT, _ELEMENT, _REPETITION, _COMPONENT = "\x1c", "\x1d", "\x1e", "\x1f"
"""Of a canonical segment: control characters made for this, that no value holds."""


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A segment as received, undecoded: one character per byte (latin-1).

    Never changed after reading; `gc=False` because it can hold no reference cycle and there are
    millions of them.
    """

    id: str
    elements: list[str]
    """`elements[0]` is the id, `elements[1]` element 01; empty ones at the end may be missing."""
    ordinal: int
    """Place in the transaction set: ST is 1, as SE01 and IK302 count. 0 outside a set."""
    offset: int
    """Where its id starts in the input bytes."""
    length: int
    """Bytes without the terminator."""
    separators: Separators

    def get(self, number: int, component: int | None = None, repetition: int | None = None) -> str:
        """Return element `number`, or one repetition or component of it; "" if absent.

        Numbers are 1-based. `get(3)` is the whole element, `get(3, 1)` the first component of its
        first repetition.
        """
        elements = self.elements
        value = elements[number] if 0 < number < len(elements) else ""
        if component is None and repetition is None:
            return value
        separators = self.separators
        if separators.repetition:
            value = _part(value, separators.repetition, repetition or 1)
        elif repetition not in (None, 1):
            return ""
        return value if component is None else _part(value, separators.component, component)

    def components(self, number: int) -> list[str]:
        """Return the components of element `number`; an empty list if it is absent or empty."""
        elements = self.elements
        value = elements[number] if 0 < number < len(elements) else ""
        return value.split(self.separators.component) if value else []

    def text(self, number: int, component: int | None = None) -> str:
        """Return an element decoded for people: as UTF-8, or latin-1 where it is no UTF-8.

        X12 names no character set; ISO 8859-1 and UTF-8 are both sent. `get` is enough for codes
        and amounts.
        """
        value = self.get(number, component)
        if value.isascii():
            return value
        try:
            return value.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return value

    def canonical(self) -> bytes:
        """Return the segment as it is whatever separators it was written with.

        The control number of an ST or SE is left out: it counts sets, and says nothing of this one.
        """
        elements, separators = self.elements, self.separators
        if elements[0] in _CONTROLS:
            elements = [*elements[:_CONTROL_NUMBER], "", *elements[_CONTROL_NUMBER + 1 :]]
        text = _ELEMENT.join(elements).replace(separators.component, _COMPONENT)
        if separators.repetition:
            text = text.replace(separators.repetition, _REPETITION)
        return (text.rstrip(_ELEMENT) + _SEGMENT).encode("latin-1")


def _part(value: str, separator: str, number: int) -> str:
    parts = value.split(separator)
    return parts[number - 1] if 0 < number <= len(parts) else ""


def read_date(text: str) -> date | None:
    """Read an X12 date (CCYYMMDD, YYMMDD, the start of a range), or None when it is not one.

    Two-digit years below 50 are of this century (ISA09). Years outside 1900 to 2199 are typing
    errors (B22).
    """
    digits = text.partition("-")[0]
    if not (digits.isascii() and digits.isdigit()):
        return None
    match len(digits):
        case 8:
            year = int(digits[:4])
        case 6:
            year = int(digits[:2])
            year += 2000 if year < _CENTURY_PIVOT else 1900
        case _:
            return None
    if not _YEAR_MIN <= year <= _YEAR_MAX:
        return None
    try:
        return date(year, int(digits[-4:-2]), int(digits[-2:]))
    except ValueError:
        return None
