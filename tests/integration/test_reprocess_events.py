"""Events that failed, told again once Suture is mended; and what may be dismissed, and what never.

How an event is set aside is `test_runner_poison.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.operator_desk import ADA, everything, outcomes, reprocessed
from tests.integration.remit_files import put, remit
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Claim, Line, adt, dft

from suture.model.event import Event
from suture.model.fault import catalogue
from suture.pipeline import Record, Step, advance
from suture.store.acts import read_acts
from suture.store.controls import read_control_totals
from suture.store.worklist import FLAGS, dismiss_work_items, find_work_items

pytestmark = pytest.mark.integration

AT = "20260310120000"
FAILED = "engine.event.failed"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let every charge kill its handling, as a defect of ours would, until it is undone."""

    def failing(record: Record[Any], event: Event, books: Any) -> Step:
        if event.type == "charge.posted":
            raise RecursionError
        return advance(record, event, books)

    monkeypatch.setattr("suture.engine.runner.advance", failing)
    return monkeypatch


async def charged(riverbend: Riverbend, *minors: int) -> None:
    """Register an account and charge it; handle what that tells."""
    await riverbend.receive(
        adt("A01", "A1", at=AT, control="R1", financial_class="MA", payer="MCR"), source="adt"
    )
    for number, minor in enumerate(minors):
        line = Line(f"L{number}", "CG", minor)
        await riverbend.receive(dft("A1", line, at=AT, control=f"B{number}"))
    await riverbend.settle()


async def proven(riverbend: Riverbend) -> bool:
    controls = await read_control_totals(riverbend.database)
    conservation = await riverbend.conservation()
    return not conservation.gap and not any(each.difference_minor for each in controls)


async def test_f33_events_that_failed_are_told_again_once_and_every_control_holds(
    riverbend: Riverbend, broken: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, 10_000, 2_000)
    assert await riverbend.exceptions() == [FAILED] * 2
    assert not await proven(riverbend), "what was charged stands nowhere"
    broken.undo()
    results = await reprocessed(riverbend, all_of=FAILED)
    assert outcomes(results) == ["accepted"] * 2
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 12_000, "4020": -12_000}
    assert await riverbend.exceptions() == []
    assert await proven(riverbend)
    conservation = await riverbend.conservation()
    assert (conservation.posted, conservation.held) == (2, 0)
    stamps = await riverbend.rows(
        "select count(distinct stamp) as stamps, count(*) as events from event"
        " where type = 'charge.posted'"
    )
    assert (stamps[0]["stamps"], stamps[0]["events"]) == (2, 4), "told as it was, under a new id"


async def test_f33_an_event_that_fails_again_is_set_aside_again_and_can_be_told_again(
    riverbend: Riverbend, broken: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, 10_000)
    for _ in range(2):
        (item,) = await riverbend.rows("select id from work_item where resolved_at is null")
        assert outcomes(await reprocessed(riverbend, item["id"])) == ["accepted"]
        await riverbend.settle()
        assert await riverbend.exceptions() == [FAILED]
        assert (await riverbend.conservation()).gap == 0
    broken.undo()
    await reprocessed(riverbend, all_of=FAILED)
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    assert await proven(riverbend)


async def test_an_event_that_was_told_again_is_not_told_a_third_time(
    riverbend: Riverbend, broken: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, 10_000)
    (item,) = await riverbend.rows("select id, event_id from work_item")
    broken.undo()
    await reprocessed(riverbend, item["id"])
    before = await everything(riverbend)
    (ended,) = await reprocessed(riverbend, item["id"])
    assert ended.outcome == "refused"
    assert "it is closed: reprocessed by ada@billing-1" in ended.explanation
    assert before == await everything(riverbend)
    (act,) = await read_acts(riverbend.database, item["event_id"])
    assert (act.act, act.reason) == ("reprocessed", ADA.reason)


# Dismissal -------------------------------------------------------------------------------------


async def dismissed(riverbend: Riverbend) -> list[str]:
    """Try to dismiss whatever is open; return what gave way."""
    rows = await riverbend.rows("select id from work_item where resolved_at is null order by id")
    return await dismiss_work_items(riverbend.database, [row["id"] for row in rows], ADA)


async def assert_out_of_reach(riverbend: Riverbend) -> None:
    before = await everything(riverbend)
    assert await dismissed(riverbend) == []
    assert before == await everything(riverbend)
    rows = await riverbend.rows("select id from work_item where resolved_at is null")
    items = await find_work_items(riverbend.database, [row["id"] for row in rows])
    assert items
    assert not any(item.is_dismissible for item in items.values())


async def test_what_an_event_that_failed_says_cannot_be_dismissed(
    riverbend: Riverbend, broken: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, 10_000)
    await assert_out_of_reach(riverbend)


async def test_money_that_is_parked_cannot_be_dismissed(riverbend: Riverbend) -> None:
    line = Line("L1", "CG", 10_000, department="NOWHERE")
    await riverbend.receive(
        adt("A01", "A1", at=AT, control="R1", financial_class="MA", payer="MCR"), source="adt"
    )
    await riverbend.receive(dft("A1", line, at=AT, control="B1"))
    await riverbend.settle()
    assert await riverbend.exceptions() == ["ledger.department.unmapped"]
    await assert_out_of_reach(riverbend)


async def test_a_flag_beside_what_is_booked_can_be_dismissed_whatever_amount_it_tells(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """A reversal that is no mirror of its original: both are booked, the flag asks to compare."""
    original = Claim("C1", 20_000, (("CO", "45", 5_000),), payer_number="ICN1")
    other = Claim("C1", 20_000, (("CO", "45", 4_000),), payer_number="ICN1").reversed()
    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit("T1", original))
    await watching.turn()
    put(tmp_path, remit("T2", other, number=2, paid_on="20260321"))
    await watching.turn()
    await riverbend.settle()
    assert await riverbend.exceptions() == ["claim.reversal_not_mirror"]
    (gone,) = await dismissed(riverbend)
    (act,) = await read_acts(riverbend.database, gone)
    assert (act.act, act.os_user, act.reason) == ("dismissed", "ada", ADA.reason)
    assert await riverbend.resolutions() == [f"dismissed: {ADA.reason}"]
    assert await proven(riverbend)


async def test_a_denial_after_settlement_is_closed_as_its_remedy_says(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit("T1", Claim("C1", 20_000)))
    await watching.turn()
    denied = Claim("C1", 20_000, (("CO", "29", 20_000),), status="4")
    put(tmp_path, remit("T2", denied, number=2, paid_on="20260321"))
    await watching.turn()
    await riverbend.settle()
    assert await riverbend.exceptions() == ["claim.denied_after_settlement"]
    await dismissed(riverbend)
    assert await proven(riverbend)


async def test_a_reversal_of_nothing_paid_waits_for_its_original_all_the_same(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """All of it was the patient's to pay: no cash is parked, and what was adjusted still is."""
    unknown = Claim("C1", 50_000, (("PR", "1", 50_000),)).reversed()
    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit("T1", unknown))
    await watching.turn()
    await riverbend.settle()
    assert await riverbend.exceptions() == ["claim.reversal_without_original"]
    await assert_out_of_reach(riverbend)


def test_each_flag_says_that_it_may_be_dismissed() -> None:
    assert [] == [code for code in FLAGS if "dismiss" not in catalogue()[code].remedy]
