"""Paths into a message, as interface engines write them: `PID-3.1`, `FT1[2]-11.1`, `PID-3(2).4.1`.

Here: a path as numbers, and a selection of paths compiled once to be read of every message. Not
here: following one (`message.py`) or what a value looks like (`segment.py`, next).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from suture.wire.hl7v2.segment import FREE_FIELD, HEADERS

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


class Selection(msgspec.Struct, frozen=True):
    """Paths to be read of one message after the other (`Message.values`)."""

    paths: tuple[str, ...]
    groups: tuple[tuple[str, int, tuple[int, ...]], ...]
    """Neighbouring paths into one segment: its name, the highest field, and each field. Empty where
    a path asks for anything but the first value of a field."""


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


def select(*texts: str) -> Selection:
    """Compile paths for `Message.values`. Raises ValueError for a text that is not a path."""
    groups: list[tuple[str, list[int]]] = []
    is_plain = True
    for text in texts:
        path = read_path(text)
        if path is None:
            message = f"not an HL7 v2 path: {text!r}"
            raise ValueError(message)
        is_plain = is_plain and _is_plain(path)
        if not groups or groups[-1][0] != path.segment:
            groups.append((path.segment, []))
        groups[-1][1].append(path.field)
    compiled = tuple((name, max(fields), tuple(fields)) for name, fields in groups)
    return Selection(texts, compiled if is_plain else ())


def _is_plain(path: Path) -> bool:
    """Tell whether a path asks for the first value of a field that is cut as all others are."""
    numbers = (path.ordinal, path.repetition, path.component, path.subcomponent)
    is_apart = path.segment in HEADERS and (path.segment != "MSH" or path.field < FREE_FIELD)
    return numbers == (1, 1, 1, 1) and not is_apart
