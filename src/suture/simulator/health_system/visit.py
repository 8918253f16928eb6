"""The nouns of the story: visits, appointments, charge lines, claims, and drafts of messages.

A `Draft` is one message that some system will send: what it says, when that was recorded and when
it is sent (the two differ where a fault is planted). `messages.py` writes it as HL7 v2. Times are
whole seconds since midnight of the first day (negative before it), on the health system's own
clock; `Calendar` turns them into dates. Who makes drafts is `course.py` (next) and `story.py`.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from suture.simulator.health_system.people import Person
from suture.simulator.health_system.places import Payer, ServiceItem

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Calendar:
    """Days of the story as dates, and its seconds as HL7 and X12 write them."""

    def __init__(self, start_on: date) -> None:
        self._start_on = start_on
        self._days: dict[int, str] = {}

    def date(self, at: int) -> date:
        """Return the day of a moment."""
        return self._start_on + timedelta(days=at // DAY)

    def moment(self, at: int) -> datetime:
        """Return a moment as the health system's clocks show it, without a zone."""
        return datetime.combine(self._start_on, time()) + timedelta(seconds=at)

    def day_text(self, at: int) -> str:
        """Return the day of a moment as YYYYMMDD."""
        day = at // DAY
        text = self._days.get(day)
        if text is None:
            text = self._days[day] = self.date(at).strftime("%Y%m%d")
        return text

    def stamp(self, at: int) -> str:
        """Return a moment as YYYYMMDDHHMMSS."""
        minutes, seconds = divmod(at % DAY, MINUTE)
        return f"{self.day_text(at)}{minutes // 60:02d}{minutes % 60:02d}{seconds:02d}"


def day_of(at: int) -> int:
    """Return the number of the day a moment lies in; the first is 1."""
    return at // DAY + 1


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One FT1: a charge, a credit, a payment or an adjustment."""

    number: str
    """FT1-2, the billing system's own id of it."""
    type: str
    """FT1-6: CG, CD, PY, CO, AJ."""
    code: str
    """FT1-7: item of the charge master, means of payment, reason of the adjustment."""
    amount_minor: int
    quantity: int = 1
    department: str = ""
    item: ServiceItem | None = None
    service_at: int
    posted_at: int


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as it stands when a message tells of it."""

    number: str
    account: str
    person: Person
    facility: str
    department: str
    room: str
    patient_class: str
    """PV1-2: E, I, O, P."""
    payer: Payer | None
    secondary: Payer | None = None
    attending: tuple[str, str, str] = ("", "", "")
    began_at: int
    ended_at: int = -1
    """-1 while it lasts."""


class Appointment(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment as it stands when a message tells of it."""

    number: str
    starts_at: int
    minutes: int
    department: str
    service: str
    status: str
    """SCH-25: Booked, Cancelled, Noshow, Deleted."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is billed to a payer for one visit."""

    number: str
    """CLM01, echoed as CLP01."""
    visit: Visit
    lines: tuple[Line, ...]
    """Charges that were not credited before it was billed."""
    copay_minor: int
    billed_at: int


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One HL7 message to be sent."""

    send_at: int
    recorded_at: int
    trigger: str
    """A01, S12, P03 ..."""
    visit: Visit
    lines: tuple[Line, ...] = ()
    appointment: Appointment | None = None
    merged: tuple[str, str] = ("", "")
    """MRG-1 and MRG-3 of an A40: the medical record and account numbers that end."""
    planted: str = ""
    """Name of the fault this message is."""
    heals: str = ""
    """Name of the fault this message puts right."""
    form: str = ""
    """`z_segment` or `line_feeds`: how the bytes differ from what the standard has."""
    mark: str = ""
    """Names this draft for the next two."""
    echoes: str = ""
    """Mark of the draft whose very bytes are sent again."""
    reuses: str = ""
    """Mark of the draft whose control id is used again."""
    is_counted: bool = True
    """False where what it says is in the totals by another message."""
