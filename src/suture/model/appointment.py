"""Appointment facts: what a scheduling system said about one appointment (HL7 v2 SIU, FHIR).

Scheduling never posts money by itself; `processes/appointment.py` keeps the appointment's story
straight. Slots and schedules (FHIR Slot, Schedule) are told to streams of their own.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Operational, Phi


class AppointmentFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every SIU message tells of its appointment. Empty text means the message was silent."""

    appointment: Phi[str]
    """Surrogate of SCH-2 (filler id), or of SCH-1 (placer id) where the filler's is empty."""
    patient: Phi[str] = ""
    visit: Phi[str] = ""
    starts_at_ms: Operational[int] = 0
    """Start as milliseconds since the epoch (SCH-11.4, TQ1-7 or AIS-4); 0 when not told."""
    starts_on: Operational[date | None] = None
    """The same start as a date in the facility's own time zone."""
    duration_minutes: Operational[int] = 0
    facility: Operational[str] = ""
    department: Operational[str] = ""
    """Location as sent: AIL-3, else PV1-3."""
    service_code: Operational[str] = ""
    """Universal service id: AIS-3.1."""
    filler_status: Operational[str] = ""
    """SCH-25.1, HL7 table 0278."""


class AppointmentBooked(AppointmentFact, frozen=True, tag="appointment.booked"):
    """S12: a new appointment."""


class AppointmentRescheduled(AppointmentFact, frozen=True, tag="appointment.rescheduled"):
    """S13: the same appointment at a new time."""


class AppointmentModified(AppointmentFact, frozen=True, tag="appointment.modified"):
    """S14: other details changed, the time did not."""


class AppointmentCancelled(AppointmentFact, frozen=True, tag="appointment.cancelled"):
    """S15: it will not take place."""


class AppointmentDiscontinued(AppointmentFact, frozen=True, tag="appointment.discontinued"):
    """S16: stopped after it began, or the remaining occurrences dropped."""


class AppointmentDeleted(AppointmentFact, frozen=True, tag="appointment.deleted"):
    """S17: entered in error; it never counted."""


class AppointmentMissed(AppointmentFact, frozen=True, tag="appointment.missed"):
    """S26: the patient did not show up."""


class AppointmentResource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service, thing, place or clinician of an appointment: AIS, AIG, AIL, AIP."""

    kind: Operational[str]
    """AIS service, AIG thing, AIL place, AIP clinician."""
    code: Operational[str] = ""
    """AIS-3.1, AIG-3.1, AIL-3.1, AIP-3.1."""
    action: Operational[str] = ""
    """AIx-2, HL7 table 0206: A added, U updated, D deleted, X no change."""


class AppointmentResourcesChanged(
    AppointmentFact, frozen=True, kw_only=True, tag="appointment.resources_changed"
):
    """S18 to S22: what an appointment needs changed; the appointment itself stays as it was.

    The place and service of the base stay silent: those told may be the ones taken away.
    """

    change: Operational[str]
    """added (S18), modified (S19), cancelled (S20), discontinued (S21), deleted (S22)."""
    resources: Operational[tuple[AppointmentResource, ...]] = ()


class SlotRecorded(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="schedule.slot_recorded"
):
    """A time that may be booked, free or not (FHIR Slot; SIU S23 blocks, S24 opens)."""

    slot: Operational[str]
    """Its own number; of an SIU what is blocked and since when, as S24 opens it again by."""
    schedule: Operational[str] = ""
    status: Operational[str] = ""
    """busy, free, busy-unavailable, busy-tentative, entered-in-error."""
    starts_at_ms: Operational[int] = 0
    ends_at_ms: Operational[int] = 0
    service_code: Operational[str] = ""
    where: Operational[str] = ""


class ScheduleRecorded(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="schedule.recorded"
):
    """Whose or what's slots they are (FHIR Schedule)."""

    schedule: Operational[str]
    actors: Operational[tuple[str, ...]] = ()
    """Numbers of the clinicians, places and things it is of; never of a patient."""
    service_code: Operational[str] = ""
    starts_on: Operational[date | None] = None
    ends_on: Operational[date | None] = None
    is_active: Operational[bool | None] = None
    where: Operational[str] = ""
