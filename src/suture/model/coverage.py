"""Coverage facts: who insures a person, since when, for what (X12 270/271, 834; FHIR Coverage).

Asked (270), reported (271, FHIR Coverage, IN1) and enrolled (834). A coverage is keyed by the payer
and the member's number, a question by its trace: an answer is told to the question's stream, so
that the two meet, and to the coverage's own. What a registration says of an account's payer is
`account.py`.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class Benefit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One EB segment: a benefit, or a limit, and its amount or share."""

    information: Financial[str]
    """EB01: 1 active, 6 inactive, A co-insurance, B co-payment, C deductible, F limitation,
    G out of pocket maximum, I non-covered ..."""
    level: Financial[str] = ""
    """EB02: IND individual, FAM family."""
    services: Financial[tuple[str, ...]] = ()
    """EB03, service type codes, X12 code source 1365."""
    insurance_type: Financial[str] = ""
    """EB04: HM health maintenance organisation, MA Medicare part A, MC Medicaid ..."""
    period: Financial[str] = ""
    """EB06: 23 calendar year, 29 remaining ..."""
    amount_minor: Financial[int | None] = None
    """EB07."""
    percent: Financial[str] = ""
    """EB08 as sent: .2 is twenty percent."""
    quantity_kind: Operational[str] = ""
    """EB09: VS visits, DY days, P6 services by procedure ..."""
    quantity: Operational[str] = ""
    """EB10, as sent: how many there are, or are left."""
    is_authorization_required: Operational[bool | None] = None
    """EB11: Y, N; None where not told or unknown (U)."""
    is_in_network: Operational[bool | None] = None
    """EB12: Y, N; None where not told, unknown (U) or the same in and out of it (W)."""
    procedure: Financial[str] = ""
    """EB13-2, where the benefit is of one procedure."""
    starts_on: Operational[date | None] = None
    """DTP 348 or 193, or the first day of 292, 290, 291, 307 or 472."""
    ends_on: Operational[date | None] = None
    """DTP 349 or 194, or the last day of such a period."""
    where: Operational[str] = ""


class CoverageFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one coverage."""

    coverage: Phi[str]
    """Surrogate of payer id and member id; of a dependent, of the dependent's given name and birth
    date too (X12 270/271), for a family shares a member id. Empty where no member id is told."""
    payer: Financial[str] = ""
    """NM109 of loop 2100A (270/271), N104 of 1000B (834)."""
    member: Phi[str] = ""
    """Surrogate of the member id: NM109 of loop 2100C, REF 0F of an 834."""
    patient: Phi[str] = ""
    """Surrogate of the patient's own number (REF EA or EJ), where it is sent."""
    person: Phi[str] = ""
    """Surrogate of the details of whoever is covered (`person.py`): NM1, N3, N4 and DMG."""
    subscriber: Phi[str] = ""
    """Surrogate of the subscriber's details, where that is somebody else."""
    group: Financial[str] = ""
    """Group or policy number: REF 6P or 1L."""
    where: Operational[str] = ""


class CoverageAsked(
    CoverageFact, frozen=True, kw_only=True, omit_defaults=True, tag="coverage.asked"
):
    """A 270: whether this payer covers this person, on this day, for these services."""

    inquiry: Phi[str]
    """Surrogate of TRN02 within TRN03, which the 271 echoes; key of the stream."""
    asker: Operational[str] = ""
    """TRN03, who gave the trace: 1 and a tax number, 3 and a D-U-N-S number, 9 and a number of
    their own."""
    provider: Operational[str] = ""
    """National provider id of loop 2100B."""
    is_subscriber: Operational[bool] = True
    """False where a dependent is asked about (2000D)."""
    relationship: Operational[str] = ""
    """INS02: 18 self, 01 spouse, 19 child ..."""
    services: Financial[tuple[str, ...]] = ()
    """EQ01 of each."""
    procedures: Financial[tuple[str, ...]] = ()
    """EQ02-2 of each."""
    service_on: Operational[date | None] = None
    """DTP 291, or 307 in 4010: the first day."""
    service_ends_on: Operational[date | None] = None
    """The last day, where a period is asked about."""
    asked_on: Operational[date]
    """BHT04."""


class CoverageReported(
    CoverageFact, frozen=True, kw_only=True, omit_defaults=True, tag="coverage.reported"
):
    """A 271 or a FHIR Coverage: whether it is in force, and what it pays."""

    inquiry: Phi[str] = ""
    """As of the question; empty where none was asked (FHIR)."""
    asker: Operational[str] = ""
    """TRN03, as of the question."""
    provider: Operational[str] = ""
    """National provider id of loop 2100B: who asked."""
    is_subscriber: Operational[bool] = True
    relationship: Operational[str] = ""
    """INS02."""
    report: Operational[str]
    """Business identity: BHT03 and place, hashed."""
    is_active: Operational[bool | None] = None
    """Any EB01 of 1 to 5 for the plan itself; False for 6 to 8; None where it says neither."""
    refusals: Operational[tuple[str, ...]] = ()
    """AAA03 of each: why the payer could not answer (75 subscriber not found ...)."""
    starts_on: Operational[date | None] = None
    """DTP 346 or 356, or the first day of 291 or 307."""
    ends_on: Operational[date | None] = None
    """DTP 347 or 357, or the last day of such a period."""
    benefits: Financial[tuple[Benefit, ...]] = ()
    reported_on: Operational[date]


class CoverageEnrolled(
    CoverageFact, frozen=True, kw_only=True, omit_defaults=True, tag="coverage.enrolled"
):
    """One member level of an 834: added, changed, reinstated or ended."""

    enrolment: Operational[str]
    """Business identity: BGN02 and place, hashed."""
    maintenance: Operational[str]
    """HD01 of the coverage, else INS03 of the member: 001 change, 021 addition, 024 cancellation,
    025 reinstatement, 030 audit."""
    is_subscriber: Operational[bool]
    """INS01."""
    relationship: Operational[str] = ""
    """INS02: 18 self, 01 spouse, 19 child ..."""
    line: Financial[str] = ""
    """HD03: HLT health, DEN dental, VIS vision ..."""
    plan: Financial[str] = ""
    """HD04."""
    starts_on: Operational[date | None] = None
    """DTP 348 of the coverage, else 356 of the member."""
    ends_on: Operational[date | None] = None
    """DTP 349 of the coverage, else 357 of the member."""
    premium_minor: Financial[int | None] = None
    """AMT P3 of the health coverage."""
    made_on: Operational[date]
    """BGN03."""
