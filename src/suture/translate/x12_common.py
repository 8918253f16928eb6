"""What every X12 translation shares: files into pieces, control numbers, dates of the envelope.

`read_interchanges` drives the wire reader over a file of any size, hands each transaction set to its translator, and closes each
interchange with its verdict and the TA1 and 999 its sender is owed. Which translator takes which set is the pipeline's table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime

import msgspec

from suture.model.fault import Fault, fault
from suture.model.translation import (
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Routed,
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
_DAY_MS = 86_400_000


def control_id(transaction_set: TransactionSet) -> str:
    """Return the control numbers that name a set: ISA13/GS06/ST02."""
    envelope = transaction_set.envelope
    return "/".join(
        (
            envelope.interchange.control_number,
            envelope.group.control_number,
            transaction_set.control_number,
        )
    )


def recorded_on(transaction_set: TransactionSet) -> date:
    """Return the date the set was made: GS04, else ISA09; the epoch where neither is a date."""
    envelope = transaction_set.envelope
    return (
        read_date(envelope.group.date) or read_date(envelope.interchange.date) or _EPOCH_DATE
    )


def recorded_at_ms(transaction_set: TransactionSet, channel: Channel) -> int:
    """Return the same as an instant, with the time of GS05 or ISA10 where there is one."""
    on = recorded_on(transaction_set)
    text = transaction_set.envelope.group.time or transaction_set.envelope.interchange.time
    hour, minute = (
        (int(text[:2]), int(text[2:4])) if text[:4].isdigit() and len(text) >= 4 else (0, 0)
    )
    if hour > 23 or minute > 59:
        hour, minute = 0, 0
    at = datetime(on.year, on.month, on.day, hour, minute, tzinfo=channel.zone)
    return max(0, int(at.astimezone(UTC).timestamp() * 1000))


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
        self._items = _items(chunks)
        self._channel = channel
        self._translators = translators
        self._faults: list[Fault] = []
        self._sets_count = 0
        self._ended: SetEnd | None = None

    def pieces(self) -> Iterator[Piece]:
        for item in self._items:
            match item:
                case SetStart():
                    self._sets_count += 1
                    yield from self._set(item)
                case GroupEnd() | InterchangeEnd():
                    self._faults.extend(item.faults)
                    if isinstance(item, InterchangeEnd):
                        yield from self._close()
                case InterchangeStart():
                    self._faults.extend(item.faults)
                case Junk() | EnvelopeFault():
                    yield from self._unreadable(item)
                case GroupStart() | Segment() | TechnicalAcknowledgement():
                    pass
        if self._sets_count:
            yield from self._close()

    def _close(self) -> Iterator[Piece]:
        if self._faults and not self._sets_count:
            yield from self._rejected("interchange", tuple(self._faults))
            self._faults.clear()
        yield Closed(faults=tuple(self._faults), status="rejected")
        self._faults.clear()
        self._sets_count = 0

    def _set(self, start: SetStart) -> Iterator[Piece]:
        transaction_set = start.transaction_set
        self._ended = None
        translator = self._translators.get(transaction_set.set_id)
        offset = start.segment.offset
        if translator is None:
            translator = _unsupported
        for piece in translator(self._segments(start), transaction_set, self._channel):
            if isinstance(piece, Translation):
                for _ in self._segments_left():
                    pass
                yield self._judge(piece, offset)
            else:
                yield piece

    def _segments(self, start: SetStart) -> Iterator[Segment]:
        """Yield the set's segments, up to its end."""
        yield start.segment
        yield from self._segments_left()

    def _segments_left(self) -> Iterator[Segment]:
        while self._ended is None:
            item = next(self._items, None)
            match item:
                case Segment():
                    yield item
                case SetEnd():
                    self._ended = item
                case None:
                    return
                case _:
                    self._faults.extend(getattr(item, "faults", ()))

    def _judge(self, translation: Translation, offset: int) -> Reading:
        """Return the set's reading: what its envelope says outranks what is in it (B27, B33)."""
        ended = self._ended
        bytes_count = 0
        if ended is not None and ended.segment is not None:
            bytes_count = ended.segment.offset + ended.segment.length - offset
        if ended is not None and ended.faults:
            translation = msgspec.structs.replace(
                translation,
                status="rejected",
                faults=(*ended.faults, *translation.faults),
            )
        return Reading(translation=translation, offset=offset, bytes_count=bytes_count)

    def _unreadable(self, item: Junk | EnvelopeFault) -> Iterator[Piece]:
        if isinstance(item, Junk) or self._sets_count:
            return  # text around interchanges is kept with the file and concerns no set
        yield from self._rejected("interchange", (item.fault,), item.offset)

    def _rejected(
        self, kind: str, faults: tuple[Fault, ...], offset: int = 0
    ) -> Iterator[Piece]:
        yield Begun(recorded_at_ms=0)
        yield Reading(
            translation=Translation(
                format="x12", type=kind, control_id="", status="rejected", faults=faults
            ),
            offset=offset,
            bytes_count=0,
        )
        self._sets_count += 1


def _items(chunks: Iterable[bytes]) -> Iterator[Item]:
    reader = Reader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def _unsupported(
    segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
) -> Iterator[Begun | Routed | Translation]:
    """Hold a set nobody translates yet; the bytes are kept, and a release that learns the type reprocesses it."""
    at_ms = recorded_at_ms(transaction_set, channel)
    yield Begun(recorded_at_ms=at_ms)
    for _ in segments:
        pass
    yield Translation(
        format="x12",
        type=transaction_set.set_id,
        control_id=control_id(transaction_set),
        status="held",
        recorded_at_ms=at_ms,
        faults=(fault("x12.set.unsupported", f"{transaction_set.where}/ST-01"),),
    )
