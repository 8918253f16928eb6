"""What a payer's decisions become in the books of the sample estate: claims, cash, PLB.

Reads as the accounting of one 835: CLP04 and each CAS of a claim, then BPR02 and each PLB of the
payment. The rules are the rows of estates/riverbend/ledger/journal_rules.csv. The chapter before is
test_ledger_patient_accounts.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.specs.riverbend_posting import poster, side_of

from suture.config import read_folder
from suture.ledger.entry import Posting
from suture.model.decision import Amount, Booking
from suture.model.money import format_amount

RIVERBEND = Path(__file__).parents[2] / "estates" / "riverbend"
PAYEE = "9990000101"
"""The payee id of Riverbend General: remittances know a facility by it."""

Sum = tuple[str, int] | tuple[str, int, str] | tuple[str, int, str, str]
"""Name, minor units, reason (CARC, PLB03-1), group (CAS01)."""
Book = Callable[..., Posting]


@pytest.fixture(scope="module", name="files")
def riverbend_files() -> dict[str, bytes]:
    """Return the sample estate's files."""
    return read_folder(RIVERBEND)


@pytest.fixture(scope="module")
def book(files: dict[str, bytes]) -> Book:
    """Return a function that books what a Medicare remittance to Riverbend General says."""
    return booker(files)


def booker(files: dict[str, bytes]) -> Book:
    posted = poster(files, source="remits", stream="claim/clm_1")

    def book_all(kind: str, *sums: Sum) -> Posting:
        return posted(
            Booking(
                key=f"{kind}:1",
                kind=kind,
                amounts=tuple(amount_of(number, *each) for number, each in enumerate(sums, 1)),
                effective_on=date(2026, 3, 20),
                facility=PAYEE,
                payer="1990000011",
                financial_class="MA",
                needs_payer_class=kind != "remittance",
            )
        )

    return book_all


def amount_of(number: int, name: str, minor: int, reason: str = "", group: str = "") -> Amount:
    where = f"CLP[1]/CAS[{number}]-03"
    return Amount(name=name, minor=minor, where=where, group=group, reason=reason)


def cas(group: str, reason: str, minor: int) -> Sum:
    return ("adjustment", minor, reason, group)


def plb(reason: str, minor: int) -> Sum:
    return ("provider_adjustment", minor, reason)


def lines_of(posting: Posting) -> list[str]:
    """Render the lines of an entry: side, account, amount."""
    assert posting.entry is not None
    return [side_of(line) for line in posting.entry.lines]


def balances(*postings: Posting) -> dict[str, str]:
    """Return what the entries leave on each account, debits positive; accounts at zero left out."""
    sums = Counter[str]()
    for posting in postings:
        for line in posting.entry.lines if posting.entry else ():
            sums[line.account] += line.debit_minor - line.credit_minor
    return {account: format_amount(minor) for account, minor in sorted(sums.items()) if minor}


def concerns_of(posting: Posting) -> list[str]:
    return [concern.code for concern in posting.concerns]


# A claim of 200.00 ------------------------------------------------------------------------------


def test_a_paid_claim_leaves_the_insurance_receivable_by_every_way_the_payer_named(
    book: Book,
) -> None:
    """R6, R7, R8: CLP03 200.00 = CLP04 120.00 + CO 45 50.00 + PR 1 30.00 leaves 1100 as a whole."""
    posting = book(
        "claim_payment", ("payment", 12_000), cas("CO", "45", 5_000), cas("PR", "1", 3_000)
    )
    assert [
        "Dr 1025 120.00",
        "Dr 4110 50.00",
        "Dr 1110 30.00",
        "Cr 1100 200.00",
    ] == lines_of(posting)
    assert [] == concerns_of(posting)


def test_deductions_no_department_performed_fall_to_the_facilitys_own_cost_centre(
    book: Book,
) -> None:
    posting = book("claim_payment", ("payment", 12_000), cas("CO", "45", 5_000))
    assert posting.entry is not None
    assert ["", "RGH-8610", ""] == [line.cost_centre for line in posting.entry.lines]


def test_what_the_patient_owes_is_kept_as_self_pay(book: Book) -> None:
    posting = book("claim_payment", cas("PR", "3", 2_500))
    assert posting.entry is not None
    assert [("1110", "self_pay"), ("1100", "medicare")] == [
        (line.account, line.payer_class) for line in posting.entry.lines
    ]


def test_sequestration_has_an_account_of_its_own(book: Book) -> None:
    posting = book("claim_payment", cas("CO", "253", 240))
    assert ["Dr 4115 2.40", "Cr 1100 2.40"] == lines_of(posting)


@pytest.mark.parametrize("carc", ["16", "29", "50", "97", "197"])
@pytest.mark.parametrize("group", ["CO", "PI", "OA"])
def test_a_denial_moves_to_the_appeals_and_costs_no_revenue_yet(
    book: Book, group: str, carc: str
) -> None:
    """R9: written off only by decision (R10), else the loss would be booked twice."""
    posting = book("claim_payment", cas(group, carc, 20_000))
    assert ["Dr 1197 200.00", "Cr 1100 200.00"] == lines_of(posting)
    assert [] == concerns_of(posting)


@pytest.mark.parametrize("carc", ["45", "50", "96", "204"])
def test_whatever_the_reason_the_patients_share_is_the_patients(book: Book, carc: str) -> None:
    """The group says who owes: PR 45 of an out-of-network claim is billable, CO 45 is not."""
    posting = book("claim_payment", cas("PR", carc, 700))
    assert ["Dr 1110 7.00", "Cr 1100 7.00"] == lines_of(posting)


def test_a_reduction_without_contract_stays_disputed(book: Book) -> None:
    posting = book("claim_payment", cas("PI", "45", 900))
    assert ["Dr 1198 9.00", "Cr 1100 9.00"] == lines_of(posting)


@pytest.mark.parametrize(
    ("group", "carc"), [("CO", "999"), ("PI", "300"), ("OA", "45"), ("XX", "")]
)
def test_b32_an_unknown_adjustment_is_balanced_in_suspense_and_raised(
    book: Book, group: str, carc: str
) -> None:
    posting = book("claim_payment", ("payment", 15_000), cas(group, carc, 5_000))
    assert {"1025": "150.00", "1100": "-200.00", "9990": "50.00"} == balances(posting)
    assert ["ledger.adjustment.unmapped"] == concerns_of(posting)
    codes = f"group `{group}` reason `{carc}`" if carc else f"(group `{group}`)"
    assert codes in posting.concerns[0].explanation
    assert "``" not in posting.concerns[0].explanation


def test_b32_more_adjustments_than_a_segment_holds_each_make_their_own_lines(book: Book) -> None:
    many = [cas("CO", "45", 100 + number) for number in range(7)]
    posting = book("claim_payment", ("payment", 1_000), *many)
    assert {"1025": "10.00", "1100": "-17.21", "4110": "7.21"} == balances(posting)
    assert posting.entry is not None
    assert 8 == len({line.where for line in posting.entry.lines})


def test_an_adjustment_of_zero_makes_no_line(book: Book) -> None:
    posting = book("claim_payment", ("payment", 1_000), cas("CO", "42", 0))
    assert ["Dr 1025 10.00", "Cr 1100 10.00"] == lines_of(posting)


def test_a_payment_above_charges_gives_allowance_back(book: Book) -> None:
    """CLP03 100.00, CLP04 130.00, CO 94 -30.00: the receivable still falls by the charge."""
    posting = book("claim_payment", ("payment", 13_000), cas("CO", "94", -3_000))
    assert {"1025": "130.00", "1100": "-100.00", "4110": "-30.00"} == balances(posting)


def test_a_reversal_and_its_original_cancel_on_every_account(book: Book) -> None:
    """R13: the reversal repeats the original with every amount negated."""
    sums = [
        ("payment", 12_000),
        cas("CO", "45", 5_000),
        cas("CO", "50", 1_000),
        cas("PR", "2", 2_000),
    ]
    original = book("claim_payment", *sums)
    negated = [(each[0], -each[1], *each[2:]) for each in sums]
    assert {} == balances(original, book("claim_payment", *negated))


def test_where_allowances_are_estimated_at_charge_a_contractual_adjustment_releases_the_estimate(
    files: dict[str, bytes],
) -> None:
    """Anti-double-count (a): revenue fell when the estimate was booked, it must not fall again."""
    heading = b'[payer_classes.medicare]\nname = "Medicare"\nestimate_at_charge = '
    estate_file = files["estate.toml"]
    assert heading + b"false" in estate_file
    estimating = files | {"estate.toml": estate_file.replace(heading + b"false", heading + b"true")}
    adjustment = cas("CO", "45", 5_000)
    assert {"1100": "-50.00", "4110": "50.00"} == balances(
        booker(files)("claim_payment", adjustment)
    )
    assert {"1100": "-50.00", "1190": "50.00"} == balances(
        booker(estimating)("claim_payment", adjustment)
    )


# Two payers -------------------------------------------------------------------------------------


def test_what_the_prior_payer_took_is_not_taken_again(book: Book) -> None:
    """R12: OA 23 is information; the primary's own remittance relieved that much."""
    posting = book("claim_payment", ("payment", 2_000), cas("OA", "23", 18_000))
    assert ["Dr 1025 20.00", "Cr 1100 20.00"] == lines_of(posting)
    assert [] == concerns_of(posting)


def test_primary_and_secondary_together_leave_only_the_patients_rest(book: Book) -> None:
    """Of 200.00 the primary pays 120.00, takes off 50.00, leaves 30.00; 20.00 comes later."""
    primary = book(
        "claim_payment", ("payment", 12_000), cas("CO", "45", 5_000), cas("PR", "2", 3_000)
    )
    secondary = book(
        "secondary_claim_payment",
        ("payment", 2_000),
        cas("OA", "23", 17_000),
        cas("PR", "2", 1_000),
    )
    assert {
        "1025": "140.00",  # what both payers paid
        "1100": "-200.00",  # the whole charge has left the insurance receivable
        "1110": "10.00",  # and this is what the patient still owes
        "4110": "50.00",
    } == balances(primary, secondary)


# The payment ------------------------------------------------------------------------------------


def test_cash_is_booked_once_per_remittance_and_clears_what_its_claims_paid(book: Book) -> None:
    """BPR02 95.00 = claims 100.00 less WO 7.00 plus interest 2.00: 1025 nets to zero."""
    claims = [book("claim_payment", ("payment", minor)) for minor in (6_000, 4_000)]
    payment = book("remittance", ("cash", 9_500), plb("WO", 700), plb("L6", -200))
    assert {"1020": "95.00", "1100": "-100.00", "2210": "7.00", "4900": "-2.00"} == balances(
        *claims, payment
    )


@pytest.mark.parametrize(
    ("reason", "account"),
    [
        ("WO", "2210"),
        ("72", "2210"),
        ("FB", "2212"),
        ("AP", "2220"),
        ("PI", "2220"),
        ("AM", "2220"),
        ("CT", "4030"),
        ("CV", "4040"),
        ("E3", "1130"),
        ("IR", "1300"),
        ("LE", "2230"),
        ("50", "6950"),
        ("51", "6950"),
        ("90", "4150"),
        ("B2", "4150"),
    ],
)
def test_each_provider_adjustment_has_its_account(book: Book, reason: str, account: str) -> None:
    """R14 to R18: positive takes money away from the payment."""
    posting = book("remittance", plb(reason, 10_000))
    assert [f"Dr {account} 100.00", "Cr 1025 100.00"] == lines_of(posting)
    assert [] == concerns_of(posting)


def test_interest_earned_and_interest_charged_are_two_accounts(book: Book) -> None:
    """R17: L6 says both, by its sign."""
    assert ["Dr 1025 3.00", "Cr 4900 3.00"] == lines_of(book("remittance", plb("L6", -300)))
    assert ["Dr 6950 3.00", "Cr 1025 3.00"] == lines_of(book("remittance", plb("L6", 300)))


def test_a_refund_the_payer_acknowledges_nets_to_zero(book: Book) -> None:
    """R16: WO positive with 72 negative moves no money."""
    assert {} == balances(book("remittance", plb("WO", 5_000), plb("72", -5_000)))


def test_a_recoupment_announced_now_and_taken_later_clears(book: Book) -> None:
    """R15, then R14."""
    announced = book("remittance", plb("WO", -5_000))
    assert {"1025": "50.00", "2210": "-50.00"} == balances(announced)
    assert {} == balances(announced, book("remittance", plb("WO", 5_000)))


@pytest.mark.parametrize("reason", ["CS", "J1", "ZZ", ""])
def test_b32_a_provider_adjustment_to_review_is_in_suspense_and_the_cash_still_books(
    book: Book, reason: str
) -> None:
    posting = book("remittance", ("cash", 9_000), plb(reason, 1_000))
    assert {"1020": "90.00", "1025": "-100.00", "9990": "10.00"} == balances(posting)
    assert ["ledger.adjustment.unmapped"] == concerns_of(posting)


def test_cash_never_waits_for_a_batch(book: Book) -> None:
    for kind, name in (("claim_payment", "payment"), ("remittance", "cash")):
        posting = book(kind, (name, 100))
        assert posting.entry is not None
        assert "immediate" == posting.entry.policy
