"""The loops of a worker: one that fails ends the process, so that it is started again; none idles.

What each loop does is tested where the database is (`tests/integration`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from suture.engine.duties import Loops

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
