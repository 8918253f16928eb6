"""The outbox: entries gathered into journals, journals leased to a sender, outcomes settled.

Batching and delivery are two commits: entries leave the queue in the very transaction that makes
their journal and its delivery, so none is in two journals and none is lost between. A leased
delivery counts as of unknown outcome until it is settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from suture.ledger.batch import (
    Journal,
    JournalLine,
    installation_of,
    journal_reference,
    renewed_body,
)
from suture.model.fault import Fault, catalogue
from suture.store.acts import Person
from suture.store.database import Database, Session


class QueueAge(msgspec.Struct, frozen=True):
    """Entries that wait for a journal."""

    entries_count: int
    oldest_seconds: float


class Unbatched(msgspec.Struct, frozen=True):
    """Entries of one policy and one legal entity that wait for a journal."""

    policy: str
    entity: str
    age: QueueAge


class LeasedDelivery(msgspec.Struct, frozen=True):
    """A command to send now.

    `ask_first` when an earlier attempt may have reached the destination.
    """

    id: int
    ordering_key: str
    idempotency_key: str
    payload: bytes
    attempts_count: int
    ask_first: bool
    may_renew: bool = False
    """Whether it gets a new key where the destination holds another document under this one."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended."""

    status: Literal["QUEUED", "SENT", "ERROR"]
    outcome: Literal["delivered", "refused", "transient", "unknown", "found", "not_found"]
    is_unknown: bool = False
    retry_seconds: float = 0.0
    document: str = ""
    fault: Fault | None = None
    """Why it did not arrive; a refusal's opens an exception."""
    milliseconds: int = 0


async def unbatched_ages(database: Database) -> list[Unbatched]:
    """Return how much waits for a journal and for how long, by policy and entity."""
    return [
        Unbatched(
            row["policy"], row["entity"], QueueAge(row["entries_count"], row["oldest_seconds"])
        )
        for row in await database.fetch("unbatched_age")
    ]


async def batch_entries(
    database: Database,
    *,
    installation: str,
    policy: str,
    destination: str,
    entries_max: int,
    entities: Sequence[str] | None = None,
) -> list[Journal]:
    """Gather waiting entries of one policy into journals, and queue them for a destination.

    One journal for each entity, currency and accounting day; only of `entities` where they are
    named. `installation` is the code in their references.
    """
    async with database.transaction() as session:
        taken = None if entities is None else list(entities)
        rows = await session.fetch("take_unbatched", policy, entries_max, taken)
        entry_ids = [row["entry_id"] for row in rows]
        return [
            await _append(session, lines, entry_ids, installation, policy, destination)
            for lines in await _summaries(session, entry_ids)
        ]


class _Summary(msgspec.Struct):
    entity: str
    currency: str
    accounting_on: date
    lines: list[JournalLine]


async def _summaries(session: Session, entry_ids: list[str]) -> list[_Summary]:
    groups: dict[tuple[str, str, date], _Summary] = {}
    for row in await session.fetch("summarise_entries", entry_ids):
        key = (row["entity"], row["currency"], row["accounting_on"])
        group = groups.setdefault(key, _Summary(*key, lines=[]))
        group.lines.append(
            JournalLine(
                account=row["account"],
                debit_minor=row["debit_minor"],
                credit_minor=row["credit_minor"],
                facility=row["facility"],
                cost_centre=row["cost_centre"],
                service_line=row["service_line"],
                payer_class=row["payer_class"],
            )
        )
    return list(groups.values())


async def _append(
    session: Session,
    summary: _Summary,
    all_ids: list[str],
    installation: str,
    policy: str,
    destination: str,
) -> Journal:
    head = (summary.entity, summary.currency, summary.accounting_on)
    rows = await session.fetch("entries_of_journal", all_ids, *head)
    entry_ids = [row["id"] for row in rows]
    (row,) = await session.fetch("next_journal_number")
    journal = Journal(
        reference=journal_reference(installation, row["number"]),
        policy=policy,
        entity=summary.entity,
        currency=summary.currency,
        accounting_on=summary.accounting_on,
        lines=tuple(summary.lines),
        entry_ids=tuple(entry_ids),
    )
    await session.fetch(
        "append_journal", journal.reference, destination, policy, *head, len(entry_ids)
    )
    await session.fetch("append_journal_lines", journal.reference, *_columns(journal.lines))
    await session.fetch("link_journal_entries", journal.reference, entry_ids)
    await session.fetch(
        "append_delivery",
        destination,
        f"{journal.entity}/{policy}",
        journal.reference,
        journal.body(),
    )
    return journal


def _columns(lines: Sequence[JournalLine]) -> tuple[list[object], ...]:
    return (
        list(range(1, len(lines) + 1)),
        [line.account for line in lines],
        [line.debit_minor for line in lines],
        [line.credit_minor for line in lines],
        [line.facility for line in lines],
        [line.cost_centre for line in lines],
        [line.service_line for line in lines],
        [line.payer_class for line in lines],
    )


async def lease_deliveries(
    database: Database, *, destination: str, owner: str, seconds: float, deliveries_max: int
) -> list[LeasedDelivery]:
    """Lease what is due for one destination.

    Only the head of each ordering key, so order within a key is kept.
    """
    rows = await database.fetch(
        "lease_deliveries", destination, owner, timedelta(seconds=seconds), deliveries_max
    )
    return [LeasedDelivery(**dict(row)) for row in rows]


async def settle_delivery(
    database: Database, delivery_id: int, owner: str, settlement: Settlement
) -> bool:
    """Record how an attempt ended; False when the lease had run out and another sender has it.

    A refusal and its exception are one commit: none is ever refused in silence.
    """
    fault = settlement.fault
    assert fault or settlement.status != "ERROR", "a refusal says why"
    rows = await database.fetch(
        "settle_delivery",
        delivery_id,
        owner,
        settlement.status,
        settlement.is_unknown,
        timedelta(seconds=settlement.retry_seconds),
        settlement.document,
        settlement.outcome,
        fault.code if fault else "",
        fault.explanation if fault else "",
        settlement.milliseconds,
        catalogue()[fault.code].owner if fault else "",
        fault.where if fault else "",
        fault.remedy if fault else "",
    )
    return bool(rows[0]["settled"])


class NamedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that a person named, by its exception or by its journal's reference."""

    asked: str
    id: int
    reference: str
    status: Literal["QUEUED", "SENT", "ERROR"]
    document: str
    amount_minor: int
    """What the journal books, one side of it."""


async def find_deliveries(
    database: Database, *, item_ids: Sequence[str], references: Sequence[str]
) -> list[NamedDelivery]:
    """Return the deliveries that these exceptions and journals name, in the order of sending."""
    rows = await database.fetch("find_deliveries", list(item_ids), list(references))
    return [NamedDelivery(**dict(row)) for row in rows]


async def resend_deliveries(
    database: Database, delivery_ids: Sequence[int], person: Person
) -> list[int]:
    """Queue refused deliveries again, under the same idempotency key; return those that were.

    The destination is asked first: it may hold one after all. An open exception about a delivery
    is closed when it has succeeded, or has been refused again and has a new one.
    """
    rows = await database.fetch(
        "resend_deliveries", list(delivery_ids), person.os_user, person.host, person.reason
    )
    return [row["id"] for row in rows]


CONFLICT = "erp.reference.conflict"
"""Another document holds our reference in the ERP: the one refusal that a new reference mends."""


async def ask_new_references(
    database: Database, delivery_ids: Sequence[int], person: Person
) -> list[int]:
    """Queue journals that are refused for their reference, to be made anew; return those that were.

    The new reference is given by `renew_delivery`, once the destination has been asked again.
    """
    rows = await database.fetch(
        "ask_new_references",
        list(delivery_ids),
        person.os_user,
        person.host,
        person.reason,
        CONFLICT,
    )
    return [row["id"] for row in rows]


async def renew_delivery(
    database: Database, delivery: LeasedDelivery, owner: str
) -> LeasedDelivery | None:
    """Make the journal of a leased delivery anew under another reference; None without the lease.

    One commit: the journal, its lines and entries, and the delivery go by the new reference, and
    never again by the old one, so a crash after it asks for the new one alone.
    """
    async with database.transaction() as session:
        (row,) = await session.fetch("next_journal_number")
        old = delivery.idempotency_key
        new = journal_reference(installation_of(old), row["number"])
        body = renewed_body(delivery.payload, new)
        rows = await session.fetch("renew_delivery", delivery.id, owner, old, new, body)
        if not rows:
            return None
        await session.fetch("renew_journal", old, new)
        return LeasedDelivery(**dict(rows[0]))
