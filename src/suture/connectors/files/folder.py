"""A watched folder: finds files that are whole, opens them safely, files them away.

Bad inputs B61 (names), B62 (links, pipes, devices), B65 (a file still growing), B66 and B70. Knows
nothing of what is in a file. Blocking calls are short (listing, renaming); reading is in chunks by
the caller, `engine/file_intake.py`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

import msgspec

from suture.connectors.names import safe_name
from suture.model.fault import Fault, fault

ARCHIVE, ERROR, REPLIES = "archive", "error", "replies"

Mark = tuple[int, int, int, int]
"""What tells a file from another, or from itself when it has changed: device, inode, size, time."""


class FolderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one folder; README.md says what each is for."""

    folder: Path
    pattern: str = "*"
    stable_seconds: float = 2.0
    done_suffix: str = ""
    bytes_max: int = 4 * 1024**3
    keep_files: bool = False
    """Keep settled files, unsealed, in `archive`; else the sealed copy in the store is the only
    one."""


class FoundFile(msgspec.Struct, frozen=True):
    """A whole file, ready to be taken."""

    path: Path
    name: str
    """Its name made safe to show: no control characters, no direction marks, bounded."""
    mark: Mark
    refusal: str = ""
    """Why it may not be read (a link, a device, too large); empty when it may."""


def unusable(error: OSError, folder: Path) -> Fault:
    """Return why a folder could not be watched, and what to do about it."""
    explanation = f"{folder}: {error.strerror or type(error).__name__}"
    return fault("files.folder.unusable", str(folder), explanation)


def count_unmatched(folder: Path, pattern: str, done_suffix: str = "") -> int:
    """Return how many files of an inbox nobody will ever take: no pattern matches their names.

    Raises OSError.
    """
    matched = set(folder.glob(pattern))
    return sum(
        path not in matched
        and not path.name.startswith(".")
        and not (done_suffix and path.name.endswith(done_suffix))
        and not path.is_dir()
        for path in folder.iterdir()
    )


class Folder:
    """One inbox with its archive, error and replies folders."""

    def __init__(self, settings: FolderSettings) -> None:
        """Make the folders that are missing."""
        self.settings = settings
        self._seen: dict[Path, tuple[Mark, float]] = {}
        for name in ("", ARCHIVE, ERROR, REPLIES):
            # What lies in them names patients: for nobody else's eyes.
            (settings.folder / name).mkdir(
                mode=0o700 if name else 0o755, parents=True, exist_ok=True
            )

    def find(self, at_seconds: float) -> list[FoundFile]:
        """Return files that are whole at this (monotonic) moment, oldest first.

        A file is whole when its size and time of change stood still for `stable_seconds` between
        two calls, or as soon as its done-file lies beside it.
        """
        found = []
        seen: dict[Path, tuple[Mark, float]] = {}
        for path in self.settings.folder.glob(self.settings.pattern):
            if path.name.startswith(".") or path.name in {ARCHIVE, ERROR, REPLIES}:
                continue
            with contextlib.suppress(FileNotFoundError):  # it went between listing and looking
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode):
                    continue
                mark = _mark(status)
                known, since = self._seen.get(path, (mark, at_seconds))
                seen[path] = (mark, since if known == mark else at_seconds)
                if self._is_whole(path, at_seconds - seen[path][1]):
                    refusal = self._refusal(status)
                    found.append(FoundFile(path, safe_name(path.name), mark, refusal))
        self._seen = seen
        return sorted(found, key=lambda file: (file.mark[3], file.path))

    def _is_whole(self, path: Path, still_seconds: float) -> bool:
        suffix = self.settings.done_suffix
        if suffix:
            is_done_file = path.name.endswith(suffix)
            return not is_done_file and path.with_name(path.name + suffix).exists()
        return still_seconds >= self.settings.stable_seconds

    def _refusal(self, status: os.stat_result) -> str:
        if not stat.S_ISREG(status.st_mode):
            return "it is a link, a pipe or a device, not a file"
        if status.st_size > self.settings.bytes_max:
            return f"it is larger than {self.settings.bytes_max} bytes"
        return ""

    def open(self, file: FoundFile) -> BinaryIO:
        """Open a found file for reading. Raises OSError, also when something else took its place.

        Never follows a link and never waits for a pipe's other end.
        """
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        stream = os.fdopen(descriptor, "rb")
        if _mark(os.fstat(descriptor)) != file.mark:
            stream.close()
            raise OSError("another file took the place of the one that was found")
        return stream

    def settle(self, file: FoundFile, *, identity: str) -> Path | None:
        """Take a stored file out of the inbox, whatever its verdict: its sealed copy is the file.

        A source that keeps its files gets them in `archive`, in clear, under a name no other has.
        Returns where it went or would have gone; None when it is gone, or its sender has put
        another in its place: that one has not been read and stays.
        """
        kept = self.settings.folder / ARCHIVE / f"{identity}-{file.name}"
        return self._take_out(file, kept, is_kept=self.settings.keep_files)

    def put_aside(self, file: FoundFile, *, identity: str) -> Path | None:
        """Take what cannot be stored out of the inbox, into `error`; returns as `settle` does.

        Its id is its whole name there: a sender may name a file after a patient, and this one lies
        in clear until somebody looks.
        """
        return self._take_out(file, self.settings.folder / ERROR / identity, is_kept=True)

    def _take_out(self, file: FoundFile, target: Path, *, is_kept: bool) -> Path | None:
        try:
            if _mark(file.path.lstat()) != file.mark:
                return None
            if is_kept:
                file.path.rename(target)
            else:
                file.path.unlink()
        except FileNotFoundError:
            return None
        suffix = self.settings.done_suffix
        if suffix:
            file.path.with_name(file.path.name + suffix).unlink(missing_ok=True)
        return target

    def reply(self, name: str, content: bytes) -> None:
        """Leave a reply for the sender, whole or not at all."""
        target = self.settings.folder / REPLIES / name
        partial = target.with_name(f".{name}.part")
        partial.write_bytes(content)
        partial.rename(target)


def _mark(status: os.stat_result) -> Mark:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
