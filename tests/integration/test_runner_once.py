"""The runner: each event decided once, whatever happens to whoever decides it (F23, F28, F44).

Two runners compete for one database here; what a poison event does is in `test_runner_poison.py`,
corrections and releases in `test_runner_books.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend
from tests.specs.riverbend_messages import Line, adt, dft

from suture.engine.runner import Runner
from suture.store.database import LeaseLostError, StoreUnavailableError, translated
from suture.store.state import commit_step

pytestmark = pytest.mark.integration

AT = "20260310120000"
WRITTEN = ("log", "entry", "entry_line", "unbatched", "state", "work_item")


async def charged(riverbend: Riverbend, *accounts: str) -> None:
    """Register accounts and charge each 100.00."""
    for account in accounts:
        registered = adt(
            "A01", account, at=AT, control=f"R{account}", financial_class="MA", payer="MCR"
        )
        await riverbend.receive(registered, source="adt")
        charge = dft(account, Line(f"L{account}", "CG", 10_000), at=AT, control=f"B{account}")
        await riverbend.receive(charge)


async def written(riverbend: Riverbend) -> dict[str, list[Any]]:
    """Return all that a step writes."""
    return {
        table: await riverbend.rows(f"select * from {table} order by 1, 2")  # noqa: S608 - ours
        for table in WRITTEN
    }


async def expire(riverbend: Riverbend) -> None:
    """Let every lease run out."""
    await riverbend.rows("update partition_lease set until = now() - interval '1 second'")


class Paused:
    """Stops the first commit, between the decision and the store, as SIGSTOP would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        monkeypatch.setattr("suture.engine.runner.commit_step", self._commit)

    async def _commit(self, *arguments: Any, **named: Any) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.go_on.wait()
        await commit_step(*arguments, **named)

    async def turn(self, runner: Runner) -> asyncio.Task[int]:
        """Let a runner take a turn, up to the commit."""
        turn = asyncio.create_task(runner.turn())
        await self.reached.wait()
        return turn


async def test_every_event_gets_one_place_and_its_partition_counts_without_a_gap(
    riverbend: Riverbend,
) -> None:
    await charged(riverbend, *(f"A{number}" for number in range(30)))
    await riverbend.settle()
    rows = await riverbend.rows(
        "select array_agg(log.position order by log.position) as positions, l.position as last"
        " from log join partition_lease l using (partition) group by partition, l.position"
    )
    assert len(rows) == PARTITIONS_COUNT
    for row in rows:
        assert row["positions"] == list(range(1, row["last"] + 1))
    assert await riverbend.number("select count(*) from log") == 90
    assert (await riverbend.conservation()).posted == 30


async def test_f28_a_zombie_whose_lease_was_taken_writes_nothing(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events wait still: the other has only taken over."""
    await charged(riverbend, "A1", "A2", "A3")
    zombie, heir = riverbend.runner, riverbend.another_runner("runner-2")
    paused = Paused(monkeypatch)
    turn = await paused.turn(zombie)
    await expire(riverbend)
    await heir._renew()
    before = await written(riverbend)
    paused.go_on.set()
    with pytest.raises(LeaseLostError):
        await turn
    assert before == await written(riverbend)
    riverbend.runner = heir
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 30_000, "4020": -30_000}


async def test_f28_a_zombie_whose_events_were_handled_by_its_heir_writes_nothing(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of its batch is left in the inbox: the fence must hold all the same."""
    await charged(riverbend, "A1", "A2", "A3")
    zombie, heir = riverbend.runner, riverbend.another_runner("runner-2")
    paused = Paused(monkeypatch)
    turn = await paused.turn(zombie)
    await expire(riverbend)
    riverbend.runner = heir
    await riverbend.settle()
    before = await written(riverbend)
    paused.go_on.set()
    with pytest.raises(LeaseLostError):
        await turn
    assert before == await written(riverbend)
    assert await riverbend.balances() == {"1100": 30_000, "4020": -30_000}


async def test_f28_one_lost_lease_among_several_loses_the_whole_step(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, *(f"A{number}" for number in range(20)))
    paused = Paused(monkeypatch)
    turn = await paused.turn(riverbend.runner)
    await riverbend.rows("update partition_lease set epoch = epoch + 1 where partition = 0")
    paused.go_on.set()
    with pytest.raises(LeaseLostError):
        await turn
    assert {table: [] for table in WRITTEN} == await written(riverbend)


async def test_f28_a_runner_that_was_only_late_and_not_replaced_goes_on(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, "A1")
    paused = Paused(monkeypatch)
    turn = await paused.turn(riverbend.runner)
    await expire(riverbend)
    paused.go_on.set()
    assert await turn > 0
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}


async def test_f28_two_runners_that_fight_over_every_lease_book_each_event_once(
    riverbend: Riverbend,
) -> None:
    """Leases run out all the time; whoever loses starts again."""
    await charged(riverbend, *(f"A{number}" for number in range(40)))
    stop = asyncio.Event()

    async def disturb() -> None:
        while not stop.is_set():
            await expire(riverbend)
            await asyncio.sleep(0.003)

    async def work(name: str) -> None:
        runner = riverbend.another_runner(name)
        while not stop.is_set():
            try:
                await runner.turn()
            except LeaseLostError:
                runner._leases = {}
            runner._renew_at = 0.0
            await asyncio.sleep(0)

    working = [asyncio.create_task(work(f"runner-{number}")) for number in range(3)]
    working.append(asyncio.create_task(disturb()))
    await riverbend.until("select count(*) = 0 from inbox")
    stop.set()
    await asyncio.gather(*working)
    assert await riverbend.number("select count(*) from log") == 120
    assert await riverbend.balances() == {"1100": 400_000, "4020": -400_000}
    assert (await riverbend.conservation()).gap == 0


async def test_a_runner_that_stops_gives_its_partitions_back_at_once(riverbend: Riverbend) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(riverbend.runner.run(stop))
    query = "select count(*) = $1 from partition_lease where owner = 'runner-1'"
    await riverbend.until(query, PARTITIONS_COUNT)
    stop.set()
    await running
    await charged(riverbend, "A1")
    assert await riverbend.another_runner("runner-2").turn() > 0


async def test_f44_a_commit_that_must_give_way_is_done_again_and_counts_once(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it fails before it is done, then its answer is lost after it is done."""
    await charged(riverbend, "A1", "A2")
    troubles = iter(["before", "after"])

    async def troubled(*arguments: Any, **named: Any) -> None:
        trouble = next(troubles, "")
        if trouble == "before":
            raise StoreUnavailableError("deadlock detected")
        await commit_step(*arguments, **named)
        if trouble == "after":
            raise StoreUnavailableError("connection lost")

    monkeypatch.setattr("suture.engine.runner.commit_step", troubled)
    stop = asyncio.Event()
    running = asyncio.create_task(riverbend.runner.run(stop))
    await riverbend.until("select count(*) = 0 from inbox")
    stop.set()
    await running
    assert await riverbend.balances() == {"1100": 20_000, "4020": -20_000}
    assert await riverbend.number("select count(*) from log") == 6


@pytest.mark.parametrize(
    "error", [asyncpg.DeadlockDetectedError(""), asyncpg.SerializationError("")]
)
def test_f44_what_the_database_asks_for_again_is_no_bug(error: Exception) -> None:
    assert isinstance(translated(error), StoreUnavailableError)


async def test_a_value_that_no_column_can_hold_is_a_bug_and_not_an_outage(
    riverbend: Riverbend,
) -> None:
    """Taken for an outage it would be tried again for ever."""
    with pytest.raises(Exception, match="invalid input for query argument") as raised:
        await riverbend.database.fetch("find_by_stream", 12)
    assert not isinstance(raised.value, StoreUnavailableError)


async def test_a_late_commit_is_only_late_and_never_lost(riverbend: Riverbend) -> None:
    """An intake that took its place in the inbox first, and commits last."""
    early = await asyncpg.connect(riverbend.dsn)
    transaction = early.transaction()
    await transaction.start()
    await charged(riverbend, "A1")
    await riverbend.settle()
    (event,) = await riverbend.rows("select * from event where type = 'charge.posted'")
    copy = dict(event) | {"id": "evt_late.0001", "message_id": "msg_late"}
    places = ", ".join(f"${number}" for number in range(1, len(copy) + 1))
    await early.execute(f"insert into event values ({places})", *copy.values())  # noqa: S608 - ours
    seq = await early.fetchval(
        "insert into inbox (partition, event_id) values ($1, $2) returning seq",
        copy["partition"],
        copy["id"],
    )
    await charged(riverbend, "A2")
    await riverbend.settle()
    assert await riverbend.number("select last_value from inbox_seq_seq") > seq
    await transaction.commit()
    await early.close()
    await riverbend.settle()
    (row,) = await riverbend.rows("select outcome from log where event_id = 'evt_late.0001'")
    assert row["outcome"] == "repeated"


async def test_f23_messages_that_come_up_to_five_times_book_as_if_they_came_once(
    riverbend: Riverbend,
) -> None:
    """Not the same bytes again, which intake knows, but the same business under new control ids."""
    for turn in range(5):
        for account in ("A1", "A2"):
            told = {"at": AT, "control": f"{account}.{turn}"}
            registered = adt("A01", account, financial_class="MA", payer="MCR", **told)
            await riverbend.receive(registered, source="adt")
            await riverbend.receive(dft(account, Line(f"L{account}", "CG", 10_000), **told))
        await riverbend.settle()
    assert await riverbend.balances() == {"1100": 20_000, "4020": -20_000}
    assert await riverbend.number("select count(*) from entry") == 2
    assert await riverbend.exceptions() == []
    assert (await riverbend.conservation()).gap == 0
