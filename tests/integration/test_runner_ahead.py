"""The runner decides a batch while it commits the one before, as if it had waited.

Every batch here is small and leaves the next one waiting. What holds for single turns is in
`test_runner_once.py` and `test_runner_poison.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, adt, dft

from suture.engine.runner import Runner
from suture.model.event import Event
from suture.pipeline import Record, Step, advance
from suture.store.database import StoreUnavailableError
from suture.store.state import commit_step

pytestmark = pytest.mark.integration

ACCOUNTS = [f"A{number}" for number in range(12)]
EVENTS_COUNT = 4 * len(ACCOUNTS)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.engine.runner.EVENTS_ENOUGH", 1)
    monkeypatch.setattr("suture.engine.runner.EVENTS_PER_PARTITION_MAX", 1)


async def told(riverbend: Riverbend) -> None:
    """Register accounts, charge each 100.00, and correct that to 50.00 at once."""
    for account in ACCOUNTS:
        at = "20260310120000"
        registered = adt(
            "A01", account, at=at, control=f"R{account}", financial_class="MA", payer="MCR"
        )
        await riverbend.receive(registered, source="adt")
        for minor, at in ((10_000, "20260310120001"), (5_000, "20260310120002")):
            line = Line(f"L{account}", "CG", minor)
            await riverbend.receive(dft(account, line, at=at, control=f"B{account}.{minor}"))


@asynccontextmanager
async def running(*runners: Runner) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    yield
    stop.set()
    await asyncio.gather(*tasks)


async def assert_booked_once(riverbend: Riverbend, *, set_aside: int = 0) -> None:
    """Assert that each event has one place, and that only the corrections stand."""
    assert await riverbend.number("select count(*) from inbox") == 0
    rows = await riverbend.rows(
        "select array_agg(log.position order by log.position) as positions, l.position as last"
        " from log join partition_lease l using (partition) group by partition, l.position"
    )
    assert [row["positions"] for row in rows] == [list(range(1, row["last"] + 1)) for row in rows]
    events_count = await riverbend.number("select count(*) from event")
    assert events_count == await riverbend.number("select count(*) from log") > 2 * len(ACCOUNTS)
    stand = 5_000 * (len(ACCOUNTS) - set_aside) + 10_000 * set_aside
    assert await riverbend.balances() == {"1100": stand, "4020": -stand}
    assert (await riverbend.conservation()).gap == 0


async def test_a_correction_decided_before_its_original_is_committed_takes_it_back(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(riverbend)
    decided = 0
    ahead: list[int] = []

    def counted(record: Record[Any], event: Event, books: Any) -> Step:
        nonlocal decided
        decided += 1
        return advance(record, event, books)

    async def slow(*arguments: Any, **named: Any) -> None:
        before = decided
        await asyncio.sleep(0.01)
        ahead.append(decided - before)
        await commit_step(*arguments, **named)

    monkeypatch.setattr("suture.engine.runner.advance", counted)
    monkeypatch.setattr("suture.engine.runner.commit_step", slow)
    async with running(riverbend.runner):
        await riverbend.until("select count(*) = 0 from inbox")
    assert sum(ahead) > len(ACCOUNTS), "the next batch was decided meanwhile"
    await assert_booked_once(riverbend)


async def test_f28_runners_that_lose_every_lease_again_and_again_book_each_event_once(
    riverbend: Riverbend,
) -> None:
    await told(riverbend)
    async with running(*(riverbend.another_runner(f"runner-{number}") for number in range(3))):
        while await riverbend.number("select count(*) from inbox"):
            await riverbend.rows("update partition_lease set until = now() - interval '1 second'")
            await asyncio.sleep(0.005)
    await assert_booked_once(riverbend)


async def test_f44_what_was_decided_after_a_commit_that_failed_is_decided_again(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fails before it is done, of another the answer is lost; the store alone knows."""
    await told(riverbend)
    troubles = iter(["", "before", "", "after", ""])

    async def troubled(*arguments: Any, **named: Any) -> None:
        trouble = next(troubles, "")
        await asyncio.sleep(0.01)
        if trouble == "before":
            raise StoreUnavailableError("deadlock detected")
        await commit_step(*arguments, **named)
        if trouble == "after":
            raise StoreUnavailableError("connection lost")

    monkeypatch.setattr("suture.engine.runner.commit_step", troubled)
    async with running(riverbend.runner):
        await riverbend.until("select count(*) = 0 from inbox")
    await assert_booked_once(riverbend)


async def test_f33_an_event_that_cannot_be_committed_is_set_aside_and_nothing_after_it_lost(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(riverbend)
    token = riverbend.tokenizer.token("account", "riverbend", "A5")
    rows = await riverbend.rows(
        "select id from event where stream = $1 and type = 'charge.posted' order by stamp desc",
        f"patient_account/{token}",
    )
    poison = str(rows[0]["id"])  # the correction

    def harmful(record: Record[Any], event: Event, books: Any) -> Step:
        step = advance(record, event, books)
        if event.id == poison:
            step.entries = [
                msgspec.structs.replace(each, kind="a kind\0 no column holds")
                for each in step.entries
            ]
        return step

    monkeypatch.setattr("suture.engine.runner.advance", harmful)
    async with running(riverbend.runner):
        await riverbend.until("select count(*) = 0 from inbox")
    assert ["engine.event.failed"] == await riverbend.exceptions()
    await assert_booked_once(riverbend, set_aside=1)
