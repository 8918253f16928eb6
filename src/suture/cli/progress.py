"""Progress for people: a bar on standard error, at a terminal, when something takes a while."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

PATIENCE_SECONDS = 1.0
"""How long nothing is shown: most commands are done by then."""


def watched(chunks: Iterable[bytes], *, label: str, bytes_total: int) -> Iterator[bytes]:
    """Yield the chunks of a file, with a bar that says how much of it has been read."""
    if not sys.stderr.isatty():
        yield from chunks
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(label, total=bytes_total)
    shown_at = time.monotonic() + PATIENCE_SECONDS
    is_shown = False
    try:
        for chunk in chunks:
            yield chunk
            bar.update(task, advance=len(chunk))
            if not is_shown and time.monotonic() >= shown_at:
                bar.start()
                is_shown = True
    finally:
        bar.stop()


@asynccontextmanager
async def waiting(label: str) -> AsyncIterator[None]:
    """Show, while the body runs longer than a moment, what it does and for how long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task(label, total=None)

    async def show() -> None:
        await asyncio.sleep(PATIENCE_SECONDS)
        bar.start()

    showing = asyncio.create_task(show())
    try:
        yield
    finally:
        showing.cancel()
        bar.stop()
