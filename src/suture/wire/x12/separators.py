"""The four characters an interchange is cut with, read from its ISA or guessed for a fragment.

Here: the ISA header, strict (106 bytes, fixed widths) and tolerant (cut at the 16th element,
flagged), and the separators of a file that starts at GS or ST. Not here: cutting the rest of the
bytes (`reader.py`, next) or what the envelope says (`envelope.py`).

Bytes are decoded as latin-1 everywhere in this room, one character per byte, so that offsets are
exact whatever the sender's character set is; `Segment.text` decodes a value for people.
"""

from __future__ import annotations

import re

import msgspec

from suture.model.fault import Fault, fault

HEADER_BYTES_MAX = 512
"""How far the 16 elements of an ISA may reach; the standard's is 106 bytes long."""

TRIVIA = " \t\r\n\v\f\0\x1a"
"""What may stand between segments: indentation, line ends, NUL padding, DOS end of file."""

ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""Characters of ISA01 to ISA16 (X12.5: the interchange header is of fixed length)."""

HEADER_START = re.compile(r"(?<![0-9A-Za-z])ISA[^0-9A-Za-z\s]", re.ASCII)
"""Where an ISA may start: the name as a word, and an element separator."""

_HEADER_LENGTH = 3 + len(ISA_WIDTHS) + sum(ISA_WIDTHS)
_ELEMENTS_BEFORE_SEPARATORS = 16
_REPETITION_SINCE = "00402"
_UTF8_LEAD_MIN = "\xc2"
_UTF8_TRAILS = frozenset(map(chr, range(0x80, 0xC0)))

_GS_ELEMENT = r"(?:(?!(?P=g))[^\r\n]){0,35}(?P=g)"
_FRAGMENT = re.compile(
    r"(?:ST(?P<s>[^\w\s])\w{3}(?P=s)\w{1,9}(?:(?P=s)\w{0,35})?"
    r"|GS(?P<g>[^\w\s])" + _GS_ELEMENT * 7 + r"\w{1,12})(?P<segment>[^\w ])",
    re.ASCII,
)


class Separators(msgspec.Struct, frozen=True):
    """What cuts segments, elements, repetitions and components; each is one character.

    A segment terminator outside ASCII is one character of several bytes (seen: the ellipsis), kept
    here as these bytes.
    """

    element: str
    component: str
    repetition: str
    """ISA11 from version 00402; "" before, where ISA11 named a standards body."""
    segment: str


DEFAULT = Separators("*", ":", "^", "~")
"""What the health care guides recommend and Suture writes."""


class Header(msgspec.Struct, frozen=True):
    """An ISA segment as read: its elements, its separators, and what was wrong with it."""

    elements: tuple[str, ...]
    """`ISA` and ISA01 to ISA16, untrimmed."""
    separators: Separators
    length: int
    """Bytes up to and including the terminator."""
    line_end: str
    """What follows the terminator and, by example, every terminator: "", CR LF, LF or CR."""
    is_usable: bool
    """False when the separators cannot cut the rest; `faults` then says why."""
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def read_header(text: str, *, strict: bool) -> Header | None:
    """Read the ISA that `text` starts with, or return None when it is not one.

    `text` must hold `HEADER_BYTES_MAX` characters or all there are. Spaces that an editor
    collapsed (47 files of the corpus) shift the fixed positions 103 to 105, so the separators are
    taken after the 16th element separator; a length other than 106 is a note, or a fault when
    `strict` (B26). Separators that collide, or that are letters, are a fault in both modes.
    """
    element = text[3:4]
    parts = text.split(element, _ELEMENTS_BEFORE_SEPARATORS) if element else []
    if len(parts) <= _ELEMENTS_BEFORE_SEPARATORS or len(parts[-1]) < 2:
        return None
    rest = parts.pop()
    if HEADER_START.search(text, 1, len(text) - len(rest)):
        return None  # It lost elements and reaches into the next ISA.
    component, segment, skipped = rest[0], *_terminator(rest[1:])
    elements = (*parts, component)
    separators = Separators(element, component, _repetition(elements), segment)
    length = sum(map(len, elements)) + len(elements) - 1
    end = length + skipped + len(segment)
    where = f"ISA13={control}" if (control := elements[13].strip()).isalnum() else "ISA"
    faults: list[Fault] = []
    notes: list[Fault] = []
    unusable = _unusable(separators, elements)
    if unusable:
        faults.append(fault("x12.interchange.separators", where, unusable))
    elif any("\n" in each or "\r" in each for each in elements):
        faults.append(fault("x12.interchange.wrapped", where))
    if length != _HEADER_LENGTH or tuple(map(len, elements[1:])) != ISA_WIDTHS:
        finding = fault("x12.interchange.length", where, _explain_length(length + 1, elements))
        (faults if strict else notes).append(finding)
    return Header(
        elements=elements,
        separators=separators,
        length=end,
        line_end=_line_end(text[end : end + 2]),
        is_usable=not unusable,
        faults=tuple(faults),
        notes=tuple(notes),
    )


def read_fragment(text: str) -> Separators | None:
    """Guess the separators of bytes that start at GS or ST, or return None when they do not.

    The element separator follows the name; the terminator follows GS08 or the last of ST02 and
    ST03. Nothing tells the component separator: `:` is assumed.
    """
    match = _FRAGMENT.match(text)
    if match is None:
        return None
    element = match["s"] or match["g"]
    if match["segment"] == element:
        return None
    component = next(each for each in ":><" if each not in (element, match["segment"]))
    return Separators(element, component, "", match["segment"])


def _terminator(text: str) -> tuple[str, int]:
    """Return the terminator that `text` starts with and how many spaces to skip before it.

    Spaces and then a line end: the line end terminates. A byte above ASCII brings the rest of its
    UTF-8 character.
    """
    if text.startswith(" "):
        bare = text.lstrip(" ")
        if bare[:1] in ("\r", "\n"):
            return bare[:1], len(text) - len(bare)
    width = 1
    if text[0] >= _UTF8_LEAD_MIN:
        while text[width : width + 1] in _UTF8_TRAILS:
            width += 1
    return text[:width], 0


def _repetition(elements: tuple[str, ...]) -> str:
    """Return ISA11 where it is a separator: no letter, and of a version that has one."""
    candidate, version = elements[11], elements[12]
    if version < _REPETITION_SINCE or len(candidate) != 1 or candidate.isalnum():
        return ""
    return candidate.strip(" ")


def _unusable(separators: Separators, elements: tuple[str, ...]) -> str:
    """Return why these separators cannot cut an interchange, or "" when they can."""
    roles = {
        "element separator": separators.element,
        "component separator (ISA16)": separators.component,
        "segment terminator": separators.segment,
        "repetition separator (ISA11)": separators.repetition,
    }
    used: dict[str, str] = {}
    for role, character in roles.items():
        if character.isascii() and (character.isalnum() or character == " "):
            return f"the {role} is a letter, a digit or a space"
        if character and character in used:
            return f"the {role} and the {used[character]} are the same character"
        used[character] = role
    if any(separators.segment in each for each in elements[1:]):
        return "the segment terminator occurs inside the ISA segment"
    return ""


def _explain_length(length: int, elements: tuple[str, ...]) -> str:
    widths = zip(elements[1:], ISA_WIDTHS, strict=True)
    wrong = [
        f"ISA{number:02d} has {len(value)} for {width}"
        for number, (value, width) in enumerate(widths, start=1)
        if len(value) != width
    ]
    return f"ISA with its terminator is {length} bytes long, not 106: {', '.join(wrong)}"


def _line_end(text: str) -> str:
    if text.startswith("\r\n"):
        return "\r\n"
    return text[:1] if text[:1] in ("\r", "\n") else ""
