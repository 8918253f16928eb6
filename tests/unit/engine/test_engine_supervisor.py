"""The supervisor outlives a database that does not start, and tries again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from suture.engine.supervisor import Supervisor


async def test_f9_a_database_that_does_not_start_is_tried_again(tmp_path: Path) -> None:
    stop = asyncio.Event()
    tries: list[bool] = []

    async def ensure_database() -> None:
        tries.append(len(tries) < 2)
        if tries[-1]:
            raise OSError("no space left")
        stop.set()

    supervisor = Supervisor([], environment={}, home=tmp_path, ensure_database=ensure_database)
    await asyncio.wait_for(supervisor.run(stop), 10)
    assert [True, True, False] == tries
