"""What every kind of visit shares: where people go, what is done to them there, what they pay.

Drawn from the story's dice; the records are kept by `course.py`. The kinds of visits themselves are
`bookings.py` (planned, with an appointment) and `stays.py` (hospital, planned or not).
"""

from __future__ import annotations

import random

from suture.simulator.health_system.course import Course, Numbers
from suture.simulator.health_system.people import Person, Town
from suture.simulator.health_system.places import (
    CHARGE_MASTER,
    CLINICS,
    HOSPITALS,
    MEDICAID,
    PAYERS,
    ServiceItem,
)
from suture.simulator.health_system.visit import DAY, HOUR, MINUTE, Line, Visit

_DOCTORS = (
    ("1999990011", "AMES", "RUTH"),
    ("1999990022", "BARON", "PAUL"),
    ("1999990033", "CONTI", "LAURA"),
    ("1999990044", "DRAKE", "SIMON"),
    ("1999990055", "EKDAHL", "MARTIN"),
    ("1999990066", "FROST", "HELEN"),
)
_MEDIA = ("CARD", "CHECK", "CASH", "PORTAL")

_LATE, _CREDITED, _COPAY, _SELF_PAID, _REOPENED = 0.12, 0.06, 0.45, 0.45, 0.03
_RECOVERED, _WRONG_PAYER = 0.4, 0.08


class Desk:
    """The front desk of every facility: opens visits, lets departments charge, takes payments."""

    def __init__(self, dice: random.Random, numbers: Numbers, town: Town) -> None:
        self.dice = dice
        self.numbers = numbers
        self.town = town

    def at(self, day: int, first_hour: int, last_hour: int) -> int:
        """Return a moment of a day (1-based) between two hours."""
        return (day - 1) * DAY + self.dice.randrange(first_hour * HOUR, last_hour * HOUR)

    def open(
        self,
        person: Person,
        at: int,
        *,
        department: str,
        patient_class: str,
        facility: str = "",
    ) -> Course:
        """Return the course of a new visit; nothing has been told of it yet."""
        digits = self.numbers.visit()
        if not facility:
            places = CLINICS if department in {"PRIM", "PROC"} else HOSPITALS
            facility = places[self.dice.randrange(len(places))].code
        return Course(
            self.numbers,
            Visit(
                number=f"V{digits}",
                account=f"A{digits}",
                person=person,
                facility=facility,
                department=department,
                room=f"{self.dice.randrange(1, 40):02d}",
                patient_class=patient_class,
                payer=person.payer,
                secondary=person.secondary,
                attending=self.dice.choice(_DOCTORS),
                began_at=at,
            ),
        )

    def items(self, department: str, count: int) -> list[tuple[ServiceItem, int]]:
        """Return items of a department's charge master with quantities, none twice; no rooms."""
        known = [item for item in CHARGE_MASTER[department] if not item.code.endswith("-ROOM")]
        return [
            (item, self.dice.randrange(1, item.quantity_max + 1))
            for item in self.dice.sample(known, min(count, len(known)))
        ]

    def serve(self, course: Course, at: int, *departments: str) -> None:
        """Charge one to three items of each department in turn, some minutes apart."""
        for department in departments:
            charged = course.charge(at, self.items(department, self.dice.randrange(1, 4)))
            if self.dice.random() < _CREDITED:
                self.correct(course, charged[0], at)
            at += self.dice.randrange(8, 25) * MINUTE

    def correct(self, course: Course, charged: Line, at: int) -> None:
        """Take a charge back some hours after it was posted."""
        course.credit(at + self.dice.randrange(1, 6) * HOUR, charged)

    def collect_copay(self, course: Course, at: int) -> None:
        """Take a co-payment from some insured patients as they come in."""
        if course.visit.payer is not None and self.dice.random() < _COPAY:
            amount_minor = self.dice.choice((1000, 1500, 2000, 2500, 3500, 5000))
            course.pay(at, "CO", self.dice.choice(_MEDIA), amount_minor)

    def end(self, course: Course, at: int) -> None:
        """End the visit (A03), sometimes twice (A13 between), and settle what comes after it."""
        dice = self.dice
        course.tell("A03", at, ended_at=at)
        if dice.random() < _REOPENED:
            course.tell("A13", at + 20 * MINUTE, ended_at=-1)
            course.tell("A03", at + 70 * MINUTE, ended_at=at + 70 * MINUTE)
        if dice.random() < _LATE:
            late_at = course.visit.ended_at + dice.randrange(3, 44) * HOUR
            department = "LAB" if dice.random() < 0.6 else course.visit.department
            course.charge(late_at, self.items(department, 1))
        if course.visit.payer is None and dice.random() < _RECOVERED:
            course.insure(course.visit.ended_at + dice.randrange(60, 400) * MINUTE, MEDICAID)
        if course.visit.payer is None and dice.random() < _SELF_PAID:
            amount_minor = dice.randrange(2000, 40000)
            paid_at = course.visit.ended_at + dice.randrange(12, 90) * HOUR
            course.pay(paid_at, "PY", dice.choice(_MEDIA), amount_minor)

    def check_insurance(self, course: Course, at: int) -> None:
        """Tell the registration again (A08): sometimes with another payer than was written down."""
        if course.visit.payer is not None and self.dice.random() < _WRONG_PAYER:
            course.insure(at, self.dice.choice(PAYERS))
        else:
            course.tell("A08", at)
