"""Names that somebody else gave to files, made safe to show and to store (bad input B61)."""

from __future__ import annotations

import unicodedata

NAME_BYTES_MAX = 160
"""With an id before it a name stays below the 255 bytes that file systems take."""


def safe_name(name: str) -> str:
    """Return a file name that is safe to show and to store.

    Printable, without direction marks and separators, and bounded in bytes: its end, which says
    what it is (B61).
    """
    kept = "".join(
        character
        for character in name.encode("utf-8", "replace").decode("utf-8")
        if unicodedata.category(character)[0] != "C" and character not in "/\\"
    )
    while len(kept.encode()) > NAME_BYTES_MAX:
        kept = kept[1:]
    return kept or "unnamed"
