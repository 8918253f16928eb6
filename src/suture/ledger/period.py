"""Accounting periods: which day an entry is booked on when its own period is closed.

The rows are `ledger/periods.csv` of an estate, per legal entity. The effective date (service or
payment) never changes; the accounting date moves to the first day of the first later period that
is open (late charges R28, close controls K14). Periods that leave a gap or overlap are errors at
check time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import msgspec


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One accounting period of one legal entity, both days included."""

    entity: str
    name: str
    starts_on: date
    ends_on: date
    is_open: bool
    where: str = ""
    """The row's place in the estate, e.g. `ledger/periods.csv:12`."""


class Periods:
    """The accounting periods of every entity, ready to be asked."""

    __slots__ = ("_by_entity",)

    def __init__(self, rows: Iterable[Period]) -> None:
        """Take the rows in any order."""
        self._by_entity: dict[str, list[Period]] = {}
        for row in sorted(rows, key=lambda row: row.starts_on):
            self._by_entity.setdefault(row.entity, []).append(row)

    def accounting_date(self, entity: str, on: date) -> date | None:
        """Return `on` when its period is open, else the first day of the first later open period.

        None when no later period is open.
        """
        for period in self._by_entity.get(entity, ()):
            if period.is_open and on <= period.ends_on:
                return max(on, period.starts_on)
        return None


def breaks(rows: Iterable[Period]) -> list[Period]:
    """Return the periods that do not begin on the day after their entity's period before ends."""
    by_entity: dict[str, list[Period]] = {}
    for row in sorted(rows, key=lambda row: row.starts_on):
        by_entity.setdefault(row.entity, []).append(row)
    return [
        later
        for periods in by_entity.values()
        for earlier, later in pairwise(periods)
        if later.starts_on != earlier.ends_on + timedelta(days=1)
    ]
