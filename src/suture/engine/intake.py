"""Intake of single messages (HL7 v2 over MLLP): translate, commit in groups, then acknowledge.

Connections call `receive` and wait; one writer commits whatever has queued, up to
`BATCH_MESSAGES_MAX`, in one durable statement and then releases the replies: a self-clocking group
commit, with no timer. The same message again gets the stored reply, however its lines end; the same
control id with other content is held (B19, B20). Nothing a message holds can keep the others of its
batch out: what fails is kept by itself, unread (B76, F33). Files come in through `file_intake.py`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import sha256

import msgspec

from suture.connectors.ports import NotStoredError
from suture.engine.clock import elapsed_seconds, hl7_timestamp, instant, now_ms
from suture.engine.replies import kept_reply, told_reply
from suture.engine.telemetry import log
from suture.model.event import Event, make_event
from suture.model.fault import Fault, fault
from suture.model.identity import bounded_identity, derive_id, shown_text
from suture.model.translation import UNREADABLE_TYPE, Channel, Status, Translation
from suture.pipeline import receive_message
from suture.security.keys import KeyRing
from suture.security.phi import seal
from suture.store.database import Database, StoreUnavailableError
from suture.store.event_log import (
    Arrival,
    Held,
    append_messages,
    append_repeats,
    find_identities,
)
from suture.translate.hl7v2_reply import reply_to_held
from suture.wire import hl7v2

BATCH_MESSAGES_MAX = 500
QUEUE_MESSAGES_MAX = 10_000
COMMIT_PATIENCE_SECONDS = 20.0
"""How long a batch waits for the database to come back before its senders are told to try again."""
KNOWN_TOKENS_MAX = 200_000


class Answer(msgspec.Struct, frozen=True):
    """What became of a message, and the reply its sender is owed."""

    message_id: str
    reply: bytes
    arrival: Arrival
    is_repeat: bool = False
    status: Status = "accepted"
    """Of the message that holds the identity: a repeat's is the first one's."""


class _Pending(msgspec.Struct):
    arrival: Arrival
    raw: bytes
    channel: Channel
    answer: asyncio.Future[Answer]
    is_uncertain: bool = False
    """A commit of it was lost sight of: what holds its identity may be itself."""

    def settle(self) -> None:
        """Release the reply, if anybody still waits for it."""
        arrival = self.arrival
        self._answer(Answer(arrival.id, arrival.reply, arrival, status=arrival.status))

    def settle_repeat(self, holder: Held, reply: bytes) -> None:
        """Release the reply that the first message of its kind got."""
        told = Answer(holder.message_id, reply, self.arrival, is_repeat=True, status=holder.status)
        self._answer(told)

    def _answer(self, told: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(told)


class Received(msgspec.Struct, frozen=True):
    """Bytes that came in, and how they are known."""

    raw: bytes
    digest: bytes
    at_ms: int
    id: str

    @property
    def control_id(self) -> str:
        """MSH-10 of our reply: 20 characters, as many as HL7 v2.5 allows."""
        return self.id[4:24]


class Intake:
    """The front door: many callers, one writer."""

    def __init__(self, database: Database, key_ring: KeyRing, partitions_count: int) -> None:
        """Take the store, the keys to seal with, and the number of partitions of the log."""
        self._database = database
        self._key_ring = key_ring
        self._partitions_count = partitions_count
        self._queue: asyncio.Queue[_Pending] = asyncio.Queue(QUEUE_MESSAGES_MAX)
        self._known_tokens: OrderedDict[str, None] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the writer task."""
        self._writer = asyncio.create_task(self._write(), name="intake-writer")

    async def drain(self) -> None:
        """Commit what is queued, then stop."""
        await self._queue.join()
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def receive(self, raw: bytes, channel: Channel) -> bytes:
        """Make one message durable and return the reply its sender is owed.

        Raises NotStoredError when nothing was stored: no positive reply may be given.
        """
        return (await self.take(raw, channel)).reply

    async def take(self, raw: bytes, channel: Channel) -> Answer:
        """Do the same, and return with the reply what became of the message."""
        return await self._stored(self.prepare(raw, channel), raw, channel)

    async def refuse(self, remains: bytes, reason: Fault, channel: Channel) -> bytes:
        """Hold what arrived of a message that broke off, and return the reply its sender is owed.

        A sender who gave the message up and went on (B7) is owed none; one whose message is too
        large (B2) is told so, where what arrived says who asks. Raises NotStoredError.
        """
        received = _receive(remains, channel)
        is_given_up = reason.code == "mllp.frame.nested"
        reply = b"" if is_given_up else _refusal(received, channel, reason)
        unread = _unread(reason, "rejected")
        kept = self._kept(received, channel, unread, reply)
        return (await self._stored(kept, remains, channel)).reply

    async def _stored(self, arrival: Arrival, raw: bytes, channel: Channel) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        pending = _Pending(arrival, raw, channel, answer)
        if self._queue.full():
            await self._queue.put(pending)
        else:
            self._queue.put_nowait(pending)
        return await answer

    def prepare(self, raw: bytes, channel: Channel) -> Arrival:
        """Parse, translate and seal one message; pure but for the clock and the nonce."""
        return self.read(_receive(raw, channel), channel)

    def read(self, received: Received, channel: Channel) -> Arrival:
        """Return what bytes that are known already mean: today, or when they are reprocessed."""
        try:
            translation, reply = receive_message(
                received.raw,
                channel,
                control_id=received.control_id,
                at=hl7_timestamp(received.at_ms),
            )
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("message_failed", source=channel.source, error=failure)
            failed = fault("engine.message.failed", "MSH", f"reading it raised {failure}")
            translation, reply = _unread(failed, "held"), _holding(received, channel, failed)
        return self._kept(received, channel, translation, reply)

    def _kept(
        self, received: Received, channel: Channel, translation: Translation, reply: bytes
    ) -> Arrival:
        accepted = translation.status == "accepted"
        as_bytes = f"bytes:{channel.source}:{received.digest.hex()}"
        identity = translation.identities[0] if translation.identities else as_bytes
        return Arrival(
            id=received.id,
            identity=bounded_identity(identity),
            source=channel.source,
            format=translation.format,
            type=shown_text(translation.type),
            control_id=shown_text(translation.control_id),
            status=translation.status,
            sha256=received.digest,
            content_sha256=hl7v2.content_digest(received.raw),
            bytes_count=len(received.raw),
            received_at=instant(received.at_ms),
            sealed=seal(received.raw, key_ring=self._key_ring, context=received.id.encode()),
            reply=reply,
            events=_events(translation, received, channel) if accepted else (),
            totals=[(t.name, t.count, t.amount_minor) for t in translation.totals],
            secrets=self._sealed_secrets(translation) if accepted else (),
            faults=translation.faults,
        )

    def _sealed_secrets(self, translation: Translation) -> list[tuple[str, str, bytes]]:
        return [
            (
                secret.token,
                secret.kind,
                seal(
                    secret.value.encode(),
                    key_ring=self._key_ring,
                    context=secret.token.encode(),
                ),
            )
            for secret in translation.secrets
            if secret.token not in self._known_tokens
        ]

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(0)  # those that arrived in the same moment come along
            while len(batch) < BATCH_MESSAGES_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._commit_all(batch)
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _commit_all(self, batch: list[_Pending]) -> None:
        """Commit a batch, or each of it alone when one of them cannot be stored as it is."""
        try:
            await self._commit_patiently(batch)
        except StoreUnavailableError as error:
            _give_up(batch, error)
        except Exception as error:  # noqa: BLE001 - the writer outlives every batch
            log.error("intake_batch_failed", error=type(error).__name__, messages=len(batch))
            for pending in batch:
                await self._commit_alone(pending)

    async def _commit_alone(self, pending: _Pending) -> None:
        """Commit one message, and if that fails too, its bytes without what was read in them."""
        unread = msgspec.structs.replace(pending, arrival=_as_unread(pending))
        for attempt in (pending, unread):
            try:
                await self._commit_patiently([attempt])
            except StoreUnavailableError as error:
                _give_up([attempt], error)
            except Exception as error:  # noqa: BLE001 - as above
                log.error("intake_message_failed", error=type(error).__name__)
            if pending.answer.done():
                return
        _give_up([pending], None)

    async def _commit_patiently(self, batch: list[_Pending]) -> None:
        """Commit a batch, trying again while the database is away.

        Appending is idempotent by identity. Raises StoreUnavailableError when patience ends.
        """
        deadline = elapsed_seconds() + COMMIT_PATIENCE_SECONDS
        while True:
            try:
                await self._commit(batch)
            except StoreUnavailableError:
                if elapsed_seconds() > deadline:
                    raise
                for pending in batch:
                    pending.is_uncertain = True
                await asyncio.sleep(0.1)
            else:
                return

    async def _commit(self, batch: list[_Pending]) -> None:
        waiting = [pending for pending in batch if not pending.answer.done()]
        while waiting:
            first: dict[str, _Pending] = {}
            later: list[_Pending] = []
            for pending in waiting:
                if pending.arrival.identity in first:
                    later.append(pending)
                else:
                    first[pending.arrival.identity] = pending
            waiting = await self._append(list(first.values())) + later

    async def _append(self, batch: list[_Pending]) -> list[_Pending]:
        """Append arrivals of distinct identity and answer them; return those to try once more."""
        arrivals = [self.as_kept(pending.arrival) for pending in batch]
        new = await append_messages(self._database, arrivals, self._partitions_count)
        taken = [pending for pending in batch if pending.arrival.id not in new]
        again = await self._answer_taken(taken) if taken else []
        for pending in batch:
            if pending.arrival.id in new:
                self._remember_tokens(pending.arrival)
                pending.settle()
        return again

    async def _answer_taken(self, taken: list[_Pending]) -> list[_Pending]:
        holders = await find_identities(
            self._database, [pending.arrival.identity for pending in taken]
        )
        repeats: list[_Pending] = []
        again: list[_Pending] = []
        for pending in taken:
            arrival = pending.arrival
            holder = holders.get(arrival.identity)
            if holder is None:
                again.append(pending)  # its holder is committing at this moment
            elif not holder.says_what(arrival):
                reuse = as_reuse(arrival, holder.message_id)
                reuse.reply = _reply_held(pending, reuse.faults[0])
                again.append(msgspec.structs.replace(pending, arrival=reuse))
            elif holder.message_id == arrival.id and pending.is_uncertain:
                pending.settle()  # our own commit, whose answer was lost
            else:
                repeats.append(pending)
        await append_repeats(
            self._database,
            [holders[pending.arrival.identity].message_id for pending in repeats],
            [pending.arrival.received_at for pending in repeats],
        )
        for pending in repeats:
            holder = holders[pending.arrival.identity]
            told = told_reply(holder.reply, key_ring=self._key_ring, message_id=holder.message_id)
            # One that first came in a file was owed none: now it is, or it is sent for ever.
            pending.settle_repeat(holder, told or pending.arrival.reply)
        return again

    def as_kept(self, arrival: Arrival) -> Arrival:
        """Return the arrival as it may be stored: its reply repeats what its sender wrote."""
        kept = kept_reply(arrival.reply, key_ring=self._key_ring, message_id=arrival.id)
        return arrival if kept is arrival.reply else msgspec.structs.replace(arrival, reply=kept)

    def _remember_tokens(self, arrival: Arrival) -> None:
        for token, _, _ in arrival.secrets:
            self._known_tokens[token] = None
        while len(self._known_tokens) > KNOWN_TOKENS_MAX:
            self._known_tokens.popitem(last=False)


def _give_up(batch: list[_Pending], error: Exception | None) -> None:
    """Tell the senders of messages that were not stored to send them again."""
    told = type(error).__name__ if error else "not stored"
    for pending in batch:
        if not pending.answer.done():
            pending.answer.set_exception(NotStoredError(told))


def _receive(raw: bytes, channel: Channel) -> Received:
    at_ms, digest = now_ms(), sha256(raw)
    message_id = derive_id("msg", at_ms, channel.source, digest.hexdigest())
    return Received(raw, digest.digest(), at_ms, message_id)


def _unread(reason: Fault, status: Status) -> Translation:
    """Return what a message means of which we keep the bytes and a reason, and read nothing."""
    return Translation(
        format="hl7v2", type=UNREADABLE_TYPE, control_id="", status=status, faults=(reason,)
    )


def _refusal(received: Received, channel: Channel, reason: Fault) -> bytes:
    """Return the negative reply to a message of which the beginning arrived; empty where no MSH."""
    message = hl7v2.parse(received.raw, charset=channel.charset)
    if isinstance(message, Fault):
        return b""
    code = "CR" if hl7v2.is_enhanced(message) else "AR"
    return hl7v2.acknowledge(
        message,
        code,
        control_id=received.control_id,
        at=hl7_timestamp(received.at_ms),
        faults=(reason,),
    )


def _holding(received: Received, channel: Channel, reason: Fault) -> bytes:
    """Return the reply to a message that we hold for a reason of ours."""
    at = hl7_timestamp(received.at_ms)
    try:
        return reply_to_held(received.raw, channel, reason, control_id=received.control_id, at=at)
    except Exception:  # noqa: BLE001 - it is the parser that fails; nobody can be named then
        return b""


def _reply_held(pending: _Pending, reason: Fault) -> bytes:
    """Return the reply to a message that its store holds; one that was refused stays refused."""
    arrival = pending.arrival
    if arrival.status == "rejected":
        return arrival.reply
    at_ms = round(arrival.received_at.timestamp() * 1000)
    received = Received(pending.raw, arrival.sha256, at_ms, arrival.id)
    return _holding(received, pending.channel, reason)


def _as_unread(pending: _Pending) -> Arrival:
    """Return the arrival with its bytes and nothing that was read in them."""
    arrival = pending.arrival
    failed = fault("engine.message.failed", "MSH", "what was read in it cannot be stored")
    return msgspec.structs.replace(
        arrival,
        reply=_reply_held(pending, failed),
        identity=f"unread:{arrival.source}:{arrival.sha256.hex()}",
        type=UNREADABLE_TYPE,
        control_id="",
        status="held",
        events=(),
        totals=(),
        secrets=(),
        faults=(failed,),
    )


def as_reuse(arrival: Arrival, holder_id: str) -> Arrival:
    """Return the arrival as a held one: its control id was used before, for another (B20)."""
    reused: Fault = fault(
        "intake.control_id.reused",
        "MSH-10",
        f"this control id was used before by message {holder_id}, with other content",
    )
    return msgspec.structs.replace(
        arrival,
        identity=bounded_identity(f"reuse:{arrival.identity}:{arrival.content_sha256.hex()}"),
        status="held",
        events=(),
        secrets=(),
        faults=(reused,),
    )


def _events(translation: Translation, received: Received, channel: Channel) -> list[Event]:
    digest = received.digest.hex()
    return [
        make_event(
            routed.stream,
            routed.fact,
            routed.where,
            ordinal,
            message_id=received.id,
            digest=digest,
            recorded_at_ms=translation.recorded_at_ms,
            sequence=translation.sequence,
            source=channel.source,
            received_at_ms=received.at_ms,
        )
        for ordinal, routed in enumerate(translation.routed, 1)
    ]
