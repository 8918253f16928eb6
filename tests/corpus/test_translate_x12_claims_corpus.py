"""Third-party claims and answers, translated: each set is accepted, or held with what is wrong.

The corpus stands beside the checkout; without it these tests are skipped. What the guide finds in
each file is tests/corpus/test_x12_guides_corpus.py, and where pyx12 differs, one by one,
test_x12_pyx12_corpus.py; here is what becomes of the sets, counted, and why those are held that are
not damaged on purpose.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.unit.translate.x12_files import Told, read_text

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
TYPES = ("276", "277", "837", "997", "999", "TA1")

pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason="the corpus is not beside this checkout"
)


def files() -> list[Path]:
    """Return every X12 file of the corpus."""
    return sorted(each for each in CORPUS.glob("x12*/**/*") if each.is_file())


@pytest.fixture(scope="module")
def told() -> list[tuple[Path, Told]]:
    """Return what each file means."""
    return [(path, read_text(path.read_bytes())) for path in files()]


def test_every_set_is_accepted_or_held_and_counted(told: list[tuple[Path, Told]]) -> None:
    counts = Counter(
        (kind, status) for _, each in told for kind, status, _ in each.statuses if kind in TYPES
    )
    assert {
        ("276", "accepted"): 10,
        ("277", "accepted"): 13,
        ("837", "accepted"): 45,
        ("837", "held"): 25,
        ("837", "rejected"): 346,
        ("997", "accepted"): 10,
        ("997", "held"): 1,
        ("999", "accepted"): 8,
        ("TA1", "accepted"): 3,
    } == counts


HELD = {
    "predeterminations and reports: nobody is asked to pay": {"x12.837.purpose.unsupported"},
    "a report with a claim that has no charge": {
        "x12.837.purpose.unsupported",
        "x12.element.missing",
    },
    "CLM05 and SV101 are cut by `>`, and ISA16 says `:`": {
        "x12.element.code",
        "x12.element.missing",
        "x12.segment.missing",
    },
    "the same, institutional": {"x12.element.missing", "x12.segment.missing"},
    "a statement period (RD8) of one day": {"x12.element.date"},
    "another payer who is not named (2330B)": {"x12.segment.missing"},
}
"""Why sets are held, by what is found in them."""


def test_each_set_that_is_held_is_held_for_a_known_reason(told: list[tuple[Path, Told]]) -> None:
    found = {
        frozenset(codes)
        for _, each in told
        for kind, status, codes in each.statuses
        if kind == "837" and status == "held"
    }
    assert {frozenset(codes) for codes in HELD.values()} == found


def test_a_set_is_rejected_only_for_its_envelope(told: list[tuple[Path, Told]]) -> None:
    """Most of them are one library's own: SE01 counts wrong in every file of it."""
    for path, each in told:
        for kind, status, codes in each.statuses:
            if kind in TYPES and status == "rejected":
                assert any(code.startswith("x12.set.") for code in codes), path.name


def test_every_claim_of_an_accepted_set_is_told_once(told: list[tuple[Path, Told]]) -> None:
    """By an independent count of CLM in the bytes, where all sets of a file were accepted."""
    checked = 0
    for path, each in told:
        kinds = {(kind, status) for kind, status, _ in each.statuses}
        if kinds == {("837", "accepted")}:
            data = path.read_bytes()
            element = data[data.index(b"ISA") + 3 : data.index(b"ISA") + 4]
            claims_count = sum(data.count(end + b"CLM" + element) for end in (b"~", b"\n", b"\r"))
            facts_count = len(each.facts)
            assert claims_count == facts_count, path.name
            checked += 1
    assert checked > 40


def test_no_name_and_no_number_of_a_person_stands_in_a_fact(told: list[tuple[Path, Told]]) -> None:
    for path, each in told:
        shown = repr(each.facts)
        for value in each.vault.values():
            # A short number may be a part of something else: an amount, a date.
            if len(value) > 6 and not value.startswith("{"):
                assert f"'{value}'" not in shown, path.name
