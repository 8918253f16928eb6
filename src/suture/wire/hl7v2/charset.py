"""Character sets: from the name in `MSH-18` to a codec, and what to try when it does not fit (B17).

Here: HL7 table 0211 as `charsets.csv`, with the spellings seen in the field. Only codecs that map
every byte string they accept to one text and back are listed, so that a message can always be
rendered byte for byte. Not here: reading `MSH-18` itself (`parse.py`, next).
"""

from __future__ import annotations

import csv
from functools import cache, lru_cache
from importlib import resources

FALLBACK = "latin-1"
"""Decodes any byte to some character: a message with the wrong charset can still be routed."""

NAME_LENGTH_MAX = 40

_SUGGESTIONS = ("utf-8", "cp1252")
_LIKELY = (*_SUGGESTIONS, "iso8859-15", "iso8859-2", "iso8859-9", "iso8859-5", "iso8859-7")
_CONTROLS = frozenset(map(chr, range(0x80, 0xA0)))
"""What no sender means: text full of them was read in the wrong character set."""


@cache
def charset_names() -> dict[str, str]:
    """Return the codec for every known character set name (upper case) and for itself."""
    text = resources.files(__package__).joinpath("charsets.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {row["codec"]: row["codec"] for row in rows} | {
        row["name"]: row["codec"] for row in rows
    }


@lru_cache(maxsize=256)
def read_charset(name: str) -> str | None:
    """Return the codec for a name of `MSH-18` or of a source's settings, None if unknown."""
    names = charset_names()
    codec = names.get(name)
    if codec is None and len(name) <= NAME_LENGTH_MAX:
        codec = names.get(name.strip().upper())
    return codec


def suggest_charset(raw: bytes, declared: str) -> str | None:
    """Return the codec the sender likely used when `declared` does not fit, None when none fits.

    UTF-8 first: text in another character set is hardly ever valid UTF-8 by accident.
    """
    for codec in _SUGGESTIONS:
        if codec != declared and _fits(raw, codec):
            return codec
    return None


def likely_charsets(raw: bytes) -> tuple[str, ...]:
    """Return the codecs that bytes may have been written in, the likeliest first (B17).

    One of each that read them alike, and none that makes control characters of them.
    """
    found: dict[str, str] = {}
    for codec in _LIKELY:
        if _fits(raw, codec):
            text = raw.decode(codec)
            if text not in found.values() and _CONTROLS.isdisjoint(text):
                found[codec] = text
    return tuple(found)


def _fits(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
