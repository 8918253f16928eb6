"""Chapter: a payer takes back what it paid. Reversals, corrections, recoupments (CLP02 22, PLB WO).

A reversal repeats its original with every amount negated; a correction is a fresh claim. They come
in one file or several, in any order, with the money or before it: what is not taken out of this
payment is carried by the PLB (WO, FB) to another. Every spec here is told in every order, and the
control totals hold after each file. Before this chapter: test_spec_claims_again.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, assert_controls_hold, books_after
from tests.specs.riverbend_messages import Cas, Claim, interchange, remittance

PAID = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "2", 3_000)), payer_number="ICN1")
"""Charged 200.00: 120.00 paid, 50.00 contractual, 30.00 the patient's."""
CORRECTED = Claim("C-1", 20_000, (("CO", "45", 6_000), ("PR", "2", 4_000)), payer_number="ICN2")
"""Decided anew: 100.00 paid, 60.00 contractual, 40.00 the patient's."""
ONLY_CORRECTED = {"1020": "100.00", "1100": "-200.00", "1110": "40.00", "4110": "60.00"}


def told(number: int, *claims: Claim, plb: Sequence[tuple[str, int]] = ()) -> bytes:
    """Return the payer's remittance of the `number`th of March."""
    day = f"202603{number:02d}"
    body = remittance(f"EFT{number}", *claims, plb=plb, paid_on=day, made_at=f"{day}0600")
    return interchange(body, number=number)


def changed(claim: Claim, *adjustments: Cas) -> Claim:
    return msgspec.structs.replace(claim, adjustments=adjustments)


def reversed_in_4010(claim: Claim) -> Claim:
    """Return the reversal as 4010 writes it: every adjustment in group CR, whatever it was."""
    reversal = claim.reversed()
    return changed(reversal, *(("CR", carc, minor) for _, carc, minor in reversal.adjustments))


# Reversal and correction, together and apart ------------------------------------------------------


def test_a_reversal_and_its_correction_in_one_file_leave_the_correction() -> None:
    """The payment of the 20th is 20.00 short: other claims bear it, here C-2."""
    other = Claim("C-2", 5_000)
    riverbend = books_after(told(10, PAID), told(20, PAID.reversed(), CORRECTED, other))
    assert {**ONLY_CORRECTED, "1020": "150.00", "1100": "-250.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_they_may_come_in_two_files_with_the_difference_carried_forward() -> None:
    """The reversal's 120.00 are carried (FB) and taken out of the correction's payment."""
    riverbend = books_after(
        told(10, PAID),
        told(20, PAID.reversed(), plb=[("FB", -12_000)]),
        told(25, CORRECTED, Claim("C-2", 5_000), plb=[("FB", 12_000)]),
    )
    assert {**ONLY_CORRECTED, "1020": "150.00", "1100": "-250.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_correction_paid_before_the_reversal_ends_alike() -> None:
    """Not recommended, but done: the claim is paid twice until the reversal of the 25th."""
    riverbend = books_after(
        told(10, PAID), told(20, CORRECTED), told(25, PAID.reversed(), plb=[("FB", -12_000)])
    )
    assert {**ONLY_CORRECTED, "1020": "220.00", "2212": "-120.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_payment_corrected_twice_is_the_last_correction() -> None:
    last = changed(CORRECTED, ("CO", "45", 4_500))
    riverbend = books_after(
        told(10, PAID),
        told(20, PAID.reversed(), CORRECTED, Claim("C-2", 2_000)),
        told(25, CORRECTED.reversed(), last),
    )
    assert {"1020": "175.00", "1100": "-220.00", "4110": "45.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_payment_corrected_to_a_denial_is_in_appeal() -> None:
    denied = Claim("C-1", 20_000, (("CO", "50", 20_000),), payer_number="ICN2")
    riverbend = books_after(
        told(10, PAID), told(20, PAID.reversed(), denied, plb=[("FB", -12_000)])
    )
    assert {"1020": "120.00", "1100": "-200.00", "1197": "200.00", "2212": "-120.00"} == (
        riverbend.balances()
    )


# A reversal without its original (B34) ------------------------------------------------------------


def test_b34_a_reversal_waits_for_its_original_while_its_cash_and_correction_book() -> None:
    """The 120.00 stay in clearing: nobody knows yet which accounts they came from."""
    riverbend = books_after(told(20, PAID.reversed(), CORRECTED, plb=[("FB", -2_000)]))
    assert [("claim.reversal_without_original", "-120.00")] == riverbend.exceptions()
    assert {
        "1025": "120.00",
        "1100": "-200.00",
        "1110": "40.00",
        "2212": "-20.00",
        "4110": "60.00",
    } == riverbend.balances()


def test_b34_its_original_found_later_books_both_and_the_clearing_account_is_empty() -> None:
    riverbend = books_after(
        told(20, PAID.reversed(), CORRECTED, plb=[("FB", -2_000)]), told(10, PAID)
    )
    assert {**ONLY_CORRECTED, "1020": "120.00", "2212": "-20.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_b34_the_exception_is_gone_with_the_original_and_no_entry_had_to_be_taken_back() -> None:
    late, original = told(20, PAID.reversed(), plb=[("WO", -12_000)]), told(10, PAID)
    riverbend = Riverbend()
    riverbend.receive(late)
    assert_controls_hold(riverbend, [late])
    riverbend.receive(original)
    assert_controls_hold(riverbend, [late, original])
    assert ({}, []) == (riverbend.waiting, [e for e in riverbend.entries.values() if e.reverses])


# What a reversal leaves ---------------------------------------------------------------------------


def test_a_reversal_that_forgets_the_patients_share_is_flagged_with_it() -> None:
    """Charge and payment add up without it: 170.00 less 50.00; the patient still owes 30.00."""
    partial = Claim("C-1", -17_000, (("CO", "45", -5_000),), status="22", payer_number="ICN1")
    riverbend = books_after(told(10, PAID), told(20, partial, plb=[("WO", -12_000)]))
    assert [("claim.reversal_not_mirror", "30.00")] == riverbend.exceptions()
    assert {"1020": "120.00", "1100": "-30.00", "1110": "30.00", "2210": "-120.00"} == (
        riverbend.balances()
    )


def test_a_reversal_of_a_reversal_without_an_original_of_its_own_waits() -> None:
    again = told(25, PAID.reversed(), plb=[("WO", -12_000)])
    riverbend = books_after(told(10, PAID), told(20, PAID.reversed(), plb=[("WO", -12_000)]), again)
    assert [("claim.reversal_without_original", "-120.00")] == riverbend.exceptions()
    assert {"1020": "120.00", "1025": "120.00", "2210": "-240.00"} == riverbend.balances()


# 4010: every adjustment of a reversal is in group CR ----------------------------------------------


@pytest.mark.parametrize(
    "adjustments",
    [
        pytest.param((("CO", "45", 5_000),), id="allowance"),
        pytest.param((("CO", "45", 5_000), ("PR", "1", 1_000), ("PR", "2", 2_000)), id="patient"),
        pytest.param((("CO", "253", 240), ("CO", "237", 100)), id="sequestration and penalty"),
        pytest.param((("CO", "50", 4_000), ("PI", "45", 600)), id="denial and dispute"),
        pytest.param((("CO", "104", 700), ("CO", "24", 300)), id="withhold and capitation"),
        pytest.param((("OA", "94", -500), ("CO", "94", -250)), id="one reason in two groups"),
        pytest.param((("CO", "45", 5_000), ("PR", "45", 800)), id="billable and not"),
        pytest.param((("CO", "999", 900),), id="a reason nobody knows"),
        pytest.param((("OA", "23", 9_000),), id="prior payer"),
        pytest.param((("OA", "18", 2_000),), id="duplicate line"),
    ],
)
def test_a_4010_reversal_clears_every_account_its_original_touched(
    adjustments: tuple[Cas, ...],
) -> None:
    """R13: CR says that it is a correction, the original says of what."""
    original = changed(PAID, *adjustments)
    paid_minor = original.paid_minor
    riverbend = books_after(
        told(10, original), told(20, reversed_in_4010(original), plb=[("WO", -paid_minor)])
    )
    paid = f"{paid_minor // 100}.{paid_minor % 100:02d}"
    assert {"1020": paid, "2210": f"-{paid}"} == riverbend.balances()
    codes = {code for code, _ in riverbend.exceptions()}
    assert codes <= {"ledger.adjustment.unmapped"}, "an unknown reason is raised on both sides"


def test_a_4010_reversal_that_takes_back_another_amount_is_booked_as_told_and_flagged() -> None:
    """80.00 of CR 45 against CO 45 50.00 and PR 2 30.00: CR 45 is CO 45, and PR 2 is left."""
    reversal = changed(PAID.reversed(), ("CR", "45", -8_000))
    riverbend = books_after(told(10, PAID), told(20, reversal, plb=[("WO", -12_000)]))
    assert [("claim.reversal_not_mirror", "30.00")] == riverbend.exceptions()
    assert {"1020": "120.00", "1110": "30.00", "2210": "-120.00", "4110": "-30.00"} == (
        riverbend.balances()
    )


def test_a_4010_reversal_with_a_reason_its_original_never_had_goes_by_the_rows_for_cr() -> None:
    """CR 45, 42 and A2 give allowance back; any other reason waits for a ruling."""
    original = changed(PAID, ("CO", "172", 8_000))
    reversal = changed(original.reversed(), ("CR", "42", -5_000), ("CR", "300", -3_000))
    riverbend = books_after(told(10, original), told(20, reversal, plb=[("WO", -12_000)]))
    assert {"1020": "120.00", "2210": "-120.00", "4110": "30.00", "9990": "-30.00"} == (
        riverbend.balances()
    )
    assert [
        ("claim.reversal_not_mirror", "80.00"),
        ("ledger.adjustment.unmapped", "30.00"),
    ] == riverbend.exceptions()


# The money itself: recoupments --------------------------------------------------------------------


def test_a_recoupment_put_off_is_owed_to_the_payer_until_it_is_taken() -> None:
    """R15, R14: the reversal's money (WO negative) is withheld from a later payment."""
    put_off = told(20, PAID.reversed(), CORRECTED, plb=[("WO", -2_000)])
    riverbend = books_after(told(10, PAID), put_off)
    assert {**ONLY_CORRECTED, "1020": "120.00", "2210": "-20.00"} == riverbend.balances()
    riverbend = books_after(
        told(10, PAID), put_off, told(27, Claim("C-2", 5_000), plb=[("WO", 2_000)])
    )
    assert {**ONLY_CORRECTED, "1020": "150.00", "1100": "-250.00"} == riverbend.balances()


def test_a_recoupment_with_no_reversal_is_money_the_payer_holds_and_we_may_claim() -> None:
    """R14: withheld without a word on which claim; 2210 shows it as an open debit."""
    riverbend = books_after(told(10, PAID), told(20, Claim("C-2", 15_000), plb=[("WO", 12_000)]))
    assert ("150.00", "120.00") == (riverbend.balances()["1020"], riverbend.balances()["2210"])


def test_a_refund_we_sent_is_acknowledged_without_moving_money() -> None:
    """R16: the reversal of the overpaid claim, WO and 72 in one remittance that pays nothing."""
    acknowledged = told(
        20, PAID.reversed(), CORRECTED, plb=[("WO", 2_000), ("72", -2_000), ("WO", -2_000)]
    )
    riverbend = books_after(told(10, PAID), acknowledged)
    assert {**ONLY_CORRECTED, "1020": "120.00", "2210": "-20.00"} == riverbend.balances()


def test_an_advance_is_owed_until_the_payer_takes_it_back_out_of_claims() -> None:
    """AP: 500.00 ahead of claims, then 200.00 of it out of a payment: 300.00 still owed."""
    riverbend = books_after(
        told(10, plb=[("AP", -50_000)]), told(20, Claim("C-2", 30_000), plb=[("AP", 20_000)])
    )
    assert {"1020": "600.00", "1100": "-300.00", "2220": "-300.00"} == riverbend.balances()
