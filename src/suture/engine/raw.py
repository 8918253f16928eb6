"""Raw bytes, opened again: what a message or a file was when it came in, byte for byte.

For whoever may see them, and to be read again (`reprocess.py`). A message that came by itself is
sealed by itself; one that came in a file is a span of it, and only the pieces that hold the span
are opened. They were sealed in `intake.py` and `file_intake.py`; the seals are `security/phi.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from struct import Struct
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec

from suture.security.keys import KeyRing
from suture.security.phi import (
    OVERHEAD_BYTES,
    SealBrokenError,
    open_piece,
    open_pieces,
    open_sealed,
)
from suture.store.database import Database
from suture.store.lineage import SealedBytes, read_file_pieces, read_pieces, read_sealed

PIECES_AT_ONCE = 4
"""Of a file, fetched together."""
BEGINNING_BYTES = 512
"""Of an interchange: its ISA, its GS and what follows."""
_LENGTH = Struct(">I")


async def open_message(
    database: Database, key_ring: KeyRing, message_id: str, *, bytes_max: int | None = None
) -> bytes | None:
    """Return the bytes of a message as they came, or None when there is no such message.

    With `bytes_max` no more than its beginning. What stands for a whole interchange has no bytes of
    its own, and shows how that begins. Raises SealBrokenError when they are not what was stored,
    UnknownKeyError without their key.
    """
    found = await read_sealed(database, message_id)
    if found is None:
        return None
    if found.sealed is not None:
        whole = open_sealed(found.sealed, key_ring=key_ring, context=message_id.encode())
        return whole[:bytes_max]
    bytes_count = found.bytes_count
    if not bytes_count:
        bytes_count = min(BEGINNING_BYTES, found.file_bytes_count - found.bytes_offset)
    if bytes_max is not None:
        bytes_count = min(bytes_count, bytes_max)
    span = msgspec.structs.replace(found, bytes_count=bytes_count)
    return await _open_span(database, key_ring, span)


async def _open_span(database: Database, key_ring: KeyRing, span: SealedBytes) -> bytes:
    context = span.transmission_id.encode()
    content = bytearray()
    starts_at = 0
    for piece in await read_pieces(database, span, overhead_bytes=OVERHEAD_BYTES):
        opened = open_piece(piece.sealed, key_ring=key_ring, context=context)
        if opened.ordinal != piece.ordinal - 1:
            raise SealBrokenError(f"piece {opened.ordinal} stands where piece {piece.ordinal} does")
        starts_at = starts_at if content else piece.starts_at
        content += opened.content
    begin = span.bytes_offset - starts_at
    raw = bytes(content[begin : begin + span.bytes_count])
    if len(raw) != span.bytes_count:
        raise SealBrokenError("pieces of the file are missing")
    return raw


class OpenedFile:
    """A file that can be read from its start as often as need be; made by `opened_file`."""

    def __init__(self, spool: BinaryIO, key_ring: KeyRing, transmission_id: str) -> None:
        """Take the sealed pieces, one after the other with their lengths."""
        self._spool = spool
        self._key_ring = key_ring
        self._context = transmission_id.encode()

    def chunks(self) -> Iterator[bytes]:
        """Yield the file in the pieces it came in. Raises SealBrokenError, UnknownKeyError."""
        return open_pieces(self._sealed(), key_ring=self._key_ring, context=self._context)

    def _sealed(self) -> Iterator[bytes]:
        self._spool.seek(0)
        while head := self._spool.read(_LENGTH.size):
            yield self._spool.read(_LENGTH.unpack(head)[0])


@asynccontextmanager
async def opened_file(
    database: Database, key_ring: KeyRing, transmission_id: str
) -> AsyncIterator[OpenedFile]:
    """Fetch a file out of the store, to be read in flat memory whatever its size.

    Its pieces wait in a temporary file without a name, sealed as they are in the store: what is in
    clear is only ever in memory.
    """
    with TemporaryFile(prefix="suture-") as spool:
        ordinal = 0
        while pieces := await read_file_pieces(
            database, transmission_id, after=ordinal, pieces_max=PIECES_AT_ONCE
        ):
            for piece in pieces:
                spool.write(_LENGTH.pack(len(piece.sealed)))
                spool.write(piece.sealed)
            ordinal = pieces[-1].ordinal
        yield OpenedFile(spool, key_ring, transmission_id)
