"""The spine: bytes -> syntax tree -> facts -> decisions -> balanced entries. Pure, readable top to bottom.

    bytes --parse--> tree --translate--> facts --decide--> decisions --post--> entries

`read_message` and `read_file` are the first half: what a message means. `advance` is the second: what one event changes in one
stream's books. Many drivers use the one chain: the engine (answers from PostgreSQL, commits the outcome), `suture trace` (answers
from memory, prints), tests and replays. So the live path, a preview and a spec can never disagree.

Where an 835 becomes a journal entry: `wire/x12/remittance.py` (CLP, CAS, PLB) -> `translate/x12_835.py` ->
`processes/claim.py`, `processes/remittance.py` -> `ledger/post.py`, all called from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Any, Generic, Literal, TypeVar, assert_never

import msgspec

from suture.ledger.books import Books
from suture.ledger.entry import Entry, Posting, reverse
from suture.ledger.post import accounting_date, post
from suture.model.decision import Booking, Decision, Forward, Hold, Withdrawn, fingerprint
from suture.model.event import Event, Reconsidered, process_of
from suture.model.fault import Fault, fault
from suture.model.translation import Begun, Channel, Closed, Piece, Reading, Translation
from suture.processes import appointment, claim, encounter, patient, patient_account, remittance
from suture.processes.process import Process
from suture.translate import hl7v2_adt, hl7v2_dft, hl7v2_siu, x12_835
from suture.translate.hl7v2_common import unsupported
from suture.translate.x12_common import Translator, read_interchanges
from suture.wire import hl7v2

S = TypeVar("S", bound=msgspec.Struct)

PROCESSES: dict[str, Process[Any]] = {
    "appointment": appointment,
    "encounter": encounter,
    "patient": patient,
    "patient_account": patient_account,
    "claim": claim,
    "remittance": remittance,
}

MESSAGE_TRANSLATORS: dict[str, Callable[[hl7v2.Message, Channel], Translation]] = {
    "SIU": hl7v2_siu.translate,
    "ADT": hl7v2_adt.translate,
    "DFT": hl7v2_dft.translate,
}
"""By MSH-9.1."""

SET_TRANSLATORS: dict[str, Translator] = {"835": x12_835.translate}
"""By ST01."""

Outcome = Literal["posted", "parked", "no_effect", "repeated"]

_SNIFFED_BYTES_MAX = 4096


# The first half: what a message means ----------------------------------------------------------


def read_message(raw: bytes, channel: Channel) -> Translation:
    """Return what one HL7 v2 message means: its verdict and its facts."""
    return _translate(hl7v2.parse(raw, charset=channel.charset), raw, channel)


def receive_message(
    raw: bytes, channel: Channel, *, control_id: str, at: str
) -> tuple[Translation, bytes]:
    """Return what one HL7 v2 message means, and the reply its sender is owed once it is durable.

    Content we cannot understand is accepted (we hold the bytes); only unusable framing or identity is refused. In enhanced
    mode the accept acknowledgement (CA, CR) is the reply where MSH-15 asks for one, else, as most products expect, the
    application acknowledgement where MSH-16 asks; the reply is empty where none is due.
    """
    message = hl7v2.parse(raw, charset=channel.charset)
    translation = _translate(message, raw, channel)
    is_refused = translation.status == "rejected"
    readable = None if isinstance(message, Fault) else message
    code = _reply_code(readable, is_refused=is_refused)
    if not code:
        return translation, b""
    faults = translation.faults if is_refused else ()
    return translation, hl7v2.acknowledge(
        readable, code, control_id=control_id, at=at, faults=faults
    )


def _reply_code(message: hl7v2.Message | None, *, is_refused: bool) -> str:
    if message is not None and hl7v2.is_enhanced(message):
        if hl7v2.is_due(message.accept_acknowledgement, is_success=not is_refused):
            return "CR" if is_refused else "CA"
        if not hl7v2.is_due(message.application_acknowledgement, is_success=not is_refused):
            return ""
    return "AR" if is_refused else "AA"


def _translate(message: hl7v2.Message | Fault, raw: bytes, channel: Channel) -> Translation:
    if isinstance(message, Fault):
        return Translation(
            format="hl7v2",
            type="unreadable",
            control_id="",
            status="rejected",
            identities=(f"bytes:{channel.source}:{sha256(raw).hexdigest()}",),
            faults=(message,),
        )
    return MESSAGE_TRANSLATORS.get(message.type, unsupported)(message, channel)


def read_file(chunks: Iterable[bytes], channel: Channel) -> Iterator[Piece]:
    """Read a file of any supported format, found out from its first bytes, into pieces.

    X12 streams with flat memory. HL7 v2 files (bare messages or FHS/BHS batches) are read whole.
    """
    rest = iter(chunks)
    head = b""
    for chunk in rest:
        head += chunk
        if len(head) >= _SNIFFED_BYTES_MAX:
            break
    match detect_format(head):
        case "x12":
            yield from read_interchanges(chain((head,), rest), channel, SET_TRANSLATORS)
        case "hl7v2":
            yield from _read_messages(b"".join((head, *rest)), channel)
        case _:
            size = len(head) + sum(len(chunk) for chunk in rest)
            yield from _unknown_format(size)


def detect_format(head: bytes) -> Literal["hl7v2", "x12", "unknown"]:
    """Return the format of a file from its first bytes: what comes first, an HL7 header or an X12 envelope."""
    found = [
        (place, name)
        for name, marks in _FORMAT_MARKS
        for mark in marks
        if (place := head.find(mark)) >= 0
    ]
    return min(found)[1] if found else "unknown"


_FORMAT_MARKS: tuple[tuple[Literal["hl7v2", "x12"], tuple[bytes, ...]], ...] = (
    ("hl7v2", (b"MSH|", b"MSH^", b"FHS|", b"BHS|", b"MSH")),
    ("x12", (b"ISA", b"GS*", b"GS|", b"ST*", b"ST|")),
)


def _read_messages(data: bytes, channel: Channel) -> Iterator[Piece]:
    batch = hl7v2.split(data)
    offset = 0
    for raw in batch.messages:
        translation = read_message(raw, channel)
        offset = max(data.find(raw, offset), 0)
        yield Begun(recorded_at_ms=translation.recorded_at_ms)
        yield Reading(translation=translation, offset=offset, bytes_count=len(raw))
        offset += len(raw)
    if not batch.messages and batch.faults:
        yield from _refused("hl7v2", batch.faults, len(data))
    yield Closed(faults=batch.faults if batch.messages else (), status="held")


def _unknown_format(size: int) -> Iterator[Piece]:
    code = "file.empty" if not size else "file.format.unknown"
    yield from _refused("unknown", (fault(code, "file"),), size)
    yield Closed()


def _refused(
    name: Literal["hl7v2", "x12", "unknown"], faults: tuple[Fault, ...], size: int
) -> Iterator[Piece]:
    yield Begun(recorded_at_ms=0)
    yield Reading(
        translation=Translation(
            format=name, type="unreadable", control_id="", status="rejected", faults=faults
        ),
        offset=0,
        bytes_count=size,
    )


# The second half: what an event changes --------------------------------------------------------


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """What stands in the books under one booking key; an empty entry id says it was withdrawn."""

    entry_id: str
    fingerprint: bytes
    revision: int
    event_id: str = ""
    """Event whose concern is open beside this entry (an adjustment in suspense), else empty."""


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """An open reason under one booking key: nothing stands, or something stands with a concern."""

    work_item_id: str
    code: str
    path: str
    amount_minor: int


class Record(msgspec.Struct, Generic[S]):
    """All a stream remembers: its process's state, what stands in the books, what waits and why."""

    state: S
    standing: dict[str, Standing] = {}
    waiting: dict[str, Waiting] = {}


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A work item to open: this key of this stream waits for the fault's remedy."""

    id: str
    booking_key: str
    fault: Fault
    amount_minor: int


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that must be taken back; the driver supplies the original (`reverse_entry`)."""

    id: str
    reverses: str


class Step(msgspec.Struct, kw_only=True):
    """What one event changes: all of it is committed together, or none."""

    event: Event
    outcome: Outcome = "no_effect"
    entries: list[Entry] = msgspec.field(default_factory=list)
    reversals: list[Reversal] = msgspec.field(default_factory=list)
    opened: list[Opened] = msgspec.field(default_factory=list)
    resolved: list[str] = msgspec.field(default_factory=list)
    """Ids of work items this event resolved."""
    forwards: list[Forward] = msgspec.field(default_factory=list)


def initial(stream: str) -> Record[Any]:
    """Return the record of a stream nothing has been told to."""
    name, _, key = stream.partition("/")
    return Record(state=PROCESSES[name].initial(key))


def advance(record: Record[Any], event: Event, books: Books) -> Step:
    """Tell one event to its stream: evolve, decide, and post the difference from what stands.

    Changes `record` in place. The same facts in any order and any number end with the same standing bookings, because a
    decision names what should stand and only differences are posted.
    """
    process = PROCESSES[process_of(event.stream)]
    state = process.evolve(record.state, event)
    step = Step(event=event)
    if state is record.state and not isinstance(event.fact, Reconsidered):
        step.outcome = "repeated"
        return step
    record.state = state
    for decision in process.decide(state, event):
        _settle(record, step, decision, books)
    if step.entries or step.reversals:
        step.outcome = "posted"
    elif step.opened:
        step.outcome = "parked"
    return step


def _settle(record: Record[Any], step: Step, decision: Decision, books: Books) -> None:
    match decision:
        case Booking():
            _book(record, step, decision, books)
        case Hold():
            _take_back(record, step, decision.key)
            _wait(record, step, decision.key, decision.fault, decision.amount_minor)
        case Withdrawn():
            _take_back(record, step, decision.key)
            _resolve(record, step, decision.key)
        case Forward():
            step.forwards.append(decision)
        case _:
            assert_never(decision)


def _book(record: Record[Any], step: Step, booking: Booking, books: Books) -> None:
    """Make this booking stand: post it, after taking back another version of it."""
    key = booking.key
    mark = fingerprint(booking)
    standing = record.standing.get(key)
    if standing and standing.entry_id and standing.fingerprint == mark:
        if not (standing.event_id and isinstance(step.event.fact, Reconsidered)):
            return
    revision = standing.revision + 1 if standing else 1
    ordinal = len(step.entries) + len(step.reversals) + 1
    outcome = post(
        booking,
        books=books,
        source=booking.source or step.event.source,
        entry_id=_entry_id(step.event.id, ordinal + 1 if standing and standing.entry_id else ordinal),
        stream=step.event.stream,
        revision=revision,
        event_id=booking.event_id or step.event.id,
        received_at_ms=step.event.received_at_ms,
    )
    match outcome:
        case Fault():
            _take_back(record, step, key)
            _wait(record, step, key, outcome, _gross(booking))
        case Posting():
            if standing and standing.event_id and outcome.concerns:
                return  # reconsidered, and its concern is still open: what stands may stand
            _take_back(record, step, key)
            _stand(record, step, key, mark, revision, outcome)
            if outcome.concerns:
                _wait(record, step, key, outcome.concerns[0], _gross(booking))
            else:
                _resolve(record, step, key)
        case _:
            assert_never(outcome)


def _stand(  # noqa: PLR0913 - the six things a standing is made of
    record: Record[Any], step: Step, key: str, mark: bytes, revision: int, posting: Posting
) -> None:
    entry_id = ""
    if posting.entry is not None:
        step.entries.append(posting.entry)
        entry_id = posting.entry.id
    concerned = step.event.id if posting.concerns else ""
    record.standing[key] = Standing(entry_id, mark, revision, concerned)


def _take_back(record: Record[Any], step: Step, key: str) -> None:
    """Reverse what stands under a key, if anything does."""
    standing = record.standing.get(key)
    if standing is None or not standing.entry_id:
        return
    ordinal = len(step.entries) + len(step.reversals) + 1
    step.reversals.append(
        Reversal(id=_entry_id(step.event.id, ordinal), reverses=standing.entry_id)
    )
    record.standing[key] = Standing("", b"", standing.revision)


def _wait(record: Record[Any], step: Step, key: str, fault: Fault, amount_minor: int) -> None:
    """Open a work item for this key, unless the very same one is open already."""
    waiting = record.waiting.get(key)
    if waiting and (waiting.code, waiting.path, waiting.amount_minor) == (
        fault.code,
        fault.where,
        amount_minor,
    ):
        return
    _resolve(record, step, key)
    item_id = f"exc_{step.event.id[4:]}.{len(step.opened) + 1:02d}"
    record.waiting[key] = Waiting(item_id, fault.code, fault.where, amount_minor)
    step.opened.append(
        Opened(id=item_id, booking_key=key, fault=fault, amount_minor=amount_minor)
    )


def _resolve(record: Record[Any], step: Step, key: str) -> None:
    waiting = record.waiting.pop(key, None)
    if waiting is not None:
        step.resolved.append(waiting.work_item_id)


def reverse_entry(reversal: Reversal, original: Entry, event: Event, books: Books) -> Entry:
    """Make the entry that takes `original` back: its mirror, dated in an open period."""
    dated = accounting_date(original.entity, original.accounting_on, books)
    return reverse(
        original,
        entry_id=reversal.id,
        event_id=event.id,
        received_at_ms=event.received_at_ms,
        accounting_on=original.accounting_on if isinstance(dated, Fault) else dated,
        release=books.release,
    )


def _entry_id(event_id: str, ordinal: int) -> str:
    return f"ent_{event_id[4:]}.{ordinal:02d}"


def _gross(booking: Booking) -> int:
    """Return the amount at stake: the largest single sum in the booking, as a positive number."""
    return max((abs(amount.minor) for amount in booking.amounts), default=0)


@cache
def _codecs(process: str) -> tuple[msgspec.msgpack.Encoder, msgspec.msgpack.Decoder[Record[Any]]]:
    state = PROCESSES[process].State
    kind: type[Record[Any]] = Record[state]  # type: ignore[valid-type]
    return msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(kind)


def encode_record(stream: str, record: Record[Any]) -> bytes:
    """Encode a stream's record for the store."""
    return _codecs(process_of(stream))[0].encode(record)


def decode_record(stream: str, blob: bytes) -> Record[Any]:
    """Decode what `encode_record` wrote."""
    return _codecs(process_of(stream))[1].decode(blob)


def closing_balances(entries: Iterable[Entry]) -> dict[tuple[str, str, str], int]:
    """Return the trial balance of some entries: (entity, account, currency) -> debits minus credits."""
    balances: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        for line in entry.lines:
            key = (entry.entity, line.account, entry.currency)
            balances[key] = balances.get(key, 0) + line.debit_minor - line.credit_minor
    return {key: amount for key, amount in balances.items() if amount}
