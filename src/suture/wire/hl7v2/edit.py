"""A message with some of its values replaced: what a site's overlay makes of it.

The bytes as received stay with it (`raw`, and what is sealed); what a translation reads is the
edited text. Not here: which values are replaced, and by what (`translate/overlay_hl7v2.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from suture.wire.hl7v2.escape import escape
from suture.wire.hl7v2.layout import NAME_LENGTH
from suture.wire.hl7v2.message import Message
from suture.wire.hl7v2.path import Path
from suture.wire.hl7v2.segment import FIELDS_MAX, FREE_FIELD, HEADERS, Segment
from suture.wire.hl7v2.separators import ABSENT


def is_editable(path: Path) -> bool:
    """Return whether a value may be put at a path: not where the separators are told."""
    return (path.segment not in HEADERS or path.field >= FREE_FIELD) and path.field < FIELDS_MAX


def replace_value(segment: Segment, path: Path, value: str) -> Segment:
    """Return a segment with a value, escaped as it must be, at a path's place in it.

    Unchanged where the message has no separator for such a place.
    """
    separators = segment.separators
    fields = list(segment.fields)
    fields += [""] * (path.field + 1 - len(fields))
    levels = (
        (separators.repetition, path.repetition),
        (separators.component, path.component),
        (separators.subcomponent, path.subcomponent),
    )
    if any(separator == ABSENT and number > 1 for separator, number in levels):
        return segment
    fields[path.field] = _put(fields[path.field], levels, escape(value, separators))
    return msgspec.structs.replace(segment, fields=fields)


def _put(text: str, levels: tuple[tuple[str, int], ...], value: str) -> str:
    """Return a text with a value in the part that the levels' numbers name, other parts kept."""
    if not levels:
        return value
    (separator, number), *below = levels
    parts = text.split(separator)
    parts += [""] * (number - len(parts))
    parts[number - 1] = _put(parts[number - 1], tuple(below), value)
    return separator.join(parts)


def edit(message: Message, segments: Mapping[int, Segment]) -> Message:
    """Return the message with these segments, by position, in the place of its own."""
    lines = list(message.layout.lines)
    for position, segment in segments.items():
        assert segment.name == lines[position][:NAME_LENGTH], "an edit keeps the segment's name"
        lines[position] = segment.render()
    return message.relaid(
        msgspec.structs.replace(message.layout, lines=lines), segments.get(0, message.header)
    )
