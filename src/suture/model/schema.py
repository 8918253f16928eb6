"""Schemas: what the columns of one source's tables are, and which fact a row of them makes.

The shapes only, so that a `Channel` can carry one. The file they come from is read and checked by
`governance/schemas.py`; cells become values in `translate/tabular_values.py`, rows facts in
`translate/tabular_rows.py`. Docs: docs/reference/schemas.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Layout = Literal["csv", "fixed", "xlsx"]
ColumnType = Literal["text", "code", "integer", "decimal", "money", "date"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its header, its type, and the field of the fact that it fills."""

    name: str
    """The header cell, exactly."""
    field: str = ""
    """Empty where the column is checked and used for nothing."""
    type: ColumnType = "text"
    is_required: bool = False
    format: str = ""
    """Of a date: `YYYY-MM-DD`, `MM/DD/YYYY`, `YYYYMMDD` ..."""
    scale: int = 2
    """Decimals a decimal may have."""
    length: int = 0
    """Characters a code has, exactly; any number where it is 0."""
    constant: str = ""
    """What each cell must say, exactly; anything where it is empty."""
    begins_at: int = 0
    """Fixed width: the column's first character, from 0."""
    width: int = 0
    """Fixed width."""
    has_implied_cents: bool = False
    """Money without a decimal mark: `12345` is 123.45."""


class NumberStyle(msgspec.Struct, frozen=True, kw_only=True):
    """How amounts and numbers are written."""

    decimal_mark: str = "."
    thousands_mark: str = ""
    """Between groups of three; empty where there is none."""
    has_parentheses: bool = False
    """`(12.50)` is -12.50."""
    has_trailing_minus: bool = False
    """`12.50-` is -12.50."""
    currency_sign: str = ""
    """What may stand before an amount, such as `$`."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The totals row: the last one, known by what one of its cells says."""

    column: str
    marker: str
    sums: tuple[str, ...] = ()
    """Columns whose cell in the totals row is the sum of those above."""
    count: str = ""
    """The column whose cell in the totals row is how many rows there are."""


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """What a source's tables look like, and what their rows mean."""

    name: str
    fact: str
    """What each row tells: `deposit`, `charge`, `item` ... (`catalogue.ROW_TRANSLATORS`)."""
    layout: Layout
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that together name what a row is about."""
    recorded: str = ""
    """The column that says when a row was recorded: of two rows of one key, the later one stands.
    Where there is none, a row that says otherwise under the same key is held."""
    delimiter: str = ","
    quote: str = '"'
    sheet: str = ""
    width: int = 0
    """Of a line of fixed width."""
    is_trimmed: bool = False
    has_header: bool = True
    """Always, but for fixed width, whose lines are known by their length."""
    numbers: NumberStyle = NumberStyle()
    totals: Totals | None = None

    def index(self, column: str) -> int:
        """Return the place of a column. Raises ValueError for one the schema does not have."""
        return [each.name for each in self.columns].index(column)
