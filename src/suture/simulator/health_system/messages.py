"""Drafts as HL7 v2 bytes: ADT, SIU and DFT as three vendors at Riverbend write them.

`MSH EVN PID PV1 PV2 IN1 MRG` for registration, `SCH NTE PID PV1 RGS AIS AIL` for scheduling, `FT1`
for billing. Billing names no payer (no `IN1`, no PV1-20): who pays is registration's to tell. It
asks for the enhanced acknowledgement (MSH-15 AL), the others for the original one. Escaping and
separators are `suture.wire.hl7v2.build`; what is said comes from `course.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from suture.model.money import format_amount
from suture.simulator.health_system.people import Person
from suture.simulator.health_system.places import SELF_PAY_CLASS
from suture.simulator.health_system.visit import Calendar, Draft, Line, Visit
from suture.wire.hl7v2 import Field, Repeated, build, segment

Door = Literal["adt", "scheduling", "charges", "remits"]

_AUTHORITY = "RVH"
_DOORS: dict[str, tuple[Door, str, str, str]] = {
    "A": ("adt", "RIVREG", "ADT", "R"),
    "S": ("scheduling", "RIVSCHED", "SIU", "S"),
    "P": ("charges", "RIVBILL", "DFT", "B"),
}
"""First letter of the trigger -> door, sending application, message type, control id prefix."""

_STRUCTURES = {
    "A01": "ADT_A01",
    "A03": "ADT_A03",
    "A04": "ADT_A01",
    "A05": "ADT_A05",
    "A06": "ADT_A06",
    "A07": "ADT_A06",
    "A08": "ADT_A01",
    "A11": "ADT_A09",
    "A12": "ADT_A09",
    "A13": "ADT_A01",
    "A38": "ADT_A38",
    "A40": "ADT_A39",
    "P03": "DFT_P03",
}
_WITH_INSURANCE = frozenset(("A01", "A04", "A05", "A06", "A07", "A08"))
_SERVICE_BY_DEPARTMENT = {
    "ED": "EMR",
    "ICU": "INT",
    "MEDSURG": "MED",
    "OB": "OBS",
    "SURG": "SUR",
    "CARD": "CAR",
    "ONC": "ONC",
    "RAD": "RAD",
    "PRIM": "PRI",
    "PROC": "PRO",
}
_DIAGNOSES = ("I10", "E11.9", "M54.50", "R07.9", "J06.9", "Z00.00", "S93.401A", "K21.9")


def door_of(trigger: str) -> Door:
    """Return the door a message of this trigger is sent to."""
    return _DOORS[trigger[0]][0]


def kind_of(trigger: str) -> str:
    """Return type and trigger as MSH-9 has them: `ADT^A01`."""
    return f"{_DOORS[trigger[0]][2]}^{trigger}"


def control_prefix(trigger: str) -> str:
    """Return what the sending application's control ids start with."""
    return _DOORS[trigger[0]][3]


def write(draft: Draft, control_id: str, calendar: Calendar) -> bytes:
    """Return a draft's bytes under a control id (MSH-10)."""
    body = {"A": _registration, "S": _scheduling, "P": _billing}[draft.trigger[0]]
    segments = [_header(draft, control_id, calendar), *body(draft, calendar)]
    if draft.form == "z_segment":
        segments.append(["ZPV", "1", ("RIVER", "PARKING", "LOT 4"), "N"])
    raw = build(segments)
    return raw.replace(b"\r", b"\n") if draft.form == "line_feeds" else raw


def _header(draft: Draft, control_id: str, calendar: Calendar) -> list[Field]:
    trigger = draft.trigger
    _, application, message_type, _ = _DOORS[trigger[0]]
    # An appointment's message has no EVN: MSH-7 alone says when it was recorded.
    told_at = draft.recorded_at if trigger[0] == "S" else draft.send_at
    fields: dict[int, Field] = {
        3: application,
        4: draft.visit.facility,
        5: "SUTURE",
        6: "RIVERBEND",
        7: calendar.stamp(told_at),
        9: (message_type, trigger, _STRUCTURES.get(trigger, "SIU_S12")),
        10: control_id,
        11: "P",
        12: "2.5.1",
        18: "UNICODE UTF-8",
    }
    if trigger[0] == "P":
        fields |= {15: "AL", 16: "NE"}
    return segment("MSH", fields)


def _registration(draft: Draft, calendar: Calendar) -> list[Sequence[Field]]:
    visit = draft.visit
    segments: list[Sequence[Field]] = [
        ["EVN", draft.trigger, calendar.stamp(draft.recorded_at)],
        _patient(visit.person, visit.account),
    ]
    if draft.trigger == "A40":
        number, account = draft.merged
        segments.append(
            segment("MRG", {1: _medical_record(number), 3: (account, "", "", _AUTHORITY, "AN")})
        )
        return segments
    segments.append(_visit(draft, calendar, told_by="registration"))
    if draft.trigger in _WITH_INSURANCE:
        segments.append(segment("PV2", {3: ("", visit.person.reason)}))
        segments += _insurances(visit)
    return segments


def _scheduling(draft: Draft, calendar: Calendar) -> list[Sequence[Field]]:
    visit, appointment = draft.visit, draft.appointment
    assert appointment is not None, "an SIU tells of an appointment"
    starts = calendar.stamp(appointment.starts_at)
    ends = calendar.stamp(appointment.starts_at + appointment.minutes * 60)
    minutes = str(appointment.minutes)
    place = (appointment.department, visit.room, "", visit.facility)
    return [
        segment(
            "SCH",
            {
                1: f"P{appointment.number}",
                2: appointment.number,
                7: ("", visit.person.reason),
                9: minutes,
                10: "MIN",
                11: ("", "", "", starts, ends),
                25: appointment.status,
            },
        ),
        ["NTE", "1", "L", visit.person.reason],
        _patient(visit.person, ""),
        segment("PV1", {1: "1", 2: "O", 3: place}),
        ["RGS", "1", "A"],
        ["AIS", "1", "A", appointment.service, starts, "", "", minutes, "MIN"],
        ["AIL", "1", "A", place],
    ]


def _billing(draft: Draft, calendar: Calendar) -> list[Sequence[Field]]:
    visit = draft.visit
    segments: list[Sequence[Field]] = [
        ["EVN", "P03", calendar.stamp(draft.recorded_at)],
        _patient(visit.person, visit.account),
        _visit(draft, calendar, told_by="billing"),
    ]
    diagnosis = _DIAGNOSES[int(visit.number[-2:]) % len(_DIAGNOSES)]
    for ordinal, line in enumerate(draft.lines, 1):
        segments.append(_financial(ordinal, line, diagnosis, calendar))
    return segments


def _financial(ordinal: int, line: Line, diagnosis: str, calendar: Calendar) -> list[Field]:
    fields: dict[int, Field] = {
        1: str(ordinal),
        2: line.number,
        4: calendar.stamp(line.service_at),
        5: calendar.stamp(line.posted_at),
        6: line.type,
        7: line.code,
        11: format_amount(line.amount_minor),
    }
    if line.item is not None:
        fields |= {
            10: str(line.quantity),
            12: format_amount(line.item.price_minor),
            13: line.department,
            19: (diagnosis, "", "I10"),
            25: line.item.procedure,
        }
    return segment("FT1", fields)


def _visit(draft: Draft, calendar: Calendar, *, told_by: str) -> list[Field]:
    visit = draft.visit
    fields: dict[int, Field] = {
        1: "1",
        2: visit.patient_class,
        3: (visit.department, visit.room, "A", visit.facility),
        7: visit.attending,
        10: _SERVICE_BY_DEPARTMENT.get(visit.department, "MED"),
        19: visit.number,
    }
    if told_by == "registration":
        fields[20] = SELF_PAY_CLASS if visit.payer is None else visit.payer.financial_class
        fields[44] = calendar.stamp(visit.began_at)
        if draft.trigger == "A03":
            fields[36] = "01"
            fields[45] = calendar.stamp(visit.ended_at)
    return segment("PV1", fields)


def _insurances(visit: Visit) -> list[list[Field]]:
    payers = [each for each in (visit.payer, visit.secondary) if each is not None]
    return [
        segment(
            "IN1",
            {
                1: str(ordinal),
                2: f"{payer.code}-STD",
                3: payer.code,
                4: payer.name,
                15: payer.financial_class,
                36: visit.person.member,
            },
        )
        for ordinal, payer in enumerate(payers, 1)
    ]


def _patient(person: Person, account: str) -> list[Field]:
    identifiers: list[tuple[str, ...]] = [_medical_record(person.mrn)]
    if person.ssn:
        identifiers.append((person.ssn, "", "", "USSSA", "SS"))
    fields: dict[int, Field] = {
        1: "1",
        3: Repeated(identifiers),
        5: (person.family, person.given, person.middle),
        7: person.birth,
        8: person.sex,
        11: (person.street, "", person.town, "IL", person.zip_code),
        13: person.phone,
        19: person.ssn,
    }
    if account:
        fields[18] = (account, "", "", _AUTHORITY, "AN")
    return segment("PID", fields)


def _medical_record(number: str) -> tuple[str, ...]:
    return (number, "", "", _AUTHORITY, "MR")
