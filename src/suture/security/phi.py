"""Sealed envelopes: AES-256-GCM with one random data key for each message, wrapped by a key-encryption key.

    version 1 | KEK number 2 | wrap nonce 12 | wrapped data key 48 | nonce 12 | ciphertext and tag

The context (a message id, a surrogate) is authenticated with both layers, so rows cannot be swapped. Rotating the
key-encryption key rewraps 48 bytes and never the payload; destroying the wrapped key destroys the message. A file is sealed
in pieces under one data key (`Sealer`): ordinal and last mark are authenticated, so cutting and reordering show.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suture.security.keys import KEY_BYTES, KeyRing

VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD_BYTES = 3
_WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + _TAG_BYTES


class SealBrokenError(Exception):
    """Sealed bytes do not open: damaged, cut, swapped with another row's, or sealed under a key that is not here."""


def seal(plaintext: bytes, *, key_ring: KeyRing, context: bytes) -> bytes:
    """Seal bytes for one context; only `open_sealed` with the same context opens them."""
    head, data_key = _new_envelope(key_ring, context)
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + AESGCM(data_key).encrypt(nonce, plaintext, context)


def open_sealed(sealed: bytes, *, key_ring: KeyRing, context: bytes) -> bytes:
    """Open what `seal` sealed. Raises SealBrokenError."""
    data_key, rest = _open_envelope(sealed, key_ring, context)
    try:
        return AESGCM(data_key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("the sealed bytes do not open") from error


class Sealer:
    """Seals a file piece by piece under one data key; `finish` seals the end, which must not be missing."""

    def __init__(self, key_ring: KeyRing, *, context: bytes) -> None:
        """Make a new data key for one file."""
        self._head, data_key = _new_envelope(key_ring, context)
        self._cipher = AESGCM(data_key)
        self._context = context
        self._ordinal = 0

    def seal(self, chunk: bytes) -> bytes:
        """Seal the next piece."""
        return self._seal(chunk, is_last=False)

    def finish(self) -> bytes:
        """Seal the mark of the end."""
        return self._seal(b"", is_last=True)

    def _seal(self, chunk: bytes, *, is_last: bool) -> bytes:
        nonce, context = _piece(self._ordinal, self._context, is_last=is_last)
        head = b"" if self._ordinal else self._head
        self._ordinal += 1
        return head + self._cipher.encrypt(nonce, chunk, context)


def open_pieces(pieces: Iterable[bytes], *, key_ring: KeyRing, context: bytes) -> Iterator[bytes]:
    """Open the pieces of a file in order.

    Raises SealBrokenError when a piece is damaged, missing or out of place, or when the end is missing.
    """
    cipher: AESGCM | None = None
    waiting: bytes | None = None
    ordinal = 0
    for piece in pieces:
        body = piece
        if cipher is None:
            data_key, body = _open_envelope(piece, key_ring, context)
            cipher = AESGCM(data_key)
        if waiting is not None:
            yield _open_piece(cipher, waiting, ordinal - 1, context, is_last=False)
        waiting = body
        ordinal += 1
    if cipher is None or waiting is None:
        raise SealBrokenError("the file has no pieces")
    _open_piece(cipher, waiting, ordinal - 1, context, is_last=True)


def _open_piece(
    cipher: AESGCM, body: bytes, ordinal: int, context: bytes, *, is_last: bool
) -> bytes:
    nonce, bound = _piece(ordinal, context, is_last=is_last)
    try:
        return cipher.decrypt(nonce, body, bound)
    except InvalidTag as error:
        raise SealBrokenError(f"piece {ordinal} of the file does not open") from error


def _piece(ordinal: int, context: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Return nonce and authenticated context of one piece; the data key is used for this one file only."""
    mark = ordinal.to_bytes(_NONCE_BYTES - 1, "big") + (b"\x01" if is_last else b"\x00")
    return mark, context + mark


def _new_envelope(key_ring: KeyRing, context: bytes) -> tuple[bytes, bytes]:
    data_key = os.urandom(KEY_BYTES)
    nonce = os.urandom(_NONCE_BYTES)
    number = key_ring.current
    wrapped = AESGCM(key_ring.keks[number]).encrypt(nonce, data_key, context)
    return bytes((VERSION,)) + number.to_bytes(2, "big") + nonce + wrapped, data_key


def _open_envelope(sealed: bytes, key_ring: KeyRing, context: bytes) -> tuple[bytes, bytes]:
    number = int.from_bytes(sealed[1:_HEAD_BYTES], "big")
    kek = key_ring.keks.get(number)
    if sealed[:1] != bytes((VERSION,)) or kek is None:
        raise SealBrokenError("sealed in an unknown form or under a key that is not here")
    end = _HEAD_BYTES + _WRAPPED_BYTES
    nonce = sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    try:
        data_key = AESGCM(kek).decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES : end], context)
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("the data key does not open") from error
    return data_key, sealed[end:]
