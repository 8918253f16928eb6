"""Messages written: values in, escaped and separated bytes out.

Here: `build` for anything with segments (messages, `FHS`, `BTS`), `segment` for sparse ones. Used
by `acknowledge`, the simulators and whatever tells other systems in HL7 v2. Not here: the content
of an acknowledgement (`acknowledge.py`, next) or changing a message that was received (`message.py`
keeps those as they are).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from suture.wire.hl7v2.escape import escape
from suture.wire.hl7v2.segment import HEADERS
from suture.wire.hl7v2.separators import DEFAULT, Separators

SEGMENT_END = "\r"


class Raw(str):
    """Text already in wire form, such as a field copied from a received message: not escaped."""

    __slots__ = ()


class Repeated(tuple["str | Sequence[str | Sequence[str]]", ...]):
    """The repetitions of one field, each written like a field: `Repeated(["1", ("2", "MR")])`."""

    __slots__ = ()


Component: TypeAlias = str | Sequence[str]
"""One value, or its subcomponents."""

Field: TypeAlias = str | Sequence[Component] | Repeated
"""One value, its components, or its repetitions. "" is an absent value, `NULL` the HL7 delete."""


def segment(name: str, fields: Mapping[int, Field]) -> list[Field]:
    """Return a segment for `build` by field numbers: `segment("PV1", {2: "I", 19: "V1"})`."""
    filled: list[Field] = [name, *([""] * max(fields, default=0))]
    for number, field in fields.items():
        filled[number] = field
    return filled


def build(
    segments: Iterable[Sequence[Field]],
    *,
    separators: Separators = DEFAULT,
    charset: str = "utf-8",
) -> bytes:
    """Write segments, each ended by CR.

    In each segment the index is the HL7 field number and index 0 the name. In `MSH`, `FHS` and
    `BHS` fields 1 and 2 are the separators and are written here: whatever stands at those two
    indexes is left out. Values are escaped, so any text may be passed; `Raw` text is not. Raises
    UnicodeEncodeError for a value that `charset` cannot express.
    """
    lines = [_line(fields, separators) for fields in segments]
    return "".join(line + SEGMENT_END for line in lines).encode(charset)


def _line(fields: Sequence[Field], separators: Separators) -> str:
    name = str(fields[0])
    written = [field if field == "" else _field(field, separators) for field in fields[1:]]
    if name in HEADERS:
        written[:2] = [separators.encoding_characters]
    return separators.field.join([name, *written])


def _field(field: Field, separators: Separators) -> str:
    if isinstance(field, str):
        return _value(field, separators)
    if isinstance(field, Repeated):
        return separators.repetition.join(_repetition(item, separators) for item in field)
    return _repetition(field, separators)


def _repetition(field: str | Sequence[Component], separators: Separators) -> str:
    if isinstance(field, str):
        return _value(field, separators)
    return separators.component.join(_component(item, separators) for item in field)


def _component(component: Component, separators: Separators) -> str:
    if isinstance(component, str):
        return _value(component, separators)
    return separators.subcomponent.join(_value(item, separators) for item in component)


def _value(text: str, separators: Separators) -> str:
    return text if isinstance(text, Raw) else escape(text, separators)
