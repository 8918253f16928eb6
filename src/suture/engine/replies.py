"""Replies as they are kept: in clear where they say only codes and numbers, else sealed.

A reply (ACK) repeats its sender's header: applications, facilities, the trigger, and in MSA-2 the
control id (MSH-10), whatever stands there. It is stored because the same message again gets the
same reply (B19). One whose repeated fields are not plain codes is sealed like the message it
answers; those to files and bodies, which may name patients (277CA), are sealed always. The seals
are `security/phi.py`; who answers is `intake.py` and `transmissions.py`.
"""

from __future__ import annotations

import re

from suture.security.keys import KeyRing
from suture.security.phi import open_sealed, seal

_PLAIN = re.compile(
    rb"MSH\|\^~\\&"
    rb"(?:\|[A-Za-z0-9.:^_/-]*){4}"  # MSH-3 to MSH-6, the two systems
    rb"\|[0-9.+-]*\|\|ACK(?:\^[A-Z0-9]{3}\^ACK)?"
    rb"\|[A-Za-z0-9]*\|[A-Z]?(?:\^[A-Z])?\|[0-9.]*"  # our id, MSH-11, MSH-12
    rb"(?:\|{6}(?:8859/[0-9]{1,2}|ASCII|UNICODE(?: UTF-[0-9]{1,2})?))?"  # MSH-18
    rb"\rMSA\|[AC][AER]\|[A-Za-z0-9._:/-]*(?=[|\r]|\Z)"
)
"""Up to MSA-2; what follows (MSA-3, ERR) is ours and holds no value of the message."""
_MARK = b"MSH"
_FILE_MARKS = (b"MSH", b"ISA")


def kept_reply(reply: bytes, *, key_ring: KeyRing, message_id: str) -> bytes:
    """Return a reply as it may be stored."""
    if not reply or _PLAIN.match(reply):
        return reply
    return seal(reply, key_ring=key_ring, context=_context(message_id))


def told_reply(kept: bytes, *, key_ring: KeyRing, message_id: str) -> bytes:
    """Return a stored reply as it was given. Raises SealBrokenError, UnknownKeyError."""
    if not kept or kept.startswith(_MARK):
        return kept
    return open_sealed(kept, key_ring=key_ring, context=_context(message_id))


def kept_file_reply(reply: bytes, *, key_ring: KeyRing, transmission_id: str) -> bytes:
    """Return the reply to a file or body as it may be stored: sealed, for it may name patients."""
    return seal(reply, key_ring=key_ring, context=_context(transmission_id)) if reply else reply


def told_file_reply(kept: bytes, *, key_ring: KeyRing, transmission_id: str) -> bytes:
    """Return a file's stored reply as it was given. Raises SealBrokenError, UnknownKeyError."""
    if not kept or kept.startswith(_FILE_MARKS):
        return kept
    return open_sealed(kept, key_ring=key_ring, context=_context(transmission_id))


def _context(message_id: str) -> bytes:
    """Return what a sealed reply is bound to: its message, and that it is no message itself."""
    return f"{message_id}|reply".encode()
