"""Account determination: from an account role and its circumstances to an account of the chart.

The rows are `ledger/account_determination.csv` of an estate: role x entity x facility x payer
class x patient class x service line x department -> account. A blank selector stands for any; the
row with the most selectors wins. Two rows that tie for some circumstances, and circumstances no
row covers, are errors at check time (`governance/estate.py`), never at run time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import msgspec


class Circumstances(NamedTuple):
    """What an account may depend on. Empty means unknown: only a blank selector matches it."""

    entity: str
    facility: str
    payer_class: str = ""
    patient_class: str = ""
    """PV1-2, HL7 table 0004."""
    service_line: str = ""
    department: str = ""
    """The department's code as sent, as in `crosswalks/department.csv`."""


class DeterminationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the account of `role` wherever every selector that is not blank matches."""

    role: str
    selectors: Circumstances
    account: str
    where: str = ""
    """The row's place in the estate, e.g. `ledger/account_determination.csv:12`."""

    @property
    def selectors_count(self) -> int:
        """How specific the row is."""
        return sum(1 for selector in self.selectors if selector)

    def matches(self, circumstances: Circumstances) -> bool:
        """Whether the row speaks about these circumstances."""
        return all(
            not selector or selector == value
            for selector, value in zip(self.selectors, circumstances, strict=True)
        )


class Determination:
    """The account determination, ready to be asked. Callers remember the answers (`books.py`)."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[DeterminationRow]) -> None:
        """Take the rows; ties fall to the first row, and `ties` finds them."""
        self._rows: dict[str, list[DeterminationRow]] = {}
        for row in rows:
            self._rows.setdefault(row.role, []).append(row)
        for group in self._rows.values():
            group.sort(key=lambda row: -row.selectors_count)

    def account(self, role: str, circumstances: Circumstances) -> str | None:
        """Return the account of a role in these circumstances, or None when no row says it."""
        for row in self._rows.get(role, ()):
            if row.matches(circumstances):
                return row.account
        return None


def ties(
    rows: Iterable[DeterminationRow], entity_of: Mapping[str, str]
) -> list[tuple[DeterminationRow, DeterminationRow]]:
    """Return pairs of rows of one role, equally specific, that both match some circumstances.

    `entity_of` gives each facility's entity: a row for a facility never meets a row for another
    entity.
    """
    groups: dict[tuple[str, int], list[DeterminationRow]] = {}
    for row in rows:
        groups.setdefault((row.role, row.selectors_count), []).append(row)
    return [
        (first, second)
        for group in groups.values()
        for first, second in combinations(group, 2)
        if _may_both_match(first.selectors, second.selectors, entity_of)
    ]


def _may_both_match(
    first: Circumstances, second: Circumstances, entity_of: Mapping[str, str]
) -> bool:
    entities = {
        entity
        for selectors in (first, second)
        for entity in (selectors.entity, entity_of.get(selectors.facility, ""))
        if entity
    }
    return len(entities) <= 1 and all(
        not one or not other or one == other for one, other in zip(first, second, strict=True)
    )
