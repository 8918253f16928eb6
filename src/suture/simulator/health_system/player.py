"""The player: sends a plan day by day, over MLLP and into a folder, until all of it has arrived.

It behaves as a careful sender must: one message in flight on a connection, the next only after a
positive reply; without one the same bytes again, on a new connection, after a wait that grows to a
bound; nothing is ever skipped. So a receiver may be killed at any moment. Messages of one key share
a connection and keep their order. Files are written under a hidden name and renamed. What was sent
is counted in a `Tally`. What is sent is `plan.py`; the command line is `__main__.py`.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.simulator.health_system.messages import Door
from suture.simulator.health_system.plan import Planned
from suture.simulator.health_system.tally import Tally
from suture.wire.hl7v2 import Message, parse

POSITIVE = frozenset(("AA", "CA"))
NEGATIVE = frozenset(("AE", "AR", "CE", "CR"))

_WAIT_SECONDS_MIN = 0.05
_WAIT_SECONDS_MAX = 2.0


class GaveUpError(Exception):
    """The deadline passed before everything was acknowledged."""


class Address(msgspec.Struct, frozen=True):
    """Where a door listens."""

    host: str
    port: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything goes, and how fast."""

    doors: dict[Door, Address]
    """The MLLP listeners: adt, scheduling, charges."""
    remits: Path
    """The folder payers drop their files into."""
    connections: int = 4
    """MLLP connections to each door."""
    rate_max: float = 0.0
    """Messages a second over all doors; 0 for as fast as they are acknowledged."""
    deadline_seconds: float = 0.0
    """Give up this long after the start; 0 never."""
    reply_seconds_max: float = 30.0
    """How long to wait for one reply."""


class Player:
    """Plays a plan along a route."""

    def __init__(self, route: Route, tally: Tally) -> None:
        """Take where to send and what to count in."""
        self._route = route
        self._tally = tally
        self._pace = _Pace(route.rate_max)
        self._lanes = {
            (door, number): _Lane(address, f"{door}:{number}", route, tally, self._pace)
            for door, address in route.doors.items()
            for number in range(route.connections)
        }

    async def play(
        self, plan: Iterable[Planned], *, on_day: Callable[[Tally], None] = lambda _: None
    ) -> None:
        """Send a plan day by day; a day begins when everything of the day before has arrived.

        `on_day` is called at the end of each. Raises GaveUpError at the deadline, and OSError when
        a file cannot be written.
        """
        limit_at = self._limit_at()
        try:
            for day, planned in groupby(plan, key=lambda each: each.day):
                await self._play_day(list(planned), limit_at)
                self._tally.day = day
                on_day(self._tally)
        finally:
            for lane in self._lanes.values():
                await lane.close()

    def _limit_at(self) -> float:
        seconds = self._route.deadline_seconds
        return asyncio.get_running_loop().time() + seconds if seconds else float("inf")

    async def _play_day(self, day: list[Planned], limit_at: float) -> None:
        files = [planned for planned in day if planned.door == "remits"]
        messages: dict[tuple[Door, int], list[Planned]] = {}
        for planned in day:
            if planned.door != "remits":
                number = zlib.crc32(planned.key.encode()) % self._route.connections
                messages.setdefault((planned.door, number), []).append(planned)
        try:
            async with asyncio.TaskGroup() as group:
                for place, planned_messages in messages.items():
                    group.create_task(self._lanes[place].send_all(planned_messages, limit_at))
                group.create_task(self._write_files(files))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _write_files(self, files: list[Planned]) -> None:
        for planned in files:
            await self._pace.wait()
            partial = self._route.remits / f".{planned.name}.part"
            partial.write_bytes(planned.raw)
            partial.replace(self._route.remits / planned.name)
            self._tally.count(planned)


class _Lane:
    """One MLLP connection, opened again as often as it is lost."""

    def __init__(
        self, address: Address, name: str, route: Route, tally: Tally, pace: _Pace
    ) -> None:
        self._sender = Sender(address.host, address.port, reply_seconds_max=route.reply_seconds_max)
        self._is_connected = False
        self._tally = tally
        self._pace = pace
        self._dice = random.Random(name)

    async def send_all(self, messages: list[Planned], limit_at: float) -> None:
        """Send messages in order, each until it is acknowledged."""
        for planned in messages:
            await self._pace.wait()
            await self._deliver(planned, limit_at)
            self._tally.count(planned)

    async def close(self) -> None:
        """Close the connection, if it is open."""
        self._is_connected = False
        await self._sender.close()

    async def _deliver(self, planned: Planned, limit_at: float) -> None:
        wait_seconds = _WAIT_SECONDS_MIN
        frames_count = 0
        while True:
            try:
                await self._connect()
                self._tally.frames_sent += 1
                self._tally.resends += frames_count > 0
                frames_count += 1
                code = reply_code(await self._sender.send(planned.raw), planned.name)
            except ConnectionLostError:
                code = ""
            if code:
                self._tally.count_reply(code)
            if code in POSITIVE:
                return
            if self._is_connected:
                self._tally.connections_lost += not code
                await self.close()
            await self._wait(wait_seconds, limit_at)
            wait_seconds = min(wait_seconds * 2, _WAIT_SECONDS_MAX)

    async def _connect(self) -> None:
        if not self._is_connected:
            await self._sender.connect()
            self._is_connected = True

    async def _wait(self, seconds: float, limit_at: float) -> None:
        """Wait about that long; senders that were cut off together must not come back together."""
        seconds *= self._dice.uniform(0.5, 1.0)
        if asyncio.get_running_loop().time() + seconds > limit_at:
            raise GaveUpError
        await asyncio.sleep(seconds)


class _Pace:
    """Spaces sends evenly over all lanes; with no rate it never waits."""

    def __init__(self, rate_max: float) -> None:
        self._interval_seconds = 1 / rate_max if rate_max > 0 else 0.0
        self._next_at = 0.0

    async def wait(self) -> None:
        """Wait for the next turn."""
        if not self._interval_seconds:
            return
        now = asyncio.get_running_loop().time()
        turn_at = max(now, self._next_at)
        self._next_at = turn_at + self._interval_seconds
        if turn_at > now:
            await asyncio.sleep(turn_at - now)


def reply_code(reply: bytes, control_id: str) -> str:
    """Return the code (MSA-1) of an acknowledgement of this message; "" for anything else."""
    message = parse(reply)
    answer = message.first("MSA") if isinstance(message, Message) else None
    if answer is None or answer.whole(2) != control_id:
        return ""
    code = answer.value(1)
    return code if code in POSITIVE | NEGATIVE else ""
