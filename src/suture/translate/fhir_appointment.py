"""Appointments, slots and schedules: what a scheduling system says in FHIR.

Here: which Appointment.status is which fact (SIU S12, S14, S15, S17, S26 say the same), its start
and place; a Slot and a Schedule as facts of the calendar. Not here: money, for scheduling never
posts. Next: `processes/appointment.py`. FHIR R4, 12.5 to 12.7.
"""

from __future__ import annotations

from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentDeleted,
    AppointmentDiscontinued,
    AppointmentFact,
    AppointmentMissed,
    AppointmentModified,
    AppointmentRescheduled,
    ScheduleRecorded,
    SlotRecorded,
)
from suture.model.translation import Routed, Translation
from suture.translate.fhir_common import (
    PATIENT_TYPES,
    Draft,
    Moment,
    Numbers,
    Translator,
    code_of,
    concept,
    identifier,
    instant,
    isoday,
    reference,
)
from suture.wire.fhir import Resource
from suture.wire.fhir.elements import CodeableConcept, Period, Reference
from suture.wire.fhir.resources import Appointment, Participant, Schedule, Slot

AnyAppointment = (
    AppointmentBooked
    | AppointmentRescheduled
    | AppointmentModified
    | AppointmentCancelled
    | AppointmentDiscontinued
    | AppointmentDeleted
    | AppointmentMissed
)

_FACTS: dict[str, tuple[type[AnyAppointment], str]] = {
    "booked": (AppointmentBooked, "Booked"),
    "proposed": (AppointmentModified, "Pending"),
    "pending": (AppointmentModified, "Pending"),
    "waitlist": (AppointmentModified, "Waitlist"),
    "arrived": (AppointmentModified, "Started"),
    "checked-in": (AppointmentModified, "Started"),
    "fulfilled": (AppointmentModified, "Complete"),
    "cancelled": (AppointmentCancelled, "Cancelled"),
    "noshow": (AppointmentMissed, "Noshow"),
    "entered-in-error": (AppointmentDeleted, "Deleted"),
}
"""Appointment.status -> the fact, and its status in the words of HL7 table 0278."""
_SERVICES = "urn:suture:service"
_MODIFIED = {"Waitlist": "waitlist", "Started": "arrived", "Complete": "fulfilled"}


def translate_appointment(draft: Draft, resource: Resource) -> Translation:
    """Return what an Appointment means: one fact, told to its appointment's stream."""
    assert isinstance(resource, Appointment), "pipeline.py chooses the translator by the type"
    known = _FACTS.get(resource.status)
    appointment = draft.token("appointment", draft.own_number(("FILL", "PLAC")))
    if known is None:
        draft.blame("fhir.status.unsupported", "status")
    if not appointment:
        draft.blame("fhir.element.missing", "identifier")
    starts = draft.moment(resource.start, "start")
    ends = draft.moment(resource.end, "end")
    if known is None:
        return draft.verdict(recorded=resource.created)
    patient, department = _participants(draft, resource)
    kind, status = known
    fact = kind(
        appointment=appointment,
        patient=patient,
        starts_at_ms=0 if starts is None else starts.at_ms,
        starts_on=None if starts is None else starts.on,
        duration_minutes=resource.minutes_duration or _minutes(starts, ends),
        facility=draft.channel.facility,
        department=department,
        service_code=code_of(resource.service_type[0]) if resource.service_type else "",
        filler_status=status,
    )
    routed = [Routed(f"appointment/{appointment}", fact, "Appointment")]
    return draft.verdict(routed, recorded=resource.created)


def _minutes(starts: Moment | None, ends: Moment | None) -> int:
    """Return the length in minutes, rounded up; 0 where not told."""
    if starts is None or ends is None or not starts.at_ms or ends.at_ms < starts.at_ms:
        return 0
    return -((starts.at_ms - ends.at_ms) // 60_000)


def _participants(draft: Draft, resource: Appointment) -> tuple[str, str]:
    """Return the patient's surrogate and the first place's number."""
    patient = department = ""
    for place, each in enumerate(resource.participant):
        where, named = f"participant[{place}].actor", _named(each.actor)
        if named == "Patient" and not patient:
            patient = draft.patient(each.actor, where)
        elif named == "Location" and not department:
            department = draft.number(each.actor, where)
    return patient, department


def _named(actor: Reference | None) -> str:
    """Return the type a reference is to, as far as it tells one."""
    if actor is None:
        return ""
    parts = actor.reference.partition("/_history/")[0].split("/")
    return actor.type or (parts[-2] if len(parts) > 1 else "")


def translate_slot(draft: Draft, resource: Resource) -> Translation:
    """Return a Slot as a fact of the calendar, told to the slot's own stream."""
    assert isinstance(resource, Slot), "pipeline.py chooses the translator by the type"
    slot = draft.own_number()
    starts = draft.moment(resource.start, "start")
    ends = draft.moment(resource.end, "end")
    if not slot:
        draft.blame("fhir.element.missing", "identifier")
    fact = SlotRecorded(
        slot=slot,
        schedule=draft.number(resource.schedule, "schedule"),
        status=resource.status,
        starts_at_ms=0 if starts is None else starts.at_ms,
        ends_at_ms=0 if ends is None else ends.at_ms,
        service_code=code_of(resource.service_type[0]) if resource.service_type else "",
        where="Slot",
    )
    return draft.verdict([Routed(f"schedule/slot:{slot}", fact, "Slot")])


def translate_schedule(draft: Draft, resource: Resource) -> Translation:
    """Return a Schedule as a fact of the calendar, told to its own stream."""
    assert isinstance(resource, Schedule), "pipeline.py chooses the translator by the type"
    schedule = draft.own_number()
    if not schedule:
        draft.blame("fhir.element.missing", "identifier")
    starts_on, ends_on = draft.days(resource.planning_horizon, "planningHorizon")
    actors = [
        draft.number(each, f"actor[{place}]")
        for place, each in enumerate(resource.actor)
        if _named(each) != "Patient"
    ]
    fact = ScheduleRecorded(
        schedule=schedule,
        actors=tuple(each for each in actors if each),
        service_code=code_of(resource.service_type[0]) if resource.service_type else "",
        starts_on=starts_on,
        ends_on=ends_on,
        is_active=resource.active,
        where="Schedule",
    )
    return draft.verdict([Routed(f"schedule/{schedule}", fact, "Schedule")])


TRANSLATORS: dict[str, Translator] = {
    "Appointment": translate_appointment,
    "Schedule": translate_schedule,
    "Slot": translate_slot,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_appointment(fact: AnyAppointment, numbers: Numbers) -> Appointment:
    """Return an appointment as FHIR: booked, moved or changed, or what became of it."""
    patient = reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0])
    place = reference(fact.department, "Location")
    actors = [each for each in (patient, place) if each is not None]
    ends_at_ms = fact.starts_at_ms + fact.duration_minutes * 60_000 if fact.starts_at_ms else 0
    number = numbers.get(fact.appointment, fact.appointment)
    return Appointment(
        identifier=(identifier(number, "FILL"),),
        status=_status(fact),
        service_type=_service(fact.service_code),
        start=instant(fact.starts_at_ms),
        end=instant(ends_at_ms),
        minutes_duration=fact.duration_minutes,
        participant=tuple(Participant(actor=each, status="accepted") for each in actors)
        or (Participant(actor=Reference(display="not told"), status="needs-action"),),
    )


def _status(fact: AppointmentFact) -> str:
    match fact:
        case AppointmentCancelled() | AppointmentDiscontinued():
            return "cancelled"
        case AppointmentDeleted():
            return "entered-in-error"
        case AppointmentMissed():
            return "noshow"
        case AppointmentModified():
            return _MODIFIED.get(fact.filler_status, "pending")
        case _:
            return "booked"


def render_slot(fact: SlotRecorded) -> Slot:
    """Return a slot as FHIR. Its start and end must be told, as FHIR requires them."""
    return Slot(
        identifier=(identifier(fact.slot),),
        schedule=reference(fact.schedule, "Schedule") or Reference(display="not told"),
        status=fact.status,
        start=instant(fact.starts_at_ms),
        end=instant(fact.ends_at_ms),
        service_type=_service(fact.service_code),
    )


def render_schedule(fact: ScheduleRecorded) -> Schedule:
    """Return a schedule as FHIR."""
    horizon = Period(start=isoday(fact.starts_on), end=isoday(fact.ends_on))
    actors = (reference(each, "Practitioner") for each in fact.actors)
    return Schedule(
        identifier=(identifier(fact.schedule),),
        active=fact.is_active,
        service_type=_service(fact.service_code),
        actor=tuple(each for each in actors if each) or (Reference(display="not told"),),
        planning_horizon=horizon if horizon.start or horizon.end else None,
    )


def _service(code: str) -> tuple[CodeableConcept, ...]:
    return (concept(_SERVICES, code),) if code else ()
