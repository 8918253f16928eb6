"""Appointments: SIU S12-S24 and S26 become what a scheduling system said.

Here: which trigger is which fact, and where an SIU tells the appointment (SCH-2, SCH-1), its start
(SCH-11, TQ1-7, AIS-4), its length (SCH-9, AIS-7), its place (AIL-3, PV1-3), and what it needs (AIS,
AIG, AIL, AIP: S18-S22); which times are blocked (S23) or open again (S24). Not here: money, for
scheduling never posts. Next: `processes/appointment.py`, for time slots `known.py`. HL7 v2 chapter
10, 10.4.
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
    AppointmentResource,
    AppointmentResourcesChanged,
    SlotRecorded,
)
from suture.model.fault import fault
from suture.model.identity import bounded_identity
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import (
    Draft,
    clock_milliseconds,
    milliseconds,
    told,
    unsupported,
)
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

_CHANGES = {
    "S18": "added",
    "S19": "modified",
    "S20": "cancelled",
    "S21": "discontinued",
    "S22": "deleted",
}
_SLOTS = {"S23": "busy-unavailable", "S24": "free"}
"""Trigger -> the status of the time, in the words of FHIR's Slot."""

_RESOURCES = ("AIS", "AIG", "AIL", "AIP")
_RESOURCE_STARTS = {"AIS": (4, 7), "AIG": (8, 11), "AIL": (6, 9), "AIP": (6, 9)}
"""Segment -> its fields of start and length; the unit of a length is in the field after it."""

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
    """Return what an SIU means: one fact, told to its appointment's stream; slots, to their own.

    Held when it names no appointment (`hl7.appointment.missing`), or no time that is blocked or
    open (`hl7.slot.unclear`), or a time is unreadable.
    """
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return _translate_rarer(message, channel)
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


def _translate_rarer(message: Message, channel: Channel) -> Translation:
    if message.trigger in _CHANGES:
        return _translate_resources(Draft(message, channel))
    if message.trigger in _SLOTS:
        return _translate_slots(Draft(message, channel))
    return unsupported(message, channel)


def _translate_resources(draft: Draft) -> Translation:
    """Return what an appointment needs otherwise (S18-S22): every resource its message names."""
    message = draft.message
    schedule = message.first("SCH")
    number = told(schedule, 2) or told(schedule, 1)
    if schedule is None or not number:
        draft.blame("hl7.appointment.missing", "SCH-2")
        return draft.verdict()
    # The start of a service (AIS-4) may be that of the one taken away: only SCH and TQ1 count.
    starts_at = _starts_at(draft, schedule, None)
    appointment = draft.token("appointment", number)
    fact = AppointmentResourcesChanged(
        appointment=appointment,
        patient=draft.patient(),
        visit=draft.visit(),
        starts_at_ms=clock_milliseconds(starts_at),
        starts_on=None if starts_at is None else starts_at.on,
        duration_minutes=_duration_minutes(draft, schedule, None, starts_at),
        filler_status=told(schedule, 25),
        change=_CHANGES[message.trigger],
        resources=tuple(
            AppointmentResource(kind=each.name, code=told(each, 3), action=told(each, 2))
            for each in message.segments
            if each.name in _RESOURCES
        ),
    )
    return draft.verdict([Routed(f"appointment/{appointment}", fact, schedule.where())])


def _translate_slots(draft: Draft) -> Translation:
    """Return which times of which resources are blocked (S23) or open again (S24).

    A block has no appointment. What both messages are sure to say alike is the resource and the
    start, which therefore name the slot; the number of the block itself (SCH-2, SCH-1) does where
    no resource is told.
    """
    message = draft.message
    schedule = message.first("SCH")
    number = told(schedule, 2) or told(schedule, 1)
    blocked = [
        (each, told(each, 3))
        for each in message.segments
        if each.name in _RESOURCES and told(each, 3)
    ]
    if schedule is not None and number and not blocked:
        blocked = [(schedule, "")]
    service_code = told(message.first("AIS"), 3)
    routed = []
    for segment, resource in blocked:
        starts_at, minutes = _slot_time(draft, schedule, segment)
        if starts_at is None:
            continue
        begins_at_ms = milliseconds(starts_at)
        slot = f"{resource}@{begins_at_ms}" if resource else draft.token("appointment", number)
        fact = SlotRecorded(
            slot=slot,
            schedule=resource,
            status=_SLOTS[message.trigger],
            starts_at_ms=begins_at_ms,
            ends_at_ms=begins_at_ms + minutes * 60_000 if minutes else 0,
            service_code=service_code,
            where=segment.where(),
        )
        stream = f"schedule/slot:{bounded_identity(slot)}"
        routed.append(Routed(stream, fact, segment.where()))
    if not (routed or draft.faults):
        draft.blame("hl7.slot.unclear", "SCH")
    return draft.verdict(routed)


def _slot_time(
    draft: Draft, schedule: Segment | None, resource: Segment
) -> tuple[Timestamp | None, int]:
    """Return start and minutes of a slot: the resource's own, else those of the whole message."""
    start, length = _RESOURCE_STARTS.get(resource.name, (0, 0))
    if start and told(resource, start):
        minutes = _minutes(draft, resource, length)
        return draft.time(resource, start), minutes or _minutes(draft, schedule, 9)
    starts_at = None if schedule is None else _starts_at(draft, schedule, None)
    return starts_at, 0 if schedule is None else _duration_minutes(draft, schedule, None, starts_at)


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
    minutes = _minutes(draft, schedule, 9) or _minutes(draft, service, 7)
    if minutes:
        return minutes
    ends_at = draft.time(schedule, 11, 5)
    if (
        ends_at is None
        or starts_at is None
        or not told(schedule, 11, 4)
        or ends_at.at < starts_at.at
    ):
        return 0
    return -(-(ends_at.at - starts_at.at) // timedelta(minutes=1))


def _minutes(draft: Draft, segment: Segment | None, field: int) -> int:
    """Return the length in a field, in the unit of the next, rounded up to minutes; 0 for none."""
    number = told(segment, field)
    if segment is None or not number:
        return 0
    unit_seconds = _SECONDS_BY_UNIT.get(told(segment, field + 1).upper())
    if unit_seconds is None or not _WHOLE_NUMBER.fullmatch(number):
        draft.notes.append(fault("hl7.duration.unread", segment.where(field)))
        return 0
    return -(-int(number) * unit_seconds // 60)


def _place(draft: Draft) -> tuple[str, str]:
    """Return facility and department: of the first AIL with a point of care, else of PV1-3."""
    for location in draft.message.all("AIL"):
        department = told(location, 3)
        if department:
            return told(location, 3, 4) or draft.facility, department
    return draft.facility, told(draft.visit_segment, 3)
