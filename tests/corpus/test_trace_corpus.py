"""Third-party HL7 v2 and X12 files through the whole chain, as `suture trace` takes them.

None may crash it; every message gets a verdict with a named reason; every 835 that adds up books
its payment to the cent. The files lie outside the checkout; where they are absent these tests are
skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from suture.cli.estates import sample_estate_folder
from suture.cli.trace_file import EntryLines, Readers, reports
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.ledger.entry import Entry
from suture.memory import Judged, Rehearsal, Told
from suture.model.fault import catalogue
from suture.model.identity import message_of
from suture.wire.x12.balance import Balance
from suture.wire.x12.reader import Reader
from suture.wire.x12.remittance import RemittanceEnd, read_remittances

_FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
_KINDS = ("hl7v2", "x12_health", "x12_other", "x12_supply")
_CASH = "1020"
_CLEARING = "1025"
_DIFFERENCE = re.compile(r"[0-9,]+\.[0-9]{2} (more|less) than")

pytestmark = pytest.mark.skipif(not _FOLDER.is_dir(), reason="corpus absent")


@pytest.fixture(scope="module")
def readers() -> Readers:
    """Return the sample estate, ready to read files by."""
    estate = load(read_folder(sample_estate_folder()), CONNECTORS)
    assert isinstance(estate, Estate)
    return Readers(estate, b"an index key of the tests, 32 bytes")


def _files() -> list[Path]:
    return sorted(path for kind in _KINDS for path in (_FOLDER / kind).rglob("*") if path.is_file())


def _read(path: Path, readers: Readers) -> list[Judged | Told]:
    """Read a file with nothing that would hide an error of ours."""
    data = path.read_bytes()
    rehearsal = Rehearsal(readers.estate.books, readers.channel)
    rehearsal.judge([data])
    return list(rehearsal.tell([data]))


@pytest.fixture(scope="module")
def outcomes(readers: Readers) -> dict[Path, list[Judged | Told]]:
    """Return what every file of the corpus comes to."""
    return {path: _read(path, readers) for path in _files()}


def _remittances(
    outcomes: dict[Path, list[Judged | Told]],
) -> Iterator[tuple[str, Judged, Balance, list[Entry]]]:
    """Yield every 835: where it is, its verdict, what it adds up to by its wire, its entries."""
    for path, items in outcomes.items():
        judged = [
            item for item in items if isinstance(item, Judged) and item.translation.type == "835"
        ]
        if not judged:
            continue
        reader = Reader()
        ends = read_remittances([*reader.feed(path.read_bytes()), *reader.close()])
        balances = [end.balance for end in ends if isinstance(end, RemittanceEnd)]
        entries = [entry for item in items if isinstance(item, Told) for entry in item.entries]
        for each, balance in zip(judged, balances, strict=True):
            own = [entry for entry in entries if message_of(entry.event_id) == each.id]
            yield f"{path.name} {each.translation.control_id}", each, balance, own


def _sum(entries: list[Entry], account: str) -> int:
    return sum(
        line.debit_minor - line.credit_minor
        for entry in entries
        for line in entry.lines
        if line.account == account
    )


def test_every_file_comes_to_at_least_one_message(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    assert len(outcomes) > 500
    silent = [
        path.name
        for path, items in outcomes.items()
        if not any(isinstance(item, Judged) for item in items)
    ]
    assert [] == silent


def test_every_message_has_a_verdict_and_every_other_one_than_accepted_a_named_reason(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    codes = catalogue()
    for path, items in outcomes.items():
        for item in items:
            if not isinstance(item, Judged):
                continue
            translation = item.translation
            assert translation.status in {"accepted", "held", "rejected"}, path.name
            is_accepted = translation.status == "accepted"
            assert is_accepted is not bool(translation.faults), (path.name, item.ordinal)
            assert all(each.code in codes for each in translation.faults), path.name


def test_no_event_of_the_corpus_fails_inside_suture(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    failed = [
        f"{path.name} {opened.fault.code} {opened.fault.explanation}"
        for path, items in outcomes.items()
        for item in items
        if isinstance(item, Told)
        for opened in item.opened
        if opened.fault.code.startswith("engine.")
    ]
    assert [] == failed


def test_b28_a_remittance_that_adds_up_books_its_payment_to_the_cent(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    balanced = [each for each in _remittances(outcomes) if each[2].is_balanced]
    assert len(balanced) > 10
    for where, judged, balance, entries in balanced:
        assert "accepted" == judged.translation.status, where
        assert entries, where
        assert balance.paid_minor == _sum(entries, _CASH), where
        assert 0 == _sum(entries, _CLEARING), where


def test_b28_a_remittance_that_does_not_add_up_books_nothing_and_tells_the_difference(
    outcomes: dict[Path, list[Judged | Told]],
) -> None:
    unbalanced = [each for each in _remittances(outcomes) if not each[2].is_balanced]
    assert len(unbalanced) > 5
    for where, judged, balance, entries in unbalanced:
        faults = judged.translation.faults
        is_torn = any(each.code.startswith("x12.set.") for each in faults)
        assert ("rejected" if is_torn else "held") == judged.translation.status, where
        assert [] == entries, where
        if balance.is_complete:
            assert any(_DIFFERENCE.search(each.explanation) for each in faults), where


def test_scripts_get_a_report_of_every_message_with_entries_that_balance(
    readers: Readers, outcomes: dict[Path, list[Judged | Told]]
) -> None:
    for path, items in outcomes.items():
        told = reports(path, readers)
        judged = [item for item in items if isinstance(item, Judged)]
        assert [each.translation.status for each in judged] == [each.status for each in told]
        for each, report in zip(judged, told, strict=True):
            assert each.events_count <= len(report.events), path.name
        for raw in (raw for report in told for raw in report.entries):
            lines = msgspec.json.decode(raw, type=EntryLines).lines
            assert lines, path.name
            assert 0 == sum(line.debit_minor - line.credit_minor for line in lines), path.name
