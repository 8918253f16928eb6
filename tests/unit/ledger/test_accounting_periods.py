"""Which day an entry is booked on (ledger/period.py)."""

from __future__ import annotations

from datetime import date

import pytest

from suture.ledger.period import Period, Periods, breaks


def month(number: int, *, is_open: bool, entity: str = "RVH") -> Period:
    last = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31}[number]
    return Period(
        entity=entity,
        name=f"2026-{number:02d}",
        starts_on=date(2026, number, 1),
        ends_on=date(2026, number, last),
        is_open=is_open,
    )


JANUARY, FEBRUARY, MARCH, APRIL, MAY = (
    month(1, is_open=False),
    month(2, is_open=True),
    month(3, is_open=False),
    month(4, is_open=False),
    month(5, is_open=True),
)
PERIODS = Periods([MAY, MARCH, JANUARY, APRIL, FEBRUARY])


@pytest.mark.parametrize(
    ("on", "booked_on"),
    [
        pytest.param(date(2026, 2, 14), date(2026, 2, 14), id="open: the day itself"),
        pytest.param(date(2026, 2, 28), date(2026, 2, 28), id="the last day is included"),
        pytest.param(date(2026, 1, 31), date(2026, 2, 1), id="closed: the next open one"),
        pytest.param(date(2026, 3, 1), date(2026, 5, 1), id="closed ones are skipped"),
        pytest.param(date(2025, 7, 4), date(2026, 2, 1), id="before the first period"),
        pytest.param(date(2026, 6, 1), None, id="after the last period"),
    ],
)
def test_a_day_is_booked_in_its_own_period_or_the_first_open_one_after(
    on: date, booked_on: date | None
) -> None:
    assert booked_on == PERIODS.accounting_date("RVH", on)


def test_each_entity_has_its_own_periods() -> None:
    periods = Periods([FEBRUARY, month(2, is_open=False, entity="RVM")])
    assert date(2026, 2, 3) == periods.accounting_date("RVH", date(2026, 2, 3))
    assert periods.accounting_date("RVM", date(2026, 2, 3)) is None


def test_months_in_a_row_have_no_break_in_any_order() -> None:
    assert [] == breaks([MARCH, JANUARY, FEBRUARY, month(5, is_open=True, entity="RVM")])


def test_a_missing_month_and_a_double_day_are_breaks() -> None:
    early = Period(
        entity="RVM",
        name="early March",
        starts_on=date(2026, 2, 28),
        ends_on=date(2026, 3, 15),
        is_open=True,
    )
    rvm = month(2, is_open=True, entity="RVM")
    assert [MARCH, early] == breaks([JANUARY, MARCH, rvm, early])
