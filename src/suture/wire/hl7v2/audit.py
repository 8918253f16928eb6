r"""What is wrong, or only untidy, in a message that could be read: faults and lenient notes.

Here: line ends and wrapping (B18), character sets (B17), NUL and escape sequences (B16), broken
segment names, size caps (B15). Not here: what keeps a message from being read at all (`parse.py`),
or whether its content makes sense (the `translate` room). A finding names the place and never the
value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.hl7v2.charset import FALLBACK, suggest_charset
from suture.wire.hl7v2.escape import ESCAPES_MAX, escape_problems, unescape
from suture.wire.hl7v2.layout import BYTE_ORDER_MARK, SEGMENTS_MAX, uniform_end
from suture.wire.hl7v2.segment import ENVELOPE, FIELDS_MAX, HEADERS, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suture.wire.hl7v2.message import Message

FINDINGS_MAX = 100
"""No message reports more notes, or more faults, than this."""

_FIRST_FREE_HEADER_FIELD = 3
_LIMITS = {
    "field": FIELDS_MAX,
    "repetition": FIELDS_MAX,
    "component": FIELDS_MAX,
    "subcomponent": FIELDS_MAX,
    "escape": ESCAPES_MAX,
}
_WINDOWS_CONTROLS = frozenset(map(chr, range(0x80, 0xA0)))


class Findings(msgspec.Struct, frozen=True):
    """What an audit found: blocking and not."""

    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]


def audit(message: Message) -> Findings:
    """Return everything worth reporting about a message that could be read.

    This runs for every message: a line is looked at by itself only where it may have something to
    report.
    """
    raw, text, separators = message.raw, message.text, message.separators
    faults: list[Fault] = []
    notes: list[Fault] = []
    if message.charset != message.declared_charset:
        faults.append(_charset_fault(message))
    if not message.is_charset_known or not raw.isascii():
        notes += _charset_notes(message)
    if message.layout.ends != "\r" or message.start or raw[message.stop :] not in (b"", b"\r"):
        notes += _layout_notes(message)
    if separators.is_unusual:
        notes.append(fault("hl7.lenient.separators", "MSH-2"))
    # Every header has the escape character in MSH-2.
    header_start = len("MSH|") + len(separators.encoding_characters)
    has_nul = b"\0" in raw
    if text.find(separators.escape, header_start) >= 0 or len(text) > FIELDS_MAX or has_nul:
        for finding in _line_findings(message, header_start):
            (notes if finding.code.startswith("hl7.lenient.") else faults).append(finding)
    faults += _layout_faults(message)
    return Findings(tuple(faults[:FINDINGS_MAX]), tuple(notes[:FINDINGS_MAX]))


def _line_findings(message: Message, header_start: int) -> Iterator[Fault]:
    """Yield what is wrong within single lines: NUL, sizes, escape sequences."""
    escape = message.separators.escape
    ordinals: dict[str, int] = {}
    for at, (key, line) in enumerate(zip(message.keys, message.layout.lines, strict=True)):
        ordinals[key] = ordinals.get(key, 0) + 1
        has_nul = "\0" in line
        has_escape = line.find(escape, 0 if at else header_start) >= 0
        if not (has_nul or has_escape or len(line) > FIELDS_MAX):
            continue
        segment = message.segment(at, ordinals[key])
        if has_nul:
            yield fault("hl7.character.nul", segment.where())
        if oversize := list(_size_faults(segment, line)):
            yield from oversize
        elif has_escape:
            yield from _escape_findings(segment, message.charset)


def _charset_fault(message: Message) -> Fault:
    suggestion = suggest_charset(message.raw, message.declared_charset)
    explanation = f"the bytes are not {message.declared_charset}"
    if suggestion:
        explanation += f"; treat as {suggestion}, which fits"
    return fault("hl7.charset.mismatch", "MSH-18", explanation)


def _charset_notes(message: Message) -> Iterator[Fault]:
    if not message.is_charset_known:
        explanation = f"unknown name in MSH-18; read as {message.declared_charset}"
        yield fault("hl7.lenient.charset", "MSH-18", explanation)
    if message.charset == message.declared_charset == "latin-1":
        for position, line in enumerate(message.layout.lines):
            if not _WINDOWS_CONTROLS.isdisjoint(line):
                explanation = "bytes 0x80 to 0x9F are not text in 8859/1; cp1252 is likelier"
                yield fault("hl7.lenient.charset", message.segments[position].where(), explanation)
                return


def _layout_faults(message: Message) -> Iterator[Fault]:
    if message.layout.rest.strip():
        explanation = f"more than {SEGMENTS_MAX} segments; the rest was not read"
        yield fault("hl7.segments.too_many", f"line[{SEGMENTS_MAX + 1}]", explanation)
    if not _envelope_keys(message.separators.field).isdisjoint(message.keys[1:]):
        yield fault("hl7.header.repeated", "MSH")
    if "" in message.keys:
        for segment, line in zip(message.segments, message.layout.lines, strict=True):
            if not segment.name and line.strip():
                yield fault("hl7.segment.name", segment.where())


@lru_cache(maxsize=64)
def _envelope_keys(field_separator: str) -> frozenset[str]:
    return frozenset(name + field_separator for name in ENVELOPE)


def _layout_notes(message: Message) -> Iterator[Fault]:
    layout, prefix = message.layout, message.raw[: message.start]
    ends = "".join(layout.ends) + layout.rest + message.raw[message.stop :].decode(FALLBACK)
    if "\n" in ends:
        end = uniform_end(ends)
        found = {"\n": "LF", "\r\n": "CRLF"}.get(end, "a mix of ends")
        explanation = f"segments end with {found}; the standard's end is CR"
        yield fault("hl7.lenient.line_ends", "MSH", explanation)
    if isinstance(layout.ends, list) and any("\n" in line for line in layout.lines):
        explanation = "a line feed inside a value was kept there; the standard's is an escape"
        yield fault("hl7.lenient.line_ends", "MSH", explanation)
    if prefix.startswith(BYTE_ORDER_MARK):
        yield fault("hl7.lenient.byte_order_mark", "MSH")
    if b"\x0b" in prefix or ends.strip("\r\n \t"):
        yield fault("hl7.lenient.wrapping", "MSH")


def _escape_findings(segment: Segment, charset: str) -> Iterator[Fault]:
    r"""Yield a note for each field with an escape left as text, and a fault for each `\X00\`."""
    separators = segment.separators
    start = _FIRST_FREE_HEADER_FIELD if segment.name in HEADERS else 1
    for number, text in enumerate(segment.fields[start:], start):
        if separators.escape not in text:
            continue
        flat = text
        for separator in (separators.repetition, separators.component, separators.subcomponent):
            flat = flat.replace(separator, separators.field)
        problems: list[str] = []
        has_nul = False
        for leaf in flat.split(separators.field):
            if separators.escape in leaf:
                problems += escape_problems(leaf, separators, charset)
                has_nul = has_nul or "\0" in unescape(leaf, separators, charset)
        if problems:
            yield fault("hl7.lenient.escape", segment.where(number), problems[0])
        if has_nul:
            yield fault("hl7.character.nul", segment.where(number), "an escaped NUL (X00)")


def _size_faults(segment: Segment, line: str) -> Iterator[Fault]:
    if len(line) <= FIELDS_MAX:
        return
    separators = segment.separators
    for role, limit in _LIMITS.items():
        count = line.count(getattr(separators, role))
        if count > limit:
            explanation = f"{count} {role} separators in one segment; {limit} are read"
            yield fault("hl7.fields.too_many", segment.where(), explanation)
