"""Transmissions: bytes that may hold many messages, taken in one transaction, all or nothing.

A file (`file_intake.py`), a body that was posted (`body_intake.py`) or one that was asked for
(`pull_intake.py`). The bytes go into the store sealed, whole and first; then the pipeline reads
them in a second pass, and facts of a message are appended as they come and taken back (a savepoint)
if the message's verdict, its identity or its interchange says so. The same bytes again are a
duplicate (B30, B70), and so is a message that says again what another one said, in whichever
transmission. The statements are `store/transmission.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from suture.connectors.ports import MESSAGES_TOLD_MAX, MessageVerdict, Reason
from suture.engine.clock import instant
from suture.engine.file_facts import Facts
from suture.engine.replies import kept_file_reply, told_file_reply
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
    Status,
    Translation,
)
from suture.pipeline import identity_taken, read_file
from suture.security.keys import KeyRing
from suture.security.phi import Sealer, name_context, seal
from suture.store.database import Database, Deadlines, StoreUnavailableError
from suture.store.transmission import FileAppend, MessageRow

Chunks = Callable[[], Iterable[bytes]]
"""Reads the bytes of a transmission from their start, in pieces of bounded size."""


class ChangedError(Exception):
    """The bytes are not those of a moment ago: their sender still writes them (B65)."""


class Verdicts(msgspec.Struct):
    """How many messages of a transmission got which verdict, and whether it was itself a repeat."""

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


class Taken(msgspec.Struct):
    """What came of a transmission."""

    transmission_id: str
    """Its own; of a repeat, the first one's."""
    verdicts: Verdicts = msgspec.field(default_factory=Verdicts)
    reply: Reply = Reply()
    format: str = "unknown"
    """Of its first message."""
    messages: list[MessageVerdict] = []
    """The first of them."""


class Transmission(msgspec.Struct, frozen=True):
    """Bytes being taken: what they are called, and what they are."""

    id: str
    name: str
    digest: bytes
    bytes_count: int
    at_ms: int


def transmission_of(
    source: str, name: str, digest: bytes, bytes_count: int, at_ms: int
) -> Transmission:
    """Return a transmission under its id."""
    identity = derive_id("trn", at_ms, source, digest.hex())
    return Transmission(identity, name, digest, bytes_count, at_ms)


class _Judged(msgspec.Struct):
    """A message of the open interchange, judged but not yet final."""

    reading: Reading
    faults: tuple[Fault, ...]
    status: Status
    ordinal: int
    events_count: int
    repeats: str = ""
    """The message that said the same before; empty where it is new."""


class Transmissions:
    """Takes transmissions into one store."""

    def __init__(self, database: Database, key_ring: KeyRing, partitions_count: int) -> None:
        """Take the store, the keys to seal with, and the number of partitions of the log."""
        self.database = database
        self.key_ring = key_ring
        self.partitions_count = partitions_count

    async def take(
        self,
        told: Transmission,
        chunks: Chunks,
        channel: Channel,
        *,
        deadlines: Deadlines | None = None,
    ) -> Taken:
        """Take a transmission in a transaction of its own.

        Raises StoreUnavailableError, and OSError or ChangedError where its bytes cannot be read;
        then nothing has changed. One that cannot be read for a fault of ours is kept unread (F33).
        """
        try:
            async with FileAppend(self.database, self.partitions_count, deadlines) as append:
                return await self.append(append, told, chunks, channel)
        except (StoreUnavailableError, OSError, ChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("file_failed", transmission=told.id, error=failure)
            async with FileAppend(self.database, self.partitions_count, deadlines) as append:
                return await self.append(append, told, chunks, channel, failure=failure)

    async def append(
        self,
        append: FileAppend,
        told: Transmission,
        chunks: Chunks,
        channel: Channel,
        *,
        failure: str = "",
        refusal: Fault | None = None,
    ) -> Taken:
        """Append a transmission to an open transaction; after a `failure`, its bytes and that.

        Of one that its door cannot unwrap, the bytes are held with the door's `refusal`.
        """
        received_at = instant(told.at_ms)
        begun = await append.begin(
            told.id,
            channel.source,
            # A payer may name a file after a patient.
            seal(told.name.encode(), key_ring=self.key_ring, context=name_context(told.id)),
            told.digest,
            told.bytes_count,
            received_at,
        )
        if not begun:
            first_id, name, content = await append.repeat(channel.source, told.digest, received_at)
            reply = told_file_reply(content, key_ring=self.key_ring, transmission_id=first_id)
            verdicts = Verdicts(is_repeat=True)
            return Taken(transmission_id=first_id, verdicts=verdicts, reply=Reply(name, reply))
        taking = _Taking(append, self.key_ring, told, chunks, channel)
        await taking.keep()
        if refusal is not None:
            await taking.give_up(refusal, "held")
        elif failure:
            told_failure = fault("engine.file.failed", "file", f"reading it raised {failure}")
            await taking.give_up(told_failure, "rejected")
        else:
            await taking.read()
        return taking.taken


class _Taking:
    """One transmission on its way into the store."""

    def __init__(
        self,
        append: FileAppend,
        key_ring: KeyRing,
        told: Transmission,
        chunks: Chunks,
        channel: Channel,
    ) -> None:
        self._append = append
        self._key_ring = key_ring
        self._file = told
        self._chunks = chunks
        self._channel = channel
        self._facts = Facts(
            append, key_ring, source=channel.source, digest=told.digest, at_ms=told.at_ms
        )
        self._judged: list[_Judged] = []
        self._ordinal = 0
        self.taken = Taken(transmission_id=told.id)

    async def keep(self) -> None:
        """Append the file's bytes, sealed, before anything that may be taken back."""
        sealer = Sealer(self._key_ring, context=self._file.id.encode())
        for chunk in self._chunks():
            await self._append.chunk(sealer.seal(chunk))
        await self._append.chunk(sealer.finish())

    async def read(self) -> None:
        """Append what the file means."""
        await self._append.mark("interchange")
        for piece in read_file(self._chunks(), self._channel):
            match piece:
                case Begun():
                    await self._begin(piece)
                case Routed():
                    await self._facts.add(piece)
                case Reading():
                    await self._judge(piece)
                case Closed():
                    await self._close(piece)
        reply = self.taken.reply
        if reply.content:
            kept = kept_file_reply(
                reply.content,
                key_ring=self._key_ring,
                transmission_id=self.taken.transmission_id,
            )
            await self._append.reply(reply.name, kept)

    async def give_up(self, told: Fault, status: Status) -> None:
        """Append that the file could not be read: one message, which is all of it."""
        unread = Translation(
            format="unknown",
            type=UNREADABLE_TYPE,
            control_id="",
            status=status,
            faults=(told,),
        )
        await self._begin(Begun(recorded_at_ms=0))
        await self._judge(Reading(translation=unread, offset=0, bytes_count=self._file.bytes_count))
        await self._close(Closed())

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
        # Its facts are on their way: of a table, each row would else keep them to the file's end.
        bare = msgspec.structs.replace(translation, routed=(), secrets=())
        reading = msgspec.structs.replace(reading, translation=bare)
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
            verdicts = self.taken.verdicts
            setattr(verdicts, row.status, getattr(verdicts, row.status) + 1)
            self._tell(judged, row.id)
        self._judged.clear()
        if closed.reply:
            name = self.taken.reply.name or closed.reply_name
            self.taken.reply = Reply(name, self.taken.reply.content + closed.reply)
        await self._append.mark("interchange")

    async def _note_repeat(self, judged: _Judged) -> None:
        self.taken.verdicts.repeated += 1
        self._tell(judged, judged.repeats)
        await self._append.again(
            judged.repeats,
            instant(self._file.at_ms),
            self._file.id,
            judged.reading.offset,
        )

    def _tell(self, judged: _Judged, message_id: str) -> None:
        """Note a message's verdict for its sender."""
        translation, told = judged.reading.translation, self.taken.messages
        if not told:
            self.taken.format = translation.format
        if len(told) < MESSAGES_TOLD_MAX:
            told.append(
                MessageVerdict(
                    id=message_id,
                    format=translation.format,
                    type=shown_text(translation.type),
                    control_id=shown_text(translation.control_id),
                    status=judged.status,
                    reasons=reasons_of(judged.faults),
                    is_repeat=bool(judged.repeats),
                )
            )

    def _row(self, judged: _Judged) -> MessageRow:
        return row_of(
            judged.reading,
            message_id=self._message_id(judged.ordinal),
            source=self._channel.source,
            status=judged.status,
            faults=judged.faults,
            events_count=judged.events_count,
            transmission_id=self._file.id,
            digest=self._file.digest,
            at_ms=self._file.at_ms,
        )

    def _message_id(self, ordinal: int) -> str:
        return message_id_of(self._file.id, self._file.at_ms, ordinal)


def reasons_of(faults: Iterable[Fault]) -> tuple[Reason, ...]:
    """Return faults as a message's sender may be told them."""
    return tuple(Reason(each.code, each.where, each.explanation) for each in faults)


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
