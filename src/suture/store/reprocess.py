"""What is stored of a message that was not accepted, judged anew in its place.

One transaction for a message, or for a file: the row keeps its id, its bytes, its place and the
time it came; verdict, events, totals and exceptions follow from what it means now. Whoever
reprocesses holds the row (or the file) meanwhile, so nothing is told twice. What it means is found
out in `engine/reprocess.py` and `engine/file_reprocess.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from suture.store.acts import Person, act_arguments
from suture.store.database import Database
from suture.store.event_log import Held
from suture.store.transmission import FileAppend, MessageRow
from suture.store.worklist import EVENT_FAILED, NamedItem

Reason = tuple[str, str, str]
"""Code, path and explanation of why a message is not accepted."""


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is stored, without its bytes."""

    id: str
    source: str
    format: str
    type: str
    status: Literal["accepted", "held", "rejected"]
    sha256: bytes
    """Of its bytes; of its file's, where it came in one."""
    bytes_count: int
    received_at: datetime
    transmission_id: str | None
    bytes_offset: int | None
    events_count: int
    is_fragment: bool
    """Its bytes are what is left of a message that broke off: nobody may take them for whole."""

    @property
    def received_at_ms(self) -> int:
        """When it came, in milliseconds since the epoch, as its id and its events say."""
        return round(self.received_at.timestamp() * 1000)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a file, and where in the file it begins."""

    id: str
    type: str
    status: Literal["accepted", "held", "rejected"]
    bytes_offset: int


async def find_messages(
    database: Database, message_ids: Sequence[str], *, fragment_codes: Iterable[str]
) -> list[StoredMessage]:
    """Return messages by id, in the order they came; unknown ones are left out."""
    rows = await database.fetch("find_messages", list(message_ids), sorted(fragment_codes))
    return [StoredMessage(**dict(row)) for row in rows]


async def tell_event_again(
    database: Database, item: NamedItem, *, resolution: str, person: Person
) -> str | None:
    """Queue again the fact of an event that could not be handled; return the new event's id.

    It was never told to its stream, so nothing is told twice. None when its exception is closed.
    """
    row = await database.fetchrow(
        "tell_event_again",
        item.id,
        EVENT_FAILED,
        resolution,
        person.os_user,
        person.host,
        person.reason,
    )
    return None if row is None else str(row["id"])


class Reprocessing(FileAppend):
    """A transaction that judges stored messages anew. All of it is committed, or none."""

    async def lock(self, message_id: str) -> str:
        """Hold a message that came by itself; return its verdict so far."""
        return str((await self.fetch("lock_message", message_id))[0]["status"])

    async def lock_file(
        self, transmission_id: str, message_ids: Sequence[str] | None
    ) -> list[Place]:
        """Hold a file; return those of its messages, or all of them for None, by their place."""
        await self.fetch("lock_transmission", transmission_id)
        ids = None if message_ids is None else list(message_ids)
        rows = await self.fetch("messages_of_file", transmission_id, ids)
        return [Place(**dict(row)) for row in rows]

    async def reasons(self, message_ids: Sequence[str]) -> dict[str, list[Reason]]:
        """Return why each message is not accepted, as its open exceptions say."""
        reasons: dict[str, list[Reason]] = {}
        for row in await self.fetch("open_message_faults", list(message_ids)):
            reason = (row["code"], row["path"], row["explanation"])
            reasons.setdefault(row["message_id"], []).append(reason)
        return reasons

    async def hold(self, identity: str, message_id: str, digest: bytes) -> Held:
        """Claim an identity for a message unless it is taken; return who holds it now."""
        await self.fetch("claim_identity", identity, message_id, digest)
        row = (await self.fetch("find_identities", [identity]))[0]
        return Held(row["message_id"], row["sha256"], row["reply"], row["status"])

    async def rejudge(
        self, row: MessageRow, *, resolution: str, person: Person, reply: bytes = b""
    ) -> None:
        """Put a new verdict in the place of one that did not accept, and note who asked for it.

        The exceptions of the old verdict are closed, those of the new one opened. The `reply` is
        kept for a sender who was refused and sends the very same again.
        """
        told = await self.fetch(
            "rejudge_message",
            row.id,
            row.format,
            row.type,
            row.control_id,
            row.status,
            row.bytes_count,
            row.events_count,
            reply,
            resolution,
        )
        assert told, "only what is held, and was not accepted, is judged anew"
        await self.append_totals(row)
        if row.status != "accepted":
            await self.open_items(row, after=told[0]["items_count"])
        await self.note(person, row.id)

    async def repeats(
        self, message_id: str, holder_id: str, *, resolution: str, person: Person
    ) -> None:
        """Close the exceptions of a message that says what another one says."""
        await self.fetch(
            "close_message_items", message_id, f"{resolution}: says the same as {holder_id}"
        )
        await self.note(person, message_id)

    async def supersede_earlier(self, row: MessageRow) -> None:
        """Close the exceptions of earlier messages that named what this one now claims."""
        if row.status == "accepted" and row.identities:
            await self.fetch(
                "resolve_superseded_before",
                list(row.identities),
                row.source,
                f"superseded by {row.id}",
                row.received_at,
            )

    async def note(self, person: Person, *message_ids: str) -> None:
        """Note who had these messages reprocessed."""
        await self.fetch("append_acts", *act_arguments("reprocessed", message_ids, person))
