"""Messages that go out: queued from the log once each, leased in order, kept as they are sent.

They share the table of journals' deliveries, and how an attempt is settled (`outbox.py`). What they
say is `engine/telling.py`'s to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from suture.model.event import Event, decode_fact
from suture.store.database import Database


class LeasedMessage(msgspec.Struct, frozen=True):
    """A message to send now; `payload`, sealed, is None until it has been written once."""

    id: int
    idempotency_key: str
    event_id: str
    payload: bytes | None
    disclosed: bool
    attempts_count: int


class ToldCounts(msgspec.Struct, frozen=True):
    """What one receiver was told: the watermark's count, and where the messages are."""

    receiver: str
    told_count: int
    queued_count: int
    delivered_count: int
    refused_count: int

    @property
    def gap(self) -> int:
        """Messages that nobody can place; must be zero."""
        return abs(self.told_count - self.queued_count - self.delivered_count - self.refused_count)


async def begin_telling(database: Database, receiver: str) -> None:
    """Begin to tell a receiver, from what is decided from now on; one that is known goes on."""
    await database.execute("begin_telling", receiver)


async def queue_messages(
    database: Database,
    receiver: str,
    *,
    types: Sequence[str],
    unheard_sources: Sequence[str],
    events_max: int,
) -> int:
    """Queue what a receiver is told of the next events; return how many events were looked at."""
    rows = await database.fetch(
        "queue_messages", receiver, list(types), list(unheard_sources), events_max
    )
    return int(rows[0]["events_count"])


async def lease_messages(
    database: Database, *, receiver: str, owner: str, seconds: float, messages_max: int
) -> list[LeasedMessage]:
    """Lease what is due for one receiver, in the order of each stream."""
    rows = await database.fetch(
        "lease_messages", receiver, owner, timedelta(seconds=seconds), messages_max
    )
    return [LeasedMessage(**dict(row)) for row in rows]


async def keep_message(
    database: Database, message_id: int, owner: str, payload: bytes, *, is_disclosed: bool
) -> bool:
    """Keep a message, sealed, before it is sent; False when the lease is no longer ours."""
    return bool(await database.fetch("keep_message", message_id, owner, payload, is_disclosed))


async def read_told_event(database: Database, event_id: str) -> Event:
    """Return the event a message tells. Raises msgspec.ValidationError for an unknown fact."""
    (row,) = await database.fetch("read_told_event", event_id)
    return Event(
        id=row["id"],
        stream=row["stream"],
        fact=decode_fact(row["payload"]),
        source=row["source"],
        message_id=row["message_id"],
        where=row["path"],
        stamp=row["stamp"],
        received_at_ms=row["received_at_ms"],
    )


async def read_vault(database: Database, tokens: Sequence[str]) -> dict[str, bytes]:
    """Return sealed identifiers by their surrogates; those that are not known are left out."""
    rows = await database.fetch("read_vault", list(tokens))
    return {row["token"]: row["sealed"] for row in rows}


async def read_told(database: Database) -> list[ToldCounts]:
    """Return what each receiver was told."""
    return [ToldCounts(**dict(row)) for row in await database.fetch("told_counts")]
