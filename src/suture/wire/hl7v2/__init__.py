"""HL7 v2 in its wire form (ER7, pipes and hats): messages and batches in, acknowledgements out.

Here: bytes to a syntax tree and back. `batch` cuts a file into messages, `parse` reads one
(`layout` its lines, `segment` its fields, `escape` its values, `charset` and `separators` how to
read them), `edit` replaces values, `audit` reports what is untidy or unsafe, `difference` compares
two messages, `build` and `acknowledge` write (`MSH`, `MSA`, `ERR`), `timestamp` reads `TS` and
`DTM`. Not here: framing (`wire/mllp.py`), what a message means (`translate/hl7v2_*.py`, next).
"""

from suture.wire.hl7v2.acknowledge import acknowledge, is_due, is_enhanced, may_acknowledge
from suture.wire.hl7v2.batch import Batch, Block, Piece, split
from suture.wire.hl7v2.build import Component, Field, Raw, Repeated, build, segment
from suture.wire.hl7v2.charset import likely_charsets, read_charset
from suture.wire.hl7v2.difference import Difference, differences
from suture.wire.hl7v2.edit import edit, is_editable, replace_value
from suture.wire.hl7v2.escape import NULL, escape, unescape
from suture.wire.hl7v2.layout import SEGMENTS_MAX, content_digest
from suture.wire.hl7v2.message import Message, render
from suture.wire.hl7v2.parse import parse, parse_header
from suture.wire.hl7v2.path import Path, Selection, read_path, select
from suture.wire.hl7v2.segment import FIELDS_MAX, Segment
from suture.wire.hl7v2.separators import DEFAULT, Separators
from suture.wire.hl7v2.timestamp import Precision, Timestamp, read_timestamp

__all__ = [
    "DEFAULT",
    "FIELDS_MAX",
    "NULL",
    "SEGMENTS_MAX",
    "Batch",
    "Block",
    "Component",
    "Difference",
    "Field",
    "Message",
    "Path",
    "Piece",
    "Precision",
    "Raw",
    "Repeated",
    "Segment",
    "Selection",
    "Separators",
    "Timestamp",
    "acknowledge",
    "build",
    "content_digest",
    "differences",
    "edit",
    "escape",
    "is_due",
    "is_editable",
    "is_enhanced",
    "likely_charsets",
    "may_acknowledge",
    "parse",
    "parse_header",
    "read_charset",
    "read_path",
    "read_timestamp",
    "render",
    "replace_value",
    "segment",
    "select",
    "split",
    "unescape",
]
