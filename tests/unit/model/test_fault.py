"""Faults: a code means what its row says; an unknown code is a bug and raises."""

from __future__ import annotations

import pytest

from suture.model.fault import FaultCode, catalogue, fault


def test_a_fault_takes_its_remedy_and_permanence_from_the_catalogue() -> None:
    made = fault("file.empty", "file")
    row = catalogue()["file.empty"]
    assert ("file.empty", "file", row.title, row.remedy, True) == (
        made.code,
        made.where,
        made.explanation,
        made.remedy,
        made.permanent,
    )


def test_a_fault_says_in_its_own_words_what_is_wrong_here() -> None:
    assert (
        "SE01 says 3, 2 arrived"
        == fault("x12.set.segment_count", "SE", "SE01 says 3, 2 arrived").explanation
    )


def test_what_a_release_can_mend_is_not_permanent() -> None:
    assert not fault("ledger.department.unmapped", "FT1").permanent


def test_a_code_that_is_not_listed_is_a_bug() -> None:
    with pytest.raises(KeyError, match=r"no\.such\.code"):
        fault("no.such.code", "file")


@pytest.mark.parametrize("row", catalogue().values(), ids=lambda row: row.code)
def test_every_row_reads_as_a_sentence_and_says_what_to_do(row: FaultCode) -> None:
    assert row.title[0].isupper() or row.title[0].isdigit() or row.title[0] == "`"
    assert not row.title.endswith(".")
    assert row.remedy.rstrip('"').endswith((".", "?"))
    assert row.owner in {"operator", "steward", "finance", "revenue_cycle"}
