"""The runner: events in order per stream, decided by the pipeline, committed with what follows.

A worker leases partitions, reads the next events of all of them with their streams' records, tells
each to its stream (`pipeline.advance`), and commits records, entries, work items, forwarded events
and positions in one fenced statement. An event that cannot be handled or committed is set aside
with an exception; the others go on (F33). What a batch reads and writes is `store/state.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from suture.engine.clock import elapsed_seconds
from suture.engine.telemetry import log
from suture.ledger.books import Books
from suture.ledger.entry import Entry
from suture.model.event import Event
from suture.pipeline import (
    Record,
    Step,
    advance,
    decode_record,
    encode_record,
    forwarded,
    initial,
    reverse_entry,
    set_aside,
)
from suture.store.database import Database, LeaseLostError, StoreUnavailableError
from suture.store.releases import live_workers
from suture.store.state import (
    Lease,
    Remembered,
    Waiting,
    commit_step,
    lease_partitions,
    read_entries,
    read_inbox,
    release_partitions,
)

LEASE_SECONDS = 6.0
RENEW_SECONDS = 1.0
WORKER_SECONDS = 4.0
"""A runner not seen for so long does not count when the partitions are shared out."""
EVENTS_PER_PARTITION_MAX = 64
IDLE_SECONDS_MAX = 0.05


class Turn(msgspec.Struct):
    """One batch of events, decided and ready to commit."""

    leases: list[Lease]
    """Of the partitions touched, at the positions they will have."""
    handled: list[tuple[Waiting, int, Step]]
    remembered: list[Remembered]
    forwarded: list[Event]


class Runner:
    """One worker's loop over the partitions it holds."""

    def __init__(self, database: Database, owner: str, books: Books, partitions_count: int) -> None:
        """Take the store, this worker's name, the books in force and the number of partitions."""
        self._database = database
        self._owner = owner
        self._partitions_count = partitions_count
        self.books = books
        """Replaced between turns when a release comes into force."""
        self._leases: dict[int, Lease] = {}
        self._renew_at = 0.0
        self._at_work = asyncio.Lock()
        self.events_handled = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Handle events until told to stop, then give the leases back."""
        idle_seconds = 0.001
        while not stop.is_set():
            try:
                handled = await self.turn()
            except LeaseLostError:
                log.warning("lease_lost", owner=self._owner)
                self._leases, self._renew_at = {}, 0.0
                continue
            except StoreUnavailableError:
                self._leases, self._renew_at = {}, 0.0
                await asyncio.sleep(0.2)
                continue
            if handled:
                idle_seconds = 0.001
            else:
                await asyncio.sleep(idle_seconds)
                idle_seconds = min(idle_seconds * 2, IDLE_SECONDS_MAX)
        try:
            await release_partitions(self._database, self._owner)
        except StoreUnavailableError:
            log.warning("leases_left_to_expire", owner=self._owner)

    async def change_books(self, books: Books) -> None:
        """Decide by these books from the next batch on.

        When this returns, nothing decided by the books before is still on its way to the store.
        """
        async with self._at_work:
            self.books = books

    async def turn(self) -> int:
        """Handle one batch; return how many events it held. Raises LeaseLostError, and as below."""
        async with self._at_work:
            return await self._turn()

    async def _turn(self) -> int:
        await self._renew()
        if not self._leases:
            return 0
        waiting = await read_inbox(self._database, list(self._leases), EVENTS_PER_PARTITION_MAX)
        if not waiting:
            return 0
        try:
            await self._handle(waiting)
        except (LeaseLostError, StoreUnavailableError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            log.error("batch_failed", error=type(error).__name__, events=len(waiting))
            await self._handle_alone([item.partition for item in waiting])
        return len(waiting)

    async def _handle_alone(self, partitions: list[int]) -> None:
        """Handle the events of a failed batch one at a time; set aside the one that fails again."""
        for partition in partitions:
            for item in await read_inbox(self._database, [partition], 1):
                try:
                    await self._handle([item])
                except (LeaseLostError, StoreUnavailableError):
                    raise
                except Exception as error:  # noqa: BLE001 - as above
                    failure = type(error).__name__
                    log.error("event_failed", event_id=item.event.id, error=failure)
                    await self._handle([item], {item.event.id: failure})

    async def _handle(self, waiting: list[Waiting], poisoned: dict[str, str] | None = None) -> None:
        """Decide a batch and commit it; `poisoned` events, with what they raise, are set aside."""
        unread = {item.event.id: item.failure for item in waiting if item.failure}
        turn = await self._decide(waiting, unread | (poisoned or {}))
        await commit_step(
            self._database,
            leases=turn.leases,
            handled=turn.handled,
            remembered=turn.remembered,
            forwarded=turn.forwarded,
            partitions_count=self._partitions_count,
            release=self.books.release,
        )
        self._leases |= {lease.partition: lease for lease in turn.leases}
        self.events_handled += len(waiting)

    async def _renew(self) -> None:
        if elapsed_seconds() < self._renew_at:
            return
        workers = await live_workers(self._database, seconds=WORKER_SECONDS)
        runners_count = max(1, sum(worker.role == "runner" for worker in workers))
        leases = await lease_partitions(
            self._database,
            self._owner,
            seconds=LEASE_SECONDS,
            partitions_max=-(-self._partitions_count // runners_count),
        )
        self._leases = {lease.partition: lease for lease in leases}
        self._renew_at = elapsed_seconds() + RENEW_SECONDS

    async def _decide(self, waiting: list[Waiting], poisoned: dict[str, str]) -> Turn:
        """Decide a batch, setting aside any event whose handling raises."""
        while True:
            try:
                steps, records, versions = self._advance_all(waiting, poisoned)
            except _PoisonError as poison:
                log.error("event_failed", event_id=poison.event_id, error=poison.error)
                poisoned[poison.event_id] = poison.error
                continue
            break
        await self._reverse(steps)
        touched = sorted({item.partition for item in waiting})
        leases = {each: msgspec.structs.replace(self._leases[each]) for each in touched}
        handled: list[tuple[Waiting, int, Step]] = []
        for item, step in zip(waiting, steps, strict=True):
            lease = leases[item.partition]
            lease.position += 1
            handled.append((item, lease.position, step))
        return Turn(
            leases=list(leases.values()),
            handled=handled,
            remembered=[
                Remembered(stream, versions[stream] + 1, encode_record(stream, record))
                for stream, record in records.items()
            ],
            forwarded=[event for step in steps for event in forwarded(step)],
        )

    def _advance_all(
        self, waiting: list[Waiting], poisoned: dict[str, str]
    ) -> tuple[list[Step], dict[str, Record[Any]], dict[str, int]]:
        records: dict[str, Record[Any]] = {}
        versions: dict[str, int] = {}
        steps: list[Step] = []
        for item in waiting:
            event = item.event
            if event.id in poisoned:
                steps.append(set_aside(event, poisoned[event.id]))
                continue
            try:
                record = records.get(event.stream)
                if record is None:
                    record = (
                        initial(event.stream)
                        if item.record is None
                        else decode_record(event.stream, item.record)
                    )
                    records[event.stream] = record
                    versions[event.stream] = item.version
                steps.append(advance(record, event, self.books))
            except Exception as error:
                raise _PoisonError(event.id, type(error).__name__) from error
        return steps, records, versions

    async def _reverse(self, steps: list[Step]) -> None:
        """Turn pending reversals into entries: their originals are in this batch or the store."""
        booked: dict[str, Entry] = {entry.id: entry for step in steps for entry in step.entries}
        missing = {
            reversal.reverses
            for step in steps
            for reversal in step.reversals
            if reversal.reverses not in booked
        }
        if missing:
            booked |= await read_entries(self._database, sorted(missing))
        for step in steps:
            step.entries.extend(
                reverse_entry(reversal, booked[reversal.reverses], step.event, self.books)
                for reversal in step.reversals
            )


class _PoisonError(Exception):
    """Handling one event raised: a bug in our code, isolated to that event."""

    def __init__(self, event_id: str, error: str) -> None:
        super().__init__(event_id)
        self.event_id = event_id
        self.error = error
