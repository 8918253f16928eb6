"""Third-party supply, payment and enrolment sets: what becomes of each, counted, and why.

None raises; what is not accepted is held or rejected with a code that a person can act on. The
corpus stands beside the checkout; without it these tests are skipped. What its guides find is
test_x12_guides_corpus.py's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.specs.riverbend_books import channel

from suture.model.event import decode_fact, encode_fact, fact_type
from suture.model.translation import Closed, Reading, Routed, Translation
from suture.pipeline import read_file
from suture.processes.known import STREAMS

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
KINDS = frozenset({"810", "820", "832", "834", "850", "855", "856", "860"})

pytestmark = pytest.mark.skipif(
    not MANIFEST.exists(), reason="corpus absent: it is not beside this checkout"
)

COUNTS = {
    ("810", "accepted"): 3,
    ("810", "held"): 2,
    ("820", "accepted"): 18,
    ("820", "held"): 3,
    ("832", "accepted"): 1,
    ("832", "held"): 1,
    ("832", "rejected"): 1,
    ("834", "accepted"): 29,
    ("834", "held"): 2,
    ("850", "accepted"): 8,
    ("850", "held"): 1,
    ("850", "rejected"): 2,
    ("855", "accepted"): 21,
    ("856", "accepted"): 6,
    ("856", "rejected"): 1,
    ("860", "accepted"): 1,
}
"""Sets of the corpus by their kind and verdict, each by itself."""

WHY = {
    "simple810.edi": "x12.810.invoice.unbalanced",
    "invoice810_po850_dual.edi": "x12.810.invoice.unbalanced",
    "003010/RA820/pass/1.edi": "x12.element.missing",  # It pays by BPS, which 4010 has no more.
    "summary-bill-payment.edi": "x12.820.transaction.unbalanced",
    "initial-hix-820-optional-outstanding-debt-owed-by-payee.edi": (
        "x12.820.transaction.unbalanced"
    ),
    "SC832/fail/1.edi": "x12.set.segment_count",
    "SC832/fail/2.edi": "x12.segment.missing",
    "in-qualified-health-plan-through-health-insurance-exchange": "x12.element.missing",  # X307.
    "003010/PO850/fail/1.edi": "x12.set.segment_count",
    "850.SyntaxNotes.ERR.edi": "x12.element.condition",
    "po850.txt": "x12.set.segment_count",
    "SH856/fail/2.edi": "x12.segment.control_character",
}
"""Why a set of a file is not accepted: the first fault."""


@cache
def verdicts() -> tuple[tuple[str, Translation], ...]:
    """Return the verdict on each set of these kinds, with the file's path."""
    return tuple(_verdicts())


def _rows() -> Iterator[tuple[str, bytes]]:
    for row in map(json.loads, MANIFEST.read_text("utf-8").splitlines()):
        if row["cat"].startswith("x12") and KINDS & set(row["types"]):
            yield row["path"], (CORPUS / row["path"]).read_bytes()


def _verdicts() -> Iterator[tuple[str, Translation]]:
    for path, raw in _rows():
        for piece in read_file((raw,), channel("remits")):
            if isinstance(piece, Reading) and piece.translation.type in KINDS:
                yield path, piece.translation


def test_so_many_sets_of_each_kind_are_accepted_held_and_rejected() -> None:
    assert Counter((each.type, each.status) for _, each in verdicts()) == COUNTS


def test_what_is_not_accepted_says_why() -> None:
    unexpected = [
        (path, each.faults[0].code)
        for path, each in verdicts()
        if each.faults
        and not any(end in path and code == each.faults[0].code for end, code in WHY.items())
    ]
    assert [] == unexpected


def test_a_set_is_accepted_exactly_where_it_has_no_fault() -> None:
    assert [] == [
        path for path, each in verdicts() if bool(each.faults) == (each.status == "accepted")
    ]


def test_every_fact_has_a_stream_that_is_served_and_comes_back_from_the_log() -> None:
    seen: Counter[str] = Counter()
    for _, raw in _rows():
        for piece in read_file((raw,), channel("remits")):
            if isinstance(piece, Routed) and piece.stream.partition("/")[0] in STREAMS:
                assert decode_fact(encode_fact(piece.fact)) == piece.fact
                assert piece.stream.partition("/")[2].strip(":")
                seen[fact_type(piece.fact)] += 1
    assert {
        "coverage.enrolled",
        "item.recorded",
        "payment.advised",
        "purchase.acknowledged",
        "purchase.changed",
        "purchase.invoiced",
        "purchase.ordered",
        "purchase.shipped",
    } == set(seen)


def test_a_faulty_order_is_answered_by_what_its_sender_understands() -> None:
    """4010 is answered by a 997: AK4 names PO107, whose kind is told without a number (code 2)."""
    raw = next(raw for path, raw in _rows() if path.endswith("850.SyntaxNotes.ERR.edi"))
    (reply,) = (
        each.reply for each in read_file((raw,), channel("remits")) if isinstance(each, Closed)
    )
    segments = reply.decode("latin-1").split("~")
    assert {"AK2*850*000000010", "AK4*7*234*2", "AK5*R*5", "AK9*R*1*1*0"} <= set(segments)
