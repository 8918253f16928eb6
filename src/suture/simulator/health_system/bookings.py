"""Planned visits: an appointment booked some days ahead, and the office visit it becomes.

SIU S12 booking, then S13 (moved), S14 (modified), S15 (cancelled), S17 (booked in error), S26 (did
not come), or the visit: A04, a co-payment, charges, A03. Hospital stays are `stays.py`.
"""

from __future__ import annotations

import msgspec

from suture.simulator.health_system.course import Course
from suture.simulator.health_system.desk import Desk
from suture.simulator.health_system.people import Person
from suture.simulator.health_system.visit import DAY, HOUR, MINUTE, Appointment, day_of

_DEPARTMENTS = ("PRIM", "PRIM", "PRIM", "PRIM", "PROC", "PROC", "CARD", "ONC", "RAD", "OB")
_SERVICES = {
    "PRIM": "OFFICE",
    "PROC": "MINOR",
    "CARD": "ECHO",
    "ONC": "INFUSION",
    "RAD": "IMAGING",
    "OB": "PRENATAL",
}
_LEAD_DAYS = (0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 7)
_MOVED, _MODIFIED, _WALKS_IN = 0.12, 0.09, 0.2
_CANCELLED, _DELETED, _MISSED = 0.08, 0.02, 0.05


def book(desk: Desk, person: Person, day: int) -> Course:
    """Return the course of an appointment booked on a day, and of its visit if it takes place."""
    dice = desk.dice
    booked_at = desk.at(day, 7, 14)
    lead_days = dice.choice(_LEAD_DAYS)
    if lead_days:
        starts_at = desk.at(day + lead_days, 8, 16) // (5 * MINUTE) * (5 * MINUTE)
    else:
        starts_at = booked_at + dice.randrange(1, 5) * HOUR
    course, appointment = _open(desk, person, booked_at, starts_at)
    told_at = booked_at
    if dice.random() < _MOVED:
        told_at += dice.randrange(5, 50) * MINUTE
        moved_to = desk.at(day_of(starts_at) + dice.randrange(1, 4), 8, 16)
        appointment = msgspec.structs.replace(appointment, starts_at=moved_to // MINUTE * MINUTE)
        course.tell_appointment("S13", told_at, appointment)
    if dice.random() < _MODIFIED:
        told_at += dice.randrange(2, 9) * MINUTE
        appointment = msgspec.structs.replace(appointment, minutes=appointment.minutes + 15)
        course.tell_appointment("S14", told_at, appointment)
    if not _falls_through(desk, course, appointment, told_at):
        attend(desk, course, max(appointment.starts_at, told_at + 10 * MINUTE))
    return course


def book_in_error(desk: Desk, person: Person, day: int) -> Course:
    """Return the course of an appointment that is cancelled within the hour."""
    booked_at = desk.at(day, 8, 15)
    course, appointment = _open(desk, person, booked_at, booked_at + 3 * DAY)
    _call_off(course, "S15", "Cancelled", booked_at + 40 * MINUTE, appointment)
    return course


def book_and_keep(desk: Desk, person: Person, day: int) -> Course:
    """Return the course of an appointment that is booked, and kept two hours later."""
    booked_at = desk.at(day, 7, 8)
    course, appointment = _open(desk, person, booked_at, booked_at + 2 * HOUR)
    attend(desk, course, appointment.starts_at)
    return course


def walk_in(desk: Desk, person: Person, day: int, department: str = "PRIM") -> Course:
    """Return the course of a visit without an appointment."""
    at = desk.at(day, 8, 16)
    course = desk.open(person, at, department=department, patient_class="O")
    attend(desk, course, at)
    return course


def attend(desk: Desk, course: Course, at: int) -> None:
    """Let the visit take place: registration, co-payment, services, end."""
    dice = desk.dice
    course.tell("A04", at, began_at=at)
    desk.collect_copay(course, at + 4 * MINUTE)
    if dice.random() < _WALKS_IN:
        desk.check_insurance(course, at + 6 * MINUTE)
    departments = [course.visit.department]
    if dice.random() < 0.35:
        departments.append("LAB")
    desk.serve(course, at + 25 * MINUTE, *departments)
    desk.end(course, at + dice.randrange(50, 100) * MINUTE)


def _open(desk: Desk, person: Person, booked_at: int, starts_at: int) -> tuple[Course, Appointment]:
    department = desk.dice.choice(_DEPARTMENTS)
    course = desk.open(person, starts_at, department=department, patient_class="O")
    appointment = Appointment(
        number=desk.numbers.appointment(),
        starts_at=starts_at,
        minutes=desk.dice.choice((15, 20, 30, 45, 60)),
        department=department,
        service=_SERVICES[department],
        status="Booked",
    )
    course.tell_appointment("S12", booked_at, appointment)
    return course, appointment


def _falls_through(desk: Desk, course: Course, appointment: Appointment, told_at: int) -> bool:
    """Cancel, delete or miss the appointment now and then; tell whether there will be no visit."""
    chance = desk.dice.random()
    if chance < _CANCELLED:
        at = (told_at + appointment.starts_at) // 2
        _call_off(course, "S15", "Cancelled", max(at, told_at + MINUTE), appointment)
    elif chance < _CANCELLED + _DELETED:
        _call_off(course, "S17", "Deleted", told_at + 3 * MINUTE, appointment)
    elif chance < _CANCELLED + _DELETED + _MISSED:
        _call_off(course, "S26", "Noshow", appointment.starts_at + HOUR, appointment)
    else:
        return False
    return True


def _call_off(course: Course, trigger: str, status: str, at: int, appointment: Appointment) -> None:
    called_off = msgspec.structs.replace(appointment, status=status)
    course.tell_appointment(trigger, at, called_off)
