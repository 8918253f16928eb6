"""Rows: what every reader of tables yields, whatever the table was written in.

Here: one row with its place in the file, and the faults all readers share. Not here: what a column
means. CSV is `delimited.py`, fixed width `fixed.py`, XLSX `workbook.py` and `sheet.py`; next:
`translate/tabular_rows.py`.
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault, fault

RECORD_BYTES_MAX = 1024 * 1024
"""Of one row: an unclosed quote would else take the rest of the file for one cell (B68)."""
CELL_CHARACTERS_MAX = 32_767
"""What a cell of a spreadsheet can hold."""
CELLS_MAX = 1_000

TEXT, NUMBER, DAY, ERROR = "t", "n", "d", "e"
"""How a workbook stored a cell: as text, as a number, as a day, as an error such as `#REF!`."""


class Row(msgspec.Struct, frozen=True):
    """One row as read: its cells as text, or why it could not be read."""

    number: int
    """The line of the file on which it begins, or the sheet's own number of it; 1 is the first."""
    offset: int
    """Where its bytes begin; in a workbook, which is compressed, its number instead."""
    bytes_count: int
    cells: tuple[str, ...] = ()
    kinds: str = ""
    """Of a workbook: a letter for each cell, how it was stored. Empty where all is text."""
    fault: Fault | None = None

    @property
    def where(self) -> str:
        """The row's place as faults tell it."""
        return f"row {self.number}"


def unreadable(number: int, offset: int, bytes_count: int, explanation: str) -> Row:
    """Return a row that cannot be read; those after it can."""
    wrong = fault("table.row.unreadable", f"row {number}", explanation)
    return Row(number, offset, bytes_count, fault=wrong)


def broken(where: str, explanation: str) -> Fault:
    """Return why a file cannot be read on from here: what follows could be anything."""
    return fault("table.file.unreadable", where, explanation)
