"""The worklist: work items ("exceptions" on the screen), opened and resolved.

Each has its amount and its owner. Items of parked bookings are opened and resolved inside the
runner's step (`state.py`), items of held messages inside the intake's commit (`event_log.py`,
`transmission.py`), items of refused deliveries with their attempt (`outbox.py`); here are the rest:
people's decisions, and reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from suture.store.database import Database


class WorkItem(msgspec.Struct, frozen=True, kw_only=True):
    """One open exception: what, where, why, how much, whose, and what to do next."""

    id: str
    code: str
    group_key: str
    owner: str
    source: str
    message_id: str
    event_id: str
    stream: str
    booking_key: str
    delivery_id: int | None
    path: str
    explanation: str
    remedy: str
    amount_minor: int
    currency: str
    opened_at: datetime


class WorkItemCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many exceptions are open and how many were resolved."""

    open_count: int
    resolved_count: int


async def count_work_items(database: Database) -> WorkItemCounts:
    """Return how many exceptions are open and how many were resolved."""
    rows = await database.fetch("count_work_items")
    return WorkItemCounts(**dict(rows[0]))


async def open_work_items(database: Database, *, items_max: int = 10_000) -> list[WorkItem]:
    """Return the open exceptions, the largest amounts first."""
    rows = await database.fetch("open_work_items", items_max)
    return [WorkItem(**dict(row)) for row in rows]


async def resolve_work_items(
    database: Database, item_ids: Sequence[str], resolution: str
) -> list[str]:
    """Close open exceptions with a person's reason; return the ids that were open."""
    rows = await database.fetch("resolve_work_items", list(item_ids), resolution)
    return [row["id"] for row in rows]
