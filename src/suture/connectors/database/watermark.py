"""How far a database has been read: the value of its order column, as text and back.

The text says the type, so that what comes back compares as what was read: a time with its zone and
its microseconds, a number with all its digits. A time may also be text (SQLite has no other). It
holds no other column, so no patient's value. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from suture.model.fault import Fault, fault

Value = int | float | Decimal | datetime | date | str

_READERS: dict[str, Callable[[str], Value]] = {
    "integer": int,
    "real": float,
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
    "text": str,
}
_TYPES: tuple[tuple[type[Any], str], ...] = (
    (int, "integer"),
    (float, "real"),
    (Decimal, "decimal"),
    (datetime, "timestamp"),  # which is a date, too: so it is asked for first
    (date, "date"),
    (str, "text"),
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([ T])(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?")
"""A time that is written, such that later ones sort behind earlier ones."""


class _Written(msgspec.Struct, frozen=True):
    column: str
    type: str
    value: str


def written(column: str, value: Value) -> str:
    """Return the watermark at a value of the order column."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return msgspec.json.encode(_Written(column, type_of(value), text)).decode()


def read(watermark: str, column: str) -> Value | Fault | None:
    """Return the value a watermark stands at; None where there is none yet."""
    if not watermark:
        return None
    try:
        told = msgspec.json.decode(watermark, type=_Written)
        if told.column == column:
            return _READERS[told.type](told.value)
    except (msgspec.MsgspecError, KeyError, ValueError, ArithmeticError):
        return fault("database.watermark.unreadable", column)
    explanation = f"it was read by `{told.column}` before"
    return fault("database.watermark.unreadable", column, explanation)


def type_of(value: object) -> str:
    """Return the name of a value's type; empty where rows cannot be put in order by it."""
    if isinstance(value, bool):
        return ""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "")


def before(value: Value, *, overlap_seconds: float, overlap_count: int) -> Value:
    """Return from where to look again for rows that were committed late.

    A database's clock, or its sequence, is not the order of its commits.
    """
    try:
        match value:
            case int() | float() | Decimal():
                return value - overlap_count
            case datetime():
                return value - timedelta(seconds=overlap_seconds)
            case date():
                return value - timedelta(days=-int(-overlap_seconds // 86_400))
            case str():
                return _text_before(value, overlap_seconds)
    except OverflowError:  # before the first day there is
        return value


def _text_before(value: str, overlap_seconds: float) -> str:
    """Return an earlier time, written alike up to the second: a beginning sorts first."""
    told = _TIME.fullmatch(value)
    if told is None or not overlap_seconds:
        return value
    at = datetime.fromisoformat(f"{told[1]}T{told[3]}") - timedelta(seconds=overlap_seconds)
    return at.replace(microsecond=0).isoformat(sep=told[2])


def is_behind(value: Value, other: Value) -> bool:
    """Return whether a value comes before another one of the same column.

    Only the database knows how it sorts text, so of text only times are compared.
    """
    match value, other:
        case datetime(), datetime():
            return _with_zone(value) < _with_zone(other)
        case str(), str():
            return bool(_TIME.match(value) and _TIME.match(other)) and value < other
        case ((int() | float() | Decimal()), (int() | float() | Decimal())):
            return value < other
        case date(), date():
            return value < other
    return False


def is_read_again(value: Value, begin: Value) -> bool:
    """Return whether a row that was read at a value is met again by a sweep from `begin` on."""
    if isinstance(value, str) and not _TIME.match(value):
        return value == begin  # there is no overlap, and rows came in the database's own order
    return not is_behind(value, begin)


def _with_zone(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
