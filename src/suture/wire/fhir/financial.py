"""FHIR R4 financial resources as thin structs: accounts, coverage, charges, claims, payments.

Beside `resources.py`, in the same form. `FINANCIAL` is by `resourceType`.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from suture.wire.fhir.elements import (
    CodeableConcept,
    Element,
    Identifier,
    Money,
    Period,
    Quantity,
    Reference,
)
from suture.wire.fhir.resources import Resource


class AccountCoverage(Element, frozen=True, kw_only=True):
    """Who pays for an account, and in which order: Account.coverage."""

    coverage: Reference
    priority: int = 0


class Account(Resource, frozen=True, kw_only=True, tag="Account"):
    """What charges of a patient are gathered in."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept | None = None
    subject: tuple[Reference, ...] = ()
    service_period: Period | None = None
    coverage: tuple[AccountCoverage, ...] = ()
    owner: Reference | None = None
    part_of: Reference | None = None


class CoverageClass(Element, frozen=True, kw_only=True):
    """Group, plan or the like: Coverage.class."""

    type: CodeableConcept
    value: str
    name: str = ""


class Coverage(Resource, frozen=True, kw_only=True, tag="Coverage"):
    """Who insures a person, for how long."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept | None = None
    subscriber: Reference | None = None
    subscriber_id: str = ""
    beneficiary: Reference
    dependent: str = ""
    relationship: CodeableConcept | None = None
    period: Period | None = None
    payor: tuple[Reference, ...] = ()
    class_: tuple[CoverageClass, ...] = msgspec.field(default=(), name="class")
    order: int = 0
    network: str = ""


class ChargeItem(Resource, frozen=True, kw_only=True, tag="ChargeItem"):
    """One charge."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    part_of: tuple[Reference, ...] = ()
    code: CodeableConcept
    subject: Reference
    context: Reference | None = None
    occurrence_date_time: str = ""
    occurrence_period: Period | None = None
    performing_organization: Reference | None = None
    requesting_organization: Reference | None = None
    cost_center: Reference | None = None
    quantity: Quantity | None = None
    factor_override: Decimal | None = None
    price_override: Money | None = None
    override_reason: str = ""
    entered_date: str = ""
    account: tuple[Reference, ...] = ()


class RelatedClaim(Element, frozen=True, kw_only=True):
    """Which claim this one replaces: Claim.related."""

    claim: Reference | None = None
    relationship: CodeableConcept | None = None
    reference: Identifier | None = None


class CareTeamMember(Element, frozen=True, kw_only=True):
    """Who gave the care: Claim.careTeam."""

    sequence: int
    provider: Reference
    responsible: bool | None = None
    role: CodeableConcept | None = None


class ClaimInsurance(Element, frozen=True, kw_only=True):
    """Under which coverage it is claimed: Claim.insurance."""

    sequence: int = 0
    """From 1; absent only in an ExplanationOfBenefit. No default is written that FHIR asks for."""
    focal: bool
    identifier: Identifier | None = None
    coverage: Reference
    pre_auth_ref: tuple[str, ...] = ()


class Adjudication(Element, frozen=True, kw_only=True):
    """One amount of a payer's decision: ClaimResponse.item.adjudication."""

    category: CodeableConcept
    reason: CodeableConcept | None = None
    amount: Money | None = None
    value: Decimal | None = None


class ClaimItem(Element, frozen=True, kw_only=True):
    """A service line: Claim.item, ExplanationOfBenefit.item."""

    sequence: int
    revenue: CodeableConcept | None = None
    product_or_service: CodeableConcept | None = None
    modifier: tuple[CodeableConcept, ...] = ()
    serviced_date: str = ""
    serviced_period: Period | None = None
    location_codeable_concept: CodeableConcept | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    factor: Decimal | None = None
    net: Money | None = None
    adjudication: tuple[Adjudication, ...] = ()
    """Only in an ExplanationOfBenefit."""


class Claim(Resource, frozen=True, kw_only=True, tag="Claim"):
    """What a provider asks a payer for."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept
    use: str
    patient: Reference
    billable_period: Period | None = None
    created: str
    insurer: Reference | None = None
    provider: Reference
    priority: CodeableConcept | None = None
    related: tuple[RelatedClaim, ...] = ()
    facility: Reference | None = None
    care_team: tuple[CareTeamMember, ...] = ()
    insurance: tuple[ClaimInsurance, ...] = ()
    item: tuple[ClaimItem, ...] = ()
    total: Money | None = None


class ResponseItem(Element, frozen=True, kw_only=True):
    """A line's decision: ClaimResponse.item."""

    item_sequence: int
    adjudication: tuple[Adjudication, ...] = ()


class Total(Element, frozen=True, kw_only=True):
    """A sum by category: ClaimResponse.total."""

    category: CodeableConcept
    amount: Money


class Payment(Element, frozen=True, kw_only=True):
    """The payment of a claim: ClaimResponse.payment, ExplanationOfBenefit.payment."""

    type: CodeableConcept | None = None
    adjustment: Money | None = None
    adjustment_reason: CodeableConcept | None = None
    date: str = ""
    amount: Money | None = None
    identifier: Identifier | None = None


class ClaimResponse(Resource, frozen=True, kw_only=True, tag="ClaimResponse"):
    """What a payer decided of a claim."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept
    use: str
    patient: Reference
    created: str
    insurer: Reference | None = None
    requestor: Reference | None = None
    request: Reference | None = None
    outcome: str
    disposition: str = ""
    pre_auth_ref: str = ""
    pre_auth_period: Period | None = None
    item: tuple[ResponseItem, ...] = ()
    adjudication: tuple[Adjudication, ...] = ()
    total: tuple[Total, ...] = ()
    payment: Payment | None = None


class ExplanationOfBenefit(Resource, frozen=True, kw_only=True, tag="ExplanationOfBenefit"):
    """A claim and its decision in one."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept
    use: str
    patient: Reference
    billable_period: Period | None = None
    created: str
    insurer: Reference | None = None
    provider: Reference | None = None
    related: tuple[RelatedClaim, ...] = ()
    facility: Reference | None = None
    claim: Reference | None = None
    claim_response: Reference | None = None
    outcome: str
    disposition: str = ""
    care_team: tuple[CareTeamMember, ...] = ()
    insurance: tuple[ClaimInsurance, ...] = ()
    item: tuple[ClaimItem, ...] = ()
    adjudication: tuple[Adjudication, ...] = ()
    total: tuple[Total, ...] = ()
    payment: Payment | None = None


class PaymentDetail(Element, frozen=True, kw_only=True):
    """What a payment pays: PaymentReconciliation.detail."""

    identifier: Identifier | None = None
    predecessor: Identifier | None = None
    type: CodeableConcept
    request: Reference | None = None
    submitter: Reference | None = None
    response: Reference | None = None
    date: str = ""
    responsible: Reference | None = None
    payee: Reference | None = None
    amount: Money | None = None


class PaymentReconciliation(Resource, frozen=True, kw_only=True, tag="PaymentReconciliation"):
    """One payment, with the claims it pays."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    period: Period | None = None
    created: str
    payment_issuer: Reference | None = None
    request: Reference | None = None
    requestor: Reference | None = None
    outcome: str = ""
    disposition: str = ""
    payment_date: str
    payment_amount: Money
    payment_identifier: Identifier | None = None
    detail: tuple[PaymentDetail, ...] = ()


class PaymentNotice(Resource, frozen=True, kw_only=True, tag="PaymentNotice"):
    """Word that a payment was made, or cleared."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    request: Reference | None = None
    response: Reference | None = None
    created: str
    provider: Reference | None = None
    payment: Reference
    payment_date: str = ""
    payee: Reference | None = None
    recipient: Reference
    amount: Money
    payment_status: CodeableConcept | None = None


class PriceComponent(Element, frozen=True, kw_only=True):
    """One part of a price: Invoice.lineItem.priceComponent."""

    type: str
    code: CodeableConcept | None = None
    factor: Decimal | None = None
    amount: Money | None = None


class InvoiceLine(Element, frozen=True, kw_only=True):
    """One line of an invoice."""

    sequence: int = 0
    charge_item_reference: Reference | None = None
    charge_item_codeable_concept: CodeableConcept | None = None
    price_component: tuple[PriceComponent, ...] = ()


class Invoice(Resource, frozen=True, kw_only=True, tag="Invoice"):
    """What a patient, or a payer, is asked to pay."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    type: CodeableConcept | None = None
    subject: Reference | None = None
    recipient: Reference | None = None
    date: str = ""
    issuer: Reference | None = None
    account: Reference | None = None
    line_item: tuple[InvoiceLine, ...] = ()
    total_net: Money | None = None
    total_gross: Money | None = None


FINANCIAL: dict[str, type[Resource]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Account,
        Coverage,
        ChargeItem,
        Claim,
        ClaimResponse,
        ExplanationOfBenefit,
        PaymentReconciliation,
        PaymentNotice,
        Invoice,
    )
}
