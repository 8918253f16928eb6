"""HL7 dates and times: what is read, how precisely, and what is no date at all (B22)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from suture.wire.hl7v2 import Precision, read_timestamp

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("2026", datetime(2026, 1, 1, 6, tzinfo=UTC), "year"),
        ("202603", datetime(2026, 3, 1, 6, tzinfo=UTC), "month"),
        ("20260301", datetime(2026, 3, 1, 6, tzinfo=UTC), "day"),
        ("2026030110", datetime(2026, 3, 1, 16, tzinfo=UTC), "hour"),
        ("202603011015", datetime(2026, 3, 1, 16, 15, tzinfo=UTC), "minute"),
        ("20260301101530", datetime(2026, 3, 1, 16, 15, 30, tzinfo=UTC), "second"),
        ("20260301101530.5", datetime(2026, 3, 1, 16, 15, 30, 500_000, UTC), "fraction"),
        ("20260301101530.1234", datetime(2026, 3, 1, 16, 15, 30, 123_400, UTC), "fraction"),
        ("20260301101530-0500", datetime(2026, 3, 1, 15, 15, 30, tzinfo=UTC), "second"),
        ("202603011015+0530", datetime(2026, 3, 1, 4, 45, tzinfo=UTC), "minute"),
        ("20260301-0500", datetime(2026, 3, 1, 5, tzinfo=UTC), "day"),
        ("20240229", datetime(2024, 2, 29, 6, tzinfo=UTC), "day"),
        ("20260701", datetime(2026, 7, 1, 5, tzinfo=UTC), "day"),
    ],
)
def test_a_moment_is_read_in_the_senders_zone_with_its_precision(
    text: str, at: datetime, precision: Precision
) -> None:
    timestamp = read_timestamp(text, CHICAGO)
    assert timestamp is not None
    assert (at, precision) == (timestamp.at.astimezone(UTC), timestamp.precision)
    assert timestamp.at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("20260301", date(2026, 3, 1)),
        ("20260301-0500", date(2026, 3, 1)),
        ("20260301003000", date(2026, 3, 1)),
        ("20260301003000-0500", date(2026, 2, 28)),
        ("20260301003000+0000", date(2026, 2, 28)),
        ("2026", date(2026, 1, 1)),
    ],
)
def test_the_day_of_a_time_is_the_one_on_the_facilitys_calendar(text: str, on: date) -> None:
    timestamp = read_timestamp(text, CHICAGO)
    assert timestamp is not None
    assert on == timestamp.on


@pytest.mark.parametrize(
    "text",
    [
        "",
        '""',
        "20260230",
        "20250229",
        "20261301",
        "20260100",
        "00010101",
        "99991231",
        "18491231",
        "22000101",
        "20260301101500+2500",
        "20260301101500+1460",
        "20260301101500-05",
        "2026030124",
        "202603011060",
        "20260301101560",
        "20260301101530.",
        "20260301101530.12345",
        "2026-03-01",
        "2026030",
        "20260301T101500",
        " 20260301",
        "20260301 ",
        "20260301\n",
        "２０２６０３０１",  # noqa: RUF001 - full-width digits are digits to int()
        "NaN",
    ],
)
def test_b22_what_is_no_date_is_never_guessed_at(text: str) -> None:
    assert read_timestamp(text, CHICAGO) is None


def test_an_hour_that_occurs_twice_is_read_as_the_first() -> None:
    timestamp = read_timestamp("20261101013000", CHICAGO)
    assert timestamp is not None
    assert datetime(2026, 11, 1, 6, 30, tzinfo=UTC) == timestamp.at.astimezone(UTC)
