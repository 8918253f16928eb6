"""Chapter: a release mends the estate, and what waited books by itself.

A steward adds the row that was missing; the streams that wait are asked again (`Reconsidered`), and
nothing else is touched. What was booked stays as it was booked.
"""

from __future__ import annotations

from tests.specs.riverbend_books import Riverbend, books_of, edited
from tests.specs.riverbend_messages import Claim, Line, adt, dft, interchange, remittance

REGISTERED = adt("A04", "A1", at="20260310080000", control="R1", financial_class="MC")
WITHOUT_IMAGING = edited("crosswalks/department.csv", "*,RGH,RAD,RGH-7600,imaging,,\n", "")
ENDOSCOPY = edited(
    "crosswalks/department.csv",
    "*,RGH,RAD,RGH-7600,imaging,,\n",
    "*,RGH,RAD,RGH-7600,imaging,,\n*,RGH,ENDO,RGH-7600,imaging,,\n",
)


NEW_REASON = "claim/CO-300,claim_payment,adjustment,CO,300,,allowance_contractual"
OTHER_REASON = "claim/CO-301,claim_payment,adjustment,CO,301,,denials_in_appeal"


def ruling(*rows: str) -> dict[str, bytes]:
    """Return the journal rules with these rows, each crediting the payer's receivable."""
    added = "".join(f"\n{row},receivable_insurance,immediate,Ruled by finance." for row in rows)
    return edited("ledger/journal_rules.csv", "\nclaim/other,", f"{added}\nclaim/other,")


def test_a_charge_of_an_unmapped_department_books_once_the_department_is_mapped() -> None:
    riverbend = Riverbend()
    charge = Line("L1", "CG", 25_000, department="ENDO")
    riverbend.receive(REGISTERED, dft("A1", charge, at="20260310090000", control="B1"))
    assert [("ledger.department.unmapped", "250.00")] == riverbend.exceptions()
    steps = riverbend.promote(books_of(ENDOSCOPY))
    assert ["posted"] == [step.outcome for step in steps]
    assert [] == riverbend.exceptions()
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()


def test_a_reason_nobody_knows_is_booked_in_suspense_and_raised() -> None:
    """B32: the claim is settled and the cash is booked; 5.00 wait for a ruling, not 100.00."""
    riverbend = Riverbend()
    claim = Claim("C1", 10_000, (("CO", "300", 500),))
    riverbend.receive(interchange(remittance("EFT1", claim)))
    assert {"1020": "95.00", "1100": "-100.00", "9990": "5.00"} == riverbend.balances()
    assert [("ledger.adjustment.unmapped", "5.00")] == riverbend.exceptions()


def test_a_ruling_moves_the_amount_out_of_suspense_and_closes_the_exception() -> None:
    riverbend = Riverbend()
    claim = Claim("C1", 10_000, (("CO", "300", 500),))
    riverbend.receive(interchange(remittance("EFT1", claim)))
    riverbend.promote(books_of(ruling(NEW_REASON)))
    assert {"1020": "95.00", "1100": "-100.00", "4110": "5.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()


def test_a_ruling_on_one_of_two_reasons_leaves_the_other_in_suspense() -> None:
    riverbend = Riverbend()
    claim = Claim("C1", 10_000, (("CO", "300", 500), ("CO", "301", 700)))
    riverbend.receive(interchange(remittance("EFT1", claim)))
    assert [("ledger.adjustment.unmapped", "12.00")] == riverbend.exceptions()
    riverbend.promote(books_of(ruling(NEW_REASON)))
    assert [("ledger.adjustment.unmapped", "7.00")] == riverbend.exceptions()
    assert ("5.00", "7.00") == (riverbend.balances()["4110"], riverbend.balances()["9990"])
    riverbend.promote(books_of(ruling(NEW_REASON, OTHER_REASON)))
    assert [] == riverbend.exceptions()
    assert ("5.00", "7.00") == (riverbend.balances()["4110"], riverbend.balances()["1197"])


def test_a_release_that_rules_on_something_else_changes_nothing_and_asks_nobody_twice() -> None:
    riverbend = Riverbend()
    riverbend.receive(interchange(remittance("EFT1", Claim("C1", 10_000, (("CO", "300", 500),)))))
    waiting, entries = dict(riverbend.waiting), dict(riverbend.entries)
    steps = riverbend.promote(books_of(ruling(OTHER_REASON)))
    assert ["no_effect"] == [step.outcome for step in steps]
    assert (waiting, entries) == (riverbend.waiting, riverbend.entries)


def test_a_correction_of_an_amount_in_suspense_is_booked_and_raised_anew() -> None:
    """An adjustment under a code nobody has ruled on, first 20.00, then 35.00 under the same id."""
    riverbend = Riverbend()
    for number, minor in enumerate((2_000, 3_500)):
        line = Line("L1", "AJ", minor, code="GOODWILL")
        message = dft("A1", line, at=f"2026031{number}090000", control=f"B{number}")
        riverbend.receive(REGISTERED, message)
    assert {"1110": "-35.00", "9990": "35.00"} == riverbend.balances()
    assert [("ledger.adjustment.unmapped", "35.00")] == riverbend.exceptions()


def test_what_stands_is_not_booked_again_by_a_release_that_maps_it_elsewhere() -> None:
    """A mapping corrected for the future does not rewrite history by itself."""
    riverbend = Riverbend()
    charge = Line("L1", "CG", 25_000, department="RAD")
    riverbend.receive(REGISTERED, dft("A1", charge, at="20260310090000", control="B1"))
    waiting = Line("L2", "CG", 1_000, department="ENDO")
    riverbend.receive(dft("A1", waiting, at="20260310090000", control="B2"))
    moved = edited("crosswalks/department.csv", "*,RGH,RAD,RGH-7600,", "*,RGH,RAD,RGH-7500,")
    riverbend.promote(books_of(moved))
    assert ("RVH", "4020", "2026-03", "RGH", "RGH-7600", "medicare") in riverbend.trial_balance()
    assert [("ledger.department.unmapped", "10.00")] == riverbend.exceptions()


def test_a_release_that_takes_a_row_away_leaves_what_is_booked() -> None:
    riverbend = Riverbend()
    charge = Line("L1", "CG", 25_000, department="RAD")
    riverbend.receive(REGISTERED, dft("A1", charge, at="20260310090000", control="B1"))
    riverbend.promote(books_of(WITHOUT_IMAGING))
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()
