"""Money: two strict grammars in, one rendering out, whole cents all the way (model/money.py)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model.money import (
    AMOUNT_MINOR_MAX,
    format_amount,
    parse_amount,
    parse_amount_x12,
)

minors = st.integers(-(AMOUNT_MINOR_MAX - 1), AMOUNT_MINOR_MAX - 1)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0", 0),
        ("0.0", 0),
        ("12", 1_200),
        ("12.3", 1_230),
        ("12.34", 1_234),
        ("-12.34", -1_234),
        ("0001.05", 105),
        ("999999999999999.99", AMOUNT_MINOR_MAX - 1),
    ],
)
def test_an_amount_of_hl7_is_digits_and_at_most_two_decimals(text: str, minor: int) -> None:
    assert minor == parse_amount(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1,234.56",
        "1e9",
        "NaN",
        "inf",
        "\uff10\uff11",
        "²",
        "1_000",
        "-0",
        "-0.00",
        "+1",
        "1.",
        ".5",
        "1.234",
        "1.230",
        "--1",
        "1 ",
        " 1",
        "1\n",
        "$1",
        "1.2.3",
        "0x10",
        "1000000000000000",
        "-",
        ".",
    ],
)
def test_b23_anything_else_is_no_amount(text: str) -> None:
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0", 0),
        ("-0", 0),
        (".5", 50),
        ("5.", 500),
        ("-.50", -50),
        ("00012.3", 1_230),
        ("12.3400", 1_234),
        ("12.000000", 1_200),
        ("-9", -900),
        ("999999999999999.99", AMOUNT_MINOR_MAX - 1),
    ],
)
def test_an_amount_of_x12_may_drop_zeros_and_trail_them(text: str, minor: int) -> None:
    assert minor == parse_amount_x12(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "-.",
        "1,5",
        "1e3",
        "NaN",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "12.345",
        ".001",
        "\uff11",
        "1-",
    ],
)
def test_b23_what_is_no_number_or_no_whole_cents_is_no_amount_of_x12(text: str) -> None:
    assert parse_amount_x12(text) is None


@given(minors)
def test_what_is_rendered_is_read_back_by_both_grammars(minor: int) -> None:
    text = format_amount(minor)
    assert minor == parse_amount(text) == parse_amount_x12(text)


@given(st.text(max_size=20))
def test_no_text_raises_and_none_is_too_large(text: str) -> None:
    for amount in (parse_amount(text), parse_amount_x12(text)):
        assert amount is None or abs(amount) < AMOUNT_MINOR_MAX


@pytest.mark.parametrize(
    ("minor", "text"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (123_456, "1234.56"), (-100, "-1.00")],
)
def test_an_amount_is_rendered_with_two_decimals(minor: int, text: str) -> None:
    assert text == format_amount(minor)
