"""Intake of files: one transaction for a file, so that none of it counts before all is judged.

The bytes go into the store sealed, whole and first; then the pipeline reads them in a second pass,
and facts of a message are appended as they come and taken back (a savepoint) if the message's
verdict, its identity or its interchange says so. The same bytes again, under any name, are a
duplicate (B30, B70), and so is a message that says again what another one said, in whichever file.
Runs in a process of its own, so that a large file never delays a reply to a connection. Which files
are whole is `connectors/files/folder.py`; the statements are `store/transmission.py`; single
messages come in through `intake.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

import msgspec

from suture.connectors.files.folder import Folder, FoundFile, read_chunks
from suture.engine.clock import elapsed_seconds, instant, now_ms
from suture.engine.file_facts import Facts
from suture.engine.telemetry import log
from suture.model.fault import Fault, fault
from suture.model.identity import bounded_identity, derive_id, shown_text
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    Reading,
    Routed,
    Translation,
)
from suture.pipeline import read_file
from suture.security.keys import KeyRing
from suture.security.phi import Sealer, name_context, seal
from suture.store.database import Database, StoreUnavailableError
from suture.store.transmission import FileAppend, MessageRow

POLL_SECONDS = 0.25


class FileChangedError(Exception):
    """A file's bytes are not those of a moment ago: its sender still writes it (B65)."""


class Verdicts(msgspec.Struct):
    """How many messages of a file got which verdict, and whether the file itself was a repeat."""

    accepted: int = 0
    held: int = 0
    rejected: int = 0
    repeated: int = 0
    """They say again what another message said."""
    is_repeat: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What a file's sender is owed, as a file of its own; nothing when empty."""

    name: str = ""
    content: bytes = b""


class _File(msgspec.Struct, frozen=True):
    """A file being taken: what it is called, and what its bytes are."""

    transmission_id: str
    name: str
    digest: bytes
    bytes_count: int
    at_ms: int


class _Judged(msgspec.Struct):
    """A message of the open interchange, judged but not yet final."""

    reading: Reading
    faults: tuple[Fault, ...]
    status: str
    ordinal: int
    events_count: int
    repeats: str = ""
    """The message that said the same before; empty where it is new."""


class FileIntake:
    """Takes the files of one source."""

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        partitions_count: int,
        folder: Folder,
        channel: Channel,
    ) -> None:
        """Take the store, the keys, the folder to watch and the channel its files belong to."""
        self._database = database
        self.key_ring = key_ring
        """The keys files are sealed with."""
        self._partitions_count = partitions_count
        self._folder = folder
        self._left: set[FoundFile] = set()
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
        taken = 0
        for file in self._folder.find(elapsed_seconds()):
            taken += await self._take(file)
        return taken

    async def _take(self, file: FoundFile) -> bool:
        """Take one file and file it away; False when it is left where it is for another time."""
        if file.refusal:
            # Named after what it is to the file system: its own name may be a patient's.
            identity = derive_id("trn", now_ms(), self.channel.source, *map(str, file.mark))
            self._folder.put_aside(file, identity=identity)
            log.warning(
                "file_refused", source=self.channel.source, file=identity, reason=file.refusal
            )
            return True
        try:
            with self._folder.open(file) as stream:
                await self._take_open(file, stream)
        except (OSError, FileChangedError) as error:
            if file not in self._left:  # said once, however often it is tried
                self._left.add(file)
                log.warning("file_left", source=self.channel.source, reason=type(error).__name__)
            return False
        self._left.discard(file)
        return True

    async def _take_open(self, found: FoundFile, stream: BinaryIO) -> None:
        at_ms = now_ms()
        digest, bytes_count = await asyncio.to_thread(_digest, stream)
        identity = derive_id("trn", at_ms, self.channel.source, digest.hex())
        file = _File(identity, found.name, digest, bytes_count, at_ms)
        try:
            verdicts, reply = await self._append(file, stream)
        except (StoreUnavailableError, OSError, FileChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            log.error("file_failed", transmission=identity, error=type(error).__name__)
            verdicts, reply = await self._append(file, stream, failure=type(error).__name__)
        if reply.content:
            self._folder.reply(f"{identity}-{reply.name}", reply.content)
        self._folder.settle(found, identity=identity)
        log.info(
            "file_taken",
            source=self.channel.source,
            transmission=identity,
            **msgspec.to_builtins(verdicts),
        )

    async def _append(
        self, file: _File, stream: BinaryIO, *, failure: str = ""
    ) -> tuple[Verdicts, Reply]:
        """Append a file whole or not at all; after a `failure` its bytes and that, unread."""
        received_at = instant(file.at_ms)
        async with FileAppend(self._database, self._partitions_count) as append:
            begun = await append.begin(
                file.transmission_id,
                self.channel.source,
                # A payer may name a file after a patient.
                seal(
                    file.name.encode(),
                    key_ring=self.key_ring,
                    context=name_context(file.transmission_id),
                ),
                file.digest,
                file.bytes_count,
                received_at,
            )
            if not begun:
                told = await append.repeat(self.channel.source, file.digest, received_at)
                return Verdicts(is_repeat=True), Reply(*told)
            taking = _Taking(self, append, file)
            await taking.keep(stream)
            if failure:
                await taking.give_up(failure)
            else:
                await taking.read(stream)
            return taking.verdicts, taking.reply


class _Taking:
    """One file on its way into the store."""

    def __init__(self, intake: FileIntake, append: FileAppend, file: _File) -> None:
        self._channel = intake.channel
        self._key_ring = intake.key_ring
        self._append = append
        self._file = file
        self._facts = Facts(
            append,
            intake.key_ring,
            source=intake.channel.source,
            digest=file.digest,
            at_ms=file.at_ms,
        )
        self._judged: list[_Judged] = []
        self._ordinal = 0
        self.verdicts = Verdicts()
        self.reply = Reply()

    async def keep(self, stream: BinaryIO) -> None:
        """Append the file's bytes, sealed, before anything that may be taken back."""
        sealer = Sealer(self._key_ring, context=self._file.transmission_id.encode())
        for chunk in self._chunks(stream):
            await self._append.chunk(sealer.seal(chunk))
        await self._append.chunk(sealer.finish())

    async def read(self, stream: BinaryIO) -> None:
        """Append what the file means."""
        await self._append.mark("interchange")
        for piece in read_file(self._chunks(stream), self._channel):
            match piece:
                case Begun():
                    await self._begin(piece)
                case Routed():
                    await self._facts.add(piece)
                case Reading():
                    await self._judge(piece)
                case Closed():
                    await self._close(piece)
        if self.reply.content:
            await self._append.reply(self.reply.name, self.reply.content)

    async def give_up(self, failure: str) -> None:
        """Append that the file could not be read: one rejected message, which is all of it."""
        told = fault("engine.file.failed", "file", f"reading it raised {failure}")
        unread = Translation(
            format="unknown",
            type=UNREADABLE_TYPE,
            control_id="",
            status="rejected",
            faults=(told,),
        )
        await self._begin(Begun(recorded_at_ms=0))
        await self._judge(Reading(translation=unread, offset=0, bytes_count=self._file.bytes_count))
        await self._close(Closed())

    def _chunks(self, stream: BinaryIO) -> Iterator[bytes]:
        """Read the file from its start. Raises FileChangedError at its end when it is another."""
        stream.seek(0)
        digest = sha256()
        for chunk in read_chunks(stream):
            digest.update(chunk)
            yield chunk
        if digest.digest() != self._file.digest:
            raise FileChangedError

    async def _begin(self, begun: Begun) -> None:
        self._ordinal += 1
        message_id = self._message_id(self._ordinal)
        self._facts.begin(message_id, begun, message_ordinal=self._ordinal)
        await self._append.mark("message")

    async def _judge(self, reading: Reading) -> None:
        """Keep a message's facts if its verdict and its identities allow, else take them back."""
        translation = reading.translation
        for routed in translation.routed:
            await self._facts.add(routed)
        for secret in translation.secrets:
            self._facts.hide(secret)
        judged = _Judged(reading, translation.faults, translation.status, self._ordinal, 0)
        if judged.status == "accepted":
            await self._claim(judged)
        if judged.status == "accepted" and not judged.repeats:
            await self._facts.flush()
            judged.events_count = self._facts.count
        else:
            self._facts.forget()
            await self._append.back_to("message")
        self._judged.append(judged)

    async def _claim(self, judged: _Judged) -> None:
        """Claim every identity of a message; one that is taken makes it a repeat, or held."""
        message_id, content = self._message_id(judged.ordinal), judged.reading.content_sha256
        for identity in map(bounded_identity, judged.reading.translation.identities):
            holder = await self._append.claim(identity, message_id, content)
            if holder is None:
                continue
            if holder.content_sha256 == content:
                judged.repeats = holder.message_id
            else:
                taken = identity_taken(identity, judged.ordinal, holder.message_id)
                judged.faults, judged.status = (taken,), "held"
            return

    async def _close(self, closed: Closed) -> None:
        """Make the verdicts of an interchange or batch final, or take all of it back."""
        if closed.faults:
            await self._append.back_to("interchange")
            taken_back = {self._message_id(judged.ordinal) for judged in self._judged}
            for judged in self._judged:
                if judged.repeats and judged.repeats not in taken_back:
                    continue  # what it says stands, and waits for nobody
                judged.repeats = ""
                judged.status = closed.status
                judged.faults = (*judged.faults, *closed.faults)
                judged.events_count = 0
        for judged in self._judged:
            if judged.repeats:
                await self._note_repeat(judged)
                continue
            row = self._row(judged)
            await self._append.message(row)
            await self._append.supersede(row)  # those before it, never a later one that reuses it
            setattr(self.verdicts, row.status, getattr(self.verdicts, row.status) + 1)
        self._judged.clear()
        if closed.reply:
            name = self.reply.name or closed.reply_name
            self.reply = Reply(name, self.reply.content + closed.reply)
        await self._append.mark("interchange")

    async def _note_repeat(self, judged: _Judged) -> None:
        self.verdicts.repeated += 1
        await self._append.again(
            judged.repeats,
            instant(self._file.at_ms),
            self._file.transmission_id,
            judged.reading.offset,
        )

    def _row(self, judged: _Judged) -> MessageRow:
        return row_of(
            judged.reading,
            message_id=self._message_id(judged.ordinal),
            source=self._channel.source,
            status=judged.status,
            faults=judged.faults,
            events_count=judged.events_count,
            transmission_id=self._file.transmission_id,
            digest=self._file.digest,
            at_ms=self._file.at_ms,
        )

    def _message_id(self, ordinal: int) -> str:
        return message_id_of(self._file.transmission_id, self._file.at_ms, ordinal)


def message_id_of(transmission_id: str, at_ms: int, ordinal: int) -> str:
    """Return the id of a file's message, from the file and its place among the others."""
    return derive_id("msg", at_ms, transmission_id, str(ordinal))


def row_of(  # noqa: PLR0913 - what a reading does not say itself
    reading: Reading,
    *,
    message_id: str,
    source: str,
    status: str,
    faults: tuple[Fault, ...],
    events_count: int,
    transmission_id: str,
    digest: bytes,
    at_ms: int,
) -> MessageRow:
    """Return a file's message as it is stored, with this verdict."""
    translation = reading.translation
    return MessageRow(
        id=message_id,
        source=source,
        format=translation.format,
        type=shown_text(translation.type),
        control_id=shown_text(translation.control_id),
        status=status,
        sha256=digest,
        bytes_count=reading.bytes_count,
        received_at=instant(at_ms),
        events_count=events_count,
        transmission_id=transmission_id,
        bytes_offset=reading.offset,
        identities=[bounded_identity(each) for each in translation.identities],
        totals=[(each.name, each.count, each.amount_minor) for each in translation.totals],
        faults=faults,
    )


def identity_taken(identity: str, message_ordinal: int, holder_id: str) -> Fault:
    """Return why a file's message is held whose identity another message holds."""
    kind = identity.partition(":")[0]
    code = "intake.trace.reused" if kind == "remittance" else "intake.control_id.reused"
    explanation = f"{kind} identity is already held by message {holder_id}"
    return fault(code, f"message {message_ordinal}", explanation)


def _digest(stream: BinaryIO) -> tuple[bytes, int]:
    """Return the digest of a file's bytes and how many there are."""
    digest, bytes_count = sha256(), 0
    for chunk in read_chunks(stream):
        digest.update(chunk)
        bytes_count += len(chunk)
    return digest.digest(), bytes_count
