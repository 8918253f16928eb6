"""Third-party X12 files against the guides: none raises, and what is wrong with each is told.

The corpus stands beside the checkout; without it these tests are skipped. Its manifest says of each
file whether its name calls it invalid and what was measured to be wrong with its envelope: each
such thing must be reported with its own code, or stand below with the reason why it is none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import oxedi
import pytest

from suture.wire.x12 import (
    EnvelopeFault,
    GroupEnd,
    InterchangeEnd,
    InterchangeStart,
    Junk,
    Segment,
    SetEnd,
    SetReply,
    SetStart,
    SetVerdict,
    TransactionSet,
    UnitsEnd,
    acknowledge_group,
    acknowledge_interchange,
    choose,
    read,
    read_units,
    reply,
)

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.jsonl"
MADE_AT = datetime(2026, 11, 3, 8, 0)  # noqa: DTZ001 - an envelope names local time, without a zone

pytestmark = pytest.mark.skipif(
    not MANIFEST.exists(), reason="corpus absent: it is not beside this checkout"
)


def listed() -> list[dict[str, Any]]:
    """Return the manifest's rows about X12 files."""
    if not MANIFEST.exists():
        return []
    rows = map(json.loads, MANIFEST.read_text("utf-8").splitlines())
    return [row for row in rows if row["cat"].startswith("x12")]


FILES = listed()

MEASURED = {
    "SE01 count": "x12.set.segment_count",
    "ST02/SE02 mismatch": "x12.set.control_number",
    "missing SE": "x12.set.truncated",
    "GE01 count": "x12.group.set_count",
    "GS06/GE02 mismatch": "x12.group.control_number",
    "missing GE": "x12.group.truncated",
    "GE without GS": "x12.envelope.stray_segment",
    "IEA01 count": "x12.interchange.group_count",
    "ISA13/IEA02 mismatch": "x12.interchange.control_number",
    "ISA length": "x12.interchange.length",
    "missing IEA": "x12.interchange.truncated",
    "IEA without ISA": "x12.interchange.absent",
    "no ISA": "x12.interchange.absent",
    "leading bytes before ISA": "x12.input.junk",
    "bad segment id": "x12.segment.identifier",
    "unterminated/garbage tail": "x12.segment.truncated",
}
"""The manifest's words for what was measured, and our code for it."""

NOT_WRONG = {
    "EquivalentSegmentTestMessage.001": "1 and 0001 are one number (type N0): GS06 and GE02 agree",
    "EquivalentSegmentTestMessage.002": "1 and 0001 are one number (type N0): GS06 and GE02 agree",
    "EquivalentSegmentTestMessage.003": "1 and 0001 are one number (type N0): GS06 and GE02 agree",
    "MultipleInterchangesAndGroups.edi": "ISA13 and IEA02 differ in leading zeros only (type N0)",
    "WrongGroupsAndTranCount.edi": "ISA13 and IEA02 differ in leading zeros only (type N0)",
    "justTA1TestCase.edi": "IEA01 counts the TA1, as some do where there is no group",
    "x12_interchange_ack.txt": "IEA01 counts the TA1, as some do where there is no group",
    "ts214_ellipses_segterm.edi": "the terminator is an ellipsis, three bytes long: all is read",
    "x12.base.no.line.breaks.odd.char.txt": "the terminator is two bytes long: all is read",
    "x12.no.line.break.no.delim.txt": "ISA16 is a letter: the separators themselves are refused",
    "PR855/fail/2.edi": "ISA16 and the terminator are one character: that is what is refused",
}
"""Measured, and not wrong or wrong in another way; by the end of the file's path."""

NAMED_INVALID = {
    "batch_with_one_bad_transaction.x12": {"x12.element.code"},
    "subscriber-health-benefit-check-error.271": {"x12.set.control_number"},
    "docs/bad-header.edi": {"x12.interchange.length", "x12.set.segment_count"},
    "errors/segment_terminator.edi": {"x12.interchange.truncated"},
    "x12_ambiguous_loop.txt": {"x12.set.segment_count", "x12.837.claim.unbalanced"},
    "x12_bad_first_line.txt": {"x12.interchange.length"},
    "x12_bad_segment_identifier.txt": {"x12.segment.identifier", "x12.segment.missing"},
    "x12_bad_valid_code.txt": {"x12.segment.unexpected", "x12.segment.missing"},
    "x12_loop_errors1_exceeds_max_1_parent.txt": {"x12.loop.too_many"},
    "x12_loop_errors2_exceeds_max_repeats_multiple_parents.txt": {"x12.loop.too_many"},
    "x12_loop_errors3_missing_loops.txt": {"x12.segment.missing"},
    "x12_missing_elements.txt": {"x12.element.missing"},
    "x12_missing_required_loop_in_one_repeat.txt": {"x12.segment.missing"},
    "x12_missing_required_loops_mult_repeats.txt": {"x12.segment.missing"},
    "x12_no_errors.txt": {"x12.set.segment_count"},  # Named for what its own reader looks at.
    "x12_segment_errors.txt": {"x12.segment.too_many", "x12.segment.missing"},
    "x12_segments_out_of_order.txt": {"x12.segment.order"},
    "002001/PO830/fail/1.edi": {"x12.interchange.length"},
    "002001/SH856/fail/1.edi": {"x12.interchange.length", "x12.set.hash_total"},
    "003010/PC860/fail/1.edi": {"x12.interchange.length"},
    "003010/PO850/fail/1.edi": {"x12.set.segment_count", "x12.set.line_count"},
    "003050/PO850/fail/1.edi": {"x12.interchange.wrapped"},
    "004010/PR855/fail/2.edi": {"x12.interchange.separators"},
    "004010/SC832/fail/1.edi": {"x12.interchange.wrapped", "x12.set.line_count"},
    "004010/SC832/fail/2.edi": {"x12.segment.missing", "x12.set.group"},
    "004010/SH856/fail/2.edi": {"x12.segment.control_character", "x12.hierarchy.parent"},
    "004010/SS862/fail/1.edi": {"x12.interchange.wrapped"},
    # An 824 that reports others' errors: nothing is wrong with it, and Suture has no guide for it.
    "complete-transaction-set-reject-reporting.edi": set(),
    "partial-transaction-set-reject-reporting.edi": set(),
    "850.SyntaxNotes.ERR.edi": {"x12.element.condition"},
    "940_Failed_SE01.edi": {"x12.set.segment_count"},
    "x12.missing.ISA.txt": {"x12.interchange.absent"},
    "x12.wrong.GS.txt": {"x12.group.absent", "x12.envelope.stray_segment"},
    "x12/invalid997.edi": {"x12.element.too_long", "x12.element.character"},
    "x12/invalid997_min.edi": {"x12.element.too_long"},
    "214-broken.edi": {"x12.interchange.control_number"},
}
"""What each file that its name calls invalid must at least be reported for."""


def sets_of(data: bytes) -> Iterator[tuple[TransactionSet, list[Segment], SetEnd]]:
    """Yield each transaction set with its segments and its end."""
    transaction_set, segments = None, list[Segment]()
    for item in read([data]):
        match item:
            case SetStart():
                transaction_set, segments = item.transaction_set, []
            case Segment():
                segments.append(item)
            case SetEnd() if transaction_set is not None:
                yield transaction_set, segments, item
            case _:
                pass


def verdict_on(transaction_set: TransactionSet, segments: list[Segment]) -> SetVerdict | None:
    """Return what the guide of a set says of it; None where there is no guide."""
    choice = choose(transaction_set.set_id, transaction_set.version)
    if choice is None:
        return None
    *_, end = read_units(segments, transaction_set, choice)
    assert isinstance(end, UnitsEnd)
    return end.verdict


def codes_of(data: bytes) -> Counter[str]:
    """Return every code that is reported about a file, envelope and content."""
    codes: Counter[str] = Counter()
    for item in read([data]):
        match item:
            case InterchangeStart() | InterchangeEnd() | GroupEnd() | SetEnd():
                codes.update(each.code for each in (*item.faults, *item.notes))
            case Junk() | EnvelopeFault():
                codes[item.fault.code] += 1
            case _:
                pass
    for transaction_set, segments, _ in sets_of(data):
        verdict = verdict_on(transaction_set, segments)
        if verdict is not None:
            codes.update(each.code for each in (*verdict.faults, *verdict.notes))
    return codes


def bytes_of(row: dict[str, Any]) -> bytes:
    """Return the file of a row of the manifest."""
    path: str = row["path"]
    return (CORPUS / path).read_bytes()


def reason_of(row: dict[str, Any]) -> str:
    """Return why what was measured in a file is not wrong; "" where it is."""
    return next((why for end, why in NOT_WRONG.items() if row["path"].endswith(end)), "")


def name_of(row: dict[str, Any]) -> str:
    """Name a test by the end of the file's path."""
    return "/".join(row["path"].split("/")[-3:])


def test_the_manifest_is_whole() -> None:
    assert (323, 36) == (len(FILES), sum(row["named_invalid"] for row in FILES))


@pytest.mark.parametrize("row", FILES, ids=name_of)
def test_each_file_is_read_by_its_guides_and_answered(row: dict[str, Any]) -> None:
    """Whatever the file holds, its verdicts and replies come, and the replies can be read."""
    data = bytes_of(row)
    verdicts = [verdict_on(transaction_set, found) for transaction_set, found, _ in sets_of(data)]
    ends = [end for _, _, end in sets_of(data)]
    replies: list[SetReply] = [reply(*each) for each in zip(ends, verdicts, strict=True)]
    for item in read([data]):
        if isinstance(item, GroupEnd | InterchangeEnd):
            try:
                answer = (
                    acknowledge_group(item, replies, control_number=1, made_at=MADE_AT)
                    if isinstance(item, GroupEnd)
                    else acknowledge_interchange(item, control_number=1, made_at=MADE_AT)
                )
            except ValueError:
                continue  # An id in the envelope cannot be written: there is nobody to answer.
            assert (
                []
                == [
                    each
                    for read_back in read([answer])
                    for each in getattr(read_back, "faults", ())
                ]
                or not answer
            )


@pytest.mark.parametrize("row", [row for row in FILES if row["problems"]], ids=name_of)
def test_each_measured_problem_is_reported_with_its_code(row: dict[str, Any]) -> None:
    expected = {
        code
        for problem in row["problems"]
        for words, code in MEASURED.items()
        if problem.startswith(words)
    }
    reported = expected <= set(codes_of(bytes_of(row)))
    assert reported != bool(reason_of(row)), reason_of(row)


@pytest.mark.parametrize("row", [row for row in FILES if row["named_invalid"]], ids=name_of)
def test_each_file_that_its_name_calls_invalid_is_reported(row: dict[str, Any]) -> None:
    codes = next(codes for end, codes in NAMED_INVALID.items() if row["path"].endswith(end))
    assert codes <= set(codes_of(bytes_of(row)))


def test_one_bad_inquiry_does_not_fail_its_neighbours() -> None:
    row = next(row for row in FILES if row["path"].endswith("batch_with_one_bad_transaction.x12"))
    verdicts = [verdict_on(found, segments) for found, segments, _ in sets_of(bytes_of(row))]
    assert [0, 1, 0] == [len(each.faults) + len(each.notes) for each in verdicts if each]


EXACT_AND_CLEAN = {
    "270_005010X279A1": 9,
    "271_005010X279A1": 5,
    "276_005010X212": 10,
    "277CA_005010X214": 2,
    "277_005010X212": 8,
    "278_005010X217": 10,
    "810_004010": 2,
    "820_004010": 15,
    "820_005010X218": 3,
    "834_005010X220A1": 29,
    "835_005010X221A1": 5,
    "837D_005010X224A2": 9,
    "837I_005010X223A2": 7,
    "837P_005010X222A1": 18,
    "850_004010": 4,
    "855_004010": 16,
    "856_004010": 4,
    "997_004010": 7,
    "999_005010X231A1": 8,
}
"""Sets of the corpus in a guide's own version, and not one finding."""


def test_examples_of_the_guides_are_without_findings() -> None:
    """A guide stricter than the published one would find something in published examples."""
    clean: Counter[str] = Counter()
    for row in FILES:
        for transaction_set, segments, _ in sets_of(bytes_of(row)):
            verdict = verdict_on(transaction_set, segments)
            if verdict and not (verdict.faults or verdict.notes or verdict.is_assumed):
                clean[verdict.guide] += 1
    assert EXACT_AND_CLEAN == clean


MISSED = ("RequiredOccurrenceMissing", "RequiredLoopMissing", "ImplicitLoop")
"""What the package `oxedi` calls a segment that is not there."""

MISSED_OTHERWISE = {
    "_4010/Example1_GripElements.txt": "it reads 4010 by a specification of 4010",
    "HP835 Health Care Claim Payment Advice/case/1.edi": "it reads 4010 by a specification of 4010",
}
"""Remittances of which the two miss other segments: why."""


@pytest.mark.parametrize(
    "row", [row for row in FILES if list(row["types"]) == ["835"]], ids=name_of
)
def test_each_remittance_misses_what_an_independent_judge_misses(row: dict[str, Any]) -> None:
    data = bytes_of(row)
    data = data[data.index(b"ISA") :]
    judged = Counter(each.kind for each in oxedi.parse(data).diagnostics)
    missed = sum(judged[code] for code in MISSED)
    differs = missed != codes_of(data)["x12.segment.missing"]
    assert differs == any(row["path"].endswith(end) for end in MISSED_OTHERWISE)
