"""What every HL7 v2 translation shares: who, where, when, and the verdict on the message.

Here: surrogates for the identifiers of PID and PV1, the place (PV1-3), the time the sender recorded
the message (EVN-2, MSH-7), who pays for the account (PV1-20, IN1-3), and `unsupported` for types
nobody translates. Not here: what an SIU, ADT or DFT means (`hl7v2_siu.py`, `hl7v2_adt.py`,
`hl7v2_dft.py`, next).

HL7 null: a field sent as `""` means "delete what you hold", an empty one "no change" (chapter 2,
2.5.3). Facts know only silence. So a null reads as silence where nothing is lost by it, and holds
the message (`hl7.null.unsupported`) where it would take away what decides the receivable: the
financial class (PV1-20) and the payer (IN1-3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from msgspec import structs

from suture.model.account import AccountRegistered
from suture.model.fault import Fault, fault
from suture.model.identity import Tokenizer
from suture.model.translation import (
    UNREADABLE_TYPE,
    Channel,
    ControlTotal,
    Routed,
    Secret,
    Translation,
    misdirected,
)
from suture.wire.hl7v2 import NULL, Message, Segment, Timestamp, read_timestamp

_PATIENT_NUMBER_TYPES = ("MR", "PI")
"""HL7 table 0203, medical record number and patient internal identifier, in order of preference."""

_NUMBER_TYPE = 5
"""CX.5, the identifier type code."""

_MESSAGE_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}\^([A-Z0-9]{3})?", re.ASCII)
"""MSH-9.1 and MSH-9.2 (tables 0076, 0003); old senders leave the trigger out."""
_CONTROL_ID = re.compile(r"[A-Za-z0-9._:/-]{1,199}", re.ASCII)
"""What a generator of numbers writes into MSH-10 (ST 199 since 2.7), and no sentence."""
_SEQUENCE = re.compile(r"[0-9]{1,18}", re.ASCII)
_TO_THE_SECOND = frozenset({"second", "fraction"})
_COARSER_THAN_A_DAY = frozenset({"year", "month"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_read_timestamp = lru_cache(maxsize=4096)(read_timestamp)
"""The lines of a message share their dates, and the messages of a day theirs."""


class Draft:
    """A translation in the making: what is wrong so far, and which identifiers were replaced.

    Every fault is collected before the verdict, so that an exception lists all there is to mend.
    """

    __slots__ = (
        "_secrets",
        "channel",
        "facility",
        "faults",
        "message",
        "notes",
        "patient_segment",
        "sending_application",
        "sending_facility",
        "visit_segment",
    )

    def __init__(self, message: Message, channel: Channel) -> None:
        self.message = message
        self.channel = channel
        self.faults: list[Fault] = list(message.faults)
        self.notes: list[Fault] = list(message.notes)
        self.patient_segment = message.first("PID")
        self.visit_segment = message.first("PV1")
        self.sending_application = message.sending_application
        self.sending_facility = message.sending_facility
        self.facility = (
            told(self.visit_segment, 3, 4) or told(message.header, 4) or channel.facility
        )
        """As sent: PV1-3.4, else MSH-4, else the channel's own."""
        self._secrets: dict[str, Secret] = {}

    def blame(self, code: str, where: str, explanation: str = "") -> None:
        """Add a fault that holds the message; its explanation repeats no value of the message."""
        self.faults.append(fault(code, where, explanation))

    def token(self, kind: str, value: str) -> str:
        """Return the surrogate of an identifier and remember the secret behind it; "" for none."""
        if not value:
            return ""
        token = self.channel.tokenizer.token(kind, self.channel.authority, value)
        self._secrets[token] = Secret(token, kind, value)
        return token

    def keep(self, secret: Secret) -> None:
        """Remember a secret whose surrogate a fact holds."""
        self._secrets[secret.token] = secret

    def patient(self) -> str:
        """Return the surrogate of the patient (PID-3, see `patient_number`); "" where not told."""
        return self.token("patient", patient_number(self.patient_segment, 3)[0])

    def account(self) -> str:
        """Return the surrogate of the patient account (PID-18.1); "" where not told."""
        return self.token("account", told(self.patient_segment, 18))

    def visit(self) -> str:
        """Return the surrogate of the visit (PV1-19.1); "" where not told."""
        return self.token("visit", told(self.visit_segment, 19))

    def time(self, segment: Segment | None, field: int, component: int = 1) -> Timestamp | None:
        """Return the time told at a place; None where it is silent or, a fault (B22), unreadable.

        A time without an offset is in the channel's zone. One that does not tell the day (`202602`)
        is unreadable: no business date follows from it.
        """
        text = told(segment, field, component)
        if segment is None or not text:
            return None
        timestamp = _read_timestamp(text, self.channel.zone)
        if timestamp is None or timestamp.precision in _COARSER_THAN_A_DAY:
            self.blame("hl7.timestamp.invalid", segment.where(field, component))
            return None
        return timestamp

    def verdict(
        self, routed: Sequence[Routed] = (), totals: Iterable[ControlTotal] = ()
    ) -> Translation:
        """Return the translation: accepted with its facts, or held with its faults and no fact."""
        message = self.message
        recorded_at_ms = self._recorded_at_ms()
        is_held = bool(self.faults)
        sender = f"{self.sending_application}|{self.sending_facility}"
        named = shown_control_id(message.control_id, self.channel.tokenizer)
        return Translation(
            format="hl7v2",
            type=_shown_type(message) or UNREADABLE_TYPE,
            control_id=named,
            status="held" if is_held else "accepted",
            identities=(f"hl7v2:{self.channel.source}:{sender}:{named}",),
            recorded_at_ms=recorded_at_ms,
            sequence=_sequence(message),
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            routed=() if is_held else tuple(routed),
            secrets=() if is_held else tuple(self._secrets.values()),
            totals=tuple(totals),
        )

    def _recorded_at_ms(self) -> int:
        """Return when the sender recorded what it says: EVN-2, else MSH-7; 0 where unreadable.

        EVN-2 comes first because it stays the same when an engine on the way sends the message
        again under a new MSH-7, so it orders what the sender said. MSH-7 stands in where EVN-2 is
        silent, and where only it tells the second: two messages of one minute must still have an
        order.
        """
        event = self.message.first("EVN")
        at, where = self.time(event, 2), "EVN-2"
        if at is None or at.precision not in _TO_THE_SECOND:
            header_at = self.time(self.message.header, 7)
            if header_at is not None and (at is None or header_at.precision in _TO_THE_SECOND):
                at, where = header_at, "MSH-7"
        if at is None:
            if not (told(event, 2) or told(self.message.header, 7)):
                self.blame("hl7.timestamp.invalid", "MSH-7", "no time of recording is told")
            return 0
        recorded_at_ms = milliseconds(at)
        if recorded_at_ms < 0:
            self.blame("hl7.timestamp.invalid", where, "recorded before 1970")
            return 0
        return recorded_at_ms


def occurred(draft: Draft) -> Timestamp | None:
    """Return when what a message tells of happened: EVN-6, else when it was recorded (EVN-2)."""
    event = draft.message.first("EVN")
    return draft.time(event, 6) or draft.time(event, 2)


def _sequence(message: Message) -> int:
    """Return the sender's own number of a message: MSH-13, else an MSH-10 of digits alone, else 0.

    What one sender records in one instant is in this order (2.14.9.13: the number is one higher
    with each message).
    """
    for number in (told(message.header, 13), message.control_id.strip()):
        if _SEQUENCE.fullmatch(number):
            return int(number)
    return 0


def sent_on(message: Message, channel: Channel) -> date:
    """Return the day a message was sent (MSH-7), which chooses the look-up rows in force.

    The epoch where it tells none: then only rows without a first day answer.
    """
    timestamp = _read_timestamp(message.message_at, channel.zone)
    return _EPOCH.date() if timestamp is None else timestamp.on


def unsupported(message: Message, channel: Channel) -> Translation:
    """Hold a message whose type or trigger nobody translates (B25); the bytes are kept.

    The explanation names the type, by which exceptions are grouped: one to a type, however many
    come.
    """
    draft = Draft(message, channel)
    named = _shown_type(message) or "this type"
    draft.blame("hl7.type.unsupported", "MSH-9", f"{named} is not translated")
    return draft.verdict()


def _shown_type(message: Message) -> str:
    """Return MSH-9 as `ADT^A01`; "" where what stands there is no message type."""
    sent = f"{message.type}^{message.trigger}"
    return sent if _MESSAGE_TYPE.fullmatch(sent) else ""


def shown_control_id(control_id: str, tokenizer: Tokenizer) -> str:
    """Return MSH-10 as it may be stored and shown; a surrogate (`ctl_`) where it is free text.

    The message is as good as any, and the sender gets its own id back in MSA-2. But nothing keeps a
    sender from writing a name there, and control ids are searched by, shown and logged. The same
    text has the same surrogate, so that it still tells a repeat from a reuse (docs/adr/0008).
    """
    if not control_id or _CONTROL_ID.fullmatch(control_id):
        return control_id
    # By its digest: it may be of any length, and unlike an identifier's its case and blanks count.
    digest = sha256(control_id.encode("utf-8", "surrogatepass")).hexdigest()
    return tokenizer.token("control", "", digest)


def through_door(
    message: Message, channel: Channel, translate: Callable[[Message, Channel], Translation]
) -> Translation:
    """Translate a message, unless it should not have come through its source's door.

    By its type (MSH-9) or processing id (MSH-11). Then it is held unread, and claims no control id:
    a test system often repeats those of production, and when the estate lets such messages in, they
    may be sent again as they are. A rehearsal notes it, and reads on.
    """
    reason = misdirected(
        channel,
        f"hl7v2_{message.type.lower()}",
        told(message.header, 11),
        type_at="MSH-9",
        processing_at="MSH-11",
    )
    if reason is None:
        return translate(message, channel)
    if channel.is_rehearsal:
        read = translate(message, channel)
        return structs.replace(read, notes=(reason, *read.notes))
    draft = Draft(message, channel)
    draft.faults.insert(0, reason)
    return structs.replace(draft.verdict(), identities=())


def told(segment: Segment | None, field: int, component: int = 1) -> str:
    """Return the trimmed value at a place; "" where nothing, or the HL7 null, stands there."""
    if segment is None:
        return ""
    fields = segment.fields
    if field >= len(fields):
        return ""
    text = fields[field]
    if not text or (component == 1 and text.isalnum()):
        return text  # most fields by far: empty, or one plain value that holds no separator
    value = segment.value(field, component)
    return "" if value == NULL else value.strip()


def patient_number(segment: Segment | None, field: int) -> tuple[str, str]:
    """Return the number that names the patient in a list (PID-3, MRG-1), and its type (CX.5).

    The medical record number (MR), else the internal identifier (PI), else the first of the list.
    The order of a list differs between messages of one sender; the choice must not.
    """
    numbers = patient_numbers(segment, field)
    for wanted in _PATIENT_NUMBER_TYPES:
        for number in numbers:
            if number[1] == wanted:
                return number
    return numbers[0] if numbers else ("", "")


def patient_numbers(segment: Segment | None, field: int) -> list[tuple[str, str]]:
    """Return each number of a list of identifiers with its type (CX.1, CX.5), in order."""
    numbers: list[tuple[str, str]] = []
    if segment is None:
        return numbers
    for repetition in range(1, segment.repetitions(field) + 1):
        number = segment.value(field, repetition=repetition).strip()
        if number and number != NULL:
            number_type = segment.value(field, _NUMBER_TYPE, repetition=repetition)
            numbers.append((number, number_type.strip()))
    return numbers


def first_insurance(insurances: Sequence[Segment]) -> Segment | None:
    """Return the insurance that pays first: the IN1 numbered 1 (IN1-1), else the first one sent."""
    for insurance in insurances:
        if told(insurance, 1).lstrip("0") == "1":
            return insurance
    return insurances[0] if insurances else None


def register_account(
    draft: Draft, account: str, patient: str, insurance: Segment | None
) -> AccountRegistered:
    """Return who is expected to pay for an account: PV1-20.1, and IN1-3.1 of `first_insurance`."""
    return AccountRegistered(
        account=account,
        patient=patient,
        facility=draft.facility,
        patient_class=told(draft.visit_segment, 2),
        financial_class=_decisive(draft, draft.visit_segment, 20),
        payer=_decisive(draft, insurance, 3),
    )


def route_registration(registered: AccountRegistered) -> Routed:
    """Return a registration on its way to its account, with the segment that decided it."""
    where = "PV1" if registered.financial_class else "IN1" if registered.payer else "PID"
    return Routed(f"patient_account/{registered.account}", registered, where)


def _decisive(draft: Draft, segment: Segment | None, field: int) -> str:
    """Return a value that decides the receivable; a null would take it away and is a fault."""
    if segment is None:
        return ""
    value = segment.value(field)
    if value == NULL:
        draft.blame("hl7.null.unsupported", segment.where(field))
    return value.strip()


def milliseconds(timestamp: Timestamp) -> int:
    """Return a moment as milliseconds since the epoch."""
    return (timestamp.at - _EPOCH) // _MILLISECOND


def clock_milliseconds(timestamp: Timestamp | None) -> int:
    """Return a time of day as milliseconds since the epoch; 0 where none is told.

    A date alone tells none: it does not say midnight.
    """
    if timestamp is None or timestamp.precision == "day":
        return 0
    return milliseconds(timestamp)
