"""Whatever is booked balances, and a remittance's clearing account comes to zero (ledger/post.py).

Bookings are drawn over the sample estate: any amounts, signs, days, known and unknown codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.ledger.batch import summarise
from suture.ledger.books import Books
from suture.ledger.entry import Entry, Posting
from suture.ledger.post import post
from suture.ledger.rules import BOOKINGS
from suture.model.decision import Amount, Booking
from suture.model.money import AMOUNT_MINOR_MAX

REMITTANCE_CLEARING = "1025"


def riverbend() -> Books:
    """Return the books of the sample estate."""
    estate = load(read_folder(Path(__file__).parents[2] / "estates" / "riverbend"), CONNECTORS)
    assert isinstance(estate, Estate)
    return estate.books


BOOKS, FORGETFUL_BOOKS = riverbend(), riverbend()

MINOR = st.integers(-AMOUNT_MINOR_MAX + 1, AMOUNT_MINOR_MAX - 1)
CENTS = st.integers(-10_000_00, 10_000_00)
GROUPS = st.sampled_from(["", "CO", "PR", "OA", "PI", "CR", "ZZ"])
REASONS = st.sampled_from(
    ["", "1", "23", "45", "50", "94", "253", "999", "CHARITY", "WO", "L6", "CS"]
)


@st.composite
def bookings(draw: st.DrawFn) -> Booking:
    kind = draw(st.sampled_from(sorted(BOOKINGS)))
    amounts = draw(
        st.lists(
            st.builds(
                Amount,
                name=st.sampled_from(BOOKINGS[kind]),
                minor=MINOR,
                where=st.just("x"),
                group=GROUPS,
                reason=REASONS,
            ),
            max_size=6,
        )
    )
    return Booking(
        key="k",
        kind=kind,
        amounts=tuple(amounts),
        effective_on=draw(st.dates(date(2025, 6, 1), date(2027, 3, 31))),
        facility=draw(st.sampled_from(["", "RGH", "OHC", "9990000103", "NOWHERE"])),
        department=draw(st.sampled_from(["", "ED", "PRIM", "CARD", "NOWHERE"])),
        payer=draw(st.sampled_from(["", "MCR", "1990000013", "NOBODY"])),
        financial_class=draw(st.sampled_from(["", "SP", "MC", "12", "??"])),
        patient_class=draw(st.sampled_from(["", "I", "O", "E"])),
        service_code=draw(st.sampled_from(["", "93306", "NOTHING"])),
        needs_payer_class=draw(st.booleans()),
    )


def entry_of(booking: Booking, *, books: Books = BOOKS) -> Entry | None:
    """Post a booking; None where it parks or moves nothing."""
    outcome = post(
        booking,
        books=books,
        source="remits",
        entry_id="ent_1",
        stream="s",
        revision=1,
        event_id="evt_1",
        received_at_ms=0,
    )
    return outcome.entry if isinstance(outcome, Posting) else None


def left_on(entries: Iterable[Entry | None], account: str) -> int:
    return sum(
        line.debit_minor - line.credit_minor
        for entry in entries
        if entry is not None
        for line in entry.lines
        if line.account == account
    )


@given(bookings())
@settings(deadline=None, max_examples=300)
def test_every_entry_balances_in_one_open_period_on_accounts_of_the_chart(booking: Booking) -> None:
    entry = entry_of(booking)
    if entry is None:
        return
    assert sum(line.debit_minor for line in entry.lines) == sum(
        line.credit_minor for line in entry.lines
    )
    assert entry.accounting_on >= max(entry.effective_on, date(2026, 3, 1))
    for line in entry.lines:
        account = BOOKS.accounts[line.account]
        assert (account.kind in {"revenue", "expense"}) == bool(line.cost_centre)
        assert line.facility in BOOKS.facilities
        assert BOOKS.facilities[line.facility].entity == entry.entity


@given(bookings())
@settings(deadline=None, max_examples=100)
def test_what_the_books_remember_never_changes_what_they_answer(booking: Booking) -> None:
    """Look-ups are remembered; books that have never been asked must say the same."""
    FORGETFUL_BOOKS._places.clear()
    assert entry_of(booking, books=FORGETFUL_BOOKS) == entry_of(booking)


@given(bookings())
@settings(deadline=None, max_examples=100)
def test_a_negated_booking_takes_back_what_stood_on_every_account(booking: Booking) -> None:
    """But for amounts whose rule turns on their sign (PLB L6)."""
    amounts = tuple(each for each in booking.amounts if each.reason != "L6")
    negated = tuple(Amount(**(fields(each) | {"minor": -each.minor})) for each in amounts)
    entries = [
        entry_of(Booking(**(fields(booking) | {"amounts": told}))) for told in (amounts, negated)
    ]
    for account in BOOKS.accounts:
        assert 0 == left_on(entries, account)


def fields(struct: Amount | Booking) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


@given(
    paid=st.lists(CENTS, max_size=8),
    adjustments=st.lists(
        st.tuples(st.sampled_from(["WO", "72", "FB", "L6", "CS", "??"]), CENTS), max_size=6
    ),
)
@settings(deadline=None, max_examples=200)
def test_a_balanced_remittance_leaves_nothing_in_clearing(
    paid: list[int], adjustments: list[tuple[str, int]]
) -> None:
    """BPR02 = sum of CLP04 less sum of PLB: then cash, claims and adjustments meet in 1025."""
    told: dict[str, Any] = {"effective_on": date(2026, 3, 20)}
    told |= {"facility": "9990000101", "payer": "1990000011"}
    claims = [
        Booking(
            key=f"adjudication:{number}",
            kind="claim_payment",
            amounts=(Amount(name="payment", minor=minor, where="CLP-04"),),
            **told,
        )
        for number, minor in enumerate(paid)
    ]
    cash = Amount(
        name="cash", minor=sum(paid) - sum(minor for _, minor in adjustments), where="BPR-02"
    )
    withheld = [
        Amount(name="provider_adjustment", minor=minor, where="PLB-04", reason=reason)
        for reason, minor in adjustments
    ]
    payment = Booking(key="cash", kind="remittance", amounts=(cash, *withheld), **told)
    entries = [entry_of(booking) for booking in (*claims, payment)]
    assert 0 == left_on(entries, REMITTANCE_CLEARING)
    assert cash.minor == left_on(entries, "1020")


@given(st.lists(bookings(), max_size=6))
@settings(deadline=None, max_examples=100)
def test_journals_hold_the_entries_to_the_cent_and_balance(drawn: list[Booking]) -> None:
    entries = [entry for entry in map(entry_of, drawn) if entry is not None]
    journals = summarise(entries)
    debits, credits_ = 0, 0
    for lines in journals.values():
        assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines)
        debits += sum(line.debit_minor for line in lines)
        credits_ += sum(line.credit_minor for line in lines)
    booked = sum(line.debit_minor for entry in entries for line in entry.lines)
    assert (booked, booked) == (debits, credits_)
