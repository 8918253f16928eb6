"""What every X12 translation shares: files into pieces, control numbers, dates of the envelope.

`read_interchanges` drives the wire reader over a file of any size, hands each transaction set (ST
to SE) to its translator, and closes each interchange (ISA to IEA) with its verdict and the TA1 and
999 its sender is owed. Every interchange leaves a trace: one that holds no set, cannot be read or
breaks off is a message of its own. Not here: which translator takes which set, the pipeline's
table. Next: `x12_835.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from itertools import chain

import msgspec

from suture.model.fault import Fault, fault
from suture.model.translation import (
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Routed,
    Status,
    Translation,
)
from suture.wire.x12.envelope import (
    EnvelopeFault,
    GroupEnd,
    GroupStart,
    InterchangeEnd,
    InterchangeStart,
    Item,
    Junk,
    SetEnd,
    SetStart,
    TechnicalAcknowledgement,
    TransactionSet,
)
from suture.wire.x12.reader import Reader
from suture.wire.x12.segment import Segment, read_date

Translator = Callable[
    [Iterable[Segment], TransactionSet, Channel], Iterator[Begun | Routed | Translation]
]

_EPOCH_DATE = date(1970, 1, 1)
_SET_ID_LENGTH = 3


def control_id(transaction_set: TransactionSet) -> str:
    """Return the control numbers that name a set: ISA13/GS06/ST02."""
    envelope = transaction_set.envelope
    interchange, group = envelope.interchange.control_number, envelope.group.control_number
    return f"{interchange}/{group}/{transaction_set.control_number}"


def recorded_on(transaction_set: TransactionSet) -> date:
    """Return the date the set was made: GS04, else ISA09; the epoch where neither is a date."""
    envelope = transaction_set.envelope
    return read_date(envelope.group.date) or read_date(envelope.interchange.date) or _EPOCH_DATE


def recorded_at_ms(transaction_set: TransactionSet, channel: Channel) -> int:
    """Return the same as an instant, with the time of GS05 or ISA10 where there is one."""
    envelope = transaction_set.envelope
    made_at = _read_time(envelope.group.time or envelope.interchange.time)
    at = datetime.combine(recorded_on(transaction_set), made_at, tzinfo=channel.zone)
    return max(0, int(at.astimezone(UTC).timestamp()) * 1000)


def _read_time(text: str) -> time:
    """Read an X12 time (HHMM, HHMMSS, HHMMSSDD); midnight when it is not one."""
    if text.isascii() and text.isdigit() and len(text) >= 4:
        hour, minute, second = int(text[:2]), int(text[2:4]), int(text[4:6] or "0")
        if hour < 24 and minute < 60 and second < 60:
            return time(hour, minute, second)
    return time()


def read_interchanges(
    chunks: Iterable[bytes], channel: Channel, translators: Mapping[str, Translator]
) -> Iterator[Piece]:
    """Read a file of interchanges into pieces; memory stays flat however long it is."""
    return _Interchanges(chunks, channel, translators).pieces()


class _Interchanges:
    """One file being read."""

    def __init__(
        self, chunks: Iterable[bytes], channel: Channel, translators: Mapping[str, Translator]
    ) -> None:
        self._items = chain.from_iterable(_batches(chunks))
        self._channel = channel
        self._translators = translators
        self._faults: list[Fault] = []
        self._messages_count = 0
        """Of the open interchange."""
        self._interchange_offset = 0
        self._is_open = False
        self._is_told = False
        """Something of the file was told: its lack of an interchange need not be."""
        self._ended: SetEnd | None = None
        """End of the latest set."""
        self._ends_at = 0
        """Where the bytes of the latest set end."""

    def pieces(self) -> Iterator[Piece]:
        for item in self._items:
            match item:
                case SetStart():
                    yield from self._set(item)
                case InterchangeStart():
                    self._is_open = self._is_told = True
                    self._interchange_offset = item.segment.offset if item.segment else 0
                case GroupEnd():
                    self._faults.extend(item.faults)
                case InterchangeEnd():
                    self._faults.extend(item.faults)
                    yield from self._close(item)
                case TechnicalAcknowledgement():
                    where = f"{item.interchange.where}/TA1"
                    answer = fault("x12.set.unsupported", where, "TA1 is not translated")
                    yield from self._message("TA1", "held", (answer,), item.segment.offset)
                case Junk() | EnvelopeFault():
                    yield from self._unreadable(item)
                case GroupStart() | Segment() | SetEnd():
                    pass

    def _close(self, end: InterchangeEnd) -> Iterator[Piece]:
        """Close an interchange with its verdict, which outranks those of its sets (B24, B27)."""
        faults = tuple(self._faults)
        is_alone = not self._messages_count
        told = faults if is_alone else ()
        if not _is_cut(self._ended):
            # Its whole sets stand (B33), but somebody must ask for what may have followed them.
            told += tuple(each for each in end.notes if each.code == "x12.interchange.truncated")
        offset = self._interchange_offset
        if told:
            yield from self._message("interchange", "rejected", told, offset)
        elif is_alone:
            told = (fault("file.no_message", end.interchange.where, "no transaction set is in it"),)
            yield from self._message("interchange", "held", told, offset)
        yield Closed(faults=() if is_alone else faults, status="rejected")
        self._faults.clear()
        self._messages_count = 0
        self._is_open = False

    def _set(self, start: SetStart) -> Iterator[Piece]:
        self._messages_count += 1
        self._ended = None
        opened = start.transaction_set
        translate = self._translators.get(opened.set_id, _unsupported)
        segments = chain((start.segment,), self._segments())
        for piece in translate(segments, opened, self._channel):
            if isinstance(piece, Translation):
                for _ in segments:
                    pass
                yield self._judge(piece, start.segment.offset)
            else:
                yield piece

    def _segments(self) -> Iterator[Segment]:
        """Yield the open set's segments after ST, up to its end."""
        last: Segment | None = None
        for item in self._items:
            if type(item) is Segment:
                last = item
                yield item
            elif isinstance(item, SetEnd):
                self._ended = item
                last = item.segment or last
                break
        self._ends_at = last.offset + last.length if last else 0

    def _judge(self, translation: Translation, offset: int) -> Reading:
        """Return the set's reading: what its envelope says outranks what is in it (B27, B33)."""
        ended = self._ended
        assert ended is not None, "the reader ends every set it starts"
        if ended.faults or ended.notes:
            translation = msgspec.structs.replace(
                translation,
                status="rejected" if ended.faults else translation.status,
                faults=(*ended.faults, *translation.faults),
                notes=(*ended.notes, *translation.notes),
            )
        bytes_count = max(0, self._ends_at - offset)
        return Reading(translation=translation, offset=offset, bytes_count=bytes_count)

    def _unreadable(self, item: Junk | EnvelopeFault) -> Iterator[Piece]:
        """Tell of an interchange that cannot be read, or of none at all.

        Cover text around interchanges concerns nobody. What stands astray in one, or breaks off, is
        told again where the interchange ends.
        """
        if self._is_open or item.fault.code == "x12.input.junk":
            return
        if isinstance(item, EnvelopeFault) and self._is_told:
            return
        self._is_told = True
        length = item.length if isinstance(item, Junk) else 0
        yield from self._message("interchange", "rejected", (item.fault,), item.offset, length)
        yield Closed()
        self._messages_count = 0

    def _message(
        self,
        kind: str,
        status: Status,
        faults: tuple[Fault, ...],
        offset: int,
        bytes_count: int = 0,
    ) -> Iterator[Piece]:
        """Tell of an interchange itself, as a message without facts."""
        self._messages_count += 1
        translation = Translation(
            format="x12", type=kind, control_id="", status=status, faults=faults
        )
        yield Begun(recorded_at_ms=0)
        yield Reading(translation=translation, offset=offset, bytes_count=bytes_count)


def _batches(chunks: Iterable[bytes]) -> Iterator[Iterable[Item]]:
    reader = Reader()
    for chunk in chunks:
        yield from reader.batches(chunk)
    yield reader.close()


def _is_cut(ended: SetEnd | None) -> bool:
    """Tell whether the file broke off inside a set, which then says so itself."""
    return ended is not None and any(each.code == "x12.set.truncated" for each in ended.faults)


def _unsupported(
    segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
) -> Iterator[Begun | Routed | Translation]:
    """Hold a set nobody translates yet.

    The bytes are kept, and a release that learns the type reprocesses it. The explanation names the
    type, by which exceptions are grouped (B25).
    """
    at_ms = recorded_at_ms(transaction_set, channel)
    yield Begun(recorded_at_ms=at_ms)
    for _ in segments:
        pass
    sent = transaction_set.set_id
    is_named = sent.isascii() and sent.isalnum() and len(sent) == _SET_ID_LENGTH
    explanation = f"{sent if is_named else 'this type'} is not translated"
    unknown = fault("x12.set.unsupported", f"{transaction_set.where}/ST-01", explanation)
    yield Translation(
        format="x12",
        type=sent,
        control_id=control_id(transaction_set),
        status="held",
        recorded_at_ms=at_ms,
        faults=(unknown,),
    )
