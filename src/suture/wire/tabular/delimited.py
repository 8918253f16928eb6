"""CSV and its relatives: a byte stream to rows, by a declared dialect. RFC 4180.

Here: the delimiter, quotes, line ends inside and outside of them (CR LF, LF, CR), the byte order
mark, the charset. Nothing is sniffed: what is not as declared is a fault of its row, and a quote
that nobody closes one of the file. Memory is flat, whatever the size of the file. Not here: the
header and what columns mean (`translate/tabular_rows.py`, next).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from suture.model.fault import Fault
from suture.wire.tabular.row import (
    CELL_CHARACTERS_MAX,
    CELLS_MAX,
    RECORD_BYTES_MAX,
    Row,
    broken,
    unreadable,
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a file's rows are written; the charset leaves ASCII as it is."""

    delimiter: str = ","
    quote: str = '"'
    """Empty where the file quotes nothing: then the mark is a character like any other."""
    charset: str = "utf-8"


def read_delimited(chunks: Iterable[bytes], dialect: Dialect) -> Iterator[Row | Fault]:
    """Yield the rows of a file, blank ones left out; a fault by itself ends the file.

    A row's cells are text, without their quotes; blanks stay.
    """
    reader = _Reader(dialect)
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


class _Reader:
    """The bytes that are not read yet, and where in the file they are."""

    def __init__(self, dialect: Dialect) -> None:
        self._charset = dialect.charset
        self._delimiter = dialect.delimiter
        self._comma = dialect.delimiter.encode("ascii")
        self._quote = dialect.quote.encode("ascii")
        self._plain = re.compile(rb"[^\r\n" + re.escape(self._comma) + rb"]*")
        self._data = b""
        self._at = 0
        self._offset = 0
        """Of the first byte of `_data` in the file."""
        self._line = 1
        self._is_begun = False
        self._is_broken = False

    def feed(self, chunk: bytes) -> Iterator[Row | Fault]:
        """Yield the rows that are whole now."""
        self._offset += self._at
        self._data = self._data[self._at :] + chunk
        self._at = 0
        if not self._is_begun and len(self._data) >= len(BYTE_ORDER_MARK):
            yield from self._begin()
        if self._is_begun:
            yield from self._rows(is_last=False)

    def close(self) -> Iterator[Row | Fault]:
        """Yield what the last bytes of the file still hold."""
        if not self._is_begun:
            yield from self._begin()
        yield from self._rows(is_last=True)

    def _begin(self) -> Iterator[Fault]:
        self._is_begun = True
        if self._data.startswith(BYTE_ORDER_MARK):
            self._at = len(BYTE_ORDER_MARK)
        elif self._data.startswith(_WIDE_MARKS):
            self._is_broken = True
            yield broken("file", "it begins with the byte order mark of UTF-16")

    def _rows(self, *, is_last: bool) -> Iterator[Row | Fault]:
        while not self._is_broken and self._at < len(self._data):
            found = self._next(is_last=is_last)
            if found is None and not is_last and len(self._data) - self._at <= RECORD_BYTES_MAX:
                return
            if found is None:
                yield self._break_off(is_last=is_last)
                return
            cells, end = found
            row = self._made(cells, end)
            self._advance(end)
            if row is not None:
                yield row
        if self._is_broken:
            self._at = len(self._data)  # nothing after it is read, nor kept

    def _break_off(self, *, is_last: bool) -> Fault:
        """Give the file up: what is inside an open quote may be any number of rows."""
        self._is_broken = True
        self._at = len(self._data)
        explanation = f"a row has more than {RECORD_BYTES_MAX:,} bytes, or a quote is not closed"
        if is_last:
            explanation = "a quote is not closed up to the end of the file"
        return broken(f"row {self._line}", explanation)

    def _advance(self, end: int) -> None:
        raw = self._data[self._at : end]
        self._line += max(raw.count(b"\n"), raw.count(b"\r"))
        self._at = end

    def _made(self, cells: list[bytes] | str, end: int) -> Row | None:
        """Return a row; None for a blank one."""
        offset, bytes_count = self._offset + self._at, end - self._at
        if isinstance(cells, str):
            return unreadable(self._line, offset, bytes_count, cells)
        if not any(cells):
            return None
        if len(cells) > CELLS_MAX:
            explanation = f"it has more than {CELLS_MAX:,} cells"
            return unreadable(self._line, offset, bytes_count, explanation)
        try:
            # Decoded cell by cell: after joining, a cell could no longer hold the delimiter.
            read = tuple([cell.decode(self._charset) for cell in cells])
        except UnicodeDecodeError as error:
            explanation = f"it holds bytes that are no {error.encoding}"
            return unreadable(self._line, offset, bytes_count, explanation)
        if bytes_count > CELL_CHARACTERS_MAX and any(
            len(cell) > CELL_CHARACTERS_MAX for cell in read
        ):
            explanation = f"a cell has more than {CELL_CHARACTERS_MAX:,} characters"
            return unreadable(self._line, offset, bytes_count, explanation)
        return Row(self._line, offset, bytes_count, read)

    def _next(self, *, is_last: bool) -> tuple[list[bytes] | str, int] | None:
        """Return the cells of the next row, or what is wrong with it, and where it ends.

        None where its end has not come yet.
        """
        data, at = self._data, self._at
        line_end = _LINE_END.search(data, at)
        if line_end is None and not is_last:
            return None
        stop = line_end.start() if line_end else len(data)
        if self._quote and data.find(self._quote, at, stop) >= 0:
            return self._quoted(is_last=is_last)
        end = line_end.end() if line_end else stop
        if end == len(data) and data[stop:end] == b"\r" and not is_last:
            return None  # its line feed may be on its way
        return data[at:stop].split(self._comma), end

    def _quoted(self, *, is_last: bool) -> tuple[list[bytes] | str, int] | None:
        """As `_next`, of a row with a quote in it."""
        data, at = self._data, self._at
        cells: list[bytes] = []
        while True:
            if data.startswith(self._quote, at):
                closed = self._closing(at + 1, is_last=is_last)
                if closed is None:
                    return None
                cell = data[at + 1 : closed].replace(self._quote * 2, self._quote)
                at = closed + 1
            else:
                plain = self._plain.match(data, at)
                assert plain is not None, "the pattern matches nothing, too"
                cell, at = plain[0], plain.end()
            cells.append(cell)
            if data.startswith(self._comma, at):
                at += 1
                continue
            line_end = _LINE_END.match(data, at)
            if line_end is None and at < len(data):
                return self._astray(at, is_last=is_last)
            if not is_last and (line_end is None or _is_half(data, line_end.end())):
                return None
            return cells, (line_end.end() if line_end else at)

    def _closing(self, at: int, *, is_last: bool) -> int | None:
        """Return where a quoted cell's closing quote is; None where it has not come."""
        data = self._data
        while True:
            at = data.find(self._quote, at)
            if at < 0 or (at + 1 == len(data) and not is_last):
                return None
            if not data.startswith(self._quote, at + 1):
                return at
            at += 2

    def _astray(self, at: int, *, is_last: bool) -> tuple[str, int] | None:
        """Pass over a row in which text follows a closing quote: what it means is anybody's guess.

        It ends with its line; a further quote in it opens nothing.
        """
        line_end = _LINE_END.search(self._data, at)
        if line_end is None and not is_last:
            return None
        end = line_end.end() if line_end else len(self._data)
        if not is_last and _is_half(self._data, end):
            return None
        return "text follows a closing quote", end


def _is_half(data: bytes, end: int) -> bool:
    """Whether the last byte is a CR whose line feed may still come."""
    return end == len(data) and data.endswith(b"\r")
