"""What a patient account's bookings become in the books of the sample estate: charges to payments.

Each spec reads: this was booked, so these lines stand. The rules are the rows of
estates/riverbend/ledger/journal_rules.csv; R numbers are those of the accounting reference.
Remittances are the next chapter, test_ledger_remittances.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.specs.riverbend_posting import poster, side_of

from suture.config import read_folder
from suture.ledger.entry import Entry, Line, Posting
from suture.model.decision import Amount, Booking

RIVERBEND = Path(__file__).parents[2] / "estates" / "riverbend"
Book = Callable[..., Posting]


@pytest.fixture(scope="module")
def book() -> Book:
    """Return a function that books one amount of a patient account at Riverbend General's ED."""
    posted = poster(read_folder(RIVERBEND), source="charges", stream="patient_account/acc_1")

    def book_one(kind: str, name: str, minor: int, reason: str = "", **told: Any) -> Posting:
        usual: dict[str, Any] = {
            "effective_on": date(2026, 3, 4),
            "facility": "RGH",
            "department": "ED",
            "payer": "BLUECREST",
            "financial_class": "BC",
            "patient_class": "E",
        }
        amount = Amount(name=name, minor=minor, where="FT1[1]-11", reason=reason)
        return posted(Booking(key=f"{kind}:1", kind=kind, amounts=(amount,), **(usual | told)))

    return book_one


def entry_of(posting: Posting) -> Entry:
    assert posting.entry is not None
    return posting.entry


def lines_of(posting: Posting) -> list[str]:
    """Render the lines of an entry: side, account, amount, then the dimensions it carries."""
    return [
        " ".join(filter(None, (side_of(line), *dimensions_of(line))))
        for line in entry_of(posting).lines
    ]


def dimensions_of(line: Line) -> tuple[str, ...]:
    return (line.facility, line.cost_centre, line.service_line, line.payer_class)


def test_a_charge_debits_the_insurance_receivable_and_credits_the_performing_department(
    book: Book,
) -> None:
    """R1: revenue carries cost centre and service line, the receivable the payer class."""
    assert [
        "Dr 1100 250.00 RGH commercial",
        "Cr 4020 250.00 RGH RGH-7010 emergency commercial",
    ] == lines_of(book("charge", "gross", 25_000))


@pytest.mark.parametrize(
    ("patient_class", "revenue"), [("I", "4010"), ("B", "4010"), ("O", "4020"), ("", "4020")]
)
def test_inpatients_and_outpatients_earn_on_accounts_of_their_own(
    book: Book, patient_class: str, revenue: str
) -> None:
    entry = entry_of(book("charge", "gross", 25_000, patient_class=patient_class))
    assert ["1100", revenue] == [line.account for line in entry.lines]


def test_a_charge_to_somebody_without_insurance_is_owed_by_the_patient(book: Book) -> None:
    """R1, self-pay: account determination sends the same role to another account."""
    assert [
        "Dr 1110 80.00 RGH self_pay",
        "Cr 4020 80.00 RGH RGH-7010 emergency self_pay",
    ] == lines_of(book("charge", "gross", 8_000, payer="", financial_class="SP"))


def test_a_clinic_books_in_its_own_legal_entity(book: Book) -> None:
    posting = book("charge", "gross", 9_000, facility="OHC", department="PRIM")
    assert "RVM" == entry_of(posting).entity
    assert [
        "Dr 1100 90.00 OHC commercial",
        "Cr 4020 90.00 OHC OHC-9010 primary_care commercial",
    ] == lines_of(posting)


def test_a_service_may_belong_to_another_line_than_its_department(book: Book) -> None:
    """An echocardiogram done in the emergency department is cardiology's work."""
    posting = book("charge", "gross", 60_000, service_code="93306")
    assert "Cr 4020 600.00 RGH RGH-7010 cardiology commercial" == lines_of(posting)[1]


def test_a_department_that_moved_books_to_the_cost_centre_of_the_service_date(book: Book) -> None:
    told = {"department": "CARD", "accounting_on": date(2026, 7, 3)}
    before = book("charge", "gross", 5_000, effective_on=date(2026, 6, 30), **told)
    after = book("charge", "gross", 5_000, effective_on=date(2026, 7, 1), **told)
    assert ["RGH-7400", "RGH-7410"] == [
        entry_of(posting).lines[1].cost_centre for posting in (before, after)
    ]


def test_a_credit_takes_a_charge_back_with_the_sides_swapped(book: Book) -> None:
    """R2: never a negative debit; several ERPs refuse one."""
    assert [
        "Dr 4020 250.00 RGH RGH-7010 emergency commercial",
        "Cr 1100 250.00 RGH commercial",
    ] == lines_of(book("credit", "gross", 25_000))


def test_a_negative_charge_books_as_the_credit_it_is(book: Book) -> None:
    assert lines_of(book("credit", "gross", 1_250)) == lines_of(book("charge", "gross", -1_250))


def test_a_free_service_books_nothing(book: Book) -> None:
    assert Posting(entry=None) == book("charge", "gross", 0)


def test_a_co_payment_at_the_desk_lowers_what_the_patient_owes(book: Book) -> None:
    """R20: the patient's receivable is kept as self-pay, whoever the insurer is."""
    posting = book("patient_payment", "payment", 3_000)
    assert ["Dr 1010 30.00 RGH commercial", "Cr 1110 30.00 RGH self_pay"] == lines_of(posting)
    assert "immediate" == entry_of(posting).policy


def test_charges_gather_for_a_micro_batch(book: Book) -> None:
    assert "charges" == entry_of(book("charge", "gross", 100)).policy


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        pytest.param(
            "CHARITY",
            ["Dr 4130 40.00 RGH RGH-7010 emergency commercial", "Cr 1110 40.00 RGH self_pay"],
            id="R5 charity is a deduction from revenue",
        ),
        pytest.param(
            "COLLECTION",
            ["Dr 1195 40.00 RGH commercial", "Cr 1110 40.00 RGH self_pay"],
            id="R24 sent to an agency: the concession was reserved, revenue is not touched again",
        ),
        pytest.param(
            "DENIALWO",
            ["Dr 4140 40.00 RGH RGH-7010 emergency commercial", "Cr 1197 40.00 RGH commercial"],
            id="R10 a denial is given up: only now does it cost revenue",
        ),
    ],
)
def test_an_adjustment_goes_where_the_rule_of_its_code_says(
    book: Book, code: str, lines: list[str]
) -> None:
    posting = book("account_adjustment", "adjustment", 4_000, code)
    assert (lines, ()) == (lines_of(posting), posting.concerns)


def test_an_overpaid_account_becomes_a_refund_owed(book: Book) -> None:
    """R22: a negative adjustment raises the receivable to zero and owes the rest."""
    posting = book("account_adjustment", "adjustment", -1_500, "CREDITBAL")
    assert ["Dr 1110 15.00 RGH self_pay", "Cr 2200 15.00 RGH commercial"] == lines_of(posting)


def test_an_adjustment_nobody_ruled_on_waits_in_suspense_and_is_raised(book: Book) -> None:
    posting = book("account_adjustment", "adjustment", 4_000, "XYZ")
    assert ["Dr 9990 40.00 RGH commercial", "Cr 1110 40.00 RGH self_pay"] == lines_of(posting)
    assert ["ledger.adjustment.unmapped"] == [concern.code for concern in posting.concerns]


def test_a_late_charge_for_a_closed_month_books_on_the_first_open_day(book: Book) -> None:
    """R28: the service date stays what it was; January and February 2026 are closed."""
    entry = entry_of(book("charge", "gross", 25_000, effective_on=date(2026, 1, 15)))
    assert (date(2026, 1, 15), date(2026, 3, 1)) == (entry.effective_on, entry.accounting_on)


def test_the_posting_date_decides_the_accounting_date_when_its_month_is_open(book: Book) -> None:
    told = {"effective_on": date(2026, 3, 31), "accounting_on": date(2026, 4, 2)}
    entry = entry_of(book("charge", "gross", 25_000, **told))
    assert (date(2026, 3, 31), date(2026, 4, 2)) == (entry.effective_on, entry.accounting_on)


def test_each_line_names_its_rule_and_the_field_it_came_from(book: Book) -> None:
    entry = entry_of(book("charge", "gross", 25_000))
    assert {("charge/gross", "FT1[1]-11")} == {(line.rule, line.where) for line in entry.lines}
