r"""HL7 v2 in its wire form (pipes and hats, ER7): messages and batches in, messages and acknowledgements out.

Here: bytes to a syntax tree and back. `batch` cuts a file into messages, `parse` reads one (`layout` its lines,
`segment` its fields, `escape` its values, `charset` and `separators` how to read them), `audit` reports what is
untidy or unsafe, `acknowledge` and `build` write (`MSA`, `ERR`, `MSH`), `timestamp` reads TS and DTM. Not here:
framing (`wire/mllp.py`), what a message means (`translate/hl7v2_*.py`, next).
"""

from suture.wire.hl7v2.escape import NULL, escape, unescape
from suture.wire.hl7v2.message import Message, render
from suture.wire.hl7v2.parse import parse, parse_header
from suture.wire.hl7v2.segment import FIELDS_MAX, Path, Segment, read_path
