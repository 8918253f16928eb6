"""What people did by hand: revealed, reprocessed, resent, renewed, dismissed; who, when, why.

Append-only, in the transaction of the act itself: `append_acts` is the whole of a reveal, which has
no other effect; the other acts are noted where they take effect (`outbox.py`, `worklist.py`,
`reprocess.py`). `suture trace ID` shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from suture.store.database import Database

ActName = Literal["revealed", "reprocessed", "resent", "renewed", "dismissed"]


class Person(msgspec.Struct, frozen=True):
    """Whoever acts, as the operating system knows them, and for what reason."""

    os_user: str
    host: str
    reason: str = ""
    """In their own words; to reveal, to renew or to dismiss it must say something."""

    @property
    def name(self) -> str:
        """Who, for people: `ada@billing-1`."""
        return f"{self.os_user}@{self.host}"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person did."""

    act: ActName
    at: datetime
    os_user: str
    host: str
    reason: str


async def append_acts(
    database: Database, act: ActName, subjects: Sequence[str], person: Person
) -> None:
    """Note that a person did this about each of these."""
    await database.execute("append_acts", *act_arguments(act, subjects, person))


def act_arguments(act: ActName, subjects: Sequence[str], person: Person) -> tuple[object, ...]:
    """Return the arguments of the query `append_acts`, for use inside another transaction."""
    return person.os_user, person.host, act, list(subjects), person.reason


async def read_acts(database: Database, subject: str) -> list[Act]:
    """Return what people did about a message, an event, a journal or an exception, in order."""
    return [Act(**dict(row)) for row in await database.fetch("read_acts", subject)]
