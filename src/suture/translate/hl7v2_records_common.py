"""The records of a master file message: what an MFN changes, and what its MFK answers for each.

Here: which segments belong to which record (MFE), what kind of thing it is of, its key. Not here:
what the segments say (`hl7v2_mfn.py`), the answer (`hl7v2_reply.py`). HL7 v2 chapter 8, 8.4.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from suture.translate.hl7v2_common import told
from suture.wire.hl7v2 import Message, Segment

_KINDS_BY_SEGMENT = {
    "STF": "provider",
    "PRA": "provider",
    "LOC": "location",
    "LDP": "location",
    "CDM": "charge_item",
    "PRC": "charge_item",
    "ITM": "item",
    "IIM": "item",
}
_KINDS_BY_FILE = {
    "STF": "provider",
    "PRA": "provider",
    "LOC": "location",
    "CDM": "charge_item",
    "INV": "item",
    "ITM": "item",
}
"""MFI-1, HL7 table 0175, for records without a segment of their own (M13)."""
_PLACE_COMPONENTS = 4
"""PL: point of care, room, bed, facility."""


class Record(msgspec.Struct, frozen=True):
    """One MFE with the segments after it."""

    entry: Segment
    segments: tuple[Segment, ...]
    kind: str
    """provider, location, charge_item or item: the first word of its stream; "" for any other."""

    @property
    def key(self) -> str:
        """Return MFE-4: its first component, of a place point of care to facility; "" if absent."""
        return place_key(self.entry, 4) if self.kind == "location" else told(self.entry, 4)

    def first(self, name: str) -> Segment | None:
        """Return the record's first segment of a name, or None."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Segment]:
        """Return the record's segments of a name, in order."""
        return (segment for segment in self.segments if segment.name == name)


def place_key(segment: Segment | None, field: int) -> str:
    """Return a place (PL) as a key, `ICU^12^A^RGH`: as much of it as is told; "" for none."""
    parts = [told(segment, field, number) for number in range(1, _PLACE_COMPONENTS + 1)]
    return "^".join(parts).rstrip("^")


def records(message: Message) -> list[Record]:
    """Return the records of an MFN in order; segments before the first MFE belong to none."""
    file = told(message.first("MFI"), 1)
    found: list[Record] = []
    entry: Segment | None = None
    segments: list[Segment] = []
    for segment in message.segments:
        if segment.name == "MFE":
            if entry is not None:
                found.append(_record(entry, segments, file))
            entry, segments = segment, []
        else:
            segments.append(segment)
    if entry is not None:
        found.append(_record(entry, segments, file))
    return found


def _record(entry: Segment, segments: list[Segment], file: str) -> Record:
    kinds = (_KINDS_BY_SEGMENT.get(segment.name, "") for segment in segments)
    kind = next(filter(None, kinds), "") or _KINDS_BY_FILE.get(file, "")
    return Record(entry, tuple(segments), kind)
