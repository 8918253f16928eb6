"""What FHIR resources mean (translate/fhir_*): money, dates, references, bundles, and their faults.

Bad input B50 (too many entries). All resources are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from suture.model.account import AccountRegistered, ChargePosted
from suture.model.authorization import AuthorizationDecided
from suture.model.claim import ClaimAdjudicated, ClaimSubmitted
from suture.model.coverage import CoverageReported
from suture.model.encounter import EncounterDischarged, EncounterRegistered
from suture.model.identity import Tokenizer
from suture.model.party import PatientMerged
from suture.model.purchase import PaymentAdvised, PurchaseInvoiced
from suture.model.remittance import RemittanceReceived
from suture.model.translation import Channel, Reading, Translation
from suture.pipeline import initial, read_file, read_message
from suture.translate.fhir_bundle import ENTRIES_MAX
from suture.translate.file_format import detect_format

TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")
CHANNEL = Channel(
    source="ehr",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=TOKENIZER,
    authority="riverbend",
    facility="RB1",
)
PAYER = {"identifier": {"value": "PAYER9"}}
USD = "USD"


def numbered(value: str) -> dict[str, Any]:
    return {"identifier": {"value": value}}


def money(value: float, currency: str = USD) -> dict[str, Any]:
    return {"value": value, "currency": currency}


def charge(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ChargeItem",
        "id": "c1",
        "meta": {"versionId": "1", "lastUpdated": "2026-03-02T10:00:00Z"},
        "identifier": [{"value": "CH-77"}],
        "status": "billable",
        "code": {"coding": [{"system": "urn:x:cdm", "code": "300-1"}]},
        "subject": {"reference": "Patient/p1"},
        "occurrenceDateTime": "2026-03-02T03:30:00Z",
        "priceOverride": money(12.5),
        "account": [numbered("AC-5")],
    } | changes


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "PaymentReconciliation",
        "id": "pr1",
        "status": "active",
        "created": "2026-03-05",
        "paymentIssuer": PAYER,
        "paymentDate": "2026-03-04",
        "paymentAmount": money(80),
        "paymentIdentifier": {"value": "EFT-1"},
        "detail": [
            {"type": {"text": "payment"}, "request": numbered("CLM-1"), "amount": money(100)},
            {
                "type": {
                    "coding": [
                        {
                            "system": "https://x12.org/codes/provider-adjustment-reason-codes",
                            "code": "WO",
                        }
                    ]
                },
                "amount": money(-20),
            },
        ],
    } | changes


def claim(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim",
        "id": "k1",
        "identifier": [{"value": "CLM-1"}],
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "claim",
        "patient": numbered("MRN-1"),
        "created": "2026-03-03",
        "insurer": PAYER,
        "provider": numbered("1234567893"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": numbered("MEM-1")}],
        "item": [
            {
                "sequence": 1,
                "productOrService": {"coding": [{"code": "99213"}]},
                "servicedDate": "2026-03-02",
                "net": money(150),
            }
        ],
        "total": money(150),
    } | changes


def told(resource: dict[str, Any]) -> Translation:
    return read_message(json.dumps(resource).encode(), CHANNEL)


def codes(resource: dict[str, Any]) -> list[str]:
    translation = told(resource)
    assert (translation.status == "accepted") is not bool(translation.faults)
    return [each.code for each in translation.faults]


def fact_of(resource: dict[str, Any]) -> Any:
    translation = told(resource)
    assert () == translation.faults
    return translation.routed[0].fact


def readings(data: bytes) -> list[tuple[str, str, list[str], int]]:
    return [
        (
            piece.translation.type,
            piece.translation.status,
            [each.code for each in piece.translation.faults],
            len(piece.translation.routed),
        )
        for piece in read_file([data], CHANNEL)
        if isinstance(piece, Reading)
    ]


def bundle(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": each} for n, each in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def test_a_charge_is_told_to_its_account_on_the_day_of_the_facility() -> None:
    fact = fact_of(charge())
    assert isinstance(fact, ChargePosted)
    assert (1250, date(2026, 3, 1)) == (fact.amount_minor, fact.service_on)
    assert TOKENIZER.token("account", "riverbend", "AC-5") == fact.account
    assert ("300-1", "RB1") == (fact.transaction_code, fact.facility)


def test_a_charge_entered_in_error_is_told_again_at_nothing() -> None:
    posted, taken_back = fact_of(charge()), fact_of(charge(status="entered-in-error"))
    assert (posted.charge, 0) == (taken_back.charge, taken_back.amount_minor)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"priceOverride": money(1, "EUR")}, "fhir.currency.unsupported"),
        ({"priceOverride": money(1.005)}, "fhir.amount.invalid"),
        ({"priceOverride": None}, "fhir.amount.missing"),
        ({"occurrenceDateTime": "2026-03"}, "fhir.date.invalid"),
        ({"occurrenceDateTime": "2026-02-30"}, "fhir.date.invalid"),
        ({"occurrenceDateTime": ""}, "fhir.element.missing"),
        ({"account": []}, "fhir.element.missing"),
        ({"account": [{"reference": "Account/a9"}]}, "fhir.reference.unresolved"),
        ({"status": "sold"}, "fhir.status.unsupported"),
    ],
)
def test_a_charge_that_cannot_be_booked_is_held_with_its_place(
    changes: dict[str, Any], code: str
) -> None:
    resource = {name: value for name, value in charge(**changes).items() if value is not None}
    assert [code] == codes(resource)
    assert told(resource).faults[0].where.startswith("ChargeItem.")


def test_an_exponent_is_no_amount() -> None:
    raw = json.dumps(charge()).replace("12.5", "1e3").encode()
    assert ["fhir.amount.invalid"] == [each.code for each in read_message(raw, CHANNEL).faults]


def test_a_payment_that_adds_up_becomes_a_remittance_and_its_claims() -> None:
    translation = told(payment())
    paid, received = (each.fact for each in translation.routed)
    assert isinstance(paid, ClaimAdjudicated)
    assert isinstance(received, RemittanceReceived)
    assert (10000, 8000) == (paid.paid_minor, received.paid_minor)
    assert [("WO", 2000)] == [(e.reason, e.amount_minor) for e in received.provider_adjustments]
    assert received.claims_paid_minor == received.paid_minor + 2000
    assert "remittance:PAYER9:EFT-1" in translation.identities
    assert TOKENIZER.token("claim", "", "CLM-1") == paid.claim


def test_b28_a_payment_that_does_not_add_up_is_held_with_the_difference() -> None:
    translation = told(payment(paymentAmount=money(90)))
    assert ["fhir.payment.unbalanced"] == [each.code for each in translation.faults]
    assert "10.00 less" in translation.faults[0].explanation
    assert () == translation.routed


def test_a_decision_must_end_in_what_is_paid() -> None:
    answer = {
        "resourceType": "ClaimResponse",
        "id": "r",
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "claim",
        "patient": {"display": "-"},
        "created": "2026-03-04",
        "request": numbered("CLM-1"),
        "outcome": "complete",
        "total": [{"category": {"coding": [{"code": "submitted"}]}, "amount": money(150)}],
        "adjudication": [
            {
                "category": {"coding": [{"code": "CO"}]},
                "reason": {"coding": [{"code": "45"}]},
                "amount": money(40),
            },
            {"category": {"coding": [{"code": "copay"}]}, "amount": money(10)},
        ],
        "payment": {"type": {"text": "-"}, "amount": money(100)},
    }
    detail = payment()["detail"]
    detail[0]["response"] = {"reference": "#r"}
    fact = fact_of(payment(detail=detail, contained=[answer]))
    assert [("CO", "45", 4000), ("PR", "3", 1000)] == [
        (each.group, each.reason, each.amount_minor) for each in fact.adjustments
    ]
    answer["total"][0]["amount"] = money(151)  # type: ignore[index]
    assert ["fhir.adjudication.unbalanced"] == codes(payment(detail=detail, contained=[answer]))


def test_a_claim_is_told_with_its_lines_and_must_add_up() -> None:
    fact = fact_of(claim())
    assert isinstance(fact, ClaimSubmitted)
    assert (15000, ["99213"]) == (fact.charge_minor, [each.procedure for each in fact.lines])
    assert ["fhir.claim.unbalanced"] == codes(claim(total=money(151)))
    assert ["fhir.use.unsupported"] == codes(claim(use="preauthorization"))


def test_a_finished_encounter_began_and_ended() -> None:
    visit = {
        "resourceType": "Encounter",
        "id": "e1",
        "identifier": [{"value": "V-1"}],
        "status": "finished",
        "class": {"code": "AMB"},
        "period": {"start": "2026-03-02T09:00:00-06:00", "end": "2026-03-02T10:00:00-06:00"},
    }
    began, ended = (each.fact for each in told(visit).routed)
    assert isinstance(began, EncounterRegistered)
    assert isinstance(ended, EncounterDischarged)
    assert (date(2026, 3, 2), 3_600_000) == (ended.ended_on, ended.ended_at_ms - ended.began_at_ms)


def test_a_bundle_resolves_its_own_references_and_holds_an_unread_type_once() -> None:
    account = {
        "resourceType": "Account",
        "id": "a1",
        "identifier": [{"value": "AC-5"}],
        "status": "active",
        "coverage": [{"coverage": {"reference": "Coverage/v1"}, "priority": 1}],
    }
    coverage = {
        "resourceType": "Coverage",
        "id": "v1",
        "status": "active",
        "type": {"coding": [{"code": "MC"}]},
        "subscriberId": "MEM-1",
        "beneficiary": {"display": "-"},
        "payor": [PAYER],
        "period": {"start": "2026-01-01"},
    }
    unread = {"resourceType": "Observation", "id": "o1"}
    resources = (
        charge(account=[{"reference": "urn:uuid:1"}]), account, coverage, unread,
        unread | {"id": "o2"},
    )  # fmt: skip
    data = json.dumps(bundle(*resources)).encode()
    assert [
        ("ChargeItem", "accepted", [], 1),
        ("Account", "accepted", [], 1),
        ("Coverage", "accepted", [], 1),
        ("Observation", "held", ["fhir.type.unsupported"], 0),
    ] == readings(data)
    facts = [
        routed.fact
        for piece in read_file([data], CHANNEL)
        if isinstance(piece, Reading)
        for routed in piece.translation.routed
    ]
    posted, registered, reported = facts
    assert isinstance(posted, ChargePosted)
    assert isinstance(registered, AccountRegistered)
    assert isinstance(reported, CoverageReported)
    assert posted.account == registered.account
    assert ("MC", "PAYER9") == (registered.financial_class, registered.payer)


def test_each_message_of_a_file_is_the_bytes_that_said_it() -> None:
    data = json.dumps(bundle(charge(), claim())).encode()
    pieces = [piece for piece in read_file([data], CHANNEL) if isinstance(piece, Reading)]
    parts = [json.loads(data[each.offset : each.offset + each.bytes_count]) for each in pieces]
    assert [charge(), claim()] == parts


def test_lines_of_resources_are_messages_of_their_own() -> None:
    data = b"\n".join(json.dumps(each).encode() for each in (charge(), claim()))
    assert ["ChargeItem", "Claim"] == [each[0] for each in readings(data)]
    assert ("fhir", "fhir", "unknown") == (
        detect_format(data), detect_format(b"\xef\xbb\xbf {"+b'"a": 1}'), detect_format(b"[1]")
    )  # fmt: skip


def test_b50_a_bundle_of_too_many_entries_is_refused() -> None:
    many = {"resourceType": "Bundle", "type": "batch", "entry": [{}] * (ENTRIES_MAX + 1)}
    assert [("Bundle", "rejected", ["fhir.bundle.too_many"], 0)] == readings(
        json.dumps(many).encode()
    )


def test_bundles_that_are_no_list_of_resources_are_held() -> None:
    told_by = readings(json.dumps(bundle(charge(), kind="history")).encode())
    assert [("Bundle", "held", ["fhir.bundle.unsupported"], 0)] == told_by
    asked = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Claim/1"}}]}  # fmt: skip
    assert ["fhir.entry.deleted"] == readings(json.dumps(asked).encode())[0][2]


def test_a_bundle_with_nothing_in_it_is_accepted() -> None:
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    assert [("Bundle", "accepted", [], 0)] == readings(json.dumps(empty).encode())


def test_a_patient_merged_is_told_to_both() -> None:
    link = [{"other": numbered("MRN-2"), "type": "replaced-by"}]
    patient = {"resourceType": "Patient", "identifier": [{"value": "MRN-1"}], "link": link}
    first, second = (each.fact for each in told(patient).routed)
    assert isinstance(first, PatientMerged)
    assert isinstance(second, PatientMerged)
    assert (first.retired, first.survivor) == (first.patient, second.patient)


def test_an_invoice_of_a_patient_books_nothing_and_a_suppliers_is_told() -> None:
    invoice = {
        "resourceType": "Invoice", "identifier": [{"value": "I-1"}], "status": "issued",
        "issuer": numbered("SUP"), "date": "2026-03-02", "totalNet": money(9),
    }  # fmt: skip
    assert isinstance(fact_of(invoice), PurchaseInvoiced)
    translation = told(invoice | {"subject": numbered("MRN-1")})
    assert ((), ["fhir.invoice.of_patient"]) == (
        translation.routed,
        [each.code for each in translation.notes],
    )


def test_a_notice_of_payment_is_kept() -> None:
    notice = {
        "resourceType": "PaymentNotice", "status": "active", "created": "2026-03-02",
        "payment": numbered("EFT-1"), "recipient": PAYER, "amount": money(80),
    }  # fmt: skip
    fact = fact_of(notice)
    assert isinstance(fact, PaymentAdvised)
    assert ("PAYER9:EFT-1", 8000) == (fact.payment, fact.paid_minor)


def test_an_id_that_tells_a_number_is_shown_as_a_surrogate() -> None:
    assert "k1" == told(claim()).control_id
    hidden = told(claim(id="f-CLM-1"))
    assert hidden.control_id.startswith("ctl_")
    assert "CLM-1" not in "".join(hidden.identities)


def every_stream(resource: dict[str, Any]) -> Iterator[str]:
    yield from (each.stream for each in told(resource).routed)


@pytest.mark.parametrize("resource", [charge(), claim(), payment()])
def test_every_fact_is_told_to_a_stream_that_is_served(resource: dict[str, Any]) -> None:
    for stream in every_stream(resource):
        assert initial(stream).standing == {}


def test_a_source_that_is_not_to_send_fhir_is_held_and_a_rehearsal_notes_it() -> None:
    door = msgspec.structs.replace(CHANNEL, translations=frozenset({"hl7v2_adt"}))
    raw = json.dumps(charge()).encode()
    held = read_message(raw, door)
    assert ("held", ["intake.type.unexpected"], ()) == (
        held.status,
        [each.code for each in held.faults],
        held.identities,
    )
    noted = read_message(raw, msgspec.structs.replace(door, is_rehearsal=True))
    assert ("accepted", ["intake.type.unexpected"]) == (
        noted.status,
        [each.code for each in noted.notes],
    )


# Authorization ----------------------------------------------------------------------------------


def authorization(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ClaimResponse",
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "preauthorization",
        "patient": numbered("MRN1"),
        "created": "2026-11-03",
        "insurer": PAYER,
        "request": numbered("RBV1"),
        "outcome": "complete",
        "preAuthRef": "AUTH90210",
        "preAuthPeriod": {"start": "2026-11-15", "end": "2027-01-15"},
        **changes,
    }


def decided(resource: dict[str, Any]) -> AuthorizationDecided:
    (routed,) = told(resource).routed
    assert isinstance(routed.fact, AuthorizationDecided)
    return routed.fact


def test_an_answer_to_a_preauthorization_is_a_decided_authorization() -> None:
    (routed,) = told(authorization()).routed
    fact = decided(authorization())
    assert f"authorization/{TOKENIZER.token('authorization', 'PAYER9', 'RBV1')}" == routed.stream
    assert TOKENIZER.token("authorization", "PAYER9", "AUTH90210") == fact.number
    assert (date(2026, 11, 15), date(2027, 1, 15)) == (fact.valid_from, fact.valid_until)
    assert ("PAYER9", date(2026, 11, 3)) == (fact.payer, fact.decided_on)


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "A1"),
        ({"preAuthRef": ""}, "A3"),
        ({"outcome": "partial"}, "A2"),
        ({"outcome": "queued", "preAuthRef": ""}, "A4"),
        ({"outcome": "error", "preAuthRef": ""}, "CT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_decision_without_a_review_action_is_told_by_its_outcome_and_number(
    changes: dict[str, Any], action: str
) -> None:
    resource = {name: value for name, value in authorization(**changes).items() if value}
    assert action == decided(resource).action


def test_a_review_action_outranks_the_outcome() -> None:
    review = {"coding": [{"system": "https://codesystem.x12.org/005010/306", "code": "A6"}]}
    assert "A6" == decided(authorization(adjudication=[{"category": review}])).action


def test_a_decision_of_no_request_is_held() -> None:
    silent = authorization()
    del silent["request"]
    assert ["fhir.element.missing"] == codes(silent)
