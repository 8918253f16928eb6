"""Tables to messages: the header against its schema, each row a message, the totals row at last.

Here: which rows are told, held or counted. A header that differs in anything holds the file, with
both side by side (B69); a row that cannot be read is held alone; a totals row that does not add up
holds every row. Not here: cells (`tabular_values.py`), what a row means: `pipeline.py` hands in a
translator for each fact (`tabular_*.py`, next).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from suture.model.fault import Fault, fault
from suture.model.money import format_amount
from suture.model.schema import Column, Schema, Totals
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Translation,
)
from suture.translate.tabular_common import RowDraft, RowTranslator
from suture.translate.tabular_values import UnreadableCellError, read_cell
from suture.wire.tabular import (
    TEXT,
    Dialect,
    Layout,
    Row,
    read_delimited,
    read_fixed,
    read_workbook,
)

WORKBOOK_BYTES_MAX = 64 * 1024 * 1024
"""As it comes, compressed: a workbook is read whole."""
ROWS_PER_CLOSE = 500
"""Rows are final after so many, where no totals row may take them back."""
_CELLS_SHOWN_MAX = 40
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _./#&%()-]{0,39}", re.ASCII)
_NUMBER_IN_NAME = re.compile(r"[0-9]{3}")


def read_table(
    chunks: Iterable[bytes], channel: Channel, translators: Mapping[str, RowTranslator]
) -> Iterator[Piece]:
    """Read a table as its source's schema declares it: every file is at least one message.

    Memory is flat but for workbooks, which are read whole, and tables with a totals row.
    """
    schema = channel.schema
    assert schema is not None, "pipeline.py reads a table where the source has a schema"
    counted = _Counted(chunks)
    rows = _rows(counted, schema, channel)
    if schema.has_header:
        first = next(rows, None)
        drift = _drift(first, schema)
        if drift is not None:
            counted.drain()
            yield from _whole(drift, counted.bytes_count)
            return
    yield from _Table(schema, channel, translators[schema.fact]).read(rows, counted)


class _Counted:
    """The chunks of a file, counted as they are read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.bytes_count = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes_count += len(chunk)
            yield chunk

    def drain(self) -> None:
        """Read what is left, for nothing but its length."""
        for _ in self:
            pass


def _rows(chunks: Iterable[bytes], schema: Schema, channel: Channel) -> Iterator[Row | Fault]:
    match schema.layout:
        case "csv":
            dialect = Dialect(
                delimiter=schema.delimiter, quote=schema.quote, charset=channel.charset
            )
            yield from read_delimited(chunks, dialect)
        case "fixed":
            slices = tuple((each.begins_at, each.begins_at + each.width) for each in schema.columns)
            layout = Layout(
                slices=slices,
                width=schema.width,
                charset=channel.charset,
                is_trimmed=schema.is_trimmed,
            )
            yield from read_fixed(chunks, layout)
        case "xlsx":
            data = bytearray()
            for chunk in chunks:
                data += chunk
                if len(data) > WORKBOOK_BYTES_MAX:
                    explanation = f"workbooks are read whole, up to {WORKBOOK_BYTES_MAX:,} bytes"
                    yield fault("file.too_large", "file", explanation)
                    return
            if data:
                yield from read_workbook(bytes(data), schema.sheet)


def _whole(wrong: Fault, bytes_count: int, offset: int = 0) -> Iterator[Piece]:
    """Hold what cannot be read, all of the file or what is left of it, as one message.

    When it can be (a schema was corrected), the rows found in it become messages of their own.
    """
    held = Translation(
        format="tabular", type=UNREADABLE_TYPE, control_id="", status="held", faults=(wrong,)
    )
    yield Begun(recorded_at_ms=0)
    yield Reading(translation=held, offset=offset, bytes_count=max(0, bytes_count - offset))
    yield Closed()


# The header ------------------------------------------------------------------------------------


def _drift(first: Row | Fault | None, schema: Schema) -> Fault | None:
    """Return why the first row is not the header that the schema declares; None where it is."""
    if first is None:
        return fault("file.empty", "file")
    if isinstance(first, Fault):
        return first
    if first.fault is not None:
        return first.fault
    expected = [column.name for column in schema.columns]
    found = _trimmed(first.cells, len(expected))
    if found == expected:
        return None
    explanation = f"expected: {' | '.join(expected)}; found: {' | '.join(_shown(found, expected))}"
    return fault("table.header.drift", first.where, explanation)


def _trimmed(cells: Sequence[str], count: int) -> list[str]:
    """Return cells without blanks around them, nor the blank cells after the last column."""
    kept = [cell.strip() for cell in cells]
    while len(kept) > count and not kept[-1]:
        kept.pop()
    return kept


def _shown(found: Sequence[str], expected: Sequence[str]) -> Iterator[str]:
    """Yield header cells as an explanation may repeat them: names, and nothing that may be data.

    A declared name is no patient's. Another cell is shown where most of the row are declared names,
    so that it is a header, and it looks like a name itself; in a file without a header, the first
    row is data.
    """
    is_header = 2 * sum(cell in expected for cell in found) > len(found)
    for cell in found[:_CELLS_SHOWN_MAX]:
        is_name = _NAME.fullmatch(cell) and not _NUMBER_IN_NAME.search(cell)
        if cell in expected or (is_header and is_name):
            yield cell
        elif cell:
            yield f"(not shown: {len(cell)} characters)"
        else:
            yield "(empty)"
    if len(found) > _CELLS_SHOWN_MAX:
        yield f"({len(found) - _CELLS_SHOWN_MAX} more)"


# The rows --------------------------------------------------------------------------------------


class _Table:
    """One table on its way: its rows, and what they add up to."""

    def __init__(self, schema: Schema, channel: Channel, translator: RowTranslator) -> None:
        self._schema = schema
        self._channel = channel
        self._translator = translator
        self._count = 0
        self._sums: dict[str, int] = dict.fromkeys(schema.totals.sums if schema.totals else (), 0)
        self._unread: dict[str, int] = dict.fromkeys(self._sums, 0)
        self._faults: list[Fault] = []
        self._is_totalled = False

    def read(self, rows: Iterator[Row | Fault], counted: _Counted) -> Iterator[Piece]:
        """Yield the messages of the rows, and the verdict on all of them."""
        totals = self._schema.totals
        ends_at = 0
        for row in rows:
            if isinstance(row, Fault):
                counted.drain()
                yield from self._broken(row, counted.bytes_count, ends_at)
                return
            ends_at = row.offset + row.bytes_count
            if totals is not None and self._is_total(row, totals):
                self._add_up(row, totals)
                continue
            if self._is_totalled:
                self._faults.append(fault("table.totals.misplaced", row.where))
                self._is_totalled = False  # said once
            self._count += 1
            yield from self._message(row)
            if totals is None and self._count % ROWS_PER_CLOSE == 0:
                yield Closed()
        yield from self._end(counted.bytes_count)

    def _broken(self, wrong: Fault, bytes_count: int, ends_at: int) -> Iterator[Piece]:
        """Hold what cannot be read on from here; what came before stands, unless totals fail."""
        if self._count:
            absent = (wrong,) if self._schema.totals else ()
            yield Closed(faults=absent, status="held")
        yield from _whole(wrong, bytes_count, min(ends_at, bytes_count))

    def _end(self, bytes_count: int) -> Iterator[Piece]:
        if not self._count:
            code = "file.no_message" if bytes_count else "file.empty"
            yield from _whole(fault(code, "file"), bytes_count)
            return
        if self._schema.totals is not None and not self._is_totalled and not self._faults:
            self._faults.append(fault("table.totals.absent", "file"))
        yield Closed(faults=tuple(self._faults), status="held")

    def _message(self, row: Row) -> Iterator[Piece]:
        wrong = row.fault or self._ragged(row)
        if wrong is not None:
            for name in self._unread:
                self._unread[name] += 1
            yield Begun(recorded_at_ms=0)
            yield self._reading(row, _held(row, wrong, self._schema), b"")
            return
        draft = RowDraft(row, self._schema, self._channel)
        self._count_in(draft)
        routed, totals = ([], []) if draft.faults else self._translator.make(draft)
        translation = draft.verdict(routed, totals)
        yield Begun(recorded_at_ms=translation.recorded_at_ms)
        yield self._reading(row, translation, draft.content())

    def _reading(self, row: Row, translation: Translation, content: bytes) -> Reading:
        return Reading(
            translation=translation,
            offset=row.offset,
            bytes_count=row.bytes_count,
            content_sha256=content,
        )

    def _ragged(self, row: Row) -> Fault | None:
        """Return why a row does not fit its header: then no cell is certain to be where it is.

        A workbook stores no blank cells, so its rows may be short.
        """
        wanted = len(self._schema.columns)
        found = len(_trimmed(row.cells, wanted))
        if found > wanted or (found < wanted and self._schema.layout != "xlsx"):
            explanation = f"it has {found:,} cells under a header of {wanted:,}"
            return fault("table.row.ragged", row.where, explanation)
        return None

    # The totals row ----------------------------------------------------------------------------

    def _is_total(self, row: Row, totals: Totals) -> bool:
        place = self._schema.index(totals.column)
        return place < len(row.cells) and row.cells[place].strip() == totals.marker

    def _count_in(self, draft: RowDraft) -> None:
        for name in self._sums:
            value = draft.column(name)
            if isinstance(value, int):
                self._sums[name] += value
            elif self._is_told(draft.row, name):
                self._unread[name] += 1

    def _is_told(self, row: Row, name: str) -> bool:
        place = self._schema.index(name)
        return place < len(row.cells) and bool(row.cells[place].strip())

    def _add_up(self, row: Row, totals: Totals) -> None:
        """Hold the totals row against the rows above it; a second one is one too many."""
        if self._is_totalled:
            self._faults.append(fault("table.totals.misplaced", row.where))
            return
        self._is_totalled = True
        names = {*totals.sums, totals.count}
        for column in self._schema.columns:
            if column.name not in names:
                continue
            place = self._schema.index(column.name)
            cell = row.cells[place] if place < len(row.cells) else ""
            kind = row.kinds[place] if place < len(row.kinds) else TEXT
            wrong = self._difference(column.name, cell, kind, totals)
            if wrong:
                where = f"{row.where}/{column.name}"
                self._faults.append(fault("table.totals.mismatched", where, wrong))

    def _difference(self, name: str, cell: str, kind: str, totals: Totals) -> str:
        """Return in words how a total differs from what it sums up; "" where it does not."""
        if name == totals.count:
            told = _total(cell, kind, self._schema, name, is_count=True)
            if told is None:
                return "the number of rows cannot be read"
            if told != self._count:
                return f"it says {told:,} rows, and there are {self._count:,}"
            return ""
        if self._unread[name]:
            return f"`{name}` could not be read in {self._unread[name]:,} of {self._count:,} rows"
        told = _total(cell, kind, self._schema, name, is_count=False)
        if told is None:
            return "the total cannot be read"
        is_money = self._schema.columns[self._schema.index(name)].type == "money"
        show = format_amount if is_money else str
        sum_of_rows = self._sums[name]
        if told == sum_of_rows:
            return ""
        return (
            f"it says {show(told)}, the rows come to {show(sum_of_rows)}: "
            f"{show(told - sum_of_rows)} apart"
        )


def _total(cell: str, kind: str, schema: Schema, name: str, *, is_count: bool) -> int | None:
    """Return what a cell of the totals row says, as its column writes it; None where nothing."""
    if not cell.strip():
        return None
    column = Column(name=name, type="integer") if is_count else schema.columns[schema.index(name)]
    try:
        value = read_cell(cell, kind, column, schema.numbers)
    except UnreadableCellError:
        return None
    return value if isinstance(value, int) else None


def _held(row: Row, wrong: Fault, schema: Schema) -> Translation:
    return Translation(
        format="tabular",
        type=schema.fact,
        control_id=f"{schema.name}/{row.number}",
        status="held",
        faults=(wrong,),
    )
