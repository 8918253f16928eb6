"""What waits, and for how long: events for a runner, entries for a journal, journals for the ERP.

And what is at stake in the exceptions that wait for people. Read by `suture status`. What
everything adds up to is `controls.py`; single exceptions are `worklist.py`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from suture.store.database import Database


class Queue(msgspec.Struct, frozen=True):
    """How many wait, and for how long the oldest has."""

    items_count: int
    oldest_seconds: float


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """The three queues an event passes on its way to the ERP."""

    inbox: Queue
    """Events that no runner has handled yet; the age of the oldest is the lag."""
    unbatched: Queue
    """Entries without a journal."""
    deliveries: Queue
    """Journals the ERP has not confirmed."""


class UnderWay(msgspec.Struct, frozen=True):
    """Whether anything waits before it is delivered."""

    events: bool
    """For a runner."""
    entries: bool
    """For a journal."""


class OpenAmount(msgspec.Struct, frozen=True):
    """What is at stake in open exceptions in one currency."""

    currency: str
    items_count: int
    amount_minor: int
    oldest_at: datetime
    parked_minor: int = 0
    """Nothing stands in the books for it: what `suture reconcile` calls parked, without signs."""
    booked_minor: int = 0
    """It stands in the books, and somebody must check it."""
    unread_minor: int = 0
    """Of messages that were not accepted."""
    refused_minor: int = 0
    """Of journals that the ERP refused."""


async def read_queues(database: Database) -> Queues:
    """Return what waits on its way to the ERP."""
    return Queues(
        inbox=await _queue(database, "inbox_queue"),
        unbatched=await _queue(database, "unbatched_queue"),
        deliveries=await _queue(database, "delivery_queue"),
    )


async def read_under_way(database: Database) -> UnderWay:
    """Return whether anything waits, at a cost that may be asked many times a second."""
    rows = await database.fetch("under_way")
    return UnderWay(**dict(rows[0]))


async def read_open_amounts(database: Database) -> list[OpenAmount]:
    """Return what is at stake in open exceptions, by currency; empty when none is open."""
    return [OpenAmount(**dict(row)) for row in await database.fetch("open_amount")]


async def _queue(database: Database, query: str) -> Queue:
    rows = await database.fetch(query)
    return Queue(**dict(rows[0]))
