"""Chapter: several payers share a claim. Who owes the balance when the next one decides.

The primary's PR is the patient's, unless it sent the claim on (CLP02 19): then the balance stays
with the payers (1100) until the next one has decided. OA 23 is what those before have settled; it
left the receivable with their own remittances and moves nothing (R12). Every spec here is told in
every order. Before this chapter: test_spec_claims_again.py.
"""

from __future__ import annotations

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, books_after
from tests.specs.riverbend_messages import COMMERCIAL, MEDICARE, Claim, interchange, remittance

PAID = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "2", 3_000)), payer_number="ICN1")
"""Charged 200.00: the primary pays 120.00, 50.00 are contractual, 30.00 the patient's."""
DENIED = Claim("C-1", 20_000, (("CO", "197", 20_000),), payer_number="ICN1")
FORWARDED = msgspec.structs.replace(PAID, status="19")
SECONDARY = Claim(
    "C-1", 20_000, (("OA", "23", 17_000), ("PR", "2", 1_000)), status="2", filing="CI"
)
"""Of the 30.00 the primary left, the secondary pays 20.00 and leaves 10.00."""
TERTIARY = Claim("C-1", 20_000, (("OA", "23", 19_000), ("PR", "2", 400)), status="3", filing="CI")
"""Of the 10.00 the secondary left, the tertiary pays 6.00 and leaves 4.00."""
SECOND, THIRD = COMMERCIAL, "1990000014"


def told(number: int, *claims: Claim, payer: str = MEDICARE, taken: int = 0) -> bytes:
    """Return a payer's remittance of the `number`th of March; `taken` is carried forward."""
    plb = [("FB", taken)] if taken else []
    day = f"202603{number:02d}"
    body = remittance(
        f"EFT{number}", *claims, payer=payer, plb=plb, paid_on=day, made_at=f"{day}0600"
    )
    return interchange(body, number=number)


def changed(claim: Claim, **changes: object) -> Claim:
    return msgspec.structs.replace(claim, **changes)


# The patient owes what the primary left -----------------------------------------------------------


def test_a_secondary_pays_off_part_of_what_the_primary_left_to_the_patient() -> None:
    riverbend = books_after(told(10, PAID), told(20, SECONDARY, payer=SECOND))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_each_line_of_a_secondarys_decision_is_on_the_patients_receivable() -> None:
    """20.00 paid, 6.00 written off by contract, 4.00 left: 26.00 leave 1110, PR moves nothing."""
    adjustments = (("OA", "23", 17_000), ("CO", "45", 600), ("PR", "2", 400))
    second = changed(SECONDARY, adjustments=adjustments)
    riverbend = Riverbend()
    riverbend.receive(told(10, PAID), told(20, second, payer=SECOND))
    (entry,) = (e for e in riverbend.entries.values() if e.kind == "secondary_claim_payment")
    assert [
        ("1025", 2_000, 0, "secondary_claim/payment"),
        ("4110", 600, 0, "secondary_claim/CO-45"),
        ("1110", 0, 2_600, "secondary_claim"),
    ] == [(line.account, line.debit_minor, line.credit_minor, line.rule) for line in entry.lines]


def test_a_secondarys_denial_goes_to_the_appeals_and_not_to_suspense() -> None:
    denied = changed(SECONDARY, adjustments=(("OA", "23", 17_000), ("CO", "29", 3_000)))
    riverbend = books_after(told(10, PAID), told(20, denied, payer=SECOND))
    assert {"1020": "120.00", "1100": "-200.00", "1197": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_a_secondarys_exact_duplicate_moves_nothing_either() -> None:
    again = Claim("C-1", 20_000, (("CO", "18", 20_000),), status="2", filing="CI")
    riverbend = books_after(told(10, PAID), told(20, again, payer=SECOND))
    assert books_after(told(10, PAID)).balances() == riverbend.balances()
    assert [("claim.exact_duplicate", "200.00")] == riverbend.exceptions()


def test_a_payer_that_names_a_prior_payers_part_comes_second_whatever_it_says() -> None:
    """Some say CLP02 1 and OA 23 in one breath."""
    riverbend = books_after(told(10, PAID), told(20, changed(SECONDARY, status="1"), payer=SECOND))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )


@pytest.mark.parametrize("group", ["OA", "CO", "PI"])
def test_what_a_prior_payer_settled_is_not_taken_again_whatever_the_group(group: str) -> None:
    """R12: CARC 23 is coordination of benefits, and no denial or allowance of this payer."""
    second = changed(SECONDARY, adjustments=((group, "23", 17_000), ("PR", "2", 1_000)))
    riverbend = books_after(told(10, PAID), told(20, second, payer=SECOND))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_the_two_remittances_of_one_claim_keep_the_class_of_their_payer() -> None:
    """The same claim number, two payers, two traces: two decisions, and never a duplicate."""
    riverbend = books_after(told(10, PAID), told(20, SECONDARY, payer=SECOND))
    assert {"medicare": 12_000, "commercial": 2_000} == {
        place[5]: minor for place, minor in riverbend.trial_balance().items() if place[1] == "1020"
    }


def test_a_third_payer_pays_off_what_the_second_left() -> None:
    riverbend = books_after(
        told(10, PAID), told(20, SECONDARY, payer=SECOND), told(25, TERTIARY, payer=THIRD)
    )
    assert {"1020": "146.00", "1100": "-200.00", "1110": "4.00", "4110": "50.00"} == (
        riverbend.balances()
    )


# Sent on by the payer -----------------------------------------------------------------------------


def test_a_forwarded_claim_bills_the_patient_nothing_yet() -> None:
    """CLP02 19: the 30.00 stay with the payers until the next one has decided."""
    riverbend = books_after(told(10, FORWARDED))
    assert {"1020": "120.00", "1100": "-170.00", "4110": "50.00"} == riverbend.balances()


def test_after_the_next_payer_the_patient_owes_what_is_left_and_the_payers_nothing() -> None:
    riverbend = books_after(told(10, FORWARDED), told(20, SECONDARY, payer=SECOND))
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_a_claim_sent_on_twice_bills_the_patient_after_the_third_payer() -> None:
    second = changed(SECONDARY, status="20")
    after_two = books_after(told(10, FORWARDED), told(20, second, payer=SECOND))
    assert {"1020": "140.00", "1100": "-190.00", "4110": "50.00"} == after_two.balances()
    after_three = books_after(
        told(10, FORWARDED), told(20, second, payer=SECOND), told(25, TERTIARY, payer=THIRD)
    )
    assert {"1020": "146.00", "1100": "-200.00", "1110": "4.00", "4110": "50.00"} == (
        after_three.balances()
    )
    assert [] == after_three.exceptions()


def test_a_claim_sent_on_once_is_the_patients_when_a_third_payer_decides() -> None:
    """The secondary (CLP02 2) sent it no further: its 10.00 moved to the patient, not to 1100."""
    riverbend = books_after(
        told(10, FORWARDED), told(20, SECONDARY, payer=SECOND), told(25, TERTIARY, payer=THIRD)
    )
    assert {"1020": "146.00", "1100": "-200.00", "1110": "4.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_secondary_that_forwards_what_the_primary_left_to_the_patient_leaves_it_there() -> None:
    second = changed(SECONDARY, status="20")
    riverbend = books_after(
        told(10, PAID), told(20, second, payer=SECOND), told(25, TERTIARY, payer=THIRD)
    )
    assert {"1020": "146.00", "1100": "-200.00", "1110": "4.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_third_payer_to_whom_a_tertiary_sends_it_on_bills_no_patient() -> None:
    """CLP02 21: of the 10.00 left, 6.00 are paid and 4.00 wait for a fourth payer."""
    riverbend = books_after(
        told(10, FORWARDED),
        told(20, changed(SECONDARY, status="20"), payer=SECOND),
        told(25, changed(TERTIARY, status="21"), payer=THIRD),
    )
    assert {"1020": "146.00", "1100": "-196.00", "4110": "50.00"} == riverbend.balances()


def test_a_forwarded_claim_corrected_to_one_that_stops_there_ends_as_if_never_forwarded() -> None:
    riverbend = books_after(
        told(10, FORWARDED),
        told(15, FORWARDED.reversed(), PAID),
        told(20, SECONDARY, payer=SECOND),
    )
    plain = books_after(told(15, PAID), told(20, SECONDARY, payer=SECOND))
    assert plain.balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


# The payers before denied it, or are not known ---------------------------------------------------


def test_a_secondary_that_pays_what_the_primary_denied_takes_it_out_of_the_appeals() -> None:
    """It names no prior payer's part: it decided the whole charge, which the denial gives back."""
    second = changed(PAID, status="2", filing="CI")
    riverbend = books_after(told(10, DENIED), told(20, second, payer=SECOND))
    assert {"1020": "120.00", "1100": "-200.00", "1110": "30.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_a_secondary_that_knows_of_no_other_payer_is_booked_like_a_primary() -> None:
    second = changed(PAID, status="2", filing="CI")
    riverbend = books_after(told(20, second, payer=SECOND))
    assert books_after(told(20, PAID, payer=SECOND)).balances() == riverbend.balances()


def test_a_secondary_whose_primary_is_not_known_yet_is_taken_off_the_patient() -> None:
    """It names 170.00 settled before: what it decides is the 30.00 that PR left, or will."""
    riverbend = books_after(told(20, SECONDARY, payer=SECOND))
    assert {"1020": "20.00", "1110": "-20.00"} == riverbend.balances()


# A further payer denies it all -------------------------------------------------------------------

REFUSED = Claim("C-1", 20_000, (("CO", "16", 20_000),), filing="CI")
"""Denied as a whole, with no word of another payer: many do not say that they come second."""
DEDUCTIBLE = Claim("C-1", 20_000, (("CO", "45", 5_000), ("PR", "1", 15_000)))
"""Nothing paid: 150.00 are the patient's deductible."""


@pytest.mark.parametrize("status", ["1", "2", "3", "4"])
@pytest.mark.parametrize("primary", [PAID, FORWARDED, DEDUCTIBLE])
def test_a_denial_of_what_the_primary_settled_moves_nothing_and_a_person_is_told(
    primary: Claim, status: str
) -> None:
    """170.00 and more left the receivable already: 1197 would hold a claim that was paid."""
    denied = changed(REFUSED, status=status)
    riverbend = books_after(told(10, primary), told(20, denied, payer=SECOND))
    assert books_after(told(10, primary)).balances() == riverbend.balances()
    assert [("claim.denied_after_settlement", "200.00")] == riverbend.exceptions()


def test_a_payer_that_comes_first_and_second_denies_its_second_part_alike() -> None:
    """Both plans of one insurer, under one payer id."""
    denied = changed(REFUSED, status="2")
    riverbend = books_after(told(10, PAID), told(20, denied))
    assert books_after(told(10, PAID)).balances() == riverbend.balances()
    assert [("claim.denied_after_settlement", "200.00")] == riverbend.exceptions()


def test_the_exception_is_gone_when_the_secondary_decides_anew() -> None:
    denied = changed(REFUSED, status="2")
    riverbend = books_after(
        told(10, PAID), told(20, denied, payer=SECOND), told(25, SECONDARY, payer=SECOND)
    )
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


def test_what_one_payer_left_to_the_deductible_another_pays_as_the_primary_it_is() -> None:
    """The first was not first: its CO 45 and PR 1 give way to the payment."""
    riverbend = books_after(told(10, DEDUCTIBLE, payer=SECOND), told(20, PAID))
    assert books_after(told(20, PAID)).balances() == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_two_payers_that_settled_nothing_leave_one_denial() -> None:
    """The primary denied, the secondary too, whatever rank it claims."""
    for status in ("1", "2", "4"):
        denied = changed(REFUSED, status=status)
        riverbend = books_after(told(10, DENIED), told(20, denied, payer=SECOND))
        assert {"1100": "-200.00", "1197": "200.00"} == riverbend.balances()
        assert [] == riverbend.exceptions()


# A further payer takes more than was left ---------------------------------------------------------


def test_a_secondary_that_repeats_what_the_primary_took_off_is_booked_and_flagged() -> None:
    """No OA 23: 170.00 are in its CO 45, of which 150.00 and more left with the primary already."""
    repeated = changed(SECONDARY, adjustments=(("CO", "45", 17_000), ("PR", "2", 1_000)))
    riverbend = books_after(told(10, PAID), told(20, repeated, payer=SECOND))
    assert [("claim.more_than_left", "160.00")] == riverbend.exceptions()
    assert "-160.00" == riverbend.balances()["1110"]  # 30.00 left, 190.00 taken


def test_a_secondary_that_pays_a_part_the_primary_denied_is_flagged_with_that_part() -> None:
    """50.00 of the charge are in appeal; the secondary pays 40.00 of them beside the 30.00."""
    primary = changed(PAID, adjustments=(("CO", "197", 5_000), ("PR", "2", 3_000)))
    second = changed(SECONDARY, adjustments=(("OA", "23", 12_000), ("PR", "2", 1_000)))
    riverbend = books_after(told(10, primary), told(20, second, payer=SECOND))
    assert [("claim.more_than_left", "40.00")] == riverbend.exceptions()
    assert ("-40.00", "50.00") == (riverbend.balances()["1110"], riverbend.balances()["1197"])


def test_the_flag_is_gone_once_the_secondary_is_reversed_and_right() -> None:
    repeated = changed(SECONDARY, adjustments=(("CO", "45", 17_000), ("PR", "2", 1_000)))
    riverbend = books_after(
        told(10, PAID),
        told(20, repeated, payer=SECOND),
        told(25, repeated.reversed(), SECONDARY, payer=SECOND),
    )
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


# A payer takes its part back ----------------------------------------------------------------------


def test_a_primary_reversed_and_corrected_after_the_secondary_paid_moves_only_its_own_part() -> (
    None
):
    """The correction pays 130.00 and leaves 20.00, all of which the secondary has paid."""
    corrected = changed(PAID, adjustments=(("CO", "45", 5_000), ("PR", "2", 2_000)))
    riverbend = books_after(
        told(10, PAID),
        told(20, SECONDARY, payer=SECOND),
        told(25, PAID.reversed(), corrected),
    )
    assert {"1020": "150.00", "1100": "-200.00", "4110": "50.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


@pytest.mark.parametrize("primary", [PAID, FORWARDED], ids=["patient", "payers"])
def test_a_secondarys_reversal_puts_the_balance_back_where_it_was_taken_off(primary: Claim) -> None:
    files = (
        told(10, primary),
        told(20, SECONDARY, payer=SECOND),
        told(25, SECONDARY.reversed(), payer=SECOND, taken=-2_000),
    )
    riverbend = books_after(*files)
    before = books_after(told(10, primary)).balances()
    assert {**before, "1020": "140.00", "2212": "-20.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()
    in_order = Riverbend()
    in_order.receive(*files)
    assert [] == [entry for entry in in_order.entries.values() if entry.reverses]


def test_nobody_takes_back_what_another_payer_paid() -> None:
    """Two payers decided alike, to the cent; the second takes its part back, and it is that."""
    riverbend = books_after(
        told(10, changed(PAID, payer_number="")),
        told(20, changed(PAID, payer_number="").reversed(), payer=SECOND, taken=-12_000),
    )
    assert [("claim.reversal_without_original", "-120.00")] == riverbend.exceptions()
    assert "-120.00" == riverbend.balances()["2212"]
    assert "120.00" == riverbend.balances()["1025"]
