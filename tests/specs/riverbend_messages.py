"""What Riverbend's systems and payers send, in few words: ADT, DFT and SIU messages, 835 files.

For specs, properties and unit tests of the whole chain: they say a business event in one line and
get its bytes. Here: how the bytes look. Not here: what becomes of them (`riverbend_books.py`), odd
and broken input (each test's own), a whole day of a health system (`suture.simulator`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from suture.model.money import format_amount
from suture.wire.hl7v2 import Field, build, segment

MEDICARE, COMMERCIAL = "1990000011", "1990000013"
"""TRN03 of two payers that the sample estate knows."""
GENERAL, CLINIC = "9990000101", "9990000201"
"""Payee ids (N104) of Riverbend General and the Downtown Clinic."""


class Line(msgspec.Struct, frozen=True):
    """One FT1 as billing sends it."""

    number: str
    """FT1-2, the billing system's own number of the line."""
    type: str
    """FT1-6: CG charge, CD credit, PY payment, AJ adjustment."""
    minor: int
    on: str = "20260310"
    department: str = "LAB"
    code: str = "80053"
    """FT1-7."""


BILLING, DESK = "RIVBILL", "RIVDESK"
"""Two applications that charge (MSH-3): the first numbers its lines (FT1-2) across all accounts,
the second from 1 in each (`riverbend_books.LINE_NUMBERS`)."""


def dft(
    account: str,
    *lines: Line,
    at: str,
    control: str,
    facility: str = "RGH",
    patient: str = "E",
    application: str = BILLING,
) -> bytes:
    """Return a DFT^P03: lines of one account. Billing never says who pays."""
    written: list[Sequence[Field]] = [
        _header("DFT", "P03", application, control, at, facility),
        _patient(account),
        segment("PV1", {2: patient, 3: ("ED", "", "", facility), 19: f"V{account}"}),
    ]
    for ordinal, line in enumerate(lines, 1):
        fields: dict[int, Field] = {
            1: str(ordinal),
            2: line.number,
            4: line.on,
            6: line.type,
            7: line.code,
            11: format_amount(line.minor),
        }
        if line.type in {"CG", "CD"}:
            fields[13] = line.department
        written.append(segment("FT1", fields))
    return build(written)


def adt(
    trigger: str,
    account: str,
    *,
    at: str,
    control: str,
    financial_class: str = "",
    payer: str = "",
    facility: str = "RGH",
    patient_class: str = "O",
) -> bytes:
    """Return an ADT of a visit and its account; `payer` is its first insurance (IN1-3)."""
    written: list[Sequence[Field]] = [
        _header("ADT", trigger, "RIVREG", control, at, facility),
        ["EVN", trigger, at],
        _patient(account),
        segment(
            "PV1",
            {
                2: patient_class,
                3: ("ED", "", "", facility),
                19: f"V{account}",
                20: financial_class,
            },
        ),
    ]
    if payer:
        written.append(segment("IN1", {1: "1", 2: "PLAN", 3: payer}))
    return build(written)


def siu(trigger: str, appointment: str, *, at: str, control: str, starts: str) -> bytes:
    """Return an SIU of an appointment."""
    return build(
        [
            _header("SIU", trigger, "RIVSCHED", control, at, "RGH"),
            segment("SCH", {2: appointment, 11: ("", "", "", starts), 25: "Booked"}),
            segment("PID", {3: ("P1", "", "", "RVH", "MR")}),
            ["AIL", "1", "A", ("CARD", "", "", "RGH")],
        ]
    )


def merge(survivor: str, retired: str, *, at: str, control: str, trigger: str = "A40") -> bytes:
    """Return a merge: patient and account `retired` turned out to be `survivor`'s.

    An A35 or A41 merges the accounts alone.
    """
    return build(
        [
            _header("ADT", trigger, "RIVREG", control, at, "RGH"),
            ["EVN", trigger, at],
            _patient(survivor),
            segment("MRG", {1: (f"P{retired}", "", "", "RVH", "MR"), 3: retired}),
        ]
    )


def _header(
    message_type: str, trigger: str, application: str, control: str, at: str, facility: str
) -> list[Field]:
    return segment(
        "MSH",
        {3: application, 4: facility, 7: at, 9: (message_type, trigger), 10: control, 12: "2.5.1"},
    )


def _patient(account: str) -> list[Field]:
    return segment(
        "PID",
        {
            3: (f"P{account}", "", "", "RVH", "MR"),
            5: ("DOE", "JANE"),
            18: (account, "", "", "RVH", "AN"),
        },
    )


Cas = tuple[str, str, int]
"""Group (CAS01), reason, minor units."""


class Claim(msgspec.Struct, frozen=True):
    """One CLP, balanced by itself: what it pays is its charge less its adjustments."""

    number: str
    charge_minor: int
    adjustments: tuple[Cas, ...] = ()
    status: str = "1"
    payer_number: str = ""
    """CLP07."""
    filing: str = "MA"

    @property
    def paid_minor(self) -> int:
        """CLP04."""
        return self.charge_minor - sum(minor for _, _, minor in self.adjustments)

    def reversed(self) -> Claim:
        """Return the reversal (CLP02 = 22): every amount negated."""
        return msgspec.structs.replace(
            self,
            status="22",
            charge_minor=-self.charge_minor,
            adjustments=tuple((group, carc, -minor) for group, carc, minor in self.adjustments),
        )


def remittance(
    trace: str,
    *claims: Claim,
    plb: Sequence[tuple[str, int]] = (),
    payer: str = MEDICARE,
    payee: str = GENERAL,
    paid_on: str = "20260320",
    made_at: str = "202603200600",
    misprint_minor: int = 0,
) -> str:
    """Return the segments of one 835 from BPR to the last PLB; BPR02 balances but for a misprint.

    `made_at` is of the envelope (`interchange` reads it off the first line).
    """
    paid_minor = sum(claim.paid_minor for claim in claims if claim.status != "25")
    paid_minor -= sum(minor for _, minor in plb)
    lines = [
        made_at,
        f"BPR*I*{_amount(paid_minor + misprint_minor)}*C*ACH************{paid_on}",
        f"TRN*1*{trace}*{payer}",
        "N1*PR*RIVER STATE HEALTH PLAN",
        f"N1*PE*RIVERBEND*XX*{payee}",
        "LX*1",
    ]
    for claim in claims:
        charge, paid = _amount(claim.charge_minor), _amount(claim.paid_minor)
        lines.append(
            f"CLP*{claim.number}*{claim.status}*{charge}*{paid}**{claim.filing}*{claim.payer_number}"
        )
        lines += [
            f"CAS*{group}*{carc}*{_amount(minor)}" for group, carc, minor in claim.adjustments
        ]
        lines.append("NM1*QC*1*DOE*JANE")
    lines += [f"PLB*{payee}*20261231*{reason}*{_amount(minor)}" for reason, minor in plb]
    return "~".join(lines)


def interchange(*remittances: str, number: int = 1) -> bytes:
    """Return a file: one interchange, one group, a transaction set for each remittance."""
    made_at = remittances[0].partition("~")[0]
    day, time = made_at[:8], made_at[8:]
    control = f"{number:09d}"
    parties = f"ZZ*{'PAYER':15}*ZZ*{'RIVERBEND':15}"
    texts = [
        f"ISA*00*{'':10}*00*{'':10}*{parties}*{day[2:]}*{time}*^*00501*{control}*0*P*:~",
        f"GS*HP*PAYER*RIVERBEND*{day}*{time}*{number}*X*005010X221A1~",
    ]
    for ordinal, told in enumerate(remittances, 1):
        body = told.partition("~")[2]
        texts.append(f"ST*835*{ordinal:04d}~{body}~SE*{body.count('~') + 3}*{ordinal:04d}~")
    texts.append(f"GE*{len(remittances)}*{number}~IEA*1*{control}~")
    return "".join(texts).encode("ascii")


def _amount(minor: int) -> str:
    return format_amount(minor)
