"""Which format a file is in, told from its first bytes; and files of which nothing can be read.

Here: an HL7 v2 header (`MSH`, `FHS`, `BHS`), an X12 envelope (`ISA`) and FHIR's JSON told apart,
and files that are read whole, up to a limit. Not here: what they say. Next: `pipeline.read_file`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from suture.model.fault import Fault, fault
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Closed,
    Format,
    Piece,
    Reading,
    Translation,
)


def detect_format(head: bytes) -> Format:
    """Return the format of a file from its first bytes: JSON, an HL7 header, an X12 envelope."""
    if _OBJECT.match(head):
        return "fhir"
    mark = _FORMAT_MARK.search(head)
    if mark is None:
        return "unknown"
    return "hl7v2" if mark["hl7v2"] else "x12"


_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*[\"}]")
"""How a JSON object begins; of those Suture reads FHIR's alone."""

_FORMAT_MARK = re.compile(
    rb"(?<![0-9A-Za-z])(?:(?P<hl7v2>MSH|FHS|BHS)[^0-9A-Za-z\s]"
    rb"|ISA[^0-9A-Za-z\s]|GS([^\w\s])[A-Z]{2}\2|ST([^\w\s])[0-9]{3}\3)"
)
"""What comes first: `MSH`, `FHS`, `BHS`, or `ISA` (a fragment: `GS*HP*`, `ST*835*`), as a word."""


def read_whole(
    name: Format, head: bytes, rest: Iterator[bytes], whole_bytes_max: int
) -> Generator[Piece, None, bytes | None]:
    """Return all of a file that is read whole; None, after its refusal, where it is too large."""
    whole = bytearray(head)
    for chunk in rest:
        whole += chunk
        if len(whole) > whole_bytes_max:
            shown = "FHIR" if name == "fhir" else "HL7 v2"
            explanation = f"{shown} files are read whole, up to {whole_bytes_max:,} bytes"
            too_large = (fault("file.too_large", "file", explanation),)
            yield from refused(name, too_large, len(whole) + sum(map(len, rest)))
            return None
    return bytes(whole)


def refused(name: Format, faults: tuple[Fault, ...], size: int) -> Iterator[Piece]:
    """Tell of a file in which nothing can be read, as one message."""
    unreadable = Translation(
        format=name, type=UNREADABLE_TYPE, control_id="", status="rejected", faults=faults
    )
    yield Begun(recorded_at_ms=0)
    yield Reading(translation=unreadable, offset=0, bytes_count=size)
    yield Closed()
