"""Appointments: SIU S12-S17 and S26 become what a scheduling system said about one appointment.

Here: which trigger is which fact, and where an SIU tells the appointment (SCH-2, SCH-1), its start
(SCH-11, TQ1-7, AIS-4), its length (SCH-9, AIS-7) and its place (AIL-3, PV1-3). Not here: S18-S24,
which tell about resources and time slots and are held as unsupported; money, for scheduling never
posts. Next: `processes/appointment.py`. HL7 v2 chapter 10, 10.4.
"""

from __future__ import annotations

import re
from datetime import timedelta

from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentDeleted,
    AppointmentDiscontinued,
    AppointmentMissed,
    AppointmentModified,
    AppointmentRescheduled,
)
from suture.model.fault import fault
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import Draft, clock_milliseconds, told, unsupported
from suture.wire.hl7v2 import Message, Segment, Timestamp

_FACTS: dict[
    str,
    type[
        AppointmentBooked
        | AppointmentRescheduled
        | AppointmentModified
        | AppointmentCancelled
        | AppointmentDiscontinued
        | AppointmentDeleted
        | AppointmentMissed
    ],
] = {
    "S12": AppointmentBooked,
    "S13": AppointmentRescheduled,
    "S14": AppointmentModified,
    "S15": AppointmentCancelled,
    "S16": AppointmentDiscontinued,
    "S17": AppointmentDeleted,
    "S26": AppointmentMissed,
}

_SECONDS_BY_UNIT = {
    "": 60,
    "S": 1,
    "SEC": 1,
    "M": 60,
    "MIN": 60,
    "MINUTES": 60,
    "H": 3600,
    "HR": 3600,
    "HOURS": 3600,
}
"""Units of SCH-10 and AIS-8 met in the field, in capitals; minutes where none is told."""

_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an SIU means: one fact, told to its appointment's stream.

    Held when it names no appointment (`hl7.appointment.missing`) or a time is unreadable.
    """
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return unsupported(message, channel)
    draft = Draft(message, channel)
    schedule = message.first("SCH")
    # The filler's id is the appointment's name; a request not yet filled has only the placer's.
    number = told(schedule, 2) or told(schedule, 1)
    if schedule is None or not number:
        draft.blame("hl7.appointment.missing", "SCH-2")
        return draft.verdict()
    service = message.first("AIS")
    starts_at = _starts_at(draft, schedule, service)
    facility, department = _place(draft)
    appointment = draft.token("appointment", number)
    fact = fact_type(
        appointment=appointment,
        patient=draft.patient(),
        visit=draft.visit(),
        starts_at_ms=clock_milliseconds(starts_at),
        starts_on=None if starts_at is None else starts_at.on,
        duration_minutes=_duration_minutes(draft, schedule, service, starts_at),
        facility=facility,
        department=department,
        service_code=told(service, 3),
        filler_status=told(schedule, 25),
    )
    return draft.verdict([Routed(f"appointment/{appointment}", fact, schedule.where())])


def _starts_at(draft: Draft, schedule: Segment, service: Segment | None) -> Timestamp | None:
    """Return the start from the first place that tells one: SCH-11.4, TQ1-7 or AIS-4."""
    timing = draft.message.first("TQ1")
    for segment, field, component in ((schedule, 11, 4), (timing, 7, 1), (service, 4, 1)):
        if told(segment, field, component):
            return draft.time(segment, field, component)
    return None


def _duration_minutes(
    draft: Draft, schedule: Segment, service: Segment | None, starts_at: Timestamp | None
) -> int:
    """Return the length in minutes, rounded up; 0 where not told.

    SCH-9 in the unit of SCH-10, else AIS-7 in that of AIS-8, else from SCH-11.4 to SCH-11.5.
    """
    for segment, field in ((schedule, 9), (service, 7)):
        number = told(segment, field)
        if segment is None or not number:
            continue
        unit_seconds = _SECONDS_BY_UNIT.get(told(segment, field + 1).upper())
        if unit_seconds is None or not _WHOLE_NUMBER.fullmatch(number):
            draft.notes.append(fault("hl7.duration.unread", segment.where(field)))
            continue
        return -(-int(number) * unit_seconds // 60)
    ends_at = draft.time(schedule, 11, 5)
    if (
        ends_at is None
        or starts_at is None
        or not told(schedule, 11, 4)
        or ends_at.at < starts_at.at
    ):
        return 0
    return -(-(ends_at.at - starts_at.at) // timedelta(minutes=1))


def _place(draft: Draft) -> tuple[str, str]:
    """Return facility and department: of the first AIL with a point of care, else of PV1-3."""
    for location in draft.message.all("AIL"):
        department = told(location, 3)
        if department:
            return told(location, 3, 4) or draft.facility, department
    return draft.facility, told(draft.visit_segment, 3)
