"""Looking things up by what people call them, where that is not an id.

Names that are kept only as surrogates or sealed are turned into these by `engine/search.py`; what
hangs on what is found is `lineage.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.store.database import Database

MESSAGES_MAX = 20


async def find_messages_by_trace(database: Database, number: str) -> list[str]:
    """Return the messages of a payment by the payer's trace number (TRN02, check or EFT)."""
    rows = await database.fetch("find_messages_by_trace", number, MESSAGES_MAX)
    return [row["message_id"] for row in rows]


async def find_streams(database: Database, candidates: Iterable[str]) -> list[str]:
    """Return those of these streams that anything was told to."""
    rows = await database.fetch("find_streams", sorted(set(candidates)))
    return [row["stream"] for row in rows]


async def read_sealed_names(database: Database, *, files_max: int) -> list[tuple[str, bytes]]:
    """Return the sealed names of the files that came last, each with its transmission's id."""
    rows = await database.fetch("find_names", files_max)
    return [(row["id"], row["sealed_name"]) for row in rows]


async def first_journal(database: Database) -> str:
    """Return the reference of the first journal, empty where there is none yet."""
    row = await database.fetchrow("first_journal")
    return "" if row is None else str(row["reference"])
