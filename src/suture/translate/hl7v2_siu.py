"""Appointments: SIU S12-S17 and S26 become what a scheduling system said about one appointment.

Here: which trigger is which fact, and where an SIU message tells the appointment (SCH-2, SCH-1), its start
(SCH-11, TQ1-7, AIS-4), its length (SCH-9, AIS-7) and its place (AIL-3, PV1-3). Not here: S18-S24, which tell
about resources and time slots and are held as unsupported; money, for scheduling never posts. Next:
`processes/appointment.py`. HL7 v2 chapter 10, 10.4.
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
from suture.translate.hl7v2_common import Reading, clock_milliseconds, told, unsupported
from suture.wire.hl7v2 import Message, Segment
from suture.wire.hl7v2.timestamp import Timestamp

_FACTS = {
    "S12": AppointmentBooked,
    "S13": AppointmentRescheduled,
    "S14": AppointmentModified,
    "S15": AppointmentCancelled,
    "S16": AppointmentDiscontinued,
    "S17": AppointmentDeleted,
    "S26": AppointmentMissed,
}

_SECONDS_BY_UNIT = {
    "S": 1,
    "SEC": 1,
    "M": 60,
    "MIN": 60,
    "MINUTE": 60,
    "MINUTES": 60,
    "H": 3600,
    "HR": 3600,
    "HOUR": 3600,
    "HOURS": 3600,
}
"""Units of SCH-10 and AIS-8 as met in the field, upper case; empty means minutes."""

_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an SIU message means: one appointment fact, told to the appointment's stream.

    Held when it names no appointment (`hl7.appointment.missing`) or tells an unreadable time.
    """
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return unsupported(message, channel)
    reading = Reading(message, channel)
    schedule = message.first("SCH")
    # The filler's id is the appointment's name; a request not yet filled has the placer's only.
    number = told(schedule, 2) or told(schedule, 1)
    if schedule is None or not number:
        reading.blame("hl7.appointment.missing", "SCH-2")
        return reading.verdict()
    service = message.first("AIS")
    starts_at = _starts_at(reading, schedule, service)
    facility, department = _place(reading)
    appointment = reading.token("appointment", number)
    fact = fact_type(
        appointment=appointment,
        patient=reading.patient(),
        visit=reading.visit(),
        starts_at_ms=clock_milliseconds(starts_at),
        starts_on=None if starts_at is None else starts_at.on,
        duration_minutes=_duration_minutes(reading, schedule, service, starts_at),
        facility=facility,
        department=department,
        service_code=told(service, 3),
        filler_status=told(schedule, 25),
    )
    return reading.verdict([Routed(f"appointment/{appointment}", fact, schedule.where())])


def _starts_at(reading: Reading, schedule: Segment, service: Segment | None) -> Timestamp | None:
    """Return the start from the first place that tells one: SCH-11.4 (to 2.4), TQ1-7 (2.5 on), AIS-4."""
    timing = reading.message.first("TQ1")
    for segment, field, component in ((schedule, 11, 4), (timing, 7, 1), (service, 4, 1)):
        if told(segment, field, component):
            return reading.time(segment, field, component)
    return None


def _duration_minutes(
    reading: Reading, schedule: Segment, service: Segment | None, starts_at: Timestamp | None
) -> int:
    """Return the length in minutes, rounded up: SCH-9 with SCH-10, AIS-7 with AIS-8, else SCH-11.4 to .5; or 0."""
    for segment, field in ((schedule, 9), (service, 7)):
        number = told(segment, field)
        if segment is None or not number:
            continue
        seconds = _SECONDS_BY_UNIT.get(told(segment, field + 1).upper() or "MIN")
        if seconds is None or not _WHOLE_NUMBER.fullmatch(number):
            reading.notes.append(fault("hl7.duration.unread", segment.where(field)))
            continue
        return -(-int(number) * seconds // 60)
    ends_at = reading.time(schedule, 11, 5)
    if ends_at is None or starts_at is None or ends_at.at < starts_at.at:
        return 0
    return -(-(ends_at.at - starts_at.at) // timedelta(minutes=1))


def _place(reading: Reading) -> tuple[str, str]:
    """Return facility and department as sent: the first AIL that names a point of care (AIL-3), else PV1-3."""
    for location in reading.message.all("AIL"):
        department = told(location, 3)
        if department:
            return told(location, 3, 4) or reading.facility(), department
    return reading.facility(), told(reading.visit_segment, 3)
