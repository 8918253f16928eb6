"""The event log's near side: messages and their events, appended once.

`append_messages` is the intake's group commit: one statement for a whole batch of messages, decided
by their identities. A file is appended piece by piece inside one transaction (`transmission.py`),
because nothing of it may count before its verdict. Read by `state.py`, walked by `lineage.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from suture.model.event import Event, encode_fact, partition_of
from suture.model.fault import Fault, catalogue
from suture.store.database import Database


class Arrival(msgspec.Struct, kw_only=True):
    """One message ready to be stored: its verdict, its sealed bytes and all that hangs on it."""

    id: str
    identity: str
    source: str
    format: str
    type: str
    control_id: str
    status: Literal["accepted", "held", "rejected"]
    sha256: bytes
    bytes_count: int
    received_at: datetime
    sealed: bytes
    reply: bytes
    events: Sequence[Event] = ()
    totals: Sequence[tuple[str, int, int]] = ()
    secrets: Sequence[tuple[str, str, bytes]] = ()
    """Surrogate, kind, sealed identifier."""
    faults: Sequence[Fault] = ()


class Held(msgspec.Struct, frozen=True):
    """Who holds an identity already."""

    message_id: str
    sha256: bytes
    reply: bytes
    status: str


class EventRows:
    """Columns of events for `unnest`, built row by row."""

    __slots__ = ("columns", "partitions_count")

    def __init__(self, partitions_count: int) -> None:
        """Start with no rows."""
        self.partitions_count = partitions_count
        self.columns: tuple[list[object], ...] = tuple([] for _ in range(10))

    def add(self, event: Event) -> None:
        """Add one event as a row."""
        row = (
            event.id,
            event.message_id,
            event.stream,
            partition_of(event.stream, self.partitions_count),
            event.type,
            event.source,
            event.where,
            event.stamp,
            event.received_at_ms,
            encode_fact(event.fact),
        )
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)


_PARTS_OF_OTHERS = frozenset({"claims_paid"})
"""Control totals that say again what another one counts: `remittance_cash` pays the claims."""


def amount_at_stake(totals: Sequence[tuple[str, int, int]]) -> int:
    """Return what an exception about a whole message is worth, from its control totals."""
    return sum(amount for name, _, amount in totals if name not in _PARTS_OF_OTHERS)


def group_key(fault: Fault, source: str) -> str:
    """Return what makes two exceptions one group: source, code and explanation, no value."""
    return f"{source}|{fault.code}|{fault.explanation}"


async def append_messages(
    database: Database, arrivals: Sequence[Arrival], partitions_count: int
) -> set[str]:
    """Append a batch in one durable commit and return the ids of the messages that were new.

    Arrivals must carry distinct identities. What is not returned lost its identity to a message
    stored before (`find_identities` says which).
    """
    rows = EventRows(partitions_count)
    totals: tuple[list[object], ...] = ([], [], [], [])
    secrets: dict[str, tuple[str, bytes]] = {}
    faults: tuple[list[object], ...] = tuple([] for _ in range(10))
    for arrival in arrivals:
        for event in arrival.events:
            rows.add(event)
        for name, count, amount in arrival.totals:
            for column, value in zip(totals, (arrival.id, name, count, amount), strict=True):
                column.append(value)
        for token, kind, sealed in arrival.secrets:
            secrets[token] = (kind, sealed)
        for ordinal, fault in enumerate(arrival.faults, 1):
            row = _work_item(arrival, ordinal, fault)
            for column, value in zip(faults, row, strict=True):
                column.append(value)
    tokens = sorted(secrets)
    claimed = await database.fetch(
        "append_messages",
        [a.identity for a in arrivals],
        [a.id for a in arrivals],
        [a.sha256 for a in arrivals],
        [a.source for a in arrivals],
        [a.format for a in arrivals],
        [a.type for a in arrivals],
        [a.control_id for a in arrivals],
        [a.status for a in arrivals],
        [a.bytes_count for a in arrivals],
        [a.received_at for a in arrivals],
        [len(a.events) for a in arrivals],
        [a.sealed for a in arrivals],
        [a.reply for a in arrivals],
        *rows.columns,
        *totals,
        tokens,
        [secrets[token][0] for token in tokens],
        [secrets[token][1] for token in tokens],
        *faults,
    )
    return {row["message_id"] for row in claimed}


def _work_item(arrival: Arrival, ordinal: int, fault: Fault) -> tuple[object, ...]:
    return (
        f"exc_{arrival.id[4:]}.{ordinal:02d}",
        group_key(fault, arrival.source),
        fault.code,
        catalogue()[fault.code].owner,
        arrival.source,
        arrival.id,
        fault.where,
        fault.explanation,
        fault.remedy,
        amount_at_stake(arrival.totals) if ordinal == 1 else 0,
    )


async def find_identities(database: Database, identities: Sequence[str]) -> dict[str, Held]:
    """Return who holds each of these identities."""
    rows = await database.fetch("find_identities", list(identities))
    return {
        row["identity"]: Held(row["message_id"], row["sha256"], row["reply"], row["status"])
        for row in rows
    }


async def append_repeats(
    database: Database, message_ids: Sequence[str], received_at: Sequence[datetime]
) -> None:
    """Note that these messages arrived again."""
    await database.execute("append_repeats", list(message_ids), list(received_at))
