"""Claims and their answers: FHIR Claim, ClaimResponse and ExplanationOfBenefit.

Here: a Claim as a claim that was submitted (an 837), a payer's answer as where the claim stands (a
277). An answer alone books nothing: the payment that pays the claim tells its money
(`fhir_payment.py`), and a decision told by both would book twice. The answer to a preauthorization
is an authorization that was decided (a 278). A Claim that asks for one, and predeterminations, are
held. Next: `processes/claim.py`. FHIR R4, 13.6-13.10.
"""

from __future__ import annotations

from datetime import date

import msgspec
from msgspec import Raw

from suture.model.authorization import AuthorizationDecided
from suture.model.claim import (
    ClaimLine,
    ClaimStatusReported,
    ClaimSubmitted,
    StatusInformation,
)
from suture.model.money import format_amount
from suture.model.translation import ControlTotal, Routed, Translation
from suture.translate.fhir_adjudication import (
    CATEGORIES,
    CLAIM_TYPES,
    FILING,
    Decided,
    Response,
    decided,
)
from suture.translate.fhir_common import (
    PATIENT_TYPES,
    Draft,
    Numbers,
    Translator,
    code_of,
    concept,
    dollars,
    identifier,
    isoday,
    quantity_of,
    reference,
)
from suture.wire.fhir import Resource, render
from suture.wire.fhir.elements import CodeableConcept, Period, Quantity, Reference
from suture.wire.fhir.financial import (
    Adjudication,
    CareTeamMember,
    Claim,
    ClaimInsurance,
    ClaimItem,
    ClaimResponse,
    Coverage,
    ExplanationOfBenefit,
    Payment,
    RelatedClaim,
    Total,
)

_KINDS = {"oral": "dental", "vision": "professional"}
_KINDS_BACK = {"dental": "oral"}
_SEQUENCES = "PST"
_REPLACEMENTS = {"prior": "7", "replaces": "7"}
_PROCEDURES = "http://www.ama-assn.org/go/cpt"
_REVENUE = "https://www.nubc.org/CodeSystem/RevenueCodes"
_PLACES = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
_CATEGORIES = {"queued": "P1", "partial": "P1", "error": "A3"}
"""ClaimResponse.outcome -> STC01-1, X12 code source 507, of what is not finished."""
_RESPONSES = {"P": "queued", "A": "error"}
"""First letter of STC01-1 -> ExplanationOfBenefit.outcome."""
_PAID, _FINALIZED = "F1", "F0"
_PREAUTHORIZATION = "preauthorization"
REVIEW_ACTIONS = "https://codesystem.x12.org/005010/306"
"""HCR01, as implementations of prior authorization (Da Vinci PAS) name the list."""
REVIEW_REASONS = "https://codesystem.x12.org/external/886"
"""HCR03."""
_ACTIONS = {"queued": "A4", "partial": "A2", "error": "CT"}
"""ClaimResponse.outcome -> HCR01, where no review action is told; CT: contact the payer."""
_OUTCOMES = {"A4": "queued", "A2": "partial", "A6": "partial", "CT": "error"}
_CERTIFIED, _NOT_CERTIFIED = "A1", "A3"


def translate_claim(draft: Draft, resource: Resource) -> Translation:
    """Return a claim as it was submitted: one fact, told to the claim's stream."""
    assert isinstance(resource, Claim), "pipeline.py chooses the translator by the type"
    _check_use(draft, resource.use)
    if resource.status not in {"active", "cancelled"}:
        draft.blame("fhir.status.unsupported", "status")
    number = draft.own_number()
    if not number:
        draft.blame("fhir.element.missing", "identifier")
    claim = draft.token("claim", number, "")
    lines = tuple(_line(draft, each, place) for place, each in enumerate(resource.item))
    charge = _charge(draft, resource, lines)
    submitted_on = draft.day(resource.created, "created", is_key=True)
    totals = [] if charge is None else [ControlTotal("claims_submitted", 1, charge)]
    if charge is None or submitted_on is None:
        return draft.verdict((), totals, recorded=resource.created)
    fact = _submitted(draft, resource, claim, charge, submitted_on, lines)
    routed = [Routed(f"claim/{claim}", fact, "Claim")]
    return draft.verdict(routed, totals, recorded=resource.created)


def _submitted(
    draft: Draft,
    resource: Claim,
    claim: str,
    charge: int,
    submitted_on: date,
    lines: tuple[ClaimLine, ...],
) -> ClaimSubmitted:
    payer = draft.number(resource.insurer, "insurer")
    insurance = next((each for each in resource.insurance if each.focal), None)
    coverage = None if insurance is None else draft.resolve(insurance.coverage)
    member = filing = sequence = ""
    if isinstance(coverage, Coverage):
        payer = payer or (draft.number(coverage.payor[0], "insurance") if coverage.payor else "")
        member, filing = coverage.subscriber_id.strip(), code_of(coverage.type, FILING)
        sequence = _SEQUENCES[coverage.order - 1 : coverage.order] if coverage.order else ""
    elif insurance is not None:
        member = draft.number(insurance.coverage, "insurance.coverage")
    granted = insurance.pre_auth_ref[0] if insurance and insurance.pre_auth_ref else ""
    earlier = next((each for each in resource.related if each.reference), None)
    replaced = earlier.reference.value if earlier and earlier.reference else ""
    begins, ends = draft.days(resource.billable_period, "billablePeriod")
    first = min((each.service_on for each in lines if each.service_on), default=None)
    kind = code_of(resource.type)
    place = resource.item[0].location_codeable_concept if resource.item else None
    return ClaimSubmitted(
        claim=claim,
        submission=draft.surrogate("sbm", claim, draft.version or isoday(submitted_on)),
        kind=_KINDS.get(kind, kind),
        frequency=_frequency(resource),
        payer=payer,
        sequence=sequence,
        filing_indicator=filing,
        member=draft.token("member", member, payer),
        patient=draft.patient(resource.patient, "patient"),
        payer_claim=draft.token("payer_claim", replaced, payer),
        authorization=draft.token("authorization", granted, payer),
        billing_provider=draft.number(resource.provider, "provider"),
        rendering_provider=_rendering(draft, resource),
        facility=draft.number(resource.facility, "facility") or draft.channel.facility,
        place_of_service=code_of(place),
        charge_minor=charge,
        service_on=begins or first,
        service_ended_on=ends,
        submitted_on=submitted_on,
        lines=lines,
        where="Claim",
    )


def _check_use(draft: Draft, use: str) -> None:
    if use != "claim":
        draft.blame("fhir.use.unsupported", "use")


def _frequency(resource: Claim) -> str:
    """Return CLM05-3: 8 for a claim taken back, 7 for one that replaces another, else 1."""
    if resource.status == "cancelled":
        return "8"
    related = (_REPLACEMENTS.get(code_of(each.relationship), "") for each in resource.related)
    return next((each for each in related if each), "1")


def _rendering(draft: Draft, resource: Claim) -> str:
    """Return who gave the care: the first of the care team."""
    first = min(resource.care_team, key=lambda each: each.sequence, default=None)
    return "" if first is None else draft.number(first.provider, "careTeam.provider")


def _line(draft: Draft, item: ClaimItem, place: int) -> ClaimLine:
    where = f"item[{place}]"
    start = item.serviced_date or (item.serviced_period.start if item.serviced_period else "")
    units, unit = quantity_of(item.quantity)
    return ClaimLine(
        number=str(item.sequence),
        procedure=code_of(item.product_or_service),
        modifiers=tuple(code for each in item.modifier if (code := code_of(each))),
        revenue_code=code_of(item.revenue),
        charge_minor=_net(draft, item, where) or 0,
        units=units,
        unit=unit,
        service_on=draft.day(start, f"{where}.serviced"),
    )


def _net(draft: Draft, item: ClaimItem, where: str) -> int | None:
    """Return what a line charges: its net, else its unit price where there is one unit of it."""
    if item.net is not None:
        return draft.money(item.net, f"{where}.net", is_key=True)
    is_single = item.quantity is None or item.quantity.value == 1
    if item.unit_price is not None and is_single and item.factor is None:
        return draft.money(item.unit_price, f"{where}.unitPrice")
    draft.blame("fhir.amount.missing", f"{where}.net")
    return None


def _charge(draft: Draft, resource: Claim, lines: tuple[ClaimLine, ...]) -> int | None:
    """Return what the claim charges: its total, which its lines must add up to."""
    summed = sum(each.charge_minor for each in lines)
    if resource.total is None:
        if not lines:
            draft.blame("fhir.amount.missing", "total")
        return summed if lines and not draft.faults else None
    total = draft.money(resource.total, "total", is_key=True)
    if total is not None and lines and summed != total and not draft.faults:
        explanation = f"the lines add up to {format_amount(summed - total)} more than the total"
        draft.blame("fhir.claim.unbalanced", "total", explanation)
    return total


def translate_response(draft: Draft, resource: Resource) -> Translation:
    """Return a payer's answer as where the claim stands, told to the claim's stream."""
    assert isinstance(resource, ClaimResponse), "pipeline.py chooses the translator by the type"
    if resource.use == _PREAUTHORIZATION:
        return _authorization(draft, resource)
    return _answer(draft, resource, resource.request, "request")


def _authorization(draft: Draft, response: ClaimResponse) -> Translation:
    """Return what was decided on a preauthorization, told to the stream of its request."""
    if response.status != "active":
        draft.blame("fhir.status.unsupported", "status")
    payer = draft.number(response.insurer, "insurer")
    number = draft.number(response.request, "request", is_key=True)
    authorization = draft.token("authorization", number, payer)
    decided_on = draft.day(response.created, "created", is_key=True)
    if decided_on is None:
        return draft.verdict(recorded=response.created)
    valid_from, valid_until = draft.days(response.pre_auth_period, "preAuthPeriod")
    reviews = [each for each in response.adjudication if code_of(each.category, REVIEW_ACTIONS)]
    granted = response.pre_auth_ref.strip()
    action = code_of(reviews[0].category, REVIEW_ACTIONS) if reviews else ""
    fact = AuthorizationDecided(
        authorization=authorization,
        payer=payer,
        provider=draft.number(response.requestor, "requestor"),
        patient=draft.patient(response.patient, "patient"),
        decision=draft.surrogate("dec", authorization, draft.version or isoday(decided_on)),
        action=action or _action(response.outcome, is_granted=bool(granted)),
        number=draft.token("authorization", granted, payer),
        reason=code_of(reviews[0].reason) if reviews else "",
        valid_from=valid_from,
        valid_until=valid_until,
        decided_on=decided_on,
        where="ClaimResponse",
    )
    routed = [Routed(f"authorization/{authorization}", fact, "ClaimResponse")]
    return draft.verdict(routed, recorded=response.created)


def _action(outcome: str, *, is_granted: bool) -> str:
    """Return HCR01 of an answer that does not say it: whether a number was given decides."""
    told = _ACTIONS.get(outcome)
    return told or (_CERTIFIED if is_granted else _NOT_CERTIFIED)


def translate_explanation(draft: Draft, resource: Resource) -> Translation:
    """Return an explanation of benefit as where its claim stands, told to the claim's stream."""
    assert isinstance(resource, ExplanationOfBenefit), "pipeline.py chooses the translator by type"
    return _answer(draft, resource, resource.claim, "claim")


def _answer(draft: Draft, response: Response, asked: Reference | None, where: str) -> Translation:
    _check_use(draft, response.use)
    if response.status != "active":
        draft.blame("fhir.status.unsupported", "status")
    number = draft.number(asked, where, is_key=True)
    claim = draft.token("claim", number, "")
    told = decided(draft, response, "")
    decided_on = draft.day(response.created, "created", is_key=True)
    if decided_on is None:
        return draft.verdict(recorded=response.created)
    payer = draft.number(response.insurer, "insurer")
    own = response.identifier[0].value.strip() if response.identifier else ""
    payment = response.payment
    paid_on = None if payment is None else draft.day(payment.date, "payment.date")
    fact = ClaimStatusReported(
        claim=claim,
        report=draft.surrogate("rep", claim, draft.version or isoday(decided_on)),
        payer=payer,
        payer_claim=draft.token("payer_claim", own, payer),
        statuses=(StatusInformation(category=_category(response, told)),),
        charge_minor=told.charge_minor or 0,
        paid_minor=told.paid_minor or 0,
        paid_on=paid_on,
        trace=payment.identifier.value if payment and payment.identifier else "",
        decided_on=decided_on,
        where=draft.type,
    )
    return draft.verdict([Routed(f"claim/{claim}", fact, draft.type)], recorded=response.created)


def _category(response: Response, told: Decided) -> str:
    return _CATEGORIES.get(response.outcome) or (_PAID if told.paid_minor else _FINALIZED)


TRANSLATORS: dict[str, Translator] = {
    "Claim": translate_claim,
    "ClaimResponse": translate_response,
    "ExplanationOfBenefit": translate_explanation,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_claim(fact: ClaimSubmitted, numbers: Numbers) -> Claim:
    """Return a claim as FHIR, with its coverage inside."""
    patient = reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0])
    someone = patient or Reference(type="Patient", display="not told")
    payer = reference(fact.payer, "Organization")
    order = _SEQUENCES.index(fact.sequence) + 1 if fact.sequence else 0
    coverage = Coverage(
        id="coverage",
        status="active",
        type=concept(FILING, fact.filing_indicator) if fact.filing_indicator else None,
        subscriber_id=numbers.get(fact.member, fact.member),
        beneficiary=someone,
        payor=(payer or Reference(display="not told"),),
        order=order,
    )
    granted = numbers.get(fact.authorization, fact.authorization)
    billing = reference(fact.billing_provider, "Organization", "NPI")
    kind = _KINDS_BACK.get(fact.kind, fact.kind)
    return Claim(
        contained=(Raw(render(coverage)),),
        identifier=(identifier(numbers.get(fact.claim, fact.claim)),),
        status="cancelled" if fact.frequency == "8" else "active",
        type=concept(CLAIM_TYPES, kind),
        use="claim",
        patient=someone,
        billable_period=_period(fact.service_on, fact.service_ended_on),
        created=isoday(fact.submitted_on),
        insurer=payer,
        provider=billing or Reference(display="not told"),
        priority=concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        related=_related(fact, numbers),
        facility=reference(fact.facility, "Location"),
        care_team=_care_team(fact),
        insurance=(
            ClaimInsurance(
                sequence=1,
                focal=True,
                coverage=Reference(reference="#coverage"),
                pre_auth_ref=(granted,) if granted else (),
            ),
        ),
        item=tuple(_rendered_line(each, fact.place_of_service) for each in fact.lines),
        total=dollars(fact.charge_minor),
    )


def _period(first: date | None, last: date | None) -> Period | None:
    return Period(start=isoday(first), end=isoday(last)) if first or last else None


def _related(fact: ClaimSubmitted, numbers: Numbers) -> tuple[RelatedClaim, ...]:
    number = numbers.get(fact.payer_claim, fact.payer_claim)
    if not number and fact.frequency != "7":
        return ()
    kind = "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship"
    relationship = concept(kind, "prior") if fact.frequency == "7" else None
    return (
        RelatedClaim(relationship=relationship, reference=identifier(number) if number else None),
    )


def _care_team(fact: ClaimSubmitted) -> tuple[CareTeamMember, ...]:
    rendering = reference(fact.rendering_provider, "Practitioner", "NPI")
    return () if rendering is None else (CareTeamMember(sequence=1, provider=rendering),)


def _rendered_line(line: ClaimLine, place: str) -> ClaimItem:
    units = {"value": line.units, "unit": line.unit}
    return ClaimItem(
        sequence=int(line.number),
        revenue=concept(_REVENUE, line.revenue_code) if line.revenue_code else None,
        product_or_service=concept(_PROCEDURES, line.procedure)
        if line.procedure
        else CodeableConcept(text="not told"),
        modifier=tuple(concept(_PROCEDURES, each) for each in line.modifiers),
        serviced_date=isoday(line.service_on),
        location_codeable_concept=concept(_PLACES, place) if place else None,
        quantity=msgspec.convert(units, Quantity) if line.units else None,
        net=dollars(line.charge_minor),
    )


def render_authorization(fact: AuthorizationDecided, numbers: Numbers) -> ClaimResponse:
    """Return what was decided on a preauthorization as FHIR; its services are not told."""
    period = _period(fact.valid_from, fact.valid_until)
    patient = reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0])
    review = Adjudication(
        category=concept(REVIEW_ACTIONS, fact.action),
        reason=concept(REVIEW_REASONS, fact.reason) if fact.reason else None,
    )
    return ClaimResponse(
        status="active",
        type=concept(CLAIM_TYPES, "professional"),
        use=_PREAUTHORIZATION,
        patient=patient or Reference(type="Patient", display="not told"),
        created=isoday(fact.decided_on),
        insurer=reference(fact.payer, "Organization") or Reference(display="not told"),
        requestor=reference(fact.provider, "Practitioner", "NPI"),
        request=reference(numbers.get(fact.authorization, fact.authorization), "Claim"),
        outcome=_OUTCOMES.get(fact.action, "complete"),
        pre_auth_ref=numbers.get(fact.number, fact.number),
        pre_auth_period=period,
        adjudication=(review,) if fact.action else (),
    )


def render_explanation(fact: ClaimStatusReported, numbers: Numbers) -> ExplanationOfBenefit:
    """Return where a claim stands as an explanation of benefit; of its statuses, the category."""
    number = numbers.get(fact.payer_claim, fact.payer_claim)
    payer = reference(fact.payer, "Organization") or Reference(display="not told")
    category = fact.statuses[0].category if fact.statuses else ""
    total = Total(category=concept(CATEGORIES, "submitted"), amount=dollars(fact.charge_minor))
    return ExplanationOfBenefit(
        identifier=(identifier(number),) if number else (),
        status="active",
        type=concept(CLAIM_TYPES, "professional"),
        use="claim",
        patient=Reference(type="Patient", display="not told"),
        created=isoday(fact.decided_on),
        insurer=payer,
        provider=Reference(display="not told"),
        claim=reference(numbers.get(fact.claim, fact.claim), "Claim"),
        outcome=_RESPONSES.get(category[:1], "complete"),
        insurance=(ClaimInsurance(focal=True, coverage=Reference(display="not told")),),
        total=(total,),
        payment=Payment(
            date=isoday(fact.paid_on),
            amount=dollars(fact.paid_minor),
            identifier=identifier(fact.trace) if fact.trace else None,
        ),
    )
