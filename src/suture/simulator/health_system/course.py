"""The course of one visit: what happens to it, message by message, and the bill at its end.

`Course` keeps what the hospital's systems would keep (class, place, payer, charges so far) and
turns each happening into drafts: ADT for the visit, DFT P03 for money, SIU for its appointment. It
decides nothing: what happens to whom is `story.py`; how a draft is written is `messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import msgspec

from suture.simulator.health_system.people import Person
from suture.simulator.health_system.places import Payer, ServiceItem
from suture.simulator.health_system.visit import (
    HOUR,
    MINUTE,
    Appointment,
    Claim,
    Draft,
    Line,
    Visit,
)

_LINES_PER_MESSAGE_MAX = 6
_BILLED_AFTER = 10 * HOUR
_SENT_AFTER = 2 * MINUTE


class Numbers:
    """The running numbers of the registration, scheduling and billing systems."""

    def __init__(self, first: int = 1) -> None:
        self._visits = count(first)
        self._appointments = count(first)
        self._lines = count(first)

    def visit(self) -> str:
        """Return the digits shared by a visit (V), its account (A) and its claim (C)."""
        return f"26{next(self._visits):07d}"

    def appointment(self) -> str:
        """Return the next SCH-2."""
        return f"B{next(self._appointments):08d}"

    def line(self) -> str:
        """Return the next FT1-2."""
        return f"T{next(self._lines):09d}"


class Course:
    """One visit and its drafts so far."""

    def __init__(self, numbers: Numbers, visit: Visit) -> None:
        self._numbers = numbers
        self.visit = visit
        self.drafts: list[Draft] = []
        self._lines: list[Line] = []
        self._credited: dict[str, int] = {}
        self._copay_minor = 0

    def tell(self, trigger: str, at: int, **changes: object) -> None:
        """Change the visit and tell of it (ADT) at this moment."""
        if changes:
            self.visit = msgspec.structs.replace(self.visit, **changes)
        self.drafts.append(Draft(send_at=at, recorded_at=at, trigger=trigger, visit=self.visit))

    def tell_appointment(self, trigger: str, at: int, appointment: Appointment) -> None:
        """Tell of the appointment this visit comes from (SIU)."""
        self.drafts.append(
            Draft(
                send_at=at,
                recorded_at=at,
                trigger=trigger,
                visit=self.visit,
                appointment=appointment,
            )
        )

    def charge(self, at: int, items: Iterable[tuple[ServiceItem, int]]) -> list[Line]:
        """Charge items and quantities (DFT), posted at this moment for services just rendered."""
        charged = [
            Line(
                number=self._numbers.line(),
                type="CG",
                code=item.code,
                amount_minor=item.price_minor * quantity,
                quantity=quantity,
                department=item.department,
                item=item,
                service_at=min(at, self.visit.ended_at) if self.visit.ended_at >= 0 else at,
                posted_at=at,
            )
            for item, quantity in items
        ]
        self._lines += charged
        for start in range(0, len(charged), _LINES_PER_MESSAGE_MAX):
            self._post(at + start * 2, charged[start : start + _LINES_PER_MESSAGE_MAX])
        return charged

    def credit(self, at: int, charged: Line) -> None:
        """Take one charge back (CD)."""
        number = self._numbers.line()
        self._credited[charged.number] = at
        self._post(at, [msgspec.structs.replace(charged, number=number, type="CD", posted_at=at)])

    def pay(self, at: int, line_type: str, code: str, amount_minor: int) -> None:
        """Take a patient's payment (CO at the desk, PY later) or adjust the balance (AJ)."""
        if line_type == "CO":
            self._copay_minor += amount_minor
        line = settlement_line(self._numbers, at, line_type, code, amount_minor)
        self._post(at, [line])

    def merge(self, at: int, survivor: Person, account: str) -> None:
        """Find out who the patient really is (A40): this number and account end, others live on."""
        merged = (self.visit.person.mrn, self.visit.account)
        self.visit = msgspec.structs.replace(
            self.visit,
            person=survivor,
            account=account,
            payer=survivor.payer,
            secondary=survivor.secondary,
        )
        self.drafts.append(
            Draft(send_at=at, recorded_at=at, trigger="A40", visit=self.visit, merged=merged)
        )

    def insure(self, at: int, payer: Payer) -> None:
        """Tell of another payer (A08): insurance was found for a patient who had none."""
        person = self.visit.person
        if not person.member:
            person = msgspec.structs.replace(person, member=f"W9{person.mrn[1:]}")
        self.tell("A08", at, payer=payer, secondary=None, person=person)

    def bill(self) -> Claim | None:
        """Return the claim for a visit that has ended; None without a payer or a charge."""
        billed_at = self.visit.ended_at + _BILLED_AFTER
        if self.visit.payer is None or self.visit.ended_at < 0:
            return None
        lines = tuple(
            line
            for line in self._lines
            if line.posted_at <= billed_at
            and self._credited.get(line.number, billed_at + 1) > billed_at
        )
        if not lines:
            return None
        return Claim(
            number=f"C{self.visit.number[1:]}",
            visit=self.visit,
            lines=lines,
            copay_minor=self._copay_minor,
            billed_at=billed_at,
        )

    def put_in_order(self) -> list[Draft]:
        """Return the drafts by time, no two recorded in the same second: order must be readable."""
        drafts = sorted(self.drafts, key=lambda draft: draft.send_at)
        last = -1
        for index, draft in enumerate(drafts):
            at = max(draft.send_at, last + 1)
            if at != draft.send_at:
                drafts[index] = msgspec.structs.replace(draft, send_at=at, recorded_at=at)
            last = at
        return drafts

    def _post(self, at: int, lines: list[Line]) -> None:
        self.drafts.append(
            Draft(
                send_at=at + _SENT_AFTER,
                recorded_at=at + _SENT_AFTER,
                trigger="P03",
                visit=self.visit,
                lines=tuple(lines),
            )
        )


def settlement_line(
    numbers: Numbers, at: int, line_type: str, code: str, amount_minor: int
) -> Line:
    """Return the FT1 of a payment (PY, CO) or an adjustment (AJ)."""
    return Line(
        number=numbers.line(),
        type=line_type,
        code=code,
        amount_minor=amount_minor,
        service_at=at,
        posted_at=at,
    )
