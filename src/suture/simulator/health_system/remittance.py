"""Remittances as payers write them: the 835 (005010X221A1) from adjudications.

`BPR TRN N1 LX CLP CAS NM1 SVC DTM PLB`; the envelope around them is `suture.wire.x12.build`. Sums
are the payer's own arithmetic, shared with nobody. What a payer decides is `adjudication.py`; when
it pays is `payer.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from suture.simulator.health_system.people import Person
from suture.simulator.health_system.places import Facility, Payer
from suture.simulator.health_system.visit import Calendar
from suture.wire.x12 import Address, GroupContent, SetContent, build_interchange

_RECEIVER = "RIVERBEND"
_NOT_BASIC = re.compile(r"[^A-Z0-9 .,'-]")
_CAS_TRIPLES_MAX = 6


class Adjustment(msgspec.Struct, frozen=True, gc=False):
    """One reason and amount of a CAS; positive reduces the payment."""

    group: str
    reason: str
    amount_minor: int


class ServiceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One SVC: a line of the claim as the payer decided it."""

    number: str
    """REF*6R: our own number of the line."""
    procedure: str
    revenue_code: str
    quantity: int
    charge_minor: int
    paid_minor: int
    adjustments: tuple[Adjustment, ...]
    service_at: int
    remark: str = ""


class Adjudication(msgspec.Struct, frozen=True, kw_only=True):
    """One CLP: how a payer decided a claim."""

    claim_number: str
    control: str
    """CLP07, the payer's own number of it."""
    status: str
    """CLP02: 1, 2, 4, 19, 22."""
    charge_minor: int
    paid_minor: int
    filing: str
    """CLP06."""
    facility_type: str
    frequency: str = "1"
    adjustments: tuple[Adjustment, ...] = ()
    """At claim level, where there are no services."""
    services: tuple[ServiceLine, ...] = ()
    person: Person
    facility: Facility
    began_at: int
    ended_at: int
    received_at: int
    remark: str = ""

    @property
    def responsibility_minor(self) -> int:
        """CLP05: what the payer leaves to the patient (group PR)."""
        inner = [each for service in self.services for each in service.adjustments]
        return sum(each.amount_minor for each in (*self.adjustments, *inner) if each.group == "PR")


class ProviderAdjustment(msgspec.Struct, frozen=True, gc=False):
    """One PLB amount; positive takes money away from the payment."""

    reason: str
    reference: str
    amount_minor: int


class Remittance(msgspec.Struct, frozen=True, kw_only=True):
    """One payment to one payee: a transaction set."""

    payer: Payer
    payee: Facility
    """The facility, or the first of the legal entity, that is paid."""
    trace: str
    """TRN02."""
    paid_at: int
    adjudications: tuple[Adjudication, ...]
    provider_adjustments: tuple[ProviderAdjustment, ...] = ()
    misprint_minor: int = 0
    """By how much BPR02 is wrong; 0 in every remittance but a planted one."""

    @property
    def paid_minor(self) -> int:
        """The payment: sum(CLP04) - sum(PLB), never negative."""
        claims = sum(each.paid_minor for each in self.adjudications)
        return claims - sum(each.amount_minor for each in self.provider_adjustments)


class RemittanceFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer drops into the folder at once."""

    payer: Payer
    remittances: tuple[Remittance, ...]
    send_at: int
    planted: str = ""
    heals: str = ""
    echoes: str = ""
    """Mark of the file whose bytes are written again under another name."""
    mark: str = ""
    is_counted: bool = True


def amount(minor: int) -> str:
    """Return minor units as X12 data type R: no trailing zeros, a sign only when negative."""
    major, cents = divmod(abs(minor), 100)
    text = f"{major}.{cents:02d}".rstrip("0").rstrip(".") if cents else str(major)
    return f"-{text}" if minor < 0 else text


def write_file(file: RemittanceFile, control_number: int, calendar: Calendar) -> bytes:
    """Return a file's bytes: one interchange, one group, a transaction set for each remittance."""
    sets = [_segments(remittance, calendar) for remittance in file.remittances]
    return write_interchange(file.payer, sets, control_number, calendar.moment(file.send_at))


def write_interchange(
    payer: Payer, sets: Iterable[Iterable[str]], control_number: int, made_at: datetime
) -> bytes:
    """Return an interchange of 835 sets, each given as its segments between ST and SE."""
    contents = [
        SetContent(
            set_id="835",
            control_number=f"{ordinal:04d}",
            segments=[text.split("*") for text in segments],
        )
        for ordinal, segments in enumerate(sets, 1)
    ]
    group = GroupContent(
        functional_id="HP",
        control_number=control_number,
        version="005010X221A1",
        sets=contents,
    )
    return build_interchange(
        Address(sender_id=payer.code, receiver_id=_RECEIVER),
        [group],
        control_number=control_number,
        made_at=made_at,
        line_end=payer.line_end,
    )


def head(payer: Payer, payee: Facility, trace: str, paid_minor: int, day: str) -> Iterator[str]:
    """Yield BPR to the payee's N1: who pays whom, how much, under which trace.

    `day` is YYYYMMDD.
    """
    if paid_minor:
        bank = f"CCP*01*999999992*DA*5550001*{payer.company}**01*999988880*DA*5559999"
        yield f"BPR*I*{amount(paid_minor)}*C*ACH*{bank}*{day}"
    else:
        yield f"BPR*H*0*C*NON************{day}"
    yield f"TRN*1*{trace}*{payer.company}"
    yield f"DTM*405*{day}"
    yield f"N1*PR*{payer.name}"
    yield "N3*PO BOX 1000"
    yield "N4*SPRINGFIELD*IL*62799"
    yield "PER*BL*EDI SUPPORT*TE*8005550100"
    if payer.pays_facilities:
        yield f"N1*PE*{payee.name}*XX*{payee.npi}"
        yield f"REF*TJ*{payee.tax_id}"
    else:
        yield f"N1*PE*RIVERBEND {payee.entity}*FI*{payee.tax_id}"


def _segments(remittance: Remittance, calendar: Calendar) -> Iterator[str]:
    printed_minor = remittance.paid_minor + remittance.misprint_minor
    day = calendar.day_text(remittance.paid_at)
    yield from head(remittance.payer, remittance.payee, remittance.trace, printed_minor, day)
    if remittance.adjudications:
        yield "LX*1"
    for adjudication in remittance.adjudications:
        yield from claim_segments(adjudication, calendar)
    yield from _provider_segments(remittance, f"{day[:4]}1231")


def _provider_segments(remittance: Remittance, year_end: str) -> Iterator[str]:
    payee = remittance.payee
    payee_id = payee.npi if remittance.payer.pays_facilities else payee.tax_id
    pairs = [
        f"{each.reason}:{each.reference}*{amount(each.amount_minor)}"
        if each.reference
        else f"{each.reason}*{amount(each.amount_minor)}"
        for each in remittance.provider_adjustments
    ]
    for start in range(0, len(pairs), _CAS_TRIPLES_MAX):
        some = "*".join(pairs[start : start + _CAS_TRIPLES_MAX])
        yield f"PLB*{payee_id}*{year_end}*{some}"


def claim_segments(adjudication: Adjudication, calendar: Calendar) -> Iterator[str]:
    """Yield the segments of one claim, CLP first."""
    told = adjudication
    yield (
        f"CLP*{told.claim_number}*{told.status}*{amount(told.charge_minor)}*{amount(told.paid_minor)}"
        f"*{amount(told.responsibility_minor)}*{told.filing}*{told.control}*{told.facility_type}"
        f"*{told.frequency}"
    )
    yield from _adjustment_segments(told.adjustments)
    person = told.person
    names = "*".join(basic(name) for name in (person.family, person.given, person.middle))
    yield f"NM1*QC*1*{names}***MI*{person.member}"
    if told.remark and not told.services:
        yield f"MOA***{told.remark}"
    yield f"REF*EA*{person.mrn}"
    yield f"DTM*232*{calendar.day_text(told.began_at)}"
    yield f"DTM*233*{calendar.day_text(told.ended_at)}"
    yield f"DTM*050*{calendar.day_text(told.received_at)}"
    for service in told.services:
        yield from _service_segments(service, calendar)


def _service_segments(service: ServiceLine, calendar: Calendar) -> Iterator[str]:
    charge, paid = amount(service.charge_minor), amount(service.paid_minor)
    if service.procedure:
        code, revenue = f"HC:{service.procedure}", service.revenue_code
    else:
        code, revenue = f"NU:{service.revenue_code}", ""
    yield f"SVC*{code}*{charge}*{paid}*{revenue}*{service.quantity}"
    yield f"DTM*472*{calendar.day_text(service.service_at)}"
    yield from _adjustment_segments(service.adjustments)
    yield f"REF*6R*{service.number}"
    if service.remark:
        yield f"LQ*HE*{service.remark}"


def _adjustment_segments(adjustments: tuple[Adjustment, ...]) -> Iterator[str]:
    """Yield a CAS for each group, up to six reasons in each."""
    for group in dict.fromkeys(each.group for each in adjustments):
        triples = [
            f"{each.reason}*{amount(each.amount_minor)}"
            for each in adjustments
            if each.group == group
        ]
        for start in range(0, len(triples), _CAS_TRIPLES_MAX):
            some = "**".join(triples[start : start + _CAS_TRIPLES_MAX])
            yield f"CAS*{group}*{some}"


def basic(text: str) -> str:
    """Return a name in the basic character set of X12: capitals without accents."""
    flat = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _NOT_BASIC.sub(" ", flat.upper()).strip()
