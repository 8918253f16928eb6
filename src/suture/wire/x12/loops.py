"""What an 835 is made of: header, claims with lines and adjustments, provider adjustments, verdict.

Here: the structs of `BPR TRN N1*PR N1*PE` (header), `CLP CAS NM1 MIA MOA DTM AMT` (loop 2100),
`SVC CAS DTM LQ` (loop 2110) and `PLB`, in 005010X221A1 and 004010X091A1 alike. Not here: who reads
them (`remittance.py`), the equations (`balance.py`), what an adjustment means in accounts
(`translate/`, `ledger/`).

Paths are relative to the transaction set: `CLP[3]/SVC[2]/CAS[1]-03` is element 03 of the first CAS
of the second line of the third claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from suture.model.fault import Fault
from suture.wire.x12.balance import Balance
from suture.wire.x12.envelope import SegmentError
from suture.wire.x12.segment import Segment, read_date

PREDETERMINATION = "25"
"""CLP02: what would be paid; nothing is."""

REVERSAL = "22"
"""CLP02: an earlier payment taken back, with every amount negated."""


class Adjustment(msgspec.Struct, frozen=True, gc=False):
    """One reason and amount out of a CAS segment. Positive reduces the payment."""

    group: str
    """CAS01: CO, PR, OA, PI; CR in 4010."""
    reason: str
    """CARC, X12 code source 139; unknown and stop-dated codes as sent."""
    amount_minor: int
    quantity: str
    claim: int
    line: int
    """Ordinal of the service line it stands in; 0 at claim level."""
    segment: int
    """Ordinal of the CAS within its claim or line."""
    element: int
    """Number of the amount's element: 3, 6, 9 ..."""

    @property
    def where(self) -> str:
        """Path of the amount: `CLP[3]/SVC[2]/CAS[1]-03`."""
        line = f"/SVC[{self.line}]" if self.line else ""
        return f"CLP[{self.claim}]{line}/CAS[{self.segment}]-{self.element:02d}"


class Loop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The segments of one loop, and how to ask for one by its id and qualifier."""

    segments: Sequence[Segment]
    """In the order received, the loop's first included; those of inner loops left out."""

    def first(self, segment_id: str, qualifier: str = "") -> Segment | None:
        """Return the first such segment: `first("NM1", "QC")`, `first("MOA")`."""
        for each in self.segments:
            if each.id == segment_id and (not qualifier or each.get(1) == qualifier):
                return each
        return None

    def all(self, segment_id: str, qualifier: str = "") -> list[Segment]:
        """Return every such segment; the qualifier is element 01."""
        return [
            each
            for each in self.segments
            if each.id == segment_id and (not qualifier or each.get(1) == qualifier)
        ]

    def reference(self, qualifier: str) -> str:
        """Return REF02 of the first REF with this qualifier (6R, EA, 1L, TJ ...); "" if absent."""
        segment = self.first("REF", qualifier)
        return segment.get(2) if segment else ""

    def date(self, qualifier: str) -> date | None:
        """Return the date of the first DTM with this qualifier (232, 233, 050, 472, 405 ...)."""
        segment = self.first("DTM", qualifier)
        return read_date(segment.get(2)) if segment else None


class ServiceLine(Loop, frozen=True, kw_only=True, gc=False):
    """One SVC (loop 2110)."""

    ordinal: int
    """1-based in its claim."""
    charge_minor: int
    """SVC02."""
    paid_minor: int
    """SVC03."""
    adjustments: tuple[Adjustment, ...]

    @property
    def procedure(self) -> list[str]:
        """SVC01 in components: qualifier (HC, NU, N4 ...), code, modifiers."""
        return self.segments[0].components(1)

    @property
    def revenue_code(self) -> str:
        """SVC04."""
        return self.segments[0].get(4)

    @property
    def units(self) -> str:
        """SVC05, paid units; "" means 1."""
        return self.segments[0].get(5)

    @property
    def control_number(self) -> str:
        """REF*6R: our line item control number, echoed."""
        return self.reference("6R")

    @property
    def service_on(self) -> date | None:
        """DTM*472, or the start of the period (150)."""
        return self.date("472") or self.date("150")

    @property
    def remarks(self) -> list[str]:
        """RARC codes: LQ*HE."""
        return [each.get(2) for each in self.all("LQ", "HE")]


class ClaimLoop(Loop, frozen=True, kw_only=True, gc=False):
    """One CLP (loop 2100) with its lines. A reversal is a claim like any other, amounts negated."""

    ordinal: int
    """1-based in the transaction set, over all LX."""
    claim_id: str
    """CLP01: our claim number (CLM01), echoed."""
    status: str
    """CLP02, code source 1029: 1 2 3 processed, 4 denied, 19 20 21 forwarded, 22 reversal."""
    charge_minor: int
    """CLP03; 0 where unreadable (see `faults`)."""
    paid_minor: int
    """CLP04; 0 where unreadable (see `faults`)."""
    patient_responsibility_minor: int
    """CLP05: information only, never part of the balance."""
    filing_indicator: str
    """CLP06: MA, MB, MC, CI, 12 ..."""
    payer_claim_id: str
    """CLP07: payer claim control number."""
    facility_type: str
    """CLP08."""
    frequency: str
    """CLP09."""
    adjustments: tuple[Adjustment, ...]
    """All of the claim's, those of its lines included (`line` tells)."""
    lines: tuple[ServiceLine, ...]
    faults: tuple[Fault, ...] = ()
    """This claim's own: unreadable amounts, unbalanced lines or claim."""

    @property
    def where(self) -> str:
        """Path within the transaction set."""
        return f"CLP[{self.ordinal}]"

    @property
    def is_reversal(self) -> bool:
        """True when it takes an earlier payment back (CLP02 = 22)."""
        return self.status == REVERSAL

    @property
    def is_predetermination(self) -> bool:
        """True when nothing is paid by it (CLP02 = 25)."""
        return self.status == PREDETERMINATION

    @property
    def patient(self) -> Segment | None:
        """NM1*QC."""
        return self.first("NM1", "QC")

    @property
    def subscriber(self) -> Segment | None:
        """NM1*IL; absent when the patient is the subscriber."""
        return self.first("NM1", "IL")

    @property
    def corrected_patient(self) -> Segment | None:
        """NM1*74: the payer's own data on the insured."""
        return self.first("NM1", "74")

    @property
    def rendering_provider(self) -> Segment | None:
        """NM1*82."""
        return self.first("NM1", "82")

    @property
    def service_on(self) -> date | None:
        """First date of service told: the statement's start (DTM*232), else the earliest line."""
        told = self.date("232")
        return told or min((on for line in self.lines if (on := line.service_on)), default=None)

    @property
    def received_on(self) -> date | None:
        """DTM*050: when the payer received the claim."""
        return self.date("050")

    @property
    def remarks(self) -> list[str]:
        """RARC codes at claim level: MIA05, MIA20 to 23, MOA03 to 07."""
        inpatient, outpatient = self.first("MIA"), self.first("MOA")
        codes = [inpatient.get(number) for number in (5, 20, 21, 22, 23)] if inpatient else []
        codes += [outpatient.get(number) for number in range(3, 8)] if outpatient else []
        return [code for code in codes if code]


class Party(Loop, frozen=True, kw_only=True, gc=False):
    """Payer (loop 1000A) or payee (1000B): N1 with the N3, N4, REF, PER and RDM that follow it."""

    name: str = ""
    """N102, decoded."""
    id_qualifier: str = ""
    """N103: XV; XX (NPI), FI, XV for the payee."""
    id: str = ""
    """N104."""


class RemittanceHeader(Loop, frozen=True, kw_only=True, gc=False):
    """BPR, TRN and the parties: one payment."""

    handling: str
    """BPR01: I remittance only, H notification only, C payment with remittance, D, P, U, X."""
    amount_minor: int
    """BPR02; 0 where unreadable (see `faults`)."""
    credit_debit: str
    """BPR03: C, or D where we initiate the transfer; both are payments to us."""
    method: str
    """BPR04: ACH, CHK, NON, FWT, BOP."""
    paid_on: date | None
    """BPR16: when the money moves; the production date (DTM*405) where it is missing or no date."""
    trace: str
    """TRN02: check or EFT trace number."""
    payer_id: str
    """TRN03: originating company id; with `trace` the key that joins remittance and bank."""
    payer: Party
    payee: Party
    faults: tuple[Fault, ...] = ()

    @property
    def produced_on(self) -> date | None:
        """DTM*405."""
        return self.date("405")

    @property
    def payee_tax_id(self) -> str:
        """REF*TJ of the payee, or N104 where that is the tax id."""
        return self.payee.reference("TJ") or (
            self.payee.id if self.payee.id_qualifier == "FI" else ""
        )


class ProviderAdjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One reason, reference and amount out of a PLB segment. Positive takes money away."""

    payee_id: str
    """PLB01."""
    fiscal_period_on: date | None
    """PLB02."""
    reason: str
    """PLB03-1: WO, 72, FB, L6, CS, J1, IR, LE ..."""
    reference: str
    """PLB03-2: the claim or remittance it is about."""
    amount_minor: int
    """PLB04; 0 where unreadable (see `faults`)."""
    where: str
    """`PLB[1]-04`."""
    faults: tuple[Fault, ...] = ()


class RemittanceEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The verdict on one 835: only when `faults` is empty may anything of it be posted."""

    balance: Balance
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()
    """Findings that did not stop it: over six adjustments in a CAS (B32), no payment date ..."""
    findings_dropped: int = 0
    """Findings beyond the cap, counted only."""
    errors: tuple[SegmentError, ...] = ()
    """The unreadable elements as a 999 tells them."""


RemittanceItem = RemittanceHeader | ClaimLoop | ProviderAdjustment | RemittanceEnd
