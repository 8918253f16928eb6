"""The door of a source that is a database: asks for rows in sweeps and knows those it has brought.

A sweep begins a little behind the watermark, because rows are committed in another order than
their times or numbers say, and goes on page by page to the newest row. Rows that are met again
are known by what they hold and left out; after a restart they come once more, and the engine knows
them. Within one time, rows are told apart by the key, so none is lost between two pages (B77).
What is read and how is `reader.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from suture.connectors.database import watermark as marks
from suture.connectors.database.settings import DatabaseSettings
from suture.connectors.database.watermark import Value
from suture.connectors.ports import PullDoor, Pulled, Surroundings
from suture.model.fault import Fault, fault

if TYPE_CHECKING:  # SQLAlchemy is imported where such a door is opened, and only there
    from suture.connectors.database.reader import Place, Reader, ReadRow

CHECK_SECONDS = 3600.0
"""Between two looks for rows that are never reached."""


class DatabaseDoor:
    """A table or query of a database; fills the port `PullDoor`."""

    def __init__(self, settings: DatabaseSettings, reader: Reader, address: str) -> None:
        """Take what to read, and who reads it."""
        self.address = address
        self.interval_seconds = settings.interval_seconds
        self._settings = settings
        self._reader = reader
        self._settled = ""
        """The watermark that `_after` and `_seen` belong to."""
        self._after: Place | None = None
        """Where the sweep goes on; None where a new one begins."""
        self._seen: dict[bytes, Value] = {}
        """Rows that are stored, as far back as a sweep begins."""
        self._pending: dict[bytes, Value] = {}
        self._pending_after: Place | None = None
        self._check_at = 0.0
        self._complaint: Fault | None = None

    async def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        # In a thread: drivers block. It ends in time, by the deadlines of its statements.
        return await asyncio.to_thread(self._poll, watermark)

    async def settled(self, watermark: str) -> None:
        self._settled = watermark
        self._seen |= self._pending
        self._after = self._pending_after
        high = marks.read(watermark, self._settings.order_column)
        if high is None or isinstance(high, Fault):
            return
        begin = self._begin(high)
        self._seen = {
            digest: order
            for digest, order in self._seen.items()
            if marks.is_read_again(order, begin)
        }

    async def close(self) -> None:
        await asyncio.to_thread(self._reader.close)

    def _poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        high = marks.read(watermark, self._settings.order_column)
        if isinstance(high, Fault):
            return high
        first = None if self._settings.begin == "" else self._settings.begin
        begin = first if high is None else self._begin(high)
        after = self._after if watermark == self._settled else None
        while True:
            page = self._reader.read(begin, after)
            if isinstance(page, Fault):
                return page
            new = [row for row in page.rows if row.digest not in self._seen]
            if page.rows:
                after = page.rows[-1].place
            if new:
                self._pending = {row.digest: row.place.order for row in new}
                self._pending_after = None if page.is_last else after
                return list(self._pulled(new, high))
            if page.fault is not None:
                return page.fault
            if page.is_last:
                self._after = None
                return self._complaint_now(begin) or []

    def _begin(self, high: Value) -> Value:
        """Return from where a sweep begins once rows have been read up to here."""
        return marks.before(
            high,
            overlap_seconds=self._settings.overlap_seconds,
            overlap_count=self._settings.overlap_count,
        )

    def _pulled(self, rows: Sequence[ReadRow], high: Value | None) -> list[Pulled]:
        """Return rows with the watermark after each, which never goes back."""
        pulled = []
        for row in rows:
            if high is None or not marks.is_behind(row.place.order, high):
                high = row.place.order
            pulled.append(Pulled(row.body, marks.written(self._settings.order_column, high)))
        return pulled

    def _complaint_now(self, begin: Value | None) -> Fault | None:
        """Return why rows stay unread, looked at now and then: all that can be read has been."""
        if time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + CHECK_SECONDS
            self._complaint = self._reader.check(
                lambda newest: begin is not None and marks.is_behind(newest, begin)
            )
        return self._complaint


async def open_door(settings: DatabaseSettings, surroundings: Surroundings) -> PullDoor | Fault:
    """Open the door; the database is first asked when it is polled."""
    try:
        from suture.connectors.database.reader import Reader  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as absent:
        if (absent.name or "").partition(".")[0] != "sqlalchemy":
            raise
        return fault("database.driver.absent", settings.url)
    reader = Reader(settings, surroundings.secret, surroundings.home)
    return DatabaseDoor(settings, reader, settings.address(surroundings.home))
