"""FHIR JSON is read strictly and exactly, and written back as it was (wire/fhir).

Bad inputs B46 (depth) and B47 (numbers that are none, a key twice).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model.fault import Fault
from suture.wire.fhir import (
    READ_TYPES,
    Resource,
    Unread,
    content_digest,
    read_part,
    read_resource,
    render,
)
from suture.wire.fhir.decode import DEPTH_MAX
from suture.wire.fhir.elements import CodeableConcept, Coding, Money, Reference
from suture.wire.fhir.financial import FINANCIAL, ChargeItem
from suture.wire.fhir.resources import RESOURCES, Bundle, Encounter

CHARGE = b"""{
  "resourceType": "ChargeItem", "id": "c1", "status": "billable",
  "code": {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.12.1.2.3.4.5.6.7", "code": "80053"}]},
  "subject": {"reference": "Patient/p1"}, "priceOverride": {"value": 12.10, "currency": "USD"},
  "extension": [{"url": "http://example.org/a", "valueString": "say \\"x\\": 1"}]
}"""


def fault_of(raw: bytes) -> Fault:
    found = read_resource(raw)
    assert isinstance(found, Fault)
    return found


def test_a_resource_is_read_with_exact_decimals_and_written_back() -> None:
    charge = read_resource(b"\xef\xbb\xbf" + CHARGE)
    assert isinstance(charge, ChargeItem)
    assert Money(value=Decimal("12.10"), currency="USD") == charge.price_override
    assert b'"value":12.10' in render(charge)
    assert charge == read_resource(render(charge))


def test_names_that_are_words_of_python_are_read() -> None:
    visit = Encounter(status="planned", class_=Coding(code="IMP"))
    assert b'"class":{"code":"IMP"}' in render(visit)
    assert visit == read_resource(render(visit))


def test_each_entry_of_a_bundle_is_read_by_its_own_type() -> None:
    bundle = read_resource(
        b'{"resourceType": "Bundle", "type": "batch", "entry": [{"resource": %s},'
        b' {"resource": {"resourceType": "Observation", "id": "o1", "value": 1}}]}' % CHARGE
    )
    assert isinstance(bundle, Bundle)
    first, second = (read_part(bytes(entry.resource)) for entry in bundle.entry)
    assert (read_resource(CHARGE), Unread("Observation", "o1")) == (first, second)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]x",
        CHARGE.replace(b"12.10", b"NaN"),
        CHARGE.replace(b"12.10", b"Infinity"),
        CHARGE.replace(b"12.10", b"1E+400000"),
        CHARGE.replace(b"12.10", b"1" * 5_000),
        CHARGE.replace(b"12.10", b"012"),
        CHARGE.replace(b"80053", b"\xff"),
    ],
)
def test_b47_what_is_no_json_or_no_number_is_refused(raw: bytes) -> None:
    assert "fhir.json.invalid" == fault_of(raw).code


def test_b47_a_key_that_stands_twice_is_refused() -> None:
    twice = CHARGE.replace(b'"currency"', b'"value": 99, "currency"')
    assert "fhir.json.duplicate_key" == fault_of(twice).code


@pytest.mark.parametrize("depth", [DEPTH_MAX + 2, 100_000])
def test_b46_what_is_nested_too_deep_is_refused(depth: int) -> None:
    found = fault_of(b'{"resourceType":"X","a":' + b"[" * depth + b"]" * depth + b"}")
    assert ("fhir.json.invalid", True) == (found.code, "nested" in found.explanation)


def test_a_fault_names_the_place_and_never_the_value() -> None:
    found = fault_of(CHARGE.replace(b'{"reference": "Patient/p1"}', b'"ZZPHI-1"'))
    assert ("fhir.resource.invalid", "ChargeItem.subject") == (found.code, found.where)
    assert "object is expected, not str" == found.explanation
    missing = fault_of(CHARGE.replace(b'"status": "billable",', b""))
    assert ("ChargeItem", "`status` is missing") == (missing.where, missing.explanation)


@pytest.mark.parametrize("raw", [b"[]", b'{"id": "x"}', b'{"resourceType": 7}', b'"text"', b"null"])
def test_what_names_no_type_is_no_resource(raw: bytes) -> None:
    assert ("fhir.resource.invalid", "resourceType") == (fault_of(raw).code, fault_of(raw).where)


def test_a_type_that_is_not_read_is_told_apart_from_one_that_is_none() -> None:
    assert Unread("Observation") == read_resource(b'{"resourceType": "Observation"}')
    assert Unread("unknown") == read_resource(b'{"resourceType": "JANE DOE 1"}')


def test_every_resource_the_product_names_is_read() -> None:
    wanted = """Appointment Slot Schedule Encounter Account Coverage ChargeItem Claim ClaimResponse
        ExplanationOfBenefit PaymentReconciliation PaymentNotice Invoice Practitioner
        PractitionerRole Organization Location SupplyRequest SupplyDelivery Bundle"""
    assert set() == set(wanted.split()) - set(READ_TYPES)
    assert set(READ_TYPES) == {*RESOURCES, *FINANCIAL}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_is_a_resource_or_a_fault(content: object) -> None:
    found = read_resource(msgspec.json.encode(content))
    assert isinstance(found, Fault | Unread | Resource)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_resource_or_a_fault(raw: bytes) -> None:
    assert isinstance(read_resource(raw), Fault | Unread)


@given(st.text(), st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_what_is_written_is_read_as_it_was(text: str, amount: Decimal) -> None:
    charge = ChargeItem(
        status="billable",
        code=CodeableConcept(text=text),
        subject=Reference(reference=text),
        price_override=Money(value=amount, currency="USD"),
    )
    assert charge == read_resource(render(charge))


@pytest.mark.parametrize(
    ("told", "is_same"),
    [
        (b'{ "b": [1.50],\n"a": "x" }', True),
        (b'\xef\xbb\xbf{"a":"x","b":[1.50],"meta":{"versionId":"2"}}', True),
        (b'{"a":"x","b":[1.5]}', False),
        (b'{"a":"x","b":[2.50]}', False),
        (b'{"a":"x","b":[1.50],"c":{"meta":1}}', False),
    ],
)
def test_a_resource_says_the_same_however_it_is_laid_out(told: bytes, *, is_same: bool) -> None:
    assert is_same == (content_digest(told) == content_digest(b'{"a":"x","b":[1.50]}'))


@pytest.mark.parametrize("broken", [b"{", b"\xff", b"[" * 9000])
def test_bytes_that_are_no_resource_say_what_they_are(broken: bytes) -> None:
    assert content_digest(broken) == content_digest(broken) != content_digest(broken + b" ")
