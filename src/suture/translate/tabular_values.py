"""Cells to values: texts, codes, whole numbers, decimals, money and days, as a schema declares.

Here: what one cell says, exactly, or why it says nothing; cells that a spreadsheet has spoilt
(leading zeros, long numbers, powers of ten). Nothing is guessed: two-digit years, a point that may
group thousands, a number where a day belongs are refused. Explanations repeat no cell. Not here:
rows (`tabular_rows.py`), which field a value fills (`tabular_common.py`).
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import assert_never

from suture.model.money import AMOUNT_MINOR_MAX, parse_amount
from suture.model.schema import Column, NumberStyle
from suture.wire.tabular import DAY, ERROR, NUMBER, TEXT

Value = str | int | date
"""Text, codes and decimals are text; money is minor units."""

TEXT_CHARACTERS_MAX = 500
CODE_CHARACTERS_MAX = 80
_SPREADSHEET_DIGITS_MAX = 15
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
_POWER = re.compile(r"\d[.,]?\d*[eE]\+\d+", re.ASCII)
"""What a spreadsheet makes of a long number when it saves CSV: the digits are lost."""
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,10}))?", re.ASCII)
_BLANKS = " \t\u00a0\u202f"
_YEAR_MIN, _YEAR_MAX = 1900, 2199
_DATE_PARTS = re.compile(r"YYYY|MM|DD|M|D|.")
DATE_PATTERNS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "DD": r"(?P<day>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "D": r"(?P<day>[0-9]{1,2})",
}


class UnreadableCellError(ValueError):
    """A cell does not say what its column declares; its text says why, and repeats no cell.

    Raised inside the translation of tables only: a row makes it a fault.
    """


def read_cell(cell: str, kind: str, column: Column, style: NumberStyle) -> Value:
    """Return the value of a cell that is not blank. Raises UnreadableCellError.

    `kind` is how a workbook stored it (`wire/tabular/row.py`).
    """
    if kind == ERROR:
        raise UnreadableCellError("it holds an error, or a formula that nobody has calculated")
    if not cell.isprintable() and _CONTROL.search(cell):
        raise UnreadableCellError("it holds a control character")
    text = cell.strip(_BLANKS)
    if column.constant and text != column.constant:
        raise UnreadableCellError("it differs from the constant that the schema declares")
    if kind == DAY and column.type != "date":
        raise UnreadableCellError(f"it is stored as a day, where a {column.type} belongs")
    match column.type:
        case "text":
            return _text(text)
        case "code":
            return _code(text, kind, column)
        case "integer":
            return _integer(_plain(text, kind, style))
        case "decimal":
            return _decimal(_plain(text, kind, style), column.scale)
        case "money":
            return _money(_plain(text, kind, style), column, kind)
        case "date":
            return _day(text, kind, column)
        case _:
            assert_never(column.type)


def _text(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise UnreadableCellError(f"it has more than {TEXT_CHARACTERS_MAX} characters")
    return text


def _code(text: str, kind: str, column: Column) -> str:
    """Return a code as it stands: its leading zeros are part of it.

    A number in a workbook has lost them, if it had any; only a declared length can tell.
    """
    if len(text) > CODE_CHARACTERS_MAX:
        raise UnreadableCellError(f"a code has at most {CODE_CHARACTERS_MAX} characters")
    if column.length and len(text) != column.length:
        raise UnreadableCellError(f"a code of this column has {column.length} characters")
    if kind == NUMBER:
        if len(text.lstrip("-")) > _SPREADSHEET_DIGITS_MAX:
            raise UnreadableCellError("it is stored as a number of more digits than a number keeps")
        if not column.length:
            raise UnreadableCellError(
                "it is stored as a number, which loses leading zeros: store it as text, or declare "
                "its `length`"
            )
    if kind == TEXT and _POWER.fullmatch(text):
        raise UnreadableCellError("a spreadsheet has written it as a power of ten")
    return text


def _plain(text: str, kind: str, style: NumberStyle) -> str:
    """Return a number as `-1234.5`, whatever it is written like. Raises UnreadableCellError."""
    if kind == NUMBER:
        return text
    is_negative = False
    if style.has_parentheses and text.startswith("(") and text.endswith(")"):
        text, is_negative = text[1:-1], True
        if "-" in text or "(" in text:
            raise UnreadableCellError("its sign is told twice")
    if style.has_trailing_minus and text.endswith("-"):
        text, is_negative = text[:-1], True
        if "-" in text:
            raise UnreadableCellError("its sign is told twice")
    if text.startswith("-"):
        text, is_negative = text[1:], True
        if text.startswith("-"):
            raise UnreadableCellError("its sign is told twice")
    if style.currency_sign:
        text = text.removeprefix(style.currency_sign)
    if text.startswith("-") and not is_negative:
        text, is_negative = text[1:], True
    whole, mark, fraction = text.strip(_BLANKS).partition(style.decimal_mark)
    if style.thousands_mark and style.thousands_mark in whole:
        first, *groups = whole.split(style.thousands_mark)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            raise UnreadableCellError("its thousands are not grouped by three")
        whole = "".join([first, *groups])
    sign = "-" if is_negative else ""
    return f"{sign}{whole}{'.' if mark else ''}{fraction}"


def _integer(plain: str) -> int:
    if not _WHOLE.fullmatch(plain):
        raise UnreadableCellError("it is no whole number")
    return int(plain)


def _decimal(plain: str, scale: int) -> str:
    """Return a decimal as text, exact: prices and quantities are never rounded."""
    found = _DECIMAL.fullmatch(plain)
    if found is None:
        raise UnreadableCellError("it is no decimal number as the schema writes them")
    fraction = found[3] or ""
    if len(fraction.rstrip("0")) > scale:
        raise UnreadableCellError(f"it has more than {scale} decimals")
    return plain


def _money(plain: str, column: Column, kind: str) -> int:
    if column.has_implied_cents and kind != NUMBER:
        if not _WHOLE.fullmatch(plain):
            raise UnreadableCellError("it is no whole number of cents")
        amount = int(plain)
    else:
        read = parse_amount(plain)
        if read is None:
            raise UnreadableCellError("it is no amount as the schema writes them")
        amount = read
    if abs(amount) >= AMOUNT_MINOR_MAX:
        raise UnreadableCellError("it is more than any amount may be")
    return amount


def _day(text: str, kind: str, column: Column) -> date:
    if kind == NUMBER:
        raise UnreadableCellError("it is stored as a number that is not shown as a day")
    pattern = date_pattern("YYYY-MM-DD" if kind == DAY else column.format)
    assert pattern is not None, "governance has checked the format"
    found = pattern.fullmatch(text)
    if found is None:
        raise UnreadableCellError("it is no day as the schema writes them")
    year = int(found["year"])
    if not _YEAR_MIN <= year <= _YEAR_MAX:
        raise UnreadableCellError(f"its year is not from {_YEAR_MIN} to {_YEAR_MAX}")
    try:
        return date(year, int(found["month"]), int(found["day"]))
    except ValueError:
        raise UnreadableCellError("the calendar has no such day") from None


@cache
def date_pattern(written: str) -> re.Pattern[str] | None:
    """Return the pattern of a date format such as `MM/DD/YYYY`; None for one that is none.

    It must name year, month and day, each once: a year of two digits could be of any century.
    """
    parts = _DATE_PARTS.findall(written)
    named = [part[0] for part in parts if part in DATE_PATTERNS]
    if sorted(named) != ["D", "M", "Y"] or any(
        part.isalnum() for part in parts if part not in DATE_PATTERNS
    ):
        return None
    return re.compile("".join(DATE_PATTERNS.get(part, re.escape(part)) for part in parts), re.ASCII)
