"""The pipeline driven from memory: what a file would come to, with no store, keys or clock. Pure.

A file is read twice. `Rehearsal.judge` finds each message's verdict by the rules of intake:
envelopes and batches outrank what is in them, an identity has one holder. `Rehearsal.tell` then
tells the facts of the accepted messages to their streams, as the runner would, and yields what each
changes. Nothing is kept that a later event of the file cannot ask for, so an 835 of any size takes
the same memory.

`cli/trace_file.py` shows it. The engine drives the same chain from PostgreSQL:
`engine/file_intake.py`, `engine/runner.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any
from zlib import crc32

import msgspec

from suture.ledger.books import Books
from suture.ledger.entry import Entry
from suture.model.event import Event, make_event, process_of
from suture.model.fault import Fault, fault
from suture.model.identity import derive_id
from suture.model.translation import (
    Begun,
    Channel,
    Closed,
    Format,
    Piece,
    Reading,
    Routed,
    Status,
    Translation,
)
from suture.pipeline import (
    WHOLE_BYTES_MAX,
    Opened,
    Record,
    Step,
    advance,
    forwarded,
    identity_taken,
    initial,
    read_file,
    read_message,
    reverse_entry,
    set_aside,
)
from suture.translate.file_format import detect_format, head_of

_CENSUS_BITS = 1 << 25

Channels = Callable[[str], Channel]
"""Chooses the channel of a message by its type: ST01 (`835`), or MSH-9.1 (`DFT`)."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the file under its final verdict."""

    id: str
    ordinal: int
    """1 for the first of its file."""
    source: str
    """The channel it was read as."""
    translation: Translation
    """Without facts and secrets; status and faults are those of intake."""
    events_count: int
    """How many facts an accepted message told."""
    repeats: int = 0
    """The ordinal of the message that said the same before: this one then tells nothing."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event, and everything it changed."""

    event: Event
    entries: tuple[Entry, ...]
    """Booked now, reversals included. An entry's own `event_id` names who told it: this event, or
    an earlier one that had to wait for it."""
    opened: tuple[Opened, ...]
    """What waits now, and why."""
    resolved: tuple[Opened, ...]
    """What was opened by this file, and waits no more."""


class Rehearsal:
    """One file: judged, then told. Both need its bytes, so it is handed over twice."""

    def __init__(
        self, books: Books, channels: Channels, *, whole_bytes_max: int = WHOLE_BYTES_MAX
    ) -> None:
        """Take the books to post by and the choice of channels."""
        self._books = books
        self._channels = channels
        self._whole_bytes_max = whole_bytes_max
        self._digest = sha256()
        self._census = _Census()
        self._format: Format = "unknown"
        self._records: dict[str, Record[Any]] = {}
        self._entries: dict[str, Entry] = {}
        self._opened: dict[str, Opened] = {}
        self.judged: list[Judged] = []
        """Every message of the file, once `judge` has returned."""

    # The first reading: verdicts ---------------------------------------------------------------

    def judge(self, chunks: Iterable[bytes]) -> None:
        """Find the verdict of every message of the file."""
        verdicts = _Verdicts()
        for channel, piece in self._pieces(self._digested(chunks)):
            match piece:
                case Begun():
                    verdicts.events_count = 0
                case Routed():
                    verdicts.events_count += 1
                    self._census.add(piece.stream)
                case Reading():
                    verdicts.add(piece, channel.source)
                case Closed():
                    verdicts.close(piece)
        verdicts.close(Closed())
        digest = self._digest.hexdigest()
        self.judged = [
            Judged(
                id=derive_id("msg", each.translation.recorded_at_ms, digest, str(ordinal)),
                ordinal=ordinal,
                source=each.source,
                translation=each.translation,
                events_count=each.events_count,
                repeats=each.repeats,
            )
            for ordinal, each in enumerate(verdicts.final, 1)
        ]

    def _digested(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._digest.update(chunk)
            yield chunk

    # The second reading: consequences ----------------------------------------------------------

    def tell(self, chunks: Iterable[bytes]) -> Iterator[Judged | Told]:
        """Yield each message, followed by what each of its events changes when it is accepted."""
        waiting = iter(self.judged)
        judged: Judged | None = None
        recorded_at_ms = sequence = events_count = 0
        for channel, piece in self._pieces(chunks):
            facts: tuple[Routed, ...] = ()
            match piece:
                case Begun():
                    recorded_at_ms, sequence, events_count = piece.recorded_at_ms, piece.sequence, 0
                    judged = next(waiting, None)
                    if judged is None:
                        return  # the file has grown since it was judged
                    yield judged
                case Routed():
                    facts = (piece,)
                case Reading():
                    recorded_at_ms = piece.translation.recorded_at_ms
                    sequence = piece.translation.sequence
                    facts = piece.translation.routed
                case Closed():
                    pass
            if judged is None or judged.repeats or judged.translation.status != "accepted":
                continue
            for routed in facts:
                events_count += 1
                event = make_event(
                    routed.stream,
                    routed.fact,
                    routed.where,
                    events_count,
                    message_id=judged.id,
                    digest=self._digest.hexdigest(),
                    recorded_at_ms=recorded_at_ms,
                    sequence=sequence,
                    source=channel.source,
                    received_at_ms=recorded_at_ms,
                    message_ordinal=judged.ordinal,
                )
                yield from self._tell(event)

    def _tell(self, event: Event) -> Iterator[Told]:
        """Tell an event to its stream, then what it sends on to other streams."""
        record = self._records.get(event.stream) or initial(event.stream)
        step = self._advanced(record, event)
        booked = {entry.id: entry for entry in step.entries}
        entries = [
            *step.entries,
            *(
                reverse_entry(
                    reversal,
                    booked.get(reversal.reverses) or self._entries[reversal.reverses],
                    event,
                    self._books,
                )
                for reversal in step.reversals
            ),
        ]
        opened = {item.id: item for item in step.opened}
        resolved = [opened.get(each) or self._opened.pop(each) for each in step.resolved]
        if self._may_be_told_again(event.stream):
            self._records[event.stream] = record
            self._entries.update((entry.id, entry) for entry in entries)
            self._opened.update(opened)
        yield Told(
            event=event,
            entries=tuple(entries),
            opened=tuple(step.opened),
            resolved=tuple(resolved),
        )
        for sent_on in forwarded(step):
            yield from self._tell(sent_on)

    def _advanced(self, record: Record[Any], event: Event) -> Step:
        """Advance, setting an event aside whose handling raises, as the runner does."""
        try:
            return advance(record, event, self._books)
        except Exception as error:  # noqa: BLE001 - a bug of one event is a fault of that event (F33)
            return set_aside(event, type(error).__name__)

    def _may_be_told_again(self, stream: str) -> bool:
        """Whether a later event of this file can concern a stream; claims mostly are told once."""
        return self._format != "x12" or self._census.is_repeated(stream)

    # The pieces of a file, each with its channel -----------------------------------------------

    def _pieces(self, chunks: Iterable[bytes]) -> Iterator[tuple[Channel, Piece]]:
        """Read a file as `pipeline.read_file` does, each message by the channel of its own type."""
        rest = iter(chunks)
        given = self._channels("")
        head = head_of(rest)
        self._format = "tabular" if given.schema else detect_format(head)
        match self._format:
            case "hl7v2":
                yield from self._messages(head, rest)
            case "x12":
                channel = self._channels("835")
                for piece in read_file(chain((head,), rest), channel):
                    yield channel, piece
            case "tabular":
                for piece in read_file(chain((head,), rest), given):
                    yield given, piece
            case "fhir" | "bank":
                channel = self._channels(self._format.upper())
                kept = chain((head,), rest)
                for piece in read_file(kept, channel, whole_bytes_max=self._whole_bytes_max):
                    yield channel, piece
            case "unknown":  # the rest of it, however long, tells no more
                for piece in read_file((head,), given):
                    yield given, piece

    def _messages(self, head: bytes, rest: Iterator[bytes]) -> Iterator[tuple[Channel, Piece]]:
        """Read HL7 v2 by the channel of the first message; any of another type is read again."""
        channel = self._channels(_first_type(head))
        whole = bytearray()
        kept = _kept(chain((head,), rest), whole)
        for piece in read_file(kept, channel, whole_bytes_max=self._whole_bytes_max):
            wanted = channel
            if isinstance(piece, Reading):
                wanted = self._channels(piece.translation.type.partition("^")[0])
            if isinstance(piece, Reading) and wanted is not channel:
                raw = bytes(whole[piece.offset : piece.offset + piece.bytes_count])
                again = read_message(raw, wanted)
                yield wanted, msgspec.structs.replace(piece, translation=again)
            else:
                yield channel, piece


def _kept(chunks: Iterable[bytes], whole: bytearray) -> Iterator[bytes]:
    for chunk in chunks:
        whole += chunk
        yield chunk


def _first_type(head: bytes) -> str:
    """Return MSH-9.1 of the first message, as far as that can be told from its bytes alone."""
    header = head[max(head.find(b"MSH"), 0) :]
    fields = header.split(header[3:4] or b"|", 9)
    return fields[8][:3].decode("ascii", "replace") if len(fields) > 8 else ""


class _Verdict(msgspec.Struct):
    translation: Translation
    source: str
    events_count: int
    repeats: int = 0


class _Holder(msgspec.Struct, frozen=True):
    ordinal: int
    content_sha256: bytes


class _Verdicts:
    """Verdicts on their way: final when their interchange or batch has closed.

    The rules are those of `engine/file_intake.py`, which asks PostgreSQL who holds an identity.
    """

    def __init__(self) -> None:
        self.final: list[_Verdict] = []
        self.events_count = 0
        self._open: list[_Verdict] = []
        self._holders: dict[str, _Holder] = {}
        self._claimed: list[str] = []

    def add(self, reading: Reading, source: str) -> None:
        """Take a message's own verdict; what another one said before makes it a repeat, or held."""
        translation = reading.translation
        self.events_count += len(translation.routed)
        verdict = _Verdict(
            _judged_as(translation, translation.status, translation.faults), source, 0
        )
        if translation.status == "accepted":
            self._claim(verdict, reading.content_sha256)
        self._open.append(verdict)

    def _claim(self, verdict: _Verdict, content_sha256: bytes) -> None:
        """Claim all that an accepted message alone may say, or nothing: another may have said it.

        The same again is a repeat (B19, B30), other content under the identity is held (B20, B31).
        """
        ordinal = len(self.final) + len(self._open) + 1
        identities = dict.fromkeys(verdict.translation.identities)
        for identity in identities:
            holder = self._holders.get(identity)
            if holder is None:
                continue
            if holder.content_sha256 == content_sha256:
                verdict.repeats = holder.ordinal
                faults, status = verdict.translation.faults, verdict.translation.status
                notes = (*verdict.translation.notes, _repeated(ordinal, holder.ordinal))
            else:
                told = f"{holder.ordinal} of this file"
                faults, status = (identity_taken(identity, ordinal, told),), "held"
                notes = verdict.translation.notes
            verdict.translation = msgspec.structs.replace(
                verdict.translation, status=status, faults=faults, notes=notes
            )
            return
        verdict.events_count = self.events_count
        self._holders |= dict.fromkeys(identities, _Holder(ordinal, content_sha256))
        self._claimed += identities

    def close(self, closed: Closed) -> None:
        """Make the verdicts final; with faults, none of these messages counts (B24, B27)."""
        for verdict in self._open if closed.faults else ():
            if 0 < verdict.repeats <= len(self.final):
                continue  # what it says stands, and waits for nobody
            verdict.translation = _judged_as(
                verdict.translation,
                closed.status,
                (*verdict.translation.faults, *closed.faults),
            )
            verdict.events_count = verdict.repeats = 0
        for identity in self._claimed if closed.faults else ():
            del self._holders[identity]
        self.final += self._open
        self._open = []
        self._claimed = []


def _repeated(ordinal: int, holder: int) -> Fault:
    explanation = f"message {holder} of this file says the same: this one changes nothing"
    return fault("intake.message.repeated", f"message {ordinal}", explanation)


def _judged_as(translation: Translation, status: Status, faults: tuple[Fault, ...]) -> Translation:
    return msgspec.structs.replace(
        translation, status=status, faults=faults, routed=(), secrets=(), totals=()
    )


class _Census:
    """Which streams a file tells more than once, in a fixed amount of memory.

    Two streams that share a bit count as one told twice: then a record is kept that need not be.
    """

    def __init__(self) -> None:
        self._once = bytearray(_CENSUS_BITS // 8)
        self._again = bytearray(_CENSUS_BITS // 8)

    def add(self, stream: str) -> None:
        place, bit = _place(stream)
        seen = self._once[place] & bit
        self._once[place] |= bit
        self._again[place] |= seen

    def is_repeated(self, stream: str) -> bool:
        place, bit = _place(stream)
        return bool(self._again[place] & bit)


def _place(stream: str) -> tuple[int, int]:
    number = crc32(stream.encode()) % _CENSUS_BITS
    return number >> 3, 1 << (number & 7)


def key_of(stream: str) -> str:
    """Return the business key of a stream: `claim/clm_x` -> `clm_x`."""
    return stream.removeprefix(f"{process_of(stream)}/")
