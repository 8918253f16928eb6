"""The proof can fail: zero in every good state, and not zero after each kind of harm to the store.

The matching itself is pure (`reconcile/controls.py`); what it reads is `store/controls.py`. How the
store is filled and harmed: `filled_books.py`.
"""

from __future__ import annotations

import asyncpg
import msgspec
import pytest
from tests.integration.filled_books import AT, HARMS, FilledBooks
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, adt, dft, merge

from suture.engine.proof import read_proof

pytestmark = pytest.mark.integration


async def test_in_a_good_state_every_control_is_zero(books: FilledBooks) -> None:
    proof = await books.proof()
    assert proof.proven, proof
    conservation = proof.conservation
    assert (conservation.held, conservation.in_flight, conservation.gap) == (2, 0, 0)
    assert conservation.received == sum(await books.riverbend.counts())
    assert {control.name: control.parked_minor for control in proof.controls}["charges"] == 10_003
    await books.deliver()
    assert (await books.proof()).proven


async def test_an_empty_store_is_proven_and_says_nothing(riverbend: Riverbend) -> None:
    conservation = await riverbend.conservation()
    assert (conservation.received, conservation.gap) == (0, 0)


@pytest.mark.parametrize("harm", HARMS)
async def test_each_harm_to_the_store_is_seen(books: FilledBooks, harm: str) -> None:
    assert (await books.proof()).proven
    await books.harm(HARMS[harm])
    assert not (await books.proof()).proven


async def test_a_journal_the_erp_refused_is_no_journal_on_its_way(books: FilledBooks) -> None:
    """It is booked here and nowhere else: nothing is proven until somebody has acted."""
    await books.riverbend.rows("update delivery set status = 'ERROR' where status = 'QUEUED'")
    proof = await books.proof()
    assert not proof.proven
    assert (2, 3_200) == (proof.refused.count, proof.refused.amount_minor)
    assert 0 == proof.erp_difference_minor


@pytest.mark.parametrize(
    "table", ["message", "message_repeat", "work_item", "journal", "delivery", "journal_entry"]
)
async def test_what_the_proof_counts_cannot_be_deleted(books: FilledBooks, table: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is kept"):
        await books.riverbend.rows(f"delete from {table}")  # noqa: S608 - a name of ours


async def test_an_event_lost_on_its_way_is_seen(books: FilledBooks) -> None:
    await books.riverbend.receive(dft("A2", Line("L10", "CG", 1), at=AT, control="IN FLIGHT"))
    conservation = await books.riverbend.conservation()
    assert (conservation.in_flight, conservation.gap) == (1, 0)
    await books.harm("delete from inbox")
    assert (await books.riverbend.conservation()).gap == 1


async def test_what_a_process_sends_on_is_under_way_and_its_loss_is_seen(
    riverbend: Riverbend,
) -> None:
    """A merge: the survivor tells the retired account who pays, by events of its own."""
    await riverbend.receive(dft("A1", Line("1", "CG", 5_000), at=AT, control="M1"))
    await riverbend.receive(
        adt("A04", "A2", at=AT, control="M2", financial_class="MC"),
        merge("A2", "A1", at="20260311120000", control="M3"),
        source="adt",
    )
    sent_on = "from inbox where event_id like '%.%.%'"
    for _ in range(10):
        await riverbend.runner.turn()
        others_count = await riverbend.number(
            "select count(*) from inbox where event_id not like '%.%.%'"
        )
        if not others_count and await riverbend.number(f"select count(*) {sent_on}"):
            break
    conservation = await riverbend.conservation()
    assert (conservation.in_flight > 0, conservation.gap) == (True, 0)
    await riverbend.rows(f"delete {sent_on}")
    assert (await riverbend.conservation()).gap > 0


async def test_what_somebody_books_in_the_erp_by_hand_is_seen(books: FilledBooks) -> None:
    by_hand = {
        "reference": "BY-HAND",
        "entity": "RVH",
        "currency": "USD",
        "accounting_date": "2026-03-10",
        "description": "by hand",
        "source": "clerk",
        "lines": [
            {"account": "1100", "debit_minor": 5, "credit_minor": 0},
            {"account": "1110", "debit_minor": 0, "credit_minor": 5},
        ],
    }
    await books.destination.send(msgspec.json.encode(by_hand), key="BY-HAND")
    proof = await books.proof()
    assert not proof.proven
    assert {each.at.account for each in proof.differences} == {"1100", "1110"}
    assert proof.erp_difference_minor == 10


async def test_an_erp_that_does_not_answer_proves_nothing(books: FilledBooks) -> None:
    await books.erp.misbehave({"mode": "503"})
    proof = await books.proof()
    assert not proof.proven
    assert proof.erp_unread
    assert not (await read_proof(books.riverbend.database, None)).proven
