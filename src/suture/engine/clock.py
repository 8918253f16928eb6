"""The clock, read here and nowhere else below the composition root."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def now_ms() -> int:
    """Return the wall clock as milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def instant(at_ms: int) -> datetime:
    """Return milliseconds since the epoch as an aware datetime in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def elapsed_seconds() -> float:
    """Return a monotonic reading, for durations only."""
    return time.monotonic()


def hl7_timestamp(at_ms: int) -> str:
    """Return an instant as an HL7 DTM in UTC to the millisecond: 20260302101500.123+0000."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}+0000"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    """Write a second once, however many messages come in it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}"
