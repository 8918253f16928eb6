"""Chapter: a patient account. From the bytes of ADT and DFT messages to the trial balance.

Registration says who pays, billing what it costs; they are different systems and neither waits for
the other. Dates are of March 2026, the first open month of the sample estate. Next:
test_spec_remittance.py.
"""

from __future__ import annotations

from datetime import date

from tests.specs.riverbend_books import Riverbend, books_after, books_of, edited
from tests.specs.riverbend_messages import Line, adt, dft

from suture.ledger.entry import Entry

SCAN = Line("L1", "CG", 25_000, department="RAD", code="71250")
REGISTERED = adt("A04", "A1", at="20260310080000", control="R1", payer="MCR", financial_class="MC")
CHARGED = dft("A1", SCAN, at="20260310090000", control="B1")


def riverbend_after(*messages: bytes) -> Riverbend:
    riverbend = Riverbend()
    riverbend.receive(*messages)
    return riverbend


def dates_of(entries: list[Entry]) -> list[tuple[date, date]]:
    """Return the effective and the accounting date of each entry."""
    return [(entry.effective_on, entry.accounting_on) for entry in entries]


def test_a_charge_is_revenue_of_the_department_that_performed_it() -> None:
    riverbend = riverbend_after(REGISTERED, CHARGED)
    assert {
        ("RVH", "1100", "2026-03", "RGH", "", "medicare"): 25_000,
        ("RVH", "4020", "2026-03", "RGH", "RGH-7600", "medicare"): -25_000,
    } == riverbend.trial_balance()


def test_a_charge_before_its_registration_waits_and_then_books_by_itself() -> None:
    riverbend = riverbend_after(CHARGED)
    assert [("account.payer_class_unknown", "250.00")] == riverbend.exceptions()
    assert {} == riverbend.entries
    riverbend.receive(REGISTERED)
    assert [] == riverbend.exceptions()
    assert riverbend_after(REGISTERED, CHARGED).trial_balance() == riverbend.trial_balance()


def test_an_entry_names_the_event_that_told_it_though_another_made_it_stand() -> None:
    riverbend = Riverbend()
    (charge,) = riverbend.receive(CHARGED)
    riverbend.receive(REGISTERED)
    (entry,) = riverbend.entries.values()
    assert charge.event.id == entry.event_id


def test_a_late_correction_takes_the_first_amount_back_and_books_the_right_one() -> None:
    corrected = Line("L1", "CG", 20_000, department="RAD", code="71250")
    late = dft("A1", corrected, at="20260312090000", control="B2")
    riverbend = riverbend_after(REGISTERED, CHARGED, late)
    assert {"1100": "200.00", "4020": "-200.00"} == riverbend.balances()
    first, second, reversal = riverbend.entries.values()
    assert (1, 2, 1) == (first.revision, second.revision, reversal.revision)
    assert (first.id, "") == (reversal.reverses, second.reverses)


def test_a_correction_that_arrives_first_is_not_undone_by_what_it_corrects() -> None:
    corrected = Line("L1", "CG", 20_000, department="RAD", code="71250")
    late = dft("A1", corrected, at="20260312090000", control="B2")
    riverbend = riverbend_after(REGISTERED, late, CHARGED)
    assert {"1100": "200.00", "4020": "-200.00"} == riverbend.balances()
    assert 1 == len(riverbend.entries)


def test_the_same_charge_under_another_control_id_is_the_same_charge() -> None:
    again = dft("A1", SCAN, at="20260311090000", control="B9")
    riverbend = Riverbend()
    riverbend.receive(REGISTERED, CHARGED)
    steps = riverbend.receive(again)
    assert ["no_effect"] == [step.outcome for step in steps]
    assert 1 == len(riverbend.entries)


def test_a_charge_taken_back_under_its_own_id_leaves_both_entries_and_no_balance() -> None:
    credit = Line("L2", "CD", 25_000, department="RAD", code="71250")
    riverbend = riverbend_after(
        REGISTERED, CHARGED, dft("A1", credit, at="20260311090000", control="B2")
    )
    assert {} == riverbend.balances()
    assert ["charge", "credit"] == [entry.kind for entry in riverbend.entries.values()]


def test_a_charge_corrected_to_nothing_is_taken_back() -> None:
    nothing = Line("L1", "CG", 0, department="RAD", code="71250")
    riverbend = riverbend_after(
        REGISTERED, CHARGED, dft("A1", nothing, at="20260311090000", control="B2")
    )
    assert {} == riverbend.balances()


def test_insurance_found_later_moves_the_receivable_from_the_patient_to_the_payer() -> None:
    self_pay = adt("A04", "A1", at="20260310080000", control="R1", financial_class="SP")
    insured = adt("A08", "A1", at="20260311080000", control="R2", payer="BLUECREST")
    riverbend = riverbend_after(self_pay, CHARGED)
    assert {"1110": "250.00", "4020": "-250.00"} == riverbend.balances()
    riverbend.receive(insured)
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()
    assert {"commercial"} == {payer_class for *_, payer_class in riverbend.trial_balance()}


def test_money_from_the_patient_never_waits_for_a_registration() -> None:
    paid = Line("L1", "PY", 2_500, code="CARD")
    riverbend = riverbend_after(dft("A1", paid, at="20260310090000", control="B1"))
    assert {"1010": "25.00", "1110": "-25.00"} == riverbend.balances()


# Balances given up, overpaid, found again ---------------------------------------------------------


def adjusted(*lines: Line) -> Riverbend:
    """Return the books of these lines alone, on an account that Medicare pays for."""
    return books_after(REGISTERED, dft("A1", *lines, at="20260310090000", control="B1"))


def test_r24_an_account_sent_to_an_agency_uses_up_what_was_reserved_for_it() -> None:
    assert {"1110": "-40.00", "1195": "40.00"} == (
        adjusted(Line("L1", "AJ", 4_000, code="COLLECTION")).balances()
    )


def test_r26_what_an_agency_recovers_is_a_concession_taken_back() -> None:
    """The payment credits 1110, which was empty; the adjustment of the same message evens it."""
    riverbend = adjusted(
        Line("L1", "PY", 4_000, code="AGENCY"), Line("L2", "AJ", -4_000, code="RECOVERY")
    )
    assert {"1010": "40.00", "4120": "-40.00"} == riverbend.balances()


def test_r22_an_overpaid_account_is_brought_to_zero_and_the_refund_is_owed() -> None:
    """The patient's overpayment is on 1110, a payer's on 1100: two codes."""
    assert {"1110": "15.00", "2200": "-15.00"} == (
        adjusted(Line("L1", "AJ", -1_500, code="CREDITBAL")).balances()
    )
    assert {"1100": "15.00", "2200": "-15.00"} == (
        adjusted(Line("L1", "AJ", -1_500, code="CREDITINS")).balances()
    )


def test_r10_a_denial_given_up_costs_revenue_now_and_only_now() -> None:
    assert {"1197": "-200.00", "4140": "200.00"} == (
        adjusted(Line("L1", "AJ", 20_000, code="DENIALWO")).balances()
    )


def test_a_payment_taken_back_is_owed_again() -> None:
    """A bounced check, sent as a negative payment: never a negative debit."""
    riverbend = adjusted(Line("L1", "PY", -2_500, code="CHECK"))
    assert {"1010": "-25.00", "1110": "25.00"} == riverbend.balances()
    assert all(
        line.debit_minor >= 0 and line.credit_minor >= 0
        for entry in riverbend.entries.values()
        for line in entry.lines
    )


# Periods ----------------------------------------------------------------------------------------


def test_a_service_of_a_closed_month_goes_to_the_open_one_and_keeps_its_day() -> None:
    february = Line("L1", "CG", 25_000, on="20260212", department="RAD")
    riverbend = riverbend_after(REGISTERED, dft("A1", february, at="20260310090000", control="B1"))
    assert [(date(2026, 2, 12), date(2026, 3, 1))] == dates_of([*riverbend.entries.values()])


def test_what_was_booked_in_a_month_closed_since_is_taken_back_in_the_open_one() -> None:
    """March closes after the charge; April's correction may not change March's books."""
    riverbend = riverbend_after(REGISTERED, CHARGED)
    rows = {
        (entity, month): (f"{entity},2026-03,2026-03-01,2026-03-31,{month}")
        for entity in ("RVH", "RVM")
        for month in ("open", "closed")
    }
    march_closed = edited("ledger/periods.csv", rows["RVH", "open"], rows["RVH", "closed"])
    riverbend.promote(books_of(march_closed))
    corrected = Line("L1", "CG", 20_000, department="RAD", code="71250")
    riverbend.receive(dft("A1", corrected, at="20260402090000", control="B2"))
    assert [
        (date(2026, 3, 10), date(2026, 3, 10)),
        (date(2026, 3, 10), date(2026, 4, 1)),
        (date(2026, 3, 10), date(2026, 4, 1)),
    ] == dates_of([*riverbend.entries.values()])
    by_month = {(place[2], place[1]): minor for place, minor in riverbend.trial_balance().items()}
    assert {
        ("2026-03", "1100"): 25_000,
        ("2026-03", "4020"): -25_000,
        ("2026-04", "1100"): -5_000,
        ("2026-04", "4020"): 5_000,
    } == by_month


def test_where_no_month_is_open_any_more_a_charge_waits_for_finance() -> None:
    beyond = Line("L1", "CG", 25_000, on="20270105", department="RAD")
    riverbend = riverbend_after(REGISTERED, dft("A1", beyond, at="20270105090000", control="B1"))
    assert [("ledger.period.none_open", "250.00")] == riverbend.exceptions()
