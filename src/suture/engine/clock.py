"""The clock, read here and nowhere else below the composition root."""

from __future__ import annotations

import time
from datetime import UTC, datetime


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
    at = instant(at_ms)
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03d}+0000"
