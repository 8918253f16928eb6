"""Third-party questions to payers and their answers translated (270, 271, 278): none surprises.

Skipped where the corpus is absent. What their guides find is tested in test_x12_guides_corpus.py.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from suture.model.event import decode_fact, encode_fact
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Piece, Reading, Routed
from suture.pipeline import read_file

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
CHANNEL = Channel(
    source="corpus",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=Tokenizer(b"a key for tests, of 32 bytes...."),
    authority="corpus",
)
SETS = re.compile(rb"ST[^A-Za-z0-9]27[018][^A-Za-z0-9]")
ACCEPTED = {"270": 10, "271": 161, "278": 9}
NOT_ACCEPTED = {
    ("270", "rejected", "x12.set.segment_count"): 1,
    ("271", "rejected", "x12.set.control_number"): 1,
    ("271", "rejected", "x12.set.segment_count"): 1,
    ("278", "rejected", "x12.set.segment_count"): 2,
    ("278", "held", "x12.hierarchy.parent"): 1,
}
"""The first fault of each: counts and numbers that their trailers state wrongly, and services that
name each other, not their event, as the level above."""
NAMES = re.compile(rb"NM1.(?:IL|03|QC).1.([A-Z]{5,}).([A-Z]{5,})")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here")


@pytest.fixture(scope="module")
def files() -> dict[Path, list[Piece]]:
    """Return what each file of the three kinds says."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and SETS.search(data := path.read_bytes()):
            found[path] = list(read_file((data,), CHANNEL))
    return found


def test_each_set_is_accepted_or_held_with_its_reason(files: dict[Path, list[Piece]]) -> None:
    accepted: Counter[str] = Counter()
    others: Counter[tuple[str, str, str]] = Counter()
    for pieces in files.values():
        for piece in pieces:
            if isinstance(piece, Reading) and piece.translation.type in ACCEPTED:
                told = piece.translation
                if told.status == "accepted":
                    accepted[told.type] += 1
                else:
                    others[told.type, told.status, told.faults[0].code] += 1
    assert (ACCEPTED, NOT_ACCEPTED) == (accepted, others)


def test_each_fact_survives_the_log(files: dict[Path, list[Piece]]) -> None:
    facts = [each.fact for pieces in files.values() for each in pieces if isinstance(each, Routed)]
    assert facts == [decode_fact(encode_fact(each)) for each in facts]


def test_no_name_of_a_person_is_in_a_fact(files: dict[Path, list[Piece]]) -> None:
    for path, pieces in files.items():
        names = {name.decode() for pair in NAMES.findall(path.read_bytes()) for name in pair}
        facts = str([each.fact for each in pieces if isinstance(each, Routed)])
        assert set() == {name for name in names if name in facts}


def test_answers_of_the_guides_examples_meet_their_requests(files: dict[Path, list[Piece]]) -> None:
    streams: dict[str, set[str]] = {}
    for pieces in files.values():
        for each in pieces:
            if isinstance(each, Routed):
                streams.setdefault(each.stream, set()).add(type(each.fact).__name__)
    met = Counter(name.partition("/")[0] for name, kinds in streams.items() if len(kinds) > 1)
    assert {"authorization": 4, "inquiry": 5} == met
