"""A folder of an SFTP server that is told messages: one file for each, whole or not at all.

A file is named from the message's key, so a message that is sent again is known by its name: the
same content under it is delivered already, another is refused and left as it is. A file is written
under a name that begins with a point and then given its own, which replaces nothing. When to try
again is the engine's.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from hashlib import sha256

import asyncssh

from suture.connectors.outcome import (
    Delivered,
    Healthy,
    Outcome,
    Refused,
    Transient,
    Unknown,
)
from suture.connectors.ports import CHUNK_BYTES
from suture.connectors.sftp.session import Session
from suture.connectors.sftp.settings import SftpDestinationSettings
from suture.model.envelope import ContentType
from suture.model.fault import Fault, fault

_SUFFIXES: dict[ContentType, str] = {
    "application/hl7-v2+er7": ".hl7",
    "application/fhir+json": ".json",
    "application/edi-x12": ".x12",
    "application/json": ".json",
    "application/cloudevents+json": ".json",
    "application/xml": ".xml",
}
_PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", re.ASCII)


class SftpDestination:
    """One folder of one server; fills the port `MessageDestination`."""

    def __init__(self, settings: SftpDestinationSettings, session: Session) -> None:
        """Take the folder and the server; nothing is connected yet."""
        self._settings = settings
        self._session = session
        self._folder = settings.folder.encode()
        self._remains: set[bytes] = set()
        """Partial files of attempts that broke off: removed when the server is there again."""

    async def send(self, body: bytes, *, key: str, content_type: ContentType) -> Outcome:
        name = file_name(key, self._settings.suffix or _SUFFIXES[content_type])
        target = self._folder + b"/" + name.encode()
        # A name of its own for each attempt: two that overlap never write into one file.
        partial = self._folder + f"/.{name}.{secrets.token_hex(4)}.part".encode()
        try:
            await self._session.files()
            with self._session.limit(self._settings.send_seconds_max):
                await self._remove_remains()
                if (known := await self._known(target, body, name)) is not None:
                    return known
                self._remains.add(partial)
                await self._session.write(partial, body)
                return await self._rename(partial, target, body, name)
        except OSError as error:  # before it had its name: nobody saw anything of it
            return Transient(self._trouble(error))

    async def health(self) -> Healthy | Transient | Refused:
        try:
            await self._session.verify(self._folder)
        except OSError as error:
            return Transient(self._trouble(error))
        return Healthy()

    async def close(self) -> None:
        with contextlib.suppress(OSError):
            await self._remove_remains(is_connecting=False)
        await self._session.close()

    async def _rename(self, partial: bytes, target: bytes, body: bytes, name: str) -> Outcome:
        """Give a written file its name. Raises OSError where it certainly did not get it."""
        files = await self._session.files()
        try:
            await self._session.answer(files.rename(partial, target))
        except ConnectionError as error:
            return Unknown(fault("sftp.reply.absent", self._settings.address, str(error)))
        except OSError:  # somebody else's attempt came first, or the server cannot
            known = await self._known(target, body, name)
            await self._remove_remains()
            if known is None:
                raise
            return known
        self._remains.discard(partial)
        return Delivered(name, "created")

    async def _known(self, target: bytes, body: bytes, name: str) -> Delivered | Refused | None:
        """Return what follows from what lies under a name; None where nothing does.

        Raises OSError.
        """
        told = await self._session.look(target)
        if told is None:
            return None
        if told.type != asyncssh.FILEXFER_TYPE_REGULAR:
            return self._taken("it is not a file")
        if told.size != len(body):
            return self._taken("it has another length")
        try:
            is_same = await self._is_same(target, body)
        except PermissionError:
            return self._taken("it has the same length, and the server does not let us read it")
        return Delivered(name, "replayed") if is_same else self._taken("it has another content")

    async def _is_same(self, target: bytes, body: bytes) -> bool:
        files = await self._session.files()
        file = await self._session.answer(files.open(target, "rb", encoding=None))
        try:
            for start in range(0, len(body) or 1, CHUNK_BYTES):
                chunk = await self._session.read(file, start)
                if chunk != body[start : start + CHUNK_BYTES]:
                    return False
            return True
        finally:
            await self._session.answer(file.close())

    async def _remove_remains(self, *, is_connecting: bool = True) -> None:
        """Remove what attempts of ours left behind that broke off."""
        if not is_connecting and not self._session.is_open:
            return
        for partial in list(self._remains):
            files = await self._session.files()
            with contextlib.suppress(FileNotFoundError, PermissionError):
                await self._session.answer(files.remove(partial))
            self._remains.discard(partial)

    def _taken(self, why: str) -> Refused:
        return Refused(fault("sftp.file.taken", self._settings.address, why))

    def _trouble(self, error: OSError) -> Fault:
        return self._session.trouble(error, self._settings.folder)


def file_name(key: str, suffix: str) -> str:
    """Return the name of a message's file: its key, or what stands for it where it is no name."""
    if _PLAIN_KEY.fullmatch(key):
        return key + suffix
    return f"k-{sha256(key.encode()).hexdigest()[:40]}{suffix}"
