"""A watched folder: finds files that are whole, opens them safely, files them away (bad inputs B61, B62, B65, B66, B70).

Knows nothing of what is in a file. Blocking calls are short (listing, renaming); reading is in chunks by the caller.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

CHUNK_BYTES = 1 << 20
NAME_CHARACTERS_MAX = 120
ARCHIVE, ERROR, REPLIES = "archive", "error", "replies"


class FolderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one folder; README.md says what each is for."""

    folder: Path
    pattern: str = "*"
    stable_seconds: float = 2.0
    done_suffix: str = ""
    bytes_max: int = 4 * 1024**3


class FoundFile(msgspec.Struct, frozen=True):
    """A whole file, ready to be taken."""

    path: Path
    name: str
    """Its name made safe to show: no control characters, no direction marks, bounded."""
    bytes_count: int
    refusal: str = ""
    """Why it may not be read (a link, a device, too large); empty when it may."""


class Folder:
    """One inbox with its archive, error and replies folders."""

    def __init__(self, settings: FolderSettings) -> None:
        """Make the folders that are missing."""
        self.settings = settings
        self._seen: dict[Path, tuple[int, int, float]] = {}
        for name in ("", ARCHIVE, ERROR, REPLIES):
            (settings.folder / name).mkdir(parents=True, exist_ok=True)

    def find(self, at_seconds: float) -> list[FoundFile]:
        """Return files that are whole at this (monotonic) moment, oldest first.

        A file is whole when its size and time of change stood still for `stable_seconds` between two calls, or as soon as its
        done-file lies beside it.
        """
        found = []
        for path in sorted(self.settings.folder.glob(self.settings.pattern)):
            if path.name.startswith(".") or path.name in {ARCHIVE, ERROR, REPLIES}:
                continue
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode) or not self._is_whole(path, status, at_seconds):
                continue
            found.append(
                FoundFile(
                    path, safe_name(path.name), status.st_size, self._refusal(status)
                )
            )
        self._seen = {path: mark for path, mark in self._seen.items() if path.exists()}
        return found

    def _is_whole(self, path: Path, status: os.stat_result, at_seconds: float) -> bool:
        suffix = self.settings.done_suffix
        if suffix:
            return not path.name.endswith(suffix) and path.with_name(path.name + suffix).exists()
        mark = self._seen.get(path)
        if mark is None or mark[:2] != (status.st_size, status.st_mtime_ns):
            self._seen[path] = (status.st_size, status.st_mtime_ns, at_seconds)
            return self.settings.stable_seconds == 0
        return at_seconds - mark[2] >= self.settings.stable_seconds

    def _refusal(self, status: os.stat_result) -> str:
        if not stat.S_ISREG(status.st_mode):
            return "it is a link, a pipe or a device, not a file"
        if status.st_size > self.settings.bytes_max:
            return f"it is larger than {self.settings.bytes_max} bytes"
        return ""

    def open(self, file: FoundFile) -> BinaryIO:
        """Open a found file for reading, refusing a link that took its place. Raises OSError."""
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb")

    def settle(self, file: FoundFile, *, identity: str, into: str) -> Path:
        """Move a file into `archive` or `error` under a name no other file has; return where it went."""
        target = self.settings.folder / into / f"{identity}-{file.name}"
        file.path.rename(target)
        suffix = self.settings.done_suffix
        if suffix:
            file.path.with_name(file.path.name + suffix).unlink(missing_ok=True)
        self._seen.pop(file.path, None)
        return target

    def reply(self, name: str, content: bytes) -> None:
        """Leave a reply for the sender, whole or not at all."""
        target = self.settings.folder / REPLIES / name
        partial = target.with_name(f".{name}.part")
        partial.write_bytes(content)
        partial.rename(target)


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Read a file in pieces of bounded size."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def safe_name(name: str) -> str:
    """Return a file name that is safe to show and to store: printable, no direction marks, bounded (B61)."""
    kept = "".join(
        character
        for character in name.encode("utf-8", "replace").decode("utf-8")
        if unicodedata.category(character)[0] != "C" and character not in "/\\"
    )
    return kept[-NAME_CHARACTERS_MAX:] or "unnamed"
