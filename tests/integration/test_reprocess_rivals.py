"""Reprocessing beside others: senders who send again, rivals, crashes; every message books once.

What reprocessing does to a message is `test_reprocess_messages.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.operator_desk import (
    assert_every_control_holds,
    charge,
    desk,
    everything,
    message_ids,
    not_yet_known,
    outcomes,
    registered,
    reprocessed,
)
from tests.integration.riverbend_store import Riverbend, code_of

from suture.engine.message_reprocess import Reprocessed
from suture.engine.reprocess import Choice, choose, reprocess
from suture.model.fault import Fault, fault
from suture.store.database import StoreUnavailableError
from suture.store.reprocess import Reprocessing

pytestmark = pytest.mark.integration

UNKNOWN = "hl7.type.unsupported"


# Identity --------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let reading any message fail, as a defect of ours would, until it is undone."""

    def read(*_: Any, **__: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr("suture.engine.intake.receive_message", read)
    return monkeypatch


async def test_b19_the_same_bytes_accepted_meanwhile_are_not_booked_again(
    riverbend: Riverbend, failing: pytest.MonkeyPatch
) -> None:
    """Read by nobody, the first was known by its bytes alone; sent again, it was accepted."""
    await riverbend.receive(charge("B1"))
    failing.undo()
    await registered(riverbend)
    await riverbend.receive(charge("B1"))
    (held,) = await message_ids(riverbend)
    (ended,) = await reprocessed(riverbend, held)
    assert ended.outcome == "repeated"
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    assert await riverbend.exceptions() == []
    (resolution,) = await riverbend.resolutions()
    assert f"says the same as {ended.explanation}" in resolution
    conservation = await riverbend.conservation()
    assert (conservation.posted, conservation.held, conservation.gap) == (1, 0, 0)


async def test_b20_a_control_id_used_by_other_bytes_meanwhile_holds_the_message(
    riverbend: Riverbend, failing: pytest.MonkeyPatch
) -> None:
    await riverbend.receive(charge("B1", 10_000))
    failing.undo()
    await registered(riverbend)
    await riverbend.receive(charge("B1", 20_000))
    (held,) = await message_ids(riverbend)
    (ended,) = await reprocessed(riverbend, held)
    assert (ended.outcome, ended.code) == ("held", "intake.control_id.reused")
    assert await riverbend.exceptions() == ["intake.control_id.reused"]
    before = await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, held)) == ["held"]
    assert before == await everything(riverbend)
    repeats = await riverbend.number("select count(*) from message_repeat")
    await riverbend.receive(charge("B1", 10_000))
    assert await riverbend.number("select count(*) from message_repeat") == repeats + 1
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 20_000, "4020": -20_000}
    assert (await riverbend.conservation()).gap == 0


async def test_b20_a_control_id_reused_stays_held_however_often_it_is_reprocessed(
    riverbend: Riverbend,
) -> None:
    await registered(riverbend)
    await riverbend.receive(charge("B1", 10_000), charge("B1", 20_000))
    (held,) = await message_ids(riverbend)
    before = await everything(riverbend)
    (ended,) = await reprocessed(riverbend, held)
    assert (ended.outcome, ended.code) == ("held", "intake.control_id.reused")
    assert before == await everything(riverbend)


async def test_a_message_sent_again_after_it_was_reprocessed_is_a_repeat_of_it(
    riverbend: Riverbend, failing: pytest.MonkeyPatch
) -> None:
    await riverbend.receive(charge("B1"))
    failing.undo()
    await reprocessed(riverbend, *await message_ids(riverbend))
    await riverbend.receive(charge("B1"))
    assert (1, 1) == await riverbend.counts()


async def test_a_sender_who_was_refused_is_told_otherwise_once_its_message_is_accepted(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told AR and may try for ever; the very same bytes now get what they would have got."""

    def refusing(raw: bytes, **_: Any) -> Fault:
        return fault("hl7.header.separators", "MSH-2")

    monkeypatch.setattr("suture.wire.hl7v2.parse", refusing)
    (refused,) = await riverbend.receive(charge("B1"))
    assert code_of(refused) == "AR"
    monkeypatch.undo()
    (held,) = await message_ids(riverbend, "rejected")
    assert outcomes(await reprocessed(riverbend, held)) == ["accepted"]
    (again,) = await riverbend.receive(charge("B1"))
    assert code_of(again) == "AA"
    assert (1, 1) == await riverbend.counts()


# Crashes and rivals ----------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["hold", "facts", "rejudge", "append_totals", "note"])
async def test_f1_a_crash_in_the_middle_leaves_nothing_half_done(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before and after each statement: the next try does all of it, once."""
    await registered(riverbend)
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"))
    (held,) = await message_ids(riverbend)
    before = await everything(riverbend)
    original = getattr(Reprocessing, step)
    for is_done in (False, True):

        async def crashing(self: Any, *told: Any, is_done: bool = is_done, **named: Any) -> None:
            if is_done:
                await original(self, *told, **named)
            raise KeyboardInterrupt

        monkeypatch.setattr(Reprocessing, step, crashing)
        with pytest.raises(KeyboardInterrupt):
            await reprocessed(riverbend, held)
        monkeypatch.undo()
        assert before == await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, held)) == ["accepted"]
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}


async def test_f44_a_database_that_is_away_for_a_moment_is_asked_again(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"))
    original, failures = Reprocessing.rejudge, iter(range(2))

    async def flickering(self: Any, *told: Any, **named: Any) -> None:
        await original(self, *told, **named)
        if next(failures, None) is not None:
            raise StoreUnavailableError("a deadlock")

    monkeypatch.setattr(Reprocessing, "rejudge", flickering)
    assert outcomes(await reprocessed(riverbend, all_of=UNKNOWN)) == ["accepted"]
    assert await riverbend.number("select count(*) from event") == 1


async def test_f33_a_message_the_store_refuses_changes_nothing_and_holds_up_nobody(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"), charge("B2"))
    first, second = await message_ids(riverbend)
    original = Reprocessing.facts

    async def refusing(self: Any, events: Any, secrets: Any) -> None:
        if events[0].message_id == first:
            raise ValueError("with the text of a charge")
        await original(self, events, secrets)

    monkeypatch.setattr(Reprocessing, "facts", refusing)
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert outcomes(results) == ["refused", "accepted"]
    assert "ValueError" in results[0].explanation
    assert "charge" not in results[0].explanation
    assert await message_ids(riverbend) == [first]
    assert second in await message_ids(riverbend, "accepted")


async def test_two_operators_at_once_book_it_once(riverbend: Riverbend) -> None:
    await registered(riverbend)
    with not_yet_known("DFT"):
        await riverbend.receive(*(charge(f"B{number}", 100) for number in range(10)))
    choice: Choice = await choose(riverbend.database, await message_ids(riverbend))

    async def run() -> list[Reprocessed]:
        here = desk(riverbend)
        units = reprocess(here, riverbend.estate, choice)
        return [each async for ended in units for each in ended]

    results = [each for ran in await asyncio.gather(*(run() for _ in range(4))) for each in ran]
    assert outcomes(results).count("accepted") == 10
    assert outcomes(results).count("refused") == 30
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 1_000, "4020": -1_000}
    await assert_every_control_holds(riverbend)


async def test_a_message_reprocessed_while_its_sender_sends_it_again_is_one_message(
    riverbend: Riverbend,
) -> None:
    messages = [charge(f"B{number}", 100) for number in range(20)]
    await registered(riverbend)
    with not_yet_known("DFT"):
        await riverbend.receive(*messages)
    results, _ = await asyncio.gather(
        reprocessed(riverbend, all_of=UNKNOWN), riverbend.receive(*messages)
    )
    assert outcomes(results) == ["accepted"] * 20
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 2_000, "4020": -2_000}
    assert (21, 20) == await riverbend.counts()
