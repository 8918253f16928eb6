"""The worklist: work items ("exceptions" on the screen), found, and dismissed.

Each has its amount and its owner. Items of parked bookings are opened and resolved inside the
runner's step (`state.py`), items of held messages inside the intake's commit (`event_log.py`,
`transmission.py`), items of refused deliveries with their attempt (`outbox.py`); here are the rest:
people's decisions, and reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from suture.store.acts import Person
from suture.store.database import Database

FLAGS = frozenset(
    {
        "account.line_told_differently",
        "claim.denied_after_settlement",
        "claim.exact_duplicate",
        "claim.more_than_left",
        "claim.reversal_not_mirror",
    }
)
"""Flags beside what is decided: no booking waits for them, whatever amount they tell."""
EVENT_FAILED = "engine.event.failed"
"""An event that killed its handling: what it says was never told to its stream."""
PARKED = frozenset({EVENT_FAILED, "claim.reversal_without_original"})
"""What waits whatever amount it tells: a reversal of nothing paid still takes back what was
adjusted."""


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

    @property
    def is_dismissible(self) -> bool:
        """Whether nothing waits behind it: what `dismiss_work_items` will close.

        Out of reach are parked money, refused journals, and facts that were never told.
        """
        if self.delivery_id is not None or self.code in PARKED:
            return False
        return not self.stream or not self.amount_minor or self.code in FLAGS


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


class NamedItem(WorkItem, frozen=True, kw_only=True):
    """An exception that a person named, open or resolved."""

    resolved_at: datetime | None
    resolution: str

    @property
    def is_correction(self) -> bool:
        """Whether something is booked that should be booked otherwise, and no period is open."""
        return self.booking_key.startswith("correction:")

    @property
    def is_of_message(self) -> bool:
        """Whether it is about a whole message that was not accepted, not about what one told."""
        return bool(self.message_id) and not (self.event_id or self.stream)


async def find_work_items(database: Database, item_ids: Sequence[str]) -> dict[str, NamedItem]:
    """Return exceptions by id, open or resolved."""
    rows = await database.fetch("find_work_items", list(item_ids))
    return {row["id"]: NamedItem(**dict(row)) for row in rows}


async def resolved_work_items(database: Database, code: str, *, items_max: int) -> list[NamedItem]:
    """Return what was resolved last, of one fault's code or of every one (``), the last first."""
    rows = await database.fetch("resolved_work_items", code, items_max)
    return [NamedItem(**dict(row)) for row in rows]


async def work_items_of_group(database: Database, group: str) -> list[NamedItem]:
    """Return what is open of a group, oldest first.

    A group is named by its key, by its fault's code (then of every source), or by one of its
    exceptions.
    """
    rows = await database.fetch("work_items_of_group", group)
    return [NamedItem(**dict(row)) for row in rows]


class LeftStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The entry that stands while its correction waits, or for good where that was dismissed."""

    item_id: str
    entry_id: str
    entity: str
    accounting_on: date
    principal_minor: int


async def entries_left_standing(
    database: Database, item_ids: Sequence[str]
) -> dict[str, LeftStanding]:
    """Return, by exception, the entry that a waiting correction leaves in the books."""
    rows = await database.fetch("entries_left_standing", list(item_ids))
    return {row["item_id"]: LeftStanding(**dict(row)) for row in rows}


async def dismiss_work_items(
    database: Database, item_ids: Sequence[str], person: Person
) -> list[str]:
    """Close open exceptions behind which nothing waits, with a person's reason; return their ids.

    Money that is parked stays out of reach, whoever asks (`NamedItem.is_dismissible`). So does a
    correction that changes what a control total comes to: the proof counts it while it waits. One
    that moves money between accounts alone may go; what it leaves is `entries_left_standing`.
    """
    rows = await database.fetch(
        "dismiss_work_items",
        list(item_ids),
        person.os_user,
        person.host,
        person.reason,
        sorted(FLAGS),
        sorted(PARKED),
    )
    return [row["id"] for row in rows]
