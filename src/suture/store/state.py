"""Stream records and partition leases: the runner's step, read and committed in two round trips.

A worker owns partitions by lease; each taking raises an epoch, and `commit_step` checks every epoch
in the very statement that writes, so a worker that was paused, cut off or replaced can never commit
stale work (LeaseLostError).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

import msgspec

from suture.ledger.entry import Entry, Line
from suture.model.event import Event, Fact, Reconsidered, decode_fact
from suture.model.fault import catalogue
from suture.model.identity import message_of
from suture.pipeline import Step
from suture.store.database import Database
from suture.store.event_log import Row, event_row, group_key

RESOLUTION = "resolved by a later event"


class Lease(msgspec.Struct):
    """Our hold on one partition; `position` is the last place given out under it."""

    partition: int
    epoch: int
    position: int


class Waiting(msgspec.Struct):
    """One event in the inbox with the stored record of its stream (None for a new stream)."""

    partition: int
    seq: int
    event: Event
    version: int
    record: bytes | None
    failure: str = ""
    """Why its fact could not be read: damaged, or written by a newer Suture (F32). It says nothing
    then, and must not be told."""


class Remembered(msgspec.Struct):
    """A stream's new record, to be stored."""

    stream: str
    version: int
    record: bytes


async def lease_partitions(
    database: Database, owner: str, *, seconds: float, partitions_max: int
) -> list[Lease]:
    """Renew our leases and take free ones, up to `partitions_max` in all; give back the rest."""
    rows = await database.fetch(
        "lease_partitions", owner, timedelta(seconds=seconds), partitions_max
    )
    leases = [Lease(row["partition"], row["epoch"], row["position"]) for row in rows]
    if len(leases) >= partitions_max:
        kept = [lease.partition for lease in leases]
        await database.execute("release_other_partitions", owner, kept)
    return leases


async def release_partitions(database: Database, owner: str) -> None:
    """Give every lease of ours back."""
    await database.execute("release_partitions", owner)


async def read_inbox(
    database: Database,
    partitions: Sequence[int],
    events_per_partition_max: int,
    *,
    after: Mapping[int, int] = MappingProxyType({}),
) -> list[Waiting]:
    """Return the next events of these partitions, in the order each partition must handle them.

    `after` is the place in the inbox, by partition, up to which events are being committed.
    """
    rows = await database.fetch(
        "read_inbox",
        list(partitions),
        [after.get(partition, 0) for partition in partitions],
        events_per_partition_max,
    )
    waiting = []
    for partition, seq, *told, payload, version, record in rows:
        event_id, message_id, stream, source, path, stamp, received_at_ms = told
        fact, failure = _read_fact(payload)
        event = Event(
            id=event_id,
            stream=stream,
            fact=fact,
            source=source,
            message_id=message_id,
            where=path,
            stamp=stamp,
            received_at_ms=received_at_ms,
        )
        waiting.append(Waiting(partition, seq, event, version or 0, record, failure))
    return waiting


def _read_fact(payload: bytes) -> tuple[Fact, str]:
    """Return a fact, or one that says nothing and why this one could not be read."""
    try:
        return decode_fact(payload), ""
    except msgspec.MsgspecError as error:
        return Reconsidered(release=""), type(error).__name__


async def read_entries(database: Database, entry_ids: Sequence[str]) -> dict[str, Entry]:
    """Return whole entries by id."""
    rows = await database.fetch("read_entries", list(entry_ids))
    lines: dict[str, list[Line]] = {}
    heads = {row["id"]: row for row in rows}
    for row in rows:
        lines.setdefault(row["id"], []).append(
            Line(
                account=row["account"],
                debit_minor=row["debit_minor"],
                credit_minor=row["credit_minor"],
                facility=row["facility"],
                cost_centre=row["cost_centre"],
                service_line=row["service_line"],
                payer_class=row["payer_class"],
                rule=row["rule"],
                where=row["path"],
            )
        )
    return {
        entry_id: Entry(
            id=entry_id,
            stream=row["stream"],
            booking_key=row["booking_key"],
            revision=row["revision"],
            event_id=row["event_id"],
            kind=row["kind"],
            policy=row["policy"],
            entity=row["entity"],
            currency=row["currency"],
            effective_on=row["effective_on"],
            accounting_on=row["accounting_on"],
            received_at_ms=row["received_at_ms"],
            release=row["release"],
            reverses=row["reverses"],
            principal_minor=row["principal_minor"],
            lines=tuple(lines[entry_id]),
        )
        for entry_id, row in heads.items()
    }


async def commit_step(
    database: Database,
    *,
    leases: Sequence[Lease],
    handled: Sequence[tuple[Waiting, int, Step]],
    remembered: Sequence[Remembered],
    forwarded: Sequence[Event],
    partitions_count: int,
    release: str,
) -> None:
    """Commit what a batch of events led to: the parts of one atomic step.

    `handled` gives each event its position and its step (reversals resolved).
    Raises LeaseLostError when any lease is no longer ours: then nothing at all was written.
    """
    entries = [entry for _, _, step in handled for entry in step.entries]
    resolved = {item: _resolution(step) for _, _, step in handled for item in step.resolved}
    opened, closed = _work_items(handled, resolved)
    states = sorted(remembered, key=lambda item: item.stream)
    await database.execute(
        "commit_step",
        [lease.partition for lease in leases],
        [lease.epoch for lease in leases],
        [lease.position for lease in leases],
        release,
        [
            (waiting.partition, waiting.seq, position, waiting.event.id, step.outcome)
            for waiting, position, step in handled
        ],
        [(item.stream, item.version, item.record) for item in states],
        [_entry_row(entry) for entry in entries],
        [
            _line_row(entry.id, ordinal, line)
            for entry in entries
            for ordinal, line in enumerate(entry.lines, 1)
        ],
        [event_row(event, partitions_count) for event in forwarded],
        opened,
        closed,
        [resolved[item] for item in closed],
    )


def _entry_row(entry: Entry) -> Row:
    return (
        entry.id,
        entry.stream,
        entry.booking_key,
        entry.revision,
        entry.event_id,
        entry.kind,
        entry.policy,
        entry.entity,
        entry.currency,
        entry.effective_on,
        entry.accounting_on,
        entry.received_at_ms,
        entry.release,
        entry.reverses,
        entry.principal_minor,
    )


def _line_row(entry_id: str, ordinal: int, line: Line) -> Row:
    return (
        entry_id,
        ordinal,
        line.account,
        line.debit_minor,
        line.credit_minor,
        line.facility,
        line.cost_centre,
        line.service_line,
        line.payer_class,
        line.rule,
        line.where,
    )


def _work_items(
    handled: Sequence[tuple[Waiting, int, Step]], resolved: Mapping[str, str]
) -> tuple[list[Row], list[str]]:
    """Return the rows of the items to open, and the ids of an earlier step's to close."""
    opened: set[str] = set()
    rows: list[Row] = []
    for waiting, _, step in handled:
        event = waiting.event
        for item in step.opened:
            opened.add(item.id)
            row = (
                item.id,
                group_key(item.fault, event.source),
                item.fault.code,
                catalogue()[item.fault.code].owner,
                event.source,
                message_of(item.event_id) if item.event_id != event.id else event.message_id,
                item.event_id,
                event.stream,
                item.booking_key,
                item.fault.where,
                item.fault.explanation,
                item.fault.remedy,
                item.amount_minor,
                resolved.get(item.id, ""),
            )
            rows.append(row)
    return rows, sorted(resolved.keys() - opened)


def _resolution(step: Step) -> str:
    """Return by what a step resolves: people ask whether it was their change to the estate."""
    match step.event.fact:
        case Reconsidered(number=number) if number:
            return f"resolved by release {number}"
        case _:
            return "resolved by a later event"
