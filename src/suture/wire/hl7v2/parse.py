"""From bytes to a `Message`, or to the fault that says why these bytes are no HL7 v2 message.

Here: finding `MSH`, its separators and its character set, and the few things without which nothing
can be routed or acknowledged. Not here: cutting a file into messages (`batch.py`, before), lines
(`layout.py`), values (`segment.py`), what is wrong inside a readable message (`audit.py`).
"""

from __future__ import annotations

from suture.model.fault import Fault, fault
from suture.wire.hl7v2.charset import FALLBACK, read_charset
from suture.wire.hl7v2.escape import NULL
from suture.wire.hl7v2.layout import BYTE_ORDER_MARK, lay_out, unwrap
from suture.wire.hl7v2.message import Message, Reception
from suture.wire.hl7v2.segment import Segment, header_fields
from suture.wire.hl7v2.separators import read_separators

HEADER_LENGTH_MIN = 8
r"""`MSH|^~\&`: the shortest header that names its separators (B13)."""

HEADER_FIELDS_MIN = 12
"""`MSH-12`, the version, is the last required field of every release of the header."""

_CHARSET_FIELD = 18
_RESEMBLANCES = (
    (b"ISA", "it looks like X12"),
    (b"\xff\xfe", "it looks like UTF-16, which MLLP cannot carry"),
    (b"\xfe\xff", "it looks like UTF-16, which MLLP cannot carry"),
    (b"M\0S\0H", "it looks like UTF-16, which MLLP cannot carry"),
    (b"<", "it looks like XML"),
    (b"{", "it looks like JSON"),
    (b"FHS", "it is a batch; cut it first"),
    (b"BHS", "it is a batch; cut it first"),
)


def parse(raw: bytes, *, charset: str = "utf-8") -> Message | Fault:
    """Read one message; a Fault when it cannot be identified, routed or acknowledged as HL7 v2.

    `charset` is the source's default, as a name of HL7 table 0211 or a codec (`utf-8`, `cp1252`);
    `MSH-18` outranks it. Bytes that do not fit are decoded as latin-1, so that nothing is lost, and
    the message carries the fault `hl7.charset.mismatch`. Content problems are in `message.faults`
    and `message.notes`, never raised. Raises ValueError when `charset` is not a known name.
    """
    message = _read(raw, charset)
    if isinstance(message, Fault):
        return message
    fields = message.header.fields
    if len(fields) <= HEADER_FIELDS_MIN:
        explanation = f"MSH ends at MSH-{len(fields) - 1}; MSH-{HEADER_FIELDS_MIN} is required"
        return fault("hl7.header.short", "MSH", explanation)
    if fields[9].partition(message.separators.component)[0] in ("", NULL):
        return fault("hl7.header.type_absent", "MSH-9")
    if fields[10] in ("", NULL):
        return fault("hl7.header.control_id_absent", "MSH-10")
    return message


def parse_header(raw: bytes, *, charset: str = "utf-8") -> Message | None:
    """Read what a refused message has of a usable `MSH`, so that its refusal can name it (B2, B13).

    For `acknowledge` only: the result of a message that `parse` refuses must not be translated.
    """
    message = _read(raw, charset)
    return None if isinstance(message, Fault) else message


def _read(raw: bytes, default_charset: str) -> Message | Fault:
    """Read a message in the charset it declares; only its separators must be usable."""
    default = read_charset(default_charset)
    if default is None:
        message = f"unknown character set: {default_charset!r}"
        raise ValueError(message)
    prefix, body, suffix = unwrap(raw)
    if not body.startswith(b"MSH"):
        return fault("hl7.header.absent", "MSH", _absence(raw))
    has_mark = prefix.startswith(BYTE_ORDER_MARK)
    if has_mark:
        default = "utf-8"
    text, used = _decode(body, default)
    layout = lay_out(text)
    line = layout.lines[0]
    if len(line) < HEADER_LENGTH_MIN:
        explanation = f"MSH has {len(line)} characters; {HEADER_LENGTH_MIN} are the least"
        return fault("hl7.header.short", "MSH", explanation)
    fields = header_fields(line, line[3])
    separators = read_separators(line[3], fields[2])
    if isinstance(separators, Fault):
        return separators
    declared: str | None = default
    if len(fields) > _CHARSET_FIELD and (name := fields[_CHARSET_FIELD]):
        declared = read_charset(name.partition(separators.repetition)[0])
    charset = declared or default
    if text.isascii():
        used = charset
    elif used != charset and not (has_mark and used == "utf-8"):
        # Only now is it known how to read the bytes; the separators are ASCII and stay.
        text, used = _decode(body, charset)
        layout = lay_out(text)
        fields = header_fields(layout.lines[0], line[3])
    reception = Reception(raw, prefix, suffix, used, charset, declared is not None)
    header = Segment("MSH", 1, 0, line, separators, used, fields)
    return Message(reception, layout, header)


def _decode(body: bytes, codec: str) -> tuple[str, str]:
    """Decode with `codec` or, where that does not fit, with the one that always does; say which."""
    try:
        return body.decode(codec), codec
    except UnicodeDecodeError:
        return body.decode(FALLBACK), FALLBACK


def _absence(raw: bytes) -> str:
    """Say what the bytes look like instead of a message."""
    start = raw.lstrip(b"\xef\xbb\xbf\x0b\r\n\t ")[:5]
    if not start:
        return "there is nothing but blanks"
    for opening, resemblance in _RESEMBLANCES:
        if start.startswith(opening):
            return f"no MSH segment at the start; {resemblance}"
    return "no MSH segment at the start"
