"""Canonical -> FHIR -> canonical keeps what Suture books from, and the FHIR is valid R4.

`fhir.resources` (R4B, whose resources here are R4's) is the independent judge of validity. It is
slow to import, so it is used in this file alone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model.account import AccountRegistered, ChargePosted
from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMissed,
    ScheduleRecorded,
    SlotRecorded,
)
from suture.model.authorization import AuthorizationDecided
from suture.model.claim import (
    ClaimAdjudicated,
    ClaimAdjustment,
    ClaimLine,
    ClaimStatusReported,
    ClaimSubmitted,
    StatusInformation,
)
from suture.model.coverage import CoverageReported
from suture.model.encounter import EncounterAdmitted, EncounterPreadmitted, EncounterRegistered
from suture.model.identity import Tokenizer
from suture.model.master_data import LocationRecorded, OrganizationRecorded, ProviderRecorded
from suture.model.purchase import PaymentAdvised, PurchaseInvoiced, PurchaseLine
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.model.supply import SupplyDispensed, SupplyRequested
from suture.model.translation import Channel
from suture.pipeline import read_message
from suture.translate.fhir_account import render_account, render_charge, render_invoice
from suture.translate.fhir_appointment import render_appointment, render_schedule, render_slot
from suture.translate.fhir_claim import render_authorization, render_claim, render_explanation
from suture.translate.fhir_coverage import render_coverage
from suture.translate.fhir_encounter import render_encounter
from suture.translate.fhir_party import (
    render_location,
    render_organization,
    render_practitioner,
    render_role,
)
from suture.translate.fhir_payment import render_notice, render_reconciliation
from suture.translate.fhir_supply import render_delivery, render_request
from suture.wire.fhir import Resource, render

ZONE = ZoneInfo("America/Chicago")
TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")
CHANNEL = Channel(source="ehr", zone=ZONE, tokenizer=TOKENIZER, authority="riverbend")

CODE = st.text("ABCDEFGH0123456789", min_size=1, max_size=8)
MAYBE = st.one_of(st.just(""), CODE)
DAY = st.dates(date(2020, 1, 1), date(2030, 12, 31))
MINUTE = st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)).map(  # noqa: DTZ001 - made UTC
    lambda at: int(at.replace(second=0, microsecond=0, tzinfo=UTC).timestamp() * 1000)
)
MINOR = st.integers(0, 10**11)
SIGNED = st.integers(-(10**11), 10**11)
NOT_COMPARED = {
    *("where", "charge", "report", "submission", "dispense", "adjudication", "decision"),
    "document",
}
"""Paths, and identities a receiver makes of its own: of the sender's number, or of a version."""


class Known:
    """Surrogates made of numbers, remembered as a vault does."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def token(self, kind: str, number: str, authority: str = "riverbend") -> str:
        if not number:
            return ""
        token = TOKENIZER.token(kind, authority, number)
        self.numbers[token] = number
        return token


def day_of(at_ms: int) -> date:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (epoch + timedelta(milliseconds=at_ms)).astimezone(ZONE).date()


def facts_of(resource: Resource) -> list[Any]:
    """Return what a resource says once sent, after `fhir.resources` has found it valid."""
    raw = render(resource)
    name = msgspec.json.decode(raw)["resourceType"]
    get_fhir_model_class(name).model_validate_json(raw)
    translation = read_message(raw, CHANNEL)
    assert () == translation.faults
    return [each.fact for each in translation.routed]


def told(fact: Any) -> Any:
    """Return what a fact says, without what is not compared."""
    if isinstance(fact, msgspec.Struct):
        names = [name for name in fact.__struct_fields__ if name not in NOT_COMPARED]
        return type(fact).__name__, {name: told(getattr(fact, name)) for name in names}
    return [told(each) for each in fact] if isinstance(fact, tuple) else fact


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([AppointmentBooked, AppointmentCancelled, AppointmentMissed]),
    CODE, MAYBE, MINUTE, st.integers(1, 600), MAYBE, MAYBE,
)  # fmt: skip
def test_an_appointment_comes_back(
    kind: Any, number: str, patient: str, at_ms: int, minutes: int, place: str, service: str
) -> None:
    known = Known()
    status = {"AppointmentBooked": "Booked", "AppointmentCancelled": "Cancelled"}
    fact = kind(
        appointment=known.token("appointment", number),
        patient=known.token("patient", patient),
        starts_at_ms=at_ms,
        starts_on=day_of(at_ms),
        duration_minutes=minutes,
        department=place,
        service_code=service,
        filler_status=status.get(kind.__name__, "Noshow"),
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_appointment(fact, known.numbers))]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([(EncounterAdmitted, "I"), (EncounterRegistered, "E"),
                     (EncounterRegistered, "O"), (EncounterPreadmitted, "P")]),
    CODE, MAYBE, MAYBE, MINUTE, MAYBE, MAYBE, MAYBE,
)  # fmt: skip
def test_an_encounter_comes_back(
    kind: Any, visit: str, patient: str, account: str, at_ms: int, facility: str, place: str,
    service: str,
) -> None:  # fmt: skip
    known = Known()
    fact = kind[0](
        visit=known.token("visit", visit),
        patient=known.token("patient", patient),
        account=known.token("account", account),
        patient_class=kind[1],
        facility=facility,
        department=place,
        hospital_service=service,
        began_at_ms=at_ms,
        began_on=day_of(at_ms),
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_encounter(fact, known.numbers))]


@settings(max_examples=40, deadline=None)
@given(CODE, MAYBE, MAYBE, MAYBE, MAYBE)
def test_an_account_comes_back(
    number: str, patient: str, facility: str, financial_class: str, payer: str
) -> None:
    known = Known()
    fact = AccountRegistered(
        account=known.token("account", number),
        patient=known.token("patient", patient),
        facility=facility,
        financial_class=financial_class,
        payer=payer,
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_account(fact, known.numbers))]


@settings(max_examples=40, deadline=None)
@given(CODE, CODE, SIGNED, DAY, st.one_of(st.none(), DAY), MAYBE, MAYBE, MAYBE)
def test_a_charge_comes_back(
    account: str, number: str, amount: int, service_on: date, posted_on: date | None,
    department: str, code: str, procedure: str,
) -> None:  # fmt: skip
    known = Known()
    fact = ChargePosted(
        account=known.token("account", account),
        charge=number,
        amount_minor=amount,
        quantity="2.50",
        service_on=service_on,
        posted_on=posted_on,
        department=department,
        transaction_code=code,
        procedure_code=procedure,
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_charge(fact, known.numbers))]


@settings(max_examples=40, deadline=None)
@given(
    CODE, CODE, MAYBE, MAYBE, st.sampled_from([True, False, None]), st.one_of(st.none(), DAY), DAY
)
def test_a_coverage_comes_back(
    payer: str, member: str, patient: str, group: str, is_active: bool | None,  # noqa: FBT001
    starts_on: date | None, reported_on: date,
) -> None:  # fmt: skip
    known = Known()
    fact = CoverageReported(
        coverage=known.token("coverage", member, payer),
        payer=payer,
        member=known.token("member", member, payer),
        patient=known.token("patient", patient),
        group=group,
        report="",
        is_active=is_active,
        starts_on=starts_on,
        reported_on=reported_on,
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_coverage(fact, known.numbers))]


LINE = st.builds(
    ClaimLine,
    number=st.just("1"),
    procedure=MAYBE,
    modifiers=st.lists(CODE, max_size=3).map(tuple),
    revenue_code=MAYBE,
    charge_minor=MINOR,
    units=st.sampled_from(["", "1", "2.5"]),
    service_on=DAY,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=4), CODE, CODE, DAY,
       st.sampled_from("178"), st.sampled_from(["professional", "institutional", "dental"]),
       st.sampled_from(["P", "S", "T", ""]), MAYBE, MAYBE)  # fmt: skip
def test_a_submitted_claim_comes_back(  # noqa: PLR0913, PLR0917 - the fields of a claim
    lines: list[ClaimLine], number: str, payer: str, on: date, frequency: str, kind: str,
    sequence: str, place: str, replaced: str,
) -> None:  # fmt: skip
    known = Known()
    numbered = [msgspec.structs.replace(each, number=str(n)) for n, each in enumerate(lines, 1)]
    fact = ClaimSubmitted(
        claim=known.token("claim", number, ""),
        submission="",
        kind=kind,
        frequency=frequency,
        payer=payer,
        sequence=sequence,
        filing_indicator="MB",
        member=known.token("member", "M" + number, payer),
        patient=known.token("patient", "R" + number),
        payer_claim=known.token("payer_claim", replaced, payer),
        authorization=known.token("authorization", "A" + number, payer),
        billing_provider="1234567893",
        rendering_provider="1999999984",
        facility="RB1",
        place_of_service=place,
        charge_minor=sum(each.charge_minor for each in lines),
        service_on=on,
        service_ended_on=on,
        submitted_on=on,
        lines=tuple(numbered),
        where="",
    )
    assert [told(fact)] == [told(e) for e in facts_of(render_claim(fact, known.numbers))]


ADJUSTMENT = st.builds(
    ClaimAdjustment,
    group=st.sampled_from(["CO", "PR", "OA", "PI"]),
    reason=st.sampled_from(["1", "2", "45", "97"]),
    amount_minor=SIGNED.filter(bool),
    where=st.just(""),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(SIGNED, st.lists(ADJUSTMENT, max_size=3), CODE,
                       st.sampled_from(["1", "2", "4", "19", "22"])), max_size=3),
    st.lists(SIGNED.filter(bool), max_size=2), CODE, CODE, DAY, MAYBE,
)  # fmt: skip
def test_a_payment_comes_back_with_its_claims(
    paid: list[tuple[int, list[ClaimAdjustment], str, str]], withheld: list[int], payer: str,
    trace: str, on: date, facility: str,
) -> None:  # fmt: skip
    known = Known()
    claims = [
        ClaimAdjudicated(
            claim=known.token("claim", number, ""),
            adjudication="",
            remittance=f"{payer}:{trace}",
            payer=payer,
            payer_claim=known.token("payer_claim", "P" + number, payer),
            status=status,
            filing_indicator="CI",
            charge_minor=amount + sum(each.amount_minor for each in adjustments),
            paid_minor=amount,
            patient_responsibility_minor=sum(
                each.amount_minor for each in adjustments if each.group == "PR"
            ),
            adjustments=tuple(adjustments),
            service_on=on,
            paid_on=on,
            facility=facility,
            where="",
        )
        for amount, adjustments, number, status in paid
    ]
    total = sum(each.paid_minor for each in claims)
    fact = RemittanceReceived(
        remittance=f"{payer}:{trace}",
        payer=payer,
        trace=trace,
        paid_minor=total - sum(withheld),
        method="",
        paid_on=on,
        facility=facility,
        claims_count=len(claims),
        claims_paid_minor=total,
        provider_adjustments=tuple(
            ProviderAdjustment(reason="WO", amount_minor=each, where="") for each in withheld
        ),
        where="",
    )
    back = facts_of(render_reconciliation(fact, claims, known.numbers))
    assert [told(each) for each in (*claims, fact)] == [told(each) for each in back]


@settings(max_examples=40, deadline=None)
@given(CODE, MAYBE, MAYBE, st.sampled_from([True, False, None]), MAYBE, MAYBE)
def test_reference_data_comes_back(
    code: str, name: str, kind: str, is_active: bool | None, part_of: str, national: str  # noqa: FBT001
) -> None:  # fmt: skip
    common: dict[str, Any] = {"code": code, "system": "ehr", "is_active": is_active}
    place = LocationRecorded(**common, name=name, kind=kind, part_of=part_of, facility=part_of)
    organization = OrganizationRecorded(
        **common, name=name or code, kind=kind, part_of=part_of, national_id=national, tax_id="T1"
    )
    person = ProviderRecorded(**common, name=name, national_id=national)
    role = ProviderRecorded(
        **common, specialty=kind, department=part_of, organization=part_of,
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    for fact, resource in (
        (place, render_location(place)),
        (organization, render_organization(organization)),
        (person, render_practitioner(person)),
        (role, render_role(role)),
    ):
        assert [told(fact)] == [told(each) for each in facts_of(resource)]


@settings(max_examples=40, deadline=None)
@given(CODE, CODE, MINUTE, MAYBE, MAYBE)
def test_a_supply_comes_back(
    number: str, item: str, at_ms: int, department: str, patient: str
) -> None:
    known = Known()
    common: dict[str, Any] = {
        "supply": known.token("supply", number),
        "item": item,
        "coding": "urn:x:items",
        "quantity": "3.5",
        "unit": "EA",
        "department": department,
        "occurred_at_ms": at_ms,
        "occurred_on": day_of(at_ms),
    }
    asked = SupplyRequested(**common, status="active", priority="stat")
    handed = SupplyDispensed(**common, dispense="dsp_1", patient=known.token("patient", patient))
    assert [told(asked)] == [told(e) for e in facts_of(render_request(asked, known.numbers))]
    assert [told(handed)] == [told(e) for e in facts_of(render_delivery(handed, known.numbers))]


@settings(max_examples=40, deadline=None)
@given(CODE, MAYBE, st.sampled_from(["free", "busy", "busy-tentative"]), MINUTE, MAYBE)
def test_a_slot_comes_back(
    number: str, schedule: str, status: str, at_ms: int, service: str
) -> None:
    fact = SlotRecorded(
        slot=number,
        schedule=schedule,
        status=status,
        starts_at_ms=at_ms,
        ends_at_ms=at_ms + 900_000,
        service_code=service,
    )
    assert [told(fact)] == [told(each) for each in facts_of(render_slot(fact))]


@settings(max_examples=40, deadline=None)
@given(CODE, st.lists(CODE, max_size=3), MAYBE, st.one_of(st.none(), DAY),
       st.one_of(st.none(), DAY), st.sampled_from([True, False, None]))  # fmt: skip
def test_a_schedule_comes_back(
    number: str, actors: list[str], service: str, starts_on: date | None, ends_on: date | None,
    is_active: bool | None,  # noqa: FBT001
) -> None:  # fmt: skip
    fact = ScheduleRecorded(
        schedule=number,
        actors=tuple(actors),
        service_code=service,
        starts_on=starts_on,
        ends_on=ends_on,
        is_active=is_active,
    )
    assert [told(fact)] == [told(each) for each in facts_of(render_schedule(fact))]


@settings(max_examples=40, deadline=None)
@given(CODE, CODE, MAYBE, MINOR, DAY,
       st.lists(st.tuples(MAYBE, st.one_of(st.none(), MINOR)), max_size=3))  # fmt: skip
def test_a_suppliers_invoice_comes_back(
    number: str, supplier: str, buyer: str, total: int, dated_on: date,
    lines: list[tuple[str, int | None]],
) -> None:  # fmt: skip
    fact = PurchaseInvoiced(
        order=number,
        document="",
        buyer=buyer,
        supplier=supplier,
        lines=tuple(
            PurchaseLine(number=str(place), supplier_item=item, amount_minor=amount)
            for place, (item, amount) in enumerate(lines, 1)
        ),
        total_minor=total,
        dated_on=dated_on,
        invoice=number,
    )
    assert [told(fact)] == [told(each) for each in facts_of(render_invoice(fact))]


@settings(max_examples=40, deadline=None)
@given(MAYBE, MAYBE, CODE, MINOR, DAY)
def test_word_of_a_payment_comes_back(
    payer: str, payee: str, trace: str, paid: int, paid_on: date
) -> None:
    fact = PaymentAdvised(
        payment=f"{payer}:{trace}",
        payer=payer,
        payee=payee,
        trace=trace,
        paid_minor=paid,
        paid_on=paid_on,
    )
    assert [told(fact)] == [told(each) for each in facts_of(render_notice(fact))]


@settings(max_examples=40, deadline=None)
@given(CODE, MAYBE, MAYBE, st.sampled_from(["P1", "A3", "F0", "F1"]), MINOR, MAYBE,
       st.one_of(st.none(), DAY), DAY)  # fmt: skip
def test_an_explanation_of_benefit_comes_back(
    number: str, payer: str, own: str, category: str, charge: int, trace: str,
    paid_on: date | None, decided_on: date,
) -> None:  # fmt: skip
    known = Known()
    fact = ClaimStatusReported(
        claim=known.token("claim", number, ""),
        report="",
        payer=payer,
        payer_claim=known.token("payer_claim", own, payer),
        statuses=(StatusInformation(category=category),),
        charge_minor=charge,
        paid_minor=charge // 2 + 1 if category == "F1" else 0,
        paid_on=paid_on,
        trace=trace,
        decided_on=decided_on,
        where="",
    )
    assert [told(fact)] == [
        told(each) for each in facts_of(render_explanation(fact, known.numbers))
    ]


@settings(max_examples=40, deadline=None)
@given(CODE, MAYBE, MAYBE, MAYBE, st.sampled_from(["A1", "A2", "A3", "A4", "A6", "CT", "NA"]),
       MAYBE, MAYBE, st.one_of(st.none(), DAY), DAY)  # fmt: skip
def test_a_decided_authorization_comes_back(  # noqa: PLR0913, PLR0917 - the fields of a decision
    number: str, payer: str, provider: str, patient: str, action: str, granted: str, reason: str,
    valid_from: date | None, decided_on: date,
) -> None:  # fmt: skip
    known = Known()
    fact = AuthorizationDecided(
        authorization=known.token("authorization", number, payer),
        payer=payer,
        provider=provider,
        patient=known.token("patient", patient),
        decision="",
        action=action,
        number=known.token("authorization", granted, payer),
        reason=reason,
        valid_from=valid_from,
        decided_on=decided_on,
    )
    back = facts_of(render_authorization(fact, known.numbers))
    assert [told(fact)] == [told(each) for each in back]
