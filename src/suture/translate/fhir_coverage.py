"""Coverage: who insures a person and for how long, in FHIR.

Here: a Coverage resource as what a 271 says, without its benefits. Next: `processes/known.py`
keeps it. FHIR R4, 13.1.
"""

from __future__ import annotations

from suture.model.coverage import CoverageReported
from suture.model.translation import Routed, Translation
from suture.translate.fhir_common import (
    PATIENT_TYPES,
    Draft,
    Numbers,
    Translator,
    code_of,
    concept,
    identifier,
    isoday,
    number_of,
    reference,
)
from suture.wire.fhir import Resource
from suture.wire.fhir.elements import Meta, Period, Reference
from suture.wire.fhir.financial import Coverage, CoverageClass

COVERAGE_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"
_MEMBER_TYPES = ("MB", "SN")
_STANDING = {"active": True, "cancelled": False, "entered-in-error": False, "draft": None}


def translate_coverage(draft: Draft, resource: Resource) -> Translation:
    """Return what a Coverage says: one report, told to the stream of the payer and the member."""
    assert isinstance(resource, Coverage), "pipeline.py chooses the translator by the type"
    if resource.status not in _STANDING:
        draft.blame("fhir.status.unsupported", "status")
    first = resource.payor[0] if resource.payor else None
    payer = draft.number(first, "payor[0]", is_key=True)
    told = resource.subscriber_id.strip() or number_of(resource.identifier, _MEMBER_TYPES)
    if not told:
        draft.blame("fhir.element.missing", "subscriberId")
    starts_on, ends_on = draft.days(resource.period, "period")
    start = resource.period.start if resource.period else ""
    reported_on = draft.recorded_on(start)
    if reported_on is None:
        return draft.verdict()
    coverage = draft.token("coverage", told, payer)
    fact = CoverageReported(
        coverage=coverage,
        payer=payer,
        member=draft.token("member", told, payer),
        patient=draft.patient(resource.beneficiary, "beneficiary"),
        group=_group(resource),
        report=draft.surrogate("rep", coverage, draft.version or reported_on.isoformat()),
        is_active=_STANDING.get(resource.status),
        starts_on=starts_on,
        ends_on=ends_on,
        reported_on=reported_on,
        where="Coverage",
    )
    routed = [Routed(f"coverage/{coverage}", fact, "Coverage")]
    return draft.verdict(routed, recorded=start)


def _group(resource: Coverage) -> str:
    """Return the group's number; a plan's or other class's is none."""
    groups = (each for each in resource.class_ if code_of(each.type) == "group")
    return next((each.value.strip() for each in groups), "")


TRANSLATORS: dict[str, Translator] = {
    "Coverage": translate_coverage,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_coverage(fact: CoverageReported, numbers: Numbers) -> Coverage:
    """Return a report as FHIR: what it says of the coverage itself, without its benefits."""
    status = {True: "active", False: "cancelled", None: "draft"}[fact.is_active]
    patient = reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0])
    member = numbers.get(fact.member, fact.member)
    period = Period(start=isoday(fact.starts_on), end=isoday(fact.ends_on))
    payer = reference(fact.payer, "Organization")
    group = CoverageClass(type=concept(COVERAGE_CLASS, "group"), value=fact.group)
    return Coverage(
        meta=Meta(last_updated=f"{fact.reported_on.isoformat()}T12:00:00Z"),
        identifier=(identifier(member, _MEMBER_TYPES[0]),),
        status=status,
        subscriber_id=member,
        beneficiary=patient or Reference(type="Patient", display="not told"),
        period=period if period.start or period.end else None,
        payor=(payer or Reference(display="not told"),),
        class_=(group,) if fact.group else (),
    )
