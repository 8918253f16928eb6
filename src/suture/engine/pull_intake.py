"""Intake of what is asked for: a database, a FHIR server, a broker, polled from a kept watermark.

What one poll brings (`connectors/ports.py`, `PullDoor`) is taken in one transaction together with
the watermark after it, so nothing is lost and nothing skipped, whatever fails in between. What
comes again is known by its bytes and its identities (`transmissions.py`). A body that Suture cannot
read for a fault of its own is kept unread, and the next ones go on (F33).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from hashlib import sha256

from suture.connectors.ports import PullDoor, Pulled
from suture.engine.clock import now_ms
from suture.engine.telemetry import log
from suture.engine.transmissions import Transmissions, transmission_of
from suture.model.fault import Fault
from suture.model.translation import Channel
from suture.store.database import WORK, StoreUnavailableError
from suture.store.transmission import FileAppend, read_watermark

STORE_SECONDS = 0.2
"""Until the store is tried again."""
TROUBLE_SECONDS_MIN, TROUBLE_SECONDS_MAX = 1.0, 60.0
"""Between two polls of a system that does not answer."""


class WatermarkMovedError(Exception):
    """Another worker asks for the same source, and has moved its watermark."""


class PullIntake:
    """Asks for the messages of one source and takes them."""

    def __init__(self, transmissions: Transmissions, door: PullDoor, channel: Channel) -> None:
        """Take the store, whom to ask, and the channel its messages belong to."""
        self._transmissions = transmissions
        self._door = door
        self.channel = channel
        self.trouble: Fault | None = None
        """Why the system did not answer when it was last asked."""

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until told to stop; what was brought is taken first."""
        trouble_seconds = TROUBLE_SECONDS_MIN
        while not stop.is_set():
            wait_seconds = 0.0
            try:
                if not await self.turn():
                    wait_seconds = self._door.interval_seconds
            except StoreUnavailableError:
                wait_seconds = STORE_SECONDS
            except WatermarkMovedError:
                log.warning("pulled_elsewhere", source=self.channel.source)
                wait_seconds = self._door.interval_seconds
            if self.trouble is None:
                trouble_seconds = TROUBLE_SECONDS_MIN
            else:
                wait_seconds = trouble_seconds
                trouble_seconds = min(2 * trouble_seconds, TROUBLE_SECONDS_MAX)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_seconds)

    async def turn(self) -> int:
        """Ask once and take what came; return how many. Raises WatermarkMovedError."""
        watermark = await read_watermark(self._transmissions.database, self.channel.source)
        pulled = await self._door.poll(watermark)
        if isinstance(pulled, Fault):
            if self.trouble is None:  # said once, however often it is tried
                log.warning("door_does_not_answer", source=self.channel.source, code=pulled.code)
            self.trouble = pulled
            return 0
        self.trouble = None
        if not pulled:
            return 0
        try:
            await self._take(pulled, watermark)
        except (StoreUnavailableError, WatermarkMovedError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("pull_failed", source=self.channel.source, error=failure)
            await self._take_singly(pulled, watermark)
        await self._door.settled(pulled[-1].watermark)
        return len(pulled)

    async def _take_singly(self, pulled: Sequence[Pulled], before: str) -> None:
        """Take each by itself, and unread where it cannot be read."""
        for each in pulled:
            try:
                await self._take((each,), before)
            except (StoreUnavailableError, WatermarkMovedError):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                await self._take((each,), before, failure=type(error).__name__)
            before = each.watermark

    async def _take(self, pulled: Sequence[Pulled], before: str, *, failure: str = "") -> None:
        """Take bodies and the watermark after them, together or not at all."""
        store, source, at_ms = self._transmissions, self.channel.source, now_ms()
        async with FileAppend(store.database, store.partitions_count, WORK) as append:
            for each in pulled:
                raw = each.raw
                told = transmission_of(source, each.name, _digest(each), len(raw), at_ms)
                await store.append(
                    append,
                    told,
                    _Whole(raw),
                    self.channel,
                    failure=failure,
                    refusal=each.refusal,
                )
            if not await append.keep_watermark(source, before, pulled[-1].watermark):
                raise WatermarkMovedError


def _digest(pulled: Pulled) -> bytes:
    """Return what knows a body again: its bytes, and of one that is refused its place as well.

    The same bytes that come once more, well wrapped, have not been read before.
    """
    place = b"" if pulled.refusal is None else pulled.name.encode() + b"\0"
    return sha256(place + pulled.raw).digest()


class _Whole:
    """Bytes in memory, as often as they are asked for."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __call__(self) -> tuple[bytes, ...]:
        return (self._raw,)
