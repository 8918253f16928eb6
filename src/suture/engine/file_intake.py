"""Intake of files: each is found by its door, taken whole in one transaction, and settled.

Which files are whole is the door's to say (`connectors/ports.py`, `FileDoor`); how one is taken,
`transmissions.py`. Runs in a process of its own, so that a large file never delays a reply to a
connection; single messages come in through `intake.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, BinaryIO

import msgspec

from suture.connectors.ports import FileDoor, FoundFile, read_chunks
from suture.engine.clock import elapsed_seconds, now_ms
from suture.engine.telemetry import log
from suture.engine.transmissions import (
    ChangedError,
    Reply,
    Transmissions,
    transmission_of,
)
from suture.model.fault import Fault
from suture.model.identity import derive_id
from suture.model.translation import Channel
from suture.store.database import StoreUnavailableError

POLL_SECONDS = 0.25
TROUBLE_SECONDS_MAX = 60.0
"""Between two looks at a door that does not answer, at the most."""


class FileIntake:
    """Takes the files of one source."""

    def __init__(self, transmissions: Transmissions, door: FileDoor[Any], channel: Channel) -> None:
        """Take the store, the door to look behind and the channel its files belong to."""
        self._transmissions = transmissions
        self._door = door
        self._left: set[tuple[str, tuple[int, ...]]] = set()
        self.channel = channel
        self.trouble: Fault | None = None
        """Why the door did not answer when it was last asked."""

    async def run(self, stop: asyncio.Event) -> None:
        """Take files until told to stop; a file under way is finished first."""
        wait_seconds = POLL_SECONDS
        while not stop.is_set():
            try:
                taken = await self.turn()
            except StoreUnavailableError:
                await asyncio.sleep(0.2)
                continue
            if self.trouble is None:
                wait_seconds = POLL_SECONDS
            else:
                wait_seconds = min(2 * wait_seconds, TROUBLE_SECONDS_MAX)
            if not taken:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait_seconds)

    async def turn(self) -> int:
        """Take every file that is whole now; return how many."""
        found = await self._door.find(elapsed_seconds())
        if isinstance(found, Fault):
            self._note_trouble(found)
            return 0
        self.trouble = None
        taken = 0
        for file in found:
            taken += await self._take(file)
        return taken

    def _note_trouble(self, trouble: Fault) -> None:
        if self.trouble is None:  # said once, however often it is tried
            log.warning("door_does_not_answer", source=self.channel.source, code=trouble.code)
        self.trouble = trouble

    async def _take(self, file: FoundFile) -> bool:
        """Take one file and file it away; False when it is left where it is for another time."""
        known_as = file.name, file.mark
        try:
            if file.refusal:
                await self._refuse(file)
            else:
                with await self._door.open(file) as stream:
                    await self._take_open(file, stream)
        except (OSError, ChangedError) as error:
            if known_as not in self._left:  # said once, however often it is tried
                self._left.add(known_as)
                log.warning("file_left", source=self.channel.source, reason=type(error).__name__)
            return False
        self._left.discard(known_as)
        return True

    async def _refuse(self, file: FoundFile) -> None:
        # Named after what it is to the file system: its own name may be a patient's.
        identity = derive_id("trn", now_ms(), self.channel.source, *map(str, file.mark))
        await self._door.put_aside(file, identity=identity)
        log.warning("file_refused", source=self.channel.source, file=identity, reason=file.refusal)

    async def _take_open(self, found: FoundFile, stream: BinaryIO) -> None:
        at_ms = now_ms()
        digest, bytes_count = await asyncio.to_thread(_digest, stream)
        told = transmission_of(self.channel.source, found.name, digest, bytes_count, at_ms)
        chunks = _Chunks(stream, digest)
        taken = await self._transmissions.take(told, chunks, self.channel)
        await self._reply(told.id, taken.reply)
        await self._door.settle(found, identity=told.id)
        log.info(
            "file_taken",
            source=self.channel.source,
            transmission=told.id,
            **msgspec.to_builtins(taken.verdicts),
        )

    async def _reply(self, identity: str, reply: Reply) -> None:
        if reply.content:
            await self._door.reply(f"{identity}-{reply.name}", reply.content)


class _Chunks:
    """The bytes of an open file, from its start as often as they are asked for."""

    def __init__(self, stream: BinaryIO, digest: bytes) -> None:
        self._stream = stream
        self._digest = digest

    def __call__(self) -> Iterator[bytes]:
        """Read the file. Raises ChangedError at its end when it is another."""
        self._stream.seek(0)
        digest = sha256()
        for chunk in read_chunks(self._stream):
            digest.update(chunk)
            yield chunk
        if digest.digest() != self._digest:
            raise ChangedError


def _digest(stream: BinaryIO) -> tuple[bytes, int]:
    """Return the digest of a file's bytes and how many there are."""
    digest, bytes_count = sha256(), 0
    for chunk in read_chunks(stream):
        digest.update(chunk)
        bytes_count += len(chunk)
    return digest.digest(), bytes_count
