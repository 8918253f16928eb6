"""The sandbox ERP's books: numbered without gaps, booked once, and honest about what came twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from suture.simulator.erp_books import AccountBalance, Balances, Books, Page, Posted, Repeated
from suture.simulator.erp_journal import Account, Entity, Journal, Line, Refusal, Setup

SETUP = Setup(
    entities=(Entity("RB01", "USD"), Entity("RB02", "USD")),
    accounts=(Account("1100", "Receivables", "asset"), Account("4010", "Revenue", "revenue")),
)
DIGEST = "0123456789abcdef"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(tmp_path / "erp.sqlite")
    opened.set_up(SETUP)
    yield opened
    opened.close()


def journal(
    reference: str,
    amount_minor: int = 100,
    *,
    entity: str = "RB01",
    accounting_date: str = "2026-10-15",
    description: str = "charges",
) -> Journal:
    lines = (Line("1100", amount_minor, 0), Line("4010", 0, amount_minor, "CC7010", text="rev"))
    on = date.fromisoformat(accounting_date)
    return Journal(reference, entity, "USD", on, description, "suture", lines)


def posted(books: Books, *journals: Journal) -> list[str]:
    verdicts = books.post(journals)
    return [v.document if isinstance(v, Posted) else v.code for v in verdicts]


def test_documents_are_numbered_by_year_without_gaps_across_refusals(books: Books) -> None:
    unbalanced = Journal(
        "B", "RB01", "USD", date(2026, 10, 1), "", "suture", (Line("1100", 100, 0),)
    )
    first = posted(books, journal("A"), unbalanced, journal("C", accounting_date="2027-01-02"))
    second = posted(books, journal("D"), journal("E", accounting_date="2027-01-03"))
    assert first == ["JE-2026-000001", "unbalanced", "JE-2027-000001"]
    assert second == ["JE-2026-000002", "JE-2027-000002"]


def test_the_same_reference_twice_in_one_commit_is_one_document(books: Books) -> None:
    assert books.post([journal("A"), journal("A"), journal("A", 99)]) == [
        Posted("JE-2026-000001", "A", is_replay=False),
        Posted("JE-2026-000001", "A", is_replay=True),
        Refusal(409, "reference_conflict", "Reference A is JE-2026-000001, with another body."),
    ]
    assert books.summary().journal_count == 1


def test_a_replay_is_answered_even_when_its_period_has_closed(books: Books) -> None:
    posted(books, journal("A"))
    assert books.set_period("RB01", "2026-10", is_closed=True) is None
    assert posted(books, journal("A"), journal("B")) == ["JE-2026-000001", "period_closed"]
    assert books.set_period("RB01", "2026-10", is_closed=False) is None
    assert posted(books, journal("B")) == ["JE-2026-000002"]


def test_the_period_of_an_unknown_entity_cannot_be_closed(books: Books) -> None:
    refusal = books.set_period("XX99", "2026-10", is_closed=True)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (404, "entity_unknown")


def test_a_journal_reads_back_as_it_was_sent(books: Books) -> None:
    sent = journal("A", 12_345, description=f"charges digest:{DIGEST}")
    posted(books, sent)
    (header,) = books.headers("A")
    assert (header.document, header.reference, header.status) == ("JE-2026-000001", "A", "posted")
    assert (header.period, header.accounting_date) == ("2026-10", "2026-10-15")
    assert (header.line_count, header.total_minor) == (2, 12_345)
    assert books.journal("JE-2026-000001") == (header, list(sent.lines))
    assert books.journal("JE-2026-000002") is None
    assert books.headers("B") == []


def test_balances_are_kept_apart_by_entity_and_period(books: Books) -> None:
    posted(
        books,
        journal("A", 100),
        journal("B", 20),
        journal("C", 3, entity="RB02"),
        journal("D", 4, accounting_date="2026-11-01"),
    )
    accounts = (AccountBalance("1100", 120, 0, 2), AccountBalance("4010", 0, 120, 2))
    assert books.balances("RB01", "2026-10") == Balances("RB01", "2026-10", "USD", 2, accounts)


def test_a_journal_booked_again_stands_twice_and_the_first_answers_for_both(books: Books) -> None:
    posted(books, journal("A", description=f"charges digest:{DIGEST}"))
    again = books.post_again(journal("A", description=f"charges digest:{DIGEST}"))
    assert again == Posted("JE-2026-000002", "A", is_replay=False)
    assert [each.document for each in books.headers("A")] == ["JE-2026-000001", "JE-2026-000002"]
    assert books.summary().posted_twice == 1
    verdicts = books.post([journal("A", description=f"charges digest:{DIGEST}")])
    assert verdicts == [Posted("JE-2026-000001", "A", is_replay=True)]


def test_the_journals_of_a_period_come_in_pages_in_the_order_they_were_booked(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.simulator.erp_books.PAGE_JOURNALS_MAX", 2)
    posted(books, *(journal(name) for name in "BAC"), journal("D", entity="RB02"))
    first = books.page("RB01", "2026-10", "")
    assert isinstance(first, Page)
    assert ([each.reference for each in first.journals], first.next) == (
        ["B", "A"],
        "JE-2026-000002",
    )
    second = books.page("RB01", "2026-10", "JE-2026-000002")
    assert isinstance(second, Page)
    assert ([each.reference for each in second.journals], second.next) == (["C"], None)
    assert books.page("RB01", "2026-11", "") == Page((), None)
    assert isinstance(books.page("XX99", "2026-10", ""), Refusal)


def test_the_same_content_under_two_references_is_reported_as_posted_twice(books: Books) -> None:
    posted(
        books,
        journal("A", description=f"charges digest:{DIGEST}"),
        journal("B", description=f"again digest:{DIGEST}"),
        journal("C", description="charges digest:fedcba9876543210"),
    )
    summary = books.summary()
    assert (summary.posted_twice, summary.body_twice, summary.without_digest) == (1, 0, 0)
    assert summary.repeated == (Repeated(DIGEST, ("JE-2026-000001", "JE-2026-000002")),)


def test_equal_bodies_without_a_digest_are_reported_apart(books: Books) -> None:
    posted(books, journal("A"), journal("B"), journal("C", 7))
    summary = books.summary()
    assert (summary.posted_twice, summary.body_twice, summary.without_digest) == (0, 1, 3)


def test_the_summary_counts_every_attempt_by_its_outcome(books: Books) -> None:
    posted(books, journal("A"), journal("A"), journal("A"), journal("A", 99))
    posted(books, journal("B"), journal("X", entity="XX99"))
    summary = books.summary()
    assert summary.attempts == {
        "posted": 2,
        "replayed": 2,
        "reference_conflict": 1,
        "entity_unknown": 1,
    }
    assert (summary.duplicates_replayed, summary.duplicates_refused) == (2, 1)
    assert (summary.line_count, summary.debit_minor, summary.credit_minor) == (4, 200, 200)


def test_what_was_booked_and_set_up_is_there_after_reopening(tmp_path: Path) -> None:
    first = Books(tmp_path / "erp.sqlite")
    first.set_up(SETUP)
    posted(first, journal("A"))
    first.set_period("RB01", "2026-10", is_closed=True)
    first.close()
    second = Books(tmp_path / "erp.sqlite")
    assert posted(second, journal("A"), journal("B")) == ["JE-2026-000001", "period_closed"]
    assert second.summary().journal_count == 1
    second.close()


def test_a_second_erp_on_the_same_books_is_refused(books: Books, tmp_path: Path) -> None:
    posted(books, journal("A"))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Books(tmp_path / "erp.sqlite")
