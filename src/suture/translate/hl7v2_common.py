"""What every HL7 v2 translation shares: who, where, when, and the verdict on the message.

Here: surrogates for the identifiers of PID and PV1, the place (PV1-3), the time the sender recorded the message
(EVN-2, MSH-7), who pays for the account (PV1-20, IN1-3), and `unsupported` for types that nobody translates.
Not here: what an SIU, ADT or DFT message means (`hl7v2_siu.py`, `hl7v2_adt.py`, `hl7v2_dft.py`, next).

HL7 null: a field sent as `""` means "delete what you hold", an empty one "no change" (chapter 2, 2.5.3). Facts
know only silence. So a null reads as silence where nothing is lost by it, and holds the message
(`hl7.null.unsupported`) where it would take away what decides the receivable: the financial class (PV1-20)
and the payer (IN1-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from suture.model.account import AccountRegistered
from suture.model.fault import Fault, fault
from suture.model.translation import Channel, ControlTotal, Routed, Secret, Translation
from suture.wire.hl7v2 import NULL, Message, Segment
from suture.wire.hl7v2.timestamp import Timestamp, read_timestamp

_PATIENT_IDENTIFIER_TYPES = ("MR", "PI")
"""HL7 table 0203: medical record number, patient internal identifier; the first found names the patient."""

_IDENTIFIER_TYPE = 5
"""CX.5."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Reading:
    """One message being translated: what is wrong with it so far, and which identifiers it replaced.

    A translation collects every fault before it gives up, so that an exception lists all there is to mend.
    """

    __slots__ = ("_secrets", "channel", "faults", "message", "notes", "patient_segment", "visit_segment")

    def __init__(self, message: Message, channel: Channel) -> None:
        self.message = message
        self.channel = channel
        self.faults: list[Fault] = list(message.faults)
        self.notes: list[Fault] = list(message.notes)
        self.patient_segment = message.first("PID")
        self.visit_segment = message.first("PV1")
        self._secrets: dict[str, Secret] = {}

    def blame(self, code: str, where: str, explanation: str = "") -> None:
        """Note a fault that holds the message; its explanation never repeats a value of the message."""
        self.faults.append(fault(code, where, explanation))

    def token(self, kind: str, value: str) -> str:
        """Return the surrogate of an identifier and remember the secret behind it; "" for no identifier."""
        if not value:
            return ""
        token = self.channel.tokenizer.token(kind, self.channel.authority, value)
        self._secrets[token] = Secret(token, kind, value)
        return token

    def patient(self) -> str:
        """Return the patient's surrogate: PID-3, the medical record number of the list; "" if not told."""
        return self.token("patient", patient_number(self.patient_segment, 3)[0])

    def account(self) -> str:
        """Return the patient account's surrogate: PID-18.1; "" if not told."""
        return self.token("account", told(self.patient_segment, 18))

    def visit(self) -> str:
        """Return the visit's surrogate: PV1-19.1; "" if not told."""
        return self.token("visit", told(self.visit_segment, 19))

    def facility(self) -> str:
        """Return the facility as sent: PV1-3.4, else MSH-4, else the channel's own."""
        return (
            told(self.visit_segment, 3, 4) or told(self.message.header, 4) or self.channel.facility
        )

    def time(self, segment: Segment | None, field: int, component: int = 1) -> Timestamp | None:
        """Return the time told at a place; None when it is silent or, a fault (B22), unreadable.

        Times without an offset are in the channel's zone. Less than a day (`202602`) is unreadable.
        """
        text = told(segment, field, component)
        if segment is None or not text:
            return None
        timestamp = read_timestamp(text, self.channel.zone)
        if timestamp is None or timestamp.precision in {"year", "month"}:
            self.blame("hl7.timestamp.invalid", segment.where(field, component))
            return None
        return timestamp

    def verdict(
        self, routed: Sequence[Routed] = (), totals: Iterable[ControlTotal] = ()
    ) -> Translation:
        """Return the translation: accepted with its facts, or held with every fault and none of them."""
        message = self.message
        recorded_at_ms = self._recorded_at_ms()
        is_held = bool(self.faults)
        source = self.channel.source
        sender = f"{message.sending_application}|{message.sending_facility}"
        return Translation(
            format="hl7v2",
            type=f"{message.type}^{message.trigger}",
            control_id=message.control_id,
            status="held" if is_held else "accepted",
            identities=(f"hl7v2:{source}:{sender}:{message.control_id}",),
            recorded_at_ms=recorded_at_ms,
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            routed=() if is_held else tuple(routed),
            secrets=() if is_held else tuple(self._secrets.values()),
            totals=tuple(totals),
        )

    def _recorded_at_ms(self) -> int:
        """Return when the sender recorded what it says: EVN-2, else MSH-7, in ms since the epoch; 0 if unreadable.

        EVN-2 comes first because it stays the same when an engine on the way sends the message again under a new
        MSH-7, so it orders what the sender said. MSH-7 stands in where EVN-2 is silent, or does not tell the
        second while MSH-7 does: two messages of one minute must still have an order.
        """
        event_at = self.time(self.message.first("EVN"), 2)
        if event_at is not None and event_at.precision in _SECOND_OR_FINER:
            return milliseconds(event_at)
        header = self.message.header
        header_at = self.time(header, 7)
        if event_at is None and header_at is None and not told(header, 7):
            self.blame("hl7.timestamp.invalid", header.where(7), "no time of recording is told")
        if header_at is not None and (event_at is None or header_at.precision in _SECOND_OR_FINER):
            return milliseconds(header_at)
        return milliseconds(event_at)


def unsupported(message: Message, channel: Channel) -> Translation:
    """Hold a message whose type or trigger nobody translates (B25): the bytes are kept, one exception per type.

    The exception's group is the translation's `type`; a release that learns the type reprocesses them all.
    """
    reading = Reading(message, channel)
    reading.blame("hl7.type.unsupported", message.header.where(9))
    return reading.verdict()


def told(segment: Segment | None, field: int, component: int = 1) -> str:
    """Return the trimmed value at a place; "" where the segment, the field or the value (null) is missing."""
    if segment is None:
        return ""
    value = segment.value(field, component)
    return "" if value == NULL else value.strip()


def patient_number(segment: Segment | None, field: int) -> tuple[str, str]:
    """Return the number that names the patient in a list of identifiers (PID-3, MRG-1), and its type (CX.5).

    The medical record number (MR), else the patient internal identifier (PI), else the first of the list: the
    order of the list differs between messages of one sender, the choice must not.
    """
    if segment is None:
        return "", ""
    numbers = patient_numbers(segment, field)
    for wanted in _PATIENT_IDENTIFIER_TYPES:
        for number, number_type in numbers:
            if number_type == wanted:
                return number, number_type
    return numbers[0] if numbers else ("", "")


def patient_numbers(segment: Segment, field: int) -> list[tuple[str, str]]:
    """Return every identifier of a list with its type (CX.1, CX.5), in order; those without a number left out."""
    numbers = []
    for repetition in range(1, segment.repetitions(field) + 1):
        number = segment.value(field, repetition=repetition).strip()
        if number and number != NULL:
            number_type = segment.value(field, _IDENTIFIER_TYPE, repetition=repetition)
            numbers.append((number, number_type.strip()))
    return numbers


def register_account(
    reading: Reading, account: str, patient: str, insurances: Sequence[Segment]
) -> AccountRegistered:
    """Return who is expected to pay for an account: PV1-20.1, and IN1-3.1 of the first insurance (IN1-1 = 1)."""
    first = next((each for each in insurances if told(each, 1).lstrip("0") == "1"), None)
    if first is None and insurances:
        first = insurances[0]
    return AccountRegistered(
        account=account,
        patient=patient,
        facility=reading.facility(),
        patient_class=told(reading.visit_segment, 2),
        financial_class=_decisive(reading, reading.visit_segment, 20),
        payer=_decisive(reading, first, 3),
    )


def _decisive(reading: Reading, segment: Segment | None, field: int) -> str:
    """Return a value that decides the receivable; a null, which would take it away, holds the message."""
    if segment is not None and segment.value(field) == NULL:
        reading.blame("hl7.null.unsupported", segment.where(field))
    return told(segment, field)


def milliseconds(timestamp: Timestamp | None) -> int:
    """Return a time as milliseconds since the epoch; 0 for none."""
    return 0 if timestamp is None else (timestamp.at - _EPOCH) // _MILLISECOND


def clock_milliseconds(timestamp: Timestamp | None) -> int:
    """Return a time of day as milliseconds since the epoch; 0 for none, and where only the day is told."""
    if timestamp is None or timestamp.precision == "day":
        return 0
    return milliseconds(timestamp)
