"""The plan: everything Riverbend and its payers send, day by day, as bytes, with what it is worth.

`generate` is a pure function of its arguments: the same seed gives the same bytes. It brings
together the story, the payers and the planted faults, and gives messages their control ids and
files their control numbers as they go out. What must be booked in the end is told beside each
message (`Planned.totals`), counted here and nowhere in Suture. Who sends it: `player.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import msgspec

from suture.simulator.health_system.course import Course, Numbers
from suture.simulator.health_system.messages import (
    Door,
    control_prefix,
    door_of,
    kind_of,
    write,
)
from suture.simulator.health_system.payer import Payers
from suture.simulator.health_system.people import canary_person
from suture.simulator.health_system.planted import Day, Planter
from suture.simulator.health_system.remittance import RemittanceFile, write_file
from suture.simulator.health_system.story import Story, canary_course
from suture.simulator.health_system.visit import Calendar, Draft, day_of

START_ON = date(2026, 3, 2)
PATIENTS_PER_DAY = 60

_TOTAL_BY_TYPE = {
    "CG": "charges",
    "CD": "credits",
    "PY": "patient_payments",
    "CO": "patient_payments",
    "AJ": "adjustments",
}
REMITTANCE_CASH = "remittance_cash"
TOTALS = ("charges", "credits", "patient_payments", "adjustments", REMITTANCE_CASH)


class Total(msgspec.Struct, frozen=True, gc=False):
    """What one message adds to what must be in the books."""

    name: str
    """One of `TOTALS`."""
    count: int
    amount_minor: int


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One message or file to be sent."""

    day: int
    """From 1."""
    at: datetime
    """When it is sent, on the health system's own clock."""
    door: Door
    raw: bytes
    kind: str
    """`ADT^A04`, `DFT^P03`, `835`."""
    key: str
    """Whom it is about: messages of one key keep their order on their door."""
    name: str
    """MSH-10, or the file's name."""
    planted: str = ""
    """The fault it is, of `planted.FAULTS`."""
    heals: str = ""
    """The fault it puts right."""
    is_duplicate: bool = False
    """True when these very bytes are in the plan before it."""
    sets_count: int = 0
    """Transaction sets in a file."""
    totals: tuple[Total, ...] = ()
    """Empty for what must not be booked, or is booked by another message."""


class Planting(msgspec.Struct, frozen=True, kw_only=True):
    """One planted fault of a plan."""

    fault: str
    day: int
    door: Door
    name: str
    """MSH-10, or the file's name, of what carries it."""
    is_healing: bool = False
    """True for what puts it right."""


def generate(
    seed: int,
    days: int,
    *,
    start_on: date = START_ON,
    patients_per_day: int = PATIENTS_PER_DAY,
    canary: bool = False,
) -> Iterator[Planned]:
    """Yield what is sent on each day, by time.

    `patients_per_day` is how many visits begin on a day; their messages reach into the days after.
    The first four are cast (see `story.py`), so fewer than four leave some faults unplanted. With
    `canary` one more patient is seen on the first day, whose every identifying value is marked.
    """
    calendar, numbers = Calendar(start_on), Numbers()
    story = Story(random.Random(f"{seed}:story"), numbers, patients_per_day)
    payers = Payers(random.Random(f"{seed}:payers"), numbers, calendar)
    planter = Planter(random.Random(f"{seed}:planted"), days)
    post = _Post(calendar)
    drafts: dict[int, list[Draft]] = {}
    files: dict[int, list[RemittanceFile]] = {}
    for claim in story.before():
        payers.take_old(claim)
    for number in range(1, days + 1):
        courses = story.begin(number)
        if canary and number == 1:
            courses.append(canary_course(random.Random(f"{seed}:canary"), canary_person(seed)))
        for draft in _drafts(courses, payers):
            drafts.setdefault(day_of(draft.send_at), []).append(draft)
        today = Day(
            number=number,
            drafts=sorted(drafts.pop(number, []), key=lambda draft: draft.send_at),
            files=[*files.pop(number, []), *payers.remit(number)],
        )
        planter.spoil(today)
        for draft in today.later:
            drafts.setdefault(day_of(draft.send_at), []).append(draft)
        for file in today.files_later:
            files.setdefault(day_of(file.send_at), []).append(file)
        yield from post.send(today)


def manifest(plan: Iterable[Planned]) -> tuple[Planting, ...]:
    """Return every planted fault of a plan, and what heals it, in the order they are sent."""
    return tuple(
        Planting(
            fault=planned.planted or planned.heals,
            day=planned.day,
            door=planned.door,
            name=planned.name,
            is_healing=bool(planned.heals),
        )
        for planned in plan
        if planned.planted or planned.heals
    )


def _drafts(courses: list[Course], payers: Payers) -> Iterator[Draft]:
    for course in courses:
        yield from course.put_in_order()
        claim = course.bill()
        if claim is not None:
            yield from payers.take(claim)


class _Post:
    """Gives out control ids and numbers, and remembers the bytes that are sent again."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._sent: dict[str, int] = {}
        self._marked: dict[str, Planned] = {}

    def send(self, day: Day) -> Iterator[Planned]:
        """Yield the day's messages and files by time."""
        files = iter([*day.files, None])
        file = next(files)
        for draft in day.drafts:
            while file is not None and file.send_at <= draft.send_at:
                yield self._file(file)
                file = next(files)
            yield self._message(draft)
        while file is not None:
            yield self._file(file)
            file = next(files)

    def _message(self, draft: Draft) -> Planned:
        if draft.echoes:
            return self._echo(draft.echoes, draft.send_at, draft.planted)
        trigger = draft.trigger
        if draft.reuses:
            control_id = self._marked[draft.reuses].name
        else:
            control_id = f"{control_prefix(trigger)}{self._next(control_prefix(trigger)):08d}"
        planned = Planned(
            day=day_of(draft.send_at),
            at=self._calendar.moment(draft.send_at),
            door=door_of(trigger),
            raw=write(draft, control_id, self._calendar),
            kind=kind_of(trigger),
            key=draft.visit.person.key,
            name=control_id,
            planted=draft.planted,
            heals=draft.heals,
            totals=_line_totals(draft) if draft.is_counted and draft.lines else (),
        )
        if draft.mark:
            self._marked[draft.mark] = planned
        return planned

    def _file(self, file: RemittanceFile) -> Planned:
        payer = file.payer.code
        ordinal = self._next(f"{payer} files")
        name = f"{payer}_{self._calendar.day_text(file.send_at)}_{ordinal:04d}.835"
        if file.echoes:
            echo = self._echo(file.echoes, file.send_at, file.planted)
            return msgspec.structs.replace(echo, name=name)
        planned = Planned(
            day=day_of(file.send_at),
            at=self._calendar.moment(file.send_at),
            door="remits",
            raw=write_file(file, self._next(payer), self._calendar),
            kind="835",
            key=payer,
            name=name,
            planted=file.planted,
            heals=file.heals,
            sets_count=len(file.remittances),
            totals=_remittance_totals(file) if file.is_counted else (),
        )
        if file.mark:
            self._marked[file.mark] = planned
        return planned

    def _echo(self, mark: str, at: int, planted: str) -> Planned:
        return msgspec.structs.replace(
            self._marked[mark],
            day=day_of(at),
            at=self._calendar.moment(at),
            planted=planted,
            heals="",
            is_duplicate=True,
            totals=(),
        )

    def _next(self, sequence: str) -> int:
        self._sent[sequence] = number = self._sent.get(sequence, 0) + 1
        return number


def _line_totals(draft: Draft) -> tuple[Total, ...]:
    sums: dict[str, list[int]] = {}
    for line in draft.lines:
        sums.setdefault(_TOTAL_BY_TYPE[line.type], []).append(line.amount_minor)
    return tuple(Total(name, len(amounts), sum(amounts)) for name, amounts in sums.items())


def _remittance_totals(file: RemittanceFile) -> tuple[Total, ...]:
    paid = [each.paid_minor for each in file.remittances if not each.misprint_minor]
    return (Total(REMITTANCE_CASH, len(paid), sum(paid)),) if paid else ()
