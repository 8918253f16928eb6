"""Raw bytes, opened again: what a message was when it came in, byte for byte.

For whoever may see them. A message that came by itself is sealed by itself; one that came in a file
is a span of it, and only the pieces that hold the span are opened. They were sealed in `intake.py`
and `file_intake.py`; the seals are `security/phi.py`.
"""

from __future__ import annotations

from suture.security.keys import KeyRing
from suture.security.phi import OVERHEAD_BYTES, SealBrokenError, open_piece, open_sealed
from suture.store.database import Database
from suture.store.lineage import read_pieces, read_sealed


async def open_message(database: Database, key_ring: KeyRing, message_id: str) -> bytes | None:
    """Return the bytes of a message as they came, or None when there is no such message.

    Raises SealBrokenError when they are not what was stored, UnknownKeyError without their key.
    """
    found = await read_sealed(database, message_id)
    if found is None:
        return None
    if found.sealed is not None:
        return open_sealed(found.sealed, key_ring=key_ring, context=message_id.encode())
    context = found.transmission_id.encode()
    content = bytearray()
    starts_at = 0
    for piece in await read_pieces(database, found, overhead_bytes=OVERHEAD_BYTES):
        opened = open_piece(piece.sealed, key_ring=key_ring, context=context)
        if opened.ordinal != piece.ordinal - 1:
            raise SealBrokenError(f"piece {opened.ordinal} stands where piece {piece.ordinal} does")
        starts_at = starts_at if content else piece.starts_at
        content += opened.content
    begin = found.bytes_offset - starts_at
    raw = bytes(content[begin : begin + found.bytes_count])
    if len(raw) != found.bytes_count:
        raise SealBrokenError("pieces of the file are missing")
    return raw
