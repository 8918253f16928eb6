"""What tests of commands share: how one ended, and small synthetic files to trace.

The people in them are canaries: no command may ever print a part of one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

PERSON = "PID|1||MRN40017^^^RGH^MR||CANARY^WREN||19700101|F|||9 FINCH ST|||||||ACC40017"
"""A synthetic patient, every part of whom is looked for in what commands print."""
CANARIES = ("MRN40017", "CANARY", "WREN", "FINCH", "ACC40017", "VIS40017", "CLAIM40017")
CHARGE = "FT1|1|T1||20260401|20260401|CG|99213^VISIT|||1|125.00||ED"


class Ended(msgspec.Struct):
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed, read as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Ended]


def hl7_message(kind: str, control_id: str, at: str, *segments: str) -> str:
    """Return one HL7 v2 message of the sample estate's systems."""
    header = f"MSH|^~\\&|HIS|RGH|SUTURE|RVH|{at}||{kind}|{control_id}|P|2.5.1"
    return "".join(f"{each}\r" for each in (header, f"EVN||{at}", *segments))


def visit_segment(financial_class: str = "") -> str:
    """Return a PV1 of an outpatient in the emergency department."""
    blanks = "|" * 15
    return f"PV1|1|O|ED^^^RGH|{blanks}VIS40017|{financial_class}"


def charge_message(control_id: str = "C1", segment: str = CHARGE) -> str:
    """Return a charge whose account is told by nobody yet."""
    return hl7_message("DFT^P03", control_id, "20260401120000", PERSON, visit_segment(), segment)


def registration_message(control_id: str = "C2") -> str:
    """Return the registration that says who pays for the account."""
    return hl7_message("ADT^A04", control_id, "20260401120100", PERSON, visit_segment("MC"))


def remittance_file(
    claims: Sequence[tuple[str, str, str, str]],
    *,
    paid: str,
    trace: str = "EFT900001",
    adjustment: str = "CAS*CO*45*{}",
) -> str:
    """Return an 835 of claims given as number, charge, payment and contractual adjustment."""
    body = [
        f"BPR*I*{paid}*C*ACH*CCP*01*111111118*DA*1*1512345678**01*111111118*DA*2*20260402",
        f"TRN*1*{trace}*1512345678",
        "DTM*405*20260402",
        "N1*PR*BLUECREST",
        "N1*PE*RIVERBEND*XX*9990000101",
        "LX*1",
    ]
    for number, charge, payment, adjusted in claims:
        status = "22" if charge.startswith("-") else "1"
        body.append(f"CLP*{number}*{status}*{charge}*{payment}**12*ICN{number}*11*1")
        body.append(adjustment.format(adjusted))
        body.append("DTM*232*20260401")
    parties = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYER':15}*ZZ*{'RIVERBEND':15}"
    segments = [
        f"{parties}*260402*1200*^*00501*000000001*0*P*:",
        "GS*HP*PAYER*RIVERBEND*20260402*1200*1*X*005010X221A1",
        "ST*835*0001",
        *body,
        f"SE*{len(body) + 2}*0001",
        "GE*1*1",
        "IEA*1*000000001",
    ]
    return "".join(f"{each}~" for each in segments)
