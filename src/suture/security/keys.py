"""Keys: the key-encryption keys and the index key, each in a 0600 file outside the database.

Made at first start, never overwritten, refused when anyone else could read them. `kek-N.key` wraps data keys (`phi.py`); the
highest N seals, all of them open. `index.key` is the key of surrogates (`model/identity.py`).
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import msgspec

KEY_BYTES = 32
_KEY_FILE = re.compile(r"kek-([1-9][0-9]{0,4})\.key")
_INDEX_FILE = "index.key"


class KeyFileError(Exception):
    """A key file is missing, damaged or readable by others; the message says which and what to do."""


class KeyRing(msgspec.Struct, frozen=True):
    """Every key of one installation, in memory."""

    keks: dict[int, bytes]
    index_key: bytes

    @property
    def current(self) -> int:
        """The number of the key-encryption key that seals."""
        return max(self.keks)


def open_key_ring(directory: Path) -> KeyRing:
    """Load the keys of an installation, making them at its first start. Raises KeyFileError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_others(directory, "directory")
    numbers = sorted(
        int(match[1]) for file in directory.iterdir() if (match := _KEY_FILE.fullmatch(file.name))
    )
    if not numbers and not (directory / _INDEX_FILE).exists():
        _make(directory / "kek-1.key")
        _make(directory / _INDEX_FILE)
        numbers = [1]
    if not numbers:
        raise KeyFileError(
            f"{directory} holds an index key but no kek-N.key: restore the key files from their backup"
        )
    return KeyRing(
        keks={number: _read(directory / f"kek-{number}.key") for number in numbers},
        index_key=_read(directory / _INDEX_FILE),
    )


def _make(path: Path) -> None:
    """Write a new random key; an existing file is never touched."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another worker made it at this moment
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        _refuse_others(path, "file")
        key = path.read_bytes()
    except FileNotFoundError as error:
        raise KeyFileError(f"{path} is missing: restore the key files from their backup") from error
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} is damaged: a key has {KEY_BYTES} bytes, this file {len(key)}")
    return key


def _refuse_others(path: Path, kind: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        wanted = "700" if kind == "directory" else "600"
        raise KeyFileError(
            f"key {kind} {path} is open to others (mode {mode:o}): chmod {wanted} it and replace the keys"
        )
