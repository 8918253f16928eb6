"""HL7 dates and times (`TS`, `DTM`, `DT`): a strict reading with its precision (B22).

Here: text to an aware datetime and the local date business rules go by. Not here: which zone a
source keeps (the estate names it), nor the fault when a date is no date (`translate` knows how much
it matters). HL7 v2 chapter 2A, 2A.3.22: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ].
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Literal

import msgspec

YEAR_MIN = 1850
YEAR_MAX = 2199
"""Years outside are place-holders (0001, 9999) or typing errors, not dates."""

_OFFSET_HOURS_MAX = 14
_MINUTES_PER_HOUR = 60
_FRACTION_DIGITS = 6

_TIMESTAMP = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})"
    r"(?:([0-9]{2})(?:\.([0-9]{1,4}))?)?)?)?)?)?"
    r"(?:([+-])([0-9]{2})([0-9]{2}))?",
    re.ASCII,
)

Precision = Literal["year", "month", "day", "hour", "minute", "second", "fraction"]
_PRECISIONS: tuple[Precision, ...] = (
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "fraction",
)
_DATE_PRECISIONS = frozenset(("year", "month", "day"))


class Timestamp(msgspec.Struct, frozen=True):
    """A moment as precisely as it was written."""

    at: datetime
    """Aware; what the text leaves out is its first moment (`2026` is 1 January, midnight)."""
    on: date
    """The calendar day: as written for a date, on the clock of the given zone for a time."""
    precision: Precision


def read_timestamp(text: str, zone: tzinfo) -> Timestamp | None:
    """Read an HL7 date or time, or return None when it is not one: never a guess.

    `zone` is where the sender's clock hangs; it holds when the text names no offset. Of an hour
    that occurs twice when clocks go back, the first is meant. None for empty text, the HL7 null,
    impossible dates and times, years outside `YEAR_MIN` to `YEAR_MAX`, offsets beyond 14 hours.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    *digits, fraction, sign, hours, minutes = match.groups()
    numbers = [int(part) for part in digits if part is not None]
    precision = _PRECISIONS[len(numbers) - 1 + (fraction is not None)]
    if not YEAR_MIN <= numbers[0] <= YEAR_MAX:
        return None
    offset = _offset(sign, hours, minutes)
    if sign and offset is None:
        return None
    microsecond = int((fraction or "").ljust(_FRACTION_DIGITS, "0"))
    try:
        at = datetime(*_padded(numbers), microsecond, tzinfo=offset or zone)
    except ValueError:
        return None
    on = at.date() if precision in _DATE_PRECISIONS else at.astimezone(zone).date()
    return Timestamp(at, on, precision)


def _padded(numbers: list[int]) -> tuple[int, int, int, int, int, int]:
    year, month, day, hour, minute, second = numbers + [0, 1, 1, 0, 0, 0][len(numbers) :]
    return year, month, day, hour, minute, second


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone | None:
    """Return the zone of a written offset; None when there is none, or when no clock has it."""
    if sign is None or hours is None or minutes is None:
        return None
    if int(hours) > _OFFSET_HOURS_MAX or int(minutes) >= _MINUTES_PER_HOUR:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
