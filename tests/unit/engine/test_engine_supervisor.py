"""The supervisor: what cannot be started is tried again, and keeps nobody else from its work.

Workers that are killed, and supervisors that are, are in `tests/simulation`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from suture.engine import supervisor as supervisor_module
from suture.engine.supervisor import Crew, Supervisor


async def idle() -> asyncio.subprocess.Process:
    """Start a process that does nothing until it is told to end."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)", stdin=asyncio.subprocess.DEVNULL
    )


async def started(watching: Supervisor, *, after: int | None = None) -> int:
    """Return the process id of the intake, once there is one, or another one."""
    for _ in range(500):
        found = watching.process_id("intake")
        if found and found != after:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("no worker is ever started")


async def test_a_worker_is_started_again_while_the_database_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovered, recoveries_count = asyncio.Event(), 0

    async def recover() -> None:
        nonlocal recoveries_count
        recoveries_count += 1
        await recovered.wait()

    watching = Supervisor(["intake"], environment={}, home=tmp_path, ensure_database=recover)

    async def spawn(crew: Crew) -> asyncio.subprocess.Process:
        return await idle()

    monkeypatch.setattr(watching, "_spawn", spawn)
    stop = asyncio.Event()
    running = asyncio.create_task(watching.run(stop))
    first = await started(watching)
    os.kill(first, signal.SIGKILL)
    assert first != await started(watching, after=first)
    assert 1 == recoveries_count, "one at a time"
    stop.set()
    await asyncio.sleep(0.2)
    assert not running.done(), "nobody may stop the database while it is being started"
    recovered.set()
    await asyncio.wait_for(running, 20)


async def test_a_database_that_dies_again_while_it_recovers_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or one more kill, or a disk full for a minute, would end every worker for good."""
    monkeypatch.setattr(supervisor_module, "RESTART_SECONDS_MAX", 0.05)
    moments: list[float] = []

    async def revive() -> None:
        moments.append(asyncio.get_running_loop().time())
        if len(moments) <= 3:
            raise RuntimeError("killed while it recovered")

    watching = Supervisor(["intake"], environment={}, home=tmp_path, ensure_database=revive)
    monkeypatch.setattr(watching, "_spawn", lambda _: idle())
    stop = asyncio.Event()
    with capture_logs() as logged:
        running = asyncio.create_task(watching.run(stop))
        assert await started(watching)
        while len(moments) < 6:  # noqa: ASYNC110 - the supervisor tells nobody
            await asyncio.sleep(0.02)
    assert 3 == sum(line["event"] == "database_start_failed" for line in logged)
    assert not any("killed while" in repr(line) for line in logged), "it may quote anything"
    stop.set()
    await asyncio.wait_for(running, 20)


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
    assert await started(watching)
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
