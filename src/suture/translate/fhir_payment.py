"""Payments: a FHIR PaymentReconciliation books like an 835, a PaymentNotice is kept.

Here: the payment as `RemittanceReceived`, each detail that pays a claim as `ClaimAdjudicated`, and
what belongs to no claim as a provider adjustment. The details must add up to the payment, else all
of it is held with the difference (B28). A claim's charge and adjustments come from its
ClaimResponse where that is contained or in the same bundle, and must add up to what the detail
pays; without one the detail pays what it charges, and the rest of the claim stays open. Next:
`processes/remittance.py` and `processes/claim.py`. FHIR R4, 13.11, 13.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Raw

from suture.model.claim import REVERSAL_OF_PREVIOUS_PAYMENT, ClaimAdjudicated
from suture.model.identity import bounded_identity
from suture.model.money import format_amount
from suture.model.purchase import PaymentAdvised
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.model.translation import ControlTotal, Routed, Translation
from suture.translate.fhir_adjudication import FILING, Decided, decided, render_response
from suture.translate.fhir_common import (
    Draft,
    Numbers,
    Translator,
    code_of,
    concept,
    dollars,
    identifier,
    isoday,
    reference,
)
from suture.wire.fhir import Resource, render
from suture.wire.fhir.elements import Period, Reference
from suture.wire.fhir.financial import (
    Claim,
    ClaimInsurance,
    ClaimResponse,
    ExplanationOfBenefit,
    PaymentDetail,
    PaymentNotice,
    PaymentReconciliation,
)

PROVIDER_REASONS = "https://x12.org/codes/provider-adjustment-reason-codes"
"""PLB03-1: WO, 72, FB, L6 ..."""
_TYPES = "http://terminology.hl7.org/CodeSystem/payment-type"
_ADVANCE = "AP"
"""PLB03-1, acceleration of benefits: FHIR's `advance`."""


def translate_reconciliation(draft: Draft, resource: Resource) -> Translation:
    """Return a payment and the claims it pays; held as a whole where they do not add up."""
    assert isinstance(resource, PaymentReconciliation), "pipeline.py chooses the translator"
    if resource.status != "active":
        draft.blame("fhir.status.unsupported", "status")
    payer = draft.number(resource.payment_issuer, "paymentIssuer", is_key=True)
    named = resource.payment_identifier
    trace = (named.value.strip() if named else "") or draft.own_number()
    if not trace:
        draft.blame("fhir.element.missing", "paymentIdentifier")
    paid = draft.money(resource.payment_amount, "paymentAmount", is_key=True)
    paid_on = draft.day(resource.payment_date, "paymentDate", is_key=True)
    amounts = [
        draft.money(each.amount, f"detail[{place}].amount", is_key=True)
        for place, each in enumerate(resource.detail)
    ]
    totals = [] if paid is None else [ControlTotal("remittance_cash", 1, paid)]
    if paid is None or paid_on is None or None in amounts:
        return draft.verdict((), totals, recorded=resource.created)
    remittance = bounded_identity(f"{payer}:{trace}")
    reading = _Reading(draft, remittance, payer, paid_on)
    reading.facility = draft.number(resource.requestor, "requestor") or draft.channel.facility
    for place, (detail, amount) in enumerate(zip(resource.detail, amounts, strict=True)):
        reading.add(place, detail, amount or 0)
    difference = sum(each or 0 for each in amounts) - paid
    if difference:
        side = "more" if difference > 0 else "less"
        shown = f"the details add up to {format_amount(abs(difference))} {side} than the payment"
        draft.blame("fhir.payment.unbalanced", "paymentAmount", shown)
    claims_paid = sum(each.paid_minor for each in reading.claims)
    totals.append(ControlTotal("claims_paid", len(reading.claims), claims_paid))
    fact = RemittanceReceived(
        remittance=remittance,
        payer=payer,
        trace=trace,
        paid_minor=paid,
        method="",
        paid_on=paid_on,
        facility=reading.facility,
        claims_count=len(reading.claims),
        claims_paid_minor=claims_paid,
        provider_adjustments=tuple(reading.adjustments),
        where="PaymentReconciliation",
    )
    routed = [Routed(f"claim/{each.claim}", each, each.where) for each in reading.claims]
    routed.append(Routed(f"remittance/{remittance}", fact, "PaymentReconciliation.paymentAmount"))
    known = (f"remittance:{remittance}",)
    return draft.verdict(routed, totals, identities=known, recorded=resource.created)


class _Reading:
    """One payment on its way: its claims and its provider adjustments so far."""

    def __init__(self, draft: Draft, remittance: str, payer: str, paid_on: date) -> None:
        self._draft = draft
        self._remittance = remittance
        self._payer = payer
        self._paid_on = paid_on
        self.facility = ""
        self.claims: list[ClaimAdjudicated] = []
        self.adjustments: list[ProviderAdjustment] = []

    def add(self, place: int, detail: PaymentDetail, amount_minor: int) -> None:
        """Read one detail: of a claim, or of none."""
        if detail.request is None and detail.response is None:
            self._adjust(place, detail, amount_minor)
            return
        where = f"detail[{place}]"
        draft = self._draft
        asked, answered = draft.resolve(detail.request), draft.resolve(detail.response)
        if detail.request is None and isinstance(answered, ClaimResponse):
            number = draft.number(answered.request, f"{where}.response", is_key=True)
        else:
            number = draft.number(detail.request, f"{where}.request", is_key=True)
        told, own, filing = Decided(amount_minor, amount_minor, (), "1"), "", ""
        if isinstance(answered, ClaimResponse | ExplanationOfBenefit):
            told = self._checked(answered, amount_minor, where)
            own = answered.identifier[0].value.strip() if answered.identifier else ""
            filing = code_of(answered.type, FILING)
        elif detail.response is not None and detail.response.identifier is not None:
            own = detail.response.identifier.value.strip()
        claim = draft.token("claim", number, "")
        payer_claim = draft.token("payer_claim", own, self._payer)
        status = told.status
        if amount_minor < 0 and not isinstance(answered, ClaimResponse):
            status = REVERSAL_OF_PREVIOUS_PAYMENT
        period = asked.billable_period if isinstance(asked, Claim) else None
        self.claims.append(
            ClaimAdjudicated(
                claim=claim,
                adjudication=draft.surrogate(
                    "adj", self._remittance, claim, payer_claim, status, str(place + 1)
                ),
                remittance=self._remittance,
                payer=self._payer,
                payer_claim=payer_claim,
                status=status,
                filing_indicator=filing,
                charge_minor=told.charge_minor or 0,
                paid_minor=amount_minor,
                patient_responsibility_minor=told.responsibility_minor,
                adjustments=told.adjustments,
                service_on=draft.days(period, f"{where}.request.billablePeriod")[0],
                paid_on=self._paid_on,
                facility=self.facility,
                where=f"PaymentReconciliation.{where}",
            )
        )

    def _checked(
        self, answered: ClaimResponse | ExplanationOfBenefit, amount_minor: int, where: str
    ) -> Decided:
        """Return a decision's amounts, blamed where they do not end in what is paid."""
        told = decided(self._draft, answered, f"{where}.response.")
        difference = told.difference_minor
        if told.charge_minor is None:
            told = Decided(amount_minor, amount_minor, (), told.status)
        elif difference or told.paid_minor != amount_minor:
            difference = difference or (told.paid_minor or 0) - amount_minor
            shown = f"its decision does not end in what is paid: {format_amount(difference)} apart"
            self._draft.blame("fhir.adjudication.unbalanced", f"{where}.response", shown)
        return told

    def _adjust(self, place: int, detail: PaymentDetail, amount_minor: int) -> None:
        """Read what belongs to no claim: an advance, or an adjustment with its X12 reason."""
        reason = code_of(detail.type, PROVIDER_REASONS)
        if not reason and code_of(detail.type) == "advance":
            reason = _ADVANCE
        if not reason:
            self._draft.blame("fhir.element.missing", f"detail[{place}].request")
        where = f"PaymentReconciliation.detail[{place}]"
        # A PLB amount takes money away where it is positive; a detail's adds to the payment.
        self.adjustments.append(
            ProviderAdjustment(reason=reason, amount_minor=-amount_minor, where=where)
        )


def translate_notice(draft: Draft, resource: Resource) -> Translation:
    """Return word of a payment, told to the payment's own stream; it books nothing."""
    assert isinstance(resource, PaymentNotice), "pipeline.py chooses the translator by the type"
    if resource.status != "active":
        draft.blame("fhir.status.unsupported", "status")
    payer = draft.number(resource.recipient, "recipient")
    trace = draft.number(resource.payment, "payment", is_key=True)
    paid = draft.money(resource.amount, "amount", is_key=True)
    paid_on = draft.day(resource.payment_date or resource.created, "paymentDate", is_key=True)
    if paid is None or paid_on is None:
        return draft.verdict(recorded=resource.created)
    payment = bounded_identity(f"{payer}:{trace}")
    fact = PaymentAdvised(
        payment=payment,
        payer=payer,
        payee=draft.number(resource.payee or resource.provider, "payee"),
        trace=trace,
        paid_minor=paid,
        paid_on=paid_on,
        where="PaymentNotice",
    )
    routed = [Routed(f"payment/{payment}", fact, "PaymentNotice")]
    return draft.verdict(routed, recorded=resource.created)


TRANSLATORS: dict[str, Translator] = {
    "PaymentNotice": translate_notice,
    "PaymentReconciliation": translate_reconciliation,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_reconciliation(
    fact: RemittanceReceived, claims: Sequence[ClaimAdjudicated], numbers: Numbers
) -> PaymentReconciliation:
    """Return a payment as FHIR, with each claim's decision inside."""
    inner: list[Raw] = []
    details: list[PaymentDetail] = []
    for ordinal, each in enumerate(claims, 1):
        decision = render_response(each, numbers, id=f"response-{ordinal}")
        asked = _asked(each, numbers, f"claim-{ordinal}")
        inner += [Raw(render(asked)), Raw(render(decision))]
        details.append(
            PaymentDetail(
                type=concept(_TYPES, "payment"),
                request=Reference(reference=f"#{asked.id}"),
                response=Reference(reference=f"#{decision.id}"),
                amount=dollars(each.paid_minor),
            )
        )
    details += [
        PaymentDetail(
            type=concept(PROVIDER_REASONS, each.reason), amount=dollars(-each.amount_minor)
        )
        for each in fact.provider_adjustments
    ]
    return PaymentReconciliation(
        contained=tuple(inner),
        status="active",
        created=isoday(fact.paid_on),
        payment_issuer=reference(fact.payer, "Organization"),
        requestor=reference(fact.facility, "Organization"),
        payment_date=isoday(fact.paid_on),
        payment_amount=dollars(fact.paid_minor),
        payment_identifier=identifier(fact.trace),
        detail=tuple(details),
    )


def _asked(fact: ClaimAdjudicated, numbers: Numbers, id: str) -> Claim:  # noqa: A002 - FHIR's word
    """Return what is known of the claim a decision is of: its number, its day, its charge."""
    day = isoday(fact.service_on)
    kind = concept("http://terminology.hl7.org/CodeSystem/claim-type", "institutional")
    return Claim(
        id=id,
        identifier=(identifier(numbers.get(fact.claim, fact.claim)),),
        status="active",
        type=kind,
        use="claim",
        patient=Reference(type="Patient", display="not told"),
        billable_period=Period(start=day) if day else None,
        created=isoday(fact.paid_on),
        provider=reference(fact.facility, "Organization") or Reference(display="not told"),
        priority=concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        insurance=(ClaimInsurance(sequence=1, focal=True, coverage=Reference(display="not told")),),
        total=dollars(fact.charge_minor),
    )


def render_notice(fact: PaymentAdvised) -> PaymentNotice:
    """Return word of a payment as FHIR. What it pays, item by item, FHIR has no place for."""
    paid_on = isoday(fact.paid_on)
    return PaymentNotice(
        status="active",
        created=paid_on,
        payment=reference(fact.trace, "PaymentReconciliation") or Reference(display="not told"),
        payment_date=paid_on,
        payee=reference(fact.payee, "Organization"),
        recipient=reference(fact.payer, "Organization") or Reference(display="not told"),
        amount=dollars(fact.paid_minor),
    )
