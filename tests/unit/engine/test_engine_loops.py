"""The loops of a worker: one that fails ends the process, so that it is started again; none idles.

None of them ends for want of a database. What each loop does is tested where the database is
(`tests/integration`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from suture.engine.batching import Batching
from suture.engine.delivery import Delivery, Retry
from suture.engine.file_intake import FileIntake
from suture.engine.loops import Loops
from suture.engine.runner import Runner
from suture.store.database import LeaseLostError, StoreUnavailableError

FACTORIES = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]


@pytest.mark.parametrize("factory", FACTORIES)
def test_f33_a_loop_that_fails_ends_its_worker(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def work() -> None:
        loops = Loops()

        async def fails() -> None:
            raise RuntimeError("a bug")

        async def goes_on() -> None:
            await loops.stop.wait()

        loops.add(fails(), "fails")
        loops.add(goes_on(), "goes-on")
        await asyncio.sleep(5)

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(work())

    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1


async def test_draining_waits_until_each_loop_has_finished_what_it_was_doing() -> None:
    loops = Loops()
    done: list[int] = []

    async def work(number: int) -> None:
        await loops.stop.wait()
        await asyncio.sleep(0.01 * number)
        done.append(number)

    for number in range(3):
        loops.add(work(number), f"loop-{number}")
    await asyncio.sleep(0)
    await loops.drain()
    assert done == [0, 1, 2]


NOTHING: Any = None
"""What a loop is made with that never takes a turn of its own."""


async def take_turns(
    monkeypatch: pytest.MonkeyPatch, loop: Batching | Delivery | FileIntake | Runner, *ends: object
) -> None:
    """Run a loop whose turns end so, one after the other; with the last it is told to stop."""
    stop, left = asyncio.Event(), list(ends)

    async def turn() -> object:
        end = left.pop(0)
        if not left:
            stop.set()
        if isinstance(end, Exception):
            raise end
        return end

    # A runner goes on deciding while it commits: what its loop takes is half a turn.
    monkeypatch.setattr(loop, "_turn" if isinstance(loop, Runner) else "turn", turn)
    await asyncio.wait_for(loop.run(stop), 5)
    assert left == []


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(Batching(NOTHING, "erp", {}), id="batching"),
        pytest.param(Delivery(NOTHING, "erp", NOTHING, "delivery-1", Retry()), id="delivery"),
        pytest.param(FileIntake(NOTHING, NOTHING, NOTHING), id="files"),
    ],
)
async def test_f1_a_loop_goes_on_when_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch, loop: Batching | Delivery | FileIntake
) -> None:
    await take_turns(monkeypatch, loop, 1, StoreUnavailableError("away"), 0, 1)


@pytest.mark.parametrize("trouble", [StoreUnavailableError("away"), LeaseLostError("taken")])
async def test_f28_a_runner_forgets_its_leases_with_the_database_or_when_one_is_lost(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    given_back: list[str] = []

    async def release(_database: object, owner: str) -> None:
        given_back.append(owner)
        raise StoreUnavailableError("away again: they run out by themselves")

    monkeypatch.setattr("suture.engine.runner.release_partitions", release)
    runner = Runner(NOTHING, "runner-1", NOTHING, 4)
    runner._leases = {3: NOTHING}
    await take_turns(monkeypatch, runner, 0, trouble, 1)
    assert (runner._leases, given_back) == ({}, ["runner-1"])
