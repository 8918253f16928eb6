"""Hospital visits: emergencies, planned operations, stays of some nights, and a mistaken identity.

ADT A04, A05, A01, A06, A07, A08, A11, A12, A38, A40 with the charges between them; how a visit ends
(A03, A13, late charges) is `desk.py`. Planned office visits are `bookings.py`.
"""

from __future__ import annotations

from suture.simulator.health_system.course import Course
from suture.simulator.health_system.desk import Desk
from suture.simulator.health_system.people import Person
from suture.simulator.health_system.places import ITEM_BY_CODE, ROOMS
from suture.simulator.health_system.visit import DAY, HOUR, MINUTE, day_of

_LEFT_UNSEEN, _ADMITTED, _NOT_AS_PLANNED = 0.04, 0.25, 0.1
_MADE_OUTPATIENT, _TRANSFER_CANCELLED = 0.08, 0.04


def emergency(
    desk: Desk, person: Person, day: int, *, facility: str = "", goes_home: bool = False
) -> Course:
    """Return the course of an emergency: most go home the same day, some stay.

    With `goes_home` the visit is sure to be charged for and to end before midnight.
    """
    dice = desk.dice
    at = desk.at(day, 5, 16 if goes_home else 20)
    course = desk.open(person, at, department="ED", patient_class="E", facility=facility)
    course.tell("A04", at)
    if dice.random() < _LEFT_UNSEEN and not goes_home:
        course.tell("A11", at + dice.randrange(10, 40) * MINUTE)
        return course
    if dice.random() < 0.5:
        desk.check_insurance(course, at + 18 * MINUTE)
    desk.collect_copay(course, at + 30 * MINUTE)
    course.charge(at + 40 * MINUTE, desk.items("ED", 1))
    desk.serve(course, at + 60 * MINUTE, "LAB", dice.choice(("RAD", "PHARM")))
    if dice.random() < _ADMITTED and not goes_home:
        ward = "ICU" if dice.random() < 0.2 else "MEDSURG"
        admitted_at = at + 3 * HOUR + dice.randrange(30) * MINUTE
        course.tell("A06", admitted_at, patient_class="I", department=ward)
        _stay(desk, course, admitted_at, dice.randrange(1, 4))
    else:
        desk.end(course, at + dice.randrange(120, 230) * MINUTE)
    return course


def operation(desk: Desk, person: Person, day: int, *, facility: str = "") -> Course:
    """Return the course of a planned operation: pre-admitted on a day, admitted on a later one."""
    dice = desk.dice
    told_at = desk.at(day, 9, 15)
    ward = "OB" if person.sex == "F" and dice.random() < 0.25 else "MEDSURG"
    admitted_at = desk.at(day + dice.randrange(1, 4), 6, 8)
    course = desk.open(person, admitted_at, department=ward, patient_class="P", facility=facility)
    course.tell("A05", told_at)
    if dice.random() < _NOT_AS_PLANNED:
        course.tell("A38", told_at + dice.randrange(1, 8) * HOUR)
        return course
    course.tell("A01", admitted_at, patient_class="I")
    theatre = "OB" if ward == "OB" else "SURG"
    desk.serve(course, admitted_at + 3 * HOUR, theatre, "PHARM")
    _stay(desk, course, admitted_at, dice.randrange(1, 4))
    return course


def mistaken_identity(desk: Desk, person: Person, day: int) -> Course:
    """Return the course of a patient registered in haste as somebody new, then recognised (A40)."""
    at = desk.at(day, 6, 15)
    stranger = desk.town.stranger(person)
    course = desk.open(stranger, at, department="ED", patient_class="E")
    account = f"A{desk.numbers.visit()}"
    course.tell("A04", at)
    course.charge(at + 20 * MINUTE, desk.items("ED", 1))
    recognised_at = at + desk.dice.randrange(60, 120) * MINUTE
    course.merge(recognised_at, person, account)
    course.tell("A08", recognised_at + MINUTE)
    desk.serve(course, recognised_at + 20 * MINUTE, "LAB", "RAD")
    desk.end(course, recognised_at + 3 * HOUR)
    return course


def _stay(desk: Desk, course: Course, admitted_at: int, nights: int) -> None:
    """Let some nights pass, each with its room, drugs and tests, and discharge."""
    dice = desk.dice
    midnight = (day_of(admitted_at) - 1) * DAY
    if dice.random() < _TRANSFER_CANCELLED:
        course.tell("A12", max(midnight + 20 * HOUR, admitted_at + HOUR))
    if dice.random() < _MADE_OUTPATIENT:
        course.tell("A07", midnight + DAY + 8 * HOUR, patient_class="O")
    room = ITEM_BY_CODE[ROOMS[course.visit.department]]
    for night in range(nights):
        evening = max(midnight + night * DAY + 21 * HOUR, admitted_at + MINUTE)
        course.charge(evening + dice.randrange(100) * MINUTE, [(room, 1)])
        morning = midnight + (night + 1) * DAY + 6 * HOUR
        desk.serve(course, morning + dice.randrange(90) * MINUTE, "LAB", "PHARM")
    desk.end(course, midnight + nights * DAY + dice.randrange(11 * HOUR, 16 * HOUR))
