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
from functools import partial
from hashlib import sha256
from itertools import chain
from zlib import crc32

import msgspec

from suture.model.fault import Fault, fault
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
from suture.wire.x12.acknowledge import (
    SetReply,
    acknowledge_group,
    acknowledge_interchange,
    reply,
)
from suture.wire.x12.conformance import SetVerdict
from suture.wire.x12.envelope import (
    EnvelopeFault,
    GroupEnd,
    GroupStart,
    Interchange,
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
from suture.wire.x12.loops import RemittanceEnd
from suture.wire.x12.reader import Reader
from suture.wire.x12.segment import Segment, read_date

Told = Begun | Routed | Translation | SetVerdict | RemittanceEnd
"""What a translator tells of one set: begun, its facts as they come, what its guide or its balance
found, which the set's 999 repeats, and last its translation."""

Translator = Callable[[Iterable[Segment], TransactionSet, Channel], Iterator[Told]]

REPLY_NAME = "999.x12"
"""The end of the name of the file that a sender finds its TA1 and 999 in."""

_EPOCH_DATE = date(1970, 1, 1)
_REPLIES_PER_INTERCHANGE_MAX = 100
_CONTROL_NUMBERS = 10**9
_SEGMENTS_IN_ERROR, _IMPLEMENTATION_SEGMENTS_IN_ERROR = "5", "I5"
_SET_ID_LENGTH = 3
_OURS_ALONE = frozenset(
    {"x12.set.unsupported", "intake.type.unexpected", "intake.processing.unexpected"}
)
"""Faults that say nothing against a set as its sender made it."""


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
        self._door: Fault | None = None
        """Why the latest set should not have come through this door."""
        self._found: SetVerdict | RemittanceEnd | None = None
        """What the guide or the balance of the latest set says of it."""
        self._ended: SetEnd | None = None
        """End of the latest set."""
        self._ends_at = 0
        """Where the bytes of the latest set end."""
        self._content = sha256()
        """Of the latest set, whatever its envelope (B30)."""
        self._replies = _Replies()

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
                    self._replies.end_group(item)
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
        self._ended = self._found = None
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
        self._replies.end_set(ended, translation, self._found)
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
        bytes_count = max(0, self._ends_at - offset)
        return Reading(
            translation=translation,
            offset=offset,
            bytes_count=bytes_count,
            content_sha256=self._content.digest(),
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


class _Replies:
    """What the sender of the open interchange is owed.

    A TA1 where it asked for one (ISA14) or the interchange itself is refused; else a 999 for each
    group of an interchange that holds a rejected set. All of it follows from the file alone, its
    dates and numbers too: there is no clock here, and the same file again gets the same reply.
    """

    def __init__(self) -> None:
        self._sets: list[SetReply] = []
        self._groups: list[tuple[GroupEnd, list[SetReply]]] = []

    def end_set(
        self, ended: SetEnd, translation: Translation, found: SetVerdict | RemittanceEnd | None
    ) -> None:
        """Judge a set by its envelope, by its guide, and by what its translation found wrong in it.

        A set that nobody translates yet, or that should have come through another door, is sound
        as far as X12 goes.
        """
        told = reply(ended, found)
        is_unsound = any(each.code not in _OURS_ALONE for each in translation.faults)
        if is_unsound and told.code != "R":
            codes = (*told.syntax_codes, _IMPLEMENTATION_SEGMENTS_IN_ERROR)
            told = msgspec.structs.replace(told, code="R", syntax_codes=codes)
        elif told.code == "A" and translation.notes:
            told = msgspec.structs.replace(told, code="E")
        self._sets.append(told)

    def end_group(self, end: GroupEnd) -> None:
        """Note what ends the sets since the last group."""
        self._groups.append((end, self._sets))
        self._sets = []

    def end_interchange(self, end: InterchangeEnd, *, is_rejected: bool) -> bytes:
        """Return the replies to the interchange, and begin the next; no bytes where none is due."""
        groups, self._groups, self._sets = self._groups, [], []
        if is_rejected:
            groups = [(group, [_rejected(each) for each in sets]) for group, sets in groups]
        is_told = any(each.code == "R" for _, sets in groups for each in sets) or is_rejected
        owed = b""
        if end.interchange.is_acknowledgement_requested or end.faults:
            owed += self._interchange_reply(end)
        if is_told and not end.faults:
            for ordinal, (group, sets) in enumerate(groups, 1):
                owed += self._group_reply(group, sets, ordinal)
        return owed

    def _interchange_reply(self, end: InterchangeEnd) -> bytes:
        number, made_at = _numbered(end.interchange, 0)
        try:
            return acknowledge_interchange(end, control_number=number, made_at=made_at)
        except ValueError:
            return b""  # an id in it cannot be written: there is nobody to answer

    def _group_reply(self, end: GroupEnd, sets: list[SetReply], ordinal: int) -> bytes:
        number, made_at = _numbered(end.envelope.interchange, ordinal)
        try:
            return acknowledge_group(end, sets, control_number=number, made_at=made_at)
        except ValueError:
            return b""


def _rejected(told: SetReply) -> SetReply:
    """Return the reply to a set that goes down with its group or interchange."""
    if told.code == "R":
        return told
    return msgspec.structs.replace(told, code="R", syntax_codes=(_SEGMENTS_IN_ERROR,))


def _numbered(interchange: Interchange, ordinal: int) -> tuple[int, datetime]:
    """Return the control number and the time of a reply, made from those of what it answers."""
    text = interchange.control_number if is_control_number(interchange.control_number) else ""
    answered = int(text) if text.isdigit() else crc32(text.encode())
    number = answered * _REPLIES_PER_INTERCHANGE_MAX + ordinal % _REPLIES_PER_INTERCHANGE_MAX
    made_on = read_date(interchange.date) or _EPOCH_DATE
    made_at = datetime.combine(made_on, _read_time(interchange.time))
    return number % _CONTROL_NUMBERS or 1, made_at


def _batches(chunks: Iterable[bytes]) -> Iterator[Iterable[Item]]:
    reader = Reader()
    for chunk in chunks:
        yield from reader.batches(chunk)
    yield reader.close()


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
