"""The supervisor: what cannot be started is tried again, and keeps nobody else from its work.

Workers that are killed, and supervisors that are, are in `tests/simulation`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from suture.engine import supervisor as supervisor_module
from suture.engine.supervisor import Crew, Supervisor


async def idle() -> asyncio.subprocess.Process:
    """Start a process that does nothing until it is told to end."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)", stdin=asyncio.subprocess.DEVNULL
    )


async def test_a_worker_that_cannot_be_started_waits_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is short a fork fails: that must not end the supervisor, and every worker."""
    monkeypatch.setattr(supervisor_module, "RESTART_SECONDS_MAX", 0.3)
    watching = Supervisor(["intake", "runner"], environment={}, home=tmp_path, ensure_database=None)
    refusals = 3

    async def spawn(crew: Crew) -> asyncio.subprocess.Process:
        nonlocal refusals
        if crew.role == "intake" and refusals:
            refusals -= 1
            raise BlockingIOError
        return await idle()

    monkeypatch.setattr(watching, "_spawn", spawn)
    stop = asyncio.Event()
    running = asyncio.create_task(watching.run(stop))
    await asyncio.sleep(0.15)
    assert (None, True) == (watching.process_id("intake"), bool(watching.process_id("runner")))
    for _ in range(500):
        if watching.process_id("intake"):
            break
        await asyncio.sleep(0.02)
    assert watching.process_id("intake")
    stop.set()
    await asyncio.wait_for(running, 20)
    assert [None, None] == [watching.process_id("intake"), watching.process_id("runner")]


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
