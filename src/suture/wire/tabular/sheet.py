"""The sheet of a workbook: cells to text, with how each of them was stored. ECMA-376, 18.3.1.

Here: shared strings and rich text, numbers exact to 15 digits, days of both date systems (1900 with
its 29 February 1900, and 1904), booleans, errors, formulas' last results; sheets and which of them
are hidden; merged cells. Not here: the archive (`workbook.py`), what a column means
(`translate/tabular_rows.py`). Rows and columns that are hidden, or filtered away, are read: they
are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Context, Decimal

import msgspec

from suture.model.fault import Fault
from suture.wire.tabular.row import (
    CELL_CHARACTERS_MAX,
    CELLS_MAX,
    DAY,
    ERROR,
    NUMBER,
    TEXT,
    Row,
    unreadable,
)
from suture.wire.tabular.xml_parts import UnreadablePartError, parse_part

ROWS_MAX = 1_048_576
STRINGS_MAX = 4_000_000

_EXCEL_DIGITS = Context(prec=15)
"""A spreadsheet keeps binary fractions, and shows 15 digits of them: 0.1 + 0.2 is 0.3."""
_NUMBER = re.compile(r"-?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST, _SMALLEST = Decimal(10) ** 20, Decimal(10) ** -12
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)
_EPOCH_1900 = date(1899, 12, 31)
_EPOCH_1904 = date(1904, 1, 1)
_LEAP_DAY_THAT_WAS_NONE = 60
"""Serial of 29 February 1900, which the 1900 system counts and no calendar has."""
_SERIAL_MAX = 2_958_465
"""31 December 9999."""
_DATE_FORMATS = frozenset({*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)})
"""Built-in number formats that show a day (18.8.30), those of East Asia included."""
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""What in a number format is shown as it stands, and colours, conditions and locales."""


class Sheet(msgspec.Struct, frozen=True):
    """A sheet as the workbook lists it."""

    name: str
    relation: str
    is_visible: bool


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """What the cells of a sheet refer to."""

    strings: tuple[str, ...] = ()
    dated: tuple[bool, ...] = ()
    """By cell style: whether it shows a day."""
    is_1904: bool = False


class Book:
    """The workbook part: its sheets and its date system."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self.is_1904 = False

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self.is_1904 = attributes.get("date1904", "") in {"1", "true", "on"}
        elif name == "sheet":
            is_visible = attributes.get("state", "visible") == "visible"
            self.sheets.append(
                Sheet(attributes.get("name", ""), attributes.get("id", ""), is_visible)
            )

    def closed(self, name: str, text: str) -> None:
        pass


class Strings:
    """The shared strings: runs of rich text joined, phonetic readings left out."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._parts: list[str] = []
        self._phonetic = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - of a Part
        if name == "si":
            self._parts.clear()
            if len(self.texts) >= STRINGS_MAX:
                raise UnreadablePartError("it has too many texts")
        self._phonetic += name == "rPh"

    def closed(self, name: str, text: str) -> None:
        if name == "t" and not self._phonetic:
            self._parts.append(text)
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "si":
            self.texts.append("".join(self._parts))


class Styles:
    """The styles: which of them show a day."""

    def __init__(self) -> None:
        self._own: dict[str, bool] = {}
        self._dated: list[bool] = []
        self._is_of_cells = False

    @property
    def dated(self) -> tuple[bool, ...]:
        """By cell style, whether it shows a day."""
        return tuple(self._dated)

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._own[attributes.get("numFmtId", "")] = _shows_day(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            self._is_of_cells = True
        elif name == "xf" and self._is_of_cells:
            told = attributes.get("numFmtId", "0")
            is_built_in = told.isdecimal() and int(told[:6]) in _DATE_FORMATS
            self._dated.append(self._own.get(told, is_built_in))

    def closed(self, name: str, text: str) -> None:  # noqa: ARG002 - of a Part
        if name == "cellXfs":
            self._is_of_cells = False


def _shows_day(code: str) -> bool:
    shown = _LITERALS.sub("", code).partition(";")[0].lower()
    return "d" in shown or "y" in shown


class _Merges:
    """Whether a sheet has merged cells."""

    def __init__(self) -> None:
        self.count = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - of a Part
        self.count += name == "mergeCell"

    def closed(self, name: str, text: str) -> None:
        pass


def merged_cells(pieces: Iterable[bytes]) -> int:
    """Return how many ranges of a sheet are merged: a cell under one looks filled and is empty.

    They are listed after the rows, so the sheet is read once for them alone. Raises
    UnreadablePartError.
    """
    merges = _Merges()
    for _ in parse_part(pieces, merges):
        pass
    return merges.count


def read_cells(pieces: Iterable[bytes], properties: Properties) -> Iterator[Row | Fault]:
    """Yield the rows of a sheet, blank ones left out. Raises UnreadablePartError."""
    cells = _Cells(properties)
    for _ in parse_part(pieces, cells):
        yield from cells.rows
        cells.rows.clear()


class _Cells:
    """A sheet on its way: the row that is open, and those that are whole."""

    def __init__(self, properties: Properties) -> None:
        self.rows: list[Row] = []
        self._properties = properties
        self._number = 0
        self._texts: list[str] = []
        self._kinds: list[str] = []
        self._wrong = ""
        self._column = -1
        self._type = ""
        self._style = 0
        self._value = ""
        self._has_value = self._has_formula = False
        self._phonetic = 0

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._open_cell(attributes)
        elif name == "row":
            self._open_row(attributes)
        elif name == "f":
            self._has_formula = True
        self._phonetic += name == "rPh"

    def closed(self, name: str, text: str) -> None:
        if name == "v" or (name == "t" and not self._phonetic):
            self._value += text
            self._has_value = True
        elif name == "c":
            self._close_cell()
        elif name == "row":
            self._close_row()
        self._phonetic -= name == "rPh"

    def _open_row(self, attributes: dict[str, str]) -> None:
        told = attributes.get("r", "")
        number = int(told) if told.isascii() and told.isdecimal() and len(told) <= 7 else 0
        if number and number <= self._number:
            raise UnreadablePartError("its rows are out of order")
        self._number = number or self._number + 1
        if self._number > ROWS_MAX:
            raise UnreadablePartError(f"it has more than {ROWS_MAX:,} rows")
        self._texts, self._kinds = [], []
        self._wrong, self._column = "", -1

    def _open_cell(self, attributes: dict[str, str]) -> None:
        place = _PLACE.fullmatch(attributes.get("r", ""))
        column = _column(place[1]) if place else self._column + 1
        if column <= self._column:
            raise UnreadablePartError("cells of a row are out of order")
        self._column = column
        self._type = attributes.get("t", "n")
        style = attributes.get("s", "0")
        self._style = int(style) if style.isascii() and style.isdecimal() and len(style) < 7 else 0
        self._value, self._has_value, self._has_formula = "", False, False

    def _close_cell(self) -> None:
        if self._column >= CELLS_MAX:
            self._wrong = f"it has more than {CELLS_MAX:,} cells"
            return
        if not self._has_value and not self._has_formula:
            return
        text, kind = self._read()
        if len(text) > CELL_CHARACTERS_MAX:
            self._wrong = f"a cell has more than {CELL_CHARACTERS_MAX:,} characters"
            return
        while len(self._texts) < self._column:
            self._texts.append("")
            self._kinds.append(TEXT)
        self._texts.append(text)
        self._kinds.append(kind)

    def _close_row(self) -> None:
        if self._wrong:
            self.rows.append(unreadable(self._number, self._number, 1, self._wrong))
        elif any(self._texts) or ERROR in self._kinds:
            kinds = "".join(self._kinds)
            self.rows.append(Row(self._number, self._number, 1, tuple(self._texts), kinds))

    def _read(self) -> tuple[str, str]:
        """Return what the open cell says, and how it was stored."""
        value = self._value
        if not self._has_value:
            return "", ERROR  # a formula nobody has calculated
        match self._type:
            case "s":
                strings = self._properties.strings
                is_index = value.isascii() and value.isdecimal() and len(value) < 10
                if not is_index or int(value) >= len(strings):
                    raise UnreadablePartError("a cell refers to a text that is not there")
                return strings[int(value)], TEXT
            case "str" | "inlineStr":
                return value, TEXT
            case "b":
                return ("TRUE" if value == "1" else "FALSE"), TEXT
            case "d":
                return value.partition("T")[0], DAY
            case "n":
                return self._number_of(value)
            case _:
                return "", ERROR

    def _number_of(self, value: str) -> tuple[str, str]:
        if not _NUMBER.fullmatch(value):
            return "", ERROR
        number = _EXCEL_DIGITS.create_decimal(value)
        dated = self._properties.dated
        if self._style < len(dated) and dated[self._style]:
            day = day_of_serial(number, is_1904=self._properties.is_1904)
            return ("", ERROR) if day is None else (day.isoformat(), DAY)
        if number and not _SMALLEST <= abs(number) < _LARGEST:
            return "", ERROR  # no amount, count or code of anything
        text = f"{number:f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return ("0" if text in {"-0", ""} else text), NUMBER


def day_of_serial(serial: Decimal, *, is_1904: bool) -> date | None:
    """Return the day of a serial number, its time of day left out; None where it is none.

    18.17.4.1: in the 1900 system 1 is 1 January 1900 and 60 a 29 February that never was; in the
    1904 system 0 is 1 January 1904.
    """
    if not 0 <= serial <= _SERIAL_MAX:
        return None
    days = int(serial)
    if is_1904:
        return _EPOCH_1904 + timedelta(days) if days + 1462 <= _SERIAL_MAX else None
    if days in {0, _LEAP_DAY_THAT_WAS_NONE}:
        return None
    return _EPOCH_1900 + timedelta(days if days < _LEAP_DAY_THAT_WAS_NONE else days - 1)


def _column(letters: str) -> int:
    """Return the index of a column from its letters: A is 0, AA is 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
