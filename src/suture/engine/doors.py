"""Doors of a worker, ports and folders: opened each by itself, tried again until they can be.

A port that another program has, or a folder that nobody may write to, closes that source's door
and no other: it is tried again with back-off, the log says what to do, and `suture status` shows
it. A release moves doors without a restart. What comes in is `intake.py`, `body_intake.py`,
`file_intake.py` and `pull_intake.py`; `duties.py` says how to open one of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from suture.engine.clock import instant, now_ms
from suture.engine.loops import watched
from suture.engine.telemetry import log
from suture.governance.connections import Source
from suture.model.fault import Fault
from suture.store.releases import Door

RETRY_SECONDS_MIN = 1.0
RETRY_SECONDS_MAX = 10.0


class Opened(msgspec.Struct, frozen=True):
    """An open door: where it is, and how it is closed, with everything under way finished."""

    address: str
    close: Callable[[], Awaitable[None]]
    trouble: Callable[[], Fault | None] = lambda: None
    """Why nothing comes in although it is open: whoever is at its other end does not answer."""
    seen: Callable[[], tuple[Mapping[str, int], int]] = lambda: ({}, 0)
    """How often each fault was met at it, by code, and how many bytes stood outside of frames."""


Opener = Callable[[Source], Awaitable[Opened | Fault]]


class _Place(msgspec.Struct):
    source: Source
    door: Door
    stop: asyncio.Event
    opened: Opened | None = None
    trying: asyncio.Task[None] | None = None
    troubled_since: datetime | None = None

    def told(self) -> Door:
        """Return how it is now: where it is open, what was met at it and the trouble it has."""
        if self.opened is None:
            return self.door
        faults, unframed_bytes = self.opened.seen()
        door = msgspec.structs.replace(
            self.door, faults=dict(faults), unframed_bytes=unframed_bytes
        )
        trouble = self.opened.trouble()
        if trouble is None:
            self.troubled_since = None
            return door
        if self.troubled_since is None:
            self.troubled_since = instant(now_ms())
        return msgspec.structs.replace(
            door,
            since=self.troubled_since,
            code=trouble.code,
            explanation=trouble.explanation,
        )

    async def close(self) -> None:
        """End the attempts to open the door, then close it where one has succeeded."""
        self.stop.set()
        if self.trying is not None:
            await asyncio.gather(self.trying, return_exceptions=True)
        if self.opened is not None:
            await self.opened.close()


class Doors:
    """The doors of one worker."""

    def __init__(
        self,
        opener: Opener,
        *,
        retry_seconds_min: float = RETRY_SECONDS_MIN,
        retry_seconds_max: float = RETRY_SECONDS_MAX,
    ) -> None:
        """Take what opens a door, and how long to wait between two attempts."""
        self._opener = opener
        self._retry_seconds_min = retry_seconds_min
        self._retry_seconds_max = retry_seconds_max
        self._places: dict[str, _Place] = {}

    def told(self) -> tuple[Door, ...]:
        """Return how each door is now."""
        return tuple(place.told() for place in self._places.values())

    async def settle(self, sources: Iterable[Source]) -> None:
        """Have exactly the doors of these sources: close those gone or moved, open what is new."""
        wanted = {source.name: source for source in sources}
        gone = [
            name
            for name, place in self._places.items()
            if name not in wanted or _settings(wanted[name]) != _settings(place.source)
        ]
        await asyncio.gather(*(self._places.pop(name).close() for name in gone))
        for name, source in wanted.items():
            if name in self._places:
                self._places[name].source = source
            else:
                await self._open(source)

    async def drain(self) -> None:
        """Close every door, with everything under way finished."""
        await self.settle(())

    async def _open(self, source: Source) -> None:
        outcome = await self._opener(source)
        if isinstance(outcome, Opened):
            door = _open_door(source, outcome)
            self._places[source.name] = _Place(source, door, asyncio.Event(), outcome)
            return
        waiting = _Place(source, _refused(source, outcome), asyncio.Event())
        waiting.trying = watched(self._keep_trying(waiting), f"door-{source.name}")
        self._places[source.name] = waiting

    async def _keep_trying(self, place: _Place) -> None:
        """Try again until the door is open, or nobody wants it open any more."""
        wait_seconds = self._retry_seconds_min
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(place.stop.wait(), wait_seconds)
            if place.stop.is_set():
                return
            wait_seconds = min(2 * wait_seconds, self._retry_seconds_max)
            outcome = await self._opener(place.source)
            if isinstance(outcome, Opened):
                place.opened, place.door = outcome, _open_door(place.source, outcome)
                return
            if (outcome.code, outcome.explanation) != (place.door.code, place.door.explanation):
                place.door = _refused(place.source, outcome)


def _open_door(source: Source, opened: Opened) -> Door:
    log.info("door_open", source=source.name, address=opened.address)
    return Door(source=source.name, address=opened.address, since=instant(now_ms()))


def _refused(source: Source, reason: Fault) -> Door:
    log.error(
        "door_not_open",
        source=source.name,
        code=reason.code,
        reason=reason.explanation,
        remedy=reason.remedy,
    )
    return Door(
        source=source.name,
        address=reason.where,
        since=instant(now_ms()),
        code=reason.code,
        explanation=reason.explanation,
    )


def _settings(source: Source) -> object:
    """Return what decides where a door is; the rest of a source changes while it is open."""
    return source.connector, source.settings
