"""Intake of files: one transaction for a file, streamed, so that none of it counts before all of it is judged.

The bytes go into the store sealed, piece by piece, while the pipeline reads them; facts of a message are appended as they come and
taken back (a savepoint) if the message's verdict, its identity or its interchange says so. The same bytes again, under any name,
are a duplicate (B30, B70). Runs in a process of its own, so that a large file never delays a reply to a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

import msgspec

from suture.connectors.files.folder import ARCHIVE, ERROR, Folder, FoundFile, read_chunks
from suture.engine.clock import elapsed_seconds, instant, now_ms
from suture.engine.telemetry import log
from suture.model.event import Event, make_stamp
from suture.model.fault import Fault, fault
from suture.model.identity import derive_id
from suture.model.translation import Begun, Channel, Closed, Reading, Routed
from suture.pipeline import read_file
from suture.security.keys import KeyRing
from suture.security.phi import Sealer, seal
from suture.store.database import Database, StoreUnavailableError
from suture.store.transmission import FileAppend, MessageRow, repeat_transmission

POLL_SECONDS = 0.25
EVENTS_PER_FLUSH = 500


class Verdicts(msgspec.Struct):
    """How many messages of a file were accepted, held and rejected, and whether the file itself was a repeat."""

    accepted: int = 0
    held: int = 0
    rejected: int = 0
    is_repeat: bool = False


class _Judged(msgspec.Struct):
    """A message of the open interchange, judged but not yet final."""

    reading: Reading
    faults: tuple[Fault, ...]
    status: str
    ordinal: int
    events_count: int


class FileIntake:
    """Takes the files of one source."""

    def __init__(
        self, database: Database, key_ring: KeyRing, partitions_count: int, folder: Folder, channel: Channel
    ) -> None:
        """Take the store, the keys, the folder to watch and the channel its files belong to."""
        self._database = database
        self._key_ring = key_ring
        self._partitions_count = partitions_count
        self._folder = folder
        self.channel = channel

    async def run(self, stop: asyncio.Event) -> None:
        """Take files until told to stop; a file under way is finished first."""
        while not stop.is_set():
            try:
                taken = await self.turn()
            except StoreUnavailableError:
                await asyncio.sleep(0.2)
                continue
            if not taken:
                await asyncio.sleep(POLL_SECONDS)

    async def turn(self) -> int:
        """Take every file that is whole now; return how many."""
        found = self._folder.find(elapsed_seconds())
        for file in found:
            await self._take(file)
        return len(found)

    async def _take(self, file: FoundFile) -> None:
        at_ms = now_ms()
        if file.refusal:
            self._refuse(file, derive_id("trn", at_ms, self.channel.source, file.name))
            return
        with self._folder.open(file) as stream:
            digest = await asyncio.to_thread(_digest, stream)
            transmission_id = derive_id("trn", at_ms, self.channel.source, digest.hex())
            stream.seek(0)
            verdicts, replies = await self._append(file, stream, digest, transmission_id, at_ms)
        for name, reply in replies:
            self._folder.reply(name, reply)
        is_readable = verdicts.is_repeat or verdicts.accepted or verdicts.held or verdicts.rejected
        self._folder.settle(file, identity=transmission_id, into=ARCHIVE if is_readable else ERROR)
        log.info(
            "file_taken",
            source=self.channel.source,
            transmission=transmission_id,
            **msgspec.to_builtins(verdicts),
        )

    def _refuse(self, file: FoundFile, identity: str) -> None:
        self._folder.settle(file, identity=identity, into=ERROR)
        log.warning("file_refused", source=self.channel.source, file=identity, reason=file.refusal)

    async def _append(
        self, file: FoundFile, stream: BinaryIO, digest: bytes, transmission_id: str, at_ms: int
    ) -> tuple[Verdicts, list[tuple[str, bytes]]]:
        async with FileAppend(self._database, self._partitions_count) as append:
            begun = await append.begin(
                transmission_id,
                self.channel.source,
                file.name,
                digest,
                file.bytes_count,
                instant(at_ms),
            )
            if not begun:
                await repeat_transmission(
                    append, self.channel.source, digest, instant(at_ms)
                )
                return Verdicts(is_repeat=True), []
            taking = _Taking(self, append, transmission_id, digest, at_ms)
            await taking.run(stream)
            return taking.verdicts, taking.replies

    @property
    def key_ring(self) -> KeyRing:
        """The keys files are sealed with."""
        return self._key_ring


class _Taking:
    """One file on its way into the store."""

    def __init__(
        self,
        intake: FileIntake,
        append: FileAppend,
        transmission_id: str,
        digest: bytes,
        at_ms: int,
    ) -> None:
        self._channel = intake.channel
        self._key_ring = intake.key_ring
        self._append = append
        self._transmission_id = transmission_id
        self._digest = digest
        self._at_ms = at_ms
        self._sealer = Sealer(intake.key_ring, context=transmission_id.encode())
        self._sealed: list[bytes] = []
        self._events: list[Event] = []
        self._secrets: dict[str, tuple[str, bytes]] = {}
        self._judged: list[_Judged] = []
        self._ordinal = 0
        self._events_count = 0
        self._recorded_at_ms = 0
        self.verdicts = Verdicts()
        self.replies: list[tuple[str, bytes]] = []

    async def run(self, stream: BinaryIO) -> None:
        await self._append.mark("interchange")
        for piece in read_file(self._sealing(stream), self._channel):
            match piece:
                case Begun():
                    await self._begin(piece)
                case Routed():
                    await self._route(piece)
                case Reading():
                    await self._judge(piece)
                case Closed():
                    await self._close(piece)
            if self._sealed:
                await self._flush_bytes()
        self._sealed.append(self._sealer.finish())
        await self._flush_bytes()

    def _sealing(self, stream: BinaryIO) -> Iterator[bytes]:
        """Seal every chunk as the reader takes it."""
        for chunk in read_chunks(stream):
            self._sealed.append(self._sealer.seal(chunk))
            yield chunk

    async def _flush_bytes(self) -> None:
        for sealed in self._sealed:
            await self._append.chunk(sealed)
        self._sealed.clear()
        await asyncio.sleep(0)

    async def _begin(self, begun: Begun) -> None:
        self._ordinal += 1
        self._events_count = 0
        self._recorded_at_ms = begun.recorded_at_ms
        await self._append.mark("message")

    async def _route(self, routed: Routed) -> None:
        self._events_count += 1
        message_id = self._message_id(self._ordinal)
        self._events.append(
            Event(
                id=f"evt_{message_id[4:]}.{self._events_count:04d}",
                stream=routed.stream,
                fact=routed.fact,
                source=self._channel.source,
                message_id=message_id,
                where=routed.where,
                stamp=make_stamp(self._recorded_at_ms, self._digest.hex(), self._events_count),
                received_at_ms=self._at_ms,
            )
        )
        for secret in routed.secrets:
            if secret.token not in self._secrets:
                self._secrets[secret.token] = (
                    secret.kind,
                    seal(
                        secret.value.encode(),
                        key_ring=self._key_ring,
                        context=secret.token.encode(),
                    ),
                )
        if len(self._events) >= EVENTS_PER_FLUSH:
            await self._flush_events()

    async def _flush_events(self) -> None:
        await self._append.events(self._events)
        await self._append.secrets(self._secrets)
        self._events.clear()
        self._secrets.clear()

    async def _judge(self, reading: Reading) -> None:
        """Keep a message's facts if its verdict and its identities allow, else take them back."""
        for routed in reading.translation.routed:
            await self._route(routed)
        translation = reading.translation
        faults, status = translation.faults, translation.status
        if status == "accepted":
            taken = await self._claim(translation.identities)
            if taken:
                faults, status = (taken,), "held"
        if status == "accepted":
            await self._flush_events()
        else:
            self._events.clear()
            self._secrets.clear()
            self._events_count = 0
            await self._append.back_to("message")
        self._judged.append(
            _Judged(reading, faults, status, self._ordinal, self._events_count)
        )

    async def _claim(self, identities: tuple[str, ...]) -> Fault | None:
        """Claim every identity of a message; a fault naming the holder when one is taken."""
        message_id = self._message_id(self._ordinal)
        for identity in identities:
            holder = await self._append.claim(identity, message_id, self._digest)
            if holder is not None:
                code = (
                    "intake.trace.reused"
                    if identity.startswith("remittance:")
                    else "intake.control_number.reused"
                )
                return fault(
                    code,
                    f"message {self._ordinal}",
                    f"{identity.partition(':')[0]} identity is already held by message {holder}",
                )
        return None

    async def _close(self, closed: Closed) -> None:
        """Make the verdicts of an interchange or batch final, or take all of it back."""
        if closed.faults:
            await self._append.back_to("interchange")
            for judged in self._judged:
                judged.status = closed.status
                judged.faults = (*judged.faults, *closed.faults)
                judged.events_count = 0
        for judged in self._judged:
            await self._append.message(self._row(judged))
            setattr(self.verdicts, judged.status, getattr(self.verdicts, judged.status) + 1)
        self._judged.clear()
        if closed.reply:
            self.replies.append((f"{self._transmission_id}-{closed.reply_name}", closed.reply))
        await self._append.mark("interchange")

    def _row(self, judged: _Judged) -> MessageRow:
        translation = judged.reading.translation
        return MessageRow(
            id=self._message_id(judged.ordinal),
            source=self._channel.source,
            format=translation.format,
            type=translation.type,
            control_id=translation.control_id,
            status=judged.status,
            sha256=self._digest,
            bytes_count=judged.reading.bytes_count,
            received_at=instant(self._at_ms),
            events_count=judged.events_count,
            transmission_id=self._transmission_id,
            bytes_offset=judged.reading.offset,
            totals=[(t.name, t.count, t.amount_minor) for t in translation.totals],
            faults=judged.faults,
        )

    def _message_id(self, ordinal: int) -> str:
        return derive_id("msg", self._at_ms, self._transmission_id, str(ordinal))


def _digest(stream: BinaryIO) -> bytes:
    digest = sha256()
    for chunk in read_chunks(stream):
        digest.update(chunk)
    return digest.digest()
