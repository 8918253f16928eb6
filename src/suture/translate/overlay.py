"""Overlays: how one source fills its messages differently, put right before they are translated.

    [[set]]
    message = "DFT"
    target = "FT1-13"
    value = 'first(FT1-13, lookup(ward, FT1-16.1))'
    when = 'FT1-6 = "CG"'

A rule puts a value (an expression, `expression.py`) at a place of the message; the translation of
its type then reads it as if the sender had filled it so. Z segments are reached like any other.
The bytes as received are what is kept and sealed. HL7 v2: `edited`, a whole message. X12:
`edit_segments`, segment by segment, so that a set of any size takes the same memory. Read from
`maps/<source>.toml` by `governance/maps.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

import msgspec

from suture.model.overlay import Overlay, Rule
from suture.wire import hl7v2
from suture.wire.x12.segment import Segment as X12Segment

_SET_OR_TYPE = re.compile(r"[A-Z]{3}(\^[A-Z][0-9A-Z]{2})?|[0-9]{3}", re.ASCII)
_X12_PATH = re.compile(
    r"([A-Z][A-Z0-9]{1,2}?)(?:\[([A-Z0-9]{1,3})\])?([0-9]{2})(?:-([1-9][0-9]?))?", re.ASCII
)
ELEMENTS_MAX = 100
"""An element beyond this is not written: no set has one."""


class X12Path(msgspec.Struct, frozen=True):
    """An element of a segment: `CLP08`, `N1[PE]04`, `SVC01-2`."""

    segment: str
    qualifier: str
    """Element 01 of the segment meant; any where empty."""
    element: int
    component: int
    """0 for the whole element."""

    def is_of(self, segment: X12Segment) -> bool:
        """Return whether a segment is the one meant."""
        return segment.id == self.segment and (
            not self.qualifier or segment.get(1) == self.qualifier
        )


@lru_cache(maxsize=4096)
def read_x12_path(text: str) -> X12Path | None:
    """Read `CLP08`, `N1[PE]04` or `SVC01-2`; None when the text is not such a path."""
    match = _X12_PATH.fullmatch(text)
    if match is None or not 1 <= int(match[3]) < ELEMENTS_MAX:
        return None
    return X12Path(match[1], match[2] or "", int(match[3]), int(match[4] or 0))


def wrong_place(place: str) -> str:
    """Say what is wrong with a place that a rule reads; "" where nothing is."""
    if hl7v2.read_path(place) or read_x12_path(place):
        return ""
    return "it is no place of a message: `PID-3.1` (HL7 v2) or `CLP08`, `N1[PE]04` (X12)"


def wrong_target(place: str) -> str:
    """Say what is wrong with a place that a rule writes; "" where nothing is."""
    path = hl7v2.read_path(place)
    if path is not None:
        return "" if hl7v2.is_editable(path) else "MSH-1 and MSH-2 cannot be replaced"
    x12 = read_x12_path(place)
    if x12 is None:
        return wrong_place(place)
    if x12.segment in {"ISA", "GS", "ST", "SE", "GE", "IEA"}:
        return "the envelope says how a set is read and answered: it cannot be replaced"
    return ""


def wrong_message(name: str) -> str:
    """Say what is wrong with the name of a message; "" where nothing is."""
    if not name or _SET_OR_TYPE.fullmatch(name):
        return ""
    return "it names no message: `DFT`, `DFT^P03` or `835`"


# HL7 v2 --------------------------------------------------------------------------------------


def edited(message: hl7v2.Message, overlay: Overlay, on: date) -> hl7v2.Message:
    """Return an HL7 v2 message as the overlay fills it; `on` chooses the look-up rows in force.

    A rule is applied to each segment its target names. Of its own segment's name it reads that
    very segment; of another, the nearest one before it, else the first.
    """
    names = ("", message.type, f"{message.type}^{message.trigger}")
    rules = [rule for rule in overlay.rules if rule.message in names]
    if not rules:
        return message
    reader = _MessageReader(message, overlay.source, on)
    for rule in rules:
        path = hl7v2.read_path(rule.target)
        if path is not None:
            reader.apply(rule, path)
    return hl7v2.edit(message, reader.changed) if reader.changed else message


class _MessageReader:
    """One HL7 v2 message while rules are applied to it."""

    def __init__(self, message: hl7v2.Message, source: str, on: date) -> None:
        self.source = source
        self.on = on
        self.changed: dict[int, hl7v2.Segment] = {}
        self._message = message
        self._segments = list(message.segments)
        self._current = self._segments[0]

    def apply(self, rule: Rule, path: hl7v2.Path) -> None:
        """Apply a rule to each segment of its target's name, or to the one its path numbers."""
        for segment in self._segments:
            is_meant = "[" not in rule.target or segment.ordinal == path.ordinal
            if segment.name != path.segment or not is_meant:
                continue
            self._current = segment
            if rule.when is not None and not rule.when(self):
                continue
            value = rule.value(self)
            if value or rule.is_clearing:
                put = hl7v2.replace_value(segment, path, value)
                self._segments[segment.position] = self.changed[segment.position] = put

    def read(self, place: str) -> str:
        """Return the decoded value at a place, seen from the segment a rule is applied to."""
        path = hl7v2.read_path(place)
        segment = None if path is None else self._meant(path, is_numbered="[" in place)
        if path is None or segment is None:
            return ""
        return segment.value(
            path.field, path.component, path.subcomponent, repetition=path.repetition
        )

    def _meant(self, path: hl7v2.Path, *, is_numbered: bool) -> hl7v2.Segment | None:
        current = self._segments[self._current.position]
        if current.name == path.segment and not is_numbered:
            return current
        found = [segment for segment in self._segments if segment.name == path.segment]
        if is_numbered:
            return next((each for each in found if each.ordinal == path.ordinal), None)
        before = [each for each in found if each.position < current.position]
        return before[-1] if before else next(iter(found), None)


# X12 -----------------------------------------------------------------------------------------


def edit_segments(
    segments: Iterable[X12Segment], set_id: str, overlay: Overlay, on: date
) -> Iterator[X12Segment]:
    """Yield the segments of a transaction set as the overlay fills them.

    Of its own segment's name a rule reads that very segment; of another, the latest one before it,
    with the qualifier it asks for.
    """
    rules = [
        (rule, path)
        for rule in overlay.rules
        if rule.message in {"", set_id} and (path := read_x12_path(rule.target))
    ]
    reader = _SetReader(overlay.source, on)
    for each in segments:
        segment = each
        reader.enter(segment)
        for rule, path in rules:
            if path.is_of(segment) and (rule.when is None or rule.when(reader)):
                value = rule.value(reader)
                if value or rule.is_clearing:
                    segment = _put(segment, path, value)
                    reader.enter(segment)
        yield segment


class _SetReader:
    """A transaction set as far as it has been read: the latest segment of each name."""

    def __init__(self, source: str, on: date) -> None:
        self.source = source
        self.on = on
        self._current: X12Segment | None = None
        self._latest: dict[tuple[str, str], X12Segment] = {}

    def enter(self, segment: X12Segment) -> None:
        """Take the next segment, or the same one changed."""
        self._current = segment
        self._latest[segment.id, ""] = segment
        self._latest[segment.id, segment.get(1)] = segment

    def read(self, place: str) -> str:
        """Return the value at a place, seen from the current segment."""
        path = read_x12_path(place)
        if path is None:
            return ""
        if self._current is not None and path.is_of(self._current):
            segment: X12Segment | None = self._current
        else:
            segment = self._latest.get((path.segment, path.qualifier))
        return "" if segment is None else segment.text(path.element, path.component or None)


def _put(segment: X12Segment, path: X12Path, value: str) -> X12Segment:
    """Return a segment with a value at a place; characters that are separators become blanks."""
    separators = segment.separators
    text = value.encode("utf-8").decode("latin-1")
    reserved = {separators.element, *separators.segment, "\r", "\n"}
    if path.component:
        reserved.add(separators.component)
    text = "".join(" " if each in reserved else each for each in text)
    elements = list(segment.elements)
    elements += [""] * (path.element + 1 - len(elements))
    if path.component:
        parts = elements[path.element].split(separators.component)
        parts += [""] * (path.component - len(parts))
        parts[path.component - 1] = text
        text = separators.component.join(parts)
    elements[path.element] = text
    return msgspec.structs.replace(segment, elements=elements)
