"""Chapter: a claim is decided more than once. Denials overturned, upheld, answered elsewhere.

What each remittance says is clear by itself; what stands is read off all that was decided of the
claim: its charge leaves the insurance receivable (1100) once, whoever decided it how often. Every
spec here is told in every order. Before this chapter: test_spec_remittance.py; what a payer takes
back is test_spec_claims_reversed.py, several payers are test_spec_claims_of_several_payers.py.
"""

from __future__ import annotations

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, books_after, books_of, edited
from tests.specs.riverbend_messages import CLINIC, COMMERCIAL, Claim, interchange, remittance

DENIED = Claim("C-1", 20_000, (("CO", "197", 20_000),), payer_number="ICN1")
PAID = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "2", 3_000)), payer_number="ICN2")
"""Charged 200.00: 120.00 paid, 50.00 contractual, 30.00 the patient's."""


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


def test_a_denial_of_one_payer_is_answered_by_the_primary_payment_of_another() -> None:
    """CO 22, CO 109: not this payer's. Once the right one has paid, nothing is in appeal."""
    wrong = msgspec.structs.replace(DENIED, adjustments=(("CO", "109", 20_000),))
    riverbend = books_after(told(10, wrong, payer=COMMERCIAL), told(20, PAID))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_two_payers_that_each_say_it_is_the_others_leave_one_claim_in_appeal() -> None:
    riverbend = books_after(
        told(10, msgspec.structs.replace(DENIED, adjustments=(("CO", "109", 20_000),))),
        told(20, msgspec.structs.replace(DENIED, adjustments=(("CO", "22", 20_000),)), payer="P2"),
    )
    assert {"1100": "-200.00", "1197": "200.00"} == riverbend.balances()


def test_a_claim_all_of_which_was_the_patients_deductible_is_decided_again_like_a_denial() -> None:
    """Nothing was paid, so there was nothing to reverse (CLP02 22 takes a payment back)."""
    deductible = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "1", 15_000)))
    riverbend = books_after(told(10, deductible), told(20, PAID))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_denial_after_the_payment_takes_nothing_off_again_and_a_person_is_told() -> None:
    """The payment stands until a reversal or a recoupment takes it back: 1100 is empty already."""
    riverbend = books_after(told(10, PAID), told(20, DENIED))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [("claim.denied_after_settlement", "200.00")] == riverbend.exceptions()


def test_a_denial_after_a_payment_that_is_then_taken_back_stands() -> None:
    riverbend = books_after(
        told(10, PAID), told(20, DENIED), told(27, PAID.reversed(), taken=-12_000)
    )
    assert {"1020": "120.00", "1100": "-200.00", "1197": "200.00", "2212": "-120.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(told(20, msgspec.structs.replace(PAID, charge_minor=21_000)), id="charge"),
        pytest.param(told(20, msgspec.structs.replace(PAID, number="C-2")), id="claim"),
    ],
)
def test_a_denial_is_released_by_no_decision_of_another_charge(other: bytes) -> None:
    assert "200.00" == books_after(told(10, DENIED), other).balances()["1197"]


def test_a_denied_part_of_a_split_claim_is_not_released_by_the_paid_part_beside_it() -> None:
    assert "200.00" == books_after(told(10, DENIED, PAID)).balances()["1197"]


# A claim is sent twice --------------------------------------------------------------------------


@pytest.mark.parametrize("first", [PAID, DENIED], ids=["paid", "denied"])
def test_an_exact_duplicate_moves_nothing_and_a_person_is_told(first: Claim) -> None:
    """CARC 18: the first decision has settled the receivable."""
    again = Claim("C-1", 20_000, (("CO", "18", 20_000),), payer_number="ICN3")
    riverbend = books_after(told(10, first), told(20, again))
    assert books_after(told(10, first)).balances() == riverbend.balances()
    assert [("claim.exact_duplicate", "200.00")] == riverbend.exceptions()


def test_a_duplicate_of_a_claim_nobody_has_decided_leaves_the_charge_where_it_is() -> None:
    """The first decision may still come; until then the payer owes, and somebody asks for it."""
    again = Claim("C-1", 20_000, (("OA", "18", 20_000),))
    riverbend = books_after(told(10, again))
    assert {} == riverbend.balances()
    assert [("claim.exact_duplicate", "200.00")] == riverbend.exceptions()


def test_a_duplicate_overturned_is_a_plain_payment() -> None:
    """The payer took the claim for a copy, then decided it: nobody need look any more."""
    again = Claim("C-1", 20_000, (("OA", "18", 20_000),))
    riverbend = books_after(told(10, again), told(20, again.reversed(), PAID))
    assert books_after(told(20, PAID)).balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_duplicate_line_of_a_paid_claim_stays_on_the_receivable() -> None:
    """Charged 200.00, of which a line of 40.00 was sent twice: 160.00 are decided."""
    lines = Claim("C-1", 20_000, (("CO", "18", 4_000), ("CO", "45", 5_000), ("PR", "2", 3_000)))
    riverbend = books_after(told(10, lines))
    assert {"1020": "80.00", "1100": "-160.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [("claim.exact_duplicate", "40.00")] == riverbend.exceptions()


def test_what_a_payer_calls_a_duplicate_and_the_patients_is_the_patients() -> None:
    """PR 18: the group says who owes."""
    riverbend = books_after(told(10, Claim("C-1", 20_000, (("PR", "18", 20_000),))))
    assert {"1100": "-200.00", "1110": "200.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


# Claims without a number ------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "0", "000"])
def test_claims_without_a_number_have_nothing_in_common(number: str) -> None:
    """Nobody may take one for another's denial, duplicate or original."""
    denied = msgspec.structs.replace(DENIED, number=number)
    paid = msgspec.structs.replace(PAID, number=number)
    riverbend = books_after(told(10, denied, denied), told(20, paid))
    assert ("400.00", "120.00") == (riverbend.balances()["1197"], riverbend.balances()["1020"])
    assert 3 == sum(stream.startswith("claim/") for stream in riverbend.records)


# Claims nobody has decided yet --------------------------------------------------------------------


@pytest.mark.parametrize("status", ["5", "10", "13", "15", "16", "17", "23"])
def test_a_claim_nobody_has_decided_stays_on_the_payers_receivable(status: str) -> None:
    """Its CAS only makes it balance: CO 109 of a claim sent on (23) is no denial to appeal."""
    pended = msgspec.structs.replace(DENIED, adjustments=(("CO", "109", 20_000),), status=status)
    riverbend = books_after(told(10, pended))
    assert ({}, []) == (riverbend.balances(), riverbend.exceptions())


def test_a_claim_sent_on_by_the_wrong_payer_is_booked_as_the_right_one_decides_it() -> None:
    forwarded = msgspec.structs.replace(DENIED, adjustments=(("OA", "109", 20_000),), status="23")
    riverbend = books_after(told(10, forwarded, payer=COMMERCIAL), told(20, PAID))
    assert books_after(told(20, PAID)).balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_money_that_comes_with_a_claim_under_review_is_booked_all_the_same() -> None:
    """BPR02 holds it: left out, it would stay in clearing (1025)."""
    paid = msgspec.structs.replace(PAID, status="17")
    assert books_after(told(10, PAID)).balances() == books_after(told(10, paid)).balances()


def test_a_predetermination_prices_a_claim_and_moves_nothing() -> None:
    """CLP02 25, denied or priced, alone or with the decision that follows it."""
    priced = msgspec.structs.replace(PAID, status="25")
    refused = msgspec.structs.replace(DENIED, status="25")
    riverbend = books_after(told(10, priced, refused), told(20, PAID))
    assert books_after(told(20, PAID)).balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


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


UNKNOWN_BOTH = remittance(
    "EFT1", Claim("C-1", 10_000, (("CO", "300", 10_000),)), payee="9999999999"
)
"""Nothing paid, one reason nobody knows, a payee nobody knows."""
RULED = edited(
    "ledger/journal_rules.csv",
    "\nclaim/other,",
    "\nclaim/CO-300,claim_payment,adjustment,CO,300,,allowance_contractual,receivable_insurance,"
    "immediate,Ruled by finance.\nclaim/other,",
)


def test_an_unknown_payee_mapped_moves_what_stays_in_suspense_for_another_reason() -> None:
    riverbend = Riverbend()
    riverbend.receive(interchange(UNKNOWN_BOTH))
    riverbend.promote(books_of(MAPPED))
    assert {"DTC"} == facilities(riverbend)
    assert [("ledger.adjustment.unmapped", "100.00")] == riverbend.exceptions()


def test_a_reason_ruled_on_leaves_suspense_though_the_payee_is_still_unknown() -> None:
    riverbend = Riverbend()
    riverbend.receive(interchange(UNKNOWN_BOTH))
    riverbend.promote(books_of(RULED))
    assert {"1100": "-100.00", "4110": "100.00"} == riverbend.balances()
    assert [("ledger.facility.assumed", "100.00")] == riverbend.exceptions()
    riverbend.promote(books_of(MAPPED | RULED))
    assert {"DTC"} == facilities(riverbend)
    assert [] == riverbend.exceptions()


def test_a_known_payee_and_one_not_named_are_nobodys_concern() -> None:
    other = msgspec.structs.replace(PAID, number="C-2")
    riverbend = books_after(
        interchange(remittance("EFT1", PAID, payee=CLINIC)),
        interchange(remittance("EFT2", other, payee=""), number=2),
    )
    assert {"DTC", "RGH"} == facilities(riverbend)
    assert [] == riverbend.exceptions()
