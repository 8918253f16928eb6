"""Appointments and time slots written as SIU S12 to S24 and S26, for those that schedule.

Here: the inverse of `hl7v2_siu.py`. HL7 v2 chapter 10, 10.4.
"""

from __future__ import annotations

from typing import assert_never

from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentDeleted,
    AppointmentDiscontinued,
    AppointmentMissed,
    AppointmentModified,
    AppointmentRescheduled,
    AppointmentResourcesChanged,
    SlotRecorded,
)
from suture.model.disclosure import Disclosure
from suture.translate.hl7v2_write import (
    Envelope,
    filled,
    instant,
    message,
    moment,
    patient,
    place,
    trimmed,
)
from suture.wire.hl7v2 import Field

AnyAppointment = (
    AppointmentBooked
    | AppointmentRescheduled
    | AppointmentModified
    | AppointmentCancelled
    | AppointmentDiscontinued
    | AppointmentDeleted
    | AppointmentMissed
    | AppointmentResourcesChanged
)

_CHANGES = {
    "added": "S18",
    "modified": "S19",
    "cancelled": "S20",
    "discontinued": "S21",
    "deleted": "S22",
}
_BLOCKED, _FREE = "S23", "S24"
_UNKNOWN_CLASS = "U"
"""HL7 table 0004: PV1-2 must be filled, and an appointment does not tell it."""
_MILLISECONDS_PER_MINUTE = 60_000


def render_appointment(
    fact: AnyAppointment, envelope: Envelope, disclosure: Disclosure, *, person: str = ""
) -> bytes:
    """Return an appointment as its SIU: under its number as filler (SCH-2), with its patient.

    `person` is the surrogate of the patient's details, told as far as the disclosure goes.
    """
    ends_at_ms = fact.starts_at_ms + fact.duration_minutes * _MILLISECONDS_PER_MINUTE
    is_timed = bool(fact.starts_at_ms and fact.duration_minutes)
    minutes = str(fact.duration_minutes or "")
    schedule = filled(
        "SCH",
        {
            2: disclosure.told(fact.appointment),
            9: minutes,
            10: "MIN" if minutes else "",
            11: trimmed(
                "",
                "",
                "",
                moment(fact.starts_at_ms, fact.starts_on, envelope.zone),
                instant(ends_at_ms, envelope.zone) if is_timed else "",
            ),
            25: fact.filler_status,
        },
    )
    visit = filled(
        "PV1",
        {
            1: "1",
            2: _UNKNOWN_CLASS,
            3: place("", fact.facility),
            19: disclosure.told(fact.visit),
        },
    )
    pid = patient(disclosure, patient=fact.patient, person=person)
    segments: list[list[Field]] = [schedule, pid, visit, ["RGS", "1"], *_resources(fact)]
    return message(envelope, ("SIU", _trigger(fact), "SIU_S12"), segments)


def render_slot(fact: SlotRecorded, envelope: Envelope) -> bytes:
    """Return a time that is blocked (S23) or, where its status is `free`, open (S24).

    What its schedule is of (a place, a clinician) is not told by the fact: it goes as a general
    resource (AIG), by which and by its start the receiver knows it.
    """
    minutes = max(fact.ends_at_ms - fact.starts_at_ms, 0) // _MILLISECONDS_PER_MINUTE
    starts = instant(fact.starts_at_ms, envelope.zone) if fact.starts_at_ms else ""
    length = str(minutes or "")
    unit = "MIN" if length else ""
    schedule = filled("SCH", {2: fact.slot, 9: length, 10: unit, 11: trimmed("", "", "", starts)})
    segments: list[list[Field]] = [schedule, ["RGS", "1"]]
    if fact.service_code:
        segments.append(filled("AIS", {1: "1", 3: fact.service_code}))
    if fact.schedule:
        fields: dict[int, Field] = {1: "1", 3: fact.schedule, 8: starts, 11: length, 12: unit}
        segments.append(filled("AIG", fields))
    trigger = _FREE if fact.status == "free" else _BLOCKED
    return message(envelope, ("SIU", trigger, "SIU_S12"), segments)


def _resources(fact: AnyAppointment) -> list[list[Field]]:
    if isinstance(fact, AppointmentResourcesChanged):
        return [
            filled(each.kind, {1: str(order), 2: each.action, 3: each.code})
            for order, each in enumerate(fact.resources, start=1)
        ]
    segments = []
    if fact.service_code:
        segments.append(filled("AIS", {1: "1", 3: fact.service_code}))
    if fact.department:
        segments.append(filled("AIL", {1: "1", 3: place(fact.department, fact.facility)}))
    return segments


def _trigger(fact: AnyAppointment) -> str:
    match fact:
        case AppointmentBooked():
            trigger = "S12"
        case AppointmentRescheduled():
            trigger = "S13"
        case AppointmentModified():
            trigger = "S14"
        case AppointmentCancelled():
            trigger = "S15"
        case AppointmentDiscontinued():
            trigger = "S16"
        case AppointmentDeleted():
            trigger = "S17"
        case AppointmentMissed():
            trigger = "S26"
        case AppointmentResourcesChanged():
            trigger = _CHANGES[fact.change]
        case _:
            assert_never(fact)
    return trigger
