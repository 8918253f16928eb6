"""Third-party FHIR files through the whole chain, as `suture trace` takes them.

None may crash it, every message gets a verdict with a named reason, and what fits is accepted. The
corpus stands beside the checkout; without it these tests are skipped.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from suture.cli.estates import sample_estate_folder
from suture.cli.trace_file import Readers
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.memory import Judged, Rehearsal, Told
from suture.model.fault import catalogue

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "fhir"
FILES = sorted(path for path in CORPUS.glob("**/*") if path.is_file())

pytestmark = pytest.mark.skipif(not FILES, reason="corpus absent: it is not beside this checkout")


@pytest.fixture(scope="module")
def outcomes() -> dict[Path, list[Judged | Told]]:
    """Return what every FHIR file of the corpus comes to, with nothing that hides an error."""
    estate = load(read_folder(sample_estate_folder()), CONNECTORS)
    assert isinstance(estate, Estate)
    readers = Readers(estate, b"an index key of the tests, 32 bytes")
    found = {}
    for path in FILES:
        rehearsal = Rehearsal(estate.books, readers.channel)
        rehearsal.judge([path.read_bytes()])
        found[path] = list(rehearsal.tell([path.read_bytes()]))
    return found


def test_every_file_comes_to_messages_each_with_a_verdict_and_a_named_reason(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    for path, items in outcomes.items():
        judged = [item.translation for item in items if isinstance(item, Judged)]
        assert judged, path.name
        for translation in judged:
            assert (translation.status == "accepted") is not bool(translation.faults), path.name
            assert all(each.code in catalogue() for each in translation.faults), path.name
        failed = [
            opened.fault.code
            for item in items
            if isinstance(item, Told)
            for opened in item.opened
            if opened.fault.code.startswith("engine.")
        ]
        assert [] == failed, path.name


def test_most_of_what_is_read_is_accepted(outcomes: dict[Path, list[Judged | Told]]) -> None:
    counted: Counter[tuple[str, str]] = Counter(
        (item.translation.type, item.translation.status)
        for items in outcomes.values()
        for item in items
        if isinstance(item, Judged)
    )
    assert (1_552, 0) == (counted["Location", "accepted"], counted["Location", "held"])
    assert (16, 1) == (counted["ChargeItem", "accepted"], counted["ChargeItem", "held"])
    assert 21 == counted["unreadable", "rejected"]
