"""The language of overlays: what its texts and conditions give, what is refused, that it ends.

Bad inputs B87 (code in a rule), B88 (a slow pattern), B89 (a cent lost).
"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.masterdata.crosswalk import Crosswalk, CrosswalkRow
from suture.translate.expression import (
    CHARACTERS_MAX,
    DEPTH_MAX,
    FUNCTIONS,
    PARTS_MAX,
    Mistake,
    compile_condition,
    compile_text,
)

WARDS = {
    "ward": Crosswalk(
        "ward",
        [
            CrosswalkRow(key=("4W",), value=("MEDSURG",), valid_to=date(2026, 6, 30)),
            CrosswalkRow(key=("4W",), value=("SURG",), valid_from=date(2026, 7, 1)),
            CrosswalkRow(source="adt", key=("5E",), value=("ICU",)),
        ],
    )
}


class Values:
    """A message of a few values."""

    def __init__(self, values: dict[str, str], on: date = date(2026, 3, 10)) -> None:
        self.values = values
        self.source = "adt"
        self.on = on

    def read(self, place: str) -> str:
        return self.values.get(place, "")


def anything(place: str) -> str:
    return "" if place != "PID-0" else "fields are counted from 1"


def dashed(values: dict[str, str]) -> dict[str, str]:
    """Return values by place: an argument's name and a test's id hold no hyphen."""
    return {name.replace("_", "-"): value.replace("_", "-") for name, value in values.items()}


def given_text(written: str, **values: str) -> str:
    return given_text_on(date(2026, 3, 10), written, **values)


def given_text_on(on: date, written: str, **values: str) -> str:
    compiled = compile_text(written, WARDS, anything)
    assert not isinstance(compiled, Mistake), compiled
    return compiled(Values(dashed(values), on))


def holds(written: str, **values: str) -> bool:
    compiled = compile_condition(written, WARDS, anything)
    assert not isinstance(compiled, Mistake), compiled
    return compiled(Values(dashed(values)))


def mistake(written: str) -> Mistake:
    compiled = compile_text(written, WARDS, anything)
    assert isinstance(compiled, Mistake)
    return compiled


# Texts


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"RGH"', "RGH"),
        (r'"a \"b\" \\"', r'a "b" \ '.rstrip()),
        ("'5\"'", '5"'),
        ("PV1-3", "4W"),
        ('first(PV1-9, PV1-3, "x")', "4W"),
        ('first(PV1-9, "")', ""),
        ('concat(PV1-3, "-", PV1-2)', "4W-I"),
        ("lower(PV1-2)", "i"),
        ("upper(lower(PV1-2))", "I"),
        ("trim({Nursing Unit})", "5 East"),
        ("left({Code}, 3)", "000"),
        ("right({Code}, 2)", "42"),
        ("part({Code}, 4, 2)", "42"),
        ("part({Code}, 9, 2)", ""),
        ('before({Range}, "-")', "100"),
        ('after({Range}, "-")', "200-300"),
        ('before({Code}, "-")', "00042"),
        ('after({Code}, "-")', ""),
        ('replace({Range}, "-", "/")', "100/200/300"),
        ("digits({Phone})", "3125550100"),
        ('pad(PV1-2, 4, "0")', "000I"),
        ("strip_zeros({Code})", "42"),
        ('strip_zeros("000")', "0"),
        ('strip_zeros("")', ""),
        ('choose(PV1-2 = "I", "inpatient", "other")', "inpatient"),
        ('choose(PV1-2 = "O", "out", PV1-3)', "4W"),
    ],
)
def test_a_text_gives(written: str, expected: str) -> None:
    values = {
        "PV1_2": "I",
        "PV1_3": "4W",
        "Nursing Unit": " 5 East ",
        "Code": "00042",
        "Range": "100_200_300",
        "Phone": "(312) 555_0100",
    }
    assert expected == given_text(written, **values)


def test_a_look_up_answers_by_the_day_and_prefers_rows_of_the_source() -> None:
    assert "MEDSURG" == given_text("lookup(ward, PV1-3)", PV1_3="4W")
    assert "SURG" == given_text_on(date(2026, 7, 1), "lookup(ward, PV1-3)", PV1_3="4W")
    assert "ICU" == given_text("lookup(ward, PV1-3)", PV1_3="5E")


def test_what_no_row_answers_is_empty_or_what_was_said_for_it() -> None:
    assert "" == given_text("lookup(ward, PV1-3)", PV1_3="9Z")
    assert "9Z" == given_text("lookup(ward, PV1-3, PV1-3)", PV1_3="9Z")


@pytest.mark.parametrize(
    ("layout", "written", "expected"),
    [
        ("MM/DD/YYYY", "3/9/2026", "20260309"),
        ("DD.MM.YY", "28.02.26", "20260228"),
        ("YYMMDD", "991231", "19991231"),
        ("MM/DD/YYYY", "02/30/2026", ""),
        ("MM/DD/YYYY", "2026-03-09", ""),
        ("YYYY-MM-DD", "\uff12026-03-09", ""),
    ],
)
def test_a_date_is_read_by_its_layout_or_is_none(layout: str, written: str, expected: str) -> None:
    assert expected == given_text(f'date({{day}}, "{layout}")', day=written)


@pytest.mark.parametrize(
    ("written", "amount", "expected"),
    [
        ("cents({n})", "12345", "123.45"),
        ("cents({n})", "_5", "-0.05"),
        ("cents({n})", "12.3", "12.3"),
        ("negate({n})", "12.30", "-12.30"),
        ("negate({n})", "1e3", "1e3"),
    ],
)
def test_b89_an_amount_keeps_every_cent_or_is_left_to_be_refused(
    written: str, amount: str, expected: str
) -> None:
    assert expected == given_text(written, n=amount)


# Conditions


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('PV1-2 = "I"', True),
        ('PV1-2 != "I"', False),
        ('PV1-2 in ("O", "E", "I")', True),
        ('PV1-2 in ("O")', False),
        ("present(PV1-2)", True),
        ("not present(PV1-9)", True),
        ('PV1-2 = "O" or PV1-3 = "4W" and not present(PV1-9)', True),
        ('(PV1-2 = "O" or PV1-3 = "4W") and present(PV1-9)', False),
        ('PV1-3 like "?W"', True),
        ('PV1-3 like "4*"', True),
        ('PV1-3 like "*"', True),
        ('PV1-3 like "4"', False),
        ('{path} like "a*b*c"', True),
        ('{path} like "a*b"', False),
        ('{path} like "a.*c"', False),
        ('{path} like "*c*c"', False),
        ('{short} like "a*a"', False),
    ],
)
def test_a_condition_holds(written: str, expected: bool) -> None:  # noqa: FBT001 - a row of a table
    values = {"PV1_2": "I", "PV1_3": "4W", "path": "a__b__c", "short": "a"}
    assert expected is holds(written, **values)


def test_b88_no_pattern_is_slow() -> None:
    stars = "*a" * 40
    assert not holds(f'{{text}} like "{stars}b"', text="a" * CHARACTERS_MAX)


# Refusals


@pytest.mark.parametrize(
    ("written", "column", "words"),
    [
        ("", 1, "a value is expected"),
        ("first(PID-3", 12, "`)` is expected"),
        ("first()", 7, "a value is expected"),
        ('"a" "b"', 5, "follows a whole expression"),
        ("shout(PID-3)", 1, "no function is named `shout`"),
        ("lookup(bed, PID-3)", 8, "no look-up is named `bed`: ward"),
        ("left(PID-3, 99999)", 13, "nothing can begin with"),
        ("left(PID-3, 5000)", 13, "a whole number from 0 to"),
        ('pad(PID-3, 8, "ab")', 19, "one character"),
        ('date(PID-7, "MM/YYYY")', 22, "once each"),
        ('replace(PID-3, "", "x")', 18, "cannot be empty"),
        ("PID-0", 1, "counted from 1"),
        ('choose(PID-3, "a", "b")', 13, "`=`, `!=`, `in` or `like`"),
        ("().__class__", 3, "nothing can begin with"),
        ("9**9**9", 2, "nothing can begin with"),
        ("{x.__globals__}.y", 16, "nothing can begin with"),
        ("__import__('os')", 1, "no function is named"),
    ],
)
def test_b87_what_is_no_expression_is_refused_at_its_character(
    written: str, column: int, words: str
) -> None:
    refused = mistake(written)
    assert (column, True) == (refused.column, words in refused.explanation), refused


def test_an_expression_has_bounds() -> None:
    long = "concat(" + ", ".join(["PID-3"] * PARTS_MAX) + ")"
    assert f"at most {PARTS_MAX} parts" in mistake(long).explanation
    deep = "trim(" * (DEPTH_MAX + 1) + "PID-3" + ")" * (DEPTH_MAX + 1)
    assert f"at most {DEPTH_MAX} deep" in mistake(deep).explanation
    nested = "(" * (DEPTH_MAX + 1) + "present(PID-3)" + ")" * (DEPTH_MAX + 1)
    assert isinstance(compile_condition(nested, WARDS, anything), Mistake)


def test_a_value_cannot_grow_without_bound() -> None:
    written = f"concat({', '.join(['{x}'] * 100)})"
    assert CHARACTERS_MAX == len(given_text(written, x="x" * 1_000))


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_a_mistake(written: str) -> None:
    for compile_either in (compile_text, compile_condition):
        compiled = compile_either(written, WARDS, anything)
        if isinstance(compiled, Mistake):
            assert 1 <= compiled.column <= len(written) + 1
        else:
            compiled(Values({}))


@given(
    st.lists(
        st.sampled_from(
            [*FUNCTIONS, "(", ")", ",", "PID-3", "CLP04", "{a}", '"b"', "3", "=", "and", "not"]
        ),
        max_size=20,
    )
)
def test_any_words_in_any_order_are_an_expression_or_a_mistake(words: list[str]) -> None:
    compiled = compile_text(" ".join(words), WARDS, anything)
    if not isinstance(compiled, Mistake):
        assert len(compiled(Values({"PID-3": "x", "a": "y"}))) <= CHARACTERS_MAX
