"""Where two HL7 v2 messages differ, by path and without a value (B20).

For whoever must judge a control id that was used twice. Here: which segments and fields differ.
Not here: what stands there (`Difference.value_in`, for whoever may see it), and whether two
messages say the same (`layout.content_digest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal

import msgspec

from suture.wire.hl7v2.message import Message
from suture.wire.hl7v2.segment import Segment

DIFFERENCES_MAX = 50
"""Told of two messages; that there are more is told too."""

Change = Literal["changed", "added", "removed"]
"""Of a place in the later message, against the earlier one."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs, or a segment that only one of the two has."""

    path: str
    """`PID-5`, `FT1[2]-11`; `NTE[3]` for a whole segment; `line[7]` for a line that is none."""
    change: Change
    segment: str
    ordinal: int
    field: int | None = None

    def value_in(self, message: Message) -> str:
        """Return what stands at the place as received; a patient's, perhaps. "" where nothing is.

        Of the two messages that were compared, that is.
        """
        found = [
            each
            for each in message.segments
            if (each.name, each.ordinal) == (self.segment, self.ordinal)
        ]
        if not found:
            return ""
        return found[0].render() if self.field is None else found[0].text(self.field)


def differences(
    earlier: Message, later: Message, *, differences_max: int = DIFFERENCES_MAX
) -> tuple[tuple[Difference, ...], bool]:
    """Return where the later message differs from the earlier, and whether there is more of it.

    Segments are matched by their name and their place among those of that name: as many FT1 in
    another order differ, for the order is content.
    """
    found = tuple(islice(_differences(earlier, later), differences_max + 1))
    return found[:differences_max], len(found) > differences_max


def _differences(earlier: Message, later: Message) -> Iterator[Difference]:
    before = {(each.name, each.ordinal): each for each in earlier.segments}
    after = {(each.name, each.ordinal): each for each in later.segments}
    for key, segment in after.items():
        other = before.get(key)
        if other is None:
            yield _of(segment, "added")
        elif segment.fields != other.fields:
            yield from _fields(other, segment)
    yield from (_of(segment, "removed") for key, segment in before.items() if key not in after)


def _fields(earlier: Segment, later: Segment) -> Iterator[Difference]:
    if not later.name:
        yield _of(later, "changed")
        return
    for field in range(1, max(len(earlier.fields), len(later.fields))):
        before, after = earlier.text(field), later.text(field)
        if before != after:
            change: Change = "changed" if before and after else "added" if after else "removed"
            yield _of(later, change, field)


def _of(segment: Segment, change: Change, field: int | None = None) -> Difference:
    return Difference(
        path=segment.where(field),
        change=change,
        segment=segment.name,
        ordinal=segment.ordinal,
        field=field,
    )
