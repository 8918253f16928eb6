"""Claim facts: a claim on its way to its payer and back (X12 837, 277CA, 276/277, 835; FHIR Claim).

Submitted (837 loop 2300 `CLM`, FHIR Claim), acknowledged (277CA `STC`), its status asked and told
(276/277), adjudicated (835 loop 2100 `CLP`, with its `CAS` and loop 2110 `SVC`; FHIR
ClaimResponse, ExplanationOfBenefit). Booked by `processes/claim.py`: what is adjudicated is money,
what comes before it is the claim's story. Reversals (CLP02 = 22) are adjudications like any other,
with negated amounts.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class ClaimAdjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason and amount out of a CAS segment, at claim or service line level."""

    group: Financial[str]
    """CAS01: CO, PR, OA, PI (CR in 4010)."""
    reason: Financial[str]
    """Claim adjustment reason code (CARC, X12 code source 139)."""
    amount_minor: Financial[int]
    """Positive reduces the payment."""
    where: Operational[str]


class ClaimAdjudicated(msgspec.Struct, frozen=True, kw_only=True, tag="claim.adjudicated"):
    """One CLP loop of a balanced remittance."""

    claim: Phi[str]
    """Surrogate of CLP01, our claim number echoed by the payer."""
    adjudication: Phi[str]
    """Business identity: surrogate of payer + TRN02 + CLP01 + CLP07 + CLP02 + ordinal among
    equals."""
    remittance: Financial[str]
    """Key of the remittance it came in: `<payer>:<trace>`."""
    payer: Financial[str]
    """Payer id: TRN03, as in the remittance's key."""
    payer_claim: Phi[str] = ""
    """Surrogate of CLP07, the payer's claim control number."""
    status: Financial[str]
    """CLP02, X12 code source 1029: 1/2/3 processed, 4 denied, 19-21 forwarded, 22 reversal, 23,
    25."""
    filing_indicator: Financial[str] = ""
    """CLP06: MA, MB, MC, CI, 12 ...; the estate's crosswalk turns it into a payer class."""
    charge_minor: Financial[int]
    paid_minor: Financial[int]
    patient_responsibility_minor: Financial[int] = 0
    """CLP05: information only, never part of the balance."""
    adjustments: Financial[tuple[ClaimAdjustment, ...]] = ()
    service_on: Operational[date | None] = None
    """First service date told (DTM 232, 472 or 050)."""
    paid_on: Operational[date]
    """BPR16 of the remittance."""
    facility: Operational[str] = ""
    """Our facility as the remittance names it: the payee's id (1000B N104)."""
    where: Operational[str]
    """Path of the CLP in its message, e.g. `ST02=0001/CLP[3]`."""


REVERSAL_OF_PREVIOUS_PAYMENT = "22"
PREDETERMINATION = "25"
UNDECIDED = frozenset(("5", "10", "13", "15", "16", "17", "23"))
"""CLP02 of claims that nobody has decided: pended, received, suspended, under review (4010 alone),
and 23: not this payer's claim, forwarded to another."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One diagnosis of a claim as it was submitted (`HI`)."""

    kind: Operational[str]
    """HI01-1: ABK principal, ABF other, ABJ admitting, APR reason for the visit, ABN external cause
    (ICD-10); BK, BF ... (ICD-9)."""
    code: Phi[str]
    """HI01-2, without its point: ICD-10-CM."""
    present_on_admission: Operational[str] = ""
    """HI01-9, institutional: Y, N, U, W."""


class ClaimLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One service line of a claim as it was submitted (837 loop 2400, FHIR Claim.item)."""

    number: Operational[str]
    """LX01, the line's place in its claim."""
    procedure: Financial[str] = ""
    """CPT, HCPCS or CDT code: SV101-2, SV202-2, SV301-2."""
    procedure_kind: Financial[str] = ""
    """SV101-1: ER, IV, WK ...; empty for the usual (HC, AD for dental)."""
    modifiers: Financial[tuple[str, ...]] = ()
    revenue_code: Financial[str] = ""
    """SV201, institutional lines."""
    charge_minor: Financial[int]
    """SV102, SV203 or SV302."""
    units: Operational[str] = ""
    """Quantity as sent: SV104, SV205 or SV306."""
    unit: Operational[str] = ""
    """UN units, DA days, MJ minutes: SV103, SV204; empty for dental."""
    service_on: Operational[date | None] = None
    """DTP 472, its first day."""
    service_ended_on: Operational[date | None] = None
    """Its last day, where that is another."""
    diagnoses: Operational[tuple[str, ...]] = ()
    """SV107: which of the claim's diagnoses it was for, by their place: 1, 2."""
    control: Phi[str] = ""
    """Surrogate of REF 6R, the line item control number: our charge's own number, echoed by the
    payer."""


class PriorPayment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What another payer decided before this claim was sent on (837 loop 2320)."""

    payer: Financial[str]
    """NM109 of loop 2330B."""
    sequence: Financial[str] = ""
    """SBR01: P, S, T."""
    paid_minor: Financial[int] = 0
    """AMT D."""
    adjustments: Financial[tuple[ClaimAdjustment, ...]] = ()
    decided_on: Operational[date | None] = None
    """DTP 573."""
    filing_indicator: Financial[str] = ""
    """SBR09."""
    relationship: Operational[str] = ""
    """SBR02: how the patient is related to the subscriber there."""
    subscriber: Phi[str] = ""
    """Surrogate of the details of the subscriber there (2330A)."""
    member: Phi[str] = ""
    """Surrogate of their member id."""
    payer_claim: Phi[str] = ""
    """Surrogate of REF F8 of loop 2330B: that payer's claim number."""


class ClaimSubmitted(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="claim.submitted"
):
    """One claim as billing sent it to a payer (837P, 837I or 837D loop 2300; FHIR Claim)."""

    claim: Phi[str]
    """Surrogate of CLM01, the number that every answer echoes."""
    submission: Operational[str]
    """Business identity of this sending: BHT03, CLM05-3 and place in the file, hashed."""
    kind: Financial[str]
    """professional, institutional or dental."""
    frequency: Financial[str] = "1"
    """CLM05-3: 1 original, 7 replacement, 8 void."""
    payer: Financial[str] = ""
    """NM109 of loop 2010BB."""
    sequence: Financial[str] = ""
    """SBR01: P primary, S secondary, T tertiary."""
    filing_indicator: Financial[str] = ""
    """SBR09, as CLP06 of the answer."""
    member: Phi[str] = ""
    """Surrogate of the subscriber's member id (2010BA NM109)."""
    subscriber: Phi[str] = ""
    """Surrogate of the subscriber's details, a `person` (2010BA)."""
    relationship: Operational[str] = ""
    """SBR02 or PAT01: how the patient is related to the subscriber; 18 is the subscriber."""
    dependent: Phi[str] = ""
    """Surrogate of the patient's details where the patient is not the subscriber (2010CA)."""
    group_number: Financial[str] = ""
    """SBR03: the policy of the subscriber's employer."""
    patient: Phi[str] = ""
    """Surrogate of the medical record number (REF EA), where it is sent."""
    payer_claim: Phi[str] = ""
    """Surrogate of REF F8: which of the payer's claims this one replaces or voids."""
    authorization: Phi[str] = ""
    """Surrogate of REF G1, the prior authorization number."""
    billing_provider: Operational[str] = ""
    """National provider id of loop 2010AA."""
    rendering_provider: Operational[str] = ""
    """National provider id of loop 2310B (professional, dental) or 2310A (institutional)."""
    facility: Operational[str] = ""
    """Our facility as the claim names it: NM109 of the service location, else the billing
    provider's."""
    place_of_service: Financial[str] = ""
    """CLM05-1: place of service, or the first two digits of the type of bill."""
    consents: Operational[tuple[str, ...]] = ()
    """CLM06 to CLM09: signature on file, assignment, benefits assigned, release of information."""
    diagnoses: Phi[tuple[Diagnosis, ...]] = ()
    """The principal one first."""
    diagnosis_group: Financial[str] = ""
    """HI DR, institutional: the DRG that decides what is paid."""
    charge_minor: Financial[int]
    """CLM02."""
    patient_paid_minor: Financial[int] = 0
    """AMT F5."""
    service_on: Operational[date | None] = None
    """DTP 434, 435 or 472: the first day of service told."""
    service_ended_on: Operational[date | None] = None
    admitted_on: Operational[date | None] = None
    """DTP 435."""
    discharged_on: Operational[date | None] = None
    """DTP 096 where it is a date; else, institutional, the end of the stay that is over (CL103)."""
    admission_type: Operational[str] = ""
    """CL101, institutional: 1 emergency, 2 urgent, 3 elective ..."""
    admission_source: Operational[str] = ""
    """CL102."""
    discharge_status: Operational[str] = ""
    """CL103: 01 home, 20 died, 30 still a patient ..."""
    submitted_on: Operational[date]
    """BHT04."""
    lines: Financial[tuple[ClaimLine, ...]] = ()
    prior_payments: Financial[tuple[PriorPayment, ...]] = ()
    where: Operational[str]


class StatusInformation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One STC composite: a category, a status and whom it is about."""

    category: Financial[str]
    """STC01-1, X12 code source 507: A1 received, A2 accepted, A3 returned, F1 paid ..."""
    status: Financial[str] = ""
    """STC01-2, X12 code source 508."""
    entity: Operational[str] = ""
    """STC01-3: PR payer, 85 billing provider, IL subscriber ..."""


class ClaimAcknowledged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="claim.acknowledged"
):
    """One claim of a 277CA: taken into adjudication, or returned and never to be paid as it is.

    A claim of a transaction set that a 999 rejected is told the same way, with `category` R.
    """

    claim: Phi[str]
    """Surrogate of TRN02 of loop 2200D."""
    acknowledgement: Operational[str]
    """Business identity: BHT03 and place, hashed."""
    payer: Financial[str] = ""
    payer_claim: Phi[str] = ""
    """Surrogate of REF 1K."""
    is_accepted: Operational[bool]
    """STC03 WQ (accept); U is a rejection."""
    statuses: Financial[tuple[StatusInformation, ...]] = ()
    charge_minor: Financial[int] = 0
    """STC04."""
    provider: Operational[str] = ""
    """National provider id of 2100C, who billed it."""
    patient: Phi[str] = ""
    """Surrogate of the patient's name, a `person` (2100D)."""
    member: Phi[str] = ""
    """Surrogate of NM109 of 2100D."""
    service_on: Operational[date | None] = None
    """DTP 472, its first day."""
    service_ended_on: Operational[date | None] = None
    decided_on: Operational[date]
    """STC02."""
    where: Operational[str]


class ClaimStatusAsked(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="claim.status_asked"
):
    """A 276 about one claim (loop 2200D or 2200E)."""

    claim: Phi[str]
    """Surrogate of REF EJ, our claim number, else of TRN02."""
    inquiry: Phi[str]
    """Surrogate of TRN02, which the 277 echoes."""
    payer: Financial[str] = ""
    payer_claim: Phi[str] = ""
    """Surrogate of REF 1K."""
    member: Phi[str] = ""
    subscriber: Phi[str] = ""
    """Surrogate of the subscriber's details, a `person`."""
    dependent: Phi[str] = ""
    """Surrogate of the patient's details where the patient is not the subscriber."""
    provider: Operational[str] = ""
    charge_minor: Financial[int] = 0
    """AMT T3."""
    service_on: Operational[date | None] = None
    service_ended_on: Operational[date | None] = None
    asked_on: Operational[date]
    """BHT04."""
    where: Operational[str]


class ClaimStatusReported(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="claim.status_reported"
):
    """A 277 (X212) about one claim: where it stands at its payer."""

    claim: Phi[str]
    """Surrogate of REF EJ, our claim number, else of TRN02."""
    inquiry: Phi[str] = ""
    report: Operational[str]
    """Business identity: BHT03 and place, hashed."""
    payer: Financial[str] = ""
    payer_claim: Phi[str] = ""
    statuses: Financial[tuple[StatusInformation, ...]] = ()
    charge_minor: Financial[int] = 0
    """STC04."""
    paid_minor: Financial[int] = 0
    """STC05."""
    paid_on: Operational[date | None] = None
    """STC06 or STC08."""
    trace: Financial[str] = ""
    """STC09, check or EFT number."""
    service_on: Operational[date | None] = None
    decided_on: Operational[date]
    """STC02."""
    where: Operational[str]
