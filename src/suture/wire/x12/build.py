"""Items and plain elements into X12 bytes: for acknowledgements, simulators and tests.

Here: `render`, the inverse of reading (a well-formed interchange comes out byte for byte), and
`build_interchange`, which makes ISA to IEA around transaction sets and counts for them. Not here:
what a TA1 or a 999 says (`acknowledge.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from suture.wire.x12.envelope import (
    GroupEnd,
    GroupStart,
    InterchangeEnd,
    InterchangeStart,
    Item,
    SetEnd,
    SetStart,
    TechnicalAcknowledgement,
)
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import DEFAULT, ISA_WIDTHS, Separators

_VERSIONS_IN_ISA = {"004": "00401", "005": "00501"}
_NO_REPETITION = "U"
_WITHOUT_REPETITION = "004"
"""In ISA11 these have the standard's identifier: an element repeats from 00402 on."""
_NEVER_WRITTEN = ("\n", "\r", "\0")
"""A reader would take them for damage."""

_ISA_PADDED_WITH_SPACES = frozenset((2, 4, 6, 8))


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends an interchange to whom (ISA05 to ISA08)."""

    sender_id: str
    receiver_id: str
    sender_qualifier: str = "ZZ"
    receiver_qualifier: str = "ZZ"


class SetContent(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction set to build: what stands between ST and SE."""

    set_id: str
    control_number: str
    segments: Sequence[Sequence[str]]
    """Each segment as its elements, id first; components already joined."""
    version: str = ""
    """ST03; left out when empty (the 835 has none)."""


class GroupContent(msgspec.Struct, frozen=True, kw_only=True):
    """A functional group to build."""

    functional_id: str
    """GS01: HP for 835, FA for 999."""
    control_number: int
    version: str
    """GS08: 005010X221A1."""
    sets: Sequence[SetContent]


def render(items: Iterable[Item]) -> bytes:
    """Write items as bytes: what was read from a well-formed interchange comes out unchanged.

    Every segment gets its terminator and the line end that followed the ISA; text between
    interchanges and trailers that were missing are not written.
    """
    return "".join(_texts(items)).encode("latin-1")


def _texts(items: Iterable[Item]) -> Iterator[str]:
    terminator = line_end = ""
    for item in items:
        match item:
            case InterchangeStart():
                terminator = item.interchange.separators.segment
                line_end = item.interchange.line_end
                segment = item.segment
            case Segment():
                segment = item
            case GroupStart() | SetStart() | SetEnd() | GroupEnd() | InterchangeEnd():
                segment = item.segment
            case TechnicalAcknowledgement():
                segment = item.segment
            case _:
                segment = None
        if segment is not None:
            yield segment.separators.element.join(segment.elements) + terminator + line_end


def build_interchange(
    address: Address,
    groups: Sequence[GroupContent],
    *,
    control_number: int,
    made_at: datetime,
    usage: str = "P",
    separators: Separators = DEFAULT,
    line_end: str = "",
    answers: Sequence[Sequence[str]] = (),
) -> bytes:
    """Build a whole interchange, ISA to IEA, with its counts and control numbers.

    `answers` are TA1 segments, which stand before the first group. `made_at` is written as it is,
    in the sender's local time. Raises ValueError for a value that holds a separator or a line break
    or does not fit its ISA element: X12 has no escape, so what cannot be written must be replaced
    by the caller.
    """
    number = f"{control_number:09d}"
    version = groups[0].version if groups else "005"
    element, end = separators.element, separators.segment + line_end
    repetition = "" if version.startswith(_WITHOUT_REPETITION) else separators.repetition
    header = (
        *("00", "", "00", ""),
        *(address.sender_qualifier, address.sender_id),
        *(address.receiver_qualifier, address.receiver_id),
        *(made_at.strftime("%y%m%d"), made_at.strftime("%H%M")),
        repetition or _NO_REPETITION,
        _VERSIONS_IN_ISA.get(version[:3], "00501"),
        *(number, "0", usage, separators.component),
    )
    texts = ["ISA" + element + element.join(_padded(header)) + end]
    cut = _Cut(separators, line_end)
    texts += [cut.text(answer) for answer in answers]
    for group in groups:
        texts += _group_texts(cut, address, group, made_at)
    texts.append(cut.text(("IEA", str(len(groups)), number)))
    return "".join(texts).encode("latin-1")


class _Cut:
    """Joins elements into segments, refusing values that would be cut elsewhere."""

    def __init__(self, separators: Separators, line_end: str) -> None:
        self._element = separators.element
        self._end = separators.segment + line_end
        self._forbidden = (separators.element, separators.segment, *_NEVER_WRITTEN)

    def text(self, elements: Sequence[str]) -> str:
        """Return the segment, trailing empty elements left out (X12.6)."""
        last = max((number for number, value in enumerate(elements) if value), default=0)
        used = elements[: last + 1]
        if any(separator in value for value in used for separator in self._forbidden):
            raise ValueError(f"a value of a {elements[0]} segment cannot be written")
        return self._element.join(used) + self._end


def _group_texts(
    cut: _Cut, address: Address, group: GroupContent, made_at: datetime
) -> Iterator[str]:
    number = str(group.control_number)
    day, time = made_at.strftime("%Y%m%d"), made_at.strftime("%H%M")
    codes = (address.sender_id, address.receiver_id)
    yield cut.text(("GS", group.functional_id, *codes, day, time, number, "X", group.version))
    for content in group.sets:
        yield cut.text(("ST", content.set_id, content.control_number, content.version))
        for segment in content.segments:
            yield cut.text(segment)
        yield cut.text(("SE", str(len(content.segments) + 2), content.control_number))
    yield cut.text(("GE", str(len(group.sets)), number))


def _padded(values: Sequence[str]) -> Iterator[str]:
    for number, (value, width) in enumerate(zip(values, ISA_WIDTHS, strict=True), start=1):
        padded = value.ljust(width) if number in _ISA_PADDED_WITH_SPACES else value
        if len(padded) != width or any(each in value for each in _NEVER_WRITTEN):
            raise ValueError(f"ISA{number:02d} must be {width} characters long, in one line")
        yield padded
