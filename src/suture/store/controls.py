"""Reads both sides of every control, always from the writer.

`reconcile/controls.py` matches them.
"""

from __future__ import annotations

import msgspec

from suture.model.event import decode_fact
from suture.reconcile.controls import (
    AccountPeriod,
    Conservation,
    Control,
    MoneyFact,
    ParkedBooking,
    conserve,
    control_totals,
    corrections_minor,
)
from suture.store.database import Database

CONTROL_OF_KIND = {
    "charge": "charges",
    "credit": "credits",
    "patient_payment": "patient_payments",
    "account_adjustment": "adjustments",
    "remittance": "remittance_cash",
    "claim_payment": "claims_paid",
    "forwarded_claim_payment": "claims_paid",
    "secondary_claim_payment": "claims_paid",
}
"""Which control total each kind of booking stands for."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything there is."""

    messages_count: int
    repeats_count: int
    held_count: int
    rejected_count: int
    events_count: int
    inbox_count: int
    entries_count: int
    lines_count: int
    unbatched_count: int


class DeliveryCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries by status."""

    queued: int = 0
    sent: int = 0
    error: int = 0
    unknown: int = 0


async def read_counts(database: Database) -> Counts:
    """Return how much of everything there is."""
    rows = await database.fetch("count_messages")
    return Counts(**dict(rows[0]))


async def read_delivery_counts(database: Database) -> DeliveryCounts:
    """Return deliveries by status."""
    rows = {row["status"]: row for row in await database.fetch("delivery_counts")}

    def count(status: str) -> int:
        return rows[status]["deliveries_count"] if status in rows else 0

    return DeliveryCounts(
        queued=count("QUEUED"),
        sent=count("SENT"),
        error=count("ERROR"),
        unknown=rows["QUEUED"]["unknown_count"] if "QUEUED" in rows else 0,
    )


async def read_conservation(database: Database) -> Conservation:
    """Balance what was received against where it is."""
    counts = await read_counts(database)
    kinds = {
        row["kind"]: row["messages_count"] for row in await database.fetch("conserve_messages")
    }
    unexplained = await database.fetch("parked_without_item")
    unbooked = await database.fetch("posted_without_entry")
    loose = await database.fetch("loose_ends")
    return conserve(
        messages_count=counts.messages_count,
        repeats_count=counts.repeats_count,
        kinds=kinds,
        parked_without_item=unexplained[0]["events_count"],
        posted_without_entry=unbooked[0]["events_count"] + loose[0]["ends_count"],
    )


async def read_control_totals(database: Database) -> list[Control]:
    """Follow each control total from what messages said to what stands in the subledger."""
    told = {row["name"]: row["amount_minor"] for row in await database.fetch("control_totals")}
    standing: dict[str, int] = {}
    for row in await database.fetch("standing_by_kind"):
        name = CONTROL_OF_KIND.get(row["kind"])
        if name:
            standing[name] = standing.get(name, 0) + row["principal_minor"]
    parked = {
        ParkedBooking(row["stream"], row["booking_key"])
        for row in await database.fetch("parked_bookings")
    }
    facts = (
        MoneyFact(row["stream"], row["stamp"], decode_fact(row["payload"]))
        for row in await database.fetch("money_facts")
    )
    traces = await database.fetch("parked_traces")
    waiting = corrections_minor(
        (row["booking_key"], row["amount_minor"])
        for row in await database.fetch("parked_corrections")
    )
    cash_minor = waiting.get("remittance_cash", 0) + traces[0]["amount_minor"]
    waiting["remittance_cash"] = cash_minor
    return control_totals(
        facts,
        told_minor=told,
        standing_minor=standing,
        parked=parked,
        parked_minor=waiting,
    )


async def read_ledger_imbalance(database: Database) -> int:
    """Return debits minus credits, absolute, summed over entities and currencies."""
    return sum(abs(row["difference_minor"]) for row in await database.fetch("ledger_balance"))


class RefusedJournals(msgspec.Struct, frozen=True):
    """Journals that an ERP refused, and what they debit together."""

    count: int = 0
    amount_minor: int = 0


async def read_refused(database: Database) -> RefusedJournals:
    """Return the journals that wait for somebody to act before an ERP takes them."""
    row = (await database.fetch("refused_journals"))[0]
    return RefusedJournals(row["journals_count"], row["amount_minor"])


async def read_unbalanced_entries(database: Database) -> int:
    """Return how many entries do not balance or have no lines."""
    rows = await database.fetch("unbalanced_entries")
    return int(rows[0]["entries_count"])


async def read_journal_digests(database: Database) -> dict[str, str]:
    """Return, by its reference, the digest of the entries each journal gathered."""
    return {row["reference"]: row["digest"] for row in await database.fetch("journal_digests")}


async def read_journal_holders(database: Database) -> set[tuple[str, str]]:
    """Return which destination was sent journals of which legal entity."""
    rows = await database.fetch("journal_holders")
    return {(row["destination"], row["entity"]) for row in rows}


async def read_sides(
    database: Database,
) -> tuple[dict[AccountPeriod, tuple[int, int]], dict[AccountPeriod, tuple[int, int]]]:
    """Return the subledger by account and period, and the part still on its way to the ERP."""
    return (
        await _balances(database, "trial_balance"),
        await _balances(database, "undelivered_balance"),
    )


async def _balances(database: Database, query: str) -> dict[AccountPeriod, tuple[int, int]]:
    return {
        AccountPeriod(row["entity"], row["account"], row["period"]): (
            row["debit_minor"],
            row["credit_minor"],
        )
        for row in await database.fetch(query)
    }
