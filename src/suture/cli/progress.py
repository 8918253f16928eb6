"""Progress for people: a bar, at a terminal only, when something takes longer than a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PATIENCE_SECONDS = 1.0
"""How long nothing is shown: most commands are done by then."""


def watched(
    chunks: Iterable[bytes], *, label: str, bytes_total: int, console: Console | None = None
) -> Iterator[bytes]:
    """Yield the chunks of a file, with a bar that says how much of it has been read.

    The bar stands on `console`, below what is printed there meanwhile, else on standard error.
    """
    place = console or Console(stderr=True)
    if not place.is_terminal:
        yield from chunks
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=place,
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


@contextmanager
def counted(label: str, *, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` things are done; the body says so by what this yields."""
    place = Console(stderr=True)
    if not place.is_terminal:
        yield lambda _: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=place,
        transient=True,
    )
    task = bar.add_task(label, total=total)
    shown_at = time.monotonic() + PATIENCE_SECONDS

    def advance(done: int) -> None:
        bar.update(task, advance=done)
        if time.monotonic() >= shown_at:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()


@asynccontextmanager
async def waiting(label: str) -> AsyncIterator[None]:
    """Show, while the body runs longer than a moment, what it does and for how long."""
    place = Console(stderr=True)
    if not place.is_terminal:
        yield
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=place,
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
