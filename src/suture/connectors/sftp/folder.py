"""A folder of an SFTP server: finds files that are whole, fetches them, files them away.

Bad inputs B61 (names), B62 (links and devices), B65 (a file still growing), B71 (another server)
and B72 (a million files). Knows nothing of what is in a file. Which server, and how it is reached,
is `session.py`.
"""

from __future__ import annotations

import asyncio
import heapq
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, cast

import asyncssh
import msgspec

from suture.connectors.names import safe_name
from suture.connectors.ports import FileDoor, Surroundings
from suture.connectors.sftp.session import Session
from suture.connectors.sftp.settings import SftpSettings
from suture.model.fault import Fault

FILES_LOOKED_MAX = 1000
"""The oldest so many are looked at; the others follow when these are settled (B72)."""
FOLDER_MODE = 0o700
"""What lies in the folders that we make names patients: for nobody else's eyes."""

Mark = tuple[int, int]
"""Size in bytes, and time of change in seconds: all that SFTP version 3 tells."""


class RemoteFile(msgspec.Struct, frozen=True):
    """A whole file, ready to be fetched."""

    path: bytes
    name: str
    """Its name made safe to show: no control characters, no direction marks, bounded."""
    mark: Mark
    refusal: str = ""
    """Why it may not be read (a link, a device, too large); empty when it may."""


class RemoteFolder:
    """One inbox with its archive, error and replies folders; fills the port `FileDoor`."""

    def __init__(self, settings: SftpSettings, session: Session, home: Path) -> None:
        """Take the folder, the server, and where fetched files have room, unnamed."""
        self._settings = settings
        self._session = session
        self._home = home
        self._folder = settings.folder.encode()
        self._seen: dict[bytes, tuple[Mark, float]] = {}
        self.address = settings.address(home)

    async def prepare(self) -> Fault | None:
        """Make the folders that are missing, or say why not."""
        settings = self._settings
        wanted = [settings.error_folder, settings.replies_folder]
        wanted += [settings.archive_folder] if settings.keep_files else []
        told = settings.folder
        try:
            # Listing it tells what looking does not: whether we may.
            await self._session.verify(self._folder)
            for told in wanted:
                await self._make(self._path(told))
        except OSError as error:
            return self._session.trouble(error, told)
        return None

    async def find(self, at_seconds: float) -> Sequence[RemoteFile] | Fault:
        try:
            looked = await self._look()
        except OSError as error:
            return self._session.trouble(error, self._settings.folder)
        found = []
        seen: dict[bytes, tuple[Mark, float]] = {}
        for path, attributes in looked:
            mark = _mark(attributes)
            known, since = self._seen.get(path, (mark, at_seconds))
            seen[path] = (mark, since if known == mark else at_seconds)
            still_seconds = at_seconds - seen[path][1]
            if self._settings.done_suffix or still_seconds >= self._settings.stable_seconds:
                name = safe_name(path.rpartition(b"/")[2].decode("utf-8", "surrogateescape"))
                found.append(RemoteFile(path, name, mark, self._refusal(attributes)))
        self._seen = seen
        return sorted(found, key=lambda file: (file.mark[1], file.path))

    async def open(self, file: RemoteFile) -> BinaryIO:
        stream = cast("BinaryIO", tempfile.TemporaryFile(dir=self._home))  # noqa: SIM115 - given on
        try:
            with self._session.limit(self._settings.fetch_seconds_max):
                await self._fetch(file, stream)
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        return stream

    async def settle(self, file: RemoteFile, *, identity: str) -> None:
        kept = self._path(self._settings.archive_folder) + f"/{identity}-{file.name}".encode()
        await self._take_out(file, kept if self._settings.keep_files else None)

    async def put_aside(self, file: RemoteFile, *, identity: str) -> None:
        await self._take_out(
            file, self._path(self._settings.error_folder) + f"/{identity}".encode()
        )

    async def reply(self, name: str, content: bytes) -> None:
        folder = self._path(self._settings.replies_folder)
        target = folder + f"/{name}".encode()
        partial = folder + f"/.{name}.part".encode()
        files = await self._session.files()
        if await self._session.look(partial) is not None:  # of an attempt that broke off
            await self._session.answer(files.remove(partial))
        await self._session.write(partial, content)
        await self._replace(partial, target)

    async def close(self) -> None:
        await self._session.close()

    # Finding -------------------------------------------------------------------------------------

    async def _look(self) -> list[tuple[bytes, asyncssh.SFTPAttrs]]:
        """Return the oldest files that may be taken, as the server describes them."""
        suffix = self._settings.done_suffix.encode()
        looked: list[tuple[int, bytes, asyncssh.SFTPAttrs]] = []
        async for name, attributes in self._session.scan(self._folder):
            if suffix and not name.endswith(suffix):
                continue
            if self._is_wanted(name.removesuffix(suffix)):
                looked.append((attributes.mtime or 0, name.removesuffix(suffix), attributes))
            if len(looked) >= 2 * FILES_LOOKED_MAX:
                looked = heapq.nsmallest(FILES_LOOKED_MAX, looked, key=_age)
        described = []
        for _, name, attributes in heapq.nsmallest(FILES_LOOKED_MAX, looked, key=_age):
            path = self._folder + b"/" + name
            # A done-file tells nothing of the file beside it, nor does a server that lists names.
            is_told = not suffix and attributes.size is not None and attributes.permissions
            told = attributes if is_told else await self._session.look(path)
            if told is not None and told.type != asyncssh.FILEXFER_TYPE_DIRECTORY:
                described.append((path, told))
        return described

    def _is_wanted(self, name: bytes) -> bool:
        shown = name.decode("utf-8", "surrogateescape")
        return bool(name) and name[:1] != b"." and fnmatchcase(shown, self._settings.pattern)

    def _refusal(self, attributes: asyncssh.SFTPAttrs) -> str:
        if attributes.type != asyncssh.FILEXFER_TYPE_REGULAR:
            return "it is a link, a pipe or a device, not a file"
        if (attributes.size or 0) > self._settings.bytes_max:
            return f"it is larger than {self._settings.bytes_max} bytes"
        return ""

    # Fetching ------------------------------------------------------------------------------------

    async def _fetch(self, file: RemoteFile, stream: BinaryIO) -> None:
        """Copy a file, piece by piece. Raises OSError, also where it is not the one found."""
        answer = self._session.answer
        files = await self._session.files()
        await self._verify(file)
        source = await answer(files.open(file.path, "rb", encoding=None))
        try:
            size, _ = file.mark
            # The handle is what the path was: a link that came between leads to another.
            if _mark(await answer(source.stat())) != file.mark:
                raise _replaced()
            bytes_count = 0
            while chunk := await self._session.read(source, bytes_count):
                bytes_count += len(chunk)
                if bytes_count > size:
                    raise _replaced()
                await asyncio.to_thread(stream.write, chunk)
            if bytes_count != size or _mark(await answer(source.stat())) != file.mark:
                raise _replaced()
        finally:
            await answer(source.close())
        await self._verify(file)

    async def _verify(self, file: RemoteFile) -> None:
        """Make sure that a path is the file that was found, and no link (B62). Raises OSError."""
        told = await self._session.look(file.path)
        if told is None or told.type != asyncssh.FILEXFER_TYPE_REGULAR or _mark(told) != file.mark:
            raise _replaced()

    # Filing away ---------------------------------------------------------------------------------

    async def _take_out(self, file: RemoteFile, target: bytes | None) -> None:
        """Move or delete a file; one that another has replaced stays. Raises OSError."""
        files = await self._session.files()
        told = await self._session.look(file.path)
        if told is None or _mark(told) != file.mark:
            return
        try:
            if target is None:
                await self._session.answer(files.remove(file.path))
            else:
                await self._session.answer(files.rename(file.path, target))
        except FileNotFoundError:
            return
        done = self._settings.done_suffix.encode()
        if done and await self._session.look(file.path + done) is not None:
            await self._session.answer(files.remove(file.path + done))

    async def _replace(self, partial: bytes, target: bytes) -> None:
        """Give a file its name, in place of an older one of this name."""
        files = await self._session.files()
        try:
            await self._session.answer(files.posix_rename(partial, target))
        except ConnectionError:
            raise
        except OSError:  # a server without OpenSSH's extension
            if await self._session.look(target) is not None:
                await self._session.answer(files.remove(target))
            await self._session.answer(files.rename(partial, target))

    def _path(self, told: str) -> bytes:
        return told.encode() if told.startswith("/") else self._folder + b"/" + told.encode()

    async def _make(self, folder: bytes) -> None:
        """Have a folder; a link in its place would lead what we file away elsewhere (B62)."""
        told = await self._session.look(folder)
        if told is None:
            mode = asyncssh.SFTPAttrs(permissions=FOLDER_MODE)
            files = await self._session.files()
            await self._session.answer(files.mkdir(folder, mode))
        elif told.type != asyncssh.FILEXFER_TYPE_DIRECTORY:
            raise NotADirectoryError("it is not a folder")


def _mark(attributes: asyncssh.SFTPAttrs) -> Mark:
    return attributes.size or 0, attributes.mtime or 0


def _age(looked: tuple[int, bytes, asyncssh.SFTPAttrs]) -> tuple[int, bytes]:
    return looked[:2]


def _replaced() -> OSError:
    return OSError("another file took the place of the one that was found")


async def open_folder(
    settings: SftpSettings, surroundings: Surroundings
) -> FileDoor[RemoteFile] | Fault:
    """Connect and make the folders that are missing, or say why not."""
    folder = RemoteFolder(settings, Session(settings, surroundings.secret), surroundings.home)
    if (unusable := await folder.prepare()) is not None:
        await folder.close()
        return unusable
    return folder
