"""One message that came by itself (HL7 v2 over MLLP), again from its raw bytes.

Here too: what reprocessing anything needs (`Desk`), and what becomes of it (`Reprocessed`). The
same reading as at intake (`intake.py`), under the message's own id and time, in one transaction.
Files are `file_reprocess.py`; which messages, and in which order, is `reprocess.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from suture.engine.intake import Intake, Received, as_reuse
from suture.engine.raw import open_message
from suture.model.fault import Fault
from suture.model.translation import Channel
from suture.security.keys import KeyRing
from suture.store.acts import Person
from suture.store.database import Database
from suture.store.event_log import Arrival, Held, amount_at_stake
from suture.store.reprocess import Reason, Reprocessing, StoredMessage
from suture.store.transmission import MessageRow

Outcome = Literal["accepted", "held", "repeated", "refused"]
"""Accepted now; held still, or for another reason; said already by another message;
nothing done, for the reason told."""


class Reprocessed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message, or of an event that had failed."""

    id: str
    outcome: Outcome
    amount_minor: int = 0
    """What it says it is worth, as it is read now."""
    events_count: int = 0
    """Events queued for their runner."""
    messages_count: int = 0
    """Messages found in what could not be read at all before."""
    code: str = ""
    """Of the fault that holds it."""
    explanation: str = ""


class Desk:
    """What reprocessing needs: the store, the keys, who asked, and under which release."""

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        partitions_count: int,
        *,
        person: Person,
        release: str,
    ) -> None:
        """Take them."""
        self.database = database
        self.key_ring = key_ring
        self.person = person
        self.resolution = f"reprocessed by {person.name} under release {release}"
        """How exceptions are closed."""
        self.intake = Intake(database, key_ring, partitions_count)
        """To read by; it is never started."""
        self._partitions_count = partitions_count

    def transaction(self) -> Reprocessing:
        """Return a transaction on the store."""
        return Reprocessing(self.database, self._partitions_count)


async def reprocess_message(desk: Desk, message: StoredMessage, channel: Channel) -> Reprocessed:
    """Read one message again and put what it means now in the place of what it meant.

    A reading that says what its open exceptions say changes nothing. Raises SealBrokenError,
    UnknownKeyError, StoreUnavailableError.
    """
    raw = await open_message(desk.database, desk.key_ring, message.id)
    assert raw is not None, "it was found a moment ago"
    received = Received(raw, message.sha256, message.received_at_ms, message.id)
    reading = desk.intake.read(received, channel)
    async with desk.transaction() as store:
        if await store.lock(message.id) == "accepted":
            return accepted_already(message.id)
        reasons = (await store.reasons([message.id])).get(message.id, [])
        arrival = await _identified(store, reading)
        if isinstance(arrival, Held):
            await store.repeats(
                message.id,
                arrival.message_id,
                resolution=desk.resolution,
                person=desk.person,
            )
            return Reprocessed(id=message.id, outcome="repeated", explanation=arrival.message_id)
        if arrival.status != "accepted" and says_the_same(reasons, arrival.faults):
            return still_held(message.id, arrival.faults, amount_at_stake(arrival.totals))
        secrets = {token: (kind, sealed) for token, kind, sealed in arrival.secrets}
        await store.facts(arrival.events, secrets)
        await store.rejudge(
            _row(arrival),
            resolution=desk.resolution,
            person=desk.person,
            reply=desk.intake.as_kept(arrival).reply,
        )
    amount_minor = amount_at_stake(arrival.totals)
    if arrival.status != "accepted":
        return still_held(message.id, arrival.faults, amount_minor)
    return Reprocessed(
        id=message.id,
        outcome="accepted",
        amount_minor=amount_minor,
        events_count=len(arrival.events),
    )


async def _identified(store: Reprocessing, arrival: Arrival) -> Arrival | Held:
    """Claim a reading's identity for its message, as intake does.

    Returns the reading, one that is held because another came first under its control id (B20),
    or who says the very same already (B19).
    """
    holder = await store.hold(arrival.identity, arrival.id, arrival.content_sha256)
    if holder.message_id == arrival.id:
        return arrival
    if holder.says_what(arrival):
        return holder
    return await _identified(store, as_reuse(arrival, holder.message_id))


def _row(arrival: Arrival) -> MessageRow:
    return MessageRow(
        id=arrival.id,
        source=arrival.source,
        format=arrival.format,
        type=arrival.type,
        control_id=arrival.control_id,
        status=arrival.status,
        sha256=arrival.sha256,
        bytes_count=arrival.bytes_count,
        received_at=arrival.received_at,
        events_count=len(arrival.events),
        transmission_id="",
        bytes_offset=0,
        totals=arrival.totals,
        faults=arrival.faults,
    )


def says_the_same(reasons: Sequence[Reason], faults: Sequence[Fault]) -> bool:
    """Tell whether a reading is held for what its open exceptions say already.

    Where a person closed them, their word stands until the message is accepted.
    """
    told = sorted((each.code, each.where, each.explanation) for each in faults)
    return not reasons or sorted(reasons) == told


def still_held(message_id: str, faults: Sequence[Fault], amount_minor: int) -> Reprocessed:
    """Return that a message is not accepted now either, with the first reason."""
    first = faults[0]
    return Reprocessed(
        id=message_id,
        outcome="held",
        amount_minor=amount_minor,
        code=first.code,
        explanation=first.explanation,
    )


def accepted_already(message_id: str) -> Reprocessed:
    """Refuse a message that was accepted: what it says is told, and books once."""
    return refused(
        message_id,
        "it was accepted already, and what it says is booked or waits by itself; nothing is told "
        f"twice (`suture trace {message_id}`)",
    )


def refused(asked: str, why: str) -> Reprocessed:
    """Return that nothing was done, and why."""
    return Reprocessed(id=asked, outcome="refused", explanation=why)
