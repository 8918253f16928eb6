"""The event log's near side: messages and their events, appended once.

`append_messages` is the intake's group commit: one statement for a whole batch of messages, decided
by their identities. A file is appended piece by piece inside one transaction (`transmission.py`),
because nothing of it may count before its verdict. Read by `state.py`, walked by `lineage.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from suture.model.event import Event, encode_fact, partition_of
from suture.model.fault import Fault, catalogue
from suture.model.translation import Status
from suture.store.database import Database


class Arrival(msgspec.Struct, kw_only=True):
    """One message ready to be stored: its verdict, its sealed bytes and all that hangs on it."""

    id: str
    identity: str
    source: str
    format: str
    type: str
    control_id: str
    status: Status
    sha256: bytes
    """Of its bytes."""
    content_sha256: bytes
    """Of what it says, however its lines end: what tells a repeat from a reuse."""
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
    """Of what it says; of its bytes, where it came before schema 5."""
    reply: bytes
    status: Status

    def says_what(self, arrival: Arrival) -> bool:
        """Tell whether this is what an arrival says, however either is written."""
        return self.sha256 in (arrival.content_sha256, arrival.sha256)


Row = tuple[object, ...]
"""A row as it is sent: the columns of a type of `sql/migrations/0004_rows.sql`, in its order."""


def event_row(event: Event, partitions_count: int) -> Row:
    """Return an event as an `event_row`."""
    return (
        event.id,
        event.message_id,
        event.stream,
        partition_of(event.stream, partitions_count),
        event.type,
        event.source,
        event.where,
        event.stamp,
        event.received_at_ms,
        encode_fact(event.fact),
    )


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
    secrets = {
        token: (token, kind, sealed)
        for arrival in arrivals
        for token, kind, sealed in arrival.secrets
    }
    claimed = await database.fetch(
        "append_messages",
        [_message_row(arrival) for arrival in arrivals],
        [event_row(event, partitions_count) for each in arrivals for event in each.events],
        [(each.id, *total) for each in arrivals for total in each.totals],
        [secrets[token] for token in sorted(secrets)],
        [
            _work_item_row(each, ordinal, fault)
            for each in arrivals
            for ordinal, fault in enumerate(each.faults, 1)
        ],
        [arrival.content_sha256 for arrival in arrivals],
    )
    return {row["message_id"] for row in claimed}


def _message_row(arrival: Arrival) -> Row:
    return (
        arrival.identity,
        arrival.id,
        arrival.source,
        arrival.format,
        arrival.type,
        arrival.control_id,
        arrival.status,
        arrival.sha256,
        arrival.bytes_count,
        arrival.received_at,
        len(arrival.events),
        arrival.sealed,
        arrival.reply,
    )


def _work_item_row(arrival: Arrival, ordinal: int, fault: Fault) -> Row:
    return (
        f"exc_{arrival.id[4:]}.{ordinal:02d}",
        group_key(fault, arrival.source),
        fault.code,
        catalogue()[fault.code].owner,
        arrival.source,
        arrival.id,
        "",
        "",
        "",
        fault.where,
        fault.explanation,
        fault.remedy,
        amount_at_stake(arrival.totals) if ordinal == 1 else 0,
        "",
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
