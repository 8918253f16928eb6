"""The key directory: key-encryption keys and the index key, made at first start, never printed.

    <directory>/       0700
        kek-1.key      0600, 32 random bytes; the highest number seals, all of them open
        index.key      0600, 32 random bytes; the key of the surrogates (`model/identity.py`)

Whoever loses this directory loses every sealed message; whoever copies it and the database can read
them. It is backed up apart from the database, which keeps only fingerprints of the keys, so that no
other keys are ever taken for its own (`engine/shared_keys.py`). What is sealed with them is in
`phi.py`.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

KEYS_FOLDER = "keys"
"""Of an installation's home: its key directory."""
KEY_BYTES = 32
KEK_ID_MAX = 0xFFFF
"""An envelope names its key-encryption key in two bytes."""

_INDEX_NAME = "index.key"
_FINGERPRINT_BYTES = 16
_KEK_NAME = re.compile(r"kek-([1-9][0-9]{0,4})\.key")


class KeyFileError(Exception):
    """The key directory cannot be used: what, why, and what to do next; never a key."""


class UnknownKeyError(KeyFileError):
    """Bytes were sealed under a key-encryption key that the key directory does not hold."""


class KeyRing:
    """The keys of one installation, read once, passed to whoever seals, opens or makes surrogates.

    No struct: the representation of one would show the keys.
    """

    __slots__ = ("_keks", "current", "index_key")

    def __init__(self, keks: Mapping[int, bytes], index_key: bytes) -> None:
        """Take the key-encryption keys by number, of which the highest seals, and the index key.

        Raises ValueError for a key of another length, or a number that an envelope cannot hold.
        """
        if not keks or not all(1 <= number <= KEK_ID_MAX for number in keks):
            raise ValueError(f"key-encryption keys are numbered 1 to {KEK_ID_MAX}")
        if any(len(key) != KEY_BYTES for key in (*keks.values(), index_key)):
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._keks = dict(keks)
        self.current = max(keks)
        self.index_key = index_key

    def __repr__(self) -> str:
        return f"KeyRing(<{len(self._keks)} key-encryption keys, {self.current} seals>)"

    @property
    def keks(self) -> Mapping[int, bytes]:
        """The key-encryption keys by number."""
        return MappingProxyType(self._keks)

    def kek(self, number: int) -> bytes:
        """Return a key-encryption key. Raises UnknownKeyError."""
        try:
            return self._keks[number]
        except KeyError:
            raise UnknownKeyError(
                f"key-encryption key {number} is not in the key directory: put kek-{number}.key "
                "back from its backup"
            ) from None

    def fingerprints(self) -> dict[str, str]:
        """Return what tells each key from any other, by its file's name, the index key first.

        A keyed hash of nothing but the name: it tells nothing of the key, which is drawn whole.
        """
        keys = {_INDEX_NAME: self.index_key}
        keys |= {_kek_name(number): self._keks[number] for number in sorted(self._keks)}
        return {name: _fingerprint(key, name) for name, key in keys.items()}

    @classmethod
    def load(cls, directory: Path) -> KeyRing:
        """Read the keys. Raises KeyFileError when they are missing, damaged or open to others."""
        with _alone_in(directory):
            return _read(directory)

    @classmethod
    def create(cls, directory: Path) -> KeyRing:
        """Make the keys of a new installation.

        Raises KeyFileError where there is a key already: none is ever written over.
        """
        _make_directory(directory)
        with _alone_in(directory):
            if _key_names(directory):
                raise KeyFileError(f"{directory} holds keys already: load them")
            _write_first(directory)
            return _read(directory)


def holds_keys(directory: Path) -> bool:
    """Tell whether there is a key, or a part of one lost, in a directory that may not exist."""
    return directory.is_dir() and bool(_key_names(directory))


def open_key_ring(directory: Path) -> KeyRing:
    """Read the keys, or make them where there are none: the first start, maybe of several workers.

    Raises KeyFileError, also when only some are there: something was lost then, and to make it anew
    would hide that what it sealed can no longer be opened.
    """
    _make_directory(directory)
    with _alone_in(directory):
        if not _key_names(directory):
            _write_first(directory)
        return _read(directory)


def _make_directory(directory: Path) -> None:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{directory} cannot be made: {error.strerror}") from error


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Hold the directory, one process at a time, once it is known to be ours and nobody else's."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise KeyFileError(
            f"{directory} cannot be opened ({error.strerror}): restore it from its backup"
        ) from error
    try:
        _refuse_if_open_to_others(directory, os.fstat(descriptor), 0o700)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_if_open_to_others(path: Path, found: os.stat_result, mode_wanted: int) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise KeyFileError(
            f"{path} has mode {mode:04o}, so others on this machine may have read the keys: "
            f"set it to {mode_wanted:04o}, and replace the keys if anyone could have"
        )
    if os.geteuid() not in {0, found.st_uid}:
        raise KeyFileError(
            f"{path} belongs to uid {found.st_uid}, and we run as uid {os.geteuid()}: "
            "run as its owner, or give it to the user we run as"
        )


def _kek_name(number: int) -> str:
    return f"kek-{number}.key"


def _fingerprint(key: bytes, name: str) -> str:
    digest = hmac.digest(key, b"suture.key.fingerprint\0" + name.encode(), "sha256")
    return digest[:_FINGERPRINT_BYTES].hex()


def _key_names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.endswith(".key"))


def _write_first(directory: Path) -> None:
    # The index key first: a crash in between leaves no key that could have sealed anything.
    for name in (_INDEX_NAME, "kek-1.key"):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(directory / name, flags, 0o600), "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(directory: Path) -> KeyRing:
    names = _key_names(directory)
    keks: dict[int, bytes] = {}
    for name in names:
        match = _KEK_NAME.fullmatch(name)
        if match and int(match[1]) <= KEK_ID_MAX:
            keks[int(match[1])] = _read_key(directory / name)
        elif name != _INDEX_NAME:
            raise KeyFileError(
                f"{directory / name} is no key of ours: expected kek-1.key to kek-{KEK_ID_MAX}.key "
                f"and {_INDEX_NAME}"
            )
    if not keks or _INDEX_NAME not in names:
        missing = _INDEX_NAME if keks else "kek-1.key"
        raise KeyFileError(
            f"{directory / missing} is missing: restore the key directory from its backup; only if "
            "this installation never stored a message, remove the directory and start again"
        )
    return KeyRing(keks, _read_key(directory / _INDEX_NAME))


def _read_key(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        _refuse_if_open_to_others(path, os.fstat(descriptor), 0o600)
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise KeyFileError(
            f"{path} does not hold {KEY_BYTES} bytes: restore the key directory from its backup"
        )
    return key
