"""Chapter: what a payer adds to or takes off a payment beside its claims (X12 835, PLB).

BPR02 is the claims' payments less the PLB amounts: a positive one takes money away and debits its
account, a negative one adds money and credits it; either way the cash is what the bank shows, and
clearing (1025) is empty. R14 to R18 of the accounting reference. Before this chapter:
test_spec_claims_reversed.py.
"""

from __future__ import annotations

import pytest
from tests.specs.riverbend_books import Riverbend, books_after
from tests.specs.riverbend_messages import Claim, interchange, remittance

CLAIM = Claim("C-1", 50_000)
"""Charged and paid: 500.00."""

ACCOUNTS = {
    "WO": "2210",  # R14, R15: recouped now, or to be recouped
    "72": "2210",  # R16: a refund of ours acknowledged
    "FB": "2212",  # carried to, or from, another remittance
    "AP": "2220",  # an advance, or its recovery
    "PI": "2220",  # an interim payment, or its settlement
    "AM": "2220",  # paid to a lender of ours
    "CT": "4030",  # capitation
    "CV": "4040",  # capital pass-through
    "E3": "1130",  # withheld: still owed by the payer
    "IR": "1300",  # withheld for the tax authority
    "LE": "2230",  # levied
    "50": "6950",  # late charge
    "51": "6950",  # interest penalty
    "90": "4150",  # allowance for paying early
    "B2": "4150",  # rebate
}
"""PLB03-1 -> the account, whichever way the money goes."""
REVIEWED = ("CS", "J1", "ZZ", "WU", "")
"""In suspense until somebody finds out what they correct: by rule, or for want of one (R18)."""


def books_with(*plb: tuple[str, int]) -> Riverbend:
    """Return the books after one payment with these provider adjustments."""
    return books_after(interchange(remittance("EFT1", CLAIM, plb=plb)))


@pytest.mark.parametrize(("reason", "account"), ACCOUNTS.items())
def test_what_is_taken_off_debits_the_account_of_its_reason(reason: str, account: str) -> None:
    riverbend = books_with((reason, 4_000))
    assert {"1020": "460.00", "1100": "-500.00", account: "40.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


@pytest.mark.parametrize(("reason", "account"), ACCOUNTS.items())
def test_what_is_added_credits_the_account_of_its_reason(reason: str, account: str) -> None:
    riverbend = books_with((reason, -4_000))
    assert {"1020": "540.00", "1100": "-500.00", account: "-40.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_interest_is_income_when_paid_to_us_and_expense_when_charged() -> None:
    """R17: L6 is the one code whose sign says which account; neither is patient revenue."""
    assert {"1020": "503.00", "1100": "-500.00", "4900": "-3.00"} == (
        books_with(("L6", -300)).balances()
    )
    assert {"1020": "497.00", "1100": "-500.00", "6950": "3.00"} == (
        books_with(("L6", 300)).balances()
    )


@pytest.mark.parametrize("minor", [4_000, -4_000])
@pytest.mark.parametrize("reason", REVIEWED)
def test_what_somebody_must_look_at_is_in_suspense_and_the_cash_books(
    reason: str, minor: int
) -> None:
    riverbend = books_with((reason, minor))
    balances = riverbend.balances()
    assert (
        ("460.00", "40.00")
        if minor > 0
        else ("540.00", "-40.00")
        == (
            balances["1020"],
            balances["9990"],
        )
    )
    assert "1025" not in balances
    assert [("ledger.adjustment.unmapped", "40.00")] == riverbend.exceptions()


def test_an_adjustment_of_nothing_makes_no_line() -> None:
    assert books_with().balances() == books_with(("WO", 0)).balances()


def test_a_payment_of_nothing_but_adjustments_is_booked() -> None:
    """BPR02 500.00, not one claim: capitation for the month, less what is withheld."""
    told = interchange(remittance("EFT1", plb=[("CT", -52_000), ("E3", 2_000)]))
    assert {"1020": "500.00", "1130": "20.00", "4030": "-520.00"} == books_after(told).balances()


def test_a_payment_eaten_up_by_a_recoupment_shows_no_cash() -> None:
    """BPR02 0.00: the claims were paid all the same, with what we owed."""
    riverbend = books_with(("WO", 50_000))
    assert {"1100": "-500.00", "2210": "500.00"} == riverbend.balances()


def test_six_adjustments_of_one_payment_each_have_their_line() -> None:
    plb = [("WO", 1_000), ("L6", -200), ("FB", 3_000), ("IR", 400), ("ZZ", 50), ("72", -600)]
    riverbend = books_with(*plb)
    assert {
        "1020": "463.50",
        "1100": "-500.00",
        "1300": "4.00",
        "2210": "4.00",
        "2212": "30.00",
        "4900": "-2.00",
        "9990": "0.50",
    } == riverbend.balances()
    assert [("ledger.adjustment.unmapped", "0.50")] == riverbend.exceptions()
