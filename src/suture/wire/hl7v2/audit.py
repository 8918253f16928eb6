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
from suture.wire.hl7v2.layout import BYTE_ORDER_MARK, SEGMENTS_MAX, Layout, uniform_end
from suture.wire.hl7v2.segment import ENVELOPE, FIELDS_MAX, HEADERS, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suture.wire.hl7v2.message import Message, Reception

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

    This runs for every message: a segment is made only for a line that has something to report.
    """
    reception, layout = message.reception, message.layout
    faults: list[Fault] = []
    notes: list[Fault] = []
    if reception.charset != reception.declared_charset:
        faults.append(_charset_fault(reception))
    if not reception.is_charset_known or not reception.raw.isascii():
        notes += _charset_notes(message)
    if layout.ends != "\r" or reception.prefix or reception.suffix not in (b"", b"\r"):
        notes += _layout_notes(reception, layout)
    if message.separators.is_unusual:
        notes.append(fault("hl7.lenient.separators", "MSH-2"))
    escape = message.separators.escape
    # Every header line has the escape character in MSH-2.
    header_start = len("MSH|") + len(message.separators.encoding_characters)
    has_nul = b"\0" in reception.raw
    lines = layout.lines
    suspects = [
        at
        for at, line in enumerate(lines)
        if escape in line or len(line) > FIELDS_MAX or (has_nul and "\0" in line)
    ]
    for at in suspects:
        line = lines[at]
        segment = message.segments[at]
        if "\0" in line:
            faults.append(fault("hl7.character.nul", segment.where()))
        if oversize := list(_size_faults(segment, line)):
            faults += oversize
        elif at or escape in line[header_start:]:
            for finding in _escape_findings(segment, reception.charset):
                (notes if finding.code.startswith("hl7.lenient.") else faults).append(finding)
    faults += _layout_faults(message)
    return Findings(tuple(faults[:FINDINGS_MAX]), tuple(notes[:FINDINGS_MAX]))


def _charset_fault(reception: Reception) -> Fault:
    suggestion = suggest_charset(reception.raw, reception.declared_charset)
    explanation = f"the bytes are not {reception.declared_charset}"
    if suggestion:
        explanation += f"; treat as {suggestion}, which fits"
    return fault("hl7.charset.mismatch", "MSH-18", explanation)


def _charset_notes(message: Message) -> Iterator[Fault]:
    reception = message.reception
    if not reception.is_charset_known:
        explanation = f"unknown name in MSH-18; read as {reception.declared_charset}"
        yield fault("hl7.lenient.charset", "MSH-18", explanation)
    if reception.charset == reception.declared_charset == "latin-1":
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


def _layout_notes(reception: Reception, layout: Layout) -> Iterator[Fault]:
    ends = "".join(layout.ends) + layout.rest + reception.suffix.decode(FALLBACK)
    if "\n" in ends:
        end = uniform_end(ends)
        found = {"\n": "LF", "\r\n": "CRLF"}.get(end, "a mix of ends")
        explanation = f"segments end with {found}; the standard's end is CR"
        yield fault("hl7.lenient.line_ends", "MSH", explanation)
    if isinstance(layout.ends, list) and any("\n" in line for line in layout.lines):
        explanation = "a line feed inside a value was kept there; the standard's is an escape"
        yield fault("hl7.lenient.line_ends", "MSH", explanation)
    if reception.prefix.startswith(BYTE_ORDER_MARK):
        yield fault("hl7.lenient.byte_order_mark", "MSH")
    if b"\x0b" in reception.prefix or ends.strip("\r\n \t"):
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
