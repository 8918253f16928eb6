"""Lineage: from a message to the ERP's document and back, by id.

Ids contain their cause, so most steps are prefix scans:

    msg_X  ->  evt_X.0001  ->  ent_X.0001.01  ->  SUT7KQ2000000001  ->  the ERP's document
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from suture.model.event import decode_fact
from suture.model.identity import message_of
from suture.store.acts import read_acts
from suture.store.database import Database
from suture.store.state import read_entries

ENTRIES_SHOWN_MAX = 1_000
MESSAGES_SHOWN_MAX = 1_000
ITEMS_SHOWN_MAX = 100

Lineage = dict[str, Any]


class SealedPiece(msgspec.Struct, frozen=True):
    """One sealed piece of a file, and where in the file its content starts."""

    ordinal: int
    starts_at: int
    sealed: bytes


class SealedBytes(msgspec.Struct, frozen=True):
    """Where the bytes of a message are: sealed by themselves, or a span of the file it came in."""

    sealed: bytes | None
    transmission_id: str
    bytes_offset: int
    bytes_count: int
    file_bytes_count: int = 0


async def read_sealed(database: Database, message_id: str) -> SealedBytes | None:
    """Return where the bytes of a message are, or None for an unknown one.

    `engine/raw.py` opens them.
    """
    row = await database.fetchrow("read_message_bytes", message_id)
    if row is None:
        return None
    return SealedBytes(
        row["sealed"],
        row["transmission_id"] or "",
        row["bytes_offset"] or 0,
        row["bytes_count"],
        row["file_bytes_count"] or 0,
    )


async def read_pieces(
    database: Database, span: SealedBytes, *, overhead_bytes: int
) -> list[SealedPiece]:
    """Return the pieces of a file that hold a span.

    A sealed piece is `overhead_bytes` longer than what it holds.
    """
    end = span.bytes_offset + span.bytes_count
    rows = await database.fetch(
        "read_chunks", span.transmission_id, span.bytes_offset, end, overhead_bytes
    )
    return [SealedPiece(row["ordinal"], row["starts_at"], row["sealed"]) for row in rows]


async def read_file_pieces(
    database: Database, transmission_id: str, *, after: int, pieces_max: int
) -> list[SealedPiece]:
    """Return the next sealed pieces of a file, from its start on; `starts_at` is not known here."""
    rows = await database.fetch("read_file_pieces", transmission_id, after, pieces_max)
    return [SealedPiece(row["ordinal"], 0, row["sealed"]) for row in rows]


async def find_messages_of(database: Database, identity: str) -> list[str]:
    """Return the ids of the messages that an id, or a control id, leads up to; newest first.

    A message's own id leads to itself, an event's, entry's or exception's to the one behind it.
    """
    kind = identity.partition("_")[0]
    if kind == "msg":
        return [identity]
    if kind in {"evt", "ent"}:
        return [message_of(identity)]
    if kind == "exc":
        rows = await database.fetch("message_of_item", identity)
        return [row["message_id"] for row in rows]
    return [row["id"] for row in await database.fetch("find_by_control_id", identity)]


async def trace(database: Database, identity: str) -> Lineage | None:
    """Return everything above and below one id, or None.

    An id is a message's, file's, event's, entry's, exception's or release's, our journal reference,
    the ERP's document, a control id or a stream. Several messages of one control id come as one
    lineage, the booked one's, with the others under `also`. Names that people hold are turned into
    ids by `engine/search.py`.
    """
    kind, _, rest = identity.partition("_")
    tracers: dict[str, Callable[[Database, str], Awaitable[Lineage | None]]] = {
        "evt": _of_event,
        "ent": _of_entry,
        "exc": _of_work_item,
        "trn": _of_transmission,
        "rel": _of_release,
    }
    if kind == "msg":
        return await _of_message(database, identity, identity)
    if kind in tracers:
        return await tracers[kind](database, identity)
    journal = await database.fetchrow("trace_journal", identity)
    if journal is not None:
        return await _of_journal(database, identity, dict(journal))
    if told := await database.fetch("trace_told", "", identity):
        return {**(await _of_event(database, told[0]["event_id"]) or {}), "asked": identity}
    found = await database.fetch("find_by_control_id", identity)
    if found:
        first, *others = [await _of_message(database, identity, row["id"]) for row in found]
        return {**(first or {}), **({"also": others} if others else {})}
    if rest or "/" in identity:
        return await _of_stream(database, identity)
    return None


async def _of_message(database: Database, asked: str, message_id: str) -> Lineage | None:
    message = await database.fetchrow("trace_message", message_id)
    if message is None:
        return None
    events = await _events(database, f"evt_{message_id[4:]}.")
    return {
        "asked": asked,
        "message": dict(message),
        "events": events,
        "entries": await _entries(database, f"ent_{message_id[4:]}."),
        "told": await _told(database, f"evt_{message_id[4:]}."),
        "work_items": await _work_items(database, message_id),
        "acts": await read_acts(database, message_id),
    }


async def _of_event(database: Database, event_id: str) -> Lineage | None:
    events = await _events(database, event_id)
    if not events:
        return None
    message = await database.fetchrow("trace_message", events[0]["message_id"])
    return {
        "asked": event_id,
        "message": dict(message) if message else None,
        "events": events,
        "entries": await _entries(database, f"ent_{event_id[4:]}"),
        "told": await _told(database, event_id),
        "work_items": await _work_items(database, events[0]["message_id"]),
        "acts": await read_acts(database, event_id),
    }


async def _of_entry(database: Database, entry_id: str) -> Lineage | None:
    entries = await _entries(database, entry_id)
    if not entries:
        return None
    lineage = await _of_event(database, entries[0]["event_id"])
    reversals = [row["id"] for row in await database.fetch("trace_reversals", entry_id)]
    return {**(lineage or {}), "asked": entry_id, "entries": entries, "reversed_by": reversals}


async def _of_work_item(database: Database, item_id: str) -> Lineage | None:
    item = await database.fetchrow("trace_work_item", item_id)
    if item is None:
        return None
    about = item["event_id"] or item["message_id"] or item["reference"]
    lineage = await trace(database, about) if about else None
    acts = [*(lineage or {}).get("acts", ()), *await read_acts(database, item_id)]
    return {**(lineage or {}), "asked": item_id, "work_item": dict(item), "acts": acts}


async def _of_journal(database: Database, asked: str, journal: Lineage) -> Lineage:
    reference = journal["reference"]
    linked = await database.fetch("trace_journal_entries", reference, ENTRIES_SHOWN_MAX)
    lines = await database.fetch("trace_journal_lines", reference)
    attempts = await database.fetch("trace_attempts", journal["delivery_id"])
    entry_ids = [row["entry_id"] for row in linked]
    return {
        "asked": asked,
        "journal": {
            **journal,
            "lines": [dict(line) for line in lines],
            "attempts": [dict(attempt) for attempt in attempts],
        },
        "entry_ids": entry_ids,
        "message_ids": sorted({message_of(row["event_id"]) for row in linked}),
        "acts": await read_acts(database, reference),
    }


async def _of_stream(database: Database, stream: str) -> Lineage | None:
    found = await database.fetch("find_by_stream", stream)
    if not found:
        return None
    entries = await database.fetch("trace_stream_entries", stream)
    items = await database.fetch("trace_stream_work_items", stream, ITEMS_SHOWN_MAX)
    told_by = sorted(row["message_id"] for row in found)
    return {
        "asked": stream,
        "message_ids": [each for each in told_by if each.startswith("msg_")],
        "release_ids": [each for each in told_by if each.startswith("rel_")],
        "entry_ids": [row["id"] for row in entries],
        "work_items": [dict(row) for row in items],
    }


async def _of_transmission(database: Database, identity: str) -> Lineage | None:
    file = await database.fetchrow("trace_transmission", identity)
    if file is None:
        return None
    messages = await database.fetch("trace_transmission_messages", identity, MESSAGES_SHOWN_MAX)
    counted = await database.fetch("count_transmission_messages", identity)
    return {
        "asked": identity,
        "transmission": {**dict(file), "messages_count": counted[0]["messages_count"]},
        "messages": [dict(row) for row in messages],
    }


async def _of_release(database: Database, identity: str) -> Lineage | None:
    rows = await database.fetch("trace_release", identity)
    return {"asked": identity, "releases": [dict(row) for row in rows]} if rows else None


async def _events(database: Database, prefix: str) -> list[Lineage]:
    rows = await database.fetch("trace_events", prefix)
    return [
        {
            **{key: value for key, value in row.items() if key != "payload"},
            "fact": decode_fact(row["payload"]),
        }
        for row in rows
    ]


async def _told(database: Database, prefix: str) -> list[Lineage]:
    return [dict(row) for row in await database.fetch("trace_told", prefix, "")]


async def _entries(database: Database, prefix: str) -> list[Lineage]:
    heads = await database.fetch("trace_entries", prefix)
    whole = await read_entries(database, [row["id"] for row in heads])
    return [{**dict(row), "lines": list(whole[row["id"]].lines)} for row in heads]


async def _work_items(database: Database, message_id: str) -> list[Lineage]:
    return [dict(row) for row in await database.fetch("work_items_of_message", message_id)]
