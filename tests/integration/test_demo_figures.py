"""Every figure of `suture demo` that must be zero can be otherwise: each is made so on purpose.

The store and the ERP are harmed behind the back of the product (`filled_books.py`); what the demo
does is `tests/simulation/test_demo.py`.
"""

from __future__ import annotations

import msgspec
import pytest
from tests.integration.filled_books import AT, HARMS, FilledBooks
from tests.specs.riverbend_messages import Line, dft

from suture.cli.demo import Outcome, is_proven, read_outcome
from suture.engine.batching import Batching

pytestmark = pytest.mark.integration

ZERO = {
    "entries_unbalanced": 0,
    "journals_posted_twice": 0,
    "conservation_gap": 0,
    "ledger_imbalance_minor": 0,
    "erp_difference_minor": 0,
}


async def figures(books: FilledBooks, *, sent_count: int | None = None) -> dict[str, int]:
    """Return what must be zero, and see that only then the demo calls itself proven."""
    stored = await books.riverbend.number("select count(*) from message")
    proof = await books.proof()
    outcome: Outcome = await read_outcome(
        books.riverbend.database,
        proof,
        await books.erp.summary(),
        sent_count=stored if sent_count is None else sent_count,
        seconds=1.0,
    )
    told = {name: getattr(outcome, name) for name in ZERO}
    assert is_proven(outcome, proof) == (told == ZERO)
    return told


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        ("one line of an entry is changed", {"entries_unbalanced": 1, "ledger_imbalance_minor": 1}),
        ("an entry loses its lines", {"entries_unbalanced": 1}),
        (
            "two entries are changed by opposite sums",
            {"entries_unbalanced": 2, "ledger_imbalance_minor": 0},
        ),
        ("an event's place in the log is lost", {"conservation_gap": 1}),
        ("a held message's exception is deleted", {"conservation_gap": 1}),
        ("a line is moved to another account", {"erp_difference_minor": 20_000}),
    ],
)
async def test_a_harm_to_the_store_shows_in_its_own_figure(
    books: FilledBooks, harm: str, expected: dict[str, int]
) -> None:
    assert await figures(books) == ZERO
    await books.harm(HARMS[harm])
    told = await figures(books)
    assert {name: told[name] for name in expected} == expected


async def test_a_message_the_senders_sent_and_nobody_stored_is_a_gap(books: FilledBooks) -> None:
    stored = await books.riverbend.number("select count(*) from message")
    assert (await figures(books, sent_count=stored + 1))["conservation_gap"] == 1


async def test_a_journal_that_the_erp_books_under_two_documents_is_posted_twice(
    books: FilledBooks,
) -> None:
    await books.erp.misbehave({"mode": "post_twice", "count": 1})
    await books.deliver()
    told = await figures(books)
    assert told["journals_posted_twice"] == 1
    assert told["erp_difference_minor"] > 0


async def test_a_journal_sent_again_under_another_reference_is_posted_twice(
    books: FilledBooks,
) -> None:
    (sent,) = await books.riverbend.rows(
        "select payload from delivery where status = 'SENT' order by id limit 1"
    )
    again = msgspec.json.decode(sent["payload"]) | {"reference": "AGAIN"}
    await books.destination.send(msgspec.json.encode(again), key="AGAIN")
    assert (await figures(books))["journals_posted_twice"] == 1
    assert [each.reference for each in (await books.proof()).repeated] == ["AGAIN"]


async def test_an_entry_that_went_into_two_journals_is_posted_twice(books: FilledBooks) -> None:
    """The ERP's digest of the first still covers the entry; no two documents look alike."""
    await books.harm(
        "insert into unbatched select policy, entity, id from entry where id ="
        " (select min(entry_id) from journal_entry where reference in"
        " (select reference from journal_entry group by reference having count(*) > 1));"
        "delete from journal_entry where entry_id in (select entry_id from unbatched)"
    )
    await Batching(books.riverbend.database, "erp", {}).turn(everything=True)
    await books.deliver()
    assert (await books.erp.summary())["posted_twice"] == 0
    assert (await figures(books))["journals_posted_twice"] == 1


async def test_what_the_erp_lost_shows_as_a_difference(books: FilledBooks) -> None:
    """It answered that it has booked what is not in its books."""
    await books.riverbend.receive(dft("A1", Line("L11", "CG", 700), at=AT, control="LOST"))
    await books.riverbend.settle()
    await Batching(books.riverbend.database, "erp", {}).turn(everything=True)
    await books.harm(
        "update delivery set status = 'SENT', document = 'JE-2026-999999'"
        " where id = (select max(id) from delivery)"
    )
    told = await figures(books)
    assert told["erp_difference_minor"] > 0
    assert told["journals_posted_twice"] == 0
