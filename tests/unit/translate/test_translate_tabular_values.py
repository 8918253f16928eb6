"""Cells to values (translate/tabular_values.py), and cells that a spreadsheet has spoilt.

Bad inputs B22 (days) and B23 (amounts).
"""

from __future__ import annotations

from datetime import date

import pytest
from msgspec import structs

from suture.model.schema import Column, NumberStyle
from suture.translate.tabular_values import UnreadableCellError, read_cell


def read(cell: str, kind: str = "t", style: NumberStyle | None = None, **column: object) -> object:
    """Return the value of a cell; of one that says nothing, None."""
    try:
        made = structs.replace(Column(name="X"), **column)
        return read_cell(cell, kind, made, style or NumberStyle())
    except UnreadableCellError:
        return None


@pytest.mark.parametrize(
    "cell",
    [
        "1,234.56",
        "1e9",
        "NaN",
        "\uff11",
        "1_000",
        "-0",
        "+5",
        "0x10",
        "1.234",
        "$5",
        "--5",
        "(5)",
        "5-",
    ],
)
def test_b23_an_amount_of_another_grammar_is_no_amount(cell: str) -> None:
    assert read(cell, type="money") is None


LOOSE = NumberStyle(
    thousands_mark=",", has_parentheses=True, has_trailing_minus=True, currency_sign="$"
)
COMMA = NumberStyle(decimal_mark=",", thousands_mark=".")


@pytest.mark.parametrize(
    ("cell", "style", "amount_minor"),
    [
        ("$1,234,567.89", LOOSE, 123_456_789),
        ("(1,234.50)", LOOSE, -123_450),
        ("($12.00)", LOOSE, -1_200),
        ("12.50-", LOOSE, -1_250),
        ("-$12.50", LOOSE, -1_250),
        ("$-12.50", LOOSE, -1_250),
        ("(-5)", LOOSE, None),
        ("-5-", LOOSE, None),
        ("1,23", LOOSE, None),
        ("12,34,567", LOOSE, None),
        ("1,2345", LOOSE, None),
        (",500", LOOSE, None),
        ("1.234,56", COMMA, 123_456),
        ("1.234", COMMA, 123_400),
        ("1,234.56", COMMA, None),
        ("0,5", COMMA, 50),
    ],
)
def test_an_amount_is_read_as_the_schema_writes_it(
    cell: str, style: NumberStyle, amount_minor: int | None
) -> None:
    assert amount_minor == read(cell, "t", style, type="money")


def test_cents_without_a_mark_are_cents_but_in_a_workbook() -> None:
    assert 12_345 == read("0000012345", type="money", has_implied_cents=True)
    assert read("123.45", type="money", has_implied_cents=True) is None
    assert 12_345 == read("123.45", "n", type="money", has_implied_cents=True)
    assert 5_00 == read("5", "n", COMMA, type="money"), "a workbook knows no decimal comma"


@pytest.mark.parametrize(
    ("cell", "written", "day"),
    [
        ("2026-03-31", "YYYY-MM-DD", date(2026, 3, 31)),
        ("20260331", "YYYYMMDD", date(2026, 3, 31)),
        ("3/9/2026", "M/D/YYYY", date(2026, 3, 9)),
        ("31.12.2026", "DD.MM.YYYY", date(2026, 12, 31)),
        ("2026-02-30", "YYYY-MM-DD", None),
        ("0001-01-01", "YYYY-MM-DD", None),
        ("9999-12-31", "YYYY-MM-DD", None),
        ("03/31/26", "MM/DD/YYYY", None),
        ("31/03/2026", "MM/DD/YYYY", None),
        ("46112", "YYYY-MM-DD", None),
    ],
)
def test_b22_a_day_is_a_day_of_the_calendar_as_declared(
    cell: str, written: str, day: date | None
) -> None:
    assert day == read(cell, type="date", format=written)


def test_a_day_of_a_workbook_is_one_that_it_shows_as_a_day() -> None:
    assert date(2026, 3, 31) == read("2026-03-31", "d", type="date", format="MM/DD/YYYY")
    assert read("46112", "n", type="date", format="MM/DD/YYYY") is None
    assert read("2026-03-31", "d", type="code") is None


@pytest.mark.parametrize(
    ("cell", "kind", "length", "value"),
    [
        ("00123", "t", 0, "00123"),
        ("00123", "t", 5, "00123"),
        ("123", "t", 5, None),
        ("123", "n", 0, None),
        ("12345", "n", 5, "12345"),
        ("123", "n", 5, None),
        ("1234567890123456", "n", 16, None),
        ("1.23457E+12", "t", 0, None),
        ("1,23E+5", "t", 0, None),
        ("x" * 81, "t", 0, None),
        ("", "e", 0, None),
    ],
)
def test_a_code_that_a_spreadsheet_has_spoilt_is_no_code(
    cell: str, kind: str, length: int, value: str | None
) -> None:
    assert value == read(cell, kind, type="code", length=length)


def test_numbers_are_exact_and_constants_are_what_they_are() -> None:
    assert "12.3450" == read("12.3450", type="decimal", scale=3)
    assert read("12.3456", type="decimal", scale=3) is None
    assert -12 == read("-12", type="integer")
    assert read("1.0", type="integer") is None
    assert "USD" == read(" USD\u00a0", constant="USD")
    assert read("EUR", constant="USD") is None
    assert read("x" * 501) is None
