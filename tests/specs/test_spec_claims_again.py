"""Chapter: a claim is decided more than once. Denials overturned, claims sent on, duplicates.

What each remittance says is clear by itself; what stands is read off all that was decided of the
claim, in whatever order it came. Every spec here is told in every order. Before this chapter:
test_spec_remittance.py.
"""

from __future__ import annotations

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, books_after, books_of, edited
from tests.specs.riverbend_messages import CLINIC, COMMERCIAL, Claim, interchange, remittance

DENIED = Claim("C-1", 20_000, (("CO", "197", 20_000),), payer_number="ICN1")
PAID = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "2", 3_000)), payer_number="ICN2")
"""Charged 200.00: 120.00 paid, 50.00 contractual, 30.00 the patient's."""
FORWARDED = msgspec.structs.replace(PAID, status="19")
SECONDARY = Claim(
    "C-1", 20_000, (("OA", "23", 17_000), ("PR", "2", 1_000)), status="2", filing="CI"
)
"""Of the 30.00 the primary left, the secondary pays 20.00 and leaves 10.00."""


def told(number: int, *claims: Claim, payer: str = "1990000011", taken: int = 0) -> bytes:
    """Return the payer's remittance of the `number`th of March; `taken` is carried forward."""
    plb = [("FB", taken)] if taken else []
    day = f"202603{number:02d}"
    body = remittance(
        f"EFT{number}", *claims, payer=payer, plb=plb, paid_on=day, made_at=f"{day}0600"
    )
    return interchange(body, number=number)


# A denial is decided again ----------------------------------------------------------------------


def test_a_denial_overturned_without_a_reversal_leaves_the_receivable_once() -> None:
    """R11: nothing is left in appeal, and 1100 falls by the charge, not by twice the charge."""
    riverbend = books_after(told(10, DENIED), told(20, PAID))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_a_denial_upheld_stays_in_appeal_once() -> None:
    upheld = msgspec.structs.replace(DENIED, payer_number="ICN2")
    riverbend = books_after(told(10, DENIED), told(20, upheld))
    assert {"1100": "-200.00", "1197": "200.00"} == riverbend.balances()


def test_a_denial_that_was_reversed_is_not_released_a_second_time() -> None:
    riverbend = books_after(told(10, DENIED), told(20, DENIED.reversed(), PAID))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_a_denial_stands_again_when_its_overturning_is_taken_back() -> None:
    riverbend = books_after(
        told(10, DENIED), told(20, PAID), told(27, PAID.reversed(), taken=-12_000)
    )
    assert {"1020": "120.00", "1100": "-200.00", "1197": "200.00", "2212": "-120.00"} == (
        riverbend.balances()
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(told(20, msgspec.structs.replace(PAID, charge_minor=21_000)), id="charge"),
        pytest.param(told(20, PAID, payer=COMMERCIAL), id="payer"),
        pytest.param(told(20, msgspec.structs.replace(PAID, status="2")), id="role"),
        pytest.param(told(5, PAID), id="earlier"),
    ],
)
def test_a_denial_is_released_by_no_decision_of_something_else(other: bytes) -> None:
    assert "200.00" == books_after(told(10, DENIED), other).balances()["1197"]


def test_a_denied_part_of_a_split_claim_is_not_released_by_the_paid_part_beside_it() -> None:
    assert "200.00" == books_after(told(10, DENIED, PAID)).balances()["1197"]


# A claim is sent on to another payer ------------------------------------------------------------


def test_a_forwarded_claim_bills_the_patient_nothing_yet() -> None:
    """CLP02 19: the 30.00 stay with the payers until the next one has decided."""
    riverbend = books_after(told(10, FORWARDED))
    assert {"1020": "120.00", "1100": "-170.00", "4110": "50.00"} == riverbend.balances()


def test_after_the_next_payer_the_patient_owes_what_is_left_and_the_payers_nothing() -> None:
    riverbend = books_after(told(10, FORWARDED), told(20, SECONDARY, payer=COMMERCIAL))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_claim_sent_on_twice_bills_the_patient_after_the_third_payer() -> None:
    second = msgspec.structs.replace(SECONDARY, status="20")
    third = Claim("C-1", 20_000, (("OA", "23", 19_000), ("PR", "2", 400)), status="3", filing="CI")
    after_two = books_after(told(10, FORWARDED), told(20, second, payer=COMMERCIAL))
    assert {"1020": "140.00", "1100": "-190.00", "4110": "50.00"} == after_two.balances()
    after_three = books_after(
        told(10, FORWARDED), told(20, second, payer=COMMERCIAL), told(25, third, payer="1990000014")
    )
    assert {"1020": "146.00", "1100": "-200.00", "1110": "4.00", "4110": "50.00"} == (
        after_three.balances()
    )


def test_a_secondary_that_forwards_what_the_primary_left_to_the_patient_leaves_it_there() -> None:
    second = msgspec.structs.replace(SECONDARY, status="20")
    riverbend = books_after(told(10, PAID), told(20, second, payer=COMMERCIAL))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_forwarded_claim_corrected_to_one_that_stops_there_ends_as_if_never_forwarded() -> None:
    riverbend = books_after(
        told(10, FORWARDED),
        told(15, FORWARDED.reversed(), PAID),
        told(20, SECONDARY, payer=COMMERCIAL),
    )
    plain = books_after(told(15, PAID), told(20, SECONDARY, payer=COMMERCIAL))
    assert plain.balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_secondarys_denial_goes_to_the_appeals_and_not_to_suspense() -> None:
    adjustments = (("OA", "23", 17_000), ("CO", "29", 3_000))
    denied = msgspec.structs.replace(SECONDARY, adjustments=adjustments)
    riverbend = books_after(told(10, PAID), told(20, denied, payer=COMMERCIAL))
    assert {"1020": "120.00", "1100": "-200.00", "1197": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


# A claim is sent twice --------------------------------------------------------------------------


@pytest.mark.parametrize("first", [PAID, DENIED], ids=["paid", "denied"])
def test_an_exact_duplicate_moves_nothing_and_a_person_is_told(first: Claim) -> None:
    """CARC 18: the first decision has settled the receivable."""
    again = Claim("C-1", 20_000, (("CO", "18", 20_000),), payer_number="ICN3")
    riverbend = books_after(told(10, first), told(20, again))
    assert books_after(told(10, first)).balances() == riverbend.balances()
    assert [("claim.exact_duplicate", "200.00")] == riverbend.exceptions()


def test_a_secondarys_exact_duplicate_moves_nothing_either() -> None:
    again = Claim("C-1", 20_000, (("CO", "18", 20_000),), status="2", filing="CI")
    riverbend = books_after(told(10, PAID), told(20, again, payer=COMMERCIAL))
    assert books_after(told(10, PAID)).balances() == riverbend.balances()
    assert [("claim.exact_duplicate", "200.00")] == riverbend.exceptions()


# Claims without a number ------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "0", "000"])
def test_claims_without_a_number_have_nothing_in_common(number: str) -> None:
    """Nobody may take one for another's denial, duplicate or original."""
    denied = msgspec.structs.replace(DENIED, number=number)
    paid = msgspec.structs.replace(PAID, number=number)
    riverbend = books_after(told(10, denied, denied), told(20, paid))
    assert ("400.00", "120.00") == (riverbend.balances()["1197"], riverbend.balances()["1020"])
    assert 3 == sum(stream.startswith("claim/") for stream in riverbend.records)


# A payee nobody knows ---------------------------------------------------------------------------

UNKNOWN_PAYEE = remittance("EFT1", PAID, payee="9999999999")
WITHOUT_WILDCARD = edited("crosswalks/facility.csv", "remits,*,RGH,,\n", "")
MAPPED = edited(
    "crosswalks/facility.csv", "remits,*,RGH,,\n", "*,9999999999,DTC,,\nremits,*,RGH,,\n"
)


def facilities(riverbend: Riverbend) -> set[str]:
    return {place[3] for place in riverbend.trial_balance()}


def test_an_unknown_payee_is_booked_where_the_wildcard_row_says_and_somebody_looks() -> None:
    riverbend = books_after(interchange(UNKNOWN_PAYEE))
    assert {"RGH"} == facilities(riverbend)
    assert [("ledger.facility.assumed", "120.00")] * 2 == riverbend.exceptions()
    (explanation,) = {fault.explanation for fault in riverbend.faults()}
    assert (
        "The payee `9999999999` is in no row of crosswalks/facility.csv; booked at `RGH` by the "
        "wildcard row." == explanation
    )


def test_an_unknown_payee_waits_where_no_wildcard_row_says_otherwise() -> None:
    """The `facility` of the source is for remittances that name no payee."""
    riverbend = Riverbend(books_of(WITHOUT_WILDCARD))
    riverbend.receive(interchange(UNKNOWN_PAYEE))
    assert {} == riverbend.balances()
    assert [("ledger.facility.unmapped", "120.00")] * 2 == riverbend.exceptions()


def test_a_payee_mapped_later_moves_what_was_booked_by_the_wildcard() -> None:
    riverbend = Riverbend()
    riverbend.receive(interchange(UNKNOWN_PAYEE))
    riverbend.promote(books_of(MAPPED))
    assert {"DTC"} == facilities(riverbend)
    assert [] == riverbend.exceptions()


def test_a_known_payee_and_one_not_named_are_nobodys_concern() -> None:
    riverbend = books_after(
        interchange(remittance("EFT1", PAID, payee=CLINIC)),
        interchange(remittance("EFT2", DENIED, PAID, payee=""), number=2),
    )
    assert {"DTC", "RGH"} == facilities(riverbend)
    assert [] == riverbend.exceptions()
