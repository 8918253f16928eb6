"""Files into the store: one transaction for a whole file, savepoints for what may be taken back.

Used by `engine/transmissions.py`. Nothing of a file is visible to anybody before the transaction
commits; memory stays flat because events and sealed bytes go out in pieces. Nor does it keep
anybody waiting: identifiers, which messages share, go into the vault at its end, in transactions of
their own. Messages that came by themselves are appended by `event_log.py`; both are read back by
`lineage.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Self

import asyncpg
import msgspec

from suture.model.event import Event
from suture.model.fault import Fault, catalogue
from suture.model.translation import Status
from suture.store.database import FILES, Database, Deadlines, Session
from suture.store.event_log import amount_at_stake, event_row, group_key

SECRETS_AT_ONCE = 1_000
"""Kept together: whoever keeps one of the same waits for no more than these."""


class MessageRow(msgspec.Struct, kw_only=True):
    """One message of a file, judged."""

    id: str
    source: str
    format: str
    type: str
    control_id: str
    status: str
    sha256: bytes
    bytes_count: int
    received_at: datetime
    events_count: int
    transmission_id: str
    bytes_offset: int
    identities: Sequence[str] = ()
    """What it claims (accepted) or names (otherwise) as its own to say."""
    totals: Sequence[tuple[str, int, int]] = ()
    faults: Sequence[Fault] = ()


class ToldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message of a file, as it stands in the store."""

    id: str
    format: str
    type: str
    control_id: str
    status: Status
    reasons: Sequence[Sequence[str]]
    """Code, place and explanation of each exception it opened."""


class Holder(msgspec.Struct, frozen=True):
    """The message that holds an identity, and the digest of what it says."""

    message_id: str
    content_sha256: bytes


class FileAppend:
    """A transaction that takes one file. `mark` sets a savepoint, `back_to` returns to it."""

    def __init__(
        self, database: Database, partitions_count: int, deadlines: Deadlines | None = None
    ) -> None:
        """Take the store, the number of the log's partitions, and how long a call may take.

        As long as it may for a file, where nothing is said.
        """
        self._database = database
        self._partitions_count = partitions_count
        self._deadlines = deadlines
        self._stack = AsyncExitStack()
        self._session: Session | None = None
        self._transmission_id = ""
        self._chunks_count = 0
        self._sending: asyncio.Task[object] | None = None
        """Facts on their way: whoever reads a file reads on meanwhile."""
        self._marks: list[str] = []
        self._has_secrets = False
        """What goes back at the end: the connection, and the leave to hold one for long."""

    async def __aenter__(self) -> Self:
        """Begin. Raises StoreUnavailableError."""
        async with AsyncExitStack() as begun:
            await begun.enter_async_context(self._database.long_transactions)
            transaction = self._database.transaction(self._deadlines or FILES)
            self._session = await begun.enter_async_context(transaction)
            await self.fetch("lay_secrets_by")  # before any savepoint, or it would go with that
            self._stack = begun.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit what was appended, or nothing of it when an exception passes."""
        try:
            if error is None:
                await self._settle()
                await self._keep_secrets()
            else:
                await self._give_up()
        except BaseException as lost:
            await self._stack.__aexit__(type(lost), lost, lost.__traceback__)
            raise
        await self._stack.__aexit__(kind, error, trace)

    async def _give_up(self) -> None:
        """Wait for the facts on their way, whatever becomes of them."""
        sending, self._sending = self._sending, None
        if sending is not None:
            await asyncio.gather(sending, return_exceptions=True)

    async def _keep_secrets(self) -> None:
        """Put the identifiers laid by into the vault, in short transactions before this one ends.

        A row of the vault locks its surrogate until its transaction ends, and a connection that
        names the same patient must not wait for a file. Should this one fail after all, what was
        kept is sealed and harms nobody, and the file comes again.
        """
        if not self._has_secrets:
            return
        assert self._session is not None, "not entered"
        async for rows in self._session.batches("secrets_arrived", SECRETS_AT_ONCE):
            await self._database.execute("keep_secrets", [tuple(row) for row in rows])

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a named query inside the transaction."""
        await self._settle()
        return await self._fetch(query, *arguments)

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        assert self._session is not None, "not entered"
        return await self._session.fetch(query, *arguments)

    async def mark(self, savepoint: str) -> None:
        """Set a savepoint in place of the one of that name, and of those set after it.

        The old one is released: PostgreSQL only hides it, and a file of a million messages would
        end a million transactions deep.
        """
        if savepoint in self._marks:
            await self._say(f"release savepoint {savepoint}")
            del self._marks[self._marks.index(savepoint) :]
        await self._say(f"savepoint {savepoint}")
        self._marks.append(savepoint)

    async def back_to(self, savepoint: str) -> None:
        """Undo everything appended since the savepoint, which stays set."""
        await self._say(f"rollback to savepoint {savepoint}")
        del self._marks[self._marks.index(savepoint) + 1 :]

    async def _settle(self) -> None:
        """Wait for the facts on their way: one connection runs one statement at a time."""
        sending, self._sending = self._sending, None
        if sending is not None:
            await sending

    async def _say(self, statement: str) -> None:
        await self._settle()
        assert self._session is not None, "not entered"
        await self._session.say(statement)

    async def begin(
        self,
        transmission_id: str,
        source: str,
        sealed_name: bytes,
        digest: bytes,
        bytes_count: int,
        received_at: datetime,
    ) -> bool:
        """Begin a file; False when its source already sent these bytes.

        One transaction may take several, one after the other.
        """
        self._transmission_id, self._chunks_count = transmission_id, 0
        rows = await self.fetch(
            "append_transmission",
            transmission_id,
            source,
            sealed_name,
            digest,
            bytes_count,
            received_at,
        )
        return bool(rows)

    async def chunk(self, sealed: bytes) -> None:
        """Append the next sealed piece of the file."""
        self._chunks_count += 1
        await self.fetch("append_chunk", self._transmission_id, self._chunks_count, sealed)

    async def claim(self, identity: str, message_id: str, content_sha256: bytes) -> Holder | None:
        """Claim an identity for a message; its holder when another message has it."""
        if await self.fetch("claim_identity", identity, message_id, content_sha256):
            return None
        holders = await self.fetch("find_identity_holder", identity)
        if not holders:
            return Holder("of another intake", b"")
        return Holder(holders[0]["message_id"], holders[0]["sha256"])

    async def facts(
        self, events: Sequence[Event], secrets: Mapping[str, tuple[str, bytes]]
    ) -> None:
        """Begin to append events, to be queued for their partitions, and sealed identifiers.

        Whatever is asked for next waits until they are appended, and raises what that raises.
        """
        await self._settle()
        if events or secrets:
            rows = [event_row(event, self._partitions_count) for event in events]
            kept = [(token, *secrets[token]) for token in sorted(secrets)]
            self._has_secrets |= bool(kept)
            self._sending = asyncio.create_task(self._fetch("append_facts", rows, kept))

    async def message(self, row: MessageRow) -> None:
        """Append a judged message with its totals, its exceptions and what it names unheard."""
        await self.fetch(
            "append_message",
            row.id,
            row.source,
            row.format,
            row.type,
            row.control_id,
            row.status,
            row.sha256,
            row.bytes_count,
            row.received_at,
            row.events_count,
            row.transmission_id,
            row.bytes_offset,
            b"",
        )
        await self.append_totals(row)
        await self.open_items(row)

    async def append_totals(self, row: MessageRow) -> None:
        """Append what a message says it is worth."""
        if row.totals:
            await self.fetch("append_totals", [(row.id, *total) for total in row.totals])

    async def open_items(self, row: MessageRow, *, after: int = 0) -> None:
        """Open a message's exceptions, `after` those it had, and note what it names unheard."""
        if row.status != "accepted" and row.identities:
            await self.fetch("name_identities", row.id, list(row.identities))
        at_stake = amount_at_stake(row.totals)
        for ordinal, fault in enumerate(row.faults, 1):
            await self.fetch(
                "open_message_item",
                f"exc_{row.id[4:]}.{after + ordinal:02d}",
                group_key(fault, row.source),
                fault.code,
                catalogue()[fault.code].owner,
                row.source,
                row.id,
                fault.where,
                fault.explanation,
                fault.remedy,
                at_stake if ordinal == 1 else 0,
            )

    async def supersede(self, row: MessageRow) -> None:
        """Close the exceptions of messages that were not accepted and named what this one claims.

        Only of the same source: a payer's corrected remittance makes good the one that was held.
        """
        if row.status == "accepted" and row.identities:
            await self.fetch(
                "resolve_superseded",
                list(row.identities),
                row.source,
                f"superseded by {row.id}",
            )

    async def again(
        self, holder_id: str, received_at: datetime, transmission_id: str, bytes_offset: int
    ) -> None:
        """Note that what stands at a place of a file is said already, by another message."""
        await self.fetch(
            "append_repeat_in_file", holder_id, received_at, transmission_id, bytes_offset
        )

    async def reply(self, name: str, content: bytes) -> None:
        """Keep what the file's sender is owed."""
        await self.fetch("reply_transmission", self._transmission_id, name, content)

    async def repeat(
        self, source: str, digest: bytes, received_at: datetime
    ) -> tuple[str, str, bytes]:
        """Note that a file came again, and each of its messages.

        Returns the id it has, and its reply's name and content.
        """
        rows = await self.fetch("append_transmission_repeats", source, digest, received_at)
        return rows[0]["id"], rows[0]["reply_name"], rows[0]["reply"]

    async def verdict(self, source: str, digest: bytes) -> list[ToldMessage]:
        """Return what became of each message of a file that came before."""
        rows = await self.fetch("transmission_verdict", source, digest)
        return [ToldMessage(**dict(row)) for row in rows]

    async def keep_watermark(self, source: str, before: str, after: str) -> bool:
        """Move the watermark of a source that is asked; False where another worker has done so."""
        return bool(await self.fetch("keep_watermark", source, before, after))


async def read_watermark(database: Database, source: str) -> str:
    """Return how far a source that is asked has been read; empty before the first."""
    row = await database.fetchrow("read_watermark", source)
    return "" if row is None else str(row["watermark"])
