"""Crosswalks: effective-dated look-ups from a code as sent to what it means to us.

One `Crosswalk` is one table: facility code (`MSH-4`, `PV1-3.4`, payee id `N104`) to facility,
department (`FT1-13`) to cost centre, payer (`IN1-3`, `TRN03`) to payer class. A row of the source
that sent the code wins over a row for every source (`*`); within a source the row in force on the
day wins. Every row belongs to one release of the estate, so a replay under that release answers
the same.

Where the rows come from: `crosswalks/*.csv` of an estate. Who asks: `ledger/books.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import combinations

import msgspec

ANY_SOURCE = "*"
"""The source of a row that holds for every system."""


class CrosswalkRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what `key` from `source` means from `valid_from` to `valid_to`, both included."""

    source: str = ANY_SOURCE
    key: tuple[str, ...]
    value: tuple[str, ...]
    valid_from: date = date.min
    valid_to: date = date.max
    where: str = ""
    """The row's place in the estate, e.g. `crosswalks/facility.csv:12`."""


class Crosswalk:
    """One look-up table, ready to be asked."""

    __slots__ = ("_rows", "name")

    def __init__(self, name: str, rows: Iterable[CrosswalkRow]) -> None:
        """Take the table's name and its rows; of two that overlap, the first answers."""
        self.name = name
        self._rows: dict[tuple[str, tuple[str, ...]], list[CrosswalkRow]] = {}
        for row in rows:
            self._rows.setdefault((row.source, row.key), []).append(row)

    def resolve(self, source: str, key: tuple[str, ...], on: date) -> tuple[str, ...] | None:
        """Return what `key` from `source` means on a day, or None when no row in force says it."""
        for sender in (source, ANY_SOURCE):
            for row in self._rows.get((sender, key), ()):
                if row.valid_from <= on <= row.valid_to:
                    return row.value
        return None


def overlaps(rows: Iterable[CrosswalkRow]) -> list[tuple[CrosswalkRow, CrosswalkRow]]:
    """Return the pairs of rows that answer the same question on the same day: each an error."""
    groups: dict[tuple[str, tuple[str, ...]], list[CrosswalkRow]] = {}
    for row in rows:
        groups.setdefault((row.source, row.key), []).append(row)
    return [
        (first, second)
        for group in groups.values()
        for first, second in combinations(group, 2)
        if first.valid_from <= second.valid_to and second.valid_from <= first.valid_to
    ]
