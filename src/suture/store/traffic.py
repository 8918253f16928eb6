"""What came from each source and what went to each destination, for `suture status`.

What waits as a whole is `queues.py`; single deliveries are `outbox.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from suture.store.database import Database


class SourceTraffic(msgspec.Struct, frozen=True):
    """What one source sent."""

    source: str
    last_at: datetime | None = None
    """Of its last message, also of one that came again."""
    today_count: int = 0


class DestinationTraffic(msgspec.Struct, frozen=True):
    """What one destination was sent, and how the last attempt at what waits for it ended."""

    destination: str
    queued_count: int = 0
    refused_count: int = 0
    sent_count: int = 0
    sent_at: datetime | None = None
    outcome: str = ""
    code: str = ""
    """Of the fault that ended the attempt."""
    explanation: str = ""
    tried_at: datetime | None = None


async def read_source_traffic(
    database: Database, days_began_at: Mapping[str, datetime]
) -> dict[str, SourceTraffic]:
    """Return what each source sent; `days_began_at` says when today began where it is."""
    rows = await database.fetch("source_traffic", list(days_began_at), list(days_began_at.values()))
    return {row["source"]: SourceTraffic(**dict(row)) for row in rows}


async def read_destination_traffic(database: Database) -> dict[str, DestinationTraffic]:
    """Return what each destination was ever sent, or waits for."""
    rows = await database.fetch("destination_traffic")
    return {row["destination"]: DestinationTraffic(**dict(row)) for row in rows}
