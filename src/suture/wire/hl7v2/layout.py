r"""A message as lines: segments and exactly what stood between them, to be put back together.

Here: segment ends (CR by the standard; LF, CRLF and mixes from the field, B18), blank lines, and
the wrapping that files captured from a socket carry (byte order mark, 0x0B, 0x1C, 0x1A, NUL
padding). Not here: fields (`segment.py`, next); what is reported about an untidy layout
(`audit.py`).
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec

SEGMENTS_MAX = 50_000
"""More segments than this are not cut: the rest stays one piece and the message is held."""

NAME_LENGTH = 3

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LINE_ENDS = b"\r\n"
CONTROL_MAX = 0x1C
"""No byte that may wrap a message is above this one."""

_BEFORE = BYTE_ORDER_MARK + b"\x0b\r\n\t "
_AFTER = b"\x1c\x1a\x00\x0b\r\n"
_AFTER_CONTROLS = (b"\x1c", b"\x1a", b"\x00", b"\x0b")
# In a message that ends its segments with CR, a lone LF is a line break inside a value unless a
# segment, a blank line or the end of the message follows it.
_END = re.compile(
    r"(\r\n|\r|\n(?=[A-Z][A-Z0-9]{2}(?:[^A-Za-z0-9]|\Z)|[\r\n\x0b\x1c]|\Z))", re.ASCII
)


_END_BYTES = re.compile(_END.pattern.replace("(", "(?:", 1).encode(), re.ASCII)


class Layout(msgspec.Struct, frozen=True):
    """The lines of one message, and what stood between them."""

    lines: list[str]
    """One text for each segment, in order, without its end."""
    ends: str | list[str]
    """The one end between all segments, or what followed each segment where they differ."""
    rest: str
    """What lies beyond `SEGMENTS_MAX` segments, "" as a rule."""

    def join(self, lines: list[str]) -> str:
        """Return the text that as many lines as these make up with what stood between them."""
        if isinstance(self.ends, str):
            return self.ends.join(lines) + self.rest
        return "".join(map("".join, zip(lines, self.ends, strict=True))) + self.rest


def unwrap(raw: bytes) -> tuple[int, bytes]:
    """Return where the message starts in bytes as received, and the message without its wrapping.

    After it stand the end of its last segment and, in files captured from a socket, padding.
    """
    body = raw.rstrip(LINE_ENDS)
    if body.endswith(_AFTER_CONTROLS):
        body = body.rstrip(_AFTER)
    if body.startswith(b"MSH"):
        return 0, body
    start = len(body) - len(body.lstrip(_BEFORE))
    return start, body[start:]


def content_digest(raw: bytes) -> bytes:
    """Return the SHA-256 of what a message says: its segments with CR between them, and no more.

    The same message in another file, behind another wrapping or with other line ends (B18) has the
    same digest; a line break inside a value counts.
    """
    _, body = unwrap(raw)
    if b"\n" in body or b"\r\r" in body:
        lines = _END_BYTES.split(body) if b"\r" in body else body.split(b"\n")
        body = b"\r".join(line for line in lines if line.strip())
    return sha256(body).digest()


def uniform_end(text: str) -> str:
    """Return the one segment end a message's text uses, "" when it mixes several."""
    if "\n" not in text:
        return "\r"
    if "\r" not in text:
        return "\n"
    pairs = text.count("\r\n")
    return "\r\n" if pairs == text.count("\r") == text.count("\n") else ""


def first_line(text: str, end: str) -> str:
    """Return a message's first line, its header, without laying out the rest."""
    if not end:
        return lay_out(text).lines[0]
    stop = text.find(end)
    return text[:stop] if stop >= 0 else text


def lay_out(text: str) -> Layout:
    """Cut the text of a message, without its last end, into lines.

    One end throughout is the usual case and the fast one; blank lines and mixed ends take the
    careful way.
    """
    end = uniform_end(text)
    if not end:
        return _lay_out_carefully(_END.split(text, SEGMENTS_MAX))
    lines = text.split(end, SEGMENTS_MAX)
    if "" in lines:
        pieces = [end] * (2 * len(lines) - 1)
        pieces[::2] = lines
        return _lay_out_carefully(pieces)
    rest = end + lines.pop() if len(lines) > SEGMENTS_MAX else ""
    return Layout(lines, end, rest)


def _lay_out_carefully(pieces: list[str]) -> Layout:
    """Join blank lines to the end of the line before them; `pieces` are lines and ends in turn."""
    lines: list[str] = []
    ends: list[str] = []
    end: list[str] = []
    rest = pieces.pop() if len(pieces) > 2 * SEGMENTS_MAX else ""
    for at, piece in enumerate(pieces):
        is_line = at % 2 == 0
        if is_line and (piece.strip() or not lines):
            if lines:
                ends.append("".join(end))
            lines.append(piece)
            end = []
        else:
            end.append(piece)
    ends.append("".join(end))
    return Layout(lines, ends, rest)


def segment_keys(lines: list[str], field_separator: str) -> list[str]:
    """Return name plus field separator (`PID|`) of each line, "" where there is no such start.

    Never more than the name: what else a broken line starts with may be a patient's.
    """
    keys = [line[: NAME_LENGTH + 1] for line in lines]
    if _are_keys(keys, field_separator):
        return keys
    keys = [key + field_separator if len(key) == NAME_LENGTH else key for key in keys]
    return [key if _are_keys([key], field_separator) else "" for key in keys]


def _are_keys(keys: list[str], field_separator: str) -> bool:
    """Tell whether every key is three capital letters or digits and the field separator.

    Done on all of them at once: this runs for every message.
    """
    joined = "".join(keys)
    if len(joined) != len(keys) * (NAME_LENGTH + 1):
        return False
    if joined[NAME_LENGTH :: NAME_LENGTH + 1] != field_separator * len(keys):
        return False
    names = joined.replace(field_separator, "")
    return (
        len(names) == len(keys) * NAME_LENGTH
        and names.isalnum()
        and names.isupper()
        and names.isascii()
    )
