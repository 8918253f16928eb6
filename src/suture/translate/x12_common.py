"""What every X12 translation shares: files into pieces, control numbers, dates of the envelope.

`read_interchanges` drives the wire reader over a file of any size, hands each transaction set (ST
to SE) to its translator, and closes each interchange (ISA to IEA) with its verdict and the TA1 and
999 its sender is owed. Every interchange leaves a trace: one that holds no set, cannot be read or
breaks off is a message of its own. Not here: which translator takes which set, the pipeline's
table. Next: `x12_835.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from hashlib import sha256
from itertools import chain

import msgspec

from suture.model.fault import Fault, fault
from suture.model.identity import bounded_identity
from suture.model.interchange import InterchangeAcknowledged
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Routed,
    Status,
    Translation,
    misdirected,
)
from suture.translate.overlay import edit_segments
from suture.translate.x12_reply import EPOCH, Replies, SetAnswer, read_time
from suture.wire.x12.conformance import SetVerdict
from suture.wire.x12.elements import check_elements
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
    is_control_number,
)
from suture.wire.x12.guide import acknowledgement_rule
from suture.wire.x12.loops import RemittanceEnd
from suture.wire.x12.reader import Reader
from suture.wire.x12.segment import Segment, read_date

Told = Begun | Routed | Translation | SetVerdict | RemittanceEnd | SetAnswer
"""What a translator tells of one set: begun, its facts as they come, what its guide or its balance
found, which the set's 999 repeats, what else it is answered with, and last its translation."""

Translator = Callable[[Iterable[Segment], TransactionSet, Channel], Iterator[Told]]

REPLY_NAME = "999.x12"
"""The end of the name of the file that a sender finds its TA1 and 999 in."""

_SET_ID_LENGTH = 3
_DIGEST_LENGTH = 16


def control_id(transaction_set: TransactionSet) -> str:
    """Return the control numbers that name a set: ISA13/GS06/ST02.

    Free text in the place of one is not repeated; its place in the file stands for it: `ST[2]`.
    """
    interchange, group = transaction_set.envelope.interchange, transaction_set.envelope.group
    return "/".join(
        number if not number or is_control_number(number) else f"{segment_id}[{ordinal}]"
        for number, segment_id, ordinal in (
            (interchange.control_number, "ISA", interchange.ordinal),
            (group.control_number, "GS", group.ordinal),
            (transaction_set.control_number, "ST", transaction_set.ordinal),
        )
    )


def partners(transaction_set: TransactionSet) -> tuple[str, str]:
    """Return who sent a set and to whom: GS02 and GS03, else ISA06 and ISA08."""
    envelope = transaction_set.envelope
    group, interchange = envelope.group, envelope.interchange
    return (
        (group.sender_code or interchange.sender_id).strip(),
        (group.receiver_code or interchange.receiver_id).strip(),
    )


def recorded_on(transaction_set: TransactionSet) -> date:
    """Return the date the set was made: GS04, else ISA09; the epoch where neither is a date."""
    envelope = transaction_set.envelope
    return read_date(envelope.group.date) or read_date(envelope.interchange.date) or EPOCH


def recorded_at_ms(transaction_set: TransactionSet, channel: Channel) -> int:
    """Return the same as an instant, with the time of GS05 or ISA10 where there is one."""
    envelope = transaction_set.envelope
    made_at = read_time(envelope.group.time or envelope.interchange.time)
    at = datetime.combine(recorded_on(transaction_set), made_at, tzinfo=channel.zone)
    return max(0, int(at.astimezone(UTC).timestamp()) * 1000)


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
        self._header_notes: tuple[Fault, ...] = ()
        """What is untidy in the ISA, for the first set after it to tell."""
        self._is_open = False
        self._is_told = False
        """Something of the file was told: its lack of an interchange need not be."""
        self._door: Fault | None = None
        """Why the latest set should not have come through this door."""
        self._found: SetVerdict | RemittanceEnd | None = None
        """What the guide or the balance of the latest set says of it."""
        self._answer: SetAnswer | None = None
        """What the latest set is answered with."""
        self._ended: SetEnd | None = None
        """End of the latest set."""
        self._ends_at = 0
        """Where the bytes of the latest set end."""
        self._content = sha256()
        """Of the latest set, whatever its envelope (B30)."""
        self._replies = Replies(channel.x12)

    def pieces(self) -> Iterator[Piece]:
        for item in self._items:
            match item:
                case SetStart():
                    yield from self._set(item)
                case InterchangeStart():
                    self._is_open = self._is_told = True
                    self._interchange_offset = item.segment.offset if item.segment else 0
                    self._header_notes = item.notes
                case GroupEnd():
                    self._faults.extend(item.faults)
                    self._replies.end_group(item)
                case InterchangeEnd():
                    self._faults.extend(item.faults)
                    yield from self._close(item)
                case TechnicalAcknowledgement():
                    yield from self._acknowledged(item)
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
        owed = self._replies.end_interchange(end, is_rejected=bool(faults))
        yield Closed(
            faults=() if is_alone else faults,
            status="rejected",
            reply=owed,
            reply_name=REPLY_NAME if owed else "",
        )
        self._faults.clear()
        self._messages_count = 0
        self._is_open = False

    def _set(self, start: SetStart) -> Iterator[Piece]:
        self._messages_count += 1
        self._ended = self._found = self._answer = None
        self._content = sha256(start.segment.canonical())
        opened = start.transaction_set
        translate = self._translators.get(opened.set_id, unsupported)
        self._door = self._judged_at_door(opened) if translate is not unsupported else None
        if self._door and not self._channel.is_rehearsal:
            translate = partial(held, reason=self._door)
        segments: Iterator[Segment] = chain((start.segment,), self._segments())
        if self._channel.overlay is not None:
            made_on = recorded_on(opened)
            segments = edit_segments(segments, opened.set_id, self._channel.overlay, made_on)
        for piece in translate(segments, opened, self._channel):
            if isinstance(piece, Translation):
                for _ in segments:
                    pass
                yield self._judge(piece, start.segment.offset)
            elif isinstance(piece, SetVerdict | RemittanceEnd):
                self._found = piece
            elif isinstance(piece, SetAnswer):
                self._answer = piece
            else:
                yield piece

    def _judged_at_door(self, opened: TransactionSet) -> Fault | None:
        """Return why a set should not have come through its source's door (ST01, ISA15)."""
        interchange = opened.envelope.interchange
        return misdirected(
            self._channel,
            f"x12_{opened.set_id}",
            interchange.usage,
            type_at=f"{opened.where}/ST-01",
            processing_at=f"{interchange.where}/ISA-15",
        )

    def _segments(self) -> Iterator[Segment]:
        """Yield the open set's segments after ST, up to its end."""
        last: Segment | None = None
        for item in self._items:
            if type(item) is Segment:
                last = item
                self._content.update(item.canonical())
                yield item
            elif isinstance(item, SetEnd):
                self._ended = item
                if item.segment is not None:
                    self._content.update(item.segment.canonical())
                last = item.segment or last
                break
        self._ends_at = last.offset + last.length if last else 0

    def _judge(self, translation: Translation, offset: int) -> Reading:
        """Return the set's reading: what its envelope says outranks what is in it (B27, B33)."""
        ended = self._ended
        assert ended is not None, "the reader ends every set it starts"
        self._replies.end_set(ended, translation, self._found, self._answer)
        if ended.faults or ended.notes:
            # What a set that broke off lacks says nothing about the payer.
            content = () if _is_cut(ended) else translation.faults
            translation = msgspec.structs.replace(
                translation,
                status="rejected" if ended.faults else translation.status,
                faults=(*ended.faults, *content),
                notes=(*ended.notes, *translation.notes),
            )
        if self._door and self._channel.is_rehearsal:
            notes = (self._door, *translation.notes)
            translation = msgspec.structs.replace(translation, notes=notes)
        if self._header_notes:
            notes = (*self._header_notes, *translation.notes)
            translation = msgspec.structs.replace(translation, notes=notes)
            self._header_notes = ()
        bytes_count = max(0, self._ends_at - offset)
        return Reading(
            translation=translation,
            offset=offset,
            bytes_count=bytes_count,
            content_sha256=self._content.digest(),
        )

    def _acknowledged(self, item: TechnicalAcknowledgement) -> Iterator[Piece]:
        """Tell what the other side said of an interchange of ours: a message of one fact."""
        self._messages_count += 1
        translation = _read_acknowledgement(item, self._channel)
        yield Begun(recorded_at_ms=translation.recorded_at_ms)
        segment = item.segment
        yield Reading(
            translation=translation,
            offset=segment.offset,
            bytes_count=segment.length,
            content_sha256=sha256(segment.canonical()).digest(),
        )

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


def _read_acknowledgement(item: TechnicalAcknowledgement, channel: Channel) -> Translation:
    """Return what a TA1 means, told to the stream of the interchange it answers."""
    interchange = item.interchange
    where = f"{interchange.where}/TA1"
    found = check_elements(item.segment, acknowledgement_rule())
    faults = [fault(each.code, f"{where}-{each.number:02d}") for each in found if each.is_booked]
    door = misdirected(
        channel,
        "x12_TA1",
        interchange.usage,
        type_at=where,
        processing_at=f"{interchange.where}/ISA-15",
    )
    notes = [fault(each.code, f"{where}-{each.number:02d}") for each in found if not each.is_booked]
    if door is not None:
        (notes if channel.is_rehearsal else faults).insert(0, door)
    ours, theirs = interchange.receiver_id, interchange.sender_id
    key = bounded_identity(f"{ours}:{theirs}:{item.control_number}")
    told_on = read_date(interchange.date) or EPOCH
    made_at = datetime.combine(told_on, read_time(interchange.time), tzinfo=channel.zone)
    fact = InterchangeAcknowledged(
        interchange=key, verdict=item.code, note=item.note, told_on=told_on, where=where
    )
    content = sha256(item.segment.canonical()).hexdigest()[:_DIGEST_LENGTH]
    return Translation(
        format="x12",
        type="TA1",
        control_id=interchange.control_number,
        status="held" if faults else "accepted",
        identities=() if door else (bounded_identity(f"TA1:{ours}:{theirs}:{content}"),),
        recorded_at_ms=max(0, int(made_at.astimezone(UTC).timestamp()) * 1000),
        faults=tuple(faults),
        notes=tuple(notes),
        routed=() if faults else (Routed(f"interchange/{key}", fact, where),),
    )


def _is_cut(ended: SetEnd | None) -> bool:
    """Tell whether the file broke off inside a set, which then says so itself."""
    return ended is not None and any(each.code == "x12.set.truncated" for each in ended.faults)


def unsupported(
    segments: Iterable[Segment], transaction_set: TransactionSet, channel: Channel
) -> Iterator[Told]:
    """Hold a set nobody translates yet.

    The bytes are kept, and a release that learns the type reprocesses it. The explanation names the
    type, by which exceptions are grouped (B25).
    """
    sent = transaction_set.set_id
    is_named = sent.isascii() and sent.isalnum() and len(sent) == _SET_ID_LENGTH
    explanation = f"{sent if is_named else 'this type'} is not translated"
    unknown = fault("x12.set.unsupported", f"{transaction_set.where}/ST-01", explanation)
    kind = sent if is_named else UNREADABLE_TYPE
    yield from held(segments, transaction_set, channel, reason=unknown, kind=kind)


def held(
    segments: Iterable[Segment],
    transaction_set: TransactionSet,
    channel: Channel,
    *,
    reason: Fault,
    kind: str = "",
) -> Iterator[Told]:
    """Hold a set without reading what is in it: it claims no identity."""
    at_ms = recorded_at_ms(transaction_set, channel)
    yield Begun(recorded_at_ms=at_ms)
    for _ in segments:
        pass
    yield Translation(
        format="x12",
        type=kind or transaction_set.set_id,
        control_id=control_id(transaction_set),
        status="held",
        recorded_at_ms=at_ms,
        faults=(reason,),
    )
