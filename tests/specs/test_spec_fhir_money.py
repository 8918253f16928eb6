"""FHIR books like HL7 v2 and X12: a payment as its 835 does, a charge taken back leaves nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from suture.cli.estates import sample_estate_folder
from suture.cli.trace_file import Readers
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.memory import Rehearsal, Told

CASH, CLEARING = "1020", "1025"


@pytest.fixture(scope="module")
def readers() -> Readers:
    """Return the sample estate, ready to read files by."""
    estate = load(read_folder(sample_estate_folder()), CONNECTORS)
    assert isinstance(estate, Estate)
    return Readers(estate, b"an index key of the tests, 32 bytes")


def told(readers: Readers, *resources: dict[str, Any]) -> list[Told]:
    data = "\n".join(json.dumps(each) for each in resources).encode()
    rehearsal = Rehearsal(readers.estate.books, readers.channel)
    rehearsal.judge([data])
    assert {"accepted"} == {each.translation.status for each in rehearsal.judged}
    return [each for each in rehearsal.tell([data]) if isinstance(each, Told)]


def balance(events: list[Told], account: str = "") -> int:
    return sum(
        line.debit_minor - line.credit_minor
        for each in events
        for entry in each.entries
        for line in entry.lines
        if not account or line.account == account
    )


def test_a_payment_books_its_cash_and_clears_what_it_pays(readers: Readers) -> None:
    detail = [
        {
            "type": {"coding": [{"code": "payment"}]},
            "request": {"identifier": {"value": f"CLM-{number}"}},
            "amount": {"value": amount, "currency": "USD"},
        }
        for number, amount in ((1, 70.25), (2, 29.75))
    ]
    events = told(
        readers,
        {
            "resourceType": "PaymentReconciliation",
            "status": "active",
            "created": "2026-03-05",
            "paymentIssuer": {"identifier": {"value": "BLUECREST"}},
            "requestor": {"identifier": {"value": "RGH"}},
            "paymentDate": "2026-03-04",
            "paymentAmount": {"value": 100, "currency": "USD"},
            "paymentIdentifier": {"value": "EFT-1"},
            "detail": detail,
        },
    )
    assert 10_000 == balance(events, CASH)
    claims = [each for each in events if each.event.type == "claim.adjudicated"]
    assert 2 == len(claims)
    assert all(each.entries or each.opened for each in claims)
    parked = sum(item.amount_minor for each in claims for item in each.opened)
    assert 0 == balance(events, CLEARING) + parked


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_charge_taken_back_leaves_nothing_whichever_comes_first(
    readers: Readers, order: tuple[int, int]
) -> None:
    charge = {
        "resourceType": "ChargeItem",
        "id": "c1",
        "identifier": [{"value": "CH-77"}],
        "code": {"coding": [{"code": "300-1"}]},
        "subject": {"display": "-"},
        "occurrenceDateTime": "2026-03-02",
        "priceOverride": {"value": 12.5, "currency": "USD"},
        "account": [{"identifier": {"value": "AC-5"}}],
        "performingOrganization": {"identifier": {"value": "LAB"}},
    }
    versions = [
        charge | {"status": status, "meta": {"versionId": version, "lastUpdated": at}}
        for status, version, at in (
            ("billable", "1", "2026-03-02T10:00:00Z"),
            ("entered-in-error", "2", "2026-03-03T10:00:00Z"),
        )
    ]
    account = {
        "resourceType": "Account",
        "identifier": [{"value": "AC-5"}],
        "status": "active",
        "contained": [
            {
                "resourceType": "Coverage",
                "id": "v",
                "status": "active",
                "type": {"coding": [{"code": "MC"}]},
                "beneficiary": {"display": "-"},
                "payor": [{"identifier": {"value": "BLUECREST"}}],
            }
        ],
        "coverage": [{"coverage": {"reference": "#v"}, "priority": 1}],
    }
    events = told(readers, account, *(versions[each] for each in order))
    nets: dict[str, int] = {}
    for each in events:
        for entry in each.entries:
            for line in entry.lines:
                amount = line.debit_minor - line.credit_minor
                nets[line.account] = nets.get(line.account, 0) + amount
    assert {0} >= set(nets.values())
    opened = {item.id for each in events for item in each.opened}
    assert opened == {item.id for each in events for item in each.resolved}
