"""The spine: bytes, syntax tree, facts, decisions, balanced entries. Pure, read top to bottom.

    bytes --parse--> tree --translate--> facts --decide--> decisions --post--> entries

`read_message` and `read_file` are the first half: what a message means. `advance` is the second:
what one event changes in one stream's books. Many drivers use the one chain: the engine (answers
from PostgreSQL, commits the outcome), `suture trace` (answers from memory, prints), tests and
replays. So the live path, a preview and a spec can never disagree.

Where an 835 becomes a journal entry: `wire/x12/remittance.py` (CLP, CAS, PLB) ->
`translate/x12_835.py` -> `processes/claim.py`, `processes/remittance.py` -> `ledger/post.py`, all
called from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Any, Generic, Literal, TypeVar, assert_never

import msgspec

from suture.catalogue import (
    MESSAGE_TRANSLATORS,
    PROCESSES,
    RESOURCE_TRANSLATORS,
    ROW_TRANSLATORS,
    SET_TRANSLATORS,
)
from suture.ledger.books import Books
from suture.ledger.entry import Entry, Posting, reverse
from suture.ledger.post import accounting_date, post, principal_minor
from suture.model.decision import Booking, Decision, Forward, Hold, Withdrawn, fingerprint
from suture.model.event import Event, Reconsidered, process_of
from suture.model.fault import Fault, fault
from suture.model.identity import reuse_code
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Translation,
)
from suture.translate import fhir_bundle
from suture.translate.bank_deposits import read_bank
from suture.translate.file_format import (
    SNIFFED_BYTES_MAX,
    detect_format,
    head_of,
    read_whole,
    refused,
    unread,
)
from suture.translate.hl7v2_common import sent_on, through_door, unsupported
from suture.translate.hl7v2_reply import reply
from suture.translate.overlay import edited
from suture.translate.tabular_rows import read_table
from suture.translate.x12_common import read_interchanges
from suture.wire import hl7v2

S = TypeVar("S", bound=msgspec.Struct)

Outcome = Literal["posted", "parked", "no_effect", "repeated"]

WHOLE_BYTES_MAX = 256 * 1024 * 1024
"""HL7 v2, FHIR and bank files are read whole: beyond this they are refused."""


# The first half: what a message means ----------------------------------------------------------


def read_message(raw: bytes, channel: Channel) -> Translation:
    """Return what one HL7 v2 message or FHIR resource means: its verdict and its facts."""
    if detect_format(raw[:SNIFFED_BYTES_MAX]) == "fhir":
        return fhir_bundle.translate_resource(raw, channel, RESOURCE_TRANSLATORS)
    return _translate(hl7v2.parse(raw, charset=channel.charset), raw, channel)


def receive_message(
    raw: bytes, channel: Channel, *, control_id: str, at: str
) -> tuple[Translation, bytes]:
    """Return what one HL7 v2 message means, and the reply its sender is owed once it is durable.

    Content we cannot understand is held (we have the bytes); only unusable framing or identity is
    refused, and the refusal names the message where its MSH can be read so far. Which reply that
    makes is `translate/hl7v2_reply.py`.
    """
    message = hl7v2.parse(raw, charset=channel.charset)
    translation = _translate(message, raw, channel)
    readable = (
        hl7v2.parse_header(raw, charset=channel.charset) if isinstance(message, Fault) else message
    )
    status, faults = translation.status, translation.faults
    return translation, reply(readable, channel, status, faults, control_id=control_id, at=at)


def _translate(message: hl7v2.Message | Fault, raw: bytes, channel: Channel) -> Translation:
    if isinstance(message, Fault):
        return Translation(
            format="hl7v2",
            type=UNREADABLE_TYPE,
            control_id="",
            status="rejected",
            identities=(f"bytes:{channel.source}:{sha256(raw).hexdigest()}",),
            faults=(message,),
        )
    if channel.overlay is not None:
        message = edited(message, channel.overlay, sent_on(message, channel))
    translate = MESSAGE_TRANSLATORS.get(message.type)
    if translate is None:
        return unsupported(message, channel)
    return through_door(message, channel, translate)


def read_file(
    chunks: Iterable[bytes], channel: Channel, *, whole_bytes_max: int = WHOLE_BYTES_MAX
) -> Iterator[Piece]:
    """Read a file of any supported format, found out from its first bytes, into pieces.

    Every file is at least one message. X12 and tables stream; HL7 v2, FHIR and bank files are read
    whole, up to `whole_bytes_max`. A source with a schema sends tables: nothing is found out.
    """
    rest = iter(chunks)
    if channel.schema is not None:
        yield from read_table(rest, channel, ROW_TRANSLATORS)
        return
    head = head_of(rest)
    match detect_format(head):
        case "x12":
            yield from read_interchanges(chain((head,), rest), channel, SET_TRANSLATORS)
        case "hl7v2":
            yield from _read_messages(head, rest, channel, whole_bytes_max)
        case "fhir":
            data = yield from read_whole("fhir", head, rest, whole_bytes_max)
            if data is not None:
                yield from fhir_bundle.read_resources(data, channel, RESOURCE_TRANSLATORS)
        case "bank":
            data = yield from read_whole("bank", head, rest, whole_bytes_max)
            if data is not None:
                yield from read_bank(data, channel)
        case "tabular" | "unknown":
            yield from unread(head, rest)


def _read_messages(
    head: bytes, rest: Iterator[bytes], channel: Channel, whole_bytes_max: int
) -> Iterator[Piece]:
    data = yield from read_whole("hl7v2", head, rest, whole_bytes_max)
    if data is None:
        return
    batch = hl7v2.split(data)
    if not batch.messages:
        faults = batch.faults or (fault("file.no_message", "file"),)
        yield from refused("hl7v2", faults, len(data))
        return
    offset = 0
    for raw in batch.messages:
        translation = read_message(raw, channel)
        offset = data.index(raw, offset)
        yield Begun(recorded_at_ms=translation.recorded_at_ms, sequence=translation.sequence)
        yield Reading(
            translation=translation,
            offset=offset,
            bytes_count=len(raw),
            content_sha256=hl7v2.content_digest(raw),
        )
        offset += len(raw)
    yield Closed(faults=batch.faults, status="held")


def identity_taken(identity: str, message_ordinal: int, holder: str) -> Fault:
    """Return why a message of a file is held: a `holder` says other content under its identity."""
    kind = identity.partition(":")[0]
    explanation = f"{kind} identity is already held by message {holder}"
    return fault(reuse_code(identity), f"message {message_ordinal}", explanation)


# The second half: what an event changes --------------------------------------------------------


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """What stands in the books under one booking key; an empty entry id says it was withdrawn."""

    entry_id: str = ""
    """Empty where nothing is booked: it was taken back, or all it holds is information."""
    fingerprint: bytes = b""
    """Of the booking that stands; empty where none does."""
    revision: int = 0
    entity: str = ""
    accounting_on: date | None = None
    """With the entity: whether a period is open in which it could be taken back."""
    principal_minor: int = 0


_NOTHING = Standing()


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """An open reason: why nothing stands under a key, or a concern beside what stands."""

    work_item_id: str
    code: str
    path: str
    amount_minor: int
    others: tuple[tuple[str, str], ...] = ()
    """Code and path of the further concerns beside one entry: any may be mended before the rest."""


class Record(msgspec.Struct, Generic[S]):
    """All a stream remembers: its process's state, what stands in the books, what waits and why."""

    state: S
    standing: dict[str, Standing] = {}
    """By booking key."""
    waiting: dict[str, Waiting] = {}
    """By booking key; or `concern:` and the key of the booking it stands beside; or `correction:`
    and the key of a booking that should no longer stand but cannot be taken back."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A work item to open: this key of this stream waits for the fault's remedy."""

    id: str
    booking_key: str
    """Begins with `concern:` where something is booked all the same."""
    fault: Fault
    amount_minor: int
    event_id: str
    """The event that told what waits: an earlier one than that being handled, perhaps."""


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

    Changes `record` in place. The same facts in any order and any number end with the same standing
    bookings, because a decision names what should stand and only differences are posted.
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
            told_by, worth_minor = decision.event_id or step.event.id, decision.amount_minor
            where = decision.fault.where
            if _is_kept(record, step, decision.key, books, worth_minor, told_by, where):
                return
            _vacate(record, step, decision.key)
            _wait(record, step, decision.key, decision.fault, decision.amount_minor, told_by)
        case Withdrawn():
            told_by, where = step.event.id, step.event.where
            if _is_kept(record, step, decision.key, books, 0, told_by, where):
                return
            _vacate(record, step, decision.key)
            _resolve(record, step, decision.key)
        case Forward():
            step.forwards.append(decision)
        case _:
            assert_never(decision)


def _book(record: Record[Any], step: Step, booking: Booking, books: Books) -> None:
    """Make this booking stand: post it, after taking back another version of it.

    What stands already stays, however often it is decided; only what stands with a concern is
    posted again when a new release may have resolved that.
    """
    key, concern_key = booking.key, _concern_key(booking.key)
    mark = fingerprint(booking)
    told_by = booking.event_id or step.event.id
    where = next((amount.where for amount in booking.amounts if amount.where), step.event.where)
    standing = record.standing.get(key, _NOTHING)
    is_standing = standing.fingerprint == mark
    is_asked_again = isinstance(step.event.fact, Reconsidered) and concern_key in record.waiting
    if is_standing and not is_asked_again:
        _resolve(record, step, _correction_key(key))
        return
    ordinal = len(step.entries) + len(step.reversals) + 1
    outcome = post(
        booking,
        books=books,
        source=booking.source or step.event.source,
        entry_id=_entry_id(step.event.id, ordinal + 1 if standing.entry_id else ordinal),
        stream=step.event.stream,
        revision=standing.revision + 1,
        event_id=told_by,
        received_at_ms=step.event.received_at_ms,
    )
    match outcome:
        case Fault() if is_standing:
            return  # what stands is better than nothing, and its concern is still open
        case Fault():
            worth_minor = principal_minor(booking)
            if _is_kept(record, step, key, books, worth_minor, told_by, where):
                return
            _vacate(record, step, key)
            _wait(record, step, key, outcome, _at_stake(booking), told_by)
        case Posting(concerns=()):
            if _is_kept(record, step, key, books, _worth_minor(outcome), told_by, where):
                return
            _stand(record, step, booking, mark, outcome.entry)
            _resolve(record, step, concern_key)
        case Posting():
            (concern, *further), amount_minor = outcome.concerns, _in_suspense(booking, outcome)
            others = tuple((each.code, each.where) for each in further)
            if is_standing and _is_waiting(record, concern_key, concern, amount_minor, others):
                return
            if _is_kept(record, step, key, books, _worth_minor(outcome), told_by, where):
                return
            _stand(record, step, booking, mark, outcome.entry)
            _wait(record, step, concern_key, concern, amount_minor, told_by, others)
        case _:
            assert_never(outcome)


def _stand(
    record: Record[Any], step: Step, booking: Booking, mark: bytes, entry: Entry | None
) -> None:
    """Let a booking stand under its key, in the place of whatever stood or waited there."""
    key = booking.key
    _take_back(record, step, key)
    _resolve(record, step, key)
    revision = record.standing.get(key, _NOTHING).revision + 1
    standing = Standing("", mark, revision)
    if entry is not None:
        step.entries.append(entry)
        dated, worth_minor = entry.accounting_on, entry.principal_minor
        standing = Standing(entry.id, mark, revision, entry.entity, dated, worth_minor)
    record.standing[key] = standing


def _is_kept(
    record: Record[Any],
    step: Step,
    key: str,
    books: Books,
    worth_minor: int,
    told_by: str,
    where: str,
) -> bool:
    """Keep what stands where no period is open to take it back in, and let its correction wait.

    Nothing may be booked into a closed period, and half a correction is no correction: the old
    entry stays until a release opens a period. What waits is what the new decision is worth, less
    what stands; `where` is what it was told by, kept while another telling comes to the same.
    """
    standing = record.standing.get(key, _NOTHING)
    if standing.entry_id and standing.accounting_on is not None:
        dated = accounting_date(standing.entity, standing.accounting_on, books, where)
        if isinstance(dated, Fault):
            amount_minor = worth_minor - standing.principal_minor
            waiting = record.waiting.get(_correction_key(key))
            asked = (dated.code, amount_minor)
            if waiting is None or (waiting.code, waiting.amount_minor) != asked:
                _wait(record, step, _correction_key(key), dated, amount_minor, told_by)
            return True
    _resolve(record, step, _correction_key(key))
    return False


def _worth_minor(posting: Posting) -> int:
    return posting.entry.principal_minor if posting.entry else 0


def _vacate(record: Record[Any], step: Step, key: str) -> None:
    """Let nothing stand under a key, nor a concern beside it."""
    _take_back(record, step, key)
    _resolve(record, step, _concern_key(key))


def _take_back(record: Record[Any], step: Step, key: str) -> None:
    """Reverse what stands under a key, if anything does."""
    standing = record.standing.get(key, _NOTHING)
    if standing.entry_id:
        ordinal = len(step.entries) + len(step.reversals) + 1
        reversal_id = _entry_id(step.event.id, ordinal)
        step.reversals.append(Reversal(id=reversal_id, reverses=standing.entry_id))
    if standing.fingerprint:
        record.standing[key] = Standing(revision=standing.revision)


def _wait(
    record: Record[Any],
    step: Step,
    key: str,
    fault: Fault,
    amount_minor: int,
    told_by: str,
    others: tuple[tuple[str, str], ...] = (),
) -> None:
    """Open a work item for this key, unless the very same one is open already."""
    if _is_waiting(record, key, fault, amount_minor, others):
        return
    _resolve(record, step, key)
    item_id = f"exc_{step.event.id[4:]}.{len(step.opened) + 1:02d}"
    record.waiting[key] = Waiting(item_id, fault.code, fault.where, amount_minor, others)
    step.opened.append(
        Opened(
            id=item_id, booking_key=key, fault=fault, amount_minor=amount_minor, event_id=told_by
        )
    )


def _is_waiting(
    record: Record[Any],
    key: str,
    fault: Fault,
    amount_minor: int,
    others: tuple[tuple[str, str], ...] = (),
) -> bool:
    waiting = record.waiting.get(key)
    return waiting is not None and (
        waiting.code,
        waiting.path,
        waiting.amount_minor,
        waiting.others,
    ) == (fault.code, fault.where, amount_minor, others)


def _resolve(record: Record[Any], step: Step, key: str) -> None:
    waiting = record.waiting.pop(key, None)
    if waiting is not None:
        step.resolved.append(waiting.work_item_id)


def _concern_key(key: str) -> str:
    """Return where a concern waits: never under the booking's own key, for nothing is parked."""
    return f"concern:{key}"


def _correction_key(key: str) -> str:
    """Return where a correction waits that cannot be booked while the old booking stands."""
    return f"correction:{key}"


def _at_stake(booking: Booking) -> int:
    """Return what a parked booking is about: its largest sum, the cash of a remittance.

    With its sign, so that control totals add up: told = standing + parked (reconcile/controls.py).
    """
    sums = [
        amount.minor
        for amount in booking.amounts
        if booking.kind != "remittance" or amount.name == "cash"
    ]
    return max(sums, key=abs, default=0)


def _in_suspense(booking: Booking, posting: Posting) -> int:
    """Return how much of a booking its concerns are about."""
    places = {concern.where for concern in posting.concerns}
    return sum(abs(amount.minor) for amount in booking.amounts if amount.where in places)


def reverse_entry(reversal: Reversal, original: Entry, event: Event, books: Books) -> Entry:
    """Make the entry that takes `original` back: its mirror, dated in an open period.

    There is one, else the step had kept the original (`_is_kept`).
    """
    dated = accounting_date(original.entity, original.accounting_on, books)
    assert not isinstance(dated, Fault), f"no period is open to take entry {original.id} back in"
    return reverse(
        original,
        entry_id=reversal.id,
        event_id=event.id,
        received_at_ms=event.received_at_ms,
        accounting_on=dated,
        release=books.release,
    )


def set_aside(event: Event, error: str) -> Step:
    """Return the step of an event whose handling raised: a bug is a fault of that event (F33)."""
    told = fault("engine.event.failed", event.where, f"handling it raised {error}")
    item_id = f"exc_{event.id[4:]}.00"
    opened = Opened(id=item_id, booking_key="", fault=told, amount_minor=0, event_id=event.id)
    return Step(event=event, outcome="parked", opened=[opened])


def forwarded(step: Step) -> list[Event]:
    """Return the events a step sends on to other streams: told by the same message, at its time."""
    cause = step.event
    return [
        msgspec.structs.replace(
            cause, id=f"{cause.id}.{ordinal:02d}", stream=forward.stream, fact=forward.fact
        )
        for ordinal, forward in enumerate(step.forwards, 1)
    ]


def _entry_id(event_id: str, ordinal: int) -> str:
    return f"ent_{event_id[4:]}.{ordinal:02d}"


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
    """Return the trial balance of some entries: debits minus credits.

    By (entity, account, currency); accounts at zero are left out.
    """
    balances: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        for line in entry.lines:
            key = (entry.entity, line.account, entry.currency)
            balances[key] = balances.get(key, 0) + line.debit_minor - line.credit_minor
    return {key: amount for key, amount in balances.items() if amount}
