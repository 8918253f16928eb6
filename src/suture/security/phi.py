"""Sealed envelopes: messages, files and identifiers as the database may hold them. AES-256-GCM.

    whole   version 1 | KEK 2 | wrapped data key 40 | nonce 12 | ciphertext | tag 16
    piece   version 1 | KEK 2 | wrapped data key 40 | nonce: prefix 7, ordinal 4, last 1
            | ciphertext | tag 16

Each message has a data key of its own, and so has each file. It is wrapped with AES key wrap (RFC
3394, NIST SP 800-38F), which draws no nonce: GCM with random nonces would let one key-encryption
key wrap 2^32 data keys (SP 800-38D, 8.3), which is two days at 25,000 messages a second. A rotation
rewraps the data key and leaves the rest. The context (the row's own id and purpose) is
authenticated, so that rows cannot be swapped. The keys are in `keys.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from suture.security.keys import KEY_BYTES, KeyRing

VERSION_WHOLE = 1
VERSION_PIECE = 2
ORDINAL_MAX = 0xFFFF_FFFF

_KEY_HEAD = Struct(">BH40s")
_PLACE = Struct(">IB")
_NONCE_BYTES = 12
_PREFIX_BYTES = _NONCE_BYTES - _PLACE.size
_HEAD_BYTES = _KEY_HEAD.size + _NONCE_BYTES
_TAG_BYTES = 16

OVERHEAD_BYTES = _HEAD_BYTES + _TAG_BYTES
"""How much longer sealed bytes are than what they hold, whole or piece."""


class SealBrokenError(Exception):
    """Sealed bytes are not what was sealed here: damaged, cut, reordered, or another row's."""


def seal(plaintext: bytes, *, key_ring: KeyRing, context: bytes) -> bytes:
    """Return bytes sealed under a data key of their own, for the one place that `context` names.

    The context is the row's identity and purpose, such as a message id; it is not stored, and has
    to be given again.
    """
    chance = os.urandom(KEY_BYTES + _NONCE_BYTES)
    data_key, nonce = chance[:KEY_BYTES], chance[KEY_BYTES:]
    ciphertext = AESGCM(data_key).encrypt(nonce, plaintext, _bound(VERSION_WHOLE, context))
    return _key_head(VERSION_WHOLE, key_ring, data_key) + nonce + ciphertext


def open_sealed(sealed: bytes, *, key_ring: KeyRing, context: bytes) -> bytes:
    """Return what `seal` was given under this context. Raises SealBrokenError, UnknownKeyError."""
    cipher = AESGCM(_data_key(VERSION_WHOLE, sealed, key_ring))
    return _cleartext(cipher, sealed, _bound(VERSION_WHOLE, context))


class Sealer:
    """Seals a large file piece by piece, under one data key, as it comes in.

    Each piece says in its nonce which one it is, from 0, and whether it is the last (the STREAM of
    Hoang, Reyhanitabar, Rogaway and Vizár, 2015): a file with a piece left out, moved or cut off
    cannot pass for the whole.
    """

    __slots__ = ("_bound", "_cipher", "_finished", "_head", "_ordinal")

    def __init__(self, key_ring: KeyRing, *, context: bytes) -> None:
        """Draw the file's data key; the context names the file, as in `seal`."""
        data_key = os.urandom(KEY_BYTES)
        self._cipher = AESGCM(data_key)
        self._head = _key_head(VERSION_PIECE, key_ring, data_key) + os.urandom(_PREFIX_BYTES)
        self._bound = _bound(VERSION_PIECE, context)
        self._ordinal = 0
        self._finished = False

    def seal(self, piece: bytes) -> bytes:
        """Return the next piece sealed. Raises ValueError after the end, and beyond 2^32 pieces."""
        return self._seal(piece, last=False)

    def finish(self, piece: bytes = b"") -> bytes:
        """Return the last piece sealed: without it the file will not open as a whole."""
        return self._seal(piece, last=True)

    def _seal(self, piece: bytes, *, last: bool) -> bytes:
        if self._finished or self._ordinal > ORDINAL_MAX:
            raise ValueError("the last piece of this file was sealed already")
        head = self._head + _PLACE.pack(self._ordinal, last)
        self._ordinal += 1
        self._finished = last
        return head + self._cipher.encrypt(head[_KEY_HEAD.size :], piece, self._bound)


class OpenedPiece(NamedTuple):
    """One piece of a file, with its place in it."""

    ordinal: int
    last: bool
    content: bytes


def open_piece(sealed: bytes, *, key_ring: KeyRing, context: bytes) -> OpenedPiece:
    """Open one piece by itself, to read a span of a large file.

    The caller compares the ordinal with the one it asked for; that a file is whole is shown by
    `open_pieces` alone. Raises SealBrokenError, UnknownKeyError.
    """
    cipher = AESGCM(_data_key(VERSION_PIECE, sealed, key_ring))
    return _opened(cipher, sealed, context)


def open_pieces(pieces: Iterable[bytes], *, key_ring: KeyRing, context: bytes) -> Iterator[bytes]:
    """Yield the content of each piece of one whole file, in order.

    What was yielded is genuine; that it is the whole is certain when the iteration ends. Raises
    SealBrokenError at the first piece that is out of place or of another sealing, and at the end
    when the last piece is missing. Raises UnknownKeyError.
    """
    cipher: AESGCM | None = None
    same_in_all = b""
    finished = False
    for ordinal, sealed in enumerate(pieces):
        if cipher is None:
            cipher = AESGCM(_data_key(VERSION_PIECE, sealed, key_ring))
            same_in_all = sealed[: _KEY_HEAD.size + _PREFIX_BYTES]
        if finished or not sealed.startswith(same_in_all):
            raise SealBrokenError(f"piece {ordinal} belongs to another file or another sealing")
        opened = _opened(cipher, sealed, context)
        if opened.ordinal != ordinal:
            raise SealBrokenError(f"piece {opened.ordinal} stands in the place of piece {ordinal}")
        finished = opened.last
        yield opened.content
    if not finished:
        raise SealBrokenError("the file is cut short: its last piece is missing")


def name_context(transmission_id: str) -> bytes:
    """Return what the sealed name of a file is bound to."""
    return f"{transmission_id}|name".encode()


def _key_head(version: int, key_ring: KeyRing, data_key: bytes) -> bytes:
    number = key_ring.current
    return _KEY_HEAD.pack(version, number, aes_key_wrap(key_ring.kek(number), data_key))


def _data_key(version_wanted: int, sealed: bytes, key_ring: KeyRing) -> bytes:
    if len(sealed) < OVERHEAD_BYTES:
        raise SealBrokenError("too short for sealed bytes")
    version, number, wrapped = _KEY_HEAD.unpack_from(sealed)
    if version != version_wanted:
        raise SealBrokenError(f"sealed bytes of version {version}; {version_wanted} was expected")
    try:
        return aes_key_unwrap(key_ring.kek(number), wrapped)
    except InvalidUnwrap:
        raise SealBrokenError("the data key does not unwrap") from None


def _opened(cipher: AESGCM, sealed: bytes, context: bytes) -> OpenedPiece:
    content = _cleartext(cipher, sealed, _bound(VERSION_PIECE, context))
    ordinal, last = _PLACE.unpack_from(sealed, _HEAD_BYTES - _PLACE.size)
    return OpenedPiece(ordinal, bool(last), content)


def _cleartext(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    nonce, ciphertext = sealed[_KEY_HEAD.size : _HEAD_BYTES], sealed[_HEAD_BYTES:]
    try:
        return cipher.decrypt(nonce, ciphertext, bound)
    except (InvalidTag, ValueError):
        raise SealBrokenError("the content does not match its seal or its place") from None


def _bound(version: int, context: bytes) -> bytes:
    """Return what is authenticated beside the content: the version, and the place it is for."""
    return b"suture.phi.%d\0" % version + context
