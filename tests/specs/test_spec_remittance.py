"""Chapter: a payer pays. From the bytes of an 835 to the trial balance of the sample estate.

Cash (1020) is what BPR02 says, once per remittance; what the claims say goes through clearing
(1025), which nets to zero when all of them are booked. Which CAS reason goes to which account is
test_ledger_remittances.py. Before this chapter: test_spec_patient_account.py.
"""

from __future__ import annotations

from datetime import date

import msgspec
from tests.specs.riverbend_books import Riverbend, translations_of
from tests.specs.riverbend_messages import CLINIC, Claim, interchange, remittance

SURGERY = Claim("C-1001", 20_000, (("CO", "45", 5_000), ("PR", "2", 3_000)), payer_number="ICN1")
"""Charged 200.00: 120.00 paid, 50.00 contractual, 30.00 the patient's coinsurance."""
VISIT = Claim("C-1002", 9_000, (("CO", "45", 1_000),), payer_number="ICN2")
"""Charged 90.00: 80.00 paid, 10.00 contractual."""


def riverbend_after(*remittances: str) -> Riverbend:
    """Return Riverbend after one file for each remittance."""
    riverbend = Riverbend()
    for number, told in enumerate(remittances, 1):
        riverbend.receive(interchange(told, number=number))
    return riverbend


def test_a_remittance_books_its_cash_and_empties_the_clearing_account() -> None:
    riverbend = riverbend_after(remittance("EFT1", SURGERY, VISIT))
    assert {
        "1020": "200.00",  # BPR02
        "1100": "-290.00",  # both charges have left the insurance receivable
        "1110": "30.00",
        "4110": "60.00",
    } == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_each_line_leads_to_the_segment_that_caused_it() -> None:
    riverbend = riverbend_after(remittance("EFT1", SURGERY))
    assert [
        ("1025", "ST02=0001/CLP[1]-04"),
        ("4110", "ST02=0001/CLP[1]/CAS[1]-03"),
        ("1110", "ST02=0001/CLP[1]/CAS[2]-03"),
        ("1100", "ST02=0001/CLP[1]"),
        ("1020", "ST02=0001/BPR-02"),
        ("1025", "ST02=0001/BPR-02"),
    ] == [(line.account, line.where) for each in riverbend.entries.values() for line in each.lines]


def test_the_payment_day_is_the_day_of_its_entries() -> None:
    riverbend = riverbend_after(remittance("EFT1", SURGERY, paid_on="20260407"))
    assert {(date(2026, 4, 7), date(2026, 4, 7))} == {
        (entry.effective_on, entry.accounting_on) for entry in riverbend.entries.values()
    }


def test_the_cash_is_booked_to_the_facility_that_was_paid() -> None:
    riverbend = riverbend_after(remittance("EFT1", VISIT, payee=CLINIC))
    assert {("RVM", "DTC")} == {
        (entry.entity, line.facility)
        for entry in riverbend.entries.values()
        for line in entry.lines
    }


def test_the_cash_is_booked_though_a_claim_must_wait() -> None:
    """The claim's payer class is unknown: 80.00 stays in clearing until somebody maps it."""
    unknown = msgspec.structs.replace(VISIT, filing="??")
    riverbend = riverbend_after(remittance("EFT1", unknown, payer="1990000099"))
    assert {"1020": "80.00", "1025": "-80.00"} == riverbend.balances()
    assert [("ledger.payer_class.unmapped", "80.00")] == riverbend.exceptions()


def test_b28_a_remittance_that_does_not_add_up_books_nothing_and_says_by_how_much() -> None:
    raw = interchange(remittance("EFT1", SURGERY, VISIT, misprint_minor=10))
    (verdict,) = translations_of(raw)
    assert ("held", ["x12.835.transaction.unbalanced"]) == (
        verdict.status,
        [fault.code for fault in verdict.faults],
    )
    assert "0.10 less than the payment BPR02" in verdict.faults[0].explanation


def test_the_same_file_again_books_nothing() -> None:
    raw = interchange(remittance("EFT1", SURGERY))
    riverbend = Riverbend()
    riverbend.receive(raw)
    before = riverbend.balances()
    assert {"repeated"} == {step.outcome for step in riverbend.receive(raw)}
    assert before == riverbend.balances()


def test_b31_a_trace_used_for_two_payments_never_books_cash_twice() -> None:
    """Intake refuses the second file; should it come through all the same, it waits."""
    riverbend = riverbend_after(
        remittance("EFT1", SURGERY), remittance("EFT1", VISIT, made_at="202603210600")
    )
    assert "120.00" == riverbend.balances()["1020"]
    assert [("remittance.trace_reused", "80.00")] == riverbend.exceptions()


# What a payer takes back ------------------------------------------------------------------------


def test_a_reversal_and_its_correction_leave_only_the_correction() -> None:
    corrected = msgspec.structs.replace(SURGERY, adjustments=(("CO", "45", 6_000),))
    together = riverbend_after(
        remittance("EFT1", SURGERY),
        remittance("EFT2", SURGERY.reversed(), corrected, made_at="202603270600"),
    )
    assert riverbend_after(remittance("EFT1", corrected)).balances() == together.balances()
    assert [] == together.exceptions()


def test_b34_a_reversal_waits_for_its_original_and_then_books_by_itself() -> None:
    reversal = interchange(
        remittance("EFT2", SURGERY.reversed(), plb=[("FB", -12_000)], made_at="202603270600"),
        number=2,
    )
    riverbend = Riverbend()
    riverbend.receive(reversal)
    assert [("claim.reversal_without_original", "-120.00")] == riverbend.exceptions()
    riverbend.receive(interchange(remittance("EFT1", SURGERY)))
    assert [] == riverbend.exceptions()
    assert {"1020": "120.00", "2212": "-120.00"} == riverbend.balances()


def test_a_reversal_that_is_no_mirror_is_booked_as_told_and_flagged_with_what_it_leaves() -> None:
    halved = msgspec.structs.replace(
        SURGERY.reversed(), adjustments=(("CO", "45", -4_000), ("PR", "2", -3_000))
    )
    riverbend = riverbend_after(
        remittance("EFT1", SURGERY),
        remittance("EFT2", halved, plb=[("WO", -13_000)], made_at="202603270600"),
    )
    assert [("claim.reversal_not_mirror", "10.00")] == riverbend.exceptions()
    assert {"1020": "120.00", "2210": "-130.00", "4110": "10.00"} == riverbend.balances()


def test_a_recoupment_is_taken_out_of_the_payment_and_waits_for_its_claim() -> None:
    """WO 40.00 positive: the bank shows 160.00, the claims say 200.00."""
    riverbend = riverbend_after(remittance("EFT1", SURGERY, VISIT, plb=[("WO", 4_000)]))
    assert ("160.00", "40.00") == (riverbend.balances()["1020"], riverbend.balances()["2210"])
    assert "1025" not in riverbend.balances()


def test_a_balance_carried_forward_comes_back_with_the_next_remittance() -> None:
    """Reversals exceed the payment: BPR02 is 0, FB carries the rest, the next payment is cut."""
    first = remittance("EFT1", SURGERY, paid_on="20260306", made_at="202603060600")
    carried = remittance("EFT2", SURGERY.reversed(), plb=[("FB", -12_000)])
    riverbend = riverbend_after(first, carried)
    assert {"1020": "120.00", "2212": "-120.00"} == riverbend.balances()
    applied = remittance(
        "EFT3",
        Claim("C-1003", 30_000),
        plb=[("FB", 12_000)],
        paid_on="20260327",
        made_at="202603270600",
    )
    riverbend.receive(interchange(applied, number=3))
    assert {"1020": "300.00", "1100": "-300.00"} == riverbend.balances()


def test_interest_the_payer_owes_for_paying_late_is_income_and_no_patient_revenue() -> None:
    riverbend = riverbend_after(remittance("EFT1", VISIT, plb=[("L6", -125)]))
    assert {"1020": "81.25", "1100": "-90.00", "4110": "10.00", "4900": "-1.25"} == (
        riverbend.balances()
    )


# Claims that are not simply paid ----------------------------------------------------------------


def test_a_denial_costs_no_revenue_but_leaves_the_receivable_for_the_appeals() -> None:
    denied = Claim("C-1004", 20_000, (("CO", "197", 20_000),))
    riverbend = riverbend_after(remittance("EFT1", denied, VISIT))
    assert "200.00" == riverbend.balances()["1197"]
    assert "80.00" == riverbend.balances()["1020"]


def test_a_secondary_payer_pays_off_what_the_primary_left_to_the_patient() -> None:
    """The primary leaves 30.00; the secondary pays 20.00 of it, 10.00 stay the patient's."""
    second = Claim(
        "C-1001", 20_000, (("OA", "23", 17_000), ("PR", "2", 1_000)), status="2", filing="CI"
    )
    riverbend = riverbend_after(
        remittance("EFT1", SURGERY), remittance("EFT2", second, made_at="202604100600")
    )
    assert {"1020": "140.00", "1100": "-200.00", "1110": "10.00", "4110": "50.00"} == (
        riverbend.balances()
    )


def test_a_predetermination_pays_nothing_and_books_nothing() -> None:
    priced = Claim("C-1005", 5_000, status="25")
    riverbend = riverbend_after(remittance("EFT1", VISIT, priced))
    assert riverbend_after(remittance("EFT1", VISIT)).balances() == riverbend.balances()


def test_a_notice_that_moves_no_money_books_no_entry() -> None:
    notice = Claim("C-1006", 0)
    riverbend = riverbend_after(remittance("NOTICE1", notice))
    assert {} == riverbend.entries
    assert [] == riverbend.exceptions()
