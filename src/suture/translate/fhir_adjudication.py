"""A payer's decision in FHIR: the amounts of a ClaimResponse or ExplanationOfBenefit, balanced.

Here: charge, payment and adjustments out of `adjudication`, `total` and `payment`, and whether they
add up as those of an 835 must (charge less adjustments is what was paid). Shared by `fhir_claim.py`
(what a decision says) and `fhir_payment.py` (what a payment pays). An adjustment names its group
(`CO`, `PR` ...) as its category and its CARC as its reason, or is one of FHIR's own: deductible,
coinsurance, copay. Nothing that is missing is made up: what does not add up is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.translate.fhir_common import (
    Draft,
    Numbers,
    code_of,
    concept,
    dollars,
    identifier,
    isoday,
    reference,
)
from suture.wire.fhir.elements import CodeableConcept, Coding, Money, Reference
from suture.wire.fhir.financial import (
    Adjudication,
    ClaimItem,
    ClaimResponse,
    ExplanationOfBenefit,
    Payment,
    ResponseItem,
    Total,
)

GROUPS = "https://x12.org/codes/claim-adjustment-group-codes"
REASONS = "https://x12.org/codes/claim-adjustment-reason-codes"
STATUSES = "https://x12.org/codes/claim-status-codes"
"""CLP02, X12 code source 1029: beside a decision's type, for FHIR has no place for it."""
FILING = "https://x12.org/codes/claim-filing-indicator-codes"
"""CLP06 and SBR09."""
CATEGORIES = "http://terminology.hl7.org/CodeSystem/adjudication"
CLAIM_TYPES = "http://terminology.hl7.org/CodeSystem/claim-type"

Response: TypeAlias = ClaimResponse | ExplanationOfBenefit

_GROUP_CODES = frozenset({"CO", "PR", "OA", "PI", "CR"})
_PATIENT_REASONS = {"deductible": "1", "coinsurance": "2", "copay": "3"}
"""FHIR's categories and the CARC of each, in group PR."""
_PROCESSED, _DENIED = "1", "4"


class Decided(msgspec.Struct, frozen=True):
    """The amounts of a decision, in minor units; None where not told."""

    charge_minor: int | None
    paid_minor: int | None
    adjustments: tuple[ClaimAdjustment, ...]
    status: str

    @property
    def responsibility_minor(self) -> int:
        """What the patient owes: the adjustments of group PR."""
        return sum(each.amount_minor for each in self.adjustments if each.group == "PR")

    @property
    def difference_minor(self) -> int:
        """How much more was charged than was paid and adjusted; 0 where it adds up."""
        adjusted = sum(each.amount_minor for each in self.adjustments)
        return (self.charge_minor or 0) - adjusted - (self.paid_minor or 0)


def decided(draft: Draft, response: Response, where: str) -> Decided:
    """Read the amounts of a decision; its faults are the draft's."""
    totals = {code_of(each.category): each.amount for each in response.total}
    lines = list(_adjudications(response))
    sums: dict[str, int] = {}
    adjustments: list[ClaimAdjustment] = []
    for path, each in lines:
        category = code_of(each.category)
        group = category if category in _GROUP_CODES else ""
        reason = code_of(each.reason)
        if category in _PATIENT_REASONS:
            group, reason = "PR", reason or _PATIENT_REASONS[category]
        if not (group or category in {"submitted", "benefit"}):
            continue
        amount = draft.money(each.amount, f"{where}{path}.amount")
        if amount is None:
            continue
        if not group:
            sums[category] = sums.get(category, 0) + amount
        elif amount:
            adjustments.append(
                ClaimAdjustment(
                    group=group,
                    reason=reason,
                    amount_minor=amount,
                    where=f"{draft.type}.{where}{path}",
                )
            )
    charge = _total(draft, totals.get("submitted"), f"{where}total", sums.get("submitted"))
    paid = _total(draft, totals.get("benefit"), f"{where}total", sums.get("benefit"))
    if response.payment is not None and response.payment.amount is not None:
        paid = draft.money(response.payment.amount, f"{where}payment.amount")
    status = code_of(response.type, STATUSES)
    if not status:
        owes = any(each.group == "PR" for each in adjustments)
        status = _PROCESSED if paid or owes else _DENIED
    return Decided(charge, paid, tuple(adjustments), status)


def _adjudications(response: Response) -> Iterator[tuple[str, Adjudication]]:
    """Yield every amount with its path: of the claim itself, then of its lines."""
    for place, each in enumerate(response.adjudication):
        yield f"adjudication[{place}]", each
    items: Sequence[ResponseItem | ClaimItem] = response.item
    for line, item in enumerate(items):
        for place, each in enumerate(item.adjudication):
            yield f"item[{line}].adjudication[{place}]", each


def _total(draft: Draft, told: Money | None, where: str, summed: int | None) -> int | None:
    return summed if told is None else draft.money(told, where)


# And back out ---------------------------------------------------------------------------------


def render_response(fact: ClaimAdjudicated, numbers: Numbers, *, id: str = "") -> ClaimResponse:  # noqa: A002 - FHIR's own word
    """Return a decision as a ClaimResponse: amounts, and X12's codes where FHIR has none."""
    coding = [Coding(system=CLAIM_TYPES, code="institutional")]
    coding.append(Coding(system=STATUSES, code=fact.status))
    if fact.filing_indicator:
        coding.append(Coding(system=FILING, code=fact.filing_indicator))
    number = numbers.get(fact.payer_claim, fact.payer_claim)
    return ClaimResponse(
        id=id,
        identifier=(identifier(number),) if number else (),
        status="active",
        type=CodeableConcept(coding=tuple(coding)),
        use="claim",
        patient=Reference(type="Patient", display="not told"),
        created=isoday(fact.paid_on),
        insurer=reference(fact.payer, "Organization"),
        request=reference(numbers.get(fact.claim, fact.claim), "Claim"),
        outcome="complete",
        adjudication=tuple(
            Adjudication(
                category=concept(GROUPS, each.group),
                reason=concept(REASONS, each.reason) if each.reason else None,
                amount=dollars(each.amount_minor),
            )
            for each in fact.adjustments
        ),
        total=(
            Total(category=concept(CATEGORIES, "submitted"), amount=dollars(fact.charge_minor)),
        ),
        payment=Payment(
            type=concept("http://terminology.hl7.org/CodeSystem/ex-paymenttype", "complete"),
            date=isoday(fact.paid_on),
            amount=dollars(fact.paid_minor),
        ),
    )
