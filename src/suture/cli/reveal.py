"""`suture trace ID --raw --reason TEXT`: the bytes of one message, for whoever may see them.

They name a patient. So whoever looks says why, who looked is noted for ever before anything is
shown, and it works only where the keys are. Control characters are shown as their pictures, so that
a stray line feed or NUL (B13 to B18) can be seen; HL7 one segment a line, X12 too.
"""

from __future__ import annotations

import asyncio
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec

from suture.app import existing_installation, visited_store
from suture.cli.ending import FOUND, WELL, UsageError
from suture.cli.person import this_person
from suture.cli.screen import count, line, open_console, plain, print_json
from suture.engine.raw import open_message
from suture.model.identity import Tokenizer
from suture.store.acts import Person, append_acts
from suture.store.lineage import find_messages_of
from suture.translate.hl7v2_common import shown_control_id
from suture.wire.hl7v2.charset import read_charset

BYTES_SHOWN_MAX = 256 * 1024
"""At a terminal; `--json` gives the whole."""
LINE_BYTES_MAX = 64 * 1024

_LINE_ENDS = rb"\r\n|\r|\n"
_CONTROL_PICTURES = 0x2400
_DELETE, _DELETE_PICTURE = 0x7F, "␡"
_SET_BYTES_MIN = 4


class Revealed(msgspec.Struct, frozen=True, kw_only=True):
    """A message opened."""

    message_id: str
    raw: bytes
    is_whole: bool


def run(targets: list[str], *, reason: str, charset: str, home: Path | None, as_json: bool) -> int:
    """Show the raw bytes of one message; 1 when what was named leads to none, or to several."""
    if not reason.strip():
        raise UsageError("--raw shows a patient's data: say why with --reason; it is kept for ever")
    if len(targets) != 1:
        raise UsageError("--raw shows one message at a time: name one id")
    codec = _codec(charset)
    bytes_max = None if as_json else BYTES_SHOWN_MAX
    revealed = asyncio.run(_reveal(targets[0], this_person(reason), home, bytes_max))
    if isinstance(revealed, list):
        return _print_none(targets[0], revealed, as_json=as_json)
    if as_json:
        print_json(
            {"message_id": revealed.message_id, "raw_base64": b64encode(revealed.raw).decode()}
        )
        return WELL
    for each in lines_of(revealed.raw):
        sys.stdout.write(visible(each, codec) + "\n")
    if not revealed.is_whole:
        open_console().print("That is only its beginning: --json gives the whole, in base64.")
    return WELL


def _codec(charset: str) -> str:
    """Return the codec of a character set, named as in `MSH-18`, as in an estate or as a codec."""
    known = read_charset(charset)
    if known is not None:
        return known
    try:
        b"?".decode(charset, "replace")
    except LookupError as error:
        raise UsageError(f"--charset: no character set is called {plain(charset)}") from error
    return charset


async def _reveal(
    target: str, person: Person, home: Path | None, bytes_max: int | None
) -> Revealed | list[str]:
    """Open a message and note who looks; or return the messages it could have been, if not one."""
    installation = existing_installation(home)
    async with visited_store(installation) as database:
        key_ring = await installation.existing_key_ring(database)
        named = shown_control_id(target, Tokenizer(key_ring.index_key))
        found = await find_messages_of(database, named)
        if len(found) != 1:
            return found
        (message_id,) = found
        limit = None if bytes_max is None else bytes_max + 1
        raw = await open_message(database, key_ring, message_id, bytes_max=limit)
        if raw is None:
            return []
        await append_acts(database, "revealed", [message_id], person)
        return Revealed(
            message_id=message_id, raw=raw[:bytes_max], is_whole=len(raw) == len(raw[:bytes_max])
        )


def _print_none(target: str, found: list[str], *, as_json: bool) -> int:
    if as_json:
        print_json({"asked": target, "found": False, "message_ids": found})
        return FOUND
    console = open_console()
    if found:
        shown = f"{plain(target)} leads to {count(len(found), 'message')}: name one of them"
        console.print(line(("Nothing shown: ", "bold yellow"), shown))
        for each in found:
            console.print(line(each, indent=2))
    else:
        why = f"no message here belongs to {plain(target)}."
        console.print(line(("Nothing shown: ", "bold yellow"), why))
    return FOUND


def lines_of(raw: bytes) -> Iterator[bytes]:
    """Cut bytes into lines for reading: a segment of HL7 v2 or of X12 is one.

    Each keeps its end. What never ends is cut into bounded pieces all the same.
    """
    terminator = _x12_terminator(raw)
    ends = _LINE_ENDS if not terminator else re.escape(terminator) + rb"[\r\n]*|" + _LINE_ENDS
    start = 0
    for end in re.finditer(ends, raw):
        yield from _pieces(raw[start : end.end()])
        start = end.end()
    yield from _pieces(raw[start:])


def _pieces(whole: bytes) -> Iterator[bytes]:
    for start in range(0, len(whole), LINE_BYTES_MAX):
        yield whole[start : start + LINE_BYTES_MAX]


def _x12_terminator(raw: bytes) -> bytes:
    """Return what ends the segments of a transaction set or interchange; empty for other bytes.

    An ISA is of fixed length; a set (ST to SE) has its terminator right before its SE.
    """
    if raw.startswith(b"ISA") and len(raw) > 105:
        return raw[105:106]
    if raw.startswith(b"ST") and len(raw) >= _SET_BYTES_MIN:
        end = raw.rfind(b"SE" + raw[2:3])
        return raw[:end].rstrip(b"\r\n")[-1:] if end > 0 else b""
    return b""


def visible(raw: bytes, charset: str) -> str:
    r"""Return bytes as text that is safe to show, each control character as its picture.

    What the character set does not know is shown as `\xe9`, and what would turn or hide the text
    around it (direction marks, for one) as its code point.
    """
    text = raw.decode(charset, "backslashreplace")
    return "".join(map(_pictured, text))


def _pictured(letter: str) -> str:
    point = ord(letter)
    if point < ord(" "):
        return chr(_CONTROL_PICTURES + point)
    if point == _DELETE:
        return _DELETE_PICTURE
    return letter if letter.isprintable() else f"\\u{point:04x}"
