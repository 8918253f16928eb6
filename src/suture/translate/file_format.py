"""Which format a file is in, told from its first bytes; and files of which nothing can be read.

Here: an HL7 v2 header (`MSH`, `FHS`, `BHS`), an X12 envelope (`ISA`), FHIR's JSON and bank files
(NACHA, BAI2) told apart, and files that are read whole, up to a limit. A table is never told by its
bytes: its source has a schema. Not here: what they say. Next: `pipeline.read_file`.
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

SNIFFED_BYTES_MAX = 4096
"""What a format is found out from."""


def head_of(chunks: Iterator[bytes]) -> bytes:
    """Return the first bytes of a file, taken off its chunks."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= SNIFFED_BYTES_MAX:
            break
    return head


def detect_format(head: bytes) -> Format:
    """Return the format of a file from its first bytes: JSON, an HL7 header, an X12 envelope."""
    if _OBJECT.match(head):
        return "fhir"
    if _BANK_FILE.match(head):
        return "bank"
    mark = _FORMAT_MARK.search(head)
    if mark is None:
        return "unknown"
    return "hl7v2" if mark["hl7v2"] else "x12"


_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*[\"}]")
"""How a JSON object begins; of those Suture reads FHIR's alone."""

_BANK_FILE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:101[ 0-9][0-9]{9}[ -~]{10}[0-9]{6}[0-9 ]{4}[A-Z0-9 ]094101"
    rb"|01,[^,\r\n]{0,40},[^,\r\n]{0,40},[0-9]{6},[0-9]{0,4},)"
)
"""A NACHA file header (record size 094, blocking 10, format 1), or a BAI2 one."""

_FORMAT_MARK = re.compile(
    rb"(?<![0-9A-Za-z])(?:(?P<hl7v2>MSH|FHS|BHS)[^0-9A-Za-z\s]"
    rb"|ISA[^0-9A-Za-z\s]|GS([^\w\s])[A-Z]{2}\2|ST([^\w\s])[0-9]{3}\3)"
)
"""What comes first: `MSH`, `FHS`, `BHS`, or `ISA` (a fragment: `GS*HP*`, `ST*835*`), as a word."""


_SHOWN: dict[Format, str] = {"hl7v2": "HL7 v2", "fhir": "FHIR", "bank": "bank"}


def read_whole(
    name: Format, head: bytes, rest: Iterator[bytes], whole_bytes_max: int
) -> Generator[Piece, None, bytes | None]:
    """Return all of a file that is read whole; None, after its refusal, where it is too large."""
    whole = bytearray(head)
    for chunk in rest:
        whole += chunk
        if len(whole) > whole_bytes_max:
            explanation = f"{_SHOWN[name]} files are read whole, up to {whole_bytes_max:,} bytes"
            too_large = (fault("file.too_large", "file", explanation),)
            yield from refused(name, too_large, len(whole) + sum(map(len, rest)))
            return None
    return bytes(whole)


def unread(head: bytes, rest: Iterator[bytes]) -> Iterator[Piece]:
    """Tell of a file in no format that is read."""
    size = len(head) + sum(map(len, rest))
    code = "file.format.unknown" if size else "file.empty"
    yield from refused("unknown", (fault(code, "file"),), size)


def refused(name: Format, faults: tuple[Fault, ...], size: int) -> Iterator[Piece]:
    """Tell of a file in which nothing can be read, as one message."""
    unreadable = Translation(
        format=name, type=UNREADABLE_TYPE, control_id="", status="rejected", faults=faults
    )
    yield Begun(recorded_at_ms=0)
    yield Reading(translation=unreadable, offset=0, bytes_count=size)
    yield Closed()
