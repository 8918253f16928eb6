"""Crosswalks answer by source and by day (masterdata/crosswalk.py)."""

from __future__ import annotations

from datetime import date

import pytest

from suture.masterdata.crosswalk import ANY_SOURCE, Crosswalk, CrosswalkRow, overlaps

JUNE, JULY = date(2026, 6, 30), date(2026, 7, 1)
OLD = CrosswalkRow(key=("RGH", "CARD"), value=("7400", "cardiology"), valid_to=JUNE)
NEW = CrosswalkRow(key=("RGH", "CARD"), value=("7410", "cardiology"), valid_from=JULY)


def test_a_code_means_what_the_row_in_force_on_the_day_says() -> None:
    crosswalk = Crosswalk("department", [NEW, OLD])
    answers = [crosswalk.resolve("adt", ("RGH", "CARD"), day) for day in (JUNE, JULY)]
    assert [("7400", "cardiology"), ("7410", "cardiology")] == answers


@pytest.mark.parametrize("day", [date(2026, 6, 29), date(2026, 7, 2)])
def test_a_row_answers_only_from_its_first_day_to_its_last(day: date) -> None:
    row = CrosswalkRow(key=("A",), value=("x",), valid_from=JUNE, valid_to=JULY)
    crosswalk = Crosswalk("facility", [row])
    assert crosswalk.resolve("adt", ("A",), day) is None
    assert crosswalk.resolve("adt", ("A",), JUNE) == crosswalk.resolve("adt", ("A",), JULY)


def test_a_row_of_the_sender_goes_before_a_row_of_every_source() -> None:
    common = CrosswalkRow(source=ANY_SOURCE, key=("H1",), value=("RGH",))
    own = CrosswalkRow(source="lab", key=("H1",), value=("RNH",))
    crosswalk = Crosswalk("facility", [common, own])
    assert ("RNH",) == crosswalk.resolve("lab", ("H1",), JUNE)
    assert ("RGH",) == crosswalk.resolve("adt", ("H1",), JUNE)


def test_an_expired_row_of_the_sender_gives_way_to_the_row_of_every_source() -> None:
    common = CrosswalkRow(key=("H1",), value=("RGH",))
    own = CrosswalkRow(source="lab", key=("H1",), value=("RNH",), valid_to=JUNE)
    assert ("RGH",) == Crosswalk("facility", [common, own]).resolve("lab", ("H1",), JULY)


def test_an_unknown_code_has_no_answer() -> None:
    crosswalk = Crosswalk("facility", [CrosswalkRow(key=("H1",), value=("RGH",))])
    assert crosswalk.resolve("adt", ("H2",), JUNE) is None
    assert crosswalk.resolve("adt", ("h1",), JUNE) is None


def test_rows_that_follow_on_each_other_do_not_overlap() -> None:
    assert [] == overlaps([OLD, NEW])


def test_rows_that_answer_on_the_same_day_are_found() -> None:
    late = CrosswalkRow(key=("RGH", "CARD"), value=("7420", "cardiology"), valid_from=JUNE)
    assert [(OLD, late), (NEW, late)] == overlaps([OLD, NEW, late])


def test_rows_of_two_sources_never_overlap() -> None:
    own = CrosswalkRow(source="lab", key=("RGH", "CARD"), value=("9999", "laboratory"))
    assert [] == overlaps([OLD, own])
