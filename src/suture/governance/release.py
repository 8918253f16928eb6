"""Releases: an estate's content, addressed by what it says.

The same files give the same id on every machine, so a release can be named in an entry, compared
with the folder it came from, and replayed years later. The packed form is what
`store/releases.py` keeps; what the files mean is `estate.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec

_ID_DIGITS = 20
"""80 bits: enough that no two contents of one installation ever share an id."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[str, bytes])


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the files as one blob; the same files in any order give the same bytes."""
    return _encoder.encode(dict(sorted(files.items())))


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the files that `pack` was given.

    Raises msgspec.DecodeError for bytes that `pack` never made: the store is damaged.
    """
    return _decoder.decode(content)


def release_id(files: Mapping[str, bytes]) -> str:
    """Return the address of these files: `rel_` and hex digits of the SHA-256 of their pack."""
    return f"rel_{sha256(pack(files)).hexdigest()[:_ID_DIGITS]}"
