"""Who falls ill at Riverbend on a day, and with what kind of visit.

Some visits ended in the days before, and their payers pay on the first day (`before`). The first
patients of every day are cast: an appointment cancelled within the hour, an emergency
that goes home the same day, an operation, a mistaken identity; so each day holds something that
`planted.py` can spoil. All others are drawn. What each kind of visit is made of: `bookings.py`,
`stays.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import msgspec

from suture.simulator.health_system import bookings, stays
from suture.simulator.health_system.course import Course, Numbers
from suture.simulator.health_system.desk import Desk
from suture.simulator.health_system.people import Person, Town
from suture.simulator.health_system.places import PAYERS, UNMAPPED_FACILITY
from suture.simulator.health_system.visit import DAY, Claim

_BOOKED, _WALK_IN, _TESTED, _EMERGENCY, _OPERATION = 48, 14, 10, 19, 7
CANARY_NUMBERS_FIRST = 9_000_001
_KINDS = _BOOKED + _WALK_IN + _TESTED + _EMERGENCY + _OPERATION + 2

_CAST: tuple[Callable[[Desk, Person, int], Course], ...] = (
    bookings.book_in_error,
    partial(stays.emergency, facility=UNMAPPED_FACILITY, goes_home=True),
    partial(stays.operation, facility=UNMAPPED_FACILITY),
    stays.mistaken_identity,
)


class Story:
    """The visits of a health system, day by day."""

    def __init__(self, dice: random.Random, numbers: Numbers, patients_per_day: int) -> None:
        self._dice = dice
        self._town = Town(dice)
        self._desk = Desk(dice, numbers, self._town)
        self._patients_per_day = patients_per_day

    def begin(self, day: int) -> list[Course]:
        """Return the courses that begin on a day; what they hold reaches into the days after."""
        courses = [
            begin(self._desk, self._town.arrive(), day) for begin in _CAST[: self._patients_per_day]
        ]
        courses += [self._draw(day) for _ in range(self._patients_per_day - len(courses))]
        return courses

    def before(self) -> list[Claim]:
        """Return what was billed for visits before the first day: one claim to each payer.

        Their messages were sent before anybody listened; what their payers say of them is news.
        """
        claims: dict[str, Claim] = {}
        while len(claims) < len(PAYERS):
            claim = bookings.walk_in(self._desk, self._town.arrive(), 1).bill()
            if claim is not None and claim.visit.payer is not None:
                earlier = _days_earlier(claim, self._dice.randrange(3, 10))
                claims.setdefault(claim.visit.payer.code, earlier)
        return [claims[payer.code] for payer in PAYERS]

    def _draw(self, day: int) -> Course:
        desk, person = self._desk, self._town.arrive()
        kind = self._dice.randrange(_KINDS)
        for weight, begin in (
            (_BOOKED, bookings.book),
            (_WALK_IN, bookings.walk_in),
            (_EMERGENCY, stays.emergency),
            (_OPERATION, stays.operation),
        ):
            kind -= weight
            if kind < 0:
                return begin(desk, person, day)
        if kind < _TESTED:
            return bookings.walk_in(desk, person, day, self._dice.choice(("RAD", "CARD")))
        return stays.mistaken_identity(desk, person, day)


def _days_earlier(claim: Claim, days: int) -> Claim:
    """Return the claim of the same visit some days before."""
    visit = claim.visit
    return msgspec.structs.replace(
        claim,
        visit=msgspec.structs.replace(
            visit, began_at=visit.began_at - days * DAY, ended_at=visit.ended_at - days * DAY
        ),
        lines=tuple(
            msgspec.structs.replace(
                line,
                service_at=line.service_at - days * DAY,
                posted_at=line.posted_at - days * DAY,
            )
            for line in claim.lines
        ),
        billed_at=claim.billed_at - days * DAY,
    )


def canary_course(dice: random.Random, person: Person) -> Course:
    """Return the canary's visit on the first day: booked, seen, charged and billed.

    It has dice and numbers of its own, so that everybody else's story is the same with and without.
    """
    numbers = Numbers(first=CANARY_NUMBERS_FIRST)
    return bookings.book_and_keep(Desk(dice, numbers, Town(dice)), person, 1)
