"""Messages of a file that were not accepted, again: the whole file is read, and they are judged.

What a transaction set means depends on its interchange (ISA to IEA), so its file is read from the
start; those who were accepted, and those nobody asked for, are left alone. A message is known by
its place in the file. Where nothing could be read of a file, or of an interchange, before, what is
found in it now becomes messages of their own. One transaction: the first pass finds the verdicts,
the second tells the facts of what is accepted. Taken for the first time in `transmissions.py`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import msgspec

from suture.engine.clock import instant
from suture.engine.file_facts import Facts
from suture.engine.message_reprocess import (
    Desk,
    Reprocessed,
    accepted_already,
    refused,
    says_the_same,
    still_held,
)
from suture.engine.raw import OpenedFile, opened_file
from suture.engine.transmissions import message_id_of, row_of
from suture.model.fault import Fault
from suture.model.identity import bounded_identity
from suture.model.translation import Begun, Channel, Closed, Reading, Routed, Status
from suture.pipeline import identity_taken, read_file
from suture.store.event_log import amount_at_stake
from suture.store.reprocess import Place, Reprocessing, StoredMessage
from suture.store.transmission import MessageRow

WHOLES = frozenset({"unreadable", "interchange"})
"""Types of messages that stand for a file or an interchange of which nothing could be read."""


class _Judged(msgspec.Struct, kw_only=True):
    """A message of the file as it is read now."""

    id: str
    ordinal: int
    reading: Reading
    """Without its facts, which the second pass tells."""
    status: Status
    faults: tuple[Fault, ...]
    found_in: str
    """The message that stood for the bytes it was found in; empty where it is stored already."""
    events_count: int = 0
    repeats: str = ""
    """The message that says the same already; empty where it is new."""


async def reprocess_file(
    desk: Desk, messages: Sequence[StoredMessage], channel: Channel
) -> list[Reprocessed]:
    """Read a file again for the sake of some of its messages; return what became of each.

    Raises SealBrokenError, UnknownKeyError, StoreUnavailableError, and whatever reading it raises;
    then nothing has changed.
    """
    transmission_id = messages[0].transmission_id
    assert transmission_id is not None, "messages of a file know it"
    async with (
        opened_file(desk.database, desk.key_ring, transmission_id) as file,
        desk.transaction() as store,
    ):
        again = _Again(desk, store, file, channel, messages)
        return await again.run()


class _Again:
    """One file being read again."""

    def __init__(
        self,
        desk: Desk,
        store: Reprocessing,
        file: OpenedFile,
        channel: Channel,
        messages: Sequence[StoredMessage],
    ) -> None:
        self._desk = desk
        self._store = store
        self._file = file
        self._channel = channel
        self._wanted = {message.id: message for message in messages}
        first = messages[0]
        self._transmission_id = first.transmission_id or ""
        self._digest = first.sha256
        self._at_ms = first.received_at_ms
        self._finds_new = any(message.type in WHOLES for message in messages)
        self._places: dict[int, list[Place]] = {}
        self._wholes: list[tuple[int, str]] = []
        """Where each message that stands for a file or an interchange begins, and its id."""
        self._new_ids: Iterator[str] = iter(())
        self._judged: list[_Judged] = []

    async def run(self) -> list[Reprocessed]:
        """Judge, tell, and put the verdicts in the place of those that were."""
        await self._lock()
        self._judge()
        results = [*self._accepted_already(), *self._gone()]
        await self._claim()
        self._judged = await self._changed(results)
        await self._tell()
        for judged in self._judged:
            await self._settle(judged, results)
        await self._settle_wholes(results)
        return results

    async def _lock(self) -> None:
        """Hold the file; remember where its messages are: all of them where new ones may be."""
        ids = None if self._finds_new else list(self._wanted)
        places = await self._store.lock_file(self._transmission_id, ids)
        for place in places:
            self._places.setdefault(place.bytes_offset, []).append(place)
        self._wholes = [(each.bytes_offset, each.id) for each in places if each.type in WHOLES]
        taken = {place.id for place in places}
        every = (
            message_id_of(self._transmission_id, self._at_ms, ordinal)
            for ordinal in count(len(places) + 1)
        )
        self._new_ids = (each for each in every if each not in taken)

    # The first pass: verdicts -------------------------------------------------------------------

    def _judge(self) -> None:
        ordinal = 0
        open_ones: list[_Judged] = []
        for piece in read_file(self._file.chunks(), self._channel):
            match piece:
                case Begun():
                    ordinal += 1
                case Routed():
                    pass
                case Reading():
                    open_ones.extend(self._placed(piece, ordinal))
                case Closed():
                    for judged in open_ones if piece.faults else ():
                        judged.status = piece.status
                        judged.faults += piece.faults
                    self._judged.extend(open_ones)
                    open_ones.clear()

    def _placed(self, reading: Reading, ordinal: int) -> Iterator[_Judged]:
        """Find which message a reading is; none where it is nobody's concern here."""
        place = self._take_place(reading)
        found_in = self._whole_around(reading.offset) if place is None else ""
        if place is None and found_in not in self._wanted:
            return
        if place is not None and (place.id not in self._wanted or place.status == "accepted"):
            return
        translation = msgspec.structs.replace(reading.translation, routed=(), secrets=())
        yield _Judged(
            id=next(self._new_ids) if place is None else place.id,
            ordinal=ordinal,
            reading=msgspec.structs.replace(reading, translation=translation),
            status=translation.status,
            faults=translation.faults,
            found_in=found_in,
        )

    def _take_place(self, reading: Reading) -> Place | None:
        """Return whose place a reading begins at: of two there, the one of its type."""
        here = self._places.get(reading.offset, [])
        for place in sorted(here, key=lambda each: each.type != reading.translation.type):
            here.remove(place)
            return place
        return None

    def _whole_around(self, offset: int) -> str:
        """Return the message that stands for the bytes around a place; empty where none does."""
        before = bisect_right(self._wholes, offset, key=lambda each: each[0])
        return self._wholes[before - 1][1] if before else ""

    def _accepted_already(self) -> Iterable[Reprocessed]:
        """Refuse those that somebody else reprocessed a moment ago."""
        return [
            accepted_already(place.id)
            for places in self._places.values()
            for place in places
            if place.id in self._wanted and place.status == "accepted"
        ]

    def _gone(self) -> Iterable[Reprocessed]:
        """Refuse those at whose place no message begins any more, and wholes that hold none."""
        opened = {judged.found_in for judged in self._judged}
        return [
            refused(place.id, "no message is found at its place in the file")
            for place in self._left()
            if place.id not in opened
        ]

    def _left(self) -> list[Place]:
        """Return what was asked for and has no reading of its own."""
        return [
            place
            for places in self._places.values()
            for place in places
            if place.id in self._wanted and place.status != "accepted"
        ]

    async def _changed(self, results: list[Reprocessed]) -> list[_Judged]:
        """Return the readings that say something new, or are accepted."""
        reasons = await self._store.reasons([each.id for each in self._judged if not each.found_in])
        changed = []
        for judged in self._judged:
            if (
                judged.status == "accepted"
                or judged.repeats
                or judged.found_in
                or not says_the_same(reasons.get(judged.id, []), judged.faults)
            ):
                changed.append(judged)
            else:
                results.append(still_held(judged.id, judged.faults, _amount(judged)))
        return changed

    async def _claim(self) -> None:
        """Claim the identities of what is accepted; one that is taken may be a repeat (B31)."""
        for judged in self._judged:
            if judged.status != "accepted":
                continue
            await self._store.mark("message")
            content = judged.reading.content_sha256
            for identity in map(bounded_identity, judged.reading.translation.identities):
                holder = await self._store.claim(identity, judged.id, content)
                if holder is None:
                    continue
                await self._store.back_to("message")
                judged.status = "held"
                if holder.content_sha256 == content:
                    judged.repeats = holder.message_id
                else:
                    taken = identity_taken(identity, judged.ordinal, holder.message_id)
                    judged.faults = (taken,)
                break

    # The second pass: facts ---------------------------------------------------------------------

    async def _tell(self) -> None:
        accepted = {each.ordinal: each for each in self._judged if each.status == "accepted"}
        if not accepted:
            return
        facts = Facts(
            self._store,
            self._desk.key_ring,
            source=self._channel.source,
            digest=self._digest,
            at_ms=self._at_ms,
        )
        ordinal, judged = 0, None
        for piece in read_file(self._file.chunks(), self._channel):
            match piece:
                case Begun():
                    ordinal += 1
                    judged = accepted.get(ordinal)
                    if judged is not None:
                        facts.begin(judged.id, piece, message_ordinal=ordinal)
                case Routed() if judged is not None:
                    await facts.add(piece)
                case Reading() if judged is not None:
                    for routed in piece.translation.routed:
                        await facts.add(routed)
                    for secret in piece.translation.secrets:
                        facts.hide(secret)
                    await facts.flush()
                    judged.events_count = facts.count
                case _:
                    pass

    # The verdicts in their place ----------------------------------------------------------------

    async def _settle(self, judged: _Judged, results: list[Reprocessed]) -> None:
        if judged.repeats:
            await self._settle_repeat(judged, results)
            return
        row = self._row(judged)
        if judged.found_in:
            await self._store.message(row)
            await self._store.note(self._desk.person, row.id)
        else:
            await self._store.rejudge(
                row, resolution=self._desk.resolution, person=self._desk.person
            )
        await self._store.supersede_earlier(row)
        if judged.status != "accepted":
            results.append(still_held(judged.id, judged.faults, _amount(judged)))
            return
        results.append(
            Reprocessed(
                id=judged.id,
                outcome="accepted",
                amount_minor=_amount(judged),
                events_count=judged.events_count,
                messages_count=self._found_count(judged.id),
            )
        )

    async def _settle_repeat(self, judged: _Judged, results: list[Reprocessed]) -> None:
        """Close what is open about a message that another one says; count one found just now."""
        if judged.found_in:
            offset = judged.reading.offset
            at = instant(self._at_ms)
            await self._store.again(judged.repeats, at, self._transmission_id, offset)
            return
        await self._store.repeats(
            judged.id,
            judged.repeats,
            resolution=self._desk.resolution,
            person=self._desk.person,
        )
        results.append(Reprocessed(id=judged.id, outcome="repeated", explanation=judged.repeats))

    async def _settle_wholes(self, results: list[Reprocessed]) -> None:
        """Accept what stood for bytes that could not be read: what is in them speaks for itself."""
        for place in self._left():
            found_count = self._found_count(place.id)
            if not found_count:
                continue
            stored = self._wanted[place.id]
            row = MessageRow(
                id=place.id,
                source=stored.source,
                format=self._judged[0].reading.translation.format,
                type=stored.type,
                control_id="",
                status="accepted",
                sha256=stored.sha256,
                bytes_count=stored.bytes_count,
                received_at=stored.received_at,
                events_count=0,
                transmission_id=self._transmission_id,
                bytes_offset=place.bytes_offset,
            )
            await self._store.rejudge(
                row,
                resolution=f"{self._desk.resolution}: {found_count} found in it",
                person=self._desk.person,
            )
            results.append(Reprocessed(id=place.id, outcome="accepted", messages_count=found_count))

    def _found_count(self, message_id: str) -> int:
        return sum(judged.found_in == message_id for judged in self._judged)

    def _row(self, judged: _Judged) -> MessageRow:
        return row_of(
            judged.reading,
            message_id=judged.id,
            source=self._channel.source,
            status=judged.status,
            faults=judged.faults,
            events_count=judged.events_count,
            transmission_id=self._transmission_id,
            digest=self._digest,
            at_ms=self._at_ms,
        )


def _amount(judged: _Judged) -> int:
    return amount_at_stake(
        [(each.name, each.count, each.amount_minor) for each in judged.reading.translation.totals]
    )
