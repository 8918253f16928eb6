"""Intake of single messages (HL7 v2 over MLLP): translate, commit in groups, acknowledge after the commit.

Connections call `receive` and wait; one writer commits whatever has queued, up to `BATCH_MESSAGES_MAX`, in one durable statement and
then releases the replies: a self-clocking group commit, with no timer. The same message again gets the stored reply; the same
control id with other bytes is held (B19, B20). Files come in through `file_intake.py`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import sha256

import msgspec

from suture.engine.clock import elapsed_seconds, hl7_timestamp, instant, now_ms
from suture.engine.telemetry import log
from suture.model.event import Event, make_stamp
from suture.model.fault import Fault, fault
from suture.model.identity import derive_id
from suture.model.translation import Channel, Translation
from suture.pipeline import receive_message
from suture.security.keys import KeyRing
from suture.security.phi import seal
from suture.store.database import Database, StoreUnavailableError
from suture.store.event_log import (
    Arrival,
    append_messages,
    append_repeats,
    find_identities,
)

BATCH_MESSAGES_MAX = 500
QUEUE_MESSAGES_MAX = 10_000
COMMIT_PATIENCE_SECONDS = 20.0
"""How long a batch waits for the database to come back before its senders are told to try again."""
KNOWN_TOKENS_MAX = 200_000


class NotStoredError(Exception):
    """The message could not be made durable; its sender must be told to send again."""


class _Pending(msgspec.Struct):
    arrival: Arrival
    answer: asyncio.Future[bytes]


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
        arrival = self.prepare(raw, channel)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Pending(arrival, answer))
        return await answer

    def prepare(self, raw: bytes, channel: Channel) -> Arrival:
        """Parse, translate and seal one message; pure but for the clock and the nonce."""
        received_at_ms = now_ms()
        digest = sha256(raw)
        message_id = derive_id("msg", received_at_ms, channel.source, digest.hexdigest())
        translation, reply = receive_message(
            raw, channel, control_id=message_id[4:24], at=hl7_timestamp(received_at_ms)
        )
        accepted = translation.status == "accepted"
        identity = translation.identities[0] if translation.identities else None
        return Arrival(
            id=message_id,
            identity=identity or f"bytes:{channel.source}:{digest.hexdigest()}",
            source=channel.source,
            format=translation.format,
            type=translation.type,
            control_id=translation.control_id,
            status=translation.status,
            sha256=digest.digest(),
            bytes_count=len(raw),
            received_at=instant(received_at_ms),
            sealed=seal(raw, key_ring=self._key_ring, context=message_id.encode()),
            reply=reply,
            events=_events(translation, message_id, digest.hexdigest(), channel, received_at_ms)
            if accepted
            else (),
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
            while len(batch) < BATCH_MESSAGES_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._commit_patiently(batch)
            except Exception as error:  # noqa: BLE001 - the writer must outlive any batch; the senders are told
                log.error("intake_batch_failed", error=type(error).__name__, messages=len(batch))
                for pending in batch:
                    if not pending.answer.done():
                        pending.answer.set_exception(NotStoredError(type(error).__name__))
            finally:
                for _ in batch:
                    self._queue.task_done()

    async def _commit_patiently(self, batch: list[_Pending]) -> None:
        """Commit a batch, trying again while the database is away; appending is idempotent by identity."""
        deadline = elapsed_seconds() + COMMIT_PATIENCE_SECONDS
        while True:
            try:
                await self._commit(batch)
            except StoreUnavailableError:
                if elapsed_seconds() > deadline:
                    raise
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
        """Append arrivals of distinct identity and answer them; return those that must go round again."""
        arrivals = [pending.arrival for pending in batch]
        new = await append_messages(self._database, arrivals, self._partitions_count)
        taken = [pending for pending in batch if pending.arrival.id not in new]
        again = await self._answer_taken(taken) if taken else []
        for pending in batch:
            if pending.arrival.id in new:
                self._remember_tokens(pending.arrival)
                if not pending.answer.done():
                    pending.answer.set_result(pending.arrival.reply)
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
            elif holder.sha256 != arrival.sha256:
                again.append(_Pending(_as_reuse(arrival, holder.message_id), pending.answer))
            elif holder.message_id == arrival.id:
                pending.answer.set_result(arrival.reply)  # our own commit, whose answer was lost
            else:
                repeats.append(pending)
        await append_repeats(
            self._database,
            [holders[pending.arrival.identity].message_id for pending in repeats],
            [pending.arrival.received_at for pending in repeats],
        )
        for pending in repeats:
            pending.answer.set_result(holders[pending.arrival.identity].reply)
        return again

    def _remember_tokens(self, arrival: Arrival) -> None:
        for token, _, _ in arrival.secrets:
            self._known_tokens[token] = None
        while len(self._known_tokens) > KNOWN_TOKENS_MAX:
            self._known_tokens.popitem(last=False)


def _as_reuse(arrival: Arrival, holder_id: str) -> Arrival:
    """Return the arrival as a held one: its control id was used before by other bytes (B20)."""
    reused: Fault = fault(
        "intake.control_id.reused",
        "MSH-10",
        f"this control id was used before by message {holder_id}, with other content",
    )
    return msgspec.structs.replace(
        arrival,
        identity=f"reuse:{arrival.identity}:{arrival.sha256.hex()}",
        status="held",
        events=(),
        secrets=(),
        faults=(reused,),
    )


def _events(
    translation: Translation,
    message_id: str,
    digest: str,
    channel: Channel,
    received_at_ms: int,
) -> list[Event]:
    return [
        make_event(
            routed.stream,
            routed.fact,
            routed.where,
            ordinal,
            message_id=message_id,
            digest=digest,
            recorded_at_ms=translation.recorded_at_ms,
            source=channel.source,
            received_at_ms=received_at_ms,
        )
        for ordinal, routed in enumerate(translation.routed, 1)
    ]


def make_event(  # noqa: PLR0913 - the parts of an event
    stream: str,
    fact: object,
    where: str,
    ordinal: int,
    *,
    message_id: str,
    digest: str,
    recorded_at_ms: int,
    source: str,
    received_at_ms: int,
) -> Event:
    """Make the event `ordinal` of a message; its id and stamp follow from the message alone."""
    return Event(
        id=f"evt_{message_id[4:]}.{ordinal:04d}",
        stream=stream,
        fact=fact,  # type: ignore[arg-type]
        source=source,
        message_id=message_id,
        where=where,
        stamp=make_stamp(recorded_at_ms, digest, ordinal),
        received_at_ms=received_at_ms,
    )
