"""The runner: events in order per stream, decided by the pipeline, committed with what follows.

A worker leases partitions, reads the next events of all of them with their streams' records, tells
each to its stream (`pipeline.advance`), and commits records, entries, work items, forwarded events
and positions in one fenced statement. While events wait in number, the next batch is decided as the
one before is being committed: what that one wrote is known here, and if it fails, nothing decided
after it counts. An event that cannot be handled or committed is set aside with an exception; the
others go on (F33). What a batch reads and writes is `store/state.py`.
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
EVENTS_ENOUGH = 256
GATHER_SECONDS = 0.02
"""A batch of fewer events than enough was all there was: what comes next gathers for so long. Most
of what a small batch costs is the batch."""


class Turn(msgspec.Struct):
    """One batch of events, decided and ready to commit."""

    leases: list[Lease]
    """Of the partitions touched, at the positions they will have."""
    handled: list[tuple[Waiting, int, Step]]
    remembered: list[Remembered]
    forwarded: list[Event]

    def last_seqs(self) -> dict[int, int]:
        """Return the place in the inbox up to which each partition's events are in this batch."""
        return {waiting.partition: waiting.seq for waiting, _, _ in self.handled}

    def records(self) -> dict[str, Remembered]:
        """Return the records that the batch leaves behind, by stream."""
        return {item.stream: item for item in self.remembered}

    def entries(self) -> dict[str, Entry]:
        """Return what the batch books, by id."""
        return {entry.id: entry for _, _, step in self.handled for entry in step.entries}


_NOTHING = Turn(leases=[], handled=[], remembered=[], forwarded=[])


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
        self._under_way = _NOTHING
        self._commit: asyncio.Task[None] | None = None
        """Of what is under way."""
        self._at_work = asyncio.Lock()
        self.events_handled = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Handle events until told to stop, then give the leases back."""
        idle_seconds = 0.001
        while not stop.is_set():
            try:
                async with self._at_work:
                    handled = await self._turn()
                    if handled < EVENTS_ENOUGH:
                        await self._settle()
            except LeaseLostError:
                log.warning("lease_lost", owner=self._owner)
                await self._start_over()
                continue
            except StoreUnavailableError:
                await self._start_over()
                await asyncio.sleep(0.2)
                continue
            if not handled:
                await asyncio.sleep(idle_seconds)
                idle_seconds = min(idle_seconds * 2, IDLE_SECONDS_MAX)
                continue
            idle_seconds = 0.001
            if handled < EVENTS_ENOUGH:
                await asyncio.sleep(GATHER_SECONDS)
        try:
            await self._settle()
            await release_partitions(self._database, self._owner)
        except (StoreUnavailableError, LeaseLostError):
            log.warning("leases_left_to_expire", owner=self._owner)

    async def change_books(self, books: Books) -> None:
        """Decide by these books from the next batch on.

        When this returns, nothing decided by the books before is still on its way to the store.
        """
        async with self._at_work:
            if self._commit is not None:
                await asyncio.wait([self._commit])  # how it ended is for `_settle` to say
            self.books = books

    async def turn(self) -> int:
        """Handle one batch; return how many events it held. Raises LeaseLostError, and as below."""
        async with self._at_work:
            handled = await self._turn()
            await self._settle()
            return handled

    async def _turn(self) -> int:
        """Decide the next batch and begin to commit it, once the one before is committed."""
        if elapsed_seconds() >= self._renew_at:
            await self._settle()
            await self._renew()
        if not self._leases:
            return 0
        waiting = await read_inbox(
            self._database,
            list(self._leases),
            EVENTS_PER_PARTITION_MAX,
            after=self._under_way.last_seqs(),
        )
        if not waiting:
            return 0
        try:
            turn = await self._decide(waiting, {})
        except (LeaseLostError, StoreUnavailableError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            await self._settle()
            await self._part(error, waiting)
        else:
            if await self._settle():
                self._under_way = turn
                self._commit = asyncio.create_task(self._commit_turn(turn), name="runner-commit")
        return len(waiting)

    async def _settle(self) -> bool:
        """Wait until what is under way is committed; False when its events had to go one by one.

        What was decided after it is void then.
        """
        turn, commit = self._under_way, self._commit
        self._under_way, self._commit = _NOTHING, None
        if commit is None:
            return True
        try:
            await commit
        except (LeaseLostError, StoreUnavailableError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            await self._part(error, [waiting for waiting, _, _ in turn.handled])
            return False
        return True

    async def _start_over(self) -> None:
        """Forget what we hold and what is under way, however that ends: the store knows."""
        if self._commit is not None:
            await asyncio.wait([self._commit])
            self._commit.exception()
        self._under_way, self._commit = _NOTHING, None
        self._leases, self._renew_at = {}, 0.0

    async def _part(self, reason: Exception, waiting: list[Waiting]) -> None:
        """Handle as many events as failed together one at a time; set aside what fails again."""
        log.error("batch_failed", error=type(reason).__name__, events=len(waiting))
        for partition in [item.partition for item in waiting]:
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
        await self._commit_turn(await self._decide(waiting, poisoned or {}))

    async def _commit_turn(self, turn: Turn) -> None:
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
        self.events_handled += len(turn.handled)

    async def _renew(self) -> None:
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
        poisoned = {item.event.id: item.failure for item in waiting if item.failure} | poisoned
        ahead = self._under_way.records()
        while True:
            try:
                steps, records, versions = self._advance_all(waiting, ahead, poisoned)
            except _PoisonError as poison:
                log.error("event_failed", event_id=poison.event_id, error=poison.error)
                poisoned[poison.event_id] = poison.error
                continue
            break
        await self._reverse(steps)
        touched = sorted({item.partition for item in waiting})
        held = self._leases | {lease.partition: lease for lease in self._under_way.leases}
        leases = {each: msgspec.structs.replace(held[each]) for each in touched}
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
        self, waiting: list[Waiting], ahead: dict[str, Remembered], poisoned: dict[str, str]
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
                    # What is under way may be in the store already, or not yet.
                    stored = ahead.get(event.stream, item)
                    record = (
                        initial(event.stream)
                        if stored.record is None
                        else decode_record(event.stream, stored.record)
                    )
                    records[event.stream] = record
                    versions[event.stream] = stored.version
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
            under_way = self._under_way.entries()
            booked |= {each: under_way[each] for each in missing & under_way.keys()}
            missing -= under_way.keys()
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
