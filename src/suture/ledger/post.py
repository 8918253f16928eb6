"""Posting: a booking becomes one balanced entry, or a fault that says which table lacks which row.

    amount --rule--> two roles --determination--> two accounts with dimensions --> two lines

Each amount makes its own lines, so every line keeps the path of the segment that caused it
(`CLP[3]/CAS[1]-03`); only a claim's receivable is settled by one line for all of them. A negative
amount swaps the two sides (a takeback is never a negative debit); a zero amount makes none. What a
booking is comes from `processes/`; what stands and what is reversed is `pipeline.py`; journals for
the ERP are `batch.py`.
"""

from __future__ import annotations

from datetime import date

from suture.ledger.books import Books, Place, Side, shown
from suture.ledger.entry import Entry, Line, Posting
from suture.ledger.rules import (
    CLAIM_BOOKINGS,
    RECEIVABLE_ROLES,
    REMITTANCE_BOOKINGS,
    SUSPENSE,
    Rule,
)
from suture.model.decision import Amount, Booking
from suture.model.fault import Fault, fault

PRINCIPALS = frozenset({"gross", "payment", "cash"})
"""Amounts that the source's own control totals count."""
_ADJUSTMENT = "account_adjustment"
"""The kind of booking whose adjustment is all it is about, and no part of a payment."""


def post(
    booking: Booking,
    *,
    books: Books,
    source: str,
    entry_id: str,
    stream: str,
    revision: int,
    event_id: str,
    received_at_ms: int,
) -> Posting | Fault:
    """Post a booking by the rules of the release in force.

    The effective date is the booking's own. The accounting date is `accounting_on` (else the
    effective date) when its period is open, else the first day of the next open period.

    Faults, all of which park the booking until the estate is mended: `ledger.rule.missing`,
    `ledger.facility.unmapped`, `ledger.payer_class.unmapped`, `ledger.account.undetermined`,
    `ledger.department.unmapped`, `ledger.period.none_open`. An amount in suspense is booked, with
    the concern `ledger.adjustment.unmapped` beside the entry; so is one whose facility only the
    wildcard row names, with `ledger.facility.assumed`.
    """
    ruled = _rules_of(booking, books)
    if isinstance(ruled, Fault):
        return ruled
    if not ruled:
        return Posting(entry=None)
    where = ruled[0][0].where
    place = books.place(booking, source, where)
    if isinstance(place, Fault):
        return place
    lines = _lines(booking, ruled, place, books, source)
    if isinstance(lines, Fault):
        return lines
    entity = place.entity
    accounting_on = accounting_date(
        entity.id, booking.accounting_on or booking.effective_on, books, where
    )
    if isinstance(accounting_on, Fault):
        return accounting_on
    entry = Entry(
        id=entry_id,
        stream=stream,
        booking_key=booking.key,
        revision=revision,
        event_id=event_id,
        kind=booking.kind,
        policy=ruled[0][1].policy,
        entity=entity.id,
        currency=entity.currency,
        effective_on=booking.effective_on,
        accounting_on=accounting_on,
        received_at_ms=received_at_ms,
        release=books.release,
        principal_minor=principal_minor(booking),
        lines=lines,
    )
    return Posting(entry=entry, concerns=_concerns(booking, ruled, place))


def principal_minor(booking: Booking) -> int:
    """Return what a booking is worth as its source's control totals count it, signed."""
    return sum(
        each.minor
        for each in booking.amounts
        if each.name in PRINCIPALS or booking.kind == _ADJUSTMENT
    )


def accounting_date(entity: str, on: date, books: Books, where: str = "") -> date | Fault:
    """Return the day to book on: `on` itself, or the first day of the first later open period.

    Never earlier than `on`. Fault: `ledger.period.none_open`.
    """
    accounting_on = books.periods.accounting_date(entity, on)
    if accounting_on is None:
        return fault(
            "ledger.period.none_open",
            where,
            f"Entity `{entity}` has no open period on or after {on} in ledger/periods.csv.",
        )
    return accounting_on


def _rules_of(booking: Booking, books: Books) -> list[tuple[Amount, Rule]] | Fault:
    """Return the amounts that move something, each with its rule."""
    ruled = []
    for amount in booking.amounts:
        minor = amount.minor
        if not minor:
            continue
        rule = books.rules.find(
            booking.kind, amount.name, amount.group, amount.reason, is_negative=minor < 0
        )
        if rule is None:
            return fault(
                "ledger.rule.missing",
                amount.where,
                f"No row of ledger/journal_rules.csv takes booking `{booking.kind}`, amount "
                f"`{amount.name}`, {_told(amount)}.",
            )
        if not rule.is_informational:
            ruled.append((amount, rule))
    return ruled


def _lines(
    booking: Booking,
    ruled: list[tuple[Amount, Rule]],
    place: Place,
    books: Books,
    source: str,
) -> tuple[Line, ...] | Fault:
    """Return a pair of lines for each amount; those on a claim's receivable become one line.

    The payer settles a claim as a whole: one credit takes it off the receivable, one debit for each
    amount says where it went. The credit's path is the claim's, its rule the family (`claim`).
    """
    lines = []
    sides = place.sides
    facility = place.circumstances.facility
    settled: dict[Side, int] = {}
    for amount, rule in ruled:
        minor, where = amount.minor, amount.where
        debit = sides.get(rule.debit_role) or books.side(rule.debit_role, place, source, where)
        credit = sides.get(rule.credit_role) or books.side(rule.credit_role, place, source, where)
        if isinstance(debit, Fault):
            return debit
        if isinstance(credit, Fault):
            return credit
        if booking.kind in CLAIM_BOOKINGS and rule.credit_role in RECEIVABLE_ROLES:
            settled[credit] = settled.get(credit, 0) + minor
            lines.append(_signed(debit, facility, rule.name, where, minor))
            continue
        if minor < 0:
            debit, credit, minor = credit, debit, -minor
        lines.append(_signed(debit, facility, rule.name, where, minor))
        lines.append(_signed(credit, facility, rule.name, where, -minor))
    family = ruled[0][1].name.partition("/")[0]
    where = booking.where or ruled[0][0].where
    lines.extend(
        _signed(side, facility, family, where, -minor) for side, minor in settled.items() if minor
    )
    return tuple(lines)


def _signed(side: Side, facility: str, rule: str, where: str, minor: int) -> Line:
    """Return a debit of a positive amount, a credit of a negative one."""
    if minor > 0:
        return _line(side, facility, rule, where, debit_minor=minor)
    return _line(side, facility, rule, where, credit_minor=-minor)


def _line(
    side: Side, facility: str, rule: str, where: str, *, debit_minor: int = 0, credit_minor: int = 0
) -> Line:
    return Line(
        account=side.account,
        debit_minor=debit_minor,
        credit_minor=credit_minor,
        facility=facility,
        cost_centre=side.cost_centre,
        service_line=side.service_line,
        payer_class=side.payer_class,
        rule=rule,
        where=where,
    )


def _concerns(
    booking: Booking, ruled: list[tuple[Amount, Rule]], place: Place
) -> tuple[Fault, ...]:
    """Return one concern for each amount in suspense, and one for a facility assumed."""
    in_suspense = tuple(
        fault(
            "ledger.adjustment.unmapped",
            amount.where,
            f"The amount ({_told(amount)}) is in `{SUSPENSE}` by rule `{rule.name}`. "
            f"{rule.note}".rstrip(),
        )
        for amount, rule in ruled
        if rule.is_suspense
    )
    if not place.is_assumed:
        return in_suspense
    noun = "payee" if booking.kind in REMITTANCE_BOOKINGS else "facility code"
    assumed = fault(
        "ledger.facility.assumed",
        ruled[0][0].where,
        f"The {noun} {shown(booking.facility)} is in no row of crosswalks/facility.csv; booked at "
        f"`{place.circumstances.facility}` by the wildcard row.",
    )
    return (*in_suspense, assumed)


def _told(amount: Amount) -> str:
    """Name an adjustment's codes; either may be missing."""
    codes = (("group", amount.group), ("reason", amount.reason))
    told = " ".join(f"{name} {shown(code)}" for name, code in codes if code)
    return told or "an adjustment without a code"
