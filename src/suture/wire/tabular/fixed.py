"""Fixed width: a byte stream to rows, each line cut at declared columns.

Here: lines, their length, the slices. A line of another length than declared is a fault of its row:
shifted by one character, every amount in it would be another. Not here: what columns mean
(`translate/tabular_rows.py`, next).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.tabular.delimited import Dialect, read_delimited
from suture.wire.tabular.row import Row

_NEVER = "\x1f"
"""A delimiter that no line of text holds: each line is one cell."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the columns of a line are, in characters, from 0; and how long a line is."""

    slices: tuple[tuple[int, int], ...]
    width: int
    charset: str = "utf-8"
    is_trimmed: bool = False
    """Lines may lack the blanks at their end."""


def read_fixed(chunks: Iterable[bytes], layout: Layout) -> Iterator[Row | Fault]:
    """Yield the rows of a file, blank lines left out; a fault by itself ends the file."""
    dialect = Dialect(delimiter=_NEVER, quote="", charset=layout.charset)
    for row in read_delimited(chunks, dialect):
        if isinstance(row, Fault) or row.fault is not None:
            yield row
        elif any(cell.strip(" \x1a") for cell in row.cells):
            yield _cut(row, layout)


def _cut(row: Row, layout: Layout) -> Row:
    line = _NEVER.join(row.cells)
    length = len(line)
    is_short = length < layout.width and not layout.is_trimmed
    if is_short or line[layout.width :].strip():
        explanation = f"it has {length:,} characters, and a line has {layout.width:,}"
        wrong = fault("table.row.ragged", row.where, explanation)
        return Row(row.number, row.offset, row.bytes_count, fault=wrong)
    cells = tuple([line[begin:end] for begin, end in layout.slices])
    return Row(row.number, row.offset, row.bytes_count, cells)
