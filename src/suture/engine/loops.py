"""Loops of a worker: tasks that run until told to stop, and are then waited for.

One that fails ends the worker, and the supervisor starts it again. What each loop does is in
`intake.py`, `file_intake.py`, `runner.py`, `batching.py` and `delivery.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from suture.engine.telemetry import log


class Loops:
    """Tasks that run until told to stop, and are then waited for."""

    def __init__(self) -> None:
        """Start with none."""
        self.stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, loop: Coroutine[Any, Any, None], name: str) -> None:
        """Run one more loop; one that fails ends the worker, and the supervisor starts it again."""
        self._tasks.append(watched(loop, name))

    async def drain(self) -> None:
        """Tell every loop to stop and wait until each has finished what it was doing."""
        self.stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def watched(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run a task whose failure nobody awaits, so that it ends the worker."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_fail_loudly)
    return task


def _fail_loudly(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("loop_failed", loop=task.get_name(), error=type(error).__name__)
        task.get_loop().call_soon(_raise_out, error)


def _raise_out(error: BaseException) -> None:
    raise SystemExit(1) from error
