"""Accounts, charges and bills: FHIR Account, ChargeItem and Invoice.

Here: who pays for an account (its first Coverage), what a ChargeItem charges, and which Invoice is
a supplier's. Not here: which accounts a charge debits and credits (`ledger/`). A patient's Invoice
becomes no fact: what it bills is told, and booked, by its ChargeItems. A ChargeItem that is taken
back (`entered-in-error`, `aborted`) tells the same charge again at nothing, so that nothing stands
of it, in whatever order the two come. Next: `processes/patient_account.py`. FHIR R4, 12.2, 12.4.
"""

from __future__ import annotations

from datetime import date

import msgspec
from msgspec import Raw

from suture.model.account import AccountRegistered, ChargeCredited, ChargePosted
from suture.model.purchase import PurchaseInvoiced, PurchaseLine
from suture.model.translation import ControlTotal, Routed, Translation
from suture.translate.fhir_common import (
    ACCOUNT_TYPES,
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
from suture.wire.fhir.elements import CodeableConcept, Quantity, Reference
from suture.wire.fhir.financial import (
    Account,
    AccountCoverage,
    ChargeItem,
    Coverage,
    Invoice,
    InvoiceLine,
    PriceComponent,
)

PROCEDURES = ("http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.285")
"""CPT and HCPCS: what a payer reads; any other code is the charge master's own."""
CHARGE_MASTER = "urn:suture:charge-master"
ACCOUNT_STATUSES = frozenset({"active", "inactive", "on-hold", "unknown"})
_CHARGED = frozenset({"billable", "billed"})
_TAKEN_BACK = frozenset({"entered-in-error", "aborted"})
_UNCHARGED = frozenset({"planned", "not-billable", "unknown"})


def translate_account(draft: Draft, resource: Resource) -> Translation:
    """Return who is expected to pay for an account: one fact, told to it."""
    assert isinstance(resource, Account), "pipeline.py chooses the translator by the type"
    if resource.status not in ACCOUNT_STATUSES:
        draft.blame("fhir.status.unsupported", "status")
    account = draft.token("account", draft.own_number(ACCOUNT_TYPES))
    if not account:
        draft.blame("fhir.element.missing", "identifier")
    financial_class, payer = _payer(draft, resource)
    fact = AccountRegistered(
        account=account,
        patient=draft.patient(resource.subject[0], "subject[0]") if resource.subject else "",
        facility=draft.number(resource.owner, "owner") or draft.channel.facility,
        financial_class=financial_class,
        payer=payer,
    )
    return draft.verdict([Routed(f"patient_account/{account}", fact, "Account")])


def _payer(draft: Draft, account: Account) -> tuple[str, str]:
    """Return the financial class and payer of the coverage that pays first."""
    first = min(account.coverage, key=lambda each: each.priority or 1, default=None)
    if first is None:
        return "", ""
    coverage = draft.resolve(first.coverage)
    if not isinstance(coverage, Coverage):
        draft.note("fhir.reference.unresolved", "coverage.coverage")
        return "", ""
    payer = draft.number(coverage.payor[0], "coverage.payor[0]") if coverage.payor else ""
    return code_of(coverage.type), payer


def translate_charge(draft: Draft, resource: Resource) -> Translation:
    """Return one charge, told to its account, or nothing where nothing is charged (yet)."""
    assert isinstance(resource, ChargeItem), "pipeline.py chooses the translator by the type"
    recorded = resource.entered_date
    if resource.status in _UNCHARGED:
        return draft.verdict(recorded=recorded)
    is_taken_back = resource.status in _TAKEN_BACK
    if not is_taken_back and resource.status not in _CHARGED:
        draft.blame("fhir.status.unsupported", "status")
    named = resource.account[0] if resource.account else None
    account = draft.token("account", draft.number(named, "account[0]", is_key=True))
    number = draft.own_number()
    if not number:
        draft.blame("fhir.element.missing", "identifier")
    amount = draft.money(resource.price_override, "priceOverride", is_key=not is_taken_back)
    service_on = _service_on(draft, resource)
    totals = [] if amount is None or is_taken_back else [ControlTotal("charges", 1, amount)]
    if service_on is None or (amount is None and not is_taken_back):
        return draft.verdict((), totals, recorded=recorded)
    authority = draft.channel.authority
    charge = draft.channel.tokenizer.token("charge", authority, f"{account}|{number}")
    department = draft.number(resource.cost_center, "costCenter") or draft.number(
        resource.performing_organization, "performingOrganization"
    )
    fact = ChargePosted(
        account=account,
        charge=charge,
        amount_minor=0 if is_taken_back or amount is None else amount,
        quantity=quantity_of(resource.quantity)[0],
        service_on=service_on,
        posted_on=draft.day(resource.entered_date, "enteredDate"),
        facility=draft.channel.facility,
        department=department,
        transaction_code=_own_code(resource.code),
        procedure_code=code_of(resource.code, *PROCEDURES),
    )
    routed = [Routed(f"patient_account/{account}", fact, "ChargeItem")]
    return draft.verdict(routed, totals, recorded=recorded)


def _service_on(draft: Draft, charge: ChargeItem) -> date | None:
    if charge.occurrence_date_time:
        return draft.day(charge.occurrence_date_time, "occurrenceDateTime")
    start = charge.occurrence_period.start if charge.occurrence_period else ""
    return draft.day(start, "occurrencePeriod.start", is_key=True)


def _own_code(told: CodeableConcept) -> str:
    """Return the charge master's code: the first that is no CPT or HCPCS code."""
    return next(
        (each.code.strip() for each in told.coding if each.system not in PROCEDURES and each.code),
        "",
    )


def translate_invoice(draft: Draft, resource: Resource) -> Translation:
    """Return a supplier's invoice, told to the purchase of its number; nothing of a patient's."""
    assert isinstance(resource, Invoice), "pipeline.py chooses the translator by the type"
    if resource.subject is not None or resource.account is not None:
        draft.note("fhir.invoice.of_patient", "subject")
        return draft.verdict(recorded=resource.date)
    if resource.status not in {"issued", "balanced"}:
        if resource.status != "draft":
            draft.blame("fhir.status.unsupported", "status")
        return draft.verdict(recorded=resource.date)
    number = draft.own_number()
    supplier = draft.number(resource.issuer, "issuer", is_key=True)
    buyer = draft.number(resource.recipient, "recipient")
    total = draft.money(resource.total_net, "totalNet", is_key=True)
    dated_on = draft.day(resource.date, "date", is_key=True)
    if dated_on is None:
        return draft.verdict()
    fact = PurchaseInvoiced(
        order=number,
        document=draft.surrogate("doc", "FHIR", supplier, buyer, number),
        buyer=buyer,
        supplier=supplier,
        lines=_lines(draft, resource),
        total_minor=total,
        dated_on=dated_on,
        invoice=number,
        where="Invoice",
    )
    stream = f"purchase/{buyer}:{supplier}:{number}"
    return draft.verdict([Routed(stream, fact, "Invoice")], recorded=resource.date)


def _lines(draft: Draft, invoice: Invoice) -> tuple[PurchaseLine, ...]:
    lines = []
    for place, line in enumerate(invoice.line_item):
        base = next((each for each in line.price_component if each.type == "base"), None)
        where = f"lineItem[{place}]"
        amount = None if base is None else draft.money(base.amount, f"{where}.priceComponent")
        lines.append(
            PurchaseLine(
                number=str(line.sequence or place + 1),
                supplier_item=code_of(line.charge_item_codeable_concept),
                amount_minor=amount,
                where=f"Invoice.{where}",
            )
        )
    return tuple(lines)


TRANSLATORS: dict[str, Translator] = {
    "Account": translate_account,
    "ChargeItem": translate_charge,
    "Invoice": translate_invoice,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_account(fact: AccountRegistered, numbers: Numbers) -> Account:
    """Return an account as FHIR, with the coverage that pays for it inside."""
    patient = reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0])
    inner: tuple[Raw, ...] = ()
    coverage: tuple[AccountCoverage, ...] = ()
    if fact.financial_class or fact.payer:
        payer = reference(fact.payer, "Organization") or Reference(display="self-pay")
        told = Coverage(
            id="coverage",
            status="active",
            type=concept("urn:suture:financial-class", fact.financial_class)
            if fact.financial_class
            else None,
            beneficiary=patient or Reference(type="Patient", display="not told"),
            payor=(payer,),
        )
        inner = (Raw(render(told)),)
        coverage = (AccountCoverage(coverage=Reference(reference="#coverage"), priority=1),)
    return Account(
        contained=inner,
        identifier=(identifier(numbers.get(fact.account, fact.account), ACCOUNT_TYPES[0]),),
        status="active",
        subject=() if patient is None else (patient,),
        coverage=coverage,
        owner=reference(fact.facility, "Organization"),
    )


def render_charge(fact: ChargePosted | ChargeCredited, numbers: Numbers) -> ChargeItem:
    """Return a charge as FHIR; a credit is one with its amount negated.

    `charge` is its business identity, and becomes its number: the receiver's charge is ours.
    """
    codes = [(CHARGE_MASTER, fact.transaction_code), (PROCEDURES[0], fact.procedure_code)]
    coding = tuple(concept(system, code).coding[0] for system, code in codes if code)
    account = reference(numbers.get(fact.account, fact.account), "Account", ACCOUNT_TYPES[0])
    assert account is not None, "a charge has an account"
    sign = -1 if isinstance(fact, ChargeCredited) else 1
    return ChargeItem(
        identifier=(identifier(fact.charge),),
        status="billable",
        code=CodeableConcept(coding=coding, text="" if coding else "not told"),
        subject=Reference(type="Patient", display="not told"),
        occurrence_date_time=isoday(fact.service_on),
        performing_organization=reference(fact.department, "Organization"),
        quantity=msgspec.convert({"value": fact.quantity}, Quantity) if fact.quantity else None,
        price_override=dollars(sign * fact.amount_minor),
        entered_date=isoday(fact.posted_on),
        account=(account,),
    )


def render_invoice(fact: PurchaseInvoiced) -> Invoice:
    """Return a supplier's invoice as FHIR: its lines and its total. It holds nothing of a person.

    FHIR knows no order it is for, no allowances and no due date: they are not told.
    """
    return Invoice(
        identifier=(identifier(fact.invoice or fact.order),),
        status="issued",
        recipient=reference(fact.buyer, "Organization"),
        date=isoday(fact.dated_on),
        issuer=reference(fact.supplier, "Organization"),
        line_item=tuple(_rendered_line(each) for each in fact.lines),
        total_net=None if fact.total_minor is None else dollars(fact.total_minor),
    )


def _rendered_line(line: PurchaseLine) -> InvoiceLine:
    item = line.supplier_item
    amount = line.amount_minor
    return InvoiceLine(
        sequence=int(line.number) if line.number.isdecimal() else 0,
        charge_item_codeable_concept=concept("urn:suture:supplier-item", item)
        if item
        else CodeableConcept(text="not told"),
        price_component=()
        if amount is None
        else (PriceComponent(type="base", amount=dollars(amount)),),
    )
