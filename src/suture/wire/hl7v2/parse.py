"""From bytes to a `Message`, or to the fault that says why these bytes are no HL7 v2 message.

Here: finding `MSH`, its separators and its character set, and the few things without which nothing
can be routed or acknowledged. Not here: cutting a file into messages (`batch.py`, before), lines
(`layout.py`), values (`segment.py`), what is wrong inside a readable message (`audit.py`).
"""

from __future__ import annotations

from functools import lru_cache

from suture.model.fault import Fault, fault
from suture.wire.hl7v2.charset import FALLBACK, read_charset
from suture.wire.hl7v2.escape import NULL
from suture.wire.hl7v2.layout import (
    BYTE_ORDER_MARK,
    CONTROL_MAX,
    LINE_ENDS,
    first_line,
    uniform_end,
    unwrap,
)
from suture.wire.hl7v2.message import HEADER, Message
from suture.wire.hl7v2.segment import Segment, cut_line
from suture.wire.hl7v2.separators import read_separators

HEADER_LENGTH_MIN = 8
r"""`MSH|^~\&`: the shortest header that names its separators (B13)."""

HEADER_FIELDS_MIN = 12
"""`MSH-12`, the version, is the last required field of every release of the header."""

_CHARSET_FIELD = 18
_NOTHING = ("", NULL)
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
    message_type, control_id = fields[9], fields[10]
    if not message_type or message_type.partition(message.separators.component)[0] in _NOTHING:
        return fault("hl7.header.type_absent", "MSH-9")
    if control_id in _NOTHING:
        return fault("hl7.header.control_id_absent", "MSH-10")
    return message


def parse_header(raw: bytes, *, charset: str = "utf-8") -> Message | None:
    """Read what a refused message has of a usable `MSH`, so that its refusal can name it (B2, B13).

    For `acknowledge` only: the result of a message that `parse` refuses must not be translated.
    """
    message = _read(raw, charset)
    return None if isinstance(message, Fault) else message


def _read(raw: bytes, default_charset: str) -> Message | Fault:
    """Read a message in the charset it declares; only its separators must be usable.

    No more is cut than the header: the rest may never be asked for.
    """
    default = read_charset(default_charset)
    if default is None:
        told = f"unknown character set: {default_charset!r}"
        raise ValueError(told)
    start, body = 0, raw.rstrip(LINE_ENDS)
    if not body.startswith(b"MSH") or body[-1] <= CONTROL_MAX:
        start, body = unwrap(raw)
        if not body.startswith(b"MSH"):
            return fault("hl7.header.absent", "MSH", _absence(raw))
        if raw.startswith(BYTE_ORDER_MARK):
            default = "utf-8"
    text, used = _decode(body, default)
    end = uniform_end(text) if "\n" in text else "\r"
    line = first_line(text, end)
    if len(line) < HEADER_LENGTH_MIN:
        explanation = f"MSH has {len(line)} characters; {HEADER_LENGTH_MIN} are the least"
        return fault("hl7.header.short", "MSH", explanation)
    fields = cut_line(HEADER, line, line[3])
    separators = read_separators(line[3], fields[2])
    if isinstance(separators, Fault):
        return separators
    declared: str | None = default
    if len(fields) > _CHARSET_FIELD and fields[_CHARSET_FIELD]:
        declared = _declared(fields[_CHARSET_FIELD], separators.repetition)
    charset = declared or default
    if text.isascii():
        used = charset
    elif used != charset and not (used == "utf-8" and raw.startswith(BYTE_ORDER_MARK)):
        # Only now is it known how to read the bytes; the separators are ASCII and stay.
        text, used = _decode(body, charset)
        end = uniform_end(text)
        fields = cut_line(HEADER, first_line(text, end), line[3])
    header = Segment(HEADER, 1, 0, separators, used, fields)
    is_known = declared is not None
    stop = start + len(body)
    return Message(raw, start, stop, text, end, used, charset, is_known, separators, header)


@lru_cache(maxsize=256)
def _declared(name: str, repetition: str) -> str | None:
    """Return the codec of the first name in `MSH-18`."""
    return read_charset(name.partition(repetition)[0])


def _decode(body: bytes, codec: str) -> tuple[str, str]:
    """Decode with `codec` or, where that does not fit, with the one that always does; say which."""
    if codec != "utf-8" and body.isascii():
        return body.decode(), codec  # quicker, and every codec we know agrees on ASCII
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
